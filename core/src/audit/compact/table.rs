//! Which numbers stand for which names: `core/data/record.tsv`, which says what its columns are.

use std::sync::LazyLock;

use foldhash::HashMap;

use super::cbor;

const TEXT: &str = include_str!("../../../data/record.tsv");

/// The version that entries are written in.
pub(super) const VERSION: u64 = 1;

/// How what stands under a name is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Word,
    /// Behind this prefix.
    Hex(&'static str),
    /// The same, and a time.
    Id(&'static str),
    Since,
    Item,
    Words,
    Texts,
    /// A map of the fields of that place in [`Table::maps`].
    Map(usize),
}

/// What may stand under one number.
#[derive(Debug, PartialEq)]
pub(super) struct Field {
    pub(super) number: u64,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// What is left out, as it would be written.
    pub(super) left_out: Option<Vec<u8>>,
}

/// The fields of one kind of map, in the order in which JSON has them.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Fields {
    pub(super) all: Vec<Field>,
    /// The place in `all` of each number.
    numbers: Vec<Option<usize>>,
}

impl Fields {
    /// The field that a number stands for, and its place.
    pub(super) fn numbered(&self, number: u64) -> Option<(usize, &Field)> {
        let place = (*self.numbers.get(usize::try_from(number).ok()?)?)?;
        self.all.get(place).map(|field| (place, field))
    }

    /// The field of that name, which is awaited at `place`, and the place behind it.
    #[inline]
    pub(super) fn named(&self, name: &str, place: usize) -> Option<(usize, &Field)> {
        match self.all.get(place) {
            Some(field) if field.name == name => Some((place + 1, field)),
            _ => self.elsewhere(name),
        }
    }

    #[cold]
    fn elsewhere(&self, name: &str) -> Option<(usize, &Field)> {
        self.all.iter().enumerate().find(|(_, field)| field.name == name).map(|(at, field)| (at + 1, field))
    }
}

/// All of the file.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Table {
    pub(super) maps: Vec<Fields>,
    pub(super) words: Vec<&'static str>,
    /// Asked for twenty times a record.
    numbers: HashMap<&'static str, u64>,
}

impl Table {
    /// The one of this version.
    pub(super) fn own() -> &'static Self {
        static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(TEXT).unwrap_or_default());
        &TABLE
    }

    /// The fields of a record itself.
    pub(super) fn record(&self) -> Option<&Fields> {
        self.maps.first()
    }

    /// The number of a word.
    pub(super) fn number(&self, word: &str) -> Option<u64> {
        self.numbers.get(word).copied()
    }

    /// The word of a number.
    pub(super) fn word(&self, number: u64) -> Option<&'static str> {
        self.words.get(usize::try_from(number).ok()?).copied()
    }

    fn read(text: &'static str) -> Option<Self> {
        let lines: Vec<Vec<&str>> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split('\t').collect())
            .collect();
        let mut names: Vec<&str> = lines.iter().filter_map(|line| line.first().copied()).collect();
        names.dedup();
        names.retain(|name| *name != "word");
        let mut table = Self::default();
        table.maps.resize_with(names.len(), Fields::default);
        let place = |name: &str| names.iter().position(|known| *known == name);
        for line in &lines {
            let (&[owner, number, name], rest) = line.split_first_chunk::<3>()?;
            let number = number.parse::<u64>().ok()?;
            if owner == "word" {
                table.numbers.insert(name, number);
                table.words.push(name);
                continue;
            }
            let fields = table.maps.get_mut(place(owner)?)?;
            let kind = match *rest.first()? {
                "plain" => Kind::Plain,
                "word" => Kind::Word,
                "since" => Kind::Since,
                "item" => Kind::Item,
                "words" => Kind::Words,
                "texts" => Kind::Texts,
                other => match other.split_once(':') {
                    Some(("hex", prefix)) => Kind::Hex(prefix),
                    Some(("id", prefix)) => Kind::Id(prefix),
                    _ => Kind::Map(place(other)?),
                },
            };
            let at = usize::try_from(number).ok()?;
            fields.numbers.resize(fields.numbers.len().max(at + 1), None);
            *fields.numbers.get_mut(at)? = Some(fields.all.len());
            fields.all.push(Field { number, name, kind, left_out: None });
            if let Some(json) = rest.get(1) {
                fields.all.last_mut()?.left_out = Some(written(json, kind, &lines)?);
            }
        }
        Some(table)
    }
}

/// The time that the bytes of an id begin with.
pub(super) fn time_of(id: &[u8]) -> Option<i64> {
    let [a, b, c, d, e, f] = *id.first_chunk::<6>().filter(|_| id.len() == 16)?;
    Some(i64::from_be_bytes([0, 0, a, b, c, d, e, f]))
}

/// What is left out, as it would be written.
fn written(json: &str, kind: Kind, lines: &[Vec<&str>]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match (json, kind) {
        ("null", _) => cbor::head(&mut out, cbor::SIMPLE, cbor::NULL),
        ("{}", _) => cbor::head(&mut out, cbor::MAP, 0),
        ("[]", _) => cbor::head(&mut out, cbor::ARRAY, 0),
        ("\"\"", _) => cbor::head(&mut out, cbor::TEXT, 0),
        (word, Kind::Word) => {
            let word = word.trim_matches('"');
            let line = lines
                .iter()
                .find(|line| line.as_slice().starts_with(&["word"]) && line.get(2) == Some(&word))?;
            cbor::head(&mut out, cbor::UNSIGNED, line.get(1)?.parse().ok()?);
        }
        (number, _) => cbor::integer(&mut out, number.parse().ok()?),
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read_and_no_number_stands_twice() {
        let table = Table::read(TEXT).unwrap();
        let lines = TEXT.lines().filter(|line| !line.starts_with('#')).count();
        let fields: usize = table.maps.iter().map(|map| map.all.len()).sum();
        assert_eq!(fields + table.words.len(), lines);
        assert_eq!(table.numbers.len(), table.words.len());
        for (number, word) in (0..).zip(&table.words) {
            assert_eq!((table.number(word), table.word(number)), (Some(number), Some(*word)));
        }
        for map in &table.maps {
            assert_eq!(map.numbers.iter().flatten().count(), map.all.len());
            assert!(map.numbers.iter().all(Option::is_some), "numbers have no gaps");
            let names: std::collections::HashSet<_> = map.all.iter().map(|field| field.name).collect();
            assert_eq!(names.len(), map.all.len());
            for (at, field) in map.all.iter().enumerate() {
                for place in 0..=map.all.len() {
                    assert_eq!(map.named(field.name, place), Some((at + 1, field)));
                }
            }
            assert_eq!(map.named("", 0), None);
        }
    }

    #[test]
    fn a_line_that_cannot_be_read_is_no_table() {
        for wrong in
            ["record\t0\tid\tnothing\n", "record\tx\tid\tplain\n", "record\t0\n", "a\t0\tb\tword\t\"none\"\n"]
        {
            assert_eq!(Table::read(wrong), None, "{wrong}");
        }
    }
}
