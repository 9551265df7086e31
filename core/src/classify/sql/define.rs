//! Definitions, rights and settings.

use super::cursor::{
    Tokens, any, at, bare, between, commas, find, from, inside, is, is_query, name, places, table,
};
use super::effects::{Effects, Shape};
use super::forms::{Form, Object};
use super::knowledge::KNOWLEDGE;
use super::lexer::{Kind, Token};
use super::query::{Scope, nested, query};
use super::{Dialect, statement, transfer, upkeep, variables};
use crate::model::{Operation, Risk};

const ROLES: [&str; 10] =
    ["ROLE", "USER", "GROUP", "LOGIN", "POLICY", "ROW", "MASKING", "QUOTA", "SHARE", "DATASHARE"];
const CODE: [&str; 12] = [
    "FUNCTION",
    "PROCEDURE",
    "PROC",
    "TRIGGER",
    "RULE",
    "EXTENSION",
    "LANGUAGE",
    "AGGREGATE",
    "MACRO",
    "ASSEMBLY",
    "EVENT",
    "TASK",
];
const REMOTE: [&str; 9] = [
    "SERVER",
    "SUBSCRIPTION",
    "FOREIGN",
    "PUBLICATION",
    "STAGE",
    "STORAGE",
    "CONNECTION",
    "EXTERNAL",
    "INTEGRATION",
];

/// Objects that are settings of the server and hold no rows.
const SETTINGS: [&str; 17] = [
    "WAREHOUSE",
    "RESOURCE",
    "PIPE",
    "STREAM",
    "ALERT",
    "TAG",
    "TABLESPACE",
    "DIRECTORY",
    "ENDPOINT",
    "QUEUE",
    "RESERVATION",
    "ASSIGNMENT",
    "CAPACITY",
    "RECIPIENT",
    "PROVIDER",
    "NOTIFICATION",
    "REPLICATION",
];

pub(super) fn statement(verb: &str, tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) {
    match verb {
        "CREATE" | "REPLACE" => create(tokens, scope, effects),
        "DROP" => drop(tokens, effects),
        "TRUNCATE" => truncate(tokens, effects),
        "ALTER" | "RENAME" | "COMMENT" | "SECURITY" => alter(tokens, scope, effects),
        "GRANT" | "REVOKE" | "DENY" | "REASSIGN" => access(tokens, effects),
        "SET" | "RESET" => set(tokens, scope, effects),
        "PRAGMA" => upkeep::pragma(tokens, effects),
        "SHOW" => upkeep::show(tokens, effects),
        "HANDLER" => upkeep::handler(tokens, effects),
        "EXISTS" if effects.dialect == Dialect::ClickHouse => {
            let place =
                1 + usize::from(any(tokens, 1, &["TABLE", "VIEW", "DICTIONARY", "DATABASE", "TEMPORARY"]));
            let given = name(tokens, place).map(|(given, _)| table(given)).unwrap_or_default();
            effects.table(&given);
            effects.add(Operation::CollectionList, &given, Some(1));
        }
        "FLASHBACK" => transfer::restored(tokens, effects),
        // Oracle's bin of dropped tables; elsewhere it is logs that are purged.
        "PURGE" if effects.dialect == Dialect::Oracle => effects.add(Operation::CollectionDrop, "", None),
        // `CANCEL 18764 'reason'`
        "CANCEL" if effects.dialect == Dialect::Redshift => {
            effects.act(Operation::JobStop, "", Some(1), Risk::new(60))
        }
        "KILL" => effects.act(Operation::JobStop, "", Some(1), Risk::new(60)),
        "SHUTDOWN" | "RESTART" => effects.act(Operation::InfraChange, "", Some(1), Risk::new(85)),
        "SYSTEM" if any(tokens, 1, &["SHUTDOWN", "KILL"]) => {
            effects.act(Operation::InfraChange, "", Some(1), Risk::new(85))
        }
        "EXCHANGE" => exchange(tokens, effects),
        // What is asserted reads, and gives nothing but a failure.
        "ASSERT" if effects.dialect == Dialect::BigQuery => {
            nested(tokens, scope, effects);
            effects.add(Operation::DataQuery, "", Some(1));
        }
        // Spark's tables of files: their metadata are made anew.
        "CONVERT" | "FSCK" if effects.dialect == Dialect::Spark => {
            let place = find(tokens, 1, &["DELTA", "TABLE"]).map_or(1, |place| place + 1);
            let given = name(tokens, place).map(|(given, _)| table(given)).unwrap_or_default();
            effects.table(&given);
            effects.add(Operation::CollectionAlter, &given, Some(1));
        }
        "SYSTEM" | "FLUSH" | "CHANGE" | "PURGE" | "STOP" | "RECONFIGURE" | "DBCC" => {
            effects.add(Operation::AdminConfig, "", Some(1))
        }
        "PIVOT" | "UNPIVOT" | "SUMMARIZE" => {
            let end = find(tokens, 1, &["ON", "USING", "GROUP", "INTO"]).unwrap_or(tokens.len());
            let mut rows = super::query::sources(between(tokens, 1, end), scope, effects);
            nested(from(tokens, end), scope, effects);
            if verb == "SUMMARIZE" {
                // A line of figures for each column.
                rows.shape = rows.shape.min(Shape::Computed);
            }
            effects.read(&rows);
        }
        // SQL Server's conditions stand before one statement.
        "IF" | "ELSE" | "WHILE" if effects.dialect == Dialect::SqlServer => {
            nested(tokens, scope, effects);
            match find(tokens, 1, &statement::VERBS) {
                Some(place) => statement::one(from(tokens, place), scope, effects),
                None => effects.add(Operation::SessionControl, "", Some(1)),
            }
        }
        "ELSE" | "IF" | "LOOP" | "WHILE" | "RETURN" | "WAITFOR" => {
            effects.unknown("dynamic");
        }
        _ if (effects.blocks > 0 || effects.declares) && statement::step(tokens, effects) => {}
        _ => unknown(tokens, effects),
    }
}

