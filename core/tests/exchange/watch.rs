//! What no single exchange shows of watching: what is learnt, by whom, across processes, and what the store keeps of it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use wardline::audit::Record;
use wardline::clock::{ManualClock, Timestamp};
use wardline::grant::Answer;
use wardline::guard::Guard;
use wardline::identity::Identity;
use wardline::keys::hex;
use wardline::model::{Census, Statement, Verdict};
use wardline::policy::Policy;
use wardline::store::SqliteStore;
use wardline::watch::Learner;

use crate::{Seen, Service, exchange, exchanges, head};

const POLICY: &str = r#"
version: 1
state: ./state
identity:
  headers: {subject: x-user, groups: x-groups, address: x-forwarded-for}
  trusted_peers: [127.0.0.1]
  api_keys: {header: x-key, keys: {svc: {sha256: KEY}}}
groups: {security: [sam, kim]}
approval: {steps: [{from: [security], need: 1}]}
services:
  vectors: {system: qdrant, base_path: /q, thresholds: {hold: never, deny: never}}
  watched: {system: qdrant, base_path: /watched, mode: observe}
rules:
  - {name: all, who: ["user:*"], operations: ["vector.*", "data.*"], effect: allow}
  - {name: no-drops, operations: [collection.drop], effect: deny}
"#;
const HOLD: &str = "watch: {first_seen: {effect: hold, unless: {who: [\"user:crawler\"]}}}\n";
const RAISE: &str = "watch: {first_seen: {effect: raise, risk: 25}}\n";
/// A key that `svc` presents.
const KEY: &str = "wk_watch_7Tq2";
const START: Timestamp = Timestamp::from_millis(1_764_000_000_000);

fn guard_in(folder: &Path, watch: &str) -> Guard {
    Guard::new(policy(folder, watch))
}

fn policy(folder: &Path, watch: &str) -> Policy {
    let path = folder.join("wardline.yaml");
    let key = hex(&Sha256::digest(KEY));
    fs::write(&path, format!("{}{watch}", POLICY.replace("KEY", &key))).unwrap();
    Policy::from_file(&path).unwrap()
}

fn guard(watch: &str) -> (TempDir, Guard) {
    let folder = tempfile::tempdir().unwrap();
    let guard = guard_in(folder.path(), watch);
    (folder, guard)
}

fn ask(guard: &Guard, user: &str, method: &str, target: &str) -> Seen {
    send(guard, &[("x-user", user)], method, target)
}

/// A reading request of this caller from this address.
fn from(guard: &Guard, caller: (&str, &str), address: &str) -> Seen {
    send(guard, &[caller, ("x-forwarded-for", address)], READ.0, READ.1)
}

