//! One statement: which reader reads it, and the functions that it calls.

use super::cursor::{
    Tokens, after, any, at, bare, between, commas, find, from, inside, is, is_query, kind, name, places,
    rowset, split,
};
use super::effects::{Effects, Rows, Shape};
use super::knowledge::{KNOWLEDGE, Meaning};
use super::lexer::{Kind, Token};
use super::query::{Scope, nested, query};
use super::{Dialect, batch, define, run, transfer, upkeep, write};
use crate::model::{Operation, Risk};

/// Words that begin what a procedure does.
pub(super) const VERBS: [&str; 19] = [
    "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "DROP", "TRUNCATE", "ALTER", "CREATE", "COPY", "GRANT",
    "REVOKE", "PERFORM", "EXECUTE", "CALL", "WITH", "REPLACE", "EXEC", "VACUUM",
];

/// Where the first statement ends: at its semicolon, but for a routine that is written out at its last `END`.
pub(super) fn end(tokens: Tokens<'_, '_>, dialect: Dialect) -> usize {
    let next = |start: usize| {
        let found = from(tokens, start).iter().position(|token| token.kind == Kind::Semicolon);
        found.map_or(tokens.len(), |found| start + found)
    };
    let first = next(0);
    let head = between(tokens, 0, first);
    let routines = ["FUNCTION", "PROCEDURE", "PROC", "TRIGGER", "EVENT"];
    let begins = any(head, 0, &["CREATE", "ALTER"]) && find(between(head, 0, 7), 1, &routines).is_some();
    let Some(begin) = begins.then(|| find(head, 1, &["BEGIN"])).flatten() else {
        return if dialect == Dialect::SqlServer { batch::end(head) } else { first };
    };
    let mut open = 0_usize;
    for place in begin..tokens.len() {
        if any(tokens, place, &["BEGIN", "CASE"]) && !is(tokens, place.saturating_sub(1), "END") {
            open += 1;
        } else if is(tokens, place, "END")
            && !any(tokens, place + 1, &["IF", "LOOP", "WHILE", "REPEAT", "FOR"])
        {
            open = open.saturating_sub(1);
            if open == 0 {
                return next(place);
            }
        }
    }
    first
}

/// Reads a statement with all that it calls.
pub(super) fn whole(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    functions(tokens, effects);
    one(tokens, &mut Vec::new(), effects);
}

/// Reads a statement.
pub(super) fn one(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) {
    // `EXPLAIN EXPLAIN ...` nests without parentheses.
    if effects.within > super::lexer::NESTING {
        return effects.unknown("too_deep");
    }
    if !effects.spend(tokens.len()) {
        return;
    }
    effects.within += 1;
    dispatch(tokens, scope, effects);
    effects.within -= 1;
}

