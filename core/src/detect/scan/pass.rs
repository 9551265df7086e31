//! One reading of a text, or of a view of it: blocks of bytes, the anchors in them, and the readers at each.

use std::ops::Range;

use fearless_simd::Simd;

use super::Detectors;
use crate::block::{self, Block, widest};
use crate::detect::capital::Capital;
use crate::detect::coin;
use crate::detect::digits::shape;
use crate::detect::digits::timestamp;
use crate::detect::digits::word::{Found, Seen, Word};
use crate::detect::email;
use crate::detect::find::{Attempt, Find, Hit};
use crate::detect::geo;
use crate::detect::input::Input;
use crate::detect::resolve::Candidate;
use crate::detect::words::{Sense, Sight};
use crate::detect::{CONTEXT, MAX_OPEN};

/// How many bytes before the end of an anchor a reader may find the start of a value: a local part, or a key whose mark
/// comes after 76 bytes, and what stands before it.
const REACH: usize = email::LOCAL + 2;

pub(super) struct Pass<'a> {
    pub(super) of: &'a Detectors,
    pub(super) input: Input<'a>,
    pub(super) from: usize,
    pub(super) sight: Sight<'a>,
    pub(super) whole: bool,
    pub(super) candidates: Vec<Candidate>,
    /// The value that was found last, within which no weaker one has to be looked for; its place among the candidates.
    cover: Option<usize>,
    covering: bool,
    /// Where the first undecided reader began.
    pub(super) limit: usize,
}

impl<'a> Pass<'a> {
    /// `covering`: no weaker value is looked for within one that was found.
    pub(super) fn new(
        of: &'a Detectors,
        input: Input<'a>,
        from: usize,
        sight: Sight<'a>,
        (whole, covering): (bool, bool),
    ) -> Self {
        Self {
            of,
            input,
            from,
            sight,
            whole,
            candidates: Vec::new(),
            cover: None,
            covering,
            limit: usize::MAX,
        }
    }

    /// The single-byte anchors and the capitals, block by block.
    pub(super) fn blocks(&mut self, part: &Range<usize>) {
        let mut at = self.from.max(part.start);
        // Up to here the anchors are read.
        let mut read = at;
        while at < part.end {
            let marks = Marks::of(self.input.slice(at, part.end), self.input.before(at));
            let mut anchors = marks.anchors;
            loop {
                anchors &= u64::MAX.checked_shl((read - at) as u32).unwrap_or(0);
                if anchors == 0 {
                    break;
                }
                let offset = at + anchors.trailing_zeros() as usize;
                read = match self.input.peek(offset) {
                    Some(b'@') => self.wake_all(&self.of.at_sign, offset),
                    Some(b':') => self.colon(offset),
                    _ => self.digit(offset),
                };
            }
            let mut capitals = marks.capitals;
            while capitals != 0 {
                self.capital(at + capitals.trailing_zeros() as usize);
                capitals &= capitals - 1;
            }
            at += block::SIZE;
            read = read.max(at);
        }
    }

