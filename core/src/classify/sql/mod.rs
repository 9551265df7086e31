//! What SQL does: every statement of a text becomes [`Act`]s, by its effects and not by its first word.
//!
//! Caps that a linear pass checks come first; then our own lexer, by the rules of the dialect; then readers of queries,
//! writes, transfers and definitions, which walk the tokens. `sqlparser` reads queries and writes a second time: what its
//! grammar refuses, or a table that only it sees, makes the text `unknown` besides. **What has no reading is `unknown`,
//! with a reason, and never a read.**
//!
//! ```
//! use wardline::classify::{Dialect, sql};
//! use wardline::model::Operation;
//!
//! let read = sql("SELECT id FROM docs WHERE id = $1; DROP/**/TABLE docs", Some(Dialect::Postgres));
//! assert_eq!(read.acts[0].operation, Operation::DataRead);
//! assert_eq!(read.acts[1].operation, Operation::CollectionDrop);
//! assert_eq!(read.tables, ["docs"]);
//! assert_eq!(read.reason, None);
//! ```

pub(super) mod asked;
mod batch;
mod columns;
mod condition;
mod cursor;
mod define;
mod dialect;
mod effects;
mod forms;
mod grammar;
mod knowledge;
mod lexer;
mod pipes;
mod query;
mod seen;
mod statement;
mod transfer;
mod upkeep;
mod variables;
mod wording;
mod write;

#[cfg(test)]
mod tests;

pub use dialect::Dialect;

use effects::Effects;
use lexer::Kind;
use variables::Variables;

use super::explain::{Ground, Place};
use crate::model::{Act, Operation};

/// How deep texts of SQL within texts of SQL may be.
const TEXTS: usize = 4;

/// What a text of SQL does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statements {
    /// One act for each operation and resource; every one must pass. Never empty.
    pub acts: Vec<Act>,
    /// The tables it reads, writes or defines: bare names in lower case, without a schema that everybody has.
    pub tables: Vec<String>,
    /// Why `unknown` is among the acts: `too_long`, `too_deep`, `too_many_statements`, `too_complex`, `unbalanced`,
    /// `open_string`, `open_comment`, `bad_escape`, `control_character`, `empty`, `dynamic`, `unclear_table`,
    /// `not_a_statement`, `not_a_query`, `not_understood`, `not_parsed` or `two_readings`.
    pub reason: Option<&'static str>,
}

/// Classifies a text of SQL; without a dialect by the one that its quotes look like.
pub fn sql(text: &str, dialect: Option<Dialect>) -> Statements {
    sql_with(text, dialect, &[])
}

/// The same of a text whose parameters have values, by their places (`$1` is the first, so is the first `?`): those that are whole numbers,
/// which a `LIMIT` may be.
pub fn sql_with(text: &str, dialect: Option<Dialect>, numbers: &[Option<u64>]) -> Statements {
    seen::once(text, dialect, numbers, || {
        let Effects { acts, tables, reason, bounds, .. } = read(text, dialect, numbers, false);
        (Statements { acts, tables, reason }, bounds.used())
    })
}

/// Why a text of SQL does what it does.
pub(super) fn grounds(text: &str, dialect: Option<Dialect>) -> Vec<Ground> {
    let Effects { acts, notes, .. } = read(text, dialect, &[], true);
    let notes = notes.unwrap_or_default();
    let ground = |act: Act| {
        let by = notes.iter().find(|note| note.act == act);
        let (number, words) = by.map_or((0, ""), |note| (note.statement.0, note.statement.1.as_str()));
        let place = by.and_then(|note| note.line).map(|line| Place::of("data/sql.yaml", line));
        let base = by.map_or(act.operation.base_risk(), |note| note.base);
        Ground::of(act, base).part(number, words).row(place, None)
    };
    acts.into_iter().map(ground).collect()
}

fn read(text: &str, dialect: Option<Dialect>, numbers: &[Option<u64>], asked: bool) -> Effects {
    let mut effects = Effects::new(dialect.unwrap_or_else(|| Dialect::guess(text)));
    effects.bounds.numbers = numbers.into();
    effects.notes = asked.then(Vec::new);
    script(text, &mut effects);
    if effects.acts.is_empty() {
        if effects.reason.is_none() && text.len() <= lexer::BYTES {
            let only = if effects.set { Operation::SessionControl } else { Operation::None };
            effects.acts.push(Act::new(only, ""));
        } else {
            effects.unknown("empty");
        }
    }
    effects
}

/// Reads each statement of a text.
fn script(text: &str, effects: &mut Effects) {
    let tokens = match lexer::tokens(text, effects.dialect) {
        Ok(tokens) => tokens,
        Err(reason) => return effects.unknown(reason),
    };
    let (mut rest, mut statements) = (tokens.as_slice(), 0);
    let outer =
        (std::mem::replace(&mut effects.variables, Variables::of(rest)), std::mem::take(&mut effects.blocks));
    while !rest.is_empty() {
        let end = statement::end(rest, effects.dialect);
        let tokens = rest.get(..end).unwrap_or(rest);
        let parted = rest.get(end).is_some_and(|token| token.kind == Kind::Semicolon);
        rest = rest.get(end + usize::from(parted)..).unwrap_or_default();
        if tokens.is_empty() {
            continue;
        }
        statements += 1;
        if statements > lexer::STATEMENTS {
            effects.unknown("too_many_statements");
            break;
        }
        (effects.own_form, effects.vector_columns) = (false, Vec::new());
        if effects.notes.is_some() && effects.depth == 0 {
            let words = tokens.iter().take_while(|token| token.kind == Kind::Word).take(2);
            let words: Vec<String> = words.map(|token| token.text.to_ascii_uppercase()).collect();
            effects.statement = (effects.statement.0 + 1, words.join(" "));
        }
        statement::whole(tokens, effects);
        if effects.dialect != Dialect::SqlServer && batch::goes_on(tokens) {
            effects.unknown("not_understood");
        }
        if !effects.own_form
            && let Some(reason) = grammar::objects_to(tokens, effects.dialect, &effects.tables)
        {
            effects.unknown(reason);
        }
    }
    (effects.variables, effects.blocks) = outer;
}

/// Reads a text that a statement runs.
fn run(text: &str, effects: &mut Effects) {
    if effects.depth >= TEXTS {
        return effects.unknown("too_deep");
    }
    let (own_form, columns) = (effects.own_form, std::mem::take(&mut effects.vector_columns));
    // A text within has parameters of its own.
    let numbers = std::mem::take(&mut effects.bounds.numbers);
    effects.depth += 1;
    script(text, effects);
    effects.depth -= 1;
    effects.bounds.numbers = numbers;
    (effects.own_form, effects.vector_columns) = (own_form, columns);
}
