//! The command as a user meets it: output, errors and exit codes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::path::{Path, PathBuf};

use serde_json::Value;
use wardline::guard::{Caller, Guard, Step};
use wardline::identity::Identity;
use wardline::model::{Act, Call, Operation, Subject};
use wardline_cli::{Streams, run};

const POLICY: &str = "
version: 1
state: ./state
groups: {security: [sam, kim]}
services: {vectors: {system: qdrant}}
rules:
  - {name: bulk, who: ['user:*'], operations: [vector.export], effect: hold}
approval: {steps: [{from: [security], need: 1}]}
mask: [{name: pii, entities: {email: redact}}]
";

struct Run {
    code: u8,
    out: String,
    err: String,
}

fn wardline(args: &[&str], input: &str) -> Run {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams { input: &mut input.as_bytes(), out: &mut out, err: &mut err };
    let code = run(["wardline"].iter().chain(args), &mut streams);
    Run { code, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

fn json(run: &Run) -> Value {
    serde_json::from_str(run.out.lines().next().unwrap()).unwrap()
}

fn policy(folder: &Path) -> PathBuf {
    let path = folder.join("wardline.yaml");
    std::fs::write(&path, POLICY).unwrap();
    path
}

#[test]
fn check_names_every_error_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path());
    let path = path.to_str().unwrap();
    assert_eq!(wardline(&["check", path], "").code, 0);
    std::fs::write(path, "version: 1\nstate: memory\nservices: {v: {system: qdrannt}}\nruels: []\n").unwrap();
    let wrong = wardline(&["check", path], "");
    assert_eq!((wrong.code, wrong.err.lines().count(), wrong.out.as_str()), (1, 2, ""));
    assert!(wrong.err.contains(":3:") && wrong.err.contains(":4:1:"), "{}", wrong.err);
    let errors = json(&wardline(&["check", "--json", path], ""));
    assert_eq!(errors["errors"].as_array().unwrap().len(), 2);
    assert_eq!(wardline(&["check", "no-such-file.yaml"], "").code, 2);
    assert_eq!(wardline(&["chekc"], "").code, 2);
    assert_eq!(wardline(&["--help"], "").code, 0);
}

