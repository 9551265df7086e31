//! How the clients of a system are told that a request was refused, so that what they raise says why and which approval to wait for.
//!
//! A client reads the errors of its own system: of `{"error": {"message": "..."}}` it makes an exception with that message, of anything else it often
//! makes none at all. The catalogue says what it reads (`refusals`), and the guard puts its words there.

use std::fmt::Write;

use super::entries::refusals::Piece;

/// The form of a system's errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusals {
    pub(super) under: &'static str,
    pub(super) xml: bool,
    pub(crate) members: &'static [&'static str],
    pub(super) body: &'static [Piece<&'static str>],
    pub(super) words: &'static [(u16, &'static str)],
    pub(super) headers: &'static [(&'static str, &'static [Piece<&'static str>])],
}

/// What there is to tell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cause<'a> {
    /// For people, with the approval to wait for.
    pub(crate) reason: &'a str,
    pub(crate) code: &'a str,
    pub(crate) status: u16,
    pub(crate) record: &'a str,
}

impl Refusals {
    /// How the paths begin that it is for, behind the service's own; of several the first stands.
    pub fn under(&self) -> &'static str {
        self.under
    }

    /// The type that the system's clients expect.
    pub fn content_type(&self) -> &'static str {
        if self.xml { "application/xml" } else { "application/json" }
    }

    /// Whether it is a document of JSON, beside whose members those of a problem document may stand.
    pub(crate) fn is_json(&self) -> bool {
        !self.xml
    }

    /// Whether it says this member itself.
    pub(crate) fn says(&self, member: &str) -> bool {
        self.members.contains(&member)
    }

    /// The system's word for a status.
    pub(crate) fn word(&self, status: u16) -> Option<&'static str> {
        self.words.iter().find(|(of, _)| *of == status).map(|(_, word)| *word)
    }

    /// Whether it has a place for such a word.
    #[cfg(test)]
    pub(crate) fn asks_word(&self) -> bool {
        self.body.contains(&Piece::Word)
    }

    /// Headers that say it too, each where the system has a word for the status or the header asks for none: the only place of an answer
    /// without a body.
    pub(crate) fn headers<'a>(
        &'a self,
        cause: &'a Cause<'_>,
    ) -> impl Iterator<Item = (&'static str, String)> + 'a {
        let word = self.word(cause.status);
        let said =
            self.headers.iter().filter(move |(_, said)| word.is_some() || !said.contains(&Piece::Word));
        said.map(move |(name, said)| {
            let mut value = String::new();
            for piece in *said {
                match piece {
                    Piece::Text(text) => value.push_str(text),
                    Piece::Reason => value.push_str(cause.reason),
                    Piece::Code => value.push_str(cause.code),
                    Piece::Record => value.push_str(cause.record),
                    Piece::Word => value.push_str(word.unwrap_or_default()),
                    // Writing to a string does not fail.
                    Piece::Status => drop(write!(value, "{}", cause.status)),
                }
            }
            // What a header cannot say; hosts disagree on what lies beyond ASCII.
            let value = value.chars().map(|c| match c {
                ' '..='~' => c,
                c if c.is_control() || c.is_whitespace() => ' ',
                _ => '?',
            });
            (*name, value.collect())
        })
    }

    /// The document; of JSON its members, without the braces.
    pub(crate) fn write(&self, cause: &Cause<'_>) -> String {
        let mut out = String::new();
        for piece in self.body {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Reason => self.escaped(cause.reason, &mut out),
                Piece::Code => self.escaped(cause.code, &mut out),
                Piece::Record => self.escaped(cause.record, &mut out),
                Piece::Word => self.escaped(self.word(cause.status).unwrap_or(cause.code), &mut out),
                // Writing to a string does not fail.
                Piece::Status => drop(write!(out, "{}", cause.status)),
            }
        }
        out
    }

    /// A text within a string of JSON, or within an element of XML.
    fn escaped(&self, text: &str, out: &mut String) {
        for c in text.chars() {
            match (self.xml, c) {
                (true, '&') => out.push_str("&amp;"),
                (true, '<') => out.push_str("&lt;"),
                (true, '>') => out.push_str("&gt;"),
                (true, '"') => out.push_str("&quot;"),
                // XML has no way to say them.
                (true, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}') => {
                    out.push('\u{fffd}');
                }
                (false, '"') => out.push_str("\\\""),
                (false, '\\') => out.push_str("\\\\"),
                (false, '\0'..='\u{1f}') => drop(write!(out, "\\u{:04x}", u32::from(c))),
                _ => out.push(c),
            }
        }
    }
}
