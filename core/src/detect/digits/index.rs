//! Which shapes a word wakes: found by what the word looks like, by the byte behind it and by the groups that follow, so
//! that most words wake none.

use super::layout::{Layout, Wants};
use super::shape::Shape;
use super::word::Word;
use crate::detect::input::Input;

/// Longer words are no shaped value.
const LENGTHS: usize = 41;
/// Kinds of words: digits alone, then by how many letters stand before the first digit.
const KINDS: usize = 11;
/// What may follow a word: one of these bytes, one beyond ASCII, or anything else.
const NEXT: [u8; 7] = [b' ', b'-', b'.', b'/', b'(', b')', 0x80];
const CLASSES: usize = NEXT.len() + 1;
/// Behind that stands a letter, or anything else.
const BEHIND: usize = 2;
/// So many shapes are tried sooner than the words around are read.
const FEW: usize = 2;

/// The shapes of all entities, by the first word that they can have and what follows it.
#[derive(Debug)]
pub(in crate::detect) struct Index {
    lists: Box<[List]>,
}

#[derive(Debug, Clone, Default)]
struct List {
    wakings: Vec<Waking>,
    /// Some have groups beside the first word.
    grouped: bool,
    /// How many count only where another word tells what they are.
    told: usize,
}

/// A shape to be tried.
#[derive(Debug, Clone, Copy)]
pub(in crate::detect) struct Waking {
    /// Its entity among those compiled.
    pub which: usize,
    /// Its form and its place there.
    pub shape: (usize, usize),
    /// It counts only where another word tells what it is.
    pub told: bool,
    wants: Wants,
}

/// The shapes that a word wakes.
pub(in crate::detect) struct Woken<'i> {
    list: &'i List,
    layout: Layout,
}

impl Index {
    pub(in crate::detect) fn compile<'s>(
        shapes: impl Iterator<Item = (usize, (usize, usize), &'s Shape)>,
    ) -> Self {
        let mut lists = vec![List::default(); LENGTHS * KINDS * CLASSES * BEHIND].into_boxed_slice();
        for (which, place, shape) in shapes {
            let first = &shape.first;
            let told = !shape.alone;
            let waking = Waking { which, shape: place, told, wants: shape.wants };
            for length in first.shortest..=first.longest.min(LENGTHS - 1) {
                let mixed = (first.fewest_letters..=first.most_letters).map(|letters| letters + 1);
                let mut kinds: Vec<_> =
                    mixed.filter(|_| first.mixed).map(|kind| kind.min(KINDS - 1)).collect();
                kinds.extend(first.number.then_some(0));
                kinds.dedup();
                for kind in kinds {
                    for (class, behind) in
                        (0..CLASSES).flat_map(|class| (0..BEHIND).map(move |of| (class, of)))
                    {
                        let goes_on = behind == 0 || waking.wants.go_on_with_letter();
                        let follows =
                            NEXT.get(class).is_some_and(|&byte| waking.wants.begin_with(byte) && goes_on);
                        let Some(list) = lists.get_mut(slot(length, kind, class, behind)) else { continue };
                        if waking.wants.ends() || follows {
                            list.grouped |= !waking.wants.is_empty();
                            list.told += usize::from(told);
                            list.wakings.push(waking);
                        }
                    }
                }
            }
        }
        Self { lists }
    }

    /// The shapes that the word can begin; none in most texts.
    #[inline]
    pub(in crate::detect) fn woken(&self, input: &Input<'_>, word: &Word) -> Option<Woken<'_>> {
        let kind = if word.is_number() { 0 } else { word.letters() + 1 };
        let next = word.next.map_or(0, |byte| byte.min(0x80));
        let class = NEXT.iter().position(|&byte| byte == next).unwrap_or(NEXT.len());
        if word.length() >= LENGTHS {
            return None;
        }
        let behind = usize::from(input.peek(word.end + 1).is_some_and(|b| b.is_ascii_alphabetic()));
        let list = self.lists.get(slot(word.length(), kind.min(KINDS - 1), class, behind))?;
        if list.wakings.is_empty() {
            return None;
        }
        let layout = if list.grouped { Layout::read(input, word) } else { Layout::default() };
        Some(Woken { list, layout })
    }
}

impl Woken<'_> {
    /// Whether several of them count only where another word tells what they are.
    pub(in crate::detect) fn are_told(&self) -> bool {
        self.list.told > FEW && self.each().filter(|waking| waking.told).nth(FEW).is_some()
    }

    pub(in crate::detect) fn each(&self) -> impl Iterator<Item = &Waking> {
        self.list.wakings.iter().filter(|waking| self.layout.fits(&waking.wants))
    }
}

fn slot(length: usize, kind: usize, class: usize, behind: usize) -> usize {
    ((length * KINDS + kind) * CLASSES + class) * BEHIND + behind
}
