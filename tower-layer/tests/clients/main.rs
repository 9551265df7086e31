//! The layer with hosts and clients that bring HTTP of their own: tonic's server and channel, and reqwest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod fetched;
mod grpc;
mod points;

use tempfile::TempDir;
use wardline::audit::{Filter, Record, query};
use wardline::guard::Guard;

/// A guard whose state lies beside its policy.
fn guard(policy: &str) -> (Guard, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wardline.yaml");
    std::fs::write(&file, policy).unwrap();
    (Guard::from_file(&file).unwrap(), folder)
}

/// What was recorded so far.
async fn records(guard: &Guard, folder: &TempDir) -> Vec<Record> {
    let (guard, state) = (guard.clone(), folder.path().join("state"));
    tokio::task::spawn_blocking(move || {
        guard.flush().unwrap();
        query(&state, &Filter::default()).unwrap().into_iter().map(|entry| entry.unwrap().record).collect()
    })
    .await
    .unwrap()
}