/// A statement that the data file knows by its words.
pub(super) fn known(
    form: &Form,
    place: usize,
    tokens: Tokens<'_, '_>,
    scope: &mut Scope,
    effects: &mut Effects,
) {
    nested(from(tokens, place), scope, effects);
    let named = match form.object {
        Object::None => Vec::new(),
        Object::Tables => objects(tokens, place),
        Object::On => vec![named_behind_on(tokens, place, effects)],
    };
    if named.is_empty() {
        effects.means(form.meaning, "");
    }
    for one in named {
        if !one.is_empty() {
            effects.table(&one);
        }
        effects.means(form.meaning, &one);
    }
}

/// A statement that nobody here reads: unknown, with what its words name besides.
pub(super) fn unknown(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    effects.unknown("not_understood");
    for place in 0..tokens.len() {
        let Some(token) = at(tokens, place) else { continue };
        let operation = match () {
            () if token.is("DELETE") => Operation::DataDelete,
            () if token.is("DROP") || token.is("TRUNCATE") => Operation::CollectionDrop,
            () if token.any(&["INSERT", "UPDATE", "MERGE"]) => Operation::DataIngest,
            () if token.any(&["GRANT", "REVOKE"]) => Operation::AdminAccess,
            () if token.any(&["OUTFILE", "DUMPFILE"]) => Operation::FileWrite,
            () if token.any(&["PROGRAM", "EXECUTE", "EXEC"]) => Operation::CodeExecute,
            () => {
                if token.any(&["FROM", "JOIN", "INTO", "TABLE"])
                    && let Some((given, _)) = name(tokens, place + 1)
                {
                    effects.table(&table(given));
                }
                continue;
            }
        };
        effects.add(operation, "", None);
    }
}

/// The names of a list of objects, after `IF [NOT] EXISTS`.
fn objects(tokens: Tokens<'_, '_>, mut place: usize) -> Vec<String> {
    while any(tokens, place, &["IF", "NOT", "EXISTS", "CONCURRENTLY", "ONLY", "TABLE"]) {
        place += 1;
    }
    commas(from(tokens, place))
        .iter()
        .filter_map(|one| name(one, usize::from(is(one, 0, "ONLY"))))
        .map(|(given, _)| table(given))
        .collect()
}

/// The table that a policy, a trigger or a rule is for.
fn named_behind_on(tokens: Tokens<'_, '_>, start: usize, effects: &mut Effects) -> String {
    let on = find(tokens, start, &["ON"]).and_then(|on| objects(between(tokens, 0, on + 4), on + 1).pop());
    let on = on.unwrap_or_default();
    // `ON ALL TABLES`, `ON DATABASE d`: no table.
    if on.is_empty() || ["all", "database", "schema", "account", "server"].contains(&on.as_str()) {
        return String::new();
    }
    effects.table(&on);
    on
}

