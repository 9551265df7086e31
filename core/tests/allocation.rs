//! What an exchange holds in memory, however long its bodies are, and that clean text costs no allocation at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use allocation_counter::measure;
use wardline::audit::Ending;
use wardline::detect::{Context, Detectors};
use wardline::guard::{Caller, Flow, Guard, RequestBody, Step};
use wardline::model::{HttpHead, Subject};
use wardline::policy::Policy;

/// What an exchange in flight may hold beside what it keeps back.
const EXCHANGE: u64 = 64 * 1024;
/// How much one text keeps back at most: an open value and the reach of the slowest reader.
const HOLD: u64 = 20 * 1024;

const POLICY: &str = "
version: 1
state: memory
default: danger_allow
services:
  llm: {system: openai, thresholds: {hold: never, deny: never}}
mask: [{name: all, entities: {'*': redact}}]
";

#[test]
fn clean_text_costs_no_allocation() {
    let detectors = Detectors::all();
    let text = "The request was served by worker 7 after 12 retries, and the queue was empty.\n".repeat(200);
    let mut found = Vec::new();
    let mut scan = || detectors.scan(text.as_bytes(), 0, &Context::default(), &mut found);
    scan();
    assert_eq!(measure(scan).count_total, 0);
    assert!(found.is_empty());
}

#[test]
fn an_exchange_holds_little_of_a_long_stream() {
    let guard = Guard::new(Policy::parse(POLICY, "wardline.yaml").unwrap());
    stream(&guard, 1);
    let (few, many) = (measure(|| stream(&guard, 100)), measure(|| stream(&guard, 4_000)));
    assert!(few.bytes_max < EXCHANGE + HOLD, "{few:?}");
    // Forty times as long, and no more is held.
    assert!(many.bytes_max < EXCHANGE + HOLD, "{many:?}");
}

/// One chat answer of so many events, each with an address that goes on in the next.
fn stream(guard: &Guard, events: usize) {
    let head = HttpHead {
        method: http::Method::POST,
        target: "/v1/chat/completions".into(),
        host: "localhost".into(),
        headers: http::HeaderMap::from_iter([(
            http::header::CONTENT_TYPE,
            http::HeaderValue::from_static("application/json"),
        )]),
    };
    let caller = Caller::peer("127.0.0.1".parse().ok());
    let mut exchange = guard.begin(Subject::Http(head), caller, "test");
    let mut asked = Some(r#"{"model":"m","stream":true,"messages":[]}"#);
    loop {
        match exchange.next_blocking() {
            Step::NeedBody => match asked.take() {
                Some(body) => {
                    exchange.push_request(bytes::Bytes::from_static(body.as_bytes()));
                }
                None => exchange.end_request(),
            },
            Step::Forward(forward) => {
                assert!(!matches!(forward.body, RequestBody::Feed(_)));
                break;
            }
            _ => panic!("expected a request that passes"),
        }
    }
    let answer = http::HeaderMap::from_iter([(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("text/event-stream"),
    )]);
    exchange.response_head(http::StatusCode::OK, &answer);
    let mut out = Vec::with_capacity(4096);
    let mut written = 0;
    for n in 0..events {
        let event = format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"ple.org and ada{n}@exam\"}}}}]}}\n\n"
        );
        assert!(!matches!(exchange.response(event.as_bytes(), &mut out), Flow::Abort(_)));
        written += out.len();
        assert!(!out.windows(5).any(|window| window == b"@exam"));
        out.clear();
    }
    assert!(!matches!(exchange.response_end(&mut out), Flow::Abort(_)));
    assert!(written + out.len() > events * 60);
    exchange.finish(Ending::Complete);
}
