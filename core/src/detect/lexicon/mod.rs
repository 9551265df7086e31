//! The context words of all entities in one table: a text's words are looked up once, and every reader asks a bit.
//!
//! Words and text are brought to the same plain form first: lower case, without accents, one space between words,
//! `customerSSN_no` as `customer ssn no`. Characters of scripts that put no space between words are words of their own.

mod plain;

use fearless_simd::Simd;

use crate::block::{self, Block, widest};

pub(super) use self::plain::{Plain, decoded, stands_alone};

/// Which entities a text tells of, by their place in the [`Lexicon`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told([u64; Told::SIZE]);

impl Told {
    const SIZE: usize = 4;
    /// How many entities with context words one scanner can have.
    const MOST: usize = Self::SIZE * 64;

    fn add(&mut self, place: usize) {
        if let Some(bits) = self.0.get_mut(place / 64) {
            *bits |= 1 << (place % 64);
        }
    }

    pub(super) fn join(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(bits, more)| *bits |= more);
    }

    /// The places of those entities.
    #[inline]
    pub(super) fn each(&self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(word, mut bits)| {
            std::iter::from_fn(move || {
                let bit = (bits != 0).then_some(bits.trailing_zeros() as usize)?;
                bits &= bits - 1;
                Some(word * 64 + bit)
            })
        })
    }

    #[inline]
    fn holds(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|bits| bits >> (place % 64) & 1 == 1)
    }
}

/// Phrases that a word may begin; all, where that cannot be told quickly.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hint(Option<u16>);

/// The table of words and phrases.
#[derive(Debug)]
pub(super) struct Lexicon {
    /// Open addressing: 0, or one more than the index of an entry.
    slots: Box<[u16]>,
    entries: Vec<Entry>,
    /// Per first byte of a word: the lengths that words of the table with it have, so that most are turned away here.
    lengths: Box<[u32; 256]>,
    /// A bit for the beginning of each first word.
    filter: Box<[u64; FILTER / 64]>,
    /// Per beginning of a first word, sorted: of whom the phrases tell that begin with such a word.
    begun: Vec<(u64, Told)>,
    /// Per entity its place in [`Told`]; only those with words have one.
    places: Vec<usize>,
}

/// A phrase, or the beginning of one.
#[derive(Debug)]
struct Entry {
    text: Box<[u8]>,
    told: Told,
    /// Longer phrases begin with it.
    longer: bool,
}

