//! Secrets that only their name gives away: `password=…`, `"aws_secret_access_key": "…"`.

use saphyr::Yaml;

use super::floor::Tally;
use super::pattern::class;
use super::{is_url, paired};
use crate::detect::bytes::Bytes;
use crate::detect::catalogue::strings;
use crate::detect::find::{Attempt, Hit};
use crate::detect::input::Input;

/// Settings of the data row.
#[derive(Debug, Clone)]
pub(in crate::detect) struct Assigned {
    /// How keys end that hold such a value, in lower case.
    pub names: Vec<&'static str>,
    /// Values that stand for one.
    not: Vec<&'static str>,
    /// The alphabet of the value; without one it is a password, of anything.
    alphabet: Option<Bytes>,
    shortest: usize,
    longest: usize,
}

impl Assigned {
    /// Reads `names`, `not`, `alphabet` and `length`.
    pub(in crate::detect) fn read(row: &'static Yaml<'static>) -> Option<Self> {
        let (shortest, longest) = row.as_mapping_get("length")?.as_str()?.split_once('-')?;
        let alphabet = match row.as_mapping_get("alphabet") {
            Some(name) => Some(class(name.as_str()?)?),
            None => None,
        };
        Some(Self {
            names: strings(row, "names")?,
            not: strings(row, "not")?,
            alphabet,
            shortest: shortest.parse().ok()?,
            longest: longest.parse().ok()?,
        })
    }
}

/// The anchor is the name, the finding the value.
pub(in crate::detect) fn attempt(input: &Input<'_>, anchor: usize, assigned: &Assigned) -> Attempt {
    Attempt { low: anchor, hit: read(input, anchor, assigned) }
}

/// The text stands under this key.
pub(in crate::detect) fn attempt_key(input: &Input<'_>, key: &str, assigned: &Assigned) -> Attempt {
    Attempt { low: 0, hit: keyed(input, key, assigned) }
}

/// The text is the value, and its key ends with the name.
fn keyed(input: &Input<'_>, key: &str, assigned: &Assigned) -> Option<Hit> {
    let name = Input::new(key.as_bytes());
    let told = |given: &&str| key.len().checked_sub(given.len()).is_some_and(|at| names(&name, at, given));
    if !assigned.names.iter().any(told) {
        return None;
    }
    let end = match &assigned.alphabet {
        Some(alphabet) => input.run(0, assigned.longest + 1, |b| alphabet.holds(b)),
        None => input.run(0, assigned.longest + 1, |b| b >= b' '),
    };
    let value = input.slice(0, end);
    let fits = input.at(end).is_none()
        && (assigned.shortest..=assigned.longest).contains(&end)
        && !is_stand_in(value, &assigned.not)
        && match assigned.alphabet {
            Some(_) => Tally::of(value).variety() >= 8,
            None => is_password(value, true, Some(b'"')),
        };
    fits.then_some(Hit { start: 0, end, score: 80, open: false })
}

fn read(input: &Input<'_>, anchor: usize, assigned: &Assigned) -> Option<Hit> {
    let name =
        assigned.names.iter().filter(|name| names(input, anchor, name)).max_by_key(|name| name.len())?;
    let glue = glue(input, anchor, anchor + name.len())?;
    let (start, quote) = (glue.end, glue.quote);
    let end = match &assigned.alphabet {
        Some(alphabet) => input.run(start, assigned.longest + 1, |b| alphabet.holds(b)),
        None => password_end(input, start, quote, assigned.longest + 1),
    };
    let value = input.slice(start, end);
    if !(assigned.shortest..=assigned.longest).contains(&value.len()) || is_stand_in(value, &assigned.not) {
        return None;
    }
    let fits = match &assigned.alphabet {
        Some(alphabet) => {
            let next = input.at(end);
            Tally::of(value).variety() >= 8 && !next.is_some_and(|b| is_url(b) || alphabet.holds(b))
        }
        None => {
            let plain = glue.plain && value.iter().all(u8::is_ascii_alphanumeric);
            let next = input.at(end).or(plain.then_some(b' '));
            is_password(value, quote.is_some() || plain, next)
        }
    };
    let closed = !glue.tag || input.starts(end, b"</");
    (fits && closed).then_some(Hit { start, end, score: 80, open: false })
}

