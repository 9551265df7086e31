//! The approvals of a store: open or find, vote, consume, list.

use std::time::Duration;

use super::{Aliases, Answer, Approval, ApprovalEvent, ApprovalRefusal, ApprovalState, Step};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::grant::{Event, Grant, Grants, Letter, Limits, Notice, Outbox, Subscriber, Terms};
use crate::identity::Identity;
use crate::model::{Act, ApprovalId};
use crate::store::{Put, Row, Store, Write, settle};

/// A held request that asks for people, or someone who asks for a grant.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Keyed digest of the exact request, in lower-case hex: who asks, where, what, every byte.
    pub digest: String,
    /// Who asks.
    pub identity: Identity,
    /// At which service.
    pub service: String,
    /// What the request does.
    pub acts: Vec<Act>,
    /// The grant that is asked for.
    pub wants: Option<Box<Terms>>,
    /// The rules that hold it.
    pub rules: Vec<String>,
    /// Digest of the policy in force.
    pub policy: String,
    /// Whose agreement it takes: every step.
    pub steps: Vec<Step>,
    /// Groups of which one person alone may let it go on, in an emergency.
    pub break_glass: Vec<String>,
    /// Whether a vote must say why.
    pub reason_required: bool,
    /// How long people may vote.
    pub pending_for: Duration,
    /// How long it may be used once approved.
    pub usable_for: Duration,
}

/// The approval that a held request waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The approval.
    pub approval: Approval,
    /// Where it stands: pending, approved, or denied.
    pub state: ApprovalState,
    /// Whether this call opened it.
    pub opened: bool,
}

/// How a use was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Consumed {
    /// The request may be forwarded, once, by this caller.
    Now(Box<Approval>),
    /// It may not.
    Refused(ApprovalRefusal),
}

/// The approvals of a store. Cheap to make; every change is one compare-and-set, judged by the store's clock.
#[derive(Clone, Copy)]
pub struct Approvals<'a> {
    store: &'a dyn Store,
    aliases: &'a Aliases,
    limits: &'a Limits,
    subscribers: &'a [Subscriber],
}

static NO_ALIASES: std::sync::LazyLock<Aliases> = std::sync::LazyLock::new(Aliases::default);

impl<'a> Approvals<'a> {
    /// The table of approvals: key = id, value = the approval in JSON.
    pub const TABLE: &'static str = "approvals";
    /// The newest approval of each digest: key = digest, value = id.
    pub const BY_DIGEST: &'static str = "approval_by_digest";

    /// The approvals of `store`, where every person has one name.
    pub fn new(store: &'a dyn Store) -> Self {
        Self { store, aliases: &NO_ALIASES, limits: Limits::none(), subscribers: &[] }
    }

    /// The same, where some people have several names.
    #[must_use]
    pub fn with_aliases(mut self, aliases: &'a Aliases) -> Self {
        self.aliases = aliases;
        self
    }

    /// The same, where grants that are asked for keep within these limits.
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

