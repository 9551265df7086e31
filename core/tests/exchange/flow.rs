//! What no single exchange shows: approvals and grants across requests, cuts within one, failures of the guard's own.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wardline::audit::Ending;
use wardline::clock::{ManualClock, Timestamp};
use wardline::grant::{Answer, ApprovalState, Terms};
use wardline::guard::{Caller, Flow, Guard, Step};
use wardline::model::{ApprovalId, HttpHead, Subject, Verdict};
use wardline::policy::Policy;

use crate::{Seen, Service, exchange, exchanges, head};

const POLICY: &str = r#"
version: 1
state: ./state
identity: {headers: {subject: x-user, groups: x-groups}, trusted_peers: [127.0.0.1]}
groups: {security: [sam, kim]}
approval: {steps: [{from: [security], need: 1}]}
services:
  vectors: {system: qdrant, base_path: /q, body_limit: 4KiB, thresholds: {hold: never, deny: never}}
  lenient: {system: qdrant, base_path: /lenient, on_failure: allow}
rules:
  - {name: search, who: ["user:*"], services: [vectors, lenient], operations: [vector.search, vector.fetch, data.read], effect: allow}
  - {name: write, who: ["user:*"], services: [vectors], operations: [vector.upsert], effect: allow}
  - {name: bulk, who: ["user:*"], services: [vectors], operations: [vector.export], effect: hold}
  - {name: drop, who: ["user:*"], services: [vectors], operations: [collection.drop], effect: grant}
  - {name: parked, who: ["user:*"], services: [vectors], operations: [collection.snapshot], effect: hold, wait: 20s}
mask:
  - {name: pii, services: [vectors], in: [request], operations: [vector.upsert], entities: {email: redact}}
"#;

fn guard() -> (TempDir, Guard) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    fs::write(&path, POLICY).unwrap();
    let guard = Guard::from_file(&path).unwrap();
    (folder, guard)
}

const EXPORT: &[u8] = br#"{"limit":5000,"with_vector":true}"#;

fn scroll(user: &str) -> HttpHead {
    head(
        "POST",
        "/q/collections/docs/points/scroll",
        &[("x-user", user), ("content-type", "application/json")],
    )
}

