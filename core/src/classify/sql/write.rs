//! `INSERT`, `UPDATE`, `DELETE`, `MERGE` and their kin.

use super::Dialect;
use super::columns;
use super::condition::{Condition, condition};
use super::cursor::{
    Tokens, after, any, at, between, commas, find, from, inside, is, is_query, kind, name, places, rowset,
    table,
};
use super::effects::{Bound, Effects, Rows, Shape};
use super::knowledge::KNOWLEDGE;
use super::lexer::{Kind, Token};
use super::query::{Scope, nested, query, sources};
use super::statement;
use crate::model::{Operation, Risk};

/// `INSERT`, `REPLACE` and `UPSERT`.
pub(super) fn insert(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) {
    let mut place = 1;
    let overwrites = is(tokens, 1, "OVERWRITE");
    if any(tokens, place + usize::from(overwrites), &["ALL", "FIRST"]) {
        return insert_many(tokens, overwrites, scope, effects);
    }
    while any(
        tokens,
        place,
        &[
            "INTO",
            "OVERWRITE",
            "OR",
            "REPLACE",
            "IGNORE",
            "ABORT",
            "FAIL",
            "ROLLBACK",
            "LOW_PRIORITY",
            "HIGH_PRIORITY",
            "DELAYED",
            "TABLE",
        ],
    ) {
        place += 1;
    }
    if any(tokens, place, &["LOCAL", "DIRECTORY"]) && overwrites {
        return directory(tokens, place, scope, effects);
    }
    if any(tokens, place, &["FUNCTION"]) {
        effects.own_form = true;
        place += 1;
    }
    if is(tokens, place.saturating_sub(1), "FUNCTION") {
        return insert_into_function(tokens, place, scope, effects);
    }
    let elsewhere = rowset(tokens, place);
    let Some((target, next)) = elsewhere.map(|next| (String::new(), next)).or_else(|| name(tokens, place))
    else {
        return effects.unknown("unclear_table");
    };
    let target = table(target);
    if !target.is_empty() {
        effects.table(&target);
    }
    let columns_given = inside(tokens, next).filter(|list| !is_query(list));
    let mut vectors = columns_given.is_some_and(|list| columns::has_vector(list, effects));
    let rest = from(tokens, if columns_given.is_some() { after(tokens, next) } else { next });
    let ends = ["RETURNING", "ON", "OUTPUT"];
    let values = find(rest, 0, &["VALUES", "VALUE"]);
    let count: Bound;
    if let Some(place) = values {
        let rows = from(rest, place + 1);
        let rows = between(rows, 0, find(rows, 0, &ends).unwrap_or(rows.len()));
        count = Some(places(rows).filter_map(|place| at(rows, place)).map(Token::rows).sum::<u64>().max(1));
        vectors |= rows.iter().any(is_vector_text) || holds_array(rows) || casts_to_vector(rows);
        nested(rest, scope, effects);
    } else if let Some(start) = places(rest).find(|place| {
        is_query(from(rest, *place))
            && (any(rest, *place, &["SELECT", "WITH", "TABLE", "FROM"])
                || kind(rest, *place) == Some(Kind::Open))
    }) {
        let source = from(rest, start);
        let end = find(source, 1, &["RETURNING"]).or_else(|| conflict(source)).unwrap_or(source.len());
        let rows = query(between(source, 0, end), scope, effects);
        vectors |= rows.shape == Shape::Vectors;
        count = rows.bound;
        // What is taken from one table and put into another is there once, as it was before: that it went and that it came tell all of it.
        if !rows.moved && (rows.shape >= Shape::Rows || !rows.system.is_empty()) {
            effects.read(&rows);
        }
    } else if let Some(place) =
        find(rest, 0, &["EXEC", "EXECUTE"]).filter(|_| effects.dialect == Dialect::SqlServer)
    {
        // The rows that a procedure gives.
        (count, effects.own_form) = (None, true);
        statement::one(from(rest, place), scope, effects);
    } else if let Some(place) = find(rest, 0, &["SET"]) {
        count = Some(1);
        vectors |= sets_vector(from(rest, place + 1), effects) != Sets::Data;
        nested(rest, scope, effects);
    } else {
        count = if any(rest, 0, &["DEFAULT"]) { Some(1) } else { None };
        nested(rest, scope, effects);
    }
    if let Some(place) = conflict(rest) {
        let set = find(rest, place, &["SET"]).map_or(&[][..], |set| from(rest, set + 1));
        vectors |= !set.is_empty() && sets_vector(set, effects) != Sets::Data;
    }
    effects.write(
        if vectors { Operation::VectorUpsert } else { Operation::DataIngest },
        &target,
        count,
        false,
    );
    if overwrites {
        effects.write(Operation::DataDelete, &target, None, true);
    }
    // Spark's rows that come in the place of those for which a condition holds.
    if let Some(place) = find(rest, 0, &["REPLACE"]).filter(|place| any(rest, place + 1, &["WHERE", "USING"]))
        && effects.dialect == Dialect::Spark
    {
        effects.own_form = true;
        let every = !is(rest, place + 1, "WHERE");
        effects.write(Operation::DataDelete, &target, None, every);
    }
    // What was there before comes back; without a conflict it is only what was brought.
    if conflict(rest).is_some_and(|place| find(rest, place, &["SET"]).is_some()) {
        returning(rest, &target, count, effects);
    }
}

