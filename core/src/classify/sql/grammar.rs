//! A second reading by `sqlparser`: what its grammar refuses, or what it finds and we did not, is unknown.
//!
//! The text that it gets is written anew from our tokens, so that no comment, escape or quote can mean one thing here and
//! another there.

use std::cell::LazyCell;
use std::collections::HashSet;
use std::ops::ControlFlow;

use sqlparser::ast::{Ident, ObjectName, Statement, visit_relations};
use sqlparser::dialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Tokenizer;

use super::Dialect;
use super::cursor::{Tokens, kind, table};
use super::lexer::{Kind, NESTING, Token};
use super::wording::Wordings;

/// Most operators of a statement: a chain of them is as deep a tree as it is long, and its readers recurse.
const CHAIN: usize = 512;

/// Most tokens of a statement that it reads, lists of constants told short.
const LONG: usize = 1 << 14;

/// Most letters of a string of it.
const TEXT: usize = 64;

/// Deepest parentheses of a statement that it reads: it tries what begins with one in several ways, at each level.
const NESTED: usize = 16;

/// Most tokens of a subscript.
const SUBSCRIPT: usize = 8;

fn deepest(tokens: Tokens<'_, '_>) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for token in tokens {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Why the grammar does not stand behind a reading of `tokens` that found `known` tables; `None` where it does.
pub(super) fn objects_to(tokens: Tokens<'_, '_>, dialect: Dialect, known: &[String]) -> Option<&'static str> {
    let chained = tokens.iter().filter(|token| {
        matches!(token.kind, Kind::Operator | Kind::Dot)
            || token.any(&[
                "AND",
                "OR",
                "NOT",
                "UNION",
                "EXCEPT",
                "INTERSECT",
                "IS",
                "IN",
                "LIKE",
                "JOIN",
                "CASE",
                "WHEN",
                "COLLATE",
                "AT",
            ])
    });
    if chained.count() > CHAIN || deepest(tokens) > NESTED {
        return Some("too_complex");
    }
    let Some(text) = written(tokens, dialect) else { return Some("too_complex") };
    let grammar = grammar(dialect);
    // A space and a token for each of ours, so that the list need not grow.
    let mut read = Vec::with_capacity(2 * tokens.len());
    if Tokenizer::new(grammar, &text).tokenize_with_location_into_buf(&mut read).is_err() {
        return Some("not_parsed");
    }
    let parser = Parser::new(grammar).with_recursion_limit(NESTING * 2);
    let Ok(statements) = parser.with_tokens_with_locations(read).parse_statements() else {
        return Some("not_parsed");
    };
    (statements.len() != 1 || statements.iter().any(|statement| names_more(statement, tokens, known)))
        .then_some("two_readings")
}

/// Whether the statement names a table that is neither known nor a name that a `WITH` gives.
fn names_more(statement: &Statement, tokens: Tokens<'_, '_>, known: &[String]) -> bool {
    // A name of a WITH stands right before AS or its list of columns; a function before its arguments. Asked for what is not known alone.
    let given = LazyCell::new(|| -> HashSet<String> {
        let pairs = tokens.iter().zip(tokens.iter().skip(1));
        let named = pairs.filter(|(token, next)| token.names() && (next.is("AS") || next.kind == Kind::Open));
        named.map(|(token, _)| token.text.to_lowercase()).collect()
    });
    visit_relations(statement, |relation: &ObjectName| {
        let parts: Vec<&Ident> = relation.0.iter().filter_map(|part| part.as_ident()).collect();
        let whole = parts.len() == relation.0.len();
        // `master..sysobjects` leaves a part out, as our name of it does.
        let parts: Vec<&Ident> = parts.into_iter().filter(|part| !part.value.is_empty()).collect();
        let name: Vec<String> = parts
            .iter()
            .map(
                |part| {
                    if part.quote_style.is_some() { part.value.clone() } else { part.value.to_lowercase() }
                },
            )
            .collect();
        let name = table(name.join("."));
        let last = parts.last().map_or("", |part| part.value.as_str());
        if known.contains(&name) || !whole || given.contains(&last.to_lowercase()) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })
    .is_break()
}

fn grammar(dialect: Dialect) -> &'static dyn dialect::Dialect {
    match dialect {
        Dialect::Postgres => &dialect::PostgreSqlDialect {},
        Dialect::MySql => &dialect::MySqlDialect {},
        Dialect::Sqlite => &dialect::SQLiteDialect {},
        Dialect::DuckDb => &dialect::DuckDbDialect {},
        Dialect::ClickHouse => &dialect::ClickHouseDialect {},
        Dialect::Snowflake => &dialect::SnowflakeDialect {},
        Dialect::BigQuery => &dialect::BigQueryDialect {},
        Dialect::SqlServer => &dialect::MsSqlDialect {},
        Dialect::Redshift => &dialect::RedshiftSqlDialect {},
        Dialect::Spark => &dialect::DatabricksDialect {},
        Dialect::Oracle => &dialect::GenericDialect {},
    }
}

/// What is written for an operator that the grammar does not know: one reads as another.
fn known(operator: &str, dialect: Dialect) -> Option<&'static str> {
    match operator {
        "**" => Some("*"),
        "^@" => Some("="),
        "+=" | "-=" | "*=" | "/=" | "%=" | "&=" | "|=" | "^=" => Some("="),
        "!" if dialect == Dialect::MySql => Some("NOT"),
        _ => super::columns::DISTANCES.contains(&operator).then_some("-"),
    }
}

/// Whether an operand stands at `place`, so that a `?` before it asks whether a document has a member.
fn takes_operand(tokens: Tokens<'_, '_>, place: usize) -> bool {
    let begins = matches!(kind(tokens, place), Some(Kind::Text | Kind::Name | Kind::Parameter | Kind::Open));
    begins || super::cursor::is(tokens, place, "ARRAY")
}

