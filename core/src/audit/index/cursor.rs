//! Where a page begins: a place in the order of all records, which stays what it is while records are added and where the index is made anew.

use std::fmt;
use std::str::FromStr;

use crate::audit::Entry;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::model::RecordId;

/// A record's place in the order of all records: by time, then by id. Written `2026-11-25T06:25:00Z/rec_...`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    pub(super) at: Timestamp,
    pub(super) id: RecordId,
}

impl Entry {
    /// Where it stands among all records.
    pub fn cursor(&self) -> Cursor {
        Cursor { at: self.record.at, id: self.record.id.clone() }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.at, self.id)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong =
            || Error::new(ErrorKind::Input, "not a cursor: expected one that a listing gave, TIME/RECORD");
        let (at, id) = text.split_once('/').ok_or_else(wrong)?;
        Ok(Self { at: at.parse().map_err(|_| wrong())?, id: RecordId::from(id) })
    }
}

/// Which part of what fits: so many before a place, the newest first of all, or so many after one.
#[derive(Debug, Clone)]
pub struct Page {
    pub(super) limit: usize,
    pub(super) from: Option<Cursor>,
    pub(super) newer: bool,
}

impl Page {
    /// The newest `limit`.
    pub fn newest(limit: usize) -> Self {
        Self { limit, from: None, newer: false }
    }

    /// The oldest `limit`.
    pub fn oldest(limit: usize) -> Self {
        Self { limit, from: None, newer: true }
    }

    /// The `limit` that come before a record.
    pub fn before(cursor: Cursor, limit: usize) -> Self {
        Self { limit, from: Some(cursor), newer: false }
    }

    /// The `limit` that come after a record.
    pub fn after(cursor: Cursor, limit: usize) -> Self {
        Self { limit, from: Some(cursor), newer: true }
    }
}
