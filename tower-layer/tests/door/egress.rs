//! The same layer around a client.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tower::{Layer, ServiceExt};
use wardline::identity::Identity;
use wardline_tower::{GuardLayer, RequestBody};

use crate::support::{POLICY, guard, records};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_s_requests_and_what_they_bring_back_pass_the_guard() {
    let saw: Arc<Mutex<Vec<(String, Bytes)>>> = Arc::default();
    let log = saw.clone();
    let upstream = Router::new().fallback(move |request: Request| {
        let log = log.clone();
        async move {
            let (parts, body) = request.into_parts();
            let length =
                parts.headers.get("content-length").map_or("", |length| length.to_str().unwrap()).to_owned();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            log.lock().unwrap().push((length, body));
            let answer = Response::builder().header("content-type", "application/json");
            answer
                .body(Body::from("{\"result\":[{\"id\":1,\"payload\":{\"mail\":\"c.d@example.org\"}}]}"))
                .unwrap()
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, upstream).await });

    let policy = POLICY.replace("base_path: /plain", &format!("hosts: [\"{address}\"], base_path: /plain"));
    let (guard, folder) = guard(&policy);
    let client: Client<_, RequestBody<Full<Bytes>>> = Client::builder(TokioExecutor::new()).build_http();
    let client = GuardLayer::egress(guard.clone(), Identity::new("svc-ingest")).layer(client);

    let body = "{\"points\":[{\"id\":1,\"payload\":{\"mail\":\"a.b@example.org\"}}]}";
    let request = |method: &str, path: &str, body: &'static str| {
        http::Request::builder()
            .method(method)
            .uri(format!("http://{address}{path}"))
            .header("content-type", "application/json")
            .body(Full::from(body))
            .unwrap()
    };
    let response =
        client.clone().oneshot(request("PUT", "/masked/collections/docs/points", body)).await.unwrap();
    assert_eq!(response.status(), 200);
    let back = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(back, "{\"result\":[{\"id\":1,\"payload\":{\"mail\":\"[EMAIL]\"}}]}");
    let masked = body.replace("a.b@example.org", "[EMAIL]");
    assert_eq!(*saw.lock().unwrap(), [(masked.len().to_string(), Bytes::from(masked))]);

    let mut on_behalf = request("DELETE", "/plain/collections/docs", "");
    on_behalf.extensions_mut().insert(Identity::new("ana"));
    let denied = client.oneshot(on_behalf).await.unwrap();
    assert_eq!(denied.status(), 403);
    assert_eq!(saw.lock().unwrap().len(), 1, "it was never sent");

    let records = records(&guard, &folder).await;
    let who: Vec<_> =
        records.iter().map(|record| record.identity.as_ref().unwrap().subject.as_str()).collect();
    assert_eq!(who, ["svc-ingest", "ana"]);
    assert!(records.iter().all(|record| record.door.as_deref() == Some("tower-egress")));
}
