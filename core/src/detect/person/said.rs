//! Names in small letters, as people write them in chats, behind words that announce one: `my name is maria garcia`.
//!
//! Nothing else tells them from words, so each of their words is in the lists of names, and one at least is no ordinary word too.

use super::gazetteer::Known;
use super::{Attempt, Hit, Input, PARTICLE, Person, Small};
use crate::detect::input::is_word;
use crate::detect::literals::Lead;

/// How many words a name has, at most.
const MOST: usize = 4;
/// The longest word.
const LONGEST: usize = 24;

impl Person {
    /// What announces names, up to its first space.
    pub(in crate::detect) fn leads(&self) -> Vec<Lead> {
        let mut firsts: Vec<&str> =
            self.said.iter().filter_map(|text| text.split_inclusive(' ').next()).collect();
        firsts.sort_unstable();
        firsts.dedup();
        firsts.into_iter().map(Lead::text).collect()
    }
}

/// The name in small letters behind what announces one at an anchor.
pub(in crate::detect) fn attempt(input: &Input<'_>, anchor: usize, person: &Person) -> Attempt {
    let hit = read(input, anchor, person).map(|(start, end)| Hit { start, end, score: 60, open: false });
    Attempt { low: anchor, hit }
}

fn read(input: &Input<'_>, anchor: usize, person: &Person) -> Option<(usize, usize)> {
    if input.before(anchor).is_some_and(|b| is_word(b) || matches!(b, b'.' | b'-' | b'_')) {
        return None;
    }
    let first = input.at(anchor)?.to_ascii_lowercase();
    let stands = |text: &&&str| {
        // Most differ in their first letter.
        text.as_bytes().first() == Some(&first)
            && text
                .bytes()
                .enumerate()
                .all(|(n, byte)| input.at(anchor + n).is_some_and(|b| b.eq_ignore_ascii_case(&byte)))
    };
    let said = person.said.iter().filter(stands).max_by_key(|text| text.len())?;
    // `host name is`: of something else.
    let stop = input.run_back(anchor, 1, |b| b == b' ');
    let first = input.run_back(stop, LONGEST, |b| b.is_ascii_alphanumeric());
    let before = std::str::from_utf8(input.slice(first, stop)).ok()?;
    if person.not_said.contains(Small::of(before).as_bytes()) {
        return None;
    }
    let start = anchor + said.len();
    let (mut at, mut end, mut given) = (start, None, false);
    for _ in 0..MOST {
        let last = input.run(at, LONGEST, |b| b.is_ascii_lowercase() || b >= 0x80 || b == b'-');
        let word = std::str::from_utf8(input.slice(at, last)).ok()?;
        if word.chars().next().is_none_or(|first| !first.is_lowercase())
            || input.at(last).is_some_and(is_word)
        {
            break;
        }
        let known = person.known(word);
        let ends = given && known == Known::default() && person.ends_as_family(word.as_bytes());
        let named = (known != Known::default() && !known.is_word() || ends) && !person.not.contains(word);
        // A letter, a small word or a name that is a word too, where the name goes on behind it.
        let is_small = word.len() == 1 || last - at <= PARTICLE && person.particles.contains(word);
        let between = if end.is_none() { at == start && known.is_given() } else { is_small };
        if named {
            end = Some(last);
            given |= known.is_given();
        } else if !between || person.not.contains(word) {
            break;
        }
        let dotted = last + usize::from(word.len() == 1 && input.at(last) == Some(b'.'));
        if input.at(dotted) != Some(b' ') {
            break;
        }
        at = dotted + 1;
    }
    // Part of an address of the web or of a file.
    let end = end.filter(|&end| !matches!(input.at(end), Some(b'@' | b'/' | b'\\' | b'_' | b'(' | b'=')))?;
    let dotted = input.at(end) == Some(b'.') && input.at(end + 1).is_some_and(|b| b.is_ascii_alphanumeric());
    (!dotted).then_some((start, end))
}
