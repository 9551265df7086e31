//! Values of `Authorization`: `Bearer` (RFC 6750) and `Basic` (RFC 7617) credentials.

use crate::detect::find::{Attempt, Hit};
use crate::detect::input::Input;

use super::stands_free;

/// Shorter ones are words.
const SHORTEST: usize = 16;
/// A digit must come within this many bytes: `Bearer authentication-is-required` is prose.
const DIGIT_WITHIN: usize = 256;

/// The anchor is the scheme; the finding is what follows it.
pub(in crate::detect) fn attempt(input: &Input<'_>, anchor: usize, schemes: &[&'static str]) -> Attempt {
    Attempt { low: anchor, hit: read(input, anchor, schemes) }
}

fn read(input: &Input<'_>, anchor: usize, schemes: &[&'static str]) -> Option<Hit> {
    if !stands_free(input, anchor, b"_-") {
        return None;
    }
    let named = |scheme: &&&str| {
        let fits =
            |(n, letter): (usize, u8)| input.at(anchor + n).is_some_and(|b| b.eq_ignore_ascii_case(&letter));
        scheme.bytes().enumerate().all(fits)
    };
    let scheme = schemes.iter().find(named)?;
    let gap = anchor + scheme.len();
    let start = input.run(gap, 4, |b| b == b' ' || b == b':');
    if start == gap {
        return None;
    }
    let early = input.run(start, DIGIT_WITHIN, is_inside);
    let value = input.slice(start, early);
    if value.len() < SHORTEST
        || (value.len() < DIGIT_WITHIN && !value.iter().any(|b| b.is_ascii_digit() || b"+/=".contains(b)))
    {
        return None;
    }
    let end = input.run(early, usize::MAX, is_inside);
    let open = end == input.len();
    // A full stop ends the sentence.
    let end = if input.before(end) == Some(b'.') { end - 1 } else { end };
    Some(Hit { start, end, score: 90, open })
}

/// RFC 6750 section 2.1, b64token.
pub(in crate::detect) fn is_inside(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}
