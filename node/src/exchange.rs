//! One exchange, for a door in JavaScript: numbers for steps and flows, bytes copied where the door says.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use napi::Env;
use napi::bindgen_prelude::{BufferSlice, Latin1String, Object};
use napi_derive::napi;
use wardline::audit::Ending;
use wardline::guard::{Answer, Effect, Exchange as Inner, Flow, Forward, RequestBody, ResponseBody, Step};

use crate::wait::Wait;
use crate::{errors, heads};

/// What comes next before the service is called; `js/door/codes.js` has the same numbers.
mod step {
    pub(super) const NEED_BODY: u8 = 0;
    pub(super) const EFFECT: u8 = 1;
    pub(super) const ANSWER: u8 = 2;
    pub(super) const FORWARD: u8 = 3;
    pub(super) const FORWARD_WHOLE: u8 = 4;
    pub(super) const FORWARD_FEED: u8 = 5;
}

/// How a response passes.
mod passage {
    pub(super) const PASS: u8 = 0;
    pub(super) const STREAM: u8 = 1;
    pub(super) const WHOLE: u8 = 2;
    pub(super) const REFUSE: u8 = 3;
}

/// What became of a piece; any other number is how many bytes wait for `take`.
mod flow {
    pub(super) const UNCHANGED: f64 = -1.0;
    pub(super) const EFFECT: f64 = -2.0;
    pub(super) const ABORT: f64 = -3.0;
}

/// How an exchange ended.
mod ending {
    pub(super) const COMPLETE: u8 = 0;
    pub(super) const FAILED: u8 = 2;
}

/// An exchange under way.
#[napi]
pub struct Exchange {
    inner: Inner,
    /// The effect that was asked for and not yet begun.
    effect: Option<Effect>,
    wait: Option<Arc<Wait>>,
    /// Changes to the head that is next to go on.
    edits: Option<String>,
    answer: Option<Answer>,
    /// What goes on now and waits for `take`.
    out: Vec<u8>,
    /// Which body ends as soon as what waits has passed.
    ends: Option<Side>,
}

#[derive(Clone, Copy)]
enum Side {
    Request,
    Response,
}

impl Exchange {
    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner, effect: None, wait: None, edits: None, answer: None, out: Vec::new(), ends: None }
    }
}

#[napi]
impl Exchange {
    /// The id of the record of this exchange.
    #[napi(getter)]
    pub fn id(&self) -> String {
        self.inner.id().to_string()
    }

