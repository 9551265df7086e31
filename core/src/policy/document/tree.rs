//! The policy's text as a tree in which every node knows its place.
//!
//! Built from the parser's events rather than from a ready tree: only so are repeated keys, aliases and tags
//! still visible, each with its position, and can depth be bounded before anything recurses. Anchors, aliases
//! and tags are refused: what a policy says must be readable where it stands.

use std::collections::HashSet;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::findings::{File, Findings, Place, clip};

/// A policy's text may be at most this long, in bytes.
pub(in crate::policy) const MAX_BYTES: usize = 1 << 20;
/// Lists and maps may nest at most this deep; the deepest policy that means anything needs 8.
const MAX_DEPTH: usize = 32;

/// A value and where it stands.
#[derive(Debug)]
pub(in crate::policy) struct Node {
    pub(in crate::policy) place: Place,
    pub(in crate::policy) end: Place,
    pub(in crate::policy) value: Value,
}

#[derive(Debug)]
pub(in crate::policy) enum Value {
    /// Text as written; `plain` without quotes, so that `5`, `true` and `null` mean a number, a truth, nothing.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
    /// Already reported.
    Broken,
}

#[derive(Debug)]
pub(in crate::policy) struct Key {
    pub(in crate::policy) text: String,
    pub(in crate::policy) place: Place,
}

impl Node {
    /// The value of a key.
    pub(in crate::policy) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(k, _)| k.text == key).map(|(_, node)| node)
    }

    /// The entries of a map; none for anything else.
    pub(in crate::policy) fn entries(&self) -> &[(Key, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of a list; none for anything else.
    pub(in crate::policy) fn elements(&self) -> &[Self] {
        match &self.value {
            Value::List(elements) => elements,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub(in crate::policy) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// What it is, for a message.
    pub(in crate::policy) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null") => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Broken => "something unreadable",
        }
    }
}

/// Reads the one document of `text`, which is that of `file`. What is wrong is in `findings`; `None` where there is no tree to go
/// on with.
pub(in crate::policy) fn read(text: &str, file: File, findings: &mut Findings) -> Option<Node> {
    if text.len() > MAX_BYTES {
        findings.add(file.start(), "too_large", format!("expected at most {MAX_BYTES} bytes"));
        return None;
    }
    let mut builder = Builder { file, findings, open: Vec::new(), root: None };
    for step in Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text)) {
        match step {
            Ok((event, span)) => builder.take(event, span)?,
            Err(error) => {
                let marker = error.marker();
                builder.findings.add(
                    at(file, marker.line(), marker.col()),
                    "yaml_syntax",
                    format!("not YAML: {}", error.info()),
                );
                return None;
            }
        }
    }
    let root = builder.root;
    if root.is_none() {
        findings.add(file.start(), "wrong_type", "expected a map of keys, found nothing");
    }
    root
}

/// From the parser's marker, whose columns start at 0.
fn at(file: File, line: usize, column_from_0: usize) -> Place {
    file.place(line.max(1), column_from_0 + 1)
}

struct Builder<'f> {
    file: File,
    findings: &'f mut Findings,
    open: Vec<Open>,
    root: Option<Node>,
}

/// A list or map whose end has not come yet.
struct Open {
    place: Place,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map {
        entries: Vec<(Key, Node)>,
        seen: HashSet<String>,
        /// The key that waits for its value; `Some(None)` when that key was refused.
        key: Option<Option<Key>>,
    },
}

