//! Values with fixed shapes, such as national ids: how they are written, what their check digits say, and whether
//! they count by themselves or only where a word tells what they are.
//!
//! A shape is written in a small language of the data files: `d` a digit, `A` a letter, `N` either, `[AC-F]` one of a set,
//! any other capital letter or digit itself; `{6}`, `{6,9}` and `?` repeat what stands before. Space, `-`, `.`, `/`, `(`
//! and `)` separate and are no part of the value that is checked. `_` stands for one separator, the same in the whole
//! value, or none at all: `ddd_dd_dddd` is `457-55-5462`, `457 55 5462` and `457555462`.

use saphyr::Yaml;

use super::check::{Check, VALUE};
use super::layout::Wants;
use super::word::Word;
use super::{is_glued_after, is_glued_before, separator_at};
use crate::detect::catalogue::strings;
use crate::detect::find::{Attempt, Hit};
use crate::detect::input::Input;
use crate::detect::word_set::Tails;
use crate::detect::words::Sense;

/// Settings of the data row.
#[derive(Debug, Clone)]
pub(in crate::detect) struct Shaped {
    forms: Vec<Form>,
}

/// Shapes with one check in common.
#[derive(Debug, Clone)]
struct Form {
    shapes: Vec<Shape>,
    check: Check,
    /// What more must hold where no word tells what it is.
    proof: Check,
    /// A word tells only where one of these ends directly before the value, but for a sign or `is`.
    behind: Vec<&'static str>,
    tails: Tails,
}

/// A way to write the value.
#[derive(Debug, Clone)]
pub(in crate::detect) struct Shape {
    parts: Vec<Part>,
    /// Counts without a context word; letters are capitals then.
    pub(super) alone: bool,
    /// How many bytes stand before the word with the first digit: `AA dd` has three.
    pub(in crate::detect) lead: usize,
    /// Digits alone, without separators.
    pub(super) is_number: bool,
    /// A space is among its separators.
    spaced: bool,
    pub(super) first: First,
    /// The groups behind that word.
    pub(super) wants: Wants,
}

/// What the word with the first digit looks like.
#[derive(Debug, Clone, Default)]
pub(in crate::detect) struct First {
    pub(super) shortest: usize,
    pub(super) longest: usize,
    pub(super) fewest_letters: usize,
    pub(super) most_letters: usize,
    /// It can be digits alone; it can hold letters.
    pub(super) number: bool,
    pub(super) mixed: bool,
}

/// A repeated character or a separator.
#[derive(Debug, Clone)]
struct Part {
    set: Set,
    least: usize,
    most: usize,
    separates: bool,
}

/// ASCII characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::detect) struct Set(u128);

const DIGITS: Set = Set::range(b'0', b'9');
const LETTERS: Set = Set::range(b'A', b'Z');

impl Set {
    const fn range(first: u8, last: u8) -> Self {
        let mut bits = 0;
        let mut byte = first;
        while byte <= last && byte < 128 {
            bits |= 1 << byte;
            byte += 1;
        }
        Self(bits)
    }

    fn of(bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(0, |bits, &byte| bits | Self::range(byte, byte).0))
    }

    #[inline]
    pub(super) fn holds(self, byte: u8) -> bool {
        byte < 128 && self.0 >> byte & 1 == 1
    }

    fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl Shaped {
    /// Reads `forms`, or the one form that the row itself is: `alone` and `told` (shapes that count by themselves, and
    /// those that need a context word), `check`, `proof` (what more must hold without a context word), and `behind` (words
    /// that must stand directly before the value).
    pub(in crate::detect) fn read(row: &'static Yaml<'static>) -> Option<Self> {
        let forms = match row.as_mapping_get("forms") {
            Some(forms) => forms.as_sequence()?.iter().map(Form::read).collect::<Option<_>>()?,
            None => vec![Form::read(row)?],
        };
        Some(Self { forms })
    }

    /// Every shape with its place.
    pub(in crate::detect) fn shapes(&self) -> impl Iterator<Item = ((usize, usize), &Shape)> {
        self.forms.iter().enumerate().flat_map(|(form, of)| {
            of.shapes.iter().enumerate().map(move |(shape, this)| ((form, shape), this))
        })
    }

    /// Whether letters and a separator may stand before the first digit.
    pub(in crate::detect) fn has_tail(&self) -> bool {
        self.shapes().any(|(_, shape)| shape.lead > 0)
    }

    /// Where a value may have begun whose first digit has not come: at letters and a separator at the end of the text.
    pub(in crate::detect) fn tail(&self, input: &Input<'_>) -> usize {
        let length = input.len();
        // A separator is no letter of ASCII.
        if input.before(length).is_none_or(|byte| byte.is_ascii_alphanumeric()) {
            return length;
        }
        let leads = self.shapes().map(|(_, shape)| shape).filter(|shape| shape.lead > 0);
        let starts = leads.filter_map(|shape| {
            let start = length.checked_sub(shape.lead)?;
            let mut at = start;
            shape.read(input, &mut at, length).is_some().then_some(start)
        });
        starts.min().unwrap_or(length)
    }
}

