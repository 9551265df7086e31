//! How the groups of a value follow each other, read once for all shapes: how long they are and what stands between them
//! tells which shapes can fit, before any is tried.
//!
//! Hundreds of shapes begin like a number of four digits does. So none is compared: a table has, for each thing that can
//! stand at a place, the set of shapes that allow it there, one bit a shape, and the sets of what does stand there are
//! joined.

use super::separator_at;
use super::shape::Set;
use super::word::Word;
use crate::detect::input::Input;

/// How many groups behind the first word are compared.
const GROUPS: usize = 3;

/// What separates groups; a bit each in [`Want::separators`].
const SEPARATORS: [u8; 6] = *b" -./()";

/// What a shape has behind its first word with a digit, and before it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wants {
    groups: [Want; GROUPS],
    count: u8,
    before: Before,
}

/// Letters and a separator before the word; no separator is none.
#[derive(Debug, Clone, Copy, Default)]
struct Before {
    separators: u8,
    length: u8,
}

#[derive(Debug, Clone, Copy, Default)]
struct Want {
    separators: u8,
    shortest: u8,
    longest: u8,
    letters: bool,
}

impl Wants {
    /// One more group behind these separators. Beyond those that are compared, none is kept.
    pub(super) fn push(&mut self, separators: Set, lengths: (usize, usize), letters: bool) {
        let Some(want) = self.groups.get_mut(usize::from(self.count)) else { return };
        let byte = |length: usize| u8::try_from(length).unwrap_or(u8::MAX);
        *want = Want {
            separators: bits(separators),
            shortest: byte(lengths.0),
            longest: byte(lengths.1),
            letters,
        };
        self.count += 1;
    }

    /// So many letters and one of these separators stand before the word.
    pub(super) fn lead(&mut self, separators: Set, length: usize) {
        self.before = Before { separators: bits(separators), length: length as u8 };
    }

    /// Whether the first word is the whole value.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0 && self.before.separators == 0
    }

    /// Whether the value ends with the first word.
    pub(super) fn ends(&self) -> bool {
        self.count == 0
    }

    /// Whether this byte can follow the first word, where it is not the whole value.
    pub(super) fn begin_with(&self, next: u8) -> bool {
        let [first, ..] = self.groups;
        match next {
            // The dashes and spaces of typography stand for those of the keyboard.
            0x80.. => first.separators & (bit(b' ') | bit(b'-')) != 0,
            _ => first.separators & bit(next) != 0,
        }
    }

    /// Whether a letter can stand behind the separator that follows the first word.
    pub(super) fn go_on_with_letter(&self) -> bool {
        let [first, ..] = self.groups;
        first.letters || first.shortest == 0
    }

    /// The group at this place, if it has so many.
    fn group(&self, place: usize) -> Option<&Want> {
        self.groups.get(place).filter(|_| place < usize::from(self.count))
    }
}

fn bits(separators: Set) -> u8 {
    SEPARATORS.iter().filter(|&&byte| separators.holds(byte)).fold(0, |bits, &byte| bits | bit(byte))
}

fn bit(separator: u8) -> u8 {
    SEPARATORS.iter().position(|&byte| byte == separator).map_or(0, |place| 1 << place)
}

/// A set of shapes by their numbers, one bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Shapes([u64; Shapes::WORDS]);

impl Shapes {
    const WORDS: usize = 8;
    /// How many shapes one scanner can have.
    #[cfg(test)]
    pub(super) const MOST: usize = Self::WORDS * 64;

    pub(super) fn add(&mut self, shape: usize) {
        self.0.get_mut(shape / 64).into_iter().for_each(|bits| *bits |= 1 << (shape % 64));
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn count(&self) -> u32 {
        self.0.iter().map(|bits| bits.count_ones()).sum()
    }

    /// Those that are in the other, too.
    #[inline]
    pub(super) fn and(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(bits, other)| *bits &= other);
        self
    }

    #[inline]
    pub(super) fn or(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(bits, other)| *bits |= other);
        self
    }

    #[inline]
    pub(super) fn not(self) -> Self {
        Self(self.0.map(|bits| !bits))
    }

    /// Their numbers, in order.
    #[inline]
    pub(super) fn each(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(word, mut bits)| {
            std::iter::from_fn(move || {
                let bit = (bits != 0).then_some(bits.trailing_zeros() as usize)?;
                bits &= bits - 1;
                Some(word * 64 + bit)
            })
        })
    }
}

/// For each thing that can stand at a place, the set of shapes that allow it there.
#[derive(Debug)]
pub(super) struct Table(Box<[Shapes; ROWS]>);

/// The groups of a text behind a word, as far as they are compared, and what stands before it: a row of the [`Table`]
/// for each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    rows: [u16; Layout::ROWS],
    /// How many of them count: those of groups do not where the text ended before they did, as more may come.
    count: usize,
}

