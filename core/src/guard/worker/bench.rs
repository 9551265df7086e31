//! What the worker works with: the store, the log, and the replies it still owes.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::capturing::Capturing;
use super::ended::Spent;
use super::{Ended, Job, Reply};
use crate::audit::{Journal, Kind, Log, MemoryJournal, Prepared, Record};
use crate::budget::Budgets;
use crate::clock::{Clock, Timestamp};
use crate::error::Error;
use crate::glob::Glob;
use crate::grant::{
    Approval, ApprovalState, Approvals, Consumed, Grant, Grants, Leased, Limits, Snapshot, Subscriber, Take,
    Ticket,
};
#[cfg(feature = "key-urls")]
use crate::guard::key_sets;
use crate::guard::lost::Lost;
use crate::guard::metrics::Metrics;
#[cfg(feature = "notify")]
use crate::guard::notify::Post;
use crate::guard::policies::{InForce, Policies};
use crate::guard::step::{Done, Effect, LeaseRequest};
use crate::guard::stores;
use crate::guard::worker::standing;
use crate::identity::Sources;
use crate::keys::Keys;
use crate::model::{ApprovalId, Text};
use crate::policy::{Policy, State};
use crate::store::{MemoryStore, Store};
use crate::watch::{History, Learner};

/// The store and the log, in the hands of the one thread that may use them.
pub(in crate::guard) struct Bench {
    pub(in crate::guard) keys: Keys,
    pub(in crate::guard) store: Arc<dyn Store>,
    journal: Box<dyn Journal>,
    /// Whether the journal has refused something.
    failed: bool,
    /// What could not be recorded, here and by those before it.
    lost: Arc<Lost>,
    /// What ended exchanges are counted in.
    metrics: Arc<Metrics>,
    pub(super) clock: Arc<dyn Clock>,
    policy_digest: Text,
    /// Keeps bodies before their records go to the log.
    pub(super) capturing: Capturing,
    /// Records of this round, appended as one group.
    group: Vec<Prepared>,
    /// What is left of rounds before.
    pub(super) spent: Spent,
    /// Who waits for that group to be on disk.
    owed: Vec<oneshot::Sender<Done>>,
    waiters: Vec<Waiter>,
    changed: bool,
    replies: Vec<Reply>,
    subscribers: Arc<[Subscriber]>,
    limits: Limits,
    /// What callers did before; empty where the policy does not watch.
    pub(super) history: Arc<History>,
    pub(super) learner: Option<Learner>,
    /// The collections of which it is counted how much a caller had.
    pub(super) measured: Vec<Glob>,
    /// When what was learnt was written last.
    pub(super) learnt: Timestamp,
    #[cfg(feature = "notify")]
    post: Post,
}

/// A parked request.
struct Waiter {
    approval: ApprovalId,
    digest: String,
    until: Timestamp,
    reply: oneshot::Sender<Done>,
}

impl Bench {
    /// Opens what the policy's `state` names.
    pub(super) fn open(
        policies: &Policies,
        clock: Arc<dyn Clock>,
        lost: Arc<Lost>,
        metrics: Arc<Metrics>,
    ) -> Result<(Self, Snapshot), Error> {
        let in_force = policies.now();
        let policy = &*in_force.policy;
        can_call(policy)?;
        let (keys, store, journal): (Keys, Arc<dyn Store>, Box<dyn Journal>) = match policy.state() {
            State::Memory => {
                let store = Arc::new(MemoryStore::with_clock(clock.clone()));
                (Keys::ephemeral()?, store, Box::new(MemoryJournal::new()))
            }
            State::Folder(folder) => {
                std::fs::create_dir_all(folder).map_err(|e| {
                    let message = format!("cannot make the state folder {}", folder.display());
                    Error::new(crate::ErrorKind::Store, message).with_source(e)
                })?;
                let keys = Keys::open(folder)?;
                let (store, keeper) = stores::open(policy, folder, &clock)?;
                let log = Log::open_with(folder, Box::new(keeper), policy.log_settings()?)?;
                (keys, store, Box::new(log))
            }
        };
        standing::settle(policy, &*store)?;
        #[cfg(feature = "key-urls")]
        key_sets::start(policy, &clock)?;
        let snapshot = Snapshot::load(&*store)?;
        let history = Arc::new(History::new(&keys));
        let mut bench = Self {
            #[cfg(feature = "notify")]
            post: Post::new(policy, &keys),
            keys,
            store,
            capturing: Capturing::new(journal.bodies()),
            journal,
            failed: false,
            lost,
            metrics,
            clock,
            policy_digest: in_force.digest.clone(),
            group: Vec::new(),
            spent: Spent::default(),
            owed: Vec::new(),
            waiters: Vec::new(),
            changed: false,
            replies: Vec::new(),
            subscribers: policy.subscribers(),
            limits: policy.granting().limits.clone(),
            history,
            learner: None,
            measured: Vec::new(),
            learnt: Timestamp::default(),
        };
        bench.watch_for(policy)?;
        bench.journal.left().into_iter().for_each(|gap| bench.lost.put_back(gap));
        bench.say_what_was_cleared();
        Ok((bench, snapshot))
    }

