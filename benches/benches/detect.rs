//! What a byte costs detection and masking, with the whole catalogue: clean prose, text full of findings, an answer of an
//! embedding service, and small events. Inputs are made here; `cargo bench -p wardline-benches --bench detect`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use wardline::detect::{Context, Detectors, catalogue};
use wardline::keys::Keys;
use wardline::mask::{Format, Masker, Plan, PlanSpec, Transform};
use wardline::model::Finding;

/// Numbers that look random and are the same in every run (a linear congruential generator).
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }
}

const WORDS: [&str; 102] = [
    "the",
    "request",
    "was",
    "served",
    "by",
    "worker",
    "after",
    "retry",
    "and",
    "connection",
    "closed",
    "with",
    "status",
    "while",
    "reading",
    "from",
    "upstream",
    "vector",
    "collection",
    "rebuilt",
    "index",
    "shard",
    "loaded",
    "model",
    "embedding",
    "batch",
    "queue",
    "drained",
    "cache",
    "warm",
    "of",
    "a",
    "in",
    "to",
    "for",
    "is",
    "no",
    "about",
    "neighbours",
    "when",
    "all",
    "rows",
    "were",
    "written",
    "this",
    "run",
    "took",
    "longer",
    "than",
    "before",
    "because",
    "many",
    "clients",
    "asked",
    "at",
    "once",
    "then",
    "some",
    "of",
    "them",
    "gave",
    "up",
    "we",
    "saw",
    "two",
    "nodes",
    "leave",
    "their",
    "group",
    "it",
    "had",
    "been",
    "quiet",
    "until",
    "morning",
    "people",
    "wondered",
    "what",
    "might",
    "happen",
    "next",
    "nobody",
    "knew",
    "why",
    "each",
    "graph",
    "grew",
    "faster",
    "over",
    "time",
    "so",
    "they",
    "measured",
    "every",
    "step",
    "passed",
    "authentic",
    "section",
    "keyboard",
    "access",
    "tokenizer",
    "private",
];

/// Log lines and sentences in which nothing is to be found.
fn prose(size: usize) -> Vec<u8> {
    let (mut text, mut random) = (String::new(), Random(1));
    while text.len() < size {
        text.push_str(&format!("2026-11-04T09:12:{:02}Z INFO ", random.next(60)));
        for _ in 0..8 + random.next(20) {
            text.push_str(WORDS[random.next(WORDS.len())]);
            text.push(' ');
        }
        text.push_str(&format!("took {} ms.\n", random.next(900)));
    }
    text.into_bytes()
}

/// A finding every forty bytes or so.
fn dense(size: usize) -> Vec<u8> {
    let (mut text, mut random) = (String::new(), Random(2));
    while text.len() < size {
        let n = random.next(900_000) + 100_000;
        text.push_str(&match random.next(9) {
            0 => format!("write to ada.{n}@example.org today, "),
            1 => "card 4111 1111 1111 1111 was charged; ".to_owned(),
            2 => format!("call +44 20 7946 {:04} now. ", n % 10_000),
            3 => format!("from 203.0.113.{} at night ", n % 250),
            4 => format!("token=ghp_Wardl1neExampleTokenNotReal{n}0123 "),
            5 => "pay to GB82 WEST 1234 5698 7654 32, ".to_owned(),
            6 => format!("api_key: Wardl1neExample{n}NotReal01\n"),
            7 => format!("password=hunter{n} "),
            _ => "his ssn is 123-45-6789, ".to_owned(),
        });
    }
    text.into_bytes()
}

/// Eight vectors of 768 floats with the texts they were made from.
fn embed() -> Vec<u8> {
    let (mut text, mut random) = (String::from("{\"object\":\"list\",\"data\":["), Random(3));
    for index in 0..8 {
        text.push_str(&format!("{{\"object\":\"embedding\",\"index\":{index},\"embedding\":["));
        for _ in 0..768 {
            text.push_str(&format!(
                "{}0.0{:016},",
                ["", "-"][random.next(2)],
                random.next(usize::MAX >> 34) * 1_000_003
            ));
        }
        text.pop();
        text.push_str("],\"text\":\"");
        text.push_str(&String::from_utf8_lossy(&prose(300)).replace('\n', " "));
        text.push_str("\"},");
    }
    text.pop();
    text.push_str(
        "],\"model\":\"text-embedding-3-small\",\"usage\":{\"prompt_tokens\":812,\"total_tokens\":812}}",
    );
    text.into_bytes()
}

/// Events of about a hundred bytes, as a model streams them.
fn events() -> Vec<Vec<u8>> {
    let mut random = Random(4);
    let event = |_| {
        let word = WORDS[random.next(WORDS.len())];
        format!("data: {{\"id\":\"chat-1\",\"object\":\"chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" {word}\"}}}}]}}\n\n")
            .into_bytes()
    };
    (0..1_000).map(event).collect()
}

fn detect(criterion: &mut Criterion) {
    let all = Detectors::all();
    let scan = |text: &[u8], found: &mut Vec<Finding>| {
        found.clear();
        all.scan(black_box(text), 0, &Context::default(), found);
        found.len()
    };
    let mut group = criterion.benchmark_group("detect");
    group.measurement_time(Duration::from_secs(3)).sample_size(20);
    for (name, text) in [("prose", prose(64 * 1024)), ("dense", dense(64 * 1024)), ("embed", embed())] {
        let mut found = Vec::new();
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| scan(&text, &mut found)));
    }
    let events = events();
    let mut found = Vec::new();
    group.throughput(Throughput::Bytes(events.iter().map(Vec::len).sum::<usize>() as u64));
    group.bench_function("sse, one call an event", |bencher| {
        bencher.iter(|| events.iter().map(|event| scan(event, &mut found)).sum::<usize>());
    });
    group.finish();
    let mut group = criterion.benchmark_group("start");
    group.sample_size(20);
    group.bench_function("compile every entity, catalogue read", |bencher| {
        bencher.iter_batched(|| (), |()| Detectors::all(), BatchSize::PerIteration);
    });
    group.finish();
}

/// Whole bodies, as a guard masks them: nothing in them changes.
fn mask(criterion: &mut Criterion) {
    let entities = catalogue().iter().map(|info| (info.entity, Transform::Redact)).collect();
    let plan = Plan::compile(PlanSpec { entities, ..PlanSpec::default() }).expect("a plan");
    let (plan, keys) = (Arc::new(plan), Keys::from_root([7; 32]));
    let mut group = criterion.benchmark_group("mask");
    group.measurement_time(Duration::from_secs(3)).sample_size(20);
    for (name, format, pieces) in [
        ("embedding response, JSON", Format::Json, vec![embed()]),
        ("1,000 events, one piece each", Format::Sse, events()),
        ("prose", Format::Text, vec![prose(64 * 1024)]),
    ] {
        let mut out = Vec::new();
        group.throughput(Throughput::Bytes(pieces.iter().map(Vec::len).sum::<usize>() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut masker = Masker::new(plan.clone(), format, keys.clone(), None);
                for piece in &pieces {
                    out.clear();
                    masker.push(black_box(piece), &mut out).expect("the body is of its format");
                }
                masker.finish(&mut out)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, detect, mask);
criterion_main!(benches);
