//! JSON documents on lines (NDJSON): each masked as it comes, unless they carry texts in pieces.
//!
//! Whether they do shows in the first line: then each line is read when it is complete, and texts that go on from line
//! to line are read as one ([`stream`](super::stream)). Any other body goes through as it comes, however long its lines.

use crate::json::{Fault, FaultCode};

use super::json::JsonDriver;
use super::marker::Marker;
use super::splice::Splice;
use super::stream::{Event, Framing, Texts};
use super::text::Progress;

/// A longer first line carries no piece of a text.
const MAX_PIECE: usize = 64 * 1024;

/// The most bytes of one line that carries pieces.
const MAX_LINE: usize = 8 * 1024 * 1024;

/// Reads NDJSON.
#[derive(Debug)]
pub(super) enum LinesDriver {
    /// The first line is not known yet; no line ends before this offset.
    Unknown(usize),
    /// Documents that have nothing to do with each other.
    Documents(Box<JsonDriver>),
    Texts(Pieces),
}

/// Lines that carry pieces of texts.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    texts: Texts,
    /// No line ends before this offset.
    searched: usize,
    base: u64,
}

impl LinesDriver {
    pub(super) fn new() -> Self {
        Self::Unknown(0)
    }

    /// How many bytes of texts are held back.
    pub(super) fn held(&self) -> usize {
        if let Self::Texts(pieces) = self { pieces.texts.held() } else { 0 }
    }

    pub(super) fn read(
        &mut self,
        marker: &mut Marker,
        window: &[u8],
        last: bool,
        splice: &mut Splice<'_>,
    ) -> Result<Progress, Fault> {
        loop {
            match self {
                Self::Documents(driver) => return driver.read(marker, window, last, splice),
                Self::Texts(pieces) => return pieces.read(marker, window, last, splice),
                Self::Unknown(searched) => {
                    let start = window.iter().position(|byte| !byte.is_ascii_whitespace());
                    let from = start.unwrap_or(window.len()).max(*searched);
                    let ahead = window.get(from..).unwrap_or_default();
                    let end = memchr::memchr(b'\n', ahead).map(|at| from + at);
                    let end = end.or((last || window.len() > MAX_PIECE).then_some(window.len()));
                    let Some(end) = end else {
                        *searched = window.len();
                        return Ok(Progress { released: 0, keep: 0 });
                    };
                    let first = window.get(..end.min(MAX_PIECE)).unwrap_or_default();
                    let pieces = marker.plan.detects()
                        && Event::read(first, &marker.plan.paths).is_ok_and(|event| !event.pieces.is_empty());
                    *self = if pieces {
                        Self::Texts(Pieces::default())
                    } else {
                        Self::Documents(Box::new(JsonDriver::series(marker)))
                    };
                }
            }
        }
    }
}

impl Pieces {
    fn read(
        &mut self,
        marker: &mut Marker,
        window: &[u8],
        last: bool,
        splice: &mut Splice<'_>,
    ) -> Result<Progress, Fault> {
        let mut released = 0;
        loop {
            let from = self.searched.max(released);
            let end = memchr::memchr(b'\n', window.get(from..).unwrap_or_default()).map(|at| from + at);
            let Some(end) = end.or((last && released < window.len()).then_some(window.len())) else { break };
            self.line(marker, window, released..end, splice)?;
            released = (end + 1).min(window.len());
        }
        if last {
            let mut rest = Vec::new();
            self.texts.end(marker, Framing::Lines, &mut rest, |_| true);
            if !rest.is_empty() {
                splice.cut(released..released);
                if !window.ends_with(b"\n") {
                    splice.add(b"\n");
                }
                splice.add(&rest);
            }
        }
        if window.len() - released > MAX_LINE {
            return Err(Fault { code: FaultCode::TooLong, at: self.base + released as u64 });
        }
        self.searched = window.len() - released;
        self.base += released as u64;
        Ok(Progress { released, keep: released })
    }

    fn line(
        &mut self,
        marker: &mut Marker,
        window: &[u8],
        span: std::ops::Range<usize>,
        splice: &mut Splice<'_>,
    ) -> Result<(), Fault> {
        let at = self.base + span.start as u64;
        let text = window.get(span.clone()).unwrap_or_default();
        if text.trim_ascii().is_empty() {
            return Ok(());
        }
        let mut before = Vec::new();
        let new = match self.texts.again(marker, text, b"") {
            Some(new) => new,
            None => {
                let event = Event::read(text, &marker.plan.paths);
                let event = event.map_err(|fault| Fault { code: fault.code, at: at + fault.at })?;
                let new = self.texts.read(marker, (text, event), (Framing::Lines, b""), &mut before);
                new.map_err(|code| Fault { code, at })?
            }
        };
        if !before.is_empty() {
            splice.cut(span.start..span.start);
            splice.add(&before);
        }
        if let Some(new) = new {
            splice.cut(span);
            splice.add(&new);
        }
        Ok(())
    }
}
