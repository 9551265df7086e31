//! The pass over a text: anchors, the readers at each, and what stands in the end.

use super::catalogue::{EntityInfo, catalogue};
use super::find::{Anchor, Attempt, Hit};
use super::input::Input;
use super::literals::Literals;
use super::resolve::{Candidate, Settled, settle};
use super::words::Sense;
use super::{CONTEXT, Context, MAX_OPEN, Open};
use crate::model::{Entity, Finding};

/// How many bytes before the end of an anchor a reader may find the start of a value: a local part (64), or a key whose
/// mark comes after 76 bytes (four), and what stands before it.
const REACH: usize = 84;

/// A set of entities, compiled to one scanner. Cheap to share, never changes.
#[derive(Debug)]
pub struct Detectors {
    entities: Vec<&'static EntityInfo>,
    /// Indices into `entities`, by the anchor that wakes their reader.
    at_sign: Vec<usize>,
    at_digit: Vec<usize>,
    at_colon: Vec<usize>,
    /// Woken by the start of a text under a key.
    at_start: Vec<usize>,
    literals: Literals,
}

impl Detectors {
    /// The scanner for these entities. One that is not of the catalogue is never found.
    pub fn compile(wanted: &[Entity]) -> Self {
        let entities: Vec<_> = catalogue().iter().filter(|info| wanted.contains(&info.entity)).collect();
        let anchored = |anchor| {
            let woken = |(n, info): (usize, &&EntityInfo)| (info.find.anchor() == Some(anchor)).then_some(n);
            entities.iter().enumerate().filter_map(woken).collect()
        };
        Self {
            at_sign: anchored(Anchor::AtSign),
            at_digit: anchored(Anchor::Digit),
            at_colon: anchored(Anchor::Colon),
            at_start: (0..entities.len())
                .filter(|n| entities.get(*n).is_some_and(|i| i.find.reads_keys()))
                .collect(),
            literals: Literals::compile(entities.iter().map(|info| info.find.literals())),
            entities,
        }
    }

    /// The scanner for every entity of the catalogue.
    pub fn all() -> Self {
        Self::compile(&catalogue().iter().map(|info| info.entity).collect::<Vec<_>>())
    }

    /// Whether it looks for nothing.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// Appends the findings that start at `from` or later: sorted, not overlapping. The text ends where it ends.
    pub fn scan(&self, text: &[u8], from: usize, context: &Context<'_>, found: &mut Vec<Finding>) {
        self.pass(text, from, context, true, found);
    }

    /// The same for a text that may go on: appends only what no further byte can change, and says from where on the
    /// text is still open. Before that offset nothing else will be found.
    ///
    /// At most [`MAX_OPEN`] bytes and the reach of the slowest reader (some 4 KiB) stay open.
    pub fn scan_part(
        &self,
        text: &[u8],
        from: usize,
        context: &Context<'_>,
        found: &mut Vec<Finding>,
    ) -> Open {
        self.pass(text, from, context, false, found)
    }

    /// How much of a text is final whatever bytes follow; see [`scan_part`](Self::scan_part), which tells it with the
    /// findings in one pass.
    pub fn open_from(&self, text: &[u8]) -> usize {
        self.pass(text, 0, &Context::default(), false, &mut Vec::new()).from
    }

    fn pass(
        &self,
        text: &[u8],
        from: usize,
        context: &Context<'_>,
        whole: bool,
        found: &mut Vec<Finding>,
    ) -> Open {
        let base = from.saturating_sub(CONTEXT);
        let input = Input::new(text.get(base..).unwrap_or_default());
        let mut from = from - base;
        if let Some(entity) = context.inside {
            let Some(info) = self.entities.iter().find(|info| info.entity == entity) else {
                return Open { from: text.len(), inside: None };
            };
            let end = info.find.continued(&input, from);
            if end > from {
                found.push(Finding { entity, span: base + from..base + end, score: 100 });
            }
            if input.take_touched() && !whole {
                return Open { from: base + end, inside: Some(entity) };
            }
            from = end;
        }
        let mut pass = Pass {
            of: self,
            input,
            from,
            key: context.key,
            whole,
            candidates: Vec::new(),
            limit: usize::MAX,
        };
        pass.walk();
        pass.literals();
        pass.finish(base, found)
    }
}

struct Pass<'a> {
    of: &'a Detectors,
    input: Input<'a>,
    from: usize,
    key: Option<&'a str>,
    whole: bool,
    candidates: Vec<Candidate>,
    /// Where the first undecided reader began.
    limit: usize,
}

