//! Reading a log as it is written: its entries one after the other, or one by its place.
//!
//! A reader asks no signature: [`verify`](super::verify) does. It goes on behind what it cannot read, so that one bad entry hides no other,
//! and begins in the middle where it was before.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::log::segment::{self, Step};
use super::note::Checkpoint;
use super::{Record, blob};
use crate::error::{Error, ErrorKind};

/// A place between two entries of a log: how far it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The segment's number.
    pub(super) segment: u64,
    /// The place in its file; 0 where not even its header was read.
    pub(super) at: u64,
    /// The index of the entry that comes next.
    pub(super) index: u64,
}

impl Mark {
    /// Before the first entry.
    pub(super) const START: Self = Self { segment: 0, at: 0, index: 0 };
}

/// Hears of each entry: where it stands, and its record, or that it cannot be read. Says whether to go on.
type Each<'e> = dyn FnMut(Mark, Result<Record, Error>) -> bool + 'e;

/// The same with the entry as it is written.
type EachFrame<'e> = dyn FnMut(Mark, Result<&[u8], Error>) -> bool + 'e;

/// The slots of a state folder, in order.
pub(super) fn slots(state: &Path) -> Result<Vec<String>, Error> {
    let folder = state.join("log");
    let unreadable =
        |e| Error::new(ErrorKind::Log, format!("{} cannot be read", folder.display())).with_source(e);
    let mut slots = Vec::new();
    match fs::read_dir(&folder) {
        Ok(entries) => {
            for entry in entries {
                let entry = entry.map_err(unreadable)?;
                if let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string())
                    && kind.is_dir()
                {
                    slots.push(name);
                }
            }
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(unreadable(e)),
    }
    slots.sort();
    Ok(slots)
}

/// The good entries of one log, and an error for each place that is not.
pub(super) fn entries(folder: &Path, each: &mut dyn FnMut(u64, Result<Record, Error>)) -> Result<(), Error> {
    let read = entries_from(folder, Mark::START, &mut |mark, record| {
        each(mark.index, record);
        true
    });
    read.map(drop)
}

/// The same from a mark on, for as long as `each` goes on; where it ended.
pub(super) fn entries_from(folder: &Path, from: Mark, each: &mut Each<'_>) -> Result<Mark, Error> {
    frames_from(folder, from, &mut |mark, bytes| each(mark, bytes.and_then(|bytes| whole(folder, bytes))))
}

/// The good entries of one log as they are written.
pub(super) fn frames(folder: &Path, each: &mut dyn FnMut(u64, &[u8])) -> Result<(), Error> {
    let read = frames_from(folder, Mark::START, &mut |mark, bytes| {
        if let Ok(bytes) = bytes {
            each(mark.index, bytes);
        }
        true
    });
    read.map(drop)
}

/// The entry that stands at `mark` in an open segment; `None` where another or none stands there.
pub(super) fn entry_at(folder: &Path, segment: &File, mark: Mark) -> Result<Option<Record>, Error> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = segment;
        file.seek(SeekFrom::Start(mark.at))?;
        let mut bytes = vec![0; segment::FRAME];
        file.read_exact(&mut bytes)?;
        let rest = segment::length(&bytes).min(segment::MAX_ENTRY);
        file.take(rest as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = match read() {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(e) => return Err(super::log::at(folder, "cannot be read", e)),
    };
    match segment::step(&bytes, 0) {
        Step::Frame(frame) if frame.index == mark.index => whole(folder, frame.record).map(Some),
        _ => Ok(None),
    }
}

/// Whether the record of this id stands at `mark`: a log in which it does not was rolled back, or is another one.
pub(super) fn stands(folder: &Path, mark: Mark, id: &str) -> bool {
    let file = File::open(segment::path(folder, mark.segment)).ok();
    let record = file.and_then(|file| entry_at(folder, &file, mark).ok().flatten());
    record.is_some_and(|record| record.id.as_str() == id)
}

/// The record of an entry, from beside the log where the entry is cut short.
fn whole(folder: &Path, bytes: &[u8]) -> Result<Record, Error> {
    let record = Record::read(bytes)?;
    match &record.whole {
        Some(blob) => Record::read(&blob::read(folder, blob)?),
        None => Ok(record),
    }
}

fn frames_from(folder: &Path, from: Mark, each: &mut EachFrame<'_>) -> Result<Mark, Error> {
    let unreadable = |e| super::log::at(folder, "cannot be read", e);
    let note = fs::read_to_string(folder.join("checkpoint")).unwrap_or_default();
    let signed = Checkpoint::read(&note).map_or(0, |checkpoint| checkpoint.size);
    let numbers = segment::numbers(folder).map_err(unreadable)?;
    let mut mark = from;
    for number in numbers.iter().copied().filter(|number| *number >= from.segment) {
        if number > mark.segment {
            mark = Mark { segment: number, at: 0, ..mark };
        }
        let last = numbers.last() == Some(&number);
        let mut file = File::open(segment::path(folder, number)).map_err(unreadable)?;
        if mark.at > 0 && last && mark.index >= signed && is_still(&mut file, mark.at).map_err(unreadable)? {
            break;
        }
        file.seek(SeekFrom::Start(mark.at)).map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(unreadable)?;
        let base = mark.at;
        let mut place = 0;
        if base == 0 {
            let Some((tree, first)) = segment::read_header(&bytes) else {
                let message = format!("segment {number} of {} has no good header", folder.display());
                if !each(mark, Err(Error::new(ErrorKind::Log, message))) {
                    return Ok(mark);
                }
                continue;
            };
            (mark.index, place) = (tree.size(), first);
        }
        loop {
            mark.at = base + place as u64;
            match segment::step(&bytes, place) {
                Step::Frame(frame) => {
                    let on = each(Mark { index: frame.index, ..mark }, Ok(frame.record));
                    (place, mark.index) = (frame.next, frame.index + 1);
                    if !on {
                        return Ok(Mark { at: base + place as u64, ..mark });
                    }
                }
                Step::End => break,
                Step::Bad if mark.index >= signed && segment::torn(&bytes, place, mark.index).is_some() => {
                    break;
                }
                Step::Bad => {
                    let message = format!("entry {} of {} was altered", mark.index, folder.display());
                    // To stop here is to come back here: a reader that wants less hears of this place again.
                    if !each(mark, Err(Error::new(ErrorKind::Log, message))) {
                        return Ok(mark);
                    }
                    match segment::resume(segment::used(&bytes), place + 1, mark.index) {
                        Some((next, _)) => place = next,
                        None => break,
                    }
                }
            }
        }
    }
    Ok(mark)
}

/// Whether nothing was written at a place since: the room of one entry is zeros. Saves reading what a segment reserves.
fn is_still(file: &mut File, at: u64) -> io::Result<bool> {
    let mut room = Vec::new();
    file.seek(SeekFrom::Start(at))?;
    file.take((segment::FRAME + segment::MAX_ENTRY) as u64).read_to_end(&mut room)?;
    Ok(room.iter().all(|byte| *byte == 0))
}
