//! Dates that context calls a birth date: in digits, with the name of a month in some thirty languages, or with the signs of
//! China, Japan and Korea.

use saphyr::Yaml;

use super::word::{Seen, Word};
use super::{Group, is_glued_after, is_glued_before};
use crate::detect::catalogue::strings;
use crate::detect::find::{Attempt, Hit};
use crate::detect::input::Input;
use crate::detect::lexicon::Plain;
use crate::detect::words::Sense;

/// How the names of months begin, in any language of the data row.
#[derive(Debug, Clone)]
pub(in crate::detect) struct Months {
    /// Of three letters of ASCII, a bit for each three: five bits of each letter make its number.
    short: Box<[u64; 512]>,
    /// Of letters beyond it, in plain form.
    beyond: Vec<&'static str>,
}

impl Months {
    /// Reads `months`.
    pub(in crate::detect) fn read(row: &'static Yaml<'static>) -> Option<Self> {
        let mut months = Self { short: Box::new([0; 512]), beyond: Vec::new() };
        for text in strings(row, "months")? {
            match text.as_bytes() {
                [first, second, third] if text.is_ascii() => {
                    let (place, bit) = Self::place([*first, *second, *third]);
                    *months.short.get_mut(place)? |= 1 << bit;
                }
                _ => months.beyond.push(text),
            }
        }
        Some(months)
    }

    fn place(head: [u8; 3]) -> (usize, u32) {
        let number = head.iter().fold(0, |number: u32, byte| number << 5 | u32::from(byte & 31));
        ((number >> 6) as usize, number & 63)
    }

    /// Whether a word begins as one does.
    #[inline]
    fn hold(&self, word: &[u8]) -> bool {
        let Some(head) = word.first_chunk::<3>() else { return false };
        if head.is_ascii() { self.hold_short(*head) } else { self.hold_beyond(word) }
    }

    #[inline]
    fn hold_short(&self, head: [u8; 3]) -> bool {
        let (place, bit) = Self::place(head);
        let held = self.short.get(place).is_some_and(|bits| bits >> bit & 1 == 1);
        held && head.iter().all(u8::is_ascii_alphabetic)
    }

    fn hold_beyond(&self, word: &[u8]) -> bool {
        let plain = Plain::of(word, true);
        let text = plain.words().trim_ascii_start();
        text.first_chunk().is_some_and(|head| self.hold_short(*head))
            || self.beyond.iter().any(|month| text.starts_with(month.as_bytes()))
    }
}

/// The longest name of a month, in bytes.
const LONGEST: usize = 20;

/// What stands between the day, the month and the year: `7 de enero de 1990`, `3rd of May`.
const BETWEEN: [&[u8]; 3] = [b"de ", b"of ", b"del "];

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte >= 0x80
}

/// Whether a date can begin with the word, or with the month before it.
pub(in crate::detect) fn wants(input: &Input<'_>, word: &Word, months: &Months) -> bool {
    if word.letters() > 0 || word.end - word.digits_end > 2 {
        return false;
    }
    let digits = word.digits_end - word.at;
    digits <= 4
        && (word.more
            || (input.before(word.at) == Some(b' ') && month_before(input, word.at, months).is_some())
            || (matches!(word.next, Some(b' ' | b'.' | b'-')) && begins_month(input, word.end + 1, months))
            || matches!(word.next, Some(0xE5 | 0xEB)))
        || digits == 8 && word.is_number() && matches!(input.at(word.at), Some(b'1' | b'2'))
}

/// Where the month begins that stands before a space there.
fn month_before(input: &Input<'_>, at: usize, months: &Months) -> Option<usize> {
    let end = at.checked_sub(1)?;
    let end = end - usize::from(input.before(end) == Some(b'.'));
    let month = input.run_back(end, LONGEST, is_letter);
    months.hold(input.slice(month, end)).then_some(month)
}

/// Whether a month may begin there, or behind one more of the marks or small words between.
fn begins_month(input: &Input<'_>, at: usize, months: &Months) -> bool {
    let begin = input.run(at, 1, |b| matches!(b, b' ' | b'.' | b'-'));
    let Some(head) = input.slice_to(begin, 3) else { return true };
    // `7 de enero`
    if BETWEEN.into_iter().any(|word| word.starts_with(head)) {
        return true;
    }
    let is_short = head.is_ascii();
    let end = if is_short { begin + 3 } else { input.run(begin, LONGEST, is_letter) };
    months.hold(input.slice(begin, end))
}