fn dispatch(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) {
    let tokens = bare(tokens);
    if effects.dialect == Dialect::Spark && is(tokens, 0, "FROM") && find(tokens, 1, &["INSERT"]).is_some() {
        return write::insert_from(tokens, scope, effects);
    }
    if is_query(tokens) {
        let rows = query(tokens, scope, effects);
        return effects.read(&rows);
    }
    let Some(first) = at(tokens, 0).filter(|token| token.kind == Kind::Word) else {
        return effects.unknown("not_a_statement");
    };
    let verb = first.text.to_ascii_uppercase();
    // The grammar of the AST is held against queries and writes; the rest has forms that only we read.
    effects.own_form |= !matches!(&*verb, "INSERT" | "UPDATE" | "DELETE" | "MERGE");
    if let Some((form, place)) = KNOWLEDGE.statements.find(&verb, tokens, effects.dialect) {
        return define::known(form, place, tokens, scope, effects);
    }
    match &*verb {
        "INSERT" | "UPSERT" => write::insert(tokens, scope, effects),
        "REPLACE" if !any(tokens, 1, &["TABLE", "VIEW"]) => write::insert(tokens, scope, effects),
        // The statistics of a table; new versions of what was installed.
        "UPDATE" if is(tokens, 1, "STATISTICS") && effects.dialect == Dialect::SqlServer => {
            effects.own_form = true;
            upkeep::maintain(from(tokens, 1), scope, effects);
        }
        "UPDATE" if is(tokens, 1, "EXTENSIONS") && find(tokens, 2, &["SET"]).is_none() => {
            effects.own_form = true;
            effects.add(Operation::CodeExecute, "", Some(1));
        }
        "UPDATE" => write::update(tokens, scope, effects),
        "DELETE" => write::delete(tokens, scope, effects),
        "MERGE" => write::merge(tokens, scope, effects),
        "EXPLAIN" | "DESCRIBE" | "DESC" => explain(tokens, scope, effects),
        "PREPARE" => prepare(tokens, scope, effects),
        "DECLARE" => declare(tokens, scope, effects),
        "EXECUTE" | "EXEC" => execute(tokens, effects),
        "CALL" => call(tokens, effects),
        "DO" => block(tokens, effects),
        "FETCH" => fetch(tokens, effects),
        "MOVE" | "CLOSE" | "OPEN" | "DEALLOCATE" | "BEGIN" | "START" | "COMMIT" | "END" | "ROLLBACK"
        | "SAVEPOINT" | "RELEASE" | "ABORT" | "USE" | "LISTEN" | "UNLISTEN" | "NOTIFY" | "DISCARD"
        | "LOCK" | "UNLOCK" | "CHECKPOINT" | "PRINT" | "GO" | "XA" => control(tokens, effects),
        "VACUUM" | "ANALYZE" | "ANALYSE" | "OPTIMIZE" | "REINDEX" | "CLUSTER" | "REFRESH" | "REPAIR"
        | "CHECK" | "MSCK" | "CACHE" | "UNCACHE" => {
            upkeep::maintain(tokens, scope, effects);
        }
        "FORCE" if any(tokens, 1, &["INSTALL", "CHECKPOINT"]) => dispatch(from(tokens, 1), scope, effects),
        "UNINSTALL" => effects.add(Operation::AdminConfig, "", Some(1)),
        // MySQL's copy of a whole server: of another one in the place of this one's, or of this one in a folder.
        "CLONE" if is(tokens, 1, "INSTANCE") => {
            effects.add(Operation::NetworkFetch, "", Some(1));
            effects.add(Operation::CollectionRestore, "", None);
        }
        "CLONE" if is(tokens, 1, "LOCAL") => {
            effects.add(Operation::FileWrite, "", Some(1));
            effects.add(Operation::DataExport, "", None);
        }
        "RM" => effects.add(Operation::FileDelete, "", None),
        "LS" => effects.add(Operation::DataList, "", Some(1)),
        "BULK" => transfer::bulk(tokens, effects),
        "UNDROP" => transfer::restored(tokens, effects),
        "REVERT" => effects.add(Operation::AdminAccess, "", Some(1)),
        "WAITFOR" if any(tokens, 1, &["DELAY", "TIME"]) => {
            effects.act(Operation::SessionControl, "", Some(1), Risk::new(60));
        }
        "COPY" => transfer::copy(tokens, scope, effects),
        "UNLOAD" => transfer::unload(tokens, scope, effects),
        "EXPORT" | "BACKUP" | "DUMP" => transfer::export(tokens, scope, effects),
        "LOAD" | "IMPORT" | "RESTORE" | "INSTALL" | "ATTACH" | "DETACH" | "PUT" | "GET" | "REMOVE"
        | "LIST" | "ADD" => {
            transfer::bring(tokens, effects);
        }
        _ => define::statement(&verb, tokens, scope, effects),
    }
}

