//! The text under the reader's finger, and whether the end of what has come was touched.

use std::cell::Cell;

use super::CONTEXT;
use super::disguise::Origin;

/// Bytes of a text. A reader that asks for a byte beyond the end *touches* it: were the text to go on, the answer
/// could differ. All reading forward goes through here, which is what makes streaming exact.
pub(super) struct Input<'t> {
    text: &'t [u8],
    /// The way back from a view, which bounds how far before a value its context is looked for.
    origin: Option<Origin<'t>>,
    touched: Cell<bool>,
}

impl<'t> Input<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { text, origin: None, touched: Cell::new(false) }
    }

    /// A view of a text.
    pub(super) fn of_view(text: &'t [u8], origin: Origin<'t>) -> Self {
        Self { origin: Some(origin), ..Self::new(text) }
    }

    pub(super) fn is_view(&self) -> bool {
        self.origin.is_some()
    }

    /// At most [`CONTEXT`] bytes before an offset.
    pub(super) fn context(&self, at: usize) -> &'t [u8] {
        let left = at.saturating_sub(CONTEXT);
        self.slice(self.origin.map_or(left, |origin| left.max(origin.sight(at))), at)
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// The byte at an offset; beyond the end this touches it.
    #[inline]
    pub(super) fn at(&self, offset: usize) -> Option<u8> {
        let byte = self.text.get(offset).copied();
        if byte.is_none() {
            self.touched.set(true);
        }
        byte
    }

    /// The byte at an offset, without touching: whoever uses this says so by [`touch`](Self::touch).
    #[inline]
    pub(super) fn peek(&self, offset: usize) -> Option<u8> {
        self.text.get(offset).copied()
    }

    /// Touches the end.
    pub(super) fn touch(&self) {
        self.touched.set(true);
    }

    /// The byte before an offset, if there is one.
    #[inline]
    pub(super) fn before(&self, offset: usize) -> Option<u8> {
        self.text.get(offset.checked_sub(1)?).copied()
    }

    /// What has come from an offset on, without touching the end.
    pub(super) fn rest(&self, from: usize) -> &'t [u8] {
        self.text.get(from..).unwrap_or_default()
    }

    /// Bytes that have already been read (or lie to the left).
    pub(super) fn slice(&self, start: usize, end: usize) -> &'t [u8] {
        self.text.get(start..end).unwrap_or_default()
    }

    /// So many bytes from an offset on; fewer touch the end.
    pub(super) fn slice_to(&self, start: usize, count: usize) -> Option<&'t [u8]> {
        let slice = self.text.get(start..start + count);
        if slice.is_none() {
            self.touch();
        }
        slice
    }

    /// Whether `literal` stands at the offset.
    pub(super) fn starts(&self, offset: usize, literal: &[u8]) -> bool {
        literal.iter().enumerate().all(|(n, &byte)| self.at(offset + n) == Some(byte))
    }

    /// The end of the run of bytes of a class, of at most `most` bytes; a longer run yields `start + most`.
    pub(super) fn run(&self, start: usize, most: usize, class: impl Fn(u8) -> bool) -> usize {
        let mut end = start;
        while end - start < most && self.at(end).is_some_and(&class) {
            end += 1;
        }
        end
    }

    /// The start of the run of bytes of a class that ends at `end`, of at most `most` bytes.
    pub(super) fn run_back(&self, end: usize, most: usize, class: impl Fn(u8) -> bool) -> usize {
        let mut start = end;
        while end - start < most && self.before(start).is_some_and(&class) {
            start -= 1;
        }
        start
    }

    /// Whether the end was touched since the last call.
    pub(super) fn take_touched(&self) -> bool {
        self.touched.replace(false)
    }
}

/// Letters, digits and the bytes of characters beyond ASCII: what makes a neighbour part of the same word.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
