//! What is decided about a request.

use wardline::identity::Identity;
use wardline::model::{Act, GrantId, Magnitude, Operation, Risk, Unit, Verdict};
use wardline::policy::{Decision, Facts, GrantView, NoGrants, Policy, code};

use super::policy;

/// One grant that covers one operation.
struct Covers(Operation);

impl GrantView for Covers {
    fn covering(&self, _: &Identity, _: &str, act: &Act) -> Option<GrantId> {
        (act.operation == self.0).then(|| GrantId::from("grt_1"))
    }
}

fn ana() -> Identity {
    Identity::new("ana").with_groups(["analysts"])
}

fn decide(policy: &Policy, acts: &[Act], grants: &dyn GrantView) -> Decision {
    let ana = ana();
    let facts = Facts::of(&ana, policy.service("vectors"), acts);
    policy.decide(&facts, grants)
}

fn search() -> Act {
    Act::new(Operation::VectorSearch, "docs")
}

fn export() -> Act {
    Act::new(Operation::VectorExport, "docs")
}

#[test]
fn the_strictest_verdict_wins_and_names_its_rule() {
    let policy = policy(
        "rules:
  - {name: team, who: ['group:analysts'], effect: allow, operations: ['vector.*']}
  - {name: global, operations: [vector.search], resources: [docs], effect: deny, because: not these}
  - {name: own, who: ['user:ana'], operations: [vector.search], effect: allow}
",
    );
    let decision = decide(&policy, &[search()], &Covers(Operation::VectorSearch));
    assert_eq!(
        (decision.verdict, decision.code, &*decision.because),
        (Verdict::Deny, code::DENIED, "not these")
    );
    assert_eq!(decision.rules, ["global".into()]);
    let other = decide(&policy, &[Act::new(Operation::VectorSearch, "notes")], &NoGrants);
    assert_eq!((other.verdict, other.code), (Verdict::Allow, code::ALLOWED));
    assert_eq!(other.rules, ["own".into(), "team".into()]);
}

#[test]
fn a_grant_rule_asks_for_a_live_grant_and_names_it() {
    let policy = policy("rules:\n  - {name: g, operations: [vector.search], effect: grant}\n");
    let without = decide(&policy, &[search()], &NoGrants);
    assert_eq!(
        (without.verdict, without.code, without.grants.len()),
        (Verdict::Deny, code::GRANT_REQUIRED, 0)
    );
    let with = decide(&policy, &[search()], &Covers(Operation::VectorSearch));
    assert_eq!((with.verdict, with.code), (Verdict::Allow, code::GRANTED));
    assert_eq!(with.grants, [GrantId::from("grt_1")]);
    let twice = decide(&policy, &[search(), search()], &Covers(Operation::VectorSearch));
    assert_eq!(twice.grants.len(), 1);
}

#[test]
fn a_grant_alone_opens_nothing_that_no_rule_asks_it_for() {
    let policy = policy("");
    let decision = decide(&policy, &[search()], &Covers(Operation::VectorSearch));
    assert_eq!((decision.verdict, decision.code), (Verdict::Deny, code::DEFAULT_DENY));
}

#[test]
fn holds_merge_to_the_strictest_terms_and_a_grant_lifts_them() {
    let policy = policy(
        "approval: {steps: [{from: [security]}], ttl: 2h, usable_for: 5m}
rules:
  - {name: a, operations: [vector.export], effect: hold, wait: 30s}
  - {name: b, who: ['user:ana'], effect: hold, wait: 10s, approval: {steps: [{from: [data]}, {from: [security], need: 2}], ttl: 1h, reason: required}}
",
    );
    let decision = decide(&policy, &[export()], &NoGrants);
    assert_eq!((decision.verdict, decision.code), (Verdict::Hold, code::APPROVAL_REQUIRED));
    let terms = decision.approval.unwrap();
    let steps: Vec<_> = terms.steps.iter().map(|step| (step.from.join(","), step.need)).collect();
    assert_eq!(steps, [("data".into(), 1), ("security".into(), 2)]);
    assert_eq!((terms.ttl.as_secs(), terms.usable_for.as_secs(), terms.wait.as_secs()), (3_600, 300, 10));
    assert!(terms.reason_required);
    assert_eq!(decide(&policy, &[export()], &Covers(Operation::VectorExport)).code, code::GRANTED);
}

