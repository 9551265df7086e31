//! Statements and commands: judged, held, counted and recorded like any request, and of their text the log has no word.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;
use wardline::audit::{Ending, Entry, Filter, Kind, query};
use wardline::clock::{ManualClock, Timestamp};
use wardline::grant::{Answer as Vote, Terms};
use wardline::guard::{Answer, Caller, Flow, Guard, Step};
use wardline::identity::Identity;
use wardline::model::{
    Act, Call, Census, Command, Dialect, Line, Magnitude, Operation, Statement, Subject, Unit, Verdict,
};
use wardline::policy::Policy;

const POLICY: &str = r#"
version: 1
state: ./state
groups: {security: [sam]}
approval: {steps: [{from: [security], need: 1}]}
thresholds: {hold: never, deny: never}
services:
  api: {system: openai}
  warehouse: {system: postgres}
  cache: {system: redis}
  host: {system: shell}
  seen: {system: postgres, mode: observe}
rules:
  - {name: read, who: ["user:*"], services: [warehouse, seen], operations: [data.read, data.query, vector.search], effect: allow}
  - {name: write, who: ["user:*"], services: [warehouse], operations: [data.ingest], effect: allow}
  - {name: export, who: ["user:*"], services: [warehouse], operations: [data.export], effect: grant}
  - {name: delete, who: ["user:*"], services: [warehouse], operations: [data.delete], effect: hold}
  - {name: cached, who: ["user:*"], services: [cache], operations: [data.read], resources: ["doc:*"], effect: allow}
  - {name: files, who: ["user:*"], services: [host], operations: [file.read, data.list], resources: ["/srv/*"], effect: allow}
  - {name: remove, who: ["user:*"], services: [host], operations: [file.delete], effect: hold}
"#;

fn guard(rest: &str) -> (TempDir, Guard) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    fs::write(&path, format!("{POLICY}{rest}")).unwrap();
    let guard = Guard::from_file(&path).unwrap();
    (folder, guard)
}

fn at(service: &str, text: &str) -> Statement {
    let (service, text) = (service.to_owned(), text.to_owned());
    Statement { service, text, dialect: None, parameters: Bytes::new(), numbers: Vec::new(), times: 1 }
}

fn words(service: &str, words: &[&str]) -> Command {
    let words = words.iter().map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
    Command { service: service.into(), line: Line::Words(words) }
}

fn script(text: &str) -> Command {
    Command { service: "host".into(), line: Line::Script(text.into()) }
}

fn ana() -> Identity {
    Identity::new("ana")
}

fn rows(rows: u64) -> Census {
    Census { rows, ..Census::default() }
}

fn records(folder: &TempDir, guard: &Guard) -> Vec<Entry> {
    guard.flush().unwrap();
    query(&folder.path().join("state"), &Filter::default()).unwrap().into_iter().map(Result::unwrap).collect()
}

fn code(result: Result<wardline::guard::Running, Answer>) -> &'static str {
    match result {
        Ok(_) => "runs",
        Err(answer) => answer.code,
    }
}

#[test]
fn statements_and_commands_are_judged_by_what_they_do() {
    let (folder, guard) = guard("");
    for (text, expected) in [
        ("SELECT title FROM docs WHERE id = 7", "runs"),
        ("INSERT INTO docs (id) VALUES (1)", "runs"),
        ("SELECT * FROM docs", "grant_required"),
        ("DELETE FROM docs WHERE id = 7", "approval_required"),
        ("SELECT title FROM docs WHERE id = 7; DROP TABLE docs", "default_deny"),
        ("not a statement", "default_deny"),
    ] {
        assert_eq!(code(guard.statement(at("warehouse", text), ana())), expected, "{text}");
    }
    assert_eq!(code(guard.command(words("cache", &["GET", "doc:1"]), ana())), "runs");
    assert_eq!(code(guard.command(words("cache", &["GET", "key:1"]), ana())), "default_deny");
    assert_eq!(code(guard.command(words("cache", &["FLUSHALL"]), ana())), "default_deny");
    assert_eq!(code(guard.command(words("host", &["cat", "/srv/a"]), ana())), "runs");
    assert_eq!(code(guard.command(script("cat /srv/a; cat /etc/passwd"), ana())), "default_deny");
    assert_eq!(code(guard.command(script("rm /srv/a"), ana())), "approval_required");
    // A service is asked for what its system takes.
    assert_eq!(code(guard.statement(at("cache", "SELECT 1"), ana())), "default_deny");
    assert_eq!(code(guard.command(words("warehouse", &["GET", "doc:1"]), ana())), "default_deny");
    assert_eq!(code(guard.statement(at("nowhere", "SELECT 1"), ana())), "default_deny");
    assert_eq!(code(guard.command(words("cache", &[]), ana())), "default_deny");
    let words = Command { service: "host".into(), line: Line::Words(vec![Bytes::from_static(b"\xff")]) };
    assert_eq!(code(guard.command(words, ana())), "default_deny");
    // Observing blocks nothing and says what it would have done.
    assert_eq!(code(guard.statement(at("seen", "DROP TABLE docs"), ana())), "runs");
    let records = records(&folder, &guard);
    let seen = &records.iter().rev().find(|entry| entry.record.kind != Kind::Begin).unwrap().record;
    assert_eq!((seen.decided, seen.enforced), (Some(Verdict::Deny), Some(Verdict::Allow)));
    assert_eq!((seen.service.as_str(), seen.system.as_deref()), ("seen", Some("postgres")));
}

