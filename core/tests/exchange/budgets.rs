//! What no single exchange shows of budgets: several processes, windows, approvals, bodies that nothing counts.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use wardline::audit::{Drawn, Ending};
use wardline::clock::{ManualClock, Timestamp};
use wardline::grant::{Answer, Terms};
use wardline::guard::{Caller, Guard, Step};
use wardline::identity::Identity;
use wardline::model::{Act, Call, Magnitude, Operation, Subject, Unit};
use wardline::policy::Policy;

use crate::{Seen, Service, exchange, exchanges, head};

const POLICY: &str = r#"
version: 1
state: ./state
identity: {headers: {subject: x-user, groups: x-groups}, trusted_peers: [127.0.0.1]}
groups: {security: [sam, kim]}
approval: {steps: [{from: [security], need: 1}]}
services:
  vectors: {system: qdrant, base_path: /q, thresholds: {hold: never, deny: never}}
  watched: {system: qdrant, base_path: /watched, mode: observe}
rules:
  - {name: all, who: ["user:*"], operations: ["vector.*", "data.*"], effect: allow}
budgets:
  - {name: each, who: ["user:*"], operations: ["vector.*", "data.*"], resources: [docs, mail], ids: 5, window: 8h}
  - {name: together, who: ["group:interns"], operations: ["vector.*", "data.*"], resources: ["s*"], ids: 4, window: 8h, per: all}
  - {name: asked, who: ["user:*"], operations: ["vector.*", "data.*"], resources: [notes], ids: 5, window: 8h, effect: hold}
  - {name: vectors, who: ["user:*"], operations: ["vector.*", "data.*"], resources: [vecs], quota: {vectors: 5}, window: 8h}
  - {name: bytes, who: ["user:*"], operations: ["data.*"], resources: [bytes], quota: {bytes: 200}, window: 8h}
  - {name: calls, who: ["user:*"], operations: ["data.*"], resources: [calls], quota: {calls: 2}, window: 8h}
  - {name: rows-in, who: ["user:*"], operations: [vector.upsert], resources: [inbox], quota: {vectors: 5}, window: 8h}
  - {name: rows-asked, who: ["user:*"], operations: ["data.*"], resources: [rows], quota: {rows: 5}, window: 8h, effect: hold}
mask:
  - {name: mails, services: [vectors], in: [response], resources: [mail], operations: ["data.read"], entities: {email: redact}}
"#;

fn policy(folder: &Path) -> Policy {
    let path = folder.join("wardline.yaml");
    fs::write(&path, POLICY).unwrap();
    Policy::from_file(&path).unwrap()
}

fn guard() -> (TempDir, Guard) {
    let folder = tempfile::tempdir().unwrap();
    let guard = Guard::new(policy(folder.path()));
    (folder, guard)
}

fn typed(kind: &str, chunks: Vec<Vec<u8>>) -> Service {
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", kind.parse().unwrap());
    Service { status: 200, headers, chunks }
}

