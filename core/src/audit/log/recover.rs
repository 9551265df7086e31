//! Continuing a log: to its last good frame, and no further back than what was signed.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use super::tiles::{Full, synced};
use super::{at, segment};
use crate::audit::keeper::Kept;
use crate::audit::merkle::{Tree, leaf_hash};
use crate::audit::note::Checkpoint;
use crate::audit::{Record, prune};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::keys::PublicKey;

/// Where a log goes on.
pub(super) struct Found {
    pub(super) segment: File,
    pub(super) number: u64,
    pub(super) at: u64,
    pub(super) tree: Tree,
    /// When the first record of the last segment began.
    pub(super) begun: Option<Timestamp>,
    /// Tiles whose files may be missing after a crash.
    pub(super) full: Vec<Full>,
    /// How many bytes behind the last entry were no entry, and were cleared.
    pub(super) cleared: Option<u64>,
}

/// Reads on from the newest signature and cuts a torn end; makes the first segment of a new log.
pub(super) fn last(folder: &Path, key: &PublicKey, kept: &[Kept], room: u64) -> Result<Found, Error> {
    let signed = signed(folder, key, kept)?;
    let longest = signed.iter().map(|checkpoint| checkpoint.size).max().unwrap_or(0);
    let numbers = segment::numbers(folder).map_err(|e| at(folder, "cannot be read", e))?;
    let first = numbers.first().copied().unwrap_or(1);
    let whole = numbers.iter().zip(first..).all(|(number, expected)| *number == expected);
    if !whole || (first > 1 && prune::extent(folder, key)?.is_none()) {
        return Err(wrong(folder, "has lost a segment"));
    }
    let Some(&last) = numbers.last() else {
        if longest > 0 {
            return Err(wrong(folder, "has lost its entries"));
        }
        let tree = Tree::default();
        let begun = segment::begin(folder, 1, &tree, room, None);
        let begun = begun.map_err(|e| at(folder, "cannot be written", e))?;
        return Ok(Found {
            segment: begun.file,
            number: 1,
            at: begun.first,
            tree,
            begun: None,
            full: Vec::new(),
            cleared: None,
        });
    };
    let mut scan = Scan { folder, signed: &signed, tree: Tree::default(), full: Vec::new() };
    // The tiles of later segments may be missing.
    let synced = synced(folder).map_err(|e| at(folder, "cannot be read", e))?;
    // A header is believed only where a signature covers it: begin at the last segment that one reaches.
    let mut number = last;
    let mut bytes = read(folder, number)?;
    while number > first && (number - 1 > synced || scan.header(&bytes)?.0.size() > longest) {
        number -= 1;
        bytes = read(folder, number)?;
    }
    if number > 1 {
        (scan.tree, _) = scan.header(&bytes)?;
    }
    let (place, torn) = loop {
        let (place, torn) = scan.segment(&bytes, number == last)?;
        if number == last {
            break (place, torn);
        }
        number += 1;
        bytes = read(folder, number)?;
    };
    let size = scan.tree.size();
    if longest > size {
        let message = format!("holds {size} entries where {longest} were signed: it was rolled back");
        return Err(wrong(folder, &message));
    }
    if signed.is_empty() && size > 0 {
        return Err(wrong(folder, "has lost its checkpoint"));
    }
    let begun = match segment::read_header(&bytes).map(|(_, first)| segment::step(&bytes, first)) {
        Some(segment::Step::Frame(frame)) => Record::read(frame.record).ok().map(|record| record.at),
        _ => None,
    };
    let mut segment = OpenOptions::new()
        .write(true)
        .open(segment::path(folder, last))
        .map_err(|e| at(folder, "cannot be written", e))?;
    if torn.is_some() {
        // Never acknowledged, so never owed: zeros again, as the room behind the entries is.
        let zeros = vec![0; bytes.len().saturating_sub(place)];
        segment
            .seek(SeekFrom::Start(place as u64))
            .and_then(|_| segment.write_all(&zeros))
            .and_then(|()| segment.sync_data())
            .map_err(|e| at(folder, "cannot be written", e))?;
    }
    let cleared = torn.map(|length| length as u64);
    Ok(Found { segment, number: last, at: place as u64, tree: scan.tree, begun, full: scan.full, cleared })
}

fn read(folder: &Path, number: u64) -> Result<Vec<u8>, Error> {
    fs::read(segment::path(folder, number)).map_err(|e| at(folder, "cannot be read", e))
}

struct Scan<'a> {
    folder: &'a Path,
    signed: &'a [Checkpoint],
    tree: Tree,
    full: Vec<Full>,
}

impl Scan<'_> {
    /// Takes in a segment that continues the tree; says where it ends, and how long what is torn there is.
    fn segment(&mut self, bytes: &[u8], last: bool) -> Result<(usize, Option<usize>), Error> {
        let (tree, mut place) = self.header(bytes)?;
        if tree != self.tree {
            return Err(wrong(self.folder, "has a segment that does not continue the one before it"));
        }
        self.check()?;
        loop {
            let size = self.tree.size();
            match segment::step(bytes, place) {
                segment::Step::Frame(frame) if frame.index == size => {
                    let full = &mut self.full;
                    self.tree.push(leaf_hash(frame.record), &mut |level, number, row| {
                        full.push((level, number, row.to_vec()));
                    });
                    place = frame.next;
                    self.check()?;
                }
                segment::Step::End => return Ok((place, None)),
                segment::Step::Bad if last => {
                    let torn = segment::torn(bytes, place, size);
                    return torn.map(|length| (place, Some(length))).ok_or_else(|| self.altered());
                }
                _ => return Err(self.altered()),
            }
        }
    }

    fn altered(&self) -> Error {
        wrong(self.folder, &format!("was altered at entry {}", self.tree.size()))
    }

    fn header(&self, bytes: &[u8]) -> Result<(Tree, usize), Error> {
        segment::read_header(bytes).ok_or_else(|| wrong(self.folder, "has a segment without a good header"))
    }

    fn check(&self) -> Result<(), Error> {
        let mut here = self.signed.iter().filter(|checkpoint| checkpoint.size == self.tree.size()).peekable();
        if here.peek().is_none() {
            return Ok(());
        }
        let root = self.tree.root();
        if here.all(|checkpoint| checkpoint.root == root) {
            Ok(())
        } else {
            Err(wrong(self.folder, "is not what was signed"))
        }
    }
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
        signed.push(opened(folder, &kept.note, key, "a checkpoint in the store")?);
    }
    match fs::read_to_string(folder.join("checkpoint")) {
        Ok(note) => signed.push(opened(folder, &note, key, "a checkpoint")?),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && signed.is_empty() => {}
        Err(e) => return Err(at(folder, "has lost its checkpoint", e)),
    }
    Ok(signed)
}

fn opened(folder: &Path, note: &str, key: &PublicKey, which: &str) -> Result<Checkpoint, Error> {
    Checkpoint::open(note, key)
        .map_err(|e| wrong(folder, &format!("has {which} that is not one of its key")).with_source(e))
}

fn wrong(folder: &Path, what: &str) -> Error {
    Error::new(ErrorKind::Log, format!("the log {} {what}", folder.display()))
}
