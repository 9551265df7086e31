//! The mechanisms that find values: which one an entity uses, with what settings, and what wakes it.

use saphyr::Yaml;

use super::catalogue::strings;
use super::email::{self, Email};
use super::input::Input;
use super::words::Sense;

/// How an entity is found: a mechanism of the code with the settings of its data row.
#[derive(Debug, Clone)]
pub(super) enum Find {
    Email(Email),
}

/// A byte that wakes readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    AtSign,
    Digit,
    Colon,
}

/// What a reader made of an anchor.
pub(super) struct Attempt {
    /// No value that this anchor belongs to begins before this offset. Never after the anchor.
    pub low: usize,
    pub hit: Option<Hit>,
}

impl Attempt {
    pub(super) fn none(low: usize) -> Self {
        Self { low, hit: None }
    }
}

/// A value.
pub(super) struct Hit {
    pub start: usize,
    pub end: usize,
    pub score: u8,
    /// The text ended inside it, and whatever follows, it is one: only its end is unknown.
    pub open: bool,
}

impl Find {
    /// Reads the `find` of a row and the settings that belong to it.
    pub(super) fn read(row: &'static Yaml<'static>) -> Option<Self> {
        match row.as_mapping_get("find")?.as_str()? {
            "email" => Some(Self::Email(Email { not_tlds: strings(row, "not_tlds")? })),
            _ => None,
        }
    }

    pub(super) fn anchors(&self) -> &'static [Anchor] {
        match self {
            Self::Email(_) => &[Anchor::AtSign],
        }
    }

    /// The anchors of several bytes; none holds white space.
    pub(super) fn literals(&self) -> Vec<&str> {
        match self {
            Self::Email(_) => Vec::new(),
        }
    }

    pub(super) fn attempt(&self, input: &Input<'_>, anchor: usize, sense: &Sense<'_>) -> Attempt {
        let _ = sense;
        match self {
            Self::Email(settings) => email::attempt(input, anchor, settings),
        }
    }

    /// The end of a value that is longer than is ever kept back, read on from an offset inside it.
    pub(super) fn continued(&self, input: &Input<'_>, from: usize) -> usize {
        match self {
            Self::Email(_) => from,
        }
    }
}
