//! Which values must not pass.

use std::sync::Arc;

use wardline::identity::Identity;
use wardline::model::{Act, Operation};
use wardline::policy::{Policy, Side};

use super::policy;

fn sample() -> Policy {
    policy(
        "mask:
  - {name: personal, entities: {email: partial, '*': hash}}
  - {name: exports, operations: [vector.export], in: [response], entities: {email: drop}, fields: {'result.points[*].payload.ssn': redact}, unmaskable: pass}
  - {name: strangers, who: ['*'], unless: {who: ['user:ana']}, fields: {'**.note': drop}}
",
    )
}

fn names(policy: &Policy, who: &str, acts: &[Act], side: Side) -> String {
    let masking = policy.masking(policy.service("vectors"), &Identity::new(who), acts, side).unwrap();
    masking.names.join(" ")
}

#[test]
fn every_fitting_entry_applies() {
    let policy = sample();
    let search = [Act::new(Operation::VectorSearch, "docs")];
    let export = [Act::new(Operation::VectorSearch, "docs"), Act::new(Operation::VectorExport, "docs")];
    assert_eq!(names(&policy, "ana", &search, Side::Response), "personal");
    assert_eq!(names(&policy, "bo", &search, Side::Response), "personal strangers");
    assert_eq!(names(&policy, "ana", &export, Side::Response), "exports personal");
    assert_eq!(names(&policy, "ana", &export, Side::Request), "personal");
    assert_eq!(
        names(&policy, "bo", &[], Side::Request),
        "personal strangers",
        "no act at all is an unknown one"
    );
}

#[test]
fn one_set_of_entries_is_one_plan() {
    let policy = sample();
    let plan = |act: Operation, side| {
        policy.masking(None, &Identity::new("ana"), &[Act::new(act, "x")], side).unwrap()
    };
    let first = plan(Operation::VectorSearch, Side::Request);
    assert!(Arc::ptr_eq(&first, &plan(Operation::VectorFetch, Side::Request)));
    assert!(!Arc::ptr_eq(&first, &plan(Operation::VectorExport, Side::Response)));
    assert!(first.refuse_unmaskable && !first.plan.is_empty());
}

#[test]
fn an_unmaskable_body_passes_only_where_every_entry_says_so() {
    let policy = policy(
        "mask:\n  - {name: soft, entities: {email: hash}, unmaskable: pass}\n  - {name: hard, operations: [vector.export], entities: {email: hash}}\n",
    );
    let refuse = |operation| {
        let acts = [Act::new(operation, "docs")];
        policy
            .masking(policy.service("vectors"), &Identity::new("ana"), &acts, Side::Response)
            .unwrap()
            .refuse_unmaskable
    };
    assert!(!refuse(Operation::VectorSearch) && refuse(Operation::VectorExport));
}

#[test]
fn nothing_to_mask_is_an_empty_plan() {
    let policy = policy("");
    let masking = policy.masking(None, &Identity::anonymous(), &[], Side::Response).unwrap();
    assert!(masking.plan.is_empty() && masking.names.is_empty());
}
