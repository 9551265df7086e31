//! Which service a request belongs to, and what a policy says about it.

use std::time::Duration;

use wardline::model::{Mode, Risk};
use wardline::policy::{OnFailure, Policy};

use super::policy;

#[test]
fn the_longest_base_path_and_the_closest_host_win() {
    let policy = Policy::parse(
        "version: 1
services:
  everything: {system: openai}
  store: {system: qdrant, base_path: /store}
  deep: {system: qdrant, base_path: /store/deep/}
  named: {system: mlflow, hosts: [Registry.test, '*:5000']}
  wide: {system: mlflow, hosts: ['*.test']}
",
        "p.yaml",
    )
    .unwrap();
    let name = |host, path| policy.service_for(host, path).map(|service| &*service.name);
    assert_eq!(name("any", "/v1/embeddings?x=1"), Some("everything"));
    assert_eq!(name("any", "/store/collections"), Some("store"));
    assert_eq!(name("any", "/store"), Some("store"));
    assert_eq!(name("any", "/stores"), Some("everything"));
    assert_eq!(name("any", "/%73tore/x"), Some("store"), "an escape is another spelling of the same path");
    assert_eq!(name("any", "/store/deep/x"), Some("deep"));
    assert_eq!(name("REGISTRY.test:80", "/x"), Some("named"));
    assert_eq!(name("other.test", "/x"), Some("wide"));
    assert_eq!(name("host:5000", "/x"), Some("named"));
    for ambiguous in ["/store/../v1", "/x/%2e%2e/store", "//store/x", "/x\\..\\store"] {
        assert_eq!(name("any", ambiguous), None, "{ambiguous}");
    }
}

#[test]
fn what_takes_no_requests_is_asked_for_by_its_name() {
    let policy = Policy::parse(
        "version: 1
services:
  warehouse: {system: postgres}
  replica: {system: postgres}
  host: {system: shell}
  cache: {system: redis}
  api: {system: openai}
rules:
  - {name: train, who: ['user:*'], services: [warehouse], operations: [model.train], effect: allow}
",
        "p.yaml",
    )
    .unwrap();
    let name = |host, path| policy.service_for(host, path).map(|service| &*service.name);
    assert_eq!(name("any", "/v1/embeddings"), Some("api"));
    assert!(policy.service("replica").unwrap().hosts.is_empty());
    let wrong = Policy::parse(
        "version: 1
services:
  warehouse: {system: postgres, hosts: [db.test], body_limit: 1MiB}
  host:
    system: shell
    base_path: /bin
",
        "p.yaml",
    )
    .unwrap_err();
    let found: Vec<_> = wrong.diagnostics().iter().map(|d| (d.line, d.column, d.code)).collect();
    assert_eq!(found, [(3, 40, "misplaced_key"), (3, 63, "misplaced_key"), (6, 16, "misplaced_key")]);
}

#[test]
fn a_host_that_none_names_has_no_service() {
    assert!(policy("").service_for("elsewhere.test", "/collections").is_none());
}

#[test]
fn settings_come_from_the_service_then_the_policy_then_the_defaults() {
    let policy = Policy::parse(
        "version: 1
state: memory
durable_from: 50
services:
  a: {system: qdrant, hosts: [a.test]}
  b: {system: qdrant, hosts: [b.test], mode: observe, on_failure: allow, body_limit: 64KiB, durable_from: never, thresholds: {deny: 90}}
",
        "p.yaml",
    )
    .unwrap();
    let (a, b) = (policy.service("a").unwrap(), policy.service("b").unwrap());
    assert_eq!((a.mode, a.on_failure, a.body_limit), (Mode::Enforce, OnFailure::Deny, 1 << 20));
    assert_eq!(
        (a.durable_from, a.thresholds.hold, a.thresholds.deny),
        (Some(Risk::new(50)), Some(Risk::new(80)), Some(Risk::new(96)))
    );
    assert_eq!((b.mode, b.on_failure, b.body_limit), (Mode::Observe, OnFailure::Allow, 65_536));
    assert_eq!(
        (b.durable_from, b.thresholds.hold, b.thresholds.deny),
        (None, Some(Risk::new(80)), Some(Risk::new(90)))
    );
    assert_eq!(policy.durable_from(), Some(Risk::new(50)));
    assert_eq!(a.system.name(), "qdrant");
}

#[test]
fn standing_grants_are_grants() {
    let policy = policy(
        "grants:
  - {name: nightly, who: ['user:svc', 'group:security'], operations: [vector.export], from: 2026-01-01T00:00:00Z, until: 2027-01-01T00:00:00Z, uses: 30, quota: {vectors: 5000}}
",
    );
    let [grant] = policy.grants() else { panic!("one grant") };
    let who: Vec<_> = grant.scope.who.iter().map(ToString::to_string).collect();
    assert_eq!(
        who,
        ["user:svc", "group:security", "user:sam", "user:kim"],
        "people of the policy's groups are named"
    );
    assert_eq!(
        (grant.id.as_str(), grant.uses, grant.quota.unwrap().1),
        ("standing_nightly", Some(30), 5_000)
    );
    assert_eq!(grant.until.since(grant.from), Duration::from_secs(365 * 86_400));
    assert_eq!(policy.groups_of("kim").collect::<Vec<_>>(), ["security"]);
    assert_eq!(policy.groups_of("ana").count(), 0);
}