/// The rows of a group: its separator or none, its length, and whether letters are in it.
const SEPARATOR: usize = 0;
const LENGTH: usize = SEPARATOR + SEPARATORS.len() + 1;
const LETTERED: usize = LENGTH + LONGEST + 1;
const GROUP: usize = LETTERED + 2;
/// Longer groups are alike.
const LONGEST: usize = 64;
/// The rows of what stands before: the separator or none, and how many letters before that.
const BEFORE: usize = GROUP * GROUPS;
const LEAD: usize = BEFORE + SEPARATORS.len() + 1;
/// No shape begins with so many letters.
const LONGEST_LEAD: usize = 8;
/// Where an escape such as `\n` stands before the letters: any number of them.
const ANY_LEAD: usize = LONGEST_LEAD + 1;
const ROWS: usize = LEAD + ANY_LEAD + 1;

impl Table {
    /// The table for these shapes, numbered as they come.
    pub(super) fn compile<'w>(shapes: impl Iterator<Item = &'w Wants>) -> Self {
        let mut table = Self(Box::new([Shapes::default(); ROWS]));
        for (shape, wants) in shapes.enumerate() {
            for place in 0..GROUPS {
                let want = wants.group(place);
                for separator in 0..=SEPARATORS.len() {
                    let fits = want.is_none_or(|want| separated(want.separators, separator));
                    table.allow(place * GROUP + SEPARATOR + separator, shape, fits);
                }
                for length in 0..=LONGEST {
                    let fits = |want: &Want| {
                        (usize::from(want.shortest)..=usize::from(want.longest)).contains(&length)
                    };
                    table.allow(place * GROUP + LENGTH + length, shape, want.is_none_or(fits));
                }
                table.allow(place * GROUP + LETTERED, shape, true);
                table.allow(place * GROUP + LETTERED + 1, shape, want.is_none_or(|want| want.letters));
            }
            let Before { separators, length } = wants.before;
            for separator in 0..=SEPARATORS.len() {
                let fits = separators == 0 || separated(separators, separator);
                table.allow(BEFORE + separator, shape, fits);
            }
            for lead in 0..=ANY_LEAD {
                let fits = separators == 0 || lead == ANY_LEAD || lead == usize::from(length);
                table.allow(LEAD + lead, shape, fits);
            }
        }
        table
    }

    fn allow(&mut self, row: usize, shape: usize, fits: bool) {
        self.0.get_mut(row).filter(|_| fits).into_iter().for_each(|shapes| shapes.add(shape));
    }

    /// Those of a set that fit.
    #[inline]
    pub(super) fn fitting(&self, set: &Shapes, layout: &Layout) -> Shapes {
        let rows = layout.rows.iter().take(layout.count).filter_map(|&row| self.0.get(usize::from(row)));
        rows.fold(*set, |fitting, row| fitting.and(row))
    }
}

/// Whether the separator at this place of the rows is among these; place 0 is none.
fn separated(separators: u8, place: usize) -> bool {
    place.checked_sub(1).is_some_and(|place| separators >> place & 1 == 1)
}

impl Layout {
    const ROWS: usize = 2 + 3 * GROUPS;

    pub(super) fn read(input: &Input<'_>, word: &Word) -> Self {
        let (separator, lead) = Self::before(input, word.start).unwrap_or_default();
        let mut layout = Self { rows: [0; Self::ROWS], count: Self::ROWS };
        let (mut at, mut more) = (word.end, true);
        let touched = input.take_touched();
        let (head, groups) = layout.rows.split_at_mut(2);
        head.copy_from_slice(&[(BEFORE + separator) as u16, (LEAD + lead) as u16]);
        for (place, rows) in groups.chunks_exact_mut(3).enumerate() {
            let gap = if more { separator_at(input, at) } else { None };
            more = gap.is_some();
            let (mut separator, mut length, mut lettered) = (0, 0, false);
            if let Some((byte, width)) = gap {
                let start = at + width;
                at = input.run(start, LONGEST, |b| b.is_ascii_alphanumeric());
                lettered = input.slice(start, at).iter().any(u8::is_ascii_alphabetic);
                (separator, length) = (place_of(byte), at - start);
            }
            let first = place * GROUP;
            let at = [SEPARATOR + separator, LENGTH + length, LETTERED + usize::from(lettered)];
            rows.iter_mut().zip(at).for_each(|(row, at)| *row = (first + at) as u16);
        }
        if input.take_touched() {
            // The shapes themselves have to find out.
            layout.count = 2;
        }
        if touched {
            input.touch();
        }
        layout
    }

    /// The separator before the word, where letters stand before that, and how many.
    fn before(input: &Input<'_>, start: usize) -> Option<(usize, usize)> {
        let separator = place_of(input.before(start)?);
        let end = start - 1;
        let first = input.run_back(end, LONGEST_LEAD, |b| b.is_ascii_alphanumeric());
        let length = match input.before(first) {
            Some(b'\\') => ANY_LEAD,
            _ if input.slice(first, end).iter().all(u8::is_ascii_alphabetic) => end - first,
            _ => 0,
        };
        (separator != 0 && length > 0).then_some((separator, length))
    }
}

/// The place of a separator among the rows; 0 for none.
fn place_of(byte: u8) -> usize {
    SEPARATORS.iter().position(|&separator| separator == byte).map_or(0, |place| place + 1)
}
