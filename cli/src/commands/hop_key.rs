//! `wardline hop-key`: what the policies of other services have to say so that they take the seals of this one.

use serde_json::json;

use crate::state::State;
use crate::{Outcome, Streams};

pub(crate) fn run(state: &State, json: bool, streams: &mut Streams<'_>) -> Outcome {
    let key = state.guard()?.hop_key()?;
    if json {
        streams.json(&json!({ "name": key.name(), "key": key.to_string() }))?;
    } else {
        streams.say(key.to_string())?;
    }
    Ok(0)
}
