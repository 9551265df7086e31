//! What a statement of commands behind pipes asks for, Elasticsearch's ES|QL or OpenSearch's PPL, as JSON that the fields of an
//! entry are read from.
//!
//! `FROM docs | WHERE KNN(v, [0.1]) | KEEP title | LIMIT 20` is `{"fields": ["title"], "sources": ["docs"], "limit": 20,
//! "nearest": true}`, and so is `source=docs | fields title | head 20` but for its nearness. A limit counts where nothing behind it
//! makes more rows of one; one that a parameter gives stands under `open`.

use serde_json::{Map, Value};

use super::token::{quoted, word};

/// The most text of one statement.
const MAX_BYTES: usize = 1 << 18;

/// How many rows `head`, `top` and `rare` of PPL give unless they say.
const HEAD: u64 = 10;

#[derive(Clone, Copy, PartialEq)]
enum Token<'t> {
    /// A word, a name with dots and patterns, a number, or a quoted name.
    Word(&'t str),
    Text(&'t str),
    Parameter,
    Mark(char),
}

impl<'t> Token<'t> {
    fn is(self, word: &str) -> bool {
        matches!(self, Self::Word(text) if text.eq_ignore_ascii_case(word))
    }

    fn any(self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    fn number(self) -> Option<u64> {
        match self {
            Self::Word(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn name(self) -> Option<&'t str> {
        match self {
            Self::Word(text) | Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Whether a statement is of commands behind pipes: those of Vespa begin with `select`.
pub(super) fn is_piped(text: &str) -> bool {
    let mut rest = text.trim_start();
    loop {
        let after = match (rest.strip_prefix("//"), rest.strip_prefix("/*")) {
            (Some(comment), _) => comment.split_once('\n'),
            (None, Some(comment)) => comment.split_once("*/"),
            (None, None) => break,
        };
        rest = after.map_or("", |(_, after)| after).trim_start();
    }
    !rest.get(..6).is_some_and(|first| first.eq_ignore_ascii_case("select"))
}

/// The parts of a statement; `None` where it has no one reading.
pub(super) fn reading(text: &str) -> Option<Value> {
    let all = tokens(Some(text).filter(|text| text.len() <= MAX_BYTES)?)?;
    let (mut found, mut open) = (Map::new(), Map::new());
    found.insert("sources".to_owned(), sources(&all).into());
    if all.windows(2).any(|two| matches!(two, [name, Token::Mark('(')] if name.is("knn"))) {
        found.insert("nearest".to_owned(), Value::Bool(true));
    }
    let (mut limit, mut fields) = (None, None);
    for command in commands(&all)? {
        let [first, rest @ ..] = command else { continue };
        let given = rest.iter().find_map(|token| token.number());
        if first.is("limit") {
            match rest.first() {
                Some(Token::Parameter) => drop(open.insert("limit".to_owned(), Value::Bool(true))),
                _ => limit = least(limit, given),
            }
        } else if first.any(&["head", "top", "rare"]) {
            limit = least(limit, Some(given.unwrap_or(HEAD)));
        } else if first.is("stats") && !rest.iter().any(|token| token.is("by")) {
            limit = Some(1);
        } else if first.any(&[
            "mv_expand",
            "mvexpand",
            "expand",
            "join",
            "lookup",
            "fork",
            "append",
            "appendcol",
            "enrich",
            "inlinestats",
        ]) || first.any(&["left", "right", "inner", "cross"])
        {
            // One row may become many.
            limit = None;
        } else if first.any(&["keep", "fields", "table"]) && !matches!(rest.first(), Some(Token::Word("-"))) {
            fields = Some(rest.iter().filter_map(|token| token.name()).map(Value::from).collect::<Vec<_>>());
        }
    }
    found.insert("fields".to_owned(), fields.unwrap_or_default().into());
    if let Some(limit) = limit {
        found.insert("limit".to_owned(), limit.into());
    }
    if !open.is_empty() {
        found.insert("open".to_owned(), open.into());
    }
    Some(found.into())
}

fn least(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// The commands between the pipes that stand in no brackets; `None` where brackets do not match.
fn commands<'a, 't>(all: &'a [Token<'t>]) -> Option<Vec<&'a [Token<'t>]>> {
    let (mut found, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, token) in all.iter().enumerate() {
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') => depth = depth.checked_sub(1)?,
            Token::Mark('|') if depth == 0 => {
                found.push(all.get(start..at)?);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(all.get(start..)?);
    (depth == 0).then_some(found)
}

/// The indices: behind `FROM` and `JOIN`, and what `source` or `index` is, within brackets too.
fn sources(all: &[Token<'_>]) -> Vec<Value> {
    let mut found = Vec::new();
    for (at, token) in all.iter().enumerate() {
        let named = match all.get(at + 1) {
            Some(Token::Mark('=')) if token.any(&["source", "index"]) => at + 2,
            _ if token.any(&["from", "ts", "metrics", "join"]) && begins(all, at) => at + 1,
            _ => continue,
        };
        let mut rest = all.get(named..).unwrap_or_default().iter();
        while let Some(name) = rest.next().and_then(|token| token.name()) {
            found.push(Value::from(name));
            if rest.next() != Some(&Token::Mark(',')) {
                break;
            }
        }
    }
    found
}

/// Whether a command may begin at this token: behind a pipe, a bracket, or the kind of a join.
fn begins(all: &[Token<'_>], at: usize) -> bool {
    match at.checked_sub(1).and_then(|before| all.get(before)) {
        None | Some(Token::Mark(_)) => true,
        Some(before) => before.any(&["lookup", "left", "right", "inner", "outer", "cross", "semi", "anti"]),
    }
}

/// The tokens of a statement, without comments; `None` where it ends within a text or a comment.
fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
            continue;
        }
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/")?.1;
            continue;
        }
        let Some(first) = rest.chars().next() else { return Some(found) };
        if let Some(inner) = rest.strip_prefix("\"\"\"") {
            let (text, after) = inner.split_once("\"\"\"")?;
            found.push(Token::Text(text));
            rest = after;
            continue;
        }
        let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '*' | ':' | '@');
        let length = match first {
            '"' | '\'' | '`' => {
                let length = quoted(rest, first)?;
                let inner = rest.get(1..length.checked_sub(1)?)?;
                found.push(if first == '`' { Token::Word(inner) } else { Token::Text(inner) });
                length
            }
            '?' => {
                found.push(Token::Parameter);
                1 + word(rest.get(1..)?, |c| c.is_alphanumeric() || c == '_')
            }
            c if part(c) => {
                let length = word(rest, part);
                found.push(Token::Word(rest.get(..length)?));
                length
            }
            c => {
                found.push(Token::Mark(c));
                c.len_utf8()
            }
        };
        rest = rest.get(length..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_a_statement_asks_for() {
        for (text, read) in [
            (
                "FROM docs, logs-* METADATA _id | WHERE a > 3 AND KNN(v, [0.1, 0.2]) | KEEP title, v | LIMIT 20",
                json!({"sources": ["docs", "logs-*"], "limit": 20, "nearest": true, "fields": ["title", "v"]}),
            ),
            (
                "source=docs | where a > 3 | head 7 from 3",
                json!({"sources": ["docs"], "limit": 7, "fields": []}),
            ),
            ("search source = docs | head", json!({"sources": ["docs"], "limit": 10, "fields": []})),
            ("FROM docs | STATS n = COUNT(*)", json!({"sources": ["docs"], "limit": 1, "fields": []})),
            ("FROM docs | LIMIT 5 | MV_EXPAND tags", json!({"sources": ["docs"], "fields": []})),
            ("FROM docs | LIMIT ?n", json!({"sources": ["docs"], "fields": [], "open": {"limit": true}})),
            (
                "FROM docs | EVAL a = \"| LIMIT 1\" // | LIMIT 1\n| LOOKUP JOIN users ON id",
                json!({"sources": ["docs", "users"], "fields": []}),
            ),
            ("ROW a = 1", json!({"sources": [], "fields": []})),
        ] {
            assert_eq!(reading(text), Some(read), "{text}");
        }
        assert!(reading("FROM docs | WHERE a == \"x").is_none() && reading("FROM docs )").is_none());
        assert!(!is_piped("/* a */ select * from a where true") && is_piped("FROM a"));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "(FROM|LIMIT|head|source|[a-z0-9 \\\\\"'`{}()\\[\\]|;*/?=,.-]){0,40}") {
            let read = reading(&text);
            prop_assert!(read.is_none_or(|read| read["sources"].is_array()));
        }
    }
}
