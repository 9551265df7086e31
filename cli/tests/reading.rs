//! The log as those who read it meet it: pages, tables, sessions, what another policy would have said, and that reading is recorded.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::path::Path;

use serde_json::Value;
use wardline::audit::{Clear, Ending, Found, Journal, Kind, Log, NoKeeper, Outcome, Passed, Record};
use wardline::clock::Timestamp;
use wardline::guard::{Caller, Guard};
use wardline::identity::Identity;
use wardline::keys::Keys;
use wardline::model::{Act, Call, Operation, Subject, Verdict};
use wardline_cli::{Streams, run};

const POLICY: &str = "
version: 1
state: ./state
groups: {security: [sam]}
services: {vectors: {system: qdrant}}
rules:
  - {name: look, who: ['user:*'], operations: [vector.search], effect: allow}
  - {name: bulk, who: ['user:*'], operations: [vector.export], effect: grant}
";

const EMAIL: &str = "rosa@example.com";

struct Run {
    code: u8,
    out: String,
    err: String,
}

impl Run {
    fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn wardline(args: &[&str], input: &str) -> Run {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams { input: &mut input.as_bytes(), out: &mut out, err: &mut err };
    let code = run(["wardline"].iter().chain(args), &mut streams);
    Run { code, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

fn policy(folder: &Path, text: &str) -> String {
    let path = folder.join("wardline.yaml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(1_764_000_000_000 + second * 1_000)
}

/// A session in which a search finds an email, an export is held, and somebody approves it; and a search of another session.
fn story(folder: &Path) {
    let state = folder.join("state");
    std::fs::create_dir_all(&state).unwrap();
    let keys = Keys::open(&state).unwrap();
    let exchange = |id: &str, second, operation, session: &str| {
        let mut record = Record::new(Kind::Exchange, id.into(), at(second));
        record.ended_at = Some(at(second + 1));
        record.session = Some(session.into());
        record.identity = Some(Identity::new("ana").with_groups(["analysts"]).into());
        record.service = "vectors".into();
        record.method = Some("POST".into());
        record.entry = Some("/collections/{collection}/points/search".into());
        record.status = Some(200);
        record.acts = vec![Act::new(operation, "docs")];
        record.decided = Some(Verdict::Allow);
        record.enforced = Some(Verdict::Allow);
        record.outcome = Some(Outcome { result: Ending::Complete, reason: None });
        record
    };
    let mut search = exchange("rec_search", 0, Operation::VectorSearch, "s-1");
    search.response = Some(
        Passed {
            bytes: 512,
            totals: [("email".into(), 1)].into_iter().collect(),
            findings: vec![Found {
                name: "email".into(),
                path: "hits[0].mail".into(),
                length: EMAIL.len() as u64,
                digest: keys.finding(EMAIL.as_bytes()),
            }],
            ..Passed::default()
        }
        .into(),
    );
    let mut export = exchange("rec_export", 10, Operation::VectorExport, "s-1");
    export.decided = Some(Verdict::Hold);
    export.approval = Some("appr_1".into());
    let mut vote = Record::step(Kind::Approval, at(8), "approved", "sam", Some("quarterly copy"));
    vote.approval = Some("appr_1".into());
    let other = exchange("rec_other", 20, Operation::VectorSearch, "s-2");
    let mut log = Log::open(&state, Box::new(NoKeeper)).unwrap();
    log.append(&[search, vote, export, other]).unwrap();
}

#[test]
fn a_list_goes_on_from_its_cursors_and_is_a_table_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path(), POLICY);
    story(folder.path());
    let query =
        |more: &[&str]| wardline(&[&["audit", "query", "--policy", &path, "--by", "kim"], more].concat(), "");
    let newest = query(&["--json", "--limit", "2"]);
    let ids = |run: &Run| {
        run.lines().iter().map(|line| line["record"]["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&newest), ["rec_export", "rec_other"]);
    let cursor = newest.lines()[0]["cursor"].as_str().unwrap().to_owned();
    assert!(newest.err.contains(&format!("--before {cursor}")), "{}", newest.err);
    let older = query(&["--json", "--before", &cursor]);
    assert_eq!(older.lines().len(), 2, "the vote and the search");
    assert_eq!(older.err, "");
    assert_eq!(ids(&query(&["--json", "--after", &cursor])), ["rec_other"]);
    assert_eq!(query(&["--after", "yesterday"]).code, 2);
    let table = query(&["--csv", "--operation", "vector.export"]);
    assert_eq!(table.out.lines().count(), 2);
    assert!(
        table.out.lines().nth(1).unwrap().contains(",rec_export,exchange,ana,,s-1,vectors,POST,"),
        "{}",
        table.out
    );
    let votes = query(&["--csv", "--kind", "approval"]).out;
    assert!(votes.lines().nth(1).unwrap().ends_with(",quarterly copy,approved,sam,w0001"), "{votes}");
}

#[test]
fn a_value_is_found_by_its_digest_and_stands_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path(), POLICY);
    story(folder.path());
    let query = ["audit", "query", "--policy", &path, "--by", "kim", "--json", "--value"];
    for (typed, input) in [(EMAIL, ""), ("-", "rosa@example.com\n")] {
        let found = wardline(&[&query[..], &[typed]].concat(), input);
        assert_eq!(found.lines()[0]["record"]["id"], "rec_search");
        assert_eq!(found.lines().len(), 1);
    }
    assert_eq!(wardline(&[&query[..], &["ana@example.com"]].concat(), "").out, "");
    let digest = wardline(&["audit", "digest", "--policy", &path], "rosa@example.com\n");
    assert_eq!(digest.out.trim_end().len(), 16, "{}{}", digest.out, digest.err);
    // What was asked is in the log, by whom, and not the value.
    let readings =
        wardline(&["audit", "query", "--policy", &path, "--by", "lee", "--kind", "read", "--json"], "");
    assert_eq!(readings.lines().len(), 4, "this one too");
    let change = &readings.lines()[0]["record"]["change"];
    assert_eq!((&change["step"], &change["by"]), (&"queried".into(), &"kim".into()));
    assert!(change["reason"].as_str().unwrap().starts_with("{\"value\":\""), "{change}");
    assert!(!readings.out.contains("rosa"));
    for entry in walk(&folder.path().join("state")) {
        let bytes = std::fs::read(&entry).unwrap();
        assert!(!bytes.windows(EMAIL.len()).any(|window| window == EMAIL.as_bytes()), "{}", entry.display());
    }
    assert_eq!(wardline(&["audit", "verify", "--policy", &path], "").code, 0);
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn a_session_is_told_as_it_went() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path(), POLICY);
    story(folder.path());
    let session = |more: &[&str]| {
        wardline(&[&["audit", "session", "--policy", &path, "--by", "kim"], more].concat(), "")
    };
    let told = session(&["s-1"]).out;
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 4, "{told}");
    assert!(lines[0].starts_with("session s-1 of ana of analysts: 2 exchanges"), "{told}");
    assert!(
        lines[1]
            .trim_start()
            .starts_with("0.000s  rec_search  allow -> allow (complete)  vector.search docs"),
        "{told}"
    );
    assert!(lines[1].ends_with("status 200  1000 ms  out: 512 bytes, email 1"), "{told}");
    assert!(lines[2].ends_with("8.000s  approval appr_1 approved by sam: quarterly copy"), "{told}");
    assert!(lines[3].contains("10.000s  rec_export  hold -> allow"), "{told}");
    let har = &session(&["s-1", "--har"]).lines()[0];
    let entries = har["log"]["entries"].as_array().unwrap();
    assert_eq!((har["log"]["version"].as_str(), entries.len()), (Some("1.2"), 2));
    assert_eq!(entries[0]["request"]["url"], "http://vectors/collections/{collection}/points/search");
    assert_eq!(
        (&entries[0]["response"]["status"], &entries[0]["response"]["bodySize"]),
        (&200.into(), &512.into())
    );
    assert_eq!(session(&["s-3"]).code, 2);
    // Where several took part, each line says who.
    let both = ["ana", "bo"].map(|who| {
        let mut record = Record::new(Kind::Exchange, format!("rec_{who}").as_str().into(), at(40));
        record.session = Some("s-both".into());
        record.identity = Some(Identity::new(who).into());
        record
    });
    Log::open(&folder.path().join("state"), Box::new(NoKeeper)).unwrap().append(&both).unwrap();
    let told = session(&["s-both"]).out;
    assert!(told.contains("rec_ana  ana  - -> - ()") && told.contains("rec_bo  bo  - -> - ()"), "{told}");
}

#[test]
fn bodies_that_were_kept_are_shown_until_they_are_erased() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path(), POLICY);
    story(folder.path());
    let state = folder.path().join("state");
    let mut log = Log::open(&state, Box::new(NoKeeper)).unwrap();
    let mut record = Record::new(Kind::Exchange, "rec_kept".into(), at(30));
    record.session = Some("s-4".into());
    record.identity = Some(Identity::new("ana").into());
    record.method = Some("POST".into());
    let passed = |text: &str| {
        let mut clear = Clear::new("application/json; charset=utf-8");
        clear.push(text.as_bytes());
        Some(Box::new(Passed { bytes: 9, clear: Some(Box::new(clear)), ..Passed::default() }))
    };
    (record.request, record.response) = (passed(r#"{"q":"\u001b[EMAIL]"}"#), passed("[]"));
    log.bodies().unwrap().keep([&mut record]).unwrap();
    log.append(&[record]).unwrap();
    drop(log);
    let session = |more: &[&str]| {
        wardline(&[&["audit", "session", "--policy", &path, "--by", "kim", "s-4"], more].concat(), "")
    };
    let told = session(&[]).out;
    assert!(told.contains("\n             in  {\"q\":\"\\u001b[EMAIL]\"}\n             out  []\n"), "{told}");
    let har = &session(&["--har"]).lines()[0]["log"]["entries"][0];
    assert_eq!(har["request"]["postData"]["text"], r#"{"q":"\u001b[EMAIL]"}"#);
    let content = &har["response"]["content"];
    assert_eq!(
        (&content["mimeType"], &content["text"], &content["size"]),
        (&"application/json".into(), &"[]".into(), &9.into())
    );
    assert_eq!(session(&["--json"]).lines()[0]["bodies"]["out"]["text"], "[]");

    let erase = |subject: &str| {
        let line = [
            "audit",
            "erase",
            "--policy",
            &path,
            "--subject",
            subject,
            "--as",
            "kim",
            "--reason",
            "she asked",
        ];
        wardline(&line, "")
    };
    assert_eq!(erase("bo").out, "no body of bo is kept\n");
    assert!(erase("ana").out.starts_with("the key of ana is destroyed"));
    assert_eq!(erase("ana").out, "no body of ana is kept\n");
    let told = session(&[]).out;
    assert!(told.contains("\n             in  erased\n             out  erased\n"), "{told}");
    assert_eq!(
        session(&["--har"]).lines()[0]["log"]["entries"][0]["response"]["content"]["comment"],
        "erased"
    );
    let noted =
        wardline(&["audit", "query", "--policy", &path, "--by", "lee", "--kind", "log", "--json"], "");
    let change = &noted.lines()[1]["record"]["change"];
    assert_eq!((&change["step"], &change["reason"]), (&"erased".into(), &"bodies of ana: she asked".into()));
    assert_eq!(wardline(&["audit", "verify", "--policy", &path], "").code, 0);
}

#[test]
fn recorded_traffic_is_decided_again_under_another_policy() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path(), POLICY);
    let issue = [
        "grant",
        "issue",
        "--policy",
        &path,
        "--who",
        "user:bo",
        "--operation",
        "vector.export",
        "--as",
        "lee",
    ];
    let issue = [&issue[..], &["--until", "1h", "--reason", "copy", "--uses", "1"]].concat();
    assert_eq!(wardline(&issue, "").code, 0);
    let guard = Guard::from_file(&path).unwrap();
    for (who, operation) in
        [("ana", Operation::VectorSearch), ("ana", Operation::VectorExport), ("bo", Operation::VectorExport)]
    {
        let call = Call { service: "vectors".into(), acts: vec![Act::new(operation, "docs")] };
        let mut exchange = guard.begin(Subject::Call(call), Caller::verified(Identity::new(who)), "test");
        exchange.next_blocking();
        exchange.finish(Ending::Complete);
    }
    guard.flush().unwrap();
    let replay = |policy: &str, more: &[&str]| {
        wardline(&[&["audit", "replay", "--policy", policy, "--by", "kim"], more].concat(), "")
    };
    // The same policy says the same: bo's grant was there then, though it is used up by now.
    let same = replay(&path, &[]);
    assert_eq!((same.code, same.err.as_str()), (0, ""), "{}", same.out);
    assert!(same.out.starts_with("3 exchanges would get the same verdict, 0 another"), "{}", same.out);
    let stricter = folder.path().join("stricter.yaml");
    let text = POLICY.replace("effect: allow", "effect: deny").replace("effect: grant", "effect: deny");
    std::fs::write(&stricter, text).unwrap();
    let stricter = stricter.to_str().unwrap();
    let changed = replay(stricter, &["--log-of", &path]);
    assert_eq!(changed.code, 1);
    assert!(changed.out.contains("allow -> deny: 2\n"), "{}{}", changed.out, changed.err);
    assert!(changed.out.contains("now deny [denied] by look: "), "{}", changed.out);
    let told = &replay(stricter, &["--log-of", &path, "--json", "--examples", "1"]).lines()[0];
    assert_eq!((&told["same"], &told["changed"]), (&1.into(), &2.into()));
    let change = &told["changes"][0];
    assert_eq!(
        (&change["from"], &change["to"], &change["count"]),
        (&"allow".into(), &"deny".into(), &2.into())
    );
    assert_eq!(change["examples"].as_array().unwrap().len(), 1);
}

