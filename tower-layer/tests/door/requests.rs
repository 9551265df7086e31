//! Request bodies on their way to the service.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use http::{HeaderMap, Response};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::sync::Mutex;

use crate::support::{Server, get, post};

/// What reached the service.
#[derive(Debug, Default, Clone)]
struct Seen {
    headers: HeaderMap,
    size: Option<u64>,
    body: Vec<u8>,
    trailers: Option<HeaderMap>,
    error: bool,
}

async fn server() -> (Server, Arc<Mutex<Option<Seen>>>) {
    let seen: Arc<Mutex<Option<Seen>>> = Arc::default();
    let slot = seen.clone();
    let server = Server::start(Router::new().fallback(move |request: Request| async move {
        let (parts, body) = request.into_parts();
        let mut seen = Seen { headers: parts.headers, size: body.size_hint().exact(), ..Seen::default() };
        match body.collect().await {
            Ok(collected) => {
                seen.trailers = collected.trailers().cloned();
                seen.body = collected.to_bytes().to_vec();
            }
            Err(_) => seen.error = true,
        }
        *slot.lock().await = Some(seen);
        "fine"
    }))
    .await;
    (server, seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_request_arrives_with_its_new_length() {
    let (server, seen) = server().await;
    let body = "{\"points\":[{\"id\":1,\"vector\":[0.5],\"payload\":{\"mail\":\"a.b@example.org\"}}]}";
    let masked = body.replace("a.b@example.org", "[EMAIL]");
    let request = post("/masked/collections/docs/points", "application/json", body).replace("POST", "PUT");
    assert_eq!(server.exchange(request).await.text(), "fine");
    let seen = seen.lock().await.take().unwrap();
    assert_eq!(String::from_utf8(seen.body).unwrap(), masked);
    assert_eq!(seen.headers["content-length"], masked.len().to_string());
    assert_eq!(seen.size, Some(masked.len() as u64));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_chunks_becomes_one_of_known_length_only_where_it_changes() {
    let (server, seen) = server().await;
    let chunked = |path: &str, text: &str| {
        let (first, rest) = text.split_at(20);
        format!(
            "PUT {path}/collections/docs/points HTTP/1.1\r\nhost: localhost\r\nx-user: ana\r\n\
             content-type: application/json\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
             14\r\n{first}\r\n{:x}\r\n{rest}\r\n0\r\nx-sum: 7\r\n\r\n",
            rest.len()
        )
    };
    let body = "{\"points\":[{\"id\":1,\"payload\":{\"mail\":\"a.b@example.org\"}}]}";
    for (path, arrives) in
        [("/masked", body.replace("a.b@example.org", "[EMAIL]")), ("/plain", body.to_owned())]
    {
        assert_eq!(server.exchange(chunked(path, body)).await.text(), "fine");
        let seen = seen.lock().await.take().unwrap();
        assert_eq!(String::from_utf8(seen.body).unwrap(), arrives);
        assert_eq!(seen.trailers.unwrap()["x-sum"], "7", "{path}");
        let (length, chunks) =
            (seen.headers.get("content-length"), seen.headers.contains_key("transfer-encoding"));
        assert_eq!((length.is_some(), chunks), if path == "/masked" { (true, false) } else { (false, true) });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_request_is_byte_for_byte_what_came() {
    let (server, seen) = server().await;
    let body = "{ \"points\" : [ {\"id\":1,\"vector\":[0.50, 1e-3]} ] }";
    for path in ["/masked", "/plain", "/watched"] {
        let request = post(&format!("{path}/collections/docs/points"), "application/json", body);
        assert_eq!(server.exchange(request.replace("POST", "PUT")).await.text(), "fine");
        let seen = seen.lock().await.take().unwrap();
        assert_eq!((&*seen.body, seen.size), (body.as_bytes(), Some(body.len() as u64)), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_over_the_limit_is_masked_as_it_streams() {
    let (server, seen) = server().await;
    let point = "{\"id\":1,\"payload\":{\"mail\":\"a.b@example.org\"}}";
    let points = vec![point; 1000].join(",");
    let body = format!("{{\"points\":[{points}]}}");
    let request = post("/masked/collections/docs/points", "application/json", &body).replace("POST", "PUT");
    let (head, tail) = request.split_at(request.len() - 20_000);
    let mut client = server.connect().await;
    client.send(head).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    client.send(tail).await;
    assert_eq!(client.reply(false).await.text(), "fine");
    let seen = seen.lock().await.take().unwrap();
    assert_eq!(String::from_utf8(seen.body).unwrap(), body.replace("a.b@example.org", "[EMAIL]"));
    assert!(!seen.headers.contains_key("content-length"));
    let record = serde_json::to_value(server.record().await).unwrap();
    assert_eq!(record["request"]["totals"]["email"], 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_over_the_limit_that_breaks_off_badly_is_answered_for() {
    let (server, seen) = server().await;
    let body = format!("{{\"points\":[{}", "{\"id\":1},".repeat(1000));
    let request = post("/masked/collections/docs/points", "application/json", &body).replace("POST", "PUT");
    let reply = server.exchange(request).await;
    assert_eq!((reply.status, &*reply.code()), (400, "malformed_body"));
    assert!(seen.lock().await.take().unwrap().error, "the service saw no clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_may_leave_a_streamed_upload_unread() {
    let server = Server::answering(|_| async {
        Response::builder().header("content-type", "text/plain").body(Body::from("early")).unwrap()
    })
    .await;
    let body = format!("{{\"points\":[{}{{}}]}}", "{\"id\":1},".repeat(100_000));
    let request = post("/masked/collections/docs/points", "application/json", &body).replace("POST", "PUT");
    let mut client = server.connect().await;
    let (head, rest) = request.split_at(20_000);
    client.send(head).await;
    assert_eq!(client.reply(false).await.text(), "early");
    client.try_send(rest).await;
    assert_eq!(serde_json::to_value(server.record_number(1).await).unwrap()["outcome"]["result"], "complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_upload_is_never_sent() {
    let (server, seen) = server().await;
    let mut client = server.connect().await;
    client
        .send(
            "POST /plain/collections/docs/snapshots/upload HTTP/1.1\r\nhost: localhost\r\nx-user: ana\r\n\
             content-length: 100000000\r\nexpect: 100-continue\r\n\r\n",
        )
        .await;
    // No 100 before the denial.
    assert_eq!(client.reply(false).await.code(), "denied");
    assert!(seen.lock().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allowed_upload_is_asked_for() {
    let (server, seen) = server().await;
    let mut client = server.connect().await;
    client
        .send(
            "PUT /masked/collections/docs/points HTTP/1.1\r\nhost: localhost\r\nx-user: ana\r\n\
             content-type: application/json\r\ncontent-length: 13\r\nexpect: 100-continue\r\n\r\n",
        )
        .await;
    client.until("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.send("{\"points\":[]}").await;
    assert_eq!(client.reply(false).await.text(), "fine");
    assert_eq!(seen.lock().await.take().unwrap().body, b"{\"points\":[]}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_in_its_upload_is_recorded_and_the_service_is_spared() {
    let (server, seen) = server().await;
    let mut client = server.connect().await;
    client
        .send(
            "PUT /masked/collections/docs/points HTTP/1.1\r\nhost: localhost\r\nx-user: ana\r\n\
             content-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"points\":[",
        )
        .await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(client);
    let record = serde_json::to_value(server.record_number(1).await).unwrap();
    assert_eq!(record["outcome"]["result"], "disconnected");
    assert!(seen.lock().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_may_read_the_body_or_not() {
    let server = Server::start(Router::new().fallback(|request: Request| async move {
        let read = request.uri().query() == Some("read");
        let body =
            if read { to_bytes(request.into_body(), usize::MAX).await.unwrap() } else { Default::default() };
        body.len().to_string()
    }))
    .await;
    let mut client = server.connect().await;
    for (query, length) in [("?read", "13"), ("", "0"), ("?read", "13")] {
        let path = format!("/masked/collections/docs/points{query}");
        client.send(post(&path, "application/json", "{\"points\":[]}").replace("POST", "PUT")).await;
        assert_eq!(client.reply(false).await.text(), length);
    }
    client.send(get("/plain/collections")).await;
    assert_eq!(client.reply(false).await.text(), "0");
}
