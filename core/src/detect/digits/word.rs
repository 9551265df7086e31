//! The word that a digit stands in: what every reader would ask first, asked once.

use std::cell::OnceCell;

use super::Run;
use crate::detect::input::Input;

/// A run of ASCII letters and digits, seen from its first digit.
#[derive(Debug, Clone, Copy)]
pub(in crate::detect) struct Word {
    pub start: usize,
    /// Its first digit.
    pub at: usize,
    pub end: usize,
    /// The end of the digits that begin at `at`.
    pub digits_end: usize,
    /// The byte after it.
    pub next: Option<u8>,
    /// It begins with a digit, and digits may go on behind what follows: a separator, and a digit or more separators.
    pub more: bool,
}

/// No value has so many letters before its first digit. Fewer than [`CONTEXT`](crate::detect::CONTEXT), so that a
/// stream sees as far back as a whole text does.
const LETTERS: usize = 60;

/// No value is a longer word.
const LONGEST: usize = 128;

/// A word with the run of digits that begins with it, read when the first reader asks.
pub(in crate::detect) struct Seen {
    pub word: Word,
    run: OnceCell<(Option<Run>, bool)>,
}

impl Seen {
    pub(in crate::detect) fn new(word: Word) -> Self {
        Self { word, run: OnceCell::new() }
    }

    /// The run from the word's start; none where a letter stands first, or where it is too long to be anything.
    pub(in crate::detect) fn run(&self, input: &Input<'_>) -> Option<&Run> {
        let read = || {
            let before = input.take_touched();
            let run = (self.word.letters() == 0).then(|| Run::read(input, self.word.at)).flatten();
            let touched = input.take_touched();
            if before {
                input.touch();
            }
            (run, touched)
        };
        let (run, touched) = self.run.get_or_init(read);
        if *touched {
            // Whoever reads it depends on the end, not only the first.
            input.touch();
        }
        run.as_ref()
    }
}

/// What stands at a digit.
pub(in crate::detect) enum Found {
    Word(Word),
    /// Nothing that any value begins with, up to this offset.
    Nothing(usize),
}

impl Word {
    pub(in crate::detect) fn at(input: &Input<'_>, at: usize) -> Found {
        let mut start = input.run_back(at, LETTERS, |b| b.is_ascii_alphanumeric());
        let mut is_cut = at - start == LETTERS;
        if input.before(start) == Some(b'\\') {
            match input.slice(start, start + 1) {
                // The letters of an escape such as `\n` and `\u00e9` belong to no word.
                b"n" | b"t" | b"r" => start += 1,
                b"u" if (1..5).all(|n| input.at(start + n).is_some_and(|b| b.is_ascii_hexdigit())) => {
                    if at < start + 5 {
                        return Found::Nothing(start + 5);
                    }
                    start += 5;
                    is_cut = false;
                }
                _ => {}
            }
        }
        let digits_end = input.run(at, LONGEST, |b| b.is_ascii_digit());
        let end = input.run(digits_end, LONGEST, |b| b.is_ascii_alphanumeric());
        let is_first = !input.slice(start, at).iter().any(u8::is_ascii_digit);
        // A fraction is no beginning: `0.4111…`, ` .4111…`; `tel.0171…` is one.
        let is_fraction = start == at
            && input.before(at) == Some(b'.')
            && input.before(at - 1).is_some_and(|b| b.is_ascii_digit());
        if is_cut || !is_first || is_fraction || end - at >= LONGEST {
            return Found::Nothing(end);
        }
        let next = input.at(end);
        let separates = |byte: Option<u8>| {
            byte.is_some_and(|b| matches!(b, b' ' | b'-' | b'.' | b'/' | b'(' | b')' | 0x80..))
        };
        let more = start == at && separates(next) && {
            let behind = input.at(end + 1);
            separates(behind) || behind.is_some_and(|b| b.is_ascii_digit())
        };
        Found::Word(Self { start, at, end, digits_end, next, more })
    }

    pub(in crate::detect) fn length(&self) -> usize {
        self.end - self.start
    }

    /// Letters before the first digit.
    pub(in crate::detect) fn letters(&self) -> usize {
        self.at - self.start
    }

    /// Whether it is made of digits alone.
    pub(in crate::detect) fn is_number(&self) -> bool {
        self.start == self.at && self.end == self.digits_end
    }
}