/// Adds what the functions of a statement do, and runs the texts that they run.
fn functions(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    for place in 0..tokens.len() {
        let dotted = place > 0 && kind(tokens, place - 1) == Some(Kind::Dot);
        // A number of a sequence is gone for good: `NEXT VALUE FOR s`, `s.NEXTVAL`.
        if is(tokens, place, "NEXT") && is(tokens, place + 1, "VALUE") && is(tokens, place + 2, "FOR")
            || dotted
                && is(tokens, place, "NEXTVAL")
                && matches!(effects.dialect, Dialect::Oracle | Dialect::Snowflake)
        {
            effects.add(Operation::DataIngest, "", Some(1));
        }
        if dotted || !at(tokens, place).is_some_and(Token::names) {
            continue;
        }
        let Some((given, next)) = name(tokens, place) else { continue };
        let Some(arguments) = inside(tokens, next) else { continue };
        let mut given = given.to_lowercase();
        let elsewhere = rowset(tokens, place).is_some();
        effects.own_form |= elsewhere;
        if given == "openrowset" && !is(arguments, 0, "BULK") {
            // Not a file: a provider, where it is, and what to run there.
            given = "openquery".to_owned();
        }
        // A table with its list of columns, or a definition, is not a call.
        if place > 0
            && !elsewhere
            && any(
                tokens,
                place - 1,
                &[
                    "INTO",
                    "TABLE",
                    "FUNCTION",
                    "PROCEDURE",
                    "UPDATE",
                    "VIEW",
                    "INDEX",
                    "EXISTS",
                    "REFERENCES",
                ],
            )
        {
            continue;
        }
        // Spark hands rows to a program: `TRANSFORM (a, b) USING 'x.py'`.
        if matches!(&*given, "transform" | "map" | "reduce")
            && find(tokens, after(tokens, next), &["USING"]).is_some_and(|place| {
                place < after(tokens, next) + 12 && kind(tokens, place + 1) == Some(Kind::Text)
            })
        {
            effects.own_form = true;
            effects.act(Operation::CodeExecute, "", Some(1), transfer::PROGRAM);
            continue;
        }
        if given == "set_config" {
            let setting = at(arguments, 0)
                .filter(|token| token.kind == Kind::Text)
                .map(|token| token.text.to_lowercase());
            define::setting(setting.as_deref(), effects);
            continue;
        }
        let Some(meaning) = KNOWLEDGE.functions.find(&given).filter(|meaning| !meaning.table_only) else {
            continue;
        };
        let remote =
            arguments.iter().any(|token| token.kind == Kind::Text && transfer::is_remote(&token.text));
        if remote && meaning.operation == Operation::FileRead {
            effects.add(Operation::NetworkFetch, "", Some(1));
        } else {
            let of = of(meaning, arguments, effects);
            effects.means(meaning, &of);
        }
        if meaning.last {
            last_text(meaning, arguments, effects);
        } else if meaning.runs {
            // The text comes first, or behind where it runs.
            let texts = commas(arguments);
            match if elsewhere { texts.last() } else { texts.first() }.and_then(|text| at(text, 0)) {
                Some(text) if text.kind == Kind::Text => {
                    let only = std::mem::replace(&mut effects.only_queries, meaning.queries);
                    run(&text.text, effects);
                    effects.only_queries = only;
                }
                // A table of the other server, by its name.
                Some(table) if elsewhere && table.names() => {}
                _ => effects.unknown("dynamic"),
            }
        }
    }
}

/// The table whose name a function is given first, where it is given one.
pub(super) fn of(meaning: Meaning, arguments: Tokens<'_, '_>, effects: &mut Effects) -> String {
    // `relation => 'docs'`
    let value = usize::from(at(arguments, 1).is_some_and(Token::assigns)) * 2;
    let given = at(arguments, value).filter(|token| meaning.of && token.kind == Kind::Text);
    let given = given.map(|token| super::cursor::table(token.text.to_lowercase())).unwrap_or_default();
    if !given.is_empty() {
        effects.table(&given);
    }
    given
}

/// Runs the last text among arguments that is a statement.
fn last_text(meaning: Meaning, arguments: Tokens<'_, '_>, effects: &mut Effects) {
    let texts = commas(arguments);
    let value = |text: &Tokens<'_, '_>| text.iter().position(Token::assigns).map_or(0, |place| place + 1);
    let told = texts.iter().rev().filter_map(|text| at(text, value(text))).find(|text| {
        let first = text.text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        text.kind == Kind::Text && VERBS.iter().any(|verb| verb.eq_ignore_ascii_case(first))
    });
    match told {
        Some(text) => run(&text.text, effects),
        None if meaning.maybe => {}
        None => effects.unknown("dynamic"),
    }
}

