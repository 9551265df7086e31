//! Characters that read like others: `core/data/disguise.yaml`, compiled once.

use std::sync::LazyLock;

use saphyr::{LoadableYamlNode, Yaml};

use super::unit::{Ahead, End, Read, Says};

/// Every character of the data file.
#[derive(Debug, Default)]
pub(super) struct Characters {
    /// Sorted, not overlapping.
    rows: Vec<Row>,
    /// For each first byte from 0xc0 on, the low six bits of the bytes that follow in a character of the file; those of other
    /// scripts apart.
    seconds: Vec<u64>,
    alike: Vec<u64>,
    /// For each first two bytes of a character of three, the low six bits of the third.
    thirds: Vec<u64>,
    /// What names of references say, sorted by name.
    names: Vec<(&'static [u8], Says)>,
}

/// Code points of one kind, and what they say.
#[derive(Debug)]
struct Row {
    first: u32,
    last: u32,
    kind: Kind,
    /// What the first and those after it say; a row that says nothing, or one thing throughout, has no list.
    says: Vec<u8>,
}

/// Where a character counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Everywhere.
    Value,
    /// Beside a digit.
    Raised,
    /// Beside a letter or digit of ASCII.
    Alike,
    /// Between letters or digits, a bracket beside a digit.
    Sign,
    /// Between digits, or a digit and a letter; before a digit where it may be its sign.
    Dash,
    /// Between characters of ASCII, as a space.
    Space,
    /// Between characters of ASCII, as nothing.
    Nothing,
    /// Behind a letter or digit of ASCII, as nothing.
    Accent,
}

static CHARACTERS: LazyLock<Characters> =
    LazyLock::new(|| Characters::compile(include_str!("../../../data/disguise.yaml")).unwrap_or_default());

/// The characters of the data file.
pub(super) fn known() -> &'static Characters {
    &CHARACTERS
}

impl Characters {
    fn compile(text: &'static str) -> Option<Self> {
        let documents: &'static Vec<Yaml<'static>> = Box::leak(Box::new(Yaml::load_from_str(text).ok()?));
        let document = documents.first()?;
        let list = |key| crate::detect::catalogue::strings(document, key);
        let mut rows = Vec::new();
        for (key, kind) in [
            ("values", Kind::Value),
            ("raised", Kind::Raised),
            ("alike", Kind::Alike),
            ("signs", Kind::Sign),
            ("dashes", Kind::Dash),
            ("spaces", Kind::Space),
            ("nothing", Kind::Nothing),
            ("accents", Kind::Accent),
        ] {
            for row in list(key)? {
                rows.push(Row::read(row, kind)?);
            }
        }
        rows.sort_unstable_by_key(|row| row.first);
        let (mut seconds, mut alike, mut thirds) = (vec![0; 64], vec![0; 64], vec![0; 1024]);
        for row in &rows {
            let slots = if row.kind == Kind::Alike { &mut alike } else { &mut seconds };
            for c in (row.first..=row.last).filter_map(char::from_u32) {
                let mut bytes = [0; 4];
                let bytes = c.encode_utf8(&mut bytes).as_bytes();
                let low = |n: usize| bytes.get(n).map_or(0, |byte| usize::from(byte & 0x3f));
                if let Some(slot) = slots.get_mut(low(0)) {
                    *slot |= 1 << low(1);
                }
                if bytes.len() == 3
                    && let Some(slot) = thirds.get_mut((low(0) & 0xf) << 6 | low(1))
                {
                    *slot |= 1 << low(2);
                }
            }
        }
        let mut names = Vec::new();
        for row in list("names")? {
            let (name, says) = row.split_once(' ').unwrap_or((row, ""));
            names.push((name.as_bytes(), says.chars().next().map_or(Says::NOTHING, Says::char)));
        }
        names.sort_unstable_by_key(|(name, _)| *name);
        Some(Self { rows, seconds, alike, thirds, names })
    }

