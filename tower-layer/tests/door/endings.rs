//! How an exchange ends: callers that go away, services that break, bodies that must not go on.

use axum::body::Body;
use http::Response;
use serde_json::Value;

use crate::support::{Server, channel, get, post};

async fn outcome(server: &Server) -> Value {
    let record = server.record_number(1).await;
    serde_json::to_value(&record).unwrap()["outcome"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_closes_the_inner_body_and_is_recorded() {
    for path in ["/plain/collections", "/masked/collections"] {
        let (server, source) = Server::streaming("application/x-ndjson").await;
        let mut client = server.connect().await;
        client.send(get(path)).await;
        source.send("{\"n\":1}\n").await;
        client.until("{\"n\":1}").await;
        drop(client);
        source.closed().await;
        assert_eq!(outcome(&server).await["result"], "disconnected", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_while_the_service_works_is_recorded() {
    let (gone, mut waits) = tokio::sync::mpsc::channel::<()>(1);
    let server = Server::answering(move |_| {
        let held = gone.clone();
        async move {
            std::future::pending::<()>().await;
            drop(held);
            Response::new(Body::empty())
        }
    })
    .await;
    let mut client = server.connect().await;
    client.send(get("/plain/collections")).await;
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    drop(client);
    assert_eq!(outcome(&server).await["result"], "disconnected");
    // Only the service's own copy of the sender is left.
    assert!(waits.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_breaks_in_the_middle_aborts_the_connection() {
    for path in ["/plain/collections", "/masked/collections"] {
        let (server, source) = Server::streaming("application/x-ndjson").await;
        let mut client = server.connect().await;
        client.send(get(path)).await;
        source.send("{\"n\":1}\n").await;
        source.fail().await;
        let reply = client.reply(false).await;
        assert!(reply.aborted, "{reply:?}");
        assert_eq!(outcome(&server).await["result"], "failed", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_shorter_than_it_declared_never_ends_well() {
    let long = "x".repeat(100_000);
    let server = Server::answering(move |_| {
        let (source, body) = channel();
        let long = long.clone();
        tokio::spawn(async move { source.send(&long).await });
        async {
            Response::builder()
                .header("content-type", "text/plain")
                .header("content-length", "200000")
                .body(Body::new(body))
                .unwrap()
        }
    })
    .await;
    for path in ["/plain/collections", "/masked/collections"] {
        let reply = server.exchange(get(path)).await;
        assert!(reply.aborted, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_stream_is_aborted_before_anything_in_clear() {
    for (chunks, code) in [
        (&["{\"a\":[1,2],", "\"mail\":\"a.b@example.org\",]"][..], "malformed_response"),
        (&["{\"a\":[1,2],", "\"mail\":\"a.b@example.org"][..], "malformed_response"),
    ] {
        let (server, source) = Server::streaming("application/json").await;
        let mut client = server.connect().await;
        client.send(get("/masked/collections")).await;
        for chunk in chunks {
            source.send(chunk).await;
        }
        drop(source);
        let reply = client.reply(false).await;
        assert!(reply.aborted && !reply.text().contains("a.b@"), "{reply:?}");
        let outcome = outcome(&server).await;
        assert_eq!((&outcome["result"], &outcome["reason"]), (&"aborted".into(), &code.into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_malformed_response_becomes_an_answer() {
    for body in [
        &b"{\"mail\":\"a.b@example.org\",}"[..],
        b"{\"mail\":\"a.b@example.org\"",
        b"{\"mail\":\"a.b@example.org\", \"x\":\"\xff\"}",
        b"{\"mail\":\"a.b@example.org\"} x",
    ] {
        let server = Server::answering(move |_| async move {
            Response::builder().header("content-type", "application/json").body(Body::from(body)).unwrap()
        })
        .await;
        let reply = server.exchange(get("/masked/collections")).await;
        assert_eq!((reply.status, &*reply.code()), (502, "malformed_response"));
        assert!(!reply.text().contains("a.b@"));
        assert_eq!(outcome(&server).await["result"], "aborted");
        // Where nothing is masked nothing is judged.
        let plain = server.exchange(get("/plain/collections")).await;
        assert_eq!((plain.status, &plain.body[..]), (200, body));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_stays_in_step_after_a_denial() {
    let server = Server::answering(|_| async { Response::new(Body::from("fine")) }).await;
    let mut client = server.connect().await;
    let denied = "DELETE /plain/collections/docs HTTP/1.1\r\nhost: localhost\r\nx-user: ana\r\n\r\n";
    client.send(format!("{denied}{}{denied}", get("/plain/collections"))).await;
    assert_eq!(client.reply(false).await.code(), "denied");
    assert_eq!(client.reply(false).await.text(), "fine");
    assert_eq!(client.reply(false).await.code(), "denied");
    // A denial that leaves a body unread closes the connection or reads over it; it never takes it for a request.
    let upload = post("/plain/collections/docs/snapshots/upload", "text/plain", &get("/plain/collections"));
    client.send(upload).await;
    assert_eq!(client.reply(false).await.code(), "denied");
    client.try_send(get("/plain/collections")).await;
    let next = client.reply(false).await;
    assert!(next.aborted || next.text() == "fine", "{next:?}");
    assert_eq!(server.records().await.len(), if next.aborted { 4 } else { 5 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_panics_is_recorded_as_failed() {
    let server = Server::answering(|request| async move {
        assert!(request.uri().query().is_some(), "this request breaks the service");
        Response::new(Body::from("fine"))
    })
    .await;
    assert!(server.exchange(get("/plain/collections")).await.aborted);
    assert_eq!(outcome(&server).await["result"], "failed");
    assert_eq!(server.exchange(get("/plain/collections?x=1")).await.text(), "fine");
}
