//! A text that is cut over the events of an answer is masked as the same text in one event.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use wardline::detect;
use wardline::keys::Keys;
use wardline::mask::{Format, Masker, Plan, PlanSpec, Transform};

static PLAN: LazyLock<Arc<Plan>> = LazyLock::new(|| {
    let entities = detect::catalogue().iter().map(|info| (info.entity, Transform::Redact)).collect();
    Arc::new(Plan::compile(PlanSpec { entities, ..PlanSpec::default() }).unwrap())
});

fuzz_target!(|input: &[u8]| {
    let Some((&[cut, chunk], text)) = input.split_first_chunk() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let whole = texts(&event(text), 4_096);
    let (mut body, mut rest, mut at) = (String::new(), text, 0);
    while !rest.is_empty() {
        at = (at * 31 + usize::from(cut)) % 13;
        let mut end = (at + 1).min(rest.len());
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        body += &event(&rest[..end]);
        rest = &rest[end..];
    }
    assert_eq!(texts(&body, usize::from(chunk) + 1), whole);
});

fn event(text: &str) -> String {
    format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": text}}]}))
}

/// The texts of the events that go out, joined.
fn texts(body: &str, chunk: usize) -> String {
    let masker = Masker::new(PLAN.clone(), Format::Sse, Keys::from_root([7; 32]), None);
    let (out, _) = masker.whole(body.as_bytes().chunks(chunk)).unwrap();
    String::from_utf8(out)
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str::<Value>(data).unwrap())
        .map(|event| event["choices"][0]["delta"]["content"].as_str().unwrap().to_owned())
        .collect()
}
