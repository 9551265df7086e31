//! The log on disk: one writer a folder, entries in segments, a signed checkpoint over them.
//!
//! ```text
//! <state>/log/<slot>/  key (0600)  key.pub  lock  lost  synced  checkpoint  seg/000000000001.seg  seg/spare  tile/...  blob/<sha256>
//! ```
//!
//! Each process takes the first slot whose lock is free, so that a recycled worker continues its slot's log and
//! nobody waits for anybody. Order of a group: frames, one sync of them, then the tree; nothing is signed that is not
//! synced. Many records are several groups, each synced before the next one is written: while the disk takes one, the next is made. After a failed sync the log is poisoned: what the pages hold is unknown, so it is never tried again.
//! A segment is begun only once everything before it is signed, so that whoever continues the log never has to take
//! the word of an unsigned header.

mod direct;
mod files;
mod frames;
mod key;
mod left;
mod recover;
pub(in crate::audit) mod segment;
mod spare;
mod tiles;

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub(in crate::audit) use files::{at, put, sync_files};
use frames::Frames;
pub(in crate::audit) use key::LogKey;
pub(in crate::audit) use segment::MAX_ENTRY;
use segment::{Disk, GROUP, HEADER};
pub(in crate::audit) use segment::{create, sync_folder};
use spare::Spare;
use tiles::Tiles;
pub(in crate::audit) use tiles::synced;

use super::keeper::{Keeper, Kept};
use super::note::Checkpoint;
use super::prepared::Append;
use super::{Bodies, Gap, Journal, Prepared, Record};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::keys::Signer;

/// How many slots a state folder may have: more writers at once than this are a mistake.
const SLOTS: u32 = 1_024;
/// Room of a segment in bytes.
const SEGMENT: u64 = 64 << 20;
/// Zeros that are written ahead of the entries, so that the appends that follow write over blocks that the disk has: to sync those takes half as long
/// as to sync room that was only reserved. A group that is as long as this pays for its own room. A segment that was made ready has them already.
const AHEAD: u64 = 1 << 20;

/// How a log is kept.
#[derive(Clone)]
pub struct Settings {
    /// Room of a segment, in bytes: where it is full another one begins.
    pub segment_bytes: u64,
    /// Another segment begins, too, with the first record that ends so long after the first one of a segment began. Whole segments are what
    /// retention removes.
    pub rotate: Option<Duration>,
    /// What signs in place of a key of the log's own.
    pub signer: Option<Arc<dyn Signer>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { segment_bytes: SEGMENT, rotate: None, signer: None }
    }
}

/// Segments of so many bytes.
impl From<u64> for Settings {
    fn from(segment_bytes: u64) -> Self {
        Self { segment_bytes, ..Self::default() }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { segment_bytes, rotate, signer } = self;
        write!(f, "Settings({segment_bytes} bytes, {rotate:?}, given a key: {})", signer.is_some())
    }
}

/// One writer's log.
pub struct Log {
    folder: PathBuf,
    slot: String,
    key: LogKey,
    rotate: Option<Duration>,
    /// When the first record of this segment began.
    begun: Option<Timestamp>,
    keeper: Box<dyn Keeper>,
    /// Held for as long as this writes; the operating system lets go of it when the process dies.
    _lock: File,
    segment: Box<dyn Disk>,
    number: u64,
    at: u64,
    /// How far zeros were written ahead.
    zeros: u64,
    /// From where on this writer has written the segment.
    from: u64,
    spare: Spare,
    room: u64,
    tiles: Tiles,
    signed: Option<u64>,
    /// Who signs could not, and was not asked again since: a full segment grows, and does not ask with every group.
    unsigned: bool,
    poisoned: bool,
    /// What the writer before left to be said, until it is; and whether it is still in its file.
    left: Option<Gap>,
    leaves: bool,
    /// How many bytes behind the last entry were no entry and were cleared, until that is said.
    cleared: Option<u64>,
    /// The process that opened it: a forked child shares the lock and must not write.
    process: u32,
    buffer: Vec<u8>,
}

impl Log {
    /// Takes a free slot of a state folder and continues its log.
    ///
    /// # Errors
    /// Where the folder cannot be written; where what is there was altered or is shorter than what the keeper
    /// remembers. Then nothing may be guarded until a person has looked.
    pub fn open(state: &Path, keeper: Box<dyn Keeper>) -> Result<Self, Error> {
        Self::open_with(state, keeper, Settings::default())
    }

