//! What only looks at the server or keeps it going: `PRAGMA`, `SHOW`, MySQL's `HANDLER`, `VACUUM` and their kin.

use super::Dialect;
use super::cursor::{Tokens, after, any, at, find, from, inside, is, is_query, kind, name, table};
use super::define;
use super::effects::Effects;
use super::knowledge::KNOWLEDGE;
use super::lexer::{Kind, Token};
use super::query::{Scope, nested, query};
use crate::model::{Operation, Risk};

pub(super) fn pragma(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    const LISTS: [&str; 12] = [
        "table_info",
        "table_xinfo",
        "table_list",
        "index_list",
        "index_info",
        "index_xinfo",
        "foreign_key_list",
        "database_list",
        "function_list",
        "collation_list",
        "show_tables",
        "storage_info",
    ];
    let Some((given, next)) = name(tokens, 1) else { return effects.unknown("not_understood") };
    let last = given.rsplit('.').next().unwrap_or(&given).to_lowercase();
    let argument = inside(tokens, next).unwrap_or_else(|| from(tokens, next + 1));
    if LISTS.contains(&last.as_str()) {
        let on = at(argument, 0)
            .filter(|token| token.names() || token.kind == Kind::Text)
            .map(|token| token.text.to_string());
        let on = on.unwrap_or_default();
        if !on.is_empty() {
            effects.table(&on);
        }
        effects.add(Operation::CollectionList, &on, Some(1));
    } else if let Some(meaning) =
        KNOWLEDGE.settings.find(&last).filter(|meaning| meaning.operation == Operation::CollectionAlter)
    {
        effects.means(meaning, "");
    } else if argument.is_empty() {
        effects.add(Operation::AdminRead, "", Some(1));
    } else {
        define::setting(Some(&last), effects);
    }
}

pub(super) fn show(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    let running =
        ["PROCESSLIST", "STATUS", "PROFILES", "PROFILE", "QUERIES", "JOBS", "TRANSACTIONS", "LOCKS"];
    if find(tokens, 1, &running).is_some_and(|place| place < 5) && find(tokens, 1, &["TABLE"]).is_none() {
        return effects.add(Operation::TelemetryRead, "", Some(1));
    }
    let listed = find(
        tokens,
        1,
        &[
            "TABLES",
            "DATABASES",
            "SCHEMAS",
            "COLUMNS",
            "INDEX",
            "INDEXES",
            "KEYS",
            "FIELDS",
            "VIEWS",
            "TABLE",
            "CREATE",
            "PARTITIONS",
            "FUNCTIONS",
            "OBJECTS",
        ],
    );
    let Some(_) = listed.filter(|place| *place < 4) else {
        let grants = any(tokens, 1, &["GRANTS"]);
        return effects.act(Operation::AdminRead, "", Some(1), Risk::new(if grants { 30 } else { 25 }));
    };
    let named = find(tokens, 2, &["FROM", "IN", "TABLE"])
        .filter(|_| !any(tokens, 1, &["TABLES", "SCHEMAS", "DATABASES"]));
    let on =
        named.and_then(|place| name(tokens, place + 1)).map(|(given, _)| table(given)).unwrap_or_default();
    if !on.is_empty() {
        effects.table(&on);
    }
    effects.add(Operation::CollectionList, &on, Some(1));
}

/// MySQL's `HANDLER t OPEN|READ|CLOSE`: a reading row by row, from an index or from the first row on.
pub(super) fn handler(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    let Some((given, next)) = name(tokens, 1) else { return effects.unknown("unclear_table") };
    let given = table(given);
    effects.table(&given);
    if !is(tokens, next, "READ") {
        return effects.add(Operation::SessionControl, "", Some(1));
    }
    let limit = find(tokens, next, &["LIMIT"]);
    let bound = limit.map_or(Some(1), |place| super::query::limit(from(tokens, place), &effects.bounds));
    let bulk = bound.is_none_or(|count| count >= super::effects::BULK);
    effects.add(if bulk { Operation::DataExport } else { Operation::DataRead }, &given, bound);
}

/// `VACUUM`, `ANALYZE`, `REINDEX`, `OPTIMIZE`, `REFRESH`: nothing goes out or away, but the server works.
pub(super) fn maintain(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) {
    nested(tokens, scope, effects);
    if is(tokens, 0, "VACUUM") && find(tokens, 1, &["INTO"]).is_some() {
        effects.add(Operation::FileWrite, "", Some(1));
        return effects.add(Operation::DataExport, "", None);
    }
    // `CACHE TABLE t AS query` keeps the rows; none of them comes out.
    if is(tokens, 0, "CACHE")
        && let Some(rest) = find(tokens, 1, &["SELECT", "WITH", "FROM"])
            .map(|place| from(tokens, place))
            .filter(|rest| is_query(rest))
    {
        query(rest, scope, effects);
    }
    let mut place = 1;
    while kind(tokens, place) == Some(Kind::Open)
        || any(
            tokens,
            place,
            &[
                "FULL",
                "FREEZE",
                "VERBOSE",
                "ANALYZE",
                "TABLE",
                "INDEX",
                "DATABASE",
                "SCHEMA",
                "SYSTEM",
                "MATERIALIZED",
                "VIEW",
                "CONCURRENTLY",
                "REPAIR",
                "LAZY",
                "LOCAL",
                "SORT",
                "DELETE",
                "ONLY",
                "RECLUSTER",
                "COMPRESSION",
            ],
        )
    {
        place = after(tokens, place);
    }
    let given = at(tokens, place)
        .filter(|token| Token::names(token))
        .and_then(|_| name(tokens, place))
        .map(|(given, _)| table(given))
        .unwrap_or_default();
    if !given.is_empty() && find(tokens, 0, &["INDEX", "DATABASE", "SCHEMA", "SYSTEM"]).is_none() {
        effects.table(&given);
    }
    // Where tables keep their past in files, those go for good.
    if is(tokens, 0, "VACUUM") && effects.dialect == Dialect::Spark {
        return effects.write(Operation::DataDelete, &given, None, false);
    }
    effects.add(Operation::CollectionAlter, &given, Some(1));
}