#[test]
fn every_entry_is_exported_once_it_is_signed_from_where_the_last_run_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path(), POLICY);
    story(folder.path());
    let position = folder.path().join("position.json");
    let file = folder.path().join("events.jsonl");
    let export = |more: &[&str]| {
        wardline(&[&["audit", "export", "--policy", &path, "--by", "kim"], more].concat(), "")
    };
    let kept = ["--position", position.to_str().unwrap()];
    let first = export(&[&kept[..], &["--format", "ocsf", "--to", file.to_str().unwrap()]].concat());
    assert_eq!((first.code, first.out.as_str()), (0, ""), "{}", first.err);
    let text = std::fs::read_to_string(&file).unwrap();
    // The export itself was recorded before, and is the fifth.
    let classes: Vec<_> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["class_uid"].clone()).collect();
    assert_eq!(classes, [6005, 6003, 6005, 6005, 6003]);
    let again = export(&[&kept[..], &["--format", "cef"]].concat());
    assert_eq!(again.out.lines().count(), 1, "no more than that it runs: {}", again.out);
    assert!(again.out.contains("|read.exported|"), "{}", again.out);
    let all = export(&["--format", "jsonl"]);
    assert_eq!(all.lines()[0]["record"]["id"], "rec_search");
    assert_eq!(export(&["--to", "syslog://logs.example.org"]).code, 2);
    assert_eq!(export(&[&kept[..], &["--to", "https://127.0.0.1:1/"]].concat()).code, 3);
    // A log that was put back does not go on from there.
    std::fs::remove_dir_all(folder.path().join("state/log")).unwrap();
    story(folder.path());
    let rolled_back = export(&kept);
    assert_eq!(rolled_back.code, 3);
    assert!(rolled_back.err.contains("does not go on"), "{}", rolled_back.err);
}

