//! The log on disk: one writer a folder, entries in segments, a signed checkpoint over them.
//!
//! ```text
//! <state>/log/<slot>/  key (0600)  key.pub  lock  lost  synced  checkpoint  seg/000000000001.seg  seg/spare  tile/...  blob/<sha256>
//! ```
//!
//! Each process takes the first slot whose lock is free, so that a recycled worker continues its slot's log and
//! nobody waits for anybody. Order of a group: frames, one fdatasync, then the tree; nothing is signed that is not
//! synced. Many records are several groups, each synced before the next one is written: while the disk takes one, the next is made. After a failed sync the log is poisoned: what the pages hold is unknown, so it is never tried again.
//! A segment is begun only once everything before it is signed, so that whoever continues the log never has to take
//! the word of an unsigned header.

mod direct;
mod key;
mod left;
mod recover;
pub(in crate::audit) mod segment;
mod spare;
mod tiles;

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub(in crate::audit) use key::LogKey;
use segment::{Disk, GROUP, HEADER};
pub(in crate::audit) use segment::{create, sync_folder};
use spare::Spare;
use tiles::Tiles;
pub(in crate::audit) use tiles::synced;

use super::keeper::{Keeper, Kept};
use super::note::Checkpoint;
use super::{Bodies, Gap, Journal, Record, blob, list};
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

    /// How many entries it holds.
    pub fn size(&self) -> u64 {
        self.tiles.size()
    }

    fn write(&mut self, records: &[Record]) -> Result<(), Error> {
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
    fn sync(&mut self, mut frames: Frames, next: Option<&[Record]>) -> Result<Option<Frames>, Error> {
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

/// A group of records as bytes.
struct Frames {
    bytes: Vec<u8>,
    /// Where the entries lie in them.
    entries: Vec<Range<usize>>,
    /// When the first record began, and the last one ended.
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Frames {
    /// Of records of which the first has that index; `bytes` is room that is used again. What is too large is written beside the log.
    fn of(folder: &Path, index: u64, records: &[Record], mut bytes: Vec<u8>) -> Result<Self, Error> {
        let wrong = |e| at(folder, "cannot be written", e);
        bytes.clear();
        let mut entries = Vec::with_capacity(records.len());
        for (group, record) in (0_u32..).zip(records) {
            let index = index + u64::from(group);
            let (record, lists) = list::named(record);
            blob::write(folder, &lists).map_err(wrong)?;
            let start = bytes.len();
            let mut entry = segment::frame(&mut bytes, index, group, |out| record.canonical_into(out))?;
            if entry.len() > segment::MAX_ENTRY {
                let whole = bytes.get(entry).unwrap_or_default().to_vec();
                let cut = blob::cut(&record, &whole);
                let named: Vec<_> = cut.whole.iter().map(|name| (name.clone(), whole.clone())).collect();
                blob::write(folder, &named).map_err(wrong)?;
                bytes.truncate(start);
                entry = segment::frame(&mut bytes, index, group, |out| cut.canonical_into(out))?;
            }
            entries.push(entry);
        }
        let first = records.first().map(|record| record.at);
        let last = records.iter().map(|record| record.ended_at.unwrap_or(record.at)).max();
        Ok(Self { bytes, entries, first, last })
    }
}

impl Journal for Log {
    fn append(&mut self, records: &[Record]) -> Result<(), Error> {
        self.check_process()?;
        if self.poisoned {
            return Err(Error::new(ErrorKind::Log, "the log failed before and takes no more entries"));
        }
        if records.is_empty() {
            return Ok(());
        }
        match self.write(records) {
            Ok(()) => {
                if self.leaves && records.iter().any(|record| record.gap.is_some()) {
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

/// Writes a file of a log's folder durably, and whole or not at all.
pub(in crate::audit) fn put(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let fresh = folder.join(format!("{name}.new"));
    let mut file = create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, folder.join(name))?;
    sync_folder(folder)
}

/// Makes files durable, several at a time: a disk flushes once for all who wait.
pub(in crate::audit) fn sync_files(paths: &[PathBuf]) -> io::Result<()> {
    const AT_ONCE: usize = 64;
    let sync = |paths: &[PathBuf]| paths.iter().try_for_each(|path| File::open(path)?.sync_all());
    if paths.len() < 2 {
        return sync(paths);
    }
    thread::scope(|scope| {
        let parts = paths.chunks(paths.len().div_ceil(AT_ONCE).max(1));
        let running: Vec<_> = parts.map(|part| scope.spawn(move || sync(part))).collect();
        let ended = running.into_iter().map(|part| part.join());
        ended
            .into_iter()
            .try_for_each(|ended| ended.unwrap_or_else(|_| Err(io::Error::other("a thread ended early"))))
    })
}

/// What is wrong with a log, and which.
pub(in crate::audit) fn at(folder: &Path, what: &str, e: io::Error) -> Error {
    Error::new(ErrorKind::Log, format!("the log {} {what}", folder.display())).with_source(e)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Filter, Kind, NoKeeper, query, verify};
    use crate::clock::Timestamp;

    fn record(number: i64) -> Record {
        Record::new(Kind::Exchange, format!("rec_{number}").as_str().into(), Timestamp::from_millis(number))
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_failed_write_poisons_and_keeps_what_was_acknowledged() {
        let state = tempfile::tempdir().unwrap();
        let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 4_096).unwrap();
        log.append(&[record(0)]).unwrap();
        let good = std::mem::replace(
            &mut log.segment,
            Box::new(File::options().write(true).open("/dev/full").unwrap()),
        );
        assert_eq!(log.append(&[record(1)]).unwrap_err().kind(), ErrorKind::Log);
        log.segment = good;
        assert!(log.append(&[record(2)]).is_err(), "never tried again");
        drop(log);
        assert!(verify(state.path(), &[]).unwrap().is_sound());
        assert_eq!(query(state.path(), &Filter::default()).unwrap().len(), 1);
        assert_eq!(Log::open_with(state.path(), Box::new(NoKeeper), 4_096).unwrap().size(), 1);
    }

    /// A disk on which one operation fails, after it did a part of its work or none.
    struct Faulty {
        file: File,
        /// How many operations go well before.
        good: usize,
        /// How much of a write arrives all the same.
        part: usize,
    }

    impl Faulty {
        fn next(&mut self) -> io::Result<()> {
            // EIO on Linux and elsewhere.
            self.good = self.good.checked_sub(1).ok_or_else(|| io::Error::from_raw_os_error(5))?;
            Ok(())
        }
    }

    impl Disk for Faulty {
        fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
            let good = self.next();
            let whole = if good.is_ok() { bytes } else { &bytes[..self.part.min(bytes.len())] };
            self.file.write_at(at, whole)?;
            good
        }

        fn sync(&mut self) -> io::Result<()> {
            self.next()?;
            self.file.sync()
        }

        fn room(&self) -> io::Result<u64> {
            self.file.room()
        }

        fn cut(&mut self, length: u64) -> io::Result<()> {
            self.next()?;
            self.file.cut(length)
        }
    }

    #[test]
    fn whatever_operation_fails_what_was_acknowledged_is_there_and_nothing_else_is_signed() {
        for good in 0..12 {
            for part in [0, 10, 300, usize::MAX] {
                let state = tempfile::tempdir().unwrap();
                let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 1 << 18).unwrap();
                let path = segment::path(&log.folder, 1);
                let file = File::options().write(true).open(path).unwrap();
                log.segment = Box::new(Faulty { file, good, part });
                let mut acknowledged = 0;
                // Clocks jump back; three at a time.
                for group in 0..8_i64 {
                    let records: Vec<Record> = (0..3).map(|n| record(1_000 - group * 100 + n)).collect();
                    match log.append(&records) {
                        Ok(()) => acknowledged += 3,
                        Err(error) => assert_eq!(error.kind(), ErrorKind::Log),
                    }
                    let _ = log.checkpoint();
                }
                assert_eq!(acknowledged, 3 * (good / 2), "poisoned from the first failure on");
                drop(log);
                let report = verify(state.path(), &[]).unwrap();
                assert!(report.is_sound(), "{good} {part}: {report:?}");
                assert_eq!(report.logs[0].signed, acknowledged as u64);
                let log = Log::open_with(state.path(), Box::new(NoKeeper), 1 << 18).unwrap();
                // A group that arrived whole and was not acknowledged may be there: nobody relied on it.
                assert!(log.size() == acknowledged as u64 || log.size() <= acknowledged as u64 + 3);
                drop(log);
                assert!(verify(state.path(), &[]).unwrap().is_sound());
                let there = query(state.path(), &Filter::default()).unwrap();
                assert!(there.len() >= acknowledged && there.iter().all(Result::is_ok));
            }
        }
    }

    #[test]
    fn of_several_groups_at_once_all_are_acknowledged_or_none_and_none_is_skipped() {
        const MANY: usize = 3 * GROUP + 7;
        let records: Vec<Record> = (0..MANY as i64).map(record).collect();
        for good in 0..=8 {
            let state = tempfile::tempdir().unwrap();
            let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 1 << 20).unwrap();
            let path = segment::path(&log.folder, 1);
            let file = File::options().write(true).open(path).unwrap();
            log.segment = Box::new(Faulty { file, good, part: 300 });
            // A write and a sync each.
            assert_eq!(log.append(&records).is_ok(), good == 8, "{good}");
            let _ = log.checkpoint();
            drop(log);
            let report = verify(state.path(), &[]).unwrap();
            assert!(report.is_sound(), "{good}: {report:?}");
            assert_eq!(report.logs[0].signed, if good == 8 { MANY as u64 } else { 0 });
            let there = query(state.path(), &Filter::default()).unwrap();
            let there: Vec<Record> = there.into_iter().map(|entry| entry.unwrap().record).collect();
            assert!(there.len() >= (good / 2 * GROUP).min(MANY), "{good}: what was synced is there");
            assert_eq!(there, records[..there.len()], "{good}: in order, and from the first on");
        }
    }

    #[test]
    fn many_records_at_once_are_the_log_that_one_by_one_makes() {
        let records: Vec<Record> = (0..2_000).map(record).collect();
        let roots = [1, 100, 2_000].map(|together| {
            let state = tempfile::tempdir().unwrap();
            // Segments end within what is appended at once.
            let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 20_000).unwrap();
            records.chunks(together).for_each(|some| log.append(some).unwrap());
            log.checkpoint().unwrap();
            let root = log.tiles.tree().root();
            drop(log);
            let report = verify(state.path(), &[]).unwrap();
            assert!(report.is_sound() && report.logs[0].signed == 2_000, "{report:?}");
            root
        });
        assert!(roots.iter().all(|root| *root == roots[0]));
    }

    #[test]
    fn a_segment_that_was_made_ready_is_as_any_other() {
        const ROOM: u64 = 2 * HEADER;
        let records: Vec<Record> = (0..20_000).map(record).collect();
        // With the spare; where it cannot be made; where somebody takes it away.
        let logs = ["spare", "none", "lost"].map(|kind| {
            let state = tempfile::tempdir().unwrap();
            let mut log = Log::open_with(state.path(), Box::new(NoKeeper), ROOM).unwrap();
            let spare = log.folder.join("seg/spare");
            if kind == "none" {
                fs::create_dir(&spare).unwrap();
            }
            for some in records.chunks(50) {
                log.append(some).unwrap();
                if kind == "lost" {
                    let _ = fs::remove_file(&spare);
                }
                assert!(kind != "spare" || log.at < ROOM / 2 || log.spare.is_tried(), "at {}", log.at);
                // What is not written yet is zeros, for an end that is no entry would be told as one.
                assert!(log.zeros >= log.at && log.segment.room().unwrap() >= ROOM.min(log.zeros));
            }
            assert!(log.number > 2, "{}", log.number);
            let (root, number) = (log.tiles.tree().root(), log.number);
            log.checkpoint().unwrap();
            // Whoever reads meanwhile does not take it for a segment.
            assert!(verify(state.path(), &[]).unwrap().is_sound());
            drop(log);
            assert_eq!(spare.exists(), kind == "none", "nothing is left behind");
            let report = verify(state.path(), &[]).unwrap();
            assert!(report.is_sound() && report.logs[0].signed == 20_000, "{report:?}");
            let log = Log::open_with(state.path(), Box::new(NoKeeper), ROOM).unwrap();
            assert_eq!((log.size(), log.cleared), (20_000, None));
            (root, number)
        });
        assert!(logs.iter().all(|log| *log == logs[0]));
    }

    #[test]
    fn a_short_log_and_one_that_a_writer_hardly_adds_to_have_no_spare() {
        let state = tempfile::tempdir().unwrap();
        let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 4 * HEADER).unwrap();
        while log.at < 2 * HEADER {
            assert!(!log.spare.is_tried());
            log.append(&[record(0), record(1), record(2)]).unwrap();
        }
        assert!(log.spare.is_tried());
        drop(log);
        let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 4 * HEADER).unwrap();
        log.append(&[record(0)]).unwrap();
        assert!(!log.spare.is_tried() && !log.folder.join("seg/spare").exists());
    }

    #[test]
    fn what_a_writer_that_died_left_of_the_next_segment_is_no_segment() {
        let state = tempfile::tempdir().unwrap();
        let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 2 * HEADER).unwrap();
        log.append(&[record(0)]).unwrap();
        let (segments, first) = (log.folder.join("seg"), segment::path(&log.folder, 1));
        drop(log);
        // Zeros, and what could be a segment of an earlier time, under both names that it has before it is one.
        for bytes in [vec![0; 1_000], fs::read(&first).unwrap()] {
            fs::write(segments.join("spare"), &bytes).unwrap();
            fs::write(segments.join("000000000002.new"), &bytes).unwrap();
            assert!(verify(state.path(), &[]).unwrap().is_sound());
            let log = Log::open_with(state.path(), Box::new(NoKeeper), 2 * HEADER).unwrap();
            assert_eq!((log.size(), log.number), (1, 1));
            assert!(!segments.join("spare").exists() && !segments.join("000000000002.new").exists());
        }
        let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 2 * HEADER).unwrap();
        let many: Vec<Record> = (1..9_000).map(record).collect();
        many.chunks(50).for_each(|some| log.append(some).unwrap());
        assert!(log.number > 1);
        drop(log);
        assert!(verify(state.path(), &[]).unwrap().is_sound());
        assert_eq!(query(state.path(), &Filter::default()).unwrap().len(), 9_000);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error_and_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state");
        fs::write(&file, b"a file where a folder should be").unwrap();
        assert_eq!(Log::open(&file, Box::new(NoKeeper)).unwrap_err().kind(), ErrorKind::Log);
        // A log that turns so while it is written, too: no segment can follow.
        let state = folder.path().join("other");
        let mut log = Log::open_with(&state, Box::new(NoKeeper), 4_096).unwrap();
        log.append(&[record(0)]).unwrap();
        log.checkpoint().unwrap();
        let (segments, away) = (log.folder.join("seg"), log.folder.join("away"));
        fs::rename(&segments, &away).unwrap();
        fs::write(&segments, b"").unwrap();
        let many: Vec<Record> = (1..1_500).map(record).collect();
        assert_eq!(log.append(&many).unwrap_err().kind(), ErrorKind::Log);
        drop(log);
        fs::remove_file(&segments).unwrap();
        fs::rename(&away, &segments).unwrap();
        assert!(verify(&state, &[]).unwrap().is_sound());
        assert_eq!(Log::open_with(&state, Box::new(NoKeeper), 4_096).unwrap().size(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let read_only = folder.path().join("read-only");
            fs::create_dir(&read_only).unwrap();
            fs::set_permissions(&read_only, fs::Permissions::from_mode(0o500)).unwrap();
            // Nobody forbids root anything.
            if fs::write(read_only.join("probe"), b"").is_err() {
                assert_eq!(Log::open(&read_only, Box::new(NoKeeper)).unwrap_err().kind(), ErrorKind::Log);
            }
        }
    }

    #[test]
    fn a_forked_child_neither_writes_nor_signs() {
        let state = tempfile::tempdir().unwrap();
        let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 4_096).unwrap();
        log.append(&[record(0)]).unwrap();
        log.process = log.process.wrapping_add(1);
        assert!(log.append(&[record(1)]).is_err());
        assert!(log.checkpoint().is_err());
        drop(log);
        assert_eq!(verify(state.path(), &[]).unwrap().logs[0].signed, 0);
    }

    #[test]
    fn a_lost_key_is_not_replaced() {
        let state = tempfile::tempdir().unwrap();
        drop(Log::open_with(state.path(), Box::new(NoKeeper), 4_096).unwrap());
        let folder = state.path().join("log/w0001");
        let public = fs::read(folder.join("key.pub")).unwrap();
        fs::remove_file(folder.join("key")).unwrap();
        assert!(Log::open_with(state.path(), Box::new(NoKeeper), 4_096).is_err());
        assert_eq!(fs::read(folder.join("key.pub")).unwrap(), public);
    }
}
