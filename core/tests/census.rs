//! The census of whole bodies, as the catalogue has their places (`tests/data/census`): exact, and the same at every cut.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use wardline::classify::{self, Entry};
use wardline::detect::entity;
use wardline::keys::Keys;
use wardline::mask::{Format, Masker, Plan, PlanSpec, Transform};
use wardline::model::Census;
use wardline::vector::{Counter, Paths};

struct Case {
    name: String,
    paths: &'static Paths,
    format: Format,
    body: Vec<u8>,
    /// Vectors, rows, texts and ids.
    counts: [u64; 4],
}

fn cases() -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/census");
    let table = std::fs::read_to_string(format!("{folder}/cases.tsv")).unwrap();
    let read = |line: &str| {
        let columns: Vec<_> = line.split('\t').collect();
        let [system, call, side, file, ..] = columns[..] else { panic!("{line}") };
        let entry = entry(system, call);
        let paths = if side == "request" { entry.request_census() } else { entry.response_census() };
        Case {
            name: format!("{call} {file}"),
            paths: paths.unwrap_or_else(|| panic!("{call}: no census of the {side}")),
            format: match file.rsplit_once('.').unwrap().1 {
                "sse" => Format::Sse,
                "jsonl" => Format::Ndjson,
                _ => Format::Json,
            },
            body: std::fs::read(format!("{folder}/{file}")).unwrap(),
            counts: [4, 5, 6, 7].map(|column: usize| columns[column].parse().unwrap()),
        }
    };
    // Files are counted by a reader of their own.
    let is_text = |line: &&str| [".json\t", ".jsonl\t", ".sse\t"].iter().any(|end| line.contains(end));
    table.lines().filter(|line| !line.starts_with('#')).skip(1).filter(is_text).map(read).collect()
}

/// The entry of a call: the one whose route fits its path.
fn entry(system: &str, call: &str) -> &'static Entry {
    let (method, path) = call.split_once(' ').unwrap();
    let path: Vec<_> = path.split('?').next().unwrap().split('/').collect();
    let fits = |entry: &&Entry| {
        let route: Vec<_> = entry.route().split('/').collect();
        let same =
            // `{index}:verb` is a segment that ends so.
            |(have, want): (&&str, &&str)| have == want
                || (have.starts_with('{') && !have.contains('?') && have.split_once('}').is_some_and(|(_, end)| want.ends_with(end)));
        entry.method() == method && route.len() == path.len() && route.iter().zip(&path).all(same)
    };
    let mut found: Vec<_> = classify::system(system).unwrap().entries().iter().filter(fits).collect();
    found.sort_by_key(|entry| entry.route().matches('{').count());
    found.first().copied().unwrap_or_else(|| panic!("{system}: no entry for {call}"))
}

fn census(case: &Case, plan: &Arc<Plan>, pieces: &[&[u8]]) -> Census {
    let counter = Counter::new(case.paths).unwrap();
    let masker = Masker::new(Arc::clone(plan), case.format, Keys::from_root([1; 32]), Some(counter));
    let report =
        masker.whole(pieces.iter().copied()).unwrap_or_else(|fault| panic!("{}: {fault:?}", case.name));
    report.1.census.unwrap()
}

fn plans() -> [Arc<Plan>; 2] {
    let detects =
        PlanSpec { entities: vec![(entity("email").unwrap(), Transform::Redact)], ..PlanSpec::default() };
    [PlanSpec::default(), detects].map(|spec| Arc::new(Plan::compile(spec).unwrap()))
}

#[test]
fn every_body_is_counted_exactly() {
    for case in cases() {
        for plan in plans() {
            let Census { vectors, rows, texts, ids_total, ids, .. } = census(&case, &plan, &[&case.body]);
            assert_eq!([vectors, rows, texts, ids_total], case.counts, "{}: {ids:?}", case.name);
        }
    }
}

#[test]
fn every_cut_counts_the_same() {
    for case in cases() {
        for plan in plans() {
            let whole = census(&case, &plan, &[&case.body]);
            for at in 0..=case.body.len() {
                let (before, after) = case.body.split_at(at);
                assert_eq!(census(&case, &plan, &[before, after]), whole, "{} cut at {at}", case.name);
            }
            let bytes: Vec<_> = case.body.chunks(1).collect();
            assert_eq!(census(&case, &plan, &bytes), whole, "{} byte by byte", case.name);
        }
    }
}