#[test]
fn a_dialect_of_its_own_is_read_and_bound() {
    let (_folder, guard) = guard("");
    // A comment that MySQL runs.
    let text = "SELECT title FROM docs WHERE id = 7 /*! INTO OUTFILE '/tmp/x' */";
    assert_eq!(code(guard.statement(at("warehouse", text), ana())), "runs");
    let own = Statement { dialect: Some(Dialect::MySql), ..at("warehouse", text) };
    assert_eq!(code(guard.statement(own, ana())), "grant_required");
}

#[test]
fn an_approval_is_for_this_text_these_values_and_this_dialect() {
    let (_folder, guard) = guard("");
    let text = "DELETE FROM docs WHERE id = $1";
    let bound = |text: &str, value: &'static str| Statement {
        parameters: Bytes::from_static(value.as_bytes()),
        ..at("warehouse", text)
    };
    let ticket = |statement: Statement| guard.statement(statement, ana()).unwrap_err().approval.unwrap();
    let first = ticket(bound(text, "7"));
    let others = [
        bound(text, "8"),
        bound("DELETE FROM docs WHERE id = $1 ", "7"),
        Statement { dialect: Some(Dialect::Redshift), ..bound(text, "7") },
    ];
    for other in others {
        assert_ne!(ticket(other), first);
    }
    // The service's own dialect, named or not, is one.
    assert_eq!(ticket(Statement { dialect: Some(Dialect::Postgres), ..bound(text, "7") }), first);
    guard.vote(&first, "sam", Vote::Approve, None).unwrap();
    assert_eq!(code(guard.statement(bound(text, "8"), ana())), "approval_required");
    assert_eq!(code(guard.statement(bound(text, "7"), ana())), "runs");
    assert_eq!(code(guard.statement(bound(text, "7"), ana())), "approval_required");

    let remove = |line: &[&str]| guard.command(words("host", line), ana()).unwrap_err().approval.unwrap();
    let first = remove(&["rm", "/srv/a", "b"]);
    assert_ne!(remove(&["rm", "/srv/a b"]), first);
    assert_ne!(guard.command(script("rm /srv/a b"), ana()).unwrap_err().approval.unwrap(), first);
    assert_eq!(remove(&["rm", "/srv/a", "b"]), first);
}

fn terms(quota: &str) -> Terms {
    serde_json::from_str(&format!(
        r#"{{"scope": {{"who": ["user:ana"], "services": ["warehouse"], "operations": ["data.export"], "resources": ["*"]}},
            "until": "2h", "quota": ["rows", {quota}], "reason": "migration"}}"#
    ))
    .unwrap()
}

