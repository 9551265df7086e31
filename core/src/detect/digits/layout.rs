//! How the groups of a value follow each other, read once for all shapes: how long they are and what stands between them
//! tells which shapes can fit, before any is tried.

use super::separator_at;
use super::shape::Set;
use super::word::Word;
use crate::detect::input::Input;

/// How many groups behind the first word are compared.
pub(super) const GROUPS: usize = 3;

/// What separates groups; a bit each in [`Group::separator`] and [`Want::separators`].
const SEPARATORS: [u8; 6] = *b" -./()";

/// The groups of a text behind a word, as far as they are compared, and what stands before it.
#[derive(Debug, Default)]
pub(super) struct Layout {
    groups: [Group; GROUPS],
    /// The separator before the word, where letters stand before that, and how many.
    before: Before,
    /// The text ended before they did: more may come.
    open: bool,
}

/// A separator and the letters and digits behind it.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    separator: u8,
    length: u8,
    lettered: bool,
}

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

impl Layout {
    /// Longer groups are alike.
    const LONGEST: usize = 64;

    pub(super) fn read(input: &Input<'_>, word: &Word) -> Self {
        let before = Before::read(input, word.start).unwrap_or_default();
        let mut layout = Self { before, ..Self::default() };
        let mut at = word.end;
        let touched = input.take_touched();
        for group in &mut layout.groups {
            let Some((separator, width)) = separator_at(input, at) else { break };
            let start = at + width;
            at = input.run(start, Self::LONGEST, |b| b.is_ascii_alphanumeric());
            let lettered = input.slice(start, at).iter().any(u8::is_ascii_alphabetic);
            *group = Group { separator: bit(separator), length: (at - start) as u8, lettered };
        }
        layout.open = input.take_touched();
        if touched {
            input.touch();
        }
        layout
    }

    /// Whether the groups are as a shape wants them. Where the text ends early, the shape itself has to find out.
    #[inline]
    pub(super) fn fits(&self, wants: &Wants) -> bool {
        let fits = |(want, group): (&Want, &Group)| {
            want.separators & group.separator != 0
                && (want.shortest..=want.longest).contains(&group.length)
                && (want.letters || !group.lettered)
        };
        let groups = || wants.groups.iter().take(usize::from(wants.count)).zip(&self.groups).all(fits);
        wants.before.fits(self.before) && (self.open || groups())
    }
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
}

impl Before {
    /// No shape begins with so many letters.
    const LONGEST: usize = 8;
    /// Where an escape such as `\n` stands before the letters: any number of them.
    const ANY: u8 = u8::MAX;

    fn read(input: &Input<'_>, start: usize) -> Option<Self> {
        let separators = bit(input.before(start)?);
        let end = start - 1;
        let first = input.run_back(end, Self::LONGEST, |b| b.is_ascii_alphanumeric());
        let length = match input.before(first) {
            Some(b'\\') => Self::ANY,
            _ if input.slice(first, end).iter().all(u8::is_ascii_alphabetic) => (end - first) as u8,
            _ => 0,
        };
        (separators != 0 && length > 0).then_some(Self { separators, length })
    }

    /// Whether the text has what a shape wants.
    #[inline]
    fn fits(self, text: Self) -> bool {
        self.separators == 0
            || self.separators & text.separators != 0
                && (self.length == text.length || text.length == Self::ANY)
    }
}

fn bits(separators: Set) -> u8 {
    SEPARATORS.iter().filter(|&&byte| separators.holds(byte)).fold(0, |bits, &byte| bits | bit(byte))
}

fn bit(separator: u8) -> u8 {
    SEPARATORS.iter().position(|&byte| byte == separator).map_or(0, |place| 1 << place)
}
