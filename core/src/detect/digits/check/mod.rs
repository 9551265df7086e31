//! What makes a number of the right shape a valid one: check digits, dates and ranges, as the data files declare them.
//!
//! Each line of a row's `check` must hold of the value's characters (capitals and digits, without separators), which
//! count from 0; a range `a..b` leaves out its end. A value of one repeated digit never passes.
//!
//! | line | holds when |
//! |---|---|
//! | `luhn`, `luhn 1..9`, `luhn prefix 80840` | ISO/IEC 7812-1 annex B holds of the digits |
//! | `verhoeff`, `mod11_10` | Verhoeff's scheme, ISO/IEC 7064 MOD 11,10 |
//! | `weigh 3 7 9 mod 11 = 0` | the weighted sum of the first characters leaves that rest |
//! | `weigh 3 7 9 mod 11 at 3 map 0123456789X` | the rest, as a character of the map (digits if none is named), stands there |
//! | `weigh … minus …`, `… plus 1 …` | the same of the negated, of the increased sum |
//! | `weigh 1 2 or 3 4 mod 11 …` | the second weights count where the map knows no character for the first rest |
//! | `weigh from 2 …` | the weights begin at that character |
//! | `number 0..8 mod 97 minus at 8..10` | the number's rest, as decimal digits, stands there; `plus`, `=`, `map` as above |
//! | `number 0..6+7..10 mod 31 …` | the same of the digits of both ranges |
//! | `date yymmdd at 0 months 20 40 days 40` | a date stands there; also with that much added to month or day |
//! | `in 0..2 01-24 30`, `not 0..3 000 666` | the number is (is not) of those ranges |
//! | `pad 9` | first: zeros in front make the value that long |
//!
//! Letters count 10 to 35 (A to Z). A name alone is a scheme of its own, in code.

mod named;
mod parse;

use super::luhn;

/// The longest value.
pub(in crate::detect) const VALUE: usize = 40;

/// All that must hold of a value.
#[derive(Debug, Clone, Default)]
pub(in crate::detect) struct Check {
    steps: Vec<Step>,
    /// Zeros in front make it that long.
    pad: usize,
}

#[derive(Debug, Clone)]
enum Step {
    Luhn { prefix: Vec<u8>, from: usize, to: usize },
    Verhoeff,
    Mod11_10,
    Weigh { from: usize, weights: Vec<Vec<i32>>, rest: Rest },
    Number { ranges: Vec<(usize, usize)>, rest: Rest },
    Date { at: usize, form: Form, months: Vec<u32>, days: Vec<u32> },
    Range { from: usize, to: usize, ranges: Vec<(u64, u64)>, within: bool },
    Named(fn(&[u8]) -> bool),
}

/// What a sum's rest must be.
#[derive(Debug, Clone)]
struct Rest {
    modulo: i32,
    minus: bool,
    plus: i32,
    wanted: Wanted,
}

#[derive(Debug, Clone)]
enum Wanted {
    Is(i32),
    /// The character at an offset is that of the map.
    Mapped(usize, Vec<u8>),
    /// The number at these offsets.
    Decimal(usize, usize),
}

/// The order of a date's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    YearMonthDay,
    LongYearMonthDay,
    DayMonthYear,
    DayMonthLongYear,
    /// Month and day alone.
    MonthDay,
    DayMonth,
}

impl Check {
    /// Reads the lines of a row; without any, everything passes.
    pub(in crate::detect) fn parse(lines: &[&str]) -> Option<Self> {
        let mut check = Self::default();
        for line in lines {
            match line.strip_prefix("pad ") {
                Some(length) => check.pad = length.parse().ok().filter(|&length| length <= VALUE)?,
                None => check.steps.push(parse::step(line)?),
            }
        }
        Some(check)
    }

    pub(in crate::detect) fn passes(&self, value: &[u8]) -> bool {
        if self.steps.is_empty() {
            return true;
        }
        let mut padded = [b'0'; VALUE];
        let value = match self.pad.checked_sub(value.len()) {
            Some(missing) if missing > 0 => {
                let place = padded.get_mut(missing..self.pad).unwrap_or_default();
                place.copy_from_slice(value);
                padded.get(..self.pad).unwrap_or_default()
            }
            _ => value,
        };
        let first = value.first();
        value.iter().any(|byte| Some(byte) != first) && self.steps.iter().all(|step| step.holds(value))
    }
}

