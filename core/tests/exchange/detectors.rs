//! What a policy looks for itself, and detectors that the host brings, in an exchange.

use std::error::Error;
use std::fs;
use std::sync::Arc;

use tempfile::TempDir;
use wardline::ErrorKind;
use wardline::audit::Entry;
use wardline::detect::{Detector, Spotted};
use wardline::guard::Guard;
use wardline::model::{HttpHead, Verdict};
use wardline::policy::Policy;

use crate::{Service, exchange, exchanges, head};

const HEAD: &str = "
version: 1
state: ./state
default: danger_allow
services:
  llm: {system: openai, on_failure: allow, thresholds: {hold: never, deny: never}}
";

/// Knows one name, and does not survive some words.
struct Names;

impl Detector for Names {
    fn detect(&self, text: &str, key: Option<&str>) -> Result<Vec<Spotted>, Box<dyn Error + Send + Sync>> {
        match text {
            _ if text.contains("fail") => return Err("no model".into()),
            _ if text.contains("panic") => panic!("a defect of the host"),
            _ if text.contains("beyond") => return Ok(vec![spotted(0, text.len() + 1)]),
            _ => {}
        }
        assert_ne!(key, Some(""));
        Ok(text.match_indices("Mira Holt").map(|(at, name)| spotted(at, at + name.len())).collect())
    }
}

fn spotted(start: usize, end: usize) -> Spotted {
    Spotted { span: start..end, label: "PERSON".to_owned() }
}

fn policy(rest: &str) -> (TempDir, Policy) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    fs::write(&path, format!("{HEAD}{rest}")).unwrap();
    (folder, Policy::from_file(&path).unwrap())
}

fn post() -> HttpHead {
    head("POST", "/v1/chat/completions", &[("content-type", "application/json")])
}

fn chat(text: &str) -> Vec<u8> {
    let message = serde_json::json!({"model": "m", "messages": [{"role": "user", "content": text}]});
    message.to_string().into_bytes()
}

fn answer(content_type: &str, chunks: &[&str], whole: bool) -> Service {
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", content_type.parse().unwrap());
    if whole {
        headers.insert("content-length", chunks.concat().len().into());
    }
    Service { status: 200, headers, chunks: chunks.iter().map(|chunk| chunk.as_bytes().to_vec()).collect() }
}

fn ok() -> Service {
    answer("application/json", &["{}"], true)
}

fn records(folder: &TempDir, guard: &Guard) -> Vec<Entry> {
    guard.flush().unwrap();
    exchanges(&folder.path().join("state"))
}

const NAMES: &str = "
detectors: {client_name: {calls: ner, label: PERSON}, place: {calls: ner, label: PLACE}}
mask: [{name: names, entities: {client_name: redact, place: redact}}]
";

#[test]
fn what_the_host_finds_is_masked_counted_and_recorded() {
    let (folder, policy) = policy(NAMES);
    let guard = Guard::new(policy.with_detector("ner", Arc::new(Names)).unwrap());
    let events: String = ["Ask Mi", "ra Ho", "lt. She", " knows"]
        .map(|text| {
            format!(
                "data: {}\n\n",
                serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}}]})
            )
        })
        .concat();
    let service = answer("text/event-stream", &[&events], false);
    let seen = exchange(&guard, post(), &chat("Mira Holt and Mira Holt"), &service);
    let sent = String::from_utf8(seen.service.unwrap().1).unwrap();
    assert!(sent.contains("[CLIENT_NAME] and [CLIENT_NAME]"), "{sent}");
    let body = String::from_utf8(seen.body).unwrap();
    assert!(body.contains("[CLIENT_NAME]") && !body.contains("Holt") && body.contains("knows"), "{body}");
    let record = &records(&folder, &guard)[0].record;
    assert_eq!(record.request.as_ref().unwrap().totals["client_name"], 2);
    assert_eq!(record.response.as_ref().unwrap().totals["client_name"], 1);
}

