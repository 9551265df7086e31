//! One request under guard, up to the head of its response.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header, request, response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;
use wardline::audit::Ending;
use wardline::guard::{
    Answer, Carrying, Flow, Forward, Passage, RequestBody as Forwarded, ResponseBody, Step,
};

use crate::BoxError;
use crate::body::{Reading, RequestBody};
use crate::collected::Collected;
use crate::lane::Lane;
use crate::refusal::Form;
use crate::response::GuardBody;
use crate::shared::Owner;

pin_project! {
    /// The response of a [`GuardService`](crate::GuardService).
    ///
    /// Dropping it gives up the request: a wait for people is withdrawn, the service's own future is dropped, and
    /// the record says that the caller went away.
    pub struct ResponseFuture<S, B, R>
    where
        S: Service<Request<RequestBody<B>>>,
    {
        form: Form,
        // Given to the response's body once that streams.
        owner: Option<Owner>,
        #[pin]
        state: State<S, S::Future, B, R>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, F, B, R> {
        // Is it allowed, and what of it goes on?
        Judging { service: S, request: Option<(request::Parts, Reading<B>)>, carrying: Option<Carrying> },
        // The service works.
        Calling { #[pin] future: F },
        // Its response is small: an error in it shall still become an answer.
        Collecting { #[pin] body: R, collected: Collected },
        Done,
    }
}

impl<S, B, R> ResponseFuture<S, B, R>
where
    S: Service<Request<RequestBody<B>>, Response = Response<R>>,
    B: Body,
    B::Error: Into<BoxError>,
{
    pub(crate) fn new(service: S, parts: request::Parts, body: B, owner: Owner) -> Self {
        Self {
            form: Form::of(&parts),
            owner: Some(owner),
            state: State::Judging { service, request: Some((parts, Reading::new(body))), carrying: None },
        }
    }
}

impl<S, B, R> Future for ResponseFuture<S, B, R>
where
    S: Service<Request<RequestBody<B>>, Response = Response<R>>,
    B: Body,
    B::Error: Into<BoxError>,
    R: Body,
    R::Error: Into<BoxError>,
{
    type Output = Result<Response<GuardBody<R>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let Some(owner) = this.owner.as_ref() else { return Poll::Pending };
            let next = match this.state.as_mut().project() {
                StateProjection::Judging { service, request, carrying } => {
                    match ready!(poll_verdict(owner, request, carrying, cx)) {
                        Ok(forward) => match request.take() {
                            Some((parts, reading)) => {
                                let future = service.call(forwarded(owner, forward, parts, reading));
                                Next::State(State::Calling { future })
                            }
                            None => Next::Answer(Answer::of("guard_unavailable"), Ending::Failed),
                        },
                        Err((answer, ending)) => Next::Answer(answer, ending),
                    }
                }
                StateProjection::Calling { future } => {
                    let result = ready!(future.poll(cx));
                    let cut = owner.lock().abort.take();
                    match (cut, result) {
                        // The service was left with half a request: what it made of it is not the reason.
                        (Some(abort), _) => Next::Answer(abort.answer, Ending::Aborted),
                        (None, Ok(response)) => head(owner, *this.form == Form::Head, response),
                        (None, Err(error)) => {
                            owner.finish(Ending::Failed);
                            this.state.set(State::Done);
                            return Poll::Ready(Err(error));
                        }
                    }
                }
                StateProjection::Collecting { body, collected } => ready!(collected.poll(body, owner, cx)),
                StateProjection::Done => return Poll::Pending,
            };
            let response = match next {
                Next::State(state) => {
                    this.state.set(state);
                    continue;
                }
                Next::Answer(text, ending) => {
                    owner.finish(ending);
                    this.form.answer(&text)
                }
                Next::Respond(response) => {
                    owner.finish(Ending::Complete);
                    response
                }
                Next::Fail(parts, error) => {
                    owner.finish(Ending::Failed);
                    Response::from_parts(parts, GuardBody::failed(error))
                }
                Next::Stream { parts, body, exact, left } => {
                    let Some(owner) = this.owner.take() else { return Poll::Pending };
                    let lane = Lane::response(owner, left, *this.form);
                    Response::from_parts(parts, GuardBody::guarded(body, lane, exact))
                }
            };
            // The service, or what is left of its future and body, is let go before the answer is read.
            this.state.set(State::Done);
            return Poll::Ready(Ok(response));
        }
    }
}

/// What follows a state.
#[expect(clippy::large_enum_variant, reason = "it only lives from one line to the next")]
pub(crate) enum Next<T, R> {
    State(T),
    /// The guard's own answer.
    Answer(Answer, Ending),
    /// All of the response.
    Respond(Response<GuardBody<R>>),
    /// The head of the response, and an error instead of its body.
    Fail(response::Parts, BoxError),
    /// The head of the response; its body follows through the exchange.
    Stream {
        parts: response::Parts,
        body: R,
        exact: bool,
        left: Option<u64>,
    },
}

/// Drives the exchange to its verdict.
fn poll_verdict<B>(
    owner: &Owner,
    request: &mut Option<(request::Parts, Reading<B>)>,
    carrying: &mut Option<Carrying>,
    cx: &mut Context<'_>,
) -> Poll<Result<Forward, (Answer, Ending)>>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    loop {
        if let Some(effect) = carrying {
            let done = ready!(Pin::new(effect).poll(cx));
            *carrying = None;
            owner.lock().exchange.complete(done);
        }
        let mut turn = owner.lock();
        match (turn.exchange.step(), request.as_mut()) {
            (Step::Effect(effect), _) => *carrying = Some(turn.exchange.carry_out(effect)),
            (Step::Forward(forward), _) => return Poll::Ready(Ok(forward)),
            (Step::Answer(answer), _) => return Poll::Ready(Err((answer, Ending::Complete))),
            (Step::NeedBody, Some((_, reading))) => match ready!(reading.poll_piece(cx)) {
                Some(Ok(piece)) => turn.exchange.push_request(piece),
                None => turn.exchange.end_request(),
                // The caller went away in the middle, or a layer before us refused the rest.
                Some(Err(_)) => {
                    let mut answer = Answer::of("malformed_body");
                    answer.record = Some(turn.exchange.id().clone());
                    return Poll::Ready(Err((answer, Ending::Disconnected)));
                }
            },
            _ => return Poll::Ready(Err((Answer::of("guard_unavailable"), Ending::Failed))),
        }
    }
}

