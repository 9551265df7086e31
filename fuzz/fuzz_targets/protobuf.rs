//! The messages of any gRPC method have an answer or are refused; the same every time.

#![no_main]

use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use wardline::classify::{self, Body, Entry, Outcome, System};
use wardline::model::HttpHead;

/// The methods whose messages decide.
static CALLS: LazyLock<Vec<(&System, &Entry)>> = LazyLock::new(|| {
    let all = classify::systems().iter().flat_map(|system| system.entries().iter().map(move |entry| (system, entry)));
    all.filter(|(_, entry)| entry.method() == "RPC" && entry.body_fields().next().is_some()).collect()
});

fuzz_target!(|input: &[u8]| {
    let Some((&[call, framing], message)) = input.split_first_chunk() else { return };
    let (system, entry) = CALLS[usize::from(call) % CALLS.len()];
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-encoding", HeaderValue::from_static("gzip"));
    let target = entry.route().to_owned();
    let head = HttpHead { method: Method::POST, target, host: "h".into(), headers };
    let mut body = Vec::new();
    if framing & 2 == 0 {
        body.push(framing & 1);
        body.extend(u32::try_from(message.len()).unwrap_or_default().to_be_bytes());
    }
    body.extend(message);
    wardline_fuzz::on_a_small_stack(|| {
        let read = || match classify::http(system, &head, "") {
            Outcome::NeedBody(pending) => Some(pending.finish(Body::Whole(&body))),
            Outcome::Done(_) | Outcome::Refused(_) => None,
        };
        let first = read();
        assert_eq!(first, read());
        if let Some(Ok(done)) = first {
            assert!(!done.acts.is_empty());
        }
    });
});
