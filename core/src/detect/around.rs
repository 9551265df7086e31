//! The words near the reader's finger that may tell what a value is, each looked at once: values stand close together,
//! and their surroundings overlap.

use std::cell::Cell;

use super::CONTEXT;
use super::input::Input;
use super::lexicon::{Lexicon, Told};

/// How many words that may tell something are kept.
const KEPT: usize = 12;

/// What was found between two offsets of a text.
#[derive(Debug, Default)]
pub(super) struct Around {
    left: Cell<usize>,
    right: Cell<usize>,
    count: Cell<usize>,
    /// The offsets of words between them, and of whom they may tell.
    words: [Cell<(usize, Told)>; KEPT],
}

impl Around {
    /// Of whom words between the offsets may tell.
    pub(super) fn hints(&self, lexicon: &Lexicon, input: &Input<'_>, from: usize, to: usize) -> Told {
        if !(self.left.get()..=self.right.get()).contains(&from) {
            self.left.set(from);
            self.right.set(from);
            self.count.set(0);
        }
        let mut told = Told::default();
        let kept = self.words.iter().take(self.count.get()).map(Cell::get);
        kept.filter(|(at, _)| (from..to).contains(at)).for_each(|(_, word)| told.join(&word));
        let begin = self.right.get();
        // A word that goes on behind the last offset is another word there.
        let last = input.run_back(to, CONTEXT, |b| b.is_ascii_alphabetic());
        if begin < last {
            lexicon.hints(input.slice(begin, last), |at, word| {
                told.join(&word);
                self.keep(begin + at, word);
            });
            self.right.set(last);
        }
        lexicon.hints(input.slice(last.max(from), to), |_, word| told.join(&word));
        told
    }

    fn keep(&self, at: usize, word: Told) {
        let count = self.count.get();
        let Some(slot) = self.words.get(count) else {
            // The first makes room; what lies before the second is not known any more.
            let next = self.words.get(1).map_or(at, |second| second.get().0);
            self.left.set(next);
            self.words.windows(2).for_each(|pair| {
                if let [first, second] = pair {
                    first.set(second.get());
                }
            });
            self.words.iter().last().into_iter().for_each(|slot| slot.set((at, word)));
            return;
        };
        slot.set((at, word));
        self.count.set(count + 1);
    }
}
