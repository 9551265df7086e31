//! `wardline audit erase`: what was kept of a caller's bodies is made unreadable for good. That it is done is recorded before it is done.

use serde_json::json;
use wardline::audit::Kind;
use wardline::keys::Subjects;

use super::{folder, reading};
use crate::state::State;
use crate::words::plain;
use crate::{Outcome, Streams};

pub(crate) fn run(
    state: &State,
    subject: &str,
    by: &str,
    reason: &str,
    json: bool,
    streams: &mut Streams<'_>,
) -> Outcome {
    let reason = reading::reason(reason)?;
    let subjects = Subjects::of(&folder(state)?);
    // Where there is no key it is told that it was asked for, and not that something is gone.
    let step = if matches!(subjects.known(subject), Ok(None)) { "nothing_erased" } else { "erased" };
    reading::record(state, Kind::Log, step, by, &format!("bodies of {subject}: {reason}"))?;
    let destroyed = subjects.destroy(subject)?;
    if json {
        streams.json(&json!({ "subject": subject, "destroyed": destroyed }))?;
    } else if destroyed {
        streams.say(format!(
            "the key of {} is destroyed: no body that was kept under it can be read",
            plain(subject)
        ))?;
    } else {
        streams.say(format!("no body of {} is kept", plain(subject)))?;
    }
    Ok(0)
}