/// The first of `words` among the words before any name, e.g. the kind of what is created.
fn sort_of(tokens: Tokens<'_, '_>, words: &[&str]) -> Option<usize> {
    find(tokens, 1, words).filter(|place| *place < 7)
}

fn create(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) {
    let kinds = [
        "TABLE",
        "VIEW",
        "INDEX",
        "DATABASE",
        "SCHEMA",
        "SEQUENCE",
        "TYPE",
        "DOMAIN",
        "DICTIONARY",
        "KEYSPACE",
        "NAMESPACE",
        "CATALOG",
        "SYNONYM",
        "SECRET",
        "CREDENTIAL",
        "CERTIFICATE",
        "MODEL",
    ];
    let all: Vec<&str> =
        kinds.iter().chain(&ROLES).chain(&CODE).chain(&REMOTE).chain(&SETTINGS).copied().collect();
    if sort_of(tokens, &["STATISTICS"]).is_some() {
        let on = find(tokens, 1, &["FROM"]).or_else(|| find(tokens, 1, &["ON"]));
        let on = on.and_then(|place| name(tokens, place + 1));
        let on = on.map(|(given, _)| table(given)).unwrap_or_default();
        effects.table(&on);
        return effects.add(Operation::CollectionAlter, &on, Some(1));
    }
    let Some(place) = sort_of(tokens, &all) else { return unknown(tokens, effects) };
    if any(tokens, place, &SETTINGS) {
        return effects.add(Operation::AdminConfig, "", Some(1));
    }
    let place = place + usize::from(is(tokens, place, "EXTERNAL") && is(tokens, place + 1, "FUNCTION"));
    if any(tokens, place, &CODE) {
        return code(tokens, place, effects);
    }
    if is(tokens, place, "MODEL") {
        return model(tokens, place, scope, effects);
    }
    if is(tokens, place, "DATABASE") && is(tokens, place + 1, "LINK") {
        effects.act(Operation::NetworkFetch, "", Some(1), Risk::new(65));
        return effects.add(Operation::AdminConfig, "", Some(1));
    }
    if any(tokens, place, &ROLES) {
        let on = named_behind_on(tokens, place, effects);
        return effects.add(Operation::AdminAccess, &on, Some(1));
    }
    if any(tokens, place, &["SECRET", "CREDENTIAL", "CERTIFICATE"]) {
        return effects.add(Operation::AdminKey, "", Some(1));
    }
    // What is published is there to be asked for, and a server is asked by what uses it later: nobody is asked now.
    if any(tokens, place, &["PUBLICATION", "SERVER"]) {
        return effects.add(Operation::AdminConfig, "", Some(1));
    }
    if any(tokens, place, &REMOTE) {
        effects.act(Operation::NetworkFetch, "", Some(1), Risk::new(65));
        if !any(tokens, place, &["FOREIGN", "EXTERNAL"]) {
            return effects.add(Operation::AdminConfig, "", Some(1));
        }
    }
    if is(tokens, place, "INDEX") || is(tokens, place, "UNIQUE") {
        let on = find(tokens, place, &["ON"]).map_or_else(Vec::new, |on| objects(tokens, on + 1));
        let on = on.into_iter().next().unwrap_or_default();
        if !on.is_empty() {
            effects.table(&on);
        }
        return effects.add(Operation::CollectionAlter, &on, Some(1));
    }
    let place = if any(tokens, place, &["FOREIGN", "EXTERNAL"]) { place + 1 } else { place };
    let given = objects(tokens, place + 1).into_iter().next().unwrap_or_default();
    if any(tokens, place, &["TABLE", "VIEW"]) && !given.is_empty() {
        effects.table(&given);
    }
    effects.add(Operation::CollectionCreate, &given, Some(1));
    engine(tokens, place, effects);
    // `CREATE TABLE p PARTITION OF t`
    let parent = find(tokens, place, &["PARTITION"]).filter(|parent| is(tokens, parent + 1, "OF"));
    if let Some((parent, _)) = parent.and_then(|parent| name(tokens, parent + 2)) {
        effects.table(&table(parent));
    }
    // What it is made like is named, and none of its rows is read.
    let like = find(tokens, place, &["LIKE"]).map(|like| (tokens, like));
    let like =
        like.or_else(|| inside(tokens, place + 2).filter(|list| is(list, 0, "LIKE")).map(|list| (list, 0)));
    if let Some((like, _)) =
        like.and_then(|(list, like)| name(list, like + 1)).filter(|_| is(tokens, place, "TABLE"))
    {
        effects.table(&table(like));
    }
    let copies = |place: &usize| effects.dialect == Dialect::BigQuery && is(tokens, *place, "COPY");
    let copy = find(tokens, place, &["COPY"]).filter(copies);
    if let Some(clone) = find(tokens, place, &["CLONE"]).or(copy) {
        let source = objects(tokens, clone + 1 + usize::from(is(tokens, clone + 1, "AS"))).into_iter().next();
        let source = source.unwrap_or_default();
        if is(tokens, place, "TABLE") && !source.is_empty() {
            effects.table(&source);
        }
        let snapshot = sort_of(tokens, &["SNAPSHOT"]).is_some();
        let operation = if snapshot { Operation::CollectionSnapshot } else { Operation::DataExport };
        return effects.add(operation, &source, None);
    }
    // `CREATE TABLE t AS SELECT` copies; a view reads nothing until it is read.
    let body =
        find(tokens, place, &["AS"]).map(|place| from(tokens, place + 1)).filter(|rest| is_query(rest));
    let body = body.or_else(|| {
        places(tokens)
            .skip(place)
            // The bounds of a partition are no rows: `FOR VALUES FROM (1) TO (10)`.
            .filter(|place| !is(tokens, place.saturating_sub(1), "FOR"))
            .map(|place| from(tokens, place))
            .find(|rest| is_query(rest) && !any(rest, 0, &["WITH", "TABLE", "FROM"]))
    });
    if let Some(body) = body {
        let end = places(body)
            .find(|place| {
                is(body, *place, "WITH") && *place > 0 && any(body, place + 1, &["NO", "DATA", "CHECK"])
            })
            .unwrap_or(body.len());
        let rows = query(between(body, 0, end), scope, effects);
        let empty = is(body, end + 1, "NO") && is(body, end + 2, "DATA");
        if !empty && (is(tokens, place, "TABLE") || sort_of(tokens, &["MATERIALIZED"]).is_some()) {
            effects.read(&rows);
            // `LOCATION 's3://...'`
            let place = find(tokens, place, &["LOCATION"]).and_then(|location| at(tokens, location + 1));
            if place.is_some_and(|text| text.kind == Kind::Text && transfer::is_remote(&text.text)) {
                effects.act(Operation::NetworkSend, "", Some(1), Risk::new(80));
            }
        }
    }
}

