//! Detectors that the host brings, such as a language model that knows names.
//!
//! One reads whole texts: the strings and long numbers of JSON, the fields of forms and tables, each at once. A text that
//! comes in pieces (a plain body, a string of more than 64 KiB, what a language model streams) is read sentence by
//! sentence: to the end of a line, to a `.`, `!` or `?` with white space behind it, or to [`MOST`] bytes. A sentence waits
//! until it has come whole. A detector that fails, panics or answers with what does not lie in the text says nothing of it:
//! then nothing passes.

use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use crate::detect::input::Input;

/// The longest sentence.
const MOST: usize = 4 * 1024;

/// A detector that the host brings. It is called on the thread that moves the body, and may be called by many at once.
///
/// ```
/// use std::{error::Error, sync::Arc};
/// use wardline::detect::{Detector, Spotted};
/// use wardline::{guard::Guard, policy::Policy};
///
/// struct Names;
///
/// impl Detector for Names {
///     fn detect(&self, text: &str, _key: Option<&str>) -> Result<Vec<Spotted>, Box<dyn Error + Send + Sync>> {
///         // A model would be asked here: `model.entities(text)?`.
///         let found = text.match_indices("Rosa Lind");
///         Ok(found.map(|(at, name)| Spotted { span: at..at + name.len(), label: "PERSON".into() }).collect())
///     }
/// }
///
/// let policy = Policy::parse("
/// version: 1
/// state: memory
/// services: {chat: {system: openai}}
/// detectors: {client_name: {calls: ner, label: PERSON}}
/// mask: [{name: names, entities: {client_name: redact}}]
/// ", "wardline.yaml").unwrap();
/// let guard = Guard::new(policy.with_detector("ner", Arc::new(Names)).unwrap());
/// let masked = guard.mask(b"ask Rosa Lind", "text/plain").unwrap().body.unwrap();
/// assert_eq!(masked, b"ask [CLIENT_NAME]");
/// ```
pub trait Detector: Send + Sync {
    /// What it sees in a text, which may stand under a key.
    ///
    /// # Errors
    /// Where it cannot say: then the body does not pass.
    fn detect(&self, text: &str, key: Option<&str>) -> Result<Vec<Spotted>, Box<dyn Error + Send + Sync>>;
}

/// A value that a [`Detector`] sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spotted {
    /// Where: bytes of the text, half-open.
    pub span: Range<usize>,
    /// What the detector calls it, e.g. `PERSON`.
    pub label: String,
}

/// A detector did not answer: of the text it had to read, nothing is known.
pub(in crate::detect) struct Failed;

/// Which detector is called, and for what.
pub(crate) struct Called {
    pub(crate) name: String,
    label: Option<String>,
    by: OnceLock<Arc<dyn Detector>>,
}

impl Called {
    pub(crate) fn new(name: &str, label: Option<&str>) -> Self {
        Self { name: name.to_owned(), label: label.map(str::to_owned), by: OnceLock::new() }
    }

    /// Whether the host has brought it.
    pub(crate) fn is_there(&self) -> bool {
        self.by.get().is_some()
    }

    /// Takes the detector of that name; the first stays.
    pub(crate) fn take(&self, by: &Arc<dyn Detector>) {
        self.by.get_or_init(|| Arc::clone(by));
    }

    /// Takes the detector that was brought to another.
    pub(crate) fn take_from(&self, other: &Self) {
        if let Some(by) = other.by.get() {
            self.take(by);
        }
    }

    pub(super) fn is_meant(&self, spotted: &Spotted) -> bool {
        self.label.as_ref().is_none_or(|label| *label == spotted.label)
    }

    pub(super) fn ask(&self, text: &[u8], key: Option<&str>) -> Result<Vec<Spotted>, Failed> {
        let (Some(by), Ok(text)) = (self.by.get(), std::str::from_utf8(text)) else { return Err(Failed) };
        let answer = catch_unwind(AssertUnwindSafe(|| by.detect(text, key)));
        let spotted = answer.map_err(|_| Failed)?.map_err(|_| Failed)?;
        let lies_within = |one: &Spotted| text.get(one.span.clone()).is_some_and(|value| !value.is_empty());
        if spotted.iter().all(lies_within) { Ok(spotted) } else { Err(Failed) }
    }
}

impl fmt::Debug for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Called({})", self.name)
    }
}

/// The end of the sentence that begins at `start`; `None` where it has not come.
pub(super) fn sentence(input: &Input<'_>, start: usize, whole: bool) -> Option<usize> {
    let mut at = start;
    while let Some(byte) = input.peek(at) {
        at += 1;
        let white = input.peek(at).map(|next| next.is_ascii_whitespace());
        match (byte, white) {
            (b'\n', _) => return Some(at),
            (b'.' | b'!' | b'?', Some(true)) => return Some(at + 1),
            _ if at - start == MOST => return Some(cut(input, start, at)),
            _ => {}
        }
    }
    whole.then_some(at)
}

/// The end of the last word before `end`, or else of the last character.
fn cut(input: &Input<'_>, start: usize, end: usize) -> usize {
    let text = input.slice(start, end);
    let space = text.iter().rposition(u8::is_ascii_whitespace).map(|at| start + at + 1);
    let character = || input.run_back(end, 3, |byte| byte & 0xc0 == 0x80);
    space.unwrap_or_else(|| {
        // A character may end right here.
        let first = character().saturating_sub(1);
        if decoded_length(input.slice(first, end)) == end - first { end } else { first }
    })
}

/// How long the character is that begins here.
fn decoded_length(text: &[u8]) -> usize {
    match text.first() {
        Some(0xC0..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..) => 4,
        _ => 1,
    }
}
