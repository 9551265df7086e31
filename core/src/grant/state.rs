//! A grant, and the one pure function that moves it.
//!
//! What is stored are facts: when it begins and ends, what was taken from it, that it was revoked. Whether
//! it is scheduled, active, exhausted or expired is computed from `now`, so no sweeper has to run for access to
//! end. Times are half-open: a grant holds from `from` up to, and not at, `until`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Scope, Take};
use crate::clock::{Timestamp, Window};
use crate::identity::Identity;
use crate::model::{Act, ApprovalId, GrantId, Unit};

/// Time-boxed permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Its name.
    pub id: GrantId,
    /// What it is for.
    pub scope: Scope,
    /// When it begins.
    pub from: Timestamp,
    /// When it ends: the instant itself is outside.
    pub until: Timestamp,
    /// The hours of the week at which it can be used; always where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Window>,
    /// How many requests it serves; `None` for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u64>,
    /// How much may leave under it in all, e.g. 5,000 vectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<(Unit, u64)>,
    /// Uses taken so far, leased ones included; counted where `uses` limits them.
    #[serde(default)]
    pub used: u64,
    /// Quota taken so far, leased blocks included; counted where `quota` limits it.
    #[serde(default)]
    pub spent: u64,
    /// Why it was issued.
    pub reason: String,
    /// Who issued it.
    pub issued_by: String,
    /// When.
    pub issued_at: Timestamp,
    /// The ticket that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// The approval that it was issued by, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
    /// The grant that it was handed on from. It ends early with that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<GrantId>,
    /// How many grants were handed on from it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub handed_on: u64,
    /// That it was ended early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revocation>,
}

/// Who ended a grant early, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Where a grant stands at an instant. Computed, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GrantState {
    /// It has not begun, or its hours are not now.
    Scheduled,
    /// It holds.
    Active,
    /// Its uses or its quota are all taken. Unspent leases may come back, so this can turn active again.
    Exhausted,
    /// Its time is over.
    Expired,
    /// It was ended early.
    Revoked,
}

/// What can happen to a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantEvent {
    /// Someone ends it.
    Revoke {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// A process takes a block before it is used.
    Lease {
        /// Uses to take.
        uses: Take,
        /// Quota to take.
        amount: Take,
    },
    /// Its holder hands a part of it on.
    HandOn {
        /// Uses that go with it.
        uses: u64,
        /// Quota that goes with it.
        amount: u64,
    },
    /// A process returns what it leased and did not spend.
    GiveBack {
        /// Uses that were not made.
        uses: u64,
        /// Quota that did not leave.
        amount: u64,
    },
}

/// Why a grant does not move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GrantRefusal {
    /// Its time is over.
    Expired,
    /// It was ended early.
    Revoked,
    /// Less is left than is needed.
    Exhausted,
    /// It has not begun.
    NotStarted,
    /// It is for other hours.
    Closed,
    /// The store knows no such grant.
    Gone,
}

/// What a grant lacks to cover an act: the first thing that does not fit, in the order of the variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "lack", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Lack {
    /// It is for others.
    Who,
    /// It is for other services.
    Service,
    /// It is for other operations.
    Operation,
    /// It is for other resources.
    Resource,
    /// It was revoked.
    Revoked {
        /// When.
        at: Timestamp,
    },
    /// Its time is over.
    Expired {
        /// When it ended.
        until: Timestamp,
    },
    /// It has not begun.
    NotStarted {
        /// When it begins.
        from: Timestamp,
    },
    /// It is for other hours.
    Closed,
    /// Its uses or quota are all taken.
    Exhausted,
    /// The act may touch more than is left.
    Magnitude {
        /// What is counted.
        unit: Unit,
        /// How much the act may touch.
        asked: u64,
        /// How much is left.
        left: u64,
    },
}

impl Grant {
    /// What the ids of grants that stand in a policy begin with.
    pub const STANDING: &'static str = "standing_";

    /// Whether it stands in a policy.
    pub fn is_standing(&self) -> bool {
        self.id.as_str().starts_with(Self::STANDING)
    }

    /// Where it stands at `now`. An end by a person is named before an end by time, and that before exhaustion.
    pub fn state(&self, now: Timestamp) -> GrantState {
        if self.revoked.is_some() {
            GrantState::Revoked
        } else if now >= self.until {
            GrantState::Expired
        } else if now < self.from || !self.is_open(now) {
            GrantState::Scheduled
        } else if self.uses_left() == Some(0) || self.quota_left() == Some(0) {
            GrantState::Exhausted
        } else {
            GrantState::Active
        }
    }

    /// Whether its hours are open at `now`.
    fn is_open(&self, now: Timestamp) -> bool {
        self.when.is_empty() || self.when.iter().any(|window| window.contains(now))
    }

    /// Uses that can still be leased; `None` where they are not limited.
    pub fn uses_left(&self) -> Option<u64> {
        self.uses.map(|limit| limit.saturating_sub(self.used))
    }

    /// Quota that can still be leased; `None` where it is not limited.
    pub fn quota_left(&self) -> Option<u64> {
        self.quota.map(|(_, limit)| limit.saturating_sub(self.spent))
    }

