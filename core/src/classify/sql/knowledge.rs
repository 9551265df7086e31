//! What functions, system tables and settings do: `data/sql.yaml`, read once.

use std::collections::HashMap;
use std::sync::LazyLock;

use saphyr::{LoadableYamlNode, Yaml};

use super::forms::Forms;
use crate::model::{Dialect, Operation, Risk};

/// How many parts of a name are looked at.
const PARTS: usize = 8;

/// What one name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    pub operation: Operation,
    pub risk: Risk,
    /// What it does besides.
    pub also: Option<Operation>,
    /// A string given to it is SQL that runs.
    pub runs: bool,
    /// It is the last string that is a statement, whatever else it is given.
    pub last: bool,
    /// Such a string may be there, and need not.
    pub maybe: bool,
    /// Of what it runs, only the rows of queries come out.
    pub queries: bool,
    /// The string that it is given first is the name of a table.
    pub of: bool,
    pub unbounded: bool,
    /// What it is given goes on to somebody else, and so comes out.
    pub passes: bool,
    /// It gives the rows of what it reads.
    pub rows: bool,
    /// The line of the data file.
    pub line: usize,
    /// Only as a source of rows; a column or scalar function of this name is something else.
    pub table_only: bool,
}

#[derive(Default)]
pub(super) struct Names {
    exact: HashMap<String, Meaning>,
    /// Beginnings, without the `*`.
    begins: Vec<(String, Meaning)>,
    /// Names, as they are written, that mean something in some dialects only: elsewhere they are a user's own.
    own: Vec<(String, Vec<Dialect>, Meaning)>,
}

impl Names {
    /// Looks a lower-case dotted name up: whole, then without one qualifier after the other.
    pub(super) fn find(&self, name: &str) -> Option<Meaning> {
        let parts = || parts(name);
        let exact = parts().find_map(|part| self.exact.get(part));
        let begins = || {
            parts().find_map(|part| self.begins.iter().find(|(start, _)| part.starts_with(start.as_str())))
        };
        exact.copied().or_else(|| begins().map(|(_, meaning)| *meaning))
    }

    /// The same for a name in a text of this dialect.
    pub(super) fn find_in(&self, dialect: Dialect, name: &str) -> Option<Meaning> {
        let own = || {
            parts(name).find_map(|part| {
                let fits = |(name, dialects, _): &&(String, Vec<Dialect>, Meaning)| {
                    let named = name.strip_suffix('*').map_or(part == name, |start| part.starts_with(start));
                    named && dialects.contains(&dialect)
                };
                self.own.iter().find(fits).map(|(_, _, meaning)| *meaning)
            })
        };
        self.find(name).or_else(own)
    }
}

/// A dotted name: whole, then without one qualifier after the other.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, rest)| rest)).take(PARTS)
}

pub(super) struct Knowledge {
    pub functions: Names,
    pub tables: Names,
    pub settings: Names,
    /// Extensions that are no code of somebody's own.
    pub extensions: Names,
    pub statements: Forms,
}

pub(super) static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(|| {
    let text = include_str!("../../../data/sql.yaml");
    let parts = Yaml::load_from_str(text).unwrap_or_default();
    let mut lines = entry_lines(text);
    let mut names = |part: &str| {
        let part = parts.first().and_then(|file| file.as_mapping_get(part));
        part.map(|part| names(part, &mut lines)).unwrap_or_default()
    };
    // In the order of the file, by which the lines are counted.
    Knowledge {
        functions: names("functions"),
        tables: names("tables"),
        settings: names("settings"),
        extensions: names("extensions"),
        statements: Forms::read(parts.first().and_then(|file| file.as_mapping_get("statements")), &mut lines),
    }
});

/// The lines on which an entry begins, in order.
fn entry_lines(text: &str) -> impl Iterator<Item = usize> {
    let lines = text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("- {"));
    lines.map(|(at, _)| at + 1)
}

fn names(part: &Yaml<'_>, lines: &mut impl Iterator<Item = usize>) -> Names {
    let mut found = Names::default();
    for (entry, line) in part.as_sequence().into_iter().flatten().zip(lines) {
        let Some(meaning) = meaning(entry, line) else { continue };
        let listed = |key| {
            let listed = entry.as_mapping_get(key).and_then(|names| names.as_sequence());
            listed.into_iter().flatten().filter_map(|name| name.as_str())
        };
        let dialects: Vec<_> = listed("dialects").filter_map(Dialect::by_name).collect();
        for name in listed("names") {
            match name.strip_suffix('*') {
                _ if !dialects.is_empty() => found.own.push((name.to_owned(), dialects.clone(), meaning)),
                Some(start) => found.begins.push((start.to_owned(), meaning)),
                None => {
                    found.exact.insert(name.to_owned(), meaning);
                }
            }
        }
    }
    found
}

