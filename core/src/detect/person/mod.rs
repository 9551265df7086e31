//! Names of people: capitalised words that lists of names hold, judged by their parts and by what stands around them.
//!
//! No part is proof by itself: half of all words are somebody's name. Each observation adds or takes points, and the words
//! are a name from [`ENOUGH`] on. `Anna Lindqvist` has a given and a family name; `Pavlović` needs its `Mr.`; `Wilson
//! Street` is a place. Under a key such as `full_name` any words are a name.

mod gazetteer;
mod hash;
pub(super) mod said;
mod token;

use saphyr::Yaml;

use self::gazetteer::Known;
use self::token::{Kind, Token};
use super::capital::Capital;
use super::catalogue::strings;
use super::find::{Attempt, Hit};
use super::input::{Input, is_word};
use super::small::Small;
use super::word_set::{Endings, Tails, WordSet};
use super::words::Sense;

/// Settings of the data row.
#[derive(Debug, Clone)]
pub(super) struct Person {
    titles: WordSet,
    /// Words before a name, and their last words.
    cues: Vec<&'static str>,
    cue_ends: WordSet,
    /// What stands before a name in small letters, and words before that by which it is the name of something else.
    said: Vec<&'static str>,
    not_said: WordSet,
    weak_cues: WordSet,
    /// How family names end.
    endings: Endings,
    /// The last two bytes of titles and cues, and with them of all words that say something before a name.
    announcing: Tails,
    tails: Tails,
    before: WordSet,
    verbs: WordSet,
    particles: WordSet,
    suffixes: WordSet,
    organisations: WordSet,
    not: WordSet,
    also_words: WordSet,
    weak_keys: WordSet,
}

/// So many points make a name.
const ENOUGH: i32 = 45;
/// What a verb behind a name adds, and a place inside a sentence: no more stands around a word that is alone, unless
/// something announces it.
const VERB: i32 = 12;
const INSIDE: i32 = 11;
const AROUND: i32 = VERB + INSIDE;
/// What a name beside it in a row adds.
const IN_ROW: i32 = 25;
/// What a given name behind a family name and a comma adds, and a family name that stood behind a given one before.
const TURNED: i32 = 34;
const AGAIN: i32 = 36;
/// How far back that is looked for, in bytes (less than a stream shows), and how often.
const EARLIER: usize = 512;
const EARLIER_MOST: usize = 4;
/// What may stand between two names of a row.
const BETWEEN: [&[u8]; 3] = [b", and ", b" and ", b", "];
/// The longest particle.
const PARTICLE: usize = 6;
/// How many bytes before a name are read for a title or a cue.
const BEHIND: usize = 28;
/// How many words a name has, at most.
const MOST: usize = 5;
/// Longer texts under a key are no name alone.
const KEYED: usize = 60;

/// What the words before a name say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cue {
    Title,
    Announced,
    Weak,
    Against,
    Nothing,
}

impl Person {
    /// Reads the lists of words that the row has.
    pub(super) fn read(row: &'static Yaml<'static>) -> Option<Self> {
        let set = |key| strings(row, key).map(WordSet::of);
        let cues = strings(row, "cues")?;
        let said = ["titles", "weak_cues", "before"].into_iter().map(|key| strings(row, key));
        let said = said.collect::<Option<Vec<_>>>()?.concat();
        let ends = cues.iter().filter_map(|cue| cue.rsplit(' ').next()).collect();
        Some(Self {
            announcing: Tails::of(strings(row, "titles")?.iter().chain(&cues).copied()),
            tails: Tails::of(said.iter().chain(&cues).copied()),
            titles: set("titles")?,
            said: strings(row, "said")?,
            not_said: set("not_said")?,
            cue_ends: WordSet::of(ends),
            cues,
            weak_cues: set("weak_cues")?,
            endings: Endings::of(strings(row, "endings")?),
            before: set("before")?,
            verbs: set("verbs")?,
            particles: set("particles")?,
            suffixes: set("suffixes")?,
            organisations: set("organisations")?,
            not: set("not")?,
            also_words: set("also_words")?,
            weak_keys: set("weak_keys")?,
        })
    }