/// R04: an entry that is larger than others, or that cannot be read any more, holds up none of those behind it.
#[test]
fn one_entry_does_not_stop_an_export() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path(), POLICY);
    let state = folder.path().join("state");
    std::fs::create_dir_all(&state).unwrap();
    let plain = |id: &str| Record::new(Kind::Exchange, id.into(), at(0));
    let mut large = plain("rec_large");
    large.because = Some("x".repeat(1_200_000).into());
    let mut log = Log::open(&state, Box::new(NoKeeper)).unwrap();
    log.append(&[plain("rec_before"), large, plain("rec_after")]).unwrap();
    log.checkpoint().unwrap();
    drop(log);
    let exported = || {
        let run = wardline(&["audit", "export", "--policy", &path, "--by", "kim"], "");
        let ids: Vec<String> = run.lines().iter().map(|line| line["record"]["id"].to_string()).collect();
        (run, ids.into_iter().filter(|id| id.len() < 16).collect::<Vec<_>>())
    };
    let (all, ids) = exported();
    assert_eq!(
        (all.code, ids.as_slice()),
        (0, ["\"rec_before\"", "\"rec_large\"", "\"rec_after\""].map(str::to_owned).as_slice()),
        "{}",
        all.err
    );
    assert_eq!(all.lines()[1]["record"]["because"].as_str().unwrap().len(), 1_200_000);
    // Somebody changes the entry in the middle: it is named, and the others go out.
    let segment = state.join("log/w0001/seg/000000000001.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    let place = bytes.windows(9).position(|here| here == b"rec_large").unwrap();
    bytes[place] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let (rest, ids) = exported();
    assert_eq!(
        (rest.code, ids),
        (1, ["\"rec_before\"", "\"rec_after\""].map(str::to_owned).to_vec()),
        "{}",
        rest.err
    );
    assert!(rest.err.contains("entry 1"), "{}", rest.err);
}

