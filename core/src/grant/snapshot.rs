//! All grants as they stood at one revision, indexed for the decision path.
//!
//! A guard's worker refreshes it a few times a second and swaps it in whole; deciding reads it without a lock. It judges by the
//! `now` it is asked about, so a grant that ends between two refreshes ends on time.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashMap;
use smallvec::SmallVec;

use super::{Grant, GrantState, Grants, Held, Lack, Scope};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::glob::Glob;
use crate::identity::{Identity, Who};
use crate::model::{Act, GrantId, Operation};
use crate::store::Store;

/// An immutable view of the grants of a store.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    revision: u64,
    loaded_at: Timestamp,
    grants: Arc<Vec<Placed>>,
    slots: Arc<HashMap<GrantId, usize>>,
    index: Arc<Index>,
    unreadable: Arc<BTreeMap<String, u64>>,
}

/// A grant, and what it reaches and is called in one piece of memory: of a hundred thousand grants none is at hand, and each list and
/// pattern of a scope that has to be fetched costs more than comparing it.
#[derive(Debug, Clone)]
struct Placed {
    grant: Arc<Grant>,
    reach: Arc<str>,
}

/// The grants for one caller: mostly one, which then needs no list to be fetched.
type Entries = SmallVec<[Entry; 1]>;

/// Those that may still cover something, and those that ended before the index was built: only explaining looks at these.
#[derive(Debug, Default)]
struct Index {
    live: Lists,
    ended: Lists,
}

/// Where the grants for a caller are found: by exact subject, by group, and all others.
#[derive(Debug, Default)]
struct Lists {
    users: HashMap<Box<str>, Entries>,
    groups: HashMap<Box<str>, Entries>,
    rest: Entries,
}

/// What is asked of a grant without looking at it.
#[derive(Debug, Clone)]
struct Entry {
    operations: Operations,
    from: Timestamp,
    until: Timestamp,
    /// Its services, its resources and its id, as [`reach`] writes them.
    reach: Arc<str>,
    slot: u32,
    /// Whether uses or a quota limit it.
    limited: bool,
    /// Whether it holds at some hours of the week only.
    hours: bool,
}

/// One bit an operation.
type Operations = u128;
const _: () = assert!(Operation::ALL.len() <= Operations::BITS as usize);

