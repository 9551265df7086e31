//! The pass over a text: anchors, the readers at each, and what stands in the end.

use std::ops::Range;
use std::slice;
use std::sync::Arc;

use super::catalogue::{EntityInfo, catalogue};
use super::coin;
use super::custom::{Custom, Customs, Failed};
use super::digits::index::Index;
use super::digits::shape;
use super::digits::timestamp;
use super::digits::word::{Found, Seen, Word};
use super::disguise::Layers;
use super::email;
use super::find::{Anchor, Attempt, Find, Hit};
use super::geo;
use super::input::Input;
use super::lexicon::Lexicon;
use super::literals::Literals;
use super::resolve::{Candidate, Settled, settle};
use super::words::{Sense, Sight};
use super::{CONTEXT, Carry, Context, Inside, KEPT, MAX_OPEN, Open};
use crate::model::{Entity, Finding};

/// How many bytes before the end of an anchor a reader may find the start of a value: a local part, or a key whose mark
/// comes after 76 bytes, and what stands before it.
const REACH: usize = email::LOCAL + 2;

/// A set of entities, compiled to one scanner. Cheap to share, never changes.
#[derive(Debug)]
pub struct Detectors {
    entities: Vec<&'static EntityInfo>,
    /// Indices into `entities`, by the anchor that wakes their reader.
    at_sign: Vec<usize>,
    at_digit: Vec<usize>,
    at_date: Vec<usize>,
    at_colon: Vec<usize>,
    at_long_word: Vec<usize>,
    at_degrees: Vec<usize>,
    at_capital: Vec<usize>,
    /// Woken by the key that a text stands under.
    at_key: Vec<usize>,
    /// Those whose value may have begun before the last word of a text.
    at_end: Vec<usize>,
    shapes: Index,
    /// How many bytes at most stand before the first word with a digit of a shape.
    lead: usize,
    lexicon: Lexicon,
    literals: Literals,
    /// Numbered after the entities of the catalogue.
    customs: Customs,
}

impl Detectors {
    /// The scanner for these entities. One that is not of the catalogue is never found.
    pub fn compile(wanted: &[Entity]) -> Self {
        Self::with(wanted, &[])
    }

    /// The same where some of them are a policy's own.
    pub(crate) fn with(wanted: &[Entity], own: &[Arc<Custom>]) -> Self {
        let own = own.iter().filter(|custom| wanted.contains(&custom.entity)).cloned();
        let entities: Vec<_> = catalogue().iter().filter(|info| wanted.contains(&info.entity)).collect();
        let anchored = |anchor| {
            let woken = |(n, info): (usize, &&EntityInfo)| (info.find.anchor() == Some(anchor)).then_some(n);
            entities.iter().enumerate().filter_map(woken).collect()
        };
        let shapes = entities.iter().enumerate().filter_map(|(which, info)| match &info.find {
            Find::Shape(shaped) => Some((which, shaped)),
            _ => None,
        });
        let shapes = shapes.flat_map(|(which, of)| of.shapes().map(move |(at, shape)| (which, at, shape)));
        let shapes: Vec<_> = shapes.collect();
        let words = entities.iter().enumerate().map(|(which, info)| (which, info.words.as_slice()));
        Self {
            lead: shapes.iter().map(|(_, _, shape)| shape.lead).max().unwrap_or(0),
            shapes: Index::compile(shapes.into_iter()),
            lexicon: Lexicon::compile(words),
            at_sign: anchored(Anchor::AtSign),
            at_digit: anchored(Anchor::Digit),
            at_date: (0..entities.len())
                .filter(|n| entities.get(*n).is_some_and(|i| matches!(i.find, Find::BirthDate)))
                .collect(),
            at_colon: anchored(Anchor::Colon),
            at_long_word: anchored(Anchor::LongWord),
            at_degrees: anchored(Anchor::Degrees),
            at_capital: (0..entities.len())
                .filter(|n| entities.get(*n).is_some_and(|i| i.find.reads_capitals()))
                .collect(),
            at_key: (0..entities.len())
                .filter(|n| entities.get(*n).is_some_and(|i| i.find.reads_keys()))
                .collect(),
            at_end: (0..entities.len())
                .filter(|n| entities.get(*n).is_some_and(|i| i.find.has_tail()))
                .collect(),
            literals: Literals::compile(entities.iter().map(|info| info.find.literals())),
            customs: Customs::compile(own.collect()),
            entities,
        }
    }

