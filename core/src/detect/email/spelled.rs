//! E-mail addresses that hide from collectors: `ada at example dot org`, `ada [at] example.org`, `ada@example (dot) org`.
//!
//! What stands between spaces is a separator only where what stands before speaks of mail; and words alone only where what
//! stands last is a common top level: `the page at example dot com` is a place.

use super::{Email, is_local, is_top_level, label_end};
use crate::detect::CONTEXT;
use crate::detect::find::{Attempt, Hit};
use crate::detect::input::{Input, is_word};

/// What wakes it; `dot` with its space, since the word alone is common in other words.
pub(super) const ANCHORS: [&str; 7] = ["(at)", "[at]", "{at}", "(dot)", "[dot]", "{dot}", "dot "];
/// The longest part between separators.
const PART: usize = 64;
/// How many parts a local part and a domain have, at most.
const PARTS: usize = 6;

/// A separator as it stands in the text, with the spaces beside it.
#[derive(Clone, Copy)]
struct Separator {
    start: usize,
    end: usize,
    /// ` at `, ` dot `: words alone.
    bare: bool,
}

pub(super) fn attempt(input: &Input<'_>, anchor: usize, settings: &Email) -> Attempt {
    let low = anchor.saturating_sub(1);
    let bracket = usize::from(input.at(anchor).is_some_and(|b| b"([{".contains(&b)));
    let at = if word(input, anchor + bracket, b"at") {
        ending(input, anchor + bracket + 2 + bracket, b"at")
    } else {
        before_dot(input, anchor + bracket)
    };
    let Some(at) = at else { return Attempt::none(low) };
    let Some(start) = local(input, at, settings) else { return Attempt::none(low) };
    let end = domain(input, at, settings)
        .filter(|&end| !input.slice(start, end).contains(&b' ') || is_told(input.context(start), settings));
    Attempt { low: start, hit: end.map(|end| Hit { start, end, score: 85, open: false }) }
}

/// Where an address may have begun whose separator has not come whole: the last word, and those that separators join to it.
pub(super) fn tail(input: &Input<'_>, settings: &Email) -> usize {
    // A word may be a part with a separator in brackets and another part.
    let word_start = |end: usize| input.run_back(end, 3 * PART, |b| !b.is_ascii_whitespace());
    let last = word_start(input.len());
    let (mut start, mut joins) = (last, begins(input.rest(last)));
    for _ in 0..4 * PARTS {
        if start == 0 || input.before(start) != Some(b' ') {
            break;
        }
        let before = word_start(start - 1);
        let separates = is_separator(input.slice(before, start - 1));
        if !joins && !separates {
            break;
        }
        (start, joins) = (before, separates);
    }
    // Over spaces nothing is joined where nothing speaks of mail: no word waits for the next one there.
    let told = || is_told(input.slice(start.saturating_sub(CONTEXT), input.len()), settings);
    if start < last && told() { start } else { last }
}

