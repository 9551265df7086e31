//! One direction of an exchange: frames of a body go in, what may go on comes out, and where the exchange has to
//! take from a grant first, the body waits.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame};
use wardline::audit::Ending;
use wardline::guard::{Abort, Answer, Carrying, Done, Flow};

use crate::BoxError;
use crate::refusal::{Form, trailers};
use crate::response::Cut;
use crate::shared::{Owner, Shared};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

/// What waits to go through.
#[derive(Debug)]
enum Input {
    Piece(Bytes),
    End,
}

/// A body's way through its exchange.
#[derive(Debug)]
pub(crate) struct Lane {
    shared: Shared,
    side: Side,
    /// The owner, where this is the direction that ends the exchange.
    owner: Option<Owner>,
    carrying: Option<Carrying>,
    input: Option<Input>,
    /// What may go on, in order.
    ready: VecDeque<Bytes>,
    trailers: Option<HeaderMap>,
    /// How much of the length that the body declared is still to come.
    left: Option<u64>,
    ended: bool,
    /// Nothing more comes than what is ready, and then the connection is aborted.
    closing: Option<Closing>,
    /// It broke off, and nothing more comes.
    failed: bool,
    /// How whoever reads this body is told that it was cut.
    form: Form,
}

/// Between the last that goes on and the abort.
#[derive(Debug)]
struct Closing {
    abort: Abort,
    /// Whether the host had a turn to flush: it drops what is still in its buffer when the body breaks off.
    flushed: bool,
}

impl Lane {
    /// The request's way. `left` is what its declared length leaves to come.
    pub(crate) fn request(shared: Shared, left: Option<u64>) -> Self {
        Self::new(shared, Side::Request, None, left, Form::Problem)
    }

    /// The response's way, which ends the exchange.
    pub(crate) fn response(owner: Owner, left: Option<u64>, form: Form) -> Self {
        Self::new(owner.share(), Side::Response, Some(owner), left, form)
    }

    fn new(shared: Shared, side: Side, owner: Option<Owner>, left: Option<u64>, form: Form) -> Self {
        Self {
            shared,
            side,
            owner,
            carrying: None,
            input: None,
            ready: VecDeque::new(),
            trailers: None,
            left,
            ended: false,
            closing: None,
            failed: false,
            form,
        }
    }

    /// Whether all of the body is through and handed on.
    pub(crate) fn is_done(&self) -> bool {
        self.ended && self.ready.is_empty() && self.trailers.is_none()
    }

    /// How many bytes were taken from the body and not handed on yet; true where bytes go on as they are.
    pub(crate) fn waiting(&self) -> u64 {
        let input = match &self.input {
            Some(Input::Piece(piece)) => piece.len(),
            Some(Input::End) | None => 0,
        };
        (self.ready.iter().map(Bytes::len).sum::<usize>() + input) as u64
    }

    /// The next frame that may go on.
    pub(crate) fn poll_frame<B>(
        &mut self,
        cx: &mut Context<'_>,
        mut body: Pin<&mut B>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        loop {
            if self.failed {
                return Poll::Ready(None);
            }
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if let Some(closing) = &mut self.closing {
                if !std::mem::replace(&mut closing.flushed, true) {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                let abort = closing.abort.clone();
                return Poll::Ready(Some(self.cut(abort)));
            }
            if self.input.is_some() {
                if let Err(abort) = ready!(self.poll_input(cx, body.is_end_stream())) {
                    return Poll::Ready(Some(self.cut(abort)));
                }
                continue;
            }
            if self.ended
                && let Some(trailers) = self.trailers.take()
            {
                return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
            }
            match ready!(body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Err(error) = self.take(frame) {
                        return Poll::Ready(Some(Err(self.fail(error))));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(self.fail(error.into())))),
                None if self.ended => return Poll::Ready(None),
                None if self.left.is_some_and(|left| left > 0) => {
                    return Poll::Ready(Some(Err(
                        self.fail("the body is shorter than its declared length".into())
                    )));
                }
                None => self.input = Some(Input::End),
            }
        }
    }

    fn take<D: Buf>(&mut self, frame: Frame<D>) -> Result<(), BoxError> {
        let frame = match frame.into_data() {
            Ok(mut data) => {
                let piece = data.copy_to_bytes(data.remaining());
                if piece.is_empty() {
                    return Ok(());
                }
                if let Some(left) = &mut self.left {
                    *left = left
                        .checked_sub(piece.len() as u64)
                        .ok_or("the body is longer than its declared length")?;
                }
                if self.ended {
                    return Err("the body goes on after its end".into());
                }
                self.input = Some(Input::Piece(piece));
                return Ok(());
            }
            Err(frame) => frame,
        };
        if let Ok(trailers) = frame.into_trailers() {
            // They follow what was held back of the body.
            if !self.ended {
                self.input = Some(Input::End);
            }
            self.trailers = Some(trailers);
        }
        Ok(())
    }

