//! Plain text: read as it comes, held back no further than the longest value still possible.

use crate::detect::KEPT;
use crate::json::{Fault, FaultCode};

use super::marker::{Marker, Reading};
use super::splice::Splice;

/// How much of a window has gone, and how much must stay for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// Everything before this may go out.
    pub(super) released: usize,
    /// The window is kept from here on; at most `released`.
    pub(super) keep: usize,
}

/// Reads plain text.
#[derive(Debug, Default)]
pub(super) struct TextDriver {
    /// The form field that the text stands in.
    key: Option<String>,
    reading: Reading,
    /// Everything before this offset of the window is whole characters.
    checked: usize,
    base: u64,
}

impl TextDriver {
    /// For a text under this name.
    pub(super) fn under(key: Option<&str>) -> Self {
        Self { key: key.map(str::to_owned), ..Self::default() }
    }

    pub(super) fn read(
        &mut self,
        marker: &mut Marker,
        window: &[u8],
        last: bool,
        splice: &mut Splice<'_>,
    ) -> Result<Progress, Fault> {
        let unchecked = window.get(self.checked..).unwrap_or_default();
        if let Err(wrong) = std::str::from_utf8(unchecked) {
            self.checked += wrong.valid_up_to();
            if last || wrong.error_len().is_some() {
                return Err(Fault { code: FaultCode::InvalidUtf8, at: self.base + self.checked as u64 });
            }
        } else {
            self.checked = window.len();
        }
        marker.stand_bare();
        // A character that is not whole yet is not text yet.
        let text = window.get(..self.checked).unwrap_or_default();
        let key = self.key.as_deref();
        let path = || key.unwrap_or_default().to_owned();
        for mark in self.reading.read(marker, text, key, last, path) {
            splice.cut(mark.span);
            splice.add(&mark.text);
        }
        let released = self.reading.from;
        let keep = if last { released } else { released.saturating_sub(KEPT) };
        self.reading.from -= keep;
        self.checked -= keep;
        self.base += keep as u64;
        Ok(Progress { released, keep })
    }
}