/// The request as it goes to the service.
fn forwarded<B>(
    owner: &Owner,
    forward: Forward,
    mut parts: request::Parts,
    reading: Reading<B>,
) -> Request<RequestBody<B>>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let declared = content_length(&parts.headers);
    forward.edits.apply(&mut parts.headers);
    if let Some(identity) = owner.lock().exchange.identity() {
        parts.extensions.insert(Arc::clone(identity));
    }
    let body = match forward.body {
        Forwarded::Whole(bytes) => {
            // Its length is known now.
            parts.headers.remove(header::TRANSFER_ENCODING);
            let length = bytes.len() as u64;
            reading.changed(bytes, None, Some(length))
        }
        Forwarded::Feed(first) => {
            let left = declared.map(|declared| declared.saturating_sub(reading.read()));
            let lane = Lane::request(owner.share(), left);
            reading.changed(first, Some(lane), content_length(&parts.headers))
        }
        _ => reading.unchanged(),
    };
    Request::from_parts(parts, body)
}

/// What becomes of a response, by its head.
fn head<T, F, B, R: Body>(
    owner: &Owner,
    head_only: bool,
    response: Response<R>,
) -> Next<State<T, F, B, R>, R> {
    let (mut parts, body) = response.into_parts();
    let no_body = head_only || parts.status.is_informational() || has_no_body(parts.status);
    if !no_body
        && let Some(length) = body.size_hint().exact()
        && !parts.headers.contains_key(header::CONTENT_LENGTH)
        && !parts.headers.contains_key(header::TRANSFER_ENCODING)
    {
        // What the host would declare by the body's size.
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    let declared = content_length(&parts.headers);
    let passage = owner.lock().exchange.response_head(parts.status, &parts.headers);
    let Passage { edits, body: how } = passage;
    let (exact, whole) = match how {
        ResponseBody::Refuse(answer) => return Next::Answer(answer, Ending::Complete),
        ResponseBody::Pass => (true, false),
        ResponseBody::Whole => (false, true),
        _ => (false, false),
    };
    let touched = !edits.is_empty();
    edits.apply(&mut parts.headers);
    if no_body {
        let mut nothing = Vec::new();
        if let Flow::Abort(abort) | Flow::Last(abort) = owner.lock().exchange.response_end(&mut nothing) {
            return Next::Answer(abort.answer, Ending::Aborted);
        }
        // A length that may be the clear body's stays unsaid where the body would have changed.
        let length = match (head_only, touched) {
            (false, _) => Some(0),
            (true, false) => body.size_hint().exact(),
            (true, true) => None,
        };
        return Next::Respond(Response::from_parts(parts, GuardBody::headless(length)));
    }
    // A host does not ask an empty body for its end, and a small one can still become an answer.
    if whole || declared == Some(0) || body.is_end_stream() {
        let collected = Collected::new(parts, declared, whole);
        return Next::State(State::Collecting { body, collected });
    }
    Next::Stream { parts, body, exact, left: declared }
}

const fn has_no_body(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

impl<S, B, R> fmt::Debug for ResponseFuture<S, B, R>
where
    S: Service<Request<RequestBody<B>>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
