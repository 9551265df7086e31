//! An index of the logs of a state folder: which records fit, without reading all of them.
//!
//! It lies beside the logs (`index.db`, SQLite) and is made from them alone: whoever asks has it catch up with the logs first, and where it
//! is missing, damaged or about other logs it is made anew. It is never trusted: what it finds is read from the log again and held
//! against the [`Filter`], so a wrong index can leave records out and cannot make one up. Reports and proofs do not use it.
//!
//! ```
//! use wardline::audit::{Filter, Index, Journal, Kind, Log, NoKeeper, Page, Record};
//! use wardline::clock::Timestamp;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let state = tempfile::tempdir()?;
//! let mut log = Log::open(state.path(), Box::new(NoKeeper))?;
//! let record = |id: &str, at| Record::new(Kind::Exchange, id.into(), Timestamp::from_millis(at));
//! log.append(&[record("rec_a", 1), record("rec_b", 2), record("rec_c", 3)])?;
//!
//! let mut index = Index::open(state.path())?;
//! let newest = index.page(&Filter::default(), &Page::newest(2))?;
//! assert_eq!(newest.entries.iter().map(|entry| entry.record.id.as_str()).collect::<Vec<_>>(), ["rec_b", "rec_c"]);
//! let older = index.page(&Filter::default(), &Page::before(newest.entries[0].cursor(), 2))?;
//! assert_eq!((older.entries[0].record.id.as_str(), older.more), ("rec_a", false));
//! # Ok(()) }
//! ```

mod asked;
mod bits;
mod cursor;
mod fill;
mod pack;
mod search;
mod stream;
mod terms;

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

pub use cursor::{Cursor, Page};

use super::{Entry, Filter};
use crate::error::{Error, ErrorKind};

/// The layout of the file; one with another number is made anew.
const LAYOUT: i64 = 4;

/// How long one waits while another process has the index catch up.
const BUSY: Duration = Duration::from_secs(600);

/// An index of the logs of one state folder.
pub struct Index {
    state: PathBuf,
    db: Connection,
    batch: usize,
}

/// One page of what was found.
#[derive(Debug)]
pub struct Listing {
    /// The records that fit, oldest first.
    pub entries: Vec<Entry>,
    /// An error for each entry that cannot be read, fitting or not.
    pub unread: Vec<Error>,
    /// Whether more lie on the far side of the page.
    pub more: bool,
}

impl Index {
    /// The index of a state folder. Where the folder cannot be written it is made in memory, for this one alone.
    ///
    /// # Errors
    /// [`ErrorKind::Log`] where there is an index that can neither be used nor made anew.
    pub fn open(state: &Path) -> Result<Self, Error> {
        let path = state.join("index.db");
        let db = match connect(&path) {
            Ok(db) => db,
            Err(e) if is_damaged(&e) => {
                remove(&path).map_err(|e| wrong("cannot be removed").with_source(e))?;
                connect(&path).map_err(failed)?
            }
            Err(e) if is_read_only(&e) => {
                Connection::open_in_memory().and_then(|db| laid_out(db, None)).map_err(failed)?
            }
            Err(e) => return Err(failed(e)),
        };
        Ok(Self { state: state.to_owned(), db, batch: fill::BATCH })
    }

    /// Reads so many entries at a time, which it keeps together: fewer than 65,536 take less memory and more time.
    #[must_use]
    pub fn in_batches_of(mut self, entries: usize) -> Self {
        self.batch = entries.max(1);
        self
    }

    /// The records that fit, a page at a time; see [`query`](super::query) for all of them.
    ///
    /// # Errors
    /// [`ErrorKind::Log`] where the logs or the index cannot be read.
    pub fn page(&mut self, filter: &Filter, page: &Page) -> Result<Listing, Error> {
        fill::catch_up(&mut self.db, &self.state, self.batch)?;
        search::search(&self.db, &self.state, filter, page)
    }

    /// The exchanges that were begun and have no end, oldest first: they run, or their process died.
    ///
    /// # Errors
    /// As [`page`](Self::page).
    pub fn unended(&mut self) -> Result<Listing, Error> {
        fill::catch_up(&mut self.db, &self.state, self.batch)?;
        search::unended(&self.db, &self.state)
    }
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Index({})", self.state.display())
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // Whether it can be made is for SQLite to say; here only who may read it is settled.
    drop(options.open(path));
    laid_out(Connection::open(path)?, Some("wal"))
}

/// Lays an empty database out; one of another layout is as good as damaged.
fn laid_out(mut db: Connection, journal: Option<&str>) -> rusqlite::Result<Connection> {
    db.busy_timeout(BUSY)?;
    if let Some(journal) = journal {
        db.pragma_update_and_check(None, "journal_mode", journal, |row| row.get::<_, String>(0))?;
    }
    db.pragma_update(None, "synchronous", "normal")?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "cache_size", -65_536)?;
    // Of what is made for the first time, less is written twice.
    db.pragma_update(None, "wal_autocheckpoint", 16_384)?;
    let layout: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if layout == LAYOUT {
        // One that cannot be written cannot catch up: that shows here.
        db.execute_batch("BEGIN IMMEDIATE; ROLLBACK")?;
        return Ok(db);
    }
    let here = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // Another process may have been first.
    let layout: i64 = here.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if layout == 0 {
        here.execute_batch(include_str!("schema.sql"))?;
        here.pragma_update(None, "user_version", LAYOUT)?;
        here.commit()?;
        return Ok(db);
    }
    drop(here);
    if layout == LAYOUT {
        return Ok(db);
    }
    Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_NOTADB), None))
}

fn remove(path: &Path) -> io::Result<()> {
    for end in ["-wal", "-shm", ""] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        match fs::remove_file(name) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

fn is_damaged(e: &rusqlite::Error) -> bool {
    matches!(e.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

fn is_read_only(e: &rusqlite::Error) -> bool {
    matches!(
        e.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied)
    )
}

fn failed(e: rusqlite::Error) -> Error {
    // Of the text no more than SQLite's own: it quotes no value.
    wrong("cannot be used").with_source(e)
}

fn wrong(what: &str) -> Error {
    Error::new(ErrorKind::Log, format!("the index of the log {what}"))
}

/// A number as SQLite keeps it. No log reaches beyond that.
fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The same read back.
fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

#[cfg(test)]
mod tests;