    /// The approval of this very request: the one that is pending, approved, or was denied while it could be voted
    /// on; a new one otherwise. However many processes ask at once, they get the same.
    ///
    /// Where the policy has come to ask for other approvers, an open approval is cancelled and a new one takes its place.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] for an opening that nobody could approve; [`ErrorKind::Store`].
    pub fn open_or_find(&self, opening: &Opening) -> Result<Ticket, Error> {
        opening.check()?;
        settle(|| {
            let pointer = self.store.get(Self::BY_DIGEST, &opening.digest)?;
            let newest = pointer.as_ref().map(|pointer| self.pointed_at(pointer)).transpose()?;
            // After the rows: what others did meanwhile would else count as done later than this instant, and a life be cut short by it.
            let now = self.store.now()?;
            let mut superseded = None;
            if let Some((row, approval)) = newest {
                let state = approval.state(now);
                let open = matches!(state, ApprovalState::Pending | ApprovalState::Approved);
                let denied = state == ApprovalState::Denied && now < approval.pending_until;
                if open && !opening.asks_the_same(&approval) {
                    match approval.step(&ApprovalEvent::Supersede, self.aliases, now) {
                        Ok(cancelled) => superseded = Some((row.key, row.rev, write(&cancelled)?)),
                        Err(_) => return Ok(None),
                    }
                } else if open || denied {
                    return Ok(Some(Ticket { approval, state, opened: false }));
                }
            }
            let approval = opening.open(now);
            let value = write(&approval)?;
            let mut writes = vec![
                row(Self::TABLE, approval.id.as_str(), None, &value),
                row(
                    Self::BY_DIGEST,
                    &opening.digest,
                    pointer.map(|p| p.rev),
                    approval.id.as_str().as_bytes(),
                ),
            ];
            if let Some((key, rev, value)) = &superseded {
                writes.push(row(Self::TABLE, key, Some(*rev), value));
            }
            let letters =
                Letter::rows(&Notice::of_approval(Event::ApprovalOpened, &approval, now), self.subscribers)?;
            writes.extend(letters.iter().map(|(key, value)| row(Outbox::TABLE, key, None, value)));
            Ok(match self.store.commit(&writes)? {
                Put::Done(_) => Some(Ticket { approval, state: ApprovalState::Pending, opened: true }),
                Put::Lost => None,
            })
        })
    }

    /// A person's answer. Where it decides about a grant that was asked for, the grant is issued with it, and its clock starts here.
    ///
    /// `by` is the voter as authenticated now, with the groups vouched for now.
    ///
    /// # Errors
    /// [`ErrorKind::NotEligible`] for someone outside the groups, behind the request, or unauthenticated;
    /// [`ErrorKind::Conflict`] where it is settled, over, or answered by them already; [`ErrorKind::Input`] where a reason is
    /// required, or the grant cannot be issued any more; [`ErrorKind::NotFound`].
    pub fn vote(
        &self,
        id: &ApprovalId,
        by: &Identity,
        answer: Answer,
        reason: Option<&str>,
    ) -> Result<Approval, Error> {
        if reason.is_some_and(|text| text.len() > MAX_REASON) {
            return Err(Error::new(ErrorKind::Input, "a reason takes at most 4096 bytes"));
        }
        self.step(id, &ApprovalEvent::Vote { by, answer, reason })?.map_err(Error::from)
    }

    /// Why this person's answer would not be taken now, as [`vote`](Self::vote) judges it, a missing reason aside. Nothing is written.
    ///
    /// # Errors
    /// Where the store tells the time and cannot be reached.
    pub fn refusal(
        &self,
        approval: &Approval,
        by: &Identity,
        answer: Answer,
    ) -> Result<Option<ApprovalRefusal>, Error> {
        let vote = ApprovalEvent::Vote { by, answer, reason: Some("given") };
        Ok(approval.step(&vote, self.aliases, self.store.now()?).err())
    }

    /// Whether this could happen to an approval now. Nothing is written.
    ///
    /// # Errors
    /// Where the store tells the time and cannot be reached.
    pub fn permits(&self, approval: &Approval, event: &ApprovalEvent<'_>) -> Result<bool, Error> {
        Ok(approval.step(event, self.aliases, self.store.now()?).is_ok())
    }

    /// Uses an approved approval up, for the request with `digest`. Of any number of callers at once, one gets it.
    ///
    /// # Errors
    /// Where the store cannot be reached: then nothing may be forwarded.
    pub fn consume(&self, id: &ApprovalId, digest: &str) -> Result<Consumed, Error> {
        Ok(match self.step(id, &ApprovalEvent::Consume { digest })? {
            Ok(approval) => Consumed::Now(Box::new(approval)),
            Err(refusal) => Consumed::Refused(refusal),
        })
    }

    /// Takes one's own request back, also where it is approved and not yet used.
    ///
    /// # Errors
    /// [`ErrorKind::NotEligible`] for others, [`ErrorKind::Conflict`] where it is settled, [`ErrorKind::NotFound`].
    pub fn cancel(&self, id: &ApprovalId, by: &Identity, reason: &str) -> Result<Approval, Error> {
        if reason.len() > MAX_REASON {
            return Err(Error::new(ErrorKind::Input, "a reason takes at most 4096 bytes"));
        }
        self.step(id, &ApprovalEvent::Cancel { by, reason })?.map_err(Error::from)
    }

