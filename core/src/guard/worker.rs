//! The one background worker of a process: alone it talks to the store and the log.
//!
//! It carries out effects, appends records in groups (one sync a group), refreshes the snapshot of grants that
//! decisions read, and signs a checkpoint a second. Nothing on the path of an ordinary request waits for it.

mod bench;
mod capturing;
mod ended;
mod learning;
mod standing;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::oneshot;

pub(super) use self::bench::Bench;
use self::capturing::Room;
pub(super) use self::ended::Ended;
use self::ended::Queue;
use super::driver::Carrying;
use super::lost::Lost;
use super::metrics::Metrics;
use super::policies::Policies;
use super::step::{Done, Effect};
use crate::clock::{Clock, Timestamp};
use crate::error::{Error, ErrorKind};
#[cfg(feature = "notify")]
use crate::grant::Parcel;
use crate::grant::{Lack, Snapshot};
use crate::identity::Identity;
use crate::keys::Keys;
use crate::model::{Act, GrantId};
use crate::policy::GrantView;
use crate::watch::History;

/// How often the store is asked what changed.
const TICK: Duration = Duration::from_millis(250);
/// How soon after one look at the store the next one may come, where the store calls for it.
const CALM: Duration = Duration::from_millis(25);
/// How often the log is signed while records come, and watched files are looked at.
const CHECKPOINT: Duration = Duration::from_secs(1);
/// A snapshot older than this closes what needs a grant.
const MAX_STALE: Duration = Duration::from_secs(2);
/// Records that may wait for the log before new exchanges are denied.
const BACKLOG: usize = 65_536;
/// Jobs taken in one round.
const ROUND: usize = 1_024;
/// How long records of ended exchanges may gather before they are written: one wake-up and one sync for many.
const GATHER: Duration = Duration::from_millis(5);
/// So many of them are written without waiting any longer.
const GATHERED: usize = 512;

/// The worker as the exchanges of its process see it.
pub(super) struct Runtime {
    pub(super) pid: u32,
    pub(super) keys: Keys,
    jobs: Option<Arc<Sender<Job>>>,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

/// What the worker publishes.
struct State {
    snapshot: ArcSwap<Snapshot>,
    /// For bodies that are kept.
    room: Arc<Room>,
    history: Arc<History>,
    started: Instant,
    /// When the snapshot was last known to be true, in milliseconds after `started`.
    refreshed: AtomicU64,
    /// How far the store's clock is ahead of this machine's, in milliseconds.
    ahead: AtomicI64,
    /// Whether the store says that something changed, and nobody has looked yet.
    called: AtomicBool,
    backlog: AtomicUsize,
    broken: AtomicBool,
    /// Whether another worker of this process says what is lost.
    succeeded: AtomicBool,
    /// Ended exchanges whose records are to be written, and what is left of those before.
    queue: Mutex<Queue>,
    /// Whether the worker looks at `ended` by itself soon.
    awake: AtomicBool,
}

impl State {
    /// Another process may have changed something: the worker looks soon, once however often it is called.
    fn call(&self, jobs: &Weak<Sender<Job>>) {
        if !self.called.swap(true, Ordering::AcqRel) {
            self.wake(jobs);
        }
    }

