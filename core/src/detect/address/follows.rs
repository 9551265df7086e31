//! What follows a street: flat, town, region, postcode and country, on the line or on the next ones.

use super::words::Words;
use super::{Address, number};
use crate::detect::input::Input;
use crate::detect::small::Small;

/// How many parts follow, at most.
const PARTS: usize = 5;
/// The longest indentation of a line, with the marks of a quotation.
const INDENT: usize = 8;

/// The end of all parts that follow.
pub(super) fn end(input: &Input<'_>, mut end: usize, address: &Address) -> usize {
    // Behind a flat, a town needs no comma.
    let mut flat = false;
    for _ in 0..PARTS {
        let unit = unit(input, end, address).or_else(|| building(input, end, address));
        let Some(next) = unit.or_else(|| town(input, end, flat, address)) else { break };
        (end, flat) = (next, unit.is_some());
    }
    end
}

/// The end of ` and Mill Road` where two streets cross.
pub(super) fn crossing(input: &Input<'_>, end: usize, address: &Address) -> Option<usize> {
    let at = ["and ", "& ", "und ", "et ", "y ", "e "].into_iter().find_map(|word| {
        let at = end + 1 + word.len();
        (input.at(end) == Some(b' ') && input.starts(end + 1, word.as_bytes())).then_some(at)
    })?;
    Words::read(input, at, address).street(address)
}

/// The end of two streets of any names: `Mill and Harbour Road`, `Lindenhof 12 and Amsel 3`.
pub(super) fn corner(input: &Input<'_>, start: usize, address: &Address) -> Option<usize> {
    let side = |at: usize| {
        let at = number(input, at).map_or(at, |end| end + 1);
        let words = Words::read(input, at, address);
        words.first().filter(|first| first.capital)?;
        let end = words.last_capital()?;
        let behind = (input.at(end) == Some(b' ')).then(|| number(input, end + 1)).flatten();
        Some((behind.unwrap_or(end), words.joins()))
    };
    let (end, both) = side(start)?;
    if both {
        return Some(end);
    }
    let stop = end + usize::from(input.at(end) == Some(b'.'));
    input.starts(stop, b" and ").then(|| side(stop + 5)).flatten().map(|(end, _)| end)
}

/// The end of a ship's name and of the post office of its fleet: `USS Example, FPO AP 96601`.
pub(super) fn aboard(input: &Input<'_>, start: usize, address: &Address) -> Option<usize> {
    let end = Words::read(input, start, address).last_capital()?;
    let (office, _) = gap(input, end)?;
    let fits = [&b"FPO A"[..], b"APO A", b"DPO A"].iter().any(|begin| input.starts(office, begin));
    let code = office + b"FPO AP ".len();
    (fits && input.at(code - 1) == Some(b' ')).then(|| postcode(input, code)).flatten()
}

/// The end of a flat that follows: ` Apt. 4`, `, Suite 12`, on this line or the next.
pub(super) fn unit(input: &Input<'_>, end: usize, address: &Address) -> Option<usize> {
    // `utca 76. Apt. 4`: the number of the house is an ordinal.
    let numbered = input.before(end).is_some_and(|b| b.is_ascii_digit()) && input.starts(end, b". ");
    unit_at(input, gap(input, end + usize::from(numbered))?.0, address)
}

/// The end of a flat behind the name of its building: ` Fiction Heights, Suite 8`.
fn building(input: &Input<'_>, end: usize, address: &Address) -> Option<usize> {
    let (at, _) = gap(input, end)?;
    let words = Words::read(input, at, address);
    words.first().filter(|word| word.capital)?;
    unit(input, words.last_capital()?, address)
}

