//! What an exchange is about: the request as a door hands it over.

use http::{HeaderMap, Method};

use super::Act;

/// The kinds of request that a guard can judge.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Subject {
    /// A request over HTTP; its body follows through the exchange.
    Http(HttpHead),
    /// A call inside the process, whose host says itself what it does.
    Call(Call),
}

/// An HTTP request without its body.
#[derive(Debug, Clone)]
pub struct HttpHead {
    /// The method as received.
    pub method: Method,
    /// Path and query as received, undecoded.
    pub target: String,
    /// The host asked for: authority of the URI, or else the `Host` header.
    pub host: String,
    /// All headers as received.
    pub headers: HeaderMap,
}

/// Something a host does without a request on a wire, e.g. an export from an embedded store.
#[derive(Debug, Clone)]
pub struct Call {
    /// Which service of the policy it belongs to.
    pub service: String,
    /// What it does.
    pub acts: Vec<Act>,
}
