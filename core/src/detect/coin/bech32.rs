//! Bech32 and Bech32m: a readable prefix, `1`, and a checksum of 30 bits behind.

use saphyr::Yaml;

use crate::detect::catalogue::strings;
use crate::detect::digits::word::Word;
use crate::detect::find::Attempt;
use crate::detect::input::Input;

/// A readable prefix of the data row.
#[derive(Debug, Clone)]
pub(in crate::detect) struct Prefix {
    text: &'static str,
    /// The data is a witness program (BIP 173 and 350), not bytes of another kind.
    witness: bool,
}

/// BIP 173, "Bech32".
const DIGITS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const CHECKSUM: usize = 6;

/// What the checksum leaves: BIP 173, and BIP 350.
const BECH32: u32 = 1;
const BECH32M: u32 = 0x2bc8_30a3;

/// Reads `prefixes`: entries such as `bc witness` and `addr`.
pub(in crate::detect) fn prefixes(row: &'static Yaml<'static>) -> Option<Vec<Prefix>> {
    let one = |line: &'static str| match line.split_once(' ') {
        None => Some(Prefix { text: line, witness: false }),
        Some((text, "witness")) => Some(Prefix { text, witness: true }),
        Some(_) => None,
    };
    strings(row, "prefixes")?.into_iter().map(one).collect()
}

pub(in crate::detect) fn attempt(input: &Input<'_>, word: &Word, prefixes: &[Prefix]) -> Attempt {
    let text = input.slice(word.start, word.end);
    super::word(word, fits(text, word.letters(), prefixes).then_some(98))
}

/// Whether the text, with so many letters before its `1`, is one.
fn fits(text: &[u8], letters: usize, prefixes: &[Prefix]) -> bool {
    let Some((head, [b'1', data @ ..])) = text.split_at_checked(letters) else { return false };
    let Some(prefix) = prefixes.iter().find(|prefix| head.eq_ignore_ascii_case(prefix.text.as_bytes()))
    else {
        return false;
    };
    let mixed = text.iter().any(u8::is_ascii_lowercase) && text.iter().any(u8::is_ascii_uppercase);
    if mixed || data.len() <= CHECKSUM {
        return false;
    }
    let value = |byte: &u8| {
        let small = byte.to_ascii_lowercase();
        DIGITS.iter().position(|&digit| digit == small).and_then(|at| u32::try_from(at).ok())
    };
    let small = || prefix.text.bytes().map(u32::from);
    let mut sum =
        small().map(|byte| byte >> 5).chain([0]).chain(small().map(|byte| byte & 31)).fold(1, mixed_in);
    let mut first = None;
    for byte in data {
        let Some(digit) = value(byte) else { return false };
        first.get_or_insert(digit);
        sum = mixed_in(sum, digit);
    }
    if !prefix.witness {
        return sum == BECH32;
    }
    // Digits of five bits, the version's taken off, make whole bytes.
    let bytes = (data.len() - CHECKSUM - 1) * 5 / 8;
    match first {
        Some(0) => sum == BECH32 && matches!(bytes, 20 | 32),
        Some(1..=16) => sum == BECH32M && (2..=40).contains(&bytes),
        _ => false,
    }
}

/// One step of the BCH code over GF(32).
fn mixed_in(sum: u32, digit: u32) -> u32 {
    const GENERATORS: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let top = sum >> 25;
    let next = (sum & 0x01ff_ffff) << 5 ^ digit;
    GENERATORS
        .iter()
        .enumerate()
        .filter(|(bit, _)| top >> bit & 1 == 1)
        .fold(next, |sum, (_, mask)| sum ^ mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str) -> bool {
        let prefix = |text, witness| Prefix { text, witness };
        let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
        fits(text.as_bytes(), letters, &[prefix("bc", true), prefix("tb", true), prefix("abcdef", false)])
    }

    #[test]
    fn published_examples_pass_and_neighbours_do_not() {
        // BIP 173 and BIP 350, "Test vectors".
        for good in [
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
            "tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c",
            "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
        ] {
            assert!(holds(good), "{good}");
        }
        for bad in [
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
            "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",
            "bc1qW508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "bc1gmk9yu",
        ] {
            assert!(!holds(bad), "{bad}");
        }
    }
}