/// F01: a detector that errs does not mean that there is nothing.
#[test]
fn a_detector_that_does_not_answer_is_never_taken_for_clean() {
    let (folder, policy) = policy(NAMES);
    let guard = Guard::new(policy.with_detector("ner", Arc::new(Names)).unwrap());
    for word in ["fail", "panic", "beyond"] {
        let seen = exchange(&guard, post(), &chat(word), &ok());
        assert_eq!((seen.status, seen.answer.unwrap().code), (503, "guard_unavailable"), "{word}");
        assert!(seen.service.is_none(), "{word}");
        let text = format!("{{\"text\":\"{word}\"}}");
        let streamed = exchange(&guard, post(), &chat("x"), &answer("application/json", &[&text], false));
        assert_eq!((streamed.aborted, streamed.body.len()), (Some("guard_unavailable"), 0), "{word}");
        let whole = exchange(&guard, post(), &chat("x"), &answer("application/json", &[&text], true));
        assert_eq!(whole.answer.unwrap().code, "guard_unavailable", "{word}");
    }
    assert!(records(&folder, &guard).iter().any(|entry| entry.record.enforced == Some(Verdict::Deny)));
    assert_eq!(guard.mask(b"fail", "text/plain").unwrap_err().kind(), ErrorKind::Internal);
}

#[test]
fn a_detector_is_brought_before_it_is_called() {
    let (folder, missing) = policy(NAMES);
    assert_eq!(missing.complete().unwrap_err().kind(), ErrorKind::NotFound);
    assert!(Guard::from_file(folder.path().join("wardline.yaml")).is_err());
    let guard = Guard::new(missing);
    let seen = exchange(&guard, post(), &chat("x"), &ok());
    assert_eq!((seen.answer.unwrap().code, seen.service.is_none()), ("guard_unavailable", true));
    let (_folder, other) = policy(NAMES);
    assert!(other.with_detector("nre", Arc::new(Names)).is_err());
}

const WORDS: &str = "
detectors: {codeword: {words: [lanternfish], case: ignore}}
mask: [{name: words, in: [response], entities: {codeword: deny}}]
";

/// The same answer is refused whether the caller asked for a stream or not, and nothing of the word leaves.
#[test]
fn a_word_that_must_not_leave_does_not_leave_in_a_stream_either() {
    let (_folder, policy) = policy(WORDS);
    let guard = Guard::new(policy);
    let whole = r#"{"choices":[{"index":0,"message":{"content":"the Lanternfish is here"}}]}"#;
    let seen = exchange(&guard, post(), &chat("x"), &answer("application/json", &[whole], true));
    assert_eq!((seen.status, seen.answer.unwrap().code), (403, "denied_response"));
    let event = |text: &str| {
        format!("data: {}\n\n", serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}}]}))
    };
    let chunks = ["the ", "Lan", "tern", "fi", "sh is", " here"].map(event);
    let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
    let seen = exchange(&guard, post(), &chat("x"), &answer("text/event-stream", &chunks, false));
    assert_eq!(seen.aborted, Some("denied_response"));
    let body = String::from_utf8(seen.body).unwrap();
    assert!(!body.contains("Lan") && !body.contains("tern") && !body.contains("here"), "{body}");
}

/// What is only to be counted reaches the caller as it came.
#[test]
fn what_is_observed_is_recorded_and_stays() {
    let (folder, policy) = policy("mask: [{name: watch, entities: {email: observe, credit_card: redact}}]\n");
    let guard = Guard::new(policy);
    let text = r#"{ "t" : "mail mira.holt\u0040example.net", "mira.holt@example.net": 1 }"#;
    let seen = exchange(&guard, post(), text.as_bytes(), &answer("application/json", &[text], true));
    assert_eq!(String::from_utf8(seen.body).unwrap(), text);
    assert_eq!(seen.service.unwrap().1, text.as_bytes());
    let plain = "mira.holt@example.net paid with 5555555555554444";
    let seen = exchange(&guard, post(), text.as_bytes(), &answer("text/plain", &[plain], false));
    assert_eq!(seen.body, b"mira.holt@example.net paid with [CREDIT_CARD]");
    for entry in records(&folder, &guard) {
        assert!(!serde_json::to_string(&entry.record).unwrap().contains("mira.holt"));
        assert!(entry.record.response.unwrap().totals["email"] >= 1);
    }
}
