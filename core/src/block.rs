//! Sixty-four bytes of a text seen together: what stands where, as one bit a byte.
//!
//! Everything that has to look at each byte of a body does it through this module, with the widest vector registers that the
//! machine at hand has (AVX-512, AVX2, SSE2, NEON); the crate `fearless_simd` holds the instructions, and asks the machine once.
//!
//! ```text
//! widest!(simd => {
//!     let block = Block::of(simd, &bytes);
//!     let digits = block.within(b'0', b'9').bits();     // bit n: byte n is a digit
//!     let names = (block.within(b'A', b'Z') | block.is(b'_')).bits();
//! })
//! ```

use std::ops::{BitAnd, BitOr};

use fearless_simd::prelude::*;
use fearless_simd::{mask8x64, u8x64};

/// How many bytes a block has.
pub(crate) const SIZE: usize = 64;

/// Does something with the widest registers of this machine. What it calls with `$simd` must be inlined to use them.
macro_rules! widest {
    ($simd:ident => $work:expr) => {
        fearless_simd::dispatch!(fearless_simd::Level::new(), $simd => $work)
    };
}
pub(crate) use widest;

/// The bytes of a block.
#[derive(Clone, Copy)]
pub(crate) struct Block<S: Simd>(u8x64<S>);

/// Which of them are of a kind.
#[derive(Clone, Copy)]
pub(crate) struct Kind<S: Simd>(mask8x64<S>);

impl<S: Simd> Block<S> {
    #[inline(always)]
    pub(crate) fn of(simd: S, bytes: &[u8; SIZE]) -> Self {
        Self(u8x64::simd_from(simd, *bytes))
    }

    /// The first bytes of a text; zeros stand behind its end.
    #[inline(always)]
    pub(crate) fn first(simd: S, text: &[u8]) -> Self {
        match text.first_chunk() {
            Some(bytes) => Self::of(simd, bytes),
            None => {
                let mut bytes = [0; SIZE];
                bytes.get_mut(..text.len()).into_iter().for_each(|start| start.copy_from_slice(text));
                Self::of(simd, &bytes)
            }
        }
    }

    /// Those that are this byte.
    #[inline(always)]
    pub(crate) fn is(&self, byte: u8) -> Kind<S> {
        Kind(self.0.simd_eq(byte))
    }

    /// Those from one byte to another.
    #[inline(always)]
    pub(crate) fn within(&self, first: u8, last: u8) -> Kind<S> {
        Kind((self.0 - first).simd_le(last - first))
    }

    /// Those from a byte on.
    #[inline(always)]
    pub(crate) fn from(&self, first: u8) -> Kind<S> {
        Kind(self.0.simd_ge(first))
    }

    /// Those beyond ASCII.
    #[inline(always)]
    pub(crate) fn beyond(&self) -> Kind<S> {
        self.from(0x80)
    }

    /// With the bit set that tells small letters of ASCII from capitals.
    #[inline(always)]
    pub(crate) fn small(&self) -> Self {
        Self(self.0 | 0x20)
    }

    /// With these bits turned over.
    #[inline(always)]
    pub(crate) fn turned(&self, bits: u8) -> Self {
        Self(self.0 ^ bits)
    }

    /// At each place the larger byte of two blocks.
    #[inline(always)]
    pub(crate) fn larger(&self, other: &Self) -> Self {
        Self(self.0.max(other.0))
    }

    /// At each place the smaller byte of two blocks.
    #[inline(always)]
    pub(crate) fn smaller(&self, other: &Self) -> Self {
        Self(self.0.min(other.0))
    }
}

impl<S: Simd> Kind<S> {
    /// Bit n: byte n is of the kind.
    #[inline(always)]
    pub(crate) fn bits(self) -> u64 {
        self.0.to_bitmask()
    }
}

impl<S: Simd> BitOr for Kind<S> {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl<S: Simd> BitAnd for Kind<S> {
    type Output = Self;

    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each byte at each place of a block, on a level.
    fn agrees_on(level: fearless_simd::Level, kind: impl Fn(Kinds) -> u64, is: impl Fn(u8) -> bool) {
        for byte in 0..=255 {
            for place in 0..SIZE {
                let mut bytes = [if is(0) { 1 } else { 0 }; SIZE];
                bytes[place] = byte;
                let expected = (0..SIZE).fold(0, |bits, n| bits | u64::from(is(bytes[n])) << n);
                let kinds = fearless_simd::dispatch!(level, simd => Kinds::of(Block::of(simd, &bytes)));
                assert_eq!(kind(kinds), expected, "{byte} at {place}, {level:?}");
            }
        }
    }

    /// On the widest registers and on those that every machine has.
    fn agrees(kind: impl Fn(Kinds) -> u64, is: impl Fn(u8) -> bool) {
        for level in [fearless_simd::Level::new(), fearless_simd::Level::baseline()] {
            agrees_on(level, &kind, &is);
        }
    }

    /// Kinds of bytes, one of each operation.
    struct Kinds {
        at: u64,
        digits: u64,
        capitals: u64,
        beyond: u64,
        letters: u64,
        either: u64,
        both: u64,
    }

    impl Kinds {
        #[inline(always)]
        fn of<S: Simd>(block: Block<S>) -> Self {
            Self {
                at: block.is(b'@').bits(),
                digits: block.within(b'0', b':').bits(),
                capitals: block.from(0xC3).bits(),
                beyond: block.beyond().bits(),
                letters: block.small().within(b'a', b'z').bits(),
                either: (block.is(b'a') | block.is(0xFF)).bits(),
                both: (block.from(b'0') & block.within(0, b'9')).bits(),
            }
        }
    }

    #[test]
    fn kinds_are_told_byte_by_byte() {
        agrees(|kinds| kinds.at, |byte| byte == b'@');
        agrees(|kinds| kinds.digits, |byte| (b'0'..=b':').contains(&byte));
        agrees(|kinds| kinds.capitals, |byte| byte >= 0xC3);
        agrees(|kinds| kinds.beyond, |byte| byte >= 0x80);
        agrees(|kinds| kinds.letters, |byte| byte.is_ascii_alphabetic());
        agrees(|kinds| kinds.either, |byte| byte == b'a' || byte == 0xFF);
        agrees(|kinds| kinds.both, |byte| byte.is_ascii_digit());
    }

    #[test]
    fn zeros_stand_behind_a_short_text() {
        assert_eq!(widest!(simd => Block::first(simd, b"a1b2").within(b'0', b'9').bits()), 0b1010);
        assert_eq!(widest!(simd => Block::first(simd, b"").is(0).bits()), u64::MAX);
    }
}
