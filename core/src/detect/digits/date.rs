//! Dates that context calls a birth date.

use super::word::{Seen, Word};
use super::{Group, is_glued_after, is_glued_before};
use crate::detect::find::{Attempt, Hit};
use crate::detect::input::Input;
use crate::detect::words::Sense;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Whether a date can begin with the word, or with the month before it.
pub(in crate::detect) fn wants(input: &Input<'_>, word: &Word) -> bool {
    let is_letter = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_alphabetic());
    word.letters() == 0
        && word.digits_end - word.at <= 4
        && (word.more
            || input.before(word.at) == Some(b' ') && is_letter(input.before(word.at - 1))
            || word.next.is_some_and(|b| b" .-".contains(&b)) && is_letter(input.at(word.end + 1)))
}

pub(in crate::detect) fn attempt(input: &Input<'_>, seen: &Seen, sense: &Sense<'_>) -> Attempt {
    let at = seen.word.at;
    // `April 21, 1946`: the month stands before the digit.
    let month = input.run_back(at.saturating_sub(1), 9, |b| b.is_ascii_alphabetic());
    let named = input.before(at) == Some(b' ') && is_month(input.slice(month, at.saturating_sub(1)));
    let start = if named { month } else { at };
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
    let month = input.run_back(length.saturating_sub(1), 9, |b| b.is_ascii_alphabetic());
    let waits = input.before(length) == Some(b' ') && is_month(input.slice(month, length.saturating_sub(1)));
    if waits { month } else { length }
}

fn is_month(word: &[u8]) -> bool {
    word.get(..3).is_some_and(|head| MONTHS.iter().any(|month| head.eq_ignore_ascii_case(month.as_bytes())))
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
