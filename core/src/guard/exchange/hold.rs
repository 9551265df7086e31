//! What a verdict asks for before the request may go on: people's approval, leases of grants, evidence on disk.

use std::time::Duration;

use http::header;

use super::collect::State;
use super::{Await, Exchange, Phase};
use crate::audit::{Kind, Prepared, Record};
use crate::grant::{ApprovalState, Opening};
use crate::guard::answer::Answer;

use crate::guard::step::{Done, Effect, Step};
use crate::identity::Identity;
use crate::keys::{Purpose, hex};
use crate::model::{ApprovalId, Risk, Verdict};
use crate::policy::Side;

/// How soon a held request is worth another try, in seconds.
const RETRY_AFTER: u64 = 5;

impl Exchange {
    /// A held request: find its ticket, open one, or go on under an approved one.
    pub(super) fn ticket(&mut self) -> Option<Step> {
        if self.head.is_some() && self.collected.is_open() {
            return Some(Step::NeedBody);
        }
        let code = match (self.head.is_some(), self.collected.state) {
            (true, State::TooLarge) => Some("too_large_to_hold"),
            (true, State::Undecodable) => Some("unsupported_coding"),
            _ => None,
        };
        if let Some(code) = code {
            return Some(Step::Answer(self.refuse(code)));
        }
        let digest = self.request_digest();
        let terms = self.decision.as_ref().and_then(|decision| decision.approval.clone());
        let (Some(digest), Some(terms)) = (digest, terms) else {
            return Some(Step::Answer(self.refuse("guard_unavailable")));
        };
        self.record.digest = Some(digest.clone());
        self.phase = Phase::Effect(Await::Ticket);
        Some(Step::Effect(Effect::OpenApproval(Box::new(Opening {
            digest,
            identity: Identity::clone(&self.identity),
            service: self.record.service.to_string(),
            acts: self.acts.clone(),
            rules: self.record.rules.iter().map(|matched| matched.rule.to_string()).collect(),
            policy: self.in_force.digest.to_string(),
            wants: None,
            steps: terms.steps.clone(),
            break_glass: terms.break_glass.clone(),
            reason_required: terms.reason_required,
            pending_for: terms.ttl,
            usable_for: terms.usable_for,
        }))))
    }

    /// What an approval is bound to: identity, service, method, target, content type and the exact decoded body.
    pub(super) fn request_digest(&self) -> Option<String> {
        let runtime = self.runtime.as_ref()?;
        let mut digest = runtime.keys.start(Purpose::Digest);
        digest.field(b"wardline/request/1");
        digest.field(self.identity.subject.as_bytes());
        digest.field(self.identity.issuer.as_deref().unwrap_or("").as_bytes());
        let mut groups: Vec<&str> = self.identity.groups.iter().map(String::as_str).collect();
        groups.sort_unstable();
        digest.field(groups.join("\n").as_bytes());
        for hop in &self.identity.hops {
            digest.field(hop.workload.as_bytes());
        }
        digest.field(self.record.service.as_bytes());
        match (&self.head, &self.said) {
            (_, Some(said)) => said.digest(self.service(), &mut digest),
            (Some(head), None) => {
                digest.field(head.method.as_str().as_bytes());
                digest.field(head.host.as_bytes());
                digest.field(head.target.as_bytes());
                let content_type =
                    head.headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
                digest.field(content_type);
                digest.field(self.collected.clear()?);
            }
            (None, None) => digest.field(&serde_json::to_vec(&self.acts).ok()?),
        }
        Some(hex(&digest.finish()))
    }

    /// Takes uses and quota of the grants before they are spent.
    pub(super) fn lease(&mut self) -> Option<Step> {
        match self.ledger.next() {
            Some(lease) => {
                self.phase = Phase::Effect(Await::Lease);
                Some(Step::Effect(Effect::Lease(lease)))
            }
            None if self.head.is_none() => self.draw_for_call(),
            None => {
                let draw = self.purse.call();
                self.phase = if draw.is_some() { Phase::Effect(Await::Lease) } else { Phase::Begin };
                draw.map(Step::Effect)
            }
        }
    }

    /// Nothing sees what a call brings: what it asks for is drawn from its budgets.
    fn draw_for_call(&mut self) -> Option<Step> {
        match self.purse.upfront() {
            Ok(Some(draw)) => {
                self.phase = Phase::Effect(Await::Lease);
                Some(Step::Effect(draw))
            }
            Ok(None) => {
                self.phase = Phase::Begin;
                None
            }
            Err(()) => Some(Step::Answer(self.refuse("uncountable_response"))),
        }
    }

