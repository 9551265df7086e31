//! The words near the reader's finger that may tell what a value is, each looked at once: values stand close together,
//! and their surroundings overlap.

use std::cell::Cell;

use super::CONTEXT;
use super::input::Input;
use super::lexicon::{Hint, Lexicon, Told};

/// How many words that may tell something are kept.
const KEPT: usize = 32;

/// What was found between two offsets of a text.
#[derive(Debug, Default)]
pub(super) struct Around {
    left: Cell<usize>,
    right: Cell<usize>,
    count: Cell<usize>,
    /// The words between them, as far as they may tell something; a ring, the newest at `count - 1`.
    words: [Cell<(u32, Hint)>; KEPT],
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
        let count = self.count.get();
        for place in (count.saturating_sub(KEPT)..count).rev() {
            let Some((at, hint)) = self.words.get(place % KEPT).map(Cell::get) else { break };
            if (at as usize) < from {
                break;
            }
            if (at as usize) < to {
                lexicon.join(&mut told, hint);
            }
        }
        let begin = self.right.get();
        // A word that goes on behind the last offset is another word there.
        let last = input.run_back(to, CONTEXT, |b| b.is_ascii_alphabetic());
        if begin < last {
            lexicon.hints(input.slice(begin, last), |at, hint| {
                lexicon.join(&mut told, hint);
                self.keep(begin + at, hint);
            });
            self.right.set(last);
        }
        lexicon.hints(input.slice(last.max(from), to), |_, hint| lexicon.join(&mut told, hint));
        told
    }

    fn keep(&self, at: usize, hint: Hint) {
        let count = self.count.get();
        if let Some(slot) = self.words.get(count % KEPT) {
            // The oldest makes room; what lies before it is not known any more.
            let (oldest, _) = slot.replace((at as u32, hint));
            if count >= KEPT {
                self.left.set(oldest as usize + 1);
            }
        }
        self.count.set(count + 1);
    }
}
