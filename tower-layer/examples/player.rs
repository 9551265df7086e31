//! The service that `core/tests/data/behaviours.tsv` asks, behind the layer and axum: it does what the header `x-play` says, as
//! `python/tests/players/play.py` has it.

#![expect(clippy::print_stdout, reason = "whoever starts it reads its port there")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::middleware::{Next, from_fn};
use bytes::Bytes;
use http::{Extensions, HeaderMap, Request, Response, StatusCode, Version};
use http_body::Frame;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower_http::compression::{CompressionLayer, Predicate};
use wardline::guard::Guard;
use wardline_tower::{BoxError, GuardLayer};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let guard = Guard::from_file(std::env::var("WARDLINE_POLICY")?)?;
    let layer =
        GuardLayer::new(guard).peer(|extensions| Some(extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip()));
    let app = Router::new()
        .fallback(service)
        .layer(compression("inside"))
        .layer(layer)
        .layer(compression("outside"))
        .layer(from_fn(outside));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}

tokio::task_local! {
    /// What stands before the guard sets it, and the service finds it.
    static VARIABLE: String;
}

/// Stands before the guard.
async fn outside(request: Request<Body>, next: Next) -> Response<Body> {
    let told = request.headers().get("x-variable").and_then(|told| told.to_str().ok()).unwrap_or_default();
    VARIABLE.scope(told.to_owned(), next.run(request)).await
}

/// A compression at one side of the guard. The service repeats what it was asked, for it sees no request.
fn compression(place: &'static str) -> CompressionLayer<impl Predicate> {
    CompressionLayer::new().compress_when(
        move |_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions| {
            headers.get("x-compress").is_some_and(|told| told == place || told == "both")
        },
    )
}

fn place(name: &str) -> PathBuf {
    PathBuf::from(std::env::var("WARDLINE_PLAYER").unwrap_or_default()).join(name)
}

/// Text of Latin-1, as headers and pieces are told.
fn latin(text: &str) -> Vec<u8> {
    text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?')).collect()
}

/// What the header asks for.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Play {
    status: Option<u16>,
    headers: Vec<(String, String)>,
    pieces: Vec<String>,
    length: bool,
    reads: String,
    gated: bool,
    endless: usize,
    fails: String,
    trailers: Vec<(String, String)>,
    task: bool,
}

async fn service(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let told = parts.headers.get("x-play").and_then(|told| told.to_str().ok()).unwrap_or("{}");
    let play: Play = serde_json::from_str(told).unwrap_or_default();
    let read = match play.reads.as_str() {
        "none" => Ok(Bytes::new()),
        _ => body.collect().await.map(|all| all.to_bytes()),
    };
    // A body that breaks off ends the handler: there is nobody to answer.
    let Ok(read) = read else { return Ok(answer(400)) };
    saw(&parts.method, parts.uri.path(), &parts.headers, &read);
    if play.task {
        tokio::spawn(works());
    }
    if play.fails == "before" {
        return Ok(answer(500));
    }
    let pieces: Vec<Vec<u8>> = play.pieces.iter().map(|piece| latin(piece)).collect();
    let mut response = Response::builder().status(play.status.unwrap_or(200));
    for (name, value) in &play.headers {
        response = response.header(name, value);
    }
    if play.length {
        response = response.header("content-length", pieces.iter().map(Vec::len).sum::<usize>());
    }
    if let Some(told) = parts.headers.get("x-compress") {
        response = response.header("x-compress", told);
    }
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(plays(play, pieces, sender));
    Ok(response.body(Body::new(Pieces(receiver))).unwrap_or_else(|_| answer(500)))
}

/// What goes on behind the answer.
async fn works() {
    while !place("gate-task").exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let _ = std::fs::write(place("task"), "");
}

/// Hands the pieces over, each when it may leave, and tells when the body is over or let go.
async fn plays(play: Play, pieces: Vec<Vec<u8>>, sender: mpsc::Sender<Result<Frame<Bytes>, BoxError>>) {
    let endless = pieces.first().map(|piece| Bytes::from(piece.repeat(play.endless))).unwrap_or_default();
    let mut made = 0;
    while play.endless > 0 && sender.send(Ok(Frame::data(endless.clone()))).await.is_ok() {
        made += endless.len();
        let _ = std::fs::write(place("made"), made.to_string());
    }
    for (number, piece) in pieces.into_iter().enumerate() {
        while play.gated && !sender.is_closed() && !place(&format!("gate-{number}")).exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if sender.send(Ok(Frame::data(piece.into()))).await.is_err() {
            break;
        }
    }
    let fields = play.trailers.iter().filter_map(|(name, value)| {
        Some((name.parse::<http::HeaderName>().ok()?, value.parse::<http::HeaderValue>().ok()?))
    });
    let trailers: HeaderMap = fields.collect();
    if !trailers.is_empty() {
        let _ = sender.send(Ok(Frame::trailers(trailers))).await;
    }
    if play.fails == "after" {
        let _ = sender.send(Err("the service failed".into())).await;
    }
    let _ = std::fs::write(place("closed"), "");
}

/// A body out of a channel, which shows at the other end when it is dropped.
struct Pieces(mpsc::Receiver<Result<Frame<Bytes>, BoxError>>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.poll_recv(cx)
    }
}

fn saw(method: &http::Method, path: &str, headers: &HeaderMap, body: &[u8]) {
    let headers: serde_json::Map<String, Value> = headers
        .iter()
        .map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned().into())
        })
        .collect();
    let body: String = body.iter().map(|byte| char::from(*byte)).collect();
    let variable = VARIABLE.try_with(String::clone).unwrap_or_default();
    let told = json!({"method": method.as_str(), "target": path, "headers": headers, "body": body, "variable": variable});
    let _ = std::fs::write(place("saw.fresh"), told.to_string());
    let _ = std::fs::rename(place("saw.fresh"), place("saw.json"));
}

fn answer(status: u16) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status.try_into().unwrap_or_default();
    response
}