    /// Step 4: at or above the durable risk the evidence is on disk before the first byte is forwarded.
    pub(super) fn begin(&mut self) -> Option<Step> {
        self.phase = Phase::Prepare;
        let risk = self.record.risk.as_ref().map_or(Risk::MAX, |risk| risk.total);
        let durable = self.service().map_or(self.in_force.policy.durable_from(), |s| s.durable_from);
        if self.begun || durable.is_none_or(|from| risk < from) {
            return None;
        }
        let mut record = Record::clone(&self.record);
        record.kind = Kind::Begin;
        self.phase = Phase::Effect(Await::Begin);
        // Made here: this thread is to wait, and the one that writes the log has many like it.
        Some(Step::Effect(Effect::PersistBegin(Box::new(Prepared::new(record)))))
    }

    /// How an effect ended, and what follows.
    pub(super) fn take(&mut self, done: Done) {
        let Phase::Effect(awaited) = self.phase else { return };
        match (awaited, done) {
            // Where they are not there, the token that needs them is refused.
            (Await::Keys, _) => self.phase = Phase::Arrive,
            (Await::Standing, Done::Spent(spending)) => {
                self.purse.spent(&spending);
                self.phase = Phase::Enforce;
            }
            (Await::Lease, Done::Spent(spending)) => {
                self.phase = Phase::Lease;
                if !self.purse.spent(&spending) {
                    self.refuse("budget_spent");
                }
            }
            (Await::More, Done::Spent(spending)) => {
                self.phase = Phase::Forwarded;
                if !self.purse.spent(&spending) {
                    let _ = self.cut("budget_spent");
                }
            }
            (Await::Ticket | Await::Decision, Done::Approval { approval, state, taken }) => {
                self.record.approval = Some(approval.id.clone());
                if taken {
                    self.record.break_glass = approval.is_broken();
                    self.purse.lift();
                    self.record.enforced = Some(Verdict::Allow);
                    self.phase = Phase::Lease;
                    return;
                }
                let wait = self
                    .decision
                    .as_ref()
                    .and_then(|d| d.approval.as_ref())
                    .map_or(Duration::ZERO, |t| t.wait);
                if state == ApprovalState::Pending && awaited == Await::Ticket && !wait.is_zero() {
                    self.follow_up = Some(Effect::AwaitDecision {
                        approval: approval.id,
                        digest: approval.digest,
                        until: self.shared.now() + wait,
                    });
                    self.phase = Phase::Effect(Await::Decision);
                    return;
                }
                self.hold(state, &approval.id);
            }
            (Await::Lease, Done::Leased(lease)) => {
                self.ledger.leased(lease);
                self.phase = Phase::Lease;
            }
            (Await::More, Done::Leased(lease)) => {
                self.ledger.leased(lease);
                self.phase = Phase::Forwarded;
            }
            (Await::More, Done::Refused(code)) => {
                self.phase = Phase::Forwarded;
                if self.cuts_exactly() && self.waits != Some(Side::Request) {
                    self.refuse_exactly(code);
                } else {
                    let _ = self.cut(code);
                }
            }
            (Await::Lease, Done::Refused(code)) => {
                self.refuse(code);
            }
            (Await::Begin, Done::Persisted) => {
                self.begun = true;
                self.phase = Phase::Prepare;
            }
            // Observing blocks nothing: what cannot be counted is not counted.
            (Await::Standing | Await::More, _) if !self.enforces() => {
                self.purse.close();
                let standing = awaited == Await::Standing;
                self.phase = if standing { Phase::Enforce } else { Phase::Forwarded };
            }
            (Await::More, _) => {
                self.phase = Phase::Forwarded;
                let _ = self.cut("guard_unavailable");
            }
            _ => {
                self.fail();
            }
        }
    }

    /// The request is not approved, at least not yet: the caller gets its ticket, or people's no.
    fn hold(&mut self, state: ApprovalState, approval: &ApprovalId) {
        let mut answer = match (state, &self.decision) {
            (ApprovalState::Denied, _) => Answer::of("approval_denied"),
            (_, Some(decision)) => Answer::of(decision.code).because(Some(&decision.because)),
            (_, None) => Answer::of("approval_required"),
        };
        answer.record = Some(self.record.id.clone());
        // Also of what people denied: under it stands why.
        answer.approval = Some(approval.clone());
        if state != ApprovalState::Denied {
            answer.retry_after = Some(RETRY_AFTER);
        }
        self.answer(answer);
    }
}
