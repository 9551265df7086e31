//! A journal in memory, for policies without a state folder and for tests: the newest records, and nothing signed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::query::Merge;
use super::{Entry, Filter, Journal, Prepared, Record};
use crate::error::Error;

/// How many records are remembered.
const NEWEST: usize = 65_536;

const ORIGIN: &str = "memory";

/// The newest records of a process. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryJournal(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    records: VecDeque<Record>,
    /// How many older ones were let go.
    gone: u64,
}

impl MemoryJournal {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// What it remembers, oldest first.
    pub fn records(&self) -> Vec<Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).records.iter().cloned().collect()
    }

    /// The records that fit, oldest first, as [`query`](super::query) gives those on disk.
    pub fn query(&self, filter: &Filter) -> Vec<Entry> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut merge = Merge::new(ORIGIN, |record: &Record| Ok(filter.fits(record)));
        // Nothing lies beside a memory, so no question fails.
        let added =
            (kept.gone..).zip(&kept.records).try_for_each(|(at, record)| merge.add(at, record.clone()));
        let mut found = added.and_then(|()| merge.finish()).unwrap_or_default();
        found.sort_by(|a, b| (a.record.at, &a.record.id).cmp(&(b.record.at, &b.record.id)));
        found
    }

    fn keep(&self, records: impl Iterator<Item = Record>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.records.extend(records);
        let excess = kept.records.len().saturating_sub(NEWEST);
        kept.records.drain(..excess);
        kept.gone += excess as u64;
    }
}

impl Journal for MemoryJournal {
    fn append(&mut self, records: &[Record]) -> Result<(), Error> {
        self.keep(records.iter().cloned());
        Ok(())
    }

    fn append_prepared(&mut self, records: &[Prepared]) -> Result<(), Error> {
        self.keep(records.iter().map(|prepared| prepared.record().clone()));
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn origin(&self) -> &str {
        ORIGIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Kind;
    use crate::clock::Timestamp;

    #[test]
    fn it_answers_as_the_log_on_disk_does() {
        let mut journal = MemoryJournal::new();
        let record = |kind, id: &str| Record::new(kind, id.into(), Timestamp::from_millis(1));
        let records =
            [record(Kind::Begin, "rec_1"), record(Kind::Begin, "rec_2"), record(Kind::End, "rec_1")];
        journal.append(&records).unwrap();
        let found = journal.query(&Filter::default());
        let places: Vec<_> = found.iter().map(|entry| (entry.index, entry.complete)).collect();
        assert_eq!(places, [(2, true), (1, false)]);
        let filter = Filter { id: Some("rec_2".into()), ..Filter::default() };
        assert_eq!(journal.query(&filter).len(), 1);
    }
}