    /// Whether a character of the file may begin at `at`, by its bytes and, for other scripts, its neighbours.
    #[inline]
    pub(super) fn may_begin(&self, text: &[u8], at: usize) -> bool {
        let byte = |at: usize| text.get(at).copied();
        let Some(first) = byte(at).filter(|first| *first >= 0xc2) else { return false };
        // Behind the end of a text anything may follow.
        let Some(second) = byte(at + 1) else { return true };
        let is_word = |byte: u8| byte.is_ascii_alphanumeric();
        if holds(&self.alike, first, second) {
            let (before, behind) = (at.checked_sub(1).and_then(byte), byte(at + 2));
            return behind.is_none_or(is_word) || before.is_some_and(is_word);
        }
        holds(&self.seconds, first, second)
            && (!(0xe0..0xf0).contains(&first)
                || byte(at + 2).is_none_or(|third| {
                    let group = usize::from(first & 0xf) << 6 | usize::from(second & 0x3f);
                    self.thirds.get(group).is_some_and(|slot| slot >> (third & 0x3f) & 1 == 1)
                }))
    }

    /// Whether the first two bytes of a character are those of one of the file, its neighbours aside.
    #[cfg(test)]
    pub(super) fn may_be(&self, first: u8, second: u8) -> bool {
        first >= 0xc2 && (holds(&self.seconds, first, second) || holds(&self.alike, first, second))
    }

    /// What a character says wherever it stands.
    pub(super) fn plain(&self, c: char) -> Says {
        match self.row(c) {
            Some(row) if row.kind != Kind::Alike => row.says(c),
            _ => Says::char(c),
        }
    }

    /// What a name of a reference says.
    pub(super) fn named(&self, name: &[u8]) -> Option<Says> {
        let at = self.names.binary_search_by_key(&name, |(name, _)| *name).ok()?;
        self.names.get(at).map(|(_, says)| *says)
    }

    fn row(&self, c: char) -> Option<&Row> {
        let at = self.rows.partition_point(|row| row.first <= u32::from(c)).checked_sub(1)?;
        self.rows.get(at).filter(|row| u32::from(c) <= row.last)
    }

    fn kind(&self, c: char) -> Option<Kind> {
        self.row(c).map(|row| row.kind)
    }
}

#[inline]
fn holds(slots: &[u64], first: u8, second: u8) -> bool {
    slots.get(usize::from(first & 0x3f)).is_some_and(|slot| slot >> (second & 0x3f) & 1 == 1)
}

impl Row {
    fn read(row: &str, kind: Kind) -> Option<Self> {
        let (points, says) = row.split_once(' ').unwrap_or((row, ""));
        let (first, last) = points.split_once('-').unwrap_or((points, points));
        let (first, last) = (u32::from_str_radix(first, 16).ok()?, u32::from_str_radix(last, 16).ok()?);
        let says = spread(says);
        let last = if says.is_empty() { last } else { first + u32::try_from(says.len()).ok()? - 1 };
        Some(Self { first, last, kind, says })
    }

    fn says(&self, c: char) -> Says {
        match self.kind {
            Kind::Space => Says::byte(b' '),
            Kind::Nothing | Kind::Accent => Says::NOTHING,
            _ => match self.says.get((u32::from(c) - self.first) as usize) {
                Some(byte) => Says::byte(*byte),
                None => Says::char(c),
            },
        }
    }
}

/// The characters of a row: a hyphen between two letters or digits stands for those between them.
fn spread(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return out,
            [first, b'-', last, rest @ ..] if first.is_ascii_alphanumeric() => {
                out.extend(*first..=*last);
                rest
            }
            [one, rest @ ..] => {
                out.push(*one);
                rest
            }
        };
    }
}

/// What stands beside a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Digit,
    Letter,
    /// Any other character of ASCII that is printed.
    Mark(u8),
    Char(Option<Kind>),
    Space,
    Nothing,
}

