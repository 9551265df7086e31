//! A list of words and texts of a policy, each found where it stands whole.

use aho_corasick::{AhoCorasick, MatchKind};

use super::{Next, Wrong};
use crate::detect::input::{Input, is_word};
use crate::detect::lexicon::{decoded, stands_alone};

/// The longest text of a list, in bytes.
const LONGEST: usize = 256;

/// The list, compiled.
#[derive(Debug)]
pub(crate) struct Words {
    finder: AhoCorasick,
    /// Sorted; in small ASCII letters where case is ignored.
    texts: Vec<Box<[u8]>>,
    /// The lengths there are, longest first.
    lengths: Vec<usize>,
    ignores_case: bool,
}

impl Words {
    pub(crate) fn new<'t>(texts: impl Iterator<Item = &'t str>, ignores_case: bool) -> Result<Self, Wrong> {
        let mut all: Vec<Box<[u8]>> = Vec::new();
        for text in texts {
            if text.is_empty() || text.len() > LONGEST {
                return Err(("bad_word", format!("a word or text has 1 to {LONGEST} bytes")));
            }
            let mut add = |text: &str| all.push(text.as_bytes().into());
            if ignores_case {
                // Letters beyond ASCII: as written, small, capital, and small with a capital in front.
                let small = text.to_lowercase();
                let mut rest = small.chars();
                let first: String = rest.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
                add(&text.to_ascii_lowercase());
                add(&text.to_uppercase().to_ascii_lowercase());
                add(&format!("{first}{}", rest.as_str()).to_ascii_lowercase());
                add(&small);
            } else {
                add(text);
            }
        }
        all.sort_unstable();
        all.dedup();
        let mut lengths: Vec<usize> = all.iter().map(|text| text.len()).collect();
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        lengths.dedup();
        let mut finder = AhoCorasick::builder();
        finder.match_kind(MatchKind::LeftmostLongest).ascii_case_insensitive(ignores_case);
        let finder = finder.build(&all).map_err(|_| ("bad_word", "the list is too long".to_owned()))?;
        Ok(Self { finder, texts: all, lengths, ignores_case })
    }

    /// The first that begins at `from` or later.
    pub(super) fn next(&self, input: &Input<'_>, mut from: usize, whole: bool) -> Next {
        let (text, end) = (input.rest(0), input.len());
        loop {
            let span = aho_corasick::Input::new(text).span(from.min(end)..end);
            let start = self.finder.find(span).map(|found| found.start());
            // What has only begun is not found.
            let begun =
                |start: &usize| !whole && is_free_before(input, *start) && self.begins(input.rest(*start));
            let tail = from.max(end.saturating_sub(self.lengths.first().copied().unwrap_or(0)));
            let begun = (tail..end).take_while(|at| start.is_none_or(|start| *at <= start)).find(begun);
            if let Some(start) = begun {
                return Next::Undecided(start);
            }
            let Some(start) = start else { return Next::None };
            let stop = self.lengths.iter().map(|length| start + length).find(|&stop| {
                stop <= end && self.holds(input.slice(start, stop)) && stands_whole(input, start, stop)
            });
            if input.take_touched() && !whole {
                return Next::Undecided(start);
            }
            if let Some(end) = stop {
                return Next::Value { start, end, goes_on: None };
            }
            from = start + 1;
        }
    }

    fn folded(&self, text: &[u8]) -> Vec<u8> {
        if self.ignores_case { text.to_ascii_lowercase() } else { text.to_vec() }
    }

    fn holds(&self, text: &[u8]) -> bool {
        let text = self.folded(text);
        self.texts.binary_search_by(|known| (**known).cmp(&text)).is_ok()
    }

    /// Whether some text of the list goes on where this ends.
    fn begins(&self, text: &[u8]) -> bool {
        let text = self.folded(text);
        let next = self.texts.partition_point(|known| **known <= *text);
        self.texts.get(next).is_some_and(|known| known.starts_with(&text))
    }
}

/// No letter or digit beside it belongs to the same word.
fn stands_whole(input: &Input<'_>, start: usize, end: usize) -> bool {
    is_free_before(input, start) && is_free_behind(input, start, end)
}

fn is_free_before(input: &Input<'_>, start: usize) -> bool {
    let free = |byte: Option<u8>| byte.is_none_or(|byte| !is_word(byte));
    let before = input.slice(start.saturating_sub(4), start);
    free(input.before(start))
        || free(input.peek(start))
        || is_alone(input.rest(start))
        || is_alone(last_character(before))
}

fn is_free_behind(input: &Input<'_>, start: usize, end: usize) -> bool {
    if input.before(end).is_none_or(|byte| !is_word(byte))
        || is_alone(last_character(input.slice(start, end)))
    {
        return true;
    }
    let Some(byte) = input.at(end).filter(|byte| is_word(*byte)) else { return true };
    let stop = input.run(end + 1, 3, |byte| byte & 0xc0 == 0x80);
    byte >= 0x80 && is_alone(input.slice(end, stop))
}

/// Whether the text begins with a character of a script that puts no space between words.
fn is_alone(text: &[u8]) -> bool {
    decoded(text).0.is_some_and(stands_alone)
}

fn last_character(text: &[u8]) -> &[u8] {
    let start = text.iter().rposition(|byte| byte & 0xc0 != 0x80).unwrap_or(0);
    text.get(start..).unwrap_or_default()
}
