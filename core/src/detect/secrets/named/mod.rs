//! Secrets that only their name gives away: `api_key = …`, `"clientSecret": "…"`, `--token …`, `X-Api-Key: …`,
//! `<accessToken>…</accessToken>`, or the name of a service with a key behind it.
//!
//! The anchor is the word that says secret. To its right it must end the name, and a value must follow; only then the
//! name is looked at, to the left. The value must look like chance: see [`super::floor`].

mod name;
mod value;

use std::cmp::Reverse;

use saphyr::Yaml;

use super::floor::{Floor, is_random};
use crate::detect::bytes::Bytes;
use crate::detect::catalogue::strings;
use crate::detect::find::{Attempt, Hit};
use crate::detect::input::Input;
use crate::detect::literals::Lead;
use crate::detect::word_set::WordSet;
use name::Told;
use value::Glue;

/// Settings of the data row: words in small letters.
#[derive(Debug, Clone)]
pub(in crate::detect) struct Named {
    /// Words that say secret by themselves.
    strong: Vec<&'static str>,
    /// Words that do so behind one of `before` or the name of a service.
    weak: Vec<&'static str>,
    before: WordSet,
    /// Words before them that say that it is none.
    not_before: WordSet,
    /// Words that may follow them in a name.
    after: WordSet,
    /// Services whose keys have no mark of their own.
    services: WordSet,
    /// First letters of `strong` and `weak`.
    first: Bytes,
    /// Those that begin with each letter, the longest first.
    by_first: [Vec<&'static str>; 26],
}

impl Named {
    pub(in crate::detect) fn read(row: &'static Yaml<'static>) -> Option<Self> {
        let set = |key| strings(row, key).map(WordSet::of);
        let (strong, weak) = (strings(row, "strong")?, strings(row, "weak")?);
        let mut by_first = [const { Vec::new() }; 26];
        let mut first = Bytes::default();
        for word in strong.iter().chain(&weak) {
            let letter = word.bytes().next().filter(u8::is_ascii_lowercase)?;
            first = first.and(Bytes::either_case(letter));
            by_first.get_mut(usize::from(letter - b'a'))?.push(*word);
        }
        by_first.iter_mut().for_each(|words| words.sort_by_key(|word| Reverse(word.len())));
        Some(Self {
            first,
            by_first,
            strong,
            weak,
            before: set("before")?,
            not_before: set("not_before")?,
            after: set("after")?,
            services: set("services")?,
        })
    }

    /// A word of three letters is looked for with the end of the name behind it.
    pub(in crate::detect) fn leads(&self) -> Vec<Lead> {
        let ends = Bytes::ALL.iter().filter(|byte| !byte.is_ascii_alphabetic());
        let ends = ends.fold(Bytes::default(), Bytes::with);
        let lead = |word: &&str| match word.len() {
            3 => Lead::sets(word.bytes().map(Bytes::either_case).chain([ends])),
            _ => Lead::text(word),
        };
        self.words().map(lead).collect()
    }

    fn words(&self) -> impl Iterator<Item = &&'static str> {
        self.strong.iter().chain(&self.weak)
    }
}

pub(in crate::detect) fn attempt(input: &Input<'_>, anchor: usize, named: &Named) -> Attempt {
    Attempt { low: anchor, hit: read(input, anchor, named) }
}

/// The text stands under this key.
pub(in crate::detect) fn attempt_key(input: &Input<'_>, key: &str, named: &Named) -> Attempt {
    Attempt { low: 0, hit: keyed(input, key, named) }
}

fn read(input: &Input<'_>, anchor: usize, named: &Named) -> Option<Hit> {
    let stands = |word: &&&str| {
        let fits =
            |(n, letter): (usize, u8)| input.at(anchor + n).is_some_and(|b| b.eq_ignore_ascii_case(&letter));
        word.bytes().enumerate().all(fits)
    };
    let letter = input.at(anchor)?.to_ascii_lowercase();
    let words = letter.checked_sub(b'a').and_then(|place| named.by_first.get(usize::from(place)))?;
    let word = words.iter().find(stands)?;
    let end = name::end(input, anchor + word.len(), &named.after)?;
    let (start, glue) = value::start(input, end)?;
    let end = value::end(input, start, glue)?;
    let value = input.slice(start, end);
    // Cheap ones first: most words say nothing.
    if !is_random(value, Floor::Named) {
        return None;
    }
    let told = name::told(input, anchor, word, named);
    let floor = match (told, glue) {
        (Told::Plainly, Glue::Sign(_) | Glue::Tag) => Floor::Named,
        (Told::Plainly, Glue::Space) | (Told::ByService, _) => Floor::Near,
        (Told::Not, _) => return None,
    };
    (floor == Floor::Named || is_random(value, floor)).then_some(Hit {
        start,
        end,
        score: if floor == Floor::Named { 80 } else { 70 },
        open: false,
    })
}

/// The text is the value, and its key the name.
fn keyed(input: &Input<'_>, key: &str, named: &Named) -> Option<Hit> {
    let name = Input::new(key.as_bytes());
    let tells = |anchor: usize| {
        let ends = |word: &&&str| {
            let here = name.slice(anchor, anchor + word.len());
            here.eq_ignore_ascii_case(word.as_bytes())
                && name::end(&name, anchor + word.len(), &named.after) == Some(key.len())
        };
        named.words().filter(ends).any(|word| name::told(&name, anchor, word, named) == Told::Plainly)
    };
    let mut anchors = key.bytes().enumerate().filter(|(_, byte)| named.first.holds(*byte));
    if !anchors.any(|(anchor, _)| tells(anchor)) {
        return None;
    }
    let end = value::end(input, 0, Glue::Sign(None))?;
    let fits = input.at(end).is_none() && is_random(input.slice(0, end), Floor::Named);
    fits.then_some(Hit { start: 0, end, score: 80, open: false })
}
