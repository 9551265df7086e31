//! Witnesses: outsiders who remember how far a log was and sign that it only went on (C2SP tlog-witness, tlog-cosignature).
//!
//! Whoever holds disk, key and store of a log can roll all of it back; a checkpoint that a witness cosigned shows it, for
//! the witness cosigns nothing that does not continue what it cosigned before. Nothing here opens a connection.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::log::{at, put};
use super::note::Checkpoint;
use super::prove::prove_continuation;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::keys::{PublicKey, hex};

/// A proof has no more hashes than this.
const MOST_HASHES: usize = 63;

/// What is posted to `add-checkpoint` of a witness that cosigned the log of a slot when it had `old` entries: 0 where it never did.
///
/// # Errors
/// Where the log is shorter than that, or its tiles do not hold what is needed.
pub fn submission(state: &Path, slot: &str, old: u64) -> Result<String, Error> {
    let continuation = prove_continuation(state, slot, old)?;
    if continuation.path.len() > MOST_HASHES {
        return Err(Error::new(ErrorKind::Log, "the proof has more hashes than a witness takes"));
    }
    let mut text = format!("old {old}\n");
    for hash in &continuation.path {
        text.push_str(&BASE64.encode(hash));
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&continuation.note);
    Ok(text)
}

/// The checkpoint of `submitted` with the cosignature of `witness` that `answer` holds; lines of others are left out.
///
/// # Errors
/// Where none of them is the witness's, over this checkpoint and of a time before `now`.
pub fn cosigned(submitted: &str, answer: &str, witness: &PublicKey, now: Timestamp) -> Result<String, Error> {
    let (_, note) = submitted.split_once("\n\n").ok_or_else(not_cosigned)?;
    let line = answer.lines().find(|line| time_of(note, line, witness).is_some_and(|at| at <= now));
    let line = line.ok_or_else(not_cosigned)?;
    Ok(format!("{note}{line}\n"))
}

/// When `witness` cosigned a checkpoint, in a note that has its line.
///
/// # Errors
/// Where it did not.
pub fn cosigned_at(note: &str, witness: &PublicKey) -> Result<Timestamp, Error> {
    let (_, signatures) = note.split_once("\n\n").ok_or_else(not_cosigned)?;
    signatures.lines().find_map(|line| time_of(note, line, witness)).ok_or_else(not_cosigned)
}

fn not_cosigned() -> Error {
    Error::new(ErrorKind::Log, "the checkpoint is not cosigned by the witness")
}

/// The time of a line of signature, where it is the witness's over the text of `note`.
fn time_of(note: &str, line: &str, witness: &PublicKey) -> Option<Timestamp> {
    let (text, _) = note.split_once("\n\n")?;
    let (name, code) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let bytes = BASE64.decode(code).ok()?;
    let (id, rest) = bytes.split_first_chunk::<4>()?;
    let (time, signature) = rest.split_first_chunk::<8>()?;
    let seconds = u64::from_be_bytes(*time);
    let message = format!("cosignature/v1\ntime {seconds}\n{text}\n");
    let is_its = name == witness.name() && *id == witness.id();
    (is_its && witness.verifies(message.as_bytes(), signature))
        .then(|| i64::try_from(seconds).ok()?.checked_mul(1_000).map(Timestamp::from_millis))?
}

/// Keeps what a witness cosigned beside its log, in the place of what it cosigned before.
///
/// # Errors
/// Where the folder cannot be written.
pub fn keep_cosigned(state: &Path, slot: &str, witness: &PublicKey, note: &str) -> Result<(), Error> {
    let folder = state.join("log").join(slot);
    let write = || {
        let witnesses = folder.join("witness");
        fs::create_dir_all(&witnesses)?;
        put(&witnesses, &hex(&witness.id()), note.as_bytes())
    };
    write().map_err(|e| at(&folder, "cannot keep a cosigned checkpoint", e))
}

/// How far a witness is known to have cosigned the log of a slot.
pub fn cosigned_size(state: &Path, slot: &str, witness: &PublicKey) -> u64 {
    let path = state.join("log").join(slot).join("witness").join(hex(&witness.id()));
    let note = fs::read_to_string(path).ok();
    let sound = note.filter(|note| cosigned_at(note, witness).is_ok());
    sound.and_then(|note| Checkpoint::read(&note).ok()).map_or(0, |checkpoint| checkpoint.size)
}
