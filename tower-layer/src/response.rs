//! The body of a response as the caller gets it: the guard's own answer, or the service's on its way through.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::BoxError;
use crate::lane::Lane;

pin_project! {
    /// The body of a guarded response.
    ///
    /// Dropping it before its end tells the service (its own body is dropped) and is recorded as a disconnection.
    pub struct GuardBody<R> {
        #[pin]
        kind: Kind<R>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<R> {
        // All of it is known.
        Full { pieces: VecDeque<Bytes>, trailers: Option<HeaderMap> },
        // The length that a body would have, and no body: the answer to HEAD.
        Headless { length: Option<u64> },
        // Piece by piece through the exchange; `exact` where the length stays true.
        Guarded { #[pin] body: R, lane: Lane, exact: bool },
        // Nothing of it can be sent.
        Failed { error: Option<BoxError> },
    }
}

/// Why a body ends in an error: the guard cut it, and the connection must not end well-formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Stable code, e.g. `grant_revoked`.
    pub code: &'static str,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the guard cut this body: {}", self.code)
    }
}

impl std::error::Error for Cut {}

impl<R> GuardBody<R> {
    pub(crate) fn full(pieces: VecDeque<Bytes>, trailers: Option<HeaderMap>) -> Self {
        Self { kind: Kind::Full { pieces, trailers } }
    }

    pub(crate) fn headless(length: Option<u64>) -> Self {
        Self { kind: Kind::Headless { length } }
    }

    pub(crate) fn guarded(body: R, lane: Lane, exact: bool) -> Self {
        Self { kind: Kind::Guarded { body, lane, exact } }
    }

    pub(crate) fn failed(error: BoxError) -> Self {
        Self { kind: Kind::Failed { error: Some(error) } }
    }
}

impl<R: Body> Body for GuardBody<R>
where
    R::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().kind.project() {
            KindProjection::Full { pieces, trailers } => Poll::Ready(match pieces.pop_front() {
                Some(piece) => Some(Ok(Frame::data(piece))),
                None => trailers.take().map(|trailers| Ok(Frame::trailers(trailers))),
            }),
            KindProjection::Headless { .. } => Poll::Ready(None),
            KindProjection::Guarded { body, lane, .. } => lane.poll_frame(cx, body),
            KindProjection::Failed { error } => Poll::Ready(error.take().map(Err)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Full { pieces, trailers } => pieces.is_empty() && trailers.is_none(),
            Kind::Headless { length } => *length == Some(0),
            Kind::Guarded { body, lane, .. } => lane.is_done() && body.is_end_stream(),
            Kind::Failed { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Full { pieces, .. } => {
                SizeHint::with_exact(pieces.iter().map(Bytes::len).sum::<usize>() as u64)
            }
            Kind::Headless { length } => length.map_or_else(SizeHint::default, SizeHint::with_exact),
            Kind::Guarded { body, lane, exact: true } => {
                let (hint, waiting) = (body.size_hint(), lane.waiting());
                match hint.exact() {
                    Some(exact) => SizeHint::with_exact(exact.saturating_add(waiting)),
                    None => SizeHint::default(),
                }
            }
            Kind::Guarded { .. } | Kind::Failed { .. } => SizeHint::default(),
        }
    }
}

impl<R> fmt::Debug for GuardBody<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Full { .. } => "GuardBody::Full",
            Kind::Headless { .. } => "GuardBody::Headless",
            Kind::Guarded { .. } => "GuardBody::Guarded",
            Kind::Failed { .. } => "GuardBody::Failed",
        })
    }
}