#[test]
fn what_comes_back_is_counted_before_it_goes_on() {
    let (folder, guard) = guard("");
    let grant = guard.issue_grant(terms("1500"), "kim").unwrap();
    let all = || guard.statement(at("warehouse", "SELECT * FROM docs"), ana());
    let spent = || guard.grants().unwrap().into_iter().find(|one| one.id == grant.id).unwrap().spent;
    let mut running = all().unwrap();
    running.returned(&Census { vectors: 3, ids: vec!["a".into()], ids_total: 1, ..rows(400) }).unwrap();
    running.touched(100).unwrap();
    running.complete();
    guard.flush().unwrap();
    assert_eq!(spent(), 500);
    let mut running = all().unwrap();
    running.returned(&rows(600)).unwrap();
    assert_eq!(running.returned(&rows(401)).unwrap_err().code, "grant_exhausted");
    assert_eq!(running.returned(&rows(1)).unwrap_err().code, "grant_exhausted");
    drop(running);
    guard.flush().unwrap();
    let records = records(&folder, &guard);
    let ended: Vec<_> = records.iter().filter(|entry| entry.record.kind == Kind::End).collect();
    let census = ended[0].record.response.as_ref().unwrap().census.as_ref().unwrap();
    assert_eq!((census.rows, census.vectors, census.ids_total), (400, 3, 1));
    assert_eq!(ended[0].record.request.as_ref().unwrap().census.as_ref().unwrap().rows, 100);
    assert_eq!(ended[1].record.outcome.as_ref().unwrap().result, Ending::Aborted);
}

#[test]
fn what_nobody_tells_counts_as_all_that_was_asked_for() {
    let (_folder, guard) = guard("");
    let grant = guard.issue_grant(terms("5000"), "kim").unwrap();
    let spent = || {
        guard.flush().unwrap();
        guard.grants().unwrap().into_iter().find(|one| one.id == grant.id).unwrap().spent
    };
    let bulk = || guard.statement(at("warehouse", "SELECT * FROM docs LIMIT 2000"), ana()).unwrap();
    bulk().fail();
    assert_eq!(spent(), 0, "it failed");
    bulk().complete();
    assert_eq!(spent(), 2_000);
    drop(bulk());
    assert_eq!(spent(), 4_000, "nobody knows what became of it");
    // A call is what its host says it is.
    let mut act = Act::new(Operation::DataExport, "docs");
    act.magnitude = Magnitude::of(Unit::Rows, 700);
    let call = Call { service: "warehouse".into(), acts: vec![act] };
    let mut exchange = guard.begin(Subject::Call(call), Caller::verified(ana()), "test");
    assert!(matches!(exchange.next_blocking(), Step::Forward(_)));
    exchange.finish(Ending::Complete);
    assert_eq!(spent(), 4_700);
}

#[test]
fn a_grant_that_ends_ends_what_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_764_000_000_000)));
    let policy = Policy::parse(POLICY, folder.path().join("wardline.yaml").to_str().unwrap()).unwrap();
    let guard = Guard::with_clock(policy, clock.clone());
    guard.issue_grant(terms("5000"), "kim").unwrap();
    let mut running = guard.statement(at("warehouse", "SELECT * FROM docs"), ana()).unwrap();
    running.returned(&rows(10)).unwrap();
    clock.advance(std::time::Duration::from_secs(2 * 3_600));
    assert_eq!(running.returned(&rows(10)).unwrap_err().code, "grant_expired");
}

const MASK: &str = "mask: [{name: pii, services: [warehouse, host], entities: {email: redact}}]\n";

#[test]
fn a_statement_that_runs_many_times_counts_as_often() {
    let rule =
        "  - {name: many, operations: [data.ingest], magnitude: {unit: rows, over: 10}, effect: hold}\n";
    let (_folder, guard) = guard(rule);
    let insert = |times| Statement { times, ..at("warehouse", "INSERT INTO docs (id) VALUES ($1)") };
    assert_eq!(code(guard.statement(insert(10), ana())), "runs");
    assert_eq!(code(guard.statement(insert(11), ana())), "approval_required");
}