    /// What comes next.
    #[napi]
    pub fn step(&mut self) -> u8 {
        self.complete();
        match self.inner.step() {
            Step::NeedBody => step::NEED_BODY,
            Step::Effect(effect) => {
                self.effect = Some(effect);
                step::EFFECT
            }
            Step::Forward(Forward { edits, body }) => {
                self.edits = heads::edits(&edits);
                let (code, bytes) = match body {
                    RequestBody::Whole(bytes) => (step::FORWARD_WHOLE, bytes),
                    RequestBody::Feed(first) => (step::FORWARD_FEED, first),
                    _ => (step::FORWARD, Bytes::new()),
                };
                self.out.clear();
                self.out.extend_from_slice(&bytes);
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

    /// Hands over the next piece of the request body, and steps.
    #[napi]
    pub fn push(&mut self, piece: &[u8]) -> u8 {
        self.inner.push_request(Bytes::copy_from_slice(piece));
        self.step()
    }

    /// There is no more of the request body: steps.
    #[napi]
    pub fn end(&mut self) -> u8 {
        self.inner.end_request();
        self.step()
    }

    /// Has the effect carried out that a step or a flow asked for; then ask `step` or `resume`.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn carry_out<'env>(&mut self, env: &'env Env) -> napi::Result<Object<'env>> {
        let (deferred, promise) = env.create_deferred::<(), fn(Env) -> napi::Result<()>>()?;
        match self.effect.take() {
            Some(effect) => self.wait = Some(Wait::begin(self.inner.carry_out(effect), deferred)),
            None => deferred.resolve(|_| Ok(())),
        }
        Ok(promise)
    }

    /// Changes to the head that goes on now, as `-name` and `+name: value` lines; `null` where there are none.
    #[napi]
    pub fn edits(&mut self) -> Option<String> {
        self.edits.take()
    }

    /// How many bytes wait for `take`.
    #[napi(getter)]
    pub fn length(&self) -> f64 {
        as_number(self.out.len())
    }

    /// Copies what goes on now to the start of `into`, and forgets it.
    #[napi]
    pub fn take(&mut self, mut into: BufferSlice<'_>) {
        let length = into.len().min(self.out.len());
        if let (Some(to), Some(from)) = (into.get_mut(..length), self.out.get(..length)) {
            to.copy_from_slice(from);
        }
        self.out.clear();
    }

    /// A piece of a request body that is fed; with `last` also its end.
    #[napi]
    pub fn request(&mut self, piece: Option<&[u8]>, last: bool) -> f64 {
        self.feed(Side::Request, piece, last)
    }

    /// The head of the response: how it passes.
    #[napi]
    pub fn response_head(
        &mut self,
        env: &Env,
        status: u16,
        joined: Latin1String,
        count: u32,
    ) -> napi::Result<u8> {
        let status = StatusCode::from_u16(status).map_err(|_| errors::input("expected an HTTP status"));
        let head = status.and_then(|status| Ok((status, heads::parse(&joined, count)?)));
        let (status, headers) = head.map_err(|error| errors::thrown(env, &error))?;
        let passage = self.inner.response_head(status, &headers);
        self.edits = heads::edits(&passage.edits);
        Ok(match passage.body {
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
        })
    }

    /// A piece of the response body; with `last` also its end.
    #[napi]
    pub fn response(&mut self, piece: Option<&[u8]>, last: bool) -> f64 {
        self.feed(Side::Response, piece, last)
    }

    /// What became of the piece that waited for an effect.
    #[napi]
    pub fn resume(&mut self) -> f64 {
        self.complete();
        let flow = self.inner.resume(&mut self.out);
        let flow = self.flow(flow);
        self.then_end(flow, None)
    }

    /// The answer that the caller gets instead of the service's.
    #[napi]
    pub fn answer(&mut self) -> Reply {
        Reply::of(&self.answer.take().unwrap_or_else(|| Answer::of("guard_unavailable")))
    }

    /// Ends the exchange: 0 complete, 1 the caller went away, 2 the service failed. Only the first call counts.
    #[napi]
    pub fn finish(&mut self, how: u8) {
        self.inner.finish(match how {
            ending::COMPLETE => Ending::Complete,
            ending::FAILED => Ending::Failed,
            _ => Ending::Disconnected,
        });
        self.effect = None;
        if let Some(wait) = self.wait.take() {
            wait.withdraw();
        }
    }
}

/// An answer of the guard's own.
#[napi(object)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Names and values in turn.
    pub headers: Vec<String>,
    /// The problem document.
    pub body: String,
}

impl Reply {
    fn of(answer: &Answer) -> Self {
        let headers = answer.headers();
        let headers = headers.iter().flat_map(|(name, value)| {
            [name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()]
        });
        Self {
            status: answer.status.as_u16(),
            headers: headers.collect(),
            body: String::from_utf8_lossy(&answer.body()).into_owned(),
        }
    }
}

/// What a caller gets where not even an exchange could begin.
#[napi]
pub fn unavailable() -> Reply {
    Reply::of(&Answer::of("guard_unavailable"))
}

impl Exchange {
    /// Takes in how an effect ended.
    fn complete(&mut self) {
        if let Some(done) = self.wait.as_ref().and_then(|wait| wait.done()) {
            self.wait = None;
            self.inner.complete(done);
        }
    }

    fn feed(&mut self, side: Side, piece: Option<&[u8]>, last: bool) -> f64 {
        self.out.clear();
        self.ends = last.then_some(side);
        let mut flow = flow::UNCHANGED;
        if let Some(piece) = piece {
            let became = match side {
                Side::Request => self.inner.request(piece, &mut self.out),
                Side::Response => self.inner.response(piece, &mut self.out),
            };
            flow = self.flow(became);
        }
        self.then_end(flow, piece)
    }

    /// Ends the body where it ends here and nothing holds it up.
    fn then_end(&mut self, flow: f64, piece: Option<&[u8]>) -> f64 {
        if flow == flow::EFFECT || flow == flow::ABORT {
            return flow;
        }
        let Some(side) = self.ends.take() else { return flow };
        let unchanged = flow == flow::UNCHANGED;
        let mut tail = Vec::new();
        let became = match side {
            Side::Request => self.inner.request_end(&mut tail),
            Side::Response => self.inner.response_end(&mut tail),
        };
        if unchanged && !(matches!(became, Flow::Unchanged | Flow::Changed) && tail.is_empty()) {
            // The end adds to a piece that itself went unchanged.
            self.out.extend_from_slice(piece.unwrap_or_default());
        }
        self.out.append(&mut tail);
        match became {
            Flow::Unchanged | Flow::Changed if unchanged && self.out.is_empty() => flow::UNCHANGED,
            Flow::Unchanged => as_number(self.out.len()),
            other => self.flow(other),
        }
    }

    fn flow(&mut self, became: Flow) -> f64 {
        match became {
            Flow::Unchanged => flow::UNCHANGED,
            Flow::Changed => as_number(self.out.len()),
            Flow::Effect(effect) => {
                self.effect = Some(effect);
                flow::EFFECT
            }
            Flow::Abort(abort) => {
                self.answer = Some(abort.answer);
                self.out.clear();
                flow::ABORT
            }
            _ => {
                self.answer = Some(Answer::of("guard_unavailable"));
                self.out.clear();
                flow::ABORT
            }
        }
    }
}

/// A length as JavaScript's number: exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "no buffer is that long")]
fn as_number(length: usize) -> f64 {
    length as f64
}
