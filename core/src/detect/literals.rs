//! The anchors of several bytes, all found in one pass.
//!
//! Hundreds of prefixes are looked for in every text, and nearly every text holds none: what counts is what a byte of
//! such a text costs. Each anchor gives its rarest five bytes, which are twice four bytes, so that every second place of
//! a text has to be looked at. The four bytes there are hashed to one bit of a filter that lies in the first-level cache,
//! and nearly all are turned away; the rest meet a table of the exact four bytes, and then the anchor itself.

use super::bytes::Bytes;

/// How many bytes of a text are hashed together.
const GRAM: usize = 4;
/// How many bytes of a text are looked at together.
const STEP: usize = 16;
/// How many bytes of an anchor are looked at, at most. With what may stand before it, all lies within the reach of
/// [`super::scan`].
const LONGEST: usize = 28;
/// Words of the filter, 32 KiB: a power of two.
const WORDS: usize = 1 << WORD_BITS;
const WORD_BITS: u32 = 12;
/// More spellings than this make an anchor worthless.
const SPELLINGS: usize = 1 << 11;
/// How many places of a text one more spelling makes the filter pass.
const CROWDING: f32 = 2e-6;

/// What stands at an anchor, byte by byte, three bytes or more; and what may stand before it.
#[derive(Debug, Clone)]
pub(super) struct Lead(Vec<Bytes>, Bytes);

impl Lead {
    /// This text, in capital or small letters.
    pub(super) fn text(text: &str) -> Self {
        Self(text.bytes().take(LONGEST).map(Bytes::either_case).collect(), Bytes::ALL)
    }

    /// A byte of each of these sets in turn.
    pub(super) fn sets(sets: impl Iterator<Item = Bytes>) -> Self {
        Self(sets.take(LONGEST).collect(), Bytes::ALL)
    }

    /// The same where only these bytes stand before it.
    pub(super) fn behind(self, before: Bytes) -> Self {
        Self(self.0, before)
    }

    /// Whether it stands at the offset.
    fn fits(&self, text: &[u8], offset: usize) -> bool {
        let here = text.get(offset..).unwrap_or_default();
        // From its end: anchors such as addresses begin alike.
        let here = here.get(..self.0.len());
        here.is_some_and(|here| self.0.iter().zip(here).rev().all(|(set, &byte)| set.holds(byte)))
    }

    /// The place of the first of the two times four bytes by which it is found: the rarest. Place 0 is the byte before it,
    /// and one byte behind it counts too: an anchor of three bytes has two times four.
    fn rarest(&self) -> Option<usize> {
        let folded: Vec<Vec<u8>> = (0..self.0.len() + 2).map(|place| self.folded(place)).collect();
        let chance = |set: &Vec<u8>| set.iter().map(|byte| frequency(*byte)).sum::<f32>();
        let rated = folded.windows(GRAM).map(|window| {
            let spellings: usize = window.iter().map(Vec::len).product();
            let cost = CROWDING * spellings as f32;
            (spellings <= SPELLINGS).then(|| cost + window.iter().map(chance).product::<f32>())
        });
        let rated: Vec<Option<f32>> = rated.collect();
        let pairs = rated.windows(2).enumerate().filter_map(|(at, pair)| match pair {
            [Some(first), Some(second)] => Some((at, first + second)),
            _ => None,
        });
        pairs.reduce(|best, next| if next.1 < best.1 { next } else { best }).map(|(at, _)| at)
    }

    /// Whether it has few enough spellings to be looked for.
    pub(super) fn is_rare(&self) -> bool {
        self.rarest().is_some()
    }

    /// What may stand at a place, folded.
    fn folded(&self, place: usize) -> Vec<u8> {
        let set = place.checked_sub(1).map_or(self.1, |at| self.0.get(at).copied().unwrap_or(Bytes::ALL));
        let mut folded: Vec<u8> = set.iter().map(fold).collect();
        folded.sort_unstable();
        folded.dedup();
        folded
    }

