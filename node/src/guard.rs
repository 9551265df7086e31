//! The guard itself: exchanges begin here; grants, approvals and the log are asked off the event loop.

use http::Method;
use napi::bindgen_prelude::AsyncTask;
use napi::{Env, Task};
use napi_derive::napi;
use serde::Serialize;
use wardline::clock::{Clock, SystemClock};
use wardline::grant::{Answer, Approval, ApprovalState, Grant, GrantState, Terms};
use wardline::guard::{Caller, Exchange, Guard as Inner};
use wardline::identity::Identity;
use wardline::mask::Hidden;
use wardline::model::{ApprovalId, Command, Dialect, GrantId, HttpHead, Line, Statement, Subject};
use wardline::policy::Policy;

use crate::door::Values;
use crate::errors::{input, sealed, thrown};
use crate::heads;

/// A guard under one policy. `js/index.js` wraps it: what crosses here is text where it is not bytes.
#[napi]
pub struct Guard {
    inner: Inner,
}

#[napi]
impl Guard {
    /// A guard under the policy of a file. With `watch` its files are looked at once a second and read again when they change.
    #[napi(factory)]
    pub fn from_file(env: &Env, path: String, watch: Option<bool>) -> napi::Result<Self> {
        Self::made(env, || {
            let guard = Inner::from_file(&path)?;
            Ok(if watch.unwrap_or_default() { guard.watching() } else { guard })
        })
    }

