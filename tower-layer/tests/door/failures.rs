//! Failures that users of comparable systems met, kept from coming back here.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use http::Response;

use crate::support::{POLICY, Server, get, post};

/// Answers with what it was sent, and counts its calls.
fn echo(calls: &Arc<AtomicUsize>) -> Router {
    let calls = calls.clone();
    Router::new().fallback(move |request: Request| async move {
        calls.fetch_add(1, Ordering::Relaxed);
        let body = to_bytes(request.into_body(), usize::MAX).await.unwrap();
        Response::builder().header("content-type", "application/json").body(Body::from(body)).unwrap()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_in_parallel_never_see_each_other_s_values() {
    let policy = POLICY.replace("email: redact", "email: hash");
    let server = Arc::new(Server::under(&policy, echo(&Arc::default())).await);
    let callers: Vec<_> = (0..64)
        .map(|n| {
            let server = server.clone();
            tokio::spawn(async move {
                let body = format!("{{\"points\":[{{\"mail\":\"person{n}@example.org\"}}]}}");
                let request = post("/masked/collections/docs/points", "application/json", &body);
                let mut client = server.connect().await;
                let mut tokens = HashSet::new();
                for _ in 0..20 {
                    client.send(request.replace("POST", "PUT")).await;
                    tokens.insert(client.reply(false).await.text().to_owned());
                }
                assert_eq!(tokens.len(), 1, "one value, one token");
                tokens.into_iter().next().unwrap()
            })
        })
        .collect();
    let mut tokens = HashSet::new();
    for caller in callers {
        let token = caller.await.unwrap();
        assert!(!token.contains("@example.org"), "{token}");
        tokens.insert(token);
    }
    assert_eq!(tokens.len(), 64, "each value its own token");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_body_that_decides_reaches_the_service_before_the_verdict() {
    let calls = Arc::default();
    let server = Server::start(echo(&calls)).await;
    // What decides stands at the end of it; on the second path the body is larger than is ever read.
    for path in ["/plain/collections/docs/points/scroll", "/masked/collections/docs/points/scroll"] {
        let body = format!("{{\"filter\":{{\"note\":\"{}\"}},\"limit\":5000}}", "x".repeat(70_000));
        let request = post(path, "application/json", &body);
        let mut client = server.connect().await;
        for piece in request.as_bytes().chunks(32_768) {
            client.try_send(piece).await;
        }
        let reply = client.reply(false).await;
        assert_eq!(reply.status, 403, "{path}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_that_cannot_record_lets_nothing_pass_unless_its_policy_says_so() {
    for (policy, status, called) in [
        (POLICY.to_owned(), 503, 0),
        (POLICY.replace("base_path: /plain", "base_path: /plain, on_failure: allow"), 200, 1),
    ] {
        let calls = Arc::default();
        let server = Server::under(&policy, echo(&calls)).await;
        // Where the state folder should be stands a file.
        std::fs::write(server.state(), "").unwrap();
        let reply = server.exchange(get("/plain/collections")).await;
        assert_eq!((reply.status, calls.load(Ordering::Relaxed)), (status, called));
        if status == 503 {
            assert_eq!(reply.code(), "guard_unavailable");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_many_events_loses_none_and_a_long_secret_does_not_slip_through() {
    let (server, source) = Server::streaming("text/event-stream").await;
    let mut client = server.connect().await;
    client.send(get("/masked/collections")).await;
    let mut expected = String::new();
    for n in 0..40 {
        let mail = if n % 10 == 3 { "person@example.org " } else { "" };
        source.send(&format!("data: {{\"delta\":\"w{n} {mail}\"}}\n\n")).await;
        let mail = if mail.is_empty() { "" } else { "[EMAIL] " };
        expected.push_str(&format!("data: {{\"delta\":\"w{n} {mail}\"}}\n\n"));
    }
    // A secret far longer than a network's piece, its label long gone when it ends.
    let long = format!("data: Authorization: Bearer {}\n\n", "a1B2".repeat(700));
    for piece in long.as_bytes().chunks(64) {
        source.send(std::str::from_utf8(piece).unwrap()).await;
    }
    drop(source);
    let reply = client.reply(false).await;
    let rest = reply.text().strip_prefix(&expected).expect("every event, in order");
    assert!(
        !reply.aborted && rest.starts_with("data: Authorization: Bearer ") && !rest.contains("a1B2"),
        "{rest}"
    );
}
