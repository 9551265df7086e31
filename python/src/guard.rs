//! `wardline.Guard`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use http::{Method, Uri};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyString, PyTuple, PyType};
use serde::Serialize;
use wardline::grant::{Answer, ApprovalState};
use wardline::guard::Caller;
use wardline::mask::Hidden;
use wardline::model::{
    Act, Call, Command, Dialect, HttpHead, Line, Magnitude, Operation, Statement, Subject,
};
use wardline::policy::Policy;
use wardline::{Error, ErrorKind};

use crate::border::{self, working};
use crate::detector::Callable;
use crate::exchange::Exchange;
use crate::said::Said;
use crate::terms::{Asked, Asking, Granted, Names};
use crate::{headers, identity};

/// Guards one or more services under one policy.
#[pyclass(frozen, module = "wardline")]
pub(crate) struct Guard {
    inner: Arc<wardline::guard::Guard>,
}

/// The guards of this process, for the end of it.
static GUARDS: Mutex<Vec<Weak<wardline::guard::Guard>>> = Mutex::new(Vec::new());

impl Guard {
    /// Under a policy and what it calls.
    fn with(policy: Policy, detectors: Option<BTreeMap<String, Py<PyAny>>>) -> Result<Self, Error> {
        let policy = bring(policy, detectors)?;
        policy.complete()?;
        Ok(Self::over(wardline::guard::Guard::new(policy)))
    }

    fn over(inner: wardline::guard::Guard) -> Self {
        let inner = Arc::new(inner);
        let mut guards = GUARDS.lock().unwrap_or_else(PoisonError::into_inner);
        guards.retain(|guard| guard.strong_count() > 0);
        guards.push(Arc::downgrade(&inner));
        Self { inner }
    }

    fn admission<'py>(
        &self,
        py: Python<'py>,
        subject: Subject,
        identity: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static TYPE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let said = Said::new(self.inner.begin(subject, caller(identity)?, "python"));
        TYPE.import(py, "wardline._running", "Admission")?.call1((said,))
    }

    fn vote<'py>(
        &self,
        py: Python<'py>,
        approval: &str,
        by: &str,
        answer: Answer,
        reason: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let asked = working(py, || self.inner.vote(&approval.into(), by, answer, reason))?;
        border::to_python(py, &Asked::from(asked))
    }
}

#[pymethods]
impl Guard {
    /// A guard under the policy of a file. Opens and starts nothing: that comes with the first exchange, in the
    /// process that serves it. `detectors` are what the policy calls, by name: callables that take a text and its key and answer
    /// with `(start, end, label)` in characters; one that raises is a denial.
    /// With `watch` the files of the policy are looked at once a second and read again when they change.
    #[new]
    #[pyo3(signature = (policy, *, detectors=None, watch=false))]
    fn new(
        py: Python<'_>,
        policy: PathBuf,
        detectors: Option<BTreeMap<String, Py<PyAny>>>,
        watch: bool,
    ) -> PyResult<Self> {
        working(py, || {
            let guard = wardline::guard::Guard::from_file_with(&policy, |policy| bring(policy, detectors))?;
            Ok(Self::over(if watch { guard.watching() } else { guard }))
        })
    }

    /// Reads the policy's file again: a sound one judges every exchange that begins from now on, in this process; a wrong one
    /// raises, and changes nothing. Whether another policy came into force.
    fn reload(&self, py: Python<'_>) -> PyResult<bool> {
        working(py, || self.inner.reload())
    }

    /// A guard under a policy given as text; `name` is what errors call it, and its folder is where a relative
    /// `state` lies.
    #[staticmethod]
    #[pyo3(signature = (text, name="wardline.yaml", *, detectors=None))]
    fn parse(
        py: Python<'_>,
        text: &str,
        name: &str,
        detectors: Option<BTreeMap<String, Py<PyAny>>>,
    ) -> PyResult<Self> {
        working(py, || Self::with(Policy::parse(text, name)?, detectors))
    }

