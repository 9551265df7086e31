//! The inside of JSON strings: checked, decoded with a map back to the bytes, and encoded.

use fearless_simd::Simd;

use super::fault::FaultCode;
use crate::block::{self, Block, widest};

/// The length of the inside of a string, whose bytes these are, where it ends within the first block and is plain: ASCII,
/// without escapes and control characters. Most names and values are.
pub(super) fn plain_length(bytes: &[u8]) -> Option<usize> {
    let bytes = bytes.first_chunk()?;
    widest!(simd => plain_length_with(simd, bytes))
}

#[inline(always)]
fn plain_length_with<S: Simd>(simd: S, bytes: &[u8; block::SIZE]) -> Option<usize> {
    let block = Block::of(simd, bytes);
    let other = block.is(b'\\') | block.within(0, 0x1f) | block.beyond();
    let ends = block.is(b'"').bits();
    let at = ends.trailing_zeros();
    // Nothing else before it.
    (other.bits().trailing_zeros() > at).then_some(at as usize)
}

/// Checks the inside of a string but for its escapes: no control characters, valid UTF-8.
pub(super) fn check(inside: &[u8]) -> Result<(), (FaultCode, usize)> {
    // One pass without branches decides the common case.
    let (control, all) =
        inside.iter().fold((false, 0), |(control, all), &byte| (control | (byte < 0x20), all | byte));
    if control {
        let at = inside.iter().position(|&byte| byte < 0x20).unwrap_or(0);
        return Err((FaultCode::Malformed, at));
    }
    if all >= 0x80 {
        std::str::from_utf8(inside).map_err(|e| (FaultCode::InvalidUtf8, e.valid_up_to()))?;
    }
    Ok(())
}

/// One escape sequence at the start of `bytes` (a backslash stands there).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// A character, and how many bytes it takes: 2, 6, or 12 for a pair of surrogates.
    Char(char, usize),
    /// The bytes end inside it, or before it is known whether a pair of surrogates follows.
    Cut,
    /// Not an escape.
    Bad,
}

/// Reads one escape. A lone surrogate is valid JSON and names no character: it reads as U+FFFD.
pub(super) fn escape(bytes: &[u8], complete: bool) -> Escape {
    let cut = if complete { Escape::Bad } else { Escape::Cut };
    let simple = match bytes.get(1) {
        None => return cut,
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => {
            let unit = match bytes.get(2..6) {
                Some(digits) => match hex(digits) {
                    Some(unit) => unit,
                    None => return Escape::Bad,
                },
                None if bytes.iter().skip(2).all(u8::is_ascii_hexdigit) => return cut,
                None => return Escape::Bad,
            };
            return match unit {
                0xd800..0xdc00 => pair(unit, bytes.get(6..).unwrap_or_default(), complete),
                _ => Escape::Char(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
            };
        }
        Some(_) => return Escape::Bad,
    };
    Escape::Char(simple, 2)
}

fn pair(high: u32, after: &[u8], complete: bool) -> Escape {
    let lone = Escape::Char(char::REPLACEMENT_CHARACTER, 6);
    let shown = after.iter().take(2).zip(b"\\u").all(|(a, b)| a == b);
    match after.get(2..6).map(hex) {
        _ if !shown => lone,
        Some(Some(low @ 0xdc00..0xe000)) => {
            let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            char::from_u32(code).map_or(lone, |c| Escape::Char(c, 12))
        }
        None if !complete => Escape::Cut,
        _ => lone,
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, &digit| Some(value * 16 + char::from(digit).to_digit(16)?))
}

/// A piece of decoded text and where its bytes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    text: usize,
    raw: usize,
    /// An escape stands for all its bytes at once; plain bytes stand for themselves.
    escape: bool,
}

/// The decoded text of a string with escapes, and the way back.
#[derive(Debug, Clone, Default)]
pub struct Decoded {
    /// The text in UTF-8.
    pub text: Vec<u8>,
    pieces: Vec<Piece>,
    raw: usize,
}

