//! One exchange, from the request's first byte to its record: a state machine that never awaits, opens no
//! socket and knows no framework.
//!
//! A door drives it: [`step`](Exchange::step) until it forwards or answers, then the response through
//! [`response_head`](Exchange::response_head) and [`response`](Exchange::response), then
//! [`finish`](Exchange::finish). Dropping it unfinished records a disconnection, so there is always a record.

mod arrival;
mod captured;
mod collect;
mod draft;
mod embed;
mod exact;
mod forward;
mod hold;
mod ledger;
mod purse;
mod request;
mod response;
mod said;
mod sealed;
mod strip;
mod watched;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::HeaderName;
use tracing::Span;

use self::collect::Collected;
use self::draft::Draft;
use self::embed::Embedding;
use self::exact::Exact;
use self::ledger::Ledger;
use self::purse::Purse;
pub(super) use self::said::Said;
use self::watched::LaidOut;
use super::answer::Answer;
use super::body::Body;
use super::guard::Caller;
use super::policies::InForce;
use super::shared::Shared;
use super::span;
use super::step::{Abort, Done, Effect, Flow, Passage, ResponseBody, Step};
use super::worker::{Ended, Runtime};
use crate::audit::{Ending, Found, Kind, Outcome, Record};
use crate::classify::{self, Refusals};
use crate::coding::Packing;
use crate::identity::Identity;
use crate::mask::{Release, Scopes};
use crate::model::{Act, HttpHead, Mode, RecordId, Unusual, Verdict};
use crate::policy::{Decision, Explanation, Facts, Masking, NoGrants, Service, Side};
use crate::vector;

/// One request and its response under guard.
pub struct Exchange {
    shared: Arc<Shared>,
    /// The policy that it began under.
    in_force: Arc<InForce>,
    /// `None` where the worker, the store or the log could not start: the exchange fails closed.
    runtime: Option<Arc<Runtime>>,
    phase: Phase,
    head: Option<HttpHead>,
    /// Headers of it that only a trusted peer may set, and that another peer did.
    spoofed: Vec<HeaderName>,
    /// What is said in its place, and what came of it.
    said: Option<Box<said::Saying>>,
    /// Its place among the services of the policy.
    service: Option<usize>,
    identity: Arc<Identity>,
    /// Who sends it, as its door knows, until that is found out.
    caller: Option<Box<Caller>>,
    acts: Vec<Act>,
    pending: Option<classify::Pending>,
    response_census: Option<&'static vector::Paths>,
    /// How messages of the response are packed.
    packing: Packing,
    request_census: Option<&'static vector::Paths>,
    decision: Option<Decision>,
    /// In which ways it is unlike what its caller did before, as far as the policy speaks of that.
    unusual: Vec<Unusual>,
    /// What is laid out for it, and what it means to touch that.
    canaries: Option<Box<LaidOut>>,
    /// What is masked of the response, once that is known.
    answering: Option<Arc<Masking>>,
    /// It tells a value in clear: only a grant lets it pass, whatever a rule allows.
    discloses: bool,
    /// The value that was told.
    disclosed: Option<Box<Found>>,
    /// What became of values in what is embedded.
    embed: Option<Embedding>,
    collected: Collected,
    /// How much of the process's room the collected body takes.
    kept: usize,
    request: Body,
    response: Body,
    ledger: Ledger,
    exact: Exact,
    purse: Purse,
    /// How many fields that ask for vectors were taken out of the request, and whether what carries them is left out of the response.
    cleared: u64,
    strips: bool,
    /// Bytes that wait for a lease, and in which direction: what goes on once it is there.
    waiting: Vec<u8>,
    waits: Option<Side>,
    /// No more of the request comes, of the response.
    request_ended: bool,
    last: bool,
    /// The effect that an answer of the store called for, not yet handed out.
    follow_up: Option<Effect>,
    abort: Option<Box<Abort>>,
    /// Whether anything may have reached the service.
    sent: bool,
    /// The service names this exchange's failures as its own: nothing is judged or changed any more.
    unguarded: bool,
    begun: bool,
    record: Draft,
    /// For how long it took; what the record tells is by the guard's clock, in milliseconds.
    started: Instant,
    span: Span,
}

