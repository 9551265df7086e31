//! The small language in which data files write what a token looks like: `ghp_<alnum 36>`, `xox(b|p)-<digit 10-13>-…`.
//!
//! - `<class n>` or `<class n-m>`: so many bytes of a class (`digit`, `hex`, `alnum`, `url`, ... or a set: `<[A-Z2-7] 52>`);
//! - `(a|b)`: one of several texts;
//! - `«` and `»`: the value lies between them, where it is not the whole;
//! - everything else stands for itself.
//!
//! A pattern is compiled at start and read by hand-written code: bytes of its class as far as they go, and back only
//! where a text follows that the class could have eaten.

mod parse;

pub(super) use parse::{class, patterns};

use super::floor::Tally;
use crate::detect::bytes::Bytes;
use crate::detect::input::Input;
use crate::detect::literals::Lead;
use crate::detect::scan::is_reachable;

/// How many bytes may stand before the anchor of a pattern: with its four rarest bytes all lie within the reach of the
/// scan, [`crate::detect::scan::REACH`].
const BEFORE: usize = 76;
/// Fixed bytes before the first text of a pattern, up to so many, belong to its anchor.
const AHEAD: usize = 20;

/// What a token looks like.
#[derive(Debug, Clone)]
pub(in crate::detect) struct Pattern {
    parts: Vec<Part>,
    /// Index of the part whose start is the anchor: the first, or the first text.
    anchor: usize,
    /// Indices of the first part of the value and of the part after its last.
    value: (usize, usize),
}

#[derive(Debug, Clone)]
enum Part {
    Text(Vec<u8>),
    Run { class: Bytes, least: usize, most: usize },
}

/// Where a token stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The whole of it.
    pub whole: (usize, usize),
    pub value: (usize, usize),
    /// Where each part ends, after where the first begins.
    cuts: [usize; Pattern::PARTS + 1],
}

impl Pattern {
    /// What is looked for in the text. The last byte apart, none may end the word that is kept back while it is read.
    pub(super) fn lead(&self) -> Lead {
        let mut sets = Vec::new();
        for part in self.parts.iter().skip(self.anchor) {
            match part {
                Part::Text(text) => {
                    let reachable = text.iter().take_while(|byte| is_reachable(**byte)).count();
                    sets.extend(text.iter().take(reachable + 1).map(|byte| Bytes::of(&[*byte])));
                    if reachable < text.len() {
                        break;
                    }
                }
                Part::Run { class, least, most } => {
                    sets.extend(std::iter::repeat_n(*class, *least));
                    if least < most {
                        break;
                    }
                }
            }
        }
        let before: usize = self.parts.iter().take(self.anchor).map(Part::most).sum();
        let lead = Lead::sets(sets.into_iter().take(BEFORE + 4 - before));
        // No word runs into a token, but the letter of an escape or a character beyond ASCII.
        let free = Bytes::ALL.iter().filter(|byte| match byte {
            0..b' ' => b"\t\n\r".contains(byte),
            b'_' => false,
            byte if byte.is_ascii_alphanumeric() => b"nrt".contains(byte),
            _ => true,
        });
        if self.anchor == 0 { lead.behind(free.fold(Bytes::default(), Bytes::with)) } else { lead }
    }

    /// The token whose anchor this is.
    pub(super) fn read(&self, input: &Input<'_>, anchor: usize) -> Option<Place> {
        let start = self.start(input, anchor)?;
        self.read_from(input, start)
    }

    /// The token that begins here.
    pub(super) fn read_from(&self, input: &Input<'_>, start: usize) -> Option<Place> {
        let mut cuts = [start; Self::PARTS + 1];
        let last = rest(&self.parts, input, start, cuts.get_mut(1..)?)?;
        let value = (*cuts.get(self.value.0)?, *cuts.get(self.value.1)?);
        Some(Place { whole: (start, last), value, cuts })
    }

    /// How many different bytes the runs of a token have, and whether they are filled with one byte: placeholders have
    /// few, and are.
    pub(super) fn variety(&self, input: &Input<'_>, place: &Place) -> (usize, bool) {
        let mut tally = Tally::default();
        for (part, ends) in self.parts.iter().zip(place.cuts.windows(2)) {
            if let (Part::Run { .. }, [start, end]) = (part, ends) {
                tally.add(input.slice(*start, *end));
            }
        }
        (tally.variety(), tally.is_filled())
    }

    /// More parts than this are refused.
    const PARTS: usize = 14;

    pub(super) fn start(&self, input: &Input<'_>, anchor: usize) -> Option<usize> {
        let before = self.parts.get(..self.anchor)?;
        if let [Part::Run { class, least, most }] = before {
            let start = input.run_back(anchor, *most, |byte| class.holds(byte));
            return (anchor - start >= *least).then_some(start);
        }
        anchor.checked_sub(before.iter().map(Part::most).sum())
    }
}

impl Part {
    fn least(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Run { least, .. } => *least,
        }
    }

    fn most(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Run { most, .. } => *most,
        }
    }
}

/// Reads the parts from an offset on and notes where each ends.
fn rest(parts: &[Part], input: &Input<'_>, at: usize, cuts: &mut [usize]) -> Option<usize> {
    let Some((part, parts)) = parts.split_first() else { return Some(at) };
    let (cut, cuts) = cuts.split_first_mut()?;
    match part {
        Part::Text(text) => {
            *cut = at + text.len();
            if input.starts(at, text) { rest(parts, input, *cut, cuts) } else { None }
        }
        Part::Run { class, least, most } => {
            // One more than may be: a longer run is another thing.
            let end = input.run(at, most + 1, |byte| class.holds(byte));
            if parts.is_empty() {
                *cut = end;
                return (*least..=*most).contains(&(end - at)).then_some(end);
            }
            for end in (at + least..=end.min(at + most)).rev() {
                if let Some(last) = rest(parts, input, end, cuts) {
                    *cut = end;
                    return Some(last);
                }
            }
            None
        }
    }
}