#[test]
fn a_text_that_masking_would_change_does_not_pass() {
    let (folder, masked) = guard(MASK);
    let text = "SELECT title FROM docs WHERE id = 7 AND mail = 'rosa.lind@example.com'";
    assert_eq!(code(masked.statement(at("warehouse", text), ana())), "unmaskable_request");
    let bound = Statement {
        parameters: Bytes::from_static(b"[7, \"rosa.lind@example.com\"]"),
        ..at("warehouse", "SELECT title FROM docs WHERE id = $1 AND mail = $2")
    };
    assert_eq!(code(masked.statement(bound, ana())), "unmaskable_request");
    assert_eq!(
        code(masked.command(words("host", &["cat", "/srv/rosa.lind@example.com"]), ana())),
        "unmaskable_request"
    );
    let plain = "SELECT title FROM docs WHERE id = 7";
    assert_eq!(code(masked.statement(at("warehouse", plain), ana())), "runs");
    let records = records(&folder, &masked);
    let found = records.iter().filter_map(|entry| entry.record.request.as_ref()).next().unwrap();
    assert_eq!(found.totals.get("email"), Some(&1));
    for rest in ["in: [response]", "unmaskable: pass"] {
        let (_folder, guard) = guard(&MASK.replace("name: pii", &format!("name: pii, {rest}")));
        assert_eq!(code(guard.statement(at("warehouse", text), ana())), "runs", "{rest}");
    }
    let (_folder, strict) = guard(&MASK.replace("redact", "deny"));
    assert_eq!(code(strict.statement(at("warehouse", text), ana())), "denied_value");
    let (_folder, guard) = guard(&MASK.replace("redact", "observe"));
    assert_eq!(code(guard.statement(at("warehouse", text), ana())), "runs");
}

#[test]
fn results_are_masked_or_do_not_go_on() {
    let (folder, guard) = guard(MASK);
    let read = || guard.statement(at("warehouse", "SELECT title FROM docs WHERE id = 7"), ana()).unwrap();
    assert_eq!(read().returned(&rows(1)).unwrap_err().code, "unmaskable_response");
    let mut running = read();
    let json = "application/x-ndjson";
    let first = running.result(b"{\"mail\": \"rosa.lind@example.com\"}\n", json, false).unwrap();
    assert_eq!(first, b"{\"mail\": \"[EMAIL]\"}\n");
    running.returned(&rows(1)).unwrap();
    let rest = running.result(b"{\"mail\": \"tom.ek@example.org\"}\n", json, true).unwrap();
    assert_eq!(rest, b"{\"mail\": \"[EMAIL]\"}\n");
    assert_eq!(running.result(b"{}\n", json, true).unwrap_err().code, "guard_unavailable");
    drop(running);
    let mut whole = read();
    assert_eq!(whole.result(b"tom.ek@example.org", "text/plain", true).unwrap(), b"[EMAIL]");
    whole.complete();
    let mut binary = read();
    assert_eq!(
        binary.result(b"\0", "application/octet-stream", true).unwrap_err().code,
        "unmaskable_response"
    );
    drop(binary);
    // A write that gives nothing back has nothing to mask.
    let mut write = guard.statement(at("warehouse", "INSERT INTO docs (id) VALUES (1)"), ana()).unwrap();
    write.touched(1).unwrap();
    write.complete();
    let records = records(&folder, &guard);
    let told: Vec<_> = records.iter().filter_map(|entry| entry.record.response.as_ref()).collect();
    assert!(told.iter().any(|passed| passed.totals.get("email") == Some(&2) && passed.bytes > 0));
    let secret = b"rosa.lind";
    assert!(!holds(&folder.path().join("state"), secret), "a value in the log");
}

/// Whether any file below a folder holds these bytes.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => holds(&path, bytes),
            false => fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes),
        }
    })
}