    /// What is known of a word; a hyphen joins two names.
    fn known(&self, word: &str) -> Known {
        let mut known = Known::of(word);
        if word.bytes().any(|b| matches!(b, b'-' | b'\'' | 0x80..)) {
            known = word.split(['-', '\'', '’']).map(Known::of).fold(known, Known::joined);
        }
        let is_word = known != Known::default() && self.also_words.contains(Small::of(word).as_bytes());
        if is_word { known.as_word() } else { known }
    }

    /// Whether what stands before an offset may end with a word of those with these tails.
    fn may_be_cued(&self, input: &Input<'_>, start: usize, tails: &Tails) -> bool {
        let skipped =
            |b: u8| matches!(b, b' ' | b'\t' | b'"' | b'\'' | b'(' | b'*' | b'>' | b',' | b':' | 0x80..);
        let end = input.run_back(start, BEHIND, skipped);
        // No such word has a digit, but times have: `09:12:33Z INFO`.
        if end.checked_sub(1).and_then(|last| input.before(last)).is_some_and(|b| b.is_ascii_digit()) {
            return false;
        }
        let ends = |end: usize| tails.end(input.slice(end.saturating_sub(2), end));
        // `name:` is a cue with its colon, `hi,` one without its comma.
        end < start && (ends(end) || (input.at(end) == Some(b':') && ends(end + 1)))
    }

    /// What stands on the line before an offset.
    fn cue(&self, input: &Input<'_>, start: usize) -> Cue {
        if !self.may_be_cued(input, start, &self.tails) {
            return Cue::Nothing;
        }
        let window = input.slice(start.saturating_sub(BEHIND), start);
        let line = window.rsplit(|b| *b == b'\n').next().unwrap_or_default();
        // The window may begin inside a character.
        let whole =
            line.iter().position(|b| *b & 0xC0 != 0x80).and_then(|at| line.get(at..)).unwrap_or_default();
        let text = Small::of(std::str::from_utf8(whole).unwrap_or_default());
        let text = text.as_str().trim_end_matches([' ', '\t', '"', '\'', '(', '*', '>', '“']);
        let Some(last) = text.rsplit([' ', '\t', '(', '"', '>']).next().filter(|last| !last.is_empty())
        else {
            return Cue::Nothing;
        };
        let word = last.trim_end_matches([',', ':']);
        if self.titles.contains(last) {
            return Cue::Title;
        }
        let announces = |cue: &&str| {
            let before =
                text.strip_suffix(*cue).or_else(|| text.strip_suffix([',', ':'])?.strip_suffix(*cue));
            before.is_some_and(|before| !before.ends_with(char::is_alphanumeric))
        };
        if (self.cue_ends.contains(last) || self.cue_ends.contains(word)) && self.cues.iter().any(announces) {
            return Cue::Announced;
        }
        match (self.weak_cues.contains(last), self.before.contains(last)) {
            (true, _) => Cue::Weak,
            (_, true) => Cue::Against,
            _ => Cue::Nothing,
        }
    }

    /// Whether a word that no list holds ends as family names do.
    fn ends_as_family(&self, word: &[u8]) -> bool {
        word.len() > 5 && self.endings.fit(word, 2)
    }

    /// Whether a name may begin with the word; `keyed`: the text stands under a key.
    #[inline]
    pub(super) fn wants_capital(&self, input: &Input<'_>, word: &Capital<'_>, keyed: bool) -> bool {
        if word.text.len() == 1 {
            // `A. Example`
            return matches!(word.next, Some(b' ' | b'.'));
        }
        // `"name":"Xq`
        if matches!(input.before(word.start), Some(b'"' | b'=' | b'\'')) {
            return true;
        }
        let known = Known::hashed(word.hash);
        let is_part = known != Known::default() || self.ends_as_family(word.text);
        (is_part
            && (keyed
                || weight(known, Kind::Name) + AROUND >= ENOUGH
                || known.is_family()
                    && !self.not.holds(word.hash, word.small())
                    && std::str::from_utf8(word.text)
                        .is_ok_and(|name| is_again(input, word.start, name, self))
                || self.is_in_row(input, word.start, word.end)))
            || self.may_be_cued(input, word.start, if is_part { &self.tails } else { &self.announcing })
            || self.goes_on_as_name(input, word, is_part)
    }

