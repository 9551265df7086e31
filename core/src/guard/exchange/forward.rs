//! Step 5, the request's side: what of its body goes on, and how; and what it costs the grants.

use std::sync::Arc;

use bytes::Bytes;
use http::header;

use super::collect::State;
use super::purse::Purse;
use super::{Await, Exchange, Phase, flow_of};
use crate::classify;
use crate::coding::{Decoder, Packing};
use crate::error::Error;
use crate::guard::body::{Body, Broken, DENIED};
use crate::guard::step::{Effect, Flow, Forward, LeaseRequest, RequestBody, Step};
use crate::guard::truth::{self, HeaderEdits};
use crate::mask::{Format, Masker, Plan, Release, Reread};
use crate::model::{Act, Operation, Unit, Verdict};
use crate::policy::{Masking, Side};
use crate::protobuf::Schema;
use crate::vector::{Counter, FileCounter, Paths};

impl Exchange {
    /// What of the body goes on, and how.
    pub(super) fn prepare(&mut self) -> Option<Step> {
        if self.said.is_some()
            && let Some(answer) = self.read_said()
        {
            return Some(Step::Answer(answer));
        }
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
        if (changes || masking.watch.is_some()) && self.collected.is_open() {
            // A body within the limit is masked whole before its first byte leaves, so that a refusal is clean.
            return Some(Step::NeedBody);
        }
        if (masking.captures || answer.captures) && self.lacks_room_for_bodies() {
            return Some(Step::Answer(self.refuse("guard_unavailable")));
        }
        self.answering = Some(Arc::clone(&answer));
        self.embedding(&masking);
        let mut edits = HeaderEdits::default();
        if self.enforces() {
            edits.remove.append(&mut self.spoofed);
        }
        if self.seal(&mut edits).is_err() {
            return self.fail().map(Step::Answer);
        }
        let draws = self.draws(Side::Response);
        let may_change = !answer.plan.is_empty() || answer.strips() || draws || self.canaries.is_some();
        if self.enforces()
            && may_change
            && let Some(head) = &self.head
        {
            truth::request_of_changing_response(&head.method, &head.headers, &mut edits);
        }
        self.phase = Phase::Forwarded;
        // What no format reads passes where the policy says so, and a file is counted as it does.
        let unread = self.runtime.is_none() || self.format(Side::Request, self.content_type()).is_none();
        let passes = changes && unread && !masking.refuse_unmaskable && self.cleared == 0;
        if changes && !passes && !(self.collected.is_empty() && self.collected.state == State::Whole) {
            return Some(self.mask_request(&masking, edits));
        }
        let coding = self.header(&header::CONTENT_ENCODING).unwrap_or("");
        let body =
            match (self.watcher(Side::Request, &masking.plan, self.content_type()), Decoder::of(coding)) {
                (Some(body), Ok(decoder)) => {
                    let format = self.content_type().and_then(Format::of);
                    body.decoding(decoder).with_files(self.files(format, coding))
                }
                _ => self.file(self.content_type(), coding).unwrap_or_else(Body::passing),
            };
        self.request = body.digesting(self.digests_all());
        let read: Vec<Bytes> = self.collected.raw.clone();
        for piece in &read {
            let _ = self.request.push(piece, &mut self.waiting);
        }
        if self.collected.state == State::Whole {
            let _ = self.request.finish(&mut self.waiting);
        }
        if let Some(step) = self.unmet(read.iter().map(Bytes::len).sum()) {
            return Some(step);
        }
        read.iter().for_each(|piece| self.request.released(piece));
        if self.cleared > 0 {
            let body = Bytes::from(read.concat());
            truth::request_with_changed_body(Some(body.len()), &mut edits);
            return Some(Step::Forward(Forward { edits, body: RequestBody::Whole(body) }));
        }
        if self.collected.state == State::Whole {
            return Some(Step::Forward(Forward { edits, body: RequestBody::Unchanged }));
        }
        let asked = self.request_census.is_some() || !masking.plan.is_empty();
        let watched = asked && !passes || self.request.reads();
        let body =
            if watched { RequestBody::Feed(Bytes::from(read.concat())) } else { RequestBody::Unchanged };
        Some(Step::Forward(Forward { edits, body }))
    }