/// Where the exchange stands before the service is called.
enum Phase {
    Arrive,
    Classify,
    Judge,
    Enforce,
    Ticket,
    Lease,
    Begin,
    Prepare,
    /// An effect is being carried out; what comes after it is decided by its result.
    Effect(Await),
    Forwarded,
    Answered(Answer),
    Finished,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Await {
    /// Keys of an issuer.
    Keys,
    /// How the budgets stand.
    Standing,
    Ticket,
    Decision,
    Lease,
    Begin,
    /// A lease, or what is drawn from budgets, for a body that is under way.
    More,
}

impl Exchange {
    /// The same, traced.
    #[must_use]
    pub(super) fn traced(mut self) -> Self {
        self.span = span::begin(&self.record);
        self
    }

    pub(super) fn new(
        shared: Arc<Shared>,
        in_force: Arc<InForce>,
        runtime: Option<Arc<Runtime>>,
        service: Option<usize>,
        identity: Arc<Identity>,
        record: Box<Record>,
    ) -> Self {
        Self {
            shared,
            in_force,
            runtime,
            phase: Phase::Classify,
            head: None,
            spoofed: Vec::new(),
            said: None,
            service,
            identity,
            caller: None,
            acts: Vec::new(),
            pending: None,
            response_census: None,
            packing: Packing::Plain,
            request_census: None,
            decision: None,
            unusual: Vec::new(),
            canaries: None,
            answering: None,
            discloses: false,
            disclosed: None,
            embed: None,
            collected: Collected::default(),
            kept: 0,
            request: Body::passing(),
            response: Body::passing(),
            ledger: Ledger::default(),
            exact: Exact::default(),
            purse: Purse::default(),
            cleared: 0,
            strips: false,
            waiting: Vec::new(),
            waits: None,
            last: false,
            request_ended: false,
            follow_up: None,
            abort: None,
            sent: false,
            unguarded: false,
            begun: false,
            record: Draft::new(record),
            started: Instant::now(),
            span: Span::none(),
        }
    }

    pub(super) fn with_acts(mut self, acts: Vec<Act>) -> Self {
        self.acts = acts;
        self.phase = Phase::Judge;
        self
    }

    /// One that tells a value in clear.
    pub(super) fn disclosing(mut self) -> Self {
        self.discloses = true;
        self
    }

    /// Notes what was told.
    pub(super) fn disclosed(&mut self, found: Found) {
        self.disclosed = Some(Box::new(found));
    }

    /// The id that the record of this exchange will carry.
    pub fn id(&self) -> &RecordId {
        &self.record.id
    }

    /// Who asks, as the policy's sources say or the host did. Handed on with a request that goes out, it is sealed as one of this.
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        self.record.identity.as_ref()
    }

    /// What the request does, once that is known.
    pub fn acts(&self) -> &[Act] {
        &self.acts
    }

    /// What the policy said, once it was asked.
    pub fn decision(&self) -> Option<&Decision> {
        self.decision.as_ref()
    }

    /// Why the policy says what it says of this request, once its acts are known.
    pub fn explain(&self) -> Explanation {
        let (facts, policy) = (self.facts(&self.acts), &self.in_force.policy);
        let mut told = match &self.runtime {
            Some(runtime) => policy.explain(&facts, &runtime.view(self.shared.now())),
            None => policy.explain(&facts, &NoGrants),
        };
        if let (Phase::Answered(answer), None) = (&self.phase, &self.decision) {
            // Refused before the policy was asked.
            told.acts.clear();
            told.decision = Decision {
                verdict: Verdict::Deny,
                code: answer.code,
                because: self.record.because.as_deref().unwrap_or(&answer.detail).into(),
                rules: Vec::new(),
                grants: Vec::new(),
                approval: None,
                risk: told.decision.risk,
            };
        }
        told
    }

    /// Ends it without a record: nothing of it happened.
    pub(super) fn forget(mut self) {
        self.shared.let_go(std::mem::take(&mut self.kept));
        self.phase = Phase::Finished;
    }

    /// The mode of the service.
    pub fn mode(&self) -> Mode {
        self.service().map_or(Mode::Enforce, |service| service.mode)
    }

    /// What to do next, before the service is called. Ask again after each answer to [`Step::NeedBody`] and
    /// [`Step::Effect`].
    pub fn step(&mut self) -> Step {
        match self.sealed(Self::next_step) {
            Some(step) => {
                if matches!(step, Step::Forward(_)) {
                    self.sent = true;
                    let spotter = self.spotter();
                    self.request.spot(spotter);
                    // The verdict is there and the door has the bytes: nobody needs them here any more.
                    self.collected = Collected::default();
                    self.shared.let_go(std::mem::take(&mut self.kept));
                }
                step
            }
            None => Step::Answer(self.refuse("guard_unavailable")),
        }
    }

