//! Which shapes a word wakes: found by what the word looks like, by the byte behind it and by the groups that follow, so
//! that most words wake none.
//!
//! Shapes are numbered, and sets of them are bits: the set of those that can begin with such a word, and of those that fit
//! what stands around it, are joined in a few instructions however many shapes there are.

use std::collections::HashMap;

use super::layout::{Layout, Shapes, Table};
use super::shape::Shape;
use super::word::Word;
use crate::detect::input::Input;
use crate::detect::lexicon::{Lexicon, Told};

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
const FEW: u32 = 1;

/// The shapes of all entities, by the first word that they can have and what follows it.
#[derive(Debug)]
pub(in crate::detect) struct Index {
    /// For each look of a word the number of its set.
    looks: Box<[u16]>,
    sets: Vec<Shapes>,
    /// Those that count only where another word tells what they are.
    told: Shapes,
    /// By the place of an entity in the lexicon, its shapes.
    told_by: Vec<Shapes>,
    /// Ranks of entities with shapes, rising, and those of that rank and more.
    ranked: Vec<(u8, Shapes)>,
    /// Those that have groups beside the first word.
    grouped: Shapes,
    table: Table,
    /// By the numbers of shapes.
    wakings: Vec<Waking>,
}

/// A shape to be tried.
#[derive(Debug, Clone, Copy)]
pub(in crate::detect) struct Waking {
    /// Its entity among those compiled.
    pub which: usize,
    /// Its form and its place there.
    pub shape: (usize, usize),
}

/// The shapes that a word wakes.
pub(in crate::detect) struct Woken<'i> {
    index: &'i Index,
    shapes: Shapes,
}

impl Index {
    pub(in crate::detect) fn compile<'s>(
        shapes: impl Iterator<Item = (usize, (usize, usize), &'s Shape)>,
        lexicon: &Lexicon,
        rank: impl Fn(usize) -> u8,
    ) -> Self {
        let shapes: Vec<_> = shapes.collect();
        let (mut told, mut grouped) = (Shapes::default(), Shapes::default());
        let mut told_by = Vec::new();
        let mut looks = vec![Shapes::default(); LENGTHS * KINDS * CLASSES * BEHIND];
        for (n, (which, _, shape)) in shapes.iter().enumerate() {
            for look in looks_of(shape) {
                looks.get_mut(look).into_iter().for_each(|set| set.add(n));
            }
            if !shape.alone {
                told.add(n);
            }
            if let Some(place) = lexicon.place(*which) {
                told_by.resize(told_by.len().max(place + 1), Shapes::default());
                told_by.get_mut(place).into_iter().for_each(|shapes| shapes.add(n));
            }
            if !shape.wants.is_empty() {
                grouped.add(n);
            }
        }
        let ranks: Vec<u8> = shapes.iter().map(|(which, ..)| rank(*which)).collect();
        let above = |least: u8| {
            let numbered = ranks.iter().enumerate().filter(|(_, rank)| **rank >= least);
            numbered.fold(Shapes::default(), |mut set, (n, _)| {
                set.add(n);
                set
            })
        };
        let mut ranked: Vec<_> = ranks.iter().map(|&rank| (rank, above(rank))).collect();
        ranked.sort_unstable_by_key(|(rank, _)| *rank);
        ranked.dedup_by_key(|(rank, _)| *rank);
        // Most looks have one of a few hundred sets.
        let (mut sets, mut numbers) = (Vec::new(), HashMap::new());
        let number = |set| {
            *numbers.entry(set).or_insert_with(|| {
                sets.push(set);
                (sets.len() - 1) as u16
            })
        };
        let waking = |&(which, shape, _): &(_, _, _)| Waking { which, shape };
        Self {
            looks: looks.into_iter().map(number).collect(),
            sets,
            told,
            told_by,
            ranked,
            grouped,
            table: Table::compile(shapes.iter().map(|(.., shape)| &shape.wants)),
            wakings: shapes.iter().map(waking).collect(),
        }
    }

