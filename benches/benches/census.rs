//! What counting costs: nanoseconds a vector of 768 floats, read along with what stands around it.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wardline::classify;
use wardline::keys::Keys;
use wardline::mask::{Format, Masker, Plan, PlanSpec};
use wardline::protobuf::{write_bytes, write_varint};
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

/// The same page as a message of gRPC: five bytes, then points with the bytes of their floats.
fn message() -> Vec<u8> {
    let mut page = Vec::new();
    for n in 0..VECTORS as u64 {
        let floats: Vec<u8> = (0..DIMENSIONS).flat_map(|_| 0.5_f32.to_le_bytes()).collect();
        let within = |number, bytes: &[u8]| {
            let mut out = Vec::new();
            write_bytes(number, bytes, &mut out);
            out
        };
        let title = [within(1, b"title"), within(2, &within(4, b"a title"))].concat();
        let mut id = vec![8];
        write_varint(n, &mut id);
        // RetrievedPoint: id 1, payload 2, vectors 4 { vector 1 { dense 101 { data 1 } } }
        let vector = within(4, &within(1, &within(101, &within(1, &floats))));
        write_bytes(2, &[within(1, &id), within(2, &title), vector].concat(), &mut page);
    }
    let length = u32::try_from(page.len()).expect("a length");
    [&[0][..], &length.to_be_bytes(), &page].concat()
}

/// Counts a body and looks for nothing.
fn count(body: &[u8], piece: usize, format: Format, places: &Places, (nothing, keys): (&Arc<Plan>, &Keys)) {
    let counter = Counter::at(places);
    let mut masker = Masker::new(Arc::clone(nothing), format, keys.clone(), Some(counter));
    let mut out = Vec::new();
    for piece in black_box(body).chunks(piece) {
        // What may go on leaves before the next piece comes.
        out.clear();
        masker.push(piece, &mut out).expect("a body of its format");
    }
    masker.finish(&mut out).expect("a body of its format");
    assert_eq!(masker.census().map(|census| census.vectors), Some(VECTORS as u64));
}

fn census(c: &mut Criterion) {
    let system = classify::system("qdrant").expect("a system");
    let paths = |route| {
        let entry = system.entries().iter().find(|entry| entry.route() == route).expect("an entry");
        entry.response_census().expect("a census")
    };
    let nothing = Arc::new(Plan::compile(PlanSpec::default()).expect("a plan"));
    // A guard derives its keys once.
    let keys = Keys::from_root([1; 32]);
    let by = (&nothing, &keys);
    let mut group = c.benchmark_group("census");
    // The figure of one element is that of one vector.
    group.throughput(Throughput::Elements(VECTORS as u64));
    let places = Places::compile(paths("/collections/{collection_name}/points/scroll")).expect("paths");
    let body = page(floats);
    for (name, piece) in [("whole", usize::MAX), ("64 KiB a piece", 64 << 10), ("8 KiB a piece", 8 << 10)] {
        group.bench_function(format!("64 JSON vectors of 768 floats, {name}"), |b| {
            b.iter(|| count(&body, piece, Format::Json, &places, by));
        });
    }
    let paths = paths("/qdrant.Points/Scroll");
    let places = Places::compile(paths).expect("paths");
    let (body, schema) = (message(), paths.message.expect("a message"));
    group.bench_function("64 vectors of 768 floats over gRPC, 16 KiB a piece", |b| {
        b.iter(|| {
            count(&body, 16 << 10, Format::Grpc(schema, wardline::coding::Packing::Plain), &places, by)
        });
    });
    group.finish();
}

criterion_group!(benches, census);
criterion_main!(benches);
