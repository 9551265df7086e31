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
///
/// `flat`: it begins with one. Behind a flat, a town needs no comma, and its street may follow.
pub(super) fn end(input: &Input<'_>, mut end: usize, mut flat: bool, address: &Address) -> usize {
    if flat && let Some(street) = street(input, end, address) {
        end = street;
    }
    for _ in 0..PARTS {
        let unit = unit(input, end, address).or_else(|| building(input, end, address));
        let Some(next) = unit.or_else(|| town(input, end, flat, address)) else { break };
        (end, flat) = (next, unit.is_some());
    }
    end
}

/// The end of the street behind a flat: `, 172 High Street`.
fn street(input: &Input<'_>, end: usize, address: &Address) -> Option<usize> {
    let (at, _) = gap(input, end)?;
    let house = number(input, at).filter(|&house| input.at(house) == Some(b' '))?;
    Words::read(input, house + 1, address).street(address)
}

/// Whether a comma or the end of a line follows, and a town with its postcode: what stands before is a street then.
pub(super) fn is_posted(input: &Input<'_>, end: usize, address: &Address) -> bool {
    let Some((at, _)) = gap(input, end).filter(|_| matches!(input.at(end), Some(b',' | b'\n' | b'.'))) else {
        return false;
    };
    // `, 173 19 Miletín`
    if let Some(code) = postcode(input, at) {
        let town = Words::read(input, code + 1, address);
        return code - at > 4
            && input.at(code) == Some(b' ')
            && town.first().is_some_and(|word| word.capital && word.small.as_bytes().len() > 2);
    }
    // `, Springfield, IL 62704`
    let Some(town) = Words::read(input, at, address).last_capital() else { return false };
    input.starts(town, b", ") && regional(input, town + 2).is_some()
}

/// The end of a region in capitals and a postcode of five digits: `IL 62704`, `TX 78701-1234`.
fn regional(input: &Input<'_>, at: usize) -> Option<usize> {
    let region = input.run(at, 3, |b| b.is_ascii_uppercase());
    let code = (region == at + 2 && input.at(region) == Some(b' ')).then(|| postcode(input, region + 1))?;
    code.filter(|code| code - region > 5)
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
    if input.at(at) == Some(b'#') && at > 0 && input.before(at) == Some(b' ') {
        return number(input, at + 1);
    }
    let word = input.run(at, super::words::LONGEST, |b| b.is_ascii_alphabetic() || b >= 0x80);
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
    // `20065, Inzago`
    let name_at = code.map_or(at, |code| {
        let comma = usize::from(input.at(code) == Some(b',') && input.at(code + 1) == Some(b' '));
        code + comma + usize::from(input.at(code + comma) == Some(b' '))
    });
    let words = Words::read(input, name_at, address);
    let named = words.first().filter(|word| word.capital).and_then(|_| words.last_capital());
    let Some(named) = named.filter(|_| code.is_none_or(|code| name_at > code)) else {
        return code.filter(|_| comma || new_line || input.at(end) == Some(b' '));
    };
    // `London SW9 1AB`, `ON K1A 0B1`
    if let Some((_, last)) = words.before_code(|at| postcode(input, at)) {
        return Some(last);
    }
    // `Springfield, IL 62704`, `Berlin 10115`.
    let behind = [named + 1, named + 2].into_iter().find_map(|at| {
        let region = input.run(at, 3, |b| b.is_ascii_uppercase());
        let regional = region > at && input.at(region) == Some(b' ');
        let separated = input.slice(named, at).iter().all(|b| matches!(b, b' ' | b','));
        separated
            .then(|| postcode(input, at).or_else(|| postcode(input, region + 1).filter(|_| regional)))
            .flatten()
    });
    let last = province(input, behind.unwrap_or(named));
    let closes = matches!(
        input.at(last),
        Some(b'\n' | b'\r' | b',' | b'.' | b'"' | b'?' | b';' | b')' | b'<' | b'\\') | None
    );
    // On the same line words must be set apart, and end there or have a postcode.
    let told = code.is_some() || behind.is_some();
    (told || (closes && (new_line || flat || comma))).then_some(last)
}

/// Behind ` (MI)`, the province of a town.
fn province(input: &Input<'_>, end: usize) -> usize {
    if !input.starts(end, b" (") {
        return end;
    }
    let close = input.run(end + 2, 3, |b| b.is_ascii_uppercase());
    if close == end + 4 && input.at(close) == Some(b')') { close + 1 } else { end }
}

/// How postcodes are written that are no four to six digits: `d` is a digit, `A` a capital.
const CODES: [&[u8]; 10] = [
    b"ddddd-dddd",
    b"ddddd-ddd",
    b"dddd-ddd",
    b"ddd-dddd",
    b"dd-ddd",
    b"ddd dd",
    b"dddd AA",
    b"ddddAA",
    b"AdA dAd",
    b"Add AAdd",
];

/// The end of four to six digits, alone, of one of [`CODES`], or of `SW1A 1AA`.
fn postcode(input: &Input<'_>, at: usize) -> Option<usize> {
    // `H-3610`: with the sign of the country.
    let sign = input.run(at, 2, |b| b.is_ascii_uppercase());
    let at = if sign > at && input.at(sign) == Some(b'-') { sign + 1 } else { at };
    let written = |code: &&&[u8]| {
        code.iter().enumerate().all(|(n, &class)| {
            input.at(at + n).is_some_and(|b| match class {
                b'd' => b.is_ascii_digit(),
                b'A' => b.is_ascii_uppercase(),
                _ => b == class,
            })
        }) && !input.at(at + code.len()).is_some_and(|b| b.is_ascii_alphanumeric())
    };
    if let Some(code) = CODES.iter().find(written) {
        return Some(at + code.len());
    }
    let alone = |end: usize| {
        !input.at(end).is_some_and(|b| b.is_ascii_alphanumeric() || b == b':' || b == b'@' || b == b'/')
    };
    let digits = input.run(at, 7, |b| b.is_ascii_digit());
    if (4..=6).contains(&(digits - at)) {
        return alone(digits).then_some(digits);
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
    // `utca 161., H-3610`
    let ordinal = input.at(end) == Some(b'.')
        && input.before(end).is_some_and(|b| b.is_ascii_digit())
        && input.at(end + 1) == Some(b',');
    let end = end + usize::from(ordinal);
    let mut at = input.run(end, 2, |b| b == b',' || b == b' ');
    let line = at;
    at = input.run(at, 2, |b| b == b'\n' || b == b'\r');
    let new_line = at > line;
    if new_line {
        at = input.run(at, INDENT, |b| matches!(b, b' ' | b'\t' | b'>' | b'?' | b','));
    }
    (at > end).then_some((at, new_line))
}
