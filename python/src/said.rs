//! Statements and commands as `wardline/_running.py` drives them.
//!
//! Every call answers with what may go on (`True`, or the bytes of results), with `None` where an effect has to be carried out and
//! `resume` asked then, or with a tuple, why nothing goes on: `(code, detail, approval, record)`.

use std::pin::Pin;
use std::task::{Context, Poll};

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes};
use wardline::audit::Ending;
use wardline::guard::{self, Answer, Carrying, Flow, Step};
use wardline::model::Census;

use crate::border::passing;

/// What is said, and what comes of it.
#[pyclass(module = "wardline._wardline")]
pub(crate) struct Said {
    /// Some 3 KB, which would be copied on its way into the object.
    inner: Box<guard::Exchange>,
    /// An effect under way.
    carrying: Option<Carrying>,
    /// What waits for it.
    waiting: Waiting,
}

/// What was asked when an effect came in between.
enum Waiting {
    /// Whether it may run.
    Verdict,
    /// Whether so much may go on.
    Told,
    /// Results: what went through, and whether their end is still to come.
    Results(Vec<u8>, bool),
}

impl Said {
    pub(crate) fn new(inner: guard::Exchange) -> Self {
        Self { inner: Box::new(inner), carrying: None, waiting: Waiting::Verdict }
    }

    fn step<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let inner = &mut self.inner;
        match passing(py, usize::MAX, || inner.step()) {
            Step::Forward(_) => yes(py),
            Step::Effect(effect) => {
                self.carrying = Some(self.inner.carry_out(effect));
                self.waiting = Waiting::Verdict;
                Ok(py.None().into_bound(py))
            }
            Step::Answer(answer) => no(py, &answer),
            _ => no(py, &Answer::of("guard_unavailable")),
        }
    }

    /// What a flow comes to; `waiting` is what goes on once its effect is carried out.
    fn flow<'py>(&mut self, py: Python<'py>, flow: Flow, waiting: Waiting) -> PyResult<Bound<'py, PyAny>> {
        match (flow, waiting) {
            (Flow::Unchanged | Flow::Changed, Waiting::Results(mut out, true)) => {
                let (inner, sink) = (&mut self.inner, &mut out);
                let flow = passing(py, usize::MAX, || inner.result_end(sink));
                self.flow(py, flow, Waiting::Results(out, false))
            }
            (Flow::Unchanged | Flow::Changed, Waiting::Results(out, false)) => {
                Ok(PyBytes::new(py, &out).into_any())
            }
            (Flow::Unchanged | Flow::Changed, _) => yes(py),
            (Flow::Effect(effect), waiting) => {
                self.carrying = Some(self.inner.carry_out(effect));
                self.waiting = waiting;
                Ok(py.None().into_bound(py))
            }
            (Flow::Abort(abort) | Flow::Last(abort), _) => no(py, &abort.answer),
            _ => no(py, &Answer::of("guard_unavailable")),
        }
    }
}

#[pymethods]
impl Said {
    /// The id that the record of this exchange carries.
    #[getter]
    fn id(&self) -> &str {
        self.inner.id().as_str()
    }

    /// Whether it may run now.
    fn begin<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.step(py)
    }

    /// Goes on carrying an effect out: `True` where it is done. Otherwise `wake` is called once, from another thread, when it is worth
    /// asking again.
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

    /// Carries an effect out, waiting on this thread.
    fn wait(&mut self, py: Python<'_>) {
        if let Some(carrying) = self.carrying.take() {
            let done = passing(py, usize::MAX, || carrying.wait());
            self.inner.complete(done);
        }
    }

    /// What was asked before the effect.
    fn resume<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match std::mem::replace(&mut self.waiting, Waiting::Verdict) {
            Waiting::Verdict => self.step(py),
            Waiting::Told => {
                let flow = self.inner.resume(&mut Vec::new());
                self.flow(py, flow, Waiting::Told)
            }
            Waiting::Results(mut out, end) => {
                let (inner, sink) = (&mut self.inner, &mut out);
                let flow = passing(py, usize::MAX, || inner.resume(sink));
                self.flow(py, flow, Waiting::Results(out, end))
            }
        }
    }

    /// So much of the results is about to be handed on.
    fn returned<'py>(&mut self, py: Python<'py>, rows: u64, vectors: u64) -> PyResult<Bound<'py, PyAny>> {
        let flow = self.inner.returned(&Census { rows, vectors, ..Census::default() });
        self.flow(py, flow, Waiting::Told)
    }

    /// So many rows were written, changed or deleted.
    fn touched<'py>(&mut self, py: Python<'py>, rows: u64) -> PyResult<Bound<'py, PyAny>> {
        let flow = self.inner.touched(rows);
        self.flow(py, flow, Waiting::Told)
    }

    /// A piece of the results as it may be handed on; with `more` false also their end.
    fn result<'py>(
        &mut self,
        py: Python<'py>,
        piece: &Bound<'py, PyBytes>,
        content_type: &str,
        more: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (data, mut out) = (piece.as_bytes(), Vec::new());
        let (inner, sink) = (&mut self.inner, &mut out);
        let flow = passing(py, data.len(), || inner.result(data, content_type, sink));
        if matches!(flow, Flow::Unchanged) {
            out.extend_from_slice(data);
        }
        self.flow(py, flow, Waiting::Results(out, !more))
    }

    /// It ran.
    fn complete(&mut self) {
        self.inner.finish(Ending::Complete);
    }

    /// It failed, and did nothing.
    fn fail(&mut self) {
        self.inner.finish(Ending::Failed);
    }

    /// Nobody knows what became of it.
    fn disconnect(&mut self) {
        self.inner.finish(Ending::Disconnected);
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.inner)
    }
}

fn yes(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    Ok(PyBool::new(py, true).to_owned().into_any())
}

fn no<'py>(py: Python<'py>, answer: &Answer) -> PyResult<Bound<'py, PyAny>> {
    let approval = answer.approval.as_ref().map(|approval| approval.as_str());
    let record = answer.record.as_ref().map(|record| record.as_str());
    Ok((answer.code, answer.detail.as_str(), approval, record).into_pyobject(py)?.into_any())
}
