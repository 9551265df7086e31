//! Times each decision and each exchange by itself and prints the percentiles, bare and guarded in turn.
//!
//! `cargo run --release --package wardline-benches --bin percentiles`

use std::convert::Infallible;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, ServiceExt};
use wardline::audit::Ending;
use wardline::guard::{Caller, Guard, Step};
use wardline::identity::Identity;
use wardline::model::Subject;
use wardline_benches::{answer, guard, guard_in, head, service};
use wardline_tower::GuardLayer;

const ROUNDS: usize = 20_000;

fn main() {
    let granted = guard(1_000);
    let plain = "/collections/docs/points/7";
    times("begin to verdict, 50 rules, 1,000 grants", || verdict(&granted, "/collections/docs/snapshots/s1"));
    times("begin to verdict, 50 rules, no grant asked", || verdict(&granted, plain));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for floats in [192, 768] {
        let body = Bytes::from(answer(floats));
        println!("-- {} byte answer, {floats} floats, 3 findings", body.len());
        let engine = guard(0);
        times("engine alone, records kept in memory", || exchange(&engine, &body));
        let folder = std::env::temp_dir().join(format!("wardline-percentiles-{}", std::process::id()));
        let engine = guard_in(&folder.display().to_string(), 0);
        times("engine alone, records go to disk", || exchange(&engine, &body));
        let layered = GuardLayer::new(engine).layer(service(body.clone()));
        times("through Tower, records go to disk", || runtime.block_on(call(&layered)));
        drop(layered);
        let _ = std::fs::remove_dir_all(folder);
        let bare = service(body.clone());
        let layered = GuardLayer::new(guard(0)).layer(service(body));
        times("bare service", || runtime.block_on(call(&bare)));
        times("through Tower, records kept in memory", || runtime.block_on(call(&layered)));
    }
}

/// Runs something that times itself many times and prints how long it took.
fn times(name: &str, mut run: impl FnMut() -> Duration) {
    (0..ROUNDS / 10).for_each(|_| _ = run());
    let mut all: Vec<Duration> = (0..ROUNDS).map(|_| run()).collect();
    all.sort_unstable();
    let at = |percent: usize| all.get(ROUNDS * percent / 100).map_or(0.0, |time| time.as_secs_f64() * 1e6);
    println!("{name:<44} p50 {:>7.2}  p90 {:>7.2}  p99 {:>7.2} us", at(50), at(90), at(99));
}

fn verdict(guard: &Guard, target: &str) -> Duration {
    let (subject, caller) = (Subject::Http(head(http::Method::GET, target)), caller());
    let start = Instant::now();
    let mut exchange = guard.begin(subject, caller, "bench");
    let step = exchange.step();
    let took = start.elapsed();
    assert!(matches!(step, Step::Forward(_) | Step::Effect(_)));
    took
}

fn exchange(guard: &Guard, body: &Bytes) -> Duration {
    let (subject, caller) = (Subject::Http(head(http::Method::GET, "/collections/docs/points/7")), caller());
    let mut headers = http::HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    let start = Instant::now();
    let mut exchange = guard.begin(subject, caller, "bench");
    assert!(matches!(exchange.step(), Step::Forward(_)));
    let passage = exchange.response_head(http::StatusCode::OK, &headers);
    let mut out = Vec::with_capacity(body.len());
    let flow = exchange.response(body, &mut out);
    let end = exchange.response_end(&mut out);
    exchange.finish(Ending::Complete);
    let took = start.elapsed();
    let _ = black_box((passage, flow, end, out));
    took
}

async fn call<S, A>(service: &S) -> Duration
where
    S: Service<http::Request<Full<Bytes>>, Response = http::Response<A>, Error = Infallible> + Clone,
    A: http_body::Body,
    A::Error: std::fmt::Debug,
{
    let mut request = http::Request::new(Full::new(Bytes::new()));
    *request.uri_mut() = http::Uri::from_static("/collections/docs/points/7");
    request.extensions_mut().insert(Identity::new("user-7"));
    let start = Instant::now();
    let response = service.clone().oneshot(request).await.expect("infallible");
    black_box(response.into_body().collect().await.expect("a body").to_bytes());
    start.elapsed()
}

fn caller() -> Caller {
    Caller::verified(Identity::new("user-7"))
}