impl Builder<'_> {
    /// Takes one event; `None` to stop.
    fn take(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        let place = at(self.file, span.start.line(), span.start.col());
        let end = at(self.file, span.end.line(), span.end.col());
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse(place, anchor, tag.is_some());
                let value =
                    Value::Scalar { text: text.into_owned(), plain: matches!(style, ScalarStyle::Plain) };
                self.place(Node { place, end, value });
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse(place, anchor, tag.is_some());
                self.descend(place, OpenKind::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse(place, anchor, tag.is_some());
                let kind = OpenKind::Map { entries: Vec::new(), seen: HashSet::new(), key: None };
                self.descend(place, kind)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.open.pop()?;
                let value = match open.kind {
                    OpenKind::List(elements) => Value::List(elements),
                    OpenKind::Map { entries, .. } => Value::Map(entries),
                };
                self.place(Node { place: open.place, end, value });
            }
            Event::Alias(_) => {
                self.findings.add(
                    place,
                    "alias",
                    "aliases are not read: write the value out, so that a reviewer sees it",
                );
                self.place(Node { place, end, value: Value::Broken });
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                self.findings.add(
                    place,
                    "several_documents",
                    "a policy is one document: remove what follows",
                );
                return None;
            }
            _ => {}
        }
        Some(())
    }

    fn refuse(&mut self, place: Place, anchor: usize, tagged: bool) {
        if anchor != 0 {
            self.findings.add(place, "anchor", "anchors are not read: write the value where it is used");
        }
        if tagged {
            self.findings.add(place, "tag", "tags are not read: write the plain value");
        }
    }

    fn descend(&mut self, place: Place, kind: OpenKind) -> Option<()> {
        if self.open.len() >= MAX_DEPTH {
            self.findings.add(place, "too_deep", format!("lists and maps may nest at most {MAX_DEPTH} deep"));
            return None;
        }
        self.open.push(Open { place, kind });
        Some(())
    }

    /// Puts a finished node where it belongs.
    fn place(&mut self, node: Node) {
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut parent.kind {
            OpenKind::List(elements) => elements.push(node),
            OpenKind::Map { entries, seen, key } => match key.take() {
                Some(Some(key)) => entries.push((key, node)),
                Some(None) => {}
                None => *key = Some(accept(node, seen, self.findings)),
            },
        }
    }
}

/// A node that stands where a key belongs.
fn accept(node: Node, seen: &mut HashSet<String>, findings: &mut Findings) -> Option<Key> {
    match node.value {
        Value::Scalar { text, .. } if seen.insert(text.clone()) => Some(Key { text, place: node.place }),
        Value::Scalar { text, .. } => {
            findings.add(
                node.place,
                "duplicate_key",
                format!("{} is already given in this map", clip(&text)),
            );
            None
        }
        Value::Broken => None,
        _ => {
            findings.add(node.place, "wrong_type", "expected a name as key");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<String> {
        let mut findings = Findings::new("p.yaml");
        let _ = read(text, File::MAIN, &mut findings);
        findings.sorted().iter().map(|d| format!("{}:{} {}", d.line, d.column, d.code)).collect()
    }

    #[test]
    fn places_count_characters_from_one() {
        let mut findings = Findings::new("p.yaml");
        let root = read("é: 1\nb:\n  - [x, \"ü\", z]\n", File::MAIN, &mut findings).unwrap();
        let z = root.get("b").unwrap().elements()[0].elements().last().unwrap();
        assert_eq!((z.place.line, z.place.column, z.text()), (3, 14, Some("z")));
        assert!(findings.is_sound());
    }

    #[test]
    fn what_hides_meaning_is_refused_where_it_stands() {
        assert_eq!(codes("a: 1\nb: 2\na: 3\nb: 4\n"), ["3:1 duplicate_key", "4:1 duplicate_key"]);
        assert_eq!(codes("a: &x [1]\nb: *x\n"), ["1:4 anchor", "2:4 alias"]);
        assert_eq!(codes("a: !!str 1\n"), ["1:4 tag"]);
        assert_eq!(codes("a: 1\n---\nb: 1\n"), ["2:1 several_documents"]);
        assert_eq!(codes("? [a]\n: 1\n"), ["1:3 wrong_type"]);
        assert_eq!(codes("a: [1\n"), ["2:1 yaml_syntax"]);
        assert_eq!(codes(""), ["1:1 wrong_type"]);
    }

    #[test]
    fn size_and_depth_are_bounded() {
        assert_eq!(codes(&"#".repeat(MAX_BYTES + 1)), ["1:1 too_large"]);
        assert_eq!(codes(&format!("a: {}", "[".repeat(200))), ["1:35 too_deep"]);
        let bomb: String =
            (0..30).map(|i| format!("a{i}: &a{i} [*a{j}, *a{j}]\n", j = i.max(1) - 1)).collect();
        assert!(codes(&bomb).len() > 30);
    }
}
