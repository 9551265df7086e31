//! Grants that people ask for, approve and hand on, by the command.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::Value;
use wardline_cli::{Streams, run};

const POLICY: &str = "
version: 1
state: ./state
groups: {security: [sam], oncall: [ana]}
approval: {steps: [{from: [security]}], break_glass: [oncall]}
granting: {longest: 8h, tickets: ['OPS-*']}
services: {vectors: {system: qdrant}}
rules: [{name: bulk, who: ['user:*'], operations: [vector.export], effect: grant}]
";

/// What the command says on a policy: its code, its one line of JSON, and its errors.
fn wardline(path: &str, words: &str) -> (u8, Value, String) {
    let words = words.split_whitespace();
    let args = ["wardline"].into_iter().chain(words).chain(["--policy", path, "--json"]);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(args, &mut Streams { input: &mut &b""[..], out: &mut out, err: &mut err });
    let line = out.split(|byte| *byte == b'\n').next().unwrap_or_default();
    (code, serde_json::from_slice(line).unwrap_or_default(), String::from_utf8(err).unwrap())
}

#[test]
fn a_grant_is_asked_for_approved_and_handed_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    std::fs::write(&path, POLICY).unwrap();
    let path = path.to_str().unwrap();
    let terms = "--operation vector.export --reason migration";
    let (code, _, err) = wardline(path, &format!("grant request --who user:ana --until 1h --as ana {terms}"));
    assert!(code == 2 && err.contains("OPS-*"), "{code} {err}");
    let (code, asked, _) =
        wardline(path, &format!("grant request --who user:ana --until 1h --ticket OPS-7 --as ana {terms}"));
    assert_eq!((code, asked["state"].as_str()), (0, Some("pending")));
    let id = asked["id"].as_str().unwrap();
    assert_eq!(wardline(path, &format!("approval approve {id} --as ana")).0, 4);
    let (code, settled, _) = wardline(path, &format!("approval approve {id} --as sam"));
    assert_eq!((code, settled["state"].as_str()), (0, Some("used")));
    let grant = settled["granted"].as_str().unwrap();
    let (code, part, _) =
        wardline(path, &format!("grant hand-on {grant} --who user:svc-job --until 30m --as ana {terms}"));
    assert_eq!((code, part["parent"].as_str(), part["ticket"].as_str()), (0, Some(grant), Some("OPS-7")));
    assert_eq!(wardline(path, &format!("grant revoke {grant} --as sam --reason done")).0, 0);
    assert_eq!(
        wardline(path, &format!("grant hand-on {grant} --who user:bea --until 30m --as ana {terms}")).0,
        4
    );
}

#[test]
fn a_request_is_talked_about_and_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    std::fs::write(&path, POLICY).unwrap();
    let path = path.to_str().unwrap();
    let terms = "--operation vector.export --reason migration --ticket OPS-7";
    let (_, asked, _) = wardline(path, &format!("grant request --who user:ana --until 90m --as ana {terms}"));
    let id = asked["id"].as_str().unwrap();
    let (code, said, _) = wardline(path, &format!("approval comment {id} why --as sam"));
    assert_eq!((code, said["comments"][0]["by"].as_str()), (0, Some("sam")));
    let (code, said, _) = wardline(path, &format!("approval comment {id} therefore --as ana"));
    assert_eq!((code, said["comments"][1]["text"].as_str()), (0, Some("therefore")));
    assert_eq!(wardline(path, &format!("approval comment {id} me --as eve")).0, 4);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams { input: &mut &b""[..], out: &mut out, err: &mut err };
    assert_eq!(run(["wardline", "approval", "list", "--policy", path], &mut streams), 0);
    let list = String::from_utf8(out).unwrap();
    let asks = "  pending  ana asks for vector.export on * (a grant for user:ana, for 1h30m) at *; takes";
    assert!(list.contains(asks), "{list}");
    assert!(list.contains("\n    sam at ") && list.contains(": why\n"), "{list}");
    assert_eq!(wardline(path, &format!("approval cancel {id} --as sam --reason no")).0, 4);
    let (code, gone, _) = wardline(path, &format!("approval cancel {id} --as ana --reason done"));
    assert_eq!(
        (code, gone["state"].as_str(), gone["outcome"]["reason"].as_str()),
        (0, Some("cancelled"), Some("done"))
    );
    assert_eq!(wardline(path, &format!("approval approve {id} --as sam")).0, 4);
    let (_, noted, _) = wardline(path, "audit query --kind approval --limit 1");
    assert_eq!(noted["record"]["change"]["step"], "cancelled", "{noted}");
}

#[test]
fn glass_is_broken_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    std::fs::write(&path, POLICY).unwrap();
    let path = path.to_str().unwrap();
    let (_, asked, _) = wardline(
        path,
        "grant request --who user:bea --until 1h --ticket OPS-1 --as bea --operation vector.export --reason r",
    );
    let id = asked["id"].as_str().unwrap();
    assert_eq!(wardline(path, &format!("approval approve {id} --break-glass --as ana")).0, 2);
    let (code, broken, _) =
        wardline(path, &format!("approval approve {id} --break-glass --as ana --reason fire"));
    assert_eq!((code, broken["votes"][0]["answer"].as_str()), (0, Some("break_glass")));
}

#[test]
fn a_service_that_no_grant_could_serve_is_named_with_the_one_that_is_meant() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    std::fs::write(&path, POLICY).unwrap();
    let path = path.to_str().unwrap();
    let terms = "--who user:ana --until 1h --operation vector.export --reason migration --ticket OPS-7";
    for step in ["grant issue --as sam", "grant request --as ana", "grant hand-on grt_1 --as ana"] {
        let (code, _, err) = wardline(path, &format!("{step} --service vektors {terms}"));
        let expected = "no service of this policy is called `vektors`; did you mean `vectors`?";
        assert!(code == 2 && err.contains(expected), "{step}: {code} {err}");
    }
    for fine in ["vectors", "vec*", "*"] {
        assert_eq!(wardline(path, &format!("grant issue --as sam --service {fine} {terms}")).0, 0, "{fine}");
    }
}

#[test]
fn a_denial_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    std::fs::write(&path, POLICY).unwrap();
    let path = path.to_str().unwrap();
    let terms = "--operation vector.export --reason migration --ticket OPS-7";
    let (_, asked, _) = wardline(path, &format!("grant request --who user:ana --until 90m --as ana {terms}"));
    let id = asked["id"].as_str().unwrap();
    let (code, _, err) = wardline(path, &format!("approval deny {id} --as sam"));
    assert!(code == 2 && err.contains("--reason <REASON>"), "{code} {err}");
    let (code, denied, _) = wardline(path, &format!("approval deny {id} --as sam --reason friday"));
    assert_eq!((code, denied["state"].as_str()), (0, Some("denied")));
    assert_eq!(denied["votes"][0]["reason"].as_str(), Some("friday"));
}

#[test]
fn nothing_is_issued_where_nobody_would_see_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    std::fs::write(&path, POLICY.replace("./state", "memory")).unwrap();
    let path = path.to_str().unwrap();
    let terms = "--who user:ana --until 1h --operation vector.export --reason migration --ticket OPS-7";
    for words in [&format!("grant issue --as sam {terms}"), "grant list", "approval list", "edges"] {
        let (code, _, err) = wardline(path, words);
        assert!(code == 2 && err.contains("in memory"), "{words}: {code} {err}");
    }
}
