//! The decision alone, and the whole exchange through the engine and through Tower.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt};
use wardline::audit::Ending;
use wardline::classify;
use wardline::guard::{Caller, Step};
use wardline::identity::Identity;
use wardline::keys::Keys;
use wardline::model::Subject;
use wardline::model::{Act, Operation};
use wardline::policy::{Facts, Look, NoGrants, Policy};
use wardline::store::MemoryStore;
use wardline::watch::{History, Learner, Profile, Visit};
use wardline_benches::{answer, guard, head, policy, service};
use wardline_tower::GuardLayer;

fn decision(c: &mut Criterion) {
    let policy = policy();
    let service = policy.service("vectors").expect("the service");
    let request = head(http::Method::GET, "/collections/docs/points/7");
    let ana = Identity::new("user-7").with_groups(["analysts", "staff"]);
    c.bench_function("classify + decide, 50 rules", |b| {
        b.iter(|| {
            let classify::Outcome::Done(done) = classify::http(service.system, black_box(&request), "")
            else {
                panic!("known by its head")
            };
            let facts = Facts::of(&ana, Some(service), &done.acts);
            policy.decide(&facts, &NoGrants)
        });
    });

    let guard = guard(1_000);
    for (name, method, target) in [
        ("guard: begin to verdict, allowed, 1,000 grants", http::Method::GET, "/collections/docs/points/7"),
        (
            "guard: begin to verdict, under one of 1,000 grants",
            http::Method::GET,
            "/collections/docs/snapshots/s1",
        ),
    ] {
        let request = head(method, target);
        c.bench_function(name, |b| {
            b.iter_batched(
                || (Subject::Http(request.clone()), Caller::verified(ana.clone())),
                |(subject, caller)| {
                    let mut exchange = guard.begin(subject, caller, "bench");
                    let step = exchange.step();
                    // The verdict is there: a forward, or the begin record that a high risk writes first.
                    assert!(matches!(step, Step::Forward(_) | Step::Effect(_)));
                    exchange
                },
                criterion::BatchSize::SmallInput,
            );
        });
    }
}

/// What a decision pays for `watch` where nothing is new.
fn look_back(c: &mut Criterion) {
    let keys = Keys::ephemeral().expect("keys");
    let (store, history) = (MemoryStore::new(), History::new(&keys));
    let mut learner = Learner::open(&store, &history).expect("a learner");
    let source = "192.0.2.7".parse().ok();
    let at = wardline::clock::Timestamp::from_millis(1_764_000_000_000);
    for n in 0..10_000 {
        let identity = &Identity::new(format!("user-{n}"));
        let place = history.place(source, identity);
        for operations in [&[Operation::VectorSearch][..], &[Operation::VectorFetch, Operation::DataRead]] {
            learner.note(
                &history,
                &Visit { identity, service: "vectors", operations, place, credential: None, at },
            );
        }
    }
    let ana = Identity::new("user-7");
    let acts = [Act::new(Operation::VectorSearch, "docs")];
    for (name, watch) in [
        ("look back, 10,000 callers, first_seen", "watch: {first_seen: {effect: raise}}"),
        (
            "look back, 10,000 callers, first_seen, burst and new_network",
            "watch: {first_seen: {effect: raise}, burst: {effect: raise}, new_network: {effect: raise}}",
        ),
        ("look back, a policy that does not watch", ""),
    ] {
        let text = format!(
            "version: 1\nstate: memory\nthresholds: {{hold: never}}\nservices: {{vectors: {{system: qdrant}}}}\n{watch}\n"
        );
        let policy = Policy::parse(&text, "bench.yaml").expect("a policy");
        let facts = Facts { source, at, ..Facts::of(&ana, policy.service("vectors"), &acts) };
        c.bench_function(name, |b| {
            b.iter(|| {
                policy.watch()?;
                let (since, place) = (history.since(), history.place(black_box(facts.source), &ana));
                let (away, credential, touched) = (false, None, false);
                let look = |profile: Option<&Profile>| {
                    policy.unusual(&facts, &Look { profile, since, away, place, credential, touched })
                };
                let unusual = history.of(black_box(&ana), look);
                assert!(unusual.is_empty());
                Some(unusual)
            });
        });
    }
}

fn whole(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for floats in [192, 768] {
        let body = Bytes::from(answer(floats));
        let name = |what: &str| format!("{what}, {} byte answer, {floats} floats, 3 findings", body.len());

        let engine = guard(0);
        let request = head(http::Method::GET, "/collections/docs/points/7");
        let mut headers = http::HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        let ana = Identity::new("user-7");
        c.bench_function(&name("engine alone"), |b| {
            b.iter(|| {
                let caller = Caller::verified(ana.clone());
                let mut exchange = engine.begin(Subject::Http(request.clone()), caller, "bench");
                assert!(matches!(exchange.step(), Step::Forward(_)));
                let passage = exchange.response_head(http::StatusCode::OK, &headers);
                let mut out = Vec::with_capacity(body.len());
                let flow = exchange.response(&body, &mut out);
                let end = exchange.response_end(&mut out);
                exchange.finish(Ending::Complete);
                black_box((passage, flow, end, out))
            });
        });

        let bare = service(body.clone());
        let layered = GuardLayer::new(guard(0)).layer(bare);
        c.bench_function(&name("through Tower"), |b| {
            b.iter(|| {
                runtime.block_on(async {
                    let mut request = http::Request::new(Full::new(Bytes::new()));
                    *request.uri_mut() = http::Uri::from_static("/collections/docs/points/7");
                    request.extensions_mut().insert(ana.clone());
                    let response = layered.clone().oneshot(request).await.expect("infallible");
                    black_box(response.into_body().collect().await.expect("a body").to_bytes())
                })
            });
        });
    }
}

criterion_group!(benches, decision, look_back, whole);
criterion_main!(benches);
