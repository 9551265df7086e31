//! The request's half: classify, decide, hold, lease, put the begin entry on disk, mask the body, forward.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, header};

use super::collect::State;
use super::{Await, Exchange, Phase, flow_of};
use crate::audit::{Kind, Matched, Term, Weighed};
use crate::classify::{self, Outcome};
use crate::coding::Decoder;
use crate::error::Error;
use crate::grant::{ApprovalState, Opening};
use crate::guard::answer::Answer;
use crate::guard::body::{Body, hex};
use crate::guard::step::{Done, Effect, Flow, Forward, LeaseRequest, RequestBody, Step};
use crate::guard::truth::{self, HeaderEdits};
use crate::keys::Purpose;
use crate::mask::{Format, Masker, Release};
use crate::model::{Act, ApprovalId, Risk, Unit, Verdict};
use crate::policy::{Facts, Masking, Side};

impl Exchange {
    pub(super) fn next_step(&mut self) -> Step {
        loop {
            let step = match &self.phase {
                Phase::Classify => self.classify(),
                Phase::Judge => self.judge(),
                Phase::Ticket => self.ticket(),
                Phase::Lease => self.lease(),
                Phase::Begin => self.begin(),
                Phase::Prepare => self.prepare(),
                Phase::Answered(answer) => Some(Step::Answer(answer.clone())),
                Phase::Forwarded if self.unguarded => Some(unguarded()),
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
        let Some(head) = &self.head else { return Some(Step::Answer(self.refuse("guard_unavailable"))) };
        let service = self.shared.policy.services().get(self.service.unwrap_or(usize::MAX));
        let outcome = match (self.pending.take(), service) {
            (Some(pending), _) => Outcome::NeedBody(pending),
            (None, None) => Outcome::Done(classify::Classified::unknown()),
            (None, Some(service)) => {
                // Only a body that something may read is worth a decoder.
                let coding =
                    head.headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?"));
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
                pending.finish(match (self.collected.state, self.collected.clear()) {
                    (_, Some(clear)) => classify::Body::Whole(clear),
                    (State::Undecodable, None) => classify::Body::Undecodable,
                    _ => classify::Body::TooLarge,
                })
            }
        };
        match classified {
            Ok(classified) => {
                self.record.entry = classified.entry.map(str::to_owned);
                self.response_census = classified.census;
                self.request_census = classified.request_census;
                self.acts = classified.acts;
                self.phase = Phase::Judge;
                None
            }
            Err(refusal) => {
                let code = match refusal.code {
                    "malformed_json" => "malformed_body",
                    _ => "ambiguous_request",
                };
                self.acts = vec![Act::unknown()];
                self.record.because = Some(format!("{} at {}", refusal.code, refusal.at));
                self.record.decided = Some(Verdict::Deny);
                if !self.enforces() {
                    self.phase = Phase::Begin;
                    self.record.enforced = Some(Verdict::Allow);
                    self.record.code = Some(code.to_owned());
                    self.record.acts.clone_from(&self.acts);
                    return None;
                }
                Some(Step::Answer(self.refuse(code)))
            }
        }
    }

    /// Step 3: may this identity do it now?
    fn judge(&mut self) -> Option<Step> {
        let Some(runtime) = &self.runtime else { return self.fail().map(Step::Answer) };
        let now = self.shared.now();
        if self.acts.is_empty() {
            self.acts.push(Act::unknown());
        }
        let risks: Vec<Risk> = self.acts.iter().map(|act| act.risk).collect();
        let policy = self.shared.policy.clone();
        let service = policy.services().get(self.service.unwrap_or(usize::MAX));
        let facts = Facts { identity: &self.identity, service, acts: &self.acts, risks: &risks };
        let view = runtime.view(now);
        let decision = policy.decide(&facts, &view);
        if view.stale && decision.verdict != Verdict::Allow && self.enforces() {
            // What the store knows is too old to say that there is no grant, or that one still lives.
            return self.fail().map(Step::Answer);
        }
        self.note(&decision, service.map_or("", |s| &s.name));
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
        let because = decision.because.clone();
        self.decision = Some(decision);
        step.map(|code| {
            let mut answer = Answer::of(code).because(Some(&because));
            answer.record = Some(self.record.id.clone());
            Step::Answer(self.answer(answer))
        })
    }

    /// Writes the inputs and the result of the decision into the record.
    fn note(&mut self, decision: &crate::policy::Decision, service: &str) {
        let record = &mut self.record;
        service.clone_into(&mut record.service);
        record.acts.clone_from(&self.acts);
        record.decided = Some(decision.verdict);
        record.code = Some(decision.code.to_owned());
        record.because = Some(decision.because.to_string());
        record.rules = decision
            .rules
            .iter()
            .map(|rule| Matched { rule: rule.to_string(), verdict: decision.verdict, code: None })
            .collect();
        record.grant = decision.grants.first().cloned();
        record.grants.clone_from(&decision.grants);
        let base = self.acts.iter().map(|act| act.risk).max().unwrap_or(Risk::MAX);
        record.risk = Some(Weighed {
            total: decision.risk,
            terms: vec![Term { name: "base".to_owned(), points: base.value() }],
        });
    }

    fn rest_on_grants(&mut self, grants: &[crate::model::GrantId]) {
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

    /// A held request: find its ticket, open one, or go on under an approved one.
    fn ticket(&mut self) -> Option<Step> {
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
            identity: self.identity.clone(),
            service: self.record.service.clone(),
            acts: self.acts.clone(),
            rules: self.record.rules.iter().map(|matched| matched.rule.clone()).collect(),
            policy: self.shared.policy_digest.clone(),
            steps: terms.steps.clone(),
            reason_required: terms.reason_required,
            pending_for: terms.ttl,
            usable_for: terms.usable_for,
        }))))
    }

    /// What an approval is bound to: identity, service, method, target, content type and the exact decoded body.
    fn request_digest(&self) -> Option<String> {
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
        match &self.head {
            Some(head) => {
                digest.field(head.method.as_str().as_bytes());
                digest.field(head.host.as_bytes());
                digest.field(head.target.as_bytes());
                let content_type =
                    head.headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
                digest.field(content_type);
                digest.field(self.collected.clear()?);
            }
            None => digest.field(&serde_json::to_vec(&self.acts).ok()?),
        }
        Some(hex(&digest.finish()))
    }

    /// Takes uses and quota of the grants before they are spent.
    fn lease(&mut self) -> Option<Step> {
        match self.ledger.next() {
            Some(lease) => {
                self.phase = Phase::Effect(Await::Lease);
                Some(Step::Effect(Effect::Lease(lease)))
            }
            None => {
                self.phase = Phase::Begin;
                None
            }
        }
    }

    /// Step 4: at or above the durable risk the evidence is on disk before the first byte is forwarded.
    fn begin(&mut self) -> Option<Step> {
        self.phase = Phase::Prepare;
        let risk = self.record.risk.as_ref().map_or(Risk::MAX, |risk| risk.total);
        let durable = self.service().map_or(self.shared.policy.durable_from(), |s| s.durable_from);
        if self.begun || durable.is_none_or(|from| risk < from) {
            return None;
        }
        let mut record = self.record.clone();
        record.kind = Kind::Begin;
        self.phase = Phase::Effect(Await::Begin);
        Some(Step::Effect(Effect::PersistBegin(record)))
    }

    /// Step 5, the request's side: what of the body goes on, and how.
    fn prepare(&mut self) -> Option<Step> {
        if self.head.is_none() {
            // A call has no body on a wire.
            self.phase = Phase::Forwarded;
            return Some(Step::Forward(Forward {
                edits: HeaderEdits::default(),
                body: RequestBody::Unchanged,
            }));
        }
        let (Ok(masking), Ok(answer)) = (self.masking(Side::Request), self.masking(Side::Response)) else {
            return self.fail().map(Step::Answer);
        };
        let changes = !masking.plan.is_empty() && self.enforces();
        if changes && self.collected.is_open() {
            // A body within the limit is masked whole before its first byte leaves, so that a refusal is clean.
            return Some(Step::NeedBody);
        }
        let mut edits = HeaderEdits::default();
        if self.enforces() && !answer.plan.is_empty() {
            let method = self.head.as_ref().map_or(Method::POST, |head| head.method.clone());
            truth::request_of_changing_response(&method, &mut edits);
        }
        self.phase = Phase::Forwarded;
        if changes && !(self.collected.is_empty() && self.collected.state == State::Whole) {
            return Some(self.mask_request(&masking, edits));
        }
        let coding = self.header(&header::CONTENT_ENCODING).unwrap_or("");
        self.request = match (self.watcher(Side::Request, &masking, self.content_type()), Decoder::of(coding))
        {
            (Some(body), Ok(decoder)) => body.decoding(decoder),
            _ => Body::passing(),
        };
        let read: Vec<Bytes> = self.collected.raw.clone();
        for piece in &read {
            let _ = self.request.push(piece, &mut self.waiting);
            self.request.released(piece);
        }
        if self.collected.state == State::Whole {
            let _ = self.request.finish(&mut self.waiting);
            return match self.meter(0) {
                Ok(None) => Some(Step::Forward(Forward { edits, body: RequestBody::Unchanged })),
                // What the request brings is known whole, and more than was leased for it.
                Ok(Some(lease)) => {
                    self.phase = Phase::Effect(Await::Lease);
                    Some(Step::Effect(Effect::Lease(lease)))
                }
                Err(()) => Some(Step::Answer(self.refuse("too_large_to_inspect"))),
            };
        }
        let watched = self.request_census.is_some() || !masking.plan.is_empty();
        let body =
            if watched { RequestBody::Feed(Bytes::from(read.concat())) } else { RequestBody::Unchanged };
        Some(Step::Forward(Forward { edits, body }))
    }

    fn mask_request(&mut self, masking: &Masking, mut edits: HeaderEdits) -> Step {
        let format = self.content_type().and_then(Format::of);
        let (Some(format), Some(runtime)) = (format, &self.runtime) else {
            if !masking.refuse_unmaskable {
                return Step::Forward(Forward { edits, body: RequestBody::Unchanged });
            }
            return Step::Answer(self.refuse("unmaskable_request"));
        };
        if self.collected.state == State::Undecodable {
            return Step::Answer(self.refuse("unsupported_coding"));
        }
        let counter = self.request_census.and_then(|paths| self.shared.counter(paths));
        let masker = Masker::new(masking.plan.clone(), format, runtime.keys.clone(), counter);
        let coding = self.header(&header::CONTENT_ENCODING);
        let decoder = coding.map_or(Ok(None), Decoder::of).unwrap_or_default();
        let coded = decoder.is_some();
        self.request = Body::masked(decoder, masker);
        let mut out = Vec::new();
        let mut changed = coded;
        for piece in self.collected.raw.clone() {
            match self.request.push(&piece, &mut out) {
                Ok(Release::Unchanged) => out.extend_from_slice(&piece),
                Ok(Release::Changed) => changed = true,
                Err(code) => return Step::Answer(self.refuse(code)),
            }
        }
        let whole = self.collected.state == State::Whole;
        if whole && let Err(code) = self.request.finish(&mut out) {
            return Step::Answer(self.refuse(code));
        }
        self.request.released(&out);
        if whole && (!changed || self.collected.clear().is_some_and(|clear| clear == out && !coded)) {
            return Step::Forward(Forward { edits, body: RequestBody::Unchanged });
        }
        truth::request_with_changed_body(whole.then_some(out.len()), &mut edits);
        let bytes = Bytes::from(out);
        let body = if whole { RequestBody::Whole(bytes) } else { RequestBody::Feed(bytes) };
        Step::Forward(Forward { edits, body })
    }

    /// A reader for a body that is not changed: for its census, or for what observing would have masked.
    pub(super) fn watcher(&self, side: Side, masking: &Masking, content_type: Option<&str>) -> Option<Body> {
        let census = match side {
            Side::Request => self.request_census,
            Side::Response => self.response_census,
        };
        let runtime = self.runtime.as_ref()?;
        let format = content_type.and_then(Format::of)?;
        if census.is_none() && masking.plan.is_empty() {
            return None;
        }
        let masker = Masker::new(
            masking.plan.clone(),
            format,
            runtime.keys.clone(),
            census.and_then(|paths| self.shared.counter(paths)),
        );
        Some(Body::watched(masker))
    }

    pub(super) fn masking(&self, side: Side) -> Result<Arc<Masking>, Error> {
        self.shared.policy.masking(self.service(), &self.identity, &self.acts, side)
    }

    fn header(&self, name: &http::HeaderName) -> Option<&str> {
        self.head.as_ref()?.headers.get(name)?.to_str().ok()
    }

    fn content_type(&self) -> Option<&str> {
        self.header(&header::CONTENT_TYPE)
    }

    /// How an effect ended, and what follows.
    pub(super) fn take(&mut self, done: Done) {
        let Phase::Effect(awaited) = self.phase else { return };
        match (awaited, done) {
            (Await::Ticket | Await::Decision, Done::Approval { approval, state, taken }) => {
                self.record.approval = Some(approval.id.clone());
                if taken {
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
                let _ = self.cut(code);
            }
            (Await::Lease, Done::Refused(code)) => {
                self.refuse(code);
            }
            (Await::Begin, Done::Persisted) => {
                self.begun = true;
                self.phase = Phase::Prepare;
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
        if state != ApprovalState::Denied {
            answer.approval = Some(approval.clone());
            answer.retry_after = Some(RETRY_AFTER);
        }
        self.answer(answer);
    }

    /// A piece of a request body on its way to the service.
    pub(super) fn feed_request(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Flow {
        let from = out.len();
        match self.request.push(piece, out) {
            Ok(release) => self.release_request(piece, out, from, release),
            Err(code) => self.cut(code),
        }
    }

    pub(super) fn end_of_request(&mut self, out: &mut Vec<u8>) -> Flow {
        let from = out.len();
        match self.request.finish(out) {
            Ok(()) => self.release_request(&[], out, from, Release::Changed),
            Err(code) => self.cut(code),
        }
    }

    pub(super) fn release_request(
        &mut self,
        piece: &[u8],
        out: &mut Vec<u8>,
        from: usize,
        release: Release,
    ) -> Flow {
        let pending = match release {
            Release::Unchanged => piece.len(),
            Release::Changed => out.len().saturating_sub(from),
        };
        match self.meter(pending) {
            Ok(None) => {}
            Ok(Some(lease)) => return self.hold_back(piece, out, from, release, lease),
            Err(()) => return self.cut("too_large_to_inspect"),
        }
        match release {
            Release::Unchanged => self.request.released(piece),
            Release::Changed => self.request.released(out.get(from..).unwrap_or_default()),
        }
        flow_of(release)
    }

    /// Keeps back what may only go on once a lease is there.
    pub(super) fn hold_back(
        &mut self,
        piece: &[u8],
        out: &mut Vec<u8>,
        from: usize,
        release: Release,
        lease: LeaseRequest,
    ) -> Flow {
        match release {
            Release::Unchanged => self.waiting.extend_from_slice(piece),
            Release::Changed => self.waiting.extend(out.drain(from..)),
        }
        self.phase = Phase::Effect(Await::More);
        Flow::Effect(Effect::Lease(lease))
    }

    /// Counts what came through against the quotas; answers with the lease that is missing.
    /// `pending` bytes wait to go on.
    pub(super) fn meter(&mut self, pending: usize) -> Result<Option<LeaseRequest>, ()> {
        // What a request brings is counted as it goes in, what it takes as the answer comes out.
        let by_request = self.request_census.is_some();
        if !self.ledger.meters() || by_request == self.responding {
            return Ok(None);
        }
        let failed = self.record.status.is_some_and(|status| status >= 400);
        let body = if by_request { &self.request } else { &self.response };
        self.ledger.spend(|unit| match unit {
            Unit::Bytes => body.count(unit).map(|bytes| bytes.saturating_add(pending as u64)),
            _ => body.count(unit).or(failed.then_some(0)),
        })
    }
}

/// How soon a held request is worth another try, in seconds.
const RETRY_AFTER: u64 = 5;

/// A service whose failures the policy names as the lesser harm gets its request as it came.
fn unguarded() -> Step {
    Step::Forward(Forward { edits: HeaderEdits::default(), body: RequestBody::Unchanged })
}
