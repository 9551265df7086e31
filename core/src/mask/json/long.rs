//! A string too long to be held whole: read as a stream of text.

use crate::detect::KEPT;
use crate::json::{Decoded, Token, escape_into};

use super::super::marker::{Marker, Reading};
use super::super::splice::Splice;
use super::JsonDriver;

/// A long string on its way.
#[derive(Debug)]
pub(super) struct LongText {
    /// What is still open of it, and the context before that.
    decoded: Decoded,
    reading: Reading,
    /// Where in the window the raw bytes of `decoded` begin; before it, once the context has gone out.
    base: isize,
}

impl LongText {
    pub(super) fn new(start: usize) -> Self {
        Self { decoded: Decoded::default(), reading: Reading::default(), base: start.cast_signed() }
    }

    /// Where in the window it is still open.
    pub(super) fn hold(&self) -> usize {
        self.window_at(self.decoded.raw_start(self.reading.from))
    }

    pub(super) fn shift(&mut self, by: usize) {
        self.base -= by.cast_signed();
    }

    fn window_at(&self, raw: usize) -> usize {
        usize::try_from(self.base + raw.cast_signed()).unwrap_or(0)
    }

    /// Forgets what is answered for but for the context.
    fn forget(&mut self) {
        let mut at = self.reading.from.saturating_sub(KEPT);
        while self.decoded.text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80) && at > 0 {
            at -= 1;
        }
        self.base += self.decoded.raw_start(at).cast_signed();
        self.decoded.forget(at);
        self.reading.from -= at;
    }
}

impl JsonDriver {
    pub(super) fn long_part(
        &mut self,
        marker: &mut Marker,
        window: &[u8],
        token: &Token,
        splice: &mut Splice<'_>,
    ) {
        if let Some(mut long) = self.long.take() {
            long.decoded.push(window.get(token.span.clone()).unwrap_or_default());
            self.read_long(marker, &mut long, false, splice);
            long.forget();
            self.long = Some(long);
        }
    }

    pub(super) fn long_end(&mut self, marker: &mut Marker, splice: &mut Splice<'_>) {
        if let Some(mut long) = self.long.take() {
            self.read_long(marker, &mut long, true, splice);
        }
    }

    fn read_long(&self, marker: &mut Marker, long: &mut LongText, last: bool, splice: &mut Splice<'_>) {
        let (place, key) = (&self.place, self.key(marker));
        for mark in long.reading.read(marker, &long.decoded.text, key, last, || place.path()) {
            let start = long.window_at(long.decoded.raw_start(mark.span.start));
            splice.cut(start..long.window_at(long.decoded.raw_end(mark.span.end)));
            escape_into(&mark.text, splice.out());
        }
    }
}
