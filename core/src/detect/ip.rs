//! Internet addresses: IPv4 from its first digit, IPv6 from its first colon.

use super::find::{Attempt, Hit};
use super::input::Input;
use super::words::Sense;

/// RFC 791, RFC 6943 section 3.1.1: four decimal octets without leading zeros. The words are those of versions.
pub(super) fn attempt_v4(input: &Input<'_>, at: usize, sense: &Sense<'_>) -> Attempt {
    let free = match input.before(at) {
        // `10.0.0.1-10.0.0.9`
        Some(b'-') => ends_octets(input, at - 1),
        Some(b'.' | b'_' | b'%' | b'~' | b'^') => false,
        // `Chrome/71.18.192.120`, `tool==1.2.3.4`, `>= 1.2.3.4`
        Some(b'/' | b'=' | b' ') if is_version(input, at) => false,
        Some(b'n' | b't' | b'r') => input.before(at - 1) == Some(b'\\'),
        // The embedded address of an IPv6 one belongs to it.
        Some(b':') => input.before(at - 1) != Some(b':'),
        Some(byte) => !byte.is_ascii_alphanumeric(),
        None => true,
    };
    if !free {
        return Attempt::none(at);
    }
    let hit = octets_end(input, at).filter(|&end| {
        let next = input.at(end);
        let longer = next == Some(b'.') && input.at(end + 1).is_some_and(|b| b.is_ascii_alphanumeric());
        let range = next == Some(b'-') && octets_end(input, end + 1).is_some();
        let glued = next.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'%'));
        !longer && (!glued || range) && !sense.holds(input, at)
    });
    Attempt { low: at, hit: hit.map(|end| Hit { start: at, end, score: 85, open: false }) }
}

/// The longest address.
const LONGEST: usize = 15;
/// The longest name of a product.
const PRODUCT: usize = 24;

/// Whether four octets end there.
fn ends_octets(input: &Input<'_>, end: usize) -> bool {
    let start = input.run_back(end, LONGEST + 1, |b| b.is_ascii_digit() || b == b'.');
    octets_end(input, start) == Some(end)
}

/// Whether the name of a product and a slash stand before, as in the names of browsers, or a comparison of versions.
fn is_version(input: &Input<'_>, at: usize) -> bool {
    if input.before(at) == Some(b'/') {
        let name = input.run_back(at - 1, PRODUCT, |b| b.is_ascii_alphabetic());
        let alone = input.before(name).is_none_or(|b| matches!(b, b' ' | b'"' | b'\'' | b'('));
        return alone && input.slice(name, at - 1).first().is_some_and(u8::is_ascii_uppercase);
    }
    let spaced = input.before(at) == Some(b' ');
    let sign = at - usize::from(spaced);
    let compared = matches!(input.before(sign.saturating_sub(1)), Some(b'>' | b'<' | b'~' | b'='));
    input.before(sign) == Some(b'=')
        && compared
        && (input.before(sign.saturating_sub(1)) != Some(b'=')
            || !spaced && input.before(sign.saturating_sub(2)).is_some_and(|b| b.is_ascii_alphanumeric()))
}

/// The end of four octets.
fn octets_end(input: &Input<'_>, start: usize) -> Option<usize> {
    let mut at = start;
    for octet in 0..4 {
        if octet > 0 {
            (input.at(at) == Some(b'.')).then_some(())?;
            at += 1;
        }
        let end = input.run(at, 4, |b| b.is_ascii_digit());
        let digits = input.slice(at, end);
        let value = digits.iter().fold(0u32, |value, &b| value * 10 + u32::from(b - b'0'));
        if digits.is_empty()
            || digits.len() > 3
            || value > 255
            || (digits.len() > 1 && digits.first() == Some(&b'0'))
        {
            return None;
        }
        at = end;
    }
    Some(at)
}

/// RFC 4291 section 2.2, with `::` and an embedded IPv4 address; a zone (RFC 6874) is left out.
pub(super) fn attempt_v6(input: &Input<'_>, colon: usize) -> Attempt {
    let start = input.run_back(colon, 5, |b| b.is_ascii_hexdigit());
    let start = if unescaped(input, start) { start } else { start + 1 };
    let free = match input.before(start) {
        Some(b':' | b'.' | b'-' | b'_' | b'%' | b'@') => false,
        Some(b'n' | b't' | b'r') => input.before(start - 1) == Some(b'\\'),
        Some(byte) => !byte.is_ascii_alphanumeric(),
        None => true,
    };
    if !free || colon < start || colon - start > 4 {
        return Attempt::none(start.min(colon));
    }
    Attempt { low: start, hit: read_v6(input, start).map(|end| Hit { start, end, score: 90, open: false }) }
}

/// `\fe80::1` is not one; `\b…` and `\f…` are escapes whose letter looks like a digit.
fn unescaped(input: &Input<'_>, start: usize) -> bool {
    input.before(start) != Some(b'\\')
}

fn read_v6(input: &Input<'_>, start: usize) -> Option<usize> {
    let (mut at, mut groups, mut gap, mut digits) = (start, 0, false, 0);
    loop {
        if input.at(at) == Some(b':') && input.at(at + 1) == Some(b':') {
            if gap {
                return None;
            }
            gap = true;
            at += 2;
        } else if groups > 0 {
            if input.at(at) != Some(b':') {
                break;
            }
            at += 1;
        }
        let end = input.run(at, 5, |b| b.is_ascii_hexdigit());
        if input.at(end) == Some(b'.')
            && let Some(octets) = octets_end(input, at)
        {
            (groups, digits, at) = (groups + 2, digits + 1, octets);
            break;
        }
        if end == at {
            // Only the gap may end it; `a:` does not.
            if gap && input.before(at) == Some(b':') && input.before(at - 1) == Some(b':') {
                break;
            }
            return None;
        }
        if end - at > 4 {
            return None;
        }
        digits +=
            usize::from(input.slice(at, end).iter().any(u8::is_ascii_digit)) + usize::from(end - at > 2);
        groups += 1;
        at = end;
        if groups > 8 {
            return None;
        }
    }
    let next = input.at(at);
    let glued = next.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_' | b'-'));
    let complete = if gap { groups <= 7 } else { groups == 8 };
    // `ab::cd` is a path of names in code: an address has a digit, or a group too long for chance.
    (complete && !glued && groups > 0 && digits > 0).then_some(at)
}