    pub(super) fn take(&mut self, job: Job) {
        match job {
            Job::Perform(Effect::PersistBegin(record), reply) => {
                self.group.push(*record);
                self.owed.push(reply);
            }
            Job::Perform(Effect::AwaitDecision { approval, digest, until }, reply) => {
                self.waiters.push(Waiter { approval, digest, until, reply });
            }
            Job::Perform(Effect::OpenApproval(opening), reply) => {
                let done = match self.approvals().open_or_find(&opening) {
                    Ok(ticket) => self.use_ticket(ticket, &opening.digest),
                    Err(_) => Done::Failed,
                };
                let _ = reply.send(done);
            }
            Job::Perform(Effect::Lease(lease), reply) => {
                let _ = reply.send(self.lease(&lease));
            }
            Job::Perform(Effect::Spend(spend), reply) => {
                let spent = Budgets::new(&*self.store).spend(&spend.charges, &spend.ids);
                let _ = reply.send(spent.map_or(Done::Failed, Done::Spent));
            }
            Job::Perform(Effect::AwaitKeys(keys), reply) => keys.when_tried(Box::new(move || {
                let _ = reply.send(Done::Tried);
            })),
            Job::Do(work) => {
                let reply = work(self);
                self.replies.push(reply);
            }
            Job::Wake => {}
            #[cfg(feature = "notify")]
            Job::Returned(parcel, delivered) => self.post.came_back(&*self.store, *parcel, delivered),
        }
    }

