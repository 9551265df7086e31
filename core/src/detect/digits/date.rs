//! Dates that context calls a birth date.

use super::word::{Seen, Word};
use super::{Group, is_glued_after, is_glued_before};
use crate::detect::find::{Attempt, Hit};
use crate::detect::input::Input;
use crate::detect::words::Sense;

/// How months begin, in small letters.
const MONTHS: [[u8; 3]; 12] = [
    *b"jan", *b"feb", *b"mar", *b"apr", *b"may", *b"jun", *b"jul", *b"aug", *b"sep", *b"oct", *b"nov",
    *b"dec",
];

/// The longest name of a month.
const LONGEST: usize = 9;

/// Whether a date can begin with the word, or with the month before it.
pub(in crate::detect) fn wants(input: &Input<'_>, word: &Word) -> bool {
    word.letters() == 0
        && word.digits_end - word.at <= 4
        && (word.more
            || (input.before(word.at) == Some(b' ') && month_before(input, word.at).is_some())
            || (matches!(word.next, Some(b' ' | b'.' | b'-')) && begins_month(input, word.end + 1)))
}

/// Where the month begins that stands before a space there.
fn month_before(input: &Input<'_>, at: usize) -> Option<usize> {
    let end = at.checked_sub(1)?;
    let month = input.run_back(end, LONGEST, |b| b.is_ascii_alphabetic());
    is_month(input.slice(month, end)).then_some(month)
}

/// Whether a month may begin there, or behind one more of the marks between.
fn begins_month(input: &Input<'_>, at: usize) -> bool {
    let begin = input.run(at, 1, |b| matches!(b, b' ' | b'.' | b'-'));
    input.slice_to(begin, 3).is_none_or(is_month)
}

pub(in crate::detect) fn attempt(input: &Input<'_>, seen: &Seen, sense: &Sense<'_>) -> Attempt {
    let at = seen.word.at;
    // `April 21, 1946`: the month stands before the digit.
    let month = (input.before(at) == Some(b' ')).then(|| month_before(input, at)).flatten();
    let (start, named) = (month.unwrap_or(at), month.is_some());
    if is_glued_before(input, start) {
        return Attempt::none(start);
    }
    let end =
        if named { after_month(input, at) } else { numeric(input, seen).or_else(|| before_month(input, at)) };
    let told = |end: &usize| {
        (!is_glued_after(input, *end) || is_time(input, *end))
            && (sense.holds(input, start) || sense.follows(input, *end))
    };
    let hit = end.filter(told).map(|end| Hit { start, end, score: 90, open: false });
    Attempt { low: start, hit }
}

/// Whether a time of the day follows, as in a timestamp.
fn is_time(input: &Input<'_>, end: usize) -> bool {
    input.at(end) == Some(b'T') && input.at(end + 1).is_some_and(|b| b.is_ascii_digit())
}

/// Where a date may have begun whose first digit has not come: at a month and its space at the end of the text.
pub(in crate::detect) fn tail(input: &Input<'_>) -> usize {
    let length = input.len();
    let month = (input.before(length) == Some(b' ')).then(|| month_before(input, length));
    month.flatten().unwrap_or(length)
}

fn is_month(word: &[u8]) -> bool {
    word.first_chunk().is_some_and(|head: &[u8; 3]| MONTHS.contains(&head.map(|byte| byte | 0x20)))
}

/// `1967-12-25`, `21.04.1954`, `12/18/1948`.
fn numeric(input: &Input<'_>, seen: &Seen) -> Option<usize> {
    let run = seen.run(input)?;
    let [first, second, third, ..] = run.groups() else { return None };
    // A time may follow after a space.
    if !run.may_end(2) || third.wide || second.wide || !matches!(second.separator, b'-' | b'.' | b'/') {
        return None;
    }
    let number = |group: &Group| {
        let digits = run.digits(group.digits).iter().skip(group.digits - group.length);
        digits.fold(0u32, |value, &digit| value.saturating_mul(10).saturating_add(u32::from(digit)))
    };
    let (a, b, c) = (number(first), number(second), number(third));
    let day_and_month =
        |x: u32, y: u32| (1..=31).contains(&x) && (1..=31).contains(&y) && (x <= 12 || y <= 12);
    let fits = match (first.length, second.length, third.length) {
        (4, 1..=2, 1..=2) => is_year(a) && day_and_month(b, c),
        (1..=2, 1..=2, 4) => is_year(c) && day_and_month(a, b),
        (2, 2, 2) => day_and_month(a, b) || day_and_month(b, c),
        _ => false,
    };
    (fits && second.separator == third.separator).then_some(third.end)
}

/// `21, 1946` behind a month.
fn after_month(input: &Input<'_>, at: usize) -> Option<usize> {
    let day = input.run(at, 2, |b| b.is_ascii_digit());
    let gap = input.run(day, 3, |b| b.is_ascii_alphabetic() || b == b',');
    year(input, input.run(gap, 1, |b| b == b' ')).filter(|_| gap > day || input.at(gap) == Some(b' '))
}

/// `1 Apr 2000`.
fn before_month(input: &Input<'_>, at: usize) -> Option<usize> {
    let day = input.run(at, 2, |b| b.is_ascii_digit());
    let word = input.run(day, 2, |b| b == b' ' || b == b'.' || b == b'-');
    let end = input.run(word, 9, |b| b.is_ascii_alphabetic());
    let gap = input.run(end, 2, |b| b == b' ' || b == b',' || b == b'.' || b == b'-');
    (word > day && gap > end && is_month(input.slice(word, end))).then_some(())?;
    year(input, gap)
}

fn year(input: &Input<'_>, at: usize) -> Option<usize> {
    let end = input.run(at, 5, |b| b.is_ascii_digit());
    let value = input.slice(at, end).iter().fold(0u32, |value, &b| value * 10 + u32::from(b - b'0'));
    (end - at == 4 && is_year(value)).then_some(end)
}

/// Of someone who may be alive.
fn is_year(value: u32) -> bool {
    (1880..=2100).contains(&value)
}