/// A plan is told without running the statement, unless it is analyzed.
fn explain(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) {
    let mut place = 1;
    let mut runs = false;
    loop {
        if let Some(options) = inside(tokens, place).filter(|options| !is_query(options)) {
            runs |= commas(options).iter().any(|option| {
                any(option, 0, &["ANALYZE", "ANALYSE"])
                    && !any(option, 1, &["FALSE", "OFF"])
                    && !at(option, 1).is_some_and(|token| token.kind == Kind::Number && token.text == "0")
            });
            place = after(tokens, place);
        } else if any(
            tokens,
            place,
            &[
                "ANALYZE",
                "ANALYSE",
                "VERBOSE",
                "EXTENDED",
                "FORMATTED",
                "QUERY",
                "PLAN",
                "FOR",
                "CODEGEN",
                "COST",
                "PIPELINE",
                "AST",
                "SYNTAX",
                "ESTIMATE",
            ],
        ) {
            runs |= any(tokens, place, &["ANALYZE", "ANALYSE"]);
            place += 1;
        } else if effects.dialect == Dialect::ClickHouse
            && at(tokens, place + 1).is_some_and(|token| token.operator("="))
        {
            // `EXPLAIN indexes = 1, actions = 1 SELECT`
            place += 3;
            place += usize::from(kind(tokens, place) == Some(Kind::Comma));
        } else if is(tokens, place, "FORMAT") {
            place += 2;
            place += usize::from(at(tokens, place - 1).is_some_and(|token| token.operator("=")));
        } else {
            break;
        }
    }
    let rest = from(tokens, place);
    if runs {
        return one(rest, scope, effects);
    }
    let verb = at(rest, 0).is_some_and(|token| {
        token.any(&[
            "SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "VALUES", "TABLE", "CREATE",
            "EXECUTE", "FROM",
        ]) || token.kind == Kind::Open
    });
    // `DESCRIBE TABLE t` tells of it; PostgreSQL's `EXPLAIN TABLE t` of a query.
    let described = is(rest, 0, "TABLE") && any(tokens, 0, &["DESCRIBE", "DESC"]);
    let mut planned = effects.apart();
    if verb && !described {
        one(rest, scope, &mut planned);
        for table in &planned.tables {
            effects.table(table);
        }
        effects.add(Operation::DataQuery, planned.tables.first().map_or("", String::as_str), Some(1));
        // Functions of a plan may be folded, and so run; no more than the statement itself would.
    } else {
        let mut sort = usize::from(any(rest, 0, &["TABLE", "DATABASE", "SCHEMA", "HISTORY", "DETAIL"]));
        // What is alone is the name itself.
        sort = sort.min(rest.len().saturating_sub(1));
        let described = name(rest, sort);
        let described = described.map(|(given, _)| super::cursor::table(given)).unwrap_or_default();
        if !described.is_empty() {
            effects.table(&described);
        }
        effects.add(Operation::CollectionList, &described, Some(1));
    }
}

/// `PREPARE q [(types)] AS statement` and `PREPARE q FROM 'statement'`.
fn prepare(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) {
    let Some((given, _)) = name(tokens, 1) else { return effects.unknown("dynamic") };
    if is(tokens, 1, "TRANSACTION") {
        return effects.add(Operation::SessionControl, "", Some(1));
    }
    effects.prepared.push(given);
    if let Some(place) = find(tokens, 2, &["AS"]) {
        return one(from(tokens, place + 1), scope, effects);
    }
    let text = find(tokens, 2, &["FROM"]).and_then(|place| at(tokens, place + 1));
    match text.and_then(|token| effects.variables.text(token)) {
        Some(text) => run(&text, effects),
        None => effects.unknown("dynamic"),
    }
}

