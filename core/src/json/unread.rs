//! A value that nobody asks for: where it ends, and nothing else of it.
//!
//! Whoever only counts knows from a member's name that nothing in it counts. Its brackets and quotes are then followed block by
//! block to where it ends; what stands between them is not read. It is as long as a parser of JSON takes it for, where one takes it.

use fearless_simd::Simd;

use crate::block::{self, Block, widest};

/// How far such a value is passed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unread {
    /// How many containers are open in it; for 0 it is a text or a word.
    depth: usize,
    /// Whether one stands within a text, and whether its next byte is taken by an escape.
    text: bool,
    escaped: bool,
}

impl Unread {
    /// Behind the first byte of a value; `None` where none begins so.
    pub(super) fn behind(byte: u8) -> Option<Self> {
        let (depth, text) = match byte {
            b'{' | b'[' => (1, false),
            b'"' => (0, true),
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => (0, false),
            _ => return None,
        };
        Some(Self { depth, text, escaped: false })
    }

    /// How many of these bytes, which follow, still belong to it; `None` where it goes on behind them.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Option<usize> {
        if self.depth == 0 && !self.text {
            return bytes
                .iter()
                .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'));
        }
        widest!(simd => self.pass_with(simd, bytes))
    }

    #[inline(always)]
    fn pass_with<S: Simd>(&mut self, simd: S, bytes: &[u8]) -> Option<usize> {
        for (n, bytes) in bytes.chunks(block::SIZE).enumerate() {
            let block = Block::first(simd, bytes);
            let small = block.small();
            // A bracket is a brace but for the bit of small letters.
            let (opens, closes) = (small.is(b'{').bits(), small.is(b'}').bits());
            let quotes = block.is(b'"').bits() & !self.taken(block.is(b'\\').bits(), bytes.len());
            if self.depth == 0 {
                // A text ends with its quote.
                if quotes != 0 {
                    return Some(n * block::SIZE + quotes.trailing_zeros() as usize + 1);
                }
                continue;
            }
            let texts = between(quotes) ^ if self.text { u64::MAX } else { 0 };
            self.text = texts >> 63 != 0;
            let (opens, closes) = (opens & !texts, closes & !texts);
            if let Some(last) = self.last(opens, closes) {
                return Some(n * block::SIZE + last + 1);
            }
        }
        None
    }

    /// The bytes of a block, of so many, that an escape takes, given its backslashes.
    #[inline(always)]
    fn taken(&mut self, backslashes: u64, len: usize) -> u64 {
        let mut taken = u64::from(self.escaped);
        self.escaped = false;
        let mut left = backslashes;
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            left &= left - 1;
            if taken >> at & 1 == 0 {
                self.escaped = at + 1 == len;
                taken |= 2_u64.checked_shl(at as u32).unwrap_or(0);
            }
        }
        taken
    }

    /// Which of the brackets of a block closes the value.
    #[inline(always)]
    fn last(&mut self, opens: u64, closes: u64) -> Option<usize> {
        let (more, fewer) = (opens.count_ones() as usize, closes.count_ones() as usize);
        if fewer < self.depth {
            self.depth += more;
            self.depth -= fewer;
            return None;
        }
        let mut left = opens | closes;
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            left &= left - 1;
            if opens >> at & 1 == 1 {
                self.depth += 1;
            } else {
                self.depth -= 1;
                if self.depth == 0 {
                    return Some(at);
                }
            }
        }
        None
    }
}

/// The bits from each odd quote up to the next one, that one left out.
#[inline(always)]
fn between(quotes: u64) -> u64 {
    let mut inside = quotes;
    for by in [1, 2, 4, 8, 16, 32] {
        inside ^= inside << by;
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader of one byte at a time.
    fn slow(bytes: &[u8]) -> Option<usize> {
        let (mut depth, mut text, mut escaped) = (0, false, false);
        let scalar = !matches!(bytes.first()?, b'{' | b'[' | b'"');
        for (at, byte) in bytes.iter().enumerate() {
            if scalar {
                if at > 0 && b",}] \t\n\r".contains(byte) {
                    return Some(at);
                }
                continue;
            }
            let taken = std::mem::take(&mut escaped);
            match byte {
                b'\\' if !taken => escaped = true,
                b'"' if !taken => text = !text,
                b'{' | b'[' if !text => depth += 1,
                b'}' | b']' if !text => depth -= 1,
                _ => {}
            }
            if depth == 0 && !text {
                return Some(at + 1);
            }
        }
        None
    }

    /// The same in pieces that end at `cuts`.
    fn fast(bytes: &[u8], piece: usize) -> Option<usize> {
        let (first, rest) = bytes.split_first()?;
        let mut unread = Unread::behind(*first)?;
        let mut passed = 1;
        for piece in rest.chunks(piece) {
            match unread.pass(piece) {
                Some(len) => return Some(passed + len),
                None => passed += piece.len(),
            }
        }
        None
    }

    #[test]
    fn a_value_ends_where_its_brackets_do() {
        let long = format!("{{\"a\":[{}\"]\\\\\\\"}}\"],\"b\":{{}}}}", "\"[[\",".repeat(40));
        for (value, rest) in [
            ("{}", ","),
            (r#"{"title":"a title"}"#, r#","vector":[1]}"#),
            (r#""]}\"""#, "}"),
            (r#""a\\""#, "]"),
            ("-1.5e7", "}"),
            ("null", " ]"),
            (r#"[[["}"],{"a":"]"}]]"#, "]}"),
            (&long, ",1]"),
        ] {
            let text = format!("{value}{rest}");
            for piece in [1, 2, 7, 63, 64, 65, 1_000] {
                assert_eq!(fast(text.as_bytes(), piece), Some(value.len()), "{text} by {piece}");
            }
        }
        assert!(Unread::behind(b'}').is_none() && Unread::behind(b',').is_none());
    }

    #[test]
    fn many_bytes_at_once_pass_as_one_at_a_time() {
        let pieces =
            ["{", "}", "[", "]", "\"", "\\", "\\\"", "a", "é", ",", ":", "\"text\"", "{\"a\":", "0.25", "  "];
        let mut seed = 7_u64;
        let mut random = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % most
        };
        let mut ended = 0;
        for _ in 0..20_000 {
            let mut text = ["{", "[", "\"", "7"][random(4)].to_owned();
            (0..random(120)).for_each(|_| text.push_str(pieces[random(pieces.len())]));
            let expected = slow(text.as_bytes());
            let piece = 1 + random(130);
            assert_eq!(fast(text.as_bytes(), piece), expected, "{text} by {piece}");
            ended += usize::from(expected.is_some());
        }
        assert!((2_000..18_000).contains(&ended), "{ended}");
    }
}