    /// Whether a word that follows may be one of the name, too.
    fn goes_on_as_name(&self, input: &Input<'_>, word: &Capital<'_>, is_part: bool) -> bool {
        if word.follows {
            let may_be_part = |next: Capital<'_>| {
                next.text.len() == 1
                    || Known::hashed(next.hash) != Known::default()
                    || self.ends_as_family(next.text)
                    || self.suffixes.holds(next.hash, next.small())
            };
            return is_part || Capital::read(input, word.end + 1).is_none_or(may_be_part);
        }
        is_part && word.next == Some(b' ') && {
            let last = input.run(word.end + 1, PARTICLE, |b| b.is_ascii_lowercase());
            self.particles.contains(input.slice(word.end + 1, last))
        }
    }

    /// Whether a name stands beside a word, in a row of them: `Ingrid, Kjersti and Pavlović`.
    fn is_in_row(&self, input: &Input<'_>, start: usize, end: usize) -> bool {
        let next = BETWEEN.into_iter().find(|between| input.starts(end, between));
        if next.is_some_and(|between| self.name_at(input, end + between.len()).is_some()) {
            return true;
        }
        let ends = |between: &&[u8]| {
            start.checked_sub(between.len()).map(|at| input.slice(at, start)) == Some(*between)
        };
        BETWEEN.into_iter().find(ends).is_some_and(|between| {
            let stop = start - between.len();
            let first = input.run_back(stop, BEHIND, |b| b.is_ascii_alphabetic() || b >= 0x80 || b == b'-');
            self.name_at(input, first) == Some(stop)
        })
    }

    /// The end of the word at an offset, where it is plainly a name.
    fn name_at(&self, input: &Input<'_>, at: usize) -> Option<usize> {
        let token = Token::read(input, at).filter(|token| token.kind == Kind::Name)?;
        let known = self.known(token.text);
        let named = (known.is_given() || known.is_common()) && !known.is_word();
        let ends = known == Known::default() && self.ends_as_family(token.text.as_bytes());
        (named || ends).then_some(token.end)
    }

    /// Whether the word after an offset and a space is in a set.
    fn goes_on(&self, input: &Input<'_>, end: usize, set: &WordSet) -> bool {
        let at = next_word(input, end);
        let last = input.run(at, 20, |b| b.is_ascii_alphanumeric() || b == b'&');
        let word = std::str::from_utf8(input.slice(at, last)).unwrap_or_default();
        set.contains(Small::of(word).as_bytes())
    }
}

/// The name that begins at a capital, where no letter stands before it.
pub(super) fn attempt(input: &Input<'_>, start: usize, person: &Person, sense: &Sense<'_>) -> Attempt {
    let hit = read(input, start, person, sense).map(|(end, points)| Hit {
        start,
        end,
        score: if points >= 2 * ENOUGH { 85 } else { 60 },
        open: false,
    });
    Attempt { low: start, hit }
}

/// Under a key that says so by itself, words alone are a name, in small letters too.
pub(super) fn attempt_key(input: &Input<'_>, sense: &Sense<'_>) -> Attempt {
    let fits = |b: u8| b.is_ascii_alphabetic() || b >= 0x80 || b" .'-".contains(&b);
    let end = if sense.keyed() { input.run(0, KEYED + 1, fits) } else { 0 };
    let alone = (2..=KEYED).contains(&end) && input.at(end).is_none();
    Attempt { low: 0, hit: alone.then_some(Hit { start: 0, end, score: 85, open: false }) }
}

