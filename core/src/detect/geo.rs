//! Geographic coordinates, from the first digit of a number of degrees.
//!
//! A pair of floats alone is no place, and an array of floats is a vector whatever its key says: numbers that stand
//! behind `[` or behind another number and a comma begin nothing.
//!
//! | written | counts |
//! |---|---|
//! | `53.68632, -77.71715` | in decimals, one of at least four, where a word tells of a place, or behind `/@` in a map's URL |
//! | `40.7128° N, 74.0060° W` | by its hemispheres |
//! | `40°26′46″N 79°58′56″W`, `40° 26.767'` | by its minutes and seconds or its hemisphere |

use super::digits::word::Word;
use super::find::{Attempt, Hit};
use super::input::{Input, is_word};
use super::words::Sense;

/// Whether the word may be a number of degrees: of up to three digits, with a point or a degree sign behind.
#[inline]
pub(super) fn wants(input: &Input<'_>, word: &Word) -> bool {
    word.is_number()
        && word.length() <= 3
        && matches!(word.next, Some(b'.' | 0xC2))
        && is_first(input, word.start)
}

/// Whether no other number stands before it as in a list.
fn is_first(input: &Input<'_>, digit: usize) -> bool {
    let start = signed(input, digit);
    let gap = input.run_back(start, 3, |b| matches!(b, b' ' | b'\n' | b'\t'));
    match input.before(gap) {
        Some(b'[') => false,
        Some(b',') => !input.before(gap - 1).is_some_and(|b| b.is_ascii_digit() || b == b']'),
        Some(byte) => gap < start || start < digit || !is_word(byte),
        None => true,
    }
}

/// The offset of a sign before the first digit, if there is one.
fn signed(input: &Input<'_>, digit: usize) -> usize {
    match input.before(digit) {
        Some(b'-' | b'+') => digit - 1,
        _ if digit >= 3 && input.slice(digit - 3, digit) == "−".as_bytes() => digit - 3,
        _ => digit,
    }
}

/// A number of degrees.
struct Degrees {
    end: usize,
    /// In whole degrees, without sign.
    whole: u32,
    /// Digits of its fraction.
    fraction: usize,
    hemisphere: Option<u8>,
    minutes: bool,
    seconds: bool,
}

/// Both together.
pub(super) fn attempt_pair(input: &Input<'_>, word: &Word, sense: &Sense<'_>) -> Attempt {
    let start = signed(input, word.start);
    Attempt { low: start, hit: pair(input, start, sense).or_else(|| angle(input, start)) }
}

fn pair(input: &Input<'_>, start: usize, sense: &Sense<'_>) -> Option<Hit> {
    let first = degrees(input, start)?;
    let second = degrees(input, separated(input, first.end)?)?;
    let end = second.end;
    let across = match (first.hemisphere, second.hemisphere) {
        (Some(first), Some(second)) => is_north_or_south(first) != is_north_or_south(second),
        _ => false,
    };
    let written = across || first.seconds && second.seconds;
    let decimals = first.fraction.max(second.fraction) >= 4 && first.fraction.min(second.fraction) >= 2;
    let fits = (first.whole <= 90 || second.whole <= 90) && !goes_on(input, end);
    let in_url = input.before(start) == Some(b'@') && input.before(start - 1) == Some(b'/');
    let counts =
        fits && (written || decimals && (in_url || sense.holds(input, start) || sense.follows(input, end)));
    counts.then_some(Hit { start, end, score: if written { 80 } else { 85 }, open: false })
}

/// A single angle in degrees and minutes.
fn angle(input: &Input<'_>, start: usize) -> Option<Hit> {
    let Degrees { end, hemisphere, minutes, seconds, .. } = degrees(input, start)?;
    let before = || {
        let letter = input.run_back(start, 1, |b| b == b' ');
        let is_letter = input.before(letter).is_some_and(|b| b"NSEW".contains(&b));
        is_letter && !input.before(letter - 1).is_some_and(is_word)
    };
    (minutes && (seconds || hemisphere.is_some() || before())).then_some(Hit {
        start,
        end,
        score: 70,
        open: false,
    })
}

/// One by itself, in decimals.
pub(super) fn attempt_single(input: &Input<'_>, word: &Word, sense: &Sense<'_>) -> Attempt {
    let start = signed(input, word.start);
    let hit = degrees(input, start)
        .filter(|this| this.fraction >= 4 && !goes_on(input, this.end) && sense.holds(input, start))
        .map(|this| Hit { start, end: this.end, score: 80, open: false });
    Attempt { low: start, hit }
}

