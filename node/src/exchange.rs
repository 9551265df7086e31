//! One exchange, as a door in JavaScript drives it: numbers for steps, passages and flows.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use wardline::audit::Ending;
use wardline::guard::{
    Answer, Carrying, Effect, Exchange as Inner, Flow, Forward, HeaderEdits, RequestBody, ResponseBody, Step,
};
use wardline::model::Census;

use crate::wait::Wait;

/// What comes next before the service is called; `js/door/codes.js` has the same numbers.
pub(crate) mod step {
    pub(crate) const NEED_BODY: u32 = 0;
    pub(crate) const EFFECT: u32 = 1;
    pub(crate) const ANSWER: u32 = 2;
    pub(crate) const FORWARD: u32 = 3;
    pub(crate) const FORWARD_WHOLE: u32 = 4;
    pub(crate) const FORWARD_FEED: u32 = 5;
}

/// How a response passes.
pub(crate) mod passage {
    pub(crate) const PASS: u32 = 0;
    pub(crate) const STREAM: u32 = 1;
    pub(crate) const WHOLE: u32 = 2;
    pub(crate) const REFUSE: u32 = 3;
}

/// How an exchange ended.
mod ending {
    pub(super) const COMPLETE: u8 = 0;
    pub(super) const FAILED: u8 = 2;
}

/// What became of a piece.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Became {
    Unchanged,
    /// What goes on now stands in `out`.
    Changed,
    Effect,
    Abort,
    /// What stands in `out` is the last that goes on.
    Last,
}

/// An exchange under way.
pub(crate) struct Exchange {
    inner: Inner,
    /// The effect that was asked for and not yet begun.
    effect: Option<Effect>,
    wait: Option<Arc<Wait>>,
    /// Changes to the head that is next to go on.
    edits: HeaderEdits,
    answer: Option<Answer>,
    /// Which body ends as soon as what waits has passed.
    ends: Option<Side>,
    /// What goes on ahead of it.
    kept: Vec<u8>,
}

#[derive(Clone, Copy)]
pub(crate) enum Side {
    Request,
    Response,
    /// What a statement or a command gave.
    Results,
}

/// What a host tells of a statement or a command.
pub(crate) enum Told {
    Returned(Census),
    Touched(u64),
}

impl Exchange {
    pub(crate) fn new(inner: Inner) -> Self {
        Self {
            inner,
            effect: None,
            wait: None,
            edits: HeaderEdits::default(),
            answer: None,
            ends: None,
            kept: Vec::new(),
        }
    }

    /// What comes next; bytes that go on with it are left in `out`.
    pub(crate) fn step(&mut self, out: &mut Vec<u8>) -> u32 {
        self.complete();
        match self.inner.step() {
            Step::NeedBody => step::NEED_BODY,
            Step::Effect(effect) => {
                self.effect = Some(effect);
                step::EFFECT
            }
            Step::Forward(Forward { edits, body }) => {
                self.edits = edits;
                let (code, bytes) = match body {
                    RequestBody::Whole(bytes) => (step::FORWARD_WHOLE, bytes),
                    RequestBody::Feed(first) => (step::FORWARD_FEED, first),
                    _ => (step::FORWARD, Bytes::new()),
                };
                out.clear();
                out.extend_from_slice(&bytes);
                code
            }
            Step::Answer(answer) => {
                self.answer = Some(answer);
                step::ANSWER
            }
            // A step that this door does not know must not pass.
            _ => {
                self.answer = Some(Answer::of("guard_unavailable"));
                step::ANSWER
            }
        }
    }

    /// Takes the next piece of the request body, or its end.
    pub(crate) fn read(&mut self, piece: Option<&[u8]>) {
        match piece {
            Some(piece) => self.inner.push_request(Bytes::copy_from_slice(piece)),
            None => self.inner.end_request(),
        }
    }

    /// The caller as JSON, with the seal that it came with.
    pub(crate) fn caller(&self) -> Option<String> {
        let identity = self.inner.identity()?;
        let mut json = serde_json::to_value(identity.as_ref()).ok()?;
        if let (Some(seal), Some(members)) = (&identity.seal, json.as_object_mut()) {
            members.insert("seal".to_owned(), seal.as_text().into());
        }
        Some(json.to_string())
    }

    /// Begins what a step or a flow asked for; `None` where nothing was.
    pub(crate) fn carry_out(&mut self) -> Option<Carrying> {
        self.effect.take().map(|effect| self.inner.carry_out(effect))
    }

    /// Waits for what was begun.
    pub(crate) fn wait(&mut self, wait: Arc<Wait>) {
        self.wait = Some(wait);
    }

    /// Changes to the head that goes on now.
    pub(crate) fn edits(&self) -> &HeaderEdits {
        &self.edits
    }

