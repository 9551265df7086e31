//! Keys that are fetched from their issuer: there in time, changed without a word, gone for a while.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use serde_json::json;
use wardline::clock::ManualClock;
use wardline::guard::{Caller, Effect, Guard, Step};
use wardline::identity::FetchedKeys;
use wardline::model::Subject;
use wardline::policy::Policy;

use crate::callers::{ask, claims, public, signed_by};

/// What the issuer answers now: a status and a body; nothing where it is away.
type Said = Arc<Mutex<Option<(u16, String)>>>;

/// An issuer of the tests.
fn issuer(said: Said) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 4_096];
            let _ = stream.read(&mut head);
            let said = said.lock().unwrap().clone();
            if let Some((status, body)) = said {
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
            }
        }
    });
    url
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn set(keys: &[(u8, &str)]) -> Option<(u16, String)> {
    let keys: Vec<_> = keys.iter().map(|(seed, id)| public(&key(*seed), id)).collect();
    Some((200, json!({ "keys": keys }).to_string()))
}

fn policy(url: &str) -> Policy {
    let text = format!(
        "version: 1
state: memory
identity: {{tokens: [{{issuer: 'https://id.example.org', audience: [wardline], keys: {{url: '{url}', every: 100ms}}}}]}}
services: {{vectors: {{system: qdrant}}}}
rules: [{{name: list, who: ['user:*'], operations: [collection.list], effect: allow}}]
"
    );
    Policy::parse(&text, "wardline.yaml").unwrap()
}

fn guard(url: &str) -> (Guard, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new("2026-11-28T12:00:00Z".parse().unwrap()));
    (Guard::with_clock(policy(url), clock.clone()), clock)
}

fn asks(guard: &Guard, seed: u8, id: &str) -> &'static str {
    let token = signed_by(&key(seed), &json!({"alg": "EdDSA", "kid": id}), &claims());
    ask(guard, "192.0.2.1", &[("authorization", &format!("Bearer {token}"))]).0
}

/// Asks until the answer is this one.
fn comes_to(guard: &Guard, seed: u8, id: &str, wanted: &str) {
    let start = Instant::now();
    loop {
        let code = asks(guard, seed, id);
        if code == wanted {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{code} and not {wanted}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_first_request_finds_the_keys_there() {
    let url = issuer(Arc::new(Mutex::new(set(&[(1, "a")]))));
    let (guard, _) = guard(&url);
    assert_eq!(asks(&guard, 1, "a"), "passed");
    assert_eq!(asks(&guard, 2, "a"), "credential_refused");
    guard.check().unwrap();
}

#[test]
fn a_request_waits_for_the_first_attempt_and_no_longer_without_holding_a_thread() {
    // Somebody who takes the connection and says nothing until told.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let (go, wait) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4_096];
        let _ = stream.read(&mut head);
        wait.recv().unwrap();
        let body = set(&[(1, "a")]).unwrap().1;
        let length = body.len();
        let _ =
            write!(stream, "HTTP/1.1 200 x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    });
    let (guard, _) = guard(&url);
    let token = signed_by(&key(1), &json!({"alg": "EdDSA", "kid": "a"}), &claims());
    let begin = |headers: &[(&str, &str)]| {
        let head = crate::head("GET", "/collections", headers);
        guard.begin(Subject::Http(head), Caller::peer("192.0.2.1".parse().ok()), "test")
    };
    let bearer = format!("Bearer {token}");
    let mut first = begin(&[("authorization", &bearer)]);
    let Step::Effect(effect @ Effect::AwaitKeys(_)) = first.step() else { panic!("it waits") };
    // Who brings no token waits for nobody.
    let mut stranger = begin(&[]);
    assert!(matches!(stranger.step(), Step::Answer(_)));
    let carrying = first.carry_out(effect);
    go.send(()).unwrap();
    first.complete(carrying.wait());
    assert!(matches!(first.next_blocking(), Step::Forward(_)));
    // From now on nobody asks.
    assert!(!matches!(begin(&[("authorization", &bearer)]).step(), Step::Effect(Effect::AwaitKeys(_))));
}

#[test]
fn a_new_key_counts_and_one_that_is_gone_does_not() {
    let said: Said = Arc::new(Mutex::new(set(&[(1, "a")])));
    let (guard, _) = guard(&issuer(said.clone()));
    comes_to(&guard, 1, "a", "passed");
    assert_eq!(asks(&guard, 2, "b"), "credential_refused");
    *said.lock().unwrap() = set(&[(1, "a"), (2, "b")]);
    comes_to(&guard, 2, "b", "passed");
    assert_eq!(asks(&guard, 1, "a"), "passed");
    // A token that was found sound is no longer so when its key is gone.
    *said.lock().unwrap() = set(&[(2, "b")]);
    comes_to(&guard, 1, "a", "credential_refused");
    assert_eq!(asks(&guard, 2, "b"), "passed");
}

#[test]
fn an_issuer_that_is_away_or_talks_nonsense_changes_nothing_for_a_day() {
    let said: Said = Arc::new(Mutex::new(set(&[(1, "a")])));
    let (guard, clock) = guard(&issuer(said.clone()));
    comes_to(&guard, 1, "a", "passed");
    for wrong in [None, Some((500, "{}".to_owned())), Some((200, "{\"keys\": []}".to_owned()))] {
        *said.lock().unwrap() = wrong;
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(asks(&guard, 1, "a"), "passed");
    }
    clock.advance(FetchedKeys::LASTING + Duration::from_secs(1));
    // What was found sound before, too.
    assert_eq!([asks(&guard, 1, "a"), asks(&guard, 3, "c")], ["guard_unavailable"; 2]);
    *said.lock().unwrap() = set(&[(3, "c")]);
    comes_to(&guard, 3, "c", "passed");
}

#[test]
fn without_keys_nobody_is_believed_and_check_says_why() {
    let (guard, _) = guard(&issuer(Arc::new(Mutex::new(Some((404, String::new()))))));
    assert_eq!(asks(&guard, 1, "a"), "guard_unavailable");
    let error = guard.check().unwrap_err().to_string();
    assert!(error.contains("/keys") && error.contains("404"), "{error}");
}

#[test]
fn another_policy_takes_the_keys_over() {
    let said: Said = Arc::new(Mutex::new(set(&[(1, "a")])));
    let url = issuer(said.clone());
    let (guard, _) = guard(&url);
    comes_to(&guard, 1, "a", "passed");
    *said.lock().unwrap() = None;
    let text = "version: 1
state: memory
identity: {tokens: [{issuer: 'https://id.example.org', audience: [wardline], keys: {url: 'URL', every: 1h}}]}
services: {vectors: {system: qdrant}}
rules: [{name: all, who: ['user:*'], operations: [collection.list], effect: allow}]
";
    let next = Policy::parse(&text.replace("URL", &url), "wardline.yaml").unwrap();
    assert!(guard.replace(next, "test").unwrap());
    assert_eq!(asks(&guard, 1, "a"), "passed");
}
