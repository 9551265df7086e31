//! A value as its digits between separators: read out, changed, and set back where they stood.

/// What may stand between the digits of one number.
const SEPARATORS: [char; 12] =
    [' ', '-', '.', '/', '(', ')', '+', '\u{a0}', '\u{2007}', '\u{2010}', '\u{2011}', '\u{202f}'];

/// The digits of a value that is made of digits and separators and nothing else.
pub(super) fn read(value: &str) -> Option<Vec<u8>> {
    let mut digits = Vec::new();
    for c in value.chars() {
        match c.to_digit(10).and_then(|digit| u8::try_from(digit).ok()) {
            Some(digit) => digits.push(digit),
            None if SEPARATORS.contains(&c) => {}
            None => return None,
        }
    }
    Some(digits)
}

/// The same value with other digits in the places of its own. Both have the same number of digits.
pub(super) fn write(value: &str, digits: &[u8], out: &mut Vec<u8>) {
    let mut digits = digits.iter();
    for c in value.chars() {
        match digits.as_slice().first() {
            Some(digit) if c.is_ascii_digit() => {
                out.push(b'0' + digit);
                digits.next();
            }
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// The digit that makes a number with these digits before it pass the Luhn check (ISO/IEC 7812-1, annex B).
pub(super) fn luhn(digits: &[u8]) -> u8 {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(*digit);
            if place % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit }
        })
        .sum();
    u8::try_from((10 - sum % 10) % 10).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_change_and_nothing_else() {
        let value = "+49 (171) 123-45\u{a0}67";
        let digits = read(value).unwrap();
        assert_eq!(digits, [4, 9, 1, 7, 1, 1, 2, 3, 4, 5, 6, 7]);
        let mut out = Vec::new();
        write(value, &[9; 12], &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "+99 (999) 999-99\u{a0}99");
        assert_eq!(read("12a4"), None);
        assert_eq!(read("１２３"), None, "digits of another script are not this one's");
    }

    #[test]
    fn the_check_digit_of_iso_7812() {
        assert_eq!(luhn(&[7, 9, 9, 2, 7, 3, 9, 8, 7, 1]), 3);
        assert_eq!(luhn(&[4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]), 1);
    }
}
