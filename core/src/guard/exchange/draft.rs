//! The record of an exchange while it is written: taken out once, whole, when the exchange ends.

use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;

use crate::audit::{Kind, Record};
use crate::clock::Timestamp;
use crate::model::RecordId;

/// A record on its way; behind its end an empty one.
pub(super) struct Draft(Option<Box<Record>>);

static EMPTY: LazyLock<Record> = LazyLock::new(empty);

fn empty() -> Record {
    Record::new(Kind::Exchange, RecordId::from(""), Timestamp::default())
}

impl Draft {
    pub(super) fn new(record: Box<Record>) -> Self {
        Self(Some(record))
    }

    /// The record as it stands now, the first time.
    pub(super) fn take(&mut self) -> Option<Box<Record>> {
        self.0.take()
    }
}

impl Deref for Draft {
    type Target = Record;

    fn deref(&self) -> &Record {
        self.0.as_deref().unwrap_or_else(|| &EMPTY)
    }
}

impl DerefMut for Draft {
    fn deref_mut(&mut self) -> &mut Record {
        self.0.get_or_insert_with(|| Box::new(empty()))
    }
}
