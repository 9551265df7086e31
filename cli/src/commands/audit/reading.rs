//! That somebody reads the log is recorded in it.
//!
//! Whoever has the files can read them without this command, so it tells honest readers apart and stops nobody: where it cannot be
//! recorded (a copy that cannot be written), that is said and reading goes on. In the console nobody reads unrecorded.

use wardline::audit::{Journal, Keeper, Kind, Log, NoKeeper, Record};
use wardline::clock::{Clock, SystemClock};
use wardline::guard::keeper;
use wardline::keys::hex;

use super::folder;
use crate::args::Reader;
use crate::state::State;
use crate::{Failure, Streams};

/// Notes what is read: `step` is what is done, `asked` what is looked for.
pub(crate) fn note(
    reader: &Reader,
    step: &str,
    asked: &str,
    streams: &mut Streams<'_>,
) -> Result<(), Failure> {
    if !folder(&reader.state)?.join("log").is_dir() {
        return Ok(());
    }
    if let Err(failure) = record(&reader.state, Kind::Read, step, &reader.by, asked) {
        writeln!(streams.err, "wardline: this reading is not recorded:")?;
        streams.fail(&failure);
    }
    Ok(())
}

/// Why something is done that cannot be undone, as it was typed: those who read the log later are to know it.
pub(crate) fn reason(text: &str) -> Result<&str, Failure> {
    let text = text.trim();
    if text.is_empty() { Err(Failure::Usage("--reason: expected a sentence".to_owned())) } else { Ok(text) }
}

/// Writes a step of somebody into a log of its own writer, durably.
pub(crate) fn record(state: &State, kind: Kind, step: &str, by: &str, reason: &str) -> Result<(), Failure> {
    let policy = state.policy()?;
    let mut record = Record::step(kind, SystemClock.now(), step, by, Some(reason));
    record.policy = Some(hex(policy.digest()).into());
    let keeper: Box<dyn Keeper> = match keeper(&policy)? {
        Some(keeper) => Box::new(keeper),
        None => Box::new(NoKeeper),
    };
    let mut log = Log::open_with(&folder(state)?, keeper, policy.log_settings()?)?;
    log.append(&[record])?;
    Ok(log.checkpoint()?)
}
