//! A guarded server on a socket, a client that speaks bytes, and the records that came of it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;
use wardline::audit::{Filter, Record, query};
use wardline::guard::Guard;
use wardline_tower::{BoxError, GuardLayer};

/// `masked` answers are masked, `plain` ones pass as they are, `watched` ones are only recorded.
pub(crate) const POLICY: &str = r#"
version: 1
state: ./state
identity:
  headers: {subject: x-user, groups: x-groups}
  trusted_peers: [127.0.0.1/32]
services:
  masked: {system: qdrant, base_path: /masked, body_limit: 4KiB}
  plain: {system: qdrant, base_path: /plain}
  watched: {system: qdrant, base_path: /watched, mode: observe}
rules:
  - {name: use, who: ["user:*"], operations: ["vector.*", "data.read", "data.ingest", "collection.list", "collection.create"], effect: allow}
  - {name: drop, who: ["user:*"], operations: [collection.drop, collection.restore], effect: deny}
mask:
  - {name: mail, services: [masked, watched], entities: {email: redact, bearer_token: redact}}
"#;

pub(crate) const WAIT: Duration = Duration::from_secs(10);

/// A request head for the usual caller.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nx-user: ana\r\n\r\n")
}

pub(crate) fn post(path: &str, content_type: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nx-user: ana\r\ncontent-type: {content_type}\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

/// A guarded server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) guard: Guard,
    folder: TempDir,
}

/// A guard whose state lies beside its policy.
pub(crate) fn guard(policy: &str) -> (Guard, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wardline.yaml");
    std::fs::write(&file, policy).unwrap();
    (Guard::from_file(&file).unwrap(), folder)
}

impl Server {
    pub(crate) async fn start(router: Router) -> Self {
        Self::under(POLICY, router).await
    }

    pub(crate) async fn under(policy: &str, router: Router) -> Self {
        Self::of(policy, |guard| {
            let layer = GuardLayer::new(guard)
                .peer(|extensions| Some(extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip()));
            router.layer(layer)
        })
        .await
    }

    /// An application that is made around a guard.
    pub(crate) async fn of(policy: &str, app: impl FnOnce(Guard) -> Router) -> Self {
        let (guard, folder) = guard(policy);
        let app = app(guard.clone()).into_make_service_with_connect_info::<SocketAddr>();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, guard, folder }
    }

    /// One service for every path: what it does with a request.
    pub(crate) async fn answering<F, A>(answer: F) -> Self
    where
        F: Fn(Request<Body>) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::start(Router::new().fallback(answer)).await
    }

    /// A service whose next answer's body comes from the returned sender.
    pub(crate) async fn streaming(content_type: &'static str) -> (Self, Source) {
        let (source, body) = channel();
        let slot = Arc::new(Mutex::new(Some(body)));
        let server = Self::answering(move |_| {
            let slot = slot.clone();
            async move {
                let body = slot.lock().await.take().unwrap();
                Response::builder().header("content-type", content_type).body(Body::new(body)).unwrap()
            }
        })
        .await;
        (server, source)
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Sends one request and reads its answer.
    pub(crate) async fn exchange(&self, request: impl AsRef<[u8]>) -> Reply {
        let mut client = self.connect().await;
        client.send(request.as_ref()).await;
        client.reply(request.as_ref().starts_with(b"HEAD")).await
    }

    /// Where the guard keeps its state.
    pub(crate) fn state(&self) -> std::path::PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) async fn records(&self) -> Vec<Record> {
        records(&self.guard, &self.folder).await
    }

    pub(crate) async fn record(&self) -> Record {
        self.records().await.pop().expect("a record")
    }

    /// The newest record, as soon as there are this many.
    pub(crate) async fn record_number(&self, count: usize) -> Record {
        let from = tokio::time::Instant::now();
        loop {
            let mut records = self.records().await;
            if records.len() >= count {
                return records.remove(count - 1);
            }
            assert!(from.elapsed() < WAIT, "no record");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

pub(crate) async fn records(guard: &Guard, folder: &TempDir) -> Vec<Record> {
    let (guard, state) = (guard.clone(), folder.path().join("state"));
    tokio::task::spawn_blocking(move || {
        guard.flush().unwrap();
        let entries = query(&state, &Filter::default()).unwrap();
        entries.into_iter().map(|entry| entry.unwrap().record).collect()
    })
    .await
    .unwrap()
}

/// Where a test puts the frames of a response.
#[derive(Clone)]
pub(crate) struct Source(mpsc::Sender<Result<Frame<Bytes>, BoxError>>);

impl Source {
    pub(crate) async fn send(&self, text: &str) {
        // A body that was dropped shows at the other end.
        let _ = self.0.send(Ok(Frame::data(Bytes::copy_from_slice(text.as_bytes())))).await;
    }

    pub(crate) async fn trailers(&self, trailers: HeaderMap) {
        self.0.send(Ok(Frame::trailers(trailers))).await.unwrap();
    }

    pub(crate) async fn fail(&self) {
        self.0.send(Err("the service broke".into())).await.unwrap();
    }

    /// The body was dropped.
    pub(crate) async fn closed(&self) {
        timeout(Duration::from_secs(1), self.0.closed())
            .await
            .expect("the inner body is closed within a second");
    }
}

pub(crate) struct ChannelBody(mpsc::Receiver<Result<Frame<Bytes>, BoxError>>);

impl http_body::Body for ChannelBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.poll_recv(cx)
    }
}