/// Where the rows of a new table lie, if elsewhere: `ENGINE = S3('https://...')`, as ClickHouse has it, MySQL's `ENGINE = FEDERATED`,
/// SQLite's `USING csv(filename = '...')`.
fn engine(tokens: Tokens<'_, '_>, place: usize, effects: &mut Effects) {
    let virtual_table = is(tokens, place.saturating_sub(1), "VIRTUAL");
    let words = if virtual_table { ["USING"] } else { ["ENGINE"] };
    let Some(engine) = find(tokens, place, &words) else { return };
    let given = name(tokens, engine + 1 + usize::from(at(tokens, engine + 1).is_some_and(Token::assigns)));
    let meaning = given.and_then(|(given, _)| KNOWLEDGE.functions.find(&format!("engine.{given}")));
    if let Some(meaning) = meaning.filter(|meaning| {
        matches!(
            meaning.operation,
            Operation::NetworkFetch | Operation::NetworkSend | Operation::CodeExecute | Operation::FileRead
        )
    }) {
        effects.means(meaning, "");
    }
}

/// `CREATE MODEL`: trained on a query or a table, or brought in.
fn model(tokens: Tokens<'_, '_>, place: usize, scope: &mut Scope, effects: &mut Effects) {
    let given = objects(tokens, place + 1).into_iter().next().unwrap_or_default();
    let brought = tokens.iter().any(|token| token.is("MODEL_PATH"));
    if brought {
        return effects.add(Operation::ModelUpload, &given, None);
    }
    // What answers elsewhere is only made known here.
    if find(tokens, place, &["REMOTE"]).is_some() {
        return effects.add(Operation::AdminConfig, "", Some(1));
    }
    let source = places(tokens).skip(place).map(|place| from(tokens, place)).find(|rest| is_query(rest));
    if let Some(source) = source {
        if any(source, 0, &["SELECT", "WITH"]) {
            query(source, scope, effects);
        } else if let Some(inner) = inside(source, 1) {
            query(inner, scope, effects);
        } else if let Some((read, _)) = name(source, 1) {
            effects.table(&table(read));
        }
    }
    effects.add(Operation::ModelTrain, &given, None);
}