    /// The worker looks at what is there for it.
    fn wake(&self, jobs: &Weak<Sender<Job>>) {
        if let Some(jobs) = jobs.upgrade() {
            self.backlog.fetch_add(1, Ordering::Relaxed);
            let _ = jobs.send(Job::Wake);
        }
    }
}

/// How those who carry letters tell the worker what came of them.
#[cfg(feature = "notify")]
#[derive(Clone)]
pub(super) struct Returns {
    state: Arc<State>,
    jobs: Weak<Sender<Job>>,
}

#[cfg(feature = "notify")]
impl Returns {
    pub(super) fn tell(&self, parcel: Parcel, delivered: bool) {
        // A worker that has ended leaves the letter to others: it is due again when its lease ends.
        if let Some(jobs) = self.jobs.upgrade() {
            self.state.backlog.fetch_add(1, Ordering::Relaxed);
            let _ = jobs.send(Job::Returned(Box::new(parcel), delivered));
        }
    }
}

/// What the worker is asked to do.
pub(super) enum Job {
    Perform(Effect, oneshot::Sender<Done>),
    Do(Box<dyn FnOnce(&mut Bench) -> Reply + Send>),
    /// Look at what has ended.
    Wake,
    /// A letter came back from who carried it, delivered or not.
    #[cfg(feature = "notify")]
    Returned(Box<Parcel>, bool),
}

/// Tells whoever asked: called once what was done can be seen by every exchange.
pub(super) type Reply = Box<dyn FnOnce() + Send>;

impl Runtime {
    pub(super) fn start(
        pid: u32,
        policies: Arc<Policies>,
        clock: Arc<dyn Clock>,
        lost: Arc<Lost>,
        metrics: Arc<Metrics>,
    ) -> Result<Arc<Self>, Error> {
        let (jobs, inbox) = channel();
        let jobs = Arc::new(jobs);
        // The store belongs to the worker: what it calls must not keep the worker alive.
        let caller = Arc::downgrade(&jobs);
        let (ready, opened) = channel();
        let thread = thread::Builder::new()
            .name("wardline".to_owned())
            .spawn(move || match Bench::open(&policies, clock, lost, metrics) {
                Ok((mut bench, snapshot)) => {
                    let state = Arc::new(State {
                        snapshot: ArcSwap::from_pointee(snapshot),
                        room: bench.capturing.room.clone(),
                        history: bench.history.clone(),
                        started: Instant::now(),
                        refreshed: AtomicU64::new(0),
                        ahead: AtomicI64::new(bench.ahead().unwrap_or(0)),
                        called: AtomicBool::new(false),
                        backlog: AtomicUsize::new(0),
                        broken: AtomicBool::new(false),
                        succeeded: AtomicBool::new(false),
                        queue: Mutex::default(),
                        awake: AtomicBool::new(false),
                    });
                    let (waking, jobs) = (state.clone(), caller.clone());
                    bench.capturing.wake = Arc::new(move || waking.wake(&jobs));
                    let calling = state.clone();
                    #[cfg(feature = "notify")]
                    let returns = Returns { state: state.clone(), jobs: caller.clone() };
                    bench.store.on_change(Box::new(move || calling.call(&caller)));
                    if ready.send(Ok((bench.keys.clone(), state.clone()))).is_ok() {
                        let look = |bench: &mut Bench| {
                            refresh(bench, &state);
                            bench.learn(false);
                            #[cfg(feature = "notify")]
                            bench.send_letters(&returns);
                            bench.look_at_waiters();
                        };
                        work(&mut bench, &inbox, &state, &policies, look);
                    }
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            })
            .map_err(|e| Error::new(ErrorKind::Internal, "the guard's worker cannot start").with_source(e))?;
        let died = |_| Error::new(ErrorKind::Internal, "the guard's worker died as it started");
        let (keys, state) = opened.recv().map_err(died)??;
        Ok(Arc::new(Self { pid, keys, jobs: Some(jobs), state, thread: Some(thread) }))
    }

    /// Another worker takes its place.
    pub(super) fn succeed(&self) {
        self.state.succeeded.store(true, Ordering::Release);
    }

    /// Whether its log has failed: it is never tried again.
    pub(super) fn is_broken(&self) -> bool {
        self.state.broken.load(Ordering::Acquire)
    }

    /// Whether it can do its work.
    pub(super) fn healthy(&self) -> Result<(), Error> {
        if self.is_broken() {
            return Err(Error::new(ErrorKind::Log, "the audit log cannot be written"));
        }
        if self.backlog() > BACKLOG {
            return Err(Error::new(ErrorKind::Log, "the audit log does not keep up"));
        }
        Ok(())
    }

    /// Why what leaves cannot be kept now, where a policy wants it kept.
    pub(super) fn cannot_capture(&self) -> Option<&'static str> {
        self.state.room.cannot()
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.state.snapshot.load_full()
    }

    /// What callers did before, as far as the policy watches.
    pub(super) fn history(&self) -> &History {
        &self.state.history
    }

    /// Whether what is known of grants is too old to rely on.
    pub(super) fn is_stale(&self) -> bool {
        self.age() > MAX_STALE
    }

    /// How long ago the store was last read.
    pub(super) fn age(&self) -> Duration {
        let refreshed = Duration::from_millis(self.state.refreshed.load(Ordering::Acquire));
        self.state.started.elapsed().saturating_sub(refreshed)
    }

    /// How many records and jobs wait.
    pub(super) fn backlog(&self) -> usize {
        self.state.backlog.load(Ordering::Relaxed)
    }

    /// The grants as a decision asks for them at `now` of this machine's clock.
    pub(super) fn view(&self, now: Timestamp) -> View {
        View { snapshot: self.snapshot(), now: self.store_time(now), stale: self.is_stale() }
    }

    /// An instant of this machine's clock by the store's: the time that grants are judged by.
    pub(super) fn store_time(&self, now: Timestamp) -> Timestamp {
        let ahead = self.state.ahead.load(Ordering::Acquire);
        Timestamp::from_millis(now.millis().saturating_add(ahead))
    }

    /// Has an effect carried out.
    pub(super) fn perform(&self, effect: Effect) -> Carrying {
        let (reply, answer) = oneshot::channel();
        // A worker that is gone drops the reply, which reads as failed.
        let _ = self.send(Job::Perform(effect, reply));
        Carrying::new(answer)
    }

    /// Hands over an exchange that is over. Where many wait, the worker is not left with reading too.
    pub(super) fn end(&self, mut over: Ended) {
        self.state.room.take(&over.record);
        if self.state.backlog.fetch_add(1, Ordering::Relaxed) >= GATHERED {
            over.catch_up();
        }
        let mut queue = self.state.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let (waiting, spent) = queue.put(over);
        drop(queue);
        drop(spent);
        let many = waiting == GATHERED;
        let asleep = !self.state.awake.swap(true, Ordering::AcqRel);
        if (many || asleep) && self.send(Job::Wake).is_err() {
            self.state.broken.store(true, Ordering::Release);
        }
    }

