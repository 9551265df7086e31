//! A body goes out the same however it arrives, and JSON stays JSON.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use wardline::detect;
use wardline::json::Path;
use wardline::keys::Keys;
use wardline::mask::{Format, Masker, Plan, PlanSpec, Transform};

static PLAN: LazyLock<Arc<Plan>> = LazyLock::new(|| {
    let transforms =
        [Transform::Redact, Transform::Hash, Transform::Partial { first: 2, last: 2 }, Transform::Replace("\"\\\n".into())];
    let entities = detect::catalogue().iter().zip(transforms.iter().cycle());
    let fields = [("**.ssn", Transform::Drop), ("a[*].b", Transform::Redact), ("a.*", Transform::Hash)];
    Arc::new(
        Plan::compile(PlanSpec {
            entities: entities.map(|(info, transform)| (info.entity, transform.clone())).collect(),
            fields: fields.map(|(path, transform)| (Path::parse(path).unwrap(), transform)).to_vec(),
            ..PlanSpec::default()
        })
        .unwrap(),
    )
});

const FORMATS: [Format; 5] = [Format::Json, Format::Ndjson, Format::Sse, Format::Text, Format::Form];

fuzz_target!(|input: &[u8]| {
    let Some((&[format, chunk], body)) = input.split_first_chunk() else { return };
    let format = FORMATS[usize::from(format) % FORMATS.len()];
    let whole = masked(format, body, body.len().max(1));
    let pieces = masked(format, body, usize::from(chunk % 64) + 1);
    assert_eq!(pieces, whole);
    if let (Format::Json, Some(out)) = (format, &whole) {
        assert!(serde_json::from_slice::<serde::de::IgnoredAny>(out).is_ok() || body.is_empty());
    }
});

/// What goes out; `None` where the body is refused.
fn masked(format: Format, body: &[u8], chunk: usize) -> Option<Vec<u8>> {
    let masker = Masker::new(PLAN.clone(), format, Keys::from_root([7; 32]), None);
    let (out, _) = masker.whole(body.chunks(chunk)).ok()?;
    Some(out)
}
