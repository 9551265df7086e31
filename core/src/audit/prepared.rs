//! Records whose entries were made before the log takes them.
//!
//! What an entry says is made by the one thread that writes a log, while nobody's entry is on its way to the disk: by 16 records that is a quarter of what a group
//! takes. Whoever waits for a record has time meanwhile, and a thread of its own.
//!
//! ```
//! use wardline::audit::{Kind, Prepared, Record};
//! use wardline::clock::Timestamp;
//! use wardline::model::RecordId;
//!
//! let record = Record::new(Kind::Begin, RecordId::fresh(), Timestamp::from_millis(0));
//! let prepared = Prepared::new(record.clone());
//! assert_eq!(prepared.record(), &record);
//! ```

use super::log::MAX_ENTRY;
use super::{Record, list};

/// A record, and the bytes of its entry where they are made already. It cannot be altered, so that they stay those of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    record: Record,
    /// Empty where the log is to make them.
    entry: Vec<u8>,
}

impl Prepared {
    /// Makes the entry of a record, but for one that needs files beside the log or is longer than an entry may be: that is left to the log.
    pub fn new(record: Record) -> Self {
        let mut entry = Vec::new();
        let plain = !list::is_needed(&record) && record.canonical_into(&mut entry).is_ok();
        if !plain || entry.len() > MAX_ENTRY {
            entry = Vec::new();
        }
        Self { record, entry }
    }

    /// The record.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The record, without its entry.
    pub fn into_record(self) -> Record {
        self.record
    }
}

/// One whose entry is made by the log as it takes it.
impl From<Record> for Prepared {
    fn from(record: Record) -> Self {
        Self { record, entry: Vec::new() }
    }
}

/// What a log can append.
pub(super) trait Append: Sync {
    /// The record.
    fn record(&self) -> &Record;
    /// Its entry, where it is made.
    fn entry(&self) -> Option<&[u8]>;
}

impl Append for Record {
    fn record(&self) -> &Record {
        self
    }

    fn entry(&self) -> Option<&[u8]> {
        None
    }
}

impl Append for Prepared {
    fn record(&self) -> &Record {
        &self.record
    }

    fn entry(&self) -> Option<&[u8]> {
        (!self.entry.is_empty()).then_some(&self.entry)
    }
}