fn points(count: usize) -> Service {
    let point = r#"{"id":1,"vector":[0.1,0.2]}"#;
    let body = format!(r#"{{"result":{{"points":[{}]}}}}"#, vec![point; count].join(","));
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    Service { status: 200, headers, chunks: body.into_bytes().chunks(40).map(<[u8]>::to_vec).collect() }
}

fn ticket(seen: &Seen) -> ApprovalId {
    seen.answer.as_ref().and_then(|answer| answer.approval.clone()).expect("a held request")
}

fn terms(yaml_free: &str) -> Terms {
    serde_json::from_str(yaml_free).unwrap()
}

#[test]
fn a_grpc_call_is_judged_by_its_message_however_it_is_cut() {
    let (_folder, guard) = guard();
    let call = || {
        let kind = ("content-type", "application/grpc");
        head("POST", "/q/qdrant.Points/Scroll", &[("x-user", "ana"), kind])
    };
    // collection_name = 1, limit = 4, with_vectors = 7 { enable = 1 }
    let page = b"\0\0\0\0\x08\x0a\x04docs\x20\x0a";
    let all = b"\0\0\0\0\x0d\x0a\x04docs\x20\x88\x27\x3a\x02\x08\x01";
    let seen = exchange(&guard, call(), page, &points(1));
    assert_eq!((seen.status, seen.service.unwrap().1.as_slice()), (200, &page[..]));
    let held = exchange(&guard, call(), all, &points(1));
    assert_eq!(ticket(&held), ticket(&exchange(&guard, call(), all, &points(1))));
    assert!(held.service.is_none());
    let cut = exchange(&guard, call(), &all[..12], &points(1));
    assert!(cut.service.is_none() && cut.status >= 400);
}

#[test]
fn an_approval_serves_the_very_request_once_and_nothing_else() {
    let (folder, guard) = guard();
    let held = exchange(&guard, scroll("ana"), EXPORT, &points(1));
    let first = ticket(&held);
    assert_eq!(
        ticket(&exchange(&guard, scroll("ana"), EXPORT, &points(1))),
        first,
        "a retry finds its ticket"
    );

    let json = ("content-type", "application/json");
    let export = |method: &str, target: &str, user: &str, kind: (&str, &str)| {
        head(method, target, &[("x-user", user), kind])
    };
    let others = [
        (export("POST", "/q/collections/docs/points/scroll?timeout=9", "ana", json), EXPORT.to_vec()),
        (export("POST", "/q/collections/staff/points/scroll", "ana", json), EXPORT.to_vec()),
        (export("POST", "/q/collections/docs/points/scroll", "bob", json), EXPORT.to_vec()),
        (
            export(
                "POST",
                "/q/collections/docs/points/scroll",
                "ana",
                ("content-type", "application/json; a=b"),
            ),
            EXPORT.to_vec(),
        ),
        (scroll("ana"), [EXPORT, b" "].concat()),
    ];
    let mut tickets = vec![first.clone()];
    for (head, body) in others {
        let other = ticket(&exchange(&guard, head, &body, &points(1)));
        assert!(!tickets.contains(&other), "a changed request is another request");
        tickets.push(other);
    }

    assert!(guard.vote(&first, "eve", Answer::Approve, None).is_err(), "eve is in no group that is asked");
    let approved = guard.vote(&first, "sam", Answer::Approve, None).unwrap();
    assert_eq!(approved.votes.len(), 1);
    let passed = exchange(&guard, scroll("ana"), EXPORT, &points(3));
    assert_eq!((passed.status, passed.aborted), (200, None));
    assert_ne!(ticket(&exchange(&guard, scroll("ana"), EXPORT, &points(1))), first, "used once");
    guard.flush().unwrap();
    let used = exchanges(&folder.path().join("state"))
        .into_iter()
        .find(|e| e.record.enforced == Some(Verdict::Allow))
        .unwrap();
    assert_eq!((used.record.decided, used.record.approval), (Some(Verdict::Hold), Some(first)));
    assert_eq!(used.record.response.unwrap().census.unwrap().vectors, 3);
}

#[test]
fn a_denied_ticket_stays_denied_and_everything_stays_listed() {
    let (_folder, guard) = guard();
    let id = ticket(&exchange(&guard, scroll("ana"), EXPORT, &points(1)));
    guard.vote(&id, "kim", Answer::Deny, Some("not now")).unwrap();
    let seen = exchange(&guard, scroll("ana"), EXPORT, &points(1));
    let answer = seen.answer.unwrap();
    // Where the reason stands is told, and that to ask again is no use.
    assert_eq!((answer.code, answer.approval, answer.retry_after), ("approval_denied", Some(id), None));
    let listed = guard.approvals(Some(ApprovalState::Denied)).unwrap();
    assert_eq!((listed.len(), listed[0].votes[0].reason.as_deref()), (1, Some("not now")));
}

#[test]
fn a_parked_request_goes_on_when_people_decide() {
    let (_folder, guard) = guard();
    let other = guard.clone();
    let voter = std::thread::spawn(move || {
        loop {
            if let Some(held) = other.approvals(Some(ApprovalState::Pending)).unwrap().first() {
                return other.vote(&held.id, "sam", Answer::Approve, None).unwrap();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let snapshot = head("POST", "/q/collections/docs/snapshots", &[("x-user", "ana")]);
    let seen = exchange(&guard, snapshot, b"", &Service { status: 200, ..Service::default() });
    assert_eq!(seen.status, 200, "{seen:?}");
    voter.join().unwrap();
}

#[test]
fn a_quota_ends_within_the_answer_and_no_vector_leaves_unleased() {
    let (folder, guard) = guard();
    guard.issue_grant(terms(
        r#"{"scope":{"who":["user:ana"],"services":["vectors"],"operations":["vector.export"],"resources":["docs"]},
            "until":"1h","quota":["vectors",6000],"reason":"migration"}"#), "lee").unwrap();
    // As much as was asked for: passes, and what was not used comes back.
    let seen = exchange(&guard, scroll("ana"), EXPORT, &points(10));
    assert_eq!((seen.status, seen.aborted), (200, None));
    guard.flush().unwrap();
    assert_eq!(guard.grants().unwrap()[0].spent, 10);
    // The service sends more than was asked for and more than is left: cut there.
    let seen = exchange(&guard, scroll("ana"), EXPORT, &points(6_500));
    assert_eq!((seen.status, seen.aborted), (200, Some("grant_exhausted")));
    let whole = seen.body.windows(4).filter(|w| w == b"0.2]").count();
    assert_eq!(whole, 5_990);
    guard.flush().unwrap();
    let last = exchanges(&folder.path().join("state")).pop().unwrap().record;
    assert_eq!(last.outcome.unwrap().reason.as_deref(), Some("grant_exhausted"));
    assert_eq!(last.response.unwrap().census.unwrap().vectors, 5_990);
}

/// What a caller with a grant of so many items gets of a body in these pieces.
fn under_quota(more: &str, quota: &str, service: &Service) -> (String, Option<&'static str>) {
    let policy = format!(
        "version: 1\nstate: memory\nidentity: {{headers: {{subject: x-user}}, trusted_peers: [127.0.0.1]}}\n\
         services: {{papers: {{system: chroma, thresholds: {{hold: never, deny: never}}}}}}\n\
         rules: [{{name: out, who: ['*'], effect: grant}}]\n\
         grants: [{{name: some, who: ['user:ana'], operations: ['*'], until: 2099-01-01T00:00:00Z, quota: {quota}}}]\n{more}"
    );
    let guard = Guard::new(Policy::parse(&policy, "wardline.yaml").unwrap());
    let target = "/api/v2/tenants/t/databases/d/collections/c/get";
    let head = head("POST", target, &[("x-user", "ana"), ("content-type", "application/json")]);
    let seen = exchange(&guard, head, br#"{"include": ["embeddings"]}"#, service);
    (String::from_utf8(seen.body).unwrap(), seen.aborted)
}

#[test]
fn wherever_an_answer_comes_in_pieces_a_quota_lets_out_the_same_bytes() {
    let embeddings: Vec<String> = (0..4).map(|n| format!("[ {n}.5, -{n}]")).collect();
    let body = format!(
        r#"{{"ids": ["a","b","c","d"], "embeddings": [{}], "documents": ["to ana@example.org", "x"]}}"#,
        embeddings.join(" , ")
    );
    let in_pieces = |cuts: &[usize]| {
        let ends = cuts.iter().copied().chain([body.len()]);
        let pieces = [0].into_iter().chain(cuts.iter().copied()).zip(ends);
        Service { chunks: pieces.map(|(from, to)| body.as_bytes()[from..to].to_vec()).collect(), ..points(0) }
    };
    let each_byte: Vec<usize> = (1..body.len()).collect();
    for (more, quota, last) in [
        ("", "{vectors: 3}", "[ "),
        ("mask: [{name: m, entities: {email: redact}}]\n", "{vectors: 3}", "[ "),
        ("", "{rows: 2}", ""),
    ] {
        let (whole, aborted) = under_quota(more, quota, &in_pieces(&[]));
        assert_eq!(aborted, Some("grant_exhausted"));
        if quota.contains("vectors") {
            assert_eq!(whole.trim_end(), body.split_once("3.5").unwrap().0.trim_end());
            assert!(whole.trim_end().ends_with(last.trim_end()));
        }
        for cut in 1..body.len() {
            assert_eq!(under_quota(more, quota, &in_pieces(&[cut])), (whole.clone(), aborted), "{cut}");
        }
        assert_eq!(under_quota(more, quota, &in_pieces(&each_byte)), (whole, aborted));
    }
    let (whole, aborted) = under_quota("", "{vectors: 4}", &in_pieces(&each_byte));
    assert_eq!((whole, aborted), (body.clone(), None));
}

#[test]
fn a_packed_answer_that_is_masked_is_cut_as_exactly() {
    let body = format!(r#"{{"embeddings": [{}]}}"#, vec!["[0.5,1.5]"; 40].join(","));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, body.as_bytes()).unwrap();
    let mut service = points(0);
    service.headers.insert("content-encoding", "gzip".parse().unwrap());
    let packed = packed.finish().unwrap();
    for size in [1, 7, 4_096] {
        service.chunks = packed.chunks(size).map(<[u8]>::to_vec).collect();
        let more = "mask: [{name: m, entities: {email: redact}}]\n";
        let (out, aborted) = under_quota(more, "{vectors: 7}", &service);
        assert_eq!((out.matches("1.5]").count(), aborted), (7, Some("grant_exhausted")), "{size}");
    }
}

/// A service that says nothing more does not keep the connection open: with the last that may go on comes the word.
#[test]
fn the_last_bytes_come_with_the_word_that_they_are() {
    let (_folder, guard) = guard();
    guard.issue_grant(terms(
        r#"{"scope":{"who":["user:ana"],"services":["vectors"],"operations":["vector.export"],"resources":["docs"]},
            "until":"1h","quota":["vectors",5000],"reason":"migration"}"#), "lee").unwrap();
    let mut running =
        guard.begin(Subject::Http(scroll("ana")), Caller::peer("127.0.0.1".parse().ok()), "test");
    while let Step::NeedBody = running.next_blocking() {
        running.push_request(EXPORT.into());
        running.end_request();
    }
    let service = points(5_003);
    let _ = running.response_head(http::StatusCode::OK, &service.headers);
    let (piece, mut out) = (service.chunks.concat(), Vec::new());
    let flow = running.response(&piece, &mut out);
    let Flow::Last(cut) = running.settle_blocking(flow, &mut out) else { panic!("more than is left") };
    assert_eq!((cut.code, out.windows(4).filter(|w| w == b"0.2]").count()), ("grant_exhausted", 5_000));
    assert!(matches!(running.response(b"[0.1]", &mut out), Flow::Abort(_)));
    assert!(matches!(running.response_end(&mut out), Flow::Abort(_)));
}

#[test]
fn one_use_is_one_use() {
    let (_folder, guard) = guard();
    let drop_it = || head("DELETE", "/q/collections/docs", &[("x-user", "ana")]);
    let gone = Service { status: 200, ..Service::default() };
    let code = |seen: Seen| seen.answer.map_or("passed", |answer| answer.code);
    assert_eq!(code(exchange(&guard, drop_it(), b"", &gone)), "grant_required");
    guard.issue_grant(terms(
        r#"{"scope":{"who":["user:ana"],"services":["*"],"operations":["collection.drop"],"resources":["docs"]},
            "until":"1h","uses":1,"reason":"cleanup"}"#), "lee").unwrap();
    assert_eq!(code(exchange(&guard, drop_it(), b"", &gone)), "passed");
    let again = code(exchange(&guard, drop_it(), b"", &gone));
    assert!(["grant_required", "grant_exhausted"].contains(&again), "{again}");
}

/// G03: revoking ends access at once, running streams included.
#[test]
fn revoking_cuts_a_running_answer_within_a_second() {
    let (folder, guard) = guard();
    let grant = guard.issue_grant(terms(
        r#"{"scope":{"who":["user:ana"],"services":["*"],"operations":["vector.export"],"resources":["*"]},
            "until":"1h","reason":"migration"}"#), "lee").unwrap();
    let mut running =
        guard.begin(Subject::Http(scroll("ana")), Caller::peer("127.0.0.1".parse().ok()), "test");
    loop {
        match running.next_blocking() {
            Step::NeedBody => {
                running.push_request(EXPORT.into());
                running.end_request();
            }
            Step::Forward(_) => break,
            other => panic!("{other:?}"),
        }
    }
    let service = points(1_000);
    let _ = running.response_head(http::StatusCode::OK, &service.headers);
    let mut pieces = service.chunks.iter();
    let mut out = Vec::new();
    assert!(matches!(running.response(pieces.next().unwrap(), &mut out), Flow::Unchanged | Flow::Changed));
    // Another process ends it.
    let elsewhere = Guard::from_file(folder.path().join("wardline.yaml")).unwrap();
    elsewhere.revoke_grant(&grant.id, "sam", "stop").unwrap();
    let revoked = Instant::now();
    let cut = loop {
        match running.response(pieces.next().expect("the cut comes before the end"), &mut out) {
            Flow::Abort(abort) => break abort,
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    assert_eq!(cut.code, "grant_revoked");
    assert!(revoked.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_grant_ends_on_time_however_late_the_answer_began() {
    let clock = Arc::new(ManualClock::new("2026-11-25T10:00:00Z".parse::<Timestamp>().unwrap()));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wardline.yaml");
    let guard = Guard::with_clock(Policy::parse(POLICY, file.to_str().unwrap()).unwrap(), clock.clone());
    guard.issue_grant(terms(
        r#"{"scope":{"who":["user:ana"],"services":["*"],"operations":["vector.export"],"resources":["*"]},
            "until":"2026-11-25T10:30:00Z","reason":"migration"}"#), "lee").unwrap();
    clock.advance(Duration::from_secs(29 * 60));
    let mut running =
        guard.begin(Subject::Http(scroll("ana")), Caller::peer("127.0.0.1".parse().ok()), "test");
    while let Step::NeedBody = running.next_blocking() {
        running.push_request(EXPORT.into());
        running.end_request();
    }
    let service = points(10);
    let _ = running.response_head(http::StatusCode::OK, &service.headers);
    let mut out = Vec::new();
    assert!(!matches!(running.response(&service.chunks[0], &mut out), Flow::Abort(_)));
    clock.advance(Duration::from_secs(61));
    let Flow::Abort(cut) = running.response(&service.chunks[1], &mut out) else { panic!("10:30 is the end") };
    assert_eq!(cut.code, "grant_expired");
}

#[test]
fn the_evidence_is_on_disk_before_the_first_byte_is_forwarded() {
    let (folder, guard) = guard();
    guard.issue_grant(terms(
        r#"{"scope":{"who":["user:ana"],"services":["*"],"operations":["collection.drop"],"resources":["*"]},
            "until":"1h","reason":"cleanup"}"#), "lee").unwrap();
    let drop_it = head("DELETE", "/q/collections/docs", &[("x-user", "ana")]);
    let mut running = guard.begin(Subject::Http(drop_it), Caller::peer("127.0.0.1".parse().ok()), "test");
    assert!(matches!(running.next_blocking(), Step::Forward(_)));
    let state = folder.path().join("state");
    let begun = exchanges(&state).pop().expect("an entry");
    assert!(!begun.complete);
    assert_eq!(begun.record.id, *running.id());
    running.finish(Ending::Complete);
    guard.flush().unwrap();
    let ended = exchanges(&state).pop().unwrap();
    assert!(ended.complete && ended.record.id == begun.record.id);
}

/// F08: a body over the limit is denied, not passed unjudged.
#[test]
fn what_is_too_large_to_judge_is_not_passed_unjudged() {
    let (_folder, guard) = guard();
    let large = [EXPORT, &vec![b' '; 5_000]].concat();
    let seen = exchange(&guard, scroll("ana"), &large, &points(1));
    assert_eq!(
        seen.answer.unwrap().code,
        "too_large_to_hold",
        "the worst case is an export, and it cannot be held"
    );
    assert!(seen.service.is_none());
}

#[test]
fn an_upload_over_the_limit_is_masked_as_it_streams() {
    let (_folder, guard) = guard();
    let upsert = || {
        head("PUT", "/q/collections/docs/points", &[("x-user", "ana"), ("content-type", "application/json")])
    };
    let point = r#"{"id":1,"vector":[0.1],"payload":{"mail":"ana@example.org"}}"#;
    let body = format!(r#"{{"points":[{}]}}"#, vec![point; 200].join(","));
    let seen = exchange(&guard, upsert(), body.as_bytes(), &Service { status: 200, ..Service::default() });
    let (headers, reached) = seen.service.unwrap();
    assert_eq!(String::from_utf8(reached).unwrap(), body.replace("ana@example.org", "[EMAIL]"));
    assert!(!headers.contains_key("content-length"));
}

#[test]
fn a_guard_that_cannot_record_denies_unless_the_policy_names_the_service() {
    let folder = tempfile::tempdir().unwrap();
    // A file stands where the state folder should be.
    fs::write(folder.path().join("state"), b"").unwrap();
    let path = folder.path().join("wardline.yaml");
    fs::write(&path, POLICY).unwrap();
    let guard = Guard::from_file(&path).unwrap();
    assert!(guard.check().is_err());
    let read = |base: &str| head("GET", &format!("{base}/collections/docs/points/1"), &[("x-user", "ana")]);
    let seen = exchange(&guard, read("/q"), b"", &points(1));
    assert_eq!((seen.status, seen.answer.unwrap().code), (503, "guard_unavailable"));
    assert!(seen.service.is_none());
    assert_eq!(exchange(&guard, read("/lenient"), b"", &points(1)).status, 200);
}

#[test]
fn nobody_sees_a_value_in_the_log() {
    let (folder, guard) = guard();
    let upsert = head(
        "PUT",
        "/q/collections/docs/points?note=ana@example.org",
        &[("x-user", "ana"), ("content-type", "application/json")],
    );
    let body = br#"{"points":[{"id":1,"vector":[0.1],"payload":{"mail":"rosa.lind@example.com"}}]}"#;
    exchange(&guard, upsert, body, &Service { status: 200, ..Service::default() });
    guard.flush().unwrap();
    let state = folder.path().join("state");
    assert_eq!(exchanges(&state).pop().unwrap().record.request.unwrap().totals["email"], 1);
    let log = fs::read(state.join("log/w0001/seg/000000000001.seg")).unwrap();
    for value in [&b"rosa.lind"[..], b"ana@example.org"] {
        assert!(!log.windows(value.len()).any(|w| w == value));
    }
}

#[test]
fn bodies_that_are_kept_come_from_one_budget() {
    let (_folder, guard) = guard();
    let large = bytes::Bytes::from(vec![b' '; 1 << 20]);
    let scroll = || {
        head(
            "POST",
            "/lenient/collections/docs/points/scroll",
            &[("x-user", "ana"), ("content-type", "application/json")],
        )
    };
    let open = || {
        let mut exchange =
            guard.begin(Subject::Http(scroll()), Caller::peer("127.0.0.1".parse().ok()), "test");
        assert!(matches!(exchange.next_blocking(), Step::NeedBody));
        exchange.push_request(large.clone());
        exchange
    };
    let mut kept: Vec<_> = (0..256).map(|_| open()).collect();
    assert!(matches!(kept[255].next_blocking(), Step::NeedBody));
    let Step::Answer(answer) = open().next_blocking() else {
        panic!("one too many is judged by its worst case")
    };
    assert_eq!(answer.status, 403);
    kept.clear();
    assert!(matches!(open().next_blocking(), Step::NeedBody));
}

#[test]
fn a_body_with_two_types_has_no_one_reading() {
    let (folder, guard) = guard();
    for twice in [["content-type", "text/plain"], ["content-encoding", "identity"]] {
        let kind = ("content-type", "application/json");
        let headers = [("x-user", "ana"), kind, (twice[0], twice[1]), ("content-encoding", "identity")];
        let upsert = head("PUT", "/q/collections/docs/points", &headers);
        let body = br#"{"points":[{"id":1,"vector":[0.1],"payload":{"mail":"ana\u0040example.org"}}]}"#;
        let seen = exchange(&guard, upsert, body, &Service { status: 200, ..Service::default() });
        assert_eq!(seen.answer.unwrap().code, "ambiguous_request", "{}", twice[0]);
        assert!(seen.service.is_none());
    }
    guard.flush().unwrap();
    assert_eq!(exchanges(&folder.path().join("state")).len(), 2);
}