    /// Hands over the next piece of the request body, as it came.
    pub fn push_request(&mut self, piece: Bytes) {
        let limit = self.body_limit();
        if self.collected.is_open() {
            self.kept = self.kept.saturating_add(piece.len());
            if !self.shared.keep(piece.len()) {
                self.collected.state = collect::State::TooLarge;
            }
        }
        self.collected.push(piece, limit);
    }

    /// There is no more of the request body.
    pub fn end_request(&mut self) {
        let limit = self.body_limit();
        self.collected.end(limit);
    }

    /// The effect that was asked for has been carried out.
    pub fn complete(&mut self, done: Done) {
        if self.sealed(|exchange| exchange.take(done)).is_none() {
            self.refuse("guard_unavailable");
        }
    }

    /// A piece of a request body that [`RequestBody::Feed`](super::RequestBody::Feed) asked for.
    pub fn request(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Flow {
        self.flow(|exchange| exchange.feed_request(piece, out))
    }

    /// The end of such a body: what was held back is appended to `out`.
    pub fn request_end(&mut self, out: &mut Vec<u8>) -> Flow {
        self.flow(|exchange| exchange.end_of_request(out))
    }

    /// The response's head: how it goes to the caller.
    pub fn response_head(&mut self, status: http::StatusCode, headers: &http::HeaderMap) -> Passage {
        match self.sealed(|exchange| exchange.judge_response(status, headers)) {
            Some(passage) => {
                self.watch_response();
                passage
            }
            None => {
                let answer = self.refuse("guard_unavailable");
                Passage { edits: super::HeaderEdits::default(), body: ResponseBody::Refuse(answer) }
            }
        }
    }

    /// A piece of the response body.
    pub fn response(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Flow {
        self.flow(|exchange| exchange.feed_response(piece, out))
    }

    /// What waits for an effect that `response` asked for, once it is complete.
    pub fn resume(&mut self, out: &mut Vec<u8>) -> Flow {
        self.flow(|exchange| exchange.after_lease(out))
    }

    /// The end of the response body: what was held back is appended to `out`.
    pub fn response_end(&mut self, out: &mut Vec<u8>) -> Flow {
        self.flow(|exchange| exchange.end_of_response(out))
    }

    /// Ends the exchange and sends its record to the log. Does nothing the second time.
    pub fn finish(&mut self, ending: Ending) {
        if matches!(self.phase, Phase::Finished) {
            return;
        }
        let outcome = match (&self.phase, &self.abort) {
            (_, Some(abort)) => Outcome { result: Ending::Aborted, reason: Some(abort.code.into()) },
            (Phase::Answered(answer), _) => Outcome {
                result: if answer.approval.is_some() { Ending::Held } else { Ending::Denied },
                reason: Some(answer.code.into()),
            },
            _ => Outcome { result: ending, reason: None },
        };
        self.phase = Phase::Finished;
        self.shared.let_go(std::mem::take(&mut self.kept));
        let Some(mut record) = self.record.take() else { return };
        record.kind = if self.begun { Kind::End } else { Kind::Exchange };
        record.ended_at = Some(self.shared.now());
        record.outcome = Some(outcome);
        record.budgets = self.purse.record();
        let spotted = self.request.spotted() || self.response.spotted();
        let (mut request, asked) = std::mem::replace(&mut self.request, Body::passing()).passed();
        request.embed = self.embed.take().map(|embed| embed.record(&request, &record));
        request.stripped = self.cleared;
        let (mut response, answered) = std::mem::replace(&mut self.response, Body::passing()).passed();
        self.settle_said(ending, &mut request, &mut response);
        self.note_canaries(spotted, &response, &mut record);
        let told = request.bytes > 0
            || !request.totals.is_empty()
            || request.embed.is_some()
            || request.census.is_some();
        record.request = told.then(|| request.into());
        if let Some(found) = self.disclosed.take() {
            response.totals.insert(found.name.clone(), 1);
            response.findings.push(*found);
        }
        let told = response.bytes > 0 || !response.totals.is_empty() || response.census.is_some();
        record.response = told.then(|| response.into());
        let took = self.started.elapsed();
        span::end(&self.span, &record);
        self.span = Span::none();
        match &self.runtime {
            Some(runtime) => {
                runtime.end(Ended::new(*record, took, self.ledger.unspent(self.sent), [asked, answered]));
            }
            None => {
                self.shared.metrics.note(&record, took);
                self.shared.lost.note(&record);
            }
        }
    }

    /// From here on the caller gets this answer, whatever happens.
    fn refuse(&mut self, code: &'static str) -> Answer {
        let mut answer = Answer::of(code);
        answer.record = Some(self.record.id.clone());
        self.answer(answer)
    }

    fn answer(&mut self, mut answer: Answer) -> Answer {
        answer.refusals = self.refusals();
        self.record.code = Some(answer.code.into());
        self.record.status = Some(answer.status.as_u16());
        self.record.decided.get_or_insert(Verdict::Deny);
        self.record.enforced = Some(if answer.approval.is_some() { Verdict::Hold } else { Verdict::Deny });
        self.phase = Phase::Answered(answer.clone());
        answer
    }

    /// A failure of our own: denied, unless the policy names this service's failures as the lesser harm.
    fn fail(&mut self) -> Option<Answer> {
        let allowed = self.service().is_some_and(|s| s.on_failure == crate::policy::OnFailure::Allow);
        if !allowed {
            return Some(self.refuse("guard_unavailable"));
        }
        self.unguarded = true;
        self.purse.close();
        self.record.code = Some("guard_unavailable".into());
        self.record.enforced = Some(Verdict::Allow);
        self.phase = Phase::Forwarded;
        None
    }

    /// How the clients of the system that is asked are told of a refusal. Those of gRPC read a status, whatever the system is.
    fn refusals(&self) -> Option<&'static Refusals> {
        let (head, service) = (self.head.as_ref()?, self.service()?);
        let kind = self.content_type().and_then(|kind| kind.get(.."application/grpc".len()));
        if kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/grpc")) {
            return None;
        }
        classify::refusals(service.system, head, &service.base_path)
    }

