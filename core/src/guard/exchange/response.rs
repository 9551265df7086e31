//! The response's half: what may pass of it, counted and masked as it does, cut where a grant ends.

use http::{HeaderMap, Method, StatusCode, header};

use super::{Exchange, Phase, flow_of};
use crate::classify;
use crate::coding::{Decoder, Packing};
use crate::grant::GrantState;
use crate::guard::body::{Body, Broken, DENIED, UNMASKABLE};
use crate::guard::step::{Effect, Flow, Passage, ResponseBody};
use crate::guard::truth::{self, HeaderEdits};
use crate::mask::{Format, Masker, Release, Reread};
use crate::policy::Side;

/// A declared length up to which a body is collected: small enough to cost nothing, and an error in it can
/// still become an answer.
const WHOLE: u64 = 64 * 1024;

impl Exchange {
    pub(super) fn judge_response(&mut self, status: StatusCode, headers: &HeaderMap) -> Passage {
        self.record.status = Some(status.as_u16());
        self.packing = classify::packing(headers);
        let mut edits = HeaderEdits::default();
        if self.unguarded {
            return Passage { edits, body: ResponseBody::Pass };
        }
        if let Phase::Answered(answer) = &self.phase {
            return Passage { edits, body: ResponseBody::Refuse(answer.clone()) };
        }
        let Ok(masking) = self.answering.take().map_or_else(|| self.masking(Side::Response), Ok) else {
            return Passage { edits, body: ResponseBody::Refuse(self.refuse("guard_unavailable")) };
        };
        let Ok(plan) = masking.plan_for(self.response_census) else {
            return Passage { edits, body: ResponseBody::Refuse(self.refuse("guard_unavailable")) };
        };
        let changes = !plan.is_empty() && self.enforces();
        // A repeated header has two readings, which is none.
        let content_type = truth::only(headers, &header::CONTENT_TYPE).unwrap_or(None);
        let head_only = self.head.as_ref().is_some_and(|head| head.method == Method::HEAD);
        let no_body = head_only || status.is_informational() || matches!(status.as_u16(), 204 | 205 | 304);
        let coding =
            truth::only(headers, &header::CONTENT_ENCODING).map_or("?", |coding| coding.unwrap_or(""));
        let length =
            headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
        let small = length.is_some_and(|length: u64| length <= WHOLE);
        if no_body || status.as_u16() >= 400 {
            self.purse.close();
        }
        if masking.strips() && self.enforces() && !no_body && status.as_u16() < 400 && length != Some(0) {
            let looks = plan.is_empty() && !matches!(Decoder::of(coding), Ok(None));
            if self.cannot_strip(content_type, looks) {
                return Passage { edits, body: ResponseBody::Refuse(self.refuse("unstrippable_response")) };
            }
            self.strips = true;
        }
        let strip = self.response_census.filter(|_| masking.strips());
        let keeps_in = !no_body && self.keeps_in();
        let partial = status == StatusCode::PARTIAL_CONTENT;
        let format = self.format(Side::Response, content_type).filter(|_| !partial);
        // A text could be behind a coding, or cut in two by a range; a message in which nothing changes goes on packed.
        let clear = self.packing == Packing::Plain
            && (matches!(Decoder::of(coding), Ok(None)) || (changes && format.is_some()));
        if keeps_in && (partial || !clear) {
            return Passage { edits, body: ResponseBody::Refuse(self.refuse("unsearchable_response")) };
        }
        if !changes {
            if !no_body {
                // What cannot be decoded is not counted; a quota that depends on it cuts the response.
                let holds = (self.ledger.meters() && status.as_u16() < 400)
                    || self.purse.binds()
                    || self.strips
                    || keeps_in;
                let body = match (self.watcher(Side::Response, &plan, content_type), Decoder::of(coding)) {
                    (Some(body), Ok(None)) if holds => body.holding(),
                    (Some(body), Ok(decoder)) => body.decoding(decoder).stripping(strip),
                    (Some(_), Err(_)) => Body::passing(),
                    (None, _) => self.file(content_type, coding).unwrap_or_else(Body::passing),
                };
                self.response = body.digesting(self.digests_all());
            }
            // What may be refused is collected where it is small, so that the refusal is an answer.
            let whole = (self.purse.binds() || self.strips || keeps_in) && small && length != Some(0);
            if !whole {
                self.begin_exactly(format);
            }
            return Passage { edits, body: if whole { ResponseBody::Whole } else { ResponseBody::Pass } };
        }
        if no_body {
            truth::response_with_changing_body(headers, &mut edits);
            return Passage { edits, body: ResponseBody::Pass };
        }
        if length == Some(0) {
            return Passage { edits, body: ResponseBody::Pass };
        }
        let (Some(format), Ok(decoder), Some(runtime)) = (format, Decoder::of(coding), &self.runtime) else {
            if !masking.refuse_unmaskable {
                // What no format reads passes, and a file is counted as it does.
                self.response = self.file(content_type, coding).unwrap_or_else(Body::passing);
                return Passage { edits, body: ResponseBody::Pass };
            }
            return Passage { edits, body: ResponseBody::Refuse(self.refuse("unmaskable_response")) };
        };
        truth::response_with_changing_body(headers, &mut edits);
        let counter = self.counter(Side::Response, format);
        let masker = Masker::new(plan, format, runtime.keys.clone(), counter).within(self.scopes());
        let reread = masking.reread.clone().map(|plan| Reread::new(plan, format, runtime.keys.clone()));
        let kept = self.kept_of(&masking, content_type);
        let files = self.files(Some(format), coding);
        let body = Body::masked(decoder, masker).with_files(files);
        self.response = body.rereading(reread).capturing(kept).stripping(strip);
        let whole = format != Format::Sse && small;
        if !whole {
            self.begin_exactly(Some(format));
        }
        Passage { edits, body: if whole { ResponseBody::Whole } else { ResponseBody::Stream } }
    }