/// R08: a session of 200 MB is told to its end, and what was risky late in it as well.
#[test]
fn a_long_session_is_not_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path(), POLICY);
    let state = folder.path().join("state");
    std::fs::create_dir_all(&state).unwrap();
    let exchange = |number: i64| {
        let late = number == 3_750;
        let mut record = Record::new(Kind::Exchange, format!("rec_{number}").as_str().into(), at(number));
        record.session = Some("s-long".into());
        record.identity = Some(Identity::new("ana").into());
        record.service = "vectors".into();
        record.method = Some("POST".into());
        record.entry = Some("/collections/{collection}".into());
        let operation = if late { Operation::CollectionDrop } else { Operation::VectorSearch };
        record.acts = vec![Act::new(operation, "docs")];
        record.decided = Some(if late { Verdict::Deny } else { Verdict::Allow });
        record.enforced = record.decided;
        record.response = Some(Passed { bytes: 40_000, ..Passed::default() }.into());
        let result = if late { Ending::Denied } else { Ending::Complete };
        record.outcome = Some(Outcome { result, reason: None });
        record
    };
    let mut log = Log::open(&state, Box::new(NoKeeper)).unwrap();
    log.append(&(0..5_000).map(exchange).collect::<Vec<_>>()).unwrap();
    drop(log);
    let told = wardline(&["audit", "session", "s-long", "--policy", &path, "--by", "kim"], "");
    assert_eq!(told.code, 0, "{}", told.err);
    let head = told.out.lines().next().unwrap();
    assert!(head.contains("5000 exchanges"), "{head}");
    let late = told.out.lines().find(|line| line.contains("rec_3750 ")).unwrap();
    assert!(late.contains("deny -> deny (denied)") && late.contains("collection.drop"), "{late}");
    assert!(told.out.trim_end().lines().last().unwrap().contains("rec_4999 "));
    let har = wardline(&["audit", "session", "s-long", "--policy", &path, "--by", "kim", "--har"], "");
    let har: Value = serde_json::from_str(&har.out).unwrap();
    assert_eq!(har["log"]["entries"].as_array().unwrap().len(), 5_000);
}

