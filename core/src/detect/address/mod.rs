//! Street addresses: a number and the name of a street in either order, a post box, and what follows them on the line or on
//! the next ones: flat, town, region, postcode, country.
//!
//! What makes words the name of a street is a word such as `Street` behind them, `rue` before them, or an end such as
//! `-straße`. Where none does, the number needs more: another one behind the words, and a flat or a word such as
//! `address` beside them.

mod follows;
mod words;

use saphyr::Yaml;

use self::words::Words;
use super::capital::Capital;
use super::catalogue::strings;
use super::digits::word::Word;
use super::find::{Attempt, Hit};
use super::input::{Input, is_word};
use super::small::Small;
use super::word_set::{Endings, Tails, WordSet};
use super::words::Sense;

/// Settings of the data row.
#[derive(Debug, Clone)]
pub(super) struct Address {
    types: WordSet,
    /// Words that are types of streets where more says so.
    weak_types: WordSet,
    /// The same in small letters, with a number behind.
    behind_types: WordSet,
    leading: WordSet,
    /// How words end that stand before names of streets, and how those begin that stand behind.
    lead_tails: Tails,
    type_heads: Tails,
    glued: Endings,
    units: WordSet,
    /// What may stand between the name of a street and the number of the house: `ул. Ленина, д. 5`.
    houses: WordSet,
    boxes: Vec<&'static str>,
    box_begins: WordSet,
    /// All words in small letters that an address may begin with.
    begins: WordSet,
    /// Words that a street may begin with in small letters, behind its number.
    small: WordSet,
    particles: WordSet,
    directions: WordSet,
    ships: WordSet,
    not: WordSet,
}

/// What may stand before the first of two streets.
const CORNER: &str = "the corner of ";
/// The longest text under a key that is an address as a whole.
const KEYED: usize = 120;
/// The longest number of a house, a postcode or a flat.
const DIGITS: usize = 6;

impl Address {
    /// Reads the lists of words that the row has.
    pub(super) fn read(row: &'static Yaml<'static>) -> Option<Self> {
        let set = |key| strings(row, key).map(WordSet::of);
        let boxes = strings(row, "boxes")?;
        let box_begins: Vec<_> = boxes.iter().filter_map(|text| text.split(' ').next()).collect();
        let lists = ["units", "leading", "ships"].into_iter().map(|key| strings(row, key));
        let begins = lists.collect::<Option<Vec<_>>>()?.concat();
        let small = ["particles", "leading", "types"].into_iter().map(|key| strings(row, key));
        let small = small.collect::<Option<Vec<_>>>()?.concat();
        Some(Self {
            types: set("types")?,
            weak_types: set("weak_types")?,
            behind_types: set("behind_types")?,
            leading: set("leading")?,
            lead_tails: Tails::of(strings(row, "leading")?.into_iter()),
            type_heads: Tails::of(strings(row, "behind_types")?.into_iter().filter_map(|word| word.get(..2))),
            glued: Endings::of(strings(row, "glued")?),
            units: set("units")?,
            houses: set("houses")?,
            begins: WordSet::of([begins, box_begins.clone()].concat()),
            small: WordSet::of([small, box_begins.clone()].concat()),
            box_begins: WordSet::of(box_begins),
            boxes,
            particles: set("particles")?,
            directions: set("directions")?,
            ships: set("ships")?,
            not: set("not")?,
        })
    }

    /// Whether a street or a post box may begin with the word at an offset, which begins with a small letter.
    fn wants_small(&self, input: &Input<'_>, at: usize) -> bool {
        let end = input.run(at, words::LONGEST, |b| b.is_ascii_lowercase());
        match input.at(end) {
            // `p.o. box`
            Some(b'.') if end == at + 1 => true,
            Some(b' ' | b'.') | None => self.small.contains(input.slice(at, end)),
            // `d'Example`
            Some(_) => true,
        }
    }

    /// Whether a word, in small letters, ends as names of streets do.
    fn is_glued(&self, word: &[u8]) -> bool {
        self.glued.fit(word, 3)
    }
}

/// Whether an address may begin with the word.
#[inline]
pub(super) fn wants_capital(input: &Input<'_>, word: &Capital<'_>, address: &Address) -> bool {
    let cornered = input.before(word.start) == Some(b' ') && input.before(word.start - 1) == Some(b'f');
    cornered
        || address.begins.holds(word.hash, word.small())
        || may_be_street(input, word, address)
        || led(input, word.start, address) < word.start
}