impl Step {
    fn holds(&self, value: &[u8]) -> bool {
        match self {
            Self::Luhn { prefix, from, to } => holds_luhn(prefix, value, *from, *to),
            Self::Verhoeff => verhoeff(value),
            Self::Mod11_10 => mod11_10(value),
            Self::Weigh { from, weights, rest } => {
                let rest_of = |weights: &Vec<i32>| {
                    let terms = value.iter().skip(*from).zip(weights).map(|(&byte, w)| number(byte) * w);
                    rest.of(terms.sum::<i32>())
                };
                let rests = weights.iter().map(rest_of);
                match rest.wanted {
                    Wanted::Mapped(_, ref map) => {
                        let mut rests = rests.filter(|&r| usize::try_from(r).is_ok_and(|r| r < map.len()));
                        rests.next().is_some_and(|r| rest.fits(r, value))
                    }
                    _ => rests.into_iter().next().is_some_and(|r| rest.fits(r, value)),
                }
            }
            Self::Number { ranges, rest } => {
                let digits = ranges.iter().flat_map(|&(from, to)| value.get(from..to).unwrap_or_default());
                let sum = digits.fold(0, |sum, &byte| {
                    (sum * if byte.is_ascii_digit() { 10 } else { 100 } + number(byte)) % rest.modulo
                });
                let whole = ranges.iter().all(|&(_, to)| to <= value.len());
                whole && rest.fits(rest.of(sum), value)
            }
            Self::Date { at, form, months, days } => is_date(value, *at, *form, months, days),
            Self::Range { from, to, ranges, within } => decimal(value, *from, *to).is_some_and(|number| {
                ranges.iter().any(|&(first, last)| (first..=last).contains(&number)) == *within
            }),
            Self::Named(scheme) => scheme(value),
        }
    }
}

impl Rest {
    fn of(&self, sum: i32) -> i32 {
        (self.plus + if self.minus { -sum } else { sum }).rem_euclid(self.modulo)
    }

    fn fits(&self, rest: i32, value: &[u8]) -> bool {
        match &self.wanted {
            Wanted::Is(wanted) => rest == *wanted,
            Wanted::Mapped(at, map) => {
                let mapped = usize::try_from(rest).ok().and_then(|rest| map.get(rest));
                mapped.is_some() && mapped == value.get(*at)
            }
            // A rest of 0 is also written as the modulus, and one too long for its place without what is too much.
            Wanted::Decimal(from, to) => decimal(value, *from, *to).is_some_and(|number| {
                let place = 10i64.pow(u32::try_from(to - from).unwrap_or(9).min(9));
                let number = i64::try_from(number).unwrap_or(-1);
                number == i64::from(rest) % place || (rest == 0 && number == i64::from(self.modulo))
            }),
        }
    }
}

/// What a character counts.
fn number(byte: u8) -> i32 {
    match byte {
        b'0'..=b'9' => i32::from(byte - b'0'),
        b'A'..=b'Z' => i32::from(byte - b'A') + 10,
        _ => 0,
    }
}

