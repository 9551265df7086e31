//! Does the log still say what it said? Every frame, the tree over them, the signatures, and what was kept outside.

use std::fs;
use std::io::Read;
use std::path::Path;

use serde::Serialize;

use super::keeper::Kept;
use super::log::segment::{self, Step};
use super::merkle::{Hash, TILE, Tree, consistency, leaf_hash, verify_consistency};
use super::note::Checkpoint;
use super::pairs::Pairs;
use super::read::slots;
use super::record::{Blob, Gap, Record};
use super::{blob, compact, list, prune, tile};
use crate::error::Error;
use crate::keys::{PublicKey, hex};

/// What verifying a state folder found.
#[derive(Debug, Clone, Serialize)]
pub struct VerifyReport {
    /// One for each log, by slot.
    pub logs: Vec<LogReport>,
}

impl VerifyReport {
    /// Whether every log is what it was.
    pub fn is_sound(&self) -> bool {
        self.logs.iter().all(|log| log.fault.is_none())
    }
}

/// What verifying one log found.
#[derive(Debug, Clone, Serialize)]
pub struct LogReport {
    /// Its folder under `log/`.
    pub slot: String,
    /// Its name, as its checkpoints carry it.
    pub origin: String,
    /// How many good entries it holds, from the first.
    pub size: u64,
    /// How many of them a signature covers.
    pub signed: u64,
    /// How many entries, from the first, are proven to be those that were signed. Of a log with a fault these are still sound: the newest
    /// signature covers them, which its tiles show; without tiles nothing does.
    pub proven: u64,
    /// Whether a checkpoint of it was kept outside: without one, a log that was rolled back or written anew by whoever holds its key is as
    /// good as the first.
    pub anchored: bool,
    /// How many of them, from the first, were pruned: their hashes are here, and their bytes gone.
    pub pruned: u64,
    /// The Merkle root over all of them, in hex.
    pub root: String,
    /// What its writer could not record, as it says itself.
    pub lost: Option<Gap>,
    /// How many exchanges were begun and have no end: they run, or their process died.
    pub open: u64,
    /// How many bytes behind the last entry are no entry, and cover nothing that was acknowledged: what a writer that died had begun to write, or
    /// writes right now, or what somebody put there. Whoever continues the log clears them, and says so in it.
    pub torn: u64,
    /// The first thing that is wrong.
    pub fault: Option<Fault>,
}

/// What is wrong with a log, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The first entry that is not as it was, where an entry is at fault.
    pub index: Option<u64>,
    /// What is wrong.
    pub what: String,
}

/// Verifies every log of a state folder. `kept` is what was kept outside: read it before calling.
///
/// # Errors
/// Only where the folder cannot be listed; what is wrong with a log stands in its report.
pub fn verify(state: &Path, kept: &[Kept]) -> Result<VerifyReport, Error> {
    let mut slots = slots(state)?;
    for kept in kept {
        if !slots.contains(&kept.slot) {
            slots.push(kept.slot.clone());
        }
    }
    slots.sort();
    let logs = slots.into_iter().filter_map(|slot| {
        let kept: Vec<&Kept> = kept.iter().filter(|kept| kept.slot == slot).collect();
        let folder = state.join("log").join(&slot);
        // A slot that was locked and never written holds nothing to verify.
        if kept.is_empty() && !folder.join("key.pub").exists() && !folder.join("seg").exists() {
            return None;
        }
        Some(one(&folder, slot, &kept))
    });
    Ok(VerifyReport { logs: logs.collect() })
}

fn one(folder: &Path, slot: String, kept: &[&Kept]) -> LogReport {
    let mut walk = Walk::default();
    let mut fault = walk.all(folder, kept).err();
    if fault.is_some() {
        // A log that is being written may have been read half old, half new: what is wrong stays wrong.
        walk = Walk::default();
        fault = walk.all(folder, kept).err();
    }
    if let Some(fault) = &mut fault
        && let Some(earlier) = walk.earlier(folder)
    {
        *fault = earlier;
    }
    let signed = walk.signed();
    let proven = match &fault {
        None => signed,
        Some(fault) => Walk::proven(folder, kept, fault.index.unwrap_or(walk.tree.size())),
    };
    LogReport {
        slot,
        origin: walk.origin,
        size: walk.tree.size(),
        signed,
        proven,
        anchored: !kept.is_empty(),
        pruned: walk.pruned,
        root: hex(&walk.tree.root()),
        lost: walk.lost,
        open: walk.pairs.open(),
        torn: walk.torn,
        fault,
    }
}

