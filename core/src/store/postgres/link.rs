//! The connection: made in the background, and made anew whenever it ends. Nobody who asks the store waits for that.

use std::future::poll_fn;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Statement};

use super::migrations;
use super::settings::Settings;

/// How soon a lost connection is tried again, at first and at last.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How long a statement may take on the server, in its own words. A client waits a little longer.
const STATEMENT: &str = "4s";

/// A connection at work, with what it has prepared.
pub(super) struct Live {
    pub(super) client: Client,
    pub(super) now: Statement,
    pub(super) revision: Statement,
    pub(super) get: Statement,
    pub(super) since: Statement,
    pub(super) commit: Statement,
    moving: AbortHandle,
}

impl Live {
    /// Ends the connection: its server does not answer, and a new one may.
    pub(super) fn end(&self) {
        self.moving.abort();
    }
}

/// Where the connection stands.
pub(super) enum Status {
    Starting,
    Live(Arc<Live>),
    /// It is being tried again.
    Away(String),
    /// Trying again does not help.
    Refused(String),
}

/// What the connection and those who ask share.
pub(super) struct Link {
    status: Mutex<Status>,
    moved: Condvar,
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

/// Why a connection cannot be used.
pub(super) enum Wrong {
    /// Perhaps it can be soon.
    Passing(String),
    /// It cannot be, as things stand.
    Final(String),
}

impl Link {
    pub(super) fn new() -> Self {
        Self { status: Mutex::new(Status::Starting), moved: Condvar::new(), wake: OnceLock::new() }
    }

    /// Has `wake` called when another may have written something.
    pub(super) fn on_change(&self, wake: Box<dyn Fn() + Send + Sync>) {
        // One guard owns a store; a second listener would be a defect, and the poll serves it all the same.
        let _ = self.wake.set(wake);
    }

    /// The connection, if there is one; the first attempt is waited for.
    pub(super) fn live(&self, patience: Duration) -> Result<Arc<Live>, String> {
        let starting = |status: &mut Status| matches!(status, Status::Starting);
        let (status, _) = self
            .moved
            .wait_timeout_while(self.status(), patience, starting)
            .unwrap_or_else(PoisonError::into_inner);
        match &*status {
            Status::Live(live) => Ok(live.clone()),
            Status::Starting => Err("it does not answer".to_owned()),
            Status::Away(why) | Status::Refused(why) => Err(why.clone()),
        }
    }