impl Decoded {
    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.pieces.clear();
        self.raw = 0;
    }

    /// Adds the inside of a string, or a part of it that ends between characters, already found valid.
    pub fn push(&mut self, inside: &[u8]) {
        let mut rest = inside;
        loop {
            let plain = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
            let Some((before, after)) = rest.split_at_checked(plain) else { return };
            if !before.is_empty() {
                self.pieces.push(Piece { text: self.text.len(), raw: self.raw, escape: false });
                self.text.extend_from_slice(before);
                self.raw += before.len();
            }
            let Escape::Char(c, len) = escape(after, true) else { return };
            self.pieces.push(Piece { text: self.text.len(), raw: self.raw, escape: true });
            self.text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            self.raw += len;
            rest = after.get(len..).unwrap_or_default();
        }
    }

    /// Where in the raw bytes the text from `at` on begins.
    pub fn raw_start(&self, at: usize) -> usize {
        match self.piece(at) {
            Some(piece) if piece.escape => piece.raw,
            Some(piece) => piece.raw + (at - piece.text),
            None => self.raw,
        }
    }

    /// Where in the raw bytes the text up to `at` ends.
    pub fn raw_end(&self, at: usize) -> usize {
        match at.checked_sub(1).and_then(|last| Some((last, self.piece_index(last)?))) {
            Some((last, index)) => match self.pieces.get(index) {
                Some(piece) if !piece.escape => piece.raw + (last - piece.text) + 1,
                _ => self.pieces.get(index + 1).map_or(self.raw, |next| next.raw),
            },
            None => 0,
        }
    }

    /// Forgets the first `at` bytes of text, which lie on a border of characters; the rest starts at raw offset
    /// `raw_start(at)`, which becomes 0.
    pub fn forget(&mut self, at: usize) {
        let raw = self.raw_start(at);
        if let Some(index) = self.piece_index(at) {
            self.pieces.drain(..index);
        } else {
            self.pieces.clear();
        }
        for piece in &mut self.pieces {
            piece.text = piece.text.saturating_sub(at);
            piece.raw = piece.raw.saturating_sub(raw);
        }
        self.text.drain(..at.min(self.text.len()));
        self.raw -= raw.min(self.raw);
    }

    fn piece(&self, at: usize) -> Option<Piece> {
        if at >= self.text.len() {
            return None;
        }
        self.piece_index(at).and_then(|index| self.pieces.get(index)).copied()
    }

    fn piece_index(&self, at: usize) -> Option<usize> {
        self.pieces.partition_point(|piece| piece.text <= at).checked_sub(1)
    }
}

/// Writes text as the inside of a JSON string: the shortest escapes, everything else as it is.
pub fn escape_into(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        let Some((plain, [byte, after @ ..])) = rest.split_at_checked(at) else { break };
        out.extend_from_slice(plain);
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                let nibbles = [byte >> 4, byte & 15];
                out.extend(nibbles.iter().filter_map(|&n| HEX.get(usize::from(n))));
            }
        }
        rest = after;
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_and_maps_back() {
        let raw = r#"a\u00e9b\ud83d\ude00\"c\ud800z"#;
        let mut d = Decoded::default();
        d.push(raw.as_bytes());
        let text = String::from_utf8(d.text.clone()).unwrap();
        assert_eq!(text, "aéb😀\"c\u{fffd}z");
        for (start, c) in text.char_indices() {
            let back = raw.get(d.raw_start(start)..d.raw_end(start + c.len_utf8())).unwrap();
            let mut again = Decoded::default();
            again.push(back.as_bytes());
            assert_eq!(again.text, c.to_string().as_bytes());
        }
        assert_eq!(d.raw_end(d.text.len()), raw.len());
    }

    #[test]
    fn forgets_from_the_front() {
        let raw = br"ab\n\u0041cd\tz";
        for at in [0, 1, 2, 3, 4, 5, 6, 7, 8] {
            let mut d = Decoded::default();
            d.push(raw);
            let (text, start) = (d.text.clone(), d.raw_start(at));
            d.forget(at);
            assert_eq!(d.text, text[at..]);
            let mut fresh = Decoded::default();
            fresh.push(&raw[start..]);
            for i in 0..d.text.len() {
                assert_eq!(
                    (d.raw_start(i), d.raw_end(i + 1)),
                    (fresh.raw_start(i), fresh.raw_end(i + 1)),
                    "{at} {i}"
                );
            }
        }
    }

    #[test]
    fn escapes_read_back() {
        let text: String = (0..0x80u8).map(char::from).chain("é😀".chars()).collect();
        let mut out = vec![b'"'];
        escape_into(text.as_bytes(), &mut out);
        out.push(b'"');
        assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
    }

    #[test]
    fn cut_escapes_wait() {
        for cut in ["\\", "\\u", "\\u00", "\\ud83d", "\\ud83d\\", "\\ud83d\\ude0"] {
            assert_eq!(escape(cut.as_bytes(), false), Escape::Cut, "{cut}");
        }
        assert_eq!(escape(b"\\x", false), Escape::Bad);
        assert_eq!(escape(b"\\u0g", false), Escape::Bad);
        assert_eq!(escape(b"\\ud83dx", false), Escape::Char('\u{fffd}', 6));
    }
}
