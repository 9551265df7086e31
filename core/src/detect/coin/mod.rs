//! Addresses and keys of public ledgers: long words that carry their own check digits.
//!
//! Nothing is guessed from the look of a word: a checksum of 30 bits or more must hold, so that hashes, ids and base64
//! are passed over. What has no checksum counts only where a word tells of it.

pub(super) mod base58;
pub(super) mod bech32;
pub(super) mod ethereum;
pub(super) mod monero;

use sha3::{Digest, Keccak256};

use super::digits::word::Word;
use super::find::{Attempt, Hit};

/// No address is a shorter word.
pub(super) const SHORTEST: usize = 25;

/// The digits of Bitcoin's base58.
const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// The whole word, where it is one.
fn word(word: &Word, score: Option<u8>) -> Attempt {
    let hit = score.map(|score| Hit { start: word.start, end: word.end, score, open: false });
    Attempt { low: word.start, hit }
}

/// The original Keccak with 256 bits, as Ethereum and Monero took it before SHA-3 was fixed.
fn keccak(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}
