//! The request's half, up to the verdict: what does it do, and may this identity do it now?

use std::sync::Arc;

use http::header;

use super::collect::State;
use super::{Await, Exchange, Phase};
use crate::audit::{Matched, Term, Weighed};
use crate::classify::{self, Classified, Outcome, Refusal};
use crate::guard::answer::Answer;
use crate::guard::step::{Forward, RequestBody, Step};
use crate::guard::truth::{HeaderEdits, only};
use crate::model::{Act, GrantId, Risk, Text, Verdict};
use crate::policy::{Decision, code};

/// What is asked is nobody's: of HTTP, and of what names its service.
const NO_PLACE: &str = "no service of the policy has this host and path";
const NO_NAME: &str = "no service of the policy has this name";

impl Exchange {
    pub(super) fn next_step(&mut self) -> Step {
        loop {
            let step = match &self.phase {
                Phase::Arrive => self.arrive(),
                Phase::Classify => self.classify(),
                Phase::Judge => self.judge(),
                Phase::Enforce => self.enforce(),
                Phase::Ticket => self.ticket(),
                Phase::Lease => self.lease(),
                Phase::Begin => self.begin(),
                Phase::Prepare => self.prepare(),
                Phase::Answered(answer) => Some(Step::Answer(answer.clone())),
                Phase::Forwarded if self.unguarded => Some(self.unguarded_step()),
                Phase::Effect(_) if self.follow_up.is_some() => self.follow_up.take().map(Step::Effect),
                // Asked out of turn: there is no honest answer but to stop.
                Phase::Effect(_) | Phase::Forwarded | Phase::Finished => {
                    Some(Step::Answer(self.refuse("guard_unavailable")))
                }
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    /// Step 2 of the flow: what does the request do?
    fn classify(&mut self) -> Option<Step> {
        if self.runtime.is_none() {
            return self.fail().map(Step::Answer);
        }
        if self.said.is_some() {
            return self.classify_said();
        }
        let Some(head) = &self.head else { return Some(Step::Answer(self.refuse("guard_unavailable"))) };
        let (Ok(coding), Ok(_)) =
            (only(&head.headers, &header::CONTENT_ENCODING), only(&head.headers, &header::CONTENT_TYPE))
        else {
            return self
                .unreadable("ambiguous_request", "repeated header at content-type or content-encoding");
        };
        let service = self.in_force.policy.services().get(self.service.unwrap_or(usize::MAX));
        let outcome = match (self.pending.take(), service) {
            (Some(pending), _) => Outcome::NeedBody(pending),
            (None, None) => Outcome::Done(Classified::unknown()),
            (None, Some(service)) => {
                // Only a body that something may read is worth a decoder.
                self.collected.expect(coding);
                classify::http(service.system, head, &service.base_path)
            }
        };
        let classified = match outcome {
            Outcome::Done(classified) => Ok(classified),
            Outcome::Refused(refusal) => Err(refusal),
            Outcome::NeedBody(pending) if self.collected.is_open() => {
                self.pending = Some(pending);
                return Some(Step::NeedBody);
            }
            Outcome::NeedBody(pending) => {
                let entry = pending.entry();
                let done = pending.finish(match (self.collected.state, self.collected.clear()) {
                    (_, Some(clear)) => classify::Body::Whole(clear),
                    (State::Undecodable, None) => classify::Body::Undecodable,
                    _ => classify::Body::TooLarge,
                });
                done.map(|done| self.ask_for_no_vectors(entry, &done).unwrap_or(done))
            }
        };
        self.classified(classified)
    }

    /// What was found out, or that there is no one reading.
    pub(super) fn classified(&mut self, classified: Result<Classified, Refusal>) -> Option<Step> {
        match classified {
            Ok(classified) => {
                self.record.entry = classified.entry.map(Text::from);
                self.response_census = classified.census;
                self.request_census = classified.request_census;
                self.acts = classified.acts;
                self.phase = Phase::Judge;
                None
            }
            Err(refusal) => {
                let code = match refusal.code {
                    "malformed_json" | "malformed_protobuf" => "malformed_body",
                    _ => "ambiguous_request",
                };
                self.unreadable(code, &format!("{} at {}", refusal.code, refusal.at))
            }
        }
    }

    /// A request that has no one reading: refused, or where the service is only observed, noted as what it is.
    fn unreadable(&mut self, code: &'static str, because: &str) -> Option<Step> {
        self.acts = vec![Act::unknown()];
        self.record.because = Some(because.to_owned().into());
        self.record.decided = Some(Verdict::Deny);
        if self.enforces() {
            return Some(Step::Answer(self.refuse(code)));
        }
        self.phase = Phase::Begin;
        self.record.enforced = Some(Verdict::Allow);
        self.record.code = Some(code.into());
        self.record.acts.clone_from(&self.acts);
        None
    }

    /// Step 3: may this identity do it now?
    fn judge(&mut self) -> Option<Step> {
        let Some(runtime) = &self.runtime else { return self.fail().map(Step::Answer) };
        let now = self.shared.now();
        if self.acts.is_empty() {
            self.acts.push(Act::unknown());
        }
        let view = runtime.view(now);
        if self.lays_out() && self.head.is_some() && self.collected.is_open() {
            return Some(Step::NeedBody);
        }
        self.look_back();
        self.judge_as_touched(&view);
        let (facts, policy) = (self.facts(&self.acts), &self.in_force.policy);
        let decision = match self.discloses {
            true => policy.decide_disclosure(&facts, &view),
            false => policy.decide(&facts, &view),
        };
        let without_grant = [
            code::GRANT_REQUIRED,
            code::APPROVAL_REQUIRED,
            code::RISK_APPROVAL_REQUIRED,
            code::UNUSUAL_APPROVAL_REQUIRED,
            code::DEFAULT_HOLD,
        ];
        if view.stale && self.enforces() && without_grant.contains(&decision.code) {
            // What is known of the store is too old to say that there is no grant.
            return self.fail().map(Step::Answer);
        }
        let refused = decision.verdict == Verdict::Deny;
        self.decision = Some(decision);
        self.phase = Phase::Enforce;
        let look = if refused { None } else { self.open_purse() };
        look.map(|look| {
            self.phase = Phase::Effect(Await::Standing);
            Step::Effect(look)
        })
    }

    /// What the verdict means for the request, now that it is known how its budgets stand.
    fn enforce(&mut self) -> Option<Step> {
        let Some(decision) = self.decision.take() else {
            return Some(Step::Answer(self.refuse("guard_unavailable")));
        };
        let decision = self.weigh_budgets(decision);
        self.note(&decision);
        let enforced = if self.enforces() { decision.verdict } else { Verdict::Allow };
        self.record.enforced = Some(enforced);
        let step = match enforced {
            Verdict::Allow => {
                if self.enforces() {
                    self.rest_on_grants(&decision.grants);
                }
                self.phase = Phase::Lease;
                None
            }
            Verdict::Hold => {
                self.rest_on_grants(&decision.grants);
                self.phase = Phase::Ticket;
                None
            }
            Verdict::Deny => Some(decision.code),
        };
        // Whoever wrote a name or a path wrong looks for the rule that denies it, and there is none.
        let because = match (self.service(), &self.head) {
            (None, Some(_)) if decision.rules.is_empty() => NO_PLACE.into(),
            (None, None) if decision.rules.is_empty() => NO_NAME.into(),
            _ => decision.because.clone(),
        };
        self.decision = Some(decision);
        step.map(|code| {
            let mut answer = Answer::of(code).because(Some(&because));
            answer.record = Some(self.record.id.clone());
            Step::Answer(self.answer(answer))
        })
    }

    /// A service whose failures the policy names as the lesser harm gets its request as it came, but for what names a caller that it is
    /// not.
    fn unguarded_step(&mut self) -> Step {
        let mut edits = HeaderEdits::default();
        if self.enforces() {
            edits.remove.append(&mut self.spoofed);
        }
        // Without a seal the service that it goes to judges it by what is left.
        let _ = self.seal(&mut edits);
        Step::Forward(Forward { edits, body: RequestBody::Unchanged })
    }

    /// Writes the inputs and the result of the decision into the record.
    fn note(&mut self, decision: &Decision) {
        let weighed = self.weighed(decision.risk);
        self.record.unusual.clone_from(&self.unusual);
        let record = &mut self.record;
        record.acts.clone_from(&self.acts);
        record.decided = Some(decision.verdict);
        record.code = Some(decision.code.into());
        record.because = Some(Arc::clone(&decision.because).into());
        record.rules = decision
            .rules
            .iter()
            .map(|rule| Matched { rule: Arc::clone(rule).into(), verdict: decision.verdict, code: None })
            .collect();
        record.grant = decision.grants.first().cloned();
        record.grants.clone_from(&decision.grants);
        record.risk = Some(weighed);
    }

    /// The risk of the act that has the most of it, and what it is made of.
    fn weighed(&self, total: Risk) -> Weighed {
        let (policy, service) = (&self.in_force.policy, self.service());
        let riskiest = self.acts.iter().max_by_key(|act| {
            let labels = policy.labels(service, act).map(|(_, points)| u32::from(points));
            let unusual = self.unusual_terms(act).map(|term| u32::from(term.points));
            u32::from(act.risk.value()) + labels.sum::<u32>() + unusual.sum::<u32>()
        });
        let base = riskiest.map_or(Risk::MAX, |act| act.risk);
        let mut terms = vec![Term { name: "base".into(), points: base.value() }];
        let labels = riskiest.into_iter().flat_map(|act| policy.labels(service, act));
        let raising = labels.filter(|(_, points)| *points > 0);
        terms.extend(raising.map(|(label, points)| Term { name: format!("label:{label}").into(), points }));
        terms.extend(riskiest.into_iter().flat_map(|act| self.unusual_terms(act)));
        Weighed { total, terms }
    }

    fn rest_on_grants(&mut self, grants: &[GrantId]) {
        let Some(runtime) = &self.runtime else { return };
        let snapshot = runtime.snapshot();
        for id in grants {
            let Some(grant) = snapshot.grant(id) else { continue };
            let unit = grant.quota.map(|(unit, _)| unit);
            // What the grant's quota counts, over all acts that speak of that unit.
            let asked = self
                .acts
                .iter()
                .filter(|act| act.magnitude.unit == unit)
                .try_fold(0_u64, |sum, act| act.magnitude.count.map(|count| sum.saturating_add(count)));
            self.ledger.rest_on(id.clone(), grant.uses.is_some(), unit, asked);
        }
    }
}