    pub(super) fn feed_response(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Flow {
        if let Some(code) = self.ended_grant() {
            return self.cut(code);
        }
        if self.cuts_exactly() {
            return self.feed_exactly(piece, out);
        }
        let from = out.len();
        match self.response.push(piece, out) {
            Ok(release) => self.gate_response(piece, out, from, release),
            Err(code) => self.cut(unfit(code)),
        }
    }

    pub(super) fn end_of_response(&mut self, out: &mut Vec<u8>) -> Flow {
        if let Some(code) = self.ended_grant() {
            return self.cut(code);
        }
        self.last = true;
        let from = out.len();
        match self.response.finish(out) {
            Ok(()) => self.gate_response(&[], out, from, Release::Changed),
            Err(code) => self.cut(unfit(code)),
        }
    }

    /// Releases what holds no canary.
    pub(super) fn gate_response(
        &mut self,
        piece: &[u8],
        out: &mut Vec<u8>,
        from: usize,
        release: Release,
    ) -> Flow {
        let last = self.last || self.exact.refused().is_some();
        match self.gate((piece, &mut *out, from, release), last) {
            Ok(release) => self.release_response(piece, out, from, release),
            Err(cut) => cut,
        }
    }

    pub(super) fn release_response(
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
        if self.has_unstripped() {
            return self.cut("unstrippable_response");
        }
        let refused = self.exact.refused();
        // What a lease was refused for is counted, and does not go on.
        let lease = if refused.is_some() { Ok(None) } else { self.meter(Side::Response, pending) };
        match lease {
            Ok(None) => {}
            Ok(Some(lease)) => {
                return self.hold_back(Side::Response, (piece, out, from, release), Effect::Lease(lease));
            }
            Err(()) => return self.cut("uncountable_response"),
        }
        if self.draws(Side::Response) {
            match self.purse.draw(&mut self.response, pending, self.last) {
                Ok(None) => {}
                Ok(Some(draw)) => return self.hold_back(Side::Response, (piece, out, from, release), draw),
                Err(()) => return self.cut("uncountable_response"),
            }
        }
        match release {
            Release::Unchanged => self.response.released(piece),
            Release::Changed => self.response.released(out.get(from..).unwrap_or_default()),
        }
        refused.map_or_else(|| flow_of(release), |code| Flow::Last(self.abort(code)))
    }

    /// A lease was given or refused: what waited goes on, or nothing does.
    pub(super) fn after_lease(&mut self, out: &mut Vec<u8>) -> Flow {
        if !matches!(self.phase, Phase::Forwarded) {
            return self.cut("guard_unavailable");
        }
        if self.exact.waits() {
            return self.resume_exactly(out);
        }
        let from = out.len();
        out.append(&mut self.waiting);
        match self.waits.take() {
            Some(Side::Request) => self.release_request(&[], out, from, Release::Changed),
            _ => self.release_response(&[], out, from, Release::Changed),
        }
    }

    /// Grants are asked again while a response runs: a length counted from connect would re-arm itself.
    fn ended_grant(&self) -> Option<&'static str> {
        if self.ledger.is_empty() {
            return None;
        }
        let runtime = self.runtime.as_ref()?;
        let (snapshot, now) = (runtime.snapshot(), runtime.store_time(self.shared.now()));
        if runtime.is_stale() {
            return Some("guard_unavailable");
        }
        self.ledger.grants().find_map(|id| match snapshot.grant(id).map(|grant| grant.state(now)) {
            // What this exchange leased is its own even when nothing is left for the next.
            Some(GrantState::Active | GrantState::Exhausted) => None,
            Some(GrantState::Expired) => Some("grant_expired"),
            Some(GrantState::Scheduled) => Some("grant_not_started"),
            Some(GrantState::Revoked) | None => Some("grant_revoked"),
        })
    }
}

/// What is wrong with a response, by what its body could not bear.
pub(super) fn unfit(code: Broken) -> &'static str {
    match code {
        DENIED => "denied_response",
        UNMASKABLE => "unmaskable_response",
        "guard_unavailable" => code,
        _ => "malformed_response",
    }
}
