//! The output of one pass over a window: its bytes with some of them replaced, copied only if something is.

use std::ops::Range;

/// Bytes on their way out of a window.
#[derive(Debug)]
pub(super) struct Splice<'a> {
    window: &'a [u8],
    out: &'a mut Vec<u8>,
    /// What lies before this has gone out or was cut.
    copied: usize,
    changed: bool,
}

impl<'a> Splice<'a> {
    /// The bytes of `window` before `sent` went out before.
    pub(super) fn new(window: &'a [u8], sent: usize, out: &'a mut Vec<u8>) -> Self {
        Self { window, out, copied: sent, changed: false }
    }

    /// Cuts a span out. Spans come in order.
    pub(super) fn cut(&mut self, span: Range<usize>) {
        if !self.changed {
            // What goes on is about as long as what came.
            self.out.reserve(self.window.len().saturating_sub(self.copied));
        }
        self.pass(span.start);
        self.copied = self.copied.max(span.end);
        self.changed = true;
    }

    /// Adds bytes where the last cut was.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.changed = true;
    }

    /// Where to write in place of the last cut.
    pub(super) fn out(&mut self) -> &mut Vec<u8> {
        self.changed = true;
        self.out
    }

    /// Sends everything before `to` as it is.
    pub(super) fn pass(&mut self, to: usize) {
        if to > self.copied {
            self.out.extend_from_slice(self.window.get(self.copied..to).unwrap_or_default());
            self.copied = to;
        }
    }

    pub(super) fn changed(&self) -> bool {
        self.changed
    }
}