/// Whether a sign at `place` is one of ClickHouse's `a ? b : c`, behind an operand, and no parameter.
fn chooses(tokens: Tokens<'_, '_>, place: usize, dialect: Dialect) -> bool {
    const BEFORE: [&str; 26] = [
        "WHERE", "PREWHERE", "AND", "OR", "NOT", "IN", "LIMIT", "OFFSET", "SELECT", "BETWEEN", "LIKE",
        "ILIKE", "VALUES", "CASE", "WHEN", "THEN", "ELSE", "ON", "BY", "SET", "FROM", "HAVING", "INTERVAL",
        "AS", "DIV", "DISTINCT",
    ];
    let before = place.checked_sub(1).and_then(|before| tokens.get(before));
    dialect == Dialect::ClickHouse
        && before.is_some_and(|token| match token.kind {
            Kind::Word => !token.any(&BEFORE),
            Kind::Name | Kind::Number | Kind::Text | Kind::Close => true,
            _ => token.operator("]"),
        })
}

/// What is not written: `['a']` in `SET body['a'] = ...`, and `(+)` of an outer join. The place behind it.
fn spared(tokens: Tokens<'_, '_>, place: usize, dialect: Dialect) -> Option<usize> {
    let token = tokens.get(place)?;
    if matches!(dialect, Dialect::Oracle | Dialect::Redshift | Dialect::Snowflake)
        && token.kind == Kind::Open
        && token.mate == 2
        && tokens.get(place + 1)?.operator("+")
    {
        return Some(place + 3);
    }
    if !token.operator("[") || !tokens.first()?.is("UPDATE") || !tokens.get(place.checked_sub(1)?)?.names() {
        return None;
    }
    let mut end = place;
    while tokens.get(end).is_some_and(|token| token.operator("[")) {
        let close = tokens.iter().skip(end).take(SUBSCRIPT).position(|token| token.operator("]"))?;
        end += close + 1;
    }
    tokens.get(end)?.operator("=").then_some(end)
}

/// The tokens as text; of a list of constants the first ones, which read as all of them. `None` where it is too long.
fn written(tokens: Tokens<'_, '_>, dialect: Dialect) -> Option<String> {
    let constant = |at: usize| matches!(kind(tokens, at), Some(Kind::Number | Kind::Text));
    let comma = |at: usize| kind(tokens, at) == Some(Kind::Comma);
    let wordings = Wordings::of(dialect);
    let mut text = String::with_capacity(8 * tokens.len().min(LONG));
    let (mut tight, mut written, mut at, mut choices) = (true, 0, 0, 0_usize);
    loop {
        // `1, 2, 3,` up to here and `4,` from here on: the last one is written.
        while at > 2 && comma(at) && constant(at + 1) && comma(at + 2) && constant(at - 1) && comma(at - 2) {
            at += 2;
        }
        let Some(token) = tokens.get(at) else { return Some(text) };
        if let Some((wording, mut ones, end)) = wordings.at(tokens, at) {
            ones.reverse();
            for word in &wording.written {
                text.push(' ');
                match if word == "_" { ones.pop().and_then(|one| tokens.get(one)) } else { None } {
                    Some(token) => write(token, dialect, &mut text),
                    None => text.push_str(word),
                }
            }
            (at, tight) = (end, false);
            continue;
        }
        if let Some(end) = spared(tokens, at, dialect) {
            at = end;
            continue;
        }
        at += 1;
        written += 1;
        if written > LONG {
            return None;
        }
        let joins = token.kind == Kind::Dot;
        if token.glued {
            continue;
        }
        if !(tight || joins) {
            text.push(' ');
        }
        tight = joins;
        if matches!(token.kind, Kind::Operator | Kind::Parameter) {
            let start = text.len();
            text.push_str(&token.text);
            let rest = tokens.get(at..).unwrap_or_default();
            text.extend(rest.iter().take_while(|token| token.glued).map(|token| &*token.text));
            let known = match text.get(start..) {
                Some("?") if chooses(tokens, at - 1, dialect) => {
                    choices += 1;
                    Some("AND")
                }
                Some(name)
                    if token.kind == Kind::Parameter
                        && (name.starts_with('%')
                            || name
                                .strip_prefix(':')
                                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))) =>
                {
                    Some("NULL")
                }
                Some(name) if choices > 0 && name.starts_with(':') => {
                    choices -= 1;
                    text.replace_range(start..=start, "AND ");
                    None
                }
                Some("?") if dialect == Dialect::Postgres && !takes_operand(tokens, at) => Some("$1"),
                operator => operator.and_then(|operator| known(operator, dialect)),
            };
            if let Some(known) = known {
                text.truncate(start);
                text.push_str(known);
            }
        } else {
            write(token, dialect, &mut text);
        }
    }
}

/// One token, with the plainest quotes that the dialect has.
fn write(token: &Token<'_>, dialect: Dialect, text: &mut String) {
    match token.kind {
        Kind::Text => {
            // A long text reads as its beginning does.
            let inner = token.text.chars().take(TEXT).collect::<String>().replace('\'', "''");
            let inner = if dialect.backslashes() { inner.replace('\\', "\\\\") } else { inner };
            text.extend(["'", &inner, "'"]);
        }
        Kind::Name if dialect.backticks() && dialect.double_quoted_strings() => {
            text.extend(["`", &token.text.replace('`', "``"), "`"]);
        }
        Kind::Name => text.extend(["\"", &token.text.replace('"', "\"\""), "\""]),
        _ => text.push_str(&token.text),
    }
}
