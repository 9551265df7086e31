//! Texts of canaries in bytes that pass, however they are cut: noted, or kept in.

use std::fmt;
use std::sync::Arc;

use aho_corasick::AhoCorasick;

use crate::error::{Error, ErrorKind};
use crate::mask::Release;

/// The texts that are looked for, in all their forms.
pub(super) struct Texts {
    forms: Vec<String>,
    automaton: AhoCorasick,
    /// The longest form, in bytes; 0 where there is none.
    longest: usize,
    /// Whether a form begins with this byte.
    begins: [bool; 256],
}

impl Texts {
    pub(super) fn new(forms: Vec<String>) -> Result<Self, Error> {
        let automaton = AhoCorasick::new(&forms)
            .map_err(|e| Error::new(ErrorKind::Input, "canaries that cannot be looked for").with_source(e))?;
        let mut begins = [false; 256];
        for first in forms.iter().filter_map(|form| form.as_bytes().first()) {
            if let Some(begins) = begins.get_mut(usize::from(*first)) {
                *begins = true;
            }
        }
        let longest = forms.iter().map(String::len).max().unwrap_or(0);
        Ok(Self { forms, automaton, longest, begins })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.longest == 0
    }

    pub(super) fn are_in(&self, bytes: &[u8]) -> bool {
        !self.is_empty() && self.automaton.is_match(bytes)
    }

    /// How many of the last bytes may be the beginning of a text.
    fn open(&self, bytes: &[u8]) -> usize {
        let begins = |tail: &[u8]| {
            let first = tail.first().and_then(|first| self.begins.get(usize::from(*first)));
            first == Some(&true)
                && self.forms.iter().any(|form| form.len() > tail.len() && form.as_bytes().starts_with(tail))
        };
        let most = bytes.len().min(self.longest.saturating_sub(1));
        let tails = (1..=most).rev().filter_map(|length| bytes.get(bytes.len() - length..));
        tails.into_iter().find(|tail| begins(tail)).map_or(0, <[u8]>::len)
    }
}

/// Notes what passes.
pub struct Spotter {
    texts: Arc<Texts>,
    /// So many bytes are kept of what passed: one less than the longest text.
    kept: usize,
    tail: Vec<u8>,
    found: bool,
}

impl Spotter {
    pub(super) fn new(texts: Arc<Texts>) -> Option<Self> {
        let kept = texts.longest.checked_sub(1)?;
        Some(Self { texts, kept, tail: Vec::new(), found: false })
    }

    /// A piece passes.
    pub fn push(&mut self, piece: &[u8]) {
        if self.found || piece.is_empty() {
            return;
        }
        let seam = self.tail.len();
        self.tail.extend_from_slice(piece.get(..self.kept).unwrap_or(piece));
        self.found = (seam > 0 && self.texts.are_in(&self.tail)) || self.texts.are_in(piece);
        if piece.len() >= self.kept {
            self.tail.clear();
            self.tail.extend_from_slice(piece.get(piece.len() - self.kept..).unwrap_or(piece));
        } else {
            let over = self.tail.len().saturating_sub(self.kept);
            self.tail.drain(..over);
        }
    }

    /// Whether one passed.
    pub fn found(&self) -> bool {
        self.found
    }
}

impl fmt::Debug for Spotter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spotter({})", self.found)
    }
}

/// Lets bytes go on as far as no text can have begun in them.
pub struct Gate {
    texts: Arc<Texts>,
    held: Vec<u8>,
}

/// A canary came: nothing more goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Met;

impl Gate {
    pub(super) fn new(texts: Arc<Texts>) -> Option<Self> {
        (!texts.is_empty()).then(|| Self { texts, held: Vec::new() })
    }

    /// Takes a piece. `Unchanged` means that exactly `piece` may go on; otherwise what may go on was appended to `out`.
    ///
    /// # Errors
    /// Where a text ends in it: no byte of that went on.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<Release, Met> {
        if self.held.is_empty() {
            if self.texts.are_in(piece) {
                return Err(Met);
            }
            let open = self.texts.open(piece);
            let (goes, stays) = piece.split_at_checked(piece.len() - open).unwrap_or((piece, &[]));
            if stays.is_empty() {
                return Ok(Release::Unchanged);
            }
            out.extend_from_slice(goes);
            self.held.extend_from_slice(stays);
            return Ok(Release::Changed);
        }
        self.held.extend_from_slice(piece);
        if self.texts.are_in(&self.held) {
            return Err(Met);
        }
        let goes = self.held.len() - self.texts.open(&self.held);
        out.extend(self.held.drain(..goes));
        Ok(Release::Changed)
    }

    /// Nothing more comes: what was held back goes on.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.held);
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gate({} held)", self.held.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(forms: &[&str]) -> Arc<Texts> {
        Arc::new(Texts::new(forms.iter().map(ToString::to_string).collect()).unwrap())
    }

    #[test]
    fn the_cuts_of_a_body_change_nothing() {
        let two = texts(&["needle in it", "ne"]);
        for text in ["a needle in it.", "needle", "nnneedl", "xx", "n", "the needle in i"] {
            for size in 1..=text.len() {
                let mut spotter = Spotter::new(two.clone()).unwrap();
                text.as_bytes().chunks(size).for_each(|piece| spotter.push(piece));
                assert_eq!(spotter.found(), text.contains("ne"), "{text} by {size}");
            }
        }
        assert!(Spotter::new(texts(&[])).is_none() && Gate::new(texts(&[])).is_none());
    }

    #[test]
    fn nothing_of_a_text_goes_on_and_all_before_it_does() {
        let texts = texts(&["needle in it", "nnx"]);
        for (body, left) in [
            ("..needle in needle in it..", "..needle in "),
            ("a nnnx b", "a n"),
            ("needle in", "needle in"),
            ("nnneedle in!", "nnneedle in!"),
            ("", ""),
        ] {
            for size in 1..=body.len().max(1) {
                let (mut gate, mut out) = (Gate::new(texts.clone()).unwrap(), Vec::new());
                let met = body.as_bytes().chunks(size).any(|piece| match gate.push(piece, &mut out) {
                    Ok(Release::Unchanged) => {
                        out.extend_from_slice(piece);
                        false
                    }
                    Ok(Release::Changed) => false,
                    Err(Met) => true,
                });
                let whole = left == body;
                assert_eq!(met, !whole, "{body} by {size}");
                if whole {
                    gate.finish(&mut out);
                    assert_eq!(out, body.as_bytes());
                } else {
                    assert!(left.as_bytes().starts_with(&out), "{body} by {size}");
                }
            }
        }
    }

    #[test]
    fn no_more_is_held_back_than_may_be_a_text() {
        let mut gate = Gate::new(texts(&["needle"])).unwrap();
        let mut out = Vec::new();
        assert_eq!(gate.push(b"all of it", &mut out), Ok(Release::Unchanged));
        assert_eq!(gate.push(b"pine", &mut out), Ok(Release::Changed));
        assert_eq!(out, b"pi");
        assert_eq!(gate.push(b"w", &mut out), Ok(Release::Changed));
        assert_eq!(out, b"pinew");
        assert_eq!(gate.push(b"s", &mut out), Ok(Release::Unchanged));
    }
}
