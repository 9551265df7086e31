//! Sixty-four bytes of a text seen together: what stands where, as one bit a byte.
//!
//! Everything that has to look at each byte of a body does it through this module, with the vector registers that every
//! machine of the target has (SSE2, NEON); the crate `wide` holds the instructions.
//!
//! ```text
//! let block = Block::of(&bytes);
//! let digits = block.within(b'0', b'9').bits();     // bit n: byte n is a digit
//! let names = (block.within(b'A', b'Z') | block.is(b'_')).bits();
//! ```

use std::ops::{BitAnd, BitOr};

use wide::u8x16;

/// How many bytes a block has.
pub(crate) const SIZE: usize = 64;

const LANES: usize = 16;

/// The bytes of a block.
#[derive(Clone, Copy)]
pub(crate) struct Block([u8x16; SIZE / LANES]);

/// Which of them are of a kind.
#[derive(Clone, Copy)]
pub(crate) struct Kind([u8x16; SIZE / LANES]);

impl Block {
    #[inline]
    pub(crate) fn of(bytes: &[u8; SIZE]) -> Self {
        let mut lanes = [u8x16::splat(0); SIZE / LANES];
        lanes.iter_mut().zip(bytes.as_chunks::<LANES>().0).for_each(|(lane, &chunk)| *lane = chunk.into());
        Self(lanes)
    }

    /// The first bytes of a text; zeros stand behind its end.
    #[inline]
    pub(crate) fn first(text: &[u8]) -> Self {
        match text.first_chunk() {
            Some(bytes) => Self::of(bytes),
            None => {
                let mut bytes = [0; SIZE];
                bytes.get_mut(..text.len()).into_iter().for_each(|start| start.copy_from_slice(text));
                Self::of(&bytes)
            }
        }
    }

    /// Those that are this byte.
    #[inline]
    pub(crate) fn is(&self, byte: u8) -> Kind {
        Kind(self.0.map(|lane| lane.simd_eq(u8x16::splat(byte))))
    }

    /// Those from one byte to another.
    #[inline]
    pub(crate) fn within(&self, first: u8, last: u8) -> Kind {
        let (first, width) = (u8x16::splat(first), u8x16::splat(last - first));
        Kind(self.0.map(|lane| {
            let above = lane - first;
            above.simd_eq(above.min(width))
        }))
    }

    /// Those from a byte on.
    #[inline]
    pub(crate) fn from(&self, first: u8) -> Kind {
        let first = u8x16::splat(first);
        Kind(self.0.map(|lane| lane.simd_eq(lane.max(first))))
    }

    /// Those beyond ASCII.
    #[inline]
    pub(crate) fn beyond(&self) -> Kind {
        Kind(self.0)
    }

    /// With the bit set that tells small letters of ASCII from capitals.
    #[inline]
    pub(crate) fn small(&self) -> Self {
        Self(self.0.map(|lane| lane | u8x16::splat(0x20)))
    }
}

impl Kind {
    /// Bit n: byte n is of the kind.
    #[inline]
    pub(crate) fn bits(self) -> u64 {
        self.0.iter().rev().fold(0, |bits, lane| bits << LANES | u64::from(lane.to_bitmask()))
    }
}

impl BitOr for Kind {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        let [a, b, c, d] = self.0;
        let [e, f, g, h] = other.0;
        Self([a | e, b | f, c | g, d | h])
    }
}

impl BitAnd for Kind {
    type Output = Self;

    #[inline]
    fn bitand(self, other: Self) -> Self {
        let [a, b, c, d] = self.0;
        let [e, f, g, h] = other.0;
        Self([a & e, b & f, c & g, d & h])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each byte at each place of a block.
    fn agrees(kind: impl Fn(&Block) -> Kind, is: impl Fn(u8) -> bool) {
        for byte in 0..=255 {
            for place in 0..SIZE {
                let mut bytes = [if is(0) { 1 } else { 0 }; SIZE];
                bytes[place] = byte;
                let expected = (0..SIZE).fold(0, |bits, n| bits | u64::from(is(bytes[n])) << n);
                assert_eq!(kind(&Block::of(&bytes)).bits(), expected, "{byte} at {place}");
            }
        }
    }

    #[test]
    fn kinds_are_told_byte_by_byte() {
        agrees(|block| block.is(b'@'), |byte| byte == b'@');
        agrees(|block| block.within(b'0', b':'), |byte| (b'0'..=b':').contains(&byte));
        agrees(|block| block.from(0xC3), |byte| byte >= 0xC3);
        agrees(|block| block.beyond(), |byte| byte >= 0x80);
        agrees(|block| block.small().within(b'a', b'z'), |byte| byte.is_ascii_alphabetic());
        agrees(|block| block.is(b'a') | block.is(0xFF), |byte| byte == b'a' || byte == 0xFF);
        agrees(|block| block.from(b'0') & block.within(0, b'9'), |byte| byte.is_ascii_digit());
    }

    #[test]
    fn zeros_stand_behind_a_short_text() {
        assert_eq!(Block::first(b"a1b2").within(b'0', b'9').bits(), 0b1010);
        assert_eq!(Block::first(b"").is(0).bits(), u64::MAX);
    }
}
