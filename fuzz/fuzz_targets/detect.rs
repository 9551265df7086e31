//! Findings do not depend on how a text arrives.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wardline::detect::{Carry, Context, Detectors, KEPT};
use wardline::model::Finding;

static ALL: LazyLock<Detectors> = LazyLock::new(Detectors::all);

fuzz_target!(|input: &[u8]| {
    let Some((&[chunk, keyed], text)) = input.split_first_chunk() else { return };
    let key = ["password", "ssn", "phone", "name", ""][usize::from(keyed) % 5];
    let context = if key.is_empty() { Context::default() } else { Context::of_key(key) };
    let mut whole = Vec::new();
    ALL.scan(text, 0, &context, &mut whole);
    let mut end = 0;
    for finding in &whole {
        assert!(end <= finding.span.start && finding.span.start < finding.span.end && finding.span.end <= text.len());
        end = finding.span.end;
    }
    assert_eq!(pieces(text, usize::from(chunk % 64) + 1, &context), whole);
});

/// The findings of a text that arrives in pieces of `chunk` bytes.
fn pieces(text: &[u8], chunk: usize, context: &Context<'_>) -> Vec<Finding> {
    let (mut found, mut from, mut carry, mut arrived) = (Vec::new(), 0usize, Carry::default(), 0);
    loop {
        let base = from.saturating_sub(KEPT);
        let part = &text[base..arrived];
        let (continues, context) = (carry.inside().is_some(), Context { carry, ..*context });
        let mut new = Vec::new();
        if arrived == text.len() {
            ALL.scan(part, from - base, &context, &mut new);
            extend(&mut found, new, base, continues);
            return found;
        }
        let open = ALL.scan_part(part, from - base, &context, &mut new);
        (from, carry) = (base + open.from, open.carry);
        extend(&mut found, new, base, continues);
        arrived = (arrived + chunk).min(text.len());
    }
}

/// A finding that continues the one before is one with it.
fn extend(found: &mut Vec<Finding>, new: Vec<Finding>, base: usize, continues: bool) {
    for (n, finding) in new.into_iter().enumerate() {
        let span = finding.span.start + base..finding.span.end + base;
        match found.last_mut() {
            Some(last) if continues && n == 0 && last.span.end == span.start => last.span.end = span.end,
            _ => found.push(Finding { span, ..finding }),
        }
    }
}
