//! Short texts in which nothing was found, remembered by each thread: documents are full of the same names of members and
//! of values such as `"object": "chunk"`, and reading one once more costs ten times what knowing it does.
//!
//! A whole text of these bytes under this key holds the same in every exchange, so nothing of one is told to another but
//! the time that an answer takes; texts that hold something are never kept.

use std::cell::RefCell;

/// How many bytes a text and its key have together, at most.
const MOST: usize = 48;
/// How many are kept: a power of two. 32 KiB a thread.
const SLOTS: usize = 512;

/// Odd numbers without a pattern: the fraction of pi, each last bit set.
const FACTOR: u64 = 0xC0AC_29B7_C97C_50DD;
const FACTORS: [u64; MOST / 8] = [
    0x243F_6A88_85A3_08D3,
    0x1319_8A2E_0370_7345,
    0xA409_3822_299F_31D1,
    0x082E_FA98_EC4E_6C89,
    0x4528_21E6_38D0_1377,
    0xBE54_66CF_34E9_0C6D,
];

thread_local! {
    static CLEAN: RefCell<Vec<Short>> = const { RefCell::new(Vec::new()) };
}

/// A short text under its key, as one scanner reads it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Short {
    /// The number of the scanner; none has zero.
    of: u64,
    /// The key, and behind it the text.
    bytes: [u8; MOST],
    /// One more than the length of the key, if there is one.
    key: u8,
    text: u8,
}

impl Short {
    const NONE: Self = Self { of: 0, bytes: [0; MOST], key: 0, text: 0 };

    /// `None` where it is not short.
    #[inline]
    pub(super) fn of(of: u64, key: Option<&str>, text: &[u8]) -> Option<Self> {
        let name = key.unwrap_or_default().as_bytes();
        let told = key.map_or(0, |key| key.len() + 1);
        let mut short =
            Self { of, key: told.try_into().ok()?, text: text.len().try_into().ok()?, ..Self::NONE };
        let (first, rest) = short.bytes.split_at_mut_checked(name.len())?;
        first.copy_from_slice(name);
        rest.get_mut(..text.len())?.copy_from_slice(text);
        Some(short)
    }

    /// Whether nothing is in it, as is known from before.
    pub(super) fn is_known(&self) -> bool {
        CLEAN.with(|clean| {
            let Ok(clean) = clean.try_borrow() else { return false };
            let slot = self.slot();
            [slot, slot ^ 1].iter().any(|slot| clean.get(*slot).is_some_and(|known| known.is(self)))
        })
    }

    /// Whether they are the same: without a call, for most texts are asked about here.
    fn is(&self, other: &Self) -> bool {
        let eights = self.eights().zip(other.eights());
        let differ = eights.fold(0, |differ, (one, other)| differ | (one ^ other));
        differ == 0 && (self.of, self.key, self.text) == (other.of, other.key, other.text)
    }

    fn eights(&self) -> impl Iterator<Item = u64> {
        self.bytes.as_chunks::<8>().0.iter().map(|&eight| u64::from_le_bytes(eight))
    }

    /// Nothing is in it.
    pub(super) fn keep(self) {
        CLEAN.with(|clean| {
            if let Ok(mut clean) = clean.try_borrow_mut() {
                if clean.is_empty() {
                    clean.resize(SLOTS, Self::NONE);
                }
                let slot = self.slot();
                // Two texts that belong here both stay: a document that has both would else read both every time.
                let before = clean.get_mut(slot).map(|here| std::mem::replace(here, self));
                if let (Some(before), Some(beside)) = (before, clean.get_mut(slot ^ 1)) {
                    *beside = before;
                }
            }
        });
    }

    /// Multilinear hashing (Lemire, Kaser: "Strongly universal string hashing is fast"): no product waits for another.
    fn slot(&self) -> usize {
        let begin = (self.of ^ u64::from(self.text) << 8 ^ u64::from(self.key)).wrapping_mul(FACTOR);
        let products = self.eights().zip(FACTORS).map(|(eight, factor)| eight.wrapping_mul(factor));
        let hash = products.fold(begin, u64::wrapping_add);
        (hash >> 40) as usize & (SLOTS - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_by_its_scanner_its_key_and_its_bytes() {
        let short = |of, key, text: &str| Short::of(of, key, text.as_bytes()).unwrap();
        short(1, Some("object"), "chunk").keep();
        assert!(short(1, Some("object"), "chunk").is_known());
        for other in [
            short(2, Some("object"), "chunk"),
            short(1, Some("objec"), "tchunk"),
            short(1, None, "objectchunk"),
            short(1, Some("object"), "chunks"),
            short(1, Some("object"), "chunk\0"),
            short(1, Some(""), "objectchunk"),
        ] {
            assert!(!other.is_known(), "{other:?}");
        }
        assert!(Short::of(1, Some("key"), &[b'a'; MOST]).is_none());
    }

    #[test]
    fn two_texts_of_one_slot_are_both_known() {
        let text = |n: usize| format!("text {n}");
        let short = |n: usize| Short::of(7, None, text(n).as_bytes()).unwrap();
        let other = (1..).find(|n| short(*n).slot() == short(0).slot()).unwrap();
        short(0).keep();
        short(other).keep();
        assert!(short(0).is_known() && short(other).is_known());
    }
}