impl Beside {
    fn of(c: char) -> Self {
        match u8::try_from(c) {
            Ok(byte) if byte.is_ascii_digit() => Self::Digit,
            Ok(byte) if byte.is_ascii_alphabetic() => Self::Letter,
            Ok(byte) if byte.is_ascii_graphic() => Self::Mark(byte),
            Ok(b' ') => Self::Space,
            Ok(byte) if byte.is_ascii() => Self::Nothing,
            _ => match known().row(c) {
                Some(row) if row.kind == Kind::Value => match row.says(c).as_slice() {
                    [byte] if byte.is_ascii_digit() => Self::Digit,
                    _ => Self::Letter,
                },
                row => Self::Char(row.map(|row| row.kind)),
            },
        }
    }

    fn is_word(self) -> bool {
        matches!(self, Self::Digit | Self::Letter)
    }

    fn is_shown(self) -> bool {
        matches!(self, Self::Digit | Self::Letter | Self::Mark(_))
    }
}

/// A character at the place.
pub(super) fn read(ahead: &Ahead<'_>) -> Read {
    let Some((c, length)) = char_at(ahead, 0)? else { return Ok(None) };
    let characters = known();
    let Some(row) = characters.row(c) else { return Ok(None) };
    let before = |back| before(ahead, back).map_or(Beside::Nothing, |(c, _)| Beside::of(c));
    let behind = || Ok(char_at(ahead, length)?.map_or(Beside::Nothing, |(c, _)| Beside::of(c)));
    let counts = match row.kind {
        Kind::Value => true,
        Kind::Raised => before(0) == Beside::Digit || behind()? == Beside::Digit,
        Kind::Alike => {
            let is_word = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
            is_word(ahead.before(1)) || is_word(ahead.byte(length)?)
        }
        Kind::Sign => match row.says(c).as_slice() {
            b"(" | b"+" => behind()? == Beside::Digit,
            b")" => before(0) == Beside::Digit,
            _ => before(0).is_word() && behind()?.is_word(),
        },
        Kind::Dash => matches!(
            (before(0), behind()?),
            (Beside::Digit | Beside::Mark(b')'), Beside::Digit | Beside::Letter | Beside::Mark(b'('))
                | (Beside::Letter | Beside::Space | Beside::Mark(b',' | b'(' | b'=' | b':'), Beside::Digit)
        ),
        Kind::Space => beyond_before(ahead, is_blank).is_shown() && beyond_behind(ahead, length)?.is_shown(),
        // Beside a space, too, on one side.
        Kind::Nothing => match (beyond_before(ahead, is_blank), beyond_behind(ahead, length)?) {
            (Beside::Space, other) | (other, Beside::Space) => other.is_shown(),
            (before, behind) => before.is_shown() && behind.is_shown(),
        },
        Kind::Accent => beyond_before(ahead, |kind| kind == Kind::Accent).is_word(),
    };
    Ok(counts.then(|| (length, row.says(c))))
}

/// So many characters that show nothing are looked over.
const CHAIN: usize = 8;

fn is_blank(kind: Kind) -> bool {
    matches!(kind, Kind::Space | Kind::Nothing)
}

/// What stands before the characters of a kind that the place is behind.
fn beyond_before(ahead: &Ahead<'_>, is_kind: impl Fn(Kind) -> bool) -> Beside {
    let mut back = 0;
    for _ in 0..CHAIN {
        match before(ahead, back) {
            Some((c, length)) if known().kind(c).is_some_and(&is_kind) => back += length,
            Some((c, _)) => return Beside::of(c),
            None => return Beside::Nothing,
        }
    }
    Beside::Nothing
}

fn beyond_behind(ahead: &Ahead<'_>, from: usize) -> Result<Beside, End> {
    let mut at = from;
    for _ in 0..CHAIN {
        match char_at(ahead, at)? {
            Some((c, length)) if known().kind(c).is_some_and(is_blank) => at += length,
            Some((c, _)) => return Ok(Beside::of(c)),
            None => return Ok(Beside::Nothing),
        }
    }
    Ok(Beside::Nothing)
}

