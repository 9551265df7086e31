//! Events that differ from the one before in one piece of a text alone, as nearly all of a model's answer do.
//!
//! What stands around the piece was read with the event before, and nothing in it was changed or noted: it says the same
//! again. Only the piece has to be read.
//!
//! ```text
//! data: {"choices":[{"index":0,"delta":{"content":" ask"}}]}
//! data: {"choices":[{"index":0,"delta":{"content":" ada"}}]}
//! ```

use std::ops::Range;

use super::event::{Event, Name};

/// Longer events are read each by itself.
const MOST: usize = 4 * 1024;

/// What stands around a piece.
#[derive(Debug)]
pub(super) struct Alike {
    pub(super) name: Name,
    /// Up to the opening quote, and from the closing one on.
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Alike {
    /// Of an event in which nothing but its only piece says anything: it was masked to `masked`, with `piece` in the
    /// place of the piece.
    pub(super) fn of(
        text: &[u8],
        event: &Event,
        piece: Option<&[u8]>,
        masked: Option<&[u8]>,
    ) -> Option<Self> {
        let [only] = event.pieces.as_slice() else { return None };
        if text.len() > MOST || only.escaped || !event.ends.is_empty() {
            return None;
        }
        let before = text.get(..=only.span.start)?;
        let after = text.get(only.span.end.checked_sub(1)?..)?;
        let this = Self { name: only.name.clone(), before: before.to_vec(), after: after.to_vec() };
        let expected = piece.map(|piece| this.with(piece));
        (expected.as_deref() == masked).then_some(this)
    }

    /// The piece of an event of which all else is the same.
    pub(super) fn piece<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        let piece = text.strip_prefix(self.before.as_slice())?.strip_suffix(self.after.as_slice())?;
        // What a string holds that says no more than its bytes (RFC 8259 section 7).
        let plain = |byte: &u8| *byte >= b' ' && !matches!(byte, b'"' | b'\\');
        let reads = piece.len() <= MOST && piece.iter().all(plain) && std::str::from_utf8(piece).is_ok();
        reads.then_some(piece)
    }

    /// Where a piece of that length stands, with its quotes.
    pub(super) fn span(&self, length: usize) -> Range<usize> {
        let end = self.before.len() + length;
        self.before.len() - 1..end + 1
    }

    /// The event with another piece.
    pub(super) fn with(&self, piece: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.before.len() + piece.len() + self.after.len());
        text.extend_from_slice(&self.before);
        crate::json::escape_into(piece, &mut text);
        text.extend_from_slice(&self.after);
        text
    }
}
