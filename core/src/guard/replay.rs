//! Recorded exchanges, decided once more under another policy.
//!
//! A record keeps what a decision was made of: who, from where, what acts, with which risk, when. So it can be asked what another policy
//! would have said, without anybody's traffic. Grants are looked up as they stood then. What cannot be known from a record is left aside:
//! what budgets and the uses and quotas of grants had left, and what another catalogue would have taken the request for.
//!
//! ```
//! use wardline::audit::Record;
//! use wardline::guard::{Replay, Replayed};
//! use wardline::model::Verdict;
//! use wardline::policy::Policy;
//! # fn main() -> Result<(), wardline::Error> {
//! let policy = |effect: &str| {
//!     let rule = format!("{{name: reads, who: ['user:*'], operations: [vector.search], effect: {effect}}}");
//!     Policy::parse(&format!("version: 1\nstate: memory\nservices: {{vectors: {{system: qdrant}}}}\nrules: [{rule}]\n"), "wardline.yaml")
//! };
//! let record = br#"{"id":"rec_1","kind":"exchange","at":"2026-11-25T06:25:00Z","service":"vectors",
//!     "identity":{"subject":"ana"},"acts":[{"operation":"vector.search","resource":"docs","magnitude":{},"risk":10}],
//!     "risk":{"total":10},"decided":"allow"}"#;
//! let record = Record::from_json(record)?;
//! assert!(matches!(Replay::new(policy("allow")?, Vec::new()).decide(&record), Replayed::Same));
//! let Replayed::Otherwise(decision) = Replay::new(policy("deny")?, Vec::new()).decide(&record) else { panic!() };
//! assert_eq!((record.decided, decision.verdict), (Some(Verdict::Allow), Verdict::Deny));
//! # Ok(()) }
//! ```

use crate::audit::Record;
use crate::clock::Timestamp;
use crate::grant::Grant;
use crate::identity::Identity;
use crate::model::{Act, GrantId, Risk};
use crate::policy::{Decision, Facts, GrantView, Policy, code};

/// A policy to be asked about what was recorded.
#[derive(Debug)]
pub struct Replay {
    policy: Policy,
    grants: Vec<Grant>,
}

/// What another policy says of a recorded exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Replayed {
    /// The same verdict.
    Same,
    /// Another verdict.
    Otherwise(Box<Decision>),
    /// No rules had decided it, or what a budget had left did: it is not decided again.
    Undecided,
}

impl Replay {
    /// Decides under `policy`. `grants` are all that were ever issued; those that stand in a policy are this one's.
    pub fn new(policy: Policy, grants: Vec<Grant>) -> Self {
        let issued = grants.into_iter().filter(|grant| !grant.is_standing());
        let grants = issued.chain(policy.grants().iter().cloned()).collect();
        Self { policy, grants }
    }

    /// Decides a recorded exchange once more.
    pub fn decide(&self, record: &Record) -> Replayed {
        let by_budget = [Some(code::BUDGET_SPENT), Some(code::BUDGET_APPROVAL_REQUIRED)];
        let Some(decided) = record.decided.filter(|_| record.risk.is_some()) else {
            return Replayed::Undecided;
        };
        if by_budget.contains(&record.code.as_deref()) {
            return Replayed::Undecided;
        }
        let anonymous = Identity::anonymous();
        let facts = Facts {
            identity: record.identity.as_deref().unwrap_or(&anonymous),
            service: self.policy.service(&record.service),
            acts: &record.acts,
            risks: &[] as &[Risk],
            unusual: &record.unusual,
            source: record.source,
            at: record.at,
        };
        let grants = AsOf { grants: &self.grants, at: record.at };
        let decision = match record.door.as_deref() == Some(super::unmask::DOOR) {
            true => self.policy.decide_disclosure(&facts, &grants),
            false => self.policy.decide(&facts, &grants),
        };
        if decision.verdict == decided { Replayed::Same } else { Replayed::Otherwise(Box::new(decision)) }
    }
}

/// The grants as they stood at an instant.
struct AsOf<'g> {
    grants: &'g [Grant],
    at: Timestamp,
}

impl GrantView for AsOf<'_> {
    fn covering(&self, identity: &Identity, service: &str, act: &Act) -> Option<GrantId> {
        let covering = self.grants.iter().find(|grant| grant.covered(identity, service, act, self.at));
        covering.map(|grant| grant.id.clone())
    }
}
