//! Single values out of a whole body, for rules whose verdict depends on it.

use std::borrow::Cow;

use super::fault::Fault;
use super::scanner::{Kind, Runs, Scanner, Step};
use super::set::{Matcher, PathSet};
use super::string::Decoded;

/// The values that stand at some paths of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extract<'a> {
    values: Vec<(usize, Value<'a>)>,
    /// Whether a member that a path names comes twice in one object: which of them counts is then up to the
    /// reader, so that nothing may be decided by it.
    pub repeated: bool,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value<'a> {
    /// What it is.
    pub kind: ValueKind,
    /// A string decoded; a number or literal as written; empty for containers.
    pub text: Cow<'a, str>,
    /// Elements of an array, members of an object, bytes of a decoded string; 1 for any other.
    pub len: u64,
    /// Offset of its first byte.
    pub at: u64,
}

/// The kinds of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// A string.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`.
    Null,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl<'a> Extract<'a> {
    /// The values at the path with this index, in order of appearance.
    pub fn at(&self, path: usize) -> impl Iterator<Item = &Value<'a>> {
        self.values.iter().filter(move |(index, _)| *index == path).map(|(_, value)| value)
    }

    /// The first value at the path with this index.
    pub fn first(&self, path: usize) -> Option<&Value<'a>> {
        self.at(path).next()
    }
}

impl Value<'_> {
    /// A whole number that is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        (self.kind == ValueKind::Number).then(|| self.text.parse().ok()).flatten()
    }

    /// `true` or `false`.
    pub fn as_bool(&self) -> Option<bool> {
        (self.kind == ValueKind::Bool).then_some(self.text == "true")
    }

    /// A string's text.
    pub fn as_str(&self) -> Option<&str> {
        (self.kind == ValueKind::String).then_some(self.text.as_ref())
    }
}

/// The values that stand at `paths` in a whole body.
///
/// # Errors
/// Where the body is not one valid JSON document.
pub fn extract<'a>(body: &'a [u8], paths: &PathSet) -> Result<Extract<'a>, Fault> {
    let mut scanner = Scanner::new();
    let mut matcher = Matcher::new(paths);
    let mut found = Extract::default();
    // For each open container: how many children so far, and which of the values found it is.
    let mut open: Vec<(u64, Vec<usize>)> = Vec::new();
    let mut decoded = Decoded::default();
    // A long string is put together from its parts.
    let mut long: Option<(Vec<usize>, String)> = None;
    loop {
        let in_array = scanner.depth() > 0 && !scanner.in_object();
        let runs = || if matcher.wants_elements(paths) { Runs::Single } else { Runs::Read };
        let token = match scanner.next(body, true, runs)? {
            Step::Token => scanner.token(),
            Step::More | Step::End => break,
        };
        let raw = body.get(token.span.clone()).unwrap_or_default();
        let at = scanner.offset(token.span.start);
        if starts_value(token.kind)
            && let Some((children, _)) = open.last_mut()
        {
            if in_array {
                matcher.element(paths, *children);
            }
            *children += token.count;
        }
        let value = match token.kind {
            Kind::Key => {
                let inside = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
                if token.escaped {
                    decoded.clear();
                    decoded.push(inside);
                    matcher.key(paths, &decoded.text);
                } else {
                    matcher.key(paths, inside);
                }
                continue;
            }
            Kind::ObjectStart => Value::new(ValueKind::Object, Cow::Borrowed(""), 0, at),
            Kind::ArrayStart => Value::new(ValueKind::Array, Cow::Borrowed(""), 0, at),
            Kind::ObjectEnd | Kind::ArrayEnd => {
                if let Some((children, which)) = open.pop() {
                    for index in which {
                        if let Some((_, value)) = found.values.get_mut(index) {
                            value.len = children;
                        }
                    }
                }
                matcher.close();
                continue;
            }
            Kind::String if matcher.is_alive() => {
                let inside = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
                let text = if token.escaped {
                    decoded.clear();
                    decoded.push(inside);
                    Cow::Owned(String::from_utf8_lossy(&decoded.text).into_owned())
                } else {
                    String::from_utf8_lossy(inside)
                };
                let len = text.len() as u64;
                Value::new(ValueKind::String, text, len, at)
            }
            Kind::Number => Value::new(ValueKind::Number, String::from_utf8_lossy(raw), 1, at),
            Kind::Literal if raw == b"null" => Value::new(ValueKind::Null, Cow::Borrowed("null"), 1, at),
            Kind::Literal => Value::new(ValueKind::Bool, String::from_utf8_lossy(raw), 1, at),
            Kind::LongStart => {
                let value = Value::new(ValueKind::String, Cow::Borrowed(""), 0, at);
                long = Some((found.note(&matcher, paths, &value), String::new()));
                continue;
            }
            Kind::LongPart => {
                if let Some((which, text)) = &mut long
                    && !which.is_empty()
                {
                    decoded.clear();
                    decoded.push(raw);
                    text.push_str(&String::from_utf8_lossy(&decoded.text));
                }
                continue;
            }
            Kind::LongEnd => {
                if let Some((which, text)) = long.take() {
                    for index in which {
                        if let Some((_, value)) = found.values.get_mut(index) {
                            value.len = text.len() as u64;
                            value.text = Cow::Owned(text.clone());
                        }
                    }
                }
                continue;
            }
            Kind::String | Kind::Numbers | Kind::Comma => continue,
        };
        let which = found.note(&matcher, paths, &value);
        if matches!(token.kind, Kind::ObjectStart | Kind::ArrayStart) {
            open.push((0, which));
            matcher.open();
        }
    }
    found.repeated = matcher.repeated();
    Ok(found)
}

