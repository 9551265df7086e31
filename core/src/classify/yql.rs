//! What a statement of Vespa's query language asks for, as JSON that the fields of an entry are read from.
//!
//! `select title from docs where {targetHits: 9}nearestNeighbor(v, q) limit 20` is
//! `{"fields": ["title"], "sources": ["docs"], "limit": 20, "nearest": true}`. What a variable gives stands under `open`, with a
//! grouping that nothing bounds. A limit counts from the first hit, whatever the offset, so no more than that many come back.

use serde_json::{Map, Value};

use super::token::{quoted, word};

/// The most text of one statement.
const MAX_BYTES: usize = 1 << 18;

/// How many hits a group lists, and how many groups there are, where the grouping does not say.
const GROUPS: u64 = 10;

#[derive(Clone, Copy, PartialEq)]
enum Token<'t> {
    Word(&'t str),
    Number(&'t str),
    Text,
    Variable,
    Mark(char),
}

impl Token<'_> {
    fn is(self, word: &str) -> bool {
        matches!(self, Self::Word(text) if text.eq_ignore_ascii_case(word))
    }
}

/// The parts of a statement; `None` where it has no one reading.
pub(super) fn reading(text: &str) -> Option<Value> {
    let all = tokens(Some(text).filter(|text| text.len() <= MAX_BYTES)?)?;
    let mut top = Vec::with_capacity(all.len());
    let mut depth = 0_usize;
    for (at, token) in all.iter().enumerate() {
        let closes = matches!(token, Token::Mark(')' | ']' | '}'));
        depth = if closes { depth.checked_sub(1)? } else { depth };
        if depth == 0 && !closes {
            top.push((at, *token));
        }
        depth += usize::from(matches!(token, Token::Mark('(' | '[' | '{')));
    }
    let place = |word: &str| top.iter().position(|(_, token)| token.is(word));
    let (from, filter) = (place("from")?, place("where")?);
    if depth != 0 || place("select") != Some(0) || filter < from {
        return None;
    }
    let (mut found, mut open) = (Map::new(), Map::new());
    found.insert("fields".to_owned(), names(top.get(1..from)?));
    let sources = top.get(from + 1..filter)?;
    let sources = if sources.first()?.1.is("sources") { sources.get(1..)? } else { sources };
    found.insert("sources".to_owned(), names(sources));
    if all.windows(2).any(|two| matches!(two, [name, Token::Mark('(')] if name.is("nearestNeighbor"))) {
        found.insert("nearest".to_owned(), Value::Bool(true));
    }
    let (groups, statement) = split(&all, &top)?;
    let mut limit = None;
    for two in statement.windows(2) {
        match two {
            [(_, word), (_, Token::Number(number))] if word.is("limit") && limit.is_none() => {
                limit = Some(number.parse::<u64>().ok()?);
            }
            [(_, word), (_, Token::Variable)] if word.is("limit") => {
                open.insert("limit".to_owned(), Value::Bool(true));
            }
            // Twice, or of something else: `where limit > 3` is a field of that name.
            [(_, word), (_, Token::Number(_))] if word.is("limit") => return None,
            _ => {}
        }
    }
    match grouped(groups) {
        Some(hits) => limit = limit.or(Some(0).filter(|_| hits > 0)).max(Some(hits).filter(|hits| *hits > 0)),
        None => drop(open.insert("grouping".to_owned(), Value::Bool(true))),
    }
    if let Some(limit) = limit {
        found.insert("limit".to_owned(), limit.into());
    }
    if !open.is_empty() {
        found.insert("open".to_owned(), open.into());
    }
    Some(found.into())
}

/// A token that stands in no brackets, with its place among all.
type Top<'t> = (usize, Token<'t>);

/// The tokens of the grouping behind `|`, and the statement before it. Behind `;` nothing may stand.
fn split<'a, 't>(all: &'a [Token<'t>], top: &'a [Top<'t>]) -> Option<(&'a [Token<'t>], &'a [Top<'t>])> {
    let end = top.iter().position(|(_, token)| *token == Token::Mark(';')).unwrap_or(top.len());
    if top.len() > end + 1 {
        return None;
    }
    let pipe = top.iter().position(|(_, token)| *token == Token::Mark('|'));
    let statement = top.get(..pipe.unwrap_or(end))?;
    let groups = pipe.and_then(|pipe| top.get(pipe)).and_then(|(at, _)| all.get(*at..));
    Some((groups.unwrap_or_default(), statement))
}