    /// The scanner for every entity of the catalogue.
    pub fn all() -> Self {
        Self::compile(&catalogue().iter().map(|info| info.entity).collect::<Vec<_>>())
    }

    /// Whether it looks for nothing.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty() && self.customs.is_empty()
    }

    /// Whether the whole of a text is looked for because of its key.
    pub fn names(&self, key: Option<&str>) -> bool {
        self.customs.names(key)
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

    /// Either, for who knows what to do where a detector of the host fails.
    pub(crate) fn pass(
        &self,
        text: &[u8],
        from: usize,
        context: &Context<'_>,
        whole: bool,
        found: &mut Vec<Finding>,
    ) -> Open {
        let kept = from.saturating_sub(KEPT);
        let window = text.get(kept..).unwrap_or_default();
        let layers = Layers::read(window, whole, &context.carry.places);
        let window = window.get(..layers.end).unwrap_or_default();
        let (before, mut from) = (from.saturating_sub(CONTEXT) - kept, from - kept);
        let carry = |from: usize, inside| {
            let next = (kept + from).saturating_sub(KEPT);
            Carry { inside, places: layers.places(window, next.saturating_sub(kept)) }
        };
        if let Some(inside) = context.carry.inside {
            let Some((end, goes_on)) = self.rest(window, &layers, from, inside, whole) else {
                return Open { from: text.len(), carry: Carry::default(), failed: false };
            };
            if end > from {
                let (span, disguised) = (kept + from..kept + end, inside.level > 0);
                found.push(Finding { entity: inside.entity, span, score: 100, disguised });
            }
            if goes_on.is_some() {
                return Open { from: kept + end, carry: carry(end, goes_on), failed: false };
            }
            from = end;
        }
        let plain = Input::new(window.get(before..).unwrap_or_default());
        let all = 0..plain.len();
        let failed = Open { from: kept + from, carry: Carry::default(), failed: true };
        let read = self.read(plain, from - before, slice::from_ref(&all), context, whole);
        let Ok((mut candidates, limit)) = read else { return failed };
        candidates.iter_mut().for_each(|candidate| candidate.shift(before));
        let mut limit = limit + before;
        for (level, (view, origin)) in (1..).zip(layers.views()) {
            let (view, begin, parts) = (Input::of_view(view, origin), origin.at(from), origin.parts());
            let Ok((seen, open)) = self.read(view, begin, &parts, context, whole) else { return failed };
            limit = limit.min(origin.start(open));
            candidates.extend(seen.into_iter().map(|this| Candidate {
                start: origin.start(this.start),
                end: origin.end(this.end),
                low: origin.start(this.low),
                level,
                ..this
            }));
        }
        let limit = if whole { window.len() } else { limit.max(from) };
        let Settled { stands, open, inside } = settle(candidates, limit);
        for candidate in stands {
            if let Some(entity) = self.entity(candidate.which) {
                let (span, disguised) = (kept + candidate.start..kept + candidate.end, candidate.level > 0);
                found.push(Finding { entity, span, score: candidate.score, disguised });
            }
        }
        let inside = inside.and_then(|cut| self.inside(&cut));
        let from = open.max(from);
        Open { from: kept + from, carry: carry(from, inside), failed: false }
    }

    /// What the readers find in these parts of a text or of a view of it, and where it is still open.
    fn read(
        &self,
        input: Input<'_>,
        from: usize,
        parts: &[Range<usize>],
        context: &Context<'_>,
        whole: bool,
    ) -> Result<(Vec<Candidate>, usize), Failed> {
        let key = context.key;
        let sight = Sight::new(&self.lexicon, key);
        let mut pass =
            Pass { of: self, input, from, sight, whole, candidates: Vec::new(), limit: usize::MAX };
        if let Some(key) = key.filter(|_| from == 0) {
            pass.key(key);
        }
        for part in parts.iter().filter(|part| part.end > from) {
            pass.walk(part);
            pass.capitals(part);
            pass.literals(part);
        }
        // Entities of a policy's own are looked for in the text as it came.
        if !self.customs.is_empty() && !pass.input.is_view() {
            let (first, pass) = (self.entities.len(), &mut pass);
            let looked = self.customs.look(&pass.input, from, context, (first, whole), &mut pass.candidates);
            let limit = looked?;
            pass.undecided(limit);
        }
        let limit = pass.limit();
        Ok((pass.candidates, limit))
    }

    /// Where a value ends that is longer than is kept back, and what it is where that is still unknown; `None` where none of
    /// these entities has it.
    fn rest(
        &self,
        text: &[u8],
        layers: &Layers,
        from: usize,
        inside: Inside,
        whole: bool,
    ) -> Option<(usize, Option<Inside>)> {
        let Some(info) = self.entities.iter().find(|info| info.entity == inside.entity) else {
            return self.customs.rest(&Input::new(text), from, inside, whole);
        };
        let (end, touched) = match layers.views().take(usize::from(inside.level)).last() {
            None => {
                let input = Input::new(text);
                (info.find.continued(&input, from), input.take_touched())
            }
            Some((view, origin)) => {
                let (input, begin) = (Input::new(view), origin.at(from));
                let end = info.find.continued(&input, begin);
                (if end > begin { origin.end(end) } else { from }, input.take_touched())
            }
        };
        Some((end, (touched && !whole).then_some(inside)))
    }

    fn entity(&self, which: usize) -> Option<Entity> {
        match which.checked_sub(self.entities.len()) {
            None => self.entities.get(which).map(|info| info.entity),
            Some(own) => self.customs.entity(own),
        }
    }

    fn inside(&self, this: &Candidate) -> Option<Inside> {
        match this.which.checked_sub(self.entities.len()) {
            None => Some(Inside { entity: self.entity(this.which)?, state: 0, of: 0, level: this.level }),
            Some(own) => self.customs.inside(own, this.state),
        }
    }
}

