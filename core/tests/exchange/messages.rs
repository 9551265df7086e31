//! Bodies of gRPC through an exchange: counted in the record, cut by a quota between two messages, masked, and searched for canaries.

use std::fs;

use tempfile::TempDir;
use wardline::audit::Entry;
use wardline::grant::Terms;
use wardline::guard::Guard;

use crate::{Seen, Service, exchange, exchanges, head};

const SCROLL: &str = "/q/qdrant.Points/Scroll";

fn guard(more: &str) -> (TempDir, Guard) {
    let policy = format!(
        "version: 1\nstate: ./state\nidentity: {{headers: {{subject: x-user}}, trusted_peers: [127.0.0.1]}}\nservices:\n  \
         q: {{system: qdrant, base_path: /q, thresholds: {{hold: never, deny: never}}}}\n{more}"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    fs::write(&path, policy).unwrap();
    let guard = Guard::from_file(&path).unwrap();
    (folder, guard)
}

const ALLOW: &str = "rules:\n  - {name: all, who: [\"*\"], operations: [\"*\"], effect: allow}\n";

/// What a field that holds bytes is on the wire; all are short here.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
    out.extend_from_slice(bytes);
    out
}

fn frame(message: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, 0, u8::try_from(message.len()).unwrap()], message].concat()
}

/// A page of one point: its id, a vector of two numbers, and a note.
fn page(id: u8, note: &str) -> Vec<u8> {
    let dense = field(1, &[0, 0, 0, 63, 0, 0, 128, 62]);
    // VectorOutput.dense is 101, whose tag has two bytes.
    let output = [&[0xAA, 0x06, u8::try_from(dense.len()).unwrap()], dense.as_slice()].concat();
    let payload = [field(1, b"note"), field(2, &field(4, note.as_bytes()))].concat();
    let point = [field(1, &[8, id]), field(2, &payload), field(4, &field(1, &output))].concat();
    frame(&field(2, &point))
}

/// Asks for a page as `ana`; the answer comes in pieces of so many bytes.
fn ask(guard: &Guard, answer: &[u8], size: usize) -> Seen {
    let kind = ("content-type", "application/grpc");
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", "application/grpc+proto".parse().unwrap());
    let chunks = answer.chunks(size).map(<[u8]>::to_vec).collect();
    // collection_name = 1, limit = 4, with_vectors = 7 { enable = 1 }
    let sent = frame(b"\x0a\x04docs\x20\x03\x3a\x02\x08\x01");
    exchange(
        guard,
        head("POST", SCROLL, &[("x-user", "ana"), kind]),
        &sent,
        &Service { status: 200, headers, chunks },
    )
}

fn record(guard: Guard, folder: &TempDir) -> Vec<Entry> {
    drop(guard);
    exchanges(&folder.path().join("state"))
}

#[test]
fn what_left_is_in_the_record_and_the_bytes_are_the_service_s() {
    let (folder, guard) = guard(ALLOW);
    let answer = [page(7, "quiet"), page(9, "rosa.lind@example.com")].concat();
    for size in [1, 13, 400] {
        assert_eq!(ask(&guard, &answer, size).body, answer);
    }
    for entry in record(guard, &folder) {
        let census = entry.record.response.unwrap().census.unwrap();
        assert_eq!((census.vectors, census.rows, census.ids), (2, 2, vec!["7".to_owned(), "9".to_owned()]));
    }
}

#[test]
fn a_quota_cuts_between_two_messages_however_they_come() {
    let (folder, guard) =
        guard("rules:\n  - {name: fetch, who: [\"*\"], operations: [\"*\"], effect: grant}\n");
    let answer: Vec<Vec<u8>> = (1..6).map(|id| page(id, "quiet")).collect();
    for size in [1, 30, 1_000] {
        let terms = r#"{"scope": {"who": ["user:ana"], "services": ["q"], "operations": ["vector.fetch"], "resources": ["docs"]},
            "until": "1h", "reason": "a test", "quota": ["vectors", 3]}"#;
        let terms: Terms = serde_json::from_str(terms).unwrap();
        let grant = guard.issue_grant(terms, "dora").unwrap();
        let seen = ask(&guard, &answer.concat(), size);
        assert!(seen.aborted.is_some(), "{size}: {seen:?}");
        assert_eq!(seen.body, answer[..3].concat(), "{size}");
        guard.revoke_grant(&grant.id, "dora", "over").unwrap();
    }
    for entry in record(guard, &folder) {
        assert_eq!(entry.record.response.unwrap().census.unwrap().vectors, 3);
    }
}

#[test]
fn texts_are_masked_and_read_once_more() {
    let mask = "mask:\n  - {name: pii, entities: {email: redact}, reread: always}\n";
    let (folder, guard) = guard(&format!("{ALLOW}{mask}"));
    let seen = ask(&guard, &page(7, "rosa.lind@example.com"), 11);
    assert_eq!(seen.body, page(7, "[EMAIL]"));
    let entries = record(guard, &folder);
    let passed = entries[0].record.response.as_ref().unwrap();
    assert_eq!(passed.totals.values().sum::<u64>(), 1);
    assert_eq!(passed.reread.as_ref().unwrap().surviving, Some(0));
    assert_eq!(passed.findings[0].path, "result[0].payload.note");
}

