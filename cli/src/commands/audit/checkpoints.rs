//! `wardline audit checkpoint|cosign` and `verify --since`: how far the logs were, remembered by somebody else.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use wardline::audit::{Checkpoint, Kept, PublicKey, log_keys, witness};

use super::folder;
use super::place::Place;
use crate::args;
#[cfg(feature = "notify")]
use crate::state::State;
use crate::{Failure, NO, Outcome, Streams};

/// The newest checkpoints, as they are signed; each a file besides, where that is asked for.
pub(crate) fn newest(args: &args::Checkpoint, json: bool, streams: &mut Streams<'_>) -> Outcome {
    let place = args.to.as_deref().map(|to| Place::of(to, &args.access)).transpose()?;
    let folder = folder(&args.state)?;
    let mut code = NO;
    let wanted = |slot: &str| args.log.as_deref().is_none_or(|log| log == slot);
    for (slot, _) in log_keys(&folder)?.into_iter().filter(|(slot, _)| wanted(slot)) {
        let Ok(note) = fs::read_to_string(folder.join("log").join(&slot).join("checkpoint")) else {
            continue;
        };
        if let Some(place) = &place {
            // Of another size it is another file: what was kept before stays.
            let Checkpoint { origin, size, .. } = Checkpoint::read(&note)?;
            place.put(&format!("{}-{size:012}.checkpoint", origin.replace('/', "-")), note.as_bytes())?;
        }
        if json {
            streams.json(&json!({ "slot": slot, "checkpoint": note }))?;
        } else {
            streams.say(note.trim_end())?;
        }
        code = 0;
    }
    if code == NO {
        writeln!(streams.err, "wardline: no such log has a checkpoint in {}", folder.join("log").display())?;
    }
    Ok(code)
}

/// What stands in files that somebody kept, for `verify`.
pub(crate) fn kept(folder: &Path, files: &[PathBuf], witness: Option<&str>) -> Result<Vec<Kept>, Failure> {
    let witness = witness.map(PublicKey::read_cosigner).transpose()?;
    files.iter().map(|file| kept_in(folder, file, witness.as_ref())).collect()
}

fn kept_in(folder: &Path, file: &Path, cosigner: Option<&PublicKey>) -> Result<Kept, Failure> {
    let wrong = |what: &str| Failure::Usage(format!("{}: {what}", file.display()));
    let note = fs::read_to_string(file).map_err(|e| wrong(&format!("cannot be read: {}", e.kind())))?;
    let checkpoint = Checkpoint::read(&note).map_err(|_| wrong("expected a signed checkpoint"))?;
    if let Some(cosigner) = cosigner {
        witness::cosigned_at(&note, cosigner)
            .map_err(|_| wrong("the witness did not cosign this checkpoint"))?;
    }
    // Logs are called wardline/SLOT/TAG.
    let slot = checkpoint
        .origin
        .split('/')
        .nth(1)
        .ok_or_else(|| wrong("expected the checkpoint of a log of wardline"))?;
    // The log's own key judges it: a log with another key is another log.
    let key = fs::read_to_string(folder.join("log").join(slot).join("key.pub")).unwrap_or_default();
    Ok(Kept { slot: slot.to_owned(), key, note })
}

/// Has a witness cosign each log, and keeps what it signed beside the log.
#[cfg(feature = "notify")]
pub(crate) fn cosign(state: &State, url: &str, key: &str, streams: &mut Streams<'_>) -> Outcome {
    let witness = PublicKey::read_cosigner(key)?;
    let folder = folder(state)?;
    let mut code = 0;
    for (slot, _) in log_keys(&folder)? {
        match wardline::guard::cosign(&folder, &slot, url, &witness) {
            Ok(checkpoint) => {
                streams.say(format!("{slot}  {} entries cosigned by {}", checkpoint.size, witness.name()))?;
            }
            Err(error) => {
                writeln!(streams.err, "wardline: {slot}: {error}")?;
                code = NO;
            }
        }
    }
    Ok(code)
}
