//! What no single exchange shows of watching: what is learnt, by whom, across processes, and what the store keeps of it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use wardline::audit::Record;
use wardline::clock::{ManualClock, Timestamp};
use wardline::grant::Answer;
use wardline::guard::Guard;
use wardline::model::Verdict;
use wardline::policy::Policy;
use wardline::store::SqliteStore;
use wardline::watch::Learner;

use crate::{Seen, Service, exchange, exchanges, head};

const POLICY: &str = r#"
version: 1
state: ./state
identity: {headers: {subject: x-user, groups: x-groups, address: x-forwarded-for}, trusted_peers: [127.0.0.1]}
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
const START: Timestamp = Timestamp::from_millis(1_764_000_000_000);

fn guard_in(folder: &Path, watch: &str) -> Guard {
    Guard::new(policy(folder, watch))
}

fn policy(folder: &Path, watch: &str) -> Policy {
    let path = folder.join("wardline.yaml");
    fs::write(&path, format!("{POLICY}{watch}")).unwrap();
    Policy::from_file(&path).unwrap()
}

fn guard(watch: &str) -> (TempDir, Guard) {
    let folder = tempfile::tempdir().unwrap();
    let guard = guard_in(folder.path(), watch);
    (folder, guard)
}

fn ask(guard: &Guard, user: &str, method: &str, target: &str) -> Seen {
    let service = Service { status: 200, ..Service::default() };
    let head = head(method, target, &[("x-user", user), ("content-type", "application/json")]);
    exchange(guard, head, if method == "POST" { br#"{"limit":1,"ids":[1]}"# } else { b"" }, &service)
}

const READ: (&str, &str) = ("POST", "/q/collections/docs/points/scroll");
const FETCH: (&str, &str) = ("POST", "/q/collections/docs/points/query");

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
    let store = SqliteStore::open(&folder.path().join("state").join("store.sqlite")).unwrap();
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
    let caller = || wardline::guard::Caller::verified(wardline::identity::Identity::new("ana"));
    for _ in 0..2 {
        let told = guard.explain(subject(), br#"{"limit":1}"#, caller());
        let unusual = &told.acts[0].unusual;
        assert_eq!(unusual[0].to_string(), "first time that this caller does data.read here: +25 risk");
        assert_eq!(told.acts[0].final_risk, told.decision.risk);
        guard.flush().unwrap();
    }
}
