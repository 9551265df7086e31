//! What a condition keeps: every row, the rows of some keys, or some rows that nobody can count here.

use super::cursor::{Tokens, any, at, bare, commas, from, inside, is, is_query, keyword, kind, split};
use super::effects::Bound;
use super::knowledge::is_key_column;
use super::lexer::{Kind, Token};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// Always true.
    Every,
    /// At most so many keys.
    Keys(u64),
    /// Anything else.
    Some,
}

impl Condition {
    pub(super) fn bound(self) -> Bound {
        match self {
            Self::Keys(count) => Some(count),
            Self::Every | Self::Some => None,
        }
    }
}

/// Reads a condition on `tables`.
pub(super) fn condition(tokens: Tokens<'_, '_>, tables: &[String]) -> Condition {
    let tokens = bare(tokens);
    let alternatives = split(tokens, |place| keyword(tokens, place, &["OR"]) || is_pipes(tokens, place));
    if alternatives.len() > 1 {
        let each = alternatives.iter().map(|one| condition(one, tables));
        return each.reduce(either).unwrap_or(Condition::Some);
    }
    let mut within = false;
    let places: Vec<usize> = super::cursor::places(tokens)
        .filter(|place| {
            within |= keyword(tokens, *place, &["BETWEEN"]);
            let and = keyword(tokens, *place, &["AND"]);
            // The first AND after BETWEEN is its own.
            let cuts = and && !within;
            within &= !and;
            cuts
        })
        .collect();
    if !places.is_empty() {
        let each = split(tokens, |place| places.binary_search(&place).is_ok());
        return each.iter().map(|one| condition(one, tables)).reduce(both).unwrap_or(Condition::Some);
    }
    atom(tokens, tables)
}

fn is_pipes(tokens: Tokens<'_, '_>, place: usize) -> bool {
    // `'a' || 'b'` joins texts; only MySQL reads it as OR, and there it can be always true.
    at(tokens, place).is_some_and(|token| token.operator("||"))
        && at(tokens, place + 1).is_some_and(|token| token.kind == Kind::Number || token.is("TRUE"))
}

fn either(a: Condition, b: Condition) -> Condition {
    match (a, b) {
        (Condition::Every, _) | (_, Condition::Every) => Condition::Every,
        (Condition::Keys(a), Condition::Keys(b)) => Condition::Keys(a.saturating_add(b)),
        _ => Condition::Some,
    }
}

fn both(a: Condition, b: Condition) -> Condition {
    match (a, b) {
        (Condition::Every, other) | (other, Condition::Every) => other,
        (Condition::Keys(a), Condition::Keys(b)) => Condition::Keys(a.min(b)),
        (Condition::Keys(a), Condition::Some) | (Condition::Some, Condition::Keys(a)) => Condition::Keys(a),
        (Condition::Some, Condition::Some) => Condition::Some,
    }
}

fn atom(tokens: Tokens<'_, '_>, tables: &[String]) -> Condition {
    if is(tokens, 0, "NOT") {
        return if never(bare(from(tokens, 1))) { Condition::Every } else { Condition::Some };
    }
    if tokens.len() == 1 {
        return match at(tokens, 0) {
            Some(token) if token.is("TRUE") => Condition::Every,
            Some(token)
                if matches!(token.kind, Kind::Number | Kind::Text)
                    && !token.text.trim_matches('0').is_empty() =>
            {
                Condition::Every
            }
            _ => Condition::Some,
        };
    }
    if any(tokens, 0, &["CURRENT"]) && is(tokens, 1, "OF") {
        return Condition::Keys(1);
    }
    let compared = super::cursor::places(tokens).find(|place| {
        at(tokens, *place).is_some_and(|token| {
            (token.kind == Kind::Operator
                && matches!(&*token.text, "=" | "<" | ">" | "<=" | ">=" | "<>" | "!=" | "<=>"))
                || token.any(&["IN", "LIKE", "ILIKE", "IS", "NOT", "BETWEEN"])
        })
    });
    let Some(place) = compared else { return Condition::Some };
    let (left, right) = (super::cursor::between(tokens, 0, place), from(tokens, place + 1));
    let Some(operator) = at(tokens, place) else { return Condition::Some };
    match &*operator.text.to_ascii_uppercase() {
        "=" | "<=>" if same(left, right) => Condition::Every,
        "=" => {
            if same(left, right) {
                Condition::Every
            } else if key(left, tables) && single(right) || key(right, tables) && single(left) {
                Condition::Keys(1)
            } else if key(left, tables) {
                listed(right).map_or(Condition::Some, Condition::Keys)
            } else {
                Condition::Some
            }
        }
        "<=" | ">=" if same(left, right) => Condition::Every,
        "<=" | "<" if is(left, 0, "ROWNUM") && left.len() == 1 => {
            number(right).map_or(Condition::Some, Condition::Keys)
        }
        "<>" | "!=" | "<" | ">" | "<=" | ">=" if constant(left) && constant(right) => Condition::Every,
        "IN" if key(left, tables) => match inside(right, 0) {
            Some(list) if !is_query(list) && right.len() == list.len() + 2 => {
                let values = commas(list);
                if values.iter().all(|value| single(value)) {
                    Condition::Keys(values.len() as u64)
                } else {
                    Condition::Some
                }
            }
            _ => Condition::Some,
        },
        "IN" if constant(left) => Condition::Every,
        "LIKE" | "ILIKE"
            if at(right, 0)
                .is_some_and(|token| token.kind == Kind::Text && token.text.trim_matches('%').is_empty()) =>
        {
            Condition::Every
        }
        "IS" if is(right, 0, "NOT") && is(right, 1, "NULL") && (key(left, tables) || constant(left)) => {
            Condition::Every
        }
        "IS" if is(right, 0, "NULL") && is(left, 0, "NULL") => Condition::Every,
        "IS" if is(right, 0, "TRUE") => condition(left, tables),
        _ => Condition::Some,
    }
}

