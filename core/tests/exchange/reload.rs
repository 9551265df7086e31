//! A policy that takes another's place while exchanges run.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use wardline::ErrorKind;
use wardline::audit::{Ending, Entry, Filter, Kind, query};
use wardline::guard::{Caller, Guard, Step};
use wardline::identity::Identity;
use wardline::model::Subject;
use wardline::policy::Policy;

use super::{Service, exchange, head};

fn text(effect: &str, grants: &str) -> String {
    format!(
        "version: 1
identity: {{headers: {{subject: x-user}}, trusted_peers: [127.0.0.1]}}
services: {{vectors: {{system: qdrant}}}}
rules:
  - {{name: list, operations: [collection.list], who: ['*'], effect: {effect}}}
{grants}"
    )
}

const GRANT: &str =
    "grants: [{name: g, who: ['*'], operations: [collection.list], until: 2099-01-01T00:00:00Z}]\n";

fn status(guard: &Guard) -> u16 {
    let service = Service { status: 200, ..Service::default() };
    exchange(guard, head("GET", "/collections", &[]), b"", &service).status
}

fn notes(folder: &Path) -> Vec<(String, String)> {
    let filter = Filter { kind: Some(Kind::Policy), ..Filter::default() };
    let entries = query(&folder.join("state"), &filter).unwrap().into_iter().map(Result::unwrap);
    let change = |entry: Entry| entry.record.change.map(|change| (change.step, change.by));
    entries.filter_map(change).collect()
}

#[test]
fn a_sound_file_is_in_force_at_once_and_a_wrong_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wardline.yaml");
    fs::write(&file, text("deny", "")).unwrap();
    let guard = Guard::from_file(&file).unwrap();
    assert_eq!(status(&guard), 403);
    assert!(!guard.reload().unwrap(), "nothing changed");

    // An exchange that began ends under the policy that it began with.
    let request = Subject::Http(head("GET", "/collections", &[]));
    let mut running = guard.begin(request, Caller::verified(Identity::new("ana")), "test");
    // A grant that stands in it is there before anything is judged by it.
    fs::write(&file, text("grant", GRANT)).unwrap();
    assert!(guard.reload().unwrap());
    assert!(matches!(running.next_blocking(), Step::Answer(answer) if answer.code == "denied"));
    running.finish(Ending::Complete);
    assert_eq!(status(&guard), 200);

    fs::write(&file, text("permit", "")).unwrap();
    let refused = guard.reload().unwrap_err();
    assert_eq!((refused.kind(), refused.diagnostics()[0].code), (ErrorKind::Policy, "unknown_value"));
    assert_eq!(status(&guard), 200);

    fs::write(&file, format!("{}state: ./elsewhere\n", text("deny", ""))).unwrap();
    assert_eq!(guard.reload().unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(status(&guard), 200);

    // What stands in it no longer is gone.
    fs::write(&file, text("grant", "")).unwrap();
    assert!(guard.reload().unwrap());
    assert_eq!(status(&guard), 403);
    guard.flush().unwrap();
    let put = ("in_force".to_owned(), "the host".to_owned());
    assert_eq!(notes(folder.path()), [put.clone(), put]);
}

#[test]
fn a_guard_may_be_reloaded_before_it_works_and_one_of_no_file_may_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wardline.yaml");
    fs::write(&file, text("deny", "")).unwrap();
    let guard = Guard::from_file(&file).unwrap();
    fs::write(&file, text("grant", GRANT)).unwrap();
    assert!(guard.reload().unwrap());
    assert_eq!(status(&guard), 200);
    let made = Guard::new(Policy::parse(&text("deny", "state: memory\n"), "p.yaml").unwrap());
    assert_eq!(made.reload().unwrap_err().kind(), ErrorKind::Input);
    let next = Policy::parse(&text("allow", "state: memory\n"), "p.yaml").unwrap();
    assert!(made.replace(next, "sam").unwrap());
    assert_eq!(status(&made), 200);
}

#[test]
fn a_watched_file_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wardline.yaml");
    let part = folder.path().join("part.yaml");
    fs::write(&part, "version: 1\n").unwrap();
    fs::write(&file, format!("{}include: [part.yaml]\n", text("allow", ""))).unwrap();
    let guard = Guard::from_file(&file).unwrap().watching();
    assert_eq!(status(&guard), 200);
    let becomes = |expected: u16| {
        let since = Instant::now();
        while status(&guard) != expected {
            assert!(since.elapsed() < Duration::from_secs(30), "it was never read");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let deny = "rules: [{name: not-now, operations: ['*'], unless: {who: ['user:kim']}, effect: deny}]\n";
    fs::write(&part, format!("version: 1\n{deny}")).unwrap();
    becomes(403);
    fs::write(&part, "version: 1\nruels: []\n").unwrap();
    let since = Instant::now();
    while !notes(folder.path()).iter().any(|(step, _)| step == "refused") {
        assert!(since.elapsed() < Duration::from_secs(30), "it was never refused");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(status(&guard), 403);
    fs::write(&part, "version: 1\n# open again\n").unwrap();
    becomes(200);
}

#[test]
fn doors_tell_where_a_request_comes_from() {
    let networks = text("allow", "").replace("effect: allow", "networks: [10.0.0.0/8], effect: allow");
    let networks = networks.replace("subject: x-user", "subject: x-user, address: x-forwarded-for");
    let guard = Guard::new(Policy::parse(&format!("{networks}state: memory\n"), "p.yaml").unwrap());
    let verdict = |caller: Caller, forwarded: &str| {
        let request = head("GET", "/collections", &[("x-forwarded-for", forwarded)]);
        let mut exchange = guard.begin(Subject::Http(request), caller, "test");
        exchange.push_request(Bytes::new());
        exchange.end_request();
        let allowed = matches!(exchange.next_blocking(), Step::Forward(_));
        exchange.finish(Ending::Complete);
        allowed
    };
    let ana = || Caller::verified(Identity::new("ana"));
    assert!(verdict(ana().at("10.1.1.1".parse().ok()), "9.9.9.9"));
    assert!(verdict(ana().at("127.0.0.1".parse().ok()), "9.9.9.9, 10.1.1.1"));
    assert!(!verdict(ana().at("127.0.0.1".parse().ok()), "10.1.1.1, 9.9.9.9"));
    assert!(!verdict(Caller::peer("9.9.9.9".parse().ok()), "10.1.1.1") && !verdict(ana(), "10.1.1.1"));
}
