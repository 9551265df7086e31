//! A set of short words that is asked at every name: some loads for a word that it does not hold.

use super::lexicon::{FNV, mix};

/// Words in small letters.
#[derive(Debug, Clone)]
pub(super) struct WordSet {
    words: Vec<&'static str>,
    /// Open addressing, a quarter full or less: 0, or one more than the index of a word.
    slots: Vec<u16>,
}

impl WordSet {
    pub(super) fn of(mut words: Vec<&'static str>) -> Self {
        words.sort_unstable();
        words.dedup();
        let mut slots = vec![0; (words.len() * 4).next_power_of_two()];
        for (word, number) in words.iter().zip(1..) {
            let mut at = hash(word.as_bytes()) as usize;
            while let Some(slot) = {
                at &= slots.len() - 1;
                slots.get_mut(at)
            } {
                if *slot == 0 {
                    *slot = number;
                    break;
                }
                at += 1;
            }
        }
        Self { words, slots }
    }

    pub(super) fn contains(&self, word: impl AsRef<[u8]>) -> bool {
        let word = word.as_ref();
        self.holds(hash(word), word)
    }

    /// Whether it holds the word with this hash, as [`mix`] makes it.
    #[inline]
    pub(super) fn holds(&self, hash: u32, word: &[u8]) -> bool {
        let mut at = hash as usize;
        loop {
            at &= self.slots.len() - 1;
            let Some(number) = self.slots.get(at).and_then(|slot| usize::from(*slot).checked_sub(1)) else {
                return false;
            };
            if self.words.get(number).is_some_and(|held| held.as_bytes() == word) {
                return true;
            }
            at += 1;
        }
    }

    /// Whether the word ends with one of these, and is longer.
    pub(super) fn ends(&self, word: &str) -> bool {
        self.words.iter().any(|end| word.len() > end.len() && word.ends_with(end))
    }
}

fn hash(word: &[u8]) -> u32 {
    word.iter().fold(FNV, |hash, &byte| mix(hash, byte))
}

/// Ends of words, by their last two bytes.
#[derive(Debug, Clone)]
pub(super) struct Endings(Vec<Vec<&'static str>>);

impl Endings {
    const LISTS: usize = 1024;

    /// Each ending has two bytes or more.
    pub(super) fn of(endings: Vec<&'static str>) -> Self {
        let mut lists = vec![Vec::new(); Self::LISTS];
        for end in endings {
            if let Some(list) = Self::list(end.as_bytes()).and_then(|list| lists.get_mut(list)) {
                list.push(end);
            }
        }
        Self(lists)
    }

    /// Whether a word ends with one of these and is longer by so many bytes.
    #[inline]
    pub(super) fn fit(&self, word: &[u8], longer: usize) -> bool {
        let list = Self::list(word).and_then(|list| self.0.get(list));
        list.is_some_and(|list| {
            list.iter().any(|end| word.len() >= end.len() + longer && word.ends_with(end.as_bytes()))
        })
    }

    fn list(word: &[u8]) -> Option<usize> {
        let [.., one, two] = word else { return None };
        Some((usize::from(*one) << 5 ^ usize::from(*two)) % Self::LISTS)
    }
}

/// The last two bytes of words, folded: most texts are told by them to end with none of the words.
#[derive(Debug, Clone, Default)]
pub(super) struct Tails([u64; 16]);

impl Tails {
    /// Each word has two bytes or more.
    pub(super) fn of(words: impl Iterator<Item = &'static str>) -> Self {
        let mut tails = Self::default();
        for (place, bit) in words.filter_map(|word| Self::place(word.as_bytes())) {
            tails.0.get_mut(place).into_iter().for_each(|bits| *bits |= 1 << bit);
        }
        tails
    }

    /// Whether a text may end with one of them, in capital or small letters.
    #[inline]
    pub(super) fn end(&self, text: &[u8]) -> bool {
        Self::place(text)
            .is_some_and(|(place, bit)| self.0.get(place).is_some_and(|bits| bits >> bit & 1 == 1))
    }

    fn place(text: &[u8]) -> Option<(usize, u32)> {
        let [.., first, second] = text else { return None };
        let bits = u32::from(first & 31) << 5 | u32::from(second & 31);
        Some(((bits >> 6) as usize, bits & 63))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_held_whole() {
        let set = WordSet::of(vec!["api", "access", "client"]);
        assert!(set.contains("api") && !set.contains("ap") && !set.contains("apis") && !set.contains(""));
        assert!(set.ends("myapi") && !set.ends("api"));
        assert!(!WordSet::of(Vec::new()).contains("api"));
    }
}
