//! Statements that take rows out to files and other systems, and that bring them in.

use super::columns;
use super::cursor::{
    Tokens, after, any, at, bare, between, find, from, inside, is, is_query, kind, name, table,
};
use super::effects::{Effects, Shape};
use super::knowledge::KNOWLEDGE;
use super::lexer::{Kind, Token};
use super::query::{Scope, query};
use super::{run, statement};
use crate::model::{Operation, Risk};

/// What a program of the host is worth.
pub(super) const PROGRAM: Risk = Risk::new(95);

pub(super) fn is_remote(text: &str) -> bool {
    (text.contains("://") && !text.starts_with("file:")) || text.starts_with("\\\\")
}

/// Where rows go: a file, a program or another system.
fn goes(target: Option<&Token<'_>>, effects: &mut Effects) {
    match target {
        Some(token) if token.any(&["STDOUT"]) => {}
        Some(token) if token.is("PROGRAM") => effects.act(Operation::CodeExecute, "", Some(1), PROGRAM),
        Some(token) if token.kind == Kind::Text && is_remote(&token.text) => {
            effects.add(Operation::NetworkSend, "", Some(1))
        }
        // A stage of the warehouse: `@stage`, `@~` of the user, `@%t` of a table.
        Some(token) if token.kind == Kind::Parameter || token.text.starts_with('@') => {
            effects.add(Operation::NetworkSend, "", Some(1))
        }
        _ => effects.add(Operation::FileWrite, "", Some(1)),
    }
}

/// Where rows come from.
fn comes(source: Option<&Token<'_>>, effects: &mut Effects) {
    match source {
        Some(token) if token.any(&["STDIN"]) => {}
        Some(token) if token.is("PROGRAM") => effects.act(Operation::CodeExecute, "", Some(1), PROGRAM),
        Some(token)
            if token.kind == Kind::Parameter || token.text.starts_with('@') || is_remote(&token.text) =>
        {
            effects.add(Operation::NetworkFetch, "", Some(1))
        }
        _ => effects.add(Operation::FileRead, "", Some(1)),
    }
}

/// `COPY t TO|FROM`, `COPY (query) TO`, `COPY INTO t FROM @stage`, `COPY INTO @stage FROM t`.
pub(super) fn copy(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) {
    let place = 1 + usize::from(any(tokens, 1, &["INTO", "BINARY"]));
    let into = is(tokens, 1, "INTO");
    if let Some(body) = inside(tokens, place) {
        goes(find(tokens, place, &["TO"]).and_then(|to| at(tokens, to + 1)), effects);
        return copied(body, scope, effects);
    }
    if into
        && (kind(tokens, place) == Some(Kind::Text)
            || at(tokens, place).is_some_and(|token| token.text.starts_with('@')))
    {
        goes(at(tokens, place), effects);
        let source = find(tokens, place, &["FROM"]).map_or(&[][..], |from_at| from(tokens, from_at + 1));
        return match inside(source, 0) {
            Some(body) => copied(body, scope, effects),
            None => match name(source, 0) {
                Some((given, _)) => all_of(&table(given), effects),
                None => effects.unknown("unclear_table"),
            },
        };
    }
    let Some((given, next)) = name(tokens, place) else { return effects.unknown("unclear_table") };
    let given = table(given);
    effects.table(&given);
    let columns = inside(tokens, next);
    let next = if columns.is_some() { after(tokens, next) } else { next };
    let to = is(tokens, next, "TO");
    let vectors = columns.map(|columns| columns::has_vector(columns, effects));
    if to {
        goes(at(tokens, next + 1), effects);
        if let Some(meaning) = KNOWLEDGE.tables.find_in(effects.dialect, &given.to_lowercase()) {
            effects.act(meaning.operation, &given, None, meaning.risk);
            return effects.add(Operation::DataExport, &given, None);
        }
        // Without a list every column goes, and nothing here says that none is of vectors.
        let operation = if vectors == Some(false) { Operation::DataExport } else { Operation::VectorExport };
        return effects.add(operation, &given, None);
    }
    let program = is(tokens, next + 1, "PROGRAM");
    comes(at(tokens, next + 1), effects);
    if program {
        return; // what it brings is the lesser part
    }
    let operation = if vectors == Some(true) { Operation::VectorUpsert } else { Operation::DataIngest };
    effects.add(operation, &given, None);
}

