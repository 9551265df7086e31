//! That somebody reads the log is recorded in it.
//!
//! Whoever has the files can read them without this command, so it tells honest readers apart and stops nobody: where it cannot be
//! recorded (a copy that cannot be written), that is said and reading goes on. In the console nobody reads unrecorded.

use wardline::audit::{Journal, Keeper, Kind, Log, NoKeeper, Record};
use wardline::clock::{Clock, SystemClock};
use wardline::guard::keeper;

use super::folder;
use crate::args::Reader;
use crate::{Failure, Streams};

/// Notes what is read: `step` is what is done, `asked` what is looked for.
pub(crate) fn note(
    reader: &Reader,
    step: &str,
    asked: &str,
    streams: &mut Streams<'_>,
) -> Result<(), Failure> {
    let state = folder(&reader.state)?;
    if !state.join("log").is_dir() {
        return Ok(());
    }
    let record = Record::step(Kind::Read, SystemClock.now(), step, &reader.by, Some(asked));
    if let Err(failure) = noted(reader, record) {
        writeln!(streams.err, "wardline: this reading is not recorded:")?;
        streams.fail(&failure);
    }
    Ok(())
}

fn noted(reader: &Reader, mut record: Record) -> Result<(), Failure> {
    let policy = reader.state.policy()?;
    record.policy = Some(wardline::keys::hex(policy.digest()).into());
    let keeper: Box<dyn Keeper> = match keeper(&policy)? {
        Some(keeper) => Box::new(keeper),
        None => Box::new(NoKeeper),
    };
    let mut log = Log::open(&folder(&reader.state)?, keeper)?;
    log.append(&[record])?;
    Ok(log.checkpoint()?)
}