    /// Brings what waits through the exchange. A host stops asking once the declared length is there or the body
    /// says that it is at its end, so the end goes through with the last piece.
    fn poll_input(&mut self, cx: &mut Context<'_>, last: bool) -> Poll<Result<(), Abort>> {
        while let Some(input) = &self.input {
            let mut out = Vec::new();
            let passed = match step(&self.shared, self.side, &mut self.carrying, input, cx, &mut out) {
                // What is through already need not wait for the end's turn.
                Poll::Pending if !self.ready.is_empty() => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
                Poll::Ready(passed) => passed,
            };
            let input = self.input.take();
            let is_end = matches!(input, Some(Input::End));
            if let Ok(Passed::Last(abort)) = passed {
                self.ready.extend(Some(Bytes::from(out)).filter(|out| !out.is_empty()));
                self.closing = Some(Closing { abort, flushed: false });
                return Poll::Ready(Ok(()));
            }
            match (passed, input) {
                (Ok(Passed::Unchanged), Some(Input::Piece(piece))) => self.ready.push_back(piece),
                (Ok(_), _) if out.is_empty() => {}
                (Ok(_), _) => self.ready.push_back(Bytes::from(out)),
                (Err(abort), _) => return Poll::Ready(Err(abort)),
            }
            if is_end {
                self.ended = true;
                self.finish(Ending::Complete);
            } else if self.left == Some(0) || (last && self.left.is_none()) {
                self.input = Some(Input::End);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The end of what was cut: an error, or a status that says so.
    fn cut(&mut self, abort: Abort) -> Result<Frame<Bytes>, BoxError> {
        self.failed = true;
        let end = match self.form {
            Form::Grpc => Ok(Frame::trailers(trailers(&abort.answer))),
            Form::Problem | Form::Head => Err(Cut { code: abort.code }.into()),
        };
        self.shared.lock().abort = Some(abort);
        self.finish(Ending::Aborted);
        end
    }

    fn fail(&mut self, error: BoxError) -> BoxError {
        self.failed = true;
        self.finish(Ending::Failed);
        error
    }

    fn finish(&self, ending: Ending) {
        if let Some(owner) = &self.owner {
            owner.finish(ending);
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if self.carrying.take().is_some() {
            // What waits here must not come out on the other side.
            let mut turn = self.shared.lock();
            turn.exchange.complete(Done::Failed);
            turn.pass_on();
        }
    }
}

enum Passed {
    Unchanged,
    Changed,
    /// What goes on is the last that does.
    Last(Abort),
}

/// Until it is ready it is asked again with the same input.
fn step(
    shared: &Shared,
    side: Side,
    carrying: &mut Option<Carrying>,
    input: &Input,
    cx: &mut Context<'_>,
    out: &mut Vec<u8>,
) -> Poll<Result<Passed, Abort>> {
    loop {
        let mut done = None;
        if let Some(effect) = carrying {
            done = Some(ready!(Pin::new(effect).poll(cx)));
            *carrying = None;
        }
        let mut turn = shared.lock();
        let flow = if let Some(done) = done {
            turn.pass_on();
            turn.exchange.complete(done);
            turn.exchange.resume(out)
        } else if turn.busy {
            turn.other = Some(cx.waker().clone());
            return Poll::Pending;
        } else if turn.finished {
            // Its record is written: what would be missing in it may not go on.
            let answer = Answer::of("guard_unavailable");
            return Poll::Ready(Err(Abort { code: answer.code, answer }));
        } else {
            match (side, input) {
                (Side::Request, Input::Piece(piece)) => turn.exchange.request(piece, out),
                (Side::Request, Input::End) => turn.exchange.request_end(out),
                (Side::Response, Input::Piece(piece)) => turn.exchange.response(piece, out),
                (Side::Response, Input::End) => turn.exchange.response_end(out),
            }
        };
        match flow {
            Flow::Unchanged => return Poll::Ready(Ok(Passed::Unchanged)),
            Flow::Changed => return Poll::Ready(Ok(Passed::Changed)),
            Flow::Abort(abort) => return Poll::Ready(Err(abort)),
            Flow::Last(abort) => return Poll::Ready(Ok(Passed::Last(abort))),
            Flow::Effect(effect) => {
                turn.busy = true;
                *carrying = Some(turn.exchange.carry_out(effect));
            }
            _ => {
                let answer = Answer::of("guard_unavailable");
                return Poll::Ready(Err(Abort { code: answer.code, answer }));
            }
        }
    }
}