/// A cursor is its query; a variable is what is read for its value.
fn declare(tokens: Tokens<'_, '_>, scope: &mut Scope, effects: &mut Effects) {
    match find(tokens, 1, &["FOR"]).map(|place| from(tokens, place + 1)).filter(|rest| is_query(rest)) {
        Some(rest) => {
            effects.cursors.extend(name(tokens, 1).map(|(given, _)| given));
            one(rest, scope, effects);
        }
        None => {
            let list = from(tokens, 1);
            effects.declares = effects.dialect.declares_blocks();
            effects.set = true;
            effects.variables.given(list);
            let rows = nested(tokens, scope, effects);
            if rows != Rows::default() {
                effects.read(&rows);
            }
        }
    }
}

/// The rows of a cursor: `FETCH 100 FROM c`. Where this text opened it, its query told of them; `INTO` keeps them in a procedure.
fn fetch(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    let cursor = tokens.last().filter(|token| token.names()).map(|token| token.text.to_lowercase());
    if effects.procedure
        || find(tokens, 1, &["INTO"]).is_some()
        || cursor.is_some_and(|cursor| effects.cursors.contains(&cursor))
    {
        return effects.add(Operation::SessionControl, "", Some(1));
    }
    let amount =
        places(tokens).filter_map(|place| at(tokens, place)).find(|token| token.kind == Kind::Number);
    let all = find(tokens, 1, &["ALL"]).is_some();
    // `ABSOLUTE 7` and `RELATIVE 7` are places, and `NEXT` or nothing is one row.
    let one = amount.is_none() || any(tokens, 1, &["ABSOLUTE", "RELATIVE"]);
    let bound = if all {
        None
    } else if one {
        Some(1)
    } else {
        amount.and_then(|token| token.text.parse().ok())
    };
    let rows = Rows { shape: Shape::Rows, bound, ..Rows::default() };
    effects.read(&rows);
}

fn execute(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    // SQL Server's change of who asks.
    if is(tokens, 1, "AS") && any(tokens, 2, &["LOGIN", "USER", "OWNER", "CALLER"]) {
        return effects.add(Operation::AdminAccess, "", Some(1));
    }
    if is(tokens, 1, "IMMEDIATE")
        || kind(tokens, 1) == Some(Kind::Open)
        || kind(tokens, 1) == Some(Kind::Text)
    {
        effects.add(Operation::CodeExecute, "", Some(1));
        let place = 1 + usize::from(is(tokens, 1, "IMMEDIATE"));
        let text = bare(inside(tokens, place).unwrap_or_else(|| from(tokens, place)));
        let alone = at(text, 1).is_none_or(|token| token.any(&["USING", "INTO", "AS"]));
        // `EXEC ('...') AT server`
        if is(tokens, after(tokens, place), "AT") {
            effects.act(Operation::NetworkSend, "", Some(1), Risk::new(80));
        }
        return match at(text, 0).filter(|_| alone).and_then(|token| effects.variables.text(token)) {
            Some(text) if is_block(&text) => body(&text, effects),
            Some(text) => run(&text, effects),
            None => effects.unknown("dynamic"),
        };
    }
    // `EXEC @result = procedure`
    let place = if kind(tokens, 1) == Some(Kind::Parameter)
        && at(tokens, 2).is_some_and(|token| token.operator("="))
    {
        3
    } else {
        1
    };
    let Some((given, next)) = name(tokens, place) else { return effects.unknown("dynamic") };
    if effects.prepared.contains(&given) {
        return;
    }
    // What Snowflake keeps to be run by its clock, now.
    if effects.dialect == Dialect::Snowflake && any(tokens, 1, &["TASK", "ALERT"]) && next < tokens.len() {
        return effects.add(Operation::JobRun, "", Some(1));
    }
    // What the session prepared earlier, where no procedure is called so.
    if is(tokens, 0, "EXECUTE") && !matches!(effects.dialect, Dialect::SqlServer | Dialect::Oracle) {
        return effects.unknown("dynamic");
    }
    procedure(&given, between(tokens, next, tokens.len()), effects);
}

/// Whether a text is a block of statements and none of them alone.
fn is_block(text: &str) -> bool {
    let first = text.split_ascii_whitespace().next().unwrap_or_default();
    first.eq_ignore_ascii_case("BEGIN") || first.eq_ignore_ascii_case("DECLARE")
}

