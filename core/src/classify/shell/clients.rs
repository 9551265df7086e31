//! Clients of databases: statements in options, in words, or in what comes in.

use super::special::writes;
use super::tools::{self, Arguments};
use super::walk::{Input, Walk};
use crate::classify::{self, Dialect};
use crate::model::Operation;

/// What a statement costs beside its length, in bytes of words.
const STATEMENT: usize = 8 << 10;

/// The dialect that a client speaks; of any other by what the quotes of its statements look like.
fn dialect(client: &str) -> Option<Dialect> {
    Some(match client {
        "psql" | "pgcli" => Dialect::Postgres,
        "mysql" | "mariadb" => Dialect::MySql,
        "sqlite3" => Dialect::Sqlite,
        "duckdb" => Dialect::DuckDb,
        "clickhouse-client" | "clickhouse" | "clickhouse-local" | "chdb" => Dialect::ClickHouse,
        "bq" => Dialect::BigQuery,
        "snowsql" | "snow" => Dialect::Snowflake,
        "sqlcmd" => Dialect::SqlServer,
        "sqlplus" => Dialect::Oracle,
        "beeline" | "spark-sql" => Dialect::Spark,
        _ => return None,
    })
}

/// Statements that a client sends.
pub(super) fn sql(walk: &mut Walk, client: &str, text: &str) {
    if !walk.spend(STATEMENT + text.len()) {
        return;
    }
    walk.statements(classify::sql(text, dialect(client)));
}

pub(super) fn mongo(walk: &mut Walk, text: &str) {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["dropDatabase(", ".drop("]) {
        walk.act(Operation::CollectionDrop, Some(95), "");
    } else if has(&["deleteMany(", "deleteOne(", ".remove("]) {
        walk.act(Operation::DataDelete, Some(85), "");
    } else if has(&["insert", "update", "replaceOne("]) {
        walk.act(Operation::DataIngest, None, "");
    } else if has(&["createUser(", "grantRoles", "dropUser("]) {
        walk.act(Operation::AdminAccess, None, "");
    } else if has(&[".find(", ".aggregate(", "findOne("]) {
        if has(&["findOne("]) && !has(&[".find(", ".aggregate("]) {
            return walk.act(Operation::DataRead, None, "");
        }
        let bounded = has(&["limit(", "findOne(", "$limit"]);
        walk.act(if bounded { Operation::DataQuery } else { Operation::DataExport }, None, "");
    } else if has(&["count", "show ", "stats(", "getCollectionNames", "listDatabases"]) {
        walk.act(Operation::CollectionList, None, "");
    } else {
        walk.unknown("unknown_use");
    }
}

/// The words of a Redis command.
pub(super) fn redis(walk: &mut Walk, arguments: &Arguments<'_>) {
    let words = arguments.range("2..");
    let Some(system) = classify::system("redis") else { return walk.unknown("unknown_tool") };
    if words.is_empty() {
        return match walk.input.clone() {
            Input::None => walk.act(Operation::SessionControl, Some(40), ""),
            Input::Piped => walk.unknown("dynamic"),
            Input::Text(text) => {
                for line in text.lines().filter(|line| !line.trim().is_empty()) {
                    told(walk, system, &line.split_whitespace().collect::<Vec<_>>());
                }
            }
        };
    }
    told(walk, system, &words);
}

fn told(walk: &mut Walk, system: &'static classify::System, words: &[&str]) {
    match classify::command(system, words) {
        Ok(done) => walk.acts.extend(done.acts),
        Err(refusal) => walk.unknown(refusal.code),
    }
}

/// Clients of SQL databases: statements in options, words, or what comes in.
pub(super) fn database(walk: &mut Walk, name: &str, words: &[&str]) {
    let Some(tool) = tools::tool(name) else { return };
    let arguments = tool.arguments(words);
    let mut any = false;
    let options = ["-c", "-s", "-cmd", "--command", "-e", "--execute", "-q", "--query"];
    let given: Vec<&str> = arguments
        .options
        .iter()
        .filter(|(option, _)| options.contains(option))
        .filter_map(|(_, value)| *value)
        .collect();
    let texts = given.into_iter().chain(arguments.word(3).filter(|_| matches!(name, "sqlite3" | "duckdb")));
    for text in texts.collect::<Vec<_>>() {
        any = true;
        let text = text.trim();
        if let Some(command) = text.strip_prefix("\\!") {
            walk.script(command);
        } else if let Some(rest) = text.strip_prefix("\\copy ").or(text.strip_prefix("\\COPY ")) {
            copy(walk, rest);
        } else if text.starts_with('\\') {
            walk.act(Operation::CollectionList, None, "");
        } else if let Some(rest) = text.strip_prefix(".dump") {
            walk.act(Operation::DataExport, Some(85), rest.trim());
        } else if let Some(rest) =
            [".backup", ".save", ".clone"].iter().find_map(|command| text.strip_prefix(command))
        {
            walk.act(Operation::DataExport, Some(85), "");
            writes(walk, rest.trim());
        } else if let Some(rest) = text.strip_prefix(".shell").or(text.strip_prefix(".system")) {
            walk.script(rest);
        } else if text.starts_with(".tables") || text.starts_with(".schema") {
            walk.act(Operation::CollectionList, None, "");
        } else {
            sql(walk, name, text);
        }
    }
    let (out, log): (&[&str], &[&str]) = (&["-o", "--output", "-L", "--log-file"], &["--tee"]);
    for option in if matches!(name, "psql" | "pgcli") { out } else { log } {
        if let Some(file) = arguments.value(option) {
            writes(walk, file);
        }
    }
    if matches!(name, "psql" | "pgcli") && arguments.has("-l|--list") {
        any = true;
        walk.act(Operation::CollectionList, None, "");
    }
    for file in ["-f", "--file"].iter().filter_map(|option| arguments.value(option)) {
        any = true;
        walk.act(Operation::Unknown, None, file);
    }
    match walk.input.clone() {
        _ if any => {}
        Input::None => walk.act(Operation::SessionControl, Some(40), arguments.word(2).unwrap_or_default()),
        Input::Piped => walk.unknown("sql"),
        Input::Text(text) => sql(walk, name, &text),
    }
}

/// `\copy`: a `COPY` whose file lies with the client, its name with or without quotes.
fn copy(walk: &mut Walk, rest: &str) {
    let mut words: Vec<String> = rest.split(' ').map(str::to_owned).collect();
    for at in 1..words.len() {
        let before = words.get(at - 1).map(|word| word.to_ascii_lowercase());
        if !matches!(before.as_deref(), Some("to" | "from")) {
            continue;
        }
        let Some(name) = words.get_mut(at) else { break };
        let file = name.contains(['.', '/']) && !name.contains(['\'', '"', '(', ')']);
        if file {
            *name = format!("'{name}'");
        }
    }
    sql(walk, "psql", &format!("COPY {}", words.join(" ")));
}