#[test]
fn every_act_must_pass() {
    let policy = policy("rules:\n  - {name: s, who: ['*'], operations: [vector.search], effect: allow}\n");
    let acts = [search(), Act::new(Operation::CollectionDrop, "docs")];
    assert_eq!(decide(&policy, &acts, &NoGrants).verdict, Verdict::Deny);
    assert_eq!(decide(&policy, &[], &NoGrants).verdict, Verdict::Deny);
    assert_eq!(decide(&policy, &[search()], &NoGrants).verdict, Verdict::Allow);
}

#[test]
fn thresholds_apply_where_a_rule_allows() {
    let rules = "rules:\n  - {name: all, who: ['*'], effect: allow}\n";
    let approved = policy(&format!("approval: {{steps: [{{from: [security]}}]}}\n{rules}"));
    let export = [export()];
    let held = decide(&approved, &export, &NoGrants);
    assert_eq!((held.verdict, held.code), (Verdict::Hold, code::RISK_APPROVAL_REQUIRED));
    assert!(held.approval.is_some() && held.rules.is_empty());
    assert_eq!(decide(&approved, &export, &Covers(Operation::VectorExport)).verdict, Verdict::Allow);
    // Without anybody who approves, only a grant lets it pass.
    let alone = policy(rules);
    assert_eq!(decide(&alone, &export, &NoGrants).code, code::GRANT_REQUIRED);
    // What the guard adds counts; what it takes away does not.
    let ana = ana();
    let risk = |value| {
        let risks = [Risk::new(value)];
        let facts = Facts { risks: &risks, ..Facts::of(&ana, alone.service("vectors"), &export) };
        alone.decide(&facts, &Covers(Operation::VectorExport))
    };
    assert_eq!((risk(96).code, risk(96).verdict), (code::RISK_DENIED, Verdict::Deny));
    assert_eq!((risk(10).risk, risk(10).verdict), (Risk::new(85), Verdict::Allow));
    assert_eq!(decide(&alone, &[Act::unknown()], &Covers(Operation::Unknown)).code, code::RISK_DENIED);
}

#[test]
fn a_rule_that_holds_answers_the_threshold() {
    let policy = policy(
        "approval: {steps: [{from: [security]}]}
rules:
  - {name: h, operations: [vector.export], effect: hold, approval: {steps: [{from: [data]}]}}
",
    );
    let terms = decide(&policy, &[export()], &NoGrants).approval.unwrap();
    assert_eq!(terms.steps.len(), 1);
    assert_eq!(terms.steps[0].from, ["data"]);
}

#[test]
fn a_service_has_its_own_thresholds() {
    let policy = Policy::parse(
        "version: 1
services:
  open: {system: qdrant, hosts: [open.test], thresholds: {hold: never, deny: never}}
  shut: {system: qdrant, hosts: [shut.test], thresholds: {deny: 20}}
rules: [{name: all, who: ['*'], effect: allow}]
",
        "p.yaml",
    )
    .unwrap();
    let ana = ana();
    let ask = |service, act: Act| {
        policy.decide(&Facts::of(&ana, policy.service(service), &[act]), &NoGrants).verdict
    };
    assert_eq!(ask("open", Act::unknown()), Verdict::Allow);
    assert_eq!(ask("shut", search()), Verdict::Deny);
    assert_eq!(ask("nowhere", Act::unknown()), Verdict::Deny);
}