    fn mask_request(&mut self, masking: &Masking, mut edits: HeaderEdits) -> Step {
        let format = self.format(Side::Request, self.content_type());
        let (Some(format), Some(runtime)) = (format, &self.runtime) else {
            return Step::Answer(self.refuse("unmaskable_request"));
        };
        if self.collected.state == State::Undecodable {
            return Step::Answer(self.refuse("unsupported_coding"));
        }
        let counter = self.counter(Side::Request, format);
        let masker =
            Masker::new(masking.plan.clone(), format, runtime.keys.clone(), counter).within(self.scopes());
        let coding = self.header(&header::CONTENT_ENCODING);
        let decoder = coding.map_or(Ok(None), Decoder::of).unwrap_or_default();
        let coded = decoder.is_some();
        let reread = masking.reread.clone().map(|plan| Reread::new(plan, format, runtime.keys.clone()));
        let kept = self.kept_of(masking, self.content_type());
        let files = self.files(Some(format), coding.unwrap_or(""));
        self.request = Body::masked(decoder, masker).rereading(reread).capturing(kept).with_files(files);
        let mut out = Vec::new();
        let mut changed = coded || self.cleared > 0;
        for piece in self.collected.raw.clone() {
            match self.request.push(&piece, &mut out) {
                Ok(Release::Unchanged) => out.extend_from_slice(&piece),
                Ok(Release::Changed) => changed = true,
                Err(code) => return self.unfit(code),
            }
        }
        let whole = self.collected.state == State::Whole;
        if whole && let Err(code) = self.request.finish(&mut out) {
            return self.unfit(code);
        }
        if let Some(step) = self.unmet(out.len()) {
            return step;
        }
        self.request.released(&out);
        let same = self.cleared == 0 && self.collected.clear().is_some_and(|clear| clear == out && !coded);
        if whole && (!changed || same) {
            return Step::Forward(Forward { edits, body: RequestBody::Unchanged });
        }
        truth::request_with_changed_body(whole.then_some(out.len()), &mut edits);
        let bytes = Bytes::from(out);
        let body = if whole { RequestBody::Whole(bytes) } else { RequestBody::Feed(bytes) };
        Step::Forward(Forward { edits, body })
    }

    /// Whether bodies that pass as they came have their digest in the record too.
    pub(super) fn digests_all(&self) -> bool {
        self.service().is_some_and(|service| service.digests_all)
    }

    /// The body cannot go on: what it holds is the policy's verdict, what is wrong with it is not.
    fn unfit(&mut self, code: Broken) -> Step {
        if code == DENIED {
            self.record.decided = Some(Verdict::Deny);
        }
        Step::Answer(self.refuse(code))
    }

    /// What has been read of the request, of which `pending` bytes were not noted yet, brings more than was leased or drawn for it: that
    /// comes first, then it is looked at again.
    fn unmet(&mut self, pending: usize) -> Option<Step> {
        let mut due = self.meter(Side::Request, pending).map(|lease| lease.map(Effect::Lease));
        if matches!(due, Ok(None)) && self.draws(Side::Request) {
            due = self.purse.draw_read(&mut self.request, pending, self.collected.state == State::Whole);
        }
        match due {
            Ok(None) => None,
            Ok(Some(effect)) => {
                self.phase = Phase::Effect(Await::Lease);
                Some(Step::Effect(effect))
            }
            Err(()) => Some(Step::Answer(self.refuse("too_large_to_inspect"))),
        }
    }

    /// A reader for a body that is not changed: for its census, or for what observing would have masked.
    pub(super) fn watcher(&self, side: Side, plan: &Arc<Plan>, content_type: Option<&str>) -> Option<Body> {
        let runtime = self.runtime.as_ref()?;
        let format = self.format(side, content_type)?;
        let counter = self.counter(side, format);
        if counter.is_none() && plan.is_empty() {
            return None;
        }
        Some(Body::watched(Masker::new(plan.clone(), format, runtime.keys.clone(), counter)))
    }

    /// The form of a body: by its content type, and of messages of gRPC by what the catalogue says they are.
    pub(super) fn format(&self, side: Side, content_type: Option<&str>) -> Option<Format> {
        let content_type = content_type?;
        let message = || self.census(side).and_then(|census| census.message).unwrap_or(Schema::OPAQUE);
        let packing = || match side {
            Side::Request => {
                self.head.as_ref().map_or(Packing::Plain, |head| classify::packing(&head.headers))
            }
            Side::Response => self.packing,
        };
        let grpc = || classify::is_protobuf(content_type).then(|| Format::Grpc(message(), packing()));
        Format::of(content_type).or_else(grpc)
    }