    /// The shapes of entities of this rank and more that the word can begin; none in most texts.
    #[inline]
    pub(in crate::detect) fn woken(&self, input: &Input<'_>, word: &Word, least: u8) -> Option<Woken<'_>> {
        if word.length() >= LENGTHS {
            return None;
        }
        let kind = if word.is_number() { 0 } else { word.letters() + 1 };
        let next = word.next.map_or(0, |byte| byte.min(0x80));
        let class = NEXT.iter().position(|&byte| byte == next).unwrap_or(NEXT.len());
        let behind = usize::from(input.peek(word.end + 1).is_some_and(|b| b.is_ascii_alphabetic()));
        let number = self.looks.get(look(word.length(), kind.min(KINDS - 1), class, behind))?;
        let mut shapes = *self.sets.get(usize::from(*number))?;
        if least > 0 {
            let ranked = self.ranked.iter().find(|(rank, _)| *rank >= least);
            shapes = ranked.map_or(Shapes::default(), |(_, ranked)| shapes.and(ranked));
        }
        if !shapes.and(&self.grouped).is_empty() {
            shapes = self.table.fitting(&shapes, &Layout::read(input, word));
        }
        (!shapes.is_empty()).then_some(Woken { index: self, shapes })
    }
}

impl<'i> Woken<'i> {
    /// Whether several of them count only where another word tells what they are.
    pub(in crate::detect) fn are_told(&self) -> bool {
        self.shapes.and(&self.index.told).count() > FEW
    }

    /// Leaves out those that count only where another word tells what they are, and where none of these does.
    pub(in crate::detect) fn keep_told(&mut self, hints: &Told) {
        let index = self.index;
        let told = hints.each().filter_map(|place| index.told_by.get(place));
        let told = told.fold(Shapes::default(), |told, shapes| told.or(shapes));
        self.shapes = self.shapes.and(&told.or(&index.told.not()));
    }

    pub(in crate::detect) fn each(&self) -> impl Iterator<Item = &'i Waking> {
        let wakings = &self.index.wakings;
        self.shapes.each().filter_map(|shape| wakings.get(shape))
    }
}

/// All looks of a word that this shape can begin with.
fn looks_of(shape: &Shape) -> impl Iterator<Item = usize> {
    let (first, wants) = (&shape.first, shape.wants);
    let mixed = (first.fewest_letters..=first.most_letters).map(|letters| letters + 1);
    let mut kinds: Vec<_> = mixed.filter(|_| first.mixed).map(|kind| kind.min(KINDS - 1)).collect();
    kinds.extend(first.number.then_some(0));
    let around = (0..CLASSES).flat_map(|class| (0..BEHIND).map(move |behind| (class, behind)));
    let around: Vec<_> = around
        .filter(|&(class, behind)| {
            let goes_on = behind == 0 || wants.go_on_with_letter();
            wants.ends() || NEXT.get(class).is_some_and(|&byte| wants.begin_with(byte) && goes_on)
        })
        .collect();
    (first.shortest..=first.longest.min(LENGTHS - 1)).flat_map(move |length| {
        let around = around.clone();
        kinds.clone().into_iter().flat_map(move |kind| {
            around.clone().into_iter().map(move |(class, behind)| look(length, kind, class, behind))
        })
    })
}

fn look(length: usize, kind: usize, class: usize, behind: usize) -> usize {
    ((length * KINDS + kind) * CLASSES + class) * BEHIND + behind
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::catalogue;
    use crate::detect::find::Find;

    #[test]
    fn every_shape_of_the_catalogue_has_a_place() {
        let shapes = catalogue().iter().filter_map(|info| match &info.find {
            Find::Shape(shaped) => Some(shaped.shapes().count()),
            _ => None,
        });
        assert!(shapes.sum::<usize>() <= Shapes::MOST);
    }
}
