//! The layers of tower-http and the guard, in either order: each does its own, and nothing clear leaves.

use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderValue, Request, Response, StatusCode};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;
use tower_http::cors::CorsLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use wardline::guard::Guard;
use wardline_tower::GuardLayer;

use crate::support::{POLICY, Server};

const CLEAR: &str = "{\"mail\":\"a.b@example.org\"}";
const MASKED: &str = "{\"mail\":\"[EMAIL]\"}";
const LIMIT: usize = 2_000;

async fn service(request: Request<Body>) -> Response<Body> {
    if request.uri().path().ends_with("slow") {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let read = axum::body::to_bytes(request.into_body(), usize::MAX).await;
    let status = if read.is_ok() { StatusCode::OK } else { StatusCode::PAYLOAD_TOO_LARGE };
    let answer = Response::builder().status(status).header("content-type", "application/json");
    answer.body(Body::from(CLEAR)).unwrap()
}

/// The others around the guard, or within it.
async fn composed(around: bool) -> Server {
    let preflights = "  - {name: preflights, who: [\"*\"], operations: [none], effect: allow}\nmask:\n";
    Server::of(&POLICY.replace("mask:\n", preflights), move |guard: Guard| {
        let guard = GuardLayer::new(guard)
            .peer(|extensions| Some(extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip()));
        let cors = CorsLayer::new().allow_origin(HeaderValue::from_static("https://a.example"));
        let limit = RequestBodyLimitLayer::new(LIMIT);
        let timeout = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_millis(500));
        let packed = CompressionLayer::new().compress_when(SizeAbove::new(1));
        let app = Router::new().fallback(service);
        if around {
            app.layer(guard)
                .layer(limit)
                .layer(timeout)
                .layer(cors)
                .layer(packed)
                .layer(TraceLayer::new_for_http())
        } else {
            app.layer(limit)
                .layer(timeout)
                .layer(cors)
                .layer(packed)
                .layer(TraceLayer::new_for_http())
                .layer(guard)
        }
    })
    .await
}

fn asked(method: &str, path: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nx-user: ana\r\naccept-encoding: gzip\r\norigin: https://a.example\r\n\
         {fields}content-length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_layers_of_tower_http_do_their_own_in_either_order() {
    for around in [true, false] {
        let server = composed(around).await;
        let reply = server.exchange(asked("GET", "/masked/collections", "", "")).await;
        let packed = reply.header("content-encoding") == Some("gzip");
        // Within the guard nothing is packed that it has to read.
        assert_eq!((reply.status, packed), (200, around));
        let mut text = String::new();
        if packed {
            flate2::read::GzDecoder::new(&*reply.body).read_to_string(&mut text).unwrap();
        } else {
            text.push_str(reply.text());
        }
        assert_eq!(text, MASKED, "{around}");
        assert_eq!(reply.header("access-control-allow-origin"), Some("https://a.example"), "{around}");

        let preflight = "access-control-request-method: POST\r\n";
        let reply = server.exchange(asked("OPTIONS", "/masked/collections", preflight, "")).await;
        assert_eq!(reply.status, 200, "{around}");
        assert_eq!(reply.header("access-control-allow-origin"), Some("https://a.example"), "{around}");

        let long = format!("{{\"limit\": 3, \"note\": \"{}\"}}", "x".repeat(LIMIT));
        let json = "content-type: application/json\r\n";
        let reply =
            server.exchange(asked("POST", "/masked/collections/docs/points/search", json, &long)).await;
        assert_eq!(reply.status, 413, "{around}");

        let reply = server.exchange(asked("GET", "/masked/collections/slow", "", "")).await;
        assert_eq!(reply.status, 504, "{around}");
        let reply = server.exchange(asked("DELETE", "/masked/collections/docs", "", "")).await;
        assert_eq!(reply.status, 403, "{around}");
    }
}
