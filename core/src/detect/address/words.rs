//! The words of a street or a town, one space between them.

use super::{Address, behind_street};
use crate::detect::input::{Input, is_word};
use crate::detect::small::Small;

/// How many words are read, at most.
pub(super) const MOST: usize = 7;
/// How many words a street has that nothing but its town tells, at most.
const STREET: usize = 4;
/// The longest word.
pub(super) const LONGEST: usize = 32;

pub(super) struct Words {
    words: [Option<Found>; MOST],
    count: usize,
}

/// A word of a name.
pub(super) struct Found {
    pub small: Small,
    /// It begins with a capital or a digit.
    pub capital: bool,
    /// Without a full stop.
    end: usize,
    /// With it.
    stop: usize,
}

impl Words {
    /// The words from an offset on: capitalised ones, small words between them, and words of streets in any case.
    pub(super) fn read(input: &Input<'_>, mut at: usize, address: &Address) -> Self {
        let mut words = Self { words: [const { None }; MOST], count: 0 };
        while let Some(slot) = words.words.get_mut(words.count) {
            let end = input.run(at, LONGEST, |b| is_word(b) && b != b'_' || b == b'\'' || b == b'-');
            let Ok(text) = std::str::from_utf8(input.slice(at, end)) else { break };
            let Some(first) = text.chars().next() else { break };
            let small = Small::of(text);
            let capital = first.is_uppercase();
            let plain = small.as_str();
            let fits = capital
                || address.particles.contains(plain)
                || address.leading.contains(plain)
                || address.types.contains(plain)
                || address.behind_types.contains(plain)
                || plain.starts_with("d'")
                || plain.starts_with("l'");
            let stop = end + usize::from(input.at(end) == Some(b'.'));
            // `8 rue Example Apt. 12`: the flat is another part.
            let flat = words.count > 0
                && address.units.contains(plain)
                && input.at(stop) == Some(b' ')
                && input.at(stop + 1).is_some_and(|b| b.is_ascii_digit() || b == b'#');
            if !fits || flat || first.is_ascii_digit() || end - at >= LONGEST {
                break;
            }
            *slot = Some(Found { small, capital, end, stop });
            words.count += 1;
            if input.at(stop) != Some(b' ') {
                break;
            }
            at = stop + 1;
        }
        words
    }

    fn each(&self) -> impl DoubleEndedIterator<Item = &Found> {
        self.words.iter().flatten()
    }

    pub(super) fn first(&self) -> Option<&Found> {
        self.each().next()
    }

    /// The end of the street that they name, if one does: behind the last word that says so, or behind all that
    /// follow a word such as `rue`.
    pub(super) fn street(&self, address: &Address) -> Option<usize> {
        let first = self.first()?;
        if address.leading.contains(first.small.as_bytes()) && self.each().skip(1).any(|word| word.capital) {
            return self.last_capital();
        }
        // `High Street`, `Lange Straße`, `Lindenweg`; one word alone must be glued.
        let is_type = |word: &Found| word.capital && address.types.contains(word.small.as_bytes());
        let typed = self.each().zip(self.each().skip(1)).fold(None, |found, (before, word)| {
            let directed = || is_type(before) && address.directions.contains(word.small.as_bytes());
            if is_type(word) || (found.is_some() && directed()) { Some(word) } else { found }
        });
        let glued = || self.each().find(|word| word.capital && address.is_glued(word.small.as_bytes()));
        let found = typed.or_else(glued)?;
        first.capital.then_some(found.stop_if_short())
    }

    /// Whether they are the names of two streets: `Mill and Harbour`.
    pub(super) fn joins(&self) -> bool {
        let mut later = self.each().skip_while(|word| word.small.as_str() != "and");
        later.any(|word| word.capital)
    }

    pub(super) fn has_glued(&self, address: &Address) -> bool {
        self.each().take_while(|word| word.capital).any(|word| address.is_glued(word.small.as_bytes()))
    }

    /// Whether the last of several words is what stands behind names of streets, in small letters or not.
    pub(super) fn ends_as_type(&self, address: &Address) -> bool {
        let last = self.each().next_back().filter(|_| self.count > 1);
        last.is_some_and(|word| address.behind_types.contains(word.small.as_bytes()))
    }

    /// The end of the word before the first that is followed by a postcode, or is the first half of one, and that one's end.
    pub(super) fn before_code(&self, code: impl Fn(usize) -> Option<usize>) -> Option<(usize, usize)> {
        self.each().zip(self.each().skip(1)).find_map(|(before, word)| {
            let length = word.small.as_bytes().len();
            let digits = word.small.as_bytes().iter().any(u8::is_ascii_digit);
            digits.then(|| code(word.end - length)).flatten().map(|end| (before.end, end))
        })
    }

    /// The end of the words and of the number that directly follows them.
    pub(super) fn before_number(&self, input: &Input<'_>, address: &Address) -> Option<(usize, usize)> {
        // `Numbering the 32`: a small word ends no street.
        let last = self.each().next_back().filter(|word| !is_small(word, address))?;
        Some((last.end, behind_street(input, last.stop, address)?))
    }

    /// The end of the street where its last word is a type of streets as often as something else, and others stand before.
    pub(super) fn weak_street(&self, address: &Address) -> Option<usize> {
        let first = self.first().filter(|word| word.capital)?;
        let is_type = |word: &&Found| word.capital && address.weak_types.contains(word.small.as_bytes());
        self.each().rfind(is_type).filter(|word| word.end > first.end).map(|word| word.end)
    }

    /// The end of the words, where they are as few as names of streets have.
    pub(super) fn name_end(&self) -> Option<usize> {
        (self.count <= STREET).then(|| self.last_capital()).flatten()
    }

    /// The end of the last capitalised word.
    pub(super) fn last_capital(&self) -> Option<usize> {
        self.each().rfind(|word| word.capital).map(|word| word.end)
    }
}

/// Whether a word is one of those between others.
fn is_small(word: &Found, address: &Address) -> bool {
    !word.capital && address.particles.contains(word.small.as_bytes())
}

impl Found {
    /// `St.` with its full stop; `Street` without the one that ends the sentence.
    fn stop_if_short(&self) -> usize {
        if self.small.as_str().len() <= 4 { self.stop } else { self.end }
    }
}
