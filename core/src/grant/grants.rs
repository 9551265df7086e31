//! The grants of a store: issue, revoke, list, lease.

use super::{
    Event, Grant, GrantEvent, GrantRefusal, Held, Lease, Letter, Limits, Notice, Outbox, Subscriber, Take,
    Terms,
};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::model::{GrantId, Unit};
use crate::store::{Put, Row, Store, Write, settle};

/// The grants of a store. Cheap to make; every change is one compare-and-set, judged by the store's clock.
///
/// ```
/// use wardline::grant::{Grants, Leased, Take, Terms};
/// use wardline::store::MemoryStore;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let grants = Grants::new(&store);
/// let terms: Terms = serde_json::from_str(r#"{
///     "scope": {"who": ["user:ana"], "services": ["qdrant"], "operations": ["vector.export"], "resources": ["docs"]},
///     "until": "3h", "quota": ["vectors", 5000], "reason": "migration" }"#)?;
/// let grant = grants.issue(&terms, "cleo")?;
/// let Leased::Taken(lease) = grants.lease(&grant.id, Take::NONE, Take::exactly(4_000))? else { panic!() };
/// assert!(matches!(grants.lease(&grant.id, Take::NONE, Take::exactly(1_001))?, Leased::Refused(_)));
/// grants.give_back(lease)?;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy)]
pub struct Grants<'a> {
    store: &'a dyn Store,
    limits: &'a Limits,
    subscribers: &'a [Subscriber],
}

/// How a lease was answered.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Leased {
    /// This much may be spent.
    Taken(Lease),
    /// Nothing was taken.
    Refused(GrantRefusal),
}

impl<'a> Grants<'a> {
    /// The table of grants: key = id, value = the grant in JSON.
    pub const TABLE: &'static str = "grants";
    /// Units in which a quota can be kept: what a census counts.
    pub const METERED: [Unit; 3] = [Unit::Vectors, Unit::Rows, Unit::Bytes];

    /// The grants of `store`.
    pub fn new(store: &'a dyn Store) -> Self {
        Self { store, limits: Limits::none(), subscribers: &[] }
    }

    /// The same, where new grants keep within these limits.
    #[must_use]
    pub fn within(mut self, limits: &'a Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same, where some are told of what happens: their letters are written in the same commit.
    #[must_use]
    pub fn telling(mut self, subscribers: &'a [Subscriber]) -> Self {
        self.subscribers = subscribers;
        self
    }

    /// Makes a grant. Where the terms say how long rather than until when, its clock starts here.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] for terms that cannot be granted: no reason, no end ahead, an empty scope, nothing to use.
    pub fn issue(&self, terms: &Terms, by: &str) -> Result<Grant, Error> {
        let grant = terms.issue(by, self.store.now()?, self.limits)?;
        let value = Self::write(&grant)?;
        let letters = self.letters(Event::GrantIssued, &grant, grant.issued_at)?;
        let mut writes = vec![fresh(Self::TABLE, grant.id.as_str(), &value)];
        writes.extend(letters.iter().map(|(key, value)| fresh(Outbox::TABLE, key, value)));
        match self.store.commit(&writes)? {
            Put::Done(_) => Ok(grant),
            Put::Lost => Err(Error::new(ErrorKind::Internal, "a fresh id is taken already")),
        }
    }

    /// Takes uses and quota from a grant before they are used. What is not limited is neither counted nor written.
    ///
    /// # Errors
    /// Where the store cannot be reached: then nothing may be used.
    pub fn lease(&self, id: &GrantId, uses: Take, amount: Take) -> Result<Leased, Error> {
        let (before, after) = match self.step(id, &GrantEvent::Lease { uses, amount })? {
            Ok(moved) => moved,
            Err(refusal) => return Ok(Leased::Refused(refusal)),
        };
        let held = Held {
            uses: after.uses.map_or(uses.wanted(), |_| after.used.saturating_sub(before.used)),
            amount: after.quota.map_or(amount.wanted(), |_| after.spent.saturating_sub(before.spent)),
        };
        Ok(Leased::Taken(Lease::new(after.id, held, after.until)))
    }

    /// Returns what a lease has left. Uses come back too, so spend the use first where anything may have been sent.
    ///
    /// # Errors
    /// Where the store cannot be reached: the rest of the lease is lost, which errs towards deny.
    pub fn give_back(&self, lease: Lease) -> Result<(), Error> {
        let Held { uses, amount } = lease.held();
        if (uses, amount) == (0, 0) {
            return Ok(());
        }
        self.step(lease.grant(), &GrantEvent::GiveBack { uses, amount })?.map(drop).map_err(Error::from)
    }

    /// The grant of that name, whatever its state.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn find(&self, id: &GrantId) -> Result<Option<Grant>, Error> {
        self.store.get(Self::TABLE, id.as_str())?.as_ref().map(Self::read).transpose()
    }