pub(crate) fn channel() -> (Source, ChannelBody) {
    let (sender, receiver) = mpsc::channel(16);
    (Source(sender), ChannelBody(receiver))
}

/// A connection.
pub(crate) struct Client {
    stream: TcpStream,
    received: Vec<u8>,
    taken: usize,
}

/// A response as it came over the wire.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: HashMap<String, String>,
    /// The connection broke before a well-formed end.
    pub(crate) aborted: bool,
}

impl Reply {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn problem(&self) -> serde_json::Value {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        let code = problem["code"].as_str().unwrap();
        assert_eq!(problem["type"], format!("urn:wardline:problem:{code}"), "{}", self.text());
        problem
    }

    pub(crate) fn code(&self) -> String {
        self.problem()["code"].as_str().unwrap().to_owned()
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, received: Vec::new(), taken: 0 }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends as far as the server still takes it.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// `false` where the connection ended.
    async fn more(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        let read = timeout(WAIT, self.stream.read(&mut piece)).await.expect("the server says something");
        let count = read.unwrap_or(0);
        self.received.extend_from_slice(&piece[..count]);
        count > 0
    }

    /// Waits until this text has arrived; what came before it, headers included.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        loop {
            let rest = &self.received[self.taken..];
            if let Some(at) = rest.windows(text.len()).position(|window| window == text.as_bytes()) {
                let end = at + text.len();
                let passed = String::from_utf8_lossy(&rest[..end]).into_owned();
                self.taken += end;
                return passed;
            }
            assert!(
                self.more().await,
                "ended before {text:?}: {:?}",
                String::from_utf8_lossy(&self.received)
            );
        }
    }

    /// All that still comes.
    pub(crate) async fn until_end(&mut self) -> String {
        while self.more().await {}
        let rest = String::from_utf8_lossy(&self.received[self.taken..]).into_owned();
        self.taken = self.received.len();
        rest
    }

    pub(crate) async fn line(&mut self) -> Option<String> {
        loop {
            let rest = &self.received[self.taken..];
            if let Some(at) = rest.windows(2).position(|window| window == b"\r\n") {
                let line = String::from_utf8_lossy(&rest[..at]).into_owned();
                self.taken += at + 2;
                return Some(line);
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn exactly(&mut self, count: usize) -> (Vec<u8>, bool) {
        while self.received.len() - self.taken < count {
            if !self.more().await {
                let rest = self.received[self.taken..].to_vec();
                self.taken = self.received.len();
                return (rest, false);
            }
        }
        let bytes = self.received[self.taken..self.taken + count].to_vec();
        self.taken += count;
        (bytes, true)
    }

    async fn fields(&mut self) -> Option<HashMap<String, String>> {
        let mut fields = HashMap::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Some(fields);
            }
            let (name, value) = line.split_once(':').unwrap();
            let earlier = fields.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            assert!(earlier.is_none(), "{name} is repeated");
        }
    }

    /// Reads one response.
    pub(crate) async fn reply(&mut self, head_only: bool) -> Reply {
        let mut reply = Reply {
            status: 0,
            headers: HashMap::new(),
            body: Vec::new(),
            trailers: HashMap::new(),
            aborted: true,
        };
        let Some(line) = self.line().await else { return reply };
        reply.status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let Some(headers) = self.fields().await else { return reply };
        reply.headers = headers;
        let length = reply.header("content-length").map(|length| length.parse::<usize>().unwrap());
        let chunked = reply.header("transfer-encoding").is_some_and(|coding| coding == "chunked");
        assert!(!(chunked && length.is_some()), "a length and chunks");
        if head_only || matches!(reply.status, 204 | 304) {
            reply.aborted = false;
        } else if let Some(length) = length {
            let (body, all) = self.exactly(length).await;
            (reply.body, reply.aborted) = (body, !all);
        } else if chunked {
            while let Some(line) = self.line().await {
                let size = usize::from_str_radix(&line, 16).unwrap();
                if size == 0 {
                    if let Some(trailers) = self.fields().await {
                        (reply.trailers, reply.aborted) = (trailers, false);
                    }
                    break;
                }
                let (piece, all) = self.exactly(size).await;
                reply.body.extend(piece);
                if !all || self.line().await.is_none() {
                    break;
                }
            }
        } else {
            while self.more().await {}
            reply.body = self.received[self.taken..].to_vec();
            self.taken = self.received.len();
            reply.aborted = false;
        }
        reply
    }
}
