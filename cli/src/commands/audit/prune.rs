//! `wardline audit prune`: retention. That it is done is recorded before it is done.

use wardline::audit::{Kind, prune_as};

use super::{folder, reading};
use crate::args::time;
use crate::state::State;
use crate::{Outcome, Streams};

pub(crate) fn run(
    state: &State,
    before: &str,
    by: &str,
    reason: &str,
    json: bool,
    streams: &mut Streams<'_>,
) -> Outcome {
    let before = time("before", before)?;
    let reason = reading::reason(reason)?;
    reading::record(state, Kind::Log, "pruned", by, &format!("before {before}: {reason}"))?;
    let pruned = prune_as(&folder(state)?, before, state.policy()?.signer()?.as_ref())?;
    for log in &pruned {
        if json {
            streams.json(log)?;
        } else {
            let line = format!(
                "{}  the first {} entries are gone, {} bytes freed",
                log.slot, log.entries, log.bytes
            );
            streams.say(line)?;
        }
    }
    if pruned.is_empty() && !json {
        streams.say("nothing to prune: no segment is older throughout")?;
    }
    Ok(0)
}