/// ClickHouse's `INSERT INTO FUNCTION s3(...) SELECT`: rows go where the function would read.
fn insert_into_function(tokens: Tokens<'_, '_>, place: usize, scope: &mut Scope, effects: &mut Effects) {
    let Some((given, next)) = name(tokens, place) else { return effects.unknown("unclear_table") };
    let reads = KNOWLEDGE.functions.find(&given).map(|meaning| meaning.operation);
    match reads {
        Some(Operation::FileRead) => effects.add(Operation::FileWrite, "", Some(1)),
        Some(Operation::CodeExecute) => effects.add(Operation::CodeExecute, "", Some(1)),
        _ => effects.act(Operation::NetworkSend, "", Some(1), Risk::new(80)),
    }
    let rest = from(tokens, after(tokens, next));
    match places(rest).find(|place| is_query(from(rest, *place))) {
        Some(start) => {
            let rows = query(from(rest, start), scope, effects);
            taken(&rows, effects);
        }
        None => effects.add(Operation::DataExport, "", None),
    }
}

/// `INSERT ALL | FIRST [WHEN c THEN] INTO t [(...)] [VALUES (...)] ... query`, as Oracle and Snowflake have it.
fn insert_many(tokens: Tokens<'_, '_>, overwrites: bool, scope: &mut Scope, effects: &mut Effects) {
    effects.own_form = true;
    let start = places(tokens).find(|place| {
        any(tokens, *place, &["SELECT", "WITH"])
            || kind(tokens, *place) == Some(Kind::Open)
                && inside(tokens, *place).is_some_and(is_query)
                && !any(tokens, place.saturating_sub(1), &["VALUES"])
    });
    let Some(start) = start else { return effects.unknown("not_a_query") };
    let rows = query(from(tokens, start), scope, effects);
    if rows.shape >= Shape::Rows || !rows.system.is_empty() {
        effects.read(&rows);
    }
    let head = between(tokens, 0, start);
    nested(head, scope, effects);
    let targets: Vec<usize> = places(head).filter(|place| is(head, *place, "INTO")).collect();
    if targets.is_empty() {
        effects.unknown("unclear_table");
    }
    for (nth, place) in targets.iter().enumerate() {
        let end = targets.get(nth + 1).copied().unwrap_or(head.len());
        let into = between(head, place + 1, end);
        let Some((given, _)) = name(into, 0) else {
            effects.unknown("unclear_table");
            continue;
        };
        let given = table(given);
        effects.table(&given);
        let vectors = rows.shape == Shape::Vectors || columns::has_vector(into, effects);
        let operation = if vectors { Operation::VectorUpsert } else { Operation::DataIngest };
        effects.write(operation, &given, rows.bound, false);
        if overwrites {
            effects.write(Operation::DataDelete, &given, None, true);
        }
    }
}

/// `FROM s INSERT INTO t SELECT ... [INSERT INTO u SELECT ...]`, as Spark has it.
pub(super) fn insert_from(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) {
    effects.own_form = true;
    let targets: Vec<usize> = places(tokens).filter(|place| is(tokens, *place, "INSERT")).collect();
    let source = between(tokens, 0, targets.first().copied().unwrap_or(tokens.len()));
    for (nth, start) in targets.iter().enumerate() {
        let one = between(tokens, *start, targets.get(nth + 1).copied().unwrap_or(tokens.len()));
        let Some(select) = find(one, 1, &["SELECT"]) else {
            effects.unknown("not_a_query");
            continue;
        };
        let clauses = ["WHERE", "GROUP", "HAVING", "ORDER", "SORT", "CLUSTER", "DISTRIBUTE", "LIMIT"];
        let end = find(one, select, &clauses).unwrap_or(one.len());
        let turned: Vec<Token<'_>> = [between(one, 0, end), source, from(one, end)].concat();
        insert(&turned, scope, effects);
    }
}

