//! Fetches the key sets of issuers, each on a thread of its own: one that is slow delays nobody, and the worker never waits.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::agent::Client;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::identity::{FetchedKeys, Sources};
use crate::policy::Policy;

/// How long an issuer may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts fetching what the policy's issuers sign with, until the policy is gone.
///
/// # Errors
/// Where no thread can be started.
pub(super) fn start(policy: &Policy, clock: &Arc<dyn Clock>) -> Result<(), Error> {
    for set in policy.identity().into_iter().flat_map(Sources::fetched_keys) {
        let (asked, set, clock) = (set.listen(), Arc::downgrade(set), Arc::clone(clock));
        thread::Builder::new()
            .name("wardline-keys".to_owned())
            .spawn(move || fetch_on(&set, &asked, &*clock))
            .map_err(|e| {
                Error::new(ErrorKind::Internal, "the thread of a key set cannot start").with_source(e)
            })?;
    }
    Ok(())
}

fn fetch_on(set: &Weak<FetchedKeys>, asked: &Receiver<()>, clock: &dyn Clock) {
    // Requests wait for the first attempt.
    let (mut client, mut first) = (Client::new(FetchedKeys::FIRST), true);
    loop {
        let Some(set) = set.upgrade() else { return };
        let tried = Instant::now();
        let attempt = client.fetch(&set.url).and_then(|text| set.put(&text, clock.now()));
        // One that failed is tried again soon.
        let pause = if attempt.is_ok() { set.every } else { FetchedKeys::APART.min(set.every) };
        set.note(attempt.map_err(|error| error.to_string()));
        if first {
            client = Client::new(PATIENCE);
            first = false;
        }
        drop(set);
        match asked.recv_timeout(pause) {
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
            // However many ask, the issuer is asked now and then.
            Ok(()) => {
                thread::sleep(FetchedKeys::APART.saturating_sub(tried.elapsed()));
                asked.try_iter().for_each(drop);
            }
        }
    }
}