fn all_of(given: &str, effects: &mut Effects) {
    effects.table(given);
    effects.add(Operation::VectorExport, given, None);
}

/// The rows of a query or of a write that gives rows back, all of them taken out.
fn copied(body: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) {
    let body = bare(body);
    if is_query(body) {
        let rows = query(body, scope, effects);
        effects.read_system(&rows);
        let vectors = rows.shape == Shape::Vectors || rows.shape == Shape::Rows && rows.star;
        let operation = if vectors { Operation::VectorExport } else { Operation::DataExport };
        return effects.add(operation, &rows.resource, rows.bound);
    }
    let end = find(body, 1, &["RETURNING"]).unwrap_or(body.len());
    statement::one(between(body, 0, end), scope, effects);
    effects.own_form = true;
    let items = from(body, end + 1);
    let vectors = items.iter().any(|token| token.operator("*")) || columns::has_vector(items, effects);
    let resource = effects.tables.last().cloned().unwrap_or_default();
    effects.add(if vectors { Operation::VectorExport } else { Operation::DataExport }, &resource, None);
}

/// Redshift's `UNLOAD ('query') TO 's3://...'`; Athena's has the query bare.
pub(super) fn unload(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) {
    goes(find(tokens, 1, &["TO"]).and_then(|place| at(tokens, place + 1)), effects);
    let body = inside(tokens, 1).map(bare).unwrap_or(&[]);
    let rows = match at(body, 0) {
        Some(text) if text.kind == Kind::Text && body.len() == 1 => {
            match super::lexer::tokens(&text.text, effects.dialect) {
                Ok(inner) if is_query(&inner) => {
                    let end =
                        inner.iter().position(|token| token.kind == Kind::Semicolon).unwrap_or(inner.len());
                    if end + 1 < inner.len() {
                        run(&text.text, effects);
                    }
                    query(between(&inner, 0, end), scope, effects)
                }
                _ => return effects.unknown("not_a_query"),
            }
        }
        _ if is_query(body) => query(body, scope, effects),
        _ => return effects.unknown("not_a_query"),
    };
    super::write::taken(&rows, effects);
}

/// `EXPORT DATA ... AS query`, `EXPORT DATABASE`, `BACKUP DATABASE`.
pub(super) fn export(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) {
    let target = tokens.iter().find(|token| token.kind == Kind::Text);
    goes(target, effects);
    if is(tokens, 0, "BACKUP") {
        let given = backed(tokens, effects);
        return effects.add(Operation::CollectionSnapshot, &given, None);
    }
    if is(tokens, 1, "MODEL") {
        let given = name(tokens, 2).map(|(given, _)| given).unwrap_or_default();
        return effects.add(Operation::ModelDownload, &given, None);
    }
    match find(tokens, 1, &["AS"]).map(|place| from(tokens, place + 1)).filter(|rest| is_query(rest)) {
        Some(rest) => {
            let rows = query(rest, scope, effects);
            super::write::taken(&rows, effects);
        }
        None => {
            let given =
                if is(tokens, 1, "TABLE") { name(tokens, 2).map(|(given, _)| table(given)) } else { None };
            let given = given.unwrap_or_default();
            if !given.is_empty() {
                effects.table(&given);
            }
            effects.add(Operation::DataExport, &given, None);
        }
    }
}

/// The table that a copy is made of, or that comes back: `BACKUP TABLE t`, `RESTORE TABLE t`, `UNDROP TABLE t`,
/// `FLASHBACK TABLE t TO BEFORE DROP`.
fn backed(tokens: Tokens<'_, '_>, effects: &mut Effects) -> String {
    let given = if is(tokens, 1, "TABLE") { name(tokens, 2).map(|(given, _)| table(given)) } else { None };
    let given = given.unwrap_or_default();
    if !given.is_empty() {
        effects.table(&given);
    }
    given
}

pub(super) fn restored(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    let given = backed(tokens, effects);
    effects.add(Operation::CollectionRestore, &given, None);
}