    fn census(&self, side: Side) -> Option<&'static Paths> {
        match side {
            Side::Request => self.request_census,
            Side::Response => self.response_census,
        }
    }

    /// What counts the vectors, rows and ids of a body; `None` where its places or its format do not tell.
    pub(super) fn counter(&self, side: Side, format: Format) -> Option<Counter> {
        let mut counter =
            self.census(side).filter(|_| format.is_counted()).and_then(|paths| self.shared.counter(paths))?;
        if let Some(ids) = self.kept_in().filter(|_| side == Side::Response) {
            counter = counter.looking_for(ids);
        }
        match &self.runtime {
            Some(runtime) if self.draws(side) => Some(counter.telling_apart(Purse::key(&runtime.keys))),
            _ => Some(counter),
        }
    }

    /// A reader for a file that may hold vectors.
    pub(super) fn file(&self, content_type: Option<&str>, coding: &str) -> Option<Body> {
        let kind = content_type.unwrap_or("");
        let format = Format::of(kind);
        if format.is_some() || kind.starts_with("application/grpc") || !coding.is_empty() {
            return self.files(format, coding).map(Body::file);
        }
        let target = self.head.as_ref().map_or("", |head| head.target.as_str());
        self.carries().then(|| Body::file(FileCounter::new(target)))
    }

    /// A reader for the files in the parts of a body, or for one that is a table.
    pub(super) fn files(&self, format: Option<Format>, coding: &str) -> Option<FileCounter> {
        let counter = match format? {
            Format::Multipart(boundary) => FileCounter::of_parts(boundary.as_bytes()),
            Format::Csv { separator } => FileCounter::of_table(separator),
            _ => return None,
        };
        (coding.is_empty() && self.carries()).then_some(counter)
    }

    /// Whether it is about data. Of a model's own weights nobody asks how many vectors they are.
    fn carries(&self) -> bool {
        const CARRY: [Operation; 7] = [
            Operation::DataRead,
            Operation::DataQuery,
            Operation::DataExport,
            Operation::DataIngest,
            Operation::VectorFetch,
            Operation::VectorExport,
            Operation::VectorUpsert,
        ];
        !self.acts.is_empty() && self.acts.iter().all(|act| CARRY.contains(&act.operation))
    }

    pub(super) fn masking(&self, side: Side) -> Result<Arc<Masking>, Error> {
        self.in_force.policy.masking(&self.facts(&self.acts), side)
    }

    pub(super) fn header(&self, name: &http::HeaderName) -> Option<&str> {
        self.head.as_ref()?.headers.get(name)?.to_str().ok()
    }

    pub(super) fn content_type(&self) -> Option<&str> {
        self.header(&header::CONTENT_TYPE)
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
        self.request_ended = true;
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
        match self.meter(Side::Request, pending) {
            Ok(None) => {}
            Ok(Some(lease)) => {
                return self.hold_back(Side::Request, (piece, out, from, release), Effect::Lease(lease));
            }
            Err(()) => return self.cut("too_large_to_inspect"),
        }
        if self.draws(Side::Request) {
            match self.purse.draw(&mut self.request, pending, self.request_ended) {
                Ok(None) => {}
                Ok(Some(draw)) => return self.hold_back(Side::Request, (piece, out, from, release), draw),
                Err(()) => return self.cut("too_large_to_inspect"),
            }
        }
        match release {
            Release::Unchanged => self.request.released(piece),
            Release::Changed => self.request.released(out.get(from..).unwrap_or_default()),
        }
        flow_of(release)
    }

    /// Keeps back what may only go on once this is done.
    pub(super) fn hold_back(
        &mut self,
        side: Side,
        (piece, out, from, release): (&[u8], &mut Vec<u8>, usize, Release),
        effect: Effect,
    ) -> Flow {
        if self.waits.is_some() {
            // A door asks for one effect at a time; two directions that wait at once could cross.
            return self.cut("guard_unavailable");
        }
        match release {
            Release::Unchanged => self.waiting.extend_from_slice(piece),
            Release::Changed => self.waiting.extend(out.drain(from..)),
        }
        self.waits = Some(side);
        self.phase = Phase::Effect(Await::More);
        Flow::Effect(effect)
    }

    /// Whether it is what the request brings that counts, and not what it takes: that is counted as the answer comes out.
    pub(super) fn brings(&self) -> bool {
        let writes = |act: &Act| matches!(act.operation, Operation::VectorUpsert | Operation::DataIngest);
        self.request_census.is_some() && self.acts.iter().any(writes)
    }

    /// Whether this side is counted against a quota.
    pub(super) fn meters(&self, side: Side) -> bool {
        self.ledger.meters() && self.brings() == (side == Side::Request)
    }

    /// Counts what came through against the quotas; answers with the lease that is missing.
    /// `pending` bytes wait to go on.
    pub(super) fn meter(&mut self, side: Side, pending: usize) -> Result<Option<LeaseRequest>, ()> {
        if !self.ledger.meters() {
            return Ok(None);
        }
        if self.said.is_some() {
            return self.meter_said(pending);
        }
        let by_request = self.brings();
        if by_request != (side == Side::Request) {
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