/// The end of the flat at an offset.
pub(super) fn unit_at(input: &Input<'_>, at: usize, address: &Address) -> Option<usize> {
    let word = input.run(at, 12, |b| b.is_ascii_alphabetic());
    let stop = word + usize::from(input.at(word) == Some(b'.'));
    let small = Small::of(std::str::from_utf8(input.slice(at, word)).ok()?);
    let known = address.units.contains(small.as_bytes()) && input.at(stop) == Some(b' ');
    let hash = usize::from(input.at(stop + 1) == Some(b'#'));
    known.then(|| number(input, stop + 1 + hash)).flatten()
}

/// The end of a town that follows, with a postcode before or behind it; or of a postcode alone.
fn town(input: &Input<'_>, end: usize, flat: bool, address: &Address) -> Option<usize> {
    let (at, new_line) = gap(input, end)?;
    let comma = input.slice(end, at).contains(&b',');
    let code = postcode(input, at);
    let name_at = code.map_or(at, |code| code + usize::from(input.at(code) == Some(b' ')));
    let words = Words::read(input, name_at, address);
    let named = words.first().filter(|word| word.capital).and_then(|_| words.last_capital());
    let Some(named) = named.filter(|_| code.is_none_or(|code| name_at > code)) else {
        return code.filter(|_| comma || new_line || input.at(end) == Some(b' '));
    };
    // `Springfield, IL 62704`, `Berlin 10115`.
    let behind = [named + 1, named + 2].into_iter().find_map(|at| {
        let region = input.run(at, 3, |b| b.is_ascii_uppercase());
        let regional = region > at && input.at(region) == Some(b' ');
        let separated = input.slice(named, at).iter().all(|b| matches!(b, b' ' | b','));
        separated
            .then(|| postcode(input, at).or_else(|| postcode(input, region + 1).filter(|_| regional)))
            .flatten()
    });
    let last = behind.unwrap_or(named);
    let closes = matches!(
        input.at(last),
        Some(b'\n' | b'\r' | b',' | b'.' | b'"' | b'?' | b';' | b')' | b'<' | b'\\') | None
    );
    // On the same line words must be set apart, and end there or have a postcode.
    let told = code.is_some() || behind.is_some();
    (told || (closes && (new_line || flat || comma))).then_some(last)
}

/// The end of four to six digits, alone, `62704-1234`, or `SW1A 1AA`.
fn postcode(input: &Input<'_>, at: usize) -> Option<usize> {
    let alone = |end: usize| {
        !input.at(end).is_some_and(|b| b.is_ascii_alphanumeric() || b == b':' || b == b'@' || b == b'/')
    };
    let digits = input.run(at, 7, |b| b.is_ascii_digit());
    if (4..=6).contains(&(digits - at)) {
        let long =
            input.at(digits) == Some(b'-') && input.run(digits + 1, 5, |b| b.is_ascii_digit()) == digits + 5;
        let end = if long { digits + 5 } else { digits };
        return alone(end).then_some(end);
    }
    let outward = input.run(at, 5, |b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let mixed = input.at(at).is_some_and(|b| b.is_ascii_uppercase())
        && (2..=4).contains(&(outward - at))
        && input.slice(at, outward).iter().any(u8::is_ascii_digit);
    let inward = input.slice_to(outward + 1, 3)?;
    let fits =
        matches!(inward, [a, b, c] if a.is_ascii_digit() && b.is_ascii_uppercase() && c.is_ascii_uppercase());
    (mixed && input.at(outward) == Some(b' ') && fits && alone(outward + 4)).then_some(outward + 4)
}

/// Where the next part begins, and whether on another line: behind a space, a comma, a line end with its indentation.
fn gap(input: &Input<'_>, end: usize) -> Option<(usize, bool)> {
    let mut at = input.run(end, 2, |b| b == b',' || b == b' ');
    let line = at;
    at = input.run(at, 2, |b| b == b'\n' || b == b'\r');
    let new_line = at > line;
    if new_line {
        at = input.run(at, INDENT, |b| matches!(b, b' ' | b'\t' | b'>' | b'?' | b','));
    }
    (at > end).then_some((at, new_line))
}
