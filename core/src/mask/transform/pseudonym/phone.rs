//! Telephone numbers of nobody, with the country code and the grouping of the number they stand for.
//!
//! Behind a country code stands a 0, or in the North American plan (country code 1) a 0 or a 1. Where that 0 is the
//! trunk prefix it is not part of a national number (ITU-T E.164, E.123), and no area code of North America begins with 0 or
//! 1 (its numbering plan: `NXX`, N from 2 to 9). In the countries whose numbers do begin with 0 there is no such number, and the
//! pseudonym is untyped. A national number becomes `000...`: no international prefix, since no country code begins with 0.

use super::super::digits;

/// Country codes in whose plans numbers begin with 0: Italy and the Vatican, San Marino, Benin, Ivory Coast, Gabon, Congo.
const LEADING_ZERO: [&[u8]; 6] = [&[3, 9], &[3, 7, 8], &[2, 2, 9], &[2, 2, 5], &[2, 4, 1], &[2, 4, 2]];
/// Fewer digits than this would give two values the same pseudonym.
const LEAST_DRAWN: usize = 7;

/// The digits of a number that is made of digits and separators, without an international prefix.
pub(super) fn spelled(value: &str) -> Option<String> {
    let (international, digits) = number(value)?;
    let digits = digits.iter().map(|digit| char::from(b'0' + digit));
    Some(international.then_some('+').into_iter().chain(digits).collect())
}

pub(super) fn write(value: &str, draw: &[u8; 32], out: &mut Vec<u8>) -> Option<()> {
    let (international, own) = number(value)?;
    let head = match (international, own.as_slice()) {
        (true, own) => {
            let country = country(own)?;
            let zone = u8::from(country == [1] && draw.last().is_some_and(|byte| byte % 2 == 1));
            [country, &[zone]].concat()
        }
        (false, [1, 2..=9, ..]) if own.len() == 11 => vec![1, 0],
        (false, [2..=9, ..]) if own.len() == 10 => vec![0],
        (false, _) => vec![0, 0, 0],
    };
    let free = own.len().checked_sub(head.len()).filter(|free| *free >= LEAST_DRAWN)?;
    let made: Vec<u8> = head.into_iter().chain(super::drawn(draw).take(free)).collect();
    // An international prefix in figures stays.
    let all = digits::read(value)?;
    let prefix = all.len() - own.len();
    let whole: Vec<u8> = all.into_iter().take(prefix).chain(made).collect();
    digits::write(value, &whole, out);
    Some(())
}

/// Whether a number is one of nobody.
pub(super) fn wrote(value: &str) -> bool {
    match number(value) {
        Some((true, digits)) => country(&digits).is_some_and(|country| {
            matches!(digits.get(country.len()), Some(0)) || (country == [1] && digits.get(1) == Some(&1))
        }),
        Some((false, digits)) => {
            matches!(digits.as_slice(), [0, 0, 0, ..] | [1, 0, ..])
                || (digits.len() == 10 && matches!(digits.as_slice(), [0, ..]))
        }
        None => false,
    }
}

/// The digits of a number without an international prefix, and whether it had one.
fn number(value: &str) -> Option<(bool, Vec<u8>)> {
    let digits = digits::read(value)?;
    if value.trim_start_matches([' ', '(']).starts_with('+') {
        return Some((true, digits));
    }
    match digits.strip_prefix(&[0, 0]) {
        Some(rest) if !matches!(rest, [0, ..]) => Some((true, rest.to_vec())),
        _ => Some((false, digits)),
    }
}

/// The country code that an international number begins with (ITU-T E.164, annex: zones 1 and 7 have one digit, and the codes of two
/// digits are these); `None` where numbers behind it begin with 0.
fn country(digits: &[u8]) -> Option<&[u8]> {
    let length = match digits {
        [1 | 7, ..] => 1,
        [2, 0 | 7, ..]
        | [3, 0..=4 | 6 | 9, ..]
        | [4, 0 | 1 | 3..=9, ..]
        | [5, 1..=8, ..]
        | [6, 0..=6, ..]
        | [8, 1 | 2 | 4 | 6, ..]
        | [9, 0..=5 | 8, ..] => 2,
        _ => 3,
    };
    let country = digits.get(..length)?;
    (!LEADING_ZERO.contains(&country)).then_some(country)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(value: &str) -> Option<String> {
        let mut out = Vec::new();
        write(value, &[0x77; 32], &mut out)?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn country_and_grouping_stay() {
        for (value, expected) in [
            ("+1 (415) 555-2671", Some("+1 (199) 999-9999")),
            ("+44 20 7946 0958", Some("+44 09 9999 9999")),
            ("0049 171 1234567", Some("0049 099 9999999")),
            ("(415) 555-2671", Some("(099) 999-9999")),
            ("1-415-555-2671", Some("1-099-999-9999")),
            ("0171 1234567", Some("0009 9999999")),
            ("+39 06 698 12345", None),
            ("20 12 34 56", None),
            ("+1 415 555 2671 x5", None),
        ] {
            assert_eq!(made(value).as_deref(), expected, "{value}");
            if let Some(made) = made(value) {
                assert!(wrote(&made) && !wrote(value), "{value}");
            }
        }
    }

    #[test]
    fn spellings_of_one_number_meet() {
        assert_eq!(spelled("+49 171 1234567"), spelled("0049-171-1234567"));
        assert_ne!(spelled("+49 171 1234567"), spelled("49 171 1234567"));
    }
}
