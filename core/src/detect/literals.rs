//! The anchors of several bytes, all found in one pass.
//!
//! Hundreds of prefixes are looked for in every text, and nearly every text holds none: what counts is what a byte of
//! such a text costs. Each anchor gives its rarest four bytes. Every four bytes of the text are hashed to one word of a
//! filter that lies in the first-level cache, and two bits of it turn nearly all away; the rest meet a table of the
//! exact four bytes, and then the anchor itself.

use std::collections::HashMap;

use super::bytes::Bytes;

/// How many bytes of a text are hashed together.
const GRAM: usize = 4;
/// How many bytes of an anchor are looked at, at most. With what may stand before it, all lies within the reach of
/// [`super::scan`].
const LONGEST: usize = 28;
/// Words of the filter, 16 KiB: a power of two.
const WORDS: usize = 1 << WORD_BITS;
const WORD_BITS: u32 = 11;
/// More spellings than this make an anchor worthless.
const SPELLINGS: usize = 1 << 11;

/// What stands at an anchor, byte by byte: three bytes or more.
#[derive(Debug, Clone)]
pub(super) struct Lead(Vec<Bytes>);

impl Lead {
    /// This text, in capital or small letters.
    pub(super) fn text(text: &str) -> Self {
        Self(text.bytes().take(LONGEST).map(Bytes::either_case).collect())
    }

    /// A byte of each of these sets in turn.
    pub(super) fn sets(sets: impl Iterator<Item = Bytes>) -> Self {
        Self(sets.take(LONGEST).collect())
    }

    /// Whether it has few enough spellings to be looked for.
    pub(super) fn is_rare(&self) -> bool {
        (0..=self.0.len().saturating_sub(GRAM)).any(|offset| self.spellings(offset) <= SPELLINGS)
    }

    /// How many spellings the four bytes at the offset have.
    fn spellings(&self, offset: usize) -> usize {
        (0..GRAM).map(|place| self.folded(offset + place).len()).product()
    }

    /// What may stand at a place, folded.
    fn folded(&self, place: usize) -> Vec<u8> {
        let set = self.0.get(place).copied().unwrap_or(Bytes::ALL);
        let mut folded: Vec<u8> = set.iter().map(|byte| byte | 0x20).collect();
        folded.sort_unstable();
        folded.dedup();
        folded
    }

    /// Whether it stands at the offset.
    fn fits(&self, text: &[u8], offset: usize) -> bool {
        let here = text.get(offset..).unwrap_or_default();
        here.len() >= self.0.len() && self.0.iter().zip(here).all(|(set, &byte)| set.holds(byte))
    }

    /// The offset of the four bytes by which it is found: the rarest, and of equally rare ones the first.
    fn rarest(&self) -> usize {
        let chance = |set: &Bytes| set.iter().map(frequency).sum::<f32>();
        let chances: Vec<f32> = self.0.iter().map(chance).collect();
        let spelled: Vec<usize> = (0..self.0.len()).map(|place| self.folded(place).len()).collect();
        let few = |at: usize| spelled.iter().skip(at).take(GRAM).product::<usize>() <= SPELLINGS;
        let rated = chances.windows(GRAM).enumerate().filter(|(at, _)| few(*at));
        let rated = rated.map(|(at, window)| (at, window.iter().product::<f32>()));
        rated.reduce(|best, next| if next.1 < best.1 { next } else { best }).map_or(0, |(at, _)| at)
    }

    /// All four bytes, folded, that may stand at the offset; none if there are too many.
    fn grams(&self, offset: usize) -> Vec<u32> {
        if self.spellings(offset) > SPELLINGS {
            return Vec::new();
        }
        let mut grams = vec![0u32];
        for place in 0..GRAM {
            let folded = self.folded(offset + place);
            let longer = |gram: &u32| {
                let gram = *gram;
                folded.iter().map(move |byte| gram | u32::from(*byte) << (8 * place)).collect::<Vec<_>>()
            };
            grams = grams.iter().flat_map(longer).collect();
        }
        grams
    }
}

/// Roughly how often a byte stands in prose, logs and JSON; only the order of magnitude matters.
fn frequency(byte: u8) -> f32 {
    match byte {
        b' ' => 0.12,
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 0.05,
        b'l' | b'd' | b'c' | b'u' | b'm' | b'h' | b'p' => 0.025,
        b'a'..=b'z' => 0.01,
        b'0'..=b'9' => 0.015,
        b'"' | b'.' | b',' | b':' | b'/' | b'\n' => 0.012,
        b'A'..=b'Z' | b'=' | b'-' | b'_' => 0.003,
        _ => 0.000_5,
    }
}

/// Anchors, each waking one or more readers. An anchor is found wherever it stands, also inside another, so that what
/// is found at one place depends on that place alone.
#[derive(Debug)]
pub(super) struct Literals {
    filter: Box<[u64; WORDS]>,
    /// Which anchors have these four bytes, folded.
    grams: HashMap<u32, Vec<Anchored>>,
    leads: Vec<Lead>,
}