pub(super) fn meaning(entry: &Yaml<'_>, line: usize) -> Option<Meaning> {
    let flag = |key: &str| entry.as_mapping_get(key).and_then(|value| value.as_bool()).unwrap_or(false);
    let operation: Operation = entry.as_mapping_get("does")?.as_str()?.parse().ok()?;
    let runs = entry.as_mapping_get("runs").and_then(|value| value.as_str());
    let maybe = runs == Some("maybe");
    let last = maybe || runs == Some("last");
    let risk = entry.as_mapping_get("risk").and_then(|risk| risk.as_integer());
    let risk = risk.and_then(|risk| u8::try_from(risk).ok()).map_or(operation.base_risk(), Risk::new);
    Some(Meaning {
        operation,
        risk: risk.max(operation.base_risk()),
        also: entry.as_mapping_get("also").and_then(|also| also.as_str()?.parse().ok()),
        runs: flag("runs") || last,
        last,
        maybe,
        queries: flag("queries"),
        of: flag("of"),
        unbounded: flag("unbounded"),
        passes: flag("passes"),
        rows: flag("rows"),
        table_only: flag("table"),
        line,
    })
}

/// Whether a column holds vectors, by its name. There is no schema here; a distance operator next to it says the same.
pub(super) fn is_vector_column(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let last = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_');
    let last = last.rsplit(['_', '.']).next().unwrap_or(last);
    matches!(
        last,
        "embedding" | "embeddings" | "vector" | "vectors" | "vec" | "vecs" | "emb" | "embed" | "embs"
    ) || name.ends_with("embedding")
        || name.starts_with("embedding_v")
        || name.ends_with("embedding_result")
}

/// Whether a column names its row, by its name: `id`, `uuid`, or `doc_id` of the table `docs`.
pub(super) fn is_key_column(name: &str, tables: &[String]) -> bool {
    const KEYS: [&str; 12] =
        ["id", "_id", "uuid", "guid", "pk", "key", "_key", "rowid", "_rowid_", "ctid", "oid", "sha256"];
    let name = name.to_ascii_lowercase();
    if KEYS.contains(&name.as_str()) {
        return true;
    }
    let own = ["_id", "_uuid", "_key", "id"].iter().find_map(|end| name.strip_suffix(end));
    own.is_some_and(|stem| {
        stem.len() > 2
            && tables.iter().any(|table| {
                let table = table.rsplit('.').next().unwrap_or(table);
                table.strip_prefix(stem).is_some_and(|rest| matches!(rest, "" | "s" | "es"))
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_of_the_file_is_read() {
        let text = include_str!("../../../data/sql.yaml");
        let entries = entry_lines(text).count();
        let parts = Yaml::load_from_str(text).unwrap();
        let read = ["functions", "tables", "settings", "extensions", "statements"].iter().flat_map(|part| {
            let entries = parts[0].as_mapping_get(part).unwrap().as_sequence().unwrap();
            entries.iter().filter(|entry| {
                let read = meaning(entry, 1);
                read.is_some_and(|read| read.also.is_some() == entry.as_mapping_get("also").is_some())
            })
        });
        assert_eq!(read.count(), entries);
        assert_eq!(KNOWLEDGE.functions.find("pg_catalog.pg_sleep").unwrap().risk.value(), 60);
        let line = KNOWLEDGE.settings.find("role").map_or(0, |meaning| meaning.line);
        assert!(line > 0 && text.lines().nth(line - 1).unwrap().contains("role"), "{line}");
        assert_eq!(KNOWLEDGE.tables.find("pg_stat_activity").unwrap().operation, Operation::TelemetryRead);
        // A table of somebody's own may be called so where no system table is.
        let found = |dialect, name| KNOWLEDGE.tables.find_in(dialect, name).map(|meaning| meaning.operation);
        assert_eq!(found(Dialect::Oracle, "dba_free_space"), Some(Operation::AdminRead));
        assert_eq!(found(Dialect::Postgres, "dba_free_space"), None);
        assert_eq!(found(Dialect::ClickHouse, "system.mutations"), Some(Operation::TelemetryRead));
        assert_eq!(found(Dialect::Postgres, "app.system.docs"), None);
    }

    #[test]
    fn columns_are_known_by_their_names() {
        let docs = ["docs".to_owned()];
        for (name, vector, key) in [
            ("embedding", true, false),
            ("body_vec", true, false),
            ("vector_id", false, false),
            ("id", false, true),
            ("doc_id", false, true),
            ("tenant_id", false, false),
        ] {
            assert_eq!((is_vector_column(name), is_key_column(name, &docs)), (vector, key), "{name}");
        }
    }
}
