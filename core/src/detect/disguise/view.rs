//! A text with what is written in disguise laid open.

use super::base64::{self, Begins, Quantum};
use super::gate::{self, Gate};
use super::map::Map;
use super::unit::{self, Unit};
use super::{NEAR, Place};

/// A text in which each unit is what it says.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) text: Vec<u8>,
    pub(super) map: Map,
    /// How far the text below was taken over.
    taken: usize,
    /// Whether anything differs from the text below.
    differs: bool,
    /// Whether base64 that is a part of a token is left as it is; and whether some was.
    tokens: bool,
    left: bool,
    /// Behind the last place that turned out to begin no unit, for what the bytes after it are; 0 where there was none.
    refused: usize,
}

impl View {
    /// The view of `below`, if any unit stands in it, and where `below` ends for now: before what may become a unit.
    /// No unit begins before `looked`. `above`: how many views may be made of this one. Where there are some, tokens stay whole whose
    /// dots or letters may be in disguise, and are read where nothing else is.
    pub(super) fn read(
        below: &[u8],
        whole: bool,
        place: &Place,
        looked: usize,
        above: usize,
    ) -> (Option<Self>, usize) {
        let mut tokens = above > 0;
        loop {
            let mut view = Self { taken: place.skip, tokens, ..Self::default() };
            let end = view.read_on(below, whole, place, looked).err().unwrap_or(below.len());
            if view.differs {
                view.take(below, end);
                return (Some(view), end);
            }
            if !view.left {
                return (None, view.cut_again(below, end, place, above));
            }
            tokens = false;
        }
    }

    /// Reads to the end, or fails where that stands which may become a unit.
    fn read_on(&mut self, below: &[u8], whole: bool, place: &Place, looked: usize) -> Result<(), usize> {
        let mut gate = Gate::new(below, whole, place, looked);
        if place.within {
            gate.pass(self.run(below, place.skip, whole)?);
        }
        while let Some(at) = gate.next() {
            if gate.is_run(at) {
                match base64::begins(below, at, whole) {
                    Begins::Yes if self.tokens && self.is_of_token(below, at) => {
                        self.left = true;
                        gate.refuse(at);
                    }
                    Begins::Yes => {
                        self.take(below, at);
                        // What stands before is no part of what is encoded.
                        self.add(at, 0, b" ", false);
                        gate.pass(self.run(below, at, whole)?);
                    }
                    Begins::No => gate.refuse(at),
                    Begins::Cut => return Err(at),
                }
                continue;
            }
            match unit::read(below, at, whole) {
                Unit::None => {
                    gate.refuse(at);
                    self.refused = at + 1;
                }
                Unit::Cut(start) => return Err(start),
                Unit::Says { start, end, says } => {
                    self.take(below, start);
                    self.add(start, end - start, says.as_slice(), false);
                    gate.pass(end);
                }
            }
        }
        Ok(())
    }

    /// Where a text without units ends for now that is cut at `end`: what may become a unit there is another character in the next
    /// view, and may end, or go on with, a unit that begins before it. `a@b.\r%4a` says `a@b.\rJ`, and that `a@b.J`.
    fn cut_again(&self, below: &[u8], end: usize, place: &Place, above: usize) -> usize {
        let cut = below.get(..end).filter(|cut| cut.len() < below.len());
        let (Some(cut), Some(above)) = (cut, above.checked_sub(1)) else { return end };
        let goes_on = cut.last().is_some_and(|&byte| gate::may_go_on(byte));
        if !goes_on && (self.refused == 0 || self.refused + NEAR <= end) {
            return end;
        }
        // No unit is as long as that.
        Self::read(cut, false, place, end.saturating_sub(NEAR), above).1
    }

    /// Whether the run at `at` is a part of a token.
    fn is_of_token(&self, below: &[u8], at: usize) -> bool {
        let same = below.get(self.taken..at).unwrap_or_default();
        let before = same.iter().rev().chain(self.text.iter().rev()).copied();
        base64::is_of_token(before, below.get(at..).unwrap_or_default())
    }

    /// Takes over what stands before `to` as it is.
    fn take(&mut self, below: &[u8], to: usize) {
        let same = below.get(self.taken..to).unwrap_or_default();
        self.map.same(self.taken, same.len());
        self.text.extend_from_slice(same);
        self.taken = self.taken.max(to);
    }

    /// Adds what a unit says.
    fn add(&mut self, at: usize, length: usize, says: &[u8], run: bool) {
        self.differs = true;
        self.map.unit(at, length, says.len(), run);
        self.text.extend_from_slice(says);
        self.taken = at + length;
    }

    /// A run of base64 from one of its quanta on: where it ends, or where the text does within a quantum.
    fn run(&mut self, below: &[u8], mut at: usize, whole: bool) -> Result<usize, usize> {
        loop {
            match base64::quantum(below, at, whole) {
                Quantum::Whole { start, end, bytes } => {
                    self.differs = true;
                    match end - start {
                        4 => {
                            self.map.quantum(start);
                            self.text.extend_from_slice(&bytes);
                            self.taken = end;
                        }
                        length => self.add(start, length, &bytes, true),
                    }
                    at = end;
                }
                Quantum::Last { start, end, bytes } => {
                    self.add(start, end - start, bytes.as_slice(), true);
                    at = end;
                    break;
                }
                Quantum::None => break,
                Quantum::Cut => return Err(at),
            }
        }
        // Nor is what stands behind.
        self.add(at, 0, b" ", false);
        Ok(at)
    }
}
