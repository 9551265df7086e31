//! Hardware addresses (IEEE 802 MAC-48), from the first decimal digit in them.

use super::digits::word::Word;
use super::find::{Attempt, Hit};
use super::input::Input;

/// Six pairs, or three groups of four: digits in a group, groups, separators.
const FORMS: [(usize, usize, &[u8]); 2] = [(2, 6, b":-"), (4, 3, b".")];

/// Whether the word is a group of such an address: of that length, beside a separator.
pub(super) fn wants(input: &Input<'_>, word: &Word) -> bool {
    FORMS.iter().any(|&(length, _, separators)| {
        let beside = |byte: Option<u8>| byte.is_some_and(|b| separators.contains(&b));
        word.length() == length && (beside(word.next) || beside(input.before(word.start)))
    })
}

pub(super) fn attempt(input: &Input<'_>, at: usize) -> Attempt {
    let mut low = at;
    for (length, count, separators) in FORMS {
        let start = start(input, at, length, count, separators);
        low = low.min(start);
        if let Some(end) = end(input, start, length, count, separators) {
            return Attempt { low, hit: Some(Hit { start, end, score: 90, open: false }) };
        }
    }
    Attempt::none(low)
}

/// Back over the letters of the digit's own group, and over groups of letters alone.
fn start(input: &Input<'_>, at: usize, length: usize, count: usize, separators: &[u8]) -> usize {
    let is_letter = |b: &u8| b.is_ascii_hexdigit() && b.is_ascii_alphabetic();
    let mut start = input.run_back(at, length - 1, |b| is_letter(&b));
    for _ in 1..count {
        let Some(group) = start.checked_sub(length + 1) else { break };
        let separated = input.before(start).is_some_and(|b| separators.contains(&b));
        let lettered = input.slice(group, start - 1).iter().all(is_letter);
        if !separated || !lettered || input.before(group).is_some_and(|b| b.is_ascii_alphanumeric()) {
            break;
        }
        start = group;
    }
    start
}

fn end(input: &Input<'_>, start: usize, length: usize, count: usize, separators: &[u8]) -> Option<usize> {
    let escape =
        input.before(start).is_some_and(|b| b"nrt".contains(&b)) && input.before(start - 1) == Some(b'\\');
    let glued = match input.before(start) {
        Some(b':' | b'-' | b'.') => input.before(start - 1).is_some_and(|b| b.is_ascii_digit()),
        Some(byte) => (byte.is_ascii_alphanumeric() && !escape) || byte == b'_',
        None => false,
    };
    if glued {
        return None;
    }
    let separator = input.at(start + length).filter(|b| separators.contains(b))?;
    let mut at = start;
    for group in 0..count {
        if group > 0 {
            (input.at(at) == Some(separator)).then_some(())?;
            at += 1;
        }
        let end = input.run(at, length, |b| b.is_ascii_hexdigit());
        (end - at == length).then_some(())?;
        at = end;
    }
    let longer = match input.at(at) {
        Some(b':' | b'-' | b'.') => input.at(at + 1).is_some_and(|b| b.is_ascii_alphanumeric()),
        Some(next) => next.is_ascii_alphanumeric() || next == b'_',
        None => false,
    };
    (!longer).then_some(at)
}