impl<'a> Value<'a> {
    fn new(kind: ValueKind, text: Cow<'a, str>, len: u64, at: u64) -> Self {
        Self { kind, text, len, at }
    }
}

impl<'a> Extract<'a> {
    fn note(&mut self, matcher: &Matcher, paths: &PathSet, value: &Value<'a>) -> Vec<usize> {
        let mut which = Vec::new();
        for path in matcher.matches(paths) {
            which.push(self.values.len());
            self.values.push((path, value.clone()));
        }
        which
    }
}

fn starts_value(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::ObjectEnd | Kind::ArrayEnd | Kind::Comma | Kind::Key | Kind::LongPart | Kind::LongEnd
    )
}

#[cfg(test)]
mod tests {
    use super::super::{LONG_STRING, Path};
    use super::*;

    fn set(paths: &[&str]) -> PathSet {
        PathSet::new(paths.iter().map(|p| Path::parse(p).unwrap()).collect())
    }

    #[test]
    fn every_kind() {
        let paths = set(&["a", "b.c", "list", "list[*]", "o", "no", "v", "nul"]);
        let body = br#"{"a": "x\u0041", "b": {"c": 12}, "list": [1, "b", [2]], "o": {"p": 1, "q": 2}, "v": [0.1, 0.2], "nul": null}"#;
        let found = extract(body, &paths).unwrap();
        assert_eq!(found.first(0).unwrap().as_str(), Some("xA"));
        assert_eq!(found.first(1).unwrap().as_u64(), Some(12));
        assert_eq!(found.first(2).unwrap().len, 3);
        let kinds: Vec<_> = found.at(3).map(|v| v.kind).collect();
        assert_eq!(kinds, [ValueKind::Number, ValueKind::String, ValueKind::Array]);
        assert_eq!((found.first(4).unwrap().kind, found.first(4).unwrap().len), (ValueKind::Object, 2));
        assert_eq!(found.first(5), None);
        assert_eq!(found.first(6).unwrap().len, 2);
        assert_eq!(found.first(7).unwrap().kind, ValueKind::Null);
        assert!(!found.repeated);
    }

    #[test]
    fn repeated_deciding_keys_show() {
        let paths = set(&["limit", "points[*].id"]);
        assert!(extract(br#"{"limit": 1, "l\u0069mit": 9}"#, &paths).unwrap().repeated);
        assert!(!extract(br#"{"other": 1, "other": 9}"#, &paths).unwrap().repeated);
        assert!(!extract(br#"{"points": [{"id": 1}, {"id": 2}]}"#, &paths).unwrap().repeated);
        assert!(extract(br#"{"points": [{"id": 1, "id": 2}]}"#, &paths).unwrap().repeated);
    }

    #[test]
    fn long_strings_are_whole() {
        let text = "é\\n".repeat(LONG_STRING);
        let body = format!(r#"{{"a": "{text}", "b": 1}}"#);
        let paths = set(&["a", "b"]);
        let found = extract(body.as_bytes(), &paths).unwrap();
        assert_eq!(found.first(0).unwrap().text, "é\n".repeat(LONG_STRING));
        assert_eq!(found.first(1).unwrap().as_u64(), Some(1));
    }

    #[test]
    fn faults_have_a_place() {
        assert_eq!(extract(b"{\"a\": }", &set(&["a"])).unwrap_err().at, 6);
    }
}
