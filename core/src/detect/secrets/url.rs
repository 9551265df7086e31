//! Passwords in URLs: `scheme://user:password@host` (RFC 3986 section 3.2.1).

use crate::detect::find::{Attempt, Hit};
use crate::detect::input::Input;

/// A longer authority is no authority.
const AUTHORITY: usize = 1024;

/// The anchor is `://`, the finding the password.
pub(in crate::detect) fn attempt(input: &Input<'_>, anchor: usize) -> Attempt {
    Attempt { low: anchor, hit: read(input, anchor) }
}

fn read(input: &Input<'_>, anchor: usize) -> Option<Hit> {
    if !input.before(anchor).is_some_and(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let start = anchor + 3;
    let end = input.run(start, AUTHORITY, |b| {
        b > b' ' && !matches!(b, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'\\' | b'`' | b'|')
    });
    let authority = input.slice(start, end);
    // A password may hold an `@` that should have been encoded: the last one counts.
    let at = authority.iter().rposition(|&b| b == b'@')?;
    let colon = authority.iter().take(at).position(|&b| b == b':')?;
    let hosted = authority.get(at + 1).is_some_and(|&b| b.is_ascii_alphanumeric() || b == b'[' || b >= 0x80);
    let password = authority.get(colon + 1..at)?;
    // `${DB_PASSWORD}`, `{password}`, `***`: nothing to hide.
    let hidden = matches!(password.first(), None | Some(b'$' | b'{' | b'[' | b'('))
        || password.iter().all(|b| b"*xX.".contains(b));
    (hosted && !hidden).then_some(Hit { start: start + colon + 1, end: start + at, score: 95, open: false })
}