    /// All grants ever issued, ended ones too, oldest first.
    ///
    /// # Errors
    /// Where the store cannot be read, or holds a grant that this version cannot read.
    pub fn list(&self) -> Result<Vec<Grant>, Error> {
        let rows = self.store.read_since(Self::TABLE, 0)?.rows;
        let mut grants = rows.iter().map(Self::read).collect::<Result<Vec<_>, _>>()?;
        grants.sort_by(|a, b| (a.issued_at, &a.id).cmp(&(b.issued_at, &b.id)));
        Ok(grants)
    }

    /// A row of the table as a grant. Unknown fields are refused: a newer version may have narrowed it by one.
    pub(super) fn read(row: &Row) -> Result<Grant, Error> {
        serde_json::from_slice(&row.value).map_err(|e| {
            Error::new(ErrorKind::Store, format!("the store's grant {} cannot be read", row.key))
                .with_source(e)
        })
    }

    /// A grant as a row of the table.
    pub(super) fn write(grant: &Grant) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(grant)
            .map_err(|e| Error::new(ErrorKind::Internal, "a grant cannot be written as JSON").with_source(e))
    }

    /// The store, for what takes several grants at once.
    pub(super) fn store(&self) -> &'a dyn Store {
        self.store
    }

    /// What new grants keep within.
    pub(super) fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// The letters that tell of a step.
    pub(super) fn letters(
        &self,
        event: Event,
        grant: &Grant,
        at: Timestamp,
    ) -> Result<Vec<(String, Vec<u8>)>, Error> {
        Letter::rows(&Notice::of_grant(event, grant, at), self.subscribers)
    }

    /// Before and after one event, or why it is refused.
    fn step(&self, id: &GrantId, event: &GrantEvent) -> Result<Result<(Grant, Grant), GrantRefusal>, Error> {
        settle(|| {
            let Some(row) = self.store.get(Self::TABLE, id.as_str())? else {
                return Ok(Some(Err(GrantRefusal::Gone)));
            };
            let grant = Self::read(&row)?;
            let now = self.store.now()?;
            let next = match grant.step(event, now) {
                Ok(next) => next,
                Err(refusal) => return Ok(Some(Err(refusal))),
            };
            if next == grant {
                return Ok(Some(Ok((grant, next))));
            }
            let before = matches!(event, GrantEvent::Lease { .. }).then_some(grant.until);
            let value = Self::write(&next)?;
            let write =
                Write { table: Self::TABLE, key: id.as_str(), expect: Some(row.rev), value: &value, before };
            Ok(match self.store.commit(&[write])? {
                Put::Done(_) => Some(Ok((grant, next))),
                Put::Lost => None,
            })
        })
    }
}

/// A row that must not be there yet.
pub(super) fn fresh<'w>(table: &'w str, key: &'w str, value: &'w [u8]) -> Write<'w> {
    Write { table, key, expect: None, value, before: None }
}

impl From<GrantRefusal> for Error {
    fn from(refusal: GrantRefusal) -> Self {
        let kind = match refusal {
            GrantRefusal::Gone => ErrorKind::NotFound,
            _ => ErrorKind::Conflict,
        };
        Self::new(kind, refusal.to_string())
    }
}

impl std::fmt::Debug for Grants<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grants").field("limits", self.limits).finish_non_exhaustive()
    }
}
