//! Other hosts than axum: hyper alone, and any tower service.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{Layer, Service, ServiceExt, service_fn};
use wardline::identity::Identity;
use wardline_tower::{BoxError, GuardLayer, PeerAddr, RequestBody};

use crate::support::{Client, POLICY, get, guard, post, records};

async fn echo(request: Request<RequestBody<Incoming>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body = if body.is_empty() { Bytes::from_static(b"{\"mail\":\"a.b@example.org\"}") } else { body };
    Ok(Response::builder().header("content-type", "application/json").body(Full::new(body)).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn hyper_serves_the_guarded_service() {
    let (guard, folder) = guard(POLICY);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let layer = GuardLayer::new(guard.clone());
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let guarded = layer.layer(service_fn(echo));
            // The socket's peer goes along as an extension.
            let service = service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(PeerAddr(peer));
                guarded.clone().oneshot(request)
            });
            let service = TowerToHyperService::new(service);
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    let mut client = Client::connect(address).await;
    client.send(get("/masked/collections")).await;
    assert_eq!(client.reply(false).await.text(), "{\"mail\":\"[EMAIL]\"}");
    let body = "{\"points\":[{\"mail\":\"a.b@example.org\"}]}";
    client
        .send(post("/masked/collections/docs/points", "application/json", body).replace("POST", "PUT"))
        .await;
    assert_eq!(client.reply(false).await.text(), "{\"points\":[{\"mail\":\"[EMAIL]\"}]}");
    client.send(get("/nowhere")).await;
    assert_eq!(client.reply(false).await.code(), "risk_denied");
    assert_eq!(records(&guard, &folder).await.len(), 3);
}

fn request(path: &str) -> Request<Full<Bytes>> {
    Request::builder().uri(path).header("host", "localhost").body(Full::default()).unwrap()
}

async fn text<B>(body: B) -> String
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

async fn who(guard: &wardline::guard::Guard, folder: &tempfile::TempDir) -> Vec<String> {
    records(guard, folder).await.into_iter().map(|record| record.identity.unwrap().subject.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caller_is_whom_the_host_verified() {
    let (guard, folder) = guard(POLICY);
    let ok = service_fn(|_: Request<RequestBody<Full<Bytes>>>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("fine")))
    });
    let status = async |layer: &GuardLayer, request| {
        let response = layer.layer(ok).oneshot(request).await.unwrap();
        response.status().as_u16()
    };
    let layer = GuardLayer::new(guard.clone());
    // Headers of a peer that nobody knows say nothing.
    let mut forged = request("/plain/collections");
    forged.headers_mut().insert("x-user", "root".parse().unwrap());
    forged.extensions_mut().insert(PeerAddr("203.0.113.9:4000".parse::<SocketAddr>().unwrap()));
    assert_eq!(status(&layer, forged).await, 403);
    let mut proxied = request("/plain/collections");
    proxied.headers_mut().insert("x-user", "ana".parse().unwrap());
    proxied.extensions_mut().insert(PeerAddr("127.0.0.1:4000".parse::<SocketAddr>().unwrap()));
    assert_eq!(status(&layer, proxied).await, 200);
    let mut verified = request("/plain/collections");
    verified.extensions_mut().insert(Identity::new("kim"));
    assert_eq!(status(&layer, verified).await, 200);
    let read = layer.identity(|parts| Some(Identity::new(parts.headers.get("x-api-key")?.to_str().ok()?)));
    let mut keyed = request("/plain/collections");
    keyed.headers_mut().insert("x-api-key", "key-1".parse().unwrap());
    keyed.extensions_mut().insert(Identity::new("kim"));
    assert_eq!(status(&read, keyed).await, 200);
    assert_eq!(who(&guard, &folder).await, ["anonymous", "ana", "kim", "key-1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_s_own_error_passes_through() {
    let (guard, folder) = guard(POLICY);
    let failing = service_fn(|_: Request<RequestBody<Full<Bytes>>>| async {
        Err::<Response<Full<Bytes>>, BoxError>("out of memory".into())
    });
    let mut request = request("/plain/collections");
    request.extensions_mut().insert(Identity::new("ana"));
    let error = GuardLayer::new(guard.clone()).layer(failing).oneshot(request).await.unwrap_err();
    assert_eq!(error.to_string(), "out of memory");
    let record = serde_json::to_value(&records(&guard, &folder).await[0]).unwrap();
    assert_eq!(record["outcome"]["result"], "failed");
}

/// Panics unless the very instance that was polled ready is called.
struct Strict {
    ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { ready: false, calls: self.calls.clone() }
    }
}

impl<B> Service<Request<B>> for Strict {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        assert!(self.ready, "called without having been polled ready");
        self.calls.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok(Response::new(Full::from("fine"))))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_that_was_ready_is_the_one_called() {
    let (guard, _folder) = guard(POLICY);
    let calls = Arc::new(AtomicUsize::new(0));
    let mut service = GuardLayer::new(guard).layer(Strict { ready: false, calls: calls.clone() });
    for called in 1..=3 {
        let mut request = request("/plain/collections");
        request.extensions_mut().insert(Identity::new("ana"));
        let response = ServiceExt::<Request<Full<Bytes>>>::ready(&mut service)
            .await
            .unwrap()
            .call(request)
            .await
            .unwrap();
        assert_eq!(text(response.into_body()).await, "fine");
        assert_eq!(calls.load(Ordering::Relaxed), called);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_in_one_request_are_none() {
    let (guard, _folder) =
        guard(&POLICY.replace("base_path: /plain", "base_path: /plain, hosts: [inner.test]"));
    let layer = GuardLayer::new(guard);
    let ok = service_fn(|_: Request<RequestBody<Full<Bytes>>>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("fine")))
    });
    for (hosts, status) in
        [(&["inner.test"][..], 200), (&["inner.test", "other.test"], 403), (&["other.test"], 403)]
    {
        let mut request = Request::builder().uri("/plain/collections").body(Full::default()).unwrap();
        for host in hosts {
            request.headers_mut().append("host", host.parse().unwrap());
        }
        request.extensions_mut().insert(Identity::new("ana"));
        assert_eq!(layer.layer(ok).oneshot(request).await.unwrap().status().as_u16(), status, "{hosts:?}");
    }
}
