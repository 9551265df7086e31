//! Three guarded services in a row: what came through them is sealed, and the last one asks for it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::IntoResponse;
use tempfile::TempDir;
use tower::{Layer, ServiceExt};
use wardline::guard::Guard;
use wardline::identity::Identity;
use wardline::policy::Policy;
use wardline_tower::GuardLayer;

/// A guard of the service called `name` in its own folder.
fn guard(folder: &TempDir, name: &str, peers: &[String], rules: &str) -> Guard {
    let text = format!(
        "version: 1
state: ./state
identity: {{hops: {{name: {name}{}}}}}
services:
  own: {{system: qdrant, hosts: [{name}]}}
  ingest: {{system: qdrant, hosts: [ingest], sealed_for: ingest}}
  registry: {{system: qdrant, hosts: [registry], sealed_for: registry}}
rules:
{rules}
",
        if peers.is_empty() { String::new() } else { format!(", peers: [{}]", peers.join(", ")) }
    );
    let text =
        text.replace(&format!("  {name}: {{system: qdrant, hosts: [{name}], sealed_for: {name}}}\n"), "");
    Guard::new(Policy::parse(&text, &folder.path().join("wardline.yaml").display().to_string()).unwrap())
}

fn request(host: &str, who: Option<Arc<Identity>>) -> Request {
    let mut request = Request::get(format!("http://{host}/collections")).body(Body::empty()).unwrap();
    if let Some(who) = who {
        request.extensions_mut().insert(who);
    }
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registry_is_reached_through_the_ingestion_worker_only() {
    let names = ["gateway", "ingest", "registry"];
    let folders = names.map(|_| tempfile::tempdir().unwrap());
    let allow = "  - {name: all, who: ['*'], operations: ['*'], effect: allow}";
    let through =
        "  - {name: through, who: ['group:training'], operations: ['*'], via: [ingest], effect: allow}";
    // Each is known to the others by its public key.
    let peers: Vec<String> = names
        .iter()
        .zip(&folders)
        .map(|(name, folder)| {
            let key = guard(folder, name, &[], allow).hop_key().unwrap();
            format!("{{key: '{key}'{}}}", if *name == "gateway" { ", begins: true" } else { "" })
        })
        .collect();
    let [gateway, ingest, registry] =
        [("gateway", allow), ("ingest", allow), ("registry", through)].map(|(name, rules)| {
            let at = names.iter().position(|one| *one == name).unwrap();
            guard(&folders[at], name, &peers, rules)
        });

    let seen = |request: Request| async move {
        let who = request.extensions().get::<Arc<Identity>>().cloned().unwrap();
        assert!(!request.headers().contains_key("wardline-hop"), "what was for the guard goes no further");
        let hops: Vec<_> = who.hops.iter().map(|hop| hop.workload.as_str()).collect();
        format!("{} through {}", who.subject, hops.join(", "))
    };
    // What stands in extensions does not cross a network.
    let far = |router: Router| {
        router.layer(tower::util::MapRequestLayer::new(|mut asked: Request| {
            asked.extensions_mut().clear();
            asked
        }))
    };
    let registry = far(Router::new().fallback(seen).layer(GuardLayer::new(registry)));
    let onward = GuardLayer::egress(ingest.clone(), Identity::new("ingest")).layer(registry.clone());
    let worker = move |asked: Request| {
        let onward = onward.clone();
        async move {
            let who = asked.extensions().get::<Arc<Identity>>().cloned();
            onward.oneshot(request("registry", who)).await.into_response()
        }
    };
    let worker = far(Router::new().fallback(worker).layer(GuardLayer::new(ingest.clone())));

    let ana = Arc::new(Identity::new("ana").with_groups(["training"]));
    let to = |service: Router| GuardLayer::egress(gateway.clone(), Identity::new("gateway")).layer(service);
    let answer = to(worker).oneshot(request("ingest", Some(ana.clone()))).await.unwrap();
    assert_eq!(answer.status(), 200);
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    assert_eq!(body, "ana through gateway, ingest");

    // The same caller, without the worker between.
    let answer = to(registry.clone()).oneshot(request("registry", Some(ana.clone()))).await.unwrap();
    assert_eq!(answer.status(), 403);
    // The worker names a caller who never came to it.
    let forging = GuardLayer::egress(ingest, Identity::new("ingest")).layer(registry);
    let answer = forging.oneshot(request("registry", Some(ana))).await.unwrap();
    assert_eq!(answer.status(), 401);
}
