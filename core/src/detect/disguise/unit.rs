//! One unit of a disguise: which reader it needs, and what it says.

use super::{characters, escape, line, quoted, tag};

/// What stands at a place that the gate named.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unit {
    None,
    /// These bytes say this.
    Says {
        start: usize,
        end: usize,
        says: Says,
    },
    /// The text ends before it is known what begins there.
    Cut(usize),
}

/// What a unit says: a character, a byte, or nothing at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Says {
    bytes: [u8; 4],
    length: usize,
}

impl Says {
    /// Nothing at all.
    pub(super) const NOTHING: Self = Self { bytes: [0; 4], length: 0 };

    pub(super) fn byte(byte: u8) -> Self {
        Self { bytes: [byte, 0, 0, 0], length: 1 }
    }

    pub(super) fn char(c: char) -> Self {
        let mut bytes = [0; 4];
        let length = c.encode_utf8(&mut bytes).len();
        Self { bytes, length }
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// The text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End;

/// A text from the place where a unit may begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ahead<'t> {
    pub(super) text: &'t [u8],
    pub(super) at: usize,
    pub(super) whole: bool,
}

impl Ahead<'_> {
    /// The byte so many places on; none behind the end of a whole text.
    pub(super) fn byte(&self, n: usize) -> Result<Option<u8>, End> {
        match self.text.get(self.at + n) {
            Some(byte) => Ok(Some(*byte)),
            None if self.whole => Ok(None),
            None => Err(End),
        }
    }

    /// The byte so many places before.
    pub(super) fn before(&self, n: usize) -> Option<u8> {
        self.text.get(self.at.checked_sub(n)?).copied()
    }

    /// The number that `count` hexadecimal digits make.
    pub(super) fn hex(&self, from: usize, count: usize) -> Result<Option<u32>, End> {
        let mut number = 0;
        for n in from..from + count {
            let digit = self.byte(n)?.and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else { return Ok(None) };
            number = number << 4 | digit;
        }
        Ok(Some(number))
    }

    /// How many bytes of a class follow from `from` on, `most` at most.
    pub(super) fn run(&self, from: usize, most: usize, class: impl Fn(u8) -> bool) -> Result<usize, End> {
        let mut count = 0;
        while count < most && self.byte(from + count)?.is_some_and(&class) {
            count += 1;
        }
        Ok(count)
    }
}

/// How many bytes a unit has, and what it says.
pub(super) type Read = Result<Option<(usize, Says)>, End>;

/// The unit at `at`.
pub(super) fn read(text: &[u8], at: usize, whole: bool) -> Unit {
    let ahead = Ahead { text, at, whole };
    if let Some(b'0'..=b'9' | b'-') = text.get(at) {
        // What may be a unit is the end of the line behind it.
        return match line::read(&Ahead { at: at + 1, ..ahead }) {
            Ok(Some((length, says))) => Unit::Says { start: at + 1, end: at + 1 + length, says },
            Ok(None) => Unit::None,
            Err(End) => Unit::Cut(at),
        };
    }
    let (start, read) = match text.get(at) {
        Some(b'%') => (at, escape::percent(&ahead)),
        Some(b'+') => (at, escape::plus(&ahead)),
        Some(b'&') => (at, escape::entity(&ahead)),
        Some(b'\\') => (escape::first_backslash(&ahead), escape::backslash(&ahead)),
        Some(b'=') => (at, quoted::read(&ahead)),
        Some(b'@' | b'.' | b'\n' | b'\r') => (at, line::read(&ahead)),
        Some(b'<') => (at, tag::read(&ahead)),
        _ => (at, characters::read(&ahead)),
    };
    match read {
        Ok(Some((length, says))) => Unit::Says { start, end: at + length, says },
        Ok(None) => Unit::None,
        Err(End) => Unit::Cut(start),
    }
}