#[test]
fn findings_are_told_to_scanners_and_to_workflows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a,b.yaml");
    std::fs::write(&path, "version: 1\nstate: memory\nservices: {v: {system: qdrannt}}\nruels: []\n")
        .unwrap();
    let path = path.to_str().unwrap();
    let sarif = wardline(&["check", "--format", "sarif", path], "");
    let told = json(&sarif);
    let results = told["runs"][0]["results"].as_array().unwrap();
    assert_eq!((sarif.code, results.len(), told["version"].as_str()), (1, 2, Some("2.1.0")));
    let place = &results[1]["locations"][0]["physicalLocation"];
    assert_eq!(
        (place["region"]["startLine"].as_u64(), place["artifactLocation"]["uri"].as_str()),
        (Some(4), Some(path.replace(',', "%2C").as_str()))
    );
    assert_eq!(told["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().len(), 2);
    let github = wardline(&["check", "--format", "github", path], "");
    let lines: Vec<&str> = github.out.lines().collect();
    assert!(
        lines[1].starts_with("::error file=")
            && lines[1].contains("a%2Cb.yaml,line=4,col=1,title=unknown_key::unknown key"),
        "{}",
        github.out
    );
    let sound = policy(folder.path());
    let sound = sound.to_str().unwrap();
    assert_eq!(wardline(&["check", "--format", "github", sound], "").out, "");
    // Several policies, one of which is not there: a machine reads of it where it reads of the others.
    let none = folder.path().join("no such.yaml");
    let none = none.to_str().unwrap();
    for (format, expected) in [("json", 3), ("sarif", 3), ("github", 3)] {
        let all = wardline(&["check", "--format", format, path, none, sound], "");
        let told = match format {
            "json" => json(&all)["errors"].as_array().unwrap().len(),
            "sarif" => json(&all)["runs"][0]["results"].as_array().unwrap().len(),
            _ => all.out.lines().count(),
        };
        assert_eq!((all.code, told, all.err.as_str()), (2, expected, ""), "{format}");
        assert!(all.out.contains("not_found"), "{}", all.out);
    }
    let sarif = json(&wardline(&["check", "--format", "sarif", none], ""));
    let uri = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert!(uri.as_str().unwrap().ends_with("/no%20such.yaml"), "{uri}");
    let all = wardline(&["check", path, none, sound], "");
    assert!(
        all.code == 2 && all.err.lines().count() == 3 && all.out.ends_with("the policy is sound\n"),
        "{}",
        all.err
    );
}

#[test]
fn a_verdict_is_explained_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path());
    let path = path.to_str().unwrap();
    let ask = |more: &[&str]| {
        let scroll = [
            "explain",
            "--policy",
            path,
            "POST",
            "/collections/docs/points/scroll",
            "--body",
            r#"{"with_vector": true, "limit": 9000}"#,
        ];
        wardline(&[&scroll, more].concat(), "")
    };
    let held = ask(&["--as", "ana"]);
    assert!(held.out.starts_with("hold  approval_required: "), "{}", held.out);
    assert!(
        held.out.contains("  fits    bulk  ") && held.out.contains("approval  1 of security\n"),
        "{}",
        held.out
    );
    let told = json(&ask(&["--json"]));
    assert_eq!((told["verdict"].as_str(), told["code"].as_str()), (Some("deny"), Some("default_deny")));
    assert_eq!(told["acts"][0]["rules"][0]["misses"], serde_json::json!(["who"]));
    assert!(!folder.path().join("state").exists());
    assert_eq!(ask(&["--header", "no colon"]).code, 2);
}

#[test]
fn a_grant_that_does_not_cover_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path());
    let path = path.to_str().unwrap();
    let issued = wardline(
        &[
            "grant",
            "issue",
            "--policy",
            path,
            "--who",
            "user:ana",
            "--operation",
            "vector.export",
            "--resource",
            "notes",
            "--until",
            "1h",
            "--reason",
            "r",
            "--as",
            "sam",
        ],
        "",
    );
    assert_eq!(issued.code, 0, "{}", issued.err);
    let ask = |collection: &str| {
        let url = format!("/collections/{collection}/points/scroll");
        wardline(
            &[
                "explain",
                "--policy",
                path,
                "POST",
                &url,
                "--body",
                r#"{"with_vector": true, "limit": 9000}"#,
                "--as",
                "ana",
            ],
            "",
        )
        .out
    };
    assert!(ask("docs").contains(" comes nearest: it is for other resources"), "{}", ask("docs"));
    assert!(ask("notes").starts_with("allow  granted"), "{}", ask("notes"));
    assert!(ask("notes").contains(" covers it\n"));
}