/// Whether constants make it false.
fn never(tokens: Tokens<'_, '_>) -> bool {
    let sides = split(tokens, |place| at(tokens, place).is_some_and(|token| token.operator("=")));
    match sides.as_slice() {
        [_] if tokens.len() == 1 => any(tokens, 0, &["FALSE"]) || is_number(tokens, 0, "0"),
        [left, right] => constant(left) && constant(right) && !same(left, right),
        _ => false,
    }
}

fn is_number(tokens: Tokens<'_, '_>, place: usize, text: &str) -> bool {
    at(tokens, place).is_some_and(|token| token.kind == Kind::Number && token.text == text)
}

fn number(tokens: Tokens<'_, '_>) -> Option<u64> {
    at(tokens, 0).filter(|token| token.kind == Kind::Number && tokens.len() == 1)?.text.parse().ok()
}

/// Whether both sides say the same, letter for letter.
fn same(left: Tokens<'_, '_>, right: Tokens<'_, '_>) -> bool {
    let (left, right) = (bare(left), bare(right));
    let equal = |(a, b): (&Token<'_>, &Token<'_>)| {
        a.kind == b.kind
            && if a.kind == Kind::Word { a.text.eq_ignore_ascii_case(&b.text) } else { a.text == b.text }
    };
    !left.is_empty() && left.len() == right.len() && left.iter().zip(right).all(equal)
        // Two places for values are two values, and each call of a function may say something else.
        && !left.iter().any(|token| token.kind == Kind::Parameter && token.text == "?")
}

/// How many values an array that is written out has: `ANY (ARRAY[3, 5])`, `ANY ('{3,5}'::int[])`.
fn listed(tokens: Tokens<'_, '_>) -> Option<u64> {
    let array = bare(inside(tokens, 1).filter(|_| any(tokens, 0, &["ANY", "SOME"]))?);
    let end = array.iter().position(|token| token.operator("::")).unwrap_or(array.len());
    let array = super::cursor::between(array, 0, end);
    match array {
        [text] if text.kind == Kind::Text => {
            let list = text.text.trim().strip_prefix('{')?.strip_suffix('}')?;
            Some(list.split(',').count() as u64)
        }
        [word, open, list @ .., close] if word.is("ARRAY") && open.operator("[") && close.operator("]") => {
            let values = commas(list);
            // Behind the second number of a list the others are only counted.
            let more = list.last().filter(|last| last.kind == Kind::Number).map_or(0, |last| last.more);
            values.iter().all(|value| single(value)).then_some(values.len() as u64 + u64::from(more))
        }
        _ => None,
    }
}

fn constant(tokens: Tokens<'_, '_>) -> bool {
    !tokens.is_empty()
        && tokens.iter().all(|token| matches!(token.kind, Kind::Number | Kind::Text | Kind::Operator))
}

fn key(tokens: Tokens<'_, '_>, tables: &[String]) -> bool {
    let tokens = bare(tokens);
    // `id` or `t.id`, and a cast of it.
    let end = tokens.iter().position(|token| token.operator("::")).unwrap_or(tokens.len());
    let column = super::cursor::between(tokens, 0, end);
    column
        .iter()
        .enumerate()
        .all(|(n, token)| if n % 2 == 0 { token.names() } else { token.kind == Kind::Dot })
        && column.last().is_some_and(|token| token.names() && is_key_column(&token.text, tables))
}

/// Whether this is one value that no row decides.
fn single(tokens: Tokens<'_, '_>) -> bool {
    let tokens = bare(tokens);
    if at(tokens, 0).is_some_and(|token| token.operator("-")) {
        return single(from(tokens, 1));
    }
    let first = at(tokens, 0);
    if first.is_some_and(|token| token.any(&["SELECT"])) {
        return true;
    }
    let value = first.is_some_and(|token| matches!(token.kind, Kind::Number | Kind::Text | Kind::Parameter));
    let typed = first.is_some_and(|token| token.any(&["UUID", "CAST"]))
        && kind(tokens, 1).is_some_and(|kind| matches!(kind, Kind::Text | Kind::Open));
    let rest = from(tokens, 1);
    value && (rest.is_empty() || rest.first().is_some_and(|token| token.operator("::"))) || typed
}