/// The start of a word in small letters before an offset behind which streets are named, as in `rue Example 5`; else the offset.
fn led(input: &Input<'_>, start: usize, address: &Address) -> usize {
    let Some(stop) = start.checked_sub(1).filter(|_| input.before(start) == Some(b' ')) else { return start };
    let stop = stop - usize::from(input.before(stop) == Some(b'.'));
    if !address.lead_tails.end(input.slice(stop.saturating_sub(2), stop)) {
        return start;
    }
    let first = input.run_back(stop, words::LONGEST, |b| b.is_ascii_lowercase() || b >= 0x80);
    let alone = first < stop && input.before(first).is_none_or(|b| !is_word(b) && b != b'-' && b != b'.');
    if alone && address.leading.contains(input.slice(first, stop)) { first } else { start }
}

/// Whether one of the words from there on ends as names of streets do, as far as they are capitalised.
fn may_be_street(input: &Input<'_>, word: &Capital<'_>, address: &Address) -> bool {
    if address.is_glued(word.small()) {
        return true;
    }
    let mut end = word.end;
    for _ in 1..words::MOST {
        let stop = end + usize::from(input.at(end) == Some(b'.'));
        match (input.at(stop), input.at(stop + 1)) {
            (Some(b' '), Some(b'A'..=b'Z' | 0x80..)) => {}
            // `Lipova 79`
            (Some(b' '), Some(b'0'..=b'9')) => return true,
            // `Polna ulica 79`
            (Some(b' '), Some(b'a'..=b'z')) => {
                if input.slice_to(stop + 1, 2).is_some_and(|head| !address.type_heads.end(head)) {
                    return false;
                }
                let last = input.run(stop + 1, words::LONGEST, is_word);
                return address.behind_types.contains(input.slice(stop + 1, last));
            }
            // `P.O.`
            (Some(byte), _) => return is_word(byte),
            (None, _) => return false,
        }
        let Some(next) = Capital::read(input, stop + 1) else { return true };
        if address.is_glued(next.small()) {
            return true;
        }
        end = next.end;
    }
    false
}

/// Whether an address can begin with the number.
#[inline]
pub(super) fn wants(input: &Input<'_>, word: &Word, address: &Address) -> bool {
    let suffixed = word.end - word.digits_end <= 1;
    if word.letters() > 0 || !suffixed || word.digits_end - word.at > DIGITS {
        return false;
    }
    // `17, rue de la Paix`
    let begin = match word.next {
        Some(b' ') => word.end + 1,
        Some(b',') if input.at(word.end + 1) == Some(b' ') => {
            return input.at(word.end + 2).is_some_and(|b| b.is_ascii_lowercase())
                && address.wants_small(input, word.end + 2);
        }
        _ => return false,
    };
    match input.at(begin) {
        // Most numbers end here.
        Some(b'a'..=b'z') => address.wants_small(input, begin),
        // A second number, and a word behind it.
        Some(b'0'..=b'9') => {
            let end = input.run(begin, DIGITS + 1, |b| b.is_ascii_alphanumeric());
            input.at(end).is_none_or(|b| b == b' ') && !input.at(end + 1).is_some_and(|b| b.is_ascii_digit())
        }
        byte => byte.is_some_and(is_word),
    }
}

/// The address that begins with a number.
pub(super) fn attempt_word(input: &Input<'_>, word: &Word, address: &Address, sense: &Sense<'_>) -> Attempt {
    let start = shared(input, word.start);
    let is_part = input.before(start).is_some_and(|b| is_word(b) || b"./-#$:,+'".contains(&b));
    let end = if is_part { None } else { numbered(input, start, word.end, address, sense) };
    found(input, start, end, 70, address)
}

/// The start of `304/169`, where the second number begins at an offset: the flat is written before the house.
fn shared(input: &Input<'_>, start: usize) -> usize {
    let Some(slash) = start.checked_sub(1).filter(|_| input.before(start) == Some(b'/')) else {
        return start;
    };
    let first = input.run_back(slash, DIGITS, |b| b.is_ascii_digit());
    if first < slash { first } else { start }
}

/// The address that begins with a word: `Hauptstraße 5`, `P.O. Box 12`, `Apt. 3`.
pub(super) fn attempt_capital(input: &Input<'_>, start: usize, address: &Address) -> Attempt {
    let is_part = input.before(start).is_some_and(|b| is_word(b) || b"./-@".contains(&b));
    let begin = led(input, start, address);
    let end = match is_part {
        true => None,
        false if begin < start => after_lead(input, begin, address).or_else(|| named(input, start, address)),
        false => named(input, start, address),
    };
    found(input, begin, end, 60, address)
}