/// A routine runs later, with whatever rights; a rule and a trigger run by themselves, so what they do counts.
fn code(tokens: Tokens<'_, '_>, place: usize, effects: &mut Effects) {
    if is(tokens, place, "EXTENSION") {
        let given = objects(tokens, place + 1).into_iter().next().unwrap_or_default();
        if let Some(meaning) = KNOWLEDGE.extensions.find(&given.to_lowercase()) {
            return effects.means(meaning, &given);
        }
    }
    effects.add(Operation::CodeExecute, "", Some(1));
    if is(tokens, place, "TRIGGER") && !is(tokens, place.saturating_sub(1), "EVENT") {
        named_behind_on(tokens, place, effects);
    }
    if is(tokens, place, "RULE") {
        if let Some(place) = find(tokens, place, &["DO"]) {
            let mut rest = from(tokens, place + 1);
            while any(rest, 0, &["INSTEAD", "ALSO"]) {
                rest = from(rest, 1);
            }
            if !is(rest, 0, "NOTHING") {
                for one in
                    bare(rest).split(|token| token.kind == Kind::Semicolon).filter(|one| !one.is_empty())
                {
                    statement::one(one, &mut Vec::new(), effects);
                }
            }
        }
    } else if any(tokens, place, &["FUNCTION", "PROCEDURE", "PROC"]) {
        // What it will touch is worth telling, although nothing of it runs yet.
        let Some(start) = find(tokens, place, &["AS", "BEGIN", "RETURN"]) else { return };
        let mut later = effects.apart();
        later.depth += 1;
        match at(tokens, start + 1).filter(|token| token.kind == Kind::Text) {
            Some(text) => statement::body(&text.text, &mut later),
            None => statement::routine(from(tokens, start), &mut later),
        }
        effects.spent(&later);
        later.tables.iter().for_each(|table| effects.table(table));
    } else if is(tokens, place, "TRIGGER") {
        // Behind the rows that it is for; what it comes after is named before.
        if let Some(start) = find(tokens, place, &["BEGIN", "SET", "ROW", "AS"]) {
            statement::routine(from(tokens, start + 1), effects);
        }
    } else if let Some(start) =
        find(tokens, place, &["DO", "AS"]).filter(|_| any(tokens, place, &["EVENT", "TASK"]))
    {
        statement::routine(from(tokens, start + 1), effects);
    }
}

fn drop(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    let all: Vec<&str> = ROLES.iter().chain(&CODE).chain(&REMOTE).chain(&SETTINGS).copied().collect();
    let sort = at(tokens, 1);
    if any(
        tokens,
        1,
        &[
            "TABLE",
            "VIEW",
            "MATERIALIZED",
            "TEMPORARY",
            "TEMP",
            "DATABASE",
            "SCHEMA",
            "COLLECTION",
            "KEYSPACE",
            "NAMESPACE",
            "ICEBERG",
            "DYNAMIC",
            "HYBRID",
            "OWNED",
            "CATALOG",
            "DICTIONARY",
            "SNAPSHOT",
            "VOLUME",
        ],
    ) || any(tokens, 1, &["FOREIGN", "EXTERNAL"]) && is(tokens, 2, "TABLE")
    {
        const KINDS: [&str; 10] = [
            "MATERIALIZED",
            "TEMPORARY",
            "TEMP",
            "ICEBERG",
            "DYNAMIC",
            "HYBRID",
            "OWNED",
            "SNAPSHOT",
            "FOREIGN",
            "EXTERNAL",
        ];
        let place = if any(tokens, 1, &KINDS) { 3 } else { 2 };
        let tabled = any(tokens, place - 1, &["TABLE", "VIEW", "DICTIONARY"]);
        let given = objects(tokens, place);
        for one in &given {
            if tabled {
                effects.table(one);
            }
            effects.add(Operation::CollectionDrop, one, Some(1));
        }
        if given.is_empty() {
            effects.add(Operation::CollectionDrop, "", None);
        }
    } else if is(tokens, 1, "MODEL") {
        let given = objects(tokens, 2).into_iter().next().unwrap_or_default();
        effects.add(Operation::ModelDelete, &given, Some(1));
    } else if any(tokens, 1, &all) {
        let operation = if any(tokens, 1, &ROLES) { Operation::AdminAccess } else { Operation::AdminConfig };
        let on = if any(tokens, 1, &["POLICY", "TRIGGER", "RULE"]) {
            named_behind_on(tokens, 1, effects)
        } else {
            String::new()
        };
        effects.add(operation, &on, Some(1));
    } else if any(tokens, 1, &["VECTOR", "SEARCH", "BLOOMFILTER"]) && is(tokens, 2, "INDEX")
        || any(
            tokens,
            1,
            &[
                "INDEX",
                "SEQUENCE",
                "TYPE",
                "DOMAIN",
                "STATISTICS",
                "CONSTRAINT",
                "CAST",
                "OPERATOR",
                "COLLATION",
            ],
        )
    {
        let on = find(tokens, 2, &["ON"])
            .and_then(|place| name(tokens, place + 1))
            .map(|(given, _)| table(given))
            .unwrap_or_default();
        if !on.is_empty() {
            effects.table(&on);
        }
        effects.add(Operation::CollectionAlter, &on, Some(1));
    } else if sort.is_some_and(|token| token.any(&["SECRET", "CREDENTIAL"])) {
        effects.add(Operation::AdminKey, "", Some(1));
    } else if any(tokens, 1, &["PREPARE"]) {
        effects.add(Operation::SessionControl, "", Some(1));
    } else {
        effects.unknown("not_understood");
        effects.add(Operation::CollectionDrop, "", None);
    }
}