impl Form {
    fn read(row: &'static Yaml<'static>) -> Option<Self> {
        let mut shapes = Vec::new();
        for (key, alone) in [("alone", true), ("told", false)] {
            for text in strings(row, key)? {
                shapes.extend(Shape::parse(text, alone)?);
            }
        }
        let check = Check::parse(&strings(row, "check")?)?;
        let proof = Check::parse(&strings(row, "proof")?)?;
        let behind = strings(row, "behind")?;
        let tails = Tails::of(behind.iter().copied());
        (!shapes.is_empty()).then_some(Self { shapes, check, proof, behind, tails })
    }
}

impl Shape {
    /// One shape, or the two that `_` stands for.
    fn parse(text: &str, alone: bool) -> Option<Vec<Self>> {
        let parts = parts(text)?;
        let optional = |part: &Part| part.separates && part.most > 0 && part.least == 0;
        if !parts.iter().any(optional) {
            return Some(vec![Self::of(parts, alone)?]);
        }
        let mut separated = parts.clone();
        separated.iter_mut().filter(|part| optional(part)).for_each(|part| part.least = 1);
        let joined = parts.into_iter().filter(|part| !optional(part)).collect();
        Some(vec![Self::of(separated, alone)?, Self::of(joined, alone)?])
    }

    fn of(parts: Vec<Part>, alone: bool) -> Option<Self> {
        let (mut lead, mut wants) = (0, Wants::default());
        let mut words = parts.split_inclusive(|part| part.separates);
        let first = loop {
            let word = words.next()?;
            if word.iter().any(|part| part.set.meets(DIGITS)) {
                break word;
            }
            // What stands before the first digit's word has one length.
            word.iter().all(|part| part.least == part.most).then_some(())?;
            let length = word.iter().map(|part| part.most).sum::<usize>();
            if let Some(separator) = word.last().filter(|part| part.separates) {
                wants.lead(separator.set, length - separator.most);
            }
            lead += length;
        };
        let mut separator = first.last().filter(|part| part.separates);
        for word in words {
            let Some(before) = separator else { break };
            let of = || word.iter().filter(|part| !part.separates);
            let lengths = (of().map(|part| part.least).sum(), of().map(|part| part.most).sum());
            wants.push(before.set, lengths, of().any(|part| part.set.meets(LETTERS)));
            separator = word.last().filter(|part| part.separates);
        }
        let first = First::of(first);
        let is_number = parts.iter().all(|part| part.set == DIGITS);
        let spaced = parts.iter().any(|part| part.separates && part.set.holds(b' '));
        let longest: usize = parts.iter().filter(|part| !part.separates).map(|part| part.most).sum();
        (longest <= VALUE).then_some(Self { parts, alone, lead, is_number, spaced, first, wants })
    }

    /// Reads the value from `at` to its end, which `at` becomes; nothing beyond `stop` is asked for. Capitals, without
    /// separators.
    fn read(&self, input: &Input<'_>, at: &mut usize, stop: usize) -> Option<([u8; VALUE], usize)> {
        let (mut value, mut length) = ([0; VALUE], 0);
        let mut common = None;
        for part in &self.parts {
            if *at >= stop {
                break;
            }
            if part.separates {
                let (byte, width) = separator_at(input, *at).filter(|(byte, _)| part.set.holds(*byte))?;
                if part.set == ANY_SEPARATOR && *common.get_or_insert(byte) != byte {
                    return None;
                }
                *at += width;
                continue;
            }
            let mut count = 0;
            while count < part.most && *at < stop {
                let Some(byte) = input.at(*at).map(|b| if self.alone { b } else { b.to_ascii_uppercase() })
                else {
                    break;
                };
                if !part.set.holds(byte) {
                    break;
                }
                *value.get_mut(length)? = byte;
                (length, count, *at) = (length + 1, count + 1, *at + 1);
            }
            if count < part.least && *at < stop {
                return None;
            }
        }
        Some((value, length))
    }
}

impl First {
    /// `word`: the parts up to the first separator, and that.
    fn of(word: &[Part]) -> Self {
        let mut first = Self { number: true, ..Self::default() };
        let (mut before_digit, mut letters_alone) = (true, true);
        for part in word {
            if part.separates {
                continue;
            }
            first.shortest += part.least;
            first.longest += part.most;
            if before_digit {
                letters_alone &= !part.set.meets(DIGITS);
                first.fewest_letters += if letters_alone { part.least } else { 0 };
                first.most_letters += if part.set.meets(LETTERS) { part.most } else { 0 };
                before_digit = part.set.meets(LETTERS) || part.least == 0;
            }
            first.number &= part.set.meets(DIGITS) || part.least == 0;
            first.mixed |= part.set.meets(LETTERS);
        }
        first
    }
}

const ANY_SEPARATOR: Set = Set(1 << b' ' | 1 << b'-' | 1 << b'.' | 1 << b'/');