fn read(input: &Input<'_>, start: usize, person: &Person, sense: &Sense<'_>) -> Option<(usize, i32)> {
    let first = Token::read(input, start)?;
    let known = person.known(first.text);
    let cue = person.cue(input, start);
    let unknown = known == Known::default() && first.kind != Kind::Initial;
    let family = unknown && person.ends_as_family(first.text.as_bytes());
    let follows = input.at(first.end) == Some(b' ') && is_capital(input, first.end + 1);
    let label = labelled(input, start, person, sense);
    // Most capitalised words end here.
    if unknown && !family && !follows && !matches!(cue, Cue::Title | Cue::Announced) && label < Label::Strong
    {
        return None;
    }
    if person.not.contains(Small::of(first.text).as_bytes()) {
        return None;
    }
    let mut points = match cue {
        Cue::Title => 55,
        Cue::Announced => 40,
        Cue::Weak => 10,
        Cue::Against => -25,
        Cue::Nothing => 0,
    };
    points += if family { 20 } else { weight(known, first.kind) };
    points += match label {
        Label::Strong => ENOUGH,
        Label::Weak => 20,
        Label::None => 0,
    };
    let (mut end, mut count, mut last, mut given) = (first.end, 1, first.kind, known.is_given());
    let mut capitals = first.capitals;
    while count < MOST {
        let Some(next) = next(input, end, person) else { break };
        let gain = match next.kind {
            Kind::Initial => 15,
            Kind::Suffix => 5,
            Kind::Name => {
                let known = person.known(next.text);
                let small = Small::of(next.text);
                if person.not.contains(small.as_bytes()) {
                    break;
                }
                if person.organisations.contains(small.as_bytes()) {
                    return None;
                }
                let gain = match (known.is_family(), known.is_given(), known.is_word()) {
                    (true, _, false) => 32,
                    (_, true, false) => 25,
                    (true, _, true) => 18,
                    (_, true, true) => 10,
                    _ if person.ends_as_family(next.text.as_bytes()) => 30,
                    // `Anna K. Xyz`
                    _ if last == Kind::Initial => 25,
                    _ if given => 17,
                    // Behind `my name is`, what goes on in capitals is the name.
                    _ if matches!(cue, Cue::Title | Cue::Announced) => 5,
                    _ => break,
                };
                given |= known.is_given();
                gain
            }
        };
        points += gain;
        (end, count, last) = (next.end, count + 1, next.kind);
        capitals &= next.capitals;
    }
    if last == Kind::Initial && (count == 1 || input.before(end) != Some(b'.')) && points < 2 * ENOUGH {
        return None;
    }
    if unknown && !family && count == 1 && points < ENOUGH {
        return None;
    }
    if capitals && first.kind == Kind::Name {
        points -= 20;
    }
    let behind = next_word(input, end);
    let organisation = input.at(behind) == Some(b'&') && label == Label::None
        || is_capital(input, behind) && person.goes_on(input, end, &person.organisations);
    if organisation || is_part(input, start, end, label) {
        return None;
    }
    if count == 1
        && let Some((last, gain)) = turned(input, start, end, known, person)
    {
        (end, count) = (last, 2);
        points += gain;
    }
    if count == 1
        && first.kind == Kind::Name
        && known.is_family()
        && is_again(input, start, first.text, person)
    {
        points += AGAIN;
    }
    if person.goes_on(input, end, &person.verbs) {
        points += VERB;
    }
    if input.at(end) == Some(b'\'') && input.at(end + 1) == Some(b's') {
        points += 8;
    }
    if cue == Cue::Nothing && is_inside(input, start) {
        points += INSIDE;
    }
    if is_speaker(input, start, end) {
        points += 15;
    }
    let small = Small::of(first.text);
    let may_be_other = known.is_word() || person.organisations.contains(small.as_bytes());
    if count == 1 && !may_be_other && person.is_in_row(input, start, end) {
        points += IN_ROW;
    }
    points += keyed(person, sense);
    if count > 1 && is_line(input, start, end) {
        points += 15;
    }
    (points >= ENOUGH).then_some((end, points))
}

/// What the first word says by itself.
fn weight(known: Known, kind: Kind) -> i32 {
    match (known.is_given(), known.is_family(), known.is_word(), known.is_common()) {
        _ if kind == Kind::Initial => 5,
        (true, _, false, true) => 46,
        (true, _, false, false) => 34,
        (true, _, true, _) => 12,
        (_, true, false, true) => 22,
        (_, true, false, false) => 14,
        (_, true, true, _) => 2,
        _ => 8,
    }
}

