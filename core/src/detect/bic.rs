//! Business identifier codes, from the word that says so: most have no digit that could wake a reader.

use saphyr::Yaml;

use super::catalogue::strings;
use super::find::{Attempt, Hit};
use super::input::{Input, is_word};

/// Settings of the data row.
#[derive(Debug, Clone)]
pub(super) struct Bic {
    /// How words begin that announce a code, in lower case.
    pub labels: Vec<&'static str>,
    /// What may stand between them and the code.
    fillers: Vec<&'static str>,
    countries: Vec<&'static str>,
}

impl Bic {
    /// Reads `labels`, `fillers` and `countries`.
    pub(super) fn read(row: &'static Yaml<'static>) -> Option<Self> {
        let countries = strings(row, "countries")?;
        let fits = countries.iter().all(|code| code.len() == 2);
        fits.then_some(Self { labels: strings(row, "labels")?, fillers: strings(row, "fillers")?, countries })
    }

    /// ISO 9362:2022: party, country, suffix, and a branch of three or none.
    fn holds(&self, word: &[u8]) -> bool {
        let country = word.get(4..6).unwrap_or_default();
        matches!(word.len(), 8 | 11)
            && word.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
            && word.iter().take(6).all(u8::is_ascii_uppercase)
            && self.countries.iter().any(|code| code.as_bytes() == country)
    }
}

/// How many words may stand between, how many bytes between two of them, and how long one is.
const WORDS: usize = 4;
const GAP: usize = 5;
const LONGEST: usize = 12;

/// The anchor is the label, the finding the code.
pub(super) fn attempt(input: &Input<'_>, anchor: usize, settings: &Bic) -> Attempt {
    Attempt { low: anchor, hit: labelled(input, anchor, settings) }
}

fn labelled(input: &Input<'_>, anchor: usize, settings: &Bic) -> Option<Hit> {
    code(input, anchor + label(input, anchor, settings)?, settings)
}

/// The length of the label that stands here, no part of another word: `bic`, `swiftCode`, `bankBic`.
fn label(input: &Input<'_>, anchor: usize, settings: &Bic) -> Option<usize> {
    let stands = |label: &&&str| {
        let fits =
            |(n, byte): (usize, u8)| input.at(anchor + n).is_some_and(|b| b.eq_ignore_ascii_case(&byte));
        label.bytes().enumerate().all(fits)
    };
    let label = settings.labels.iter().filter(stands).max_by_key(|label| label.len())?;
    let free = !input.before(anchor).is_some_and(|b| b.is_ascii_alphabetic() || b >= 0x80)
        || input.slice(anchor, anchor + 1).iter().all(u8::is_ascii_uppercase)
            && input.before(anchor).is_some_and(|b| b.is_ascii_lowercase());
    free.then_some(label.len())
}

/// The code at the start of a text whose key announces it.
pub(super) fn attempt_key(input: &Input<'_>, key: &str, settings: &Bic) -> Attempt {
    let key = Input::new(key.as_bytes());
    let announces = |at: usize| {
        label(&key, at, settings).is_some_and(|length| {
            // `swiftness` does not.
            let rest = key.rest(at + length);
            let fills = |filler: &&str| rest.eq_ignore_ascii_case(filler.as_bytes());
            !rest.first().is_some_and(u8::is_ascii_lowercase) || settings.fillers.iter().any(fills)
        })
    };
    let announced = (0..key.len()).any(announces);
    Attempt { low: 0, hit: if announced { code(input, 0, settings) } else { None } }
}

/// The first word from an offset on that is a code, behind nothing but fillers.
fn code(input: &Input<'_>, from: usize, settings: &Bic) -> Option<Hit> {
    let mut at = from;
    for _ in 0..WORDS {
        let start = input.run(at, GAP, |b| b" :=\"'\\/(_-#.".contains(&b));
        let end = input.run(start, LONGEST, |b| b.is_ascii_alphanumeric());
        let word = input.slice(start, end);
        if settings.holds(word) && !input.at(end).is_some_and(is_word) && (start > from || from == 0) {
            return Some(Hit { start, end, score: 85, open: false });
        }
        settings.fillers.iter().find(|filler| word.eq_ignore_ascii_case(filler.as_bytes()))?;
        at = end;
    }
    None
}