    /// Keeps a connection for as long as the runtime lives.
    pub(super) async fn keep(self: Arc<Self>, settings: Settings) {
        let (first, last) = BACKOFF;
        let mut pause = first;
        loop {
            match connect(&settings, &self).await {
                Ok((live, moving)) => {
                    pause = first;
                    self.set(Status::Live(live));
                    self.woken();
                    let why = moving.await.unwrap_or_else(|_| "it did not answer".to_owned());
                    self.set(Status::Away(why));
                }
                Err(Wrong::Passing(why)) => self.set(Status::Away(why)),
                // What a person has to change is asked about less often.
                Err(Wrong::Final(why)) => {
                    self.set(Status::Refused(why));
                    pause = last;
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(last);
        }
    }

    fn woken(&self) {
        if let Some(wake) = self.wake.get() {
            wake();
        }
    }

    fn set(&self, status: Status) {
        *self.status() = status;
        self.moved.notify_all();
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What ends when the connection does, with the reason.
type Moving = tokio::task::JoinHandle<String>;

async fn connect(settings: &Settings, link: &Arc<Link>) -> Result<(Arc<Live>, Moving), Wrong> {
    let connecting = settings.config.connect(settings.tls.clone());
    // The server's own answers take their time too: the whole of it is bounded.
    let whole = settings.config.get_connect_timeout().copied().unwrap_or_default() * 2;
    let late = |_| Wrong::Passing("it does not answer".to_owned());
    let (client, mut connection) = tokio::time::timeout(whole, connecting).await.map_err(late)??;
    let link = link.clone();
    let moving = tokio::spawn(async move {
        loop {
            match poll_fn(|context| connection.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notification(_))) => link.woken(),
                Some(Ok(_)) => {}
                Some(Err(e)) => return reason(&e),
                None => return "the connection was closed".to_owned(),
            }
        }
    });
    let handle = moving.abort_handle();
    match tokio::time::timeout(whole, prepare(client, handle.clone())).await {
        Ok(Ok(live)) => Ok((Arc::new(live), moving)),
        Ok(Err(wrong)) => {
            handle.abort();
            Err(wrong)
        }
        Err(elapsed) => {
            handle.abort();
            Err(late(elapsed))
        }
    }
}

/// Makes a fresh connection fit for use.
async fn prepare(mut client: Client, moving: AbortHandle) -> Result<Live, Wrong> {
    let encoding: String = client.query_one("SHOW server_encoding", &[]).await?.get(0);
    if encoding != "UTF8" {
        return Err(Wrong::Final(format!("the database has the encoding {encoding}; expected UTF8")));
    }
    // A lost answer must not leave a transaction open, an acknowledged commit survives the server, and each statement
    // of a commit sees what was committed before it.
    client
        .batch_execute(&format!(
            "SET statement_timeout = '{STATEMENT}'; SET idle_in_transaction_session_timeout = '{STATEMENT}';
             SET default_transaction_isolation = 'read committed';
             SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        ))
        .await?;
    migrations::run(&mut client).await?;
    client.batch_execute("LISTEN wardline").await?;
    Ok(Live {
        now: client.prepare("SELECT wardline_now()").await?,
        revision: client.prepare("SELECT value FROM wardline WHERE name = 'revision'").await?,
        get: client.prepare("SELECT key, rev, value FROM wardline_rows WHERE room = $1 AND key = $2").await?,
        // One statement: rows and revision are of the same moment.
        since: client
            .prepare(
                "SELECT w.value, r.key, r.rev, r.value FROM wardline w
                 LEFT JOIN wardline_rows r ON r.room = $1 AND r.rev > $2
                 WHERE w.name = 'revision' ORDER BY r.rev, r.key",
            )
            .await?,
        commit: client.prepare("SELECT wardline_commit($1, $2, $3, $4, $5, $6)").await?,
        client,
        moving,
    })
}

impl From<tokio_postgres::Error> for Wrong {
    fn from(e: tokio_postgres::Error) -> Self {
        let why = reason(&e);
        match e.code() {
            Some(code) if LASTING.contains(code) => Self::Final(why),
            _ => Self::Passing(why),
        }
    }
}

/// What only a person changes.
const LASTING: [SqlState; 5] = [
    SqlState::INVALID_PASSWORD,
    SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
    SqlState::INVALID_CATALOG_NAME,
    SqlState::INSUFFICIENT_PRIVILEGE,
    SqlState::DUPLICATE_TABLE,
];

/// Why, in words. What the server says may quote rows, so of that only the code is told.
pub(super) fn reason(e: &tokio_postgres::Error) -> String {
    let Some(code) = e.code() else {
        // Of the system or of TLS: neither knows a row or a password.
        let beneath = std::error::Error::source(e).map(|source| format!(": {source}"));
        return format!("{e}{}", beneath.unwrap_or_default());
    };
    let known = [
        (SqlState::INVALID_PASSWORD, "it refuses the user or the password"),
        (SqlState::INVALID_AUTHORIZATION_SPECIFICATION, "it refuses the user"),
        (SqlState::INVALID_CATALOG_NAME, "it has no such database"),
        (SqlState::INSUFFICIENT_PRIVILEGE, "the user may not do that"),
        (SqlState::TOO_MANY_CONNECTIONS, "it has too many connections"),
        (SqlState::QUERY_CANCELED, "it took too long"),
        (SqlState::ADMIN_SHUTDOWN, "it shuts down"),
        (SqlState::CANNOT_CONNECT_NOW, "it starts or stops"),
        (SqlState::READ_ONLY_SQL_TRANSACTION, "it is read-only"),
        (SqlState::DISK_FULL, "its disk is full"),
    ];
    match known.iter().find(|(known, _)| known == code) {
        Some((_, words)) => (*words).to_owned(),
        None => format!("it answers SQLSTATE {}", code.code()),
    }
}
