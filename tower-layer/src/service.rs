//! The guarded service.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderMap, Request, Response, Uri, header};
use http_body::Body;
use tower_service::Service;
use wardline::model::{HttpHead, Subject};

use crate::BoxError;
use crate::body::RequestBody;
use crate::future::ResponseFuture;
use crate::layer::Settings;
use crate::response::GuardBody;
use crate::shared::Owner;

/// A service or client under guard; [`GuardLayer`](crate::GuardLayer) makes them.
#[derive(Debug, Clone)]
pub struct GuardService<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> GuardService<S> {
    pub(crate) fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
    }
}

impl<S, B, R> Service<Request<B>> for GuardService<S>
where
    S: Service<Request<RequestBody<B>>, Response = Response<R>> + Clone,
    B: Body,
    B::Error: Into<BoxError>,
    R: Body,
    R::Error: Into<BoxError>,
{
    type Response = Response<GuardBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The service that was polled ready is the one to call; its clone stays behind.
        let next = self.inner.clone();
        let service = std::mem::replace(&mut self.inner, next);
        let (parts, body) = request.into_parts();
        let head = HttpHead {
            method: parts.method.clone(),
            target: parts
                .uri
                .path_and_query()
                .map_or_else(|| parts.uri.path().to_owned(), ToString::to_string),
            host: host(&parts.uri, &parts.headers),
            headers: parts.headers.clone(),
        };
        let caller = self.settings.caller(&parts);
        let exchange = self.settings.guard.begin(Subject::Http(head), caller, self.settings.door);
        ResponseFuture::new(service, parts, body, Owner::new(exchange))
    }
}

/// The host asked for: the URI's authority, or else the `Host` header. Several different ones are no host's name.
fn host(uri: &Uri, headers: &HeaderMap) -> String {
    if let Some(authority) = uri.authority() {
        return authority.as_str().rsplit('@').next().unwrap_or_default().to_owned();
    }
    let mut hosts: Vec<_> =
        headers.get_all(header::HOST).iter().map(|host| String::from_utf8_lossy(host.as_bytes())).collect();
    hosts.dedup();
    hosts.join(", ")
}