impl Pass<'_> {
    /// The single-byte anchors.
    fn walk(&mut self) {
        if self.from == 0 && self.key.is_some() {
            self.wake(&self.of.at_start, 0);
        }
        let mut offset = self.from;
        let mut in_number = self.input.before(offset).is_some_and(|b| b.is_ascii_digit());
        while let Some(&byte) = self.input.rest(offset).first() {
            match anchor_of(byte) {
                Some(Anchor::Digit) => {
                    if !in_number && !self.is_float(offset) {
                        self.wake(&self.of.at_digit, offset);
                    }
                    in_number = true;
                    offset += 1;
                    continue;
                }
                Some(Anchor::AtSign) => self.wake(&self.of.at_sign, offset),
                Some(Anchor::Colon) => self.wake(&self.of.at_colon, offset),
                None => {}
            }
            in_number = false;
            offset += 1;
            offset += quiet(self.input.rest(offset));
        }
    }

    /// Whether a fraction begins here, or a whole part of one digit before a long fraction: no reader wants either,
    /// and vectors are full of them.
    fn is_float(&mut self, offset: usize) -> bool {
        let digit_before = |at: usize| self.input.before(at).is_some_and(|b| b.is_ascii_digit());
        if self.input.before(offset) == Some(b'.') && digit_before(offset - 1) {
            return true;
        }
        let pointed = self.input.at(offset + 1) == Some(b'.');
        let float = pointed && self.input.run(offset + 2, 5, |b| b.is_ascii_digit()) == offset + 7;
        if self.input.take_touched() && !self.whole && !float {
            self.limit = self.limit.min(offset);
        }
        float
    }

    /// The anchors of several bytes.
    fn literals(&mut self) {
        let of = self.of;
        of.literals.each(self.input.rest(self.from), |offset, which| self.wake(&[which], self.from + offset));
    }

    fn wake(&mut self, readers: &[usize], offset: usize) {
        for &which in readers {
            let Some(info) = self.of.entities.get(which) else { continue };
            let sense = Sense { words: &info.words, key: self.key };
            let Attempt { low, hit } = info.find.attempt(&self.input, offset, &sense);
            let touched = self.input.take_touched();
            if touched && !self.whole && !hit.as_ref().is_some_and(|hit| hit.open) {
                self.limit = self.limit.min(low);
                continue;
            }
            let Some(Hit { start, mut end, score, mut open }) = hit else { continue };
            if end - start > MAX_OPEN {
                end = info.find.continued(&self.input, start + MAX_OPEN);
                open |= self.input.take_touched();
            }
            if start >= self.from {
                let (open, low) = (open && !self.whole, low.min(start));
                self.candidates.push(Candidate { start, end, low, which, rank: info.rank, score, open });
            }
        }
    }

    fn finish(self, base: usize, found: &mut Vec<Finding>) -> Open {
        let length = self.input.len();
        let limit = if self.whole {
            length
        } else {
            // An anchor may come that reaches back over the last word.
            let tail = self.input.run_back(length, REACH, is_reachable);
            let tails = self.of.entities.iter().map(|info| info.find.tail(&self.input));
            tails.fold(self.limit.min(tail), usize::min).max(self.from)
        };
        let Settled { stands, open, inside } = settle(self.candidates, limit);
        for candidate in stands {
            if let Some(info) = self.of.entities.get(candidate.which) {
                let span = base + candidate.start..base + candidate.end;
                found.push(Finding { entity: info.entity, span, score: candidate.score });
            }
        }
        let inside = inside.and_then(|which| self.of.entities.get(which)).map(|info| info.entity);
        Open { from: base + open.max(self.from), inside }
    }
}

/// What may stand between the start of a value and its anchor; no anchor of several bytes holds anything else.
pub(super) fn is_reachable(byte: u8) -> bool {
    !matches!(byte, 0..=b' ' | b',' | b';' | b'<' | b'>' | b'[' | b']' | b')')
}

/// How many bytes lie before the next single-byte anchor.
#[inline]
fn quiet(text: &[u8]) -> usize {
    text.iter().position(|&byte| anchor_of(byte).is_some()).unwrap_or(text.len())
}

#[inline]
fn anchor_of(byte: u8) -> Option<Anchor> {
    match byte {
        b'0'..=b'9' => Some(Anchor::Digit),
        b'@' => Some(Anchor::AtSign),
        b':' => Some(Anchor::Colon),
        _ => None,
    }
}