/// `LOAD DATA`, `BULK INSERT`, `ATTACH`, `INSTALL`, `RESTORE`, stage commands.
pub(super) fn bring(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    let mut texts = tokens.iter().filter(|token| token.kind == Kind::Text);
    // `FROM FILES (format = 'CSV', uris = ['gs://...'])`: the address tells.
    let source = texts.clone().find(|text| is_remote(&text.text)).or_else(|| texts.next());
    let remote = source.is_some_and(|text| is_remote(&text.text) || text.text.contains('='));
    let verb = at(tokens, 0).map(|token| token.text.to_ascii_uppercase()).unwrap_or_default();
    match &*verb {
        "LOAD" if any(tokens, 1, &["DATA", "XML"]) => {
            comes(source, effects);
            let into = find(tokens, 1, &["INTO", "OVERWRITE"]);
            let mut place = into.map_or(tokens.len(), |place| place + 1);
            while any(tokens, place, &["INTO", "TEMP", "TEMPORARY", "TABLE"]) {
                place += 1;
            }
            let Some((given, _)) = name(tokens, place) else { return effects.unknown("unclear_table") };
            let given = table(given);
            ingest(given.clone(), effects);
            if find(tokens, 1, &["OVERWRITE"]).is_some() {
                effects.write(Operation::DataDelete, &given, None, true);
            }
        }
        "LOAD" | "INSTALL" | "ADD" => effects.add(Operation::CodeExecute, "", Some(1)),
        "ATTACH" if any(tokens, 1, &["TABLE", "VIEW", "DICTIONARY"]) => {
            let given = backed(tokens, effects);
            effects.add(Operation::CollectionCreate, &given, Some(1));
        }
        "ATTACH" => {
            // A file elsewhere is only read; a server is talked to.
            let file = [
                "http://", "https://", "s3://", "s3a://", "gs://", "gcs://", "r2://", "az://", "abfss://",
                "hf://",
            ];
            if source.is_some_and(|text| file.iter().any(|scheme| text.text.starts_with(scheme))) {
                effects.add(Operation::NetworkFetch, "", Some(1));
            } else if remote || source.is_some_and(|text| text.text.starts_with("md:")) {
                effects.add(Operation::NetworkSend, "", Some(1));
            } else {
                effects.add(Operation::FileRead, "", Some(1));
                effects.add(Operation::FileWrite, "", Some(1));
            }
        }
        // ClickHouse takes tables off so, and for good.
        "DETACH" if any(tokens, 1, &["TABLE", "VIEW", "DICTIONARY"]) => {
            let given = backed(tokens, effects);
            let good = find(tokens, 2, &["PERMANENTLY"]).is_some();
            let operation = if good { Operation::CollectionDrop } else { Operation::CollectionAlter };
            effects.add(operation, &given, Some(1));
        }
        "DETACH" => effects.add(Operation::SessionControl, "", Some(1)),
        "RESTORE" => restored(tokens, effects),
        "IMPORT" if is(tokens, 1, "FOREIGN") => {
            effects.add(Operation::CollectionCreate, "", None);
            effects.add(Operation::NetworkFetch, "", Some(1));
        }
        "IMPORT" => {
            comes(source, effects);
            effects.add(Operation::DataIngest, "", None);
        }
        "PUT" => {
            effects.add(Operation::FileRead, "", Some(1));
            effects.add(Operation::NetworkSend, "", Some(1));
        }
        // Files of a stage, as `COPY INTO @stage` puts them there, come to the client.
        "GET" => {
            effects.add(Operation::FileWrite, "", Some(1));
            effects.add(Operation::DataExport, "", None);
        }
        "REMOVE" => effects.add(Operation::FileDelete, "", None),
        "LIST" => effects.add(Operation::DataList, "", Some(1)),
        _ => effects.unknown("not_understood"),
    }
}

/// SQL Server's `BULK INSERT t FROM 'file'`.
pub(super) fn bulk(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    comes(tokens.iter().find(|token| token.kind == Kind::Text), effects);
    match name(tokens, 2) {
        Some((given, _)) => ingest(table(given), effects),
        None => effects.unknown("unclear_table"),
    }
}

fn ingest(given: String, effects: &mut Effects) {
    effects.table(&given);
    effects.add(Operation::DataIngest, &given, None);
}
