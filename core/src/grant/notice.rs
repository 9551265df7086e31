//! What people asked to be told of, written in the same commit as what happened: neither comes without the other.

use serde::{Deserialize, Serialize};

use super::{Approval, ApprovalState, Grant, Outcome};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};

/// Something that happens to an approval or a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Event {
    /// A request is held and waits for people.
    #[serde(rename = "approval.opened")]
    ApprovalOpened,
    /// The last vote that it took was cast.
    #[serde(rename = "approval.approved")]
    ApprovalApproved,
    /// Somebody denied it.
    #[serde(rename = "approval.denied")]
    ApprovalDenied,
    /// Somebody behind the request took it back.
    #[serde(rename = "approval.cancelled")]
    ApprovalCancelled,
    /// One person alone let it go on, in an emergency.
    #[serde(rename = "approval.break_glass")]
    ApprovalBreakGlass,
    /// Its time to vote passed, and nobody had settled it.
    #[serde(rename = "approval.expired")]
    ApprovalExpired,
    /// A grant was issued.
    #[serde(rename = "grant.issued")]
    GrantIssued,
    /// A grant was ended early.
    #[serde(rename = "grant.revoked")]
    GrantRevoked,
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::ApprovalOpened,
        Self::ApprovalApproved,
        Self::ApprovalDenied,
        Self::ApprovalCancelled,
        Self::ApprovalBreakGlass,
        Self::ApprovalExpired,
        Self::GrantIssued,
        Self::GrantRevoked,
    ];

    /// The name that policies and messages use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApprovalOpened => "approval.opened",
            Self::ApprovalApproved => "approval.approved",
            Self::ApprovalDenied => "approval.denied",
            Self::ApprovalCancelled => "approval.cancelled",
            Self::ApprovalBreakGlass => "approval.break_glass",
            Self::ApprovalExpired => "approval.expired",
            Self::GrantIssued => "grant.issued",
            Self::GrantRevoked => "grant.revoked",
        }
    }

    /// What it is that an approval comes to this state by a person's step, if anybody is told of it.
    pub(super) fn of_step(state: ApprovalState) -> Option<Self> {
        match state {
            ApprovalState::Approved => Some(Self::ApprovalApproved),
            ApprovalState::Denied => Some(Self::ApprovalDenied),
            ApprovalState::Cancelled => Some(Self::ApprovalCancelled),
            _ => None,
        }
    }
}

/// Who is told, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// The name of the policy's entry.
    pub name: String,
    /// What it wants to know.
    pub events: Vec<Event>,
}

/// One thing that happened, for one subscriber. It holds names, amounts and states; no value of a request and no reason that a
/// person wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The same whenever and by whomever it is told.
    pub id: String,
    /// What happened.
    pub event: Event,
    /// When, by the store's clock.
    pub at: Timestamp,
    /// The approval or the grant.
    pub about: String,
    /// Who asked, or who may.
    pub who: Vec<String>,
    /// At which services of the policy.
    pub services: Vec<String>,
    /// What it does: operation, resource, magnitude and risk in words.
    pub what: Vec<String>,
    /// Whose step it was, where a person took it.
    pub by: Option<String>,
    /// Until when it may be voted on or used.
    pub until: Timestamp,
    /// How many people it takes, and of which groups; for an approval.
    pub needs: Vec<String>,
}

impl Notice {
    pub(super) fn of_approval(event: Event, approval: &Approval, at: Timestamp) -> Self {
        let voter = || approval.votes.last().map(|vote| vote.by.clone());
        let by = match (event, &approval.outcome) {
            (Event::ApprovalApproved | Event::ApprovalDenied | Event::ApprovalBreakGlass, _) => voter(),
            (Event::ApprovalCancelled, Some(Outcome::Cancelled { by, .. })) => Some(by.clone()),
            _ => None,
        };
        Self {
            id: format!("{}-{}", approval.id.as_str(), event.name().rsplit('.').next().unwrap_or_default()),
            event,
            at,
            about: approval.id.as_str().to_owned(),
            who: approval.identity.everyone().map(str::to_owned).collect(),
            services: approval.services(),
            what: approval.what(),
            by,
            until: approval.ends().unwrap_or(approval.pending_until),
            needs: approval
                .steps
                .iter()
                .map(|step| format!("{} of {}", step.need, step.from.join(" or ")))
                .collect(),
        }
    }

    pub(super) fn of_grant(event: Event, grant: &Grant, at: Timestamp) -> Self {
        let scope = &grant.scope;
        let revoked = grant.revoked.as_ref().map(|revocation| revocation.by.clone());
        Self {
            id: format!("{}-{}", grant.id.as_str(), event.name().rsplit('.').next().unwrap_or_default()),
            event,
            at,
            about: grant.id.as_str().to_owned(),
            who: scope.who.iter().map(ToString::to_string).collect(),
            services: scope.services.iter().map(ToString::to_string).collect(),
            what: scope.what().collect(),
            by: Some(revoked.unwrap_or_else(|| grant.issued_by.clone())),
            until: grant.until,
            needs: Vec::new(),
        }
    }
}

/// A notice on its way to a subscriber: a row of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// What is told.
    pub notice: Notice,
    /// To whom.
    pub to: String,
    /// How often it was tried.
    pub tries: u32,
    /// Where it stands.
    pub state: LetterState,
}

/// Where a letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LetterState {
    /// It may be sent from this instant on. Whoever sends it moves that on first, so that others leave it alone meanwhile.
    Due(Timestamp),
    /// Its receiver took it.
    Delivered,
    /// It was tried as often as may be.
    Dead,
}

impl Letter {
    /// The rows that tell `subscribers` of a notice: key and value of each.
    pub(super) fn rows(notice: &Notice, subscribers: &[Subscriber]) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let told = subscribers.iter().filter(|subscriber| subscriber.events.contains(&notice.event));
        told.map(|subscriber| {
            let letter = Self {
                notice: notice.clone(),
                to: subscriber.name.clone(),
                tries: 0,
                state: LetterState::Due(notice.at),
            };
            Ok((format!("{}/{}", notice.id, subscriber.name), letter.write()?))
        })
        .collect()
    }

    pub(super) fn write(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self)
            .map_err(|e| Error::new(ErrorKind::Internal, "a letter cannot be written as JSON").with_source(e))
    }
}
