//! Tokens that tell by their form what they are.

use saphyr::Yaml;

use super::checksum::Checksum;
use super::pattern::{Pattern, patterns};
use super::stands_free;
use crate::detect::catalogue::strings;
use crate::detect::find::{Attempt, Hit};
use crate::detect::input::Input;
use crate::detect::literals::Lead;

/// Fewer different bytes are a placeholder.
const VARIETY: usize = 6;

/// Settings of the data row.
#[derive(Debug, Clone)]
pub(in crate::detect) struct Tokens {
    patterns: Vec<Pattern>,
    checksum: Option<Checksum>,
    /// Words of which each must stand before it, in small letters.
    near: Vec<&'static str>,
}

impl Tokens {
    /// Reads `tokens` (see [`super::pattern`]), `checksum` and `near`.
    pub(in crate::detect) fn read(row: &'static Yaml<'static>) -> Option<Self> {
        let text = |key| row.as_mapping_get(key).map(|value| value.as_str());
        let checksum = match text("checksum") {
            Some(name) => Some(Checksum::by_name(name?)?),
            None => None,
        };
        let lines = strings(row, "tokens")?;
        let patterns = lines.into_iter().map(patterns).collect::<Option<Vec<_>>>()?.concat();
        (!patterns.is_empty()).then_some(Self { patterns, checksum, near: strings(row, "near")? })
    }

    pub(in crate::detect) fn leads(&self) -> Vec<Lead> {
        self.patterns.iter().map(Pattern::lead).collect()
    }
}

pub(in crate::detect) fn attempt(input: &Input<'_>, anchor: usize, tokens: &Tokens) -> Attempt {
    let low = tokens.patterns.iter().filter_map(|pattern| pattern.start(input, anchor)).min();
    Attempt {
        low: low.unwrap_or(anchor),
        hit: tokens.patterns.iter().find_map(|pattern| read(input, anchor, tokens, pattern)),
    }
}

fn read(input: &Input<'_>, anchor: usize, tokens: &Tokens, pattern: &Pattern) -> Option<Hit> {
    let place = pattern.read(input, anchor)?;
    let ((start, end), (from, to)) = (place.whole, place.value);
    // A letter of its own kind after it: it goes on, and is no such token.
    let glued = input.at(end).is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    let whole = input.slice(start, end);
    if glued || !stands_free(input, start, b"_") {
        return None;
    }
    let (variety, filled) = pattern.variety(input, &place);
    if variety < VARIETY || filled || !tokens.near.iter().all(|word| near(input, start, word)) {
        return None;
    }
    let certain = tokens.checksum.is_some_and(|checksum| checksum.agrees(whole));
    Some(Hit { start: from, end: to, score: if certain { 99 } else { 95 }, open: false })
}

/// Whether the word stands in the context before an offset.
fn near(input: &Input<'_>, start: usize, word: &str) -> bool {
    input.context(start).windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}
