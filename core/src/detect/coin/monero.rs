//! Monero addresses: base58 in blocks of eight bytes, with the first four bytes of a Keccak hash behind.

use super::BASE58;
use crate::detect::digits::word::Word;
use crate::detect::find::Attempt;
use crate::detect::input::Input;

/// Eight bytes in eleven digits, the last five in seven.
const BLOCK: usize = 11;
const BYTES: usize = 77;

pub(in crate::detect) fn attempt(input: &Input<'_>, word: &Word) -> Attempt {
    super::word(word, fits(input.slice(word.start, word.end)).then_some(98))
}

/// Whether the text is a standard or subaddress (95 digits), or one with a payment id (106).
fn fits(text: &[u8]) -> bool {
    if !matches!((text.first(), text.len()), (Some(b'4' | b'8'), 95) | (Some(b'4'), 106)) {
        return false;
    }
    let Some((bytes, length)) = decode(text) else { return false };
    let payload = bytes.get(..length).and_then(|bytes| bytes.split_last_chunk::<4>());
    payload.is_some_and(|(payload, checksum)| {
        // Network bytes of the main net: standard, integrated, subaddress.
        matches!(payload.first(), Some(18 | 19 | 42)) && super::keccak(payload).starts_with(checksum)
    })
}

fn decode(text: &[u8]) -> Option<([u8; BYTES], usize)> {
    let (mut bytes, mut length) = ([0; BYTES], 0);
    for block in text.chunks(BLOCK) {
        let value = block.iter().try_fold(0u64, |value, byte| {
            let digit = BASE58.iter().position(|digit| digit == byte)?;
            value.checked_mul(58)?.checked_add(u64::try_from(digit).ok()?)
        })?;
        let width = if block.len() == BLOCK { 8 } else { 5 };
        let whole = value.to_be_bytes();
        let (zeros, tail) = whole.split_at_checked(8 - width)?;
        if zeros.iter().any(|&byte| byte > 0) {
            return None;
        }
        bytes.get_mut(length..length + width)?.copy_from_slice(tail);
        length += width;
    }
    Some((bytes, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_address_passes_and_its_neighbour_does_not() {
        // The donation address that the Monero project publishes in its repository.
        let good = b"888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H";
        assert!(fits(good));
        let mut bad = *good;
        bad[50] = b'3';
        assert!(!fits(&bad));
    }
}
