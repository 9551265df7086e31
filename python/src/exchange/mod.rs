//! One exchange as a door in Python drives it: few calls, each answering with a tuple or the bytes that go on.
//!
//! Steps are `(NEED_BODY,)`, `(EFFECT,)`, `(ANSWER, answer)` and `(FORWARD, headers, body, bytes)`; headers are `None`
//! where they stay as they are. A piece of a body is answered by the same object where it goes on unchanged, by other
//! bytes, by `None` where an effect has to be carried out first, or by a tuple, the answer, where the exchange is cut. A pair is the
//! last bytes that go on, and the answer: then the exchange is cut.

mod outgoing;
mod pass;

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::StatusCode;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyList, PyTuple};
use wardline::audit::Ending;
use wardline::guard::{self, Answer, Caller, Carrying, Done, RequestBody, ResponseBody, Step};
use wardline::model::{HttpHead, Subject};

use self::outgoing::Outgoing;
use self::pass::{Passed, Side};
use crate::border::passing;
use crate::headers;
use crate::identity::Identity;

/// One request and its response under guard.
#[pyclass(module = "wardline._wardline")]
pub(crate) struct Exchange {
    /// Some 3 KB, which would be copied on its way into the object.
    inner: Box<guard::Exchange>,
    /// The request's headers as they came.
    headers: Py<PyList>,
    outgoing: Outgoing,
    /// An effect under way.
    carrying: Option<Carrying>,
    /// The piece that waits for it.
    waiting: Option<Waiting>,
    /// How much of the request was read to judge it.
    read: usize,
}

/// A piece of a body that stopped at an effect.
struct Waiting {
    side: Side,
    /// What went through before it.
    out: Vec<u8>,
    /// Whether the end of the body is still to come.
    end: bool,
}

impl Exchange {
    pub(crate) fn new(inner: Box<guard::Exchange>, headers: Bound<'_, PyList>, head_only: bool) -> Self {
        let (headers, outgoing) = (headers.unbind(), Outgoing::of(head_only));
        Self { inner, headers, outgoing, carrying: None, waiting: None, read: 0 }
    }

    /// A request that has no form in HTTP: refused, and recorded without what cannot be written down.
    pub(crate) fn unreadable<'py>(
        py: Python<'py>,
        guard: &guard::Guard,
        caller: Caller,
        door: &'static str,
        headers: Bound<'py, PyList>,
    ) -> PyResult<(Self, Bound<'py, PyTuple>)> {
        let head = HttpHead {
            method: http::Method::GET,
            target: String::new(),
            host: String::new(),
            headers: http::HeaderMap::new(),
        };
        let mut inner = Box::new(guard.begin(Subject::Http(head), caller, door));
        inner.finish(Ending::Failed);
        let step =
            (Self::ANSWER, headers::answer(py, &Answer::of("ambiguous_request"))?).into_pyobject(py)?;
        Ok((Self::new(inner, headers, false), step))
    }

    fn pass<'py>(
        &mut self,
        py: Python<'py>,
        side: Side,
        piece: &Bound<'py, PyBytes>,
        more: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (data, mut out) = (piece.as_bytes(), Vec::new());
        let (inner, sink) = (&mut self.inner, &mut out);
        let passed = passing(py, data.len(), || side.pass(inner, data, !more, sink));
        match passed {
            Passed::Unchanged => Ok(piece.clone().into_any()),
            passed => self.passed(py, side, passed, out),
        }
    }

    fn passed<'py>(
        &mut self,
        py: Python<'py>,
        side: Side,
        passed: Passed,
        out: Vec<u8>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match passed {
            Passed::Unchanged | Passed::Changed => Ok(PyBytes::new(py, &out).into_any()),
            Passed::Effect(effect, end) => {
                self.carrying = Some(self.inner.carry_out(effect));
                self.waiting = Some(Waiting { side, out, end });
                Ok(py.None().into_bound(py))
            }
            Passed::Abort(abort) => Ok(headers::answer(py, &abort.answer)?.into_any()),
            Passed::Last(abort) => {
                let last = (PyBytes::new(py, &out), headers::answer(py, &abort.answer)?);
                Ok(last.into_pyobject(py)?.into_any())
            }
        }
    }
}

#[pymethods]
impl Exchange {
    #[classattr]
    const NEED_BODY: u8 = 0;
    #[classattr]
    const EFFECT: u8 = 1;
    #[classattr]
    const ANSWER: u8 = 2;
    #[classattr]
    const FORWARD: u8 = 3;

    /// The request's body goes on as it came.
    #[classattr]
    const UNCHANGED: u8 = 0;
    /// These bytes are the whole body.
    #[classattr]
    const WHOLE: u8 = 1;
    /// These bytes come first, every further piece goes through `request`.
    #[classattr]
    const FEED: u8 = 2;

    /// The response's pieces pass as they are.
    #[classattr]
    const PASS: u8 = 0;
    /// They change as they pass.
    #[classattr]
    const STREAM: u8 = 1;
    /// The body is collected, fed once and sent with its new length.
    #[classattr]
    const COLLECT: u8 = 2;
    /// The response must not pass.
    #[classattr]
    const REFUSE: u8 = 3;

    /// The id that the record of this exchange carries.
    #[getter]
    fn id(&self) -> &str {
        self.inner.id().as_str()
    }

    /// Who asks, once that is known.
    #[getter]
    fn identity(&self) -> Option<Identity> {
        self.inner.identity().map(|identity| Identity::of(identity.clone()))
    }

