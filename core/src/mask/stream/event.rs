//! What one event says: pieces of texts that other events began or go on, and which texts it ends.

use std::ops::Range;

use crate::json::{Decoded, Fault, Kind, Matcher, PathSet, Runs, Scanner, Step, Token};

use super::shapes::{Role, Shapes};

/// One event, read.
#[derive(Debug, Default)]
pub(in crate::mask) struct Event {
    /// In order of appearance.
    pub(in crate::mask) pieces: Vec<Piece>,
    pub(super) ends: Vec<Name>,
    /// Values that say a text once more.
    pub(super) repeats: Vec<Range<usize>>,
}

/// A piece of a text.
#[derive(Debug, Clone)]
pub(in crate::mask) struct Piece {
    /// The text that it belongs to.
    pub(super) name: Name,
    /// The string with its quotes.
    pub(super) span: Range<usize>,
    pub(super) escaped: bool,
    /// Too long to be held whole.
    pub(super) long: bool,
}

/// Names a text of the stream: `at` says where, by the members that tell texts apart, outermost first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::mask) struct Name {
    shape: usize,
    at: String,
    path: usize,
}

impl Name {
    /// The place of its path among the known ones.
    pub(super) fn path(&self) -> usize {
        self.path
    }

    /// The shape of its stream.
    pub(super) fn shape(&self) -> usize {
        self.shape
    }

    /// Whether the end of `other` ends this too.
    pub(super) fn ends_with(&self, other: &Self) -> bool {
        self.shape == other.shape && self.at.starts_with(&other.at)
    }
}

/// A container that is open.
#[derive(Default)]
struct Frame {
    object: bool,
    elements: u64,
    /// Its place in the array that it stands in.
    place: Option<u64>,
    /// Members that tell texts apart: which, and their values as written.
    marks: Vec<(usize, String)>,
    /// How many pieces and ends were known before it.
    pieces: usize,
    ends: usize,
}

struct Reader<'t> {
    text: &'t [u8],
    shapes: &'static Shapes,
    matcher: Matcher,
    fields: &'t PathSet,
    covering: Matcher,
    frames: Vec<Frame>,
    /// The member that stands here, if it tells texts apart; and whether it is the `type` of the event.
    mark: Option<usize>,
    is_type: bool,
    /// A container in which nothing is a text: how deep it is, and where it began if it says a text once more.
    aside: Option<(usize, Option<usize>)>,
    decoded: Decoded,
    event: Event,
}

impl Event {
    /// Reads an event. What a field rule covers (`fields`) is no text: nothing of it goes on.
    ///
    /// # Errors
    /// Where the text is not one JSON document.
    pub(in crate::mask) fn read(text: &[u8], fields: &PathSet) -> Result<Self, Fault> {
        let shapes = Shapes::known();
        let mut scanner = Scanner::new();
        let mut reader = Reader {
            text,
            shapes,
            matcher: Matcher::new(&shapes.paths),
            fields,
            covering: Matcher::new(fields),
            frames: Vec::new(),
            mark: None,
            is_type: false,
            aside: None,
            decoded: Decoded::default(),
            event: Self::default(),
        };
        loop {
            let single = || reader.matcher.wants_elements(&shapes.paths);
            match scanner.next(text, true, || if single() { Runs::Single } else { Runs::Read })? {
                Step::Token => reader.token(&scanner.token()),
                Step::More | Step::End => return Ok(reader.event),
            }
        }
    }
}

