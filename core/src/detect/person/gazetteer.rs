//! Given and family names, some fifty thousand, in a table that `core/build/names.rs` makes of `core/data/names`.

use super::hash::{BUCKETS, COMMON, FAMILY, GIVEN, WORD, bucket, entry, hash};

static TABLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/names.bin"));

/// What is known of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Known(u32);

impl Known {
    /// Looks up a name, given in any case.
    pub(super) fn of(name: &str) -> Self {
        Self::hashed(match name.is_ascii() {
            true => hash(name.bytes().map(|byte| byte.to_ascii_lowercase())),
            false => hash(name.chars().flat_map(char::to_lowercase).flat_map(utf8)),
        })
    }

    /// The same for a name in small letters with this FNV-1a hash.
    pub(super) fn hashed(hash: u32) -> Self {
        let place = bucket(hash);
        let (begin, end) = (word(place), word(place + 1));
        let found = (begin..end)
            .map(|n| word(BUCKETS + 1 + n as usize))
            .find(|found| found >> 4 == entry(hash, 0) >> 4);
        Self(found.map_or(0, |found| found & 15))
    }

    pub(super) fn is_given(self) -> bool {
        self.0 & GIVEN != 0
    }

    pub(super) fn is_family(self) -> bool {
        self.0 & FAMILY != 0
    }

    pub(super) fn is_word(self) -> bool {
        self.0 & WORD != 0
    }

    pub(super) fn is_common(self) -> bool {
        self.0 & COMMON != 0
    }

    /// The same, known to be a word too.
    pub(super) fn as_word(self) -> Self {
        Self(self.0 | WORD)
    }

    /// What is known of a name of two parts.
    pub(super) fn joined(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The word of four bytes at an index of the table.
fn word(index: usize) -> u32 {
    let bytes = TABLE.get(index * 4..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn utf8(c: char) -> impl Iterator<Item = u8> {
    let mut bytes = [0; 4];
    let length = c.encode_utf8(&mut bytes).len();
    bytes.into_iter().take(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case() {
        for name in ["Katarzyna", "katarzyna", "KATARZYNA"] {
            assert!(Known::of(name).is_given() && !Known::of(name).is_word(), "{name}");
        }
        assert!(Known::of("Øyvind").is_given() && Known::of("Иванов").is_family());
        assert!(Known::of("Brown").is_family() && Known::of("Brown").is_word());
        assert_eq!(Known::of("Katarzynaq"), Known::default());
    }
}