/// Whether the name stands here and no word runs into it: `db_pass`, `dbPass`, not `compass`.
fn names(input: &Input<'_>, anchor: usize, name: &str) -> bool {
    let fits =
        |(n, letter): (usize, u8)| input.at(anchor + n).is_some_and(|b| b.eq_ignore_ascii_case(&letter));
    if !name.bytes().enumerate().all(fits) {
        return false;
    }
    let humped = input.slice(anchor, anchor + 1).first().is_some_and(u8::is_ascii_uppercase)
        && input.before(anchor).is_some_and(|b| b.is_ascii_lowercase());
    humped || super::stands_free(input, anchor, b"")
}

/// What stands between a name and its value.
struct Glue {
    end: usize,
    quote: Option<u8>,
    /// `>`: the end of a tag.
    tag: bool,
    /// `DB_PASS=`, as in an environment: what follows is a value and no code, also without a quote.
    plain: bool,
}

/// `=`, `:`, `:=`, `=>`, ` is `, `>`, or a space behind `--password`; perhaps an opening quote.
fn glue(input: &Input<'_>, name: usize, end: usize) -> Option<Glue> {
    if let Some(at) = paired(input, end) {
        return Some(opened(input, input.run(at, 3, |b| b == b' '), false, false));
    }
    let mut at = input.run(end, 2, |b| matches!(b, b'"' | b'\'' | b'\\'));
    at = input.run(at, 16, |b| b == b' ');
    let sign = at;
    at = input.run(at, 2, |b| matches!(b, b'=' | b':' | b'>'));
    if at == sign {
        if sign == end {
            return None;
        }
        if input.starts(sign, b"is ") {
            return Some(Glue { end: sign + 3, quote: None, tag: false, plain: false });
        }
        if input.before(name) != Some(b'-') {
            return None;
        }
    }
    let tag = input.slice(sign, at) == b">";
    let before = input.slice(name.saturating_sub(1), end);
    let loud = before.first() == Some(&b'_') && !before.iter().any(u8::is_ascii_lowercase);
    let plain = loud && sign == end && input.slice(sign, at) == b"=";
    at = input.run(at, 3, |b| b == b' ');
    Some(opened(input, at, tag, plain))
}

/// Behind the opening quote, if one stands there.
fn opened(input: &Input<'_>, at: usize, tag: bool, plain: bool) -> Glue {
    let slash = input.run(at, 1, |b| b == b'\\');
    match input.at(slash) {
        Some(quote @ (b'"' | b'\'' | b'`')) => Glue { end: slash + 1, quote: Some(quote), tag, plain: false },
        _ => Glue { end: at, quote: None, tag, plain },
    }
}

fn password_end(input: &Input<'_>, start: usize, quote: Option<u8>, most: usize) -> usize {
    match quote {
        Some(quote) => input.run(start, most, |b| b != quote && b >= b' ' && b != b'\\'),
        None => input.run(start, most, |b| {
            b > b' ' && !matches!(b, b'"' | b'\'' | b'`' | b',' | b';' | b'&' | b'<' | b'>' | b'|' | b'\\')
        }),
    }
}

/// A password of a person or a machine, rather than code or prose.
fn is_password(value: &[u8], quoted: bool, next: Option<u8>) -> bool {
    if value.iter().any(|b| b"(){}[]<>".contains(b)) && !quoted {
        return false;
    }
    let has = |class: fn(&u8) -> bool| value.iter().any(class);
    let mixed = has(u8::is_ascii_digit)
        || (value.iter().any(|b| b"!#$%^&*+?~@".contains(b)) && Tally::of(value).variety() > 4);
    let named =
        value.contains(&b'.') && value.iter().all(|b| b.is_ascii_alphabetic() || *b == b'.' || *b == b'_');
    let version = value.iter().all(|b| b.is_ascii_digit() || b"^~.".contains(b)) && value.contains(&b'.');
    let closed = !quoted || next.is_some();
    closed
        && !named
        && !version
        && (mixed || (quoted && Tally::of(value).variety() >= 5 && !value.contains(&b' ')))
}

/// `${NAME}`, `<name>`, `****`, `{{ name }}`, `null`: what stands for a value.
fn is_stand_in(value: &[u8], not: &[&str]) -> bool {
    matches!(value.first(), Some(b'$' | b'<' | b'{' | b'%' | b'*' | b'['))
        || Tally::of(value).variety() < 3
        || not.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
        || [&b"password"[..], b"passwd"].iter().any(|name| {
            let end = value.len().checked_sub(name.len()).and_then(|at| value.get(at..));
            end.is_some_and(|end| end.eq_ignore_ascii_case(name))
        })
}
