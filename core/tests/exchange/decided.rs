//! What went wrong elsewhere in deciding: ways around a rule, requests that choose their own rules, bytes that leave before the verdict.

use bytes::Bytes;
use wardline::audit::Ending;
use wardline::guard::{Caller, Guard, Step};
use wardline::identity::Identity;
use wardline::model::{Command, Line, Statement, Subject};
use wardline::policy::Policy;

use crate::{Service, exchange, head};

fn guard(policy: &str) -> Guard {
    Guard::new(Policy::parse(&format!("version: 1\nstate: memory\n{policy}"), "wardline.yaml").unwrap())
}

/// A03: a rule covers every way in, whatever its kind.
#[test]
fn a_rule_holds_an_export_by_whatever_way() {
    let guard = guard(
        "identity: {headers: {subject: x-user}, trusted_peers: [127.0.0.1]}
groups: {security: [sam]}
approval: {steps: [{from: [security]}]}
services:
  vectors: {system: qdrant, base_path: /, thresholds: {hold: never, deny: never}}
  warehouse: {system: postgres, thresholds: {hold: never, deny: never}}
  host: {system: shell, thresholds: {hold: never, deny: never}}
rules:
  - {name: everything, who: ['user:*'], operations: ['*'], effect: allow}
  - {name: exports, who: ['*'], operations: [vector.export], effect: hold}
",
    );
    let nobody = Service { status: 200, ..Service::default() };
    let sent = |target: &str, kind: &str, body: &[u8]| {
        let headers = [("x-user", "ana"), ("content-type", kind)];
        let seen = exchange(&guard, head("POST", target, &headers), body, &nobody);
        assert!(seen.service.is_none(), "{target}");
        seen.answer.unwrap().code
    };
    let ana = || Identity::new("ana");
    let scroll = r#"{"limit": 5000, "with_vector": true}"#;
    let rest = sent("/collections/docs/points/scroll", "application/json", scroll.as_bytes());
    // collection_name = 1, limit = 4, with_vectors = 7 { enable = 1 }
    let message = b"\0\0\0\0\x0d\x0a\x04docs\x20\x88\x27\x3a\x02\x08\x01";
    let grpc = sent("/qdrant.Points/Scroll", "application/grpc", message);
    let statement = Statement {
        service: "warehouse".into(),
        text: "SELECT id, embedding FROM docs".into(),
        dialect: None,
        parameters: Bytes::new(),
        numbers: Vec::new(),
        times: 1,
    };
    let sql = guard.statement(statement, ana()).unwrap_err().code;
    let text = format!("curl -d '{scroll}' http://vectors:6333/collections/docs/points/scroll");
    let command = Command { service: "host".into(), line: Line::Script(text) };
    let shell = guard.command(command, ana()).unwrap_err().code;
    assert_eq!([rest, grpc, sql, shell], ["approval_required"; 4]);
}

/// F03: the caller cannot switch a rule off from the request.
#[test]
fn what_a_request_says_of_rules_switches_none_off() {
    let guard = guard(
        "default: danger_allow
services: {llm: {system: openai, thresholds: {hold: never, deny: never}}}
mask: [{name: mails, in: [request], entities: {email: redact}}]
",
    );
    let body = serde_json::json!({
        "model": "m", "input": "rosa.lind@example.com", "guardrails": [], "metadata": {"guardrails": {}, "wardline": "off"},
    });
    let headers =
        [("content-type", "application/json"), ("x-wardline", "off"), ("x-wardline-mode", "observe")];
    let service = Service { status: 200, ..Service::default() };
    let seen =
        exchange(&guard, head("POST", "/v1/embeddings", &headers), body.to_string().as_bytes(), &service);
    let reached = String::from_utf8(seen.service.unwrap().1).unwrap();
    assert_eq!(reached, body.to_string().replace("rosa.lind@example.com", "[EMAIL]"));
}

/// F04: the strictest rule wins whatever its reach, and the explanation names it.
#[test]
fn a_global_denial_outlasts_what_a_team_and_a_key_are_allowed() {
    let guard = guard(
        "services: {vectors: {system: qdrant, base_path: /, thresholds: {hold: never, deny: never}}}
rules:
  - {name: key, who: ['user:svc-ana'], operations: [vector.search, data.read], effect: allow}
  - {name: team, who: ['group:search'], operations: [vector.search, data.read], effect: allow}
  - {name: global, who: ['*'], operations: ['vector.*'], effect: deny}
",
    );
    let request = head("POST", "/collections/docs/points/search", &[("content-type", "application/json")]);
    let who = Caller::verified(Identity::new("svc-ana").with_groups(["search"]));
    let told = guard.explain(Subject::Http(request), br#"{"vector": [0.1], "limit": 3}"#, who);
    let rules: Vec<&str> = told.decision.rules.iter().map(AsRef::as_ref).collect();
    assert_eq!((told.decision.code, rules), ("denied", vec!["global"]));
    assert_eq!(told.acts[0].rules.iter().filter(|rule| rule.misses.is_empty()).count(), 3);
}

/// F07: nothing of a request that the body decides is forwarded before the verdict.
#[test]
fn a_request_is_not_forwarded_before_its_body_is_judged() {
    let guard = guard(
        "services: {vectors: {system: qdrant, base_path: /, thresholds: {hold: never, deny: never}}}
rules:
  - {name: read, who: ['user:*'], operations: [data.read], effect: allow}
",
    );
    let body = br#"{"filter": {"must": []}, "limit": 5000, "with_vector": true}"#;
    let request = head("POST", "/collections/docs/points/scroll", &[("content-type", "application/json")]);
    let who = Caller::verified(Identity::new("ana"));
    let mut exchange = guard.begin(Subject::Http(request), who, "test");
    for piece in body.chunks(1) {
        assert!(matches!(exchange.step(), Step::NeedBody));
        exchange.push_request(Bytes::copy_from_slice(piece));
    }
    assert!(matches!(exchange.step(), Step::NeedBody));
    exchange.end_request();
    let Step::Answer(answer) = exchange.next_blocking() else { panic!("forwarded") };
    assert_eq!(answer.code, "default_deny");
    exchange.finish(Ending::Complete);
}
