//! Retention: entries that are old enough are removed, and their hashes stay.
//!
//! Whole segments go, from the oldest on; never the one that is written. The tiles still hold a hash of every entry, so the root of the log
//! is what it was, every proof that was handed out holds, and what is left is verified as before. How far a log was pruned stands in
//! `pruned`, a checkpoint in the name `LOG/pruned` that the log's key signs: segments that are gone without it are a fault.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::log::LogKey;
use super::log::segment::{self, Step};
use super::merkle::{Hash, Nodes, Tree};
use super::note::Checkpoint;
use super::read::slots;
use super::record::Record;
use super::tile::Tiles;
use super::{list, log};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::keys::{PublicKey, Signer};

/// The file that says how far a log was pruned.
const NOTE: &str = "pruned";

/// What was removed of one log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// The slot of the log.
    pub slot: String,
    /// How many entries are gone, from the first, those that were removed earlier among them.
    pub entries: u64,
    /// How many bytes were freed now.
    pub bytes: u64,
}

/// Removes what is older than `before` of each log of a state folder: entries of exchanges that had ended by then, and steps taken. Logs may
/// be written meanwhile.
///
/// # Errors
/// Where a log cannot be read or signed, or was altered. Logs before it are pruned.
pub fn prune(state: &Path, before: Timestamp) -> Result<Vec<Pruned>, Error> {
    prune_as(state, before, None)
}

/// The same of logs that are signed by what is given, where something is.
///
/// # Errors
/// As [`prune`].
pub fn prune_as(
    state: &Path,
    before: Timestamp,
    signer: Option<&Arc<dyn Signer>>,
) -> Result<Vec<Pruned>, Error> {
    let mut pruned = Vec::new();
    for slot in slots(state)? {
        let folder = state.join("log").join(&slot);
        if folder.join("seg").exists()
            && let Some((entries, bytes)) = one(&folder, &slot, before, signer)?
        {
            pruned.push(Pruned { slot, entries, bytes });
        }
    }
    Ok(pruned)
}

/// How far a log was pruned, by what its key signed; `None` where it never was.
pub(super) fn extent(folder: &Path, key: &PublicKey) -> Result<Option<Checkpoint>, Error> {
    match fs::read_to_string(folder.join(NOTE)) {
        Ok(note) => Checkpoint::open_as(&note, key, &name(key.name())).map(Some),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(log::at(folder, "cannot be read", e)),
    }
}

/// The hashes of the first `size` entries, whose bytes may be gone.
pub(super) fn hashes(folder: &Path, signed: u64, size: u64) -> impl Iterator<Item = Result<Hash, Error>> {
    let tiles = Tiles { folder: folder.to_owned(), size: signed };
    (0..size).map(move |index| tiles.node(0, index))
}

fn name(origin: &str) -> String {
    format!("{origin}/{NOTE}")
}

fn one(
    folder: &Path,
    slot: &str,
    before: Timestamp,
    signer: Option<&Arc<dyn Signer>>,
) -> Result<Option<(u64, u64)>, Error> {
    let unreadable = |e| log::at(folder, "cannot be read", e);
    let read = |name: &str| fs::read_to_string(folder.join(name)).map_err(unreadable);
    let numbers = segment::numbers(folder).map_err(unreadable)?;
    // Tiles that are not durable yet can only be made again from their segment.
    let synced = log::synced(folder).map_err(unreadable)?;
    let (mut old, mut blobs, mut kept) = (Vec::new(), HashSet::new(), None::<Tree>);
    let ended = numbers.iter().zip(numbers.iter().skip(1));
    for (number, next) in ended.take_while(|(number, _)| **number <= synced) {
        let bytes = fs::read(segment::path(folder, *number)).map_err(unreadable)?;
        if !is_older(folder, &bytes, before, &mut blobs)? {
            break;
        }
        let after = fs::read(segment::path(folder, *next)).map_err(unreadable)?;
        let (tree, _) = segment::read_header(&after).ok_or_else(|| altered(folder))?;
        (kept, old) = (Some(tree), [old, vec![(*number, bytes.len() as u64)]].concat());
    }
    let Some(tree) = kept else { return Ok(None) };
    let key = LogKey::open(folder, slot, signer, false)?;
    let newest = Checkpoint::open(&read("checkpoint")?, &key.public)?;
    // Before the bytes go: do their hashes stay, and are they those that were signed?
    let mut again = Tree::default();
    for hash in hashes(folder, newest.size, tree.size()) {
        again.push(hash?, &mut |_, _, _| {});
    }
    if again != tree || tree.size() > newest.size {
        return Err(altered(folder));
    }
    let note = Checkpoint { origin: name(key.name()), size: tree.size(), root: tree.root() }.signed(&key)?;
    log::put(folder, NOTE, note.as_bytes()).map_err(|e| log::at(folder, "cannot be written", e))?;
    let mut freed = 0;
    for (number, bytes) in old {
        fs::remove_file(segment::path(folder, number)).map_err(|e| log::at(folder, "cannot be pruned", e))?;
        freed += bytes;
    }
    for sha256 in blobs {
        let path = folder.join("blob").join(sha256);
        freed += fs::metadata(&path).map_or(0, |file| file.len());
        // A run that was interrupted may have removed it.
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(log::at(folder, "cannot be pruned", e));
            }
            _ => {}
        }
    }
    Ok(Some((tree.size(), freed)))
}

/// Whether everything in a segment is older; notes the blobs that it names.
fn is_older(
    folder: &Path,
    bytes: &[u8],
    before: Timestamp,
    blobs: &mut HashSet<String>,
) -> Result<bool, Error> {
    let (_, mut place) = segment::read_header(bytes).ok_or_else(|| altered(folder))?;
    let mut named = Vec::new();
    loop {
        match segment::step(bytes, place) {
            Step::Frame(frame) => {
                let record = Record::read(frame.record)?;
                if record.ended_at.unwrap_or(record.at).max(record.at) >= before {
                    return Ok(false);
                }
                named.extend(list::beside(&record).chain(record.whole.clone()).map(|blob| blob.sha256));
                place = frame.next;
            }
            Step::End => {
                blobs.extend(named);
                return Ok(true);
            }
            Step::Bad => return Err(altered(folder)),
        }
    }
}

fn altered(folder: &Path) -> Error {
    Error::new(
        ErrorKind::Log,
        format!("the log {} was altered: verify it before it is pruned", folder.display()),
    )
}