/// The whole address, where its street ends.
fn found(input: &Input<'_>, start: usize, end: Option<usize>, score: u8, address: &Address) -> Attempt {
    let corner = start.checked_sub(CORNER.len());
    let corner = corner.filter(|&begin| input.slice(begin, start).eq_ignore_ascii_case(CORNER.as_bytes()));
    let end = match corner {
        Some(_) => end.and_then(|end| follows::crossing(input, end, address)).or_else(|| {
            // Named as one, they need no word that makes them streets.
            follows::corner(input, start, address).max(end)
        }),
        None => end,
    };
    let start = corner.unwrap_or(start);
    let hit = end.map(|end| {
        let flat = follows::unit_at(input, start, address) == Some(end);
        Hit { start, end: follows::end(input, end, flat, address), score, open: false }
    });
    Attempt { low: start, hit }
}

/// Where an address may have begun whose number or first capital has not come: at `the corner of ` or `rue ` at the end of
/// the text.
pub(super) fn tail(input: &Input<'_>, address: &Address) -> usize {
    let text = CORNER.as_bytes();
    let begun = (1..=text.len()).rev().find(|&length| {
        let start = input.len().checked_sub(length);
        start.is_some_and(|start| {
            text.get(..length).is_some_and(|begun| input.rest(start).eq_ignore_ascii_case(begun))
        })
    });
    (input.len() - begun.unwrap_or(0)).min(led(input, input.len(), address))
}

/// Under a key that says so, the whole text.
pub(super) fn attempt_key(input: &Input<'_>, sense: &Sense<'_>) -> Attempt {
    let fits = |b: u8| is_word(b) || b" ,.-'/#()\n\\".contains(&b);
    let end = if sense.keyed() { input.run(0, KEYED + 1, fits) } else { 0 };
    let whole = end > 1 && end <= KEYED && input.at(end).is_none();
    Attempt { low: 0, hit: whole.then_some(Hit { start: 0, end, score: 75, open: false }) }
}

/// The end of the street behind a number that ends at `end`.
fn numbered(
    input: &Input<'_>,
    start: usize,
    end: usize,
    address: &Address,
    sense: &Sense<'_>,
) -> Option<usize> {
    let comma = usize::from(input.at(end) == Some(b','));
    // `50066 62 Rue Gafsa`: a postcode or another number before the house's.
    let second = number(input, end + 1).filter(|_| comma == 0);
    let at = second.map_or(end + 1 + comma, |second| second + 1);
    if second.is_some_and(|second| input.at(second) != Some(b' ')) {
        return None;
    }
    let words = Words::read(input, at, address);
    let first = words.first()?;
    if address.not.contains(first.small.as_bytes())
        || comma > 0 && !address.leading.contains(first.small.as_bytes())
    {
        return None;
    }
    if let Some(end) = words.street(address) {
        return Some(house(input, end).unwrap_or(end));
    }
    if let Some(end) = box_end(input, at, address) {
        return Some(end);
    }
    // Words that are no street by themselves, but with a flat, a town and its postcode, or a word that says so.
    if let Some(end) = words.weak_street(address)
        && (follows::unit(input, end, address).is_some() || sense.holds(input, start))
    {
        return Some(end);
    }
    if let Some(end) = words.name_end().filter(|_| first.capital)
        && follows::is_posted(input, end, address)
    {
        return Some(end);
    }
    // Words alone: a number behind them too, and more.
    let (words_end, last) = words.before_number(input, address)?;
    let told = second.is_some()
        || follows::unit(input, last, address).is_some()
        || matches!(input.at(last), Some(b'\n' | b',')) && end - start >= 3
        || sense.holds(input, start);
    (told && first.capital && words_end > at).then_some(last)
}

/// The end of the street and its number behind a word in small letters that leads it.
fn after_lead(input: &Input<'_>, start: usize, address: &Address) -> Option<usize> {
    Words::read(input, start, address).before_number(input, address).map(|(_, last)| last)
}

/// The end of a street and its number that begin with a word.
fn named(input: &Input<'_>, start: usize, address: &Address) -> Option<usize> {
    // Most capitalised words end here.
    let last = input.run(start, words::LONGEST, |b| is_word(b) || matches!(b, b'.' | b'-'));
    let first = Small::of(std::str::from_utf8(input.slice(start, last)).unwrap_or_default());
    let small = first.as_str().trim_end_matches('.');
    let begins = |small: &str| {
        address.units.contains(small) || address.box_begins.contains(small) || address.leading.contains(small)
    };
    if address.ships.contains(small) {
        return follows::aboard(input, start, address);
    }
    if !begins(small) && !begins(first.as_str()) && !is_capital_or_glued(input, last, small, address) {
        return None;
    }
    if let Some(end) = follows::unit_at(input, start, address).or_else(|| box_end(input, start, address)) {
        return Some(end);
    }
    let words = Words::read(input, start, address);
    let first = words.first()?;
    let (_, last) = words.before_number(input, address).filter(|_| first.capital)?;
    let leads = address.leading.contains(small) || words.has_glued(address) || words.ends_as_type(address);
    // `Lipova 79, 173 19 Miletín`
    (leads || follows::is_posted(input, last, address)).then_some(last)
}