/// An anchor that four bytes belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Anchored {
    /// Index of the lead.
    lead: usize,
    /// How far into the anchor the four bytes stand.
    shift: usize,
    /// The reader it wakes.
    which: usize,
}

impl Literals {
    /// `wanted` yields the anchors of each reader in turn.
    pub(super) fn compile(wanted: impl Iterator<Item = Vec<Lead>>) -> Self {
        let mut literals = Self { filter: Box::new([0; WORDS]), grams: HashMap::new(), leads: Vec::new() };
        for (which, leads) in wanted.enumerate() {
            for lead in leads {
                let shift = lead.rarest();
                let anchored = Anchored { lead: literals.leads.len(), shift, which };
                for gram in lead.grams(shift) {
                    let (word, bits) = place(gram);
                    if let Some(word) = literals.filter.get_mut(word) {
                        *word |= bits;
                    }
                    literals.grams.entry(gram).or_default().push(anchored);
                }
                literals.leads.push(lead);
            }
        }
        literals
    }

    /// Calls `wake` with the offset of each anchor and the reader it wakes.
    pub(super) fn each(&self, text: &[u8], mut wake: impl FnMut(usize, usize)) {
        if self.grams.is_empty() {
            return;
        }
        let mut offset = 0;
        // Eight places at a time: one branch for all of them.
        while let Some(block) = text.get(offset..).and_then(|rest| rest.first_chunk::<12>()) {
            let [a, b, c, d, e, f, g, h, i, j, k, l] = *block;
            let low = u64::from_le_bytes([a, b, c, d, e, f, g, h]) | FOLD;
            let high = u64::from_le_bytes([e, f, g, h, i, j, k, l]) | FOLD;
            let mut hits = 0u32;
            for place in 0..4 {
                hits |= u32::from(self.may_hold((low >> (8 * place)) as u32)) << place;
                hits |= u32::from(self.may_hold((high >> (8 * place)) as u32)) << (place + 4);
            }
            while hits != 0 {
                self.look(text, offset + hits.trailing_zeros() as usize, &mut wake);
                hits &= hits - 1;
            }
            offset += 8;
        }
        for offset in offset..text.len() {
            self.look(text, offset, &mut wake);
        }
    }

    #[inline]
    fn may_hold(&self, gram: u32) -> bool {
        let (word, bits) = place(gram);
        self.filter.get(word).is_some_and(|word| word & bits == bits)
    }

    /// What the four bytes at the offset are; beyond the end of the text stand zeros.
    #[inline(never)]
    fn look(&self, text: &[u8], offset: usize, wake: &mut impl FnMut(usize, usize)) {
        let mut gram = [0; GRAM];
        for (slot, byte) in gram.iter_mut().zip(text.get(offset..).unwrap_or_default()) {
            *slot = *byte;
        }
        let gram = u32::from_le_bytes(gram) | FOLD as u32;
        for anchored in self.grams.get(&gram).into_iter().flatten() {
            let Some(start) = offset.checked_sub(anchored.shift) else { continue };
            if self.leads.get(anchored.lead).is_some_and(|lead| lead.fits(text, start)) {
                wake(start, anchored.which);
            }
        }
    }
}

/// Sets the bit that tells small letters from capitals; other bytes fall together with some.
const FOLD: u64 = 0x2020_2020_2020_2020;

/// The word of the filter for four bytes, and their two bits in it.
#[inline]
fn place(gram: u32) -> (usize, u64) {
    let hash = u64::from(gram).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let word = (hash >> (64 - WORD_BITS)) as usize;
    (word, 1 << (hash >> 32 & 63) | 1 << (hash >> 40 & 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(anchors: &[&str], text: &str) -> Vec<(usize, usize)> {
        let literals = Literals::compile(anchors.iter().map(|text| vec![Lead::text(text)]));
        let mut found = Vec::new();
        literals.each(text.as_bytes(), |offset, which| found.push((offset, which)));
        found
    }

    #[test]
    fn anchors_are_found_everywhere_and_in_any_case() {
        assert_eq!(found(&["token"], "token, Token: xTOKEN"), [(0, 0), (7, 0), (15, 0)]);
        assert_eq!(found(&["eyJ", "://"], "a://eyJ"), [(1, 1), (4, 0)]);
        assert_eq!(found(&["secret", "cret"], "the secretary"), [(4, 0), (6, 1)]);
        assert_eq!(found(&["token"], "toke"), []);
    }

    #[test]
    fn an_anchor_is_found_at_every_offset_of_a_block() {
        for before in 0..40 {
            let text = format!("{}hooks.slack.com", " ".repeat(before));
            assert_eq!(found(&["hooks.slack.com/"], &format!("{text}/")), [(before, 0)]);
            assert_eq!(found(&["hooks.slack.com/"], &text), []);
        }
    }
}
