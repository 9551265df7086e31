//! Queries whose steps come one after the other: `FROM docs |> WHERE id = 1 |> SELECT title`, as BigQuery and Spark have them.
//!
//! Each step takes the rows of the one before: the first says which there are, the others which of them and what of them is kept.

use super::columns;
use super::condition::condition;
use super::cursor::{Tokens, any, at, between, commas, find, from, is, places};
use super::effects::{Effects, Rows, Shape, least};
use super::query::{Scope, limit, nested, query, sources};

/// Whether the two signs of `|>` stand at `place`.
fn is_pipe(tokens: Tokens<'_, '_>, place: usize) -> bool {
    at(tokens, place).is_some_and(|token| token.operator("|"))
        && at(tokens, place + 1).is_some_and(|token| token.operator(">") && token.glued)
}

/// The rows of such a query; `None` where it has no steps.
pub(super) fn piped(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) -> Option<Rows> {
    let mut cuts: Vec<usize> = places(tokens).filter(|place| is_pipe(tokens, *place)).collect();
    let first = *cuts.first()?;
    cuts.push(tokens.len());
    let mut rows = query(between(tokens, 0, first), scope, effects);
    for pair in cuts.windows(2) {
        let [start, end] = pair else { continue };
        step(between(tokens, start + 2, *end), &mut rows, scope, effects);
    }
    effects.own_form = true;
    Some(rows)
}

/// What a step makes of the rows.
fn step(tokens: Tokens<'_, '_>, rows: &mut Rows, scope: &mut Scope, effects: &mut Effects) {
    const JOINS: [&str; 7] = ["JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL"];
    columns::note_vectors(tokens, effects);
    rows.searches |= columns::searches(tokens);
    if any(tokens, 0, &JOINS) {
        let other = sources(tokens, scope, effects);
        let bound = rows.bound.zip(other.bound).map(|(a, b)| a.saturating_mul(b));
        rows.join(other);
        rows.bound = bound;
        return;
    }
    let inner = nested(tokens, scope, effects);
    if any(tokens, 0, &["SELECT", "AGGREGATE"]) {
        let group = find(tokens, 1, &["GROUP"]);
        let start = 1 + usize::from(any(tokens, 1, &["DISTINCT", "ALL"]));
        let items = commas(between(tokens, start, group.unwrap_or(tokens.len())));
        let kept = rows.bound;
        columns::shape(&items, group.map(|place| from(tokens, place)), true, rows, effects);
        rows.bound = if rows.gathers { None } else { least(kept, rows.bound) };
        rows.shape = rows.shape.max(inner.shape);
    } else if is(tokens, 0, "WHERE") {
        rows.bound = least(rows.bound, condition(from(tokens, 1), &effects.tables).bound());
    } else if is(tokens, 0, "LIMIT") {
        rows.bound = least(rows.bound, limit(tokens, &effects.bounds));
    } else if any(tokens, 0, &["UNION", "INTERSECT", "EXCEPT", "EXTEND", "CALL", "PIVOT"])
        && inner.shape > Shape::Nothing
    {
        rows.bound = None;
        rows.join(inner);
    }
}

#[cfg(test)]
mod tests {
    use crate::classify::{Dialect, sql};
    use crate::model::Operation;

    #[test]
    fn each_step_takes_the_rows_of_the_one_before() {
        let read = |text: &str| {
            let read = sql(text, Some(Dialect::BigQuery));
            (read.acts[0].operation, read.acts[0].magnitude.count, read.reason)
        };
        assert_eq!(read("FROM a |> LIMIT 3"), (Operation::DataRead, Some(3), None));
        assert_eq!(read("FROM a |> LIMIT 3 |> WHERE b = 1"), (Operation::DataRead, Some(3), None));
        // What is joined multiplies, and what is added has rows of its own.
        assert_eq!(read("FROM a |> LIMIT 3 |> JOIN b USING (c)"), (Operation::DataExport, None, None));
        assert_eq!(read("FROM a |> LIMIT 3 |> UNION ALL (FROM b)"), (Operation::DataExport, None, None));
        assert_eq!(read("FROM a |> AGGREGATE count(*)"), (Operation::DataQuery, Some(1), None));
        // `|` and `>` apart are no pipe.
        assert_eq!(read("SELECT b | > c FROM a LIMIT 3").2, Some("not_parsed"));
    }
}
