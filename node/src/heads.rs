//! Heads of messages, as one text each way.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use wardline::guard::HeaderEdits;

use crate::errors;

/// Reads `rawHeaders` joined by line feeds: names and values in turn, `count` of them.
///
/// The count settles what a line feed inside a value would otherwise leave open. Each character of a value stands for
/// one byte, as Node has it.
///
/// # Errors
/// Another number of lines than `count`, or a line that is no header name or value.
pub(crate) fn parse(joined: &str, count: u32) -> Result<HeaderMap, wardline::Error> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut headers = HeaderMap::with_capacity(count.min(256) / 2);
    if count == 0 {
        return Ok(headers);
    }
    let mut lines = joined.split('\n');
    let mut read = 0;
    while let Some(name) = lines.next() {
        let value =
            lines.next().ok_or_else(|| errors::input("expected a header's name and its value in turn"))?;
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| errors::input("expected a header name"))?;
        let value = value_of(value).ok_or_else(|| errors::input("expected a header value"))?;
        headers.try_append(name, value).map_err(|_| errors::input("expected fewer headers"))?;
        read += 2;
    }
    if read == count { Ok(headers) } else { Err(errors::input("expected headers without line feeds")) }
}

fn value_of(text: &str) -> Option<HeaderValue> {
    if text.is_ascii() {
        return HeaderValue::from_str(text).ok();
    }
    let bytes: Option<Vec<u8>> = text.chars().map(|char| u8::try_from(char).ok()).collect();
    HeaderValue::from_maybe_shared(bytes::Bytes::from(bytes?)).ok()
}

/// Changes to a head, one a line: `-name` is taken out, `+name: value` put in.
pub(crate) fn lines(edits: &HeaderEdits) -> String {
    let mut text = String::new();
    for name in &edits.remove {
        text.push('-');
        text.push_str(name.as_str());
        text.push('\n');
    }
    for (name, value) in &edits.set {
        text.push('+');
        text.push_str(name.as_str());
        text.push_str(": ");
        text.push_str(&String::from_utf8_lossy(value.as_bytes()));
        text.push('\n');
    }
    text.pop();
    text
}

/// The edits that came so far, each under a number of its own: the same few come again and again, and a number
/// crosses the border for next to nothing.
#[derive(Default)]
pub(crate) struct Known(Vec<HeaderEdits>);

impl Known {
    /// No edits at all.
    pub(crate) const NONE: u32 = 0;
    /// Edits that have no number: they are asked for as text.
    pub(crate) const OTHER: u32 = 127;

    /// The number of these edits.
    pub(crate) fn number(&mut self, edits: &HeaderEdits) -> u32 {
        if edits.is_empty() {
            return Self::NONE;
        }
        let at = self.0.iter().position(|known| known == edits).unwrap_or(self.0.len());
        let Some(number) = u32::try_from(at + 1).ok().filter(|number| *number < Self::OTHER) else {
            return Self::OTHER;
        };
        if at == self.0.len() {
            if edits.set.iter().any(|(name, _)| name == header::CONTENT_LENGTH) {
                // A length hardly comes twice.
                return Self::OTHER;
            }
            self.0.push(edits.clone());
        }
        number
    }
}
