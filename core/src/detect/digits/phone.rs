//! Phone numbers: international by their `+` and country code, national by a clear grouping or by context.

use saphyr::Yaml;

use super::word::Seen;
use super::{Group, Run, is_glued_after, is_glued_before};
use crate::detect::catalogue::strings;
use crate::detect::find::{Attempt, Hit};
use crate::detect::input::Input;
use crate::detect::words::Sense;

/// A country code of ITU-T E.164 and how many digits may follow it.
#[derive(Debug, Clone)]
pub(in crate::detect) struct Code {
    digits: Vec<u8>,
    shortest: usize,
    longest: usize,
}

/// Reads `codes`: entries such as `49 4-13`; without lengths any that E.164 permits.
pub(in crate::detect) fn codes(row: &'static Yaml<'static>) -> Option<Vec<Code>> {
    let one = |text: &'static str| {
        let (code, lengths) = text.split_once(' ').unwrap_or((text, "5-12"));
        let (shortest, longest) = lengths.split_once('-').unwrap_or((lengths, lengths));
        let digits = code.bytes().map(|b| b - b'0').collect();
        Some(Code { digits, shortest: shortest.parse().ok()?, longest: longest.parse().ok()? })
    };
    strings(row, "codes")?.into_iter().map(one).collect()
}

/// How many digits a number has, where a word tells that it is one.
pub(in crate::detect) const SHORTEST: usize = 5;

/// How many bytes may stand before its first digit: the plus and a parenthesis.
pub(in crate::detect) const LEAD: usize = 2;

/// What a number is taken for, and how sure.
struct Taken {
    end: usize,
    score: u8,
}

pub(in crate::detect) fn attempt(
    input: &Input<'_>,
    seen: &Seen,
    codes: &[Code],
    sense: &Sense<'_>,
) -> Attempt {
    let at = seen.word.at;
    let mut start = at;
    let (mut plus, mut paren) = (false, false);
    while let Some(byte @ (b'+' | b'(')) = input.before(start) {
        if (byte == b'+' && plus) || (byte == b'(' && paren) {
            break;
        }
        plus |= byte == b'+';
        paren |= byte == b'(';
        start -= 1;
    }
    if is_glued_before(input, start)
        && !(plus && matches!(input.before(start), Some(b'/' | b'-' | b'.' | b'~')))
    {
        return Attempt::none(start);
    }
    let taken = seen.run(input).and_then(|number| {
        if plus {
            return international(number, 0, codes).map(|end| Taken { end, score: 90 });
        }
        // Behind other digits, spaces alone show no beginning.
        let clear = paren
            || input.before(start) != Some(b' ')
            || !input.before(start - 1).is_some_and(|b| b.is_ascii_digit());
        nanp(number, paren)
            .filter(|_| clear || number.groups().get(1).is_some_and(|group| group.separator != b' '))
            .or_else(|| trunk(number, paren).filter(|_| clear))
            .or_else(|| told(input, start, number, codes, sense))
    });
    let hit = taken.and_then(|taken| {
        let end = extension(input, taken.end);
        if is_glued_after(input, end) {
            return None;
        }
        // A parenthesis around the whole number is not part of it.
        let whole = paren && !input.slice(at, taken.end).contains(&b')');
        let start = if whole { start + 1 } else { start };
        Some(Hit { start: start.min(at), end, score: taken.score, open: false })
    });
    Attempt { low: start, hit }
}

/// The end of the longest reading as a country code and its number, leaving out `skip` leading digits.
fn international(number: &Run, skip: usize, codes: &[Code]) -> Option<usize> {
    let digits = number.all_digits().get(skip..)?;
    let code = codes.iter().find(|code| digits.starts_with(&code.digits))?;
    // North America: neither area nor exchange begins with 0 or 1.
    if code.digits == [1] && !is_nanp(digits.get(1..).unwrap_or_default()) {
        return None;
    }
    // `+44 (0)20`: the trunk digit is written, not dialled.
    let trunk = usize::from(number.groups().iter().any(|group| group.separator == b'(' && group.length == 1));
    let fits = |group: &Group| {
        let national = group.digits.saturating_sub(skip + code.digits.len());
        let lengths = code.shortest..=code.longest;
        lengths.contains(&national) || lengths.contains(&national.saturating_sub(trunk))
    };
    let mut ends =
        number.groups().iter().enumerate().filter(|(index, group)| number.may_end(*index) && fits(group));
    ends.next_back().map(|(_, group)| group.end)
}

