//! Where a unit of a disguise may begin: a look at every byte, 64 at a time.

use std::ops::Range;

use fearless_simd::Simd;

use super::Place;
use super::base64::{self, SHORTEST};
use super::characters::{self, Characters};
use crate::block::{self, Block, widest};

/// Looks for places where a unit may begin, from left to right.
#[derive(Debug)]
pub(super) struct Gate<'t> {
    text: &'t [u8],
    whole: bool,
    place: Place,
    /// Whether an `@` stands anywhere: else a point at the end of a line ends a sentence.
    addressed: bool,
    characters: &'static Characters,
    at: usize,
    /// Where the block begins that was looked at last, and the places in it that are left.
    block: usize,
    left: u64,
    /// The next place of an escape or of a character, and of a run; before `at` where it is not known.
    special: Option<usize>,
    run: Option<usize>,
    /// Where the run ends that `run` stands in.
    run_end: usize,
}

/// No place.
const NONE: usize = usize::MAX;

impl<'t> Gate<'t> {
    /// No unit begins before `looked`, as was seen when no more of the text had come, or less.
    pub(super) fn new(text: &'t [u8], whole: bool, place: &Place, looked: usize) -> Self {
        let at_sign = memchr::memchr(b'@', text);
        // The first `@` makes units of what was none.
        let again = place.within || at_sign.is_some_and(|at| at >= looked);
        let at = if again { place.skip } else { place.skip.max(looked) };
        let mut gate = Self {
            text,
            whole,
            place: *place,
            addressed: at_sign.is_some(),
            characters: characters::known(),
            at,
            block: at,
            left: 0,
            special: None,
            run: None,
            run_end: 0,
        };
        gate.left = gate.specials(gate.block);
        gate
    }

    /// The next place where a unit may begin.
    pub(super) fn next(&mut self) -> Option<usize> {
        let special = match self.special {
            Some(known) if known >= self.at => known,
            _ => self.next_special(),
        };
        let run = match self.run {
            Some(known) if known >= self.at => known,
            _ => self.next_run(),
        };
        (self.special, self.run) = (Some(special), Some(run));
        let next = special.min(run);
        (next != NONE).then_some(next)
    }

    /// Whether what may begin there is a run of base64.
    pub(super) fn is_run(&self, at: usize) -> bool {
        self.run == Some(at)
    }

    /// No unit begins at `at`.
    pub(super) fn refuse(&mut self, at: usize) {
        self.at = at + 1;
    }

    /// What stands before `to` was read.
    pub(super) fn pass(&mut self, to: usize) {
        self.at = to;
    }

    fn next_special(&mut self) -> usize {
        while self.block < self.text.len() {
            // Places before `at` were read.
            self.left &= u64::MAX.checked_shl(self.at.saturating_sub(self.block) as u32).unwrap_or(0);
            while self.left != 0 {
                let at = self.block + self.left.trailing_zeros() as usize;
                if self.wakes(at) {
                    return at;
                }
                self.left &= self.left - 1;
            }
            self.block = (self.block + block::SIZE).max(self.at);
            self.left = self.specials(self.block);
        }
        NONE
    }

    /// The places of a block where an escape or a character may begin, and some more.
    fn specials(&self, from: usize) -> u64 {
        let rest = self.text.get(from..).unwrap_or_default();
        widest!(simd => specials(rest, Block::first(simd, rest)))
    }

    #[inline]
    fn wakes(&self, at: usize) -> bool {
        let Some(&one) = self.text.get(at) else { return false };
        match self.text.get(at + 1) {
            Some(&two) if one < 0x80 => begins(one, two) | (self.addressed & is_point(one, two)),
            None if one < 0x80 => !self.whole && may_begin(one),
            _ => self.characters.may_begin(self.text, at),
        }
    }

    fn next_run(&mut self) -> usize {
        let mut from = self.at;
        loop {
            if from >= self.run_end {
                let Some(run) = self.find_run(from) else { return NONE };
                (from, self.run_end) = (run.start, run.end);
            }
            match self.start_in_run(from) {
                Some(start) => return start,
                None => from = self.run_end,
            }
        }
    }

    /// The next run of characters of base64 that is long enough, or that the end of the text cuts short.
    fn find_run(&self, from: usize) -> Option<Range<usize>> {
        let mut at = from;
        loop {
            let rest = self.text.get(at..).filter(|rest| !rest.is_empty())?;
            let inside = widest!(simd => runs(&Block::first(simd, rest)));
            // A bit stays where as many follow it as the shortest run has.
            let mut long = inside & inside >> 1;
            long &= long >> 2;
            long &= long >> 4;
            long &= long >> (SHORTEST - 8);
            if long != 0 {
                return Some(self.run_around(from, at + long.trailing_zeros() as usize));
            }
            if rest.len() <= block::SIZE {
                let last = self.text.len() - 1;
                let cut = !self.whole && base64::is_in(rest.last().copied().unwrap_or(0));
                return cut.then(|| self.run_around(from, last));
            }
            // A run may begin at the end of the block.
            at += block::SIZE - inside.leading_ones() as usize;
        }
    }