    /// Does something with the store and the log, and waits for its result.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Bench) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let gone = || Error::new(ErrorKind::Internal, "the guard's worker is gone");
        let (reply, answer) = channel();
        let job = Job::Do(Box::new(move |bench| {
            let done = work(bench);
            Box::new(move || {
                let _ = reply.send(done);
            })
        }));
        self.send(job).map_err(|()| gone())?;
        answer.recv().map_err(|_| gone())?
    }

    fn send(&self, job: Job) -> Result<(), ()> {
        self.state.backlog.fetch_add(1, Ordering::Relaxed);
        self.jobs.as_ref().ok_or(())?.send(job).map_err(|_| ())
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let thread = self.thread.take();
        if std::process::id() != self.pid {
            // After a fork the thread exists in the parent only: there is nothing here to wait for.
            std::mem::forget((self.jobs.take(), thread));
            return;
        }
        self.jobs = None;
        if let Some(thread) = thread
            && thread.thread().id() != thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

/// The grants that are live at one instant.
pub(super) struct View {
    snapshot: Arc<Snapshot>,
    now: Timestamp,
    pub(super) stale: bool,
}

impl GrantView for View {
    fn covering(&self, identity: &Identity, service: &str, act: &Act) -> Option<GrantId> {
        if self.stale {
            return None;
        }
        self.snapshot.covering_id(identity, service, act, self.now)
    }

    fn nearest(&self, identity: &Identity, service: &str, act: &Act) -> Option<(GrantId, Lack)> {
        let nearest = self.snapshot.nearest(identity, service, act, self.now);
        nearest.map(|(grant, lack)| (grant.id.clone(), lack))
    }
}

/// The worker's life: rounds of jobs, each ending with one group of records; every tick a look at the store.
fn work(
    bench: &mut Bench,
    inbox: &Receiver<Job>,
    state: &State,
    policies: &Policies,
    look: impl Fn(&mut Bench),
) {
    let mut ticked = Instant::now();
    let mut signed = Instant::now();
    loop {
        let due = if state.called.load(Ordering::Acquire) { CALM } else { TICK };
        let wait = due.saturating_sub(ticked.elapsed());
        let wait = if state.awake.load(Ordering::Acquire) { wait.min(GATHER) } else { wait };
        let first = inbox.recv_timeout(wait);
        let open = !matches!(first, Err(RecvTimeoutError::Disconnected));
        let mut count = 0;
        let mut next = first.ok();
        gather(bench, state);
        while let Some(job) = next {
            if count > 0 {
                // What ended before a job was sent is there before the job is done.
                gather(bench, state);
            }
            bench.take(job);
            count += 1;
            next = if count < ROUND { inbox.try_recv().ok() } else { None };
        }
        state.backlog.fetch_sub(count, Ordering::Relaxed);
        if bench.captured(!open).is_err() {
            state.broken.store(true, Ordering::Release);
        }
        commit(bench, state);
        let due = if state.called.load(Ordering::Acquire) { CALM } else { TICK };
        if open && (bench.changed() || ticked.elapsed() >= due) {
            ticked = Instant::now();
            // Before the look: what changes during it is looked at again.
            state.called.store(false, Ordering::Release);
            look(bench);
            commit(bench, state);
        }
        bench.reply();
        if !open || signed.elapsed() >= CHECKPOINT {
            signed = Instant::now();
            if open && policies.have_changed() {
                bench.read_policy_again(policies);
                commit(bench, state);
            }
            // A checkpoint that fails is tried again; the records themselves are safe.
            let _ = bench.checkpoint();
        }
        if !open {
            bench.learn(true);
            if !state.succeeded.load(Ordering::Acquire) {
                bench.leave();
            }
            return;
        }
    }
}

/// Takes over what has ended; where nothing has, the next one wakes the worker.
fn gather(bench: &mut Bench, state: &State) {
    let mut take = || state.queue.lock().unwrap_or_else(PoisonError::into_inner).take(&mut bench.spent);
    let mut ended = take();
    if ended.is_empty() {
        state.awake.store(false, Ordering::Release);
        // Whoever ended one before that store did not wake anybody.
        ended = take();
        if ended.is_empty() {
            return;
        }
        state.awake.store(true, Ordering::Release);
    }
    state.backlog.fetch_sub(ended.len(), Ordering::Relaxed);
    ended.into_iter().for_each(|ended| bench.ended(ended));
}

fn commit(bench: &mut Bench, state: &State) {
    if bench.commit().is_err() {
        state.broken.store(true, Ordering::Release);
    }
}

fn refresh(bench: &Bench, state: &State) {
    let before = state.started.elapsed();
    if let (Ok(ahead), Ok(snapshot)) = (bench.ahead(), bench.refresh(&state.snapshot.load())) {
        state.ahead.store(ahead, Ordering::Release);
        if let Some(snapshot) = snapshot {
            state.snapshot.store(Arc::new(snapshot));
        }
        let millis = u64::try_from(before.as_millis()).unwrap_or(u64::MAX);
        state.refreshed.store(millis, Ordering::Release);
    }
}
