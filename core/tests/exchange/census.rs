//! What the record says of each body of `tests/data/census` when it went through an exchange.

use std::fs;

use wardline::guard::Guard;
use wardline::model::Census;

use crate::{Service, exchange, exchanges, head};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/census");

#[test]
fn counts_reach_the_record() {
    let table = fs::read_to_string(format!("{FOLDER}/cases.tsv")).unwrap();
    let lines = || table.lines().filter(|line| !line.starts_with('#')).skip(1);
    let cases: Vec<Vec<&str>> = lines().map(|line| line.split('\t').collect()).collect();
    // A command has no body on a wire.
    let cases: Vec<_> = cases.iter().filter(|case| !case[1].starts_with("CMD ")).collect();
    let systems: std::collections::BTreeSet<&str> = cases.iter().map(|case| case[0]).collect();
    let services: Vec<_> = systems
        .iter()
        .map(|name| {
            format!(
                "  {name}: {{system: {name}, base_path: /{name}, thresholds: {{hold: never, deny: never}}}}\n"
            )
        })
        .collect();
    let policy = format!(
        "version: 1\nstate: ./state\nidentity: {{headers: {{subject: x-user}}, trusted_peers: [127.0.0.1]}}\nservices:\n{}\
         rules:\n  - {{name: all, who: [\"*\"], operations: [\"*\"], effect: allow}}\n",
        services.concat()
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    fs::write(&path, policy).unwrap();
    let guard = Guard::from_file(&path).unwrap();

    for case in &cases {
        let (method, target) = case[1].split_once(' ').unwrap();
        let body = fs::read(format!("{FOLDER}/{}", case[3])).unwrap();
        let kind = content_type(case[3]);
        let request = head(
            method,
            &format!("/{}{target}", case[0]),
            &[
                ("x-user", "ana"),
                ("content-type", if case[2] == "request" { kind } else { "application/json" }),
            ],
        );
        let mut headers = http::HeaderMap::new();
        headers.insert("content-type", kind.parse().unwrap());
        let sent: &[u8] = match (case[2], method) {
            ("request", _) => &body,
            (_, "GET") => b"",
            _ => b"{}",
        };
        let chunks =
            if case[2] == "response" { body.chunks(11).map(<[u8]>::to_vec).collect() } else { vec![] };
        let seen = exchange(&guard, request, sent, &Service { status: 200, headers, chunks });
        assert_eq!(seen.status, 200, "{case:?}");
    }
    drop(guard);
    let records = exchanges(&folder.path().join("state"));
    assert_eq!(records.len(), cases.len());
    for (case, entry) in cases.iter().zip(records) {
        let passed = if case[2] == "request" { entry.record.request } else { entry.record.response };
        let Census { vectors, rows, texts, ids_total, .. } =
            passed.and_then(|passed| passed.census).unwrap_or_default();
        let counts = [vectors, rows, texts, ids_total].map(|count| count.to_string());
        assert_eq!(counts.as_slice(), &case[4..8], "{case:?}");
    }
}

/// What a sample body is, by its name.
pub(crate) fn content_type(file: &str) -> &'static str {
    match file.rsplit_once('.').unwrap().1 {
        "sse" => "text/event-stream",
        "jsonl" => "application/x-ndjson",
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}