    /// Begins an exchange: `(exchange, its first step)`. For doors: `door` is its name, `host` the authority of the URL where the request
    /// is one that goes out.
    #[pyo3(signature = (method, target, headers, peer=None, identity=None, *, door="asgi", host=None))]
    #[expect(clippy::too_many_arguments, reason = "the rarer ones are keywords in Python")]
    fn begin<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        target: &[u8],
        headers: &Bound<'py, PyAny>,
        peer: Option<&str>,
        identity: Option<&Bound<'py, PyAny>>,
        door: &str,
        host: Option<String>,
    ) -> PyResult<(Exchange, Bound<'py, PyTuple>)> {
        let known = DOORS.iter().copied().find(|known| *known == door);
        let door = known.ok_or_else(|| PyValueError::new_err("there is no door of this name"))?;
        let caller = caller(identity)?.at(peer.and_then(|peer| peer.parse().ok()));
        let list = headers::list(headers)?;
        let method = Method::from_bytes(method.as_bytes());
        let (Ok(method), Ok(target), Some(headers)) =
            (method, std::str::from_utf8(target), headers::read(&list)?)
        else {
            return Exchange::unreadable(py, &self.inner, caller, door, list);
        };
        let head_only = method == Method::HEAD;
        let host = host.unwrap_or_else(|| asked(&headers));
        let head = HttpHead { method, target: target.to_owned(), host, headers };
        let inner = Box::new(self.inner.begin(Subject::Http(head), caller, door));
        let mut exchange = Exchange::new(inner, list, head_only);
        let step = exchange.step(py)?;
        Ok((exchange, step))
    }

    /// Statements of SQL, for a `with` or `async with` block in which they run.
    #[pyo3(signature = (text, *, service, identity=None, dialect=None, parameters=None, numbers=Vec::new(), times=1))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn statement<'py>(
        &self,
        py: Python<'py>,
        text: String,
        service: String,
        identity: Option<&Bound<'py, PyAny>>,
        dialect: Option<&str>,
        parameters: Option<Vec<u8>>,
        numbers: Vec<Option<u64>>,
        times: u64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let dialect = dialect.map(|name| Dialect::by_name(name).ok_or_else(|| unknown_dialect(py)));
        let parameters = parameters.unwrap_or_default().into();
        let dialect = dialect.transpose()?;
        let statement = Statement { service, text, dialect, parameters, numbers, times };
        self.admission(py, Subject::Statement(statement), identity)
    }

    /// A command, for a `with` or `async with` block in which it runs: a `str` is text of a shell, a sequence a program and its arguments or
    /// the words of a server's command.
    #[pyo3(signature = (line, *, service, identity=None))]
    fn command<'py>(
        &self,
        py: Python<'py>,
        line: &Bound<'py, PyAny>,
        service: String,
        identity: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let line = if line.is_instance_of::<PyString>() {
            Line::Script(String::from_utf8_lossy(&border::text_or_bytes(line)?.0).into_owned())
        } else {
            let word = |word: PyResult<Bound<'py, PyAny>>| {
                Ok(Bytes::copy_from_slice(&border::text_or_bytes(&word?)?.0))
            };
            Line::Words(line.try_iter()?.map(word).collect::<PyResult<_>>()?)
        };
        self.admission(py, Subject::Command(Command { service, line }), identity)
    }

    /// Something that a function does, to decorate it with. `resource`, `count` and `identity` may be functions of what it is called with.
    #[pyo3(signature = (name, *, service, resource=None, count=None, identity=None))]
    fn operation<'py>(
        slf: &Bound<'py, Self>,
        name: &str,
        service: String,
        resource: Option<Bound<'py, PyAny>>,
        count: Option<Bound<'py, PyAny>>,
        identity: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static TYPE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let py = slf.py();
        name.parse::<Operation>().map_err(|error| border::exception(py, &error))?;
        let made = (slf, name, service, resource, count, identity);
        TYPE.import(py, "wardline._operation", "OperationGuard")?.call1(made)
    }

    /// Begins one call of such a function: at most `count` of what its operation counts, any number where that is absent.
    #[pyo3(signature = (name, service, resource, count=None, identity=None))]
    fn call(
        &self,
        py: Python<'_>,
        name: &str,
        service: String,
        resource: String,
        count: Option<u64>,
        identity: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Said> {
        let operation: Operation = name.parse().map_err(|error| border::exception(py, &error))?;
        let mut act = Act::new(operation, resource);
        if let Some(unit) = operation.unit() {
            act.magnitude = Magnitude { unit: Some(unit), count };
        }
        let call = Subject::Call(Call { service, acts: vec![act] });
        Ok(Said::new(self.inner.begin(call, caller(identity)?, "python")))
    }

    /// Masks a text or a body as all mask entries of the policy together say. Answers with the object itself where
    /// nothing had to change.
    #[pyo3(signature = (body, content_type="text/plain"))]
    fn mask<'py>(
        &self,
        py: Python<'py>,
        body: &Bound<'py, PyAny>,
        content_type: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (bytes, is_text) = border::text_or_bytes(body)?;
        match working(py, || self.inner.mask(&bytes, content_type))?.body {
            None => Ok(body.clone()),
            Some(masked) if is_text => {
                let text = String::from_utf8(masked)
                    .map_err(|_| PyValueError::new_err("the masked text is not UTF-8"))?;
                Ok(PyString::new(py, &text).into_any())
            }
            Some(masked) => Ok(PyBytes::new(py, &masked).into_any()),
        }
    }

    /// What a token or encrypted digits stand for. It takes a live grant, and is recorded.
    #[pyo3(signature = (hidden, identity, *, entity=None, scope=None))]
    fn unmask<'py>(
        &self,
        py: Python<'py>,
        hidden: &str,
        identity: &Bound<'py, PyAny>,
        entity: Option<&str>,
        scope: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let identity = identity::read(identity)?;
        let told = working(py, || self.inner.unmask(Hidden::of(hidden, entity, scope)?, identity))?;
        border::to_python(py, &told)
    }

    /// What a request would be taken for. Nothing is decided or recorded.
    #[pyo3(signature = (method, url, headers=None, body=None))]
    fn classify<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        url: &str,
        headers: Option<Pairs>,
        body: Option<&[u8]>,
    ) -> PyResult<Bound<'py, PyAny>> {
        #[derive(Serialize)]
        struct Reading<'a> {
            service: Option<&'a str>,
            entry: Option<&'static str>,
            acts: &'a [Act],
        }
        let reading = working(py, || {
            let head = request(method, url, headers.map(Pairs::list).unwrap_or_default())
                .ok_or_else(not_a_request)?;
            self.inner.classify(&head, body.unwrap_or_default())
        })?;
        let (service, acts) = (reading.service.as_deref(), &reading.acts);
        border::to_python(py, &Reading { service, entry: reading.entry, acts })
    }

    /// Why a request would be let through, held or denied now: each rule, and what of the request does not fit it. Nothing is recorded.
    #[pyo3(signature = (method, url, headers=None, body=None, *, identity=None))]
    fn explain<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        url: &str,
        headers: Option<Pairs>,
        body: Option<&[u8]>,
        identity: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let caller = caller(identity)?;
        let told = working(py, || {
            let head = request(method, url, headers.map(Pairs::list).unwrap_or_default())
                .ok_or_else(not_a_request)?;
            Ok(self.inner.explain(Subject::Http(head), body.unwrap_or_default(), caller))
        })?;
        border::to_python(py, &told)
    }

    /// Issues a grant; its clock starts now. `until` is an instant (RFC 3339) or a length such as `3h`.
    #[pyo3(signature = (*, who, operations, until, reason, by, services=Names::One("*".to_owned()),
        resources=Names::One("*".to_owned()), start=None, when=Vec::new(), uses=None, quota=None, ticket=None))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn issue_grant<'py>(
        &self,
        py: Python<'py>,
        who: Names,
        operations: Names,
        until: String,
        reason: String,
        by: &str,
        services: Names,
        resources: Names,
        start: Option<String>,
        when: Vec<String>,
        uses: Option<u64>,
        quota: Option<(String, u64)>,
        ticket: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let from = start;
        let asking =
            Asking { who, services, operations, resources, until, from, when, uses, quota, reason, ticket };
        let grant = working(py, || self.inner.issue_grant(asking.terms()?, by))?;
        border::to_python(py, &Granted::from(grant))
    }

    /// Asks for a grant: it is issued when those approve whom the policy names.
    #[pyo3(signature = (*, who, operations, until, reason, by, services=Names::One("*".to_owned()),
        resources=Names::One("*".to_owned()), start=None, when=Vec::new(), uses=None, quota=None, ticket=None))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn request_grant<'py>(
        &self,
        py: Python<'py>,
        who: Names,
        operations: Names,
        until: String,
        reason: String,
        by: &str,
        services: Names,
        resources: Names,
        start: Option<String>,
        when: Vec<String>,
        uses: Option<u64>,
        quota: Option<(String, u64)>,
        ticket: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let from = start;
        let asking =
            Asking { who, services, operations, resources, until, from, when, uses, quota, reason, ticket };
        let approval = working(py, || self.inner.request_grant(asking.terms()?, by))?;
        border::to_python(py, &Asked::from(approval))
    }

    /// Hands a part of a grant on that `by` may use: to others, for less, never for more.
    #[pyo3(signature = (grant, *, who, operations, until, reason, by, services=Names::One("*".to_owned()),
        resources=Names::One("*".to_owned()), start=None, when=Vec::new(), uses=None, quota=None, ticket=None))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn hand_on_grant<'py>(
        &self,
        py: Python<'py>,
        grant: &str,
        who: Names,
        operations: Names,
        until: String,
        reason: String,
        by: &str,
        services: Names,
        resources: Names,
        start: Option<String>,
        when: Vec<String>,
        uses: Option<u64>,
        quota: Option<(String, u64)>,
        ticket: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let from = start;
        let asking =
            Asking { who, services, operations, resources, until, from, when, uses, quota, reason, ticket };
        let grant = working(py, || self.inner.hand_on_grant(&grant.into(), asking.terms()?, by))?;
        border::to_python(py, &Granted::from(grant))
    }

    /// Ends a grant now, with all that was handed on from it, for every process on this state.
    #[pyo3(signature = (grant, *, by, reason))]
    fn revoke_grant<'py>(
        &self,
        py: Python<'py>,
        grant: &str,
        by: &str,
        reason: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let grant = working(py, || self.inner.revoke_grant(&grant.into(), by, reason))?;
        border::to_python(py, &Granted::from(grant))
    }

    /// All grants ever issued, ended ones too, oldest first.
    fn grants<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let grants = working(py, || self.inner.grants())?;
        border::to_python(py, &grants.into_iter().map(Granted::from).collect::<Vec<_>>())
    }

    /// All approvals, or those in one state, e.g. `pending`.
    #[pyo3(signature = (state=None))]
    fn approvals<'py>(&self, py: Python<'py>, state: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        let approvals = working(py, || {
            let state = state.map(approval_state).transpose()?;
            self.inner.approvals(state)
        })?;
        border::to_python(py, &approvals.into_iter().map(Asked::from).collect::<Vec<_>>())
    }

    /// Approves a held request, or a grant that is asked for, in the name of `by`, whose groups are those of the policy.
    /// `break_glass`: an emergency, as one person alone, with a reason.
    #[pyo3(signature = (approval, *, by, reason=None, break_glass=false))]
    fn approve<'py>(
        &self,
        py: Python<'py>,
        approval: &str,
        by: &str,
        reason: Option<&str>,
        break_glass: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let answer = if break_glass { Answer::BreakGlass } else { Answer::Approve };
        self.vote(py, approval, by, answer, reason)
    }

    /// Denies a held request in the name of `by`.
    #[pyo3(signature = (approval, *, by, reason=None))]
    fn deny<'py>(
        &self,
        py: Python<'py>,
        approval: &str,
        by: &str,
        reason: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.vote(py, approval, by, Answer::Deny, reason)
    }

    /// Takes a request of one's own back, also one that is approved and not yet used.
    #[pyo3(signature = (approval, *, by, reason=""))]
    fn cancel<'py>(
        &self,
        py: Python<'py>,
        approval: &str,
        by: &str,
        reason: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let taken_back = working(py, || self.inner.cancel(&approval.into(), by, reason))?;
        border::to_python(py, &Asked::from(taken_back))
    }

    /// Says something about an open approval, which decides nothing.
    #[pyo3(signature = (approval, text, *, by))]
    fn comment<'py>(
        &self,
        py: Python<'py>,
        approval: &str,
        text: &str,
        by: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let said = working(py, || self.inner.comment(&approval.into(), by, text))?;
        border::to_python(py, &Asked::from(said))
    }

    /// Waits until every record so far is on disk and signed.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        working(py, || self.inner.flush())
    }

    /// What was counted in this process, as OpenMetrics text: never by caller, resource or value.
    fn metrics_text(&self) -> String {
        self.inner.metrics_text()
    }

    /// Opens the store and the log, and starts the worker of this process where it does not run yet.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        working(py, || self.inner.check())
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.inner)
    }
}

