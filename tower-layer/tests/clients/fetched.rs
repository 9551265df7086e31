//! reqwest within the layer, over a socket.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request as Asked;
use axum::response::{IntoResponse, Redirect};
use http::{Request, Response, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Body, Client};
use tokio::net::TcpListener;
use tower::{Layer, Service, ServiceExt, service_fn};
use wardline::identity::Identity;
use wardline_tower::{GuardBody, GuardLayer, RequestBody};

use crate::{guard, records};

const POLICY: &str = r#"
version: 1
state: ./state
services:
  vectors: {system: qdrant, hosts: ["ADDRESS"]}
rules:
  - {name: use, who: ["user:*"], operations: [vector.upsert, data.read], effect: allow}
  - {name: keep, who: ["user:*"], operations: [collection.drop], effect: deny}
mask:
  - {name: mail, entities: {email: redact}}
"#;

const POINTS: &str = "{\"points\":[{\"id\":1,\"payload\":{\"mail\":\"a.b@example.org\"}}]}";

/// The length that a request declared, and its body.
type Sent = (Option<String>, String);

/// The guard around a client of reqwest.
fn guarded(
    layer: &GuardLayer,
    client: Client,
) -> impl Service<Request<Body>, Response = Response<GuardBody<Body>>, Error = reqwest::Error> + Clone {
    layer.layer(service_fn(move |request: Request<RequestBody<Body>>| {
        let client = client.clone();
        async move { client.execute(request.map(Body::wrap).try_into()?).await.map(Response::<Body>::from) }
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_reqwest_sends_and_brings_back_passes_the_guard() {
    let saw: Arc<Mutex<Vec<Sent>>> = Arc::default();
    let log = saw.clone();
    let upstream = Router::new().fallback(move |request: Asked| {
        let log = log.clone();
        async move {
            if request.uri().path() == "/collections/moved/points" {
                return Redirect::temporary("/collections/docs").into_response();
            }
            let declared = request.headers().get("content-length");
            let declared = declared.map(|length| length.to_str().unwrap().to_owned());
            let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
            log.lock().unwrap().push((declared, String::from_utf8(body.to_vec()).unwrap()));
            ([("content-type", "application/json")], POINTS).into_response()
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, upstream).await });

    let (guard, folder) = guard(&POLICY.replace("ADDRESS", &address.to_string()));
    let layer = GuardLayer::egress(guard.clone(), Identity::new("svc-ingest"));
    let client = Client::builder().redirect(Policy::none()).build().unwrap();
    let sent = guarded(&layer, client.clone());
    let put = |path: &str| {
        let request =
            client.put(format!("http://{address}{path}")).header("content-type", "application/json");
        Request::<Body>::try_from(request.body(POINTS).build().unwrap()).unwrap()
    };

    let response = sent.clone().oneshot(put("/collections/docs/points")).await.unwrap();
    let response = reqwest::Response::from(response.map(Body::wrap));
    assert_eq!(response.status(), StatusCode::OK);
    let masked = POINTS.replace("a.b@example.org", "[EMAIL]");
    assert_eq!(response.text().await.unwrap(), masked);
    assert_eq!(*saw.lock().unwrap(), [(Some(masked.len().to_string()), masked)]);

    let drop = client.delete(format!("http://{address}/collections/docs")).build().unwrap();
    let denied = sent.clone().oneshot(Request::<Body>::try_from(drop).unwrap()).await.unwrap();
    let denied = reqwest::Response::from(denied.map(Body::wrap));
    assert_eq!(denied.status(), StatusCode::FORBIDDEN);
    let problem: serde_json::Value = serde_json::from_str(&denied.text().await.unwrap()).unwrap();
    assert_eq!(problem["code"], "denied");

    // Where it would be sent on to is for the caller to ask, and for the guard to judge.
    let moved = sent.clone().oneshot(put("/collections/moved/points")).await.unwrap();
    assert_eq!(moved.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(saw.lock().unwrap().len(), 1, "nothing else was sent");
    assert_eq!(records(&guard, &folder).await.len(), 3);
}
