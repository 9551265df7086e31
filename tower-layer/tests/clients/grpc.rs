//! tonic over sockets: its server under the layer, its channel within it. What is masked, refused, cut and streamed is
//! what clients of gRPC see.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Request, Response};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tonic::body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::server::NamedService;
use tonic::transport::server::{TcpConnectInfo, TcpIncoming};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Status};
use tower::{Service, ServiceBuilder};
use wardline::guard::Guard;
use wardline::identity::Identity;
use wardline_tower::{GuardLayer, RequestBody};

use crate::points::{Points, Predictions, Raw, delete, page, search, upsert};
use crate::{guard, records};

const POLICY: &str = r#"
version: 1
state: ./state
identity: {headers: {subject: x-user}, trusted_peers: [127.0.0.1]}
groups: {security: [sam]}
approval: {steps: [{from: [security]}]}
services:
  served: {system: qdrant}
rules:
  - {name: use, who: ["user:*"], operations: [vector.search, vector.upsert], effect: allow}
  - {name: keep, who: ["user:*"], operations: [vector.delete], effect: deny, because: "Points are kept: 100 %"}
  - {name: bulk, who: ["user:*"], operations: [vector.export], effect: hold}
mask:
  - {name: mail, entities: {email: redact}}
"#;

const PREDICTIONS: &str = r#"
version: 1
state: ./state
identity: {headers: {subject: x-user}, trusted_peers: [127.0.0.1]}
services:
  models: {system: torchserve}
rules:
  - {name: use, who: ["user:*"], operations: ["inference.*"], effect: allow}
mask:
  - {name: mail, entities: {email: redact}}
"#;

const CLEAR: &str = "rosa.lind@example.com";
const WAIT: Duration = Duration::from_secs(10);

/// Serves it, guarded or not, and says where.
async fn serve<S>(service: S, guard: Option<Guard>) -> SocketAddr
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = TcpIncoming::from(listener);
    match guard {
        Some(guard) => {
            let layer = GuardLayer::new(guard)
                .peer(|extensions| Some(extensions.get::<TcpConnectInfo>()?.remote_addr()?.ip()));
            let server = Server::builder().layer(layer).add_service(service);
            tokio::spawn(server.serve_with_incoming(incoming));
        }
        None => {
            let server = Server::builder().add_service(service);
            tokio::spawn(server.serve_with_incoming(incoming));
        }
    }
    address
}

async fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

/// What a generated client does with a method.
async fn call<T>(client: &mut Grpc<T>, method: &'static str, message: Bytes) -> Result<Bytes, Status>
where
    T: GrpcService<Body>,
    T::Error: std::fmt::Debug,
    T::ResponseBody: http_body::Body + Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    client.ready().await.unwrap();
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("x-user", "ana".parse().unwrap());
    let path = PathAndQuery::from_static(method);
    client.unary(request, path, Raw).await.map(tonic::Response::into_inner)
}