    /// The run that `at` stands in, from `from` on.
    fn run_around(&self, from: usize, at: usize) -> Range<usize> {
        const LANES: usize = 32;
        let before = self.text.get(from..at).unwrap_or_default();
        let start =
            before.iter().rposition(|&byte| !base64::is_in(byte)).map_or(from, |last| from + last + 1);
        let mut end = at;
        while let Some(block) = self.text.get(end..).and_then(|rest| rest.first_chunk::<LANES>())
            && block.iter().fold(true, |all, &byte| all & base64::is_in(byte))
        {
            end += LANES;
        }
        let rest = self.text.get(end..).unwrap_or_default();
        end += rest.iter().position(|&byte| !base64::is_in(byte)).unwrap_or(rest.len());
        start..end
    }

    /// Whether the text may go on with more of the run.
    fn is_cut(&self, run: &Range<usize>) -> bool {
        !self.whole && run.end == self.text.len() && !run.is_empty()
    }

    /// The next place from `from` on where base64 may begin in the run at hand.
    fn start_in_run(&self, from: usize) -> Option<usize> {
        let near = [from, from + 1].into_iter().find(|&at| self.is_start(at));
        let slash = || memchr::memchr(b'/', self.text.get(from..self.run_end)?).map(|at| from + at + 1);
        let start = near.or_else(slash)?;
        let left = self.run_end.checked_sub(start)?;
        (left >= SHORTEST || (left > 0 && self.is_cut(&(start..self.run_end)))).then_some(start)
    }

    /// Whether nothing of the same run stands before, or a slash, as in the path of an address, or the letter of an escape.
    fn is_start(&self, at: usize) -> bool {
        let [two, one] = super::before(self.text, at, &self.place);
        !base64::is_in(one) || one == b'/' || (two == b'\\' && matches!(one, b'n' | b'r' | b't'))
    }
}

/// Whether a unit may begin with these two bytes; characters beyond ASCII are told elsewhere.
#[inline]
fn begins(one: u8, two: u8) -> bool {
    let (digit, letter) = (two.wrapping_sub(b'0') < 10, (two | 0x20).wrapping_sub(b'a'));
    let line_end = (two == b'\n') | (two == b'\r');
    ((one == b'%') & (digit | (letter < 6) | ((two | 0x20) == b'u')))
        | ((one == b'+') & (digit | (letter < 26) | (two == b'%')))
        | ((one == b'=') & (digit | ((letter < 6) & (two < b'a')) | line_end))
        | ((one == b'&') & ((letter < 26) | (two == b'#')))
        | ((one == b'\\') & (((two | 0x20) == b'u') | (two == b'x')))
        // The last byte of a line says more than its end, which every line has.
        | (((one == b'@') | (one == b'-') | (one.wrapping_sub(b'0') < 10)) & line_end)
        | (((one == b'\n') | (one == b'\r')) & (two == b'@'))
        | ((one == b'<') & ((letter < 26) | (two == b'/') | (two == b'!')))
}

/// Whether a unit may begin with this byte of ASCII, whatever follows.
fn may_begin(byte: u8) -> bool {
    matches!(
        byte,
        b'%' | b'+' | b'=' | b'&' | b'\\' | b'@' | b'.' | b'-' | b'<' | b'\n' | b'\r' | b'0'..=b'9'
    )
}

/// Whether what follows this byte may make a part of a unit of it.
pub(super) fn may_go_on(byte: u8) -> bool {
    byte >= 0x80 || may_begin(byte) || base64::is_in(byte)
}

/// Whether a whole text, short as keys and names are, surely holds no unit.
pub(super) fn is_shut(text: &[u8], places: &[Place]) -> bool {
    // What else begins a unit does so before the end of a line.
    let opens = |byte: u8| byte >= 0x80 || matches!(byte, b'%' | b'=' | b'&' | b'\\' | b'<' | b'\n' | b'\r');
    text.len() < SHORTEST
        && !text.iter().fold(false, |any, &byte| any | opens(byte))
        && places.iter().all(|place| *place == Place::default())
}

/// Whether a point ends the line.
#[inline]
fn is_point(one: u8, two: u8) -> bool {
    (one == b'.') & ((two == b'\n') | (two == b'\r'))
}

