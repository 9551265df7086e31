//! `capture: masked`: what left is kept, sealed under a key of the caller, and is gone for good with that key.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use wardline::audit::{self, Body, Clear, Entry, verify};
use wardline::guard::Guard;
use wardline::keys::Subjects;

use crate::{Seen, Service, exchange, exchanges, head};

const POLICY: &str = "
version: 1
state: ./state
default: danger_allow
identity: {headers: {subject: x-user, session: x-session}, trusted_peers: [127.0.0.1]}
services:
  llm: {system: openai, thresholds: {hold: never, deny: never}}
mask: [{name: pii, entities: {email: redact}, capture: masked}]
";

const EMAIL: &str = "rosa.lind@example.com";
const ASKED: &str = "a question about heron street";
const ANSWER: &str = "an answer about osprey lane";

fn guard(text: &str) -> (TempDir, Guard) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    fs::write(&path, text).unwrap();
    let guard = Guard::from_file(&path).unwrap();
    (folder, guard)
}

fn ask(guard: &Guard, user: &str, answer: &[Vec<u8>]) -> Seen {
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", "application/json; charset=utf-8".parse().unwrap());
    let service = Service { status: 200, headers, chunks: answer.to_vec() };
    let headers = [("x-user", user), ("x-session", "s-1"), ("content-type", "application/json")];
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{ASKED} of {EMAIL}"}}]}}"#);
    exchange(guard, head("POST", "/v1/chat/completions", &headers), body.as_bytes(), &service)
}