#[test]
fn cases_are_tried_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    policy(folder.path());
    let cases = folder.path().join("wardline.test.yaml");
    std::fs::write(
        &cases,
        "cases:\n  - name: strangers <out>\n    request: {url: /collections}\n    expect: {verdict: deny}\n  - name: wrong\n    request: {url: /collections}\n    expect: {verdict: allow}\n",
    )
    .unwrap();
    let report = folder.path().join("report.xml");
    let all = wardline(&["test", folder.path().to_str().unwrap(), "--junit", report.to_str().unwrap()], "");
    assert_eq!((all.code, all.out.lines().last()), (1, Some("2 cases, 1 failed")));
    assert!(all.out.contains("verdict: expected allow, got deny"), "{}", all.out);
    let report = std::fs::read_to_string(report).unwrap();
    assert!(
        report.contains("tests=\"2\" failures=\"1\"") && report.contains("strangers &lt;out&gt;"),
        "{report}"
    );
    let lines = wardline(&["test", "--json", cases.to_str().unwrap()], "");
    assert_eq!((lines.out.lines().count(), json(&lines)["passed"].as_bool()), (2, Some(true)));
    std::fs::write(&cases, "cases: [{name: a, expect: {verdict: deny}}]\n").unwrap();
    let wrong = wardline(&["test", cases.to_str().unwrap()], "");
    assert!(wrong.code == 1 && wrong.err.contains(":1:9: `request` is missing"), "{}", wrong.err);
    assert!(wrong.out.ends_with("0 cases, 0 failed, 1 errors\n"), "{}", wrong.out);
    // Whoever reads the report sees it too.
    let report = folder.path().join("report.xml");
    let wrong =
        wardline(&["--json", "test", cases.to_str().unwrap(), "--junit", report.to_str().unwrap()], "");
    assert_eq!(
        (json(&wrong)["error"].as_bool(), json(&wrong)["passed"].as_bool()),
        (Some(true), Some(false))
    );
    let report = std::fs::read_to_string(report).unwrap();
    assert!(
        report.contains("errors=\"1\"") && report.contains("<error message=\"`request` is missing"),
        "{report}"
    );
    assert_eq!(wardline(&["test", folder.path().join("none").to_str().unwrap()], "").code, 2);
}

#[test]
fn cases_are_looked_for_however_deep_and_reports_are_xml() {
    let folder = tempfile::tempdir().unwrap();
    for place in ["team/vectors", ".hidden", "node_modules/x"] {
        let place = folder.path().join(place);
        std::fs::create_dir_all(&place).unwrap();
        policy(&place);
        let case = "cases: [{name: \"a \\x01 b\", request: {url: /collections}, expect: {verdict: deny}}]\n";
        std::fs::write(place.join("wardline.test.yaml"), case).unwrap();
    }
    let report = folder.path().join("report.xml");
    let all = wardline(&["test", folder.path().to_str().unwrap(), "--junit", report.to_str().unwrap()], "");
    assert_eq!((all.code, all.out.as_str()), (0, "1 cases, 0 failed\n"), "{}", all.err);
    let report = std::fs::read_to_string(report).unwrap();
    assert!(report.contains("name=\"a \u{fffd} b\""), "{report}");
}

#[test]
fn what_a_policy_declares_is_listed_found_and_masked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    let own = "version: 1\nstate: memory\nservices: {v: {system: qdrant}}\ndetectors: {order_no: {pattern: 'ORD-[0-9]{6}'}}\nmask: [{name: m, entities: {order_no: redact}}]\n";
    std::fs::write(&path, own).unwrap();
    let path = path.to_str().unwrap();
    let listed = wardline(&["entities", "--policy", path], "");
    assert!(listed.out.contains("\norder_no ") && listed.out.contains("\nemail "));
    let text = "ORD-123456 of ana@example.org";
    let found = json(&wardline(&["detect", "--json", "--policy", path], text));
    assert_eq!(
        found["spans"],
        serde_json::json!([{"start": 0, "end": 10, "entity": "order_no", "group": "other", "score": 1.0}])
    );
    assert_eq!(wardline(&["mask", "--policy", path], text).out, "[ORDER_NO] of ana@example.org");
}

