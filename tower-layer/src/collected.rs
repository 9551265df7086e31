//! A small response, collected before its head goes: an error in it still becomes an answer.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderValue, Response, header, response};
use http_body::Body;
use wardline::audit::Ending;
use wardline::guard::{Answer, Carrying, Flow};

use crate::BoxError;
use crate::future::Next;
use crate::response::GuardBody;
use crate::shared::Owner;

/// A small response while it is collected, then while it goes through the exchange.
pub(crate) struct Collected {
    parts: Option<response::Parts>,
    declared: Option<u64>,
    /// Its length is declared anew.
    whole: bool,
    length: u64,
    pieces: VecDeque<Bytes>,
    trailers: Option<HeaderMap>,
    step: Collecting,
    carrying: Option<Carrying>,
}

enum Collecting {
    Reading,
    Feeding,
    Ending,
}

impl Collected {
    pub(crate) fn new(parts: response::Parts, declared: Option<u64>, whole: bool) -> Self {
        Self {
            parts: Some(parts),
            declared,
            whole,
            length: 0,
            pieces: VecDeque::new(),
            trailers: None,
            step: Collecting::Reading,
            carrying: None,
        }
    }

    pub(crate) fn poll<T, R>(
        &mut self,
        body: Pin<&mut R>,
        owner: &Owner,
        cx: &mut Context<'_>,
    ) -> Poll<Next<T, R>>
    where
        R: Body,
        R::Error: Into<BoxError>,
    {
        if matches!(self.step, Collecting::Reading) {
            if let Err(error) = ready!(self.poll_read(body, cx)) {
                return Poll::Ready(self.taken(|parts| Next::Fail(parts, error)));
            }
            self.step = if self.pieces.is_empty() { Collecting::Ending } else { Collecting::Feeding };
        }
        loop {
            let mut out = Vec::new();
            let flow = ready!(self.poll_flow(owner, cx, &mut out));
            match (&self.step, flow) {
                (_, Flow::Abort(abort) | Flow::Last(abort)) => {
                    return Poll::Ready(Next::Answer(abort.answer, Ending::Aborted));
                }
                (Collecting::Feeding, flow) => {
                    if matches!(flow, Flow::Changed) {
                        self.pieces.clear();
                        self.pieces.extend(Some(Bytes::from(out)).filter(|out| !out.is_empty()));
                    }
                    self.step = Collecting::Ending;
                }
                (_, _) => {
                    self.pieces.extend(Some(Bytes::from(out)).filter(|out| !out.is_empty()));
                    return Poll::Ready(self.taken_whole());
                }
            }
        }
    }

    fn poll_read<R>(&mut self, mut body: Pin<&mut R>, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>>
    where
        R: Body,
        R::Error: Into<BoxError>,
    {
        while let Some(frame) = ready!(body.as_mut().poll_frame(cx)) {
            match frame.map_err(Into::into)?.into_data() {
                Ok(mut data) => {
                    let piece = data.copy_to_bytes(data.remaining());
                    self.length = self.length.saturating_add(piece.len() as u64);
                    if self.declared.is_some_and(|declared| self.length > declared) {
                        return Poll::Ready(Err("the body is longer than its declared length".into()));
                    }
                    self.pieces.extend(Some(piece).filter(|piece| !piece.is_empty()));
                }
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            }
        }
        if self.declared.is_some_and(|declared| self.length < declared) {
            return Poll::Ready(Err("the body is shorter than its declared length".into()));
        }
        if self.pieces.len() > 1 {
            let joined: Vec<u8> = self.pieces.drain(..).flatten().collect();
            self.pieces.push_back(joined.into());
        }
        Poll::Ready(Ok(()))
    }

    /// What the exchange makes of the body, or of its end; what it asks for is carried out.
    fn poll_flow(&mut self, owner: &Owner, cx: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<Flow> {
        loop {
            let mut done = None;
            if let Some(effect) = &mut self.carrying {
                done = Some(ready!(Pin::new(effect).poll(cx)));
                self.carrying = None;
            }
            let mut turn = owner.lock();
            let flow = match (done, &self.step, self.pieces.front()) {
                (Some(done), ..) => {
                    turn.exchange.complete(done);
                    turn.exchange.resume(out)
                }
                (None, Collecting::Feeding, Some(piece)) => turn.exchange.response(piece, out),
                _ => turn.exchange.response_end(out),
            };
            let Flow::Effect(effect) = flow else { return Poll::Ready(flow) };
            self.carrying = Some(turn.exchange.carry_out(effect));
        }
    }

    fn taken_whole<T, R>(&mut self) -> Next<T, R> {
        let pieces = std::mem::take(&mut self.pieces);
        let trailers = self.trailers.take();
        let whole = self.whole;
        self.taken(|mut parts| {
            if whole {
                let length: usize = pieces.iter().map(Bytes::len).sum();
                parts.headers.remove(header::TRANSFER_ENCODING);
                parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            }
            Next::Respond(Response::from_parts(parts, GuardBody::full(pieces, trailers)))
        })
    }

    fn taken<T, R>(&mut self, next: impl FnOnce(response::Parts) -> Next<T, R>) -> Next<T, R> {
        match self.parts.take() {
            Some(parts) => next(parts),
            None => Next::Answer(Answer::of("guard_unavailable"), Ending::Failed),
        }
    }
}