/// Where `ON CONFLICT` or `ON DUPLICATE KEY` begins.
fn conflict(tokens: Tokens<'_, '_>) -> Option<usize> {
    places(tokens)
        .find(|place| is(tokens, *place, "ON") && any(tokens, place + 1, &["CONFLICT", "DUPLICATE"]))
}

/// `INSERT OVERWRITE DIRECTORY '/path' ... SELECT`.
fn directory(tokens: Tokens<'_, '_>, place: usize, scope: &mut Scope, effects: &mut Effects) {
    effects.own_form = true;
    let path = tokens.iter().find(|token| token.kind == Kind::Text);
    let remote = path.is_some_and(|path| path.text.contains("://") && !path.text.starts_with("file:"));
    effects.add(if remote { Operation::NetworkSend } else { Operation::FileWrite }, "", Some(1));
    match find(tokens, place, &["SELECT", "WITH", "FROM", "TABLE", "VALUES"]) {
        Some(start) => {
            let rows = query(from(tokens, start), scope, effects);
            taken(&rows, effects);
        }
        None => effects.unknown("not_a_query"),
    }
}

/// Rows that go to a file or another system.
pub(super) fn taken(rows: &Rows, effects: &mut Effects) {
    effects.read_system(rows);
    let operation =
        if rows.shape == Shape::Vectors { Operation::VectorExport } else { Operation::DataExport };
    effects.add(operation, &rows.resource, rows.bound);
}

/// A text that is written like a vector: `[0.1, 2]`.
fn is_vector_text(token: &Token<'_>) -> bool {
    let inner = token.text.trim().strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    token.kind == Kind::Text
        && inner.is_some_and(|inner| {
            !inner.is_empty() && inner.split(',').all(|number| number.trim().parse::<f64>().is_ok())
        })
}

/// Whether something is made a vector: `$1::vector`.
fn casts_to_vector(tokens: Tokens<'_, '_>) -> bool {
    tokens.windows(2).any(|pair| matches!(pair, [cast, word] if cast.operator("::") && word.is_vector_type()))
}

/// Whether `[0.1, 0.2]` stands there as an array of fractions.
fn holds_array(tokens: Tokens<'_, '_>) -> bool {
    tokens.iter().enumerate().any(|(place, token)| {
        token.operator("[")
            && at(tokens, place + 1)
                .is_some_and(|first| first.kind == Kind::Number && first.text.contains('.'))
    })
}

#[derive(PartialEq)]
enum Sets {
    Data,
    Vectors,
    /// Vectors that go away.
    Nulls,
}

fn sets_vector(tokens: Tokens<'_, '_>, effects: &Effects) -> Sets {
    let mut sets = Sets::Data;
    for one in commas(tokens) {
        let end = one.iter().position(Token::assigns).unwrap_or(0);
        let target = between(one, 0, end);
        if columns::has_vector(target, effects) {
            let null = is(one, end + 1, "NULL") && one.len() == end + 2;
            sets = if null && sets != Sets::Vectors { Sets::Nulls } else { Sets::Vectors };
        }
    }
    sets
}

fn every(condition: Option<Condition>) -> bool {
    !matches!(condition, Some(Condition::Keys(_) | Condition::Some))
}

