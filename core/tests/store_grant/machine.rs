//! Interleavings of several clients, held against a naive reference.
//!
//! A store that meddles lets others act between any two steps of an operation: after it has read, before it writes. Whatever comes of
//! that must be what some order of whole operations gives (linearizability), by a model that knows no revisions.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use wardline::Error;
use wardline::clock::{ManualClock, Timestamp};
use wardline::grant::{Answer, Approvals, Consumed, Grants, Lease, Leased, Opening, Take};
use wardline::model::{ApprovalId, GrantId};
use wardline::store::{Changes, MemoryStore, Put, Row, Store, Write};

use crate::{at, opening, person, steps, terms};

/// A kind of thing that clients do at once, with the model of it.
trait World: Sync {
    type Op: Clone + Debug + Send;
    /// What was done, with all that the model needs to know, and what came of it.
    type Done: Clone + Debug + PartialEq + Send;
    type Model: Clone + Debug + PartialEq;

    fn perform(&self, store: &dyn Store, op: &Self::Op) -> Self::Done;
    /// The model afterwards, where it can have come to this.
    fn after(&self, model: &Self::Model, done: &Self::Done) -> Option<Self::Model>;
    /// Whether the store holds what the model says.
    fn agrees(&self, store: &dyn Store, model: &Self::Model) -> bool;
}

/// Lets another act before each step, while there is one to act.
struct Meddler<'a, W: World> {
    world: &'a W,
    inner: &'a MemoryStore,
    others: Mutex<VecDeque<Option<W::Op>>>,
    done: Mutex<Vec<W::Done>>,
}

impl<W: World> Meddler<'_, W> {
    fn meddle(&self) {
        let next = self.others.lock().unwrap().pop_front();
        if let Some(op) = next.flatten() {
            let done = self.world.perform(self.inner, &op);
            self.done.lock().unwrap().push(done);
        }
    }
}

impl<W: World> Store for Meddler<'_, W> {
    fn now(&self) -> Result<Timestamp, Error> {
        self.inner.now()
    }
    fn revision(&self) -> Result<u64, Error> {
        self.inner.revision()
    }
    fn get(&self, table: &str, key: &str) -> Result<Option<Row>, Error> {
        self.meddle();
        self.inner.get(table, key)
    }
    fn read_since(&self, table: &str, rev: u64) -> Result<Changes, Error> {
        self.inner.read_since(table, rev)
    }
    fn commit(&self, writes: &[Write<'_>]) -> Result<Put, Error> {
        self.meddle();
        self.inner.commit(writes)
    }
}

/// An operation, and what others do between its steps.
type Scene<Op> = (Op, Vec<Option<Op>>);

/// Runs every operation amid others; answers how many orders are still possible, at least one.
fn run<W: World>(world: &W, store: &MemoryStore, first: W::Model, script: &[Scene<W::Op>]) {
    let mut models = vec![first];
    for (op, others) in script {
        let others = Mutex::new(others.iter().cloned().collect());
        let meddler = Meddler { world, inner: store, others, done: Mutex::default() };
        let outer = world.perform(&meddler, op);
        let inner = meddler.done.into_inner().unwrap();
        let mut next = Vec::new();
        for model in &models {
            for place in 0..=inner.len() {
                let mut order = inner[..place].iter().chain([&outer]).chain(&inner[place..]);
                let end = order.try_fold(model.clone(), |model, done| world.after(&model, done));
                next.extend(
                    end.filter(|end| world.agrees(store, end))
                        .filter(|end| !next.contains(end))
                        .into_iter()
                        .collect::<Vec<_>>(),
                );
            }
        }
        assert!(!next.is_empty(), "no order gives {outer:?} amid {inner:?} from {models:?}");
        models = next;
    }
}

fn script<Op: Clone + Debug + 'static>(op: BoxedStrategy<Op>) -> impl Strategy<Value = Vec<Scene<Op>>> {
    let others = prop::collection::vec(prop::option::weighted(0.6, op.clone()), 0..4);
    prop::collection::vec((op, others), 1..12)
}

// Leases.

