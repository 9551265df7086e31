//! Statements that are known by the words they begin with: the part `statements` of `data/sql.yaml`, read once.
//!
//! Most statements have a reader of their own. Those that only do something to the server or to an object, and have no parts worth
//! reading, are a line of the data file: `{does: admin.config, dialects: [mysql], says: [START REPLICA]}`.

use std::collections::HashMap;

use saphyr::Yaml;

use super::Dialect;
use super::cursor::{Tokens, any, is};
use super::knowledge::{Meaning, meaning};

/// Words that may stand between those of a form and say nothing of what is done.
const BETWEEN: [&str; 8] = ["OR", "REPLACE", "ALTER", "PUBLIC", "IF", "NOT", "EXISTS", "TEMPORARY"];

/// What is named behind the words of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    None,
    /// Tables, right there.
    Tables,
    /// The table behind `ON`.
    On,
}

#[derive(Debug)]
pub(super) struct Form {
    /// Those behind the first.
    words: Vec<String>,
    /// None where all have it.
    dialects: Vec<Dialect>,
    pub meaning: Meaning,
    pub object: Object,
}

/// By the first word, in capitals.
#[derive(Default)]
pub(super) struct Forms(HashMap<String, Vec<Form>>);

impl Forms {
    pub(super) fn read(part: Option<&Yaml<'_>>, lines: &mut impl Iterator<Item = usize>) -> Self {
        let mut all = Self::default();
        let entries = part.and_then(|part| part.as_sequence()).into_iter().flatten();
        for (entry, line) in entries.zip(lines) {
            let listed = |key: &str| {
                let list = entry.as_mapping_get(key).and_then(|list| list.as_sequence());
                list.into_iter().flatten().filter_map(|one| one.as_str())
            };
            let Some(meaning) = meaning(entry, line) else { continue };
            let object = match entry.as_mapping_get("table").and_then(|table| table.as_str()) {
                Some("next") => Object::Tables,
                Some("on") => Object::On,
                _ => Object::None,
            };
            for says in listed("says") {
                let mut words = says.split(' ').map(str::to_owned);
                let Some(first) = words.next() else { continue };
                let dialects = listed("dialects").filter_map(Dialect::by_name).collect();
                let form = Form { words: words.collect(), dialects, meaning, object };
                all.0.entry(first).or_default().push(form);
            }
        }
        all
    }

    /// The form that `tokens` have, whose first word is `verb`, and the place behind it.
    pub(super) fn find(
        &self,
        verb: &str,
        tokens: Tokens<'_, '_>,
        dialect: Dialect,
    ) -> Option<(&Form, usize)> {
        self.0.get(verb)?.iter().find_map(|form| Some((form, form.fits(tokens, dialect)?)))
    }
}

impl Form {
    fn fits(&self, tokens: Tokens<'_, '_>, dialect: Dialect) -> Option<usize> {
        if !(self.dialects.is_empty() || self.dialects.contains(&dialect)) {
            return None;
        }
        let mut place = 1;
        for word in &self.words {
            while !is(tokens, place, word) {
                if !any(tokens, place, &BETWEEN) {
                    return None;
                }
                place += 1;
            }
            place += 1;
        }
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use crate::classify::{Dialect, sql};
    use crate::model::Operation;

    #[test]
    fn a_form_is_known_by_its_words_in_its_dialects() {
        let first = |text: &str, dialect| sql(text, Some(dialect)).acts[0].operation;
        assert_eq!(first("START REPLICA", Dialect::MySql), Operation::AdminConfig);
        assert_eq!(first("start  slave SQL_THREAD", Dialect::MySql), Operation::AdminConfig);
        assert_eq!(first("START REPLICA", Dialect::Postgres), Operation::SessionControl);
        assert_eq!(
            first("CREATE OR REPLACE NAMED COLLECTION c AS a = 1", Dialect::ClickHouse),
            Operation::AdminKey
        );
        let named = sql("CHECKSUM TABLE a, b", Some(Dialect::MySql));
        assert_eq!((named.tables, named.reason), (vec!["a".to_owned(), "b".to_owned()], None));
    }
}
