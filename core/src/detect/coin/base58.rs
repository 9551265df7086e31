//! Base58 with a version in front and the first four bytes of a double SHA-256 behind.

use saphyr::Yaml;
use sha2::{Digest, Sha256};

use super::BASE58;
use crate::detect::catalogue::strings;
use crate::detect::digits::word::Word;
use crate::detect::find::Attempt;
use crate::detect::input::Input;
use crate::detect::words::Sense;

/// Settings of the data row.
#[derive(Debug, Clone)]
pub(in crate::detect) struct Base58 {
    alphabet: &'static [u8; 58],
    /// The characters that a value begins with.
    begins: &'static str,
    versions: Vec<Version>,
    /// So many bytes without version and checksum count where a word tells of them.
    bare: Option<usize>,
}

/// A version and how many bytes follow it before the checksum.
#[derive(Debug, Clone)]
struct Version {
    prefix: Vec<u8>,
    body: usize,
}

/// XRP Ledger, "Base58 encodings".
const XRP: &[u8; 58] = b"rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz";

/// An extended key of BIP 32 has 82 bytes in 111 characters.
const BYTES: usize = 84;
const CHARACTERS: usize = 112;
const CHECKSUM: usize = 4;

impl Base58 {
    /// Reads `begins`, `versions` (lines such as `0488b21e 74`), `alphabet` and `bare`.
    pub(in crate::detect) fn read(row: &'static Yaml<'static>) -> Option<Self> {
        let alphabet = match row.as_mapping_get("alphabet").map(|name| name.as_str()) {
            None => BASE58,
            Some(Some("xrp")) => XRP,
            Some(_) => return None,
        };
        let bare = match row.as_mapping_get("bare") {
            None => None,
            Some(length) => Some(usize::try_from(length.as_integer()?).ok()?),
        };
        let begins = match row.as_mapping_get("begins") {
            None => "",
            Some(characters) => characters.as_str()?,
        };
        let versions = strings(row, "versions")?.into_iter().map(version).collect::<Option<Vec<_>>>()?;
        (bare.is_some() || !versions.is_empty()).then_some(Self { alphabet, begins, versions, bare })
    }

    fn fits(&self, bytes: &[u8]) -> bool {
        let Some((payload, checksum)) = bytes.split_last_chunk::<CHECKSUM>() else { return false };
        let fits = |version: &Version| {
            payload.len() == version.prefix.len() + version.body && payload.starts_with(&version.prefix)
        };
        self.versions.iter().any(fits) && Sha256::digest(Sha256::digest(payload)).starts_with(checksum)
    }
}

fn version(line: &'static str) -> Option<Version> {
    let (hex, body) = line.split_once(' ')?;
    let pairs =
        hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    Some(Version { prefix: pairs.collect::<Option<_>>()?, body: body.parse().ok()? })
}

pub(in crate::detect) fn attempt(
    input: &Input<'_>,
    word: &Word,
    settings: &Base58,
    sense: &Sense<'_>,
) -> Attempt {
    super::word(word, read(input, word, settings, sense))
}

fn read(input: &Input<'_>, word: &Word, settings: &Base58, sense: &Sense<'_>) -> Option<u8> {
    let text = input.slice(word.start, word.end);
    let begins = settings.begins.is_empty() || settings.begins.as_bytes().contains(text.first()?);
    if !begins || text.len() > CHARACTERS {
        return None;
    }
    let (bytes, length) = decode(text, settings.alphabet)?;
    let bytes = bytes.get(..length)?;
    if settings.fits(bytes) {
        return Some(98);
    }
    let told =
        Some(length) == settings.bare && (sense.holds(input, word.start) || sense.follows(input, word.end));
    told.then_some(75)
}

/// The bytes that base58 digits stand for; each leading zero digit is a byte.
fn decode(text: &[u8], alphabet: &[u8; 58]) -> Option<([u8; BYTES], usize)> {
    let zero = alphabet.first();
    let zeros = text.iter().take_while(|&byte| Some(byte) == zero).count();
    // The least significant byte stands first until all are read.
    let (mut bytes, mut length) = ([0u8; BYTES], 0);
    for byte in text {
        let digit = alphabet.iter().position(|digit| digit == byte)?;
        let mut carry = u32::try_from(digit).ok()?;
        for place in bytes.iter_mut().take(length) {
            carry += u32::from(*place) * 58;
            let [low, ..] = carry.to_le_bytes();
            *place = low;
            carry >>= 8;
        }
        if carry > 0 {
            // At most 57: one byte more.
            *bytes.get_mut(length)? = u8::try_from(carry).ok()?;
            length += 1;
        }
    }
    length += zeros;
    bytes.get_mut(..length)?.reverse();
    Some((bytes, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_become_bytes() {
        // draft-msporny-base58, section 5.
        let (bytes, length) = decode(b"2NEpo7TZRRrLZSi2U", BASE58).unwrap();
        assert_eq!(&bytes[..length], b"Hello World!");
        let (bytes, length) = decode(b"11233QC4", BASE58).unwrap();
        assert_eq!(&bytes[..length], [0, 0, 0x28, 0x7f, 0xb4, 0xcd]);
        assert!(decode(b"0OIl", BASE58).is_none());
        assert!(decode(&[b'z'; 200], BASE58).is_none());
    }
}
