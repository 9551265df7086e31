//! A set of short words that is asked at every name: some loads for a word that it does not hold.

/// Lists of words; a power of two, some more than there are services.
const LISTS: usize = 2048;

/// Words in small letters.
#[derive(Debug, Clone)]
pub(super) struct WordSet(Vec<Vec<&'static str>>);

impl WordSet {
    pub(super) fn of(words: Vec<&'static str>) -> Self {
        let lists = words.len().next_power_of_two().min(LISTS);
        let mut set = Self(vec![Vec::new(); lists]);
        for word in words {
            let list = set.list(word);
            if let Some(list) = set.0.get_mut(list) {
                list.push(word);
            }
        }
        set
    }

    pub(super) fn contains(&self, word: &str) -> bool {
        self.0.get(self.list(word)).is_some_and(|list| list.contains(&word))
    }

    /// Whether the word ends with one of these, and is longer.
    pub(super) fn ends(&self, word: &str) -> bool {
        self.0.iter().flatten().any(|end| word.len() > end.len() && word.ends_with(end))
    }

    fn list(&self, word: &str) -> usize {
        let hash =
            word.bytes().fold(word.len(), |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(byte)));
        hash & (self.0.len() - 1)
    }
}

/// Ends of words, by their last byte.
#[derive(Debug, Clone)]
pub(super) struct Endings(Vec<Vec<&'static str>>);

impl Endings {
    pub(super) fn of(endings: Vec<&'static str>) -> Self {
        let mut lists = vec![Vec::new(); 256];
        for end in endings {
            if let Some(list) = end.bytes().last().and_then(|last| lists.get_mut(usize::from(last))) {
                list.push(end);
            }
        }
        Self(lists)
    }

    /// Whether a word ends with one of these and is longer by so many bytes.
    pub(super) fn fit(&self, word: &str, longer: usize) -> bool {
        let list = word.bytes().last().and_then(|last| self.0.get(usize::from(last)));
        list.is_some_and(|list| {
            list.iter().any(|end| word.len() >= end.len() + longer && word.ends_with(end))
        })
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