fn truncate(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    let given = objects(tokens, 1);
    for one in &given {
        effects.table(one);
        effects.add(Operation::CollectionDrop, one, None);
    }
    if given.is_empty() {
        effects.unknown("unclear_table");
    }
}

fn alter(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) {
    if any(tokens, 0, &["COMMENT", "SECURITY"]) {
        let place = find(tokens, 1, &["TABLE", "VIEW", "COLUMN"]);
        let given = place.and_then(|place| name(tokens, place + 1)).map(|(given, _)| given);
        // The last part of the name of a column is its own.
        let column = place.is_some_and(|place| is(tokens, place, "COLUMN"));
        let given = given.map(|given| match given.rsplit_once('.').filter(|_| column) {
            Some((of, _)) => table(of.to_owned()),
            None => table(given),
        });
        let given = given.unwrap_or_default();
        if !given.is_empty() {
            effects.table(&given);
        }
        // Labels of the modules that grant access, or mask, by them.
        let labels = is(tokens, 0, "SECURITY");
        let operation = if labels { Operation::AdminAccess } else { Operation::CollectionAlter };
        return effects.add(operation, &given, Some(1));
    }
    let all: Vec<&str> = ROLES
        .iter()
        .chain(&[
            "SYSTEM",
            "TABLE",
            "VIEW",
            "INDEX",
            "DATABASE",
            "SCHEMA",
            "SESSION",
            "SEQUENCE",
            "TYPE",
            "DOMAIN",
            "DEFAULT",
            "RENAME",
            "SERVER",
            "INSTANCE",
            "ACCOUNT",
            "MODEL",
            "MATERIALIZED",
            "CATALOG",
        ])
        .chain(&CODE)
        .chain(&REMOTE)
        .chain(&SETTINGS)
        .copied()
        .collect();
    let Some(place) = sort_of(tokens, &all).or_else(|| is(tokens, 0, "RENAME").then_some(0)) else {
        return unknown(tokens, effects);
    };
    if is(tokens, place, "SERVER") && any(tokens, place + 1, &ROLES) {
        return effects.add(Operation::AdminAccess, "", Some(1));
    }
    if is(tokens, place, "MODEL") {
        return effects.add(Operation::ModelUpdate, "", Some(1));
    }
    if any(
        tokens,
        place,
        &[
            "SYSTEM",
            "DATABASE",
            "SERVER",
            "INSTANCE",
            "ACCOUNT",
            "SUBSCRIPTION",
            "PUBLICATION",
            "STORAGE",
            "INTEGRATION",
        ],
    ) || any(tokens, place, &SETTINGS)
    {
        return effects.add(Operation::AdminConfig, "", Some(1));
    }
    if is(tokens, place, "SESSION") {
        return effects.add(Operation::SessionControl, "", Some(1));
    }
    if any(tokens, place, &ROLES) || is(tokens, place, "DEFAULT") {
        let on =
            if is(tokens, place, "POLICY") { named_behind_on(tokens, place, effects) } else { String::new() };
        return effects.add(Operation::AdminAccess, &on, Some(1));
    }
    if any(tokens, place, &CODE) {
        return effects.add(Operation::CodeExecute, "", Some(1));
    }
    let place = place + usize::from(is(tokens, place, "MATERIALIZED"));
    let given = objects(tokens, place + 1).into_iter().next().unwrap_or_default();
    if any(tokens, place, &["TABLE", "VIEW"]) && !given.is_empty() {
        effects.table(&given);
    }
    // `RENAME TABLE a TO b, c TO d`
    if is(tokens, 0, "RENAME") && is(tokens, place, "TABLE") {
        for one in objects(tokens, place + 1).iter().skip(1) {
            effects.table(one);
            effects.add(Operation::CollectionAlter, one, Some(1));
        }
    }
    let rest = from(tokens, place + 1);
    let row = places(rest).any(|place| {
        is(rest, place, "ROW") && is(rest, place + 1, "LEVEL")
            || any(rest, place, &["OWNER", "MASKED", "MASK"])
            || is(rest, place, "ROW") && is(rest, place + 1, "FILTER")
            || any(rest, place, &["MASKING", "ACCESS", "AGGREGATION", "PROJECTION"])
                && is(rest, place + 1, "POLICY")
            || any(rest, place, &["TRIGGER", "RULE"])
                && place > 0
                && any(rest, place - 1, &["DISABLE", "ENABLE", "REPLICA", "ALWAYS"])
    });
    if row {
        return effects.add(Operation::AdminAccess, &given, Some(1));
    }
    let drops = places(rest).any(|place| {
        is(rest, place, "DROP")
            && !any(
                rest,
                place + 1,
                &[
                    "DEFAULT",
                    "NOT",
                    "CONSTRAINT",
                    "INDEX",
                    "PRIMARY",
                    "FOREIGN",
                    "IDENTITY",
                    "EXPRESSION",
                    "KEY",
                    "CHECK",
                ],
            )
    });
    // A column, or a partition, goes with all it holds.
    let base = if drops { Risk::new(80) } else { Operation::CollectionAlter.base_risk() };
    // ClickHouse writes its deletes and updates so.
    if let Some(at_delete) = find(rest, 1, &["DELETE"]).filter(|place| is(rest, place + 1, "WHERE")) {
        let condition = super::condition::condition(from(rest, at_delete + 2), &effects.tables);
        let every = condition == super::condition::Condition::Every;
        return effects.write(Operation::DataDelete, &given, condition.bound(), every);
    }
    if let Some(at_update) = find(rest, 1, &["UPDATE"]) {
        let kept = find(rest, at_update, &["WHERE"])
            .map(|place| super::condition::condition(from(rest, place + 1), &effects.tables));
        let every = kept.is_none_or(|kept| kept == super::condition::Condition::Every);
        return effects.write(Operation::DataIngest, &given, None, every);
    }
    // Redshift moves the rows of one table to another so.
    if let Some(place) = find(rest, 1, &["APPEND"]).filter(|place| is(rest, place + 1, "FROM"))
        && let Some((source, _)) = name(rest, place + 2)
    {
        let source = table(source);
        effects.table(&source);
        effects.write(Operation::DataIngest, &given, None, false);
        return effects.write(Operation::DataDelete, &source, None, true);
    }
    // ClickHouse's copies of partitions: to a folder of their own, and from another server.
    if effects.dialect == Dialect::ClickHouse && any(rest, 1, &["FREEZE"]) {
        return effects.add(Operation::CollectionSnapshot, &given, None);
    }
    if effects.dialect == Dialect::ClickHouse && is(rest, 1, "FETCH") {
        effects.add(Operation::NetworkFetch, "", Some(1));
        return effects.write(Operation::DataIngest, &given, None, false);
    }
    // Snowflake gives two tables each the other's name.
    if let Some((other, _)) = name(rest, 3).filter(|_| is(rest, 1, "SWAP") && is(rest, 2, "WITH")) {
        effects.table(&table(other));
    }
    nested(rest, scope, effects);
    effects.act(Operation::CollectionAlter, &given, Some(1), base);
    if empties_partition(rest) {
        effects.write(Operation::DataDelete, &given, None, false);
    }
}