impl Snapshot {
    /// The grants of `store` now.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn load(store: &dyn Store) -> Result<Self, Error> {
        Self::default().refresh(store)
    }

    /// The same, brought up to date: reads only what changed since, and shares the rest.
    ///
    /// A row that this version cannot read (a newer one wrote it) is left out: that errs towards deny, and
    /// [`unreadable`](Self::unreadable) says so. A store that was put back to an older state is read anew.
    ///
    /// # Errors
    /// Where the store cannot be read; this snapshot stays as it is.
    pub fn refresh(&self, store: &dyn Store) -> Result<Self, Error> {
        // Taken before the rows are read: the view is at least as new as it says.
        let loaded_at = store.now()?;
        let changes = store.read_since(Grants::TABLE, self.revision)?;
        if changes.revision < self.revision {
            return Self::default().refresh(store);
        }
        let mut next = self.clone();
        next.revision = changes.revision;
        next.loaded_at = loaded_at;
        if changes.rows.is_empty() {
            return Ok(next);
        }
        let (mut grants, mut slots) = (self.grants.as_ref().clone(), None);
        let mut unreadable = self.unreadable.as_ref().clone();
        let mut reindex = false;
        for row in changes.rows {
            let id = GrantId::from(row.key.as_str());
            let slot = self.slots.get(&id).copied();
            match (Grants::read(&row), slot.and_then(|slot| grants.get_mut(slot))) {
                (Ok(grant), Some(place)) => {
                    reindex |= unreadable.remove(&row.key).is_some() || !same_place(&place.grant, &grant);
                    *place = Placed::new(grant);
                }
                (Ok(grant), None) => {
                    unreadable.remove(&row.key);
                    slots.get_or_insert_with(|| self.slots.as_ref().clone()).insert(id, grants.len());
                    grants.push(Placed::new(grant));
                    reindex = true;
                }
                (Err(_), _) => {
                    unreadable.insert(row.key, row.rev);
                    reindex = true;
                }
            }
        }
        if let Some(slots) = slots {
            next.slots = Arc::new(slots);
        }
        if reindex {
            next.index = Arc::new(Index::of(&grants, &unreadable, loaded_at));
        }
        next.grants = Arc::new(grants);
        next.unreadable = Arc::new(unreadable);
        Ok(next)
    }

    /// The store's revision that this shows.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// When it was read, by the store's clock. Older than the policy's `max_stale`, it covers nothing: the guard sees to that.
    pub fn loaded_at(&self) -> Timestamp {
        self.loaded_at
    }

    /// How many grants it holds, ended ones included.
    pub fn len(&self) -> usize {
        self.grants.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.grants.is_empty()
    }

    /// The rows that this version cannot read and therefore leaves out, by name.
    pub fn unreadable(&self) -> impl Iterator<Item = &str> {
        self.unreadable.keys().map(String::as_str)
    }

    /// The grant of that name.
    pub fn grant(&self, id: &GrantId) -> Option<&Grant> {
        if self.unreadable.contains_key(id.as_str()) {
            return None;
        }
        self.grants.get(*self.slots.get(id)?).map(|placed| placed.grant.as_ref())
    }

    /// A grant that covers `act` of `identity` at `service` now. Of several, one without limits rather than one
    /// with uses or a quota, then the one that lasts longest.
    pub fn covering(&self, identity: &Identity, service: &str, act: &Act, now: Timestamp) -> Option<&Grant> {
        self.covering_holding(identity, service, act, now, |_| Held::default())
    }

    /// The same in a process that holds leases: `held` says what it has unspent of a grant.
    pub fn covering_holding(
        &self,
        identity: &Identity,
        service: &str,
        act: &Act,
        now: Timestamp,
        held: impl Fn(&GrantId) -> Held,
    ) -> Option<&Grant> {
        let entry = self.found(identity, service, act, now, held)?;
        self.grants.get(entry.slot as usize).map(|placed| placed.grant.as_ref())
    }

    /// What the grant that [`covering`](Self::covering) answers with is called: for deciding, which needs no more of it.
    pub fn covering_id(
        &self,
        identity: &Identity,
        service: &str,
        act: &Act,
        now: Timestamp,
    ) -> Option<GrantId> {
        let entry = self.found(identity, service, act, now, |_| Held::default())?;
        entry.reach.rsplit(LIST).next().map(GrantId::from)
    }

    fn found(
        &self,
        identity: &Identity,
        service: &str,
        act: &Act,
        now: Timestamp,
        held: impl Fn(&GrantId) -> Held,
    ) -> Option<&Entry> {
        let bit = bit(act.operation);
        let covers = |entry: &Entry, named: bool| {
            entry.operations & bit != 0
                && entry.from <= now
                && now < entry.until
                && reaches(&entry.reach, service, &act.resource)
                // Found by its caller, and nothing but time ends it: all has been asked, and the grant itself is not fetched.
                && ((named && !entry.limited && !entry.hours)
                    || self.grants.get(entry.slot as usize).is_some_and(|Placed { grant, .. }| {
                        grant.covers_holding(identity, service, act, now, held(&grant.id)).is_ok()
                    }))
        };
        // Entries are in order of preference, so the first of each list stands for its list.
        let lists = self.index.live.of(identity);
        let found = lists.filter_map(|(entries, named)| entries.iter().find(|entry| covers(entry, named)));
        found.min_by_key(|entry| preference(entry.limited, entry.until))
    }

    /// The grant of this caller that comes nearest to covering, and what it lacks: for explaining a denial, never for
    /// deciding. Grants of others are not looked at, so an explanation gives nothing away about them.
    pub fn nearest(
        &self,
        identity: &Identity,
        service: &str,
        act: &Act,
        now: Timestamp,
    ) -> Option<(&Grant, Lack)> {
        let Index { live, ended } = self.index.as_ref();
        live.of(identity)
            .chain(ended.of(identity))
            .flat_map(|(entries, _)| entries)
            .filter_map(|entry| self.grants.get(entry.slot as usize))
            .map(|placed| placed.grant.as_ref())
            .filter_map(|grant| Some((grant, grant.covers(identity, service, act, now).err()?)))
            .filter(|(_, lack)| *lack != Lack::Who)
            .max_by(|(a, a_lack), (b, b_lack)| (a_lack, a.until).cmp(&(b_lack, b.until)))
    }
}

