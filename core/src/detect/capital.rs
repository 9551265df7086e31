//! The word that begins with a capital, read once for all readers: most of such words end with it.

use super::input::Input;
use super::lexicon::{FNV, mix};

/// A word of ASCII letters that begins with a capital.
pub(super) struct Capital<'t> {
    pub start: usize,
    pub end: usize,
    pub text: &'t [u8],
    /// In small letters.
    small: [u8; Capital::LONGEST],
    /// Of the word in small letters, as [`mix`] makes it.
    pub hash: u32,
    /// The byte behind it.
    pub next: Option<u8>,
    /// A space follows, and another capital.
    pub follows: bool,
}

impl<'t> Capital<'t> {
    /// Longer words are left to the readers.
    const LONGEST: usize = 24;

    /// The word at an offset; none where it is not of letters of ASCII alone.
    #[inline]
    pub(super) fn read(input: &Input<'t>, start: usize) -> Option<Self> {
        let (mut small, mut hash, mut length) = ([0; Self::LONGEST], FNV, 0);
        let rest = input.rest(start);
        for (slot, byte) in small.iter_mut().zip(rest).take_while(|(_, byte)| byte.is_ascii_alphabetic()) {
            *slot = byte.to_ascii_lowercase();
            hash = mix(hash, *slot);
            length += 1;
        }
        let end = start + length;
        let next = input.at(end);
        let joined =
            next.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'\'' | 0x80..));
        if length == 0 || joined {
            return None;
        }
        let follows =
            next == Some(b' ') && input.at(end + 1).is_some_and(|b| b.is_ascii_uppercase() || b >= 0xC3);
        Some(Self { start, end, text: input.slice(start, end), small, hash, next, follows })
    }

    /// The word in small letters.
    pub(super) fn small(&self) -> &[u8] {
        self.small.get(..self.text.len()).unwrap_or_default()
    }
}
