//! Queries: what comes out, from which tables, and what bounds it.

use super::condition::{Condition, condition};
use super::cursor::{
    Tokens, after, any, at, bare, between, commas, find, from, inside, is, is_query, keyword, kind, name,
    places, rowset, split, table,
};
use super::effects::{Bound, Bounds, Effects, Rows, Shape, least};
use super::knowledge::{KNOWLEDGE, Meaning};
use super::lexer::{Kind, Token};
use super::transfer::is_remote;
use super::{Dialect, columns, pipes, statement};
use crate::model::{Operation, Risk};

/// Names that a `WITH` gave, the innermost last.
pub(super) type Scope = Vec<(String, Rows)>;

/// Most names that may stand at one place.
const NAMES: usize = 256;

const TAIL: [&str; 6] = ["ORDER", "LIMIT", "OFFSET", "FETCH", "SORT", "CLUSTER"];
const CLAUSES: [&str; 21] = [
    "INTO", "FROM", "WHERE", "PREWHERE", "GROUP", "HAVING", "WINDOW", "QUALIFY", "ORDER", "LIMIT", "OFFSET",
    "FETCH", "FOR", "OPTION", "SETTINGS", "FORMAT", "CONNECT", "START", "SAMPLE", "BULK", "LATERAL",
];

/// Reads a query. What it writes on its way is added to `effects`; what comes out is the answer.
pub(super) fn query(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) -> Rows {
    if !effects.spend(tokens.len()) {
        return Rows::default();
    }
    let mut tokens = bare(tokens);
    // MySQL's older way to hold what is read.
    if effects.dialect == Dialect::MySql
        && let Some(place) = find(tokens, 1, &["LOCK"]).filter(|place| {
            is(tokens, place + 1, "IN") && is(tokens, place + 2, "SHARE") && is(tokens, place + 3, "MODE")
        })
    {
        tokens = between(tokens, 0, place);
    }
    if is(tokens, 0, "WITH") {
        return with(tokens, scope, effects);
    }
    if matches!(effects.dialect, Dialect::BigQuery | Dialect::Spark)
        && let Some(rows) = pipes::piped(tokens, scope, effects)
    {
        return rows;
    }
    let tail = find(tokens, 0, &TAIL).unwrap_or(tokens.len());
    let head = between(tokens, 0, tail);
    let parts = split(head, |place| {
        place > 0
            && keyword(head, place, &["UNION", "INTERSECT", "EXCEPT", "MINUS"])
            && !leaves_out(head, place)
    });
    let (mut rows, mut bound) = (Rows::default(), Some(0_u64));
    let single = parts.len() == 1;
    for mut part in parts {
        while any(part, 0, &["ALL", "DISTINCT", "BY", "NAME"]) {
            part = from(part, 1);
        }
        let whole = if single { tokens } else { part };
        let one = match at(part, 0) {
            Some(token) if token.kind == Kind::Open => {
                inside(part, 0).map(|inner| query(inner, scope, effects)).unwrap_or_default()
            }
            Some(token) if token.is("SELECT") => select(part, whole, scope, effects),
            Some(token) if token.is("VALUES") => {
                nested(part, scope, effects);
                let count = places(part).filter_map(|place| at(part, place)).map(Token::rows).sum::<u64>();
                Rows { shape: Shape::Computed, bound: Some(count.max(1)), ..Rows::default() }
            }
            Some(token) if token.is("TABLE") => {
                effects.own_form = true;
                star(sources(from(part, 1), scope, effects))
            }
            Some(token) if token.is("FROM") => from_first(part, whole, scope, effects),
            _ => {
                effects.unknown("not_a_query");
                Rows::default()
            }
        };
        // Rows of a system table have an act of their own; they do not count among the others.
        if single || one.shape != Shape::Nothing {
            bound = bound.zip(one.bound).map(|(a, b)| a.saturating_add(b));
        }
        rows.join(one);
    }
    rows.bound = bound;
    if rows.filed && rows.shape > Shape::Computed {
        // The file is of all parts: `SELECT a FROM t UNION SELECT 1 INTO OUTFILE 'f'`.
        let vectors = rows.shape == Shape::Vectors;
        let operation = if vectors { Operation::VectorExport } else { Operation::DataExport };
        effects.add(operation, &rows.resource, bound);
        rows.shape = Shape::Nothing;
    }
    let tail = from(tokens, tail);
    if !single || inside(head, 0).is_some() {
        rows.searches |= columns::searches(tail);
    }
    nested(tail, scope, effects);
    if !rows.gathers {
        rows.bound = least(rows.bound, limit(tail, &effects.bounds));
    }
    rows
}