/// A policy with what its host brings.
fn bring(mut policy: Policy, detectors: Option<BTreeMap<String, Py<PyAny>>>) -> Result<Policy, Error> {
    for (name, callable) in detectors.unwrap_or_default() {
        policy = policy.with_detector(&name, Arc::new(Callable(callable)))?;
    }
    Ok(policy)
}

/// Flushes every guard of this process, as far as it can be done.
#[pyfunction]
pub(crate) fn flush_all(py: Python<'_>) {
    let guards: Vec<_> =
        GUARDS.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect();
    border::passing(py, usize::MAX, || {
        for guard in guards {
            let _ = guard.flush();
        }
    });
}

/// The doors that exchanges of HTTP begin through: three for what comes in, the others for what goes out.
const DOORS: [&str; 9] =
    ["asgi", "wsgi", "grpc", "httpx", "requests", "grpc-client", "httpx2", "aiohttp", "urllib3"];

/// The host asked for. Several different ones are no host's name.
fn asked(headers: &http::HeaderMap) -> String {
    let mut hosts: Vec<_> = headers
        .get_all(http::header::HOST)
        .iter()
        .map(|host| String::from_utf8_lossy(host.as_bytes()))
        .collect();
    hosts.dedup();
    hosts.join(", ")
}

/// Who says something; nobody whom anybody verified where it is absent.
fn caller(identity: Option<&Bound<'_, PyAny>>) -> PyResult<Caller> {
    match identity {
        Some(identity) => Ok(Caller::verified(identity::read(identity)?)),
        None => Ok(Caller::peer(None)),
    }
}