/// Behind a small word between the parts of a date, or where it would stand.
fn between(input: &Input<'_>, at: usize) -> usize {
    BETWEEN.into_iter().find(|word| input.starts(at, word)).map_or(at, |word| at + word.len())
}

pub(in crate::detect) fn attempt(
    input: &Input<'_>,
    seen: &Seen,
    months: &Months,
    sense: &Sense<'_>,
) -> Attempt {
    let at = seen.word.at;
    // `April 21, 1946`: the month stands before the digit.
    let month = (input.before(at) == Some(b' ')).then(|| month_before(input, at, months)).flatten();
    let (start, named) = (month.unwrap_or(at), month.is_some());
    if is_glued_before(input, start) {
        return Attempt::none(start);
    }
    let end = if named { after_month(input, at) } else { plain(input, seen, months) };
    let told = |end: &usize| {
        (!is_glued_after(input, *end) || is_time(input, *end))
            && (sense.holds(input, start) || sense.follows(input, *end))
    };
    let hit = end.filter(told).map(|end| Hit { start, end, score: 90, open: false });
    Attempt { low: start, hit }
}

/// What begins with its day or its year.
fn plain(input: &Input<'_>, seen: &Seen, months: &Months) -> Option<usize> {
    let word = &seen.word;
    if word.digits_end - word.at == 8 {
        return compact(input.slice(word.at, word.digits_end)).then_some(word.digits_end);
    }
    numeric(input, seen).or_else(|| before_month(input, word.at, months)).or_else(|| signed(input, word.at))
}

/// `19871204`: year, month and day without anything between.
fn compact(digits: &[u8]) -> bool {
    let number = |from: usize, to: usize| {
        let digits = digits.get(from..to).unwrap_or_default();
        digits.iter().fold(0u32, |value, &b| value * 10 + u32::from(b - b'0'))
    };
    is_year(number(0, 4)) && (1..=12).contains(&number(4, 6)) && (1..=31).contains(&number(6, 8))
}

/// `1984年7月2日`, `1984년 7월 2일`.
fn signed(input: &Input<'_>, at: usize) -> Option<usize> {
    let part = |at: usize, most: usize, signs: [&str; 2]| {
        let begin = input.run(at, 1, |b| b == b' ');
        let end = input.run(begin, most, |b| b.is_ascii_digit());
        let sign = signs.into_iter().find(|sign| input.starts(end, sign.as_bytes()))?;
        (end > begin).then_some(end + sign.len())
    };
    year(input, at)?;
    let month = part(at, 4, ["年", "년"])?;
    part(part(month, 2, ["月", "월"])?, 2, ["日", "일"])
}

/// Whether a time of the day follows, as in a timestamp.
fn is_time(input: &Input<'_>, end: usize) -> bool {
    input.at(end) == Some(b'T') && input.at(end + 1).is_some_and(|b| b.is_ascii_digit())
}

/// Where a date may have begun whose first digit has not come: at a month and its space at the end of the text.
pub(in crate::detect) fn tail(input: &Input<'_>, months: &Months) -> usize {
    let length = input.len();
    let month = (input.before(length) == Some(b' ')).then(|| month_before(input, length, months));
    month.flatten().unwrap_or(length)
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

/// `1 Apr 2000`, `7 de enero de 1990`, `3rd of May 1990`.
fn before_month(input: &Input<'_>, at: usize, months: &Months) -> Option<usize> {
    let digits = input.run(at, 2, |b| b.is_ascii_digit());
    let ordinal = [b"st", b"nd", b"rd", b"th", b"er"].into_iter().any(|end| input.starts(digits, end));
    let day = digits + if ordinal { 2 } else { 0 };
    let marks = input.run(day, 2, |b| b == b' ' || b == b'.' || b == b'-');
    let word = between(input, marks);
    let end = input.run(word, LONGEST, is_letter);
    let gap = input.run(end, 2, |b| b == b' ' || b == b',' || b == b'.' || b == b'-');
    (marks > day && gap > end && months.hold(input.slice(word, end))).then_some(())?;
    year(input, between(input, gap))
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
