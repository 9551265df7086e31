//! Guards and a real HTTP server that fails, hangs up, takes its time and comes back.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use wardline::clock::{Clock, ManualClock};
use wardline::grant::{Answer, Letter, LetterState};
use wardline::guard::{Caller, Guard, Step};
use wardline::identity::Identity;
use wardline::model::{Act, Call, Operation, Subject};
use wardline::policy::Policy;

use crate::{at, terms};

/// Far longer than anything takes: what never comes fails, and nothing is timed.
const HANG: Duration = Duration::from_secs(60);
const KEY: &[u8] = b"a key of thirty-two bytes, a key";

/// What a webhook received.
struct Posted {
    headers: HashMap<String, String>,
    body: Vec<u8>,
    /// Answered with this status; a dropped sender hangs up.
    answer: Sender<u16>,
}

/// A webhook that a test answers for, one request at a time.
struct Hook {
    url: String,
    posts: Receiver<Posted>,
}

impl Hook {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hooks/s3cret-path", listener.local_addr().unwrap());
        let (tell, posts) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let tell = tell.clone();
                std::thread::spawn(move || serve(stream.unwrap(), &tell));
            }
        });
        Self { url, posts }
    }

    fn next(&self) -> Posted {
        self.posts.recv_timeout(HANG).unwrap()
    }
}

/// Serves one connection until the test is over, or hangs up.
fn serve(mut stream: TcpStream, tell: &Sender<Posted>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let (mut line, mut headers) = (String::new(), HashMap::new());
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        assert!(line.starts_with("POST /hooks/s3cret-path "), "{line}");
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim().split_once(": ") else { break };
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let (answer, answered) = channel();
        if tell.send(Posted { headers, body, answer }).is_err() {
            return;
        }
        let Ok(status) = answered.recv() else { return };
        write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n").unwrap();
    }
}

fn policy(folder: &Path, hook: &Hook) -> Policy {
    std::fs::write(folder.join("url"), &hook.url).unwrap();
    std::fs::write(folder.join("key"), format!("whsec_{}\n", BASE64.encode(KEY))).unwrap();
    let text = "version: 1\nstate: ./state\nservices: {qdrant: {system: qdrant}}\nnotify:\n  \
                - {name: hook, url: {file: url}, key: {file: key}, events: ['grant.*']}\n";
    Policy::parse(text, folder.join("wardline.yaml").to_str().unwrap()).unwrap()
}

