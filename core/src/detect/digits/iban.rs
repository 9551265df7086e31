//! International bank account numbers: country, length and check digits.

use saphyr::Yaml;

use super::word::Word;
use crate::detect::catalogue::strings;
use crate::detect::find::{Attempt, Hit};
use crate::detect::input::Input;

/// A country of the registry and the length of its numbers.
#[derive(Debug, Clone, Copy)]
pub(in crate::detect) struct Country {
    code: [u8; 2],
    length: usize,
}

/// Reads `countries`: entries such as `DE22`.
pub(in crate::detect) fn countries(row: &'static Yaml<'static>) -> Option<Vec<Country>> {
    let one = |text: &'static str| {
        let (code, length) = text.split_at_checked(2)?;
        Some(Country { code: code.as_bytes().try_into().ok()?, length: length.parse().ok()? })
    };
    strings(row, "countries")?.into_iter().map(one).collect()
}

/// The word begins with two letters, or is no IBAN.
pub(in crate::detect) fn attempt(input: &Input<'_>, word: &Word, countries: &[Country]) -> Attempt {
    Attempt { low: word.start, hit: read(input, word.start, countries) }
}

fn read(input: &Input<'_>, start: usize, countries: &[Country]) -> Option<Hit> {
    let &[first, second] = input.slice(start, start + 2) else { return None };
    let code = [first.to_ascii_uppercase(), second.to_ascii_uppercase()];
    let country = countries.iter().find(|country| country.code == code)?;
    if input.before(start) == Some(b'_') {
        return None;
    }
    let mut value = [0u8; 34];
    let (mut at, mut count) = (start, 0);
    let spacer = input.at(start + 4).filter(|b| matches!(b, b' ' | b'-'));
    while count < country.length {
        let byte = input.at(at)?;
        if count > 0 && count % 4 == 0 && Some(byte) == spacer {
            at += 1;
        }
        let byte = input.at(at).filter(u8::is_ascii_alphanumeric)?;
        *value.get_mut(count)? = byte.to_ascii_uppercase();
        (at, count) = (at + 1, count + 1);
    }
    let value = value.get(..count)?;
    let glued = input.at(at).is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    let checks = value.get(2..4).is_some_and(|pair| pair.iter().all(u8::is_ascii_digit)) && mod97(value) == 1;
    (checks && !glued).then_some(Hit { start, end: at, score: 98, open: false })
}

/// ISO 13616 / ISO 7064 MOD 97-10, with the first four characters moved to the end.
fn mod97(value: &[u8]) -> u32 {
    let (head, rest) = value.split_at_checked(4).unwrap_or((value, &[]));
    rest.iter().chain(head).fold(0, |sum, &byte| match byte {
        b'0'..=b'9' => (sum * 10 + u32::from(byte - b'0')) % 97,
        _ => (sum * 100 + u32::from(byte.wrapping_sub(b'A')) + 10) % 97,
    })
}