#[derive(Default)]
struct Walk {
    /// Before which entry to stop.
    until: Option<u64>,
    origin: String,
    tree: Tree,
    signed: Vec<Checkpoint>,
    pruned: u64,
    pairs: Pairs,
    lost: Option<Gap>,
    torn: u64,
}

impl Walk {
    fn all(&mut self, folder: &Path, kept: &[&Kept]) -> Result<(), Fault> {
        if !folder.exists() && !kept.is_empty() {
            return Err(whole("the log is gone; its checkpoint was kept outside"));
        }
        self.read_signatures(folder, kept)?;
        let numbers = segment::numbers(folder).map_err(|_| whole("its segments cannot be read"))?;
        let first = numbers.first().copied().unwrap_or(1);
        if first > 1 {
            self.hashes(folder, first)?;
            if self.is_far_enough() {
                return Ok(());
            }
        }
        let mut bytes = Vec::new();
        for (number, expected) in numbers.iter().zip(first..) {
            if *number != expected {
                return Err(self.here("a segment before this one is missing"));
            }
            // In the same room: memory that is new costs as much as what is read into it.
            bytes.clear();
            fs::File::open(segment::path(folder, *number))
                .and_then(|mut file| file.read_to_end(&mut bytes))
                .map_err(|_| self.here("a segment cannot be read"))?;
            self.segment(folder, &bytes, Some(number) == numbers.last())?;
            if self.is_far_enough() {
                return Ok(());
            }
        }
        let longest = self.signed();
        if longest > self.tree.size() {
            return Err(self.here(&format!("the tail is gone: {longest} entries were signed")));
        }
        if self.signed.is_empty() && self.tree.size() > 0 {
            return Err(whole("its checkpoint is gone"));
        }
        self.edge_tiles(folder)
    }

    /// How many entries the newest signature covers.
    fn signed(&self) -> u64 {
        self.signed.iter().map(|checkpoint| checkpoint.size).max().unwrap_or(0)
    }

    fn is_far_enough(&self) -> bool {
        self.until.is_some_and(|until| self.tree.size() >= until)
    }

    /// Whether so many entries, from the first, are those that the newest signature covers: then that is their number, and else 0.
    fn proven(folder: &Path, kept: &[&Kept], until: u64) -> u64 {
        let mut walk = Self { until: Some(until), ..Self::default() };
        if walk.all(folder, kept).is_err() || walk.tree.size() != until {
            return 0;
        }
        let Some(newest) = walk.signed.iter().max_by_key(|checkpoint| checkpoint.size) else { return 0 };
        // Its root was compared on the way.
        if newest.size <= until {
            return newest.size;
        }
        let tiles = tile::Tiles { folder: folder.to_owned(), size: newest.size };
        let path = consistency(&tiles, until, newest.size);
        let holds = path
            .is_ok_and(|path| verify_consistency(until, &walk.tree.root(), newest.size, &newest.root, &path));
        if holds { until } else { 0 }
    }

    /// An entry before the one at fault that is another than its tile says: that one can be read does not make it what it was.
    fn earlier(&self, folder: &Path) -> Option<Fault> {
        let row = self.tree.edge().first()?;
        let number = self.tree.size() / TILE as u64;
        let there = self.signed();
        let width = (there / TILE as u64 == number).then_some(there % TILE as u64);
        let name = tile::path(0, number, width);
        let hashes = tile::read(folder, &name).ok()??;
        let place = hashes.iter().zip(row).position(|(there, hash)| there != hash)?;
        Some(Fault { index: Some(number * TILE as u64 + place as u64), what: other(&name) })
    }