#[derive(Debug, Clone)]
enum Spend {
    Lease { uses: u64, need: u64, want: u64 },
    GiveBack,
    Revoke,
    Pass(u64),
}

#[derive(Debug, Clone, PartialEq)]
enum Spent {
    Leased { uses: u64, need: u64, want: u64, got: Option<(u64, u64)> },
    GivenBack(u64, u64),
    Revoked(bool),
    Passed(u64),
}

struct Spenders {
    clock: Arc<ManualClock>,
    id: GrantId,
    held: Mutex<Vec<Lease>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Purse {
    uses: u64,
    amount: u64,
    over: bool,
    left_ms: u64,
}

impl World for Spenders {
    type Op = Spend;
    type Done = Spent;
    type Model = Purse;

    fn perform(&self, store: &dyn Store, op: &Spend) -> Spent {
        let grants = Grants::new(store);
        match *op {
            Spend::Lease { uses, need, want } => {
                let taken = grants.lease(&self.id, Take::exactly(uses), Take::between(need, want)).unwrap();
                let got = match taken {
                    Leased::Taken(lease) => {
                        let held = lease.held();
                        self.held.lock().unwrap().push(lease);
                        Some((held.uses, held.amount))
                    }
                    Leased::Refused(_) => None,
                };
                Spent::Leased { uses, need, want, got }
            }
            Spend::GiveBack => {
                let lease = self.held.lock().unwrap().pop();
                let Some(lease) = lease else { return Spent::GivenBack(0, 0) };
                let held = lease.held();
                grants.give_back(lease).unwrap();
                Spent::GivenBack(held.uses, held.amount)
            }
            Spend::Revoke => Spent::Revoked(grants.revoke(&self.id, "dora", "over").is_ok()),
            Spend::Pass(millis) => {
                self.clock.advance(Duration::from_millis(millis));
                Spent::Passed(millis)
            }
        }
    }

    fn after(&self, purse: &Purse, done: &Spent) -> Option<Purse> {
        let mut next = purse.clone();
        match *done {
            Spent::Leased { uses, need, want, got } => {
                let most = purse.amount / 16 + u64::from(!purse.amount.is_multiple_of(16));
                let fair = need.max(want.max(need).min(most));
                let can = !purse.over && purse.left_ms > 0 && uses <= purse.uses && need <= purse.amount;
                if got != can.then_some((uses, fair)) {
                    return None;
                }
                if let Some((uses, amount)) = got {
                    next.uses -= uses;
                    next.amount -= amount;
                }
            }
            Spent::GivenBack(uses, amount) => {
                next.uses += uses;
                next.amount += amount;
            }
            Spent::Revoked(ok) => {
                if ok != (!purse.over && purse.left_ms > 0) {
                    return None;
                }
                next.over |= ok;
            }
            Spent::Passed(millis) => next.left_ms = purse.left_ms.saturating_sub(millis),
        }
        Some(next)
    }

    fn agrees(&self, store: &dyn Store, purse: &Purse) -> bool {
        let grant = Grants::new(store).find(&self.id).unwrap().unwrap();
        (grant.uses_left(), grant.quota_left(), grant.revoked.is_some())
            == (Some(purse.uses), Some(purse.amount), purse.over)
    }
}

// Approvals.

const PEOPLE: [(&str, &[&str]); 5] =
    [("sam", &["sec"]), ("dan", &["data"]), ("both", &["sec", "data"]), ("web", &["web"]), ("ana", &["sec"])];

#[derive(Debug, Clone)]
enum Act {
    Open { stricter: bool },
    Vote { person: usize, approve: bool },
    Consume { other: bool },
    Cancel { person: usize },
    Pass(u64),
}

#[derive(Debug, Clone, PartialEq)]
enum Acted {
    Opened { id: ApprovalId, stricter: bool, new: bool },
    Voted { id: ApprovalId, person: usize, approve: bool, ok: bool },
    Consumed { id: ApprovalId, other: bool, ok: bool },
    Cancelled { id: ApprovalId, person: usize, ok: bool },
    Passed(u64),
}

struct Committee {
    clock: Arc<ManualClock>,
    /// What people are shown: the newest that anybody has been told of.
    shown: Mutex<ApprovalId>,
}

/// An approval of the one request.
#[derive(Debug, Clone, PartialEq)]
struct Case {
    id: ApprovalId,
    stricter: bool,
    approved: Vec<usize>,
    is: Is,
    /// Of the time to vote, and then to use it.
    left_ms: u64,
    /// Of the time to vote, whatever became of it.
    voting_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Is {
    Pending,
    Approved,
    Denied,
    Used,
    Cancelled,
}

const VOTING: u64 = 20;
const USABLE: u64 = 10;

fn asked(stricter: bool) -> Opening {
    let (sec, data): (&[&str], &[&str]) = (&["sec"], &["data"]);
    Opening {
        steps: if stricter { steps(&[(sec, 1), (data, 1)]) } else { steps(&[(sec, 1)]) },
        pending_for: Duration::from_millis(VOTING),
        usable_for: Duration::from_millis(USABLE),
        ..opening('a')
    }
}

impl Case {
    fn new(id: ApprovalId, stricter: bool) -> Self {
        Self { id, stricter, approved: vec![], is: Is::Pending, left_ms: VOTING, voting_ms: VOTING }
    }

