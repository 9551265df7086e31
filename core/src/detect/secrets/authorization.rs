//! Credentials of HTTP: what follows a scheme such as `Bearer` (RFC 6750) or `Basic` (RFC 7617), and whatever stands in an
//! `Authorization` field (RFC 9110 section 11.6.2), also without a scheme or with one that nobody knows.

use saphyr::Yaml;

use super::stands_free;
use crate::detect::catalogue::strings;
use crate::detect::find::{Attempt, Hit};
use crate::detect::input::Input;
use crate::detect::literals::Lead;

/// Shorter ones are words.
const SHORTEST: usize = 16;
/// In a field by that name no word stands alone; what comes is short only if it is a stand-in.
const SHORTEST_IN_FIELD: usize = 8;
/// A digit must come within this many bytes: `Bearer authentication-is-required` is prose.
const DIGIT_WITHIN: usize = 256;
/// How far into the parameters of `Digest` its response may stand.
const PARAMETERS: usize = 512;

/// Settings of the data row, in small letters.
#[derive(Debug, Clone)]
pub(in crate::detect) struct Authorization {
    /// Schemes that count wherever they stand.
    schemes: Vec<&'static str>,
    /// Fields whose value is a credential.
    fields: Vec<&'static str>,
}

impl Authorization {
    pub(in crate::detect) fn read(row: &'static Yaml<'static>) -> Option<Self> {
        Some(Self { schemes: strings(row, "schemes")?, fields: strings(row, "fields")? })
    }

    pub(in crate::detect) fn leads(&self) -> Vec<Lead> {
        self.schemes.iter().chain(&self.fields).map(|text| Lead::text(text)).collect()
    }
}

/// The anchor is the scheme or the field, the finding the credential.
pub(in crate::detect) fn attempt(input: &Input<'_>, anchor: usize, of: &Authorization) -> Attempt {
    Attempt { low: anchor, hit: behind_scheme(input, anchor, of).or_else(|| in_field(input, anchor, of)) }
}

fn behind_scheme(input: &Input<'_>, anchor: usize, of: &Authorization) -> Option<Hit> {
    if !stands_free(input, anchor, b"_-") {
        return None;
    }
    let gap = anchor + named(input, anchor, &of.schemes)?.len();
    let start = input.run(gap, 4, |b| b == b' ' || b == b':');
    if start == gap { None } else { credential(input, start, SHORTEST) }
}

fn in_field(input: &Input<'_>, anchor: usize, of: &Authorization) -> Option<Hit> {
    let name = anchor + named(input, anchor, &of.fields)?.len();
    let closed = input.run(name, 3, |b| matches!(b, b'"' | b'\'' | b'\\' | b']'));
    let sign = input.run(closed, 3, |b| b == b' ');
    let signed = input.run(sign, 2, |b| matches!(b, b':' | b'=' | b'>' | b','));
    if signed == sign {
        return None;
    }
    let start = input.run(signed, 4, |b| matches!(b, b' ' | b'"' | b'\'' | b'\\' | b'`'));
    let scheme = input.run(start, 24, |b| b.is_ascii_alphanumeric() || b == b'-');
    let gap = input.run(scheme, 2, |b| b == b' ');
    if scheme == start || gap == scheme {
        return credential(input, start, SHORTEST_IN_FIELD);
    }
    if input.slice(start, scheme).eq_ignore_ascii_case(b"digest") {
        return digest(input, gap);
    }
    // Parameters (`Credential=…, Signature=…`) have rows of their own.
    let word = input.run(gap, 32, |b| b.is_ascii_alphanumeric() || b == b'_');
    let parameters = input.at(word) == Some(b'=')
        && input.at(word + 1).is_some_and(|b| b.is_ascii_alphanumeric() || b == b'"');
    if parameters { None } else { credential(input, gap, SHORTEST_IN_FIELD) }
}

fn named(input: &Input<'_>, anchor: usize, names: &[&'static str]) -> Option<&'static str> {
    let stands = |name: &&&'static str| {
        let fits =
            |(n, letter): (usize, u8)| input.at(anchor + n).is_some_and(|b| b.eq_ignore_ascii_case(&letter));
        name.bytes().enumerate().all(fits)
    };
    names.iter().find(stands).copied()
}

/// RFC 7616 section 3.4: the response proves the password, and is as good as it for this request.
fn digest(input: &Input<'_>, from: usize) -> Option<Hit> {
    let end = input.run(from, PARAMETERS, |b| b >= b' ');
    let name = b"response=\"";
    let at = from + input.slice(from, end).windows(name.len()).position(|window| window == name)?;
    let start = at + name.len();
    let end = input.run(start, 129, |b| b.is_ascii_hexdigit());
    (end - start >= 32 && input.at(end) == Some(b'"')).then_some(Hit { start, end, score: 90, open: false })
}

/// A credential of so many bytes or more that starts here.
fn credential(input: &Input<'_>, start: usize, shortest: usize) -> Option<Hit> {
    let early = input.run(start, DIGIT_WITHIN, is_inside);
    let value = input.slice(start, early);
    if value.len() < shortest || (value.len() < DIGIT_WITHIN && !is_credential(value)) {
        return None;
    }
    let end = input.run(early, usize::MAX, is_inside);
    let open = end == input.len();
    // A full stop ends the sentence.
    let end = if input.before(end) == Some(b'.') { end - 1 } else { end };
    // `authorization = base64.encode(…)`: code.
    let called = end - start < DIGIT_WITHIN && matches!(input.at(end), Some(b'(' | b'['));
    if called {
        return None;
    }
    Some(Hit { start, end, score: 90, open })
}

/// No word, and no words between slashes: a digit, a byte of base64 that no word has, or capitals as chance sets them.
fn is_credential(value: &[u8]) -> bool {
    let humps = value
        .windows(2)
        .filter(|pair| matches!(pair, [a, b] if a.is_ascii_lowercase() && b.is_ascii_uppercase()));
    value.iter().any(|b| b.is_ascii_digit() || b"+=".contains(b)) || humps.count() > 3
}

/// RFC 6750 section 2.1, b64token.
pub(in crate::detect) fn is_inside(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}
