//! Guards on a store that machines share: what one does the other sees, and what happens while the store is away.
use std::path::Path;
use std::thread;
use std::time::Duration;

use wardline::audit::{Ending, Filter, Keeper, query, verify};
use wardline::grant::Terms;
use wardline::guard::{Caller, Guard, Step, keeper};
use wardline::identity::Identity;
use wardline::model::{Act, Call, Operation, Subject};
use wardline::policy::Policy;

use crate::server::{self, PASSWORD, Server};

const POLICY: &str = "
version: 1
state: ./state
store: {file: store.url}
services: {vectors: {system: qdrant}}
rules:
  - {name: search, who: ['user:*'], operations: [vector.search], effect: allow}
  - {name: export, who: ['user:*'], operations: [vector.export], effect: grant}
";

/// A machine of its own: a folder with policy, keys and log, on the shared store.
fn guard(folder: &Path, url: &str) -> Guard {
    std::fs::write(folder.join("store.url"), url).unwrap();
    std::fs::write(folder.join("wardline.yaml"), POLICY).unwrap();
    Guard::from_file(folder.join("wardline.yaml")).unwrap()
}

/// What becomes of ana's call.
fn ask(guard: &Guard, operation: Operation) -> &'static str {
    let call = Call { service: "vectors".into(), acts: vec![Act::new(operation, "docs")] };
    let mut exchange = guard.begin(Subject::Call(call), Caller::Verified(Identity::new("ana")), "test");
    let code = match exchange.next_blocking() {
        Step::Answer(answer) => answer.code,
        _ => "forwarded",
    };
    exchange.finish(Ending::Complete);
    code
}

/// Asks until the answer is `code`; what never comes fails as a test that hangs.
fn until(guard: &Guard, code: &str) -> Vec<&'static str> {
    let mut before = Vec::new();
    for _ in 0..6_000 {
        let answer = ask(guard, Operation::VectorExport);
        if answer == code {
            return before;
        }
        before.push(answer);
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{code} never came: {before:?}")
}

fn terms() -> Terms {
    serde_json::from_str(
        r#"{"scope": {"who": ["user:ana"], "services": ["vectors"], "operations": ["vector.export"], "resources": ["docs"]},
            "until": "1h", "reason": "migration"}"#,
    )
    .unwrap()
}

#[test]
fn machines_see_each_others_grants_and_keep_their_own_logs() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let url = server::database();
    let (first, second) = (guard(here.path(), &url), guard(there.path(), &url));
    assert_eq!(
        [ask(&first, Operation::VectorExport), ask(&second, Operation::VectorExport)],
        ["grant_required"; 2]
    );
    let grant = first.issue_grant(terms(), "cleo").unwrap();
    until(&second, "forwarded");
    second.revoke_grant(&grant.id, "dora", "done").unwrap();
    until(&first, "grant_required");
    for (guard, folder) in [(first, &here), (second, &there)] {
        guard.flush().unwrap();
        drop(guard);
        let policy = Policy::from_file(folder.path().join("wardline.yaml")).unwrap();
        let kept = keeper(&policy).unwrap().unwrap().kept().unwrap();
        assert_eq!(kept.len(), 1, "its own slot, though both are called the same");
        let state = folder.path().join("state");
        assert!(verify(&state, &kept).unwrap().is_sound());
        let records = query(&state, &Filter::default()).unwrap();
        assert!(!records.is_empty() && !format!("{records:?}").contains(PASSWORD));
        assert!(!state.join("store.sqlite").exists());
    }
}

#[test]
fn while_the_store_is_away_what_needs_a_grant_is_closed_and_then_open_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[]);
    let guard = guard(folder.path(), &server.database());
    guard.issue_grant(terms(), "cleo").unwrap();
    until(&guard, "forwarded");
    server.stop();
    // First by what was known, then not at all; never as though there were no grant.
    let before = until(&guard, "guard_unavailable");
    assert!(before.iter().all(|code| *code == "forwarded"), "{before:?}");
    assert_eq!(ask(&guard, Operation::VectorSearch), "forwarded", "what needs no grant goes on");
    let refused = guard.issue_grant(terms(), "cleo").unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains(PASSWORD));
    server.start_again();
    let closed = until(&guard, "forwarded");
    assert!(closed.iter().all(|code| *code == "guard_unavailable"), "{closed:?}");
    // Nothing was written in between; what is asked for now is.
    assert_eq!(guard.grants().unwrap().len(), 1);
    guard.issue_grant(terms(), "cleo").unwrap();
    assert_eq!(guard.grants().unwrap().len(), 2);
}

#[test]
fn a_guard_without_its_store_answers_closed_and_says_why_without_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let url = server::database().replace("host=", "host=/nowhere");
    let guard = guard(folder.path(), &url);
    assert_eq!(ask(&guard, Operation::VectorSearch), "guard_unavailable");
    let why = guard.check().unwrap_err();
    assert_eq!(why.code(), "store_unavailable");
    assert!(why.to_string().contains("postgres://") && !format!("{why} {why:?}").contains(PASSWORD), "{why}");
}
