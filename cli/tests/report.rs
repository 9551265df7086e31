//! The report answers an auditor's questions: each situation is planted, and told.
#![allow(clippy::unwrap_used, clippy::panic, clippy::unreachable, clippy::indexing_slicing)]

use serde_json::Value;
use wardline::audit::Ending;
use wardline::guard::{Caller, Guard, Step};
use wardline::identity::Identity;
use wardline::model::{Act, Call, Operation, Subject};
use wardline_cli::{Streams, run};

const POLICY: &str = "
version: 1
state: ./state
groups: {security: [sam, kim], oncall: [lee]}
thresholds: {hold: never, deny: never}
services:
  vectors: {system: qdrant}
  old: {system: qdrant, hosts: [old], mode: observe}
rules:
  - {name: bulk, who: ['user:ana'], services: [vectors], operations: [vector.export], effect: hold}
  - {name: robots, who: ['user:svc-*'], services: [vectors], operations: [vector.export, collection.drop], effect: allow}
  - {name: never, who: ['user:*'], services: [old], operations: [vector.export], effect: deny}
  - {name: look, who: ['user:*'], operations: [vector.search], effect: allow}
approval: {steps: [{from: [security], need: 2}], break_glass: [oncall]}
";

fn wardline(args: &[&str]) -> (u8, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams { input: &mut &b""[..], out: &mut out, err: &mut err };
    let code = run(["wardline"].iter().chain(args), &mut streams);
    (code, String::from_utf8([out, err].concat()).unwrap())
}

fn ask(guard: &Guard, who: &str, service: &str, operation: Operation, end: bool) -> Step {
    let call = Call { service: service.into(), acts: vec![Act::new(operation, "do|cs<b>")] };
    let mut exchange = guard.begin(Subject::Call(call), Caller::verified(Identity::new(who)), "test");
    let step = exchange.next_blocking();
    if end {
        exchange.finish(if matches!(step, Step::Forward(_)) { Ending::Complete } else { Ending::Denied });
    }
    step
}

struct Told(Vec<Value>);

impl Told {
    fn of(path: &str) -> Self {
        let (_, out) = wardline(&["audit", "report", "--policy", path, "--json"]);
        Self(out.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    fn section(&self, question: &str) -> (&str, bool, String) {
        let section = self.0.iter().find(|one| one["question"].as_str().unwrap().contains(question)).unwrap();
        (section["answer"].as_str().unwrap(), section["open"].as_bool().unwrap(), section["rows"].to_string())
    }
}

#[test]
fn each_question_has_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    std::fs::write(&path, POLICY).unwrap();
    let path = path.to_str().unwrap();
    let guard = Guard::from_file(path).unwrap();
    ask(&guard, "ana", "vectors", Operation::VectorSearch, true);
    guard.flush().unwrap();
    // Nothing happened that anybody has to look at.
    let quiet = Told::of(path);
    assert!(quiet.0.iter().all(|section| section["open"] == false), "{:?}", quiet.0);
    assert_eq!(quiet.section("export").0, "Nothing was exported.");
    assert_eq!(wardline(&["audit", "report", "--policy", path]).0, 0);

    // Two people let an export happen; a rule alone another one; one person a third, in an emergency.
    let approve = |answers: &[&[&str]]| {
        let Step::Answer(held) = ask(&guard, "ana", "vectors", Operation::VectorExport, true) else {
            panic!("a hold")
        };
        let ticket = held.approval.unwrap().to_string();
        for answer in answers {
            let line = [&["approval", answer[0], "--policy", path, &ticket, "--as", answer[1]], &answer[2..]]
                .concat();
            let (code, told) = wardline(&line);
            assert_eq!(code, 0, "{told}");
        }
        assert!(matches!(ask(&guard, "ana", "vectors", Operation::VectorExport, true), Step::Forward(_)));
    };
    approve(&[&["approve", "sam"], &["approve", "kim"]]);
    approve(&[&["approve", "lee", "--break-glass", "--reason", "the index is on fire"]]);
    ask(&guard, "svc-copy", "vectors", Operation::VectorExport, true);
    // An observed service lets go what is denied.
    ask(&guard, "svc-copy", "old", Operation::VectorExport, true);
    guard.flush().unwrap();

    let told = Told::of(path);
    let (answer, open, rows) = told.section("export");
    assert_eq!((answer, open), ("No: 1 of 4 were not.", true));
    for part in ["sam (", "kim (", "rule robots", "NOT AUTHORISED"] {
        assert!(rows.contains(part), "{part} in {rows}");
    }
    let (answer, open, rows) = told.section("high risk");
    assert!(open && answer.contains("2 of 4") && rows.contains("nobody; rule robots"), "{answer} {rows}");
    let (answer, _, rows) = told.section("break the glass");
    assert!(answer == "Once." && rows.contains("lee ("), "{answer} {rows}");
    let (_, open, rows) = told.section("said otherwise");
    assert!(open && rows.contains("deny") && rows.contains("svc-copy") && !rows.contains("ana"), "{rows}");
    assert!(!told.section("missing").1, "{:?}", told.section("missing"));

    let (code, page) = wardline(&["audit", "report", "--policy", path]);
    assert_eq!(code, 1);
    assert!(page.contains("do\\|cs\\<b\\>") && !page.contains("<b>"), "{page}");
    let (_, page) = wardline(&["audit", "report", "--policy", path, "--format", "html"]);
    assert!(page.contains("do|cs&lt;b&gt;") && !page.contains("<script") && !page.contains("<b>"), "{page}");
    let (code, none) = wardline(&["audit", "report", "--policy", path, "--to", "2020-01-01T00:00:00Z"]);
    assert!(code == 0 && none.contains("Nothing was exported."), "{none}");

    // An altered log is told first of all.
    let segment = folder.path().join("state/log/w0001/seg/000000000001.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[300] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let told = Told::of(path);
    let (answer, open, _) = told.section("missing");
    assert!(open && answer.starts_with("NOT EVERY LOG VERIFIES"), "{answer}");
}