    fn read_signatures(&mut self, folder: &Path, kept: &[&Kept]) -> Result<(), Fault> {
        let key = fs::read_to_string(folder.join("key.pub")).map_err(|_| whole("its public key is gone"))?;
        let key = PublicKey::read(&key).map_err(|_| whole("its public key is not one"))?;
        for kept in kept {
            if kept.key != key.to_string() {
                return Err(whole("its key is another than the one kept outside"));
            }
            self.signed.push(
                Checkpoint::open(&kept.note, &key)
                    .map_err(|_| whole("the checkpoint kept outside is not signed by its key"))?,
            );
        }
        // A log is called wardline/SLOT/TAG, and a copy of it in another place would count everything twice.
        let slot = folder.file_name().and_then(|name| name.to_str());
        if key.name().split('/').nth(1) != slot {
            return Err(whole(&format!("it is the log {}, which belongs elsewhere", key.name())));
        }
        if let Ok(note) = fs::read_to_string(folder.join("checkpoint")) {
            self.signed.push(
                Checkpoint::open(&note, &key)
                    .map_err(|_| whole("its checkpoint is not signed by its key"))?,
            );
        } else if !kept.is_empty() {
            return Err(whole("its checkpoint is gone"));
        }
        if let Some(checkpoint) = self.signed.first() {
            self.origin.clone_from(&checkpoint.origin);
        }
        Ok(())
    }

    /// Goes through the hashes of the entries that were pruned, up to where the first segment that is left begins.
    fn hashes(&mut self, folder: &Path, first: u64) -> Result<(), Fault> {
        let gone = || whole("a segment before the first one is missing");
        let key = fs::read_to_string(folder.join("key.pub")).ok().and_then(|key| PublicKey::read(&key).ok());
        let pruned = key.and_then(|key| prune::extent(folder, &key).transpose()).ok_or_else(gone)?;
        let pruned = pruned.map_err(|_| whole("how far it was pruned is not signed by its key"))?;
        let header =
            fs::read(segment::path(folder, first)).ok().and_then(|bytes| segment::read_header(&bytes));
        let (kept, _) = header.ok_or_else(|| whole("the header of its first segment was altered"))?;
        // A pruning that was interrupted left more than it said.
        if kept.size() > pruned.size {
            return Err(gone());
        }
        let signed = self.signed();
        self.pruned = kept.size();
        self.signed.push(pruned);
        for hash in prune::hashes(folder, signed, kept.size()) {
            if self.is_far_enough() {
                return Ok(());
            }
            let hash = hash.map_err(|_| self.here("the hash of this entry, which was pruned, is gone"))?;
            self.push(folder, hash)?;
        }
        self.pairs.forget();
        Ok(())
    }

    fn segment(&mut self, folder: &Path, bytes: &[u8], last: bool) -> Result<(), Fault> {
        let (tree, mut place) =
            segment::read_header(bytes).ok_or_else(|| self.here("a segment's header was altered"))?;
        if tree != self.tree {
            return Err(self.here("a segment does not continue the one before it"));
        }
        self.check_root(folder)?;
        while !self.is_far_enough() {
            match segment::step(bytes, place) {
                Step::Frame(frame) if frame.index == self.tree.size() => {
                    self.entry(folder, frame.record)?;
                    place = frame.next;
                }
                Step::Frame(_) => return Err(self.here("another entry stands here")),
                Step::End => return Ok(()),
                // A writer that died, or is at work right now, leaves an end that was never acknowledged.
                Step::Bad if last && self.unsigned() => {
                    let torn = segment::torn(bytes, place, self.tree.size());
                    self.torn =
                        torn.ok_or_else(|| self.here("what stands here was altered, or put there"))? as u64;
                    return Ok(());
                }
                Step::Bad => return Err(self.here("the entry was altered")),
            }
        }
        Ok(())
    }

