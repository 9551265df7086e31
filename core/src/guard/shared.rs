//! What all exchanges of a guard share: the policy, the clock, and the worker of this process.

use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use foldhash::HashMap;

use super::lost::Lost;
use super::metrics::Metrics;
use super::policies::{InForce, Policies};
use super::worker::Runtime;
use crate::clock::{Clock, Timestamp};
use crate::error::Error;
use crate::vector::{Counter, Paths, Places};

pub(super) struct Shared {
    pub(super) policies: Arc<Policies>,
    pub(super) metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    runtime: ArcSwapOption<Runtime>,
    start: Mutex<Start>,
    /// What could not be recorded.
    pub(super) lost: Arc<Lost>,
    /// Bytes of request bodies that exchanges keep to judge them, over the whole process.
    kept: AtomicUsize,
    /// Places of vectors, rows and ids, compiled once for each kind of body.
    places: RwLock<HashMap<usize, Places>>,
}

/// What is known of the attempts to start: a store that cannot be opened is not tried on every request.
#[derive(Default)]
struct Start {
    failed_at: Option<Instant>,
    because: Option<String>,
}

/// At most so many bytes of request bodies are kept at once; a body beyond it is judged as one too large to read.
const BUDGET: usize = 256 << 20;

/// How soon a failed start is tried again.
const RETRY: Duration = Duration::from_secs(1);

impl Shared {
    pub(super) fn new(policies: Policies, clock: Arc<dyn Clock>) -> Self {
        Self {
            policies: Arc::new(policies),
            metrics: Arc::new(Metrics::new()),
            clock,
            runtime: ArcSwapOption::empty(),
            start: Mutex::default(),
            lost: Arc::default(),
            kept: AtomicUsize::new(0),
            places: RwLock::default(),
        }
    }

    /// A counter for one kind of body; the catalogue's own tests read each of its paths.
    pub(super) fn counter(&self, paths: &'static Paths) -> Option<Counter> {
        // Paths are statics of the catalogue: their address names them.
        let key = std::ptr::from_ref(paths).addr();
        if let Some(places) = self.places.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Some(Counter::at(places));
        }
        let places = Places::compile(paths).ok()?;
        let counter = Counter::at(&places);
        self.places.write().unwrap_or_else(PoisonError::into_inner).insert(key, places);
        Some(counter)
    }

    /// Takes room for `bytes` of a request body; `false` where the process keeps enough of them.
    pub(super) fn keep(&self, bytes: usize) -> bool {
        let kept = self.kept.fetch_add(bytes, Ordering::Relaxed);
        kept.saturating_add(bytes) <= BUDGET
    }

    /// Gives the room back.
    pub(super) fn let_go(&self, bytes: usize) {
        self.kept.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The worker of this process, started when it is first needed. A process id that changed means a fork: the
    /// threads and files of the parent are not ours.
    pub(super) fn runtime(&self) -> Result<Arc<Runtime>, Error> {
        let pid = process::id();
        // One whose log has failed writes no more: another takes its place, with a log of its own.
        let usable = |runtime: &Arc<Runtime>| runtime.pid == pid && !runtime.is_broken();
        if let Some(runtime) = self.runtime.load_full().filter(usable) {
            return runtime.healthy().map(|()| runtime);
        }
        let mut start = self.start.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = self.runtime.load_full().filter(usable) {
            return runtime.healthy().map(|()| runtime);
        }
        let unavailable = |because: &str| Error::new(crate::ErrorKind::Store, because);
        if let (Some(at), Some(because)) = (start.failed_at, &start.because)
            && at.elapsed() < RETRY
        {
            return Err(unavailable(because));
        }
        let (policies, clock, lost) = (self.policies.clone(), self.clock.clone(), self.lost.clone());
        match Runtime::start(pid, policies, clock, lost, self.metrics.clone()) {
            Ok(runtime) => {
                self.running().iter().for_each(|before| before.succeed());
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

    /// Puts another policy into force for all exchanges that begin from now on, and notes that in the log.
    ///
    /// # Errors
    /// A store or log that cannot be written: the policy stays as it was.
    pub(super) fn put_policy(&self, next: Arc<InForce>, by: &str) -> Result<(), Error> {
        // No worker starts meanwhile that would know the old policy only.
        let start = self.start.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(runtime) = self.running() else {
            self.policies.put(next);
            return Ok(());
        };
        drop(start);
        let (policies, by) = (self.policies.clone(), by.to_owned());
        runtime.run(move |bench| bench.put_policy(&policies, next, &by))
    }

    /// The worker if it runs in this process; never starts one.
    pub(super) fn running(&self) -> Option<Arc<Runtime>> {
        self.runtime.load_full().filter(|runtime| runtime.pid == process::id())
    }
}