impl Index {
    fn of(grants: &[Placed], unreadable: &BTreeMap<String, u64>, now: Timestamp) -> Self {
        let readable = |(_, placed): &(u32, &Placed)| !unreadable.contains_key(placed.grant.id.as_str());
        let mut order: Vec<(u32, &Placed)> = (0..).zip(grants).filter(readable).collect();
        order.sort_by_key(|(_, placed)| preference(is_limited(&placed.grant), placed.grant.until));
        let mut index = Self::default();
        for (slot, placed) in order {
            // Exhausted is no end: a lease may come back.
            let ended = matches!(placed.grant.state(now), GrantState::Revoked | GrantState::Expired);
            let lists = if ended { &mut index.ended } else { &mut index.live };
            lists.add(slot, placed);
        }
        index
    }
}

impl Lists {
    fn add(&mut self, slot: u32, placed: &Placed) {
        let grant = &placed.grant;
        let entry = Entry {
            operations: operations(&grant.scope),
            from: grant.from,
            until: grant.until,
            reach: Arc::clone(&placed.reach),
            slot,
            limited: is_limited(grant),
            hours: !grant.when.is_empty(),
        };
        for who in &grant.scope.who {
            let list = match (who.exact_user(), who) {
                (Some(user), _) => self.users.entry(user.into()).or_default(),
                (None, Who::Group(name)) => self.groups.entry(name.clone()).or_default(),
                (None, _) => &mut self.rest,
            };
            list.push(entry.clone());
        }
    }

    /// The lists that may hold a grant for this caller, and whether what is in them is for this caller as sure as it is there: nobody
    /// vouches for the name and the groups of a stranger.
    fn of<'s>(&'s self, identity: &Identity) -> impl Iterator<Item = (&'s [Entry], bool)> {
        let named = !identity.is_anonymous();
        let groups = identity.groups.iter().filter_map(|group| self.groups.get(group.as_str()));
        let user = self.users.get(identity.subject.as_str()).into_iter();
        user.chain(groups)
            .map(move |entries| (entries.as_slice(), named))
            .chain(std::iter::once((self.rest.as_slice(), false)))
    }
}

impl Placed {
    fn new(grant: Grant) -> Self {
        let reach = reach(&grant).into();
        Self { grant: Arc::new(grant), reach }
    }
}

/// Whether only counters differ, so that the index still tells the truth.
fn same_place(old: &Grant, new: &Grant) -> bool {
    old.scope == new.scope
        && (old.from, old.until, &old.when, old.uses, old.quota)
            == (new.from, new.until, &new.when, new.uses, new.quota)
        && old.revoked.is_some() == new.revoked.is_some()
}

fn is_limited(grant: &Grant) -> bool {
    grant.uses.is_some() || grant.quota.is_some()
}

/// The least is taken first.
fn preference(limited: bool, until: Timestamp) -> (bool, Reverse<Timestamp>) {
    (limited, Reverse(until))
}

/// The services and the resources of a grant as one text, each pattern with its end, and what it is called. No pattern holds a control character.
fn reach(grant: &Grant) -> String {
    let mut text = String::new();
    for globs in [&grant.scope.services, &grant.scope.resources] {
        for glob in globs {
            text.push_str(glob.as_str());
            text.push(PATTERN);
        }
        text.push(LIST);
    }
    text.push_str(grant.id.as_str());
    text
}

/// Whether what [`reach`] wrote has this service and this resource.
fn reaches(reach: &str, service: &str, resource: &str) -> bool {
    let fits = |patterns: &str, name: &str| {
        patterns.split_terminator(PATTERN).any(|pattern| Glob::fits(pattern, name))
    };
    let mut lists = reach.split(LIST);
    let mut next = |name| lists.next().is_some_and(|patterns| fits(patterns, name));
    next(service) && next(resource)
}

/// What ends a pattern, and a list of them.
const PATTERN: char = '\u{0}';
const LIST: char = '\u{1}';

fn operations(scope: &Scope) -> Operations {
    Operation::ALL
        .iter()
        .filter(|operation| scope.operations.iter().any(|glob| glob.matches(operation.name())))
        .fold(0, |bits, operation| bits | bit(*operation))
}

const fn bit(operation: Operation) -> Operations {
    1 << operation as u32
}