    fn service(&self) -> Option<&Service> {
        self.in_force.policy.services().get(self.service?)
    }

    /// What the policy is asked about acts of this request. The time of its beginning is the one that windows are judged by,
    /// so that all that is asked of one exchange has one answer.
    fn facts<'a>(&'a self, acts: &'a [Act]) -> Facts<'a> {
        let Record { at, source, .. } = *self.record;
        Facts { source, at, unusual: &self.unusual, ..Facts::of(&self.identity, self.service(), acts) }
    }

    pub(super) fn runtime(&self) -> Option<&Runtime> {
        self.runtime.as_deref()
    }

    fn enforces(&self) -> bool {
        self.mode() == Mode::Enforce
    }

    fn body_limit(&self) -> usize {
        self.service().map_or(BODY_LIMIT, |service| service.body_limit)
    }

    fn cut(&mut self, code: &'static str) -> Flow {
        Flow::Abort(self.abort(code))
    }

    fn abort(&mut self, code: &'static str) -> Abort {
        let mut answer = Answer::of(code);
        answer.record = Some(self.record.id.clone());
        answer.refusals = self.refusals();
        let abort = Abort { code, answer };
        self.record.code = Some(code.into());
        self.abort = Some(Box::new(abort.clone()));
        abort
    }

    fn flow(&mut self, work: impl FnOnce(&mut Self) -> Flow) -> Flow {
        if let Some(abort) = &self.abort {
            return Flow::Abort((**abort).clone());
        }
        if matches!(self.phase, Phase::Finished) {
            // Its record is written: nothing may pass that no rule reads.
            return self.cut("guard_unavailable");
        }
        match self.sealed(work) {
            Some(flow) => flow,
            None => self.cut("guard_unavailable"),
        }
    }

    /// A panic of our own is a defect, and must be a denial rather than a hole: `None`.
    fn sealed<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        catch_unwind(AssertUnwindSafe(|| work(self))).ok()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.finish(Ending::Disconnected);
    }
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Exchange({})", self.record.id)
    }
}

/// What is read of a body where no service says how much.
const BODY_LIMIT: usize = 1 << 20;

/// How a released piece reads as a flow.
fn flow_of(release: Release) -> Flow {
    match release {
        Release::Unchanged => Flow::Unchanged,
        Release::Changed => Flow::Changed,
    }
}
