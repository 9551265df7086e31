//! What counting costs: nanoseconds a vector of 768 floats, read along with what stands around it.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wardline::classify;
use wardline::keys::Keys;
use wardline::mask::{Format, Masker, Plan, PlanSpec};
use wardline::vector::{Counter, Places};

const VECTORS: usize = 64;
const DIMENSIONS: usize = 768;

/// A page of points as a vector database answers it.
fn page(vector: impl Fn(usize) -> String) -> Vec<u8> {
    let point = |n| {
        format!(
            r#"{{"id":{n},"version":3,"score":0.5,"payload":{{"title":"a title"}},"vector":{}}}"#,
            vector(n)
        )
    };
    let points: Vec<_> = (0..VECTORS).map(point).collect();
    format!(r#"{{"result":{{"points":[{}]}},"status":"ok","time":0.001}}"#, points.join(",")).into_bytes()
}

fn floats(seed: usize) -> String {
    let mut state = seed as u64 + 1;
    let numbers: Vec<_> = (0..DIMENSIONS)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let float = (state >> 40) as f64 / f64::from(1 << 23) - 1.0;
            format!("{float:.7}")
        })
        .collect();
    format!("[{}]", numbers.join(","))
}

fn census(c: &mut Criterion) {
    let route = "/collections/{collection_name}/points/scroll";
    let system = classify::system("qdrant").expect("a system");
    let entry = system.entries().iter().find(|entry| entry.route() == route).expect("an entry");
    let places = Places::compile(entry.response_census().expect("a census")).expect("paths");
    let nothing = Arc::new(Plan::compile(PlanSpec::default()).expect("a plan"));
    let body = page(floats);
    let mut group = c.benchmark_group("census");
    // The figure of one element is that of one vector.
    group.throughput(Throughput::Elements(VECTORS as u64));
    for (name, piece) in [("64 KiB a piece", 64 << 10), ("8 KiB a piece", 8 << 10)] {
        group.bench_function(format!("64 JSON vectors of 768 floats, {name}"), |b| {
            b.iter(|| {
                let counter = Counter::at(&places);
                let mut masker =
                    Masker::new(Arc::clone(&nothing), Format::Json, Keys::from_root([1; 32]), Some(counter));
                let mut out = Vec::new();
                for piece in black_box(&body).chunks(piece) {
                    masker.push(piece, &mut out).expect("JSON");
                }
                masker.finish(&mut out).expect("JSON");
                assert_eq!(masker.census().map(|census| census.vectors), Some(VECTORS as u64));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, census);
criterion_main!(benches);