/// Points with these ids, as JSON writes them, in pieces of this size.
fn points(ids: &[&str], size: usize) -> Service {
    let point = |id: &&str| format!(r#"{{"payload":{{"n":"x"}},"id":{id}}}"#);
    let points: Vec<String> = ids.iter().map(point).collect();
    let body = format!(r#"{{"result":{{"points":[{}]}}}}"#, points.join(","));
    typed("application/json", body.into_bytes().chunks(size).map(<[u8]>::to_vec).collect())
}

fn scroll(guard: &Guard, user: &str, service: &str, collection: &str, limit: u64, answer: &Service) -> Seen {
    let head = head(
        "POST",
        &format!("/{service}/collections/{collection}/points/scroll"),
        &[("x-user", user), ("x-groups", "interns"), ("content-type", "application/json")],
    );
    exchange(guard, head, format!(r#"{{"limit":{limit}}}"#).as_bytes(), answer)
}

/// What the newest record says was drawn.
fn drawn(guard: &Guard, folder: &TempDir) -> Vec<Drawn> {
    guard.flush().unwrap();
    exchanges(&folder.path().join("state")).pop().unwrap().record.budgets
}

fn used(guard: &Guard, folder: &TempDir) -> (u64, u64) {
    let all = drawn(guard, folder);
    (all[0].used, all[0].new)
}

#[test]
fn of_several_guards_on_one_store_the_budget_lets_out_exactly_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let guards = [Guard::new(policy(folder.path())), Guard::new(policy(folder.path()))];
    let out = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for (n, guard) in guards.iter().cycle().take(6).enumerate() {
            let out = &out;
            scope.spawn(move || {
                for k in 0..4 {
                    let id = (n * 4 + k).to_string();
                    let seen = scroll(guard, "ana", "q", "docs", 1, &points(&[&id], 1_000));
                    if seen.status == 200 && seen.aborted.is_none() {
                        out.lock().unwrap().insert(id);
                    }
                }
            });
        }
    });
    assert_eq!(out.lock().unwrap().len(), 5);
}

#[test]
fn the_cuts_of_a_body_change_nothing() {
    for ids in [&["1", "2", "1"][..], &["1", "null", "2", "null"]] {
        let mut found = Vec::new();
        for size in [1, 2, 7, 30, 1_000] {
            let (folder, guard) = guard();
            let seen = scroll(&guard, "ana", "q", "docs", 5, &points(ids, size));
            assert_eq!((seen.status, seen.aborted), (200, None));
            found.push(used(&guard, &folder));
        }
        let distinct = if ids.len() == 3 { 2 } else { 4 };
        assert_eq!(found, [(distinct, distinct); 5], "{ids:?}");
    }
}

#[test]
fn ids_that_are_masked_are_told_apart_and_rows_without_one_are_new_each_time() {
    let (folder, guard) = guard();
    let mails = points(&[r#""ada@example.org""#, r#""bob@example.org""#], 20);
    let seen = scroll(&guard, "ana", "q", "mail", 2, &mails);
    assert!(!String::from_utf8(seen.body).unwrap().contains("ada@"));
    assert_eq!(used(&guard, &folder), (2, 2));
    let _ = scroll(&guard, "ana", "q", "mail", 2, &mails);
    assert_eq!(used(&guard, &folder), (2, 0));
    let _ = scroll(&guard, "ana", "q", "mail", 2, &points(&["null"], 20));
    let _ = scroll(&guard, "ana", "q", "mail", 2, &points(&["null"], 20));
    assert_eq!(used(&guard, &folder), (4, 1));
}

#[test]
fn a_cut_leaves_no_id_beyond_the_budget() {
    let (folder, guard) = guard();
    let seen = scroll(&guard, "ana", "q", "docs", 9, &points(&["1", "2", "3", "4", "5", "666", "7"], 3));
    assert_eq!(seen.aborted, Some("budget_spent"));
    let body = String::from_utf8(seen.body).unwrap();
    assert!(body.contains(r#""id":5"#) && !body.contains('6'), "{body}");
    assert_eq!(used(&guard, &folder), (5, 5));
}

#[test]
fn what_nothing_counts_is_drawn_as_it_was_asked_for() {
    let (folder, guard) = guard();
    let raw = typed("application/octet-stream", vec![b"??".to_vec(), b"??".to_vec()]);
    assert_eq!(scroll(&guard, "ana", "q", "docs", 3, &raw).aborted, None);
    assert_eq!(used(&guard, &folder), (3, 3));
    assert_eq!(scroll(&guard, "ana", "q", "docs", 3, &raw).aborted, Some("budget_spent"));
    // A table is no census of none.
    let table = typed("text/csv", raw.chunks.clone());
    assert_eq!(scroll(&guard, "dee", "q", "docs", 3, &table).aborted, None);
    assert_eq!(used(&guard, &folder), (3, 3));
    // A snapshot is all there is.
    let snapshot = head("GET", "/q/collections/docs/snapshots/s1", &[("x-user", "bea")]);
    assert_eq!(exchange(&guard, snapshot, b"", &raw).aborted, Some("uncountable_response"));
    // What failed brought nothing.
    let failed = Service { status: 404, ..raw };
    assert_eq!(scroll(&guard, "cy", "q", "docs", 3, &failed).status, 404);
    assert_eq!(used(&guard, &folder), (0, 0));
}

#[test]
fn observing_counts_and_refuses_nothing() {
    let (folder, guard) = guard();
    let many = points(&["1", "2", "3", "4", "5", "6", "7"], 9);
    for new in [7, 0] {
        assert_eq!(scroll(&guard, "ana", "watched", "docs", 10, &many).aborted, None);
        assert_eq!(used(&guard, &folder), (7, new));
    }
}

#[test]
fn some_have_one_budget_together_and_patterns_too() {
    let (folder, guard) = guard();
    for (user, ids, used_then) in [("ana", ["1", "2"], 2), ("bea", ["2", "3"], 3)] {
        let _ = scroll(&guard, user, "q", "sales", 2, &points(&ids, 50));
        assert_eq!(used(&guard, &folder).0, used_then);
    }
    // Another collection is counted by itself.
    let _ = scroll(&guard, "ana", "q", "staff", 2, &points(&["9"], 50));
    assert_eq!(used(&guard, &folder), (1, 1));
}

#[test]
fn a_window_later_the_budget_is_whole_again() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_764_000_000_000)));
    let folder = tempfile::tempdir().unwrap();
    let guard = Guard::with_clock(policy(folder.path()), clock.clone());
    let five = points(&["1", "2", "3", "4", "5"], 50);
    assert_eq!(scroll(&guard, "ana", "q", "docs", 5, &five).aborted, None);
    assert_eq!(scroll(&guard, "ana", "q", "docs", 1, &points(&["6"], 50)).status, 403);
    clock.advance(Duration::from_secs(9 * 3_600));
    assert_eq!(scroll(&guard, "ana", "q", "docs", 1, &points(&["6"], 50)).status, 200);
    assert_eq!(used(&guard, &folder), (1, 1));
}

#[test]
fn what_holds_is_lifted_by_people_or_a_grant_and_counted_all_the_same() {
    let (folder, guard) = guard();
    let six = points(&["1", "2", "3", "4", "5", "6"], 50);
    let held = scroll(&guard, "ana", "q", "notes", 6, &six);
    let answer = held.answer.unwrap();
    assert_eq!((answer.code, held.service.is_none()), ("budget_approval_required", true));
    guard.vote(&answer.approval.unwrap(), "sam", Answer::Approve, None).unwrap();
    let seen = scroll(&guard, "ana", "q", "notes", 6, &six);
    assert_eq!((seen.status, seen.aborted), (200, None));
    assert_eq!(used(&guard, &folder), (6, 6));
    let terms: Terms = serde_json::from_str(
        r#"{"scope": {"who": ["user:ana"], "services": ["vectors"], "operations": ["data.read"], "resources": ["notes"]},
            "until": "1h", "reason": "inventory"}"#,
    )
    .unwrap();
    guard.issue_grant(terms, "cleo").unwrap();
    let seen = scroll(&guard, "ana", "q", "notes", 8, &points(&["7", "8"], 50));
    assert_eq!((seen.status, seen.aborted), (200, None));
    assert_eq!(used(&guard, &folder), (8, 2));
}

