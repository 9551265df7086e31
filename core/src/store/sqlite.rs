//! A store in one SQLite file, shared by all processes of a machine.
//!
//! WAL with `synchronous=FULL`: a commit that was answered survives a killed process and a power cut. Every commit takes the
//! write lock first (`BEGIN IMMEDIATE`), so conditions are checked and rows written with nobody in between. The file belongs to one
//! machine: WAL shares memory, so it must not lie on a network file system.
//!
//! **Forks.** SQLite's locks do not survive a fork, so a child must not use what its parent opened. [`SqliteStore::open`] checks the
//! file and closes it again, and each process connects at its first use; a process that forks after that leaves its child a
//! store that refuses to work, in so many words, rather than one that might do damage.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, io, process, thread};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior, params};

use super::memory::SteadyClock;
use super::{Changes, Put, Row, Store, Write};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::error::{Error, ErrorKind};

/// Revisioned tables in a file.
pub struct SqliteStore {
    path: PathBuf,
    clock: SteadyClock,
    /// Whether it is only read.
    reads: bool,
    connected: Mutex<Option<Connected>>,
}

/// A connection, and whose: of which process, to which file.
struct Connected {
    connection: Option<Connection>,
    process: u32,
    file: FileId,
}

impl SqliteStore {
    /// The layout of the file. A newer one is refused.
    const SCHEMA: i64 = 1;
    /// How long a commit waits for those of other processes.
    const BUSY: Duration = Duration::from_secs(10);

