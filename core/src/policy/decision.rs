//! What a policy is asked and what it answers.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::Service;
use crate::clock::Timestamp;
use crate::grant::{Lack, Step};
use crate::identity::Identity;
use crate::model::{Act, GrantId, Risk, Unusual, Verdict};

/// One question: may this identity do these acts on this service now?
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Who asks.
    pub identity: &'a Identity,
    /// Which service of this policy; `None` where no service names the host.
    pub service: Option<&'a Service>,
    /// What the request does. Every act must pass; an empty list is judged as one unknown act.
    pub acts: &'a [Act],
    /// The risk of each act, in the same order: its base risk and whatever the guard added. Where it is missing or below the base
    /// risk, the base risk counts; what labels add comes on top.
    pub risks: &'a [Risk],
    /// In which ways the request is unlike what its caller did before. That comes on top of the risk, or holds, and never makes a verdict
    /// milder.
    pub unusual: &'a [Unusual],
    /// The address that the request came from; `None` where it is not known.
    pub source: Option<IpAddr>,
    /// The time that windows are judged by.
    pub at: Timestamp,
}

impl<'a> Facts<'a> {
    /// Who does what where: of risks that the guard adds, of the source and of the time nothing is said (it is 1970).
    pub fn of(identity: &'a Identity, service: Option<&'a Service>, acts: &'a [Act]) -> Self {
        Self { identity, service, acts, risks: &[], unusual: &[], source: None, at: Timestamp::default() }
    }
}

/// The grants that are live now, as the policy asks for them.
pub trait GrantView {
    /// A live grant that covers this identity doing this act on the service of that name (empty where no
    /// service names the host).
    fn covering(&self, identity: &Identity, service: &str, act: &Act) -> Option<GrantId>;

    /// Of those of this caller that do not cover it, the one that comes nearest, and what it lacks: for explanations only.
    fn nearest(&self, _: &Identity, _: &str, _: &Act) -> Option<(GrantId, Lack)> {
        None
    }
}

/// No grant at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoGrants;

impl GrantView for NoGrants {
    fn covering(&self, _: &Identity, _: &str, _: &Act) -> Option<GrantId> {
        None
    }
}

/// The answer, and everything a record or a caller is told about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether the request may go on.
    pub verdict: Verdict,
    /// Why, as a stable code of [`code`].
    pub code: &'static str,
    /// Why, for the caller: the `because` of the rule that decided, or a sentence of ours.
    pub because: Arc<str>,
    /// The names of the rules that decided, sorted; empty where a threshold or the default did.
    pub rules: Vec<Arc<str>>,
    /// The grants that an `Allow` or `Hold` rests on, sorted and without repeats: use each once per exchange.
    pub grants: Vec<GrantId>,
    /// Who has to approve, for a `Hold`.
    pub approval: Option<Arc<ApprovalTerms>>,
    /// The highest final risk among the acts.
    pub risk: Risk,
}

/// The stable codes of a [`Decision`].
pub mod code {
    /// A rule allows it.
    pub const ALLOWED: &str = "allowed";
    /// A live grant covers what a rule or a threshold asks a grant for.
    pub const GRANTED: &str = "granted";
    /// No rule fits and the policy's default is to allow.
    pub const DEFAULT_ALLOW: &str = "default_allow";
    /// A rule asks for approval.
    pub const APPROVAL_REQUIRED: &str = "approval_required";
    /// The risk asks for approval.
    pub const RISK_APPROVAL_REQUIRED: &str = "risk_approval_required";
    /// No rule fits and the policy's default is to hold.
    pub const DEFAULT_HOLD: &str = "default_hold";
    /// It is unlike what its caller did before, and that asks for approval.
    pub const UNUSUAL_APPROVAL_REQUIRED: &str = "unusual_approval_required";
    /// A rule denies it.
    pub const DENIED: &str = "denied";
    /// The risk is above what this service takes.
    pub const RISK_DENIED: &str = "risk_denied";
    /// Only a grant lets it pass, and no live one covers it.
    pub const GRANT_REQUIRED: &str = "grant_required";
    /// No rule fits and the policy's default is to deny.
    pub const DEFAULT_DENY: &str = "default_deny";
    /// A budget has too little left.
    pub const BUDGET_SPENT: &str = "budget_spent";
    /// A budget may have too little left, and asks for approval.
    pub const BUDGET_APPROVAL_REQUIRED: &str = "budget_approval_required";
}

/// What a rule does with an act that fits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Lets it pass.
    Allow,
    /// Lets it pass under a live grant only.
    Grant,
    /// Holds it for approval, unless a live grant covers it.
    Hold,
    /// Refuses it.
    Deny,
}

impl Effect {
    /// The name that policies use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Grant => "grant",
            Self::Hold => "hold",
            Self::Deny => "deny",
        }
    }
}

/// What an approval takes. Where several rules hold one request, their terms are merged to the strictest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalTerms {
    /// All of these steps are needed, in any order; their groups are groups of the policy.
    pub steps: Vec<Step>,
    /// Groups of which one person alone may let it go on, in an emergency; sorted.
    pub break_glass: Vec<String>,
    /// How long the request may wait for a decision.
    pub ttl: Duration,
    /// How long after approval the request may be retried.
    pub usable_for: Duration,
    /// Whether a vote needs a reason.
    pub reason_required: bool,
    /// How long the connection may be parked; zero answers at once.
    pub wait: Duration,
}
