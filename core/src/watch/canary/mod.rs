//! Ids and texts that nobody has a reason to touch: who does is looking around.

mod passing;

use std::collections::HashSet;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use self::passing::Texts;
pub use self::passing::{Gate, Met, Spotter};

use crate::error::{Error, ErrorKind};

/// What is laid out.
pub struct Canaries {
    ids: Arc<HashSet<Box<str>>>,
    /// The ids as texts: where none stands, nothing has to be parsed.
    hints: AhoCorasick,
    texts: Arc<Texts>,
}

impl Canaries {
    /// Ids of rows, vectors or objects, and texts that stand in them.
    ///
    /// # Errors
    /// Where they are too many to be looked for.
    pub fn new(ids: &[&str], texts: &[&str]) -> Result<Self, Error> {
        let too_many = |e| Error::new(ErrorKind::Input, "canaries that cannot be looked for").with_source(e);
        Ok(Self {
            ids: Arc::new(ids.iter().map(|id| (*id).into()).collect()),
            hints: AhoCorasick::new(ids).map_err(too_many)?,
            texts: Arc::new(Texts::new(texts.iter().flat_map(|text| forms(text)).collect())?),
        })
    }

    /// Whether a request names one: in a segment of its path, as a value of its JSON, or as a text anywhere in its body.
    pub fn in_request(&self, target: &str, body: Option<&[u8]>) -> bool {
        let path = target.split('?').next().unwrap_or("");
        let named =
            |segment: &str| percent_decode_str(segment).decode_utf8().is_ok_and(|id| self.ids.contains(&*id));
        let body = body.unwrap_or_default();
        path.split('/').any(named)
            || self.texts.are_in(body)
            || (!self.ids.is_empty() && self.hints.is_match(body) && self.in_json(body))
    }

    /// Whether a statement or command names one: as a word of its own, or as a text anywhere in it.
    pub fn in_words(&self, said: &[u8]) -> bool {
        self.texts.are_in(said) || (!self.ids.is_empty() && self.in_text(said))
    }

    /// Whether an id stands in a text, and not within a longer word or number.
    fn in_text(&self, text: &[u8]) -> bool {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
        self.hints.find_overlapping_iter(text).any(|found| {
            let before = text.get(..found.start()).unwrap_or_default();
            let after = text.get(found.end()..).and_then(<[u8]>::first);
            let fraction = matches!(before, [.., digit, b'.'] if digit.is_ascii_digit());
            !before.last().copied().is_some_and(word) && !after.copied().is_some_and(word) && !fraction
        })
    }

    /// The ids, for what counts them as they pass.
    pub fn ids(&self) -> Option<Arc<HashSet<Box<str>>>> {
        (!self.ids.is_empty()).then(|| Arc::clone(&self.ids))
    }

    /// Whether one of these ids is laid out.
    pub fn in_ids(&self, ids: &[String]) -> bool {
        !self.ids.is_empty() && ids.iter().any(|id| self.ids.contains(id.as_str()))
    }

    /// What notes the texts in bytes that pass; `None` where there are none.
    pub fn spotter(&self) -> Option<Spotter> {
        Spotter::new(Arc::clone(&self.texts))
    }

    /// What keeps the texts in; `None` where there are none.
    pub fn gate(&self) -> Option<Gate> {
        Gate::new(Arc::clone(&self.texts))
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
    fn a_statement_names_an_id_as_a_word_of_its_own() {
        let canaries = Canaries::new(&["9000117", "rec/canary"], &["Otto Zwirn"]).unwrap();
        for (said, touched) in [
            ("SELECT * FROM docs WHERE id = 9000117", true),
            ("SELECT * FROM docs WHERE id IN (1,'9000117')", true),
            ("SELECT 19000117, 0.9000117, x9000117, 9000117_a", false),
            ("aws s3 cp s3://b/rec/canary .", true),
            ("GET rec/canaryx", false),
            ("SELECT * FROM docs WHERE name = 'Otto Zwirn'", true),
        ] {
            assert_eq!(canaries.in_words(said.as_bytes()), touched, "{said}");
        }
    }
}