    /// Says something about an open approval, for those who decide and those who ask; it decides nothing.
    ///
    /// # Errors
    /// [`ErrorKind::NotEligible`] for who is neither behind it nor asked, [`ErrorKind::Conflict`] where it is settled or as much was said as
    /// it takes, [`ErrorKind::Input`] for a text that is empty or too long, [`ErrorKind::NotFound`].
    pub fn comment(&self, id: &ApprovalId, by: &Identity, text: &str) -> Result<Approval, Error> {
        if text.trim().is_empty() || text.len() > MAX_REASON {
            return Err(Error::new(ErrorKind::Input, "a comment takes some text, at most 4096 bytes"));
        }
        self.step(id, &ApprovalEvent::Comment { by, text })?.map_err(Error::from)
    }

    /// The approval of that name, whatever its state.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn find(&self, id: &ApprovalId) -> Result<Option<Approval>, Error> {
        self.store.get(Self::TABLE, id.as_str())?.as_ref().map(read).transpose()
    }

    /// The approvals in `state` now, or all that ever were, oldest first.
    ///
    /// # Errors
    /// Where the store cannot be read, or holds an approval that this version cannot read.
    pub fn list(&self, state: Option<ApprovalState>) -> Result<Vec<Approval>, Error> {
        let now = self.store.now()?;
        let rows = self.store.read_since(Self::TABLE, 0)?.rows;
        let mut approvals = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        approvals.retain(|approval| state.is_none_or(|wanted| approval.state(now) == wanted));
        approvals.sort_by(|a, b| (a.opened_at, &a.id).cmp(&(b.opened_at, &b.id)));
        Ok(approvals)
    }

    /// The approval that a digest's row names.
    fn pointed_at(&self, pointer: &Row) -> Result<(Row, Approval), Error> {
        let damaged = || Error::new(ErrorKind::Store, "the store names an approval that it does not hold");
        let id = std::str::from_utf8(&pointer.value).map_err(|_| damaged())?;
        let row = self.store.get(Self::TABLE, id)?.ok_or_else(damaged)?;
        let approval = read(&row)?;
        Ok((row, approval))
    }

    fn step(
        &self,
        id: &ApprovalId,
        event: &ApprovalEvent<'_>,
    ) -> Result<Result<Approval, ApprovalRefusal>, Error> {
        settle(|| {
            let Some(found) = self.store.get(Self::TABLE, id.as_str())? else {
                return Ok(Some(Err(ApprovalRefusal::Gone)));
            };
            let approval = read(&found)?;
            let now = self.store.now()?;
            let mut next = match approval.step(event, self.aliases, now) {
                Ok(next) => next,
                Err(refusal) => return Ok(Some(Err(refusal))),
            };
            let told = Self::told(&approval, &next, now);
            let mut letters = match told {
                Some(event) => Letter::rows(&Notice::of_approval(event, &next, now), self.subscribers)?,
                None => Vec::new(),
            };
            let mut issued = None;
            if let (Some(terms), ApprovalState::Approved) = (&next.wants, next.state(now)) {
                let by = next.votes.last().map_or("", |vote| &vote.by);
                let grant = Grant { approval: Some(next.id.clone()), ..terms.issue(by, now, self.limits)? };
                letters.extend(Letter::rows(
                    &Notice::of_grant(Event::GrantIssued, &grant, now),
                    self.subscribers,
                )?);
                next = next.fulfilled(&grant.id, now);
                issued = Some((grant.id.clone(), Grants::write(&grant)?));
            }
            let value = write(&next)?;
            // Decided in time, written in time: a commit that comes late counts as lost, and is decided again.
            let write =
                Write { before: approval.ends(), ..row(Self::TABLE, id.as_str(), Some(found.rev), &value) };
            let mut writes = vec![write];
            writes.extend(issued.iter().map(|(id, value)| row(Grants::TABLE, id.as_str(), None, value)));
            writes.extend(letters.iter().map(|(key, value)| row(Outbox::TABLE, key, None, value)));
            Ok(match self.store.commit(&writes)? {
                Put::Done(_) => Some(Ok(next)),
                Put::Lost => None,
            })
        })
    }
}