#[test]
fn what_is_wrong_is_told_with_the_option_that_says_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path(), POLICY);
    story(folder.path());
    for (words, expected) in [
        (&["audit", "query", "--from", "yesterday"][..], "--from: expected a time"),
        (&["audit", "query", "--after", "there"], "--after: "),
        (&["audit", "report", "--to", "soon"], "--to: expected a time"),
        (&["audit", "replay", "--since", "2026"], "--since: expected a time"),
        (
            &["audit", "prune", "--before", "29.11.2026", "--as", "kim", "--reason", "r"],
            "--before: expected a time",
        ),
        (&["policy", "suggest", "--until", "x"], "--until: expected a time"),
        (&["explain", "GET", "/", "--at", "noon"], "--at: expected a time"),
        (&["explain", "GET", "/", "--header", "nothing"], "--header: expected NAME: VALUE"),
    ] {
        let run = wardline(&[words, &["--policy", &path]].concat(), "");
        assert!(run.code == 2 && run.err.contains(expected), "{words:?}: {}", run.err);
    }
}

#[test]
fn a_listing_says_why_something_was_stopped_or_done() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path(), POLICY);
    story(folder.path());
    let mut refused = Record::new(Kind::Exchange, "rec_refused".into(), at(30));
    refused.decided = Some(Verdict::Deny);
    refused.enforced = Some(Verdict::Deny);
    refused.code = Some("credential_refused".into());
    refused.outcome = Some(Outcome { result: Ending::Denied, reason: None });
    let mut log = Log::open(&folder.path().join("state"), Box::new(NoKeeper)).unwrap();
    log.append(&[refused]).unwrap();
    drop(log);
    let run = wardline(&["audit", "query", "--policy", &path, "--by", "kim"], "");
    let line = |id: &str| run.out.lines().find(|line| line.contains(id)).unwrap();
    assert!(line("rec_refused").ends_with("deny -> deny (denied: credential_refused)"), "{}", run.out);
    assert!(run.out.contains("approved by sam: quarterly copy"), "{}", run.out);
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path(), POLICY);
    story(folder.path());
    for (args, told) in [
        (&["query", "--limit", "0"][..], "0 is not in 1"),
        (
            &["query", "--from", "yesterday"],
            "--from: expected a time such as 2026-11-25T06:25:00Z (RFC 3339), a day such as 2026-11-25 (UTC), or how long ago, such as 7d",
        ),
        (
            &["query", "--from", "2026-11-26", "--until", "2026-11-25"],
            "--from 2026-11-26T00:00:00Z lies after --until 2026-11-25T00:00:00Z",
        ),
        (&["query", "--operation", "vector.exports"], "--operation: no operation is called that"),
        (&["query", "--csv", "--json"], "--csv: with --json"),
        (&["query", "--value", ""], "--value: expected a value"),
        (
            &["report", "--from", "2026-11-26", "--to", "2026-11-25"],
            "--from 2026-11-26T00:00:00Z lies after --to",
        ),
        (&["replay", "--since", "1d", "--until", "2d"], "lies after --until"),
        (&["prune", "--before", "soon", "--as", "kim", "--reason", "r"], "--before: expected a time"),
        (&["prune", "--before", "7d", "--as", "kim", "--reason", " "], "--reason: expected a sentence"),
        (&["erase", "--subject", "ana", "--as", "kim", "--reason", ""], "--reason: expected a sentence"),
        (&["digest"], "expected a value as text on standard input"),
    ] {
        let run = wardline(&[&["audit"], args, &["--policy", &path]].concat(), "");
        assert!(run.code == 2 && run.err.contains(told), "{args:?}: {} {}", run.code, run.err);
    }
    // Of none of that an entry was written, and days and spans are times.
    let all = |more: &[&str]| {
        wardline(&[&["audit", "query", "--policy", &path], more].concat(), "").out.lines().count()
    };
    assert_eq!(wardline(&["audit", "query", "--policy", &path, "--kind", "read"], "").out.lines().count(), 1);
    assert_eq!(all(&["--from", "2025-11-24", "--until", "2025-11-25"]), 4);
    assert_eq!(all(&["--from", "2025-11-25"]), 0);
    assert_eq!(all(&["--from", "36500d", "--until", "9999-12-31T23:59:59Z", "--operation", "vector.*"]), 3);
}

