//! What all exchanges of a guard share: the policy, the clock, and the worker of this process.

use std::process;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

use super::body::hex;
use super::worker::Runtime;
use crate::clock::{Clock, Timestamp};
use crate::error::Error;
use crate::policy::Policy;

pub(super) struct Shared {
    pub(super) policy: Arc<Policy>,
    pub(super) policy_digest: String,
    clock: Arc<dyn Clock>,
    runtime: ArcSwapOption<Runtime>,
    start: Mutex<Start>,
}

/// What is known of the attempts to start: a store that cannot be opened is not tried on every request.
#[derive(Default)]
struct Start {
    failed_at: Option<Instant>,
    because: Option<String>,
}

/// How soon a failed start is tried again.
const RETRY: Duration = Duration::from_secs(1);

impl Shared {
    pub(super) fn new(policy: Arc<Policy>, clock: Arc<dyn Clock>) -> Self {
        let policy_digest = hex(policy.digest());
        Self { policy, policy_digest, clock, runtime: ArcSwapOption::empty(), start: Mutex::default() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The worker of this process, started when it is first needed. A process id that changed means a fork: the
    /// threads and files of the parent are not ours.
    pub(super) fn runtime(&self) -> Result<Arc<Runtime>, Error> {
        let pid = process::id();
        if let Some(runtime) = self.runtime.load_full()
            && runtime.pid == pid
        {
            return runtime.healthy().map(|()| runtime);
        }
        let mut start = self.start.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = self.runtime.load_full()
            && runtime.pid == pid
        {
            return runtime.healthy().map(|()| runtime);
        }
        let unavailable = |because: &str| Error::new(crate::ErrorKind::Store, because);
        if let (Some(at), Some(because)) = (start.failed_at, &start.because)
            && at.elapsed() < RETRY
        {
            return Err(unavailable(because));
        }
        match Runtime::start(pid, self.policy.clone(), self.clock.clone()) {
            Ok(runtime) => {
                self.runtime.store(Some(runtime.clone()));
                *start = Start::default();
                Ok(runtime)
            }
            Err(error) => {
                *start = Start { failed_at: Some(Instant::now()), because: Some(error.to_string()) };
                Err(error)
            }
        }
    }

    /// The worker if it runs in this process; never starts one.
    pub(super) fn running(&self) -> Option<Arc<Runtime>> {
        self.runtime.load_full().filter(|runtime| runtime.pid == process::id())
    }
}