fn call(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    match name(tokens, 1) {
        Some((given, next)) => procedure(&given, bare(from(tokens, next)), effects),
        None => effects.unknown("dynamic"),
    }
}

/// A procedure that the data file knows does that; any other is code, and which one its name says.
fn procedure(given: &str, arguments: Tokens<'_, '_>, effects: &mut Effects) {
    let Some(meaning) = KNOWLEDGE.functions.find(given) else {
        effects.add(Operation::CodeExecute, given, Some(1));
        if given.starts_with(['@', ':', '$', '?']) {
            effects.unknown("dynamic");
        }
        return;
    };
    let of = of(meaning, bare(arguments), effects);
    effects.means(meaning, &of);
    // A share of another machine: it is asked for, with whatever its name holds.
    let share = |token: &Token<'_>| token.kind == Kind::Text && token.text.starts_with("\\\\");
    if arguments.iter().any(share) {
        effects.act(Operation::NetworkSend, "", Some(1), Risk::new(80));
    }
    if meaning.last {
        last_text(meaning, bare(arguments), effects);
    } else if meaning.runs {
        let first = commas(bare(arguments)).into_iter().next().unwrap_or_default();
        // `@stmt = N'...'` names the argument first.
        let value = first.iter().position(Token::assigns).map_or(0, |place| place + 1);
        match at(first, value).and_then(|token| effects.variables.text(token)) {
            Some(text) => run(&text, effects),
            None => effects.unknown("dynamic"),
        }
    }
}

/// `DO $$ ... $$`: what its body does; MySQL's `DO expression` is its functions alone.
fn block(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    match tokens.iter().find(|token| token.kind == Kind::Text) {
        Some(text) if at(tokens, 1).is_some_and(|token| token.kind == Kind::Text || token.is("LANGUAGE")) => {
            effects.add(Operation::CodeExecute, "", Some(1));
            body(&text.text, effects);
        }
        _ => effects.add(Operation::DataQuery, "", Some(1)),
    }
}

/// The statements of a procedure's body.
pub(super) fn body(text: &str, effects: &mut Effects) {
    if effects.depth >= super::TEXTS {
        return effects.unknown("too_deep");
    }
    let tokens = match super::lexer::tokens(text, effects.dialect) {
        Ok(tokens) => tokens,
        Err(reason) => return effects.unknown(reason),
    };
    routine(&tokens, effects);
}

/// The same of tokens.
pub(super) fn routine(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    // `IF c THEN DELETE ...`, `LOOP EXECUTE ...`: a statement begins behind these, where an expression has no such verb.
    let steps = |part| {
        // `ON CONFLICT DO UPDATE`, `WHEN MATCHED THEN DELETE`
        let (merge, conflict) = (find(part, 0, &["MERGE"]), find(part, 0, &["CONFLICT"]).is_some());
        split(part, |place| {
            let own = match at(part, place) {
                Some(token) if token.is("DO") => !conflict,
                Some(token) if token.is("THEN") => merge.is_none_or(|merge| merge > place),
                Some(token) => token.any(&["LOOP", "ELSE", "BEGIN", "ATOMIC"]),
                None => false,
            };
            own && any(part, place + 1, &VERBS) && kind(part, place + 2) != Some(Kind::Open)
        })
    };
    let procedure = std::mem::replace(&mut effects.procedure, true);
    effects.depth += 1;
    let whole = tokens.split(|token| token.kind == Kind::Semicolon);
    for part in whole.flat_map(steps) {
        let Some(start) = places(part).find(|place| any(part, *place, &VERBS)) else {
            functions(part, effects);
            continue;
        };
        let part = from(part, start);
        functions(part, effects);
        if is(part, 0, "EXECUTE") && any(part, 1, &["FUNCTION", "PROCEDURE"]) {
            // A trigger's function, of which nothing is known here.
            effects.add(Operation::CodeExecute, "", Some(1));
        } else if is(part, 0, "EXECUTE") {
            match at(part, 1) {
                Some(text)
                    if text.kind == Kind::Text
                        && at(part, 2).is_none_or(|token| token.any(&["INTO", "USING"])) =>
                {
                    run(&text.text, effects)
                }
                _ => effects.unknown("dynamic"),
            }
        } else if is(part, 0, "PERFORM") {
            nested(part, &mut Vec::new(), effects);
            let source = find(part, 0, &["FROM"]).map_or(&[][..], |place| from(part, place + 1));
            super::query::sources(
                between(source, 0, find(source, 0, &["WHERE", "ORDER", "LIMIT"]).unwrap_or(source.len())),
                &mut Vec::new(),
                effects,
            );
        } else if is_query(part) {
            // Its rows stay in the procedure.
            query(part, &mut Vec::new(), effects);
        } else {
            one(part, &mut Vec::new(), effects);
        }
    }
    effects.depth -= 1;
    effects.procedure = procedure;
}