impl Reader<'_> {
    fn token(&mut self, token: &Token) {
        match token.kind {
            Kind::Key => self.key(token),
            Kind::ObjectEnd | Kind::ArrayEnd => {
                self.close();
                self.matcher.close();
                self.covering.close();
                if let Some((depth, start)) = self.aside
                    && depth == self.frames.len()
                {
                    self.event.repeats.extend(start.map(|start| start..token.span.end));
                    self.aside = None;
                }
            }
            Kind::Comma | Kind::LongPart | Kind::LongEnd => {}
            _ => self.value(token),
        }
    }

    fn inside(&self, token: &Token) -> &[u8] {
        self.text.get(token.span.start + 1..token.span.end.saturating_sub(1)).unwrap_or_default()
    }

    fn key(&mut self, token: &Token) {
        let mut decoded = std::mem::take(&mut self.decoded);
        let name = if token.escaped {
            decoded.clear();
            decoded.push(self.inside(token));
            &decoded.text
        } else {
            self.text.get(token.span.start + 1..token.span.end.saturating_sub(1)).unwrap_or_default()
        };
        self.matcher.key(&self.shapes.paths, name);
        self.covering.key(self.fields, name);
        self.mark = self.shapes.apart.iter().position(|known| known.as_bytes() == name);
        self.is_type = self.frames.len() == 1 && name == b"type";
        self.decoded = decoded;
    }

    fn value(&mut self, token: &Token) {
        let mut place = None;
        if let Some(frame) = self.frames.last_mut().filter(|frame| !frame.object) {
            place = Some(frame.elements);
            self.matcher.element(&self.shapes.paths, frame.elements);
            self.covering.element(self.fields, frame.elements);
            frame.elements += token.count;
        }
        let opened = matches!(token.kind, Kind::ObjectStart | Kind::ArrayStart);
        if self.aside.is_none() {
            if self.covering.first(self.fields).is_none() {
                self.roles(token, opened);
            } else if opened {
                self.aside = Some((self.frames.len(), None));
            }
        }
        if opened {
            self.matcher.open();
            self.covering.open();
            self.frames.push(Frame {
                object: token.kind == Kind::ObjectStart,
                place,
                pieces: self.event.pieces.len(),
                ends: self.event.ends.len(),
                ..Frame::default()
            });
        } else {
            let raw = self.text.get(token.span.clone()).unwrap_or_default();
            if let (Some(mark), Some(frame)) = (self.mark, self.frames.last_mut()) {
                frame.marks.push((mark, String::from_utf8_lossy(raw).into_owned()));
            }
            if self.is_type {
                let kind = self.inside(token).to_vec();
                let ended = self.shapes.ended_by(&kind);
                self.event.ends.extend(ended.map(|shape| Name { shape, ..Name::default() }));
            }
        }
        self.mark = None;
        self.is_type = false;
    }

    fn roles(&mut self, token: &Token, opened: bool) {
        let raw = self.text.get(token.span.clone()).unwrap_or_default();
        for path in self.matcher.matches(&self.shapes.paths) {
            let span = token.span.clone();
            match (self.shapes.role(path), token.kind) {
                (Some(Role::Text(shape)), Kind::String | Kind::LongStart) => {
                    let escaped = token.kind == Kind::String && token.escaped;
                    let name = Name { shape, at: String::new(), path };
                    let long = token.kind == Kind::LongStart;
                    self.event.pieces.push(Piece { name, span, escaped, long });
                }
                (Some(Role::End(shape)), _) if !matches!(raw, b"null" | b"false" | b"\"\"") => {
                    self.event.ends.push(Name { shape, ..Name::default() });
                }
                (Some(Role::Repeat), _) if opened => self.aside = Some((self.frames.len(), Some(span.start))),
                _ => {}
            }
            // Of two shapes with the same text, one reads it.
            if self.event.pieces.last().is_some_and(|piece| piece.span.start == token.span.start) {
                break;
            }
        }
    }

    /// Puts what the container says of itself before the names of all that stands in it.
    fn close(&mut self) {
        let Some(mut frame) = self.frames.pop() else { return };
        if !frame.object {
            return;
        }
        frame.marks.sort();
        let pieces = self.event.pieces.iter_mut().skip(frame.pieces).map(|piece| &mut piece.name);
        for name in pieces.chain(self.event.ends.iter_mut().skip(frame.ends)) {
            let mut told = String::new();
            for (member, value) in &frame.marks {
                if self.shapes.tells(name.shape, *member) {
                    told.push_str(value);
                    told.push(';');
                }
            }
            if let (true, Some(place)) = (told.is_empty(), frame.place) {
                told = format!("[{place}];");
            }
            name.at.insert_str(0, &told);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let event = Event::read(text.as_bytes(), &PathSet::default()).unwrap();
        event
            .pieces
            .iter()
            .map(|piece| format!("{}{}", piece.name.at, text.get(piece.span.clone()).unwrap()))
            .collect()
    }

    #[test]
    fn texts_are_told_apart() {
        assert_eq!(
            names(
                r#"{"choices":[{"delta":{"content":"a","tool_calls":[{"index":3,"function":{"arguments":"b"}}]},"index":1}]}"#
            ),
            ["1;\"a\"", "1;3;\"b\""]
        );
        assert_eq!(
            names(r#"{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"a"}}"#),
            ["2;\"a\""]
        );
        assert_eq!(
            names(r#"{"candidates":[{"index":0,"content":{"parts":[{"text":"a"},{"text":"b"}]}}]}"#),
            ["0;[0];\"a\"", "0;[1];\"b\""]
        );
    }

    #[test]
    fn ends_are_seen() {
        let read = |text: &str| Event::read(text.as_bytes(), &PathSet::default()).unwrap();
        let text = read(r#"{"choices":[{"index":1,"delta":{"content":"a"},"finish_reason":null}]}"#);
        assert!(text.ends.is_empty());
        let end = read(r#"{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}"#);
        assert!(end.ends.iter().any(|end| text.pieces[0].name.ends_with(end)));
        let other = read(r#"{"choices":[{"index":10,"delta":{},"finish_reason":"stop"}]}"#);
        assert!(!other.ends.iter().any(|end| text.pieces[0].name.ends_with(end)));
        assert!(!read(r#"{"type":"message_stop"}"#).ends.is_empty());
    }

    #[test]
    fn what_repeats_a_text_is_seen_whole() {
        let text =
            r#"{"choices":[{"logprobs":{"content":[{"token":"a","bytes":[97]}]},"delta":{"content":"a"}}]}"#;
        let event = Event::read(text.as_bytes(), &PathSet::default()).unwrap();
        assert_eq!(
            text.get(event.repeats[0].clone()).unwrap(),
            r#"{"content":[{"token":"a","bytes":[97]}]}"#
        );
        assert_eq!(event.pieces.len(), 1);
    }
}