/// Whether the `EXCEPT` at `place` names columns: `SELECT * EXCEPT (ssn) FROM t`, as BigQuery, Spark and ClickHouse have it.
fn leaves_out(tokens: Tokens<'_, '_>, place: usize) -> bool {
    let star = place.checked_sub(1).and_then(|before| at(tokens, before));
    star.is_some_and(|token| token.operator("*"))
        && inside(tokens, place + 1).is_some_and(|list| !is_query(list))
}

/// `FROM t [SELECT ...]`, as DuckDB has it.
fn from_first(part: Tokens<'_, '_>, whole: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) -> Rows {
    match find(part, 0, &["SELECT"]) {
        Some(place) => {
            let turned: Vec<Token<'_>> = [from(part, place), between(part, 0, place)].concat();
            effects.own_form = true;
            select(&turned, whole, scope, effects)
        }
        None => {
            effects.own_form = true;
            let end = find(part, 1, &CLAUSES).unwrap_or(part.len());
            let mut rows = star(sources(between(part, 1, end), scope, effects));
            rows.bound = least(rows.bound, filtered(part, scope, effects).bound());
            rows
        }
    }
}

fn star(rows: Rows) -> Rows {
    Rows { star: true, ..rows }
}

fn with(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) -> Rows {
    let names = scope.len();
    let mut place = 1 + usize::from(is(tokens, 1, "RECURSIVE"));
    loop {
        // ClickHouse names values so too: `WITH 5 AS n, (SELECT max(id) FROM t) AS m SELECT ...`.
        if effects.dialect == Dialect::ClickHouse
            && let Some(end) = value(tokens, place)
        {
            effects.own_form = true;
            nested(between(tokens, place, end), scope, effects);
            let more = kind(tokens, end) == Some(Kind::Comma);
            place = end + usize::from(more);
            if more {
                continue;
            }
            break;
        }
        let Some((given, mut next)) = name(tokens, place) else { break };
        let listed = inside(tokens, next).filter(|list| !is_query(list));
        next = if listed.is_some() { after(tokens, next) } else { next };
        let listed = listed.unwrap_or_default();
        if scope.len() >= NAMES {
            effects.unknown("too_complex");
            break;
        }
        if !is(tokens, next, "AS") {
            effects.unknown("not_a_query");
            break;
        }
        next += 1;
        while any(tokens, next, &["NOT", "MATERIALIZED"]) {
            next += 1;
        }
        let Some(body) = inside(tokens, next) else {
            effects.unknown("not_a_query");
            break;
        };
        // A name that its own body uses is itself, not a table, and nothing says how often it comes back.
        scope.push((given.clone(), Rows { shape: Shape::Computed, ..Rows::default() }));
        let rows = if is_query(body) {
            let rows = query(body, scope, effects);
            if rows.shape == Shape::Vectors {
                columns::note_names(body, listed, effects);
            }
            rows
        } else {
            (effects.wrote, effects.gave) = (None, None);
            let outer = std::mem::replace(&mut effects.within_with, true);
            statement::one(body, scope, effects);
            effects.within_with = outer;
            let keys = Rows { shape: Shape::Rows, written: true, bound: effects.wrote, ..Rows::default() };
            effects.gave.take().unwrap_or(keys)
        };
        if let Some(entry) = scope.iter_mut().rev().find(|(known, _)| *known == given) {
            entry.1 = rows;
        }
        place = after(tokens, next);
        // PostgreSQL's SEARCH and CYCLE clauses.
        if any(tokens, place, &["SEARCH", "CYCLE"]) {
            place = find(tokens, place, &["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"]).unwrap_or(place);
        }
        if kind(tokens, place) != Some(Kind::Comma) {
            break;
        }
        place += 1;
    }
    let main = from(tokens, place);
    let rows = if is_query(main) {
        query(main, scope, effects)
    } else {
        let outer = std::mem::replace(&mut effects.within_with, false);
        statement::one(main, scope, effects);
        effects.within_with = outer;
        Rows { bound: Some(0), ..Rows::default() }
    };
    scope.truncate(names);
    rows
}