#[test]
fn no_literal_of_a_text_reaches_the_log_an_answer_or_a_representation() {
    const SECRET: &str = "hunter2swordfish";
    let (folder, guard) = guard("");
    let mut told = String::new();
    for text in [
        "SELECT title FROM docs WHERE note = 'X'",
        "SELECT title FROM docs -- X",
        "SELECT title AS \"X\" FROM docs WHERE id = 1",
        "DELETE FROM docs WHERE note = 'X'",
        "CREATE USER bob PASSWORD 'X'",
        "COPY docs FROM 's3://bucket/key?sig=X' CREDENTIALS 'aws_secret=X'",
        "COPY docs TO '/tmp/X'",
        "COPY docs TO PROGRAM 'curl -u X h'",
        "SELECT * FROM dblink('host=h password=X', 'select 1')",
        "SELECT pg_read_file('/etc/X')",
        "ATTACH 'https://u:X@h/f.db' AS other",
        "SELECT * FROM read_csv('https://u:X@h/x?token=X')",
        "SET app.key = 'X'",
        "EXECUTE 'X'",
        "X",
        "INSERT INTO docs VALUES ('X'), ($$X$$), (E'X')",
    ] {
        for service in ["warehouse", "seen"] {
            let statement = Statement {
                parameters: Bytes::from(format!("[\"{SECRET}\"]")),
                ..at(service, &text.replace('X', SECRET))
            };
            told.push_str(&format!("{statement:?}"));
            match guard.statement(statement, ana()) {
                Ok(running) => told.push_str(&format!("{running:?} {:?}", running.exchange())),
                Err(answer) => told.push_str(&format!("{answer} {answer:?}")),
            }
        }
    }
    for text in [
        "curl -H 'Authorization: Bearer X' 'https://u:X@h.example/path?token=X'",
        "psql postgres://u:X@db/x -c \"select 'X'\"",
        "mysql -pX -e 'select 1'",
        "echo X | sudo -S rm /srv/a",
        "export KEY=X; aws s3 ls",
        "redis-cli -a X SET key X",
        "X",
        "$(X",
    ] {
        let command = script(&text.replace('X', SECRET));
        told.push_str(&format!("{command:?} {:?}", command.line));
        told.push_str(&format!("{:?}", guard.command(command, ana())));
    }
    for line in [&["SET", "doc:1", SECRET][..], &["AUTH", SECRET], &["EVAL", SECRET, "0"], &[SECRET]] {
        told.push_str(&format!("{:?}", guard.command(words("cache", line), ana())));
    }
    let records = records(&folder, &guard);
    assert!(!told.contains(SECRET), "{told}");
    assert!(!holds(&folder.path().join("state"), SECRET.as_bytes()), "{records:?}");
    let ended = records.iter().filter(|entry| matches!(entry.record.kind, Kind::Exchange | Kind::End));
    for entry in ended {
        assert!(entry.record.digest.as_ref().is_some_and(|digest| digest.len() == 64), "{entry:?}");
    }
}

#[test]
fn what_is_told_out_of_turn_does_not_pass() {
    let (_folder, guard) = guard("");
    let statement = Subject::Statement(at("warehouse", "SELECT title FROM docs WHERE id = 7"));
    let mut exchange = guard.begin(statement, Caller::verified(ana()), "test");
    assert!(matches!(exchange.next_blocking(), Step::Forward(_)));
    exchange.finish(Ending::Complete);
    assert!(matches!(exchange.returned(&rows(1)), Flow::Abort(_)));
    let mut exchange = guard.begin(reading("docs"), Caller::verified(ana()), "test");
    assert!(matches!(exchange.next_blocking(), Step::Forward(_)));
    exchange.finish(Ending::Complete);
    assert!(matches!(exchange.result(b"", "text/plain", &mut Vec::new()), Flow::Abort(_)));
    assert!(matches!(exchange.returned(&rows(1)), Flow::Abort(_)));
    let mut exchange = guard.begin(reading("docs"), Caller::verified(ana()), "test");
    assert!(matches!(exchange.result(b"", "text/plain", &mut Vec::new()), Flow::Abort(_)), "unjudged");
}

fn reading(resource: &str) -> Subject {
    Subject::Call(Call { service: "warehouse".into(), acts: vec![Act::new(Operation::DataRead, resource)] })
}

#[test]
fn what_comes_of_a_call_is_masked_and_counted() {
    let (folder, guard) = guard(MASK);
    let mut exchange = guard.begin(reading("docs"), Caller::verified(ana()), "test");
    assert!(matches!(exchange.next_blocking(), Step::Forward(_)));
    let mut out = Vec::new();
    let line = b"{\"mail\": \"ana@example.org\"}\n";
    assert!(matches!(exchange.result(line, "application/x-ndjson", &mut out), Flow::Changed));
    assert!(matches!(exchange.returned(&rows(1)), Flow::Unchanged));
    exchange.finish(Ending::Complete);
    assert_eq!(out, b"{\"mail\": \"[EMAIL]\"}\n");
    let records = records(&folder, &guard);
    let response = records.iter().find_map(|entry| entry.record.response.as_ref()).unwrap();
    assert_eq!(response.totals.get("email"), Some(&1));
    assert_eq!(response.census.as_ref().map(|census| census.rows), Some(1));
    // Rows that a mask entry fits and that nobody showed do not pass.
    let mut exchange = guard.begin(reading("docs"), Caller::verified(ana()), "test");
    assert!(matches!(exchange.next_blocking(), Step::Forward(_)));
    assert!(matches!(exchange.returned(&rows(1)), Flow::Abort(_)));
}