struct Pass<'a> {
    of: &'a Detectors,
    input: Input<'a>,
    from: usize,
    sight: Sight<'a>,
    whole: bool,
    candidates: Vec<Candidate>,
    /// Where the first undecided reader began.
    limit: usize,
}

impl Pass<'_> {
    /// The single-byte anchors.
    fn walk(&mut self, part: &Range<usize>) {
        let mut offset = self.from.max(part.start);
        offset += quiet(self.input.slice(offset, part.end));
        while let Some(&byte) = self.input.slice(offset, part.end).first() {
            offset = match byte {
                b'@' => self.wake_all(&self.of.at_sign, offset),
                b':' => self.colon(offset),
                _ => self.digit(offset),
            };
            offset += quiet(self.input.slice(offset, part.end));
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
        let touched = self.input.take_touched();
        let word = match found {
            Found::Word(word) => word,
            Found::Nothing(end) => {
                if touched {
                    self.undecided(offset);
                }
                return end.max(offset + 1);
            }
        };
        let seen = Seen::new(word);
        if let Some(end) = timestamp::end(&self.input, &word) {
            return self.timestamp(&seen, end);
        }
        let touched = touched | self.input.take_touched();
        if touched {
            // The word may go on, and then wake others.
            self.undecided(word.start.saturating_sub(of.lead));
        }
        if geo::wants(&self.input, &word) {
            self.wake_words(&of.at_degrees, &seen);
        }
        if !touched && self.is_decimal(&word) {
            return word.end;
        }
        if word.length() >= coin::SHORTEST {
            self.wake_words(&of.at_long_word, &seen);
        }
        for &which in &of.at_digit {
            let Some(info) = of.entities.get(which) else { continue };
            if touched || info.find.wants(&self.input, &word) {
                let sense = Sense { sight: &self.sight, which };
                let attempt = info.find.attempt_word(&self.input, &seen, &sense);
                self.take(which, attempt);
            }
        }
        self.shapes(&word);
        word.end
    }

    /// Nothing but a date begins there.
    fn timestamp(&mut self, seen: &Seen, end: usize) -> usize {
        if self.input.take_touched() {
            self.undecided(seen.word.start);
        }
        // Where it begins a line, no word of the line before speaks of it.
        let begins = self.input.before(seen.word.start).is_none_or(|b| b == b'\n');
        if !begins || self.sight.has_key() {
            self.wake_words(&self.of.at_date, seen);
        }
        end
    }

    /// The shapes that a word wakes.
    fn shapes(&mut self, word: &Word) {
        let of = self.of;
        let Some(woken) = of.shapes.woken(&self.input, word) else { return };
        // Most numbers stand among words that tell nothing: asked once for all that need one.
        let hints = woken.are_told().then(|| self.sight.hints(&self.input, word.start, word.end)).flatten();
        for waking in woken.each() {
            if waking.told && hints.is_some_and(|hints| !self.sight.tells(&hints, waking.which)) {
                continue;
            }
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
            self.undecided(word.start);
        }
        decimal
    }

    /// The words that begin with a capital.
    fn capitals(&mut self, part: &Range<usize>) {
        let of = self.of;
        if of.at_capital.is_empty() {
            return;
        }
        let mut offset = self.from.max(part.start);
        loop {
            offset += small(self.input.slice(offset, part.end));
            let start = offset;
            if start >= part.end {
                return;
            }
            offset += 1;
            let inside = self.input.before(start).is_some_and(|b| b.is_ascii_alphanumeric() || b >= 0x80);
            if self.input.peek(start).is_some_and(|b| b >= 0x80) {
                // The characters that follow begin nothing: they stand in the same word.
                offset += self.input.slice(offset, part.end).iter().take_while(|b| **b >= 0x80).count();
            }
            if inside || self.is_uncapital(start) {
                continue;
            }
            for &which in &of.at_capital {
                let Some(info) = of.entities.get(which) else { continue };
                let sense = Sense { sight: &self.sight, which };
                let attempt = info.find.attempt_capital(&self.input, start, &sense);
                self.take(which, attempt);
            }
        }
    }

    /// Whether a character beyond ASCII stands there, whole, that is no capital.
    fn is_uncapital(&self, start: usize) -> bool {
        let beyond = self.input.slice(start, start + 4).utf8_chunks().next();
        let first = beyond.and_then(|chunk| chunk.valid().chars().next());
        first.is_some_and(|c| !c.is_ascii() && !c.is_uppercase())
    }

    /// The key of a text, at its start.
    fn key(&mut self, key: &str) {
        for &which in &self.of.at_key {
            let Some(info) = self.of.entities.get(which) else { continue };
            let sense = Sense { sight: &self.sight, which };
            let attempt = info.find.attempt_key(&self.input, key, &sense);
            self.take(which, attempt);
        }
    }

    /// The anchors of several bytes.
    fn literals(&mut self, part: &Range<usize>) {
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
    fn wake_words(&mut self, readers: &[usize], seen: &Seen) {
        for &which in readers {
            let Some(info) = self.of.entities.get(which) else { continue };
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

    /// Where a reader began that cannot know its answer yet.
    fn undecided(&mut self, low: usize) {
        if !self.whole {
            self.limit = self.limit.min(low);
        }
    }

    /// What a reader made of its anchor.
    fn take(&mut self, which: usize, attempt: Attempt) {
        let Attempt { low, hit } = attempt;
        let touched = self.input.take_touched();
        if touched && !self.whole && !hit.as_ref().is_some_and(|hit| hit.open) {
            self.undecided(low);
            return;
        }
        let (Some(Hit { start, mut end, score, mut open }), Some(info)) = (hit, self.of.entities.get(which))
        else {
            return;
        };
        if end - start > MAX_OPEN {
            end = info.find.continued(&self.input, start + MAX_OPEN);
            open |= self.input.take_touched();
        }
        if start >= self.from {
            let (open, low) = (open && !self.whole, low.min(start));
            let (rank, level, state, void) = (info.rank, 0, 0, false);
            let candidate = Candidate { start, end, low, which, rank, level, score, open, state, void };
            if info.find.is_by_line() {
                self.lines(candidate);
            } else {
                self.candidates.push(candidate);
            }
        }
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
    fn limit(&self) -> usize {
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
pub(super) fn is_reachable(byte: u8) -> bool {
    !matches!(byte, 0..=b' ' | b',' | b';' | b'<' | b'>' | b'[' | b']' | b')')
}

/// How many digits behind a point are looked at, at most.
const FRACTION: usize = 40;

/// How many bytes lie before the next single-byte anchor: the digits, the colon that follows them in ASCII, or `@`.
#[inline]
fn quiet(text: &[u8]) -> usize {
    before(text, |byte| byte.wrapping_sub(b'0') <= b':' - b'0' || byte == b'@')
}

/// How many bytes lie before the next capital of ASCII or the next character that may be one.
#[inline]
fn small(text: &[u8]) -> usize {
    before(text, |byte| byte.wrapping_sub(b'A') <= b'Z' - b'A' || byte >= 0xC3)
}

/// How many bytes lie before the next of a kind.
#[inline]
fn before(text: &[u8], is_anchor: impl Fn(u8) -> bool) -> usize {
    const LANES: usize = 32;
    let mut at = 0;
    // Without an early exit inside a block, the compiler compares its bytes at once.
    for block in text.chunks_exact(LANES) {
        if block.iter().fold(false, |any, &byte| any | is_anchor(byte)) {
            break;
        }
        at += LANES;
    }
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().position(|&byte| is_anchor(byte)).unwrap_or(rest.len())
}