    /// All four bytes, folded, that may stand from a place on.
    fn grams(&self, place: usize) -> Vec<u32> {
        let mut grams = vec![0u32];
        for n in 0..GRAM {
            let folded = self.folded(place + n);
            let longer = |gram: &u32| {
                let gram = *gram;
                folded.iter().map(move |byte| gram | u32::from(*byte) << (8 * n)).collect::<Vec<_>>()
            };
            grams = grams.iter().flat_map(longer).collect();
        }
        grams
    }
}

/// Roughly how often a byte, folded, stands in prose, logs and JSON; only the order of magnitude matters.
fn frequency(byte: u8) -> f32 {
    match byte {
        b' ' => 0.12,
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 0.05,
        b'l' | b'd' | b'c' | b'u' | b'm' | b'h' | b'p' => 0.025,
        b'a'..=b'z' => 0.01,
        // Vectors are made of them.
        b'0'..=b'9' => 0.08,
        b'.' | b',' | b'-' => 0.05,
        b'"' | b':' | b'/' | b'*' => 0.012,
        b'=' | b'_' | 0x7f => 0.003,
        _ => 0.000_5,
    }
}

/// Anchors, each waking one or more readers. An anchor is found wherever it stands, also inside another, so that what
/// is found at one place depends on that place alone.
#[derive(Debug)]
pub(super) struct Literals {
    /// A bit for the hash of four bytes that an anchor has.
    filter: Box<[u64; WORDS]>,
    /// Four bytes, folded, and where their anchors begin in `anchored`: open addressing, at most half full.
    table: Vec<Option<(u32, u32)>>,
    /// The anchors of the same four bytes follow each other; the last is marked.
    anchored: Vec<(Anchored, bool)>,
    leads: Vec<Lead>,
}

/// An anchor that four bytes belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Anchored {
    /// Index of the lead.
    lead: usize,
    /// Where the four bytes stand in it; its first byte is at place 1.
    place: usize,
    /// The reader it wakes.
    which: usize,
}

impl Literals {
    /// `wanted` yields the anchors of each reader in turn.
    pub(super) fn compile(wanted: impl Iterator<Item = Vec<Lead>>) -> Self {
        let mut grams = Vec::new();
        let mut all = Vec::new();
        for (which, leads) in wanted.enumerate() {
            for lead in leads {
                let rarest = lead.rarest();
                for place in rarest.into_iter().flat_map(|first| [first, first + 1]) {
                    let anchored = Anchored { lead: all.len(), place, which };
                    grams.extend(lead.grams(place).into_iter().map(|gram| (gram, anchored)));
                }
                all.push(lead);
            }
        }
        grams.sort_unstable_by_key(|(gram, anchored)| (*gram, anchored.lead, anchored.place));
        let slots = (grams.len() * 2).next_power_of_two();
        let (table, filter) = (vec![None; slots], Box::new([0; WORDS]));
        let mut literals = Self { filter, table, anchored: Vec::new(), leads: all };
        for anchors in grams.chunk_by(|a, b| a.0 == b.0) {
            let Some(&(gram, _)) = anchors.first() else { continue };
            let (word, bit) = place(gram);
            if let Some(word) = literals.filter.get_mut(word) {
                *word |= 1 << bit;
            }
            let begin = u32::try_from(literals.anchored.len()).unwrap_or(u32::MAX);
            let free =
                literals.slots(gram).find(|slot| literals.table.get(*slot).is_some_and(Option::is_none));
            if let Some(slot) = free.and_then(|slot| literals.table.get_mut(slot)) {
                *slot = Some((gram, begin));
            }
            let last = anchors.len() - 1;
            literals.anchored.extend(anchors.iter().enumerate().map(|(n, (_, anchor))| (*anchor, n == last)));
        }
        literals
    }

    /// The slots of the table where four bytes may lie, in order.
    fn slots(&self, gram: u32) -> impl Iterator<Item = usize> + use<> {
        let mask = self.table.len().wrapping_sub(1);
        let first = (u64::from(gram).wrapping_mul(SPREAD) >> 40) as usize;
        (0..=mask).map(move |step| first.wrapping_add(step) & mask)
    }