/// The next word of a name, behind the particles before it.
fn next<'t>(input: &Input<'t>, end: usize, person: &Person) -> Option<Token<'t>> {
    let mut at = end;
    // `Anna van der Berg`: at most three particles.
    for _ in 0..4 {
        if input.at(at) != Some(b' ') {
            return None;
        }
        at += 1;
        if let Some(mut token) = Token::read(input, at) {
            if person.suffixes.contains(Small::of(token.text).as_bytes()) {
                token.kind = Kind::Suffix;
            }
            return Some(token);
        }
        let last = input.run(at, PARTICLE, |b| b.is_ascii_lowercase());
        let particle = std::str::from_utf8(input.slice(at, last)).ok()?;
        person.particles.contains(particle).then_some(())?;
        at = last;
    }
    None
}

/// What the key says that the text stands under.
fn keyed(person: &Person, sense: &Sense<'_>) -> i32 {
    let weak = sense.key_words(|words| {
        words
            .rsplit(|b| *b == b' ')
            .any(|word| std::str::from_utf8(word).is_ok_and(|word| person.weak_keys.contains(word)))
    });
    if weak || sense.keyed() { 20 } else { 0 }
}

/// What the key says that a name directly follows in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    None,
    Weak,
    Strong,
}

fn labelled(input: &Input<'_>, start: usize, person: &Person, sense: &Sense<'_>) -> Label {
    if !matches!(input.before(start), Some(b'"' | b'=' | b'\'')) {
        return Label::None;
    }
    let mut weak = false;
    let told = sense.labelled(input, start, |words| {
        let words = words.trim_ascii();
        let last = words.rsplit(|b| *b == b' ').next().unwrap_or_default();
        weak = person.weak_keys.contains(last) && words.iter().filter(|b| **b == b' ').count() < 2;
        false
    });
    match (told, weak) {
        (Some(true), _) => Label::Strong,
        (_, true) => Label::Weak,
        _ => Label::None,
    }
}

/// A family name with the given name behind it, `Lindqvist, Anna M.`: the end and what it adds.
fn turned(
    input: &Input<'_>,
    start: usize,
    end: usize,
    known: Known,
    person: &Person,
) -> Option<(usize, i32)> {
    if !known.is_family() || known.is_given() || !input.starts(end, b", ") {
        return None;
    }
    // `Anna Lindqvist, Maria Rossi`: of a list of names, each with its given name before it.
    let before = start.checked_sub(1).filter(|_| input.before(start) == Some(b' '));
    let first = before.map(|stop| input.run_back(stop, BEHIND, |b| is_word(b) || matches!(b, b'.' | b'-')));
    if first.is_some_and(|first| Some(first) != before && is_capital(input, first)) {
        return None;
    }
    let given = Token::read(input, end + 2).filter(|token| token.kind == Kind::Name)?;
    let small = Small::of(given.text);
    let its = person.known(given.text);
    if !its.is_given() || its.is_word() || person.not.contains(small.as_bytes()) {
        return None;
    }
    let initial = (input.at(given.end) == Some(b' ')).then(|| Token::read(input, given.end + 1)).flatten();
    if initial.is_some_and(|next| next.kind == Kind::Name) {
        return None;
    }
    let dotted = |token: &Token<'_>| token.kind == Kind::Initial && input.before(token.end) == Some(b'.');
    Some((initial.filter(dotted).map_or(given.end, |token| token.end), TURNED))
}

