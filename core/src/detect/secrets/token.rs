//! Tokens that tell by their prefix what they are.

use saphyr::Yaml;

use super::{Alphabet, stands_free, variety};
use crate::detect::catalogue::strings;
use crate::detect::find::{Attempt, Hit};
use crate::detect::input::Input;

/// A prefix, then a body of one alphabet.
#[derive(Debug, Clone)]
pub(in crate::detect) struct Token {
    pub prefix: &'static str,
    alphabet: Alphabet,
    /// Length of the body in bytes, at least and at most.
    shortest: usize,
    longest: usize,
}

/// Reads `tokens`: lines of prefix, alphabet and length, e.g. `ghp_ alnum 36-251`.
pub(in crate::detect) fn tokens(row: &'static Yaml<'static>) -> Option<Vec<Token>> {
    let one = |line: &'static str| {
        let mut words = line.split_whitespace();
        let (prefix, alphabet, length) = (words.next()?, words.next()?, words.next()?);
        let (shortest, longest) = length.split_once('-').unwrap_or((length, length));
        let alphabet = Alphabet::by_name(alphabet)?;
        Some(Token { prefix, alphabet, shortest: shortest.parse().ok()?, longest: longest.parse().ok()? })
    };
    strings(row, "tokens")?.into_iter().map(one).collect()
}

pub(in crate::detect) fn attempt(input: &Input<'_>, start: usize, tokens: &[Token]) -> Attempt {
    let hit = if stands_free(input, start, b"_") {
        tokens.iter().find_map(|token| read(input, start, token))
    } else {
        None
    };
    Attempt { low: start, hit }
}

fn read(input: &Input<'_>, start: usize, token: &Token) -> Option<Hit> {
    if !input.starts(start, token.prefix.as_bytes()) {
        return None;
    }
    let body = start + token.prefix.len();
    let end = input.run(body, token.longest + 1, |b| token.alphabet.holds(b));
    let glued = input.at(end).is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    let fits = (token.shortest..=token.longest).contains(&(end - body)) && !glued;
    (fits && variety(input.slice(body, end)) >= 6).then_some(Hit { start, end, score: 95, open: false })
}
