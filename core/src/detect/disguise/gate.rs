//! Where a unit of a disguise may begin: a look at every byte, many at a time.

use std::ops::Range;

use super::Place;
use super::base64::{self, SHORTEST};
use super::characters::{self, Characters};

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
    /// The next place of an escape or of a character, and of a run; before `at` where it is not known.
    special: Option<usize>,
    run: Option<usize>,
    /// Where the run ends that `run` stands in.
    run_end: usize,
}

/// No place.
const NONE: usize = usize::MAX;

impl<'t> Gate<'t> {
    pub(super) fn new(text: &'t [u8], whole: bool, place: &Place) -> Self {
        Self {
            text,
            whole,
            place: *place,
            addressed: memchr::memchr(b'@', text).is_some(),
            characters: characters::known(),
            at: place.skip,
            special: None,
            run: None,
            run_end: 0,
        }
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

    fn next_special(&self) -> usize {
        const LANES: usize = 32;
        let mut at = self.at;
        let rest = |at| self.text.get(at..).unwrap_or_default();
        // Each byte is seen with the one behind it. Without an early exit inside a block, the compiler compares its bytes
        // at once.
        while let Some(block) = rest(at).first_chunk::<{ LANES + 1 }>() {
            let (one, two) = (block.first_chunk::<LANES>(), block.last_chunk::<LANES>());
            let (Some(one), Some(two)) = (one, two) else { break };
            let pairs = || one.iter().zip(two);
            let (any, wide) = pairs().fold((false, false), |(any, wide), (&one, &two)| {
                (any | begins(one, two) | (self.addressed & is_point(one, two)), wide | (one >= 0x80))
            });
            let wide = wide
                && pairs().fold(false, |wide, (&one, &two)| wide | is_lead(one) | is_seam(one, two))
                && pairs().any(|(&one, &two)| self.characters.may_be(one, two));
            if (any || wide)
                && let Some(found) = (at..at + LANES).find(|&at| self.wakes(at))
            {
                return found;
            }
            at += LANES;
        }
        let rest = self.text.get(at..).unwrap_or_default().iter().zip(at..);
        let mut places = rest.filter(|(byte, _)| is_first(**byte)).map(|(_, at)| at);
        places.find(|&at| self.wakes(at)).unwrap_or(NONE)
    }

    #[inline]
    fn wakes(&self, at: usize) -> bool {
        let Some(&one) = self.text.get(at) else { return false };
        match self.text.get(at + 1) {
            Some(&two) if one < 0x80 => begins(one, two) | (self.addressed & is_point(one, two)),
            None if one < 0x80 => {
                !self.whole
                    && matches!(
                        one,
                        b'%' | b'=' | b'&' | b'\\' | b'@' | b'.' | b'-' | b'<' | b'\n' | b'\r' | b'0'..=b'9'
                    )
            }
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
        const LANES: usize = 32;
        let mut at = from;
        while let Some(block) = self.text.get(at..).and_then(|rest| rest.first_chunk::<LANES>()) {
            let mut is_in = [0u8; LANES];
            is_in
                .iter_mut()
                .zip(block)
                .for_each(|(lane, &byte)| *lane = u8::from(base64::is_in(byte)) * 0xff);
            let full = |eight: &[u8]| {
                eight.first_chunk().is_some_and(|eight| u64::from_le_bytes(*eight) == u64::MAX)
            };
            match is_in.chunks_exact(8).position(full) {
                Some(eighth) => {
                    let run = self.run_around(from, at + 8 * eighth);
                    if run.len() >= SHORTEST || self.is_cut(&run) {
                        return Some(run);
                    }
                    at = run.end;
                }
                None => at += LANES,
            }
        }
        while at < self.text.len() {
            let run = self.run_around(from, at);
            if run.len() >= SHORTEST || self.is_cut(&run) {
                return Some(run);
            }
            at = run.end + 1;
        }
        None
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
        | ((one == b'=') & (digit | ((letter < 6) & (two < b'a')) | line_end))
        | ((one == b'&') & ((letter < 26) | (two == b'#')))
        | ((one == b'\\') & (((two | 0x20) == b'u') | (two == b'x')))
        // The last byte of a line says more than its end, which every line has.
        | (((one == b'@') | (one == b'-') | (one.wrapping_sub(b'0') < 10)) & line_end)
        | (((one == b'\n') | (one == b'\r')) & (two == b'@'))
        | ((one == b'<') & ((letter < 26) | (two == b'/') | (two == b'!')))
}

/// Whether a whole text, short as keys and names are, surely holds no unit.
pub(super) fn is_shut(text: &[u8], places: &[Place]) -> bool {
    // What else begins a unit does so before the end of a line.
    let opens = |byte: u8| byte >= 0x80 || matches!(byte, b'%' | b'=' | b'&' | b'\\' | b'<' | b'\n' | b'\r');
    text.len() < SHORTEST
        && !text.iter().fold(false, |any, &byte| any | opens(byte))
        && places.iter().all(|place| *place == Place::default())
}

/// Whether any unit begins with the byte; letters and spaces begin none.
#[inline]
fn is_first(byte: u8) -> bool {
    byte >= 0x80 || !(byte.is_ascii_alphabetic() || byte == b' ')
}

/// Whether a point ends the line.
#[inline]
fn is_point(one: u8, two: u8) -> bool {
    (one == b'.') & ((two == b'\n') | (two == b'\r'))
}

/// Whether a character of the data file may begin with this byte, letters of other scripts aside.
#[inline]
fn is_lead(byte: u8) -> bool {
    (byte == 0xc2)
        | (byte.wrapping_sub(0xcb) <= 0xcd - 0xcb)
        | (byte.wrapping_sub(0xd8) <= 0xdf - 0xd8)
        | (byte.wrapping_sub(0xe0) <= 0xe3 - 0xe0)
        | (byte == 0xea)
        | (byte >= 0xef)
}

/// Whether one of two bytes is a letter or digit of ASCII and the other beyond ASCII.
#[inline]
fn is_seam(one: u8, two: u8) -> bool {
    let is_word = |byte: u8| ((byte | 0x20).wrapping_sub(b'a') < 26) | (byte.wrapping_sub(b'0') < 10);
    ((one >= 0x80) & is_word(two)) | (is_word(one) & (two >= 0x80))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str, whole: bool) -> Vec<(usize, bool)> {
        let mut gate = Gate::new(text.as_bytes(), whole, &Place::default());
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
    fn every_lead_of_the_data_file_is_seen() {
        for first in 0xc2..=0xf4 {
            let may_be = (0x80..0xc0).any(|second| characters::known().may_be(first, second));
            // Letters of other scripts count at a seam only.
            assert!(!may_be || is_lead(first) || matches!(first, 0xce..=0xd6), "{first:x}");
        }
    }

    #[test]
    fn every_place_of_a_block_is_seen() {
        for before in 0..70 {
            for (what, run) in [
                ("%40", false),
                ("&#64;", false),
                ("=40", false),
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
