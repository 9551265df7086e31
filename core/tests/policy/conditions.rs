//! The circumstances that rules speak of: hours, networks, claims, hops and labels.

use wardline::clock::Timestamp;
use wardline::identity::{Hop, HopProof, Identity};
use wardline::model::{Act, Operation, Risk, Verdict};
use wardline::policy::{Decision, Facts, NoGrants, Policy, code};

use super::{policy, refusals};

fn at(policy: &Policy, identity: &Identity, source: Option<&str>, time: &str, act: Act) -> Decision {
    let facts = Facts {
        source: source.map(|text| text.parse().unwrap()),
        at: time.parse().unwrap(),
        ..Facts::of(identity, policy.service("vectors"), std::slice::from_ref(&act))
    };
    policy.decide(&facts, &NoGrants)
}

const NOON: &str = "2026-11-25T12:00:00Z";

fn search(resource: &str) -> Act {
    Act::new(Operation::VectorSearch, resource)
}

#[test]
fn hours_of_another_day_are_those_that_began_the_evening_before() {
    let policy = policy(
        "rules:
  - {name: work, who: ['user:*'], operations: [vector.search], effect: allow}
  - {name: nights, operations: [vector.search], when: ['mon-fri 22:00-06:00 Europe/Berlin'], effect: deny}
",
    );
    let verdict = |time| at(&policy, &Identity::new("ana"), None, time, search("docs")).verdict;
    assert_eq!(verdict(NOON), Verdict::Allow);
    // Saturday 03:00 in Berlin is Friday's night; Sunday 03:00 is nobody's.
    assert_eq!(verdict("2026-11-28T02:00:00Z"), Verdict::Deny);
    assert_eq!(verdict("2026-11-29T02:00:00Z"), Verdict::Allow);
}

#[test]
fn networks_permit_only_where_the_address_is_known() {
    let policy = policy(
        "rules:
  - {name: inside, who: ['user:*'], operations: [vector.search], networks: [10.0.0.0/8, 'fd00::/8'], effect: allow}
  - {name: lab, operations: [vector.search], networks: [10.9.0.0/16], effect: deny}
",
    );
    let verdict = |source| at(&policy, &Identity::new("ana"), source, NOON, search("docs")).verdict;
    assert_eq!(verdict(Some("10.1.1.1")), Verdict::Allow);
    assert_eq!(verdict(Some("::ffff:10.1.1.1")), Verdict::Allow);
    assert_eq!(verdict(Some("192.0.2.1")), Verdict::Deny);
    assert_eq!(verdict(Some("10.9.1.1")), Verdict::Deny);
    // It may come from the lab.
    assert_eq!(verdict(None), Verdict::Deny);
}

#[test]
fn training_reads_the_registry_only_through_the_ingestion_worker() {
    let policy = policy(
        "rules:
  - {name: read, who: ['group:training'], operations: [vector.search], effect: allow}
  - {name: direct, who: ['group:training'], operations: [vector.search], unless: {via: [ingestion-*]}, effect: deny}
",
    );
    let job = |hops: &[(&str, HopProof)]| {
        let mut job = Identity::new("job-7").with_groups(["training"]);
        let hop = |(workload, verified_by): &(&str, HopProof)| Hop {
            workload: (*workload).to_owned(),
            verified_by: *verified_by,
        };
        job.hops = hops.iter().map(hop).collect();
        at(&policy, &job, None, NOON, search("docs")).verdict
    };
    assert_eq!(job(&[]), Verdict::Deny);
    assert_eq!(job(&[("ingestion-1", HopProof::Seal)]), Verdict::Allow);
    assert_eq!(job(&[("ingestion-1", HopProof::Mtls), ("proxy", HopProof::Claimed)]), Verdict::Allow);
    // Its own word lifts nothing.
    assert_eq!(job(&[("ingestion-1", HopProof::Claimed)]), Verdict::Deny);
}