    /// Whether it covers `act` of `identity` at `service` now; otherwise what it lacks.
    ///
    /// An act that says it may touch more than the quota has left lacks [`Lack::Magnitude`]; one that says
    /// nothing (unbounded) is covered, and whoever serves it leases the quota as the answer runs.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn covers(&self, identity: &Identity, service: &str, act: &Act, now: Timestamp) -> Result<(), Lack> {
        self.covers_holding(identity, service, act, now, Held::default())
    }

    /// Whether it covered an act at an instant that is past. How much of it had been used by then is not known, and not asked.
    pub fn covered(&self, identity: &Identity, service: &str, act: &Act, at: Timestamp) -> bool {
        self.scope.covers(identity, service, act).is_ok()
            && self.from.max(self.issued_at) <= at
            && at < self.until
            && self.revoked.as_ref().is_none_or(|revocation| at < revocation.at)
            && self.is_open(at)
    }

    /// The same as [`covers`](Self::covers) where the asking process still holds an unspent lease: what the store has no more of, it may have.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn covers_holding(
        &self,
        identity: &Identity,
        service: &str,
        act: &Act,
        now: Timestamp,
        held: Held,
    ) -> Result<(), Lack> {
        self.scope.covers(identity, service, act)?;
        if let Some(revocation) = &self.revoked {
            return Err(Lack::Revoked { at: revocation.at });
        }
        if now >= self.until {
            return Err(Lack::Expired { until: self.until });
        }
        if now < self.from {
            return Err(Lack::NotStarted { from: self.from });
        }
        if !self.is_open(now) {
            return Err(Lack::Closed);
        }
        if self.uses_left().is_some_and(|left| left.saturating_add(held.uses) == 0) {
            return Err(Lack::Exhausted);
        }
        if let Some((unit, limit)) = self.quota {
            let left = limit.saturating_sub(self.spent).saturating_add(held.amount);
            if left == 0 {
                return Err(Lack::Exhausted);
            }
            if let (true, Some(asked)) = (act.magnitude.unit == Some(unit), act.magnitude.count)
                && asked > left
            {
                return Err(Lack::Magnitude { unit, asked, left });
            }
        }
        Ok(())
    }

    /// The grant after `event` at `now`: the only way a grant changes.
    ///
    /// # Errors
    /// Why it stays as it is.
    pub fn step(&self, event: &GrantEvent, now: Timestamp) -> Result<Self, GrantRefusal> {
        let mut next = self.clone();
        match event {
            GrantEvent::Revoke { by, reason } => match self.state(now) {
                GrantState::Revoked => return Err(GrantRefusal::Revoked),
                GrantState::Expired => return Err(GrantRefusal::Expired),
                _ => {
                    next.revoked = Some(Revocation { at: now, by: by.clone(), reason: reason.clone() });
                }
            },
            GrantEvent::Lease { uses, amount } => {
                match self.state(now) {
                    GrantState::Revoked => return Err(GrantRefusal::Revoked),
                    GrantState::Expired => return Err(GrantRefusal::Expired),
                    _ if now < self.from => return Err(GrantRefusal::NotStarted),
                    _ if !self.is_open(now) => return Err(GrantRefusal::Closed),
                    _ => {}
                }
                if let Some(left) = self.uses_left() {
                    next.used += uses.from(left).ok_or(GrantRefusal::Exhausted)?;
                }
                if let Some(left) = self.quota_left() {
                    next.spent += amount.from(left).ok_or(GrantRefusal::Exhausted)?;
                }
            }
            // Before it begins too: what is handed on begins with it.
            GrantEvent::HandOn { uses, amount } => {
                match self.state(now) {
                    GrantState::Revoked => return Err(GrantRefusal::Revoked),
                    GrantState::Expired => return Err(GrantRefusal::Expired),
                    _ => {}
                }
                let takes = |left: Option<u64>, part: u64| left.is_none_or(|left| part <= left);
                if !takes(self.uses_left(), *uses) || !takes(self.quota_left(), *amount) {
                    return Err(GrantRefusal::Exhausted);
                }
                next.used = self.used.saturating_add(self.uses.map_or(0, |_| *uses));
                next.spent = self.spent.saturating_add(self.quota.map_or(0, |_| *amount));
                next.handed_on = self.handed_on.saturating_add(1);
            }
            // Also after its end: the books stay right, and nothing can be taken from it any more.
            GrantEvent::GiveBack { uses, amount } => {
                next.used = self.used.saturating_sub(*uses);
                next.spent = self.spent.saturating_sub(*amount);
            }
        }
        Ok(next)
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What a process holds leased from a grant and has not spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Uses.
    pub uses: u64,
    /// Quota, in the grant's unit.
    pub amount: u64,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Who => f.write_str("it is for others"),
            Self::Service => f.write_str("it is for other services"),
            Self::Operation => f.write_str("it is for other operations"),
            Self::Resource => f.write_str("it is for other resources"),
            Self::Revoked { at } => write!(f, "it was revoked at {at}"),
            Self::Expired { until } => write!(f, "it ended at {until}"),
            Self::NotStarted { from } => write!(f, "it begins at {from}"),
            Self::Closed => f.write_str("it is for other hours"),
            Self::Exhausted => f.write_str("its uses or its quota are all taken"),
            Self::Magnitude { unit, asked, left } => {
                write!(f, "the request may touch {asked} {unit} and {left} are left")
            }
        }
    }
}

impl fmt::Display for GrantRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the grant has expired",
            Self::Revoked => "the grant was revoked",
            Self::Exhausted => "the grant has less left than is needed",
            Self::NotStarted => "the grant has not begun",
            Self::Closed => "the grant is for other hours",
            Self::Gone => "there is no such grant",
        })
    }
}
