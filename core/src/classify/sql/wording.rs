//! How the second reading gets what its grammar does not know: `data/sql-wording.yaml`, read once.

use std::sync::LazyLock;

use saphyr::{LoadableYamlNode, Yaml};

use super::Dialect;
use super::cursor::{Tokens, after, kind};
use super::lexer::Kind;

/// One form of a dialect, and what is written for it.
pub(super) struct Wording {
    dialects: Vec<Dialect>,
    says: Vec<Part>,
    /// Each `_` among the words is a token of those that were passed over.
    pub(super) written: Vec<String>,
}

enum Part {
    Word(String),
    /// Any one token.
    One,
    /// A pair of parentheses with all in them.
    Parentheses,
}

static ALL: LazyLock<Vec<Wording>> = LazyLock::new(|| {
    let parts = Yaml::load_from_str(include_str!("../../../data/sql-wording.yaml")).unwrap_or_default();
    let entries = parts.first().and_then(|file| file.as_sequence());
    entries.into_iter().flatten().filter_map(wording).collect()
});

fn wording(entry: &Yaml<'_>) -> Option<Wording> {
    let dialects = entry.as_mapping_get("dialects")?.as_sequence()?.iter();
    let part = |word: &str| match word {
        "_" => Part::One,
        "(..)" => Part::Parentheses,
        word => Part::Word(word.to_owned()),
    };
    Some(Wording {
        dialects: dialects.map(|name| Dialect::by_name(name.as_str()?)).collect::<Option<_>>()?,
        says: entry.as_mapping_get("says")?.as_str()?.split(' ').map(part).collect(),
        written: entry.as_mapping_get("as")?.as_str()?.split_whitespace().map(str::to_owned).collect(),
    })
}

/// The forms of one dialect.
pub(super) struct Wordings {
    all: Vec<&'static Wording>,
    /// The lengths (as bits) of the words that forms begin with, by the last bits of their first letter: most words begin none.
    begins: [u32; 32],
}

impl Wordings {
    pub(super) fn of(dialect: Dialect) -> &'static Self {
        static BY_DIALECT: LazyLock<Vec<(Dialect, Wordings)>> = LazyLock::new(|| {
            Dialect::ALL.iter().map(|dialect| (*dialect, Wordings::collect(*dialect))).collect()
        });
        static NONE: Wordings = Wordings { all: Vec::new(), begins: [0; 32] };
        BY_DIALECT.iter().find(|(known, _)| *known == dialect).map_or(&NONE, |(_, wordings)| wordings)
    }

    fn collect(dialect: Dialect) -> Self {
        let all: Vec<&Wording> = ALL.iter().filter(|wording| wording.dialects.contains(&dialect)).collect();
        let mut begins = [0; 32];
        for wording in &all {
            let Some(Part::Word(word)) = wording.says.first() else { continue };
            if let Some(lengths) = begins.get_mut(letter(word)) {
                *lengths |= length(word);
            }
        }
        Self { all, begins }
    }

    /// The form that begins at `place`, the tokens that stand for its `_`, and the place behind it.
    pub(super) fn at(&self, tokens: Tokens<'_, '_>, place: usize) -> Option<(&Wording, Vec<usize>, usize)> {
        let first = tokens.get(place).filter(|token| token.kind == Kind::Word)?;
        let lengths = self.begins.get(letter(&first.text))?;
        if lengths & length(&first.text) == 0
            || place > 0 && kind(tokens, place - 1) == Some(Kind::Dot)
            || kind(tokens, place + 1) == Some(Kind::Dot)
        {
            return None;
        }
        self.all.iter().find_map(|wording| {
            let (ones, end) = wording.fits(tokens, place)?;
            Some((*wording, ones, end))
        })
    }
}

impl Wording {
    fn fits(&self, tokens: Tokens<'_, '_>, start: usize) -> Option<(Vec<usize>, usize)> {
        let (mut ones, mut place) = (Vec::new(), start);
        for part in &self.says {
            let token = tokens.get(place)?;
            match part {
                Part::Word(word) => {
                    if !(token.is(word) || token.operator(word)) {
                        return None;
                    }
                }
                Part::One if matches!(token.kind, Kind::Open | Kind::Close | Kind::Comma | Kind::Dot) => {
                    return None;
                }
                Part::One => ones.push(place),
                Part::Parentheses if token.kind != Kind::Open => return None,
                Part::Parentheses => {}
            }
            place = after(tokens, place);
        }
        Some((ones, place))
    }
}

fn letter(word: &str) -> usize {
    word.bytes().next().map_or(0, |byte| usize::from(byte & 0x1f))
}

fn length(word: &str) -> u32 {
    u32::try_from(word.len()).ok().and_then(|length| 1_u32.checked_shl(length)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_file_is_read() {
        let text = include_str!("../../../data/sql-wording.yaml");
        assert_eq!(ALL.len(), text.lines().filter(|line| line.starts_with("- {")).count());
        for wording in ALL.iter() {
            // A form begins with a word, by which it is found, and `_` is written as often as it stands there, or never.
            let said = wording.says.iter().filter(|part| matches!(part, Part::One)).count();
            let written = wording.written.iter().filter(|word| *word == "_").count();
            assert!(matches!(wording.says.first(), Some(Part::Word(_))) && (written == 0 || written == said));
        }
    }
}