    /// The same, kept otherwise; a number is the room of a segment in bytes.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(
        state: &Path,
        keeper: Box<dyn Keeper>,
        settings: impl Into<Settings>,
    ) -> Result<Self, Error> {
        let settings = settings.into();
        for number in 1..=SLOTS {
            let slot = format!("w{number:04}");
            let folder = state.join("log").join(&slot);
            fs::create_dir_all(&folder).map_err(|e| at(&folder, "cannot be made", e))?;
            let lock = segment::private().create(true).truncate(false).open(folder.join("lock"));
            let lock = lock.map_err(|e| at(&folder, "cannot be locked", e))?;
            match lock.try_lock() {
                Ok(()) => return Self::take(folder, slot, lock, keeper, settings),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(e)) => return Err(at(&folder, "cannot be locked", e)),
            }
        }
        Err(Error::new(ErrorKind::Log, format!("all {SLOTS} log slots of {} are taken", state.display())))
    }

    fn take(
        folder: PathBuf,
        slot: String,
        lock: File,
        keeper: Box<dyn Keeper>,
        settings: Settings,
    ) -> Result<Self, Error> {
        let room = settings.segment_bytes;
        let kept: Vec<Kept> = keeper.kept()?.into_iter().filter(|kept| kept.slot == slot).collect();
        // Key and checkpoint are there before the first entry: without both, this is a new log.
        let new = kept.is_empty() && !folder.join("checkpoint").exists();
        let key = LogKey::open(&folder, &slot, settings.signer.as_ref(), new)?;
        for part in ["seg", "blob", "tile"] {
            fs::create_dir_all(folder.join(part)).map_err(|e| at(&folder, "cannot be written", e))?;
        }
        let found = recover::last(&folder, &key.public, &kept, room)?;
        let left = left::read(&folder).map_err(|e| at(&folder, "cannot be written", e))?;
        // From which entry on they are this writer's.
        let size = found.tree.size().to_string();
        lock.set_len(0)
            .and_then(|()| (&lock).write_all(size.as_bytes()))
            .map_err(|e| at(&folder, "cannot be written", e))?;
        let segment = direct::disk(found.segment, &segment::path(&folder, found.number), found.at);
        let segment = segment.map_err(|e| at(&folder, "cannot be written", e))?;
        let mut log = Self {
            tiles: Tiles::new(&folder, found.tree, found.full),
            spare: Spare::new(&folder),
            folder,
            slot,
            key,
            rotate: settings.rotate,
            begun: found.begun,
            keeper,
            _lock: lock,
            segment,
            number: found.number,
            at: found.at,
            zeros: found.at,
            from: found.at,
            room,
            signed: None,
            unsigned: false,
            poisoned: false,
            leaves: left.is_some(),
            left,
            cleared: found.cleared,
            process: std::process::id(),
            buffer: Vec::new(),
        };
        log.checkpoint()?;
        Ok(log)
    }

    fn take_in(&mut self, records: &[impl Append]) -> Result<(), Error> {
        self.check_process()?;
        if self.poisoned {
            return Err(Error::new(ErrorKind::Log, "the log failed before and takes no more entries"));
        }
        if records.is_empty() {
            return Ok(());
        }
        match self.write(records) {
            Ok(()) => {
                if self.leaves && records.iter().any(|appended| appended.record().gap.is_some()) {
                    // Where it stays, it is said twice rather than never.
                    self.leaves = left::write(&self.folder, None).is_err();
                }
                Ok(())
            }
            Err(error) => {
                self.poisoned = true;
                Err(error)
            }
        }
    }

    /// How many entries it holds.
    pub fn size(&self) -> u64 {
        self.tiles.size()
    }

    fn write(&mut self, records: &[impl Append]) -> Result<(), Error> {
        let mut groups = records.chunks(GROUP);
        let first = groups.next().unwrap_or_default();
        let mut next =
            Some(Frames::of(&self.folder, self.tiles.size(), first, std::mem::take(&mut self.buffer))?);
        while let Some(frames) = next {
            next = self.sync(frames, groups.next())?;
        }
        Ok(())
    }

    /// Makes a group durable and adds it to the tree; answers with the frames of the records that come next.
    fn sync(&mut self, mut frames: Frames, next: Option<&[impl Append]>) -> Result<Option<Frames>, Error> {
        let length = frames.bytes.len() as u64;
        let room = self.make_room(length, frames.last);
        room.map_err(|e| at(&self.folder, "cannot be written", e))?;
        let end = self.at + length;
        if end > self.zeros {
            let ahead = if length < AHEAD { AHEAD.min(self.room.saturating_sub(end)) } else { 0 };
            frames.bytes.resize(frames.bytes.len() + usize::try_from(ahead).unwrap_or(0), 0);
            self.zeros = end + ahead;
        }
        let (segment, place, bytes) = (&mut self.segment, self.at, &frames.bytes);
        let mut write = || {
            segment.write_at(place, bytes)?;
            segment.sync()
        };
        let (folder, index) = (&self.folder, self.tiles.size() + frames.entries.len() as u64);
        let (written, next) = match next {
            None => (write(), None),
            // While a thread waits for the disk the group that follows is made.
            Some(records) => {
                let spare = std::mem::take(&mut self.buffer);
                let (writing, next) = thread::scope(|scope| {
                    let writing = thread::Builder::new().spawn_scoped(scope, &mut write).ok();
                    let next = Frames::of(folder, index, records, spare);
                    let died = || Err(io::Error::other("a thread ended early"));
                    (writing.map(|writing| writing.join().unwrap_or_else(|_| died())), next)
                });
                (writing.unwrap_or_else(write), Some(next))
            }
        };
        written.map_err(|e| at(&self.folder, "cannot be written", e))?;
        self.at = end;
        self.begun = self.begun.or(frames.first);
        self.look_ahead();
        self.tiles.add(&frames.bytes, &frames.entries);
        self.buffer = frames.bytes;
        next.transpose()
    }

    /// Begins a new segment where this group does not fit the one at hand, or comes long after what is there. Where it cannot be signed what is
    /// there, the segment grows instead: what cannot be signed now is no reason to lose a record.
    fn make_room(&mut self, length: u64, last: Option<Timestamp>) -> io::Result<()> {
        let is_old = match (self.rotate, self.begun, last) {
            (Some(rotate), Some(begun), Some(last)) => last.since(begun) >= rotate,
            _ => false,
        };
        let end = self.at + length;
        if !is_old && (end <= self.room || end <= self.segment.room()?) {
            return Ok(());
        }
        if self.unsigned {
            return Ok(());
        }
        let Ok(note) = self.note() else { return Ok(()) };
        self.publish(&note)?;
        self.tiles.settle(self.number)?;
        // What a segment has reserved and does not need is the disk's again.
        self.segment.cut(self.at)?;
        let room = self.room.max(length + HEADER);
        let ready = self.spare.take(room);
        let begun = segment::begin(&self.folder, self.number + 1, self.tiles.tree(), room, ready)?;
        self.number += 1;
        self.segment = direct::disk(begun.file, &segment::path(&self.folder, self.number), begun.first)?;
        (self.at, self.zeros, self.from) = (begun.first, begun.zeros, begun.first);
        self.begun = None;
        Ok(())
    }

    /// Has the next segment made ready once this one is half full; not for a writer that adds a few entries to what another one wrote, nor where
    /// segments are so short that one group pays for all of them.
    fn look_ahead(&mut self) {
        let written = self.at.saturating_sub(self.from);
        if self.room >= 2 * HEADER && self.at >= self.room / 2 && written >= AHEAD.min(self.room / 8) {
            self.spare.prepare(self.room);
        }
    }

    /// What is there, signed.
    fn note(&mut self) -> Result<String, Error> {
        let origin = self.key.name().to_owned();
        let tree = self.tiles.tree();
        let checkpoint = Checkpoint { origin, size: tree.size(), root: tree.root() };
        let note = checkpoint.signed(&self.key);
        self.unsigned = note.is_err();
        note
    }

    fn publish(&mut self, note: &str) -> io::Result<()> {
        self.tiles.write()?;
        put(&self.folder, "checkpoint", note.as_bytes())
    }

    fn check_process(&self) -> Result<(), Error> {
        if self.process == std::process::id() {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::Log, "the log was opened before a fork: open one in this process"))
        }
    }
}