#[test]
fn claims_choose_callers() {
    let policy = policy(
        "rules:
  - {name: tenant, who: ['user:*'], claims: {tenant: [acme, 'beta-*']}, operations: [vector.search], effect: allow}
",
    );
    let with = |tenant: Option<&str>| {
        let mut ana = Identity::new("ana");
        ana.claims.extend(tenant.map(|tenant| ("tenant".to_owned(), tenant.into())));
        at(&policy, &ana, None, NOON, search("docs")).verdict
    };
    assert_eq!((with(Some("acme")), with(Some("beta-2"))), (Verdict::Allow, Verdict::Allow));
    assert_eq!((with(Some("other")), with(None)), (Verdict::Deny, Verdict::Deny));
}

#[test]
fn labels_stand_for_resources_and_raise_the_risk() {
    let policy = policy(
        "approval: {steps: [{from: [security]}]}
labels:
  personal: {resources: ['customers*', patients], services: [vectors], risk: 30}
  health: {resources: [patients], risk: 100}
rules:
  - {name: read, who: ['user:*'], operations: ['vector.*'], effect: allow}
  - {name: people, operations: [vector.fetch], labels: [personal], effect: deny}
",
    );
    let ana = Identity::new("ana");
    let plain = at(&policy, &ana, None, NOON, search("docs"));
    let people = at(&policy, &ana, None, NOON, search("customers-eu"));
    assert_eq!(plain.verdict, Verdict::Allow);
    assert_eq!(people.risk, Risk::new(plain.risk.value() + 30));
    // No sum is above 100, and that is above what the service takes.
    let health = at(&policy, &ana, None, NOON, search("patients"));
    assert_eq!((health.risk, health.code), (Risk::MAX, code::RISK_DENIED));
    // A pattern may name what carries the label.
    let fetch = |resource| at(&policy, &ana, None, NOON, Act::new(Operation::VectorFetch, resource));
    assert_eq!((fetch("customers-eu").code, fetch("c*").code), (code::DENIED, code::DENIED));
    assert_eq!(fetch("docs").rules, ["read".into()]);
    let patients = search("patients");
    let named: Vec<(&str, u8)> =
        policy.labels(policy.service("vectors"), &patients).map(|(name, points)| (&**name, points)).collect();
    assert_eq!(named, [("health", 100), ("personal", 30)]);
}

#[test]
fn a_standing_grant_may_have_hours() {
    let text = "rules: [{name: g, operations: [vector.search], effect: grant}]
grants:
  - {name: window, who: ['user:ana'], operations: [vector.search], until: 2027-01-01T00:00:00Z, when: ['sat-sun UTC']}
";
    let grant = policy(text).grants()[0].clone();
    let covers = |time: &str| {
        let now: Timestamp = time.parse().unwrap();
        grant.covers(&Identity::new("ana"), "vectors", &search("docs"), now).is_ok()
    };
    assert!(covers("2026-11-28T00:00:00Z") && !covers(NOON));
}

#[test]
fn what_cannot_be_meant_is_told_with_its_place() {
    assert_eq!(
        refusals(
            "labels: {personal: {resources: [docs], services: [vektors]}}
rules:
  - {name: a, operations: [vector.search], labels: [persnal], effect: deny}
  - {name: b, operations: [vector.search], when: ['mon-fri 9-17'], effect: deny}
  - {name: c, operations: [vector.search], networks: [10.0.0.0/40], effect: deny}
"
        ),
        ["unknown_service", "unknown_label", "bad_window", "bad_network"]
    );
    // A denial under conditions shadows only what stands under the same ones.
    let shadowed = |deny: &str, allow: &str| {
        refusals(&format!(
            "rules:
  - {{name: d, operations: [vector.search], {deny}, effect: deny}}
  - {{name: a, who: ['user:*'], operations: [vector.search], {allow}, effect: allow}}
"
        ))
    };
    assert_eq!(shadowed("networks: [10.0.0.0/8]", "networks: [10.1.0.0/16]"), ["shadowed"]);
    assert_eq!(shadowed("networks: [10.0.0.0/8]", "resources: [x]"), [""; 0]);
    assert_eq!(shadowed("when: ['sat UTC']", "when: ['sat UTC']"), ["shadowed"]);
    assert_eq!(shadowed("via: ['*']", "claims: {tenant: [acme]}"), [""; 0]);
}