pub(super) fn update(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) {
    let mut place = 1;
    while any(
        tokens,
        place,
        &["ONLY", "LOW_PRIORITY", "IGNORE", "OR", "ROLLBACK", "ABORT", "REPLACE", "FAIL", "TOP"],
    ) || kind(tokens, place) == Some(Kind::Open)
    {
        place = after(tokens, place);
    }
    let Some(set) = find(tokens, place, &["SET"]) else { return effects.unknown("not_understood") };
    let elsewhere = rowset(tokens, place).map(|next| (String::new(), next));
    let Some((target, _)) = elsewhere.or_else(|| name(tokens, place)) else {
        return effects.unknown("unclear_table");
    };
    let mut target = table(target);
    // MySQL's update of several tables.
    effects.own_form |= effects.dialect == Dialect::MySql && commas(between(tokens, place, set)).len() > 1;
    let end = find(tokens, set, &["FROM", "WHERE", "RETURNING", "OUTPUT", "LIMIT", "ORDER"])
        .unwrap_or(tokens.len());
    let source = find(tokens, end, &["FROM"]).filter(|found| *found == end || !is(tokens, end, "WHERE"));
    // SQL Server updates the alias that its FROM gives.
    let aliased = source.and_then(|found| aliased(from(tokens, found + 1), &target));
    match aliased {
        // The grammar takes the alias for a table.
        Some(real) => (target, effects.own_form) = (real, true),
        None => {
            sources(between(tokens, place, set), scope, effects);
        }
    }
    if let Some(found) = source {
        let stop = find(tokens, found, &["WHERE", "RETURNING", "OPTION"]).unwrap_or(tokens.len());
        sources(between(tokens, found + 1, stop), scope, effects);
    }
    columns::note_vectors(tokens, effects);
    let sets = sets_vector(between(tokens, set + 1, end), effects);
    nested(between(tokens, set + 1, end), scope, effects);
    let kept = kept(tokens, scope, effects);
    let operation = match sets {
        Sets::Data => Operation::DataIngest,
        Sets::Vectors => Operation::VectorUpsert,
        Sets::Nulls => Operation::VectorDelete,
    };
    let count = bound(kept, tokens);
    effects.write(operation, &target, count, every(kept) && count.is_none());
    returning(tokens, &target, count, effects);
}

/// The table that a `FROM` calls `alias`.
fn aliased(tokens: Tokens<'_, '_>, alias: &str) -> Option<String> {
    let begins = |place: &usize| *place == 0 || kind(tokens, place - 1) != Some(Kind::Dot);
    places(tokens).filter(begins).find_map(|place| {
        let (real, next) = name(tokens, place)?;
        let next = next + usize::from(is(tokens, next, "AS"));
        let (given, _) = name(tokens, next)?;
        (given == alias).then(|| table(real))
    })
}

pub(super) fn delete(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) {
    let mut place = 1;
    effects.own_form |= is(tokens, 1, "TOP");
    // Those need no `FROM`.
    effects.own_form |= matches!(effects.dialect, Dialect::SqlServer | Dialect::Oracle)
        && find(tokens, 1, &["FROM"]).is_none();
    while any(tokens, place, &["LOW_PRIORITY", "QUICK", "IGNORE", "TOP"])
        || kind(tokens, place) == Some(Kind::Open)
    {
        place = after(tokens, place);
    }
    // `DELETE t FROM t JOIN u`, as MySQL and SQL Server have it.
    let elsewhere = |place: usize| rowset(tokens, place).map(|next| (String::new(), next));
    let many = name(tokens, place)
        .filter(|_| !is(tokens, place, "FROM") && elsewhere(place).is_none())
        .map(|(given, _)| given);
    let start = find(tokens, place, &["FROM"]);
    place = match (start, &many) {
        (Some(start), _) => start + 1,
        (None, _) if elsewhere(place).is_some() => place,
        (None, Some(_)) => place,
        (None, None) => return effects.unknown("unclear_table"),
    };
    place += usize::from(is(tokens, place, "ONLY"));
    let Some((first, _)) = elsewhere(place).or_else(|| name(tokens, place)) else {
        return effects.unknown("unclear_table");
    };
    let target = match many.filter(|_| start.is_some()) {
        Some(alias) => aliased(from(tokens, place), &alias).unwrap_or_else(|| table(alias)),
        None => table(first),
    };
    let end = find(tokens, place, &["USING", "WHERE", "RETURNING", "OUTPUT", "ORDER", "LIMIT"])
        .unwrap_or(tokens.len());
    sources(between(tokens, place, end), scope, effects);
    if let Some(using) = find(tokens, place, &["USING"]) {
        let stop = find(tokens, using, &["WHERE", "RETURNING"]).unwrap_or(tokens.len());
        sources(between(tokens, using + 1, stop), scope, effects);
    }
    let kept = kept(tokens, scope, effects);
    let count = bound(kept, tokens);
    effects.write(Operation::DataDelete, &target, count, every(kept) && count.is_none());
    returning(tokens, &target, count, effects);
    if effects.within_with {
        // All that a delete within a `WITH` has, it has taken away.
        let keys = Rows { shape: Shape::Rows, written: true, bound: count, ..Rows::default() };
        let gave = effects.gave.take().unwrap_or(keys);
        effects.gave = Some(Rows { moved: true, ..gave });
    }
}