    /// An IPv6 address has a hexadecimal digit before its first colon, or another colon behind it.
    fn colon(&mut self, offset: usize) -> usize {
        let is_hex = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_hexdigit());
        let next = self.input.peek(offset + 1);
        if next.is_none() || next == Some(b':') || (is_hex(next) && is_hex(self.input.before(offset))) {
            return self.wake_all(&self.of.at_colon, offset);
        }
        offset + 1
    }

    /// What a word with a digit wakes. Goes on behind the word: its other digits begin nothing.
    fn digit(&mut self, offset: usize) -> usize {
        let of = self.of;
        let found = Word::at(&self.input, offset);
        let touched = self.touched();
        let word = match found {
            Found::Word(word) => word,
            Found::Nothing(end) => {
                if touched {
                    self.undecided(offset);
                }
                return end.max(offset + 1);
            }
        };
        let mut least = self.least(word.start);
        if least > of.strongest {
            return word.end;
        }
        let seen = Seen::new(word);
        if let Some(end) = timestamp::end(&self.input, &word) {
            return self.timestamp(&seen, end, least);
        }
        let touched = touched | self.touched();
        if touched {
            // The word may go on, and then wake others.
            self.undecided_word(&word);
        }
        if geo::wants(&self.input, &word) {
            self.wake_words(&of.at_degrees, &seen, least);
        }
        if !touched && self.is_decimal(&word) {
            return word.end;
        }
        if word.length() >= coin::SHORTEST {
            self.wake_words(&of.at_long_word, &seen, least);
        }
        for &which in &of.at_digit {
            let Some(info) = of.entities.get(which).filter(|info| info.rank >= least) else { continue };
            if touched || info.find.wants(&self.input, &word) {
                let sense = Sense { sight: &self.sight, which };
                let attempt = info.find.attempt_word(&self.input, &seen, &sense);
                if self.take(which, attempt) {
                    // Of those that follow, only a stronger one can still matter.
                    least = self.least(word.start);
                }
            }
        }
        if self.touched() {
            // Who would read the word was not told.
            self.undecided_word(&word);
        }
        self.shapes(&word, least);
        word.end
    }

    /// Nothing but a date begins there.
    fn timestamp(&mut self, seen: &Seen, end: usize, least: u8) -> usize {
        if self.input.take_touched() {
            self.undecided(seen.word.start);
        }
        // Where it begins a line, no word of the line before speaks of it.
        let begins = self.input.before(seen.word.start).is_none_or(|b| b == b'\n');
        if !begins || self.sight.has_key() {
            self.wake_words(&self.of.at_date, seen, least);
        }
        end
    }

    /// The shapes that a word wakes.
    fn shapes(&mut self, word: &Word, least: u8) {
        let of = self.of;
        let Some(mut woken) = of.shapes.woken(&self.input, word, least) else { return };
        // Most numbers stand among words that tell nothing: asked once for all that need one.
        if woken.are_told()
            && let Some(hints) = self.sight.hints(&self.input, word.start, word.end, self.whole)
        {
            woken.keep_told(&hints);
        }
        for waking in woken.each() {
            let Some(info) = of.entities.get(waking.which) else { continue };
            let Find::Shape(shaped) = &info.find else { continue };
            let sense = Sense { sight: &self.sight, which: waking.which };
            let attempt = shape::attempt(&self.input, word, shaped, waking.shape, &sense);
            self.take(waking.which, attempt);
        }
    }

    /// Whether the word is the whole part of a decimal number: vectors are full of them. One point alone, and no zero
    /// in front of other digits.
    fn is_decimal(&mut self, word: &Word) -> bool {
        if word.next != Some(b'.') || !word.is_number() {
            return false;
        }
        let is_plain = word.length() == 1 || self.input.at(word.start) != Some(b'0');
        let end = self.input.run(word.end + 1, FRACTION, |b| b.is_ascii_digit());
        let goes_on = self.input.at(end).is_some_and(|b| matches!(b, b'.' | b'-' | b'/' | b' '));
        let more =
            self.input.at(end) == Some(b' ') && self.input.at(end + 1).is_some_and(|b| b.is_ascii_digit());
        let decimal =
            is_plain && end > word.end + 1 && (!goes_on || (self.input.at(end) == Some(b' ') && !more));
        if self.input.take_touched() {
            self.undecided_word(word);
        }
        decimal
    }

    /// A word that begins with a capital.
    fn capital(&mut self, start: usize) {
        let of = self.of;
        if self.is_uncapital(start) {
            return;
        }
        let least = self.least(start);
        if least > of.strongest_name {
            return;
        }
        let word = Capital::read(&self.input, start);
        for &which in &of.at_capital {
            let Some(info) = of.entities.get(which).filter(|info| info.rank >= least) else { continue };
            if word
                .as_ref()
                .is_some_and(|word| !info.find.wants_capital(&self.input, word, self.sight.has_key()))
            {
                if self.input.take_touched() {
                    self.undecided(start);
                }
                continue;
            }
            let sense = Sense { sight: &self.sight, which };
            let attempt = info.find.attempt_capital(&self.input, start, &sense);
            self.take(which, attempt);
        }
    }

    /// Whether a character beyond ASCII stands there, whole, that is no capital.
    fn is_uncapital(&self, start: usize) -> bool {
        if self.input.peek(start).is_some_and(|byte| byte < 0x80) {
            return false;
        }
        let beyond = self.input.slice(start, start + 4).utf8_chunks().next();
        let first = beyond.and_then(|chunk| chunk.valid().chars().next());
        first.is_some_and(|c| !c.is_ascii() && !c.is_uppercase())
    }

    /// The key of a text, at its start.
    pub(super) fn key(&mut self, key: &str) {
        for &which in &self.of.at_key {
            let Some(info) = self.of.entities.get(which) else { continue };
            let sense = Sense { sight: &self.sight, which };
            let attempt = info.find.attempt_key(&self.input, key, &sense);
            self.take(which, attempt);
        }
    }

    /// The anchors of several bytes.
    pub(super) fn literals(&mut self, part: &Range<usize>) {
        let of = self.of;
        let from = self.from.max(part.start);
        of.literals.each(self.input.slice(from, part.end), |offset, which| {
            self.wake(which, from + offset);
        });
    }

    fn wake_all(&mut self, readers: &[usize], offset: usize) -> usize {
        for &which in readers {
            self.wake(which, offset);
        }
        offset + 1
    }

    /// Readers of words that were chosen already.
    fn wake_words(&mut self, readers: &[usize], seen: &Seen, least: u8) {
        for &which in readers {
            let Some(info) = self.of.entities.get(which).filter(|info| info.rank >= least) else { continue };
            let sense = Sense { sight: &self.sight, which };
            let attempt = info.find.attempt_word(&self.input, seen, &sense);
            self.take(which, attempt);
        }
    }

    fn wake(&mut self, which: usize, offset: usize) {
        let Some(info) = self.of.entities.get(which) else { return };
        let attempt = info.find.attempt(&self.input, offset);
        self.take(which, attempt);
    }

    /// The rank that a value must have to be looked for from an offset on: that of the value found last, within it. No
    /// weaker one can stand there, unless that one falls.
    fn least(&mut self, offset: usize) -> u8 {
        let value = self.cover.and_then(|at| self.candidates.get_mut(at));
        let begins = |value: &Candidate| value.start < offset || value.start == offset && value.rank >= SURE;
        match value.filter(|value| begins(value) && offset < value.end) {
            Some(value) => {
                value.covers = true;
                value.rank
            }
            None => 0,
        }
    }

    /// Whether something was asked of what has not come: the whole of a text has.
    fn touched(&self) -> bool {
        self.input.take_touched() && !self.whole
    }

    /// Where a reader began that cannot know its answer yet.
    pub(super) fn undecided(&mut self, low: usize) {
        if !self.whole {
            self.limit = self.limit.min(low);
        }
    }

    /// Where nobody knows yet who reads a word with a digit: what stands before it may belong to its value.
    fn undecided_word(&mut self, word: &Word) {
        self.undecided(word.start.saturating_sub(self.of.lead));
    }

    /// What a reader made of its anchor; whether that is a value.
    fn take(&mut self, which: usize, attempt: Attempt) -> bool {
        let Attempt { low, hit } = attempt;
        let touched = self.input.take_touched();
        if touched && !self.whole && !hit.as_ref().is_some_and(|hit| hit.open) {
            self.undecided(low);
            return false;
        }
        let (Some(Hit { start, mut end, score, mut open }), Some(info)) = (hit, self.of.entities.get(which))
        else {
            return false;
        };
        if end - start > MAX_OPEN {
            end = info.find.continued(&self.input, start + MAX_OPEN);
            open |= self.input.take_touched();
        }
        if start >= self.from {
            let (open, low) = (open && !self.whole, low.min(start));
            let (rank, level, state, void) = (info.rank, 0, 0, false);
            let covers = false;
            let candidate =
                Candidate { start, end, low, which, rank, level, score, open, state, void, covers };
            if info.find.is_by_line() {
                self.lines(candidate);
            } else {
                let within = |value: &Candidate| start < value.end && rank <= value.rank;
                if self.covering
                    && !open
                    && !self.cover.and_then(|at| self.candidates.get(at)).is_some_and(within)
                {
                    self.cover = Some(self.candidates.len());
                }
                self.candidates.push(candidate);
            }
        }
        true
    }

    /// A value that begins its line is a block: each of its lines by itself, without indentation and marks of quotation,
    /// so that lines stay lines. One inside a sentence is one.
    fn lines(&mut self, value: Candidate) {
        let is_mark = |b: &&u8| matches!(b, b' ' | b'\t' | b'\r' | b'>' | b'?' | b',');
        // The house's number may stand before a street that was found by its name.
        let head = self.input.run_back(value.start, CONTEXT, |b| is_mark(&&b) || b.is_ascii_digit());
        if self.input.before(head).is_some_and(|b| b != b'\n') {
            self.candidates.push(value);
            return;
        }
        let mut start = value.start;
        for line in self.input.slice(value.start, value.end).split(|b| *b == b'\n') {
            let head = line.iter().take_while(is_mark).count();
            let tail = line.iter().rev().take_while(is_mark).count();
            if head + tail < line.len() {
                let (from, to) = (start + head, start + line.len() - tail);
                self.candidates.push(Candidate { start: from, end: to, ..value });
            }
            start += line.len() + 1;
        }
    }

    /// Where the text is still open.
    pub(super) fn limit(&self) -> usize {
        let length = self.input.len();
        if self.whole {
            return length;
        }
        // An anchor may come that reaches back over the last word.
        let tail = self.input.run_back(length, REACH, is_reachable);
        let at_end = self.of.at_end.iter().filter_map(|&which| self.of.entities.get(which));
        let tails = at_end.map(|info| info.find.tail(&self.input));
        tails.fold(self.limit.min(tail), usize::min).max(self.from)
    }
}