#[test]
fn magnitudes_that_nothing_limits_are_over_every_bound() {
    let policy = policy(
        "rules:
  - {name: few, who: ['*'], operations: [vector.fetch], magnitude: {unit: vectors, up_to: 100}, effect: allow}
  - {name: many, operations: [vector.fetch], magnitude: {unit: vectors, over: 1000}, effect: grant}
",
    );
    let fetch = |magnitude| Act { magnitude, ..Act::new(Operation::VectorFetch, "docs") };
    let code_of = |magnitude| decide(&policy, &[fetch(magnitude)], &NoGrants).code;
    assert_eq!(code_of(Magnitude::of(Unit::Vectors, 100)), code::ALLOWED);
    assert_eq!(code_of(Magnitude::of(Unit::Vectors, 101)), code::DEFAULT_DENY);
    assert_eq!(code_of(Magnitude::unbounded(Unit::Vectors)), code::GRANT_REQUIRED);
    assert_eq!(code_of(Magnitude::of(Unit::Bytes, 1)), code::GRANT_REQUIRED);
}

#[test]
fn exceptions_carve_out_and_hosts_without_a_service_have_no_name() {
    let policy = policy(
        "rules:
  - {name: staff, who: ['user:*'], services: ['*'], effect: allow, operations: [vector.search]}
  - {name: no-hr, operations: [vector.search], resources: ['hr-*'], effect: deny, unless: {who: ['user:ana', 'group:security']}}
",
    );
    let ask = |who: &Identity, resource: &str| {
        let acts = [Act::new(Operation::VectorSearch, resource)];
        policy.decide(&Facts::of(who, policy.service("vectors"), &acts), &NoGrants).verdict
    };
    assert_eq!(ask(&Identity::new("ana"), "hr-1"), Verdict::Allow);
    assert_eq!(ask(&Identity::new("kim"), "hr-1"), Verdict::Allow, "a group of the policy counts by name");
    assert_eq!(ask(&Identity::new("bo"), "hr-1"), Verdict::Deny);
    assert_eq!(ask(&Identity::new("bo"), "docs"), Verdict::Allow);
    assert_eq!(ask(&Identity::anonymous(), "docs"), Verdict::Deny);
    let acts = [search()];
    let bo = Identity::new("bo");
    let nowhere = Facts::of(&bo, None, &acts);
    assert_eq!(
        policy.decide(&nowhere, &NoGrants).verdict,
        Verdict::Allow,
        "`*` fits hosts that no service names"
    );
}

#[test]
fn the_default_holds_or_allows_only_where_it_is_spelled_so() {
    let held = policy("default: hold\napproval: {steps: [{from: [security]}]}\n");
    assert_eq!(decide(&held, &[search()], &NoGrants).code, code::DEFAULT_HOLD);
    assert_eq!(decide(&held, &[search()], &Covers(Operation::VectorSearch)).verdict, Verdict::Allow);
    let open = policy("default: danger_allow\nthresholds: {hold: never}\n");
    assert_eq!(decide(&open, &[export()], &NoGrants).code, code::DEFAULT_ALLOW);
    assert_eq!(decide(&open, &[Act::unknown()], &NoGrants).verdict, Verdict::Deny);
}

#[test]
fn a_resource_that_is_a_pattern_is_restrained_by_each_rule_that_it_may_meet() {
    let policy = policy(
        "rules:
  - {name: logs, who: ['*'], operations: [vector.search], resources: ['logs-*'], effect: allow, unless: {resources: [logs-hr]}}
  - {name: secret, operations: [vector.search], resources: [secret], effect: deny}
",
    );
    let verdict = |resource: &str| {
        let decision = decide(&policy, &[Act::new(Operation::VectorSearch, resource)], &NoGrants);
        (decision.verdict, decision.code)
    };
    assert_eq!(verdict("logs-1"), (Verdict::Allow, code::ALLOWED));
    assert_eq!(verdict("logs-a*"), (Verdict::Allow, code::ALLOWED));
    assert_eq!(verdict("logs-*").0, Verdict::Deny, "it may be logs-hr");
    assert_eq!(verdict("s*").1, code::DENIED);
    assert_eq!(verdict("*").1, code::DENIED);
}