#[test]
fn an_erasure_that_found_nothing_does_not_say_that_something_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path(), POLICY);
    story(folder.path());
    let run = wardline(
        &["audit", "erase", "--policy", &path, "--subject", "eve", "--as", "kim", "--reason", "she asked"],
        "",
    );
    assert_eq!((run.code, run.out.as_str()), (0, "no body of eve is kept\n"));
    let steps = wardline(&["audit", "query", "--policy", &path, "--kind", "log", "--json"], "").lines();
    let steps: Vec<_> = steps.iter().map(|line| line["record"]["change"]["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["nothing_erased"]);
}

#[cfg(unix)]
#[test]
fn a_copy_that_may_only_be_read_is_verified_with_what_its_store_remembers() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path(), POLICY);
    let verify = || wardline(&["audit", "verify", "--policy", &path], "");
    assert_eq!(verify().out, format!("no log yet in {}\n", folder.path().join("state/log").display()));
    // Written by one who knew of no store.
    story(folder.path());
    let told = verify().out;
    assert!(
        told.contains("4 signed") && told.contains("w0001  no checkpoint of it is kept in the store"),
        "{told}"
    );
    let guard = Guard::from_file(&path).unwrap();
    let call = Call { service: "vectors".into(), acts: vec![Act::new(Operation::VectorSearch, "docs")] };
    let mut exchange = guard.begin(Subject::Call(call), Caller::verified(Identity::new("ana")), "test");
    exchange.next_blocking();
    exchange.finish(Ending::Complete);
    guard.flush().unwrap();
    drop(guard);
    assert_eq!(verify().out.lines().count(), 1, "whoever goes on with it keeps its checkpoint");
    let store = folder.path().join("state/store.sqlite");
    std::fs::set_permissions(&store, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!((verify().code, verify().out.lines().count()), (0, 1));
    // It is looked at, and not only not minded: what it remembers is missed.
    std::fs::remove_dir_all(folder.path().join("state/log/w0001")).unwrap();
    let run = verify();
    assert!(
        run.code == 1 && run.out.contains("the log is gone; its checkpoint was kept outside"),
        "{}",
        run.out
    );
    let damaged = wardline(&["audit", "report", "--policy", &path], "");
    assert!(damaged.code == 1 && damaged.out.contains("NOT EVERY LOG VERIFIES"), "{}", damaged.out);
}