    /// The store in `path`, made there (readable by its owner only) where there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Store`], naming the file: it cannot be opened or made, anyone on the machine may read or write it,
    /// it is damaged, holds something else, or was written by a newer version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with_clock(path, Arc::new(SystemClock))
    }

    /// The same on another clock. All processes of a store must share it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_clock(path: impl AsRef<Path>, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Self::over(path.as_ref(), clock, false)
    }

    /// The store in `path`, to be read: what was copied for somebody to look at, or lies where nothing may be written. Nothing is made or
    /// changed there, and who else may read it does not matter; everyone who may write it does.
    ///
    /// # Errors
    /// [`ErrorKind::Store`], as [`open`](Self::open); and where commits lie beside it (`-wal`) that only a process which may write could read.
    pub fn open_to_read(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::over(path.as_ref(), Arc::new(SystemClock), true)
    }

    fn over(path: &Path, clock: Arc<dyn Clock>, reads: bool) -> Result<Self, Error> {
        // Absolute, so that a process that changes its folder still means the same file.
        let path = std::path::absolute(path)
            .map_err(|e| Error::new(ErrorKind::Store, "the store's path is not one").with_source(e))?;
        let store = Self { path, clock: SteadyClock::new(clock), reads, connected: Mutex::new(None) };
        drop(store.connect()?);
        Ok(store)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` on this process's connection.
    fn with<T>(
        &self,
        doing: &str,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let mut connected = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
        let here = match connected.as_mut() {
            Some(here) => here,
            None => connected.insert(self.connect()?),
        };
        if here.process != process::id() {
            return Err(self.named("a process that has since forked opened", "; a child opens its own"));
        }
        if self.file_id()? != here.file {
            return Err(self.named("another file stands in place of", "that this process has open"));
        }
        match here.connection.as_mut() {
            Some(connection) => work(connection).map_err(|e| self.wrong(doing, e)),
            None => Err(self.named("cannot use", "after it was closed")),
        }
    }

    /// A checked connection to a file that holds this layout.
    fn connect(&self) -> Result<Connected, Error> {
        let connection = if self.reads { self.connect_to_read() } else { self.connect_to_write() };
        let (connection, schema) = connection?;
        let file = self.file_id()?;
        match schema {
            Some(Self::SCHEMA) => {
                Ok(Connected { connection: Some(connection), process: process::id(), file })
            }
            Some(newer) => Err(self.named(
                "a newer version wrote",
                &format!("(layout {newer}; this one knows {})", Self::SCHEMA),
            )),
            None => Err(self.named("there is no store in", "but another SQLite database")),
        }
    }

    fn connect_to_write(&self) -> Result<(Connection, Option<i64>), Error> {
        self.make_file()?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection =
            Connection::open_with_flags(&self.path, flags).map_err(|e| self.wrong("open", e))?;
        let schema = self.prepare(&mut connection).map_err(|e| self.wrong("open", e))?;
        Ok((connection, schema))
    }

    fn connect_to_read(&self) -> Result<(Connection, Option<i64>), Error> {
        self.check_mode(0o002)?;
        let mut beside = self.path.clone().into_os_string();
        beside.push("-wal");
        // Where nothing lies beside the file it is all there is, and SQLite needs no memory that it would share with writers.
        let whole = std::fs::metadata(beside).map_or(true, |beside| beside.len() == 0);
        let (name, flags) = match self.path.to_str().filter(|_| whole) {
            Some(path) => {
                (PathBuf::from(format!("file:{}?immutable=1", uri(path))), OpenFlags::SQLITE_OPEN_URI)
            }
            None => (self.path.clone(), OpenFlags::empty()),
        };
        let flags = flags | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let read = || {
            let connection = Connection::open_with_flags(name, flags)?;
            connection.busy_timeout(Self::BUSY)?;
            connection.pragma_update(None, "trusted_schema", false)?;
            if Self::is_foreign(&connection)? {
                return Ok((connection, None));
            }
            let schema = "SELECT value FROM wardline WHERE name = 'schema'";
            let schema = connection.query_row(schema, (), |row| row.get(0))?;
            Ok((connection, Some(schema)))
        };
        read().map_err(|e| self.wrong("read", e))
    }

    /// Sets the connection up and lays an empty file out; answers the file's schema, `None` for a foreign database.
    fn prepare(&self, connection: &mut Connection) -> rusqlite::Result<Option<i64>> {
        connection.busy_timeout(Self::BUSY)?;
        if Self::is_foreign(connection)? {
            return Ok(None);
        }
        // Switching to WAL needs the file alone and does not wait by itself; several first comers may meet here.
        let started = Instant::now();
        loop {
            match connection
                .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))
            {
                Ok(_) => break,
                Err(e) if is_busy(&e) && started.elapsed() < Self::BUSY => {
                    thread::sleep(Duration::from_millis(5))
                }
                Err(e) => return Err(e),
            }
        }
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "trusted_schema", false)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(
            "CREATE TABLE IF NOT EXISTS wardline (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS wardline_rows (
                 room TEXT NOT NULL, key TEXT NOT NULL, rev INTEGER NOT NULL, value BLOB NOT NULL,
                 PRIMARY KEY (room, key)) STRICT;
             CREATE INDEX IF NOT EXISTS wardline_changes ON wardline_rows (room, rev);
             INSERT OR IGNORE INTO wardline VALUES ('revision', 0);",
        )?;
        transaction.execute("INSERT OR IGNORE INTO wardline VALUES ('schema', ?1)", params![Self::SCHEMA])?;
        let schema =
            transaction
                .query_row("SELECT value FROM wardline WHERE name = 'schema'", (), |row| row.get(0))?;
        transaction.commit()?;
        Ok(Some(schema))
    }

    /// Whether the file holds tables, but none of ours.
    fn is_foreign(connection: &Connection) -> rusqlite::Result<bool> {
        connection.query_row(
            "SELECT count(*) > 0 AND count(*) FILTER (WHERE name = 'wardline') = 0 FROM sqlite_schema",
            (),
            |row| row.get(0),
        )
    }

    /// Makes the file, for its owner only, where there is none; SQLite gives its companions the same mode.
    fn make_file(&self) -> Result<(), Error> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&self.path) {
            Ok(_) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => self.check_mode(0o007),
            Err(e) => Err(self.named("cannot make", "").with_source(e)),
        }
    }

    /// Who can write the store can approve: a file that everyone on the machine may touch is refused. A group is let be, as
    /// orchestrators give volumes to one.
    #[cfg(unix)]
    fn check_mode(&self, refused: u32) -> Result<(), Error> {
        let mode = std::os::unix::fs::MetadataExt::mode(&self.metadata()?);
        if mode & refused == 0 {
            return Ok(());
        }
        Err(self.named("everyone may use", &format!("(mode {:o}; expected 600)", mode & 0o777)))
    }

    #[cfg(not(unix))]
    fn check_mode(&self, _: u32) -> Result<(), Error> {
        Ok(())
    }

    fn metadata(&self) -> Result<std::fs::Metadata, Error> {
        std::fs::metadata(&self.path).map_err(|e| self.named("cannot find", "any more").with_source(e))
    }

    fn file_id(&self) -> Result<FileId, Error> {
        self.metadata().map(|metadata| FileId::of(&metadata))
    }

    fn named(&self, before: &str, after: &str) -> Error {
        let sentence = format!("{before} the store {} {after}", self.path.display());
        Error::new(ErrorKind::Store, sentence.trim_end().replace(" ;", ";"))
    }

    fn wrong(&self, doing: &str, e: rusqlite::Error) -> Error {
        let why = match e.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => "(it is damaged)",
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "(others kept it locked)",
            Some(ErrorCode::DiskFull) => "(the disk is full)",
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => "(it may not be written)",
            _ => "",
        };
        self.named(&format!("cannot {doing}"), why).with_source(e)
    }
}

impl Store for SqliteStore {
    fn now(&self) -> Result<Timestamp, Error> {
        Ok(self.clock.now())
    }

    fn revision(&self) -> Result<u64, Error> {
        self.with("read", |connection| revision(connection))
    }

    fn get(&self, table: &str, key: &str) -> Result<Option<Row>, Error> {
        self.with("read", |connection| {
            connection
                .prepare_cached("SELECT key, rev, value FROM wardline_rows WHERE room = ?1 AND key = ?2")?
                .query_row(params![table, key], read_row)
                .optional()
        })
    }

    fn read_since(&self, table: &str, rev: u64) -> Result<Changes, Error> {
        // No row is newer than the largest number that SQLite counts to.
        let rev = i64::try_from(rev).unwrap_or(i64::MAX);
        self.with("read", |connection| {
            // One transaction: rows and revision are of the same moment.
            let transaction = connection.transaction()?;
            let changes = Changes {
                revision: revision(&transaction)?,
                rows: transaction
                    .prepare_cached(
                        "SELECT key, rev, value FROM wardline_rows WHERE room = ?1 AND rev > ?2 ORDER BY rev, key",
                    )?
                    .query_map(params![table, rev], read_row)?
                    .collect::<rusqlite::Result<_>>()?,
            };
            transaction.commit()?;
            Ok(changes)
        })
    }

    fn commit(&self, writes: &[Write<'_>]) -> Result<Put, Error> {
        writes.iter().try_for_each(Write::check)?;
        self.with("write", |connection| {
            // A transaction that is dropped on the way out is rolled back.
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            // After the lock was won: however long that took, what is late is late.
            let now = self.clock.now();
            for write in writes {
                let stands: Option<i64> = transaction
                    .prepare_cached("SELECT rev FROM wardline_rows WHERE room = ?1 AND key = ?2")?
                    .query_row(params![write.table, write.key], |row| row.get(0))
                    .optional()?;
                let expected = write.expect.map(|rev| i64::try_from(rev).unwrap_or(i64::MAX));
                if stands != expected || write.before.is_some_and(|before| now >= before) {
                    return Ok(Put::Lost);
                }
            }
            let rev: i64 = transaction
                .prepare_cached(
                    "UPDATE wardline SET value = value + 1 WHERE name = 'revision' RETURNING value",
                )?
                .query_row((), |row| row.get(0))?;
            for write in writes {
                transaction
                    .prepare_cached(
                        "INSERT INTO wardline_rows (room, key, rev, value) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT (room, key) DO UPDATE SET rev = excluded.rev, value = excluded.value",
                    )?
                    .execute(params![write.table, write.key, rev, write.value])?;
            }
            transaction.commit()?;
            Ok(Put::Done(unsigned(rev)))
        })
    }
}

/// A path within a URI.
fn uri(path: &str) -> String {
    path.replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

fn revision(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT value FROM wardline WHERE name = 'revision'")?
        .query_row((), |row| row.get(0))
        .map(unsigned)
}

fn read_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row { key: row.get(0)?, rev: unsigned(row.get(1)?), value: row.get(2)? })
}

/// Revisions count up from 0.
fn unsigned(rev: i64) -> u64 {
    u64::try_from(rev).unwrap_or(0)
}

fn is_busy(e: &rusqlite::Error) -> bool {
    matches!(e.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Which file it is, whatever it is called: someone may have put another in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId(u64, u64);

impl FileId {
    #[cfg(unix)]
    fn of(metadata: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self(metadata.dev(), metadata.ino())
    }

    // Elsewhere an open file cannot be replaced.
    #[cfg(not(unix))]
    fn of(_: &std::fs::Metadata) -> Self {
        Self(0, 0)
    }
}

impl Drop for Connected {
    /// In a forked child not even closing is safe: the connection is its parent's, who goes on using it.
    fn drop(&mut self) {
        if self.process != process::id() {
            std::mem::forget(self.connection.take());
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}