fn control(tokens: Tokens<'_, '_>, effects: &mut Effects) {
    if is(tokens, 0, "USE") && any(tokens, 1, &["ROLE", "SECONDARY"]) {
        return effects.add(Operation::AdminAccess, "", Some(1));
    }
    // A block of statements is no transaction: `BEGIN DELETE ...; END`.
    let transaction = at(tokens, 1).is_none()
        || any(
            tokens,
            1,
            &["TRAN", "TRANSACTION", "WORK", "DEFERRED", "IMMEDIATE", "EXCLUSIVE", "ISOLATION", "READ"],
        );
    if is(tokens, 0, "END") && effects.blocks > 0 {
        // `END IF` ends no block.
        effects.blocks -= usize::from(!any(tokens, 1, &["IF", "LOOP", "CASE", "WHILE", "FOR", "REPEAT"]));
        return;
    }
    let block = is(tokens, 0, "BEGIN") && !transaction;
    if block {
        effects.blocks += 1;
        effects.set = true;
        effects.declares = false;
    } else {
        effects.add(Operation::SessionControl, "", Some(1));
    }
    if is(tokens, 0, "LOCK") {
        for one in commas(from(tokens, 1 + usize::from(any(tokens, 1, &["TABLE", "TABLES"])))) {
            if let Some((given, _)) = name(one, 0) {
                effects.table(&super::cursor::table(given));
            }
        }
    }
    // As in a trigger or a batch without semicolons.
    if any(tokens, 0, &["BEGIN", "OPEN", "GO", "PRINT"]) {
        let later = find(
            tokens,
            1,
            &[
                "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "DROP", "TRUNCATE", "EXEC", "EXECUTE",
                "ALTER", "CREATE", "GRANT",
            ],
        );
        if let Some(place) = later {
            one(from(tokens, place), &mut Vec::new(), effects);
        } else if block && !step(from(tokens, 1), effects) {
            nested(tokens, &mut Vec::new(), effects);
        }
    }
}

/// A step of a block that no verb begins: a call, `p(1)`, or a variable that is given a value, `a := f(1)`. Whether it is one.
pub(super) fn step(tokens: Tokens<'_, '_>, effects: &mut Effects) -> bool {
    const WORDS: [&str; 16] = [
        "IF", "FOR", "WHILE", "LOOP", "REPEAT", "CASE", "NULL", "RETURN", "RAISE", "TRY", "CATCH", "NOT",
        "ATOMIC", "LET", "EXIT", "CONTINUE",
    ];
    let Some((given, next)) = name(tokens, 0).filter(|_| !any(tokens, 0, &WORDS)) else { return false };
    let arguments = inside(tokens, next);
    let end = if arguments.is_some() { after(tokens, next) } else { next };
    if at(tokens, end).is_some_and(Token::assigns) || effects.declares {
        effects.set = true;
        nested(tokens, &mut Vec::new(), effects);
        // `CURSOR c IS SELECT ...`: its rows come to the block.
        let query_of = find(tokens, 1, &["IS", "FOR"]).map(|place| from(tokens, place + 1));
        if let Some(rest) = query_of.filter(|rest| is_query(rest)) {
            query(rest, &mut Vec::new(), effects);
        }
        return true;
    }
    if end < tokens.len() {
        return false;
    }
    procedure(&given, arguments.unwrap_or_default(), effects);
    true
}
