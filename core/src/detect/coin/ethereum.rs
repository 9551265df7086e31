//! Ethereum addresses: twenty bytes in hexadecimal whose mixed case is a checksum.

use crate::detect::digits::word::Word;
use crate::detect::find::Attempt;
use crate::detect::input::Input;
use crate::detect::words::Sense;

/// `0x` and forty digits.
const LENGTH: usize = 42;

/// The words are those of hashes: after one, an address without a checksum is none.
pub(in crate::detect) fn attempt(input: &Input<'_>, word: &Word, sense: &Sense<'_>) -> Attempt {
    super::word(word, read(input, word, sense))
}

fn read(input: &Input<'_>, word: &Word, sense: &Sense<'_>) -> Option<u8> {
    let Some([b'0', b'x' | b'X', digits @ ..]) =
        (word.length() == LENGTH).then(|| input.slice(word.start, word.end))
    else {
        return None;
    };
    if !digits.iter().all(u8::is_ascii_hexdigit) || is_round(digits) {
        return None;
    }
    if digits.iter().any(u8::is_ascii_lowercase) && digits.iter().any(u8::is_ascii_uppercase) {
        return holds(digits).then_some(98);
    }
    (!sense.holds(input, word.start)).then_some(80)
}

/// The zero address, and others that belong to nobody.
fn is_round(digits: &[u8]) -> bool {
    digits.iter().skip(1).zip(digits).filter(|(a, b)| a != b).count() < 8
}

/// EIP-55: a letter is a capital where the digit of the lower-case text's hash is 8 or more.
fn holds(digits: &[u8]) -> bool {
    let hash = super::keccak(&digits.to_ascii_lowercase());
    let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .iter()
        .zip(nibbles)
        .all(|(digit, nibble)| digit.is_ascii_digit() || digit.is_ascii_uppercase() == (nibble > 7))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples_pass_and_neighbours_do_not() {
        // EIP-55, "Test cases".
        assert!(holds(b"5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"));
        assert!(holds(b"dbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB"));
        assert!(!holds(b"5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed"));
    }
}
