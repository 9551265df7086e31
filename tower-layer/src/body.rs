//! The request's body as the service gets it: what was read to judge it, then the rest.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::BoxError;
use crate::lane::Lane;

pin_project! {
    /// The body of a request that the guard lets pass.
    ///
    /// It first replays what was read of it, then streams the rest as it arrives: unchanged, or masked on its way.
    /// Trailers pass.
    pub struct RequestBody<B> {
        front: VecDeque<Bytes>,
        #[pin]
        rest: Source<B>,
        trailers: Option<HeaderMap>,
        lane: Option<Lane>,
        // What `content-length` still promises, where the length changes or is not the source's to know.
        left: Option<u64>,
    }
}

pin_project! {
    /// Where the rest of a request body comes from.
    #[project = SourceProjection]
    enum Source<B> {
        // Never polled so far.
        Fresh { #[pin] body: B },
        Begun { body: Pin<Box<B>> },
        Ended,
    }
}

impl<B: Body> Body for Source<B>
where
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = match self.project() {
            SourceProjection::Fresh { body } => ready!(body.poll_frame(cx)),
            SourceProjection::Begun { body } => ready!(body.as_mut().poll_frame(cx)),
            SourceProjection::Ended => None,
        };
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => Ok(frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))),
            Err(error) => Err(error.into()),
        }))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Fresh { body } => body.is_end_stream(),
            Self::Begun { body } => body.is_end_stream(),
            Self::Ended => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Fresh { body } => body.size_hint(),
            Self::Begun { body } => body.size_hint(),
            Self::Ended => SizeHint::with_exact(0),
        }
    }
}

/// A request body while the guard judges: read as far as it is asked for.
pub(crate) struct Reading<B> {
    source: Source<B>,
    pieces: VecDeque<Bytes>,
    trailers: Option<HeaderMap>,
}

impl<B: Body> Reading<B>
where
    B::Error: Into<BoxError>,
{
    pub(crate) fn new(body: B) -> Self {
        Self { source: Source::Fresh { body }, pieces: VecDeque::new(), trailers: None }
    }

    /// Reads one more piece; `None` at the end.
    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BoxError>>> {
        if let Source::Fresh { .. } = &self.source
            && let Source::Fresh { body } = std::mem::replace(&mut self.source, Source::Ended)
            && !body.is_end_stream()
        {
            self.source = Source::Begun { body: Box::pin(body) };
        }
        loop {
            let Source::Begun { body } = &mut self.source else { return Poll::Ready(None) };
            match ready!(body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(mut data) => {
                        let piece = data.copy_to_bytes(data.remaining());
                        if piece.is_empty() {
                            continue;
                        }
                        self.pieces.push_back(piece.clone());
                        return Poll::Ready(Some(Ok(piece)));
                    }
                    Err(frame) => self.trailers = frame.into_trailers().ok(),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => self.source = Source::Ended,
            }
        }
    }

    /// How many bytes were read.
    pub(crate) fn read(&self) -> u64 {
        self.pieces.iter().map(Bytes::len).sum::<usize>() as u64
    }

    /// All of it as it came.
    pub(crate) fn unchanged(self) -> RequestBody<B> {
        RequestBody { front: self.pieces, rest: self.source, trailers: self.trailers, lane: None, left: None }
    }

    /// These bytes instead of what was read, then the rest of it through `lane`; `left` is the length to promise.
    pub(crate) fn changed(self, first: Bytes, lane: Option<Lane>, left: Option<u64>) -> RequestBody<B> {
        let front = Some(first).filter(|first| !first.is_empty()).into_iter().collect();
        RequestBody { front, rest: self.source, trailers: self.trailers, lane, left }
    }
}

impl<B: Body> Body for RequestBody<B>
where
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.project();
        let frame = if let Some(piece) = this.front.pop_front() {
            Some(Ok(Frame::data(piece)))
        } else {
            match this.lane {
                Some(lane) => ready!(lane.poll_frame(cx, this.rest)),
                None => ready!(this.rest.poll_frame(cx)),
            }
        };
        if let (Some(left), Some(Ok(frame))) = (this.left, &frame) {
            *left = left.saturating_sub(frame.data_ref().map_or(0, |piece| piece.len() as u64));
        }
        Poll::Ready(frame.or_else(|| this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers)))))
    }

    fn is_end_stream(&self) -> bool {
        self.front.is_empty()
            && self.trailers.is_none()
            && self.rest.is_end_stream()
            && self.lane.as_ref().is_none_or(Lane::is_done)
    }

    fn size_hint(&self) -> SizeHint {
        if let Some(left) = self.left {
            return SizeHint::with_exact(left);
        }
        if self.lane.is_some() {
            return SizeHint::default();
        }
        let front = self.front.iter().map(Bytes::len).sum::<usize>() as u64;
        let mut hint = self.rest.size_hint();
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(front));
        }
        hint.set_lower(hint.lower().saturating_add(front));
        hint
    }
}

impl<B> fmt::Debug for RequestBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").field("read", &self.front.len()).finish_non_exhaustive()
    }
}