/// How many documents a grouping lists at most; `None` where nothing bounds it.
fn grouped(tokens: &[Token<'_>]) -> Option<u64> {
    let called = |name: &str| {
        let name = name.to_owned();
        tokens.windows(3).filter_map(move |three| match three {
            [word, Token::Mark('('), argument] if word.is(&name) => Some(*argument),
            _ => None,
        })
    };
    if called("summary").next().is_none() {
        return Some(0);
    }
    let mut most = 1_u64;
    let mut bounds = 0;
    for bound in called("max") {
        let Token::Number(number) = bound else { return None };
        most = most.saturating_mul(number.parse().ok()?);
        bounds += 1;
    }
    // A level without a bound of its own has the default: one for each `group`, and one for the hits of the last.
    let levels = called("group").count() + 1;
    Some((bounds..levels).fold(most, |most, _| most.saturating_mul(GROUPS)))
}

/// The names of a list; `*` is one, and so is what a variable gives.
fn names(tokens: &[Top<'_>]) -> Value {
    let name = |(_, token): &Top<'_>| match token {
        Token::Word(name) => Some(Value::from(*name)),
        Token::Mark('*') | Token::Variable => Some(Value::from("*")),
        _ => None,
    };
    tokens.iter().filter_map(name).collect()
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
        let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '$' | ':');
        let (token, length) = match first {
            '"' | '\'' => (Token::Text, quoted(rest, first)?),
            '@' => (Token::Variable, 1 + word(rest.get(1..)?, part)),
            '0'..='9' => {
                let length = word(rest, |c| c.is_ascii_alphanumeric() || c == '.');
                (Token::Number(rest.get(..length)?), length)
            }
            c if c.is_alphabetic() || c == '_' => {
                let length = word(rest, |c| part(c) && c != ':');
                (Token::Word(rest.get(..length)?), length)
            }
            c => (Token::Mark(c), c.len_utf8()),
        };
        found.push(token);
        rest = rest.get(length..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    proptest! {
        #[test]
        fn a_limit_is_found_whatever_the_filter_says(limit: u32, word in "[a-z \\\\\"{}()|;*/@]{0,12}") {
            let quoted = word.replace('\\', "\\\\").replace('"', "\\\"");
            let text = format!("select * from docs where a contains \"{quoted}\" limit {limit}");
            prop_assert_eq!(reading(&text).and_then(|read| read["limit"].as_u64()), Some(u64::from(limit)));
        }

        #[test]
        fn nothing_makes_it_panic(text in "(select|from|where|limit|[a-z0-9 \\\\\"'{}()\\[\\]|;*/@,.-]){0,40}") {
            let read = reading(&text);
            prop_assert!(read.is_none() || text.contains("where"));
        }
    }

    #[test]
    fn parts_of_a_statement_are_told() {
        for (text, expected) in [
            ("select * from sources * where true", json!({"fields": ["*"], "sources": ["*"]})),
            (
                "SELECT title, url FROM docs WHERE a contains \"x limit 9 \\\" y\" ORDER BY b DESC LIMIT 20 OFFSET 5 timeout 100;",
                json!({"fields": ["title", "url"], "sources": ["docs"], "limit": 20}),
            ),
            (
                "select * from sources a, b.c where {targetHits: 9}nearestNeighbor (v, q) and limit > 3 limit 50",
                json!({"fields": ["*"], "sources": ["a", "b.c"], "limit": 50, "nearest": true}),
            ),
            (
                "select*from docs where a contains 'x' /* limit 1 */ limit // one\n @n",
                json!({"fields": ["*"], "sources": ["docs"], "open": {"limit": true}}),
            ),
            (
                "select * from docs where true limit 0 | all(group(a) each(output(count())))",
                json!({"fields": ["*"], "sources": ["docs"], "limit": 0}),
            ),
            (
                "select * from docs where true limit 0 | all(group(a) max(7) each(max(3) each(output(summary()))))",
                json!({"fields": ["*"], "sources": ["docs"], "limit": 21}),
            ),
            (
                "select * from docs where true | all(group(a) each(each(output(summary()))))",
                json!({"fields": ["*"], "sources": ["docs"], "limit": 100}),
            ),
            (
                "select * from docs where true limit 5 | all(group(a) max(inf) each(each(output(summary()))))",
                json!({"fields": ["*"], "sources": ["docs"], "limit": 5, "open": {"grouping": true}}),
            ),
        ] {
            assert_eq!(reading(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_has_no_one_reading_has_none() {
        for odd in [
            "",
            "select",
            "select * from docs",
            "select * from where true",
            "delete from docs where true",
            "select * from docs where a contains \"x",
            "select * from docs where (true limit 5",
            "select * from docs where true) limit 5",
            "select * from docs where true limit 5 limit 6",
            "select * from docs where true limit 99999999999999999999999",
            "select * from docs where true; select * from docs where true limit 5000",
            "select * from docs where true /* limit 5",
        ] {
            assert_eq!(reading(odd), None, "{odd}");
        }
    }
}