/// Waits until every letter is as it should be.
fn until(guard: &Guard, wanted: impl Fn(&Letter) -> bool) {
    for _ in 0..6_000 {
        let letters = guard.letters().unwrap();
        if !letters.is_empty() && letters.iter().all(&wanted) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{:?}", guard.letters())
}

#[test]
fn a_letter_comes_through_failures_signed_and_with_the_same_id() {
    let folder = tempfile::tempdir().unwrap();
    let hook = Hook::start();
    let clock = Arc::new(ManualClock::new(at("2026-03-01T10:00:00Z")));
    let guard = Guard::with_clock(policy(folder.path(), &hook), clock.clone());
    let grant = guard.issue_grant(terms(r#""until": "1h""#), "cleo").unwrap();
    let mut seen = Vec::new();
    for (tries, answer) in [(1, Some(500)), (2, None), (3, Some(302)), (4, Some(204))] {
        let posted = hook.next();
        let header = |name: &str| posted.headers[name].clone();
        let (id, time) = (header("webhook-id"), header("webhook-timestamp"));
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(KEY).unwrap();
        mac.update(format!("{id}.{time}.").as_bytes());
        mac.update(&posted.body);
        let signed = format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()));
        assert_eq!(header("webhook-signature"), signed);
        seen.push((id, posted.body.clone()));
        // Whatever the webhook does, the guard goes on.
        assert_eq!(guard.grants().unwrap().len(), 1);
        match answer {
            Some(status) => posted.answer.send(status).unwrap(),
            None => drop(posted.answer),
        }
        if answer != Some(204) {
            // Once the failure is noted, it is due sooner than the lease of the attempt would end.
            let soon = clock.now() + Duration::from_secs(30);
            until(&guard, |letter| {
                letter.tries == tries && matches!(letter.state, LetterState::Due(due) if due < soon)
            });
            clock.advance(Duration::from_secs(120));
        }
    }
    until(&guard, |letter| letter.state == LetterState::Delivered);
    assert!(
        seen.iter().all(|(id, body)| (id, body) == (&seen[0].0, &seen[0].1)),
        "one message, four attempts"
    );
    let event: serde_json::Value = serde_json::from_slice(&seen[0].1).unwrap();
    assert_eq!(
        (&event["type"], &event["subject"]),
        (&"wardline.grant.issued".into(), &grant.id.as_str().into())
    );
    assert!(!String::from_utf8_lossy(&seen[0].1).contains("migration"), "reasons stay where they are");
    let told = format!("{:?} {:?}", guard.policy(), guard.letters());
    assert!(!told.contains("s3cret-path") && !told.contains(&BASE64.encode(KEY)));
}

#[test]
fn two_guards_on_one_store_send_each_letter_once() {
    let folder = tempfile::tempdir().unwrap();
    let hook = Hook::start();
    let guards = [0, 1].map(|_| Guard::new(policy(folder.path(), &hook)));
    guards.iter().for_each(|guard| guard.check().unwrap());
    for n in 0..6 {
        guards[n % 2].issue_grant(terms(r#""until": "1h""#), "cleo").unwrap();
    }
    let mut ids: Vec<String> = (0..6)
        .map(|_| {
            let posted = hook.next();
            posted.answer.send(200).unwrap();
            posted.headers["webhook-id"].clone()
        })
        .collect();
    until(&guards[0], |letter| letter.state == LetterState::Delivered && letter.tries == 1);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6);
    assert!(hook.posts.try_recv().is_err());
}

#[test]
fn what_waits_is_linked_to_and_a_reader_answers_by_the_link_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (all, sam) = (Hook::start(), Hook::start());
    std::fs::write(folder.path().join("key"), format!("whsec_{}\n", BASE64.encode(KEY))).unwrap();
    let text = format!(
        "version: 1
state: ./state
groups: {{security: [sam, kim]}}
services: {{vectors: {{system: qdrant}}}}
rules: [{{name: bulk, who: ['user:*'], operations: [vector.export], effect: hold}}]
approval: {{steps: [{{from: [security]}}]}}
notify:
  - {{name: all, url: '{}', key: {{file: key}}, console: 'https://wardline.internal/'}}
  - {{name: sam, url: '{}', key: {{file: key}}, console: 'https://wardline.internal', reader: sam}}
",
        all.url, sam.url
    );
    let path = folder.path().join("wardline.yaml");
    let guard = Guard::new(Policy::parse(&text, path.to_str().unwrap()).unwrap());
    guard.check().unwrap();
    let act = Act::new(Operation::VectorExport, "docs");
    let call = Call { service: "vectors".into(), acts: vec![act] };
    let mut exchange = guard.begin(Subject::Call(call), Caller::verified(Identity::new("ana")), "test");
    let Step::Answer(held) = exchange.next_blocking() else { panic!("it is held") };
    let id = held.approval.unwrap();
    let link = |hook: &Hook| {
        let posted = hook.next();
        posted.answer.send(200).unwrap();
        let event: serde_json::Value = serde_json::from_slice(&posted.body).unwrap();
        event["data"]["link"].as_str().map(str::to_owned)
    };
    assert_eq!(link(&all), Some(format!("https://wardline.internal/approvals/{id}")));
    let own = link(&sam).unwrap();
    let token = own.strip_prefix("https://wardline.internal/a/").unwrap();
    let followed = guard.follow(token).unwrap();
    assert_eq!((followed.by.as_str(), &followed.approval.id, followed.refusal), ("sam", &id, None));
    guard.vote_by_link(token, Answer::Approve, None).unwrap();
    // What is settled is linked to no more.
    assert_eq!((link(&all), link(&sam)), (None, None));
}