fn parts(text: &str) -> Option<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut after = rest.get(c.len_utf8()..)?;
        let mut part = |set: Set, separates: bool, least: usize| {
            parts.push(Part { set, least, most: 1, separates });
        };
        match c {
            'd' => part(DIGITS, false, 1),
            'A' => part(LETTERS, false, 1),
            'N' => part(Set(DIGITS.0 | LETTERS.0), false, 1),
            '_' => part(ANY_SEPARATOR, true, 0),
            ' ' | '-' | '.' | '/' | '(' | ')' => part(Set::of(&[c as u8]), true, 1),
            '0'..='9' | 'B'..='Z' => part(Set::of(&[c as u8]), false, 1),
            '[' => {
                let (set, behind) = after.split_once(']')?;
                part(set_of(set.as_bytes())?, false, 1);
                after = behind;
            }
            '?' => parts.last_mut()?.least = 0,
            '{' => {
                let (range, behind) = after.split_once('}')?;
                let (least, most) = range.split_once(',').unwrap_or((range, range));
                let last = parts.last_mut()?;
                (last.least, last.most) = (least.parse().ok()?, most.parse().ok()?);
                after = behind;
            }
            _ => return None,
        }
        rest = after;
    }
    Some(parts)
}

/// `ABX-Z`.
fn set_of(text: &[u8]) -> Option<Set> {
    let mut set = Set::default();
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        match after {
            [b'-', last, behind @ ..] => {
                set.0 |= Set::range(first, *last).0;
                rest = behind;
            }
            _ => {
                set.0 |= Set::of(&[first]).0;
                rest = after;
            }
        }
    }
    (set != Set::default()).then_some(set)
}

/// Tries one shape at a word that fits its [`First`].
pub(in crate::detect) fn attempt(
    input: &Input<'_>,
    word: &Word,
    shaped: &Shaped,
    (form, shape): (usize, usize),
    sense: &Sense<'_>,
) -> Attempt {
    let form = shaped.forms.get(form);
    let chosen = form.and_then(|form| Some((form, form.shapes.get(shape)?)));
    let Some((form, shape)) = chosen else { return Attempt::none(word.start) };
    let Some(start) = word.start.checked_sub(shape.lead) else { return Attempt::none(word.start) };
    Attempt { low: start, hit: read(input, word, form, shape, start, sense) }
}

fn read(
    input: &Input<'_>,
    word: &Word,
    form: &Form,
    shape: &Shape,
    start: usize,
    sense: &Sense<'_>,
) -> Option<Hit> {
    if is_glued_before(input, start) {
        return None;
    }
    // Bytes first and words last: most of what begins like a value is none, and looking for words costs most.
    let mut end = word.end;
    let read;
    let value = if shape.is_number {
        input.slice(start, end)
    } else {
        end = start;
        read = shape.read(input, &mut end, usize::MAX)?;
        read.0.get(..read.1)?
    };
    if is_glued_after(input, end) || !form.check.passes(value) {
        return None;
    }
    let told = if form.behind.is_empty() {
        sense.holds(input, start) || (!shape.alone && sense.follows(input, end))
    } else {
        sense.keyed() || (stands_behind(input, start, form) && sense.holds(input, start))
    };
    let alone =
        || shape.alone && form.proof.passes(value) && !(shape.spaced && is_among_numbers(input, start, end));
    (told || alone()).then_some(Hit { start, end, score: if told { 95 } else { 80 }, open: false })
}

/// Whether one of the phrases stands before the value, with nothing between but spaces, quotes, a sign or `is`.
fn stands_behind(input: &Input<'_>, start: usize, form: &Form) -> bool {
    let trimmed = |text: &[u8]| {
        let between = |byte: &u8| matches!(byte, b' ' | b'\t' | b':' | b'=' | b'#' | b'"' | b'\'' | b'(');
        let last = text.iter().rposition(|byte| !between(byte));
        last.map_or(0, |last| last + 1)
    };
    let mut window = input.context(start);
    window = window.get(..trimmed(window)).unwrap_or_default();
    if let Some(before) = window.strip_suffix(b" is") {
        window = before.get(..trimmed(before)).unwrap_or_default();
    }
    form.tails.end(window)
        && form.behind.iter().any(|phrase| {
            window.len().checked_sub(phrase.len()).is_some_and(|at| {
                let (before, end) = window.split_at_checked(at).unwrap_or_default();
                end.eq_ignore_ascii_case(phrase.as_bytes())
                    && !before.last().is_some_and(u8::is_ascii_alphanumeric)
            })
        })
}

/// Whether digits stand one space before or behind: groups with spaces between them have no clear end there.
fn is_among_numbers(input: &Input<'_>, start: usize, end: usize) -> bool {
    let digit = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_digit());
    (input.before(start) == Some(b' ') && digit(input.before(start - 1)))
        || (input.at(end) == Some(b' ') && digit(input.at(end + 1)))
}