fn told<'s>(status: &'s Status, name: &str) -> Option<&'s str> {
    status.metadata().get(name)?.to_str().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_tonic_is_masked_and_its_statuses_pass() {
    let (guard, folder) = guard(POLICY);
    let points = Points::default();
    let mut client = Grpc::new(channel(serve(points.clone(), Some(guard.clone())).await).await);

    let found = call(&mut client, "/qdrant.Points/Search", search("docs", 3)).await.unwrap();
    assert_eq!(found, page("[EMAIL]"));
    call(&mut client, "/qdrant.Points/Upsert", upsert(CLEAR)).await.unwrap();
    assert_eq!(points.saw.lock().unwrap().pop().unwrap(), upsert("[EMAIL]"));

    let status = call(&mut client, "/qdrant.Points/Search", search("gone", 3)).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "no such collection"));
    assert_eq!(told(&status, "wardline-code"), None);

    let records = records(&guard, &folder).await;
    assert_eq!(records.len(), 3);
    assert!(records.iter().all(|record| record.identity.as_ref().unwrap().subject == "ana"));
    let census = records[0].response.as_ref().unwrap().census.as_ref().unwrap();
    assert_eq!((census.rows, census.ids.clone()), (1, vec!["7".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_a_status_that_says_why_and_never_reaches_the_server() {
    let (guard, folder) = guard(POLICY);
    let points = Points::default();
    let mut client = Grpc::new(channel(serve(points.clone(), Some(guard.clone())).await).await);

    let status = call(&mut client, "/qdrant.Points/Delete", delete()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "Points are kept: 100 %"));
    assert_eq!(told(&status, "wardline-code"), Some("denied"));
    let record = told(&status, "wardline-record").unwrap().to_owned();

    let status = call(&mut client, "/qdrant.Points/Search", search("docs", 2_000)).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert_eq!(told(&status, "wardline-code"), Some("approval_required"));
    assert!(told(&status, "wardline-approval").is_some_and(|approval| approval.starts_with("apr_")));

    assert_eq!(*points.saw.lock().unwrap(), Vec::<Bytes>::new());
    assert_eq!(records(&guard, &folder).await[0].id.to_string(), record);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_passes_message_by_message_and_is_cut_with_a_status() {
    let (guard, _folder) = guard(PREDICTIONS);
    let (source, predictions) = Predictions::new();
    let mut client = Grpc::new(channel(serve(predictions, Some(guard)).await).await);
    client.ready().await.unwrap();
    let mut request = tonic::Request::new(Bytes::from_static(b"\x0a\x03bge"));
    request.metadata_mut().insert("x-user", "ana".parse().unwrap());
    let path = "/org.pytorch.serve.grpc.inference.InferenceAPIsService/StreamPredictions";
    let path = PathAndQuery::from_static(path);
    let mut stream = client.server_streaming(request, path, Raw).await.unwrap().into_inner();
    // Each is there before the next one is sent.
    for message in [&b"\x0a\x05first"[..], b"\x0a\x06second"] {
        source.send(Ok(Bytes::from_static(message))).await.unwrap();
        let passed = timeout(WAIT, stream.message()).await.unwrap().unwrap().unwrap();
        assert_eq!(passed, message);
    }
    // What is in it cannot be masked, for nobody knows its fields: it does not go on.
    source.send(Ok(Bytes::from_static(b"\x0a\x15rosa.lind@example.com"))).await.unwrap();
    let status = timeout(WAIT, stream.message()).await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert_eq!(told(&status, "wardline-code"), Some("unmaskable_response"));
    timeout(WAIT, source.closed()).await.expect("the server is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_a_channel_of_tonic_sends_pass_the_guard() {
    let points = Points::default();
    let address = serve(points.clone(), None).await;
    let (guard, folder) =
        guard(&POLICY.replace("{system: qdrant}", &format!("{{system: qdrant, hosts: [\"{address}\"]}}")));
    let channel = channel(address).await;

    let channel = ServiceBuilder::new()
        .layer(GuardLayer::egress(guard.clone(), Identity::new("svc-ingest")))
        .map_request(|request: Request<RequestBody<Body>>| request.map(Body::new))
        .service(channel);
    let mut client = Grpc::with_origin(channel, format!("http://{address}").parse().unwrap());

    let found = call(&mut client, "/qdrant.Points/Search", search("docs", 3)).await.unwrap();
    assert_eq!(found, page("[EMAIL]"));
    call(&mut client, "/qdrant.Points/Upsert", upsert(CLEAR)).await.unwrap();
    assert_eq!(points.saw.lock().unwrap().pop().unwrap(), upsert("[EMAIL]"));
    let status = call(&mut client, "/qdrant.Points/Delete", delete()).await.unwrap_err();
    assert_eq!((status.code(), told(&status, "wardline-code")), (Code::PermissionDenied, Some("denied")));
    assert_eq!(points.saw.lock().unwrap().len(), 1, "it was never sent");

    let records = records(&guard, &folder).await;
    let who = |record: &wardline::audit::Record| record.identity.as_ref().unwrap().subject.clone();
    assert_eq!(records.iter().map(who).collect::<Vec<_>>(), ["svc-ingest"; 3]);
    assert!(records.iter().all(|record| record.door.as_deref() == Some("tower-egress")));
}