#[test]
fn a_call_draws_what_it_asks_for() {
    let (_folder, guard) = guard();
    let mut act = Act::new(Operation::VectorSearch, "docs");
    act.magnitude = Magnitude::of(Unit::Vectors, 3);
    let call = |act: &Act| {
        let call = Call { service: "vectors".into(), acts: vec![act.clone()] };
        let caller = Caller::verified(Identity::new("ana"));
        let mut exchange = guard.begin(Subject::Call(call), caller, "test");
        let code = match exchange.next_blocking() {
            Step::Answer(answer) => answer.code,
            _ => "forwarded",
        };
        exchange.finish(Ending::Complete);
        code
    };
    assert_eq!([call(&act), call(&act)], ["forwarded", "budget_spent"]);
    act.magnitude = Magnitude::unbounded(Unit::Vectors);
    assert_eq!(call(&act), "uncountable_response");
}

/// Points that carry a vector each, in pieces of this size.
fn vectors(count: usize, size: usize) -> Service {
    let point = r#"{"id":1,"vector":[0.5,0.25]}"#;
    let body = format!(r#"{{"result":{{"points":[{}]}}}}"#, vec![point; count].join(","));
    typed("application/json", body.into_bytes().chunks(size).map(<[u8]>::to_vec).collect())
}

#[test]
fn a_sum_counts_every_vector_whatever_its_id() {
    let (folder, guard) = guard();
    assert_eq!(scroll(&guard, "ana", "q", "vecs", 9, &vectors(3, 7)).aborted, None);
    assert_eq!(used(&guard, &folder), (3, 3));
    assert_eq!(drawn(&guard, &folder)[0].unit, Some(Unit::Vectors));
    assert_eq!(scroll(&guard, "ana", "q", "vecs", 9, &vectors(2, 1_000)).aborted, None);
    assert_eq!(used(&guard, &folder), (5, 2));
    // It is used up: the next one does not reach the service.
    let seen = scroll(&guard, "ana", "q", "vecs", 9, &vectors(1, 1_000));
    assert_eq!((seen.status, seen.answer.unwrap().code), (403, "budget_spent"));
    // Somebody else has one of their own, and gets no vector beyond it.
    let seen = scroll(&guard, "bea", "q", "vecs", 9, &vectors(9, 3));
    assert_eq!(seen.aborted, Some("budget_spent"));
    let whole = String::from_utf8(seen.body).unwrap().matches("0.25]").count();
    assert_eq!((whole, used(&guard, &folder)), (5, (5, 5)));
}

#[test]
fn bytes_are_counted_before_they_leave() {
    let (folder, guard) = guard();
    let hundred = typed("text/plain", vec![vec![b'x'; 60], vec![b'x'; 40]]);
    assert_eq!(scroll(&guard, "ana", "q", "bytes", 3, &hundred).aborted, None);
    assert_eq!(used(&guard, &folder), (100, 100));
    let more = typed("text/plain", vec![vec![b'x'; 60], vec![b'x'; 60]]);
    let seen = scroll(&guard, "ana", "q", "bytes", 3, &more);
    assert_eq!((seen.aborted, seen.body.len()), (Some("budget_spent"), 60));
    assert_eq!(used(&guard, &folder), (160, 60));
}

#[test]
fn calls_are_counted_though_they_fail() {
    let (folder, guard) = guard();
    let failed = Service { status: 500, ..points(&[], 50) };
    assert_eq!(scroll(&guard, "ana", "q", "calls", 3, &failed).status, 500);
    assert_eq!(scroll(&guard, "ana", "q", "calls", 3, &points(&["1"], 50)).status, 200);
    assert_eq!(used(&guard, &folder), (2, 1));
    assert_eq!(scroll(&guard, "ana", "q", "calls", 3, &points(&["1"], 50)).status, 403);
    assert_eq!(scroll(&guard, "bea", "q", "calls", 3, &points(&["1"], 50)).status, 200);
}

#[test]
fn what_an_upsert_brings_is_counted_before_it_goes_on() {
    let (folder, guard) = guard();
    let upsert = |count: usize| {
        let head = head(
            "PUT",
            "/q/collections/inbox/points",
            &[("x-user", "ana"), ("content-type", "application/json")],
        );
        let body = format!(r#"{{"points":[{}]}}"#, vec![r#"{"id":1,"vector":[0.5]}"#; count].join(","));
        exchange(&guard, head, body.as_bytes(), &typed("application/json", vec![b"{}".to_vec()]))
    };
    assert_eq!(upsert(3).status, 200);
    assert_eq!(used(&guard, &folder), (3, 3));
    let refused = upsert(3);
    assert_eq!(
        (refused.answer.map(|answer| answer.code), refused.service.is_none()),
        (Some("budget_spent"), true)
    );
    assert_eq!(upsert(2).status, 200);
    assert_eq!(used(&guard, &folder), (5, 2));
}

#[test]
fn a_sum_that_holds_asks_before_a_request_that_may_exceed_it() {
    let (_folder, guard) = guard();
    let three = points(&["1", "2", "3"], 50);
    assert_eq!(scroll(&guard, "ana", "q", "rows", 3, &three).status, 200);
    let held = scroll(&guard, "ana", "q", "rows", 3, &three);
    assert_eq!(held.answer.map(|answer| answer.code), Some("budget_approval_required"));
    assert_eq!(scroll(&guard, "ana", "q", "rows", 2, &points(&["1", "2"], 50)).status, 200);
}

#[test]
fn no_id_stands_in_the_store_in_clear() {
    let (folder, guard) = guard();
    let _ = scroll(&guard, "ana-of-the-test", "q", "docs", 2, &points(&[r#""record-4711""#], 50));
    guard.flush().unwrap();
    drop(guard);
    for file in ["store.sqlite", "store.sqlite-wal"] {
        let Ok(bytes) = fs::read(folder.path().join("state").join(file)) else { continue };
        for text in ["record-4711", "ana-of-the-test"] {
            assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{file}: {text}");
        }
    }
}
