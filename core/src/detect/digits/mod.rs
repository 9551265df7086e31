//! Values made of digits, from their first digit: what may stand beside them, and how they are grouped.
//!
//! Digits are where detection goes wrong in the field: parts of floats, UUIDs, times, versions, hexadecimal and
//! longer ids look like cards and phone numbers. So a value must stand alone, and must be grouped as people group it.

pub(super) mod card;
pub(in crate::detect) mod check;
pub(super) mod date;
pub(super) mod iban;
pub(super) mod index;
mod layout;
pub(super) mod phone;
pub(super) mod shape;
pub(super) mod timestamp;
pub(super) mod word;

use super::input::Input;

/// Groups of digits with separators between them, as far as they go.
#[derive(Debug)]
pub(super) struct Run {
    digits: [u8; Run::DIGITS],
    groups: [Group; Run::GROUPS],
    count: usize,
    /// What follows the last group, where there is more than was read.
    next: u8,
}

/// Consecutive digits.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Group {
    /// How many digits the run has up to and with this group.
    pub digits: usize,
    pub length: usize,
    /// Offset of the byte after its last digit.
    pub end: usize,
    /// What separates it from the group before: the strongest of the characters there; 0 for the first group.
    pub separator: u8,
    /// More than one character separates it.
    pub wide: bool,
}

impl Run {
    /// Longer runs are no value of any kind.
    pub(super) const DIGITS: usize = 24;
    const GROUPS: usize = 10;

    /// Reads the run that starts at a digit. `None` when it is too long to be anything.
    #[inline]
    pub(super) fn read(input: &Input<'_>, start: usize) -> Option<Self> {
        let mut run =
            Self { digits: [0; Self::DIGITS], groups: [Group::default(); Self::GROUPS], count: 0, next: 0 };
        let (mut at, mut total) = (start, 0);
        let mut gap = Gap { separator: 0, wide: false, end: start };
        while let Some(slot) = run.groups.get_mut(run.count) {
            let group_start = at;
            while let Some(digit) = input.at(at).filter(u8::is_ascii_digit) {
                let Some(place) = run.digits.get_mut(total) else {
                    run.next = gap.separator;
                    return (run.count > 0).then_some(run);
                };
                *place = digit - b'0';
                (total, at) = (total + 1, at + 1);
            }
            let Gap { separator, wide, .. } = gap;
            *slot = Group { digits: total, length: at - group_start, end: at, separator, wide };
            run.count += 1;
            let Some(next) = Gap::read(input, at) else { break };
            (gap, at) = (next, next.end);
            if run.count == Self::GROUPS {
                run.next = gap.separator;
            }
        }
        Some(run)
    }

    pub(super) fn groups(&self) -> &[Group] {
        self.groups.get(..self.count).unwrap_or_default()
    }

    /// The first so many digits, each 0 to 9.
    pub(super) fn digits(&self, count: usize) -> &[u8] {
        self.digits.get(..count).unwrap_or_default()
    }

    pub(super) fn all_digits(&self) -> &[u8] {
        self.digits(self.groups().last().map_or(0, |group| group.digits))
    }

    /// The lengths of the first groups.
    pub(super) fn lengths(&self) -> [usize; 4] {
        let mut lengths = [0; 4];
        lengths.iter_mut().zip(self.groups()).for_each(|(slot, group)| *slot = group.length);
        lengths
    }

    /// Whether a value may end with the group of that index: the run ends there, or a space comes before the next.
    pub(super) fn may_end(&self, index: usize) -> bool {
        matches!(
            self.groups().get(index + 1).map_or(self.next, |next| next.separator),
            0 | b' ' | b'(' | b')'
        )
    }
}

/// What separates two groups: ` `, `-`, `.`, `/`, `)`, `(`, or up to three of them.
#[derive(Clone, Copy)]
struct Gap {
    separator: u8,
    wide: bool,
    /// Where the next digit stands.
    end: usize,
}

impl Gap {
    fn read(input: &Input<'_>, at: usize) -> Option<Self> {
        let (mut end, mut separator, mut count, mut last) = (at, 0, 0, 0);
        while count < 4 {
            if input.at(end)?.is_ascii_digit() {
                return (count > 0).then_some(Self { separator, wide: count > 1, end });
            }
            let (byte, length) = separator_at(input, end)?;
            if byte == last {
                return None;
            }
            if byte != b' ' || separator == 0 {
                separator = byte;
            }
            (last, count, end) = (byte, count + 1, end + length);
        }
        None
    }
}

/// The separator at an offset, as the ASCII character that it stands for, and its length: spaces that do not break
/// and the dashes of typography count as those of the keyboard.
pub(super) fn separator_at(input: &Input<'_>, at: usize) -> Option<(u8, usize)> {
    match input.at(at)? {
        byte @ (b' ' | b'-' | b'.' | b'/' | b'(' | b')') => Some((byte, 1)),
        0xC2 if input.at(at + 1) == Some(0xA0) => Some((b' ', 2)),
        0xE2 => match (input.at(at + 1)?, input.at(at + 2)?) {
            (0x80, 0x90..=0x95) | (0x88, 0x92) => Some((b'-', 3)),
            (0x80, 0x87 | 0x89 | 0xAF) => Some((b' ', 3)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether what stands before `start` makes the digits there part of something longer.
pub(super) fn is_glued_before(input: &Input<'_>, start: usize) -> bool {
    let Some(last) = input.before(start) else { return false };
    let before = input.before(start - 1);
    let after_digit = before.is_some_and(|b| b.is_ascii_digit());
    match last {
        // The letter of an escape, as in `\n4111…`, belongs to no word.
        b'n' | b't' | b'r' => before != Some(b'\\'),
        // `0.4111…` and ` .4111…` are floats; `tel.0171…` is not.
        b'.' => !before.is_some_and(|b| b.is_ascii_alphabetic()),
        b'-' | b'/' => before.is_some_and(|b| b.is_ascii_alphanumeric()),
        b':' => after_digit,
        b'_' | b'%' | b'$' | b'~' | b'^' => true,
        _ => last.is_ascii_alphanumeric() && !ends_escape(input, start),
    }
}

/// Whether `\u00e9` ends here.
fn ends_escape(input: &Input<'_>, end: usize) -> bool {
    let escape = end.checked_sub(6).map_or(&[][..], |start| input.slice(start, end));
    escape.starts_with(b"\\u") && escape.iter().skip(2).all(u8::is_ascii_hexdigit)
}

/// Whether what stands from `end` on makes the digits before it part of something longer.
pub(super) fn is_glued_after(input: &Input<'_>, end: usize) -> bool {
    match input.at(end) {
        Some(b'.' | b':') => input.at(end + 1).is_some_and(|b| b.is_ascii_digit()),
        Some(b'-' | b'/') => input.at(end + 1).is_some_and(|b| b.is_ascii_alphanumeric()),
        Some(b'_' | b'%' | b'@' | b'^') => true,
        Some(next) => next.is_ascii_alphanumeric(),
        None => false,
    }
}

/// ISO/IEC 7812-1 annex B: the check digit of cards and many other numbers.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(n, &digit)| match (n % 2, u32::from(digit)) {
            (1, digit) if digit > 4 => digit * 2 - 9,
            (1, digit) => digit * 2,
            (_, digit) => digit,
        })
        .sum();
    sum.is_multiple_of(10)
}
