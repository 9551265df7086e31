//! What could not be recorded is counted until it can be said in the log: how much, and between when.

use std::sync::{Mutex, PoisonError};

use crate::audit::{Gap, Kind, Record};
use crate::model::Verdict;

/// The records that were lost since the log was told last.
#[derive(Debug, Default)]
pub(super) struct Lost(Mutex<Option<Gap>>);

impl Lost {
    /// Notes a record that is not in the log. The begin of an exchange is not counted: its end is, whatever became of it.
    pub(super) fn note(&self, record: &Record) {
        if record.kind == Kind::Begin {
            return;
        }
        let until = record.ended_at.unwrap_or(record.at);
        let went_on = record.change.is_none() && record.enforced == Some(Verdict::Allow);
        let own = Gap { entries: 1, went_on: u64::from(went_on), from: record.at.min(until), until };
        self.put_back(record.gap.clone().unwrap_or(own));
    }

    /// What is to be said now.
    pub(super) fn take(&self) -> Option<Gap> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// It is still to be said: it counts with what is lost after it.
    pub(super) fn put_back(&self, gap: Gap) {
        let mut lost = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *lost = Some(match lost.take() {
            Some(before) => before.joined(&gap),
            None => gap,
        });
    }
}