fn kept(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) -> Option<Condition> {
    let place = find(tokens, 1, &["WHERE"])?;
    nested(from(tokens, place + 1), scope, effects);
    let end =
        find(tokens, place, &["RETURNING", "ORDER", "LIMIT", "OPTION", "SETTINGS"]).unwrap_or(tokens.len());
    Some(condition(between(tokens, place + 1, end), &effects.tables))
}

/// How many rows: by the condition, or by the `LIMIT` that some dialects have here.
fn bound(kept: Option<Condition>, tokens: Tokens<'_, '_>) -> Bound {
    let limit = find(tokens, 1, &["LIMIT"])
        .and_then(|place| at(tokens, place + 1))
        .filter(|token| token.kind == Kind::Number);
    // SQL Server's `DELETE TOP (5) FROM t`.
    let top = inside(tokens, 2).unwrap_or_else(|| between(tokens, 2, 3));
    let top = at(top, 0).filter(|token| {
        let counts = is(tokens, 1, "TOP") && !is(tokens, after(tokens, 2), "PERCENT");
        counts && top.len() == 1 && token.kind == Kind::Number
    });
    let limit = limit.or(top).and_then(|token| token.text.parse().ok());
    super::effects::least(kept.and_then(Condition::bound), limit)
}

/// What a write gives back of the rows it found.
fn returning(tokens: Tokens<'_, '_>, target: &str, bound: Bound, effects: &mut Effects) {
    let Some(place) = find(tokens, 1, &["RETURNING", "OUTPUT"]) else { return };
    let items = from(tokens, place + 1);
    let end = find(items, 0, &["WHERE", "INTO", "FROM"]).unwrap_or(items.len());
    // `RETURNING a INTO :a`
    effects.own_form |= effects.dialect == Dialect::Oracle && is(items, end, "INTO");
    let items = between(items, 0, end);
    if effects.only_queries || columns::only_keys(items, effects) {
        return;
    }
    let vectors = columns::has_vector(items, effects);
    if effects.within_with {
        // Whether they come out is for the query behind to say.
        let shape = if vectors { Shape::Vectors } else { Shape::Rows };
        effects.gave =
            Some(Rows { shape, written: true, bound, resource: target.to_owned(), ..Rows::default() });
        return;
    }
    effects.add(if vectors { Operation::VectorFetch } else { Operation::DataRead }, target, bound);
}

pub(super) fn merge(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) {
    let start = 1 + usize::from(is(tokens, 1, "INTO"));
    let Some((target, _)) = name(tokens, start) else { return effects.unknown("unclear_table") };
    let target = table(target);
    let using = find(tokens, start, &["USING"]).unwrap_or(tokens.len());
    let when = find(tokens, using, &["WHEN"]).unwrap_or(tokens.len());
    sources(between(tokens, start, using), scope, effects);
    let on = find(tokens, using, &["ON"]).unwrap_or(when);
    sources(between(tokens, using + 1, on), scope, effects);
    nested(from(tokens, on), scope, effects);
    let mut cuts = places(tokens).filter(|place| any(tokens, *place, &["THEN", "WHEN"])).peekable();
    while let Some(place) = cuts.next() {
        if !is(tokens, place, "THEN") {
            continue;
        }
        let end = cuts.peek().copied().unwrap_or(tokens.len());
        let action = between(tokens, place + 1, end);
        let vectors = columns::has_vector(action, effects);
        let operation = match () {
            () if is(action, 0, "DELETE") => Operation::DataDelete,
            () if any(action, 0, &["UPDATE", "INSERT"]) && vectors => Operation::VectorUpsert,
            () if any(action, 0, &["UPDATE", "INSERT"]) => Operation::DataIngest,
            () if is(action, 0, "DO") => continue,
            () => {
                effects.unknown("not_understood");
                continue;
            }
        };
        effects.write(operation, &target, None, false);
        // Oracle's `UPDATE SET ... DELETE WHERE c` takes away some of what it has changed.
        if find(action, 1, &["DELETE"]).is_some() {
            effects.write(Operation::DataDelete, &target, None, false);
        }
    }
    returning(tokens, &target, None, effects);
}
