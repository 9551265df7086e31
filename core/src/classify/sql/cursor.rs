//! Walking over tokens at one depth of parentheses.

use super::lexer::{Kind, Token};

pub(super) type Tokens<'t, 'a> = &'t [Token<'a>];

/// A token, by its place.
pub(super) fn at<'t, 'a>(tokens: Tokens<'t, 'a>, index: usize) -> Option<&'t Token<'a>> {
    tokens.get(index)
}

/// From `index` on.
pub(super) fn from<'t, 'a>(tokens: Tokens<'t, 'a>, index: usize) -> Tokens<'t, 'a> {
    tokens.get(index..).unwrap_or(&[])
}

pub(super) fn between<'t, 'a>(tokens: Tokens<'t, 'a>, from: usize, to: usize) -> Tokens<'t, 'a> {
    tokens.get(from..to.min(tokens.len())).unwrap_or(&[])
}

pub(super) fn is(tokens: Tokens<'_, '_>, index: usize, word: &str) -> bool {
    at(tokens, index).is_some_and(|token| token.is(word))
}

pub(super) fn any(tokens: Tokens<'_, '_>, index: usize, words: &[&str]) -> bool {
    at(tokens, index).is_some_and(|token| token.any(words))
}

pub(super) fn kind(tokens: Tokens<'_, '_>, index: usize) -> Option<Kind> {
    at(tokens, index).map(|token| token.kind)
}

/// The places at this depth, parentheses as one.
pub(super) fn places<'t>(tokens: Tokens<'t, '_>) -> impl Iterator<Item = usize> + 't {
    let mut next = 0;
    std::iter::from_fn(move || {
        let place = next;
        next = after(tokens, place);
        (place < tokens.len()).then_some(place)
    })
}

/// The place after the token or the parentheses at `index`.
pub(super) fn after(tokens: Tokens<'_, '_>, index: usize) -> usize {
    match at(tokens, index) {
        Some(token) if token.kind == Kind::Open => index + token.mate + 1,
        _ => index + 1,
    }
}

/// What the parentheses at `index` hold.
pub(super) fn inside<'t, 'a>(tokens: Tokens<'t, 'a>, index: usize) -> Option<Tokens<'t, 'a>> {
    let token = at(tokens, index)?;
    (token.kind == Kind::Open).then(|| between(tokens, index + 1, index + token.mate))
}

/// The first place at this depth, from `start` on, of a keyword: a word that is no part of a dotted name.
pub(super) fn find(tokens: Tokens<'_, '_>, start: usize, words: &[&str]) -> Option<usize> {
    places(from(tokens, start)).map(|place| place + start).find(|place| keyword(tokens, *place, words))
}

pub(super) fn keyword(tokens: Tokens<'_, '_>, place: usize, words: &[&str]) -> bool {
    any(tokens, place, words)
        && (place == 0 || kind(tokens, place - 1) != Some(Kind::Dot))
        && kind(tokens, place + 1) != Some(Kind::Dot)
}

/// Cuts at this depth wherever `cuts` says.
pub(super) fn split<'t, 'a>(tokens: Tokens<'t, 'a>, cuts: impl Fn(usize) -> bool) -> Vec<Tokens<'t, 'a>> {
    let (mut parts, mut start) = (Vec::new(), 0);
    for place in places(tokens) {
        if cuts(place) {
            parts.push(between(tokens, start, place));
            start = place + 1;
        }
    }
    parts.push(from(tokens, start));
    parts
}

pub(super) fn commas<'t, 'a>(tokens: Tokens<'t, 'a>) -> Vec<Tokens<'t, 'a>> {
    split(tokens, |place| kind(tokens, place) == Some(Kind::Comma))
}

/// Without parentheses around all of it.
pub(super) fn bare<'t, 'a>(mut tokens: Tokens<'t, 'a>) -> Tokens<'t, 'a> {
    while let Some(inner) = inside(tokens, 0) {
        if inner.len() + 2 != tokens.len() {
            break;
        }
        tokens = inner;
    }
    tokens
}

/// Most parts of a dotted name.
const PARTS: usize = 32;

/// A dotted name at `index`: the name, bare words in lower case, and the place after it.
pub(super) fn name(tokens: Tokens<'_, '_>, index: usize) -> Option<(String, usize)> {
    let mut name = String::new();
    let mut place = index;
    for _ in 0..PARTS {
        let token = at(tokens, place)
            .filter(|token| token.names() || token.kind == Kind::Parameter || token.kind == Kind::Number)?;
        match token.kind {
            Kind::Word | Kind::Parameter => name.push_str(&token.text.to_lowercase()),
            Kind::Number if place == index => return None,
            _ => name.push_str(&token.text),
        }
        place += 1;
        let mut dots = 0;
        while kind(tokens, place) == Some(Kind::Dot) {
            dots += 1;
            place += 1;
        }
        // Only a name goes on behind the dot; `a.*` ends here.
        if dots == 0 || !at(tokens, place).is_some_and(Token::names) {
            return Some((name, place));
        }
        name.push('.');
    }
    None
}

/// A table's name without the schema that everybody has.
pub(super) fn table(name: String) -> String {
    match name.split_once('.') {
        Some(("public" | "dbo" | "main", rest)) if !rest.is_empty() => rest.to_owned(),
        _ => name,
    }
}

/// Functions of SQL Server that stand for rows of another server or of a file, where a table may stand too.
const ROWSETS: [&str; 3] = ["OPENROWSET", "OPENQUERY", "OPENDATASOURCE"];

/// The place after such a function and the name of a table of it, where one begins at `index`.
pub(super) fn rowset(tokens: Tokens<'_, '_>, index: usize) -> Option<usize> {
    if !any(tokens, index, &ROWSETS) || kind(tokens, index + 1) != Some(Kind::Open) {
        return None;
    }
    let mut place = after(tokens, index + 1);
    // `OPENDATASOURCE(...).db.dbo.t`
    while kind(tokens, place) == Some(Kind::Dot) {
        place += 1 + usize::from(at(tokens, place + 1).is_some_and(Token::names));
    }
    Some(place)
}

/// Whether what stands behind `TABLE t` says that it is an argument and no query: `f(TABLE t, ...)`.
fn goes_on(tokens: Tokens<'_, '_>, place: usize) -> bool {
    // `TABLE t *` is the table with those that inherit from it.
    matches!(kind(tokens, place), Some(Kind::Comma | Kind::Operator))
        && !at(tokens, place).is_some_and(|token| token.operator("*"))
}

/// Whether a query begins here.
pub(super) fn is_query(tokens: Tokens<'_, '_>) -> bool {
    let tokens = bare(tokens);
    match at(tokens, 0) {
        Some(token) if token.kind == Kind::Open => inside(tokens, 0).is_some_and(is_query),
        Some(token) => {
            token.any(&["SELECT", "WITH", "VALUES"])
                // DuckDB reads `FROM 'a.parquet'` and `FROM (FROM t)` too.
                || (token.is("FROM")
                    && at(tokens, 1)
                        .is_some_and(|next| next.names() || matches!(next.kind, Kind::Text | Kind::Open)))
                || (token.is("TABLE") && name(tokens, 1).is_some_and(|(_, next)| !goes_on(tokens, next)))
        }
        None => false,
    }
}