impl Lexicon {
    /// The table for these entities, each with its words.
    pub(super) fn compile<'w>(entities: impl Iterator<Item = (usize, &'w [&'w str])>) -> Self {
        let mut phrases: Vec<(Vec<u8>, usize)> = Vec::new();
        let (mut places, mut taken) = (Vec::new(), 0);
        for (which, words) in entities {
            places.resize(places.len().max(which + 1), Told::MOST);
            if let Some(place) = places.get_mut(which).filter(|_| !words.is_empty()) {
                *place = taken;
                taken += 1;
            }
            for word in words {
                let plain = Plain::of(word.as_bytes(), true);
                phrases.push((plain.words().to_vec(), taken - 1));
            }
        }
        let mut table = Self {
            slots: vec![0; (phrases.len() * 8).next_power_of_two().max(16)].into(),
            entries: Vec::new(),
            lengths: Box::new([0; 256]),
            filter: Box::new([0; FILTER / 64]),
            begun: Vec::new(),
            places,
        };
        let mut begun = Vec::new();
        for (phrase, place) in &phrases {
            let text = phrase.trim_ascii();
            let ends = (0..=text.len()).filter(|&end| end > 0 && text.get(end).is_none_or(|&b| b == b' '));
            for end in ends {
                let part = text.get(..end).unwrap_or_default();
                if let Some(entry) = table.entry(part) {
                    entry.longer |= end < text.len();
                    if end == text.len() {
                        entry.told.add(*place);
                    }
                }
            }
            let first = text.split(|&b| b == b' ').next().unwrap_or_default();
            let slot = first.first().and_then(|&byte| table.lengths.get_mut(usize::from(byte)));
            if let Some(lengths) = slot {
                *lengths |= 1 << first.len().min(31);
            }
            let beginning = beginning(first, first.len());
            let (slot, bit) = filtered(beginning);
            if let Some(bits) = table.filter.get_mut(slot) {
                *bits |= 1 << bit;
            }
            let mut told = Told::default();
            told.add(*place);
            begun.push((beginning, told));
        }
        begun.sort_unstable_by_key(|(beginning, _)| *beginning);
        begun.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1.join(&next.1);
            }
            same
        });
        table.begun = begun;
        table
    }

    /// The entry of a text, made where it is missing.
    fn entry(&mut self, text: &[u8]) -> Option<&mut Entry> {
        let mut at = text.iter().fold(FNV, |hash, &byte| mix(hash, byte)) as usize;
        loop {
            at &= self.slots.len() - 1;
            let slot = self.slots.get_mut(at)?;
            if *slot == 0 {
                self.entries.push(Entry { text: text.into(), told: Told::default(), longer: false });
                *slot = u16::try_from(self.entries.len()).ok()?;
                return self.entries.last_mut();
            }
            let index = usize::from(*slot) - 1;
            if self.entries.get(index).is_some_and(|entry| *entry.text == *text) {
                return self.entries.get_mut(index);
            }
            at += 1;
        }
    }

    #[inline]
    fn find(&self, hash: u32, text: &[u8]) -> Option<&Entry> {
        let mut at = hash as usize;
        loop {
            at &= self.slots.len() - 1;
            let index = usize::from(*self.slots.get(at)?).checked_sub(1)?;
            let entry = self.entries.get(index)?;
            if *entry.text == *text {
                return Some(entry);
            }
            at += 1;
        }
    }

    /// The place of an entity; only those with words have one.
    pub(super) fn place(&self, which: usize) -> Option<usize> {
        self.places.get(which).copied().filter(|&place| place < Told::MOST)
    }

    /// Whether that tells of this entity.
    #[inline]
    pub(super) fn tells(&self, told: &Told, which: usize) -> bool {
        self.places.get(which).is_some_and(|&place| told.holds(place))
    }

    /// Each word of a text, as it would be in plain form, that may begin a phrase of the table: its offset and of whom
    /// such phrases tell. Told quickly: most words begin none. What is beyond ASCII may be anything.
    pub(super) fn hints(&self, text: &[u8], mut each: impl FnMut(usize, Hint)) {
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let words = Words::of(rest);
            let mut starts = words.starts;
            let mut next = block::SIZE;
            while starts != 0 {
                let start = starts.trailing_zeros() as usize;
                starts &= starts - 1;
                let end = words.end(start);
                // A word that is cut off by the block is read with the next one, but for one that fills it.
                if end == block::SIZE && start > 0 && rest.len() > block::SIZE {
                    next = start;
                    break;
                }
                if words.beyond >> start & 1 == 1 {
                    each(at + start, Hint::default());
                    continue;
                }
                if let Some(hint) = self.begins(rest.get(start..).unwrap_or_default(), end - start) {
                    each(at + start, hint);
                }
            }
            at += next;
        }
    }

    /// The phrases whose first word has this beginning.
    fn begun(&self, beginning: u64) -> Option<Hint> {
        let (slot, bit) = filtered(beginning);
        if self.filter.get(slot).is_none_or(|bits| bits >> bit & 1 == 0) {
            return None;
        }
        let place = self.begun.binary_search_by_key(&beginning, |(begun, _)| *begun).ok()?;
        Some(Hint(u16::try_from(place).ok()))
    }

    /// Adds of whom a word may tell.
    pub(super) fn join(&self, told: &mut Told, hint: Hint) {
        match hint.0.and_then(|place| self.begun.get(usize::from(place))) {
            Some((_, begun)) => told.join(begun),
            None => *told = Told([u64::MAX; Told::SIZE]),
        }
    }

    /// Of whom the words of a text tell, its last [`Plain::MOST`] bytes. `starts`: its first byte is a word's first byte;
    /// otherwise a word cut off there does not count.
    pub(super) fn told(&self, text: &[u8], starts: bool) -> Told {
        let cut = text.len().saturating_sub(Plain::MOST);
        let (text, starts) = (text.get(cut..).unwrap_or_default(), starts && cut == 0);
        let words = Words::of(text);
        if words.beyond != 0 {
            return self.told_plain(&Plain::of(text, starts));
        }
        let mut told = Told::default();
        let cut_off = if starts { 0 } else { words.letters.trailing_ones() };
        let mut rest = words.starts & u64::MAX.checked_shl(cut_off).unwrap_or(0);
        while rest != 0 {
            let start = rest.trailing_zeros() as usize;
            if self.begins(text.get(start..).unwrap_or_default(), words.end(start) - start).is_some() {
                self.add_phrases(text, &words, rest, &mut told);
            }
            rest &= rest - 1;
        }
        told
    }

    /// Adds of whom the phrases tell that begin with the first of these words.
    fn add_phrases(&self, text: &[u8], words: &Words, starts: u64, told: &mut Told) {
        let (mut phrase, mut length, mut hash, mut rest) = ([0; 2 * Plain::MOST], 0, FNV, starts);
        while rest != 0 {
            let start = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let word = text.get(start..words.end(start)).unwrap_or_default();
            let space = if length > 0 { Some(b' ') } else { None };
            for byte in space.into_iter().chain(word.iter().map(u8::to_ascii_lowercase)) {
                hash = mix(hash, byte);
                phrase.get_mut(length).into_iter().for_each(|slot| *slot = byte);
                length += 1;
            }
            let Some(entry) = self.find(hash, phrase.get(..length).unwrap_or_default()) else { return };
            told.join(&entry.told);
            if !entry.longer {
                return;
            }
        }
    }

    /// The phrases that may begin with a word of that length, at the start of a text.
    #[inline]
    fn begins(&self, text: &[u8], length: usize) -> Option<Hint> {
        let first = text.first().map_or(0, |first| first | 0x20);
        let lengths = self.lengths.get(usize::from(first)).copied().unwrap_or(0);
        (lengths >> length.min(31) & 1 == 1).then(|| self.begun(beginning(text, length)))?
    }

    /// The same of a text in plain form.
    fn told_plain(&self, plain: &Plain) -> Told {
        let mut told = Told::default();
        let text = plain.words();
        let mut start = 1;
        while let Some(&first) = text.get(start) {
            let mut end = start;
            let mut hash = FNV;
            let mut is_first = true;
            let mut next = text.len();
            loop {
                while let Some(&byte) = text.get(end).filter(|byte| **byte != b' ') {
                    hash = mix(hash, byte);
                    end += 1;
                }
                if is_first {
                    next = end + 1;
                    let lengths = self.lengths.get(usize::from(first)).copied().unwrap_or(0);
                    if lengths >> (end - start).min(31) & 1 == 0 {
                        break;
                    }
                    is_first = false;
                }
                let Some(entry) = self.find(hash, text.get(start..end).unwrap_or_default()) else { break };
                told.join(&entry.told);
                if !entry.longer || end + 1 >= text.len() {
                    break;
                }
                hash = mix(hash, b' ');
                end += 1;
            }
            start = next;
        }
        told
    }
}