    fn open(&self) -> bool {
        matches!(self.is, Is::Pending | Is::Approved) && self.left_ms > 0
    }

    /// Somebody for every step, nobody for two: by trying all.
    fn enough(&self) -> bool {
        let of = |group: &str| {
            self.approved.iter().filter(|p| PEOPLE[**p].1.contains(&group)).copied().collect::<Vec<_>>()
        };
        let (sec, data) = (of("sec"), of("data"));
        if self.stricter { sec.iter().any(|one| data.iter().any(|two| one != two)) } else { !sec.is_empty() }
    }
}

impl World for Committee {
    type Op = Act;
    type Done = Acted;
    /// Oldest first.
    type Model = Vec<Case>;

    fn perform(&self, store: &dyn Store, op: &Act) -> Acted {
        let approvals = Approvals::new(store);
        let who = |n: usize| person(PEOPLE[n].0, PEOPLE[n].1);
        let id = self.shown.lock().unwrap().clone();
        match *op {
            Act::Open { stricter } => {
                let ticket = approvals.open_or_find(&asked(stricter)).unwrap();
                let id = ticket.approval.id;
                *self.shown.lock().unwrap() = id.clone();
                Acted::Opened { id, stricter, new: ticket.opened }
            }
            Act::Vote { person, approve } => {
                let answer = if approve { Answer::Approve } else { Answer::Deny };
                let ok = approvals.vote(&id, &who(person), answer, None).is_ok();
                Acted::Voted { id, person, approve, ok }
            }
            Act::Consume { other } => {
                let digest = if other { "b".repeat(64) } else { asked(false).digest };
                let used = approvals.consume(&id, &digest).unwrap();
                Acted::Consumed { id, other, ok: matches!(used, Consumed::Now(_)) }
            }
            Act::Cancel { person } => {
                let ok = approvals.cancel(&id, &who(person), "x").is_ok();
                Acted::Cancelled { id, person, ok }
            }
            Act::Pass(millis) => {
                self.clock.advance(Duration::from_millis(millis));
                Acted::Passed(millis)
            }
        }
    }

