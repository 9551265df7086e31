//! A store in PostgreSQL, shared by all processes of all machines of an installation.
//!
//! Its clock is the server's, so machines whose clocks differ judge alike. A commit is one call of a function in the database: it
//! takes one lock, checks every condition and writes every row, in one round trip. Others learn of it by asking for the
//! revision; `NOTIFY` only has them ask sooner.
//!
//! The connection lives on a thread of its own and is made anew when it ends. While it is away every question fails at once: what
//! was known before serves until it is too old, and then what needs the store is closed.

mod link;
mod migrations;
mod settings;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;
use std::{fmt, process};

use tokio::runtime::{Builder, Runtime};

use self::link::{Link, Live, Wrong, reason};
use self::settings::Settings;
use super::memory::SteadyClock;
use super::{Changes, Put, Row, Store, StoreUrl, Write};
use crate::clock::{Clock, Timestamp};
use crate::error::{Error, ErrorKind};

/// How long an answer is waited for; then the connection is given up.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the first connection is waited for.
const FIRST: Duration = Duration::from_secs(10);

/// Revisioned tables in a database.
pub struct PostgresStore {
    name: String,
    process: u32,
    link: Arc<Link>,
    runtime: Option<Runtime>,
    /// In place of the server's.
    clock: Option<SteadyClock>,
    latest: AtomicI64,
}

impl PostgresStore {
    /// The store that `url` names; its tables are made where there are none.
    ///
    /// # Errors
    /// [`ErrorKind::Store`], naming server and database: it cannot be reached, refuses the user, holds something else, or was
    /// written by a newer version; [`ErrorKind::Input`] for a URL that cannot be read.
    pub fn open(url: &StoreUrl) -> Result<Self, Error> {
        Self::start(url, None)
    }

    /// The same on another clock than the server's. All processes of a store must share it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_clock(url: &StoreUrl, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Self::start(url, Some(SteadyClock::new(clock)))
    }

    fn start(url: &StoreUrl, clock: Option<SteadyClock>) -> Result<Self, Error> {
        let settings = Settings::read(url)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("wardline-store")
            .enable_all()
            .build()
            .map_err(|e| Error::new(ErrorKind::Internal, "the store's thread cannot start").with_source(e))?;
        let link = Arc::new(Link::new());
        let name = settings.name.clone();
        runtime.spawn(link.clone().keep(settings));
        let store = Self {
            name,
            process: process::id(),
            link,
            runtime: Some(runtime),
            clock,
            latest: AtomicI64::new(i64::MIN),
        };
        store.link.live(FIRST).map_err(|why| store.named("open", &why))?;
        Ok(store)
    }

    /// Has the connection's thread do `work`, and waits for the answer. Nothing of an async host is needed or blocked.
    fn ask<T, F>(&self, doing: &str, work: impl FnOnce(Arc<Live>) -> F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, tokio_postgres::Error>> + Send + 'static,
    {
        let Some(runtime) = self.runtime.as_ref().filter(|_| self.process == process::id()) else {
            return Err(self.named(doing, "a process that has since forked opened it; a child opens its own"));
        };
        let live = self.link.live(Duration::ZERO).map_err(|why| self.named(doing, &why))?;
        let (tell, told) = sync_channel(1);
        let work = work(live.clone());
        let task = runtime.spawn(async move {
            let _ = tell.send(work.await);
        });
        match told.recv_timeout(PATIENCE) {
            Ok(done) => done.map_err(|e| self.named(doing, &reason(&e))),
            Err(_) => {
                task.abort();
                live.end();
                Err(self.named(doing, "it does not answer"))
            }
        }
    }

    fn named(&self, doing: &str, why: &str) -> Error {
        Error::new(ErrorKind::Store, format!("cannot {doing} the store {}: {why}", self.name))
    }
}

impl Store for PostgresStore {
    fn now(&self) -> Result<Timestamp, Error> {
        if let Some(clock) = &self.clock {
            return Ok(clock.now());
        }
        let now: i64 =
            self.ask("read", |live| async move { live.client.query_one(&live.now, &[]).await?.try_get(0) })?;
        Ok(Timestamp::from_millis(self.latest.fetch_max(now, Ordering::SeqCst).max(now)))
    }

    fn revision(&self) -> Result<u64, Error> {
        let revision: i64 =
            self.ask(
                "read",
                |live| async move { live.client.query_one(&live.revision, &[]).await?.try_get(0) },
            )?;
        Ok(unsigned(revision))
    }

    fn get(&self, table: &str, key: &str) -> Result<Option<Row>, Error> {
        let (table, key) = (table.to_owned(), key.to_owned());
        self.ask("read", |live| async move {
            let found = live.client.query_opt(&live.get, &[&table, &key]).await?;
            found.map(|row| read_row(&row, 0)).transpose()
        })
    }

    fn read_since(&self, table: &str, rev: u64) -> Result<Changes, Error> {
        let table = table.to_owned();
        let rev = i64::try_from(rev).unwrap_or(i64::MAX);
        self.ask("read", |live| async move {
            let found = live.client.query(&live.since, &[&table, &rev]).await?;
            let revision = found.first().map_or(Ok(0), |row| row.try_get(0))?;
            // One row without a key where nothing changed.
            let changed = found.iter().filter(|row| !matches!(row.try_get::<_, Option<&str>>(1), Ok(None)));
            let rows = changed.map(|row| read_row(row, 1)).collect::<Result<_, _>>()?;
            Ok(Changes { revision: unsigned(revision), rows })
        })
    }

    fn commit(&self, writes: &[Write<'_>]) -> Result<Put, Error> {
        writes.iter().try_for_each(Write::check)?;
        let texts = |of: fn(&Write<'_>) -> String| writes.iter().map(of).collect::<Vec<_>>();
        let (rooms, keys) = (texts(|write| write.table.to_owned()), texts(|write| write.key.to_owned()));
        let signed = |rev| i64::try_from(rev).unwrap_or(i64::MAX);
        let expects: Vec<Option<i64>> = writes.iter().map(|write| write.expect.map(signed)).collect();
        let contents: Vec<Vec<u8>> = writes.iter().map(|write| write.value.to_vec()).collect();
        let befores: Vec<Option<i64>> =
            writes.iter().map(|write| write.before.map(Timestamp::millis)).collect();
        let moment = self.clock.as_ref().map(|clock| clock.now().millis());
        let revision: i64 = self.ask("write", |live| async move {
            let given: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
                [&rooms, &keys, &expects, &contents, &befores, &moment];
            live.client.query_one(&live.commit, &given).await?.try_get(0)
        })?;
        Ok(match unsigned(revision) {
            0 => Put::Lost,
            revision => Put::Done(revision),
        })
    }

    fn on_change(&self, wake: Box<dyn Fn() + Send + Sync>) {
        self.link.on_change(wake);
    }
}

fn read_row(row: &tokio_postgres::Row, from: usize) -> Result<Row, tokio_postgres::Error> {
    Ok(Row { key: row.try_get(from)?, rev: unsigned(row.try_get(from + 1)?), value: row.try_get(from + 2)? })
}

/// Revisions count up from 0.
fn unsigned(rev: i64) -> u64 {
    u64::try_from(rev).unwrap_or(0)
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        match self.runtime.take() {
            // In a forked child the thread does not exist, and the socket is its parent's, who goes on using it.
            Some(runtime) if self.process != process::id() => std::mem::forget((runtime, self.link.clone())),
            // An async host may not wait here.
            Some(runtime) => runtime.shutdown_background(),
            None => {}
        }
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("name", &self.name).finish_non_exhaustive()
    }
}