/// Whether a word is the name of a street by itself, or more words of it may follow.
fn is_capital_or_glued(input: &Input<'_>, end: usize, small: &str, address: &Address) -> bool {
    let follows = || {
        input.at(end) == Some(b' ')
            && input.at(end + 1).is_some_and(|b| b.is_ascii_alphanumeric() || b >= 0xC3)
    };
    address.is_glued(small.as_bytes()) || follows()
}

/// The end of `P.O. Box 12`, `PSC 3117, Box 0609`.
fn box_end(input: &Input<'_>, at: usize, address: &Address) -> Option<usize> {
    let spelled = |text: &&&str| {
        text.bytes()
            .enumerate()
            .all(|(n, byte)| input.at(at + n).is_some_and(|b| b.eq_ignore_ascii_case(&byte)))
    };
    let text = address.boxes.iter().filter(spelled).max_by_key(|text| text.len())?;
    // The `Box` of `P.O. Box` begins nothing.
    let longer = |whole: &&str| {
        let before = whole.strip_suffix(text).filter(|before| !before.is_empty());
        let start = before.and_then(|before| at.checked_sub(before.len()));
        start.is_some_and(|start| {
            input.slice(start, at).eq_ignore_ascii_case(before.unwrap_or_default().as_bytes())
        })
    };
    if address.boxes.iter().any(longer) {
        return None;
    }
    let after = at + text.len();
    let end = (input.at(after) == Some(b' ')).then(|| number(input, after + 1)).flatten()?;
    let more = input.starts(end, b", Box ").then(|| number(input, end + 6)).flatten();
    Some(more.unwrap_or(end))
}

/// The end of the number at an offset: up to six digits and a letter, alone; `57/38` with its flat.
fn number(input: &Input<'_>, at: usize) -> Option<usize> {
    let one = |at: usize| {
        let digits = input.run(at, DIGITS + 1, |b| b.is_ascii_digit());
        let end = input.run(digits, 1, |b| b.is_ascii_alphabetic());
        (digits > at && digits - at <= DIGITS).then_some(end)
    };
    let first = one(at)?;
    // A flat, or another house: `57/38`, `5-7`.
    let joined = match input.at(first) {
        Some(b'/') => one(first + 1),
        Some(b'-') if first - at <= 3 => one(first + 1).filter(|&end| end - first <= 4),
        _ => None,
    };
    let end = joined.unwrap_or(first);
    let longer =
        input.at(end).is_some_and(|b| is_word(b) || b == b':' || matches!(b, b'/' | b'-') && end > first);
    let fraction = input.at(end) == Some(b'.') && input.at(end + 1).is_some_and(|b| b.is_ascii_digit());
    (!longer && !fraction).then_some(end)
}

/// The end of the number of a house behind its street.
fn house(input: &Input<'_>, end: usize) -> Option<usize> {
    (input.at(end) == Some(b' ')).then(|| number(input, end + 1)).flatten()
}

/// The end of the number of a house behind the words of a street: behind a space, or a comma and a space or the end of a
/// line, where that is the custom: `Via Roma, 17`; a longer number there is a postcode.
fn behind_street(input: &Input<'_>, end: usize, address: &Address) -> Option<usize> {
    if input.at(end) == Some(b' ') {
        return number(input, housed(input, end + 1, address));
    }
    let line = input.run(end, 1, |b| b == b'\n');
    let comma = input.run(line, 1, |b| b == b',');
    let begin = (comma > line && input.at(comma) == Some(b' ')).then(|| housed(input, comma + 1, address))?;
    let end = number(input, begin)?;
    let digits = input.run(begin, DIGITS, |b| b.is_ascii_digit()) - begin;
    (digits <= 3 || digits == 4 && input.at(end) != Some(b' ')).then_some(end)
}

/// Where the number of a house begins at an offset or behind the word for it.
fn housed(input: &Input<'_>, at: usize, address: &Address) -> usize {
    let word = input.run(at, words::LONGEST, |b| b.is_ascii_alphabetic() || b >= 0x80);
    if !address.houses.contains(input.slice(at, word)) {
        return at;
    }
    let stop = input.run(word, 1, |b| b == b'.');
    input.run(stop, 1, |b| b == b' ')
}