fn answer() -> Vec<Vec<u8>> {
    let text = format!(r#"{{"choices":[{{"message":{{"content":"{ANSWER} to {EMAIL}"}}}}]}}"#);
    text.as_bytes().chunks(11).map(<[u8]>::to_vec).collect()
}

fn records(folder: &TempDir, guard: &Guard) -> Vec<Entry> {
    guard.flush().unwrap();
    exchanges(&folder.path().join("state"))
}

fn bodies(folder: &TempDir, entry: &Entry) -> [Option<Body>; 2] {
    audit::bodies(&folder.path().join("state"), &entry.slot, &entry.record).unwrap()
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Whether any file below holds one of the texts.
fn holds(folder: &Path, texts: &[&str]) -> bool {
    let has = |bytes: &[u8], text: &str| memchr::memmem::find(bytes, text.as_bytes()).is_some();
    files(folder).iter().any(|path| {
        let bytes = fs::read(path).unwrap();
        texts.iter().any(|text| has(&bytes, text))
    })
}

#[test]
fn what_left_is_kept_sealed_and_erased_with_its_key() {
    let (folder, guard) = guard(POLICY);
    let state = folder.path().join("state");
    let seen = [ask(&guard, "ana", &answer()), ask(&guard, "ben", &answer())];
    let entries = records(&folder, &guard);
    for (entry, seen) in entries.iter().zip(&seen) {
        let sent = seen.service.as_ref().unwrap().1.clone();
        assert!(!String::from_utf8_lossy(&sent).contains(EMAIL));
        assert_eq!(bodies(&folder, entry), [Some(Body::Kept(sent)), Some(Body::Kept(seen.body.clone()))]);
        let response = entry.record.response.as_ref().unwrap();
        let captured = response.captured.as_ref().unwrap();
        assert_eq!((&*captured.media, captured.cut), ("application/json", false));
    }
    assert!(!holds(&state, &[EMAIL, ASKED, ANSWER]), "nothing stands in clear");
    assert!(verify(&state, &[]).unwrap().is_sound());
    #[cfg(unix)]
    for file in files(&state).iter().filter(|file| file.file_name().unwrap() != "key.pub") {
        use std::os::unix::fs::PermissionsExt;
        let own = ["log", "subjects"].iter().any(|part| file.starts_with(state.join(part)));
        let mode = fs::metadata(file).unwrap().permissions().mode() & 0o777;
        assert!(!own || mode == 0o600, "{} has {mode:o}", file.display());
    }

    // A receipt that was handed out before holds afterwards.
    let id = entries[0].record.id.as_str();
    let receipt = audit::Receipt::of(&state, id).unwrap();
    assert!(Subjects::of(&state).destroy("ana").unwrap());
    assert_eq!(bodies(&folder, &entries[0]), [Some(Body::Erased), Some(Body::Erased)]);
    assert!(matches!(bodies(&folder, &entries[1]), [Some(Body::Kept(_)), Some(Body::Kept(_))]));
    assert!(verify(&state, &[]).unwrap().is_sound());
    let keys: Vec<_> = audit::log_keys(&state).unwrap().into_iter().map(|(_, key)| key).collect();
    assert!(receipt.verify(&keys).is_ok() && audit::Receipt::of(&state, id).unwrap().verify(&keys).is_ok());

    // Whoever comes again has another key: what was erased stays so.
    ask(&guard, "ana", &answer());
    let entries = records(&folder, &guard);
    assert_eq!(bodies(&folder, &entries[0]), [Some(Body::Erased), Some(Body::Erased)]);
    assert!(matches!(bodies(&folder, &entries[2]), [Some(Body::Kept(_)), Some(Body::Kept(_))]));

    // A body that was altered shows.
    let captured = entries[2].record.response.as_ref().unwrap().captured.clone().unwrap();
    let path = state.join("log/w0001/blob").join(&captured.sha256);
    let mut sealed = fs::read(&path).unwrap();
    sealed[20] ^= 1;
    fs::write(&path, sealed).unwrap();
    assert!(audit::bodies(&state, "w0001", &entries[2].record).is_err());
    assert!(!verify(&state, &[]).unwrap().is_sound());
}

#[test]
fn a_long_body_is_cut_and_says_so() {
    let (folder, guard) = guard(POLICY);
    let long: Vec<Vec<u8>> =
        [b"\"".to_vec()].into_iter().chain(vec![vec![b'x'; 50_000]; 6]).chain([b"\"".to_vec()]).collect();
    let seen = ask(&guard, "ana", &long);
    let entry = records(&folder, &guard).remove(0);
    let captured = entry.record.response.as_ref().unwrap().captured.as_ref().unwrap();
    assert!(captured.cut);
    let kept = seen.body[..Clear::MOST].to_vec();
    assert_eq!(bodies(&folder, &entry)[1], Some(Body::Kept(kept)));
}

#[test]
fn what_is_not_masked_is_not_kept() {
    for (from, to) in [
        ("system: openai,", "system: openai, mode: observe,"),
        ("capture: masked", "reread: never"),
        ("entities:", "in: [request], entities:"),
    ] {
        let (folder, guard) = guard(&POLICY.replace(from, to));
        ask(&guard, "ana", &answer());
        let [request, response] = bodies(&folder, &records(&folder, &guard)[0]);
        assert!(response.is_none(), "{to}");
        assert_eq!(request.is_some(), to.starts_with("in:"), "{to}");
    }
}

#[test]
fn where_it_cannot_be_kept_strict_denies_and_best_effort_says_so() {
    for (more, allowed) in [("", false), (", on_failure: allow", true)] {
        let (folder, guard) = guard(&POLICY.replace("deny: never}}", &format!("deny: never}}{more}}}")));
        assert_eq!(ask(&guard, "ana", &answer()).status, 200);
        guard.flush().unwrap();
        let blobs = folder.path().join("state/log/w0001/blob");
        fs::rename(&blobs, blobs.with_extension("away")).unwrap();
        fs::write(&blobs, b"a file where a folder should be").unwrap();
        // This one has left before it shows: its record says that its bodies are not there.
        assert_eq!(ask(&guard, "ana", &answer()).status, 200);
        guard.flush().unwrap();
        let seen = ask(&guard, "ana", &answer());
        assert_eq!(seen.status, if allowed { 200 } else { 503 }, "{more}");
        assert!(!String::from_utf8_lossy(&seen.body).contains(EMAIL), "what goes on is guarded all the same");
        fs::remove_file(&blobs).unwrap();
        fs::rename(blobs.with_extension("away"), &blobs).unwrap();
        let entries = records(&folder, &guard);
        let why: Vec<_> = entries
            .iter()
            .map(|entry| entry.record.response.as_ref().and_then(|passed| passed.uncaptured.as_deref()))
            .collect();
        assert_eq!(why, [None, Some("failed"), Some("failed").filter(|_| allowed)]);
        assert!(verify(&folder.path().join("state"), &[]).unwrap().is_sound());
    }
}
