//! Of which bodies the record tells the digest of what left.

use std::fs;

use sha2::{Digest, Sha256};
use wardline::guard::Guard;

use crate::{Service, exchange, exchanges, head};

const POLICY: &str = "version: 1
state: ./state
identity: {headers: {subject: x-user}, trusted_peers: [127.0.0.1]}
services:
  plain: {system: qdrant, base_path: /plain}
  masked: {system: qdrant, base_path: /masked}
  told: {system: qdrant, base_path: /told, digests: always}
rules: [{name: all, who: ['*'], operations: ['*'], effect: allow}]
mask: [{name: addresses, services: [masked], in: [response], entities: {email: redact}}]
";

#[test]
fn a_long_body_that_passes_is_digested_where_the_service_asks_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    fs::write(&path, POLICY).unwrap();
    let guard = Guard::from_file(&path).unwrap();
    let long = format!("{{\"result\":\"{}\"}}", "heron ".repeat(5_000)).into_bytes();
    let short = b"{\"result\":\"ada@example.org\"}".to_vec();
    let cases = [("plain", &long), ("plain", &short), ("masked", &long), ("masked", &short), ("told", &long)];
    let mut left = Vec::new();
    for (service, body) in cases {
        let mut headers = http::HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        let chunks = body.chunks(4_096).map(<[u8]>::to_vec).collect();
        let asked = head("GET", &format!("/{service}/collections/docs/points/1"), &[("x-user", "ana")]);
        left.push(exchange(&guard, asked, b"", &Service { status: 200, headers, chunks }).body);
    }
    guard.flush().unwrap();
    let told: Vec<_> = exchanges(&folder.path().join("state"))
        .into_iter()
        .map(|entry| entry.record.response.and_then(|passed| passed.sha256))
        .collect();
    let digest =
        |body: &[u8]| Some(Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    assert_eq!(left[3], b"{\"result\":\"[EMAIL]\"}");
    assert_eq!(told[0], None);
    assert_eq!(told[1..], left[1..].iter().map(|body| digest(body)).collect::<Vec<_>>());
}