fn is_nanp(digits: &[u8]) -> bool {
    digits.first().is_some_and(|&d| d > 1) && digits.get(3).is_some_and(|&d| d > 1)
}

/// North American Numbering Plan, written 3-3-4 with separators, with or without the leading 1.
fn nanp(number: &Run, paren: bool) -> Option<Taken> {
    let lengths = number.lengths();
    let (first, index) = match lengths {
        [3, 3, 4, _] => (0, 2),
        [1, 3, 3, 4] if number.all_digits().first() == Some(&1) => (1, 3),
        [3, 7, ..] if paren => (0, 1),
        _ => return None,
    };
    let last = number.groups().get(index)?;
    let even = paren || {
        let separators =
            || number.groups().iter().take(index + 1).skip(index - 1).map(|group| group.separator);
        separators().all(|s| s == b'-')
            || separators().all(|s| s == b'.')
            || separators().all(|s| s == b' ')
            || separators().any(|s| s == b')')
    };
    let fits = is_nanp(number.all_digits().get(first..)?) && even && number.may_end(index);
    fits.then_some(Taken { end: last.end, score: 70 })
}

/// A national number with its trunk digit 0, in the groups that people write: `020 7946 0958`, `06 12 34 56 78`.
fn trunk(number: &Run, paren: bool) -> Option<Taken> {
    let groups = number.groups();
    let last = groups.last()?;
    let fits = number.all_digits().first() == Some(&0)
        && number.all_digits().get(1).is_some_and(|&d| d > 0)
        && (9..=11).contains(&last.digits)
        && groups.len() >= 2
        && groups.first().is_some_and(|first| (2..=5).contains(&first.length))
        && groups.iter().skip(1).all(|g| g.length >= 2 && (g.separator != b'.' || groups.len() > 3))
        && (groups.len() > 2 || last.length >= 5 || paren);
    fits.then_some(Taken { end: last.end, score: 60 })
}

/// Any number that context calls a phone number.
fn told(input: &Input<'_>, start: usize, number: &Run, codes: &[Code], sense: &Sense<'_>) -> Option<Taken> {
    let last = number.groups().last()?;
    if !(SHORTEST..=15).contains(&last.digits) || is_date(number) || is_address(number) {
        return None;
    }
    if !sense.holds(input, start) && !sense.follows(input, last.end) {
        return None;
    }
    let exit = number.all_digits().starts_with(&[0, 0]).then(|| international(number, 2, codes)).flatten();
    Some(Taken { end: exit.unwrap_or(last.end), score: 75 })
}

fn is_date(number: &Run) -> bool {
    let year = |at: usize| matches!(number.all_digits().get(at..at + 2), Some([1, 9] | [2, 0]));
    // `2.9.0 (2025-04-04`: a version and its day.
    let dated = |three: &[Group]| {
        let [year, month, day] = three else { return false };
        [year.length, month.length, day.length] == [4, 2, 2]
            && month.separator == b'-'
            && day.separator == b'-'
    };
    if number.groups().windows(3).any(dated) {
        return true;
    }
    match number.lengths() {
        [4, 2, 2, _] => year(0),
        [2, 2, 4, 0] => year(4),
        _ => false,
    }
}

/// Four groups with points: an IP address or a version.
fn is_address(number: &Run) -> bool {
    number.groups().len() == 4 && number.groups().iter().skip(1).all(|g| g.separator == b'.' && g.length <= 3)
}

/// ` x123`, ` ext. 123`, `;ext=123` (RFC 3966) belong to the number.
fn extension(input: &Input<'_>, end: usize) -> usize {
    let uri = b";ext=";
    if input.starts(end, uri) {
        let last = input.run(end + uri.len(), 7, |b| b.is_ascii_digit());
        return if last > end + uri.len() { last } else { end };
    }
    let mut at = input.run(end, 1, |b| b == b' ');
    let word = input.run(at, 4, |b| b.is_ascii_alphabetic());
    if !matches!(input.slice(at, word), b"x" | b"X" | b"ext" | b"Ext" | b"EXT") {
        return end;
    }
    at = input.run(word, 1, |b| b == b'.');
    at = input.run(at, 1, |b| b == b' ');
    let last = input.run(at, 7, |b| b.is_ascii_digit());
    let fits = (1..=6).contains(&(last - at)) && !input.at(last).is_some_and(|b| b.is_ascii_alphanumeric());
    if fits { last } else { end }
}
