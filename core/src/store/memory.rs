//! A store in this process's memory: for tests, for policies without a state folder, and as the reference of the others.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Changes, Put, Row, Store, Write};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::error::Error;

/// Revisioned tables in memory. They end with it.
pub struct MemoryStore {
    clock: SteadyClock,
    rows: Mutex<Rows>,
}

#[derive(Default)]
struct Rows {
    revision: u64,
    tables: BTreeMap<String, Table>,
}

#[derive(Default)]
struct Table {
    by_key: BTreeMap<String, (u64, Vec<u8>)>,
    by_rev: BTreeMap<(u64, String), ()>,
}

impl MemoryStore {
    /// An empty store on the machine's clock.
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// An empty store on another clock.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { clock: SteadyClock::new(clock), rows: Mutex::default() }
    }

    // A panic elsewhere cannot leave a commit half done: rows change only after every condition was checked.
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    fn now(&self) -> Result<Timestamp, Error> {
        Ok(self.clock.now())
    }

    fn revision(&self) -> Result<u64, Error> {
        Ok(self.rows().revision)
    }

    fn get(&self, table: &str, key: &str) -> Result<Option<Row>, Error> {
        Ok(self.rows().tables.get(table).and_then(|table| table.row(key)))
    }

    fn read_since(&self, table: &str, rev: u64) -> Result<Changes, Error> {
        let rows = self.rows();
        let changed = rows.tables.get(table).map_or_else(Vec::new, |table| {
            let from = (rev.saturating_add(1), String::new());
            table.by_rev.range(from..).filter_map(|((_, key), ())| table.row(key)).collect()
        });
        Ok(Changes { revision: rows.revision, rows: changed })
    }

    fn commit(&self, writes: &[Write<'_>]) -> Result<Put, Error> {
        writes.iter().try_for_each(Write::check)?;
        let mut rows = self.rows();
        let now = self.clock.now();
        let stands = |write: &Write<'_>| {
            let rev = rows
                .tables
                .get(write.table)
                .and_then(|table| table.by_key.get(write.key))
                .map(|(rev, _)| *rev);
            rev == write.expect && write.before.is_none_or(|before| now < before)
        };
        if !writes.iter().all(stands) {
            return Ok(Put::Lost);
        }
        rows.revision += 1;
        let revision = rows.revision;
        for write in writes {
            rows.tables.entry(write.table.to_owned()).or_default().write(write, revision);
        }
        Ok(Put::Done(revision))
    }
}

impl Table {
    fn row(&self, key: &str) -> Option<Row> {
        self.by_key.get(key).map(|(rev, value)| Row { key: key.to_owned(), rev: *rev, value: value.clone() })
    }

    fn write(&mut self, write: &Write<'_>, rev: u64) {
        let key = write.key.to_owned();
        if let Some((old, _)) = self.by_key.insert(key.clone(), (rev, write.value.to_vec())) {
            self.by_rev.remove(&(old, key.clone()));
        }
        self.by_rev.insert((rev, key), ());
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").field("revision", &self.rows().revision).finish_non_exhaustive()
    }
}

/// A clock that never steps back in this process: what has expired stays so when someone sets the machine's clock.
pub(super) struct SteadyClock {
    clock: Arc<dyn Clock>,
    latest: AtomicI64,
}

impl SteadyClock {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, latest: AtomicI64::new(i64::MIN) }
    }

    pub(super) fn now(&self) -> Timestamp {
        let now = self.clock.now().millis();
        Timestamp::from_millis(self.latest.fetch_max(now, Ordering::SeqCst).max(now))
    }
}