    /// Reads the policy's file again: a sound one judges every exchange that begins from now on; a wrong one changes nothing.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn reload(&self) -> AsyncTask<Work> {
        self.work(|guard| json(&guard.reload()?))
    }

    /// A guard under the policy of a text; `name` is what errors call it, and relative paths start from its folder.
    /// A policy that calls detectors is refused: nobody brings them here.
    #[napi(factory)]
    pub fn parse(env: &Env, text: String, name: String) -> napi::Result<Self> {
        Self::made(env, || {
            let policy = Policy::parse(&text, &name)?;
            policy.complete()?;
            Ok(Inner::new(policy))
        })
    }

    fn made(env: &Env, make: impl FnOnce() -> Result<Inner, wardline::Error>) -> napi::Result<Self> {
        sealed(make).map(|inner| Self { inner }).map_err(|error| thrown(env, &error))
    }

    /// Masks a body as all mask entries of the policy together say.
    #[napi]
    pub fn mask(&self, env: &Env, body: &[u8], content_type: String) -> napi::Result<Masked> {
        let masked = sealed(|| self.inner.mask(body, &content_type)).map_err(|error| thrown(env, &error))?;
        Ok(Masked {
            body: masked.body.map(Into::into),
            findings: serde_json::to_string(&masked.findings).unwrap_or_default(),
        })
    }

    /// What a token or encrypted digits stand for, for a verified identity (JSON). It takes a live grant, and is recorded.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn unmask(
        &self,
        hidden: String,
        identity: String,
        entity: Option<String>,
        scope: Option<String>,
    ) -> AsyncTask<Work> {
        self.work(move |guard| {
            let hidden = Hidden::of(&hidden, entity.as_deref(), scope.as_deref())?;
            json(&guard.unmask(hidden, identity_of(&identity)?)?)
        })
    }

    /// What a request would be taken for, as JSON.
    #[napi]
    pub fn classify(&self, env: &Env, request: Request, body: &[u8]) -> napi::Result<String> {
        #[derive(Serialize)]
        struct Reading {
            service: Option<String>,
            entry: Option<&'static str>,
            acts: Vec<wardline::model::Act>,
        }
        let read = sealed(|| {
            let reading = self.inner.classify(&request.head()?, body)?;
            json(&Reading { service: reading.service, entry: reading.entry, acts: reading.acts })
        });
        read.map_err(|error| thrown(env, &error))
    }

    /// Why a request would be let through, held or denied now (JSON). Nothing is recorded.
    #[napi]
    pub fn explain(
        &self,
        env: &Env,
        request: Request,
        body: &[u8],
        identity: Option<String>,
    ) -> napi::Result<String> {
        let told = sealed(|| {
            let caller = caller("", identity.as_deref())?;
            json(&self.inner.explain(Subject::Http(request.head()?), body, caller))
        });
        told.map_err(|error| thrown(env, &error))
    }

    /// Issues a grant on these terms (JSON).
    #[napi(ts_return_type = "Promise<string>")]
    pub fn issue_grant(&self, terms: String, by: String) -> AsyncTask<Work> {
        self.work(move |guard| json(&GrantRow::of(&guard.issue_grant(read_terms(&terms)?, &by)?)))
    }

    /// Asks for a grant on these terms (JSON).
    #[napi(ts_return_type = "Promise<string>")]
    pub fn request_grant(&self, terms: String, by: String) -> AsyncTask<Work> {
        self.work(move |guard| json(&ApprovalRow::of(&guard.request_grant(read_terms(&terms)?, &by)?)))
    }

    /// Hands a part of a grant on, on these terms (JSON).
    #[napi(ts_return_type = "Promise<string>")]
    pub fn hand_on_grant(&self, id: String, terms: String, by: String) -> AsyncTask<Work> {
        self.work(move |guard| {
            let grant = guard.hand_on_grant(&GrantId::from(id.as_str()), read_terms(&terms)?, &by)?;
            json(&GrantRow::of(&grant))
        })
    }

    /// Ends a grant now.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn revoke_grant(&self, id: String, by: String, reason: String) -> AsyncTask<Work> {
        self.work(move |guard| {
            json(&GrantRow::of(&guard.revoke_grant(&GrantId::from(id.as_str()), &by, &reason)?))
        })
    }

    /// All grants.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn grants(&self) -> AsyncTask<Work> {
        self.work(|guard| json(&guard.grants()?.iter().map(GrantRow::of).collect::<Vec<_>>()))
    }

    /// All approvals, or those in one state.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn approvals(&self, state: Option<String>) -> AsyncTask<Work> {
        self.work(move |guard| {
            let state = state
                .map(|state| serde_json::from_value::<ApprovalState>(state.into()))
                .transpose()
                .map_err(|_| input("expected the state of an approval, such as pending"))?;
            json(&guard.approvals(state)?.iter().map(ApprovalRow::of).collect::<Vec<_>>())
        })
    }

    /// A person's vote on a held request.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn vote(&self, id: String, by: String, answer: String, reason: Option<String>) -> AsyncTask<Work> {
        self.work(move |guard| {
            let answer = serde_json::from_value::<Answer>(answer.into())
                .map_err(|_| input("expected approve, deny or break_glass"))?;
            let approval = guard.vote(&ApprovalId::from(id.as_str()), &by, answer, reason.as_deref())?;
            json(&ApprovalRow::of(&approval))
        })
    }

    /// Takes a request of one's own back.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn cancel(&self, id: String, by: String, reason: String) -> AsyncTask<Work> {
        self.work(move |guard| {
            json(&ApprovalRow::of(&guard.cancel(&ApprovalId::from(id.as_str()), &by, &reason)?))
        })
    }

    /// Says something about an open approval.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn comment(&self, id: String, by: String, text: String) -> AsyncTask<Work> {
        self.work(move |guard| {
            json(&ApprovalRow::of(&guard.comment(&ApprovalId::from(id.as_str()), &by, &text)?))
        })
    }

    /// Waits until every record so far is on disk and signed.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn flush(&self) -> AsyncTask<Work> {
        self.work(|guard| guard.flush().map(|()| String::new()))
    }

    /// The same before it returns, as far as it can be done: for the end of a process, after which nothing is waited for.
    #[napi]
    pub fn flush_now(&self) {
        let _ = sealed(|| self.inner.flush());
    }

    /// What was counted in this process, as OpenMetrics text: never by caller, resource or value.
    #[napi]
    pub fn metrics_text(&self) -> String {
        self.inner.metrics_text()
    }

    /// Whether the store and the log are there.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn check(&self) -> AsyncTask<Work> {
        self.work(|guard| guard.check().map(|()| String::new()))
    }

    /// Begins an exchange at one of the doors: `text` is the method, the target, the peer's address and `count` lines of headers.
    pub(crate) fn begin(
        &self,
        text: &str,
        count: u32,
        identity: Option<&str>,
        door: u32,
    ) -> Result<Exchange, wardline::Error> {
        sealed(|| {
            let mut lines = text.splitn(4, '\n');
            let mut line = || lines.next().ok_or_else(|| input("expected the lines of a request's head"));
            let (method, target, peer, headers) = (line()?, line()?, line()?, line()?);
            let head = head(method, target.to_owned(), heads::parse(headers, count)?)?;
            let door = usize::try_from(door).ok().and_then(|door| DOORS.get(door));
            let door = door.ok_or_else(|| input("expected the number of a door"))?;
            Ok(self.inner.begin(Subject::Http(head), caller(peer, identity)?, door))
        })
    }

    /// Begins a statement: `(service, text)`.
    pub(crate) fn begin_statement(
        &self,
        (service, text): (String, String),
        identity: Option<&str>,
        dialect: Option<&str>,
        bound: Values,
    ) -> Result<Exchange, wardline::Error> {
        sealed(|| {
            let known = |name| {
                Dialect::by_name(name).ok_or_else(|| input("expected a dialect such as postgres or mysql"))
            };
            let dialect = dialect.map(known).transpose()?;
            let parameters = bytes::Bytes::copy_from_slice(bound.parameters.as_deref().unwrap_or_default());
            let numbers = bound.numbers.into_iter().map(|number| number.and_then(|n| u64::try_from(n).ok()));
            let numbers = numbers.collect();
            let statement = Statement { service, text, dialect, parameters, numbers, times: 1 };
            Ok(self.inner.begin(Subject::Statement(statement), caller("", identity)?, HOST))
        })
    }

    /// Begins a command.
    pub(crate) fn begin_command(
        &self,
        service: String,
        line: Line,
        identity: Option<&str>,
    ) -> Result<Exchange, wardline::Error> {
        sealed(|| {
            let command = Command { service, line };
            Ok(self.inner.begin(Subject::Command(command), caller("", identity)?, HOST))
        })
    }

    fn work(
        &self,
        run: impl FnOnce(&Inner) -> Result<String, wardline::Error> + Send + 'static,
    ) -> AsyncTask<Work> {
        AsyncTask::new(Work { guard: self.inner.clone(), run: Some(Box::new(run)) })
    }
}

