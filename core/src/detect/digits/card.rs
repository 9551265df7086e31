//! Payment card numbers: brand, length and check digit.

use saphyr::Yaml;

use super::word::Word;
use super::{Run, is_glued_after, is_glued_before, luhn};
use crate::detect::find::{Attempt, Hit};
use crate::detect::input::Input;
use crate::detect::words::Sense;

/// A range of issuer numbers and the lengths its cards have.
#[derive(Debug, Clone)]
pub(in crate::detect) struct Brand {
    /// The first and the last number of [`SHORTEST`] digits that begins as its cards do.
    first: u64,
    last: u64,
    shortest: usize,
    longest: usize,
    /// Too weak without a context word.
    weak: bool,
}

/// No brand has shorter numbers.
const SHORTEST: usize = 12;

/// Reads `brands`: lines such as `51-55 16`, `4 13,16,19`, `50 12-19 weak`.
pub(in crate::detect) fn brands(row: &'static Yaml<'static>) -> Option<Vec<Brand>> {
    let lines = crate::detect::catalogue::strings(row, "brands")?;
    let mut brands = Vec::new();
    for line in lines {
        let mut words = line.split_whitespace();
        let (prefix, lengths) = (words.next()?, words.next()?);
        let weak = words.next() == Some("weak");
        let (first, last) = prefix.split_once('-').unwrap_or((prefix, prefix));
        let behind = 10_u64.pow(u32::try_from(SHORTEST.checked_sub(first.len())?).ok()?);
        for length in lengths.split(',') {
            let (shortest, longest) = length.split_once('-').unwrap_or((length, length));
            brands.push(Brand {
                first: first.parse::<u64>().ok()? * behind,
                last: (last.parse::<u64>().ok()? + 1) * behind - 1,
                shortest: shortest.parse().ok()?,
                longest: longest.parse().ok()?,
                weak,
            });
        }
    }
    Some(brands)
}

/// Whether a number without groups is long enough.
pub(in crate::detect) fn fits(length: usize) -> bool {
    length >= SHORTEST
}

pub(in crate::detect) fn attempt(
    input: &Input<'_>,
    word: &Word,
    run: Option<&Run>,
    brands: &[Brand],
    sense: &Sense<'_>,
) -> Attempt {
    Attempt { low: word.start, hit: run.and_then(|run| read(input, word.start, run, brands, sense)) }
}

fn read(input: &Input<'_>, at: usize, run: &Run, brands: &[Brand], sense: &Sense<'_>) -> Option<Hit> {
    if run.all_digits().len() < SHORTEST || is_glued_before(input, at) {
        return None;
    }
    let mut best = None;
    // People group cards in fours, or 4-6-5 and 4-6-4; and keep to one separator.
    let separator = run.groups().get(1).map_or(0, |second| second.separator);
    for (index, group) in run.groups().iter().enumerate() {
        // In other marks only where the groups are those of a card: `4111.1111.1111.1111`, `4111 - 1111 - …`.
        let plain = !group.wide && matches!(separator, b' ' | b'-');
        let marked = group.length >= 4 && matches!(separator, b'.' | b'-' | b'/');
        let alike = group.separator == separator && (plain || marked);
        let union = index == 1 && group.length == 13;
        let grouped = index == 0 || (alike && (group.length <= 6 || union));
        if !grouped || (index == 0 && group.length < 4) {
            break;
        }
        if group.digits < SHORTEST {
            continue;
        }
        let digits = run.digits(group.digits);
        let regular = || run.groups().iter().take(index).all(|g| g.length == 4 || g.length == 6);
        if !run.may_end(index) || !luhn(digits) || !regular() || is_glued_after(input, group.end) {
            continue;
        }
        let Some(brand) = brand(brands, digits) else { continue };
        let told = sense.holds(input, at);
        if !brand.weak || told || sense.follows(input, group.end) {
            best = Some(Hit { start: at, end: group.end, score: if told { 95 } else { 75 }, open: false });
        }
    }
    best
}

/// The strongest brand with these digits.
fn brand<'b>(brands: &'b [Brand], digits: &[u8]) -> Option<&'b Brand> {
    if digits.len() < SHORTEST {
        return None;
    }
    // One digit repeated passes the check digit and is no card.
    if digits.windows(2).all(|pair| pair.first() == pair.last()) {
        return None;
    }
    let head = digits.iter().take(SHORTEST).fold(0, |value, &digit| value * 10 + u64::from(digit));
    let fits = |brand: &&Brand| {
        (brand.first..=brand.last).contains(&head) && (brand.shortest..=brand.longest).contains(&digits.len())
    };
    brands.iter().filter(fits).min_by_key(|brand| brand.weak)
}