/// What may stand between the start of a value and its anchor; no anchor of several bytes holds anything else.
pub(in crate::detect) fn is_reachable(byte: u8) -> bool {
    !matches!(byte, 0..=b' ' | b',' | b';' | b'<' | b'>' | b'[' | b']' | b')')
}

/// A value of this rank, once found, is seldom taken by another: weaker ones are not even looked for at its first word.
/// Whenever a value falls that kept others from being looked for, all of the text is read again.
const SURE: u8 = 60;

/// How many digits behind a point are looked at, at most.
const FRACTION: usize = 40;

/// Where readers of a block wake.
struct Marks {
    /// Digits, `:` and `@`.
    anchors: u64,
    /// Capitals of ASCII, and characters that may be one, with no letter or digit before.
    capitals: u64,
}

impl Marks {
    /// Of the first block of a text, behind this byte.
    #[inline]
    fn of(text: &[u8], before: Option<u8>) -> Self {
        widest!(simd => Self::of_block(Block::first(simd, text), before))
    }

    #[inline(always)]
    fn of_block<S: Simd>(block: Block<S>, before: Option<u8>) -> Self {
        let anchors = block.within(b'0', b':') | block.is(b'@');
        let capitals = block.within(b'A', b'Z') | block.from(0xC3);
        let word = block.within(b'0', b'9') | block.small().within(b'a', b'z') | block.beyond();
        let carried = before.is_some_and(|b| b.is_ascii_alphanumeric() || b >= 0x80);
        let behind = word.bits() << 1 | u64::from(carried);
        Self { anchors: anchors.bits(), capitals: capitals.bits() & !behind }
    }
}
