//! Which readers a word wakes: found by the word's length and its letters, so that most words wake none.

use super::shape::{Set, Shape};
use super::word::Word;

/// Longer words are no shaped value.
const LENGTHS: usize = 41;
/// Kinds of words: digits alone, then by how many letters stand before the first digit.
const KINDS: usize = 11;

/// The shapes of all entities, by the first word that they can have.
#[derive(Debug)]
pub(in crate::detect) struct Index {
    lists: Box<[Vec<Waking>]>,
}

/// A shape to be tried.
#[derive(Debug, Clone, Copy)]
pub(in crate::detect) struct Waking {
    /// Its entity among those compiled.
    pub which: usize,
    /// Its form and its place there.
    pub shape: (usize, usize),
    /// The word is the whole value, and counts only where another word tells what it is.
    pub told: bool,
    /// What must follow the word, where it is not the whole value.
    separators: Option<Set>,
}

impl Index {
    pub(in crate::detect) fn compile<'s>(
        shapes: impl Iterator<Item = (usize, (usize, usize), &'s Shape)>,
    ) -> Self {
        let mut lists = vec![Vec::new(); LENGTHS * KINDS].into_boxed_slice();
        for (which, place, shape) in shapes {
            let first = &shape.first;
            let told = shape.is_number && !shape.alone;
            let waking = Waking { which, shape: place, told, separators: first.separators };
            for length in first.shortest..=first.longest.min(LENGTHS - 1) {
                let mixed = (first.fewest_letters..=first.most_letters).map(|letters| letters + 1);
                let kinds = mixed.filter(|_| first.mixed).chain(first.number.then_some(0));
                for kind in kinds {
                    if let Some(list) = lists.get_mut(length * KINDS + kind.min(KINDS - 1)) {
                        list.push(waking);
                    }
                }
            }
        }
        Self { lists }
    }

    /// The shapes whose first word this can be.
    #[inline]
    pub(in crate::detect) fn woken(&self, word: &Word) -> impl Iterator<Item = Waking> {
        let kind = if word.is_number() { 0 } else { word.letters() + 1 };
        let slot = word.length().min(LENGTHS) * KINDS + kind.min(KINDS - 1);
        let next = word.next;
        let list = self.lists.get(slot).map_or(&[][..], Vec::as_slice);
        list.iter().copied().filter(move |waking| match waking.separators {
            None => true,
            Some(separators) => next.is_some_and(|byte| byte >= 0x80 || separators.holds(byte)),
        })
    }
}