/// Whether more decimals follow as in a list: `, 0.345`, but not the zoom of a map, `,17.5z`.
fn goes_on(input: &Input<'_>, end: usize) -> bool {
    if input.at(end) != Some(b',') {
        return false;
    }
    let number = input.run(end + 1, 3, |b| matches!(b, b' ' | b'-' | b'+'));
    let last = input.run(number, 24, |b| b.is_ascii_digit() || b == b'.');
    input.slice(number, last).contains(&b'.')
        && last < number + 24
        && !matches!(input.at(last), Some(b'z' | b'a' | b'm'))
}

/// Where the second number begins: behind a comma, a semicolon, a slash or spaces.
fn separated(input: &Input<'_>, end: usize) -> Option<usize> {
    let mut at = input.run(end, 2, |b| b == b' ');
    at = input.run(at, 1, |b| matches!(b, b',' | b';' | b'/'));
    at = input.run(at, 2, |b| b == b' ');
    (at > end).then_some(at)
}

/// The number at its sign or first digit.
fn degrees(input: &Input<'_>, start: usize) -> Option<Degrees> {
    let mut at = match input.at(start)? {
        b'-' | b'+' => start + 1,
        0xE2 if input.starts(start, "−".as_bytes()) => start + 3,
        _ => start,
    };
    let (whole, next) = number(input, at, 3)?;
    at = next;
    let mut this = Degrees { end: at, whole, fraction: 0, hemisphere: None, minutes: false, seconds: false };
    if input.at(at) == Some(b'.') {
        let end = input.run(at + 1, 20, |b| b.is_ascii_digit());
        this.fraction = end - at - 1;
        at = end;
    }
    let sign = degree_sign(input, at);
    match sign {
        Some(end) if this.fraction == 0 => {
            at = end;
            if let Some((end, seconds)) = minutes(input, space(input, end)) {
                (at, this.minutes, this.seconds) = (end, true, seconds);
            }
        }
        Some(end) => at = end,
        None => {}
    }
    if let Some((end, letter)) = hemisphere(input, at) {
        (at, this.hemisphere) = (end, Some(letter));
    }
    this.end = at;
    let glued = input.at(at).is_some_and(|b| is_word(b) && b < 0x80)
        || input.at(at) == Some(b'.') && input.at(at + 1).is_some_and(|b| b.is_ascii_digit());
    let written = this.fraction > 0 || this.minutes || this.hemisphere.is_some() && sign.is_some();
    (whole <= 180 && written && !glued).then_some(this)
}

fn degree_sign(input: &Input<'_>, at: usize) -> Option<usize> {
    // The masculine ordinal is often typed for it.
    let is = |text: &str| input.starts(at, text.as_bytes());
    (is("°") || is("º")).then_some(at + 2)
}

/// `26′46″`, `26' 46.302"`, `26.767'`: the end, and whether there are seconds.
fn minutes(input: &Input<'_>, at: usize) -> Option<(usize, bool)> {
    let end = mark(input, sixty(input, at)?, &["′", "'", "’"])?;
    let seconds =
        sixty(input, space(input, end)).and_then(|at| mark(input, at, &["″", "\\\"", "\"", "''", "”"]));
    Some((seconds.unwrap_or(end), seconds.is_some()))
}

/// A number below sixty, with decimals or without.
fn sixty(input: &Input<'_>, at: usize) -> Option<usize> {
    let (value, mut end) = number(input, at, 2)?;
    if input.at(end) == Some(b'.') && input.at(end + 1).is_some_and(|b| b.is_ascii_digit()) {
        end = input.run(end + 1, 10, |b| b.is_ascii_digit());
    }
    (value < 60).then_some(end)
}

fn mark(input: &Input<'_>, at: usize, marks: &[&str]) -> Option<usize> {
    marks.iter().find(|mark| input.starts(at, mark.as_bytes())).map(|mark| at + mark.len())
}

/// A letter of the compass, alone.
fn hemisphere(input: &Input<'_>, at: usize) -> Option<(usize, u8)> {
    let at = space(input, at);
    let letter = input.at(at).filter(|b| b"NSEWO".contains(b))?;
    (!input.at(at + 1).is_some_and(is_word)).then_some((at + 1, letter))
}

fn is_north_or_south(letter: u8) -> bool {
    matches!(letter, b'N' | b'S')
}

fn space(input: &Input<'_>, at: usize) -> usize {
    input.run(at, 1, |b| b == b' ')
}

fn number(input: &Input<'_>, at: usize, most: usize) -> Option<(u32, usize)> {
    let end = input.run(at, most, |b| b.is_ascii_digit());
    let value = input.slice(at, end).iter().fold(0, |value, byte| value * 10 + u32::from(byte - b'0'));
    (end > at).then_some((value, end))
}
