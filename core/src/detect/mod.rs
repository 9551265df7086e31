//! Where personal data and secrets stand in a text.
//!
//! Entities are declared in `core/data/entities/*.yaml`: what the value is, which mechanism finds it, the words
//! that count as context, where the format is specified, and examples that must and must not match (a test runs
//! each). The mechanisms are code: one pass over the bytes looks for *anchors* (`@`, `://`, a first digit, a token's
//! prefix) and a hand-written reader decides at each. Text is bytes and may be invalid UTF-8; nothing is allocated
//! until something is found; time is linear.
//!
//! ```
//! use wardline::detect::{Context, Detectors, entity};
//!
//! let detectors = Detectors::compile(&[entity("email").unwrap()]);
//! let mut found = Vec::new();
//! detectors.scan(b"write to ada@example.org today", 0, &Context::default(), &mut found);
//! assert_eq!((found[0].entity.name, found[0].span.clone()), ("email", 9..24));
//! ```
//!
//! **Streams.** [`Detectors::scan_part`] reads a text that may go on: it reports what is final whatever follows, and
//! says where the rest begins. Feeding a text in pieces this way gives the findings of the whole text, however it is
//! cut; a reader that touches the end of the piece is undecided, and everything from its start on is kept back.
//!
//! **Disguises.** What is written with escapes, in base64, or with other characters that read the same, is read once more as what
//! it says; a finding there is one of the bytes that say it.

mod address;
mod around;
mod bic;
mod bytes;
mod capital;
mod catalogue;
mod clean;
mod coin;
mod custom;
mod digits;
mod disguise;
mod email;
mod find;
mod geo;
mod input;
mod ip;
mod lexicon;
mod literals;
mod mac;
mod person;
mod resolve;
mod scan;
mod secrets;
mod small;
mod user;
mod word_set;
mod words;

pub(crate) use self::disguise::skeleton;
pub use catalogue::{EntityInfo, Example, catalogue, entity};
pub(crate) use custom::{Called, Find, Pattern, Words, Wrong};
pub use custom::{Custom, Detector, Spotted};
pub use scan::Detectors;

use crate::model::Entity;

/// How many bytes before a value count as its context.
pub const CONTEXT: usize = 64;

/// How many bytes before `from` readers of the text itself look at, at most: where a name stood before.
const EARLIER: usize = 576;

/// How many bytes before `from` a scan looks at, at most: the context, in whatever disguise.
pub const KEPT: usize = 1024;

/// The longest value, in bytes, that is kept back whole while its end has not come. What is longer goes on as
/// [`Carry::inside`]: reported piece by piece to the end of its alphabet, so that no byte of it is taken for clear text.
pub const MAX_OPEN: usize = 16 * 1024;

/// What is known about a text beside its bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// The JSON key or form field that the text stands in.
    pub key: Option<&'a str>,
    /// [`Open::carry`] of the piece before.
    pub carry: Carry,
    /// How much of it is handed over.
    pub given: Given,
}

/// How a text comes to be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Given {
    /// At once.
    #[default]
    Whole,
    /// Perhaps in pieces, the last of which is none but the rest.
    Pieces,
    /// At once; it is the name of a member.
    Name,
}

impl<'a> Context<'a> {
    /// The text stands in this JSON key or form field.
    pub fn of_key(key: &'a str) -> Self {
        Self { key: Some(key), ..Self::default() }
    }
}

/// How a piece of a text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// Everything before this offset is final, whatever bytes follow: the next piece is scanned from here, with the
    /// [`KEPT`] bytes before it (or all there are) kept in front.
    pub from: usize,
    /// To be given to the next piece.
    pub carry: Carry,
    /// A detector that the host brings did not answer: nothing is known of the text.
    pub(crate) failed: bool,
}

/// What a piece of a text leaves for the next, beside its bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carry {
    inside: Option<Inside>,
    places: [disguise::Place; disguise::DEPTH],
    /// Up to so many bytes behind [`Open::from`] no disguise begins in what is kept, if there is none at all.
    looked: Option<usize>,
}

impl Carry {
    /// The bytes before [`Open::from`] ended inside a value longer than [`MAX_OPEN`], whose first `MAX_OPEN` bytes were
    /// reported as one finding. The first finding of the next piece, if it starts at that piece's `from`, is more of it.
    pub fn inside(&self) -> Option<Entity> {
        self.inside.map(|inside| inside.entity)
    }
}

/// A value that goes on beyond what is kept back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Inside {
    entity: Entity,
    /// Where its pattern stands, and of which scanner it is.
    state: u32,
    of: u64,
    /// How many disguises it wears.
    level: u8,
}

#[cfg(test)]
mod tests;