#[test]
fn the_evaluation_border_answers_line_by_line_in_order() {
    let detect = wardline(
        &["detect", "--jsonl"],
        "{\"id\":\"a\",\"text\":\"é ana@example.org\"}\n\n{\"id\":2,\"text\":\"\"}\n",
    );
    let lines: Vec<Value> = detect.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((detect.code, lines.len()), (0, 2));
    assert_eq!(lines[0]["id"], "a");
    assert_eq!((&lines[0]["spans"][0]["start"], &lines[0]["spans"][0]["end"]), (&3.into(), &18.into()));
    assert_eq!(lines[1]["spans"], Value::Array(Vec::new()));

    let body = r#"{"id":1,"content_type":"application/json","body":"{\"m\":\"ana@example.org\"}","chunk":3}"#;
    let mask = json(&wardline(&["mask", "--jsonl"], body));
    assert_eq!((&mask["body"], &mask["findings"]["email"]), (&r#"{"m":"[EMAIL]"}"#.into(), &1.into()));

    let lines = concat!(
        r#"{"id":1,"system":"qdrant","method":"POST","url":"/collections/docs/points/scroll","body":{"limit":5000,"with_vector":true}}"#,
        "\n",
        r#"{"id":2,"sql":"DROP TABLE docs"}"#,
        "\n",
        r#"{"id":3,"system":"torchserve","method":"POST","url":"/models?url=https://models.example.org/a.mar"}"#,
        "\n",
        r#"{"id":4,"system":"torchserve","method":"POST","url":"http://serve/models?url=https://models.example.org/a.mar"}"#
    );
    let classify = wardline(&["classify", "--jsonl"], lines);
    let lines: Vec<Value> = classify.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["operations"], serde_json::json!(["vector.export"]));
    assert_eq!(lines[0]["magnitude"], serde_json::json!({"unit": "vectors", "count": 5000}));
    assert_eq!(lines[1]["operations"], serde_json::json!(["collection.drop"]));
    // The address is of what is fetched, not of who fetches.
    for line in &lines[2..] {
        assert_eq!(line["operations"], serde_json::json!(["model.upload"]));
        assert_eq!(line["resource"], "https://models.example.org/a.mar");
    }
    let why =
        wardline(&["classify", "--jsonl", "--explain"], r#"{"id":1,"script":"kubectl delete ns prod"}"#);
    let ground = &json(&why)["explain"][0];
    assert_eq!((&ground["operation"], &ground["part"]), (&"infra.destroy".into(), &"1: kubectl".into()));
    assert!(ground["rule_at"].as_str().unwrap().starts_with("data/tools/tools.txt:"));
    let broken = wardline(&["detect", "--jsonl"], "{\"id\":1,\"txt\":\"ana@example.org\"}\n");
    assert_eq!(broken.code, 2);
    assert!(broken.err.contains("line 1") && !broken.err.contains("ana@"), "{}", broken.err);
}

#[test]
fn a_classification_is_explained_line_by_line() {
    let body = r#"{"limit": 5000, "with_vector": true}"#;
    let call = [
        "classify",
        "--system",
        "qdrant",
        "POST",
        "/collections/docs/points/scroll",
        "--body",
        "-",
        "--explain",
    ];
    let told = wardline(&call, body).out;
    for part in [
        "vector.export\tdocs\trisk 90\t5000 vectors\n",
        "  entry   data/catalogue/qdrant.yaml:",
        "then: vector.export}",
        "limit = 5000",
        "  risk    85 + 5 for 5000 vectors = 90\n",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let told = wardline(&["classify", "--sql", "DELETE FROM docs", "--explain"], "").out;
    assert!(told.contains("  part    1: DELETE FROM\n"), "{told}");
    let plain = wardline(&["classify", "--script", "-"], "rm -rf /srv/a").out;
    assert_eq!(plain.lines().count(), 1, "{plain}");
}

#[test]
fn a_command_is_given_word_by_word_and_statements_take_the_dialect_of_their_system() {
    let flush = wardline(&["classify", "--system", "redis", "--command", "FLUSHALL"], "").out;
    assert!(flush.starts_with("collection.drop\t"), "{flush}");
    for system in [&[][..], &["--system", "shell"]] {
        let remove =
            wardline(&[&["classify"], system, &["--command", "rm", "-rf", "/srv/a"]].concat(), "").out;
        assert!(remove.starts_with("file.delete\t/srv/a"), "{remove}");
    }
    let text = "SELECT title FROM docs WHERE id = 7 /*! INTO OUTFILE '/tmp/x' */";
    for (system, writes) in [("mysql", true), ("postgres", false)] {
        let told = wardline(&["classify", "--system", system, "--sql", text], "").out;
        assert_eq!(told.contains("file.write"), writes, "{told}");
    }
}

#[test]
fn a_policy_s_own_entries_are_explained_with_their_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    let own = "system: library\noperations:\n  - GET /shelves/{shelf}: data.read\n    resource: path.shelf\n";
    std::fs::write(folder.path().join("library.yaml"), own).unwrap();
    let policy = "version: 1\ncatalogues: [library.yaml]\nservices: {books: {system: library}}\n";
    std::fs::write(&path, policy).unwrap();
    let policy = path.to_str().unwrap();
    let call = ["classify", "--policy", policy, "--system", "library", "--explain", "GET", "/shelves/poetry"];
    let told = wardline(&call, "").out;
    assert!(told.starts_with("data.read\tpoetry\t"), "{told}");
    assert!(told.contains("/library.yaml:3  GET /shelves/{shelf}: data.read\n"), "{told}");
    std::fs::write(folder.path().join("library.yaml"), own.replace("data.read", "data.raed")).unwrap();
    let checked = wardline(&["check", policy], "");
    assert_ne!(checked.code, 0);
    assert!(format!("{}{}", checked.out, checked.err).contains("/library.yaml:3:"), "{}", checked.err);
}

#[test]
fn grants_end_and_approvals_are_decided_by_those_entitled() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path());
    let path = path.to_str().unwrap();
    let issue = [
        "grant",
        "issue",
        "--json",
        "--policy",
        path,
        "--who",
        "user:ana",
        "--operation",
        "vector.export",
        "--reason",
        "migration",
    ];
    assert_eq!(wardline(&issue, "").code, 2, "no grant without an end");
    let issue = [&issue[..], &["--until", "1h", "--uses", "1", "--as", "lee"]].concat();
    let grant = json(&wardline(&issue, ""));
    assert_eq!((&grant["state"], &grant["uses"]), (&"active".into(), &1.into()));
    let id = grant["id"].as_str().unwrap();
    let revoke = ["grant", "revoke", "--policy", path, id, "--as", "lee", "--reason", "done"];
    assert_eq!(wardline(&revoke, "").code, 0);
    assert_eq!(wardline(&revoke, "").code, 4, "it has ended already");

    let guard = Guard::from_file(path).unwrap();
    let call = Call { service: "vectors".into(), acts: vec![Act::new(Operation::VectorExport, "docs")] };
    let begin = || guard.begin(Subject::Call(call.clone()), Caller::verified(Identity::new("ana")), "test");
    let Step::Answer(held) = begin().next_blocking() else { panic!("a hold") };
    let ticket = held.approval.unwrap();
    let vote = |by: &str| {
        wardline(&["approval", "approve", "--json", "--policy", path, ticket.as_str(), "--as", by], "")
    };
    assert_eq!(vote("eve").code, 4, "nobody outside the groups");
    assert_eq!(json(&vote("sam"))["state"], "approved");
    assert!(matches!(begin().next_blocking(), Step::Forward(_)));
    assert!(matches!(begin().next_blocking(), Step::Answer(_)), "an approval serves one request");
    drop(guard);

    let verify = wardline(&["audit", "verify", "--policy", path], "");
    assert_eq!(verify.code, 0, "{}{}", verify.out, verify.err);
    let held = wardline(&["audit", "query", "--json", "--policy", path, "--verdict", "hold"], "");
    assert_eq!(held.out.lines().count(), 3);
    let ended = wardline(&["audit", "query", "--json", "--policy", path, "--outcome", "held"], "");
    assert_eq!(ended.out.lines().count(), 2, "the approved one went on: {}", ended.out);
    let approval = json(&held)["record"]["approval"].as_str().unwrap().to_owned();
    let of_it = wardline(&["audit", "query", "--json", "--policy", path, "--approval", &approval], "");
    assert!(of_it.out.lines().count() > 1, "its steps too: {}", of_it.out);
    assert!(of_it.out.lines().all(|line| line.contains(&approval)));
    assert_eq!(wardline(&["audit", "query", "--policy", path, "--outcome", "unknown"], "").code, 2);
    let id = json(&held)["record"]["id"].as_str().unwrap().to_owned();
    assert_eq!(wardline(&["audit", "show", "--policy", path, &id], "").code, 0);
    let segment = folder.path().join("state/log/w0001/seg/000000000001.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    assert_eq!(wardline(&["audit", "verify", "--policy", path], "").code, 1);
}

#[test]
fn what_was_masked_is_told_to_who_has_a_grant() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    let text = "
version: 1
state: ./state
services: {vectors: {system: qdrant}}
rules: [{name: unmask, operations: [secret.read], resources: [unmask/*], effect: grant}]
mask: [{name: pii, entities: {email: {token: {scope: tenant}}, credit_card: fpe, phone: token}}]
";
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    let issue = ["grant", "issue", "--policy", path, "--who", "user:kim", "--operation", "secret.read"];
    let issue =
        [&issue[..], &["--resource", "unmask/*", "--until", "1h", "--reason", "case 7", "--as", "lee"]]
            .concat();
    assert_eq!(wardline(&issue, "").code, 0);
    let masked =
        wardline(&["mask", "--policy", path], "+49 171 1234567, 5555 5555 5555 4444, rosa@example.com");
    let hidden: Vec<&str> = masked.out.split(", ").collect();
    assert_eq!(hidden.len(), 3, "{}", masked.out);
    assert_eq!(hidden[2], "[EMAIL]", "nobody could open a token of no tenant");
    let unmask = |who: &str, more: &[&str]| {
        wardline(&[&["unmask", "--policy", path, "--as", who][..], more].concat(), "")
    };
    assert_eq!(unmask("kim", &[hidden[0]]).out, "+49 171 1234567\n");
    assert_eq!(unmask("kim", &["--entity", "credit_card", hidden[1]]).out, "5555 5555 5555 4444\n");
    let refused = unmask("ana", &[hidden[0]]);
    assert_eq!((refused.code, refused.out.as_str()), (4, ""));
    assert!(refused.err.contains("grant_required"), "{}", refused.err);
    assert_eq!(unmask("kim", &["tok_00000000_AAAAAAAAAAAAAAAAAAAAAAAA"]).code, 2);
    let told = wardline(&["audit", "query", "--json", "--policy", path, "--operation", "secret.read"], "");
    assert_eq!(told.out.lines().count(), 4, "{}", told.out);
    assert!(!told.out.contains("1234567") && !told.out.contains("5555"));
}

#[test]
fn approvals_are_watched_and_answered_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path());
    let path = path.to_str().unwrap();
    let guard = Guard::from_file(path).unwrap();
    let ask = |who: &str, what: &str| {
        let call = Call { service: "vectors".into(), acts: vec![Act::new(Operation::VectorExport, what)] };
        let mut exchange = guard.begin(Subject::Call(call), Caller::verified(Identity::new(who)), "test");
        let Step::Answer(held) = exchange.next_blocking() else { panic!("a hold") };
        held.approval.unwrap()
    };
    let (first, second) = (ask("ana\u{1b}[2J", "docs"), ask("sam", "notes"));
    let watch = ["approval", "watch", "--policy", path, "--as", "sam"];
    let answers = "deny 1\nwhat\napprove 2\napprove 1 as agreed\nskip 2\n";
    let watched = wardline(&watch, answers);
    assert_eq!(watched.code, 0, "{}", watched.err);
    let out = &watched.out;
    assert!(out.contains("[1] ana\\u{1b}[2J asks vectors") && !out.contains('\u{1b}'), "{out}");
    assert!(out.contains("held by bulk; takes 1 of security") && out.contains("a denial says why"), "{out}");
    assert!(out.contains("not for you: nobody votes on a request that they stand behind"), "{out}");
    assert!(watched.err.contains("[not_eligible]"), "{}", watched.err);
    let state = |id: &wardline::model::ApprovalId| {
        let all = guard.approvals(None).unwrap();
        let found = all.into_iter().find(|approval| approval.id == *id).unwrap();
        (found.votes.len(), found.votes.first().and_then(|vote| vote.reason.clone()))
    };
    assert_eq!(state(&first), (1, Some("as agreed".to_owned())));
    assert_eq!(state(&second), (0, None));
    let quit = wardline(&watch, "quit\nd 1 never read\n");
    assert_eq!((quit.code, state(&second).0), (0, 0));
    assert_eq!(json(&wardline(&[&watch[..], &["--json"]].concat(), ""))["state"], "pending");
}

#[test]
fn output_without_a_last_line_end_is_not_lost() {
    let (mut sent, mut err) = (Vec::new(), Vec::new());
    // Never dropped, as the process's own stream never is.
    let mut out = std::mem::ManuallyDrop::new(std::io::LineWriter::new(&mut sent));
    let input = &mut b"mail ana@example.org".as_slice();
    assert_eq!(run(["wardline", "mask"], &mut Streams { input, out: &mut *out, err: &mut err }), 0);
    assert_eq!(sent, b"mail [EMAIL]");
}

#[test]
fn a_shared_store_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path());
    let path = path.to_str().unwrap();
    let list = |store: &str| wardline(&["grant", "list", "--policy", path, "--store", store], "");
    let secret = "postgres://ana:h4rd-pw@db.invalid/wardline";
    let refused = list(secret);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("WARDLINE_STORE") && !refused.err.contains("h4rd-pw"), "{}", refused.err);
    let file = folder.path().join("url");
    std::fs::write(&file, secret.replace("db.invalid", "%2Fnowhere")).unwrap();
    let away = list(&format!("file:{}", file.display()));
    assert_eq!(away.code, 3);
    assert!(
        away.err.contains("postgres:///nowhere/wardline") && !away.err.contains("h4rd-pw"),
        "{}",
        away.err
    );
    assert_eq!(list("env:WARDLINE_TEST_NOT_SET").code, 2);
    assert_eq!(list("redis://db").code, 2);
    assert!(!wardline(&["grant", "list", "--help"], "").out.contains("h4rd-pw"));
}

#[test]
fn edges_are_listed_as_json_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    let text = "version: 1\nstate: ./state\nservices: {vectors: {system: qdrant}}\nwatch: {first_seen: {effect: raise, risk: 20}}\nrules:\n  - {name: all, who: ['user:*'], operations: ['vector.*', 'data.*'], effect: allow}\n";
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    let explain = ["explain", "--policy", path, "--as", "a\"na", "GET", "/collections/docs/points/7"];
    {
        let guard = Guard::from_file(path).unwrap();
        let call = Call { service: "vectors".into(), acts: vec![Act::new(Operation::VectorSearch, "docs")] };
        let mut exchange = guard.begin(Subject::Call(call), Caller::verified(Identity::new("a\"na")), "test");
        assert!(matches!(exchange.next_blocking(), Step::Forward(_)));
        exchange.finish(wardline::audit::Ending::Complete);
        guard.flush().unwrap();
    }
    let row = json(&wardline(&["edges", "--policy", path, "--format", "json"], ""));
    assert_eq!(
        (row["subject"].as_str(), row["operation"].as_str(), row["count"].as_u64()),
        (Some("a\"na"), Some("vector.search"), Some(1))
    );
    let table = wardline(&["edges", "--policy", path], "");
    assert!(table.out.starts_with("a\"na  vectors  vector.search  1  first "), "{}", table.out);
    let dot = wardline(&["edges", "--policy", path, "--format", "dot"], "");
    assert_eq!(wardline(&["edges", "--policy", path, "--dot"], "").out, dot.out);
    assert!(
        dot.out.starts_with("digraph wardline {") && dot.out.contains(r#"[label="a\"na"];"#),
        "{}",
        dot.out
    );
    let told = wardline(&explain, "");
    assert!(told.out.contains("  unusual first time that this caller does "), "{}", told.out);
}