/// Whether the rows of partitions go: `DROP PARTITION p`, `DROP IF EXISTS PARTITION (..)`, `TRUNCATE SUBPARTITION s`, `DROP PART '..'`.
/// A partition field of Iceberg is a rule for rows to come: no row goes with it.
fn empties_partition(rest: Tokens<'_, '_>) -> bool {
    let parts = ["PARTITION", "PARTITIONS", "SUBPARTITION", "SUBPARTITIONS", "PART", "DETACHED"];
    places(rest).filter(|place| any(rest, *place, &["DROP", "TRUNCATE"])).any(|place| {
        let exists = is(rest, place + 1, "IF") && is(rest, place + 2, "EXISTS");
        let what = place + if exists { 3 } else { 1 };
        any(rest, what, &parts) && !is(rest, what + 1, "FIELD")
    })
}

/// ClickHouse's `EXCHANGE TABLES a AND b`: each gets the other's name.
fn exchange(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    let tables = any(tokens, 1, &["TABLES", "DICTIONARIES"]);
    let both = name(tokens, 2).filter(|(_, next)| tables && is(tokens, *next, "AND"));
    let Some((first, (second, _))) = both.and_then(|(first, next)| Some((first, name(tokens, next + 1)?)))
    else {
        return unknown(tokens, effects);
    };
    for one in [table(first), table(second)] {
        effects.table(&one);
        effects.add(Operation::CollectionAlter, &one, Some(1));
    }
}