    fn entry(&mut self, folder: &Path, record: &[u8]) -> Result<(), Fault> {
        let no_record = "the entry is not a record";
        let look = compact::look(record).ok_or_else(|| self.here(no_record))?;
        if look.whole || look.beside || look.gap {
            let record = Record::read(record).map_err(|_| self.here(no_record))?;
            self.what_it_names(folder, &record)?;
        }
        if let Err(what) = self.pairs.take(look) {
            return Err(self.here(what));
        }
        self.push(folder, leaf_hash(record))
    }

    /// Files beside the log, and what is not in it.
    fn what_it_names(&mut self, folder: &Path, record: &Record) -> Result<(), Fault> {
        let is_sound = |file: &Blob| blob::read(folder, file).is_ok();
        if !record.whole.iter().all(is_sound) {
            return Err(self.here("the whole of the entry, beside the log, is gone or altered"));
        }
        if !list::beside(record).all(|file| is_sound(&file)) {
            return Err(self.here("a list of ids or a body, beside the log, is gone or altered"));
        }
        if let Some(gap) = &record.gap {
            self.lost = Some(self.lost.as_ref().map_or(gap.clone(), |before| before.joined(gap)));
        }
        Ok(())
    }

    fn push(&mut self, folder: &Path, hash: Hash) -> Result<(), Fault> {
        let mut wrong = None;
        self.tree.push(hash, &mut |level, number, row| {
            let name = tile::path(level, number, None);
            if wrong.is_none() {
                wrong = differs(folder, name, level, number, row);
            }
        });
        match wrong {
            Some(fault) => Err(fault),
            None => self.check_root(folder),
        }
    }

    fn check_root(&self, folder: &Path) -> Result<(), Fault> {
        let size = self.tree.size();
        let mut signed = self.signed.iter().filter(|checkpoint| checkpoint.size == size).peekable();
        if signed.peek().is_none() {
            return Ok(());
        }
        let root = self.tree.root();
        if signed.all(|checkpoint| checkpoint.root == root) {
            return Ok(());
        }
        // Each frame agrees with its own sum, so someone wrote them anew: which one, only the tiles can tell.
        self.edge(folder)?;
        Err(Fault { index: None, what: format!("the first {size} entries are not those that were signed") })
    }

    /// The unfinished tiles of the newest checkpoint, where the log has not gone on since.
    fn edge_tiles(&self, folder: &Path) -> Result<(), Fault> {
        if !self.signed.iter().any(|checkpoint| checkpoint.size == self.tree.size()) {
            return Ok(());
        }
        self.edge(folder)
    }

    fn edge(&self, folder: &Path) -> Result<(), Fault> {
        for (level, row) in (0_u8..).zip(self.tree.edge()).filter(|(_, row)| !row.is_empty()) {
            let number = self.tree.size() >> (8 * (u32::from(level) + 1));
            let name = tile::path(level, number, Some(row.len() as u64));
            if let Some(fault) = differs(folder, name, level, number, row) {
                return Err(fault);
            }
        }
        Ok(())
    }

    /// Whether no signature reaches beyond this entry.
    fn unsigned(&self) -> bool {
        self.signed.iter().all(|checkpoint| checkpoint.size <= self.tree.size())
    }

    fn here(&self, what: &str) -> Fault {
        Fault { index: Some(self.tree.size()), what: what.to_owned() }
    }
}

/// Compares a tile's file with the hashes that belong in it. One that is missing or cut off is no fault: it can be
/// rebuilt from the entries, and a power loss may leave it so until the log is opened again.
fn differs(folder: &Path, name: String, level: u8, number: u64, row: &[Hash]) -> Option<Fault> {
    let there = tile::read(folder, &name).ok()??;
    let place = there.iter().zip(row).position(|(there, hash)| there != hash);
    let place = place.filter(|_| there.len() == row.len())?;
    let index = (level == 0).then(|| number * TILE as u64 + place as u64);
    Some(Fault { index, what: other(&name) })
}

fn other(tile: &str) -> String {
    format!("{tile} has another hash than the entries")
}

fn whole(what: &str) -> Fault {
    Fault { index: None, what: what.to_owned() }
}
