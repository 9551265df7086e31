//! How a store of objects is asked: by the guard's HTTP client.

use std::future::{Future, ready};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http_body::Body as _;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpService,
};
use ureq::Agent;

use super::super::agent::agent;
use crate::policy::may_call;

/// How long an answer may take: a file of many entries is some megabytes.
const PATIENCE: Duration = Duration::from_secs(120);

/// More than any answer that is no file, and than any file that was written.
const MOST_BYTES: u64 = 256 << 20;

/// Where machines in a cloud are told the credentials of their role, in clear and over no network.
const ROLES: [&str; 5] =
    ["169.254.169.254", "169.254.170.2", "169.254.170.23", "[fd00:ec2::254]", "[fd00:ec2::23]"];

/// What the store said last, where it refused something: its status, and its code for that.
#[derive(Debug, Default)]
pub(super) struct Answered(Mutex<Option<(u16, String)>>);

impl Answered {
    fn tell(&self, refusal: Option<(u16, String)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
    }

    pub(super) fn told(&self) -> Option<String> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        told.map(|(status, code)| match code.as_str() {
            "" => format!("answers with status {status}"),
            code => format!("answers with status {status} ({code})"),
        })
    }
}

#[derive(Debug)]
pub(super) struct Connector(pub(super) Arc<Answered>);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Service { agent: agent(PATIENCE), answered: self.0.clone() }))
    }
}

struct Service {
    agent: Agent,
    answered: Arc<Answered>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Service(..)")
    }
}

impl HttpService for Service {
    /// Blocks: whoever puts a file waits for it anyway.
    fn call<'s, 'a>(
        &'s self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'a>>
    where
        's: 'a,
        Self: 'a,
    {
        Box::pin(ready(self.ask(request)))
    }
}

impl Service {
    fn ask(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.answered.tell(None);
        let (parts, body) = request.into_parts();
        let role = parts.uri.host().is_some_and(|host| ROLES.contains(&host));
        if !role && may_call(&parts.uri.to_string(), false).is_err() {
            return Err(failed(HttpErrorKind::Unknown));
        }
        let request = http::Request::from_parts(parts, gathered(body));
        let answer = self.agent.run(request).map_err(|error| {
            failed(match error {
                ureq::Error::Timeout(_) => HttpErrorKind::Timeout,
                _ => HttpErrorKind::Connect,
            })
        })?;
        let (parts, mut body) = answer.into_parts();
        let body = body.with_config().limit(MOST_BYTES).read_to_vec();
        let body = body.map_err(|_| failed(HttpErrorKind::Interrupted))?;
        if parts.status.is_client_error() || parts.status.is_server_error() {
            self.answered.tell(Some((parts.status.as_u16(), code(&body))));
        }
        Ok(HttpResponse::from_parts(parts, body.into()))
    }
}

/// An error that quotes nothing.
fn failed(kind: HttpErrorKind) -> HttpError {
    HttpError::new(kind, io::Error::from(io::ErrorKind::Other))
}

/// All of a body: it is there already, in parts.
fn gathered(mut body: HttpRequestBody) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.content_length());
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut context) {
        bytes.extend(frame.into_data().unwrap_or_default());
    }
    bytes
}

/// The word by which a store says why it refuses something, such as `NoSuchBucket`. The rest of its answer may quote the request.
fn code(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    let code = code.map_or("", |(code, _)| code);
    let plain = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain { code.to_owned() } else { String::new() }
}