/// Where a value of a `WITH` ends that has its name behind it.
fn value(tokens: Tokens<'_, '_>, start: usize) -> Option<usize> {
    let mut brackets = 0_usize;
    let end = places(from(tokens, start)).map(|place| place + start).find(|place| {
        match at(tokens, *place) {
            Some(token) if token.operator("[") => brackets += 1,
            Some(token) if token.operator("]") => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        brackets == 0 && kind(tokens, *place) == Some(Kind::Comma)
            || keyword(tokens, *place, &["SELECT", "INSERT"])
    })?;
    let named = end.checked_sub(2).filter(|place| *place > start)?;
    let last = at(tokens, named + 1).is_some_and(Token::names);
    (last && is(tokens, named, "AS")).then_some(end)
}

/// Whether the `FROM` at `place` belongs to PostgreSQL's `FROM ROWS FROM (f(1), g(2))`.
fn rows_from(tokens: Tokens<'_, '_>, place: usize) -> bool {
    let before =
        |back: usize, words: &[&str]| place.checked_sub(back).is_some_and(|at| any(tokens, at, words));
    before(1, &["ROWS"])
        && before(2, &["FROM", "JOIN", "LATERAL"])
        && kind(tokens, place + 1) == Some(Kind::Open)
}

fn select(tokens: Tokens<'_, '_>, whole: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) -> Rows {
    let mut start = 1;
    let mut top = None;
    loop {
        if any(
            tokens,
            start,
            &[
                "ALL",
                "DISTINCT",
                "DISTINCTROW",
                "SQL_CALC_FOUND_ROWS",
                "HIGH_PRIORITY",
                "STRAIGHT_JOIN",
                "STREAM",
            ],
        ) {
            start += 1;
            if is(tokens, start, "ON") && kind(tokens, start + 1) == Some(Kind::Open) {
                start = after(tokens, start + 1);
            }
        } else if is(tokens, start, "TOP")
            && matches!(kind(tokens, start + 1), Some(Kind::Open | Kind::Number))
        {
            let amount = inside(tokens, start + 1).unwrap_or_else(|| between(tokens, start + 1, start + 2));
            top = number(amount, &effects.bounds);
            start = after(tokens, start + 1);
            while any(tokens, start, &["PERCENT", "WITH", "TIES", "APPROXIMATE"]) {
                top = if is(tokens, start, "PERCENT") { None } else { top };
                start += 1;
            }
        } else {
            break;
        }
    }
    let clause = |start: usize, words: &[&str]| {
        let mut place = find(tokens, start, words);
        // `IS DISTINCT FROM` is an operator, `WITHIN GROUP (...)` belongs to an aggregate.
        while let Some(found) = place.filter(|found| {
            let before = |word: &str| found.checked_sub(1).is_some_and(|before| is(tokens, before, word));
            is(tokens, *found, "FROM") && (before("DISTINCT") || rows_from(tokens, *found))
                || is(tokens, *found, "GROUP") && before("WITHIN")
        }) {
            place = find(tokens, found + 1, words);
        }
        place
    };
    let end = clause(start, &CLAUSES).unwrap_or(tokens.len());
    let items = commas(between(tokens, start, end));
    let source = clause(end, &["FROM"]);
    let sampled = effects.dialect == Dialect::Snowflake;
    let sourced = |place: usize| {
        let clauses = CLAUSES.map(|word| match word {
            "LATERAL" | "FOR" => "WHERE",
            "SAMPLE" if sampled => "WHERE",
            word => word,
        });
        clause(place + 1, &clauses).unwrap_or(tokens.len())
    };
    // What has one row and nothing in it.
    let dual = source.is_some_and(|place| is(tokens, place + 1, "DUAL") && sourced(place) <= place + 2);
    let source = source.filter(|_| !(dual && matches!(effects.dialect, Dialect::Oracle | Dialect::MySql)));
    if dual {
        effects.table("dual");
    }
    let mut rows = match source {
        Some(place) => sources(between(tokens, place + 1, sourced(place)), scope, effects),
        None => Rows { bound: Some(1), ..Rows::default() },
    };
    columns::note_vectors(whole, effects);
    columns::whole_rows(source.map_or(&[], |place| between(tokens, place + 1, sourced(place))), effects);
    let made = columns::shape(
        &items,
        find(tokens, end, &["GROUP"]).map(|place| from(tokens, place)),
        source.is_some(),
        &mut rows,
        effects,
    );
    for item in &items {
        let mut inner = nested(item, scope, effects);
        if columns::stands(item, effects) {
            // What a function takes away stands for what it was given.
            (inner.shape, inner.gathers) = (Shape::Nothing, false);
        }
        // Of a vector that another one is measured against, only how far it is comes out.
        let measured = columns::searches(item) && inner.shape == Shape::Vectors && !inner.gathers;
        rows.shape = rows.shape.max(if measured { Shape::Rows } else { inner.shape });
        rows.gathers |= inner.gathers;
        rows.moved &= inner == Rows::default();
        rows.system.extend(inner.system);
        if inner.gathers {
            rows.bound = None;
        }
        if rows.resource.is_empty() {
            rows.resource = inner.resource;
        }
    }
    rows.searches |= columns::searches(whole);
    let kept = filtered(tokens, scope, effects);
    if made && matches!(kept, Condition::Keys(_)) {
        // The sum of one vector is that vector.
        rows.shape = Shape::Vectors;
    } else if rows.shape != Shape::Computed || rows.bound.is_none_or(|bound| bound != 1) {
        rows.bound = least(rows.bound, least(kept.bound(), top));
    }
    if rows.searches {
        rows.bound = least(rows.bound, nearest(tokens, &effects.bounds));
    }
    if into(tokens, whole, &rows, effects) {
        // They lie in the file, and none of them comes out.
        (rows.shape, rows.filed) = (Shape::Nothing, true);
    }
    rows
}

/// How many neighbours a condition asks for: `v MATCH ? AND k = 10`, as sqlite-vec has it.
fn nearest(tokens: Tokens<'_, '_>, bounds: &Bounds) -> Bound {
    find(tokens, 0, &["MATCH"])?;
    let place = find(tokens, 0, &["K"])?;
    at(tokens, place + 1).filter(|token| token.operator("="))?;
    number(between(tokens, place + 2, place + 3), bounds)
}

/// What `WHERE` and its kin keep; sub-queries in any clause are read for what they do.
fn filtered(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) -> Condition {
    let Some(place) = find(tokens, 1, &["WHERE", "PREWHERE"]) else {
        nested(
            find(tokens, 1, &["GROUP", "HAVING", "QUALIFY"]).map_or(&[], |place| from(tokens, place)),
            scope,
            effects,
        );
        return Condition::Every;
    };
    nested(from(tokens, place + 1), scope, effects);
    let end = find(tokens, place + 1, &CLAUSES).unwrap_or(tokens.len());
    condition(between(tokens, place + 1, end), &effects.tables)
}

/// `INTO` in a query: a file, a variable or a new table. Whether the rows go to a file.
fn into(tokens: Tokens<'_, '_>, whole: Tokens<'_, '_>, rows: &Rows, effects: &mut Effects) -> bool {
    let (tokens, place) = match find(tokens, 1, &["INTO"]) {
        Some(place) => (tokens, place),
        None => match find(whole, 1, &["INTO"]) {
            Some(place) => (whole, place),
            None => return false,
        },
    };
    if effects.procedure {
        return false;
    }
    if any(tokens, place + 1, &["OUTFILE", "DUMPFILE"]) {
        effects.own_form = true;
        let remote =
            from(tokens, place).iter().any(|token| token.kind == Kind::Text && is_remote(&token.text));
        if remote {
            effects.act(Operation::NetworkSend, "", Some(1), Risk::new(80));
        } else {
            // A file of the server's host, a web page or a key among them.
            effects.act(Operation::FileWrite, "", Some(1), Risk::new(85));
        }
        let operation =
            if rows.shape == Shape::Vectors { Operation::VectorExport } else { Operation::DataExport };
        effects.add(operation, &rows.resource, rows.bound);
        return true;
    }
    let mut place = place + 1;
    while any(tokens, place, &["TEMPORARY", "TEMP", "UNLOGGED", "TABLE"]) {
        place += 1;
    }
    // Oracle has no other `INTO` than that of a block, into its variables.
    if effects.dialect == Dialect::Oracle
        || kind(tokens, place) == Some(Kind::Parameter)
            && !at(tokens, place).is_some_and(|token| token.text.starts_with('#'))
    {
        effects.own_form = true; // a variable
        return false;
    }
    if let Some((given, _)) = name(tokens, place) {
        let given = table(given);
        effects.table(&given);
        effects.add(Operation::CollectionCreate, &given, Some(1));
    }
    false
}

/// The sources of a `FROM`: tables, functions, sub-queries.
pub(super) fn sources(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) -> Rows {
    const JOINS: [&str; 14] = [
        "JOIN",
        "INNER",
        "LEFT",
        "RIGHT",
        "FULL",
        "OUTER",
        "CROSS",
        "NATURAL",
        "ASOF",
        "SEMI",
        "ANTI",
        "GLOBAL",
        "STRAIGHT_JOIN",
        "APPLY",
    ];
    // `FROM t ARRAY JOIN a, b AS c`, as ClickHouse has it, unfolds columns of `t`: what stands there is no table.
    let unfolds = find(tokens, 0, &["ARRAY"]).filter(|place| {
        effects.dialect == Dialect::ClickHouse
            && is(tokens, place + 1, "JOIN")
            && find(tokens, place + 2, &["JOIN"]).is_none()
    });
    let tokens = match unfolds {
        Some(place) => {
            effects.own_form = true;
            nested(from(tokens, place), scope, effects);
            between(tokens, 0, place - usize::from(any(tokens, place.wrapping_sub(1), &["LEFT", "INNER"])))
        }
        None => tokens,
    };
    let cut = |place: usize| {
        kind(tokens, place) == Some(Kind::Comma)
            || keyword(tokens, place, &JOINS) && kind(tokens, place + 1) != Some(Kind::Open)
            || keyword(tokens, place, &["JOIN", "APPLY"])
            // How rows are to be joined, and no name: `a LEFT HASH JOIN b`.
            || keyword(tokens, place, &["HASH", "LOOP", "REMOTE", "MERGE", "ANY", "DIRECTED"])
                && is(tokens, place + 1, "JOIN")
    };
    let (mut rows, mut bound) = (Rows::default(), Some(1_u64));
    if !effects.spend(tokens.len()) {
        return rows;
    }
    for mut part in split(tokens, cut) {
        while any(part, 0, &["ONLY", "LATERAL", "FINAL"]) {
            part = from(part, 1);
        }
        if is(part, 0, "ROWS") && is(part, 1, "FROM") && kind(part, 2) == Some(Kind::Open) {
            part = from(part, 2);
        }
        let Some(first) = at(part, 0) else { continue };
        let one = match first.kind {
            Kind::Open => match inside(part, 0) {
                Some(inner) if is_query(inner) => {
                    let rows = query(inner, scope, effects);
                    if rows.shape == Shape::Vectors {
                        // `(SELECT embedding FROM t) AS q (e)`
                        let named = after(part, 0) + usize::from(is(part, after(part, 0), "AS"));
                        let listed = name(part, named).and_then(|(_, next)| inside(part, next));
                        columns::note_names(inner, listed.unwrap_or_default(), effects);
                    }
                    rows
                }
                Some(inner) => sources(inner, scope, effects),
                None => continue,
            },
            Kind::Text => file(&first.text, effects),
            _ => relation(part, scope, effects),
        };
        let next = rowset(part, 0).unwrap_or_else(|| after(part, 0));
        nested(from(part, next), scope, effects);
        let mut one = one;
        one.bound = least(one.bound, sampled(from(part, next), &effects.bounds));
        bound = bound.zip(one.bound).map(|(a, b)| a.saturating_mul(b));
        rows.join(one);
    }
    rows.bound = bound;
    rows
}

/// How many rows a sample takes: `SAMPLE (10 ROWS)`, `USING SAMPLE 10`; a share of them has no bound.
fn sampled(tokens: Tokens<'_, '_>, bounds: &Bounds) -> Bound {
    let place = find(tokens, 0, &["SAMPLE", "TABLESAMPLE"])?;
    let amount = places(from(tokens, place)).find_map(|at| inside(from(tokens, place), at))?;
    is(amount, 1, "ROWS").then(|| number(between(amount, 0, 1), bounds))?
}

/// A file read in place of a table.
fn file(path: &str, effects: &mut Effects) -> Rows {
    let operation = if path.contains("://") { Operation::NetworkFetch } else { Operation::FileRead };
    effects.add(operation, "", Some(1));
    effects.own_form = true;
    Rows { shape: Shape::Rows, ..Rows::default() }
}

fn relation(part: Tokens<'_, '_>, scope: &Scope, effects: &mut Effects) -> Rows {
    // What no other dialect has: `@stage/file.csv (FILE_FORMAT => 'f')`, `@~/a.csv` of the user, `@"Stage"`.
    let staged = at(part, 0).is_some_and(|token| token.text.starts_with('@'));
    effects.own_form |= staged && effects.dialect == Dialect::Snowflake;
    let Some((given, next)) = name(part, 0) else {
        if staged && effects.dialect == Dialect::Snowflake {
            return Rows { shape: Shape::Rows, ..Rows::default() };
        }
        effects.unknown("unclear_table");
        return Rows::default();
    };
    if rowset(part, 0).is_some() {
        let arguments = inside(part, next).unwrap_or_default();
        let last = commas(arguments).last().and_then(|last| kind(last, 0));
        // A text that runs elsewhere tells what it brings; a file and a table there bring all they have.
        let told = last == Some(Kind::Text) && !is(arguments, 0, "BULK") && given != "opendatasource";
        return match told {
            true => Rows { bound: Some(1), ..Rows::default() },
            false => Rows { shape: Shape::Rows, ..Rows::default() },
        };
    }
    if let Some(arguments) = inside(part, next) {
        let function = KNOWLEDGE.functions.find(&given);
        let read = table_arguments(arguments, effects);
        if function.is_some_and(|meaning| meaning.operation == Operation::VectorSearch) {
            return searched(arguments, read, scope, effects);
        }
        if is(arguments, 0, "MODEL") {
            if function.is_none() {
                effects.add(Operation::InferencePredict, "", Some(1));
            }
            return predicted(arguments, read, scope, effects);
        }
        // Functions that stand for a table: `query_table('docs')`, `IDENTIFIER('docs')`, `merge('shop', '^docs')`.
        let stands = |meaning: &Meaning| {
            meaning.table_only && meaning.rows && meaning.operation == Operation::DataRead
        };
        let told = matches!(kind(arguments, 0), Some(Kind::Text | Kind::Parameter));
        if let Some(meaning) = function.filter(|meaning| stands(meaning) && (told || !meaning.of)) {
            effects.own_form = true;
            let resource = statement::of(meaning, arguments, effects);
            return Rows { shape: Shape::Rows, resource, ..Rows::default() };
        }
        let function = function.filter(|meaning| !stands(meaning));
        if let Some(meaning) = function.filter(|meaning| meaning.table_only) {
            effects.means(meaning, "");
        }
        let reads = function.is_some_and(|meaning| meaning.rows);
        let known = function.is_some();
        let made = any(
            part,
            0,
            &[
                "UNNEST",
                "GENERATE_SERIES",
                "GENERATE_SUBSCRIPTS",
                "JSON_TABLE",
                "FLATTEN",
                "RANGE",
                "NUMBERS",
                "STRING_SPLIT",
                "OPENJSON",
            ],
        );
        let shape = match () {
            () if reads => Shape::Rows,
            () if known => Shape::Nothing,
            () => Shape::Computed,
        };
        let far = function.is_some_and(|meaning| {
            matches!(meaning.operation, Operation::NetworkFetch | Operation::NetworkSend)
        });
        let bound = if known && !reads && !far || made { Some(1) } else { None };
        let mut rows = Rows { shape, bound, ..Rows::default() };
        if read != Rows::default() {
            effects.own_form = true;
            rows.join(read);
            rows.bound = None;
        }
        return rows;
    }
    if let Some((_, rows)) = scope.iter().rev().find(|(known, _)| *known == given) {
        return rows.clone();
    }
    // Spark reads a file so: parquet.`s3://b/x`.
    if effects.dialect == Dialect::Spark
        && let Some((format, path)) = given.split_once('.').filter(|(_, path)| path.contains('/'))
        && ["parquet", "csv", "json", "orc", "avro", "delta", "text", "binaryfile"].contains(&format)
    {
        return file(path, effects);
    }
    // Snowflake's table as it was: `docs AT(OFFSET => -60)`.
    if effects.dialect == Dialect::Snowflake
        && any(part, next, &["AT", "BEFORE"])
        && kind(part, next + 1) == Some(Kind::Open)
    {
        effects.own_form = true;
    }
    // Oracle's table as it was: `docs AS OF TIMESTAMP SYSDATE - 1`.
    if effects.dialect == Dialect::Oracle && is(part, next, "AS") && is(part, next + 1, "OF") {
        effects.own_form = true;
    }
    // Oracle's table of another server: `docs@link`.
    if effects.dialect == Dialect::Oracle
        && at(part, next).is_some_and(|token| token.kind == Kind::Parameter && token.text.starts_with('@'))
    {
        effects.own_form = true;
        effects.act(Operation::NetworkSend, "", Some(1), Risk::new(80));
    }
    let given = table(given);
    effects.table(&given);
    let system = KNOWLEDGE.tables.find_in(effects.dialect, &given.to_lowercase());
    Rows {
        shape: if system.is_some() { Shape::Nothing } else { Shape::Rows },
        system: system.into_iter().collect(),
        resource: given,
        ..Rows::default()
    }
}

/// Tables that are handed to a function whole: `f(TABLE t, ...)`, `f(argument => TABLE t)`, `f(TABLE = t AS a)`.
fn table_arguments(arguments: Tokens<'_, '_>, effects: &mut Effects) -> Rows {
    let mut rows = Rows::default();
    for place in places(arguments).filter(|place| is(arguments, *place, "TABLE")) {
        let start = place + 1 + usize::from(at(arguments, place + 1).is_some_and(Token::assigns));
        let Some((given, _)) = name(arguments, start) else { continue };
        let given = table(given);
        effects.table(&given);
        rows.join(Rows { shape: Shape::Rows, resource: given, ..Rows::default() });
    }
    rows
}

/// How a function that searches by nearness calls the most rows that it gives for one vector, and how many that is unless it is said.
const NEAREST: ([&str; 3], u64) = (["TOP_K", "TOP_N", "NUM_RESULTS"], 10);

/// The rows of a function that searches by nearness in the table that it was given first: for each vector that is searched for so many.
fn searched(arguments: Tokens<'_, '_>, read: Rows, scope: &Scope, effects: &mut Effects) -> Rows {
    effects.own_form = true;
    let (names, most) = NEAREST;
    let nearest = match named(arguments, &names) {
        Some(place) => number(between(arguments, place, place + 1), &effects.bounds),
        // `TOP (n) WITH APPROXIMATE` bounds it, where the function itself does not.
        None if effects.dialect == Dialect::SqlServer => None,
        None => Some(most),
    };
    let tables = places(arguments).filter(|place| is(arguments, *place, "TABLE")).count();
    let queries =
        places(arguments).filter_map(|place| inside(arguments, place)).find(|inner| is_query(inner));
    let vectors = match queries {
        // What it does is told where all that nests is read.
        Some(inner) => {
            let mut apart = effects.apart();
            let bound = query(inner, &mut scope.clone(), &mut apart).bound;
            effects.spent(&apart);
            bound
        }
        None if tables > 1 => None,
        None => Some(1),
    };
    let bound = nearest.zip(vectors).map(|(nearest, vectors)| nearest.saturating_mul(vectors));
    let resource = if read.resource.is_empty() { index(arguments, effects) } else { read.resource };
    Rows { shape: Shape::Rows, searches: true, bound, resource, ..Rows::default() }
}

/// What a model makes of rows, `f(MODEL m, (query))` or `f(MODEL m, TABLE t)`: as many as there are.
fn predicted(arguments: Tokens<'_, '_>, read: Rows, scope: &Scope, effects: &mut Effects) -> Rows {
    effects.own_form = true;
    let queries =
        places(arguments).filter_map(|place| inside(arguments, place)).find(|inner| is_query(inner));
    let Some(inner) = queries else { return read };
    let mut apart = effects.apart();
    let rows = query(inner, &mut scope.clone(), &mut apart);
    effects.spent(&apart);
    rows
}

/// Where the value of an argument stands that is given by one of these names: `name => value`, `name = value`.
fn named(arguments: Tokens<'_, '_>, names: &[&str]) -> Option<usize> {
    let place = find(arguments, 0, names)? + 1;
    (place..arguments.len()).find(|place| kind(arguments, *place) != Some(Kind::Operator))
}

/// The index that a function is given by its name in a text: `f(index => 'shop.items', ...)`.
fn index(arguments: Tokens<'_, '_>, effects: &mut Effects) -> String {
    let index = named(arguments, &["INDEX"]).and_then(|place| at(arguments, place));
    let given = index.filter(|token| token.kind == Kind::Text).map(|token| table(token.text.to_lowercase()));
    if let Some(given) = &given {
        effects.table(given);
    }
    given.unwrap_or_default()
}

/// Sub-queries anywhere in `tokens`: what they read and do. The answer is what their rows would be.
pub(super) fn nested(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) -> Rows {
    let mut rows = Rows::default();
    if !effects.spend(tokens.len()) {
        return rows;
    }
    for place in places(tokens) {
        let Some(inner) = inside(tokens, place) else { continue };
        rows.join(if is_query(inner) { query(inner, scope, effects) } else { nested(inner, scope, effects) });
    }
    rows
}

/// What the end of a query bounds.
pub(super) fn limit(tail: Tokens<'_, '_>, bounds: &Bounds) -> Bound {
    if let Some(place) = find(tail, 0, &["LIMIT"]) {
        let end = find(
            tail,
            place + 1,
            &["OFFSET", "FOR", "WITH", "SETTINGS", "FORMAT", "UNION", "INTO", "LOCK", "FETCH"],
        );
        let amount = between(tail, place + 1, end.unwrap_or(tail.len()));
        if find(amount, 0, &["BY"]).is_some() {
            // So many of each, as ClickHouse has it; what bounds all of them stands behind.
            return limit(from(amount, 1), bounds);
        }
        // `LIMIT offset, count` has the count last.
        return commas(amount).last().and_then(|amount| number(amount, bounds));
    }
    let mut place = find(tail, 0, &["FETCH"])?;
    // Oracle's search by an index: `FETCH APPROX FIRST 5 ROWS ONLY`.
    place += usize::from(any(tail, place + 1, &["APPROX", "APPROXIMATE", "EXACT"]));
    if !any(tail, place + 1, &["FIRST", "NEXT"]) || find(tail, place, &["PERCENT"]).is_some() {
        return None;
    }
    if any(tail, place + 2, &["ROW", "ROWS"]) {
        Some(1)
    } else {
        number(between(tail, place + 2, place + 3), bounds)
    }
}

fn number(tokens: Tokens<'_, '_>, bounds: &Bounds) -> Bound {
    // A cast of it is the same number.
    let tokens = from(tokens, usize::from(at(tokens, 0).is_some_and(|token| token.operator("+"))));
    let cast = at(tokens, 1).is_some_and(|token| token.operator("::")) && tokens.len() == 3;
    let tokens = if cast { between(tokens, 0, 1) } else { bare(tokens) };
    let first = at(tokens, 0).filter(|_| tokens.len() == 1)?;
    match first.kind {
        Kind::Number | Kind::Text => whole(first.text.replace('_', "").trim()),
        Kind::Parameter => bounds.of(first),
        _ => None,
    }
}

/// A whole number: `5`, `1e3`, `0x1F`. Of one with a fraction, the next one above.
fn whole(text: &str) -> Bound {
    let based = |marks: [&str; 2], base| {
        let digits = marks.iter().find_map(|mark| text.strip_prefix(mark))?;
        u64::from_str_radix(digits, base).ok()
    };
    let written =
        || based(["0x", "0X"], 16).or_else(|| based(["0o", "0O"], 8)).or_else(|| based(["0b", "0B"], 2));
    let rounded = || {
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)?;
        Some(number.ceil() as u64)
    };
    text.parse().ok().or_else(written).or_else(rounded)
}