fn access(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    let on = find(tokens, 1, &["ON"]).map(|place| place + 1);
    let mut resource = String::new();
    if let Some(place) = on {
        let all = any(
            tokens,
            place,
            &[
                "ALL",
                "SCHEMA",
                "DATABASE",
                "FUNCTION",
                "SEQUENCE",
                "LANGUAGE",
                "PROCEDURE",
                "WAREHOUSE",
                "LARGE",
                "TABLESPACE",
                "TYPE",
                "DATASHARE",
                "SHARE",
                "STAGE",
                "INTEGRATION",
                "FOREIGN",
            ],
        );
        let end = find(tokens, place, &["TO", "FROM"]).unwrap_or(tokens.len());
        if !all {
            let head = between(tokens, 0, end);
            // `ON shop.*` is every table of it.
            let wide = head.last().is_some_and(|token| token.operator("*"));
            for one in objects(head, place) {
                if !wide && !one.ends_with('.') {
                    effects.table(&one);
                    resource = one;
                }
            }
        }
    }
    effects.add(Operation::AdminAccess, &resource, Some(1));
}

/// What setting one setting is.
pub(super) fn setting(given: Option<&str>, effects: &mut Effects) {
    match given {
        Some(given) => match KNOWLEDGE.settings.find(given) {
            Some(meaning) => effects.means(meaning, ""),
            None => effects.add(Operation::SessionControl, "", Some(1)),
        },
        None => effects.unknown("dynamic"),
    }
}

fn set(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) {
    nested(tokens, scope, effects);
    let list = from(tokens, 1);
    if is(tokens, 0, "SET")
        && effects.variables.given(list)
        && (variables::begins(tokens) || effects.dialect == Dialect::Snowflake)
    {
        effects.set = true;
        return;
    }
    let mut place = 1;
    if is(tokens, 0, "RESET") && any(tokens, 1, &["MASTER", "SLAVE", "REPLICA", "BINARY", "PERSIST"]) {
        return effects.add(Operation::AdminConfig, "", Some(1));
    }
    if any(tokens, 1, &["PASSWORD"]) {
        return effects.add(Operation::AdminKey, "", Some(1));
    }
    if any(tokens, 1, &["GLOBAL", "PERSIST", "PERSIST_ONLY"])
        || tokens.iter().any(|token| {
            let names = ["@@global", "@@persist", "@@persist_only"];
            token.kind == Kind::Parameter && names.iter().any(|name| token.text.eq_ignore_ascii_case(name))
        })
    {
        return effects.add(Operation::AdminConfig, "", Some(1));
    }
    while any(tokens, place, &["LOCAL", "SESSION"]) && !is(tokens, place + 1, "TO") {
        place += 1;
    }
    if any(tokens, place, &["AUTHORIZATION", "ROLE", "DEFAULT"]) {
        return effects.add(Operation::AdminAccess, "", Some(1));
    }
    let given = name(tokens, place).map(|(given, _)| given.to_lowercase());
    setting(Some(given.as_deref().unwrap_or("")), effects);
}
