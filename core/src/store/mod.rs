//! Revisioned tables with compare-and-set: the one thing that processes of an installation share.
//!
//! A [`Store`] holds rows of bytes under a table and a key. Every commit takes the next revision of the whole store, so
//! "what changed since" is one number, and a row that was read at a revision can be replaced on the condition that it still
//! stands there. Rows are never removed: what ended stays listable. Each room above owns its own tables.
//!
//! ```
//! use wardline::store::{MemoryStore, Put, Store};
//! # fn main() -> Result<(), wardline::Error> {
//! let store = MemoryStore::new();
//! let Put::Done(rev) = store.put("checkpoints", "log/1", None, b"size 4")? else { panic!() };
//! assert_eq!(store.put("checkpoints", "log/1", None, b"size 5")?, Put::Lost); // it exists already
//! assert!(matches!(store.put("checkpoints", "log/1", Some(rev), b"size 5")?, Put::Done(_)));
//! assert_eq!(store.read_since("checkpoints", rev)?.rows[0].value, b"size 5");
//! # Ok(()) }
//! ```

mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod sqlite;
mod transition;
mod url;

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};

pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
pub use sqlite::SqliteStore;
pub use transition::settle;
pub use url::StoreUrl;

/// Shared, durable, revisioned tables. Blocking: only a guard's worker, a command line and a log's writer call it.
pub trait Store: Send + Sync {
    /// The time that all processes of this store judge by. Never steps back within a process.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] where the store tells the time and cannot be reached.
    fn now(&self) -> Result<Timestamp, Error>;

    /// The revision of the newest commit; 0 for an empty store.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] where the store cannot be read.
    fn revision(&self) -> Result<u64, Error>;

    /// One row, as it stands now.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] where the store cannot be read.
    fn get(&self, table: &str, key: &str) -> Result<Option<Row>, Error>;

    /// The rows of `table` that were written after revision `rev`, oldest change first; 0 reads all.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] where the store cannot be read.
    fn read_since(&self, table: &str, rev: u64) -> Result<Changes, Error>;

    /// Writes all rows, or none where one of them is no longer as expected: one atomic, durable step.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] where the store cannot be written; [`ErrorKind::Input`] for a row over its limits.
    fn commit(&self, writes: &[Write<'_>]) -> Result<Put, Error>;

    /// Writes one row: `expect` is the revision it must stand at, or `None` where it must not exist.
    ///
    /// # Errors
    /// As [`commit`](Store::commit).
    fn put(&self, table: &str, key: &str, expect: Option<u64>, value: &[u8]) -> Result<Put, Error> {
        self.commit(&[Write { table, key, expect, value, before: None }])
    }

    /// Has `wake` called, from any thread, when another process may have written something, where the store can tell.
    /// A hint to look sooner: whoever must know asks for the [`revision`](Self::revision).
    fn on_change(&self, wake: Box<dyn Fn() + Send + Sync>) {
        drop(wake);
    }
}

/// A row as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its name within the table.
    pub key: String,
    /// The revision that wrote it.
    pub rev: u64,
    /// What it holds.
    pub value: Vec<u8>,
}

/// What a table holds beyond a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The store's revision at the moment of reading: read from here next time.
    pub revision: u64,
    /// The rows, by rising revision.
    pub rows: Vec<Row>,
}

/// One row to write.
#[derive(Debug, Clone, Copy)]
pub struct Write<'a> {
    /// The table.
    pub table: &'a str,
    /// The row's name within it.
    pub key: &'a str,
    /// The revision that the row must stand at; `None` where it must not exist.
    pub expect: Option<u64>,
    /// What it will hold.
    pub value: &'a [u8],
    /// The commit must fall before this instant of the store's clock, so that what was decided in time is not written late.
    pub before: Option<Timestamp>,
}

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Put {
    /// Written, at this revision.
    Done(u64),
    /// Another was first, or the time was over: nothing was written. Read again and decide again.
    Lost,
}

impl Write<'_> {
    /// The longest table name or key, in bytes.
    pub const MAX_NAME: usize = 512;
    /// The largest value, in bytes.
    pub const MAX_VALUE: usize = 1 << 20;

    fn check(&self) -> Result<(), Error> {
        let wrong = |what: &str| Err(Error::new(ErrorKind::Input, format!("a row's {what}")));
        for name in [self.table, self.key] {
            if name.is_empty() || name.len() > Self::MAX_NAME || name.contains('\0') {
                return wrong("table and key take 1 to 512 bytes each, none of them zero");
            }
        }
        if self.value.len() > Self::MAX_VALUE { wrong("value takes at most 1 MiB") } else { Ok(()) }
    }
}