/// The character so many bytes on, and its length; none where no character is.
fn char_at(ahead: &Ahead<'_>, from: usize) -> Result<Option<(char, usize)>, End> {
    let Some(first) = ahead.byte(from)? else { return Ok(None) };
    let length = match first {
        0..0x80 => return Ok(Some((char::from(first), 1))),
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Ok(None),
    };
    for n in 1..length {
        if ahead.byte(from + n)?.is_none_or(|byte| byte & 0xc0 != 0x80) {
            return Ok(None);
        }
    }
    let bytes = ahead.text.get(ahead.at + from..ahead.at + from + length);
    let c = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).and_then(|text| text.chars().next());
    Ok(c.map(|c| (c, length)))
}

/// The character that ends so many bytes before the place, and its length.
fn before(ahead: &Ahead<'_>, back: usize) -> Option<(char, usize)> {
    let end = ahead.at.checked_sub(back)?;
    let length = (1..=4).find(|n| ahead.before(back + n).is_some_and(|byte| byte & 0xc0 != 0x80))?;
    let text = std::str::from_utf8(ahead.text.get(end - length..end)?).ok()?;
    text.chars().next().map(|c| (c, length))
}

#[cfg(test)]
mod tests {
    use super::super::unit::{self, Unit};
    use super::*;

    /// What the character between the two texts says.
    fn says(before: &str, c: char, behind: &str) -> Option<String> {
        let text = format!("{before}{c}{behind}");
        match unit::read(text.as_bytes(), before.len(), true) {
            Unit::Says { says, .. } => Some(String::from_utf8_lossy(says.as_slice()).into_owned()),
            _ => None,
        }
    }

    #[test]
    fn every_row_is_read_and_none_overlaps() {
        let rows = &known().rows;
        assert!(rows.len() > 150 && known().names.len() > 40);
        for pair in rows.windows(2) {
            assert!(pair[0].last < pair[1].first, "{:X?} {:X?}", pair[0], pair[1]);
        }
    }

    #[test]
    fn characters_say_what_they_read_like() {
        for (before, c, behind, wanted) in [
            ("", '\u{ff17}', "", Some("7")),
            ("", '\u{0664}', "", Some("4")),
            ("", '\u{096d}', "", Some("7")),
            ("", '\u{1d7d8}', "", Some("0")),
            ("", '\u{1d41a}', "", Some("a")),
            ("", '\u{ff20}', "", Some("@")),
            ("a", '\u{0430}', "", Some("a")),
            ("д", '\u{0430}', "д", None),
            ("1", '\u{2013}', "2", Some("-")),
            ("one", '\u{2013}', "two", None),
            ("X", '\u{2011}', "1", Some("-")),
            ("1", '\u{2011}', "D", Some("-")),
            ("2.5, ", '\u{2212}', "7", Some("-")),
            ("1", '\u{a0}', "2", Some(" ")),
            ("语", '\u{3000}', "文", None),
            ("a", '\u{200b}', "b", Some("")),
            ("a\u{200b}\u{200d}", '\u{200b}', "\u{200b}b", Some("")),
            ("1", '\u{200b}', " 2", Some("")),
            ("1 ", '\u{200b}', "2", Some("")),
            ("1 ", '\u{200b}', " 2", None),
            ("\u{645}", '\u{200c}', "\u{645}", None),
            ("e", '\u{301}', "", Some("")),
            ("我", '\u{3002}', "我", None),
            ("a", '\u{3002}', "b", Some(".")),
            ("1\u{a0}", '\u{a0}', "2", Some(" ")),
            ("m", '\u{ff08}', "020", Some("(")),
        ] {
            assert_eq!(says(before, c, behind).as_deref(), wanted, "{before:?} {c:?} {behind:?}");
        }
    }
}