    fn after(&self, cases: &Vec<Case>, done: &Acted) -> Option<Vec<Case>> {
        let mut next = cases.clone();
        let as_told = |ok: bool, can: bool| (ok == can).then_some(());
        let about = |id: &ApprovalId| next.iter().position(|case| case.id == *id);
        match done {
            Acted::Opened { id, stricter, new } => {
                let last = next.last_mut()?;
                let same = last.open() && last.stricter == *stricter;
                as_told(!new, same || (last.is == Is::Denied && last.voting_ms > 0))?;
                if !new {
                    return (last.id == *id).then_some(next);
                }
                if last.open() {
                    last.is = Is::Cancelled;
                }
                next.push(Case::new(id.clone(), *stricter));
            }
            Acted::Voted { id, person, approve, ok } => {
                let place = about(id)?;
                let case = &mut next[place];
                let (name, groups) = PEOPLE[*person];
                let asked = groups.contains(&"sec") || (case.stricter && groups.contains(&"data"));
                let open = case.open() && (case.is == Is::Pending || !approve);
                let again = *approve && case.approved.contains(person);
                as_told(*ok, name != "ana" && asked && open && !again)?;
                if *ok && *approve {
                    case.approved.push(*person);
                    if case.enough() {
                        (case.is, case.left_ms) = (Is::Approved, USABLE);
                    }
                } else if *ok {
                    case.is = Is::Denied;
                }
            }
            Acted::Consumed { id, other, ok } => {
                let place = about(id)?;
                let case = &mut next[place];
                as_told(*ok, !other && case.open() && case.is == Is::Approved)?;
                if *ok {
                    case.is = Is::Used;
                }
            }
            Acted::Cancelled { id, person, ok } => {
                let place = about(id)?;
                let case = &mut next[place];
                as_told(*ok, PEOPLE[*person].0 == "ana" && case.open())?;
                if *ok {
                    case.is = Is::Cancelled;
                }
            }
            Acted::Passed(millis) => {
                for case in &mut next {
                    case.left_ms = case.left_ms.saturating_sub(*millis);
                    case.voting_ms = case.voting_ms.saturating_sub(*millis);
                }
            }
        }
        Some(next)
    }

    fn agrees(&self, store: &dyn Store, cases: &Vec<Case>) -> bool {
        let now = store.now().unwrap();
        let approvals = Approvals::new(store);
        let newest = store.get(Approvals::BY_DIGEST, &asked(false).digest).unwrap().unwrap().value;
        let stands = |case: &Case| {
            let expected = match case.is {
                Is::Pending | Is::Approved if case.left_ms == 0 => "expired",
                Is::Pending => "pending",
                Is::Approved => "approved",
                Is::Denied => "denied",
                Is::Used => "used",
                Is::Cancelled => "cancelled",
            };
            approvals.find(&case.id).unwrap().unwrap().state(now).name() == expected
        };
        approvals.list(None).unwrap().len() == cases.len()
            && cases.last().unwrap().id.as_str().as_bytes() == newest
            && cases.iter().all(stands)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn leases_of_several_clients_are_those_of_some_order(script in script(prop_oneof![
        6 => (0_u64..3, 0_u64..9, 0_u64..40).prop_map(|(uses, need, want)| Spend::Lease { uses, need, want }),
        3 => Just(Spend::GiveBack),
        1 => Just(Spend::Revoke),
        1 => (1_u64..40).prop_map(Spend::Pass),
    ].boxed())) {
        let clock = Arc::new(ManualClock::new(at("2026-03-01T10:00:00Z")));
        let store = MemoryStore::with_clock(clock.clone());
        let id = Grants::new(&store).issue(&terms(r#""until": "100ms", "uses": 9, "quota": ["rows", 60]"#), "cleo").unwrap().id;
        let world = Spenders { clock, id, held: Mutex::default() };
        run(&world, &store, Purse { uses: 9, amount: 60, over: false, left_ms: 100 }, &script);
    }

    #[test]
    fn approvals_of_several_clients_are_those_of_some_order(script in script(prop_oneof![
        3 => any::<bool>().prop_map(|stricter| Act::Open { stricter }),
        6 => (0..PEOPLE.len(), prop::bool::weighted(0.8)).prop_map(|(person, approve)| Act::Vote { person, approve }),
        3 => prop::bool::weighted(0.1).prop_map(|other| Act::Consume { other }),
        1 => (0..PEOPLE.len()).prop_map(|person| Act::Cancel { person }),
        2 => (1_u64..9).prop_map(Act::Pass),
    ].boxed())) {
        let clock = Arc::new(ManualClock::new(at("2026-03-01T10:00:00Z")));
        let store = MemoryStore::with_clock(clock.clone());
        let id = Approvals::new(&store).open_or_find(&asked(false)).unwrap().approval.id;
        let world = Committee { clock, shown: Mutex::new(id.clone()) };
        run(&world, &store, vec![Case::new(id, false)], &script);
    }
}
