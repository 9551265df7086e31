//! HTTP truth on the wire: lengths, validators, ranges, and responses without a body.

use axum::body::Body;
use axum::extract::Request;
use http::Response;

use crate::support::{Server, get};

const CLEAR: &str = "{\"mail\":\"a.b@example.org\"}";
const MASKED: &str = "{\"mail\":\"[EMAIL]\"}";

/// Answers ranges and revalidations as a file server would, and tells what it was asked.
async fn file(request: Request) -> Response<Body> {
    let asked = request.headers();
    let response = Response::builder()
        .header("content-type", "application/json")
        .header("etag", "\"v1\"")
        .header("accept-ranges", "bytes")
        .header("content-md5", "hash-of-the-clear-bytes");
    if asked.get("if-none-match").is_some_and(|tag| tag == "\"v1\"") {
        return response.status(304).body(Body::empty()).unwrap();
    }
    if asked.contains_key("range") {
        return response
            .status(206)
            .header("content-range", "bytes 0-3/26")
            .body(Body::from("{\"ma"))
            .unwrap();
    }
    response.body(Body::from(CLEAR)).unwrap()
}

fn asking(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nx-user: ana\r\n{headers}\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_is_exact_and_hashes_of_clear_bytes_do_not_leave() {
    let server = Server::answering(file).await;
    let reply = server.exchange(get("/masked/collections")).await;
    assert_eq!((reply.text(), reply.header("content-length")), (MASKED, Some(&*MASKED.len().to_string())));
    for name in ["etag", "content-md5", "accept-ranges", "transfer-encoding"] {
        assert_eq!(reply.header(name), None, "{name}");
    }
    let plain = server.exchange(get("/plain/collections")).await;
    assert_eq!((plain.text(), plain.header("content-length")), (CLEAR, Some(&*CLEAR.len().to_string())));
    assert_eq!(plain.header("etag"), Some("\"v1\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_range_nor_a_revalidation_reaches_what_would_be_masked() {
    let server = Server::answering(file).await;
    for header in
        ["range: bytes=0-3\r\n", "if-none-match: \"v1\"\r\n", "if-range: \"v1\"\r\nrange: bytes=1-\r\n"]
    {
        let reply = server.exchange(asking("GET", "/masked/collections", header)).await;
        assert_eq!((reply.status, reply.text()), (200, MASKED), "{header}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_and_revalidations_stay_where_nothing_changes() {
    let server = Server::answering(file).await;
    let partial = server.exchange(asking("GET", "/plain/collections", "range: bytes=0-3\r\n")).await;
    assert_eq!((partial.status, partial.text()), (206, "{\"ma"));
    assert_eq!(partial.header("content-range"), Some("bytes 0-3/26"));
    let fresh = server.exchange(asking("GET", "/plain/collections", "if-none-match: \"v1\"\r\n")).await;
    assert_eq!((fresh.status, fresh.header("etag")), (304, Some("\"v1\"")));
    let watched = server.exchange(asking("GET", "/watched/collections", "range: bytes=0-3\r\n")).await;
    assert_eq!(watched.status, 206);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_response_that_was_not_asked_for_is_refused_where_it_would_be_masked() {
    let server = Server::answering(|_| async {
        let response = Response::builder().status(206).header("content-type", "application/json");
        response.header("content-range", "bytes 0-3/26").body(Body::from("{\"ma")).unwrap()
    })
    .await;
    let reply = server.exchange(get("/masked/collections")).await;
    assert_eq!((reply.status, &*reply.code()), (502, "unmaskable_response"));
}

#[tokio::test(flavor = "multi_thread")]
async fn head_has_no_body_and_no_length_of_a_clear_one() {
    let server = Server::answering(file).await;
    let mut client = server.connect().await;
    for (path, length, tag) in
        [("/masked/collections", None, None), ("/plain/collections", Some("26"), Some("\"v1\""))]
    {
        client.send(asking("HEAD", path, "")).await;
        let reply = client.reply(true).await;
        assert_eq!(
            (reply.status, reply.header("content-length"), reply.header("etag")),
            (200, length, tag),
            "{path}"
        );
    }
    // The connection is still in step.
    client.send(get("/plain/collections")).await;
    assert_eq!(client.reply(false).await.text(), CLEAR);
    for record in server.records().await {
        assert_eq!(serde_json::to_value(&record).unwrap()["outcome"]["result"], "complete");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_head_request_has_the_head_of_its_denial() {
    let server = Server::answering(file).await;
    let mut client = server.connect().await;
    client.send("HEAD /masked/collections HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let reply = client.reply(true).await;
    assert_eq!((reply.status, reply.header("content-type")), (403, Some("application/json")));
    client.send(get("/plain/collections")).await;
    assert_eq!(client.reply(false).await.text(), CLEAR);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_content_is_complete_without_a_body() {
    let server =
        Server::answering(|_| async { Response::builder().status(204).body(Body::empty()).unwrap() }).await;
    for (number, path) in ["/masked/collections", "/plain/collections"].into_iter().enumerate() {
        let reply = server.exchange(get(path)).await;
        assert_eq!((reply.status, reply.header("content-length")), (204, None));
        let record = serde_json::to_value(server.record_number(number + 1).await).unwrap();
        assert_eq!((&record["outcome"]["result"], &record["status"]), (&"complete".into(), &204.into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_body_is_complete() {
    for (length, body) in [(None, Body::empty()), (Some("0"), Body::empty())] {
        let slot = std::sync::Arc::new(std::sync::Mutex::new(Some(body)));
        let server = Server::answering(move |_| {
            let body = slot.lock().unwrap().take().unwrap_or_default();
            async move {
                let mut response = Response::new(body);
                response.headers_mut().insert("content-type", "text/plain".parse().unwrap());
                if let Some(length) = length {
                    response.headers_mut().insert("content-length", length.parse().unwrap());
                }
                response
            }
        })
        .await;
        for path in ["/plain/collections", "/masked/collections"] {
            let reply = server.exchange(get(path)).await;
            assert_eq!((reply.status, reply.header("content-length")), (200, Some("0")), "{path}");
        }
        for record in server.records().await {
            assert_eq!(serde_json::to_value(&record).unwrap()["outcome"]["result"], "complete");
        }
    }
}
