//! Which values must not pass.

use std::sync::Arc;

use wardline::guard::Guard;
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

const OWN: &str = "detectors:
  order_no: {pattern: 'ORD-[0-9]{6,}'}
  codeword: {words: [heron, blue heron], case: ignore}
  badge: {keys: [badge]}
mask:
  - {name: own, entities: {order_no: {partial: {last: 2}}, '*': redact}, except: [ana@example.org, S3]}
";

fn masked(more: &str, content_type: &str, body: &str) -> (String, Vec<(String, u64)>) {
    let masked = Guard::new(policy(more)).mask(body.as_bytes(), content_type).unwrap();
    let body = masked.body.map_or_else(|| body.to_owned(), |body| String::from_utf8(body).unwrap());
    (body, masked.findings.into_iter().map(|(name, count)| (name.to_string(), count)).collect())
}

#[test]
fn what_a_policy_declares_is_masked_like_what_is_built_in() {
    let (body, findings) =
        masked(OWN, "text/plain", "order ORD-1234567 for the Blue Heron team, bo@example.org");
    assert_eq!(body, "order *********67 for the [CODEWORD] team, [EMAIL]");
    assert_eq!(findings, [("codeword".into(), 1), ("email".into(), 1), ("order_no".into(), 1)]);
    let (body, _) = masked(OWN, "application/json", r#"{"badge":17,"a":{"badge":[1,2,"x"]},"n":17}"#);
    assert_eq!(body, r#"{"badge":"[BADGE]","a":{"badge":["[BADGE]","[BADGE]","[BADGE]"]},"n":17}"#);
}

#[test]
fn what_every_entry_excepts_passes() {
    let text = "ana@example.org and bo@example.org on S3";
    assert_eq!(
        masked(OWN, "text/plain", text),
        ("ana@example.org and [EMAIL] on S3".into(), vec![("email".into(), 1)])
    );
    let second = format!("{OWN}  - {{name: strict, entities: {{email: hash}}}}\n");
    assert_eq!(masked(&second, "text/plain", text).0, "[EMAIL] and [EMAIL] on S3", "another entry names it");
}

#[test]
fn technical_words_can_be_let_through() {
    let words = "C4 model on S3 and EKS, not on R9";
    let own = "detectors: {code: {pattern: '\\b[A-Z]{1,3}[0-9]{0,2}\\b'}}\nmask: [{name: m, entities: {code: redact}, except: [C4, S3, EKS]}]\n";
    assert_eq!(masked(own, "text/plain", words).0, "C4 model on S3 and EKS, not on [CODE]");
}

#[test]
fn entities_count_where_their_entries_say() {
    let own = "detectors: {code: {words: [heron], case: ignore}}
mask:
  - {name: everywhere, entities: {email: redact}, except: [bo@example.org]}
  - {name: notes, entities: {email: drop, code: redact}, within: [note, 'rows[*].note']}
  - {name: again, entities: {code: hash}, within: ['rows[*].note', note], except: [Heron]}
";
    let body = r#"{"note":"heron bo@example.org","mail":"bo@example.org ana@example.org heron","rows":[{"note":["Heron"],"x":"heron"}]}"#;
    let (new, findings) = masked(own, "application/json", body);
    assert_eq!(
        new,
        r#"{"note":"[CODE] ","mail":"bo@example.org [EMAIL] heron","rows":[{"note":["[CODE]"],"x":"heron"}]}"#
    );
    assert_eq!(findings, [("code".into(), 2), ("email".into(), 2)]);
    assert_eq!(masked(own, "text/plain", "heron bo@example.org").0, "[CODE] ");
}

#[test]
fn nothing_to_mask_is_an_empty_plan() {
    let policy = policy("");
    let masking = policy.masking(None, &Identity::anonymous(), &[], Side::Response).unwrap();
    assert!(masking.plan.is_empty() && masking.names.is_empty());
}