fn send(guard: &Guard, headers: &[(&str, &str)], method: &str, target: &str) -> Seen {
    let service = Service { status: 200, ..Service::default() };
    let head = head(method, target, &[headers, &[("content-type", "application/json")]].concat());
    exchange(guard, head, if method == "POST" { br#"{"limit":1,"ids":[1]}"# } else { b"" }, &service)
}

const READ: (&str, &str) = ("POST", "/q/collections/docs/points/scroll");
const FETCH: (&str, &str) = ("POST", "/q/collections/docs/points/search");

fn code(seen: &Seen) -> &str {
    seen.answer.as_ref().map_or("passed", |answer| answer.code)
}

/// The newest record.
fn record(guard: &Guard, folder: &TempDir) -> Record {
    guard.flush().unwrap();
    exchanges(&folder.path().join("state")).pop().unwrap().record
}

#[test]
fn what_was_let_through_is_known_and_what_was_held_or_denied_is_not() {
    let (folder, guard) = guard(HOLD);
    for _ in 0..2 {
        let held = ask(&guard, "ana", READ.0, READ.1);
        assert_eq!((code(&held), held.service.is_none()), ("unusual_approval_required", true));
        guard.flush().unwrap();
    }
    let answer = ask(&guard, "ana", READ.0, READ.1).answer.unwrap();
    guard.vote(&answer.approval.unwrap(), "sam", Answer::Approve, None).unwrap();
    assert_eq!(code(&ask(&guard, "ana", READ.0, READ.1)), "passed");
    let record = record(&guard, &folder);
    assert_eq!((record.unusual[0].signal.as_str(), record.unusual[0].holds), ("first_seen", true));
    // From now on it is known: of her, and of this operation.
    assert_eq!(code(&ask(&guard, "ana", READ.0, READ.1)), "passed");
    assert_eq!(code(&ask(&guard, "bea", READ.0, READ.1)), "unusual_approval_required");
    assert_eq!(code(&ask(&guard, "ana", FETCH.0, FETCH.1)), "unusual_approval_required");
    assert_eq!(code(&ask(&guard, "crawler", READ.0, READ.1)), "passed");
    // What is denied stays so, and is learnt by nobody.
    for _ in 0..2 {
        assert_eq!(code(&ask(&guard, "ana", "DELETE", "/q/collections/docs")), "denied");
        assert_eq!(self::record(&guard, &folder).unusual.len(), 1);
    }
}

#[test]
fn what_is_raised_stands_in_the_record_as_a_term_of_the_risk() {
    let (folder, guard) = guard(RAISE);
    assert_eq!(code(&ask(&guard, "ana", READ.0, READ.1)), "passed");
    let first = record(&guard, &folder);
    let risk = first.risk.unwrap();
    let base = first.acts[0].risk;
    assert_eq!(risk.total.value(), base.value() + 25);
    let terms: Vec<_> = risk.terms.iter().map(|term| (term.name.to_string(), term.points)).collect();
    assert_eq!(terms, [("base".to_owned(), base.value()), ("watch:first_seen".to_owned(), 25)]);
    assert_eq!(code(&ask(&guard, "ana", READ.0, READ.1)), "passed");
    let second = record(&guard, &folder);
    assert_eq!((second.risk.unwrap().total, second.unusual.len()), (base, 0));
}

#[test]
fn a_service_that_is_observed_teaches_and_so_does_a_mode_that_only_learns() {
    let (folder, guard) = guard(HOLD);
    let target = "/watched/collections/docs/points/scroll";
    assert_eq!(code(&ask(&guard, "ana", "POST", target)), "passed");
    let record = record(&guard, &folder);
    assert_eq!((record.decided, record.unusual.len()), (Some(Verdict::Hold), 1));
    assert_eq!(code(&ask(&guard, "ana", "POST", target)), "passed");
    assert_eq!(self::record(&guard, &folder).unusual, []);
    // Another service is another edge.
    assert_eq!(code(&ask(&guard, "ana", READ.0, READ.1)), "unusual_approval_required");
    guard
        .replace(policy(folder.path(), "watch: {mode: learn, first_seen: {effect: hold}}\n"), "test")
        .unwrap();
    assert_eq!(code(&ask(&guard, "ana", READ.0, READ.1)), "passed");
    guard.flush().unwrap();
    guard.replace(policy(folder.path(), HOLD), "test").unwrap();
    assert_eq!(code(&ask(&guard, "ana", READ.0, READ.1)), "passed");
    assert_eq!(code(&ask(&guard, "ana", FETCH.0, FETCH.1)), "unusual_approval_required");
}

#[test]
fn nothing_is_raised_while_it_learns() {
    let clock = Arc::new(ManualClock::new(START));
    let folder = tempfile::tempdir().unwrap();
    let watch = "watch: {learning: 7d, first_seen: {effect: hold}}\n";
    let guard = Guard::with_clock(policy(folder.path(), watch), clock.clone());
    assert_eq!(code(&ask(&guard, "ana", READ.0, READ.1)), "passed");
    guard.flush().unwrap();
    clock.advance(Duration::from_secs(7 * 86_400));
    assert_eq!(code(&ask(&guard, "ana", READ.0, READ.1)), "passed");
    assert_eq!(code(&ask(&guard, "ana", FETCH.0, FETCH.1)), "unusual_approval_required");
    // Who is new later does not begin anew, and neither does another process.
    assert_eq!(code(&ask(&guard, "bea", READ.0, READ.1)), "unusual_approval_required");
    let other = Guard::with_clock(policy(folder.path(), watch), clock);
    assert_eq!(code(&ask(&other, "bea", READ.0, READ.1)), "unusual_approval_required");
}

#[test]
fn several_guards_on_one_store_learn_together() {
    let folder = tempfile::tempdir().unwrap();
    let learn = "watch: {mode: learn}\n";
    let guards = [guard_in(folder.path(), learn), guard_in(folder.path(), learn)];
    std::thread::scope(|scope| {
        for guard in &guards {
            for user in ["ana", "bea", "cy"] {
                scope.spawn(move || {
                    for _ in 0..20 {
                        assert_eq!(code(&ask(guard, user, READ.0, READ.1)), "passed");
                    }
                });
            }
        }
    });
    guards.iter().for_each(|guard| guard.flush().unwrap());
    drop(guards);
    let store = SqliteStore::open(folder.path().join("state").join("store.sqlite")).unwrap();
    let profiles = Learner::list(&store).unwrap();
    let counts: Vec<_> =
        profiles.iter().map(|p| (&*p.subject, p.edges().len(), p.edges()[0].count)).collect();
    assert_eq!(counts, [("ana", 1, 40), ("bea", 1, 40), ("cy", 1, 40)]);
    // And whoever comes later knows it.
    let third = guard_in(folder.path(), HOLD);
    assert_eq!(code(&ask(&third, "bea", READ.0, READ.1)), "passed");
    assert_eq!(code(&ask(&third, "dee", READ.0, READ.1)), "unusual_approval_required");
}

#[test]
fn an_explanation_says_it_and_teaches_nothing() {
    let (_folder, guard) = guard(RAISE);
    let subject =
        || wardline::model::Subject::Http(head(READ.0, READ.1, &[("content-type", "application/json")]));
    let caller = || wardline::guard::Caller::verified(Identity::new("ana"));
    for _ in 0..2 {
        let told = guard.explain(subject(), br#"{"limit":1}"#, caller());
        let unusual = &told.acts[0].unusual;
        assert_eq!(unusual[0].to_string(), "first time that this caller does data.read here: +25 risk");
        assert_eq!(told.acts[0].final_risk, told.decision.risk);
        guard.flush().unwrap();
    }
}

fn signals(record: &Record) -> Vec<&str> {
    record.unusual.iter().map(|one| one.signal.as_str()).collect()
}

#[test]
fn a_network_is_new_once_and_its_neighbours_are_not() {
    let (folder, guard) = guard("watch: {new_network: {effect: raise, risk: 15}}\n");
    let mut found = Vec::new();
    for address in
        ["192.0.2.7", "192.0.2.200", "198.51.100.1", "192.0.2.9", "2001:db8:5:1::1", "2001:db8:5:9::1"]
    {
        assert_eq!(code(&from(&guard, ("x-user", "ana"), address)), "passed");
        found.push(signals(&record(&guard, &folder)).len());
    }
    assert_eq!(found, [1, 0, 1, 0, 1, 0]);
    let _ = from(&guard, ("x-user", "bea"), "192.0.2.7");
    let record = record(&guard, &folder);
    let terms: Vec<_> = record.risk.as_ref().unwrap().terms.iter().map(|term| &*term.name).collect();
    assert_eq!((signals(&record), terms), (vec!["new_network"], vec!["base", "watch:new_network"]));
}

#[test]
fn a_key_that_two_senders_use_at_once_is_told_and_one_that_moved_is_not() {
    let clock = Arc::new(ManualClock::new(START));
    let folder = tempfile::tempdir().unwrap();
    let policy = || policy(folder.path(), "watch: {two_workloads: {effect: hold, within: 10m}}\n");
    let guard = Guard::with_clock(policy(), clock.clone());
    let other = Guard::with_clock(policy(), clock.clone());
    let send = |guard: &Guard, address: &str| {
        let seen = from(guard, ("x-key", KEY), address);
        guard.flush().unwrap();
        code(&seen).to_owned()
    };
    assert_eq!([send(&guard, "192.0.2.7"), send(&guard, "192.0.2.7")], ["passed", "passed"]);
    // Also where the two ask different processes: once the other one has looked at the store.
    other.flush().unwrap();
    assert_eq!(send(&other, "192.0.2.8"), "unusual_approval_required");
    assert_eq!(send(&guard, "192.0.2.7"), "passed");
    clock.advance(Duration::from_secs(601));
    assert_eq!(send(&guard, "192.0.2.8"), "passed");
    assert_eq!(send(&guard, "192.0.2.7"), "unusual_approval_required");
    // Who is named by a proxy presents nothing that could be stolen.
    for address in ["192.0.2.7", "192.0.2.8"] {
        assert_eq!(code(&from(&guard, ("x-user", "svc"), address)), "passed");
    }
    let told = record(&guard, &folder);
    assert_eq!((told.credential, told.unusual.len()), (None, 0));
}

#[test]
fn a_burst_is_told_against_the_callers_own_hours() {
    let clock = Arc::new(ManualClock::new(START));
    let folder = tempfile::tempdir().unwrap();
    let watch = "watch: {burst: {effect: raise, times: 3, floor: 4, after: 2h}}\n";
    let guard = Guard::with_clock(policy(folder.path(), watch), clock.clone());
    let bursts = |user: &str, count: u64| {
        let mut found = 0;
        for _ in 0..count {
            assert_eq!(code(&ask(&guard, user, READ.0, READ.1)), "passed");
            guard.flush().unwrap();
            found += signals(&record(&guard, &folder)).len();
        }
        found
    };
    // The first hours are learnt whatever they bring.
    assert_eq!(bursts("ana", 9), 0);
    assert_eq!(bursts("bea", 1), 0);
    clock.advance(Duration::from_secs(2 * 3_600));
    assert_eq!(bursts("ana", 20), 0);
    assert_eq!(bursts("bea", 8), 4);
    // Twice as much is usual now, and no more.
    clock.advance(Duration::from_secs(3_600));
    assert_eq!(bursts("bea", 8), 2);
}

#[test]
fn the_store_holds_subjects_and_no_address_key_or_network() {
    let watch = "watch: {two_workloads: {effect: raise}, new_network: {effect: raise}}\n";
    let (folder, guard) = guard(watch);
    for address in ["198.51.100.23", "203.0.113.77"] {
        assert_eq!(code(&from(&guard, ("x-key", KEY), address)), "passed");
        guard.flush().unwrap();
    }
    let told = record(&guard, &folder);
    assert_eq!(told.credential.unwrap().len(), 16);
    drop(guard);
    let state = folder.path().join("state");
    let store = SqliteStore::open(state.join("store.sqlite")).unwrap();
    assert_eq!(Learner::list(&store).unwrap()[0].subject, "svc".into());
    drop(store);
    for file in ["store.sqlite", "store.sqlite-wal"] {
        let Ok(bytes) = fs::read(state.join(file)) else { continue };
        for text in [KEY, "198.51.100", "203.0.113", "docs"] {
            assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{file}: {text}");
        }
    }
}

/// Points with these ids and this text, in pieces of this size.
fn points(ids: &[&str], text: &str, size: usize) -> Service {
    let point = |id: &&str| format!(r#"{{"id":{id},"payload":{{"n":"{text}"}}}}"#);
    let points: Vec<String> = ids.iter().map(point).collect();
    let body = format!(r#"{{"result":{{"points":[{}]}}}}"#, points.join(","));
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    Service { status: 200, headers, chunks: body.into_bytes().chunks(size).map(<[u8]>::to_vec).collect() }
}

fn scroll(guard: &Guard, user: &str, answer: &Service) -> Seen {
    let head = head(READ.0, READ.1, &[("x-user", user), ("content-type", "application/json")]);
    let seen = exchange(guard, head, br#"{"limit":9}"#, answer);
    guard.flush().unwrap();
    seen
}

const CANARY: &str = "watch: {canary: {effect: hold, ids: [\"9000117\"], texts: [Otto Zwirn], for: 2h}}\n";

#[test]
fn who_names_a_canary_is_held_and_watched_for_a_while() {
    let clock = Arc::new(ManualClock::new(START));
    let folder = tempfile::tempdir().unwrap();
    let guard = Guard::with_clock(policy(folder.path(), CANARY), clock.clone());
    let plain = |user: &str| code(&ask(&guard, user, READ.0, READ.1)).to_owned();
    assert_eq!(plain("ana"), "passed");
    for (target, body) in [
        ("/q/collections/docs/points", r#"{"ids":[4,9000117]}"#),
        ("/q/collections/docs/points/scroll", r#"{"filter":{"must":[{"match":{"value":"Otto Zwirn"}}]}}"#),
    ] {
        let head = head("POST", target, &[("x-user", "ana"), ("content-type", "application/json")]);
        let seen = exchange(&guard, head, body.as_bytes(), &Service { status: 200, ..Service::default() });
        assert_eq!((code(&seen), seen.service.is_none()), ("unusual_approval_required", true), "{body}");
        assert_eq!(signals(&record(&guard, &folder)), ["canary"]);
    }
    // What she asks next is held too, in other processes as well; what others ask is not.
    assert_eq!([plain("ana"), plain("bea")], ["unusual_approval_required", "passed"]);
    let other = Guard::with_clock(policy(folder.path(), CANARY), clock.clone());
    assert_eq!(code(&ask(&other, "ana", READ.0, READ.1)), "unusual_approval_required");
    let told = record(&guard, &folder);
    assert!(!serde_json::to_string(&told).unwrap().contains("Zwirn"));
    // That it was held does not lengthen it.
    clock.advance(Duration::from_secs(2 * 3_600));
    assert_eq!(plain("ana"), "passed");
}

#[test]
fn a_canary_counts_while_the_rest_is_learnt() {
    let asked = |more: &str| {
        let folder = tempfile::tempdir().unwrap();
        let watch = format!(
            "watch: {{{more}, first_seen: {{effect: hold}}, canary: {{effect: hold, ids: [\"9000117\"]}}}}\n"
        );
        let guard = guard_in(folder.path(), &watch);
        let before = code(&ask(&guard, "ana", READ.0, READ.1)).to_owned();
        [before, code(&ask(&guard, "ana", "GET", "/q/collections/docs/points/9000117")).to_owned()]
    };
    assert_eq!(asked("learning: 7d"), ["passed", "unusual_approval_required"]);
    assert_eq!(asked("mode: learn"), ["passed", "passed"]);
}

const NOTED: &str =
    "watch: {canary: {effect: raise, risk: 5, ids: [\"9000117\"], texts: [Otto Zwirn], for: 2h}}\n";

#[test]
fn a_canary_in_a_response_counts_for_what_is_asked_next() {
    for (answer, touched) in [
        (points(&["1"], "Otto Zwirn", 1), true),
        (points(&["1"], "Otto Zwirn", 7), true),
        (points(&["1"], "Otto Zwirn", 1_000), true),
        (points(&["1", "9000117"], "x", 5), true),
        (points(&["1", "90001170"], "Otto", 5), false),
    ] {
        let (folder, guard) = guard(NOTED);
        let seen = scroll(&guard, "ana", &answer);
        assert_eq!((seen.status, seen.aborted), (200, None));
        assert_eq!(seen.body, answer.chunks.concat());
        assert_eq!(signals(&record(&guard, &folder)).len(), usize::from(touched));
        let _ = scroll(&guard, "ana", &points(&["1"], "x", 9));
        let next = record(&guard, &folder);
        assert_eq!(signals(&next), if touched { vec!["canary_before"] } else { vec![] });
    }
}

#[test]
fn a_canary_that_holds_cuts_the_response_before_it_leaves_however_it_comes() {
    for (ids, text, met) in [
        (&["1"][..], "see Otto Zwirn, there", true),
        (&["1", "9000117", "2"], "x", true),
        (&["1", "90001170"], "Otto Zwir", false),
    ] {
        for size in [1, 2, 3, 5, 7, 8, 11, 13, 21, 34, 60] {
            let (_folder, guard) = guard(CANARY);
            let answer = points(ids, text, size);
            let seen = scroll(&guard, "ana", &answer);
            let body = answer.chunks.concat();
            assert!(body.starts_with(&seen.body), "{size}");
            assert_eq!(seen.aborted, met.then_some("canary_in_response"), "{size}");
            assert_eq!(seen.body == body, !met, "{size}");
            let left = String::from_utf8(seen.body).unwrap();
            assert!(!left.contains("Otto Zwirn") && !left.contains(":9000117,"), "{left} by {size}");
            let next = code(&scroll(&guard, "ana", &points(&["1"], "x", 9))).to_owned();
            assert_eq!(next, if met { "unusual_approval_required" } else { "passed" });
        }
    }
}

#[test]
fn a_small_answer_with_a_canary_is_refused_as_a_whole_and_people_let_it_pass() {
    let (folder, guard) = guard(CANARY);
    let mut answer = points(&["1"], "Otto Zwirn", 5);
    let length = answer.chunks.concat().len().to_string();
    answer.headers.insert("content-length", length.parse().unwrap());
    let seen = scroll(&guard, "ana", &answer);
    assert_eq!((seen.status, code(&seen)), (403, "canary_in_response"));
    let told = record(&guard, &folder);
    assert_eq!(
        (signals(&told), told.response.as_ref().and_then(|passed| passed.sha256.as_ref())),
        (vec!["canary"], None)
    );
    // What she asks now is held; who approves that lets exactly that request have it.
    let held = scroll(&guard, "ana", &answer).answer.unwrap();
    guard.vote(&held.approval.unwrap(), "sam", Answer::Approve, None).unwrap();
    let seen = scroll(&guard, "ana", &answer);
    assert_eq!((seen.status, seen.body), (200, answer.chunks.concat()));
    assert_eq!(signals(&record(&guard, &folder)), ["canary_before", "canary"]);
}

#[test]
fn what_cannot_be_searched_for_a_canary_does_not_pass() {
    let (_folder, guard) = guard(CANARY);
    for (name, value, status) in [
        ("content-encoding", "gzip", 200),
        ("content-range", "bytes 0-1/9", 206),
        ("grpc-encoding", "gzip", 200),
    ] {
        let mut answer = points(&["1"], "x", 9);
        answer.status = status;
        answer.headers.insert(name, value.parse().unwrap());
        assert_eq!(code(&scroll(&guard, "ana", &answer)), "unsearchable_response", "{name}");
    }
    let mut plain = points(&["1"], "x", 9);
    plain.headers.insert("grpc-encoding", "identity".parse().unwrap());
    assert_eq!(scroll(&guard, "ana", &plain).body, plain.chunks.concat());
}

#[test]
fn statements_and_their_results_are_searched_for_canaries() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    let text = POLICY
        .replace(
            "services:",
            "services:\n  warehouse: {system: postgres, thresholds: {hold: never, deny: never}}",
        )
        .replace("KEY", &hex(&Sha256::digest(KEY)));
    fs::write(&path, format!("{text}{CANARY}")).unwrap();
    let guard = Guard::from_file(&path).unwrap();
    let run = |user: &str, text: &str| {
        let statement = Statement {
            service: "warehouse".into(),
            text: text.into(),
            dialect: None,
            parameters: Default::default(),
            numbers: Vec::new(),
            times: 1,
        };
        guard.statement(statement, Identity::new(user))
    };
    let held = run("ana", "SELECT title FROM docs WHERE id = 9000117").unwrap_err();
    assert_eq!(held.code, "unusual_approval_required");
    let select = "SELECT id, title FROM docs WHERE id < 9";
    let mut running = run("bea", select).unwrap();
    let part = |id: &str| Census { rows: 1, ids: vec![id.to_owned()], ids_total: 1, ..Census::default() };
    running.returned(&part("7")).unwrap();
    assert_eq!(running.returned(&part("9000117")).unwrap_err().code, "canary_in_response");
    drop(running);
    let mut running = run("cy", select).unwrap();
    let mut left = Vec::new();
    let mut cut = None;
    for piece in [&b"{\"t\":\"a\"}\n{\"t\":\"Ot"[..], b"to Zwi", b"rn\"}\n"] {
        match running.result(piece, "application/x-ndjson", false) {
            Ok(bytes) => left.extend(bytes),
            Err(answer) => cut = Some(answer.code),
        }
    }
    assert_eq!(cut, Some("canary_in_response"));
    assert_eq!(left, b"{\"t\":\"a\"}\n{\"t\":\"");
    drop(running);
    guard.flush().unwrap();
    for user in ["bea", "cy"] {
        assert_eq!(run(user, select).unwrap_err().code, "unusual_approval_required", "{user}");
    }
}

#[test]
fn a_large_part_of_a_collection_is_told_however_slowly_it_was_had() {
    let clock = Arc::new(ManualClock::new(START));
    let folder = tempfile::tempdir().unwrap();
    let watch = "watch: {share: {effect: raise, risk: 40, of: {docs: 10}, over: 50}}\n";
    let guards = [
        Guard::with_clock(policy(folder.path(), watch), clock.clone()),
        Guard::with_clock(policy(folder.path(), watch), clock.clone()),
    ];
    let mut found = Vec::new();
    for (hour, ids) in
        [["1", "2"], ["2", "3"], ["1", "3"], ["4", "5"], ["6", "7"], ["1", "2"]].into_iter().enumerate()
    {
        let guard = &guards[hour % 2];
        guard.flush().unwrap();
        let _ = scroll(guard, "ana", &points(&ids, "x", 20));
        let record = exchanges(&folder.path().join("state"))
            .into_iter()
            .map(|entry| entry.record)
            .max_by_key(|record| record.at)
            .unwrap();
        found.push(signals(&record).len());
        clock.advance(Duration::from_secs(3_600));
    }
    // Five of ten were had before the fifth of them.
    assert_eq!(found, [0, 0, 0, 0, 1, 1]);
    let _ = scroll(&guards[0], "bea", &points(&["1"], "x", 20));
    clock.advance(Duration::from_secs(28 * 3_600));
    let _ = scroll(&guards[0], "ana", &points(&["1"], "x", 20));
    let last =
        exchanges(&folder.path().join("state")).into_iter().map(|entry| entry.record).max_by_key(|r| r.at);
    assert_eq!(signals(&last.unwrap()), [] as [&str; 0]);
}
