//! Ids and texts that nobody has a reason to touch: who does is looking around.

use std::collections::HashSet;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::error::{Error, ErrorKind};

/// What is laid out.
pub struct Canaries {
    ids: HashSet<Box<str>>,
    /// The ids as texts: where none stands, nothing has to be parsed.
    hints: AhoCorasick,
    texts: Arc<AhoCorasick>,
    /// The longest form of a text, in bytes; 0 where there is none.
    longest: usize,
}

impl Canaries {
    /// Ids of rows, vectors or objects, and texts that stand in them.
    ///
    /// # Errors
    /// Where they are too many to be looked for.
    pub fn new(ids: &[&str], texts: &[&str]) -> Result<Self, Error> {
        let too_many = |e| Error::new(ErrorKind::Input, "canaries that cannot be looked for").with_source(e);
        let forms: Vec<String> = texts.iter().flat_map(|text| forms(text)).collect();
        Ok(Self {
            ids: ids.iter().map(|id| (*id).into()).collect(),
            hints: AhoCorasick::new(ids).map_err(too_many)?,
            longest: forms.iter().map(String::len).max().unwrap_or(0),
            texts: Arc::new(AhoCorasick::new(forms).map_err(too_many)?),
        })
    }

    /// Whether a request names one: in a segment of its path, as a value of its JSON, or as a text anywhere in its body.
    pub fn in_request(&self, target: &str, body: Option<&[u8]>) -> bool {
        let path = target.split('?').next().unwrap_or("");
        let named =
            |segment: &str| percent_decode_str(segment).decode_utf8().is_ok_and(|id| self.ids.contains(&*id));
        let body = body.unwrap_or_default();
        path.split('/').any(named)
            || (self.longest > 0 && self.texts.is_match(body))
            || (!self.ids.is_empty() && self.hints.is_match(body) && self.in_json(body))
    }

    /// Whether one of these ids is laid out.
    pub fn in_ids(&self, ids: &[String]) -> bool {
        !self.ids.is_empty() && ids.iter().any(|id| self.ids.contains(id.as_str()))
    }

    /// What looks for the texts in bytes that pass; `None` where there are none.
    pub fn spotter(&self) -> Option<Spotter> {
        let texts = Arc::clone(&self.texts);
        (self.longest > 0).then(|| Spotter { texts, kept: self.longest - 1, tail: Vec::new(), found: false })
    }

    fn in_json(&self, body: &[u8]) -> bool {
        // One document, or one a line.
        let whole = serde_json::from_slice::<Value>(body);
        match whole {
            Ok(value) => self.in_value(&value),
            Err(_) => body
                .split(|byte| *byte == b'\n')
                .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
                .any(|value| self.in_value(&value)),
        }
    }

    /// The depth is bounded by the reader's own limit.
    fn in_value(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.ids.contains(text.as_str()),
            Value::Number(number) => self.ids.contains(number.to_string().as_str()),
            Value::Array(values) => values.iter().any(|value| self.in_value(value)),
            Value::Object(members) => members.values().any(|value| self.in_value(value)),
            Value::Null | Value::Bool(_) => false,
        }
    }
}

impl fmt::Debug for Canaries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canaries(..)")
    }
}

/// A text as it stands in plain text and in JSON, with and without letters beyond ASCII.
fn forms(text: &str) -> Vec<String> {
    let json = serde_json::to_string(text).unwrap_or_default();
    let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or(text).to_owned();
    let mut ascii = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    let mut forms = vec![text.to_owned(), json, ascii];
    forms.dedup();
    forms
}

/// Looks for the texts of canaries in bytes that pass, however they are cut.
pub struct Spotter {
    texts: Arc<AhoCorasick>,
    /// So many bytes are kept of what passed: one less than the longest text.
    kept: usize,
    tail: Vec<u8>,
    found: bool,
}

impl Spotter {
    /// A piece passes.
    pub fn push(&mut self, piece: &[u8]) {
        if self.found || piece.is_empty() {
            return;
        }
        let seam = self.tail.len();
        self.tail.extend_from_slice(piece.get(..self.kept).unwrap_or(piece));
        self.found = (seam > 0 && self.texts.is_match(&self.tail)) || self.texts.is_match(piece);
        if piece.len() >= self.kept {
            self.tail.clear();
            self.tail.extend_from_slice(piece.get(piece.len() - self.kept..).unwrap_or(piece));
        } else {
            let over = self.tail.len().saturating_sub(self.kept);
            self.tail.drain(..over);
        }
    }

    /// Whether one passed.
    pub fn found(&self) -> bool {
        self.found
    }
}

impl fmt::Debug for Spotter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spotter({})", self.found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_whole_value_and_a_text_stands_anywhere() {
        let canaries = Canaries::new(&["9000117", "rec/canary"], &["Otto \"Zwirn\" Löwe"]).unwrap();
        for (target, body, touched) in [
            ("/collections/docs/points/9000117", "", true),
            ("/collections/docs/points/90001170?id=9000117", "", false),
            ("/objects/rec%2Fcanary", "", true),
            ("/p", r#"{"ids":[1,9000117]}"#, true),
            ("/p", r#"{"ids":["9000117"]}"#, true),
            ("/p", r#"{"vector":[0.9000117,90001170],"9000117":1}"#, false),
            ("/p", "{\"id\":1}\n{\"id\":9000117}\n", true),
            ("/p", "9000117 is not JSON here}", false),
            ("/p", r#"{"name":"Otto \"Zwirn\" Löwe"}"#, true),
            ("/p", r#"{"name":"Otto \"Zwirn\" L\u00f6we"}"#, true),
            ("/p", "note: Otto \"Zwirn\" Löwe!", true),
            ("/p", "Otto Zwirn", false),
        ] {
            assert_eq!(canaries.in_request(target, Some(body.as_bytes())), touched, "{target} {body}");
        }
        assert!(canaries.in_ids(&["3".into(), "9000117".into()]) && !canaries.in_ids(&["900011".into()]));
    }

    #[test]
    fn the_cuts_of_a_body_change_nothing() {
        let canaries = Canaries::new(&[], &["needle in it", "ne"]).unwrap();
        for text in ["a needle in it.", "needle", "nnneedl", "xx", "n", "the needle in i"] {
            let whole = text.contains("ne");
            for size in 1..=text.len() {
                let mut spotter = canaries.spotter().unwrap();
                text.as_bytes().chunks(size).for_each(|piece| spotter.push(piece));
                assert_eq!(spotter.found(), whole, "{text} by {size}");
            }
        }
        let long = Canaries::new(&[], &["needle in it"]).unwrap();
        let text = "..needle in needle in it..";
        for size in 1..=text.len() {
            let mut spotter = long.spotter().unwrap();
            text.as_bytes().chunks(size).for_each(|piece| spotter.push(piece));
            assert!(spotter.found(), "{size}");
        }
        assert!(Canaries::new(&["x"], &[]).unwrap().spotter().is_none());
    }
}
