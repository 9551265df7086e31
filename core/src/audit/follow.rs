//! Following the logs of a state folder: every entry once it is signed, in order, from where it was left.
//!
//! A position is told apart from the delivery: whoever ships entries keeps the [`Position`] after they have arrived, so a shipper that dies
//! ships some of them twice and none never. Where the log does not go on from there (it was rolled back, or is another one) nothing is
//! shipped and that is said.
//!
//! ```
//! use wardline::audit::{Follower, Journal, Kind, Log, NoKeeper, Position, Record};
//! use wardline::clock::Timestamp;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let state = tempfile::tempdir()?;
//! let mut log = Log::open(state.path(), Box::new(NoKeeper))?;
//! log.append(&[Record::new(Kind::Exchange, "rec_1".into(), Timestamp::from_millis(1))])?;
//! log.checkpoint()?;
//! let mut follower = Follower::new(state.path(), Position::default());
//! let batch = follower.next(100)?;
//! assert_eq!(batch.entries[0].record.id.as_str(), "rec_1");
//! // Delivered: from here on.
//! let mut follower = Follower::new(state.path(), batch.position);
//! assert!(follower.next(100)?.entries.is_empty());
//! # Ok(()) }
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::export::Event;
use super::log::segment;
use super::note::Checkpoint;
use super::read::{self, Mark};
use super::record::Record;
use crate::error::{Error, ErrorKind};

/// How far each log was followed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    logs: BTreeMap<String, Place>,
}

/// How far one log was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    next: Mark,
    /// The newest entry that was read, and its record: it stands where it stood, or this is another log.
    last: Option<(Mark, String)>,
}

/// An entry that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// The name of its log, as its checkpoints carry it.
    pub log: String,
    /// Its index there.
    pub index: u64,
    /// What it holds.
    pub record: Record,
}

impl Followed {
    /// The same as it is exported.
    pub fn event(&self) -> Event<'_> {
        Event { log: &self.log, index: self.index, record: &self.record }
    }
}

/// What came since.
#[derive(Debug)]
pub struct Batch {
    /// The entries, log by log in order.
    pub entries: Vec<Followed>,
    /// An error for each entry that cannot be read: the rest goes on.
    pub unread: Vec<Error>,
    /// Where to go on once they are delivered.
    pub position: Position,
}

/// Reads what is signed and was not read yet.
#[derive(Debug)]
pub struct Follower {
    state: PathBuf,
    position: Position,
}

impl Follower {
    /// Of a state folder, from a position on; the default one is the beginning.
    pub fn new(state: &Path, position: Position) -> Self {
        Self { state: state.to_owned(), position }
    }

    /// The next entries, at most so many; none where nothing is new.
    ///
    /// # Errors
    /// [`ErrorKind::Log`] where a log cannot be read, or does not go on from the position.
    pub fn next(&mut self, most: usize) -> Result<Batch, Error> {
        let (mut entries, mut unread) = (Vec::new(), Vec::new());
        for slot in read::slots(&self.state)? {
            let folder = self.state.join("log").join(&slot);
            // A batch that ends at what cannot be read begins there once more.
            let left = most.max(2).saturating_sub(entries.len());
            if left > 0 && folder.join("seg").exists() {
                self.one(&folder, slot, left, &mut entries, &mut unread)?;
            }
        }
        if let Some(slot) = self.position.logs.keys().find(|slot| !self.state.join("log").join(slot).exists())
        {
            return Err(Error::new(ErrorKind::Log, format!("the log {slot} that was followed is gone")));
        }
        Ok(Batch { entries, unread, position: self.position.clone() })
    }

    fn one(
        &mut self,
        folder: &Path,
        slot: String,
        left: usize,
        entries: &mut Vec<Followed>,
        unread: &mut Vec<Error>,
    ) -> Result<(), Error> {
        let place = self.position.logs.get(&slot).cloned();
        let mut place = place.unwrap_or(Place { next: Mark::START, last: None });
        let first = segment::numbers(folder).ok().and_then(|numbers| numbers.first().copied()).unwrap_or(1);
        let pruned = place.last.as_ref().is_some_and(|(mark, _)| mark.segment < first);
        if let Some((mark, id)) = &place.last
            && !pruned
            && !read::stands(folder, *mark, id)
        {
            let message =
                format!("the log {slot} does not go on from where it was followed to (entry {})", mark.index);
            return Err(Error::new(ErrorKind::Log, message));
        }
        // What is not signed may not be on disk yet, and a power cut would take it back.
        let note = fs::read_to_string(folder.join("checkpoint")).unwrap_or_default();
        let Ok(Checkpoint { origin, size: signed, .. }) = Checkpoint::read(&note) else { return Ok(()) };
        if place.next.index >= signed {
            return Ok(());
        }
        let (mut taken, next) = (0, place.next.index);
        let mut skipped = None;
        place.next = read::entries_from(folder, place.next, &mut |mark, record| {
            if pruned && taken == 0 && mark.index > next {
                skipped = Some(mark.index);
                return false;
            }
            match record {
                Ok(record) => {
                    place.last = Some((mark, record.id.as_str().to_owned()));
                    entries.push(Followed { log: origin.clone(), index: mark.index, record });
                }
                Err(error) => unread.push(error),
            }
            taken += 1;
            taken < left && mark.index + 1 < signed
        })?;
        if let Some(index) = skipped {
            let message =
                format!("entries {next} to {} of {slot} were pruned before they were followed", index - 1);
            return Err(Error::new(ErrorKind::Log, message));
        }
        self.position.logs.insert(slot, place);
        Ok(())
    }
}