/// How many bits the filter has: 4 KiB.
const FILTER: usize = 1 << 15;

/// The first eight bytes of a word in small letters, those behind its end zero.
#[inline]
fn beginning(text: &[u8], length: usize) -> u64 {
    const SMALL: u64 = 0x2020_2020_2020_2020;
    let bytes = text.first_chunk().copied().unwrap_or_else(|| {
        let mut bytes = [0; 8];
        bytes.iter_mut().zip(text).for_each(|(slot, byte)| *slot = *byte);
        bytes
    });
    let kept = u64::MAX >> (64 - 8 * length.clamp(1, 8));
    (u64::from_le_bytes(bytes) | SMALL) & kept
}

/// The word of the filter and the bit there that a beginning has.
#[inline]
fn filtered(beginning: u64) -> (usize, u32) {
    let hash = beginning.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 49;
    ((hash >> 6) as usize % (FILTER / 64), (hash & 63) as u32)
}

/// FNV-1a of 32 bits.
pub(super) const FNV: u32 = 0x811C_9DC5;

/// A hash with one more byte.
#[inline]
pub(super) fn mix(hash: u32, byte: u8) -> u32 {
    (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
}

/// Where the words of a block begin and end.
struct Words {
    /// The first bytes of words, and of runs beyond ASCII.
    starts: u64,
    letters: u64,
    beyond: u64,
}

impl Words {
    #[inline]
    fn of(text: &[u8]) -> Self {
        widest!(simd => Self::of_block(Block::first(simd, text)))
    }

    #[inline(always)]
    fn of_block<S: Simd>(block: Block<S>) -> Self {
        let (upper, lower) = (block.within(b'A', b'Z').bits(), block.within(b'a', b'z').bits());
        let (letters, beyond) = (upper | lower, block.beyond().bits());
        // The last capital begins the word of the small letters: `customerSSNValue`.
        let humps = upper & (lower << 1) | upper & (upper << 1) & (lower >> 1);
        Self { starts: letters & (!(letters << 1) | humps) | beyond & !(beyond << 1), letters, beyond }
    }

    /// The end of the word that begins there.
    #[inline]
    fn end(&self, start: usize) -> usize {
        let of = if self.beyond >> start & 1 == 1 { self.beyond } else { self.letters };
        // Of the same kind, up to where another word begins.
        let others = self.starts & !(1 << start);
        let ends = (!of | others) & (u64::MAX << start);
        ends.trailing_zeros() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entity_with_words_has_a_place() {
        let telling = crate::detect::catalogue().iter().filter(|info| !info.words.is_empty());
        assert!(telling.count() <= Told::MOST);
    }

    #[test]
    fn phrases_are_found_whole() {
        let lists: [&[&'static str]; 3] = [&["ssn"], &["social security number", "social"], &["身份证"]];
        let lexicon = Lexicon::compile(lists.iter().copied().enumerate());
        let told = |text: &str| {
            let told = lexicon.told(text.as_bytes(), true);
            (0..3).filter(|&which| lexicon.tells(&told, which)).collect::<Vec<_>>()
        };
        assert_eq!(told("the SSN: and Social-Security Number"), [0, 1]);
        assert_eq!(told("social security"), [1]);
        assert_eq!(told("security number, assn, ssns"), [] as [usize; 0]);
        assert_eq!(told("我的身份证号"), [2]);
    }

    #[test]
    fn ascii_is_read_as_its_plain_form_is() {
        let lists: [&[&'static str]; 3] = [&["ssn", "tax"], &["social security number", "social"], &["no"]];
        let lexicon = Lexicon::compile(lists.iter().copied().enumerate());
        let pieces = [
            "ssn", "SSN", "Social", "security", "Number", "no", "tax", "x", " ", "_", "-", "1", "customer",
            "N",
        ];
        let mut random = 1_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            while !random.is_multiple_of(11) && text.len() < 90 {
                text.push_str(pieces[(random >> 33) as usize % pieces.len()]);
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            }
            random = random.wrapping_add(1);
            for starts in [true, false] {
                let plain = Plain::of(text.as_bytes(), starts);
                assert_eq!(
                    lexicon.told(text.as_bytes(), starts),
                    lexicon.told_plain(&plain),
                    "{text} {starts}"
                );
            }
        }
    }
}
