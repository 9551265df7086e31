//! Vectors that are left out: of every kind of body that carries them, at every cut, or else the body does not leave.

use std::fs;

use tempfile::TempDir;
use wardline::guard::Guard;

use crate::{Seen, Service, census, exchange, exchanges, head};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/census");

/// A guard over these systems, each a service at the path of its name.
fn guard(systems: &[&str], mode: &str, mask: &str) -> (TempDir, Guard) {
    let service = |name: &&str| {
        format!(
            "  {name}: {{system: {name}, base_path: /{name}, mode: {mode}, thresholds: {{hold: never, deny: never}}}}\n"
        )
    };
    let services: String = systems.iter().map(service).collect();
    let policy = format!(
        "version: 1\nstate: ./state\nidentity: {{headers: {{subject: x-user}}, trusted_peers: [127.0.0.1]}}\nservices:\n{services}\
         rules:\n  - {{name: all, who: [\"*\"], operations: [\"*\"], effect: allow}}\n{mask}"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    fs::write(&path, policy).unwrap();
    let guard = Guard::from_file(&path).unwrap();
    (folder, guard)
}

const STRIP: &str = "mask:\n  - {name: none, vectors: strip}\n";

fn ask(guard: &Guard, method: &str, target: &str, kind: &str, body: &[u8], size: usize) -> Seen {
    asking(guard, method, target, kind, body, size, if method == "GET" { b"" } else { b"{}" })
}

fn asking(
    guard: &Guard,
    method: &str,
    target: &str,
    kind: &str,
    body: &[u8],
    size: usize,
    sent: &[u8],
) -> Seen {
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", kind.parse().unwrap());
    let head = head(method, target, &[("x-user", "ana"), ("content-type", "application/json")]);
    let chunks = body.chunks(size.max(1)).map(<[u8]>::to_vec).collect();
    exchange(guard, head, sent, &Service { status: 200, headers, chunks })
}

#[test]
fn no_vector_of_any_kind_of_body_leaves() {
    let table = fs::read_to_string(format!("{FOLDER}/cases.tsv")).unwrap();
    let lines = table.lines().filter(|line| !line.starts_with('#')).skip(1);
    // A command has no body on a wire.
    let cases: Vec<Vec<&str>> = lines
        .map(|line| line.split('\t').collect())
        .filter(|case: &Vec<&str>| !case[1].starts_with("CMD "))
        .collect();
    let systems: std::collections::BTreeSet<&str> = cases.iter().map(|case| case[0]).collect();
    let systems: Vec<&str> = systems.into_iter().collect();
    let (_folder, strips) = guard(&systems, "enforce", STRIP);
    let (folder, plain) = guard(&systems, "enforce", "");
    let (mut stripped, mut refused, mut untouched) = (0, 0, 0);
    for case in cases.iter().filter(|case| case[2] == "response") {
        let (method, target) = case[1].split_once(' ').unwrap();
        let body = fs::read(format!("{FOLDER}/{}", case[3])).unwrap();
        let kind = census::content_type(case[3]);
        let target = format!("/{}{target}", case[0]);
        let cuts = [1, 11, body.len()].map(|size| {
            let seen = ask(&strips, method, &target, kind, &body, size);
            (seen.status != 200 || seen.aborted.is_some()).then_some(()).map_or(Ok(seen.body), |()| Err(()))
        });
        assert!(cuts.windows(2).all(|two| two[0] == two[1]), "{case:?}");
        let [out, ..] = cuts;
        let Ok(out) = out else {
            refused += 1;
            continue;
        };
        if kind == "application/json" {
            let _: serde_json::Value = serde_json::from_slice(&out).unwrap();
        }
        let _ = ask(&plain, method, &target, kind, &out, 64);
        plain.flush().unwrap();
        let passed = exchanges(&folder.path().join("state")).pop().unwrap().record.response;
        let left = passed.and_then(|passed| passed.census).unwrap_or_default();
        assert_eq!(left.vectors, 0, "{case:?}\n{}", String::from_utf8_lossy(&out));
        if out == body { untouched += 1 } else { stripped += 1 }
    }
    assert!(stripped > 10 && refused > 5 && untouched > 0, "{stripped} {refused} {untouched}");
}

#[test]
fn a_request_no_longer_asks_for_what_its_caller_does_not_get() {
    let (folder, guard) = guard(&["qdrant"], "enforce", STRIP);
    let answer = br#"{"result":{"points":[{"id":1,"vector":{"a":[1.5,2]},"payload":{"vector":"no"}}]}}"#;
    let target = "/qdrant/collections/docs/points/scroll";
    for (sent, service, cleared, operation) in [
        (r#"{"limit":5,"with_vector":true}"#, r#"{"limit":5}"#, 1, "data.read"),
        (r#"{"with_vectors" : ["a"] , "limit":5}"#, r#"{ "limit":5}"#, 1, "data.read"),
        (r#"{"limit":5,"with_vector":false}"#, r#"{"limit":5,"with_vector":false}"#, 0, "data.read"),
        (r#"{"limit":5000,"with_vector":true}"#, r#"{"limit":5000}"#, 1, "data.export"),
    ] {
        let seen = asking(&guard, "POST", target, "application/json", answer, 9, sent.as_bytes());
        let (headers, body) = seen.service.unwrap();
        assert_eq!(String::from_utf8(body).unwrap(), service);
        let length = headers.get("content-length").map(|length| length.to_str().unwrap().to_owned());
        assert_eq!(length, (cleared > 0).then(|| service.len().to_string()));
        assert_eq!(headers.get("accept-encoding").unwrap(), "identity");
        assert_eq!(
            String::from_utf8(seen.body).unwrap(),
            r#"{"result":{"points":[{"id":1,"payload":{"vector":"no"}}]}}"#
        );
        guard.flush().unwrap();
        let record = exchanges(&folder.path().join("state")).pop().unwrap().record;
        assert_eq!(record.acts[0].operation.name(), operation);
        assert_eq!(record.request.map_or(0, |passed| passed.stripped), cleared);
        let passed = record.response.unwrap();
        assert_eq!((passed.stripped, passed.totals.len(), passed.findings.len()), (1, 0, 0));
    }
}

#[test]
fn what_cannot_be_stripped_is_refused() {
    let (_folder, guard) = guard(&["qdrant", "milvus", "s3"], "enforce", STRIP);
    let refused = |seen: Seen| seen.answer.map_or(seen.aborted.unwrap_or("passed"), |answer| answer.code);
    let query = "/milvus/v2/vectordb/entities/query";
    // Only the shape of a value tells it: what holds none passes, and what holds one does not.
    let none = br#"{"code":0,"data":[{"id":1,"title":"x"}]}"#;
    assert_eq!(refused(ask(&guard, "POST", query, "application/json", none, 7)), "passed");
    let one = br#"{"code":0,"data":[{"id":1,"emb":[0.25,0.5,0.125,0.0625]}]}"#;
    assert_eq!(refused(ask(&guard, "POST", query, "application/json", one, 7)), "unstrippable_response");
    for kind in ["application/octet-stream", "application/grpc", "text/csv", "text/plain"] {
        let search = "/qdrant/collections/docs/points/query";
        assert_eq!(refused(ask(&guard, "POST", search, kind, b"xyz", 9)), "unstrippable_response", "{kind}");
    }
    let snapshot = "/qdrant/collections/docs/snapshots/s1";
    assert_eq!(refused(ask(&guard, "GET", snapshot, "application/json", b"{}", 9)), "unstrippable_response");
    // What brings no vectors is not looked at.
    assert_eq!(
        refused(ask(&guard, "GET", "/qdrant/collections", "application/octet-stream", b"x", 9)),
        "passed"
    );
}

#[test]
fn observing_strips_nothing_and_says_how_much_it_would_have() {
    let (folder, guard) = guard(&["qdrant"], "observe", STRIP);
    let answer = br#"{"result":{"points":[{"id":1,"vector":[1,2]},{"id":2,"vector":[3,4]}]}}"#;
    let sent = br#"{"limit":5,"with_vector":true}"#;
    let target = "/qdrant/collections/docs/points/scroll";
    let seen = asking(&guard, "POST", target, "application/json", answer, 20, sent);
    assert_eq!(seen.body, answer);
    assert_eq!(seen.service.unwrap().1, sent);
    guard.flush().unwrap();
    let record = exchanges(&folder.path().join("state")).pop().unwrap().record;
    assert_eq!(record.response.unwrap().stripped, 2);
}
