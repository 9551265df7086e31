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
            // Their bodies are no object.
            _ if ["/graphql/batch", "/_msearch"].iter().any(|end| target.ends_with(end)) => b"",
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

/// A plan that cannot read a file, and lets it pass, does not keep it from being counted.
#[test]
fn a_file_that_passes_unmasked_is_counted_both_ways() {
    let policy = "version: 1\nstate: ./state\nidentity: {headers: {subject: x-user}, trusted_peers: [127.0.0.1]}\n\
         services: {files: {system: s3, thresholds: {hold: never, deny: never}}}\n\
         rules: [{name: all, who: [\"*\"], operations: [\"*\"], effect: allow}]\n\
         mask: [{name: mail, entities: {email: redact}, unmaskable: pass}]\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    fs::write(&path, policy).unwrap();
    let guard = Guard::from_file(&path).unwrap();
    let body = fs::read(format!("{FOLDER}/files/export.npy")).unwrap();
    let octets = ("content-type", "application/octet-stream");
    let mut headers = http::HeaderMap::new();
    headers.insert(octets.0, octets.1.parse().unwrap());
    let put = head("PUT", "/vectors/export.npy", &[("x-user", "ana"), octets]);
    let get = head("GET", "/vectors/export.npy", &[("x-user", "ana")]);
    let stored = Service { status: 200, headers: http::HeaderMap::new(), chunks: vec![] };
    let held = Service { status: 200, headers, chunks: body.chunks(11).map(<[u8]>::to_vec).collect() };
    assert_eq!(exchange(&guard, put, &body, &stored).status, 200);
    assert_eq!(exchange(&guard, get, b"", &held).status, 200);
    drop(guard);
    let records = exchanges(&folder.path().join("state"));
    let of = |passed: &Option<Box<wardline::audit::Passed>>| {
        passed.as_ref().and_then(|passed| passed.census.as_ref()).map(|census| census.vectors)
    };
    assert_eq!((of(&records[0].record.request), of(&records[1].record.response)), (Some(5), Some(5)));
}

/// Files in the parts of a body are counted where nothing reads the body, and beside what masking reads of it.
#[test]
fn files_in_the_parts_of_a_body_reach_the_record() {
    let file = fs::read(format!("{FOLDER}/files/export.npy")).unwrap();
    let mut body = b"--x-1\r\nContent-Type: application/json\r\n\r\n{\"name\":\"a@example.org\"}\r\n\
        --x-1\r\nContent-Type: application/octet-stream\r\n\r\n"
        .to_vec();
    body.extend_from_slice(&file);
    body.extend_from_slice(b"\r\n--x-1--\r\n");
    for mask in ["", "mask: [{name: mail, entities: {email: redact}, unmaskable: pass}]\n"] {
        let policy = format!(
            "version: 1\nstate: ./state\nidentity: {{headers: {{subject: x-user}}, trusted_peers: [127.0.0.1]}}\n\
             services: {{files: {{system: gcs, thresholds: {{hold: never, deny: never}}}}}}\n\
             rules: [{{name: all, who: [\"*\"], operations: [\"*\"], effect: allow}}]\n{mask}"
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wardline.yaml");
        fs::write(&path, policy).unwrap();
        let guard = Guard::from_file(&path).unwrap();
        let kind = ("content-type", "multipart/related; boundary=x-1");
        let put =
            head("POST", "/upload/storage/v1/b/vectors/o?uploadType=multipart", &[("x-user", "ana"), kind]);
        let stored = Service { status: 200, headers: http::HeaderMap::new(), chunks: vec![] };
        assert_eq!(exchange(&guard, put, &body, &stored).status, 200, "{mask}");
        drop(guard);
        let records = exchanges(&folder.path().join("state"));
        let passed = records[0].record.request.as_ref().unwrap();
        assert_eq!(passed.census.as_ref().map(|census| census.vectors), Some(5), "{mask}");
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