    /// The next step before the service is called.
    pub(crate) fn step<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let inner = &mut self.inner;
        match passing(py, self.read, || inner.step()) {
            Step::NeedBody => (Self::NEED_BODY,).into_pyobject(py),
            Step::Effect(effect) => {
                self.carrying = Some(self.inner.carry_out(effect));
                (Self::EFFECT,).into_pyobject(py)
            }
            Step::Forward(forward) => {
                let headers = headers::edited(self.headers.bind(py), &forward.edits)?;
                let (body, bytes) = match forward.body {
                    RequestBody::Whole(bytes) => (Self::WHOLE, Some(bytes)),
                    RequestBody::Feed(bytes) => (Self::FEED, Some(bytes)),
                    _ => (Self::UNCHANGED, None),
                };
                (Self::FORWARD, headers, body, bytes.map(|bytes| PyBytes::new(py, &bytes))).into_pyobject(py)
            }
            Step::Answer(answer) => (Self::ANSWER, headers::answer(py, &answer)?).into_pyobject(py),
            _ => (Self::ANSWER, headers::answer(py, &Answer::of("guard_unavailable"))?).into_pyobject(py),
        }
    }

    /// Answers `NEED_BODY` with the next piece of the body; the next step.
    fn push<'py>(
        &mut self,
        py: Python<'py>,
        piece: PyBackedBytes,
        more: bool,
    ) -> PyResult<Bound<'py, PyTuple>> {
        self.read = self.read.saturating_add(piece.len());
        if !piece.is_empty() {
            self.inner.push_request(Bytes::from_owner(piece));
        }
        if !more {
            self.inner.end_request();
        }
        self.step(py)
    }

    /// Goes on carrying an effect out: `True` where it is done. Otherwise `wake` is called once, from another
    /// thread, when it is worth asking again.
    fn carry_out(&mut self, wake: Py<PyAny>) -> PyResult<bool> {
        let Some(carrying) = &mut self.carrying else { return Ok(true) };
        let waker = crate::wake::waker(wake)?;
        let Poll::Ready(done) = Pin::new(carrying).poll(&mut Context::from_waker(&waker)) else {
            return Ok(false);
        };
        self.carrying = None;
        self.inner.complete(done);
        Ok(true)
    }

    /// Carries the effect under way out, waiting on this thread.
    fn wait(&mut self, py: Python<'_>) {
        if let Some(carrying) = self.carrying.take() {
            let done = passing(py, usize::MAX, || carrying.wait());
            self.inner.complete(done);
        }
    }

    /// Gives up the effect under way: what waited for it does not come out.
    fn abandon(&mut self) {
        self.waiting = None;
        if self.carrying.take().is_some() {
            self.inner.complete(Done::Failed);
        }
    }

    /// What became of the piece that waited for an effect.
    fn resume<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Some(Waiting { side, mut out, end }) = self.waiting.take() else {
            return Ok(headers::answer(py, &Answer::of("guard_unavailable"))?.into_any());
        };
        let (inner, sink) = (&mut self.inner, &mut out);
        let passed = passing(py, 0, || side.resume(inner, end, sink));
        self.passed(py, side, passed, out)
    }

    /// A piece of a request body that is fed; with `more` false also its end.
    fn request<'py>(
        &mut self,
        py: Python<'py>,
        piece: &Bound<'py, PyBytes>,
        more: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.pass(py, Side::Request, piece, more)
    }

    /// A piece of the response's body; with `more` false also its end. What is collected comes out with the end.
    fn response<'py>(
        &mut self,
        py: Python<'py>,
        piece: &Bound<'py, PyBytes>,
        more: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        match self.outgoing.take(piece, more)? {
            Some(piece) => self.pass(py, Side::Response, &piece, more),
            None => Ok(PyBytes::new(py, b"").into_any()),
        }
    }

    /// How the response goes to the caller, by its head: `(how, headers, answer)`.
    fn head<'py>(
        &mut self,
        py: Python<'py>,
        status: u16,
        headers: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let wrong = || PyValueError::new_err("the response's status or a header of it is not of HTTP");
        let status = StatusCode::from_u16(status).map_err(|_| wrong())?;
        let list = headers::list(headers)?;
        let map = headers::read(&list)?.ok_or_else(wrong)?;
        let passage = self.inner.response_head(status, &map);
        let (how, answer) = match &passage.body {
            ResponseBody::Pass => (Self::PASS, None),
            ResponseBody::Stream => (Self::STREAM, None),
            ResponseBody::Whole => (Self::COLLECT, None),
            ResponseBody::Refuse(answer) => (Self::REFUSE, Some(headers::answer(py, answer)?)),
            _ => (Self::REFUSE, Some(headers::answer(py, &Answer::of("guard_unavailable"))?)),
        };
        let edited = headers::edited(&list, &passage.edits)?;
        self.outgoing.begin(status, &map, edited.is_some(), how == Self::COLLECT);
        // An iterable that could be read once only has been.
        let headers = edited.or_else(|| (!list.is(headers)).then_some(list));
        (how, headers, answer).into_pyobject(py)
    }

    /// The last byte was handed on.
    fn complete(&mut self) {
        self.inner.finish(Ending::Complete);
    }

    /// The service failed.
    fn fail(&mut self) {
        self.inner.finish(Ending::Failed);
    }

    /// The caller went away.
    fn disconnect(&mut self) {
        self.inner.finish(Ending::Disconnected);
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.inner)
    }
}
