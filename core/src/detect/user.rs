//! Names of users in addresses and paths, behind the part that announces one: `/users/ada`, `?user=ada`.

use saphyr::Yaml;

use super::catalogue::strings;
use super::find::{Attempt, Hit};
use super::input::Input;

/// Settings of the data row.
#[derive(Debug, Clone)]
pub(super) struct User {
    /// What a name directly follows.
    pub announced: Vec<&'static str>,
    /// Words that stand there and name nobody.
    not: Vec<&'static str>,
}

impl User {
    /// Reads `announced` and `not`.
    pub(super) fn read(row: &'static Yaml<'static>) -> Option<Self> {
        Some(Self { announced: strings(row, "announced")?, not: strings(row, "not")? })
    }
}

/// Longer names are ids or tokens.
const LONGEST: usize = 32;

pub(super) fn attempt(input: &Input<'_>, anchor: usize, settings: &User) -> Attempt {
    Attempt { low: anchor, hit: read(input, anchor, settings) }
}

fn read(input: &Input<'_>, anchor: usize, settings: &User) -> Option<Hit> {
    let stands = |text: &&&str| {
        let fits =
            |(n, byte): (usize, u8)| input.at(anchor + n).is_some_and(|b| b.eq_ignore_ascii_case(&byte));
        text.bytes().enumerate().all(fits)
    };
    let start = anchor + settings.announced.iter().filter(stands).map(|text| text.len()).max()?;
    let run = input.run(start, LONGEST + 1, |b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if run - start > LONGEST {
        return None;
    }
    // A full stop ends the sentence, not the name.
    let end = run - input.slice(start, run).iter().rev().take_while(|&&b| b == b'.' || b == b'-').count();
    let name = input.slice(start, end);
    let letters = name.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let ends = match input.at(run) {
        Some(
            b'/' | b'?' | b'&' | b'#' | b' ' | b'"' | b'\'' | b'\n' | b'\r' | b'\\' | b'<' | b'>' | b')'
            | b',' | b';',
        ) => true,
        Some(_) => false,
        None => true,
    };
    // Mostly letters: the rest are numbers and ids.
    let fits = ends
        && name.len() >= 2
        && letters * 2 > name.len()
        && name.first().is_some_and(u8::is_ascii_alphabetic)
        && !settings.not.iter().any(|not| name.eq_ignore_ascii_case(not.as_bytes()));
    fits.then_some(Hit { start, end, score: 50, open: false })
}
