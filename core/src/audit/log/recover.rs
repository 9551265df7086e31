//! Continuing a log: to its last good frame, and no further back than what was signed.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use super::{at, segment};
use crate::audit::keeper::Kept;
use crate::audit::merkle::{Hash, Tree, leaf_hash};
use crate::audit::note::{Checkpoint, PublicKey};
use crate::error::{Error, ErrorKind};

/// Where a log goes on.
pub(super) struct Found {
    pub(super) segment: File,
    pub(super) number: u64,
    pub(super) at: u64,
    pub(super) tree: Tree,
    /// Tiles completed within the last segment: their files may be missing after a crash.
    pub(super) full: Vec<(u8, u64, Vec<Hash>)>,
}

/// Reads the last segment and cuts a torn end; makes the first segment of a new log.
pub(super) fn last(folder: &Path, key: &PublicKey, kept: &[Kept], room: u64) -> Result<Found, Error> {
    let signed = signed(folder, key, kept)?;
    let numbers = segment::numbers(folder).map_err(|e| at(folder, "cannot be read", e))?;
    let Some(&number) = numbers.last() else {
        if signed.iter().any(|checkpoint| checkpoint.size > 0) {
            return Err(wrong(folder, "has lost its entries"));
        }
        let tree = Tree::default();
        let (segment, first) =
            segment::create(folder, 1, &tree, room).map_err(|e| at(folder, "cannot be written", e))?;
        return Ok(Found { segment, number: 1, at: first, tree, full: Vec::new() });
    };
    let path = segment::path(folder, number);
    let bytes = fs::read(&path).map_err(|e| at(folder, "cannot be read", e))?;
    let (mut tree, mut place) =
        segment::read_header(&bytes).ok_or_else(|| wrong(folder, "has a segment without a good header"))?;
    let mut full = Vec::new();
    let check = |tree: &Tree| match signed.iter().find(|checkpoint| checkpoint.size == tree.size()) {
        Some(checkpoint) if checkpoint.root != tree.root() => Err(wrong(folder, "is not what was signed")),
        _ => Ok(()),
    };
    check(&tree)?;
    let torn = loop {
        match segment::step(&bytes, place) {
            segment::Step::Frame(frame) if frame.index == tree.size() => {
                tree.push(leaf_hash(frame.record), &mut |level, number, row| {
                    full.push((level, number, row.to_vec()))
                });
                place = frame.next;
                check(&tree)?;
            }
            segment::Step::End => break false,
            segment::Step::Bad if segment::is_torn(&bytes, place, tree.size()) => break true,
            _ => return Err(wrong(folder, &format!("was altered at entry {}", tree.size()))),
        }
    };
    if let Some(longest) = signed.iter().map(|checkpoint| checkpoint.size).max()
        && longest > tree.size()
    {
        let message =
            format!("holds {} entries where {longest} were signed: it was rolled back", tree.size());
        return Err(wrong(folder, &message));
    }
    let mut segment =
        OpenOptions::new().write(true).open(&path).map_err(|e| at(folder, "cannot be written", e))?;
    if torn {
        // Never acknowledged, so never owed: zeros again, as the room behind the entries is.
        let zeros = vec![0; bytes.len().saturating_sub(place)];
        segment
            .seek(SeekFrom::Start(place as u64))
            .and_then(|_| segment.write_all(&zeros))
            .and_then(|()| segment.sync_data())
            .map_err(|e| at(folder, "cannot be written", e))?;
    }
    Ok(Found { segment, number, at: place as u64, tree, full })
}

/// What is known to have been signed: by the log's own checkpoint and by those kept outside.
pub(in crate::audit) fn signed(
    folder: &Path,
    key: &PublicKey,
    kept: &[Kept],
) -> Result<Vec<Checkpoint>, Error> {
    let mut signed = Vec::new();
    for kept in kept {
        if kept.key != key.to_string() {
            return Err(wrong(folder, "has another key than the one that was kept outside"));
        }
        signed.push(key.open(&kept.note)?);
    }
    match fs::read_to_string(folder.join("checkpoint")) {
        Ok(note) => signed.push(key.open(&note)?),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && signed.is_empty() => {}
        Err(e) => return Err(at(folder, "has lost its checkpoint", e)),
    }
    Ok(signed)
}

fn wrong(folder: &Path, what: &str) -> Error {
    Error::new(ErrorKind::Log, format!("the log {} {what}", folder.display()))
}