/// Whether a word, cut off, may become a separator or begins with one.
fn begins(word: &[u8]) -> bool {
    if !may_separate(word) {
        return false;
    }
    let cut = |separator: &str| {
        separator.as_bytes().get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    ["at", "dot"].iter().chain(&ANCHORS).any(|separator| cut(separator)) || is_separator(word)
}

/// Whether a separator may begin with the first byte, told quickly: hardly any word does.
#[inline]
fn may_separate(word: &[u8]) -> bool {
    word.first().is_none_or(|byte| matches!(byte, b'a' | b'A' | b'd' | b'D' | b'(' | b'[' | b'{'))
}

fn is_separator(word: &[u8]) -> bool {
    may_separate(word)
        && (word.eq_ignore_ascii_case(b"at")
            || word.eq_ignore_ascii_case(b"dot")
            || ANCHORS.iter().any(|separator| starts(word, separator)))
}

/// Whether a word begins with a separator in brackets.
fn starts(word: &[u8], separator: &str) -> bool {
    separator.len() > 3
        && word.get(..separator.len()).is_some_and(|head| head.eq_ignore_ascii_case(separator.as_bytes()))
}

/// The `@`, however it is written, of the address whose first spelled dot is the word at an offset.
fn before_dot(input: &Input<'_>, dot: usize) -> Option<Separator> {
    let bracket = usize::from(input.before(dot).is_some_and(|b| b"([{".contains(&b)));
    let free = bracket == 1 || input.before(dot) == Some(b' ');
    let mut end = input.run_back(dot - bracket, 1, |b| b == b' ');
    for _ in 0..PARTS {
        let label = input.run_back(end, PART, is_label);
        if label == end || !free {
            return None;
        }
        match input.before(label) {
            Some(b'.') => end = label - 1,
            Some(b'@') => return Some(Separator { start: label - 1, end: label, bare: false }),
            _ => return ending(input, label, b"at").filter(|at| at.end == label),
        }
    }
    None
}

/// The separator of that word which ends at an offset, or before the space there.
fn ending(input: &Input<'_>, at: usize, of: &[u8]) -> Option<Separator> {
    let close = input.run_back(at, 1, |b| b == b' ');
    let end = at + usize::from(close == at && input.at(at) == Some(b' '));
    let bracketed = input.before(close).is_some_and(|b| b")]}".contains(&b));
    let stop = close - usize::from(bracketed);
    let start = stop.checked_sub(of.len()).filter(|start| word(input, *start, of))?;
    if bracketed {
        let open = input.before(start).filter(|b| b"([{".contains(b))?;
        let start = start - 1;
        let fits = matches!(
            (open, input.before(close)),
            (b'(', Some(b')')) | (b'[', Some(b']')) | (b'{', Some(b'}'))
        );
        let spaced = input.run_back(start, 1, |b| b == b' ');
        return fits.then_some(Separator { start: spaced, end, bare: false });
    }
    let spaced = input.before(start) == Some(b' ') && end > stop;
    spaced.then(|| Separator { start: start - 1, end, bare: true })
}

/// The separator of that word which begins at an offset, or with the space there.
fn beginning(input: &Input<'_>, at: usize, of: &[u8]) -> Option<Separator> {
    let start = at + usize::from(input.at(at) == Some(b' '));
    let bracket = usize::from(input.at(start).is_some_and(|b| b"([{".contains(&b)));
    if bracket == 0 && start == at {
        return None;
    }
    word(input, start + bracket, of).then_some(())?;
    let separator = ending(input, start + bracket + of.len() + bracket, of)?;
    (separator.start == at).then_some(separator)
}

fn word(input: &Input<'_>, at: usize, of: &[u8]) -> bool {
    of.iter().enumerate().all(|(n, letter)| input.at(at + n).is_some_and(|b| b.eq_ignore_ascii_case(letter)))
}

/// The start of the local part before its separator.
fn local(input: &Input<'_>, at: Separator, settings: &Email) -> Option<usize> {
    let part = |end: usize| input.run_back(end, PART, |b| is_local(b) && !b"{}=?&/'*".contains(&b));
    let mut start = part(at.start);
    let first = input.slice(start, at.start);
    let is_other = settings.not_locals.iter().any(|not| first.eq_ignore_ascii_case(not.as_bytes()));
    if first.is_empty() || (at.bare && is_other) {
        return None;
    }
    for _ in 1..PARTS {
        let Some(dot) = ending(input, start, b"dot").filter(|dot| dot.end == start) else { break };
        let before = part(dot.start);
        if before == dot.start {
            break;
        }
        start = before;
    }
    let free = !input.before(start).is_some_and(is_word);
    free.then_some(start)
}

/// Whether what stands before speaks of mail.
fn is_told(before: &[u8], settings: &Email) -> bool {
    settings
        .spelled_near
        .iter()
        .any(|word| before.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes())))
}

/// The end of the domain behind its separator.
fn domain(input: &Input<'_>, at: Separator, settings: &Email) -> Option<usize> {
    let (mut from, mut best) = (at.end, None);
    for n in 0..PARTS {
        let end = label_end(input, from);
        let label = input.slice(from, end);
        if label.is_empty() || label.starts_with(b"-") || label.ends_with(b"-") {
            break;
        }
        let common = || settings.spelled_tlds.iter().any(|tld| label.eq_ignore_ascii_case(tld.as_bytes()));
        if n > 0 && is_top_level(label, settings) && (!at.bare || common()) {
            best = Some(end);
        }
        let dot = beginning(input, end, b"dot").map(|dot| dot.end);
        match dot.or_else(|| (input.at(end) == Some(b'.')).then_some(end + 1)) {
            Some(next) => from = next,
            None => break,
        }
    }
    best
}

fn is_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte >= 0x80
}
