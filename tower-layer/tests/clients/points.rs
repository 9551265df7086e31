//! Two services of gRPC as generated code would have them, with messages as they are on the wire.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes};
use http::{Request, Response};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService};
use tower::{Service, service_fn};

/// Messages as bytes.
#[derive(Clone, Copy)]
pub(crate) struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// Qdrant's points: a page for every search but of a collection that is gone, and nothing for other calls.
#[derive(Clone, Default)]
pub(crate) struct Points {
    pub(crate) saw: Arc<Mutex<Vec<Bytes>>>,
}

impl NamedService for Points {
    const NAME: &'static str = "qdrant.Points";
}

impl Service<Request<Body>> for Points {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        let saw = self.saw.clone();
        let searched = request.uri().path().ends_with("/Search");
        let answer = service_fn(move |request: tonic::Request<Bytes>| {
            let message = request.into_inner();
            let gone = message.windows(4).any(|name| name == b"gone");
            saw.lock().unwrap().push(message);
            async move {
                if gone {
                    return Err(Status::not_found("no such collection"));
                }
                Ok(tonic::Response::new(if searched { page("rosa.lind@example.com") } else { Bytes::new() }))
            }
        });
        Box::pin(async move { Ok(Grpc::new(Raw).unary(answer, request).await) })
    }
}

type Message = Result<Bytes, Status>;

/// TorchServe's predictions: what a test sends, message by message.
#[derive(Clone)]
pub(crate) struct Predictions(Arc<Mutex<Option<mpsc::Receiver<Message>>>>);

impl Predictions {
    pub(crate) fn new() -> (mpsc::Sender<Message>, Self) {
        let (sender, receiver) = mpsc::channel(1);
        (sender, Self(Arc::new(Mutex::new(Some(receiver)))))
    }
}

impl NamedService for Predictions {
    const NAME: &'static str = "org.pytorch.serve.grpc.inference.InferenceAPIsService";
}

impl Service<Request<Body>> for Predictions {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        let stream = self.0.clone();
        let answer = service_fn(move |_: tonic::Request<Bytes>| {
            let stream = stream.lock().unwrap().take().expect("one call");
            async move { Ok::<_, Status>(tonic::Response::new(ReceiverStream::new(stream))) }
        });
        Box::pin(async move { Ok(Grpc::new(Raw).server_streaming(answer, request).await) })
    }
}

/// A field that holds bytes; all are short here.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

/// The payload of a point: a note.
fn payload(number: u8, note: &str) -> Vec<u8> {
    field(number, &[field(1, b"note"), field(2, &field(4, note.as_bytes()))].concat())
}

/// `SearchResponse`: one point.
pub(crate) fn page(note: &str) -> Bytes {
    field(1, &[field(1, &[8, 7]), payload(2, note)].concat()).into()
}

/// `SearchPoints`, of so many.
pub(crate) fn search(collection: &str, limit: u16) -> Bytes {
    let [low, high] = [limit & 0x7F | 0x80, limit >> 7].map(|part| u8::try_from(part).unwrap());
    let vector = field(2, &[0, 0, 0, 63, 0, 0, 128, 62]);
    [field(1, collection.as_bytes()), vector, vec![0x20, low, high]].concat().into()
}

/// `UpsertPoints`: one point.
pub(crate) fn upsert(note: &str) -> Bytes {
    [field(1, b"docs"), field(3, &[field(1, &[8, 7]), payload(3, note)].concat())].concat().into()
}

/// `DeletePoints`, of a collection.
pub(crate) fn delete() -> Bytes {
    field(1, b"docs").into()
}
