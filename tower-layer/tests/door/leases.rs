//! What waits for the store: quotas while a body streams, and requests that are held for people.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use http::Response;
use serde_json::{Value, json};
use wardline::grant::{Answer, ApprovalState};
use wardline::model::ApprovalId;

use crate::support::{Client, Server, Source, WAIT, channel, post};

const POLICY: &str = r#"
version: 1
state: ./state
identity:
  headers: {subject: x-user}
  trusted_peers: [127.0.0.1/32]
groups: {security: [sam]}
approval: {steps: [{from: [security]}]}
services:
  store: {system: qdrant, body_limit: 1KiB}
rules:
  - {name: vectors, operations: [vector.fetch, vector.upsert], effect: grant}
  - {name: parked, operations: [data.export], effect: hold, wait: 20s}
"#;

async fn server() -> (Server, Source) {
    let (source, body) = channel();
    let slot = std::sync::Arc::new(std::sync::Mutex::new(Some(body)));
    let service = Router::new().fallback(move |request: Request| {
        let body = slot.lock().unwrap().take();
        async move {
            let response = Response::builder().header("content-type", "application/json");
            match body {
                Some(body) if request.method() != "PUT" => response.body(Body::new(body)).unwrap(),
                _ => {
                    let read = axum::body::to_bytes(request.into_body(), usize::MAX).await;
                    response.body(Body::from(read.map_or(0, |body| body.len()).to_string())).unwrap()
                }
            }
        }
    });
    (Server::under(POLICY, service).await, source)
}

fn grant(server: &Server, vectors: u64) {
    let terms = json!({
        "scope": {"who": ["user:ana"], "services": ["store"], "operations": ["vector.*"], "resources": ["*"]},
        "until": "1h", "quota": ["vectors", vectors], "reason": "test",
    });
    server.guard.issue_grant(serde_json::from_value(terms).unwrap(), "sam").unwrap();
}

fn scroll() -> String {
    post("/collections/docs/points/scroll", "application/json", "{\"limit\":2,\"with_vector\":true}")
}

/// Asks until the grant is known to the worker's snapshot.
async fn streaming(server: &Server) -> Client {
    let from = Instant::now();
    loop {
        let mut client = server.connect().await;
        client.send(scroll()).await;
        if client.until("\r\n\r\n").await.starts_with("HTTP/1.1 200") {
            return client;
        }
        assert!(from.elapsed() < WAIT, "no grant");
    }
}

/// The newest exchange with this result, as soon as it is recorded.
async fn ended(server: &Server, result: &str) -> Value {
    let from = Instant::now();
    loop {
        let records = server.records().await.into_iter().rev();
        let mut records = records.map(|record| serde_json::to_value(record).unwrap());
        if let Some(record) = records.find(|record| record["outcome"]["result"] == result) {
            return record;
        }
        assert!(from.elapsed() < WAIT, "nothing is {result}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_is_cut_where_its_quota_ends() {
    let (server, source) = server().await;
    grant(&server, 4);
    let mut client = streaming(&server).await;
    source.send("{\"result\":{\"points\":[{\"id\":0,\"vector\":[0.5]}").await;
    client.until("[0.5]").await;
    // The service sends more than it was asked for: each further vector is leased before it leaves.
    for id in 1..4 {
        source.send(&format!(",{{\"id\":{id},\"vector\":[0.5]}}")).await;
        client.until("[0.5]").await;
    }
    source.send(",{\"id\":4,\"vector\":[0.5]}").await;
    let rest = client.until_end().await;
    assert!(!rest.contains("0.5") && !rest.contains("\r\n0\r\n"), "{rest}");
    source.closed().await;
    let record = ended(&server, "aborted").await;
    assert_eq!(record["outcome"]["reason"], "grant_exhausted");
    assert_eq!(record["response"]["census"]["vectors"], 4, "the last one was seen and did not leave");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_leased_of_a_piece_leaves_and_the_service_need_not_speak_again() {
    let (server, source) = server().await;
    grant(&server, 4);
    let mut client = streaming(&server).await;
    let points: Vec<String> = (0..9).map(|id| format!("{{\"id\":{id},\"vector\":[0.5]}}")).collect();
    source.send(&format!("{{\"result\":{{\"points\":[{}", points.join(","))).await;
    // The service is idle from here on, and its body is dropped.
    let rest = client.until_end().await;
    assert_eq!(rest.matches("0.5]").count(), 4, "{rest}");
    assert!(!rest.contains("\r\n0\r\n"), "{rest}");
    source.closed().await;
    let record = ended(&server, "aborted").await;
    assert_eq!(record["response"]["census"]["vectors"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_grant_cuts_what_runs() {
    let (server, source) = server().await;
    grant(&server, 100);
    let mut client = streaming(&server).await;
    source.send("{\"result\":{\"points\":[{\"id\":0,\"vector\":[0.5]}").await;
    client.until("\"id\":0").await;
    let id = server.guard.grants().unwrap().remove(0).id;
    server.guard.revoke_grant(&id, "sam", "over").unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    source.send(",{\"id\":1,\"vector\":[0.5]}").await;
    assert!(!client.until_end().await.contains("\"id\":1"));
    assert_eq!(ended(&server, "aborted").await["outcome"]["reason"], "grant_revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streamed_upload_passes_as_far_as_its_quota_goes() {
    let (server, _source) = server().await;
    grant(&server, 50);
    let upload = |points: usize| {
        let points = vec!["{\"id\":1,\"vector\":[0.5,0.25,0.125]}"; points].join(",");
        post("/collections/docs/points", "application/json", &format!("{{\"points\":[{points}]}}"))
            .replace("POST", "PUT")
    };
    let within = upload(40);
    let length = within.split_once("\r\n\r\n").unwrap().1.len();
    let mut passed = server.exchange(&within).await;
    let from = Instant::now();
    while passed.status == 403 && passed.code() == "grant_required" && from.elapsed() < WAIT {
        passed = server.exchange(&within).await;
    }
    assert_eq!(passed.text(), length.to_string());
    let over = server.exchange(upload(60)).await;
    assert_eq!((over.status, &*over.code()), (403, "grant_exhausted"));
}

async fn pending(server: &Server) -> ApprovalId {
    let from = Instant::now();
    loop {
        let guard = server.guard.clone();
        let open =
            tokio::task::spawn_blocking(move || guard.approvals(Some(ApprovalState::Pending)).unwrap());
        if let Some(approval) = open.await.unwrap().pop() {
            return approval.id;
        }
        assert!(from.elapsed() < WAIT, "nothing is held");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn export() -> String {
    post("/collections/docs/points/scroll", "application/json", "{\"limit\":5000}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_request_goes_on_once_it_is_approved() {
    let (server, source) = server().await;
    let mut client = server.connect().await;
    client.send(export()).await;
    let id = pending(&server).await;
    let guard = server.guard.clone();
    tokio::task::spawn_blocking(move || guard.vote(&id, "sam", Answer::Approve, None).unwrap())
        .await
        .unwrap();
    source.send("{}").await;
    drop(source);
    let reply = client.reply(false).await;
    assert_eq!((reply.status, reply.text()), (200, "{}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_while_parked_is_recorded() {
    let (server, _source) = server().await;
    let mut client = server.connect().await;
    client.send(export()).await;
    pending(&server).await;
    drop(client);
    ended(&server, "disconnected").await;
}
