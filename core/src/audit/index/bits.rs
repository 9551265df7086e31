//! Which of a pack's entries: a bit each, so that what one field leaves and what another leaves are joined 64 at a time, however many they are.

/// A set of numbers below a length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bits {
    words: Vec<u64>,
    length: u32,
}

impl Bits {
    /// None of so many.
    pub(super) fn none_of(length: u32) -> Self {
        Self { words: vec![0; length.div_ceil(64) as usize], length }
    }

    /// Adds a number; one that is too great is passed over.
    pub(super) fn set(&mut self, number: u32) {
        if number < self.length
            && let Some(word) = self.words.get_mut(number as usize / 64)
        {
            *word |= 1 << (number % 64);
        }
    }

    /// Adds what bytes hold that [`bytes`](Self::bytes) made.
    pub(super) fn set_all(&mut self, bytes: &[u8]) {
        let (eights, rest) = bytes.as_chunks::<8>();
        let mut last = [0; 8];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        for (word, eight) in self.words.iter_mut().zip(eights.iter().chain([&last])) {
            *word |= u64::from_le_bytes(*eight);
        }
        self.keep(0, self.length);
    }

    /// The same as bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.truncate(self.length.div_ceil(8) as usize);
        bytes
    }

    /// Leaves those that are in another set too.
    pub(super) fn and(&mut self, other: &Self) {
        let others = other.words.iter().chain(std::iter::repeat(&0));
        self.words.iter_mut().zip(others).for_each(|(word, other)| *word &= other);
    }

    /// Leaves those from one number on and below another.
    pub(super) fn keep(&mut self, from: u32, until: u32) {
        let below = |end: u32, first: u32| match end.saturating_sub(first) {
            0 => 0,
            bits @ 1..64 => (1 << bits) - 1,
            _ => u64::MAX,
        };
        for (word, first) in self.words.iter_mut().zip((0_u32..).step_by(64)) {
            *word &= below(until.min(self.length), first) & !below(from, first);
        }
    }

    /// Whether a number is in it.
    pub(super) fn has(&self, number: u32) -> bool {
        self.words.get(number as usize / 64).is_some_and(|word| word & (1 << (number % 64)) != 0)
    }

    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// Takes a number out; whether it was there.
    pub(super) fn remove(&mut self, number: u32) -> bool {
        let Some(word) = self.words.get_mut(number as usize / 64) else { return false };
        let bit = 1 << (number % 64);
        let was = *word & bit != 0;
        *word &= !bit;
        was
    }

    /// Takes the greatest out.
    pub(super) fn pop_last(&mut self) -> Option<u32> {
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
        let place = u32::try_from(self.words.len()).ok()?.checked_sub(1)?;
        let word = self.words.last_mut()?;
        let bit = 63 - word.leading_zeros();
        *word ^= 1 << bit;
        Some(place * 64 + bit)
    }

    /// Takes the smallest out, where `from` is not above it; it is moved on.
    pub(super) fn pop_first(&mut self, from: &mut u32) -> Option<u32> {
        loop {
            let word = self.words.get_mut(*from as usize / 64)?;
            if *word != 0 {
                let bit = word.trailing_zeros();
                *word ^= 1 << bit;
                return Some(*from / 64 * 64 + bit);
            }
            *from = (*from / 64 + 1) * 64;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set(length: u32, numbers: &BTreeSet<u32>) -> Bits {
        let mut bits = Bits::none_of(length);
        numbers.iter().for_each(|number| bits.set(*number));
        bits
    }

    fn drained(mut bits: Bits) -> Vec<u32> {
        let mut from = 0;
        std::iter::from_fn(|| bits.pop_first(&mut from)).collect()
    }

    proptest! {
        #[test]
        fn it_is_a_set_of_numbers(
            length in 0..400_u32,
            one in proptest::collection::btree_set(0..400_u32, 0..90),
            two in proptest::collection::btree_set(0..400_u32, 0..400),
            (from, until) in (0..420_u32, 0..420_u32),
        ) {
            let within = |set: &BTreeSet<u32>| -> Vec<u32> { set.iter().copied().filter(|n| *n < length).collect() };
            let bits = set(length, &one);
            prop_assert_eq!(drained(bits.clone()), within(&one));
            prop_assert_eq!(bits.count() as usize, within(&one).len());
            let had: Vec<u32> = (0..420).filter(|number| bits.has(*number)).collect();
            prop_assert_eq!(had, within(&one));
            let mut back = bits.clone();
            let mut last: Vec<u32> = std::iter::from_fn(|| back.pop_last()).collect();
            last.reverse();
            prop_assert_eq!(last, within(&one));
            let mut read = Bits::none_of(length);
            read.set_all(&bits.bytes());
            prop_assert_eq!(&read, &bits);
            let mut both = bits.clone();
            both.and(&set(length, &two));
            prop_assert_eq!(drained(both), within(&one.intersection(&two).copied().collect()));
            let mut kept = bits.clone();
            kept.keep(from, until);
            prop_assert_eq!(drained(kept), within(&one.iter().copied().filter(|n| (from..until).contains(n)).collect()));
            let mut without = bits;
            let removed: Vec<u32> = two.iter().copied().filter(|number| without.remove(*number)).collect();
            prop_assert_eq!(removed, within(&one.intersection(&two).copied().collect()));
            prop_assert_eq!(drained(without), within(&one.difference(&two).copied().collect()));
        }

        #[test]
        fn bytes_that_are_none_stay_within(length in 0..200_u32, bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut bits = Bits::none_of(length);
            bits.set_all(&bytes);
            prop_assert!(drained(bits).into_iter().all(|number| number < length));
        }
    }
}