fn decimal(value: &[u8], from: usize, to: usize) -> Option<u64> {
    let digits = value.get(from..to.min(value.len())).filter(|digits| !digits.is_empty())?;
    digits.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

fn holds_luhn(prefix: &[u8], value: &[u8], from: usize, to: usize) -> bool {
    let (mut digits, mut length) = ([0; 2 * VALUE], 0);
    for byte in prefix.iter().chain(value.get(from..to.min(value.len())).unwrap_or_default()) {
        let (Some(slot), true) = (digits.get_mut(length), byte.is_ascii_digit()) else { return false };
        *slot = byte - b'0';
        length += 1;
    }
    length > prefix.len() && luhn(digits.get(..length).unwrap_or_default())
}

/// ISO/IEC 7064 MOD 11,10.
fn mod11_10(value: &[u8]) -> bool {
    let Some((last, digits)) = value.split_last() else { return false };
    let product = digits.iter().fold(10, |product, &byte| {
        let sum = (product + number(byte)) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (product + number(*last)) % 10 == 1
}

/// J. Verhoeff, "Error Detecting Decimal Codes" (1969): the dihedral group of order 10 and a permutation of its elements.
fn verhoeff(value: &[u8]) -> bool {
    const PERMUTED: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    let product = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b) % 5 + 5,
        (false, true) => (5 + a - b) % 5 + 5,
        (false, false) => (5 + a - b) % 5,
    };
    let mut check = 0;
    for (n, byte) in value.iter().rev().enumerate() {
        let digit = byte.is_ascii_digit().then(|| usize::from(byte - b'0'));
        let permuted = digit.and_then(|digit| PERMUTED.get(n % 8)?.get(digit));
        let Some(&permuted) = permuted else { return false };
        check = product(check, permuted);
    }
    check == 0
}

fn is_date(value: &[u8], at: usize, form: Form, months: &[u32], days: &[u32]) -> bool {
    let part = |from: usize, length: usize| {
        decimal(value, at + from, at + from + length)
            .filter(|_| value.len() >= at + from + length)
            .and_then(|n| u32::try_from(n).ok())
    };
    let (year, month, day) = match form {
        Form::YearMonthDay => (part(0, 2), part(2, 2), part(4, 2)),
        Form::LongYearMonthDay => (part(0, 4), part(4, 2), part(6, 2)),
        Form::DayMonthYear => (part(4, 2), part(2, 2), part(0, 2)),
        Form::DayMonthLongYear => (part(4, 4), part(2, 2), part(0, 2)),
        Form::MonthDay => (Some(0), part(0, 2), part(2, 2)),
        Form::DayMonth => (Some(0), part(2, 2), part(0, 2)),
    };
    let (Some(year), Some(month), Some(day)) = (year, month, day) else { return false };
    let year_fits = year < 100 || (1850..=2100).contains(&year);
    let less = |value: u32, added: &[u32], most: u32| {
        let all = std::iter::once(0).chain(added.iter().copied());
        all.filter_map(|plus| value.checked_sub(plus)).find(|value| (1..=most).contains(value))
    };
    let month = less(month, months, 12);
    let longest = match month {
        Some(2) => 29,
        Some(4 | 6 | 9 | 11) => 30,
        _ => 31,
    };
    year_fits && month.is_some() && less(day, days, longest).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(lines: &[&str], value: &str) -> bool {
        Check::parse(lines).unwrap().passes(value.as_bytes())
    }

    #[test]
    fn published_examples_pass_and_neighbours_do_not() {
        // Wikipedia's and the registrars' own examples of each scheme.
        for (line, good, bad) in [
            ("luhn", "79927398713", "79927398710"),
            ("luhn prefix 80840", "1234567893", "1234567890"),
            ("verhoeff", "2363", "2364"),
            ("mod11_10", "94577403194", "94577403195"),
            ("weigh 10 9 8 7 6 5 4 3 2 mod 11 minus at 9 map 0123456789", "9434765919", "9434765918"),
            ("number 0..8 mod 23 at 8 map TRWAGMYFPDXBNJZSQVHLCKE", "12345678Z", "12345678A"),
            ("number 0..9 mod 97 minus at 9..11", "93051822361", "93051822362"),
            ("number 0..2+3..5 mod 31 at 5 map 0123456789ABCDEFHJKLMNPRSTUVWXY", "12A34T", "12A34W"),
            ("date yymmdd at 0 months 20", "002229", "003329"),
            ("not 0..3 000 666 900-999", "123", "666"),
            ("weigh 1 2 3 4 5 6 7 8 9 1 or 3 4 5 6 7 8 9 1 2 3 mod 11 at 10", "37605030299", "37605030298"),
        ] {
            assert!(passes(&[line], good), "{line}: {good}");
            assert!(!passes(&[line], bad), "{line}: {bad}");
        }
        assert!(passes(&["pad 9", "luhn"], "18"));
        assert!(!passes(&["luhn"], "00000000"));
        assert!(Check::parse(&["weigh mod 11"]).is_none() && Check::parse(&["nothing"]).is_none());
    }
}
