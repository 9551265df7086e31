//! How names are hashed and packed; the build shares this file.

/// It is given to children.
pub(super) const GIVEN: u32 = 1;
/// It is inherited.
pub(super) const FAMILY: u32 = 2;
/// It is an ordinary word too.
pub(super) const WORD: u32 = 4;
/// Many people have it.
pub(super) const COMMON: u32 = 8;

/// How many lists the table has: each is some three entries long.
pub(super) const BUCKETS: usize = 1 << 14;

/// FNV-1a over the bytes of the name in small letters.
pub(super) fn hash(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(0x811C_9DC5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// The list that a hash belongs to.
pub(super) fn bucket(hash: u32) -> usize {
    (hash >> 18) as usize
}

/// What the list tells nothing of, and the flags.
pub(super) fn entry(hash: u32, flags: u32) -> u32 {
    hash << 4 | flags
}
