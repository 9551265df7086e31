//! A target and a body of any system have an answer. What another spelling of a path says is never less.

#![no_main]

use http::{HeaderMap, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use wardline::classify::{self, Body, Classified, Outcome, Refusal, System};
use wardline::model::HttpHead;

const METHODS: [Method; 6] = [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::HEAD];

fuzz_target!(|input: &[u8]| {
    let Some((&[system, method], rest)) = input.split_first_chunk() else { return };
    let systems = classify::systems();
    let system = &systems[usize::from(system) % systems.len()];
    let method = METHODS[usize::from(method) % METHODS.len()].clone();
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let Ok(target) = std::str::from_utf8(&rest[..end]) else { return };
    let body = rest.get(end + 1..).unwrap_or_default();
    wardline_fuzz::on_a_small_stack(|| {
        let plain = classified(system, &method, target, body);
        if let Ok(done) = &plain {
            assert!(!done.acts.is_empty());
        }
        // A doubled slash is the same for no one: it matches nothing.
        let doubled = format!("/{target}");
        if target.starts_with('/')
            && let Ok(done) = classified(system, &method, &doubled, body)
        {
            assert!(done.entry.is_none());
        }
    });
});

fn classified(
    system: &'static System,
    method: &Method,
    target: &str,
    body: &[u8],
) -> Result<Classified, Refusal> {
    let mut headers = HeaderMap::new();
    if !body.is_empty() {
        headers.insert("content-length", HeaderValue::from(body.len()));
    }
    let head = HttpHead { method: method.clone(), target: target.into(), host: "h".into(), headers };
    match classify::http(system, &head, "") {
        Outcome::Done(done) => Ok(done),
        Outcome::NeedBody(pending) => pending.finish(Body::Whole(body)),
        Outcome::Refused(refusal) => Err(refusal),
    }
}