impl Journal for Log {
    fn append(&mut self, records: &[Record]) -> Result<(), Error> {
        self.take_in(records)
    }

    fn append_prepared(&mut self, records: &[Prepared]) -> Result<(), Error> {
        self.take_in(records)
    }

    fn checkpoint(&mut self) -> Result<(), Error> {
        self.check_process()?;
        if self.poisoned || self.signed == Some(self.tiles.size()) {
            return Ok(());
        }
        let note = self.note()?;
        self.publish(&note).map_err(|e| at(&self.folder, "cannot be signed", e))?;
        self.keeper.keep(&Kept { slot: self.slot.clone(), key: self.key.public.to_string(), note })?;
        self.signed = Some(self.tiles.size());
        Ok(())
    }

    fn origin(&self) -> &str {
        self.key.name()
    }

    fn left(&mut self) -> Option<Gap> {
        self.left.take()
    }

    fn cleared(&mut self) -> Option<u64> {
        self.cleared.take()
    }

    fn leave(&mut self, gap: &Gap) -> Result<(), Error> {
        self.check_process()?;
        left::write(&self.folder, Some(gap)).map_err(|e| at(&self.folder, "cannot be written", e))
    }

    fn bodies(&self) -> Option<Bodies> {
        let state = self.folder.parent()?.parent()?;
        Some(Bodies::beside(state, &self.folder))
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // Best effort: what is not signed now is signed by whoever continues the slot, and what is not synced is made again.
        let _ = self.checkpoint();
        if self.check_process().is_ok() {
            self.spare.clear();
            let _ = self.tiles.wait();
        }
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Log({}, {} entries)", self.key.name(), self.tiles.size())
    }
}

#[cfg(test)]
mod tests;
