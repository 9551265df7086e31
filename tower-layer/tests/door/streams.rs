//! The streaming law: what may go on goes on before the next piece exists.

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response};

use crate::support::{Server, channel, get};

/// Chunk by chunk: what the service produces, and what must have arrived before it produces more.
async fn each_arrives_before_the_next(path: &str, content_type: &'static str, chunks: &[(&str, &str)]) {
    let (server, source) = Server::streaming(content_type).await;
    let mut client = server.connect().await;
    client.send(get(path)).await;
    for (chunk, arrives) in chunks {
        source.send(chunk).await;
        client.until(arrives).await;
    }
    drop(source);
    client.until("0\r\n\r\n").await;
    let record = server.record().await;
    assert_eq!(serde_json::to_value(&record).unwrap()["outcome"]["result"], "complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_masked_streams() {
    each_arrives_before_the_next(
        "/plain/collections",
        "application/json",
        &[("{\"a\":", "{\"a\":"), ("1", "1"), ("}", "}")],
    )
    .await;
    each_arrives_before_the_next(
        "/plain/collections",
        "application/octet-stream",
        &[("\u{1}x", "x"), ("y", "y")],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_array_streams_element_by_element() {
    each_arrives_before_the_next(
        "/masked/collections",
        "application/json",
        &[
            ("[{\"mail\":\"a.b@example.org\",\"n\":1}", "{\"mail\":\"[EMAIL]\",\"n\":1}"),
            (",{\"mail\":\"c.d@exam", ",{\"mail\":"),
            ("ple.org\"},", "\"[EMAIL]\"},"),
            ("{}]", "{}]"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn masked_lines_stream_line_by_line() {
    each_arrives_before_the_next(
        "/masked/collections",
        "application/x-ndjson",
        &[("{\"mail\":\"a.b@example.org\"}\n", "{\"mail\":\"[EMAIL]\"}\n"), ("{\"n\":2}\n", "{\"n\":2}\n")],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn masked_events_stream_event_by_event() {
    each_arrives_before_the_next(
        "/masked/collections",
        "text/event-stream",
        &[
            (
                "event: m\ndata: {\"t\":\"ask a.b@example.org\"}\n\n",
                "event: m\ndata: {\"t\":\"ask [EMAIL]\"}\n\n",
            ),
            (": still here\n\n", ": still here\n\n"),
            ("data: [DONE]\n\n", "data: [DONE]\n\n"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_does_not_wait_for_the_first_piece() {
    for path in ["/plain/collections", "/masked/collections"] {
        let (server, source) = Server::streaming("text/event-stream").await;
        let mut client = server.connect().await;
        client.send(get(path)).await;
        let head = client.until("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("chunked"), "{head}");
        drop(source);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_follow_what_was_held_back() {
    for (path, body) in
        [("/plain/collections", "mail a.b@example.org"), ("/masked/collections", "mail [EMAIL]")]
    {
        let (source, body_of_service) = channel();
        let slot = std::sync::Arc::new(std::sync::Mutex::new(Some(body_of_service)));
        let server = Server::answering(move |_| {
            let body = slot.lock().unwrap().take().unwrap();
            async {
                Response::builder()
                    .header("content-type", "text/plain")
                    .header("trailer", "x-sum")
                    .body(Body::new(body))
                    .unwrap()
            }
        })
        .await;
        let mut client = server.connect().await;
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nx-user: ana\r\nte: trailers\r\n\r\n");
        client.send(request).await;
        source.send("mail a.b@example.org").await;
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("7"));
        source.trailers(trailers).await;
        drop(source);
        let reply = client.reply(false).await;
        assert_eq!((reply.text(), reply.aborted), (body, false));
        assert_eq!(reply.trailers.get("x-sum").map(String::as_str), Some("7"));
    }
}
