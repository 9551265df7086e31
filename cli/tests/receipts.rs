//! What an auditor is handed: keys, receipts and checkpoints, checked away from the machine that wrote the log.
#![allow(clippy::unwrap_used, clippy::panic, clippy::unreachable)]

use std::path::Path;

use wardline::audit::Ending;
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
  - {name: look, who: ['user:*'], operations: [vector.search], effect: allow}
approval: {steps: [{from: [security], need: 2}]}
";

fn wardline(args: &[&str]) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams { input: &mut &b""[..], out: &mut out, err: &mut err };
    let code = run(["wardline"].iter().chain(args), &mut streams);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn ask(guard: &Guard, operation: Operation) -> Step {
    let call = Call { service: "vectors".into(), acts: vec![Act::new(operation, "docs")] };
    let mut exchange = guard.begin(Subject::Call(call), Caller::verified(Identity::new("ana")), "test");
    let step = exchange.next_blocking();
    exchange.finish(if matches!(step, Step::Forward(_)) { Ending::Complete } else { Ending::Denied });
    step
}

/// A state folder in which two people let an export happen; the ticket.
fn exported(path: &str) -> String {
    let guard = Guard::from_file(path).unwrap();
    ask(&guard, Operation::VectorSearch);
    let Step::Answer(held) = ask(&guard, Operation::VectorExport) else { panic!("a hold") };
    let ticket = held.approval.unwrap().to_string();
    for by in ["sam", "kim"] {
        assert_eq!(wardline(&["approval", "approve", "--policy", path, &ticket, "--as", by]).0, 0);
    }
    assert!(matches!(ask(&guard, Operation::VectorExport), Step::Forward(_)));
    guard.flush().unwrap();
    ticket
}

fn policy(folder: &Path) -> String {
    let path = folder.join("wardline.yaml");
    std::fs::write(&path, POLICY).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_receipt_says_who_approved_an_export_and_needs_only_the_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path());
    let ticket = exported(&path);
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (code, receipt, err) = wardline(&["audit", "prove", "--policy", &path, &ticket]);
    assert_eq!(code, 0, "{err}");
    let receipt_file = file("receipt.json", &receipt);
    let keys = file("keys", &wardline(&["audit", "keys", "--policy", &path]).1);
    let (code, told, err) = wardline(&["audit", "verify-proof", &receipt_file, "--key", &keys]);
    assert_eq!(code, 0, "{err}");
    for part in ["approved by kim", "vector.export", "under approval"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(!told.contains("vector.search"), "nothing else of the log is shown");
    // An approval is used in the millisecond in which the request that uses it began, or after it.
    for last in ["  allow  ", "used by"] {
        let places = ["  hold  ", "opened by", "approved by sam", "approved by kim", last];
        let places = places.map(|part| told.find(part));
        assert!(places.is_sorted() && places[0].is_some(), "told as it came to pass: {told}");
    }

    let forged = file("forged.json", &receipt.replace("kim", "tim"));
    let (code, _, err) = wardline(&["audit", "verify-proof", &forged, "--key", &keys]);
    assert_eq!((code, err.contains("NOT PROVED")), (1, true), "{err}");
    let other = tempfile::tempdir().unwrap();
    let others = policy(other.path());
    exported(&others);
    let others = file("others", &wardline(&["audit", "keys", "--policy", &others]).1);
    assert_eq!(wardline(&["audit", "verify-proof", &receipt_file, "--key", &others]).0, 1);
    assert_eq!(wardline(&["audit", "verify-proof", &receipt_file]).0, 2, "no key, no proof");
    assert_eq!(wardline(&["audit", "verify-proof", &keys, "--key", &keys]).0, 2);
    assert_eq!(wardline(&["audit", "prove", "--policy", &path, "rec_nobody"]).0, 2);
}

#[test]
fn a_key_in_a_file_or_a_variable_signs_the_logs_and_is_not_needed_to_verify_them() {
    const KEY: &str = "4d9f0c1e2b3a49586776859403121f2e3d4c5b6a79888f9eadbccbdae9f80716";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("log.key"), KEY).unwrap();
    let mut known = Vec::new();
    for (name, place) in [("file", "{file: log.key}"), ("env", "{env: WARDLINE_TEST_LOG_KEY}")] {
        let path = folder.path().join(format!("{name}.yaml"));
        let text = POLICY.replace("./state", name) + &format!("log: {{key: {place}, rotate: 24h}}\n");
        std::fs::write(&path, text).unwrap();
        let path = path.to_str().unwrap();
        let command = |with: bool, args: &[&str]| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wardline"));
            command.args(args).args(["--policy", path]).env_remove("WARDLINE_TEST_LOG_KEY");
            if with {
                command.env("WARDLINE_TEST_LOG_KEY", KEY);
            }
            let done = command.output().unwrap();
            (done.status.code().unwrap(), String::from_utf8(done.stdout).unwrap())
        };
        let issue = [
            "grant",
            "issue",
            "--who",
            "user:ana",
            "--operation",
            "vector.export",
            "--until",
            "1h",
            "--reason",
            "copy",
            "--as",
            "sam",
        ];
        assert_eq!(command(false, &issue).0 == 0, name == "file", "what has no key does not write");
        assert_eq!(command(true, &issue).0, 0);
        let key = command(false, &["audit", "keys"]).1;
        known.push(wardline::audit::PublicKey::read(key.trim()).unwrap().bytes());
        for with in [true, false] {
            assert_eq!(command(with, &["audit", "verify"]).0, 0);
        }
        assert!(!folder.path().join(name).join("log/w0001/key").exists());
    }
    assert_eq!(known[0], known[1]);
    // A policy that names another key says that the logs are not its own.
    std::fs::write(folder.path().join("log.key"), KEY.replace('4', "5")).unwrap();
    let path = folder.path().join("file.yaml");
    let (code, told, _) = wardline(&["audit", "verify", "--policy", path.to_str().unwrap()]);
    assert_eq!((code, told.contains("its key is not the one that the policy names")), (1, true), "{told}");
}

#[test]
fn a_kept_checkpoint_shows_that_a_log_was_rolled_back_store_and_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = policy(folder.path());
    exported(&path);
    let state = folder.path().join("state");
    let copy = folder.path().join("copy");
    let whole = |from: &Path, to: &Path| {
        assert!(std::process::Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
    };
    whole(&state, &copy);
    exported(&path);
    let (code, note, _) = wardline(&["audit", "checkpoint", "--policy", &path, "--log", "w0001"]);
    assert_eq!(code, 0);
    let kept = folder.path().join("kept");
    std::fs::write(&kept, note).unwrap();
    let since = ["audit", "verify", "--policy", &path, "--since", kept.to_str().unwrap()];
    assert_eq!(wardline(&since).0, 0);

    // Disk, key and store go back together: nothing in the folder tells.
    std::fs::remove_dir_all(&state).unwrap();
    whole(&copy, &state);
    assert_eq!(wardline(&["audit", "verify", "--policy", &path]).0, 0);
    let (code, told, _) = wardline(&since);
    assert_eq!((code, told.contains("the tail is gone")), (1, true), "{told}");
    // Gone altogether.
    std::fs::remove_dir_all(state.join("log")).unwrap();
    assert_eq!(wardline(&since).0, 1);
    std::fs::write(&kept, "no checkpoint").unwrap();
    assert_eq!(wardline(&since).0, 2);
}
