//! A text that arrives over several events, put together as far as it must be to be read.

use std::ops::Range;

use crate::detect::KEPT;

use super::super::json::{Given, JsonDriver};
use super::super::marker::{Marker, Reading};
use super::event::Name;
use super::shapes::Shapes;
use super::{Framing, write_data};

/// One text of the stream.
#[derive(Debug, Default)]
pub(super) struct Joined {
    pub(super) name: Name,
    /// The context before what is open, and what is open.
    text: Vec<u8>,
    reading: Reading,
    /// Everything before this offset of `text` has gone out.
    sent: usize,
    pub(super) last: Carrier,
}

/// The event that brought the last piece of a text: another like it carries what is left at the end.
#[derive(Debug, Default)]
pub(super) struct Carrier {
    /// Its `event:` line, if it has one.
    kind: Vec<u8>,
    data: Vec<u8>,
    /// Where the pieces stand in its data, with their quotes.
    pub(super) pieces: Vec<Range<usize>>,
    /// Which of them belongs to this text.
    own: usize,
}

impl Carrier {
    /// Takes over the event: its `event:` line, its data, and which of its pieces belongs to the text.
    pub(super) fn set(&mut self, kind: &[u8], data: &[u8], own: usize) {
        self.kind.clear();
        self.kind.extend_from_slice(kind);
        self.data.clear();
        self.data.extend_from_slice(data);
        self.pieces.clear();
        self.own = own;
    }

    /// One more event like it, with `rest` for a text and nothing for the texts beside it.
    pub(super) fn write(&self, marker: &mut Marker, rest: Vec<u8>, framing: Framing, out: &mut Vec<u8>) {
        let mut rest = Some(rest);
        let given = self.pieces.iter().enumerate().map(|(index, piece)| {
            let own = (index == self.own).then(|| rest.take()).flatten();
            Given { at: piece.start, new: Some(own.unwrap_or_default()) }
        });
        // What it holds beside its texts was noted when it first came.
        let report = std::mem::take(&mut marker.report);
        let new = JsonDriver::given(marker, &self.data, given.collect(), false);
        marker.report = report;
        let Ok(Some(new)) = new else { return };
        if !self.kind.is_empty() {
            out.extend_from_slice(&self.kind);
            out.push(b'\n');
        }
        match framing {
            Framing::Events => {
                write_data(&new, b"\n", out);
                out.extend_from_slice(b"\n\n");
            }
            Framing::Lines => {
                out.extend_from_slice(&new);
                out.push(b'\n');
            }
        }
    }
}

impl Joined {
    pub(super) fn new(name: Name) -> Self {
        Self { name, ..Self::default() }
    }

    /// How many bytes are held back.
    pub(super) fn held(&self) -> usize {
        self.text.len() - self.sent
    }

    /// Takes the next piece; what goes on in its place, `None` where that is the piece itself.
    pub(super) fn push(&mut self, marker: &mut Marker, piece: &[u8], last: bool) -> Option<Vec<u8>> {
        let carried = self.held() > 0;
        self.text.extend_from_slice(piece);
        let path =
            || Shapes::known().paths.paths().get(self.name.path()).map_or("", |p| p.as_str()).to_owned();
        marker.stand_in_piece(self.name.path());
        let marks = self.reading.read(marker, &self.text, None, last, path);
        let mut stop = self.reading.from;
        // What goes on is whole characters.
        while stop > self.sent && self.text.get(stop).is_some_and(|byte| byte & 0xc0 == 0x80) {
            stop -= 1;
        }
        let unchanged = !carried && marks.is_empty() && stop == self.text.len();
        let new = (!unchanged).then(|| {
            let mut new = Vec::with_capacity(stop - self.sent);
            let mut from = self.sent;
            for mark in &marks {
                new.extend_from_slice(self.text.get(from..mark.span.start).unwrap_or_default());
                new.extend_from_slice(&mark.text);
                from = mark.span.end;
            }
            new.extend_from_slice(self.text.get(from..stop).unwrap_or_default());
            new
        });
        let forget = self.reading.from.saturating_sub(KEPT).min(stop);
        self.text.drain(..forget);
        self.reading.from -= forget;
        self.sent = stop - forget;
        new
    }
}
