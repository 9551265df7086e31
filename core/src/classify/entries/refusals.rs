//! How a system's clients are told that a request was refused: the form of its own errors, with places for what the guard says.
//!
//! ```yaml
//! refusals:
//!   body: {error: {message: "{reason}", code: "{code}"}}      # members of JSON, or a text that is XML
//!   words: {403: PERMISSION_DENIED, 503: UNAVAILABLE}         # `{word}`: what the system calls such a status
//!   headers: {x-error: "{reason}"}                            # where its clients read headers: the only place of an answer to `HEAD`
//! ```
//!
//! Where a system speaks like another one under some of its paths, it is a list, of which the first stands whose `under` begins the path.

use super::node::{Faults, Node, Place};
use super::read::{list, members, text};

/// A part of such a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<T> {
    /// As it stands.
    Text(T),
    /// What happened, for people, with the approval to wait for.
    Reason,
    /// The guard's stable code.
    Code,
    /// The status of the response, a number.
    Status,
    /// The system's word for the status.
    Word,
    /// The id of the record.
    Record,
}

/// What a file says of them.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    /// How the paths begin that it is for.
    pub(crate) under: String,
    pub(crate) xml: bool,
    /// The members of the document, where it is one of JSON.
    pub(crate) members: Vec<String>,
    pub(crate) body: Vec<Piece<String>>,
    pub(crate) words: Vec<(u16, String)>,
    pub(crate) headers: Vec<(String, Vec<Piece<String>>)>,
}

/// Members that are the guard's in every document: by them it is known, and asked about.
const OWN: [&str; 3] = ["type", "approval", "record"];

/// Headers that are the guard's in every answer.
const HEADERS: [&str; 5] =
    ["content-type", "content-length", "cache-control", "retry-after", "www-authenticate"];

/// Reads them: one form, or a list of them.
pub(super) fn refusals(node: Node<'_, '_>, faults: &mut Faults<'_>) -> Vec<Refusals> {
    match node.list() {
        Some(forms) => forms.into_iter().map(|form| one(form, faults)).collect(),
        None => vec![one(node, faults)],
    }
}

fn one(node: Node<'_, '_>, faults: &mut Faults<'_>) -> Refusals {
    let mut read = Refusals::default();
    for (key, at, value) in members(node, faults) {
        match key.as_str() {
            "body" => match value.members() {
                Some(of) => {
                    for (name, at, value) in of {
                        if OWN.contains(&name.as_str()) {
                            faults.at(at, format!("{name} is the guard's own member"));
                        }
                        fits(&name, at, faults);
                        let comma = if read.members.is_empty() { "" } else { "," };
                        plain(format!("{comma}\"{name}\":"), &mut read.body);
                        json(value, &mut read.body, faults);
                        read.members.push(name);
                    }
                }
                None => {
                    read.xml = true;
                    pieces(&text(value, faults), value.place(), &mut read.body, faults);
                }
            },
            "headers" => {
                for (name, at, value) in members(value, faults) {
                    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
                    if name.is_empty() || !name.bytes().all(plain) || HEADERS.contains(&name.as_str()) {
                        faults.at(
                            at,
                            "a header of refusals is one in small letters that is not the guard's own",
                        );
                    }
                    let (place, said) = (value.place(), text(value, faults));
                    fits(&said, place, faults);
                    let mut value = Vec::new();
                    pieces(&said, place, &mut value, faults);
                    read.headers.push((name, value));
                }
            }
            "under" => read.under = text(value, faults),
            "words" => {
                for (status, at, word) in members(value, faults) {
                    match status.parse() {
                        Ok(status @ 400..=599) => read.words.push((status, text(word, faults))),
                        _ => faults.at(at, "words are those of a status from 400 to 599"),
                    }
                }
            }
            _ => faults.at(at, format!("unknown key {key:?} in refusals")),
        }
    }
    if read.body.is_empty() {
        faults.at(node.place(), "refusals need a body: members of JSON, or a text");
    }
    read
}

/// A value, as the JSON that it is.
fn json(node: Node<'_, '_>, out: &mut Vec<Piece<String>>, faults: &mut Faults<'_>) {
    if let Some(members) = node.members() {
        plain("{".to_owned(), out);
        for (n, (name, at, value)) in members.into_iter().enumerate() {
            fits(&name, at, faults);
            plain(format!("{}\"{name}\":", if n == 0 { "" } else { "," }), out);
            json(value, out, faults);
        }
        plain("}".to_owned(), out);
    } else if node.list().is_some() {
        plain("[".to_owned(), out);
        for (n, value) in list(node, faults).into_iter().enumerate() {
            plain(if n == 0 { "" } else { "," }.to_owned(), out);
            json(value, out, faults);
        }
        plain("]".to_owned(), out);
    } else if let Some(number) = node.number() {
        plain(number.to_string(), out);
    } else {
        let said = text(node, faults);
        fits(&said, node.place(), faults);
        // A status that stands alone is a number.
        let quote = if said == "{status}" { "" } else { "\"" };
        plain(quote.to_owned(), out);
        pieces(&said, node.place(), out, faults);
        plain(quote.to_owned(), out);
    }
}

/// A name or a text goes into the document as it is written.
fn fits(said: &str, at: Place, faults: &mut Faults<'_>) {
    if said.contains(['"', '\\']) || said.contains(char::is_control) {
        faults.at(at, "a text of refusals has no quotes, no backslashes and one line");
    }
}

/// A text with its places.
fn pieces(said: &str, at: Place, out: &mut Vec<Piece<String>>, faults: &mut Faults<'_>) {
    let mut rest = said;
    while let Some((before, after)) = rest.split_once('{') {
        plain(before.to_owned(), out);
        let (name, behind) = after.split_once('}').unwrap_or_default();
        match name {
            "reason" => out.push(Piece::Reason),
            "code" => out.push(Piece::Code),
            "status" => out.push(Piece::Status),
            "word" => out.push(Piece::Word),
            "record" => out.push(Piece::Record),
            _ => faults.at(at, format!("no place is called {name:?}: reason, code, status, word or record")),
        }
        rest = behind;
    }
    plain(rest.to_owned(), out);
}

/// More of what stands as it is.
fn plain(text: String, out: &mut Vec<Piece<String>>) {
    match out.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(before)) => before.push_str(&text),
        _ => out.push(Piece::Text(text)),
    }
}