/// Where a character of the data file may begin, letters of other scripts aside.
#[inline(always)]
fn leads<S: Simd>(block: &Block<S>) -> u64 {
    let few = block.is(0xC2) | block.within(0xCB, 0xCD) | block.is(0xEA);
    (few | block.within(0xD8, 0xDF) | block.within(0xE0, 0xE3) | block.from(0xEF)).bits()
}

/// The places of the first block of a text where an escape or a character may begin, and some more.
#[inline(always)]
fn specials<S: Simd>(rest: &[u8], block: Block<S>) -> u64 {
    let marks = block.is(b'%') | block.is(b'+') | block.is(b'=') | block.is(b'&') | block.is(b'\\');
    let mut places = (marks | block.is(b'<')).bits();
    // The last byte of a line may belong to a value that goes on in the next, and its end be followed by an `@`.
    let is_end = |byte: u8| byte == b'\n' || byte == b'\r';
    let behind = rest.get(block::SIZE).copied();
    let ends = (block.is(b'\n') | block.is(b'\r')).bits();
    let end_behind = ends >> 1 | u64::from(behind.is_some_and(is_end)) << (block::SIZE - 1);
    if end_behind != 0 {
        let last = block.within(b'0', b'9') | block.is(b'@') | block.is(b'-') | block.is(b'.');
        let at_behind = block.is(b'@').bits() >> 1 | u64::from(behind == Some(b'@')) << (block::SIZE - 1);
        places |= end_behind & last.bits() | ends & at_behind;
    } else if ends != 0 {
        places |= ends;
    }
    let beyond = block.beyond().bits();
    if beyond != 0 {
        let word = (block.within(b'0', b'9') | block.small().within(b'a', b'z')).bits();
        let beside = word << 1 | word >> 2 | 1 | 3 << (block::SIZE - 2);
        places |= leads(&block) | (block.within(0xCE, 0xD6).bits() & beside);
    }
    // Behind the last character of a text anything may follow.
    if let Some(last) = rest.len().checked_sub(1).filter(|last| *last < block::SIZE) {
        places |= 1 << last | 1 << last.saturating_sub(1);
    }
    places
}

/// Where characters of either alphabet of base64 stand.
#[inline(always)]
fn runs<S: Simd>(block: &Block<S>) -> u64 {
    let letters = block.small().within(b'a', b'z') | block.is(b'+') | block.is(b'-') | block.is(b'_');
    (letters | block.within(b'/', b'9')).bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str, whole: bool) -> Vec<(usize, bool)> {
        let mut gate = Gate::new(text.as_bytes(), whole, &Place::default(), 0);
        let mut found = Vec::new();
        while let Some(at) = gate.next() {
            found.push((at, gate.is_run(at)));
            gate.refuse(at);
        }
        found
    }

    #[test]
    fn plain_text_keeps_it_shut() {
        let text = "The answer = 40, of 100 % asked; Tom & Ann, C:\\temp, well-known\nlines; ".repeat(9);
        assert_eq!(places(&text, true), []);
    }

    #[test]
    fn every_character_of_the_data_file_is_seen() {
        for first in 0xc2..=0xf4 {
            let may_be = (0x80..0xc0).any(|second| characters::known().may_be(first, second));
            // Letters of other scripts count beside those of ASCII only.
            let is_lead = widest!(simd => leads(&Block::first(simd, &[first]))) != 0;
            assert!(!may_be || is_lead || matches!(first, 0xce..=0xd6), "{first:x}");
        }
    }

    #[test]
    fn runs_are_of_the_alphabets() {
        for byte in 0..=255 {
            assert_eq!(
                widest!(simd => runs(&Block::first(simd, &[byte]))) == 1,
                base64::is_in(byte),
                "{byte}"
            );
        }
    }

    #[test]
    fn every_place_of_a_block_is_seen() {
        for before in 0..70 {
            for (what, run) in [
                ("%40", false),
                ("&#64;", false),
                ("=40", false),
                ("+a", false),
                ("\u{ff11}", false),
                ("QWRhQGV4YW1wbGUub3Jn", true),
            ] {
                let text = format!("{}{what}.{}", ".".repeat(before), " ".repeat(before));
                assert_eq!(places(&text, true), [(before, run)], "{text}");
            }
        }
    }

    #[test]
    fn a_run_may_begin_behind_a_slash_and_be_cut_short() {
        assert_eq!(places("x.org/u/QWRhQGV4YW1wbGUub3Jn.", true), [(2, true), (6, true), (8, true)]);
        assert_eq!(places("a word", true), []);
        assert_eq!(places("a word", false), [(2, true)]);
    }
}
