//! What people do with a guard, from end to end: grants that are asked for and handed on, glass that is broken.

use std::fs;

use tempfile::TempDir;
use wardline::audit::Kind;
use wardline::grant::{Answer, Terms};
use wardline::guard::Guard;

use crate::{Seen, Service, exchange, exchanges, head};

const POLICY: &str = r#"
version: 1
state: ./state
identity: {headers: {subject: x-user}, trusted_peers: [127.0.0.1]}
groups: {security: [sam, kim], oncall: [ana]}
approval: {steps: [{from: [security], need: 2}], break_glass: [oncall]}
granting: {longest: 2h, tickets: ["OPS-*"], approval: {steps: [{from: [security]}]}}
services:
  vectors: {system: qdrant, base_path: /q, thresholds: {hold: never, deny: never}}
rules:
  - {name: export, who: ["user:*"], operations: [vector.export], effect: grant}
  - {name: drop, who: ["user:*"], operations: [collection.drop], effect: hold}
"#;

fn guard() -> (TempDir, Guard) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    fs::write(&path, POLICY).unwrap();
    let guard = Guard::from_file(&path).unwrap();
    (folder, guard)
}

fn send(guard: &Guard, user: &str, method: &str, target: &str, body: &str) -> Seen {
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    let answer = Service { status: 200, headers, chunks: vec![b"{}".to_vec()] };
    let head = head(method, target, &[("x-user", user), ("content-type", "application/json")]);
    exchange(guard, head, body.as_bytes(), &answer)
}

fn export(guard: &Guard, user: &str) -> u16 {
    let body = r#"{"limit":5000,"with_vector":true}"#;
    send(guard, user, "POST", "/q/collections/docs/points/scroll", body).status
}

fn terms(who: &str, more: &str) -> Terms {
    serde_json::from_str(&format!(
        r#"{{"scope": {{"who": ["{who}"], "services": ["vectors"], "operations": ["vector.export"], "resources": ["docs"]}},
            "reason": "migration", {more}}}"#
    ))
    .unwrap()
}

#[test]
fn a_grant_is_asked_for_approved_handed_on_and_ended() {
    let (folder, guard) = guard();
    for wrong in [r#""until": "3h", "ticket": "OPS-1""#, r#""until": "1h""#] {
        assert!(guard.request_grant(terms("user:ana", wrong), "ana").is_err(), "{wrong}");
        assert!(guard.issue_grant(terms("user:ana", wrong), "cleo").is_err(), "{wrong}");
    }
    let wish = || terms("user:ana", r#""until": "1h", "uses": 3, "ticket": "OPS-1""#);
    let asked = guard.request_grant(wish(), "ana").unwrap();
    assert_eq!(guard.request_grant(wish(), "ana").unwrap().id, asked.id, "the same wish is one wish");
    assert_eq!(export(&guard, "ana"), 403);
    assert!(guard.vote(&asked.id, "ana", Answer::Approve, None).is_err());
    let granted = guard.vote(&asked.id, "sam", Answer::Approve, None).unwrap().granted.unwrap();
    assert_eq!(export(&guard, "ana"), 200);

    let part =
        guard.hand_on_grant(&granted, terms("user:svc-job", r#""until": "30m", "uses": 1"#), "ana").unwrap();
    assert_eq!((export(&guard, "svc-job"), export(&guard, "svc-job")), (200, 403));
    assert!(guard.hand_on_grant(&granted, terms("user:bea", r#""until": "30m", "uses": 1"#), "bea").is_err());
    guard.revoke_grant(&granted, "sam", "done").unwrap();
    assert!(guard.grants().unwrap().iter().all(|grant| grant.revoked.is_some()));
    assert_eq!(export(&guard, "ana"), 403);

    guard.flush().unwrap();
    let steps: Vec<_> = crate::entries(&folder.path().join("state"))
        .into_iter()
        .filter(|entry| matches!(entry.record.kind, Kind::Grant | Kind::Approval))
        .map(|entry| (entry.record.change.unwrap().step, entry.record.grant))
        .collect();
    let names: Vec<&str> = steps.iter().map(|(step, _)| step.as_str()).collect();
    assert_eq!(names, ["opened", "approved", "issued", "handed_on", "revoked"]);
    assert_eq!(steps[3].1.as_ref(), Some(&part.id));
}

#[test]
fn only_issuers_issue_and_end_what_is_not_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    fs::write(&path, POLICY.replace("granting: {", "granting: {issuers: [security], ")).unwrap();
    let guard = Guard::from_file(&path).unwrap();
    let kind = |error: wardline::Error| error.kind();
    let wish = |who: &str| terms(who, r#""until": "1h", "ticket": "OPS-1""#);
    for by in ["ana", "anonymous", "Sam"] {
        let refused = guard.issue_grant(wish("user:ana"), by).map_err(kind);
        assert_eq!(refused.unwrap_err(), wardline::ErrorKind::NotEligible, "{by}");
    }
    // Two people agree on each, by name, group or pattern.
    for who in ["user:sam", "user:s*", "group:security"] {
        let refused = guard.issue_grant(wish(who), "sam").map_err(kind);
        assert_eq!(refused.unwrap_err(), wardline::ErrorKind::NotEligible, "{who}");
    }
    let issue = |who: &str| guard.issue_grant(wish(who), "sam").unwrap().id;
    let (hers, team) = (issue("user:ana"), issue("user:a*"));
    for (id, by, may) in
        [(&hers, "bea", false), (&team, "ana", false), (&hers, "ana", true), (&team, "kim", true)]
    {
        assert_eq!(guard.revoke_grant(id, by, "over").map_err(kind).err().is_none(), may, "{by}");
    }
    // Who hands a part on may take it back, and what is asked for is issued by whoever approves.
    let asked = guard.request_grant(wish("user:ana"), "ana").unwrap();
    let granted = guard.vote(&asked.id, "sam", Answer::Approve, None).unwrap().granted.unwrap();
    let part = guard.hand_on_grant(&granted, terms("user:job", r#""until": "30m""#), "ana").unwrap();
    assert!(guard.revoke_grant(&part.id, "bea", "over").is_err());
    guard.revoke_grant(&part.id, "ana", "over").unwrap();
}

#[test]
fn broken_glass_stays_marked() {
    let (folder, guard) = guard();
    let drop = || send(&guard, "ana", "DELETE", "/q/collections/docs", "");
    let ticket = drop().answer.and_then(|answer| answer.approval).unwrap();
    assert!(guard.vote(&ticket, "sam", Answer::BreakGlass, Some("fire")).is_err());
    assert!(guard.vote(&ticket, "ana", Answer::BreakGlass, None).is_err());
    guard.vote(&ticket, "ana", Answer::BreakGlass, Some("the disk is full")).unwrap();
    assert_eq!((drop().status, drop().status), (200, 403), "for one request");
    guard.flush().unwrap();
    let marked: Vec<bool> =
        exchanges(&folder.path().join("state")).into_iter().map(|entry| entry.record.break_glass).collect();
    assert_eq!(marked, [false, true, false]);
}
