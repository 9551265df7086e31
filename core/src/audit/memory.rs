//! A journal in memory, for policies without a state folder and for tests: the newest records, and nothing signed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Journal, Record};
use crate::error::Error;

/// How many records are remembered.
const NEWEST: usize = 65_536;

/// The newest records of a process. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryJournal(Arc<Mutex<VecDeque<Record>>>);

impl MemoryJournal {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// What it remembers, oldest first.
    pub fn records(&self) -> Vec<Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl Journal for MemoryJournal {
    fn append(&mut self, records: &[Record]) -> Result<(), Error> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(records.iter().cloned());
        let excess = kept.len().saturating_sub(NEWEST);
        kept.drain(..excess);
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn origin(&self) -> &str {
        "memory"
    }
}