    /// Calls `wake` with the offset of each anchor and the reader it wakes.
    pub(super) fn each(&self, text: &[u8], mut wake: impl FnMut(usize, usize)) {
        if self.anchored.is_empty() {
            return;
        }
        let mut offset = 0;
        while let Some(block) = text.get(offset..).and_then(|rest| rest.first_chunk()) {
            self.look_at(text, offset, self.hits(block), &mut wake);
            offset += STEP;
        }
        // Zeros stand behind the end.
        while let Some(rest) = text.get(offset..).filter(|rest| !rest.is_empty()) {
            let mut block = [0; STEP + GRAM];
            block.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = *byte);
            let within = u32::MAX >> (u32::BITS as usize).saturating_sub(rest.len());
            self.look_at(text, offset, self.hits(&block) & within, &mut wake);
            offset += STEP;
        }
    }

    /// Which places of a block may begin four bytes of an anchor. Eight places, every second of sixteen, at a time: one
    /// branch for all of them.
    #[inline]
    fn hits(&self, block: &[u8; STEP + GRAM]) -> u32 {
        let mut hits = 0u32;
        for (n, bytes) in block.windows(8).step_by(4).enumerate() {
            let eight = u64::from_le_bytes(*bytes.first_chunk().unwrap_or(&[0; 8])) & ASCII | FOLD;
            hits |= u32::from(self.may_hold(eight as u32)) << (4 * n);
            hits |= u32::from(self.may_hold((eight >> 16) as u32)) << (4 * n + 2);
        }
        hits
    }

    /// Looks at each of these places behind an offset.
    #[inline]
    fn look_at(&self, text: &[u8], offset: usize, mut hits: u32, wake: &mut impl FnMut(usize, usize)) {
        while hits != 0 {
            self.look(text, offset + hits.trailing_zeros() as usize, wake);
            hits &= hits - 1;
        }
    }

    #[inline]
    fn may_hold(&self, gram: u32) -> bool {
        let (word, bit) = place(gram);
        self.filter.get(word).is_some_and(|word| word >> bit & 1 == 1)
    }

    /// What the four bytes at the offset are; beyond the end of the text stand zeros.
    #[inline(never)]
    fn look(&self, text: &[u8], offset: usize, wake: &mut impl FnMut(usize, usize)) {
        let rest = text.get(offset..).unwrap_or_default();
        let gram = rest.first_chunk().copied().unwrap_or_else(|| {
            let mut gram = [0; GRAM];
            gram.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = *byte);
            gram
        });
        let gram = u32::from_le_bytes(gram) & ASCII as u32 | FOLD as u32;
        let found = self.slots(gram).map_while(|slot| *self.table.get(slot)?).find(|(here, _)| *here == gram);
        let Some((_, begin)) = found else { return };
        for (anchored, last) in self.anchored.get(begin as usize..).unwrap_or_default() {
            if let Some(start) = (offset + 1).checked_sub(anchored.place)
                && self.leads.get(anchored.lead).is_some_and(|lead| lead.fits(text, start))
            {
                wake(start, anchored.which);
            }
            if *last {
                return;
            }
        }
    }
}

/// Sets the bit that tells small letters from capitals, and clears the one that tells bytes beyond ASCII from others.
const FOLD: u64 = 0x2020_2020_2020_2020;
const ASCII: u64 = 0x7f7f_7f7f_7f7f_7f7f;

/// A byte as it is hashed: one of 64.
fn fold(byte: u8) -> u8 {
    byte & 0x7f | 0x20
}

/// An odd number without a pattern in its bits: 2^64 by the golden ratio.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// The word of the filter for four bytes, and their bit in it.
#[inline]
fn place(gram: u32) -> (usize, u32) {
    let hash = u64::from(gram).wrapping_mul(SPREAD);
    ((hash >> (64 - WORD_BITS)) as usize, (hash >> (58 - WORD_BITS)) as u32 & 63)
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