    /// How a response with this head passes.
    pub(crate) fn response_head(&mut self, status: StatusCode, headers: &HeaderMap) -> u32 {
        let passage = self.inner.response_head(status, headers);
        self.edits = passage.edits;
        match passage.body {
            ResponseBody::Pass => passage::PASS,
            ResponseBody::Stream => passage::STREAM,
            ResponseBody::Whole => passage::WHOLE,
            ResponseBody::Refuse(answer) => {
                self.answer = Some(answer);
                passage::REFUSE
            }
            _ => {
                self.answer = Some(Answer::of("guard_unavailable"));
                passage::REFUSE
            }
        }
    }

    /// A piece of a body; with `last` also its end.
    pub(crate) fn feed(&mut self, side: Side, piece: Option<&[u8]>, last: bool, out: &mut Vec<u8>) -> Became {
        out.clear();
        self.ends = last.then_some(side);
        let mut became = Became::Unchanged;
        if let Some(piece) = piece {
            let flow = match side {
                Side::Request => self.inner.request(piece, out),
                Side::Response | Side::Results => self.inner.response(piece, out),
            };
            became = self.became(flow, out);
        }
        self.then_end(became, piece, out)
    }

    /// A piece of what a statement or a command gave; with `last` also its end.
    pub(crate) fn result(
        &mut self,
        piece: &[u8],
        content_type: &str,
        last: bool,
        out: &mut Vec<u8>,
    ) -> Became {
        out.clear();
        self.ends = last.then_some(Side::Results);
        let flow = self.inner.result(piece, content_type, out);
        let became = self.became(flow, out);
        self.then_end(became, Some(piece), out)
    }

    /// So much of the results is about to be handed on, or so many rows were written.
    pub(crate) fn told(&mut self, part: Told, out: &mut Vec<u8>) -> Became {
        out.clear();
        self.ends = None;
        let flow = match part {
            Told::Returned(census) => self.inner.returned(&census),
            Told::Touched(rows) => self.inner.touched(rows),
        };
        self.became(flow, out)
    }

    /// What became of the piece that waited for an effect.
    pub(crate) fn resume(&mut self, out: &mut Vec<u8>) -> Became {
        self.complete();
        out.clear();
        out.append(&mut self.kept);
        let flow = self.inner.resume(out);
        let became = self.became(flow, out);
        self.then_end(became, None, out)
    }

    /// The answer that the caller gets instead of the service's.
    pub(crate) fn answer(&mut self) -> Answer {
        self.answer.take().unwrap_or_else(|| Answer::of("guard_unavailable"))
    }

    /// Ends the exchange: 0 complete, 1 the caller went away, 2 the service failed.
    pub(crate) fn finish(mut self, how: u8) {
        self.inner.finish(match how {
            ending::COMPLETE => Ending::Complete,
            ending::FAILED => Ending::Failed,
            _ => Ending::Disconnected,
        });
        if let Some(wait) = self.wait.take() {
            wait.withdraw();
        }
    }

    /// Takes in how an effect ended.
    fn complete(&mut self) {
        if let Some(done) = self.wait.as_ref().and_then(|wait| wait.done()) {
            self.wait = None;
            self.inner.complete(done);
        }
    }

    /// Ends the body where it ends here and nothing holds it up.
    fn then_end(&mut self, became: Became, piece: Option<&[u8]>, out: &mut Vec<u8>) -> Became {
        if matches!(became, Became::Effect | Became::Abort | Became::Last) {
            return became;
        }
        let Some(side) = self.ends.take() else { return became };
        let unchanged = became == Became::Unchanged;
        // A piece that itself went unchanged stands in `out` only where the end adds to it.
        let mut tail = Vec::new();
        let into = if unchanged { &mut tail } else { &mut *out };
        let flow = match side {
            Side::Request => self.inner.request_end(into),
            Side::Response => self.inner.response_end(into),
            Side::Results => self.inner.result_end(into),
        };
        let ends_here = matches!(flow, Flow::Unchanged | Flow::Changed);
        if unchanged && ends_here && tail.is_empty() {
            return Became::Unchanged;
        }
        if unchanged {
            out.extend_from_slice(piece.unwrap_or_default());
            out.append(&mut tail);
        }
        if ends_here { Became::Changed } else { self.became(flow, out) }
    }

    fn became(&mut self, flow: Flow, out: &mut Vec<u8>) -> Became {
        let answer = match flow {
            Flow::Unchanged => return Became::Unchanged,
            Flow::Changed => return Became::Changed,
            Flow::Effect(effect) => {
                self.effect = Some(effect);
                self.kept.append(out);
                return Became::Effect;
            }
            Flow::Last(abort) => {
                self.answer = Some(abort.answer);
                return Became::Last;
            }
            Flow::Abort(abort) => abort.answer,
            _ => Answer::of("guard_unavailable"),
        };
        self.answer = Some(answer);
        out.clear();
        Became::Abort
    }
}
