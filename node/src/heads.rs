//! Heads of messages, as one text each way.

use http::{HeaderMap, HeaderName, HeaderValue};
use napi::bindgen_prelude::Latin1String;
use wardline::guard::HeaderEdits;

use crate::errors;

/// Reads `rawHeaders` joined by line feeds: names and values in turn, `count` of them.
///
/// The count settles what a line feed inside a value would otherwise leave open.
///
/// # Errors
/// Another number of lines than `count`, or a line that is no header name or value.
pub(crate) fn parse(joined: &Latin1String, count: u32) -> Result<HeaderMap, wardline::Error> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut headers = HeaderMap::with_capacity(count.min(256) / 2);
    if count == 0 {
        return Ok(headers);
    }
    let mut lines = joined.split(|byte| *byte == b'\n');
    let mut read = 0;
    while let Some(name) = lines.next() {
        let value =
            lines.next().ok_or_else(|| errors::input("expected a header's name and its value in turn"))?;
        let name = HeaderName::from_bytes(name).map_err(|_| errors::input("expected a header name"))?;
        let value = HeaderValue::from_bytes(value).map_err(|_| errors::input("expected a header value"))?;
        headers.try_append(name, value).map_err(|_| errors::input("expected fewer headers"))?;
        read += 2;
    }
    if read == count { Ok(headers) } else { Err(errors::input("expected headers without line feeds")) }
}

/// Changes to a head, one a line: `-name` is taken out, `+name: value` put in. `None` where there are none.
pub(crate) fn edits(edits: &HeaderEdits) -> Option<String> {
    if edits.is_empty() {
        return None;
    }
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
    Some(text)
}
