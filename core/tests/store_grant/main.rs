//! Stores, grants and approvals: one suite run against every store, an exhaustive walk of both state machines, and many
//! threads and processes on one file.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod approvals;
#[cfg(feature = "postgres")]
mod away;
mod chain;
mod files;
mod grants;
#[cfg(feature = "notify")]
mod hooks;
mod letters;
mod machine;
#[cfg(feature = "postgres")]
mod postgres;
mod processes;
mod races;
mod revocation;
#[cfg(feature = "postgres")]
mod server;
mod snapshot;
mod stores;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use wardline::clock::{ManualClock, Timestamp};
use wardline::grant::{Opening, Step, Terms};
use wardline::identity::Identity;
use wardline::model::{Act, Operation};
use wardline::store::{MemoryStore, SqliteStore, Store};

/// Runs a test against each store, on a clock that stands still until told.
fn on_each_store(test: impl Fn(&dyn Store, &ManualClock)) {
    let clock = Arc::new(ManualClock::new(at("2026-03-01T10:00:00Z")));
    test(&MemoryStore::with_clock(clock.clone()), &clock);
    let clock = Arc::new(ManualClock::new(at("2026-03-01T10:00:00Z")));
    let folder = tempfile::tempdir().unwrap();
    test(&SqliteStore::open_with_clock(folder.path().join("state.db"), clock.clone()).unwrap(), &clock);
    #[cfg(feature = "postgres")]
    server::on_database(|url| {
        let clock = Arc::new(ManualClock::new(at("2026-03-01T10:00:00Z")));
        let url = server::url(url);
        test(&wardline::store::PostgresStore::open_with_clock(&url, clock.clone()).unwrap(), &clock);
    });
}

/// Runs a test on the name of each store that several processes can share.
fn on_each_shared_store(test: impl Fn(&str)) {
    let folder = tempfile::tempdir().unwrap();
    test(folder.path().join("state.db").to_str().unwrap());
    #[cfg(feature = "postgres")]
    server::on_database(test);
}

/// Opens a store that several processes share, by its name.
fn open(name: &str) -> Box<dyn Store> {
    #[cfg(feature = "postgres")]
    if name.starts_with("postgres://") {
        return Box::new(wardline::store::PostgresStore::open(&server::url(name)).unwrap());
    }
    Box::new(SqliteStore::open(name).unwrap())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

fn export(resource: &str) -> Act {
    Act::new(Operation::VectorExport, resource)
}

/// Terms for ana's exports of `docs` at `qdrant`, and more fields in JSON.
fn terms(more: &str) -> Terms {
    serde_json::from_str(&format!(
        r#"{{"scope": {{"who": ["user:ana"], "services": ["qdrant"], "operations": ["vector.export"],
             "resources": ["docs"]}}, "reason": "migration", {more}}}"#
    ))
    .unwrap()
}

fn steps(list: &[(&[&str], u32)]) -> Vec<Step> {
    list.iter()
        .map(|(from, need)| Step { from: from.iter().map(|g| (*g).to_owned()).collect(), need: *need })
        .collect()
}

/// ana's held export, to be approved by one of `sec`.
fn opening(digest: char) -> Opening {
    Opening {
        digest: digest.to_string().repeat(64),
        identity: Identity::new("ana"),
        service: "qdrant".to_owned(),
        acts: vec![export("docs")],
        wants: None,
        rules: vec!["big-exports".to_owned()],
        policy: "p1".to_owned(),
        steps: steps(&[(&["sec"], 1)]),
        break_glass: vec![],
        reason_required: false,
        pending_for: minutes(60),
        usable_for: minutes(10),
    }
}

fn person(name: &str, groups: &[&str]) -> Identity {
    Identity::new(name).with_groups(groups.iter().copied())
}