/// A body after masking.
#[napi(object)]
pub struct Masked {
    /// The masked bytes; nothing where they are those that were given.
    pub body: Option<napi::bindgen_prelude::Buffer>,
    /// How many findings by name, as JSON.
    pub findings: String,
}

/// A request without its body.
#[napi(object)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Path and query, or a whole URL.
    pub url: String,
    /// Names and values in turn, each on a line.
    pub headers: String,
    /// How many lines they are.
    pub lines: u32,
}

impl Request {
    fn head(self) -> Result<HttpHead, wardline::Error> {
        head(&self.method, self.url, heads::parse(&self.headers, self.lines)?)
    }
}

/// Something that asks the store or the log, off the event loop. Its promise gives JSON.
pub struct Work {
    guard: Inner,
    run: Option<Run>,
}

type Run = Box<dyn FnOnce(&Inner) -> Result<String, wardline::Error> + Send>;

impl Task for Work {
    type Output = Result<String, wardline::Error>;
    type JsValue = String;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let Some(run) = self.run.take() else { return Ok(Ok(String::new())) };
        Ok(sealed(|| run(&self.guard)))
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> napi::Result<String> {
        output.map_err(|error| thrown(&env, &error))
    }
}

/// A grant as it is shown: its state is computed from the clock.
#[derive(Serialize)]
struct GrantRow<'a> {
    state: GrantState,
    #[serde(flatten)]
    grant: &'a Grant,
}

impl<'a> GrantRow<'a> {
    fn of(grant: &'a Grant) -> Self {
        Self { state: grant.state(SystemClock.now()), grant }
    }
}

#[derive(Serialize)]
struct ApprovalRow<'a> {
    state: ApprovalState,
    #[serde(flatten)]
    approval: &'a Approval,
}

impl<'a> ApprovalRow<'a> {
    fn of(approval: &'a Approval) -> Self {
        Self { state: approval.state(SystemClock.now()), approval }
    }
}

fn json(value: &impl Serialize) -> Result<String, wardline::Error> {
    serde_json::to_string(value).map_err(|error| {
        wardline::Error::new(wardline::ErrorKind::Internal, "a value that is no JSON").with_source(error)
    })
}

fn caller(peer: &str, identity: Option<&str>) -> Result<Caller, wardline::Error> {
    let peer = peer.parse().ok();
    match identity {
        None => Ok(Caller::peer(peer)),
        Some(text) => Ok(Caller::verified(identity_of(text)?).at(peer)),
    }
}

/// The terms of a grant.
fn read_terms(text: &str) -> Result<Terms, wardline::Error> {
    serde_json::from_str(text).map_err(|error| {
        // Positions and field names only: serde's own words may quote the values.
        input("expected a grant's terms: scope {who, services, operations, resources}, until, reason")
            .with_source(error)
    })
}

fn identity_of(text: &str) -> Result<Identity, wardline::Error> {
    serde_json::from_str(text)
        .map_err(|_| input("expected an identity: a subject, and perhaps groups, issuer, claims and hops"))
}

/// The head of a request. The host asked for is the target's, where it names one, or else the `Host` header's;
/// several different ones are no host's name.
fn head(method: &str, target: String, headers: http::HeaderMap) -> Result<HttpHead, wardline::Error> {
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| input("expected an HTTP method"))?;
    let absolute = target.split_once("://").filter(|(scheme, _)| {
        !scheme.is_empty()
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    });
    if let Some((_, rest)) = absolute {
        let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, path) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        return Ok(HttpHead { method, target: path, host: host.to_owned(), headers });
    }
    let mut hosts: Vec<_> = headers
        .get_all(http::header::HOST)
        .iter()
        .map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned())
        .collect();
    hosts.dedup();
    Ok(HttpHead { method, target, host: hosts.join(", "), headers })
}

/// What records call the doors, by the numbers of `js/door/codes.js`.
const DOORS: [&str; 7] =
    ["express", "fastify", "fetch", "hono", "fetch-egress", "undici-egress", "http-egress"];
/// And what is no request: the host itself asks.
const HOST: &str = "node";