#[test]
fn what_masking_cannot_read_of_a_message_refuses() {
    let mask = "mask:\n  - {name: pii, entities: {email: redact}}\n";
    let (_folder, guard) = guard(&format!("{ALLOW}{mask}"));
    let packed = [&[1][..], &page(7, "quiet")[1..]].concat();
    for answer in [packed, frame(&field(15, b"rosa.lind@example.com")), b"\0\0\0\0\x09\x12".to_vec()] {
        let seen = ask(&guard, &answer, 1_000);
        assert!(seen.body.is_empty() && (seen.aborted.is_some() || seen.status >= 400));
    }
}

#[test]
fn a_canary_s_id_is_seen_in_a_message() {
    let watch = "groups: {security: [sam]}\napproval: {steps: [{from: [security], need: 1}]}\nwatch: {canary: {effect: hold, ids: [\"9\"], for: 2h}}\n";
    let (_folder, guard) = guard(&format!("{ALLOW}{watch}"));
    assert_eq!(ask(&guard, &page(7, "quiet"), 20).body, page(7, "quiet"));
    let seen = ask(&guard, &[page(7, "quiet"), page(9, "quiet")].concat(), 20);
    assert!(!seen.body.windows(2).any(|two| two == [8, 9]), "the point does not leave");
    assert!(seen.aborted.is_some() || seen.status >= 400);
}

#[test]
fn vectors_are_left_out_of_messages() {
    let (folder, guard) = guard(&format!("{ALLOW}mask:\n  - {{name: none, vectors: strip}}\n"));
    let seen = ask(&guard, &[page(7, "quiet"), page(8, "quiet")].concat(), 33);
    let payload = [field(1, b"note"), field(2, &field(4, b"quiet"))].concat();
    let bare = |id| frame(&field(2, &[field(1, &[8, id]), field(2, &payload)].concat()));
    assert_eq!(seen.body, [bare(7), bare(8)].concat());
    // The request asks for none either: `with_vectors` says nothing more.
    assert_eq!(seen.service.unwrap().1, frame(b"\x0a\x04docs\x20\x03\x3a\x00"));
    let entries = record(guard, &folder);
    assert_eq!(entries[0].record.acts[0].operation.name(), "data.read");
    let passed = entries[0].record.response.as_ref().unwrap();
    assert_eq!((passed.stripped, passed.census.as_ref().unwrap().vectors), (2, 0));
}

/// A message, packed as gRPC's clients and servers do.
fn packed(framed: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packed, &framed[5..]).unwrap();
    let mut out = frame(&packed.finish().unwrap());
    out[0] = 1;
    out
}

/// The same question and answers, both ways in this encoding.
fn ask_packed(guard: &Guard, encoding: &str, sent: &[u8], answer: &[u8]) -> Seen {
    let given = [("x-user", "ana"), ("content-type", "application/grpc"), ("grpc-encoding", encoding)];
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", "application/grpc+proto".parse().unwrap());
    headers.insert("grpc-encoding", encoding.parse().unwrap());
    let chunks = answer.chunks(17).map(<[u8]>::to_vec).collect();
    exchange(guard, head("POST", SCROLL, &given), sent, &Service { status: 200, headers, chunks })
}

#[test]
fn packed_messages_are_read_both_ways() {
    let asked = frame(b"\x0a\x04docs\x20\x03\x3a\x02\x08\x01");
    let answer = [page(7, "quiet"), page(9, "rosa.lind@example.com")];
    // Counted, and what nothing changes stays packed.
    let (folder, plain) = guard(ALLOW);
    let body = answer.each_ref().map(|page| packed(page)).concat();
    assert_eq!(ask_packed(&plain, "gzip", &packed(&asked), &body).body, body);
    let entries = record(plain, &folder);
    assert_eq!(entries[0].record.acts[0].operation.name(), "vector.fetch");
    assert_eq!(entries[0].record.response.as_ref().unwrap().census.as_ref().unwrap().vectors, 2);

    // Masked: what changes goes on unpacked.
    let mask = "mask:\n  - {name: pii, entities: {email: redact}, reread: always}\n";
    let (folder, masking) = guard(&format!("{ALLOW}{mask}"));
    let seen = ask_packed(&masking, "gzip", &packed(&asked), &body);
    assert_eq!(seen.body, [packed(&answer[0]), page(9, "[EMAIL]")].concat());
    assert_eq!(seen.service.unwrap().1, packed(&asked));
    // What nobody can undo is refused.
    let seen = ask_packed(&masking, "snappy", &asked, &body);
    assert!(seen.body.is_empty() && (seen.aborted.is_some() || seen.status >= 400));
    let entries = record(masking, &folder);
    let passed = entries[0].record.response.as_ref().unwrap();
    assert_eq!(passed.reread.as_ref().unwrap().surviving, Some(0));

    // Stripped, in the request too.
    let (_folder, stripping) = guard(&format!("{ALLOW}mask:\n  - {{name: none, vectors: strip}}\n"));
    let seen = ask_packed(&stripping, "gzip", &packed(&asked), &packed(&answer[0]));
    assert_eq!(seen.service.unwrap().1, frame(b"\x0a\x04docs\x20\x03\x3a\x00"));
    let payload = [field(1, b"note"), field(2, &field(4, b"quiet"))].concat();
    assert_eq!(seen.body, frame(&field(2, &[field(1, &[8, 7]), field(2, &payload)].concat())));
}
