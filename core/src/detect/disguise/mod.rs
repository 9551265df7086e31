//! Values in disguise: written with the escapes of some coding, in base64, with other characters that read the same, or with
//! tags and line breaks between their parts.
//!
//! A gate looks for what may be a *unit* of a disguise (`%40`, `&#64;`, `=40`, `\u0040`, a full-width digit, a
//! zero-width space, four characters of base64). Where one stands, the text is read once more as a [`View`] in which
//! each unit is what it says, and what is found there is mapped back to the bytes it stands on. Disguises within
//! disguises are views of views, [`DEPTH`] of them.
//!
//! **What is a unit is told by the bytes around it alone**, a few hundred at most, so that a cut elsewhere changes
//! nothing. The one exception is base64, where it matters in which four characters one stands: a [`Place`] carries that
//! from piece to piece, so that a run of any length is decoded as it comes. Whether a run is base64 of text is told by its
//! first sixteen characters; images and vectors fail there and are passed over.

mod base64;
mod characters;
mod escape;
mod gate;
mod line;
mod map;
mod quoted;
mod tag;
mod unit;
mod view;

use std::ops::Range;

use self::map::Map;
pub(crate) use self::tag::skeleton;
use self::view::View;
use super::CONTEXT;

/// How many disguises may be worn over each other.
pub(super) const DEPTH: usize = 3;

/// How far before a value, in bytes of the text as it came, its context is looked for, however little they say.
const SIGHT: usize = 2 * CONTEXT;

/// How far from a unit a reader wakes, before it and behind it. What a reader makes of bytes that no unit stands among, it makes
/// of the text itself.
const NEAR: usize = 320;

/// Where the reading of one level of disguise begins again after a cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Bytes up to the next unit: the rest of one that was read before.
    skip: usize,
    /// The next unit is of a run of base64 that began before.
    within: bool,
    /// The two bytes before the next unit; zeros at the start of a text.
    before: [u8; 2],
}

/// A text and the views of it.
#[derive(Debug)]
pub(super) struct Layers {
    views: Vec<View>,
    /// Where the text ends for now: behind it stands what may become a unit.
    pub(super) end: usize,
    places: [Place; DEPTH],
}

impl Layers {
    /// `places` as [`places`](Self::places) told them for the start of the text. No unit begins before `looked`.
    pub(super) fn read(text: &[u8], whole: bool, places: &[Place; DEPTH], looked: usize) -> Self {
        let mut layers = Self { views: Vec::new(), end: text.len(), places: *places };
        if whole && gate::is_shut(text, places) {
            return layers;
        }
        for (n, place) in (1..).zip(places) {
            let below = layers.views.last().map_or(text, |view| view.text.as_slice());
            let looked = if layers.views.is_empty() { looked } else { 0 };
            let (view, end) = View::read(below, whole, place, looked, DEPTH - n);
            match layers.views.last_mut() {
                Some(last) => last.text.truncate(end),
                None => layers.end = end,
            }
            let Some(view) = view else { break };
            layers.views.push(view);
        }
        layers
    }

    /// Up to where no unit begins, if there is none at all.
    pub(super) fn looked(&self) -> Option<usize> {
        self.views.is_empty().then_some(self.end)
    }

    /// Each view with its way back, the one of the text itself first.
    pub(super) fn views(&self) -> impl Iterator<Item = (&[u8], Origin<'_>)> {
        let upto = |n| self.views.get(..=n).unwrap_or_default();
        self.views.iter().enumerate().map(move |(n, view)| (view.text.as_slice(), Origin { views: upto(n) }))
    }

    /// Where reading begins again if the text is kept from `from` on.
    pub(super) fn places(&self, text: &[u8], from: usize) -> [Place; DEPTH] {
        let mut places = [Place::default(); DEPTH];
        let (mut at, mut below) = (from, text);
        for (n, (place, was)) in places.iter_mut().zip(self.places).enumerate() {
            *place = match self.views.get(n) {
                Some(view) if at > was.skip => {
                    let up = view.map.at(at);
                    let start = view.map.start(up);
                    let within = view.map.is_within_run(up);
                    let place =
                        Place { skip: start.saturating_sub(at), within, before: before(below, start, &was) };
                    (at, below) = (up, &view.text);
                    place
                }
                view => {
                    let skip = was.skip.saturating_sub(at);
                    let place = Place {
                        skip,
                        within: was.within && at <= was.skip,
                        before: before(below, at + skip, &was),
                    };
                    if let Some(view) = view {
                        (at, below) = (0, &view.text);
                    }
                    place
                }
            };
        }
        places
    }
}

/// The two bytes before an offset.
fn before(text: &[u8], at: usize, was: &Place) -> [u8; 2] {
    let byte = |back: usize| match at.checked_sub(back) {
        Some(at) if at >= was.skip => text.get(at).copied().unwrap_or(0),
        // Before the first unit stands what was told.
        _ => was.before.get((2 + at).wrapping_sub(was.skip + back)).copied().unwrap_or(0),
    };
    [byte(2), byte(1)]
}

/// The way from a view back to the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'v> {
    views: &'v [View],
}

impl Origin<'_> {
    fn maps(&self) -> impl DoubleEndedIterator<Item = &Map> {
        self.views.iter().map(|view| &view.map)
    }

    /// Where in the text that begins which stands at `at` in the view.
    pub(super) fn start(&self, at: usize) -> usize {
        self.maps().rev().fold(at, |at, map| map.start(at))
    }

    /// Where in the text that ends which ends at `at` in the view.
    pub(super) fn end(&self, at: usize) -> usize {
        self.maps().rev().fold(at, |at, map| map.end(at))
    }

    /// The first place of the view that stands at `at` in the text or after it.
    pub(super) fn at(&self, at: usize) -> usize {
        self.maps().fold(at, |at, map| map.at(at))
    }

    /// The parts of the view in which readers wake.
    pub(super) fn parts(&self) -> Vec<Range<usize>> {
        let Some(view) = self.views.last() else { return Vec::new() };
        let mut parts = view.map.near(NEAR, NEAR);
        // The view may end earlier for now than it was read.
        parts.iter_mut().for_each(|part| part.end = part.end.min(view.text.len()));
        parts
    }

    /// Where the context of a value at `at` begins at the earliest.
    pub(super) fn sight(&self, at: usize) -> usize {
        self.start(at).checked_sub(SIGHT).map_or(0, |first| self.at(first))
    }
}

#[cfg(test)]
mod tests;
