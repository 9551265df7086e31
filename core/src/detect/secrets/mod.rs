//! Keys, tokens and passwords.

pub(super) mod assigned;
pub(super) mod authorization;
mod checksum;
mod floor;
pub(super) mod jwt;
pub(super) mod named;
mod pattern;
pub(super) mod pem;
pub(super) mod token;
pub(super) mod url;

use super::input::Input;

/// Whether the byte before is no part of the same word; the letter of an escape such as `\n` is not.
pub(super) fn stands_free(input: &Input<'_>, start: usize, more: &[u8]) -> bool {
    match input.before(start) {
        Some(b'n' | b't' | b'r') => input.before(start - 1) == Some(b'\\'),
        Some(byte) => !byte.is_ascii_alphanumeric() && !more.contains(&byte),
        None => true,
    }
}

/// `0-9a-zA-Z_-` (RFC 4648, base64url).
fn is_url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// `0-9a-zA-Z+/=` (RFC 4648, base64).
fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Behind the `value` of a pair whose name ended at an offset: `"name": "DB_PASS", "value": "…"`, `- name: DB_PASS` and
/// `value: …` on the next line.
#[inline]
fn paired(input: &Input<'_>, end: usize) -> Option<usize> {
    let may = matches!(input.at(end), Some(b'"' | b'\'' | b'\\' | b',' | b'\n' | b'\r'));
    may.then(|| paired_value(input, end)).flatten()
}

fn paired_value(input: &Input<'_>, end: usize) -> Option<usize> {
    let closed = input.run(end, 2, |b| matches!(b, b'"' | b'\'' | b'\\'));
    let comma = input.run(closed, 1, |b| b == b',');
    let next = input.run(comma, PAIRED, |b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
    let parted = comma > closed || input.slice(comma, next).contains(&b'\n');
    let key = input.run(next, 2, |b| matches!(b, b'"' | b'\'' | b'\\'));
    let named = parted
        && b"value"
            .iter()
            .enumerate()
            .all(|(n, letter)| input.at(key + n).is_some_and(|b| b.eq_ignore_ascii_case(letter)));
    let sign = input.run(key + b"value".len(), 3, |b| matches!(b, b'"' | b'\'' | b'\\' | b' '));
    (named && matches!(input.at(sign), Some(b':' | b'='))).then_some(sign + 1)
}

/// How much white space may stand between the two.
const PAIRED: usize = 40;