    /// The approvals; whoever the policy says is told of their steps.
    pub(in crate::guard) fn approvals(&self) -> Approvals<'_> {
        Approvals::new(&*self.store).telling(&self.subscribers).within(&self.limits)
    }

    /// The grants; whoever the policy says is told of their steps.
    pub(in crate::guard) fn grants(&self) -> Grants<'_> {
        Grants::new(&*self.store).telling(&self.subscribers).within(&self.limits)
    }

    /// What grants keep within that people issue or ask for.
    pub(in crate::guard) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Sends letters that are due. A store that is away is asked again at the next look.
    #[cfg(feature = "notify")]
    pub(super) fn send_letters(&mut self, returns: &super::Returns) {
        let _ = self.post.send(&*self.store, returns);
    }

    /// Takes the record of an ended exchange, and gives back what it did not spend.
    pub(super) fn ended(&mut self, mut ended: Ended) {
        ended.catch_up();
        let Ended { record, took, unspent, read } = ended;
        self.metrics.note(&record, took);
        self.spent.read.extend(read.into_iter().flatten());
        self.learn_from(&record);
        self.group.extend(self.capturing.take(record).map(Prepared::from));
        // What cannot be given back is lost to the grant: it errs towards deny.
        unspent.into_iter().for_each(|lease| {
            let _ = Grants::new(&*self.store).give_back(lease);
        });
    }

    /// Takes back the records whose bodies are settled; where `wait`, those under way too.
    ///
    /// # Errors
    /// Where some are lost.
    pub(super) fn captured(&mut self, wait: bool) -> Result<(), Error> {
        let lost =
            |()| Error::new(crate::ErrorKind::Log, "records were lost with the thread that keeps bodies");
        let back = self.capturing.back(wait).map_err(lost)?;
        self.group.extend(back.into_iter().map(Prepared::from));
        Ok(())
    }

    /// Answers those whose work is done, now that every exchange can see it.
    pub(super) fn reply(&mut self) {
        self.replies.drain(..).for_each(|reply| reply());
    }

    fn use_ticket(&mut self, ticket: Ticket, digest: &str) -> Done {
        if ticket.opened {
            self.note_approval("opened", &ticket.approval, &ticket.approval.identity.subject.clone(), None);
        }
        self.consume(ticket.approval, ticket.state, digest)
    }

    /// Goes on under an approved ticket, once; of several that try, one does.
    fn consume(&mut self, approval: Approval, state: ApprovalState, digest: &str) -> Done {
        if state != ApprovalState::Approved {
            return Done::Approval { approval: Box::new(approval), state, taken: false };
        }
        match self.approvals().consume(&approval.id, digest) {
            Ok(Consumed::Now(used)) => {
                let by = used.identity.subject.clone();
                self.note_approval("used", &used, &by, None);
                Done::Approval { approval: used, state: ApprovalState::Used, taken: true }
            }
            Ok(Consumed::Refused(_)) => {
                Done::Approval { approval: Box::new(approval), state: ApprovalState::Used, taken: false }
            }
            Err(_) => Done::Failed,
        }
    }

    fn lease(&mut self, lease: &LeaseRequest) -> Done {
        let amount = Take::between(lease.need, lease.want);
        match Grants::new(&*self.store).lease(&lease.grant, Take::exactly(lease.uses), amount) {
            Ok(Leased::Taken(lease)) => Done::Leased(lease),
            Ok(Leased::Refused(refusal)) => {
                use crate::grant::GrantRefusal::{Closed, Exhausted, Expired, NotStarted};
                Done::Refused(match refusal {
                    Expired => "grant_expired",
                    Exhausted => "grant_exhausted",
                    NotStarted | Closed => "grant_not_started",
                    _ => "grant_revoked",
                })
            }
            Err(_) => Done::Failed,
        }
    }

    /// Answers the parked requests that were decided, or have waited long enough.
    pub(super) fn look_at_waiters(&mut self) {
        let now = self.clock.now();
        for waiter in std::mem::take(&mut self.waiters) {
            if waiter.reply.is_closed() {
                continue;
            }
            let found = Approvals::new(&*self.store).find(&waiter.approval);
            let (Ok(Some(approval)), Ok(store_now)) = (found, self.store.now()) else {
                let _ = waiter.reply.send(Done::Failed);
                continue;
            };
            let state = approval.state(store_now);
            if state == ApprovalState::Pending && now < waiter.until {
                self.waiters.push(waiter);
                continue;
            }
            let done = self.consume(approval, state, &waiter.digest);
            let _ = waiter.reply.send(done);
        }
    }

    /// Makes the group durable and answers those who waited for it.
    pub(super) fn commit(&mut self) -> Result<(), Error> {
        // A log that failed takes nothing more: another worker says it, or whoever comes next.
        if !self.failed
            && let Some(gap) = self.lost.take()
        {
            let reason = format!("{} entries, of which {} exchanges went on", gap.entries, gap.went_on);
            let mut record = self.change(Kind::Log, "lost", "wardline", Some(&reason));
            record.gap = Some(gap);
            self.group.insert(0, record.into());
        }
        if self.group.is_empty() && !self.failed {
            return Ok(());
        }
        let appended = self.journal.append_prepared(&self.group);
        if appended.is_err() {
            self.failed = true;
            self.group.iter().for_each(|prepared| self.lost.note(prepared.record()));
        }
        self.spent.records.extend(self.group.drain(..).map(Prepared::into_record));
        for reply in self.owed.drain(..) {
            let _ = reply.send(if appended.is_ok() { Done::Persisted } else { Done::Failed });
        }
        appended
    }

    /// A writer that died in the middle of a group left bytes that were never acknowledged: that they were there is an entry.
    fn say_what_was_cleared(&mut self) {
        if let Some(bytes) = self.journal.cleared() {
            let reason = format!(
                "{bytes} bytes behind the last entry were no entry: a writer that died had begun them, or somebody put them there"
            );
            let record = self.change(Kind::Log, "cleared", "wardline", Some(&reason));
            self.group.push(record.into());
        }
    }

    /// Leaves what could not be said to whoever continues the log.
    pub(super) fn leave(&mut self) {
        if let Some(gap) = self.lost.take()
            && self.journal.leave(&gap).is_err()
        {
            self.lost.put_back(gap);
        }
    }

    pub(super) fn checkpoint(&mut self) -> Result<(), Error> {
        self.journal.checkpoint()
    }

    /// Whether a job changed what the snapshot holds.
    pub(super) fn changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// How far the store's clock is ahead of this machine's, in milliseconds. The time that asking takes counts as ahead,
    /// so that grants end a little early rather than late.
    pub(super) fn ahead(&self) -> Result<i64, Error> {
        let here = self.clock.now().millis();
        Ok(self.store.now()?.millis().saturating_sub(here))
    }

    /// The grants as they stand now; `None` where nothing changed.
    pub(super) fn refresh(&self, snapshot: &Snapshot) -> Result<Option<Snapshot>, Error> {
        if self.store.revision()? == snapshot.revision() {
            return Ok(None);
        }
        snapshot.refresh(&*self.store).map(Some)
    }

    /// Makes all that was noted durable and signs it.
    pub(in crate::guard) fn flush(&mut self) -> Result<(), Error> {
        self.learn(true);
        let captured = self.captured(true);
        self.commit()?;
        captured?;
        self.checkpoint()
    }

    /// Notes a step of an approval in the log.
    pub(in crate::guard) fn note_approval(
        &mut self,
        step: &str,
        approval: &Approval,
        by: &str,
        reason: Option<&str>,
    ) {
        let mut record = self.change(Kind::Approval, step, by, reason);
        record.approval = Some(approval.id.clone());
        record.service = Text::from(approval.service.clone());
        record.acts.clone_from(&approval.acts);
        record.digest = Some(approval.digest.clone());
        record.identity = Some(Arc::new(approval.identity.clone()));
        self.group.push(record.into());
    }

    /// Notes a step of a grant in the log.
    pub(in crate::guard) fn note_grant(&mut self, step: &str, grant: &Grant, by: &str, reason: Option<&str>) {
        let mut record = self.change(Kind::Grant, step, by, reason);
        record.grant = Some(grant.id.clone());
        self.group.push(record.into());
        self.changed = true;
    }

    /// Puts another policy into force: its standing grants are there before anything is judged by it.
    pub(in crate::guard) fn put_policy(
        &mut self,
        policies: &Policies,
        next: Arc<InForce>,
        by: &str,
    ) -> Result<(), Error> {
        can_call(&next.policy)?;
        standing::settle(&next.policy, &*self.store)?;
        #[cfg(feature = "key-urls")]
        key_sets::start(&next.policy, &self.clock)?;
        self.watch_for(&next.policy)?;
        self.changed = true;
        self.subscribers = next.policy.subscribers();
        self.limits.clone_from(&next.policy.granting().limits);
        // Letters under way come back to whom they were for, or are due again.
        #[cfg(feature = "notify")]
        {
            self.post = Post::new(&next.policy, &self.keys);
        }
        let before = std::mem::replace(&mut self.policy_digest, next.digest.clone());
        let reason = format!("in place of {before}");
        let record = self.change(Kind::Policy, "in_force", by, Some(&reason));
        self.group.push(record.into());
        policies.put(next);
        self.flush()
    }

    /// Reads a file that has changed: what is wrong with it is noted, and the policy in force stays.
    pub(super) fn read_policy_again(&mut self, policies: &Policies) {
        const BY: &str = "the watched file";
        let next = policies.read().and_then(|policy| policies.succeeding(policy));
        let put = next.and_then(|next| match next {
            Some(next) => self.put_policy(policies, next, BY),
            None => Ok(()),
        });
        if let Err(error) = put {
            let record = self.change(Kind::Policy, "refused", BY, Some(&error.to_string()));
            self.group.push(record.into());
        }
    }

    pub(in crate::guard) fn note_reading(&mut self, by: &str, step: &str, asked: &str) {
        let record = self.change(Kind::Read, step, by, Some(asked));
        self.group.push(record.into());
    }

    fn change(&self, kind: Kind, step: &str, by: &str, reason: Option<&str>) -> Record {
        let mut record = Record::step(kind, self.clock.now(), step, by, reason);
        record.policy = Some(self.policy_digest.clone());
        record
    }
}

/// A policy whose webhooks or key sets nobody would call is refused.
fn can_call(policy: &Policy) -> Result<(), Error> {
    if cfg!(not(feature = "notify")) && !policy.webhooks().is_empty() {
        let message = "the policy tells webhooks, and this build calls none: the crate wardline needs its feature `notify`";
        return Err(Error::new(crate::ErrorKind::Input, message));
    }
    let fetched = policy.identity().into_iter().flat_map(Sources::fetched_keys);
    if cfg!(not(feature = "key-urls")) && fetched.count() > 0 {
        let message = "the policy fetches the keys of issuers, and this build fetches none: the crate wardline needs its feature `key-urls`";
        return Err(Error::new(crate::ErrorKind::Input, message));
    }
    Ok(())
}