fn not_a_request() -> Error {
    Error::new(ErrorKind::Input, "expected a method, a URL and headers of HTTP")
}

fn unknown_dialect(py: Python<'_>) -> PyErr {
    let names: Vec<&str> = Dialect::ALL.iter().map(|dialect| dialect.name()).collect();
    let wanted = format!("expected a dialect: {}", names.join(", "));
    border::exception(py, &Error::new(ErrorKind::Input, wanted))
}

/// Headers as a mapping or as pairs.
#[derive(FromPyObject)]
enum Pairs {
    #[pyo3(transparent)]
    Mapping(BTreeMap<String, String>),
    #[pyo3(transparent)]
    List(Vec<(String, String)>),
}

impl Pairs {
    fn list(self) -> Vec<(String, String)> {
        match self {
            Self::Mapping(mapping) => mapping.into_iter().collect(),
            Self::List(list) => list,
        }
    }
}

/// A request's head by its URL.
fn request(method: &str, url: &str, pairs: Vec<(String, String)>) -> Option<HttpHead> {
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    let uri: Uri = url.parse().ok()?;
    let mut headers = http::HeaderMap::new();
    for (name, value) in pairs {
        let name = http::HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.try_append(name, value.parse().ok()?).ok()?;
    }
    let host = match uri.authority() {
        Some(authority) => authority.as_str().rsplit('@').next().unwrap_or_default().to_owned(),
        None => asked(&headers),
    };
    let target = uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    Some(HttpHead { method, target, host, headers })
}

fn approval_state(name: &str) -> Result<ApprovalState, Error> {
    const STATES: &[(&str, ApprovalState)] = &[
        ("pending", ApprovalState::Pending),
        ("approved", ApprovalState::Approved),
        ("denied", ApprovalState::Denied),
        ("expired", ApprovalState::Expired),
        ("used", ApprovalState::Used),
        ("cancelled", ApprovalState::Cancelled),
    ];
    STATES.iter().find(|(known, _)| *known == name).map(|(_, state)| *state).ok_or_else(|| {
        Error::new(ErrorKind::Input, "expected pending, approved, denied, expired, used or cancelled")
    })
}