impl Approvals<'_> {
    /// What is told of a step.
    fn told(before: &Approval, after: &Approval, now: Timestamp) -> Option<Event> {
        let state = after.state(now);
        match state {
            _ if state == before.state(now) => None,
            ApprovalState::Approved if after.is_broken() => Some(Event::ApprovalBreakGlass),
            _ => Event::of_step(state),
        }
    }
}

/// The longest reason, in bytes.
const MAX_REASON: usize = 4_096;

impl Opening {
    fn check(&self) -> Result<(), Error> {
        let wrong = |message: &str| Err(Error::new(ErrorKind::Input, message));
        let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if !(32..=128).contains(&self.digest.len()) || !self.digest.bytes().all(hex) {
            return wrong("an approval binds to a digest of 32 to 128 lower-case hex digits");
        }
        if self.steps.is_empty() || self.steps.iter().any(|step| step.from.is_empty() || step.need == 0) {
            return wrong(
                "an approval takes at least one step, and each step a group and one person or more",
            );
        }
        if self.pending_for.as_millis() == 0 || self.usable_for.as_millis() == 0 {
            return wrong("an approval can be voted on, and used, for at least a millisecond");
        }
        if self.acts.is_empty() && self.wants.is_none() {
            return wrong("an approval says what the request does");
        }
        Ok(())
    }

    fn open(&self, now: Timestamp) -> Approval {
        Approval {
            id: ApprovalId::fresh(),
            digest: self.digest.clone(),
            identity: self.identity.clone(),
            service: self.service.clone(),
            acts: self.acts.clone(),
            wants: self.wants.clone(),
            granted: None,
            rules: self.rules.clone(),
            policy: self.policy.clone(),
            steps: self.steps.clone(),
            break_glass: self.break_glass.clone(),
            reason_required: self.reason_required,
            votes: Vec::new(),
            comments: Vec::new(),
            opened_at: now,
            pending_until: now + self.pending_for,
            usable_for_ms: u64::try_from(self.usable_for.as_millis()).unwrap_or(u64::MAX),
            outcome: None,
        }
    }

    /// Whether an open approval asks for what the policy asks for now.
    fn asks_the_same(&self, approval: &Approval) -> bool {
        (&approval.steps, &approval.break_glass, approval.reason_required)
            == (&self.steps, &self.break_glass, self.reason_required)
    }
}

fn row<'w>(table: &'w str, key: &'w str, expect: Option<u64>, value: &'w [u8]) -> Write<'w> {
    Write { table, key, expect, value, before: None }
}

/// Unknown fields are refused: a newer version may have asked for more by one.
fn read(row: &Row) -> Result<Approval, Error> {
    serde_json::from_slice(&row.value).map_err(|e| {
        Error::new(ErrorKind::Store, format!("the store's approval {} cannot be read", row.key))
            .with_source(e)
    })
}

fn write(approval: &Approval) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(approval)
        .map_err(|e| Error::new(ErrorKind::Internal, "an approval cannot be written as JSON").with_source(e))
}

impl From<ApprovalRefusal> for Error {
    fn from(refusal: ApprovalRefusal) -> Self {
        let kind = match refusal {
            ApprovalRefusal::Gone => ErrorKind::NotFound,
            ApprovalRefusal::ReasonRequired => ErrorKind::Input,
            ApprovalRefusal::Anonymous
            | ApprovalRefusal::OwnRequest
            | ApprovalRefusal::NotEligible
            | ApprovalRefusal::NotOwn
            | ApprovalRefusal::NotConcerned => ErrorKind::NotEligible,
            ApprovalRefusal::VotedAlready
            | ApprovalRefusal::OtherRequest
            | ApprovalRefusal::SaidEnough
            | ApprovalRefusal::Stands(_) => ErrorKind::Conflict,
        };
        Self::new(kind, refusal.to_string())
    }
}

impl std::fmt::Debug for Approvals<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Approvals").field("aliases", self.aliases).finish_non_exhaustive()
    }
}