/// Whether a family name stood before, not far, behind a given one: `Anna Lindqvist called. Lindqvist said …`.
fn is_again(input: &Input<'_>, start: usize, name: &str, person: &Person) -> bool {
    if input.is_view() || name.len() < 4 || person.also_words.contains(Small::of(name).as_bytes()) {
        return false;
    }
    let text = input.slice(start.saturating_sub(EARLIER), start);
    memchr::memmem::find_iter(text, name.as_bytes()).take(EARLIER_MOST).any(|at| {
        let alone = !text.get(at + name.len()).is_some_and(|b| is_word(*b) || *b == b'-');
        let before = text.get(..at).and_then(|before| before.strip_suffix(b" ")).unwrap_or_default();
        let from = before.iter().rposition(|b| !(b.is_ascii_alphabetic() || *b >= 0x80 || *b == b'-'));
        let given = before.get(from.map_or(0, |from| from + 1)..).unwrap_or_default();
        // The window may begin inside a word.
        let whole = from.is_some() || start <= EARLIER;
        let given = std::str::from_utf8(given).ok().filter(|given| given.starts_with(char::is_uppercase));
        alone
            && whole
            && given.is_some_and(|given| {
                let known = person.known(given);
                known.is_given() && !known.is_word() && !person.not.contains(Small::of(given).as_bytes())
            })
    })
}

/// Whether the words are part of something longer: a path, an address of the web, an identifier.
fn is_part(input: &Input<'_>, start: usize, end: usize, label: Label) -> bool {
    let before = match input.before(start) {
        // `full_name=Anna Lindqvist&plan=1`
        Some(b'=') if label > Label::None => false,
        Some(b'\'') => input.before(start - 1).is_some_and(is_word),
        Some(byte) => is_word(byte) || b"./\\@#$-+=&~".contains(&byte),
        None => false,
    };
    let after = match input.at(end) {
        Some(b'.') => input.at(end + 1).is_some_and(|b| b.is_ascii_alphanumeric()),
        Some(b'&') => label < Label::Strong && !(label > Label::None && is_field(input, end + 1)),
        // `<td>Anna Lindqvist</td>`
        Some(b'<') => input.at(end + 1) != Some(b'/'),
        // `{\"name\":\"Anna Lindqvist\"}`
        Some(b'\\') => input.at(end + 1) != Some(b'"') || label == Label::None,
        Some(b'(' | b'/' | b'@' | b'_' | b'-' | b'=' | b'[' | b'#' | b'+') => true,
        Some(b':') => input.at(end + 1) == Some(b':'),
        Some(byte) => byte.is_ascii_alphanumeric(),
        None => false,
    };
    before || after
}

/// Whether the next field of a query begins at an offset: `x=`.
fn is_field(input: &Input<'_>, at: usize) -> bool {
    let end = input.run(at, KEYED, |b| is_word(b) || matches!(b, b'-' | b'.' | b'[' | b']'));
    end > at && input.at(end) == Some(b'=')
}

/// Where the next word begins, behind a comma and a space; the same offset where none does.
fn next_word(input: &Input<'_>, end: usize) -> usize {
    let at = end + usize::from(input.at(end) == Some(b','));
    if input.at(at) == Some(b' ') { at + 1 } else { end }
}

/// Whether it stands inside a sentence, where a capital says more: behind a small letter or a comma.
fn is_inside(input: &Input<'_>, start: usize) -> bool {
    input.before(start) == Some(b' ')
        && input.before(start - 1).is_some_and(|b| b.is_ascii_lowercase() || matches!(b, b',' | b'>'))
}

/// Whether it begins a line of a dialogue: `Ingrid: I know.`
fn is_speaker(input: &Input<'_>, start: usize, end: usize) -> bool {
    input.before(start).is_none_or(|b| b == b'\n')
        && input.at(end) == Some(b':')
        && input.at(end + 1) == Some(b' ')
}

/// Whether a capital stands there.
fn is_capital(input: &Input<'_>, at: usize) -> bool {
    input.at(at).is_some_and(|b| b.is_ascii_uppercase() || b >= 0xC3)
}

/// Whether the name is alone on its line.
fn is_line(input: &Input<'_>, start: usize, end: usize) -> bool {
    let head = input.run_back(start, 4, |b| matches!(b, b' ' | b'>' | b'?' | b'\t'));
    let begins = input.before(head).is_none_or(|b| b == b'\n');
    begins && matches!(input.at(end), Some(b'\n' | b'\r') | None)
}
