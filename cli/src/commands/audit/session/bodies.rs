//! What was kept of the bodies of a session, as they left.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use wardline::audit::{self, Body, Entry, Passed};

use crate::words::plain;

/// Characters of a body that a terminal is shown.
const SHOWN: usize = 2_000;

/// The bodies of an exchange, request and response; where one cannot be read, why.
pub(crate) struct Bodies([Result<Option<Body>, String>; 2]);

impl Bodies {
    pub(crate) fn of(folder: &Path, entry: &Entry) -> Self {
        Self(match audit::bodies(folder, &entry.slot, &entry.record) {
            Ok(bodies) => bodies.map(Ok),
            Err(error) => [Err(error.to_string()), Err(error.to_string())],
        })
    }

    /// Each side that something is to be said of, with what the record says of it.
    fn sides<'a>(
        &'a self,
        entry: &'a Entry,
    ) -> impl Iterator<Item = (&'static str, &'a Passed, &'a Result<Option<Body>, String>)> {
        let passed = [("in", &entry.record.request), ("out", &entry.record.response)];
        let sides = passed.into_iter().zip(&self.0);
        sides.filter_map(|((side, passed), body)| Some((side, passed.as_deref()?, body)))
    }

    /// One line for each body.
    pub(crate) fn lines(&self, entry: &Entry) -> Vec<String> {
        let line = |(side, passed, body): (&str, &Passed, &Result<Option<Body>, String>)| {
            let cut = passed.captured.as_ref().is_some_and(|captured| captured.cut);
            Some(match (body, &passed.uncaptured) {
                (Ok(Some(Body::Kept(bytes))), _) => {
                    let text = String::from_utf8_lossy(bytes);
                    let shown: String = text.chars().take(SHOWN).collect();
                    let more = if cut || shown.len() < text.len() { " ..." } else { "" };
                    format!("{side}  {}{more}", plain(&shown))
                }
                (Ok(Some(Body::Erased)), _) => format!("{side}  erased"),
                (Ok(None), Some(why)) => format!("{side}  not kept: {why}"),
                (Ok(None), None) => return None,
                (Err(error), _) => passed.captured.as_ref().map(|_| format!("{side}  {error}"))?,
            })
        };
        self.sides(entry).filter_map(line).collect()
    }

    /// As JSON, by side.
    pub(crate) fn json(&self, entry: &Entry) -> Value {
        self.sides(entry)
            .filter_map(|(side, passed, body)| Some((side.to_owned(), content(passed, body)?)))
            .collect()
    }

    /// As HAR has it: of the request and of the response, where there is something.
    pub(super) fn contents(&self, entry: &Entry) -> [Option<Value>; 2] {
        let mut contents = [None, None];
        for (side, passed, body) in self.sides(entry) {
            let place = contents.get_mut(usize::from(side == "out"));
            place.into_iter().for_each(|place| *place = content(passed, body));
        }
        contents
    }
}

/// A body under the names of HAR's content.
fn content(passed: &Passed, body: &Result<Option<Body>, String>) -> Option<Value> {
    let media = passed.captured.as_ref().map(|captured| &captured.media);
    let cut = passed.captured.as_ref().is_some_and(|captured| captured.cut);
    Some(match (body, &passed.uncaptured) {
        (Ok(Some(Body::Kept(bytes))), _) => {
            let comment = if cut { "cut: only its beginning was kept" } else { "as it left, after masking" };
            match std::str::from_utf8(bytes) {
                Ok(text) => json!({ "mimeType": media, "text": text, "comment": comment }),
                Err(_) => {
                    json!({ "mimeType": media, "text": BASE64.encode(bytes), "encoding": "base64", "comment": comment })
                }
            }
        }
        (Ok(Some(Body::Erased)), _) => json!({ "mimeType": media, "comment": "erased" }),
        (Ok(None), Some(why)) => json!({ "mimeType": "", "comment": format!("not kept: {why}") }),
        (Ok(None), None) => return None,
        (Err(error), _) => json!({ "mimeType": media?, "comment": error }),
    })
}
