//! Clients of databases: statements in options, in words, or in what comes in.

use super::special::{reads, writes};
use super::tools::{self, Arguments};
use super::walk::{Input, Walk};
use crate::classify::{self, Dialect};
use crate::model::Operation;

/// What a line for the client itself costs, in bytes of words.
const LINE: usize = 64;

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
    if has(&["shutdown"]) {
        walk.act(Operation::JobStop, Some(85), "");
    } else if has(&["dropDatabase(", ".drop("]) {
        walk.act(Operation::CollectionDrop, Some(95), "");
    } else if has(&["deleteMany(", "deleteOne(", ".remove("]) {
        walk.act(Operation::DataDelete, Some(85), "");
    } else if has(&["insert", "update", "replaceOne(", "$out", "$merge", "bulkWrite("]) {
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
pub(super) fn redis(walk: &mut Walk, arguments: &Arguments<'_>, from: &str) {
    let words = arguments.range(from);
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
    // Every word behind the name of the file is one.
    let behind = if matches!(name, "sqlite3" | "duckdb") { arguments.range("3..") } else { Vec::new() };
    for text in given.into_iter().chain(behind) {
        any = true;
        lines(walk, name, text);
    }
    let (out, log): (&[&str], &[&str]) = (&["-o", "--output", "-L", "--log-file"], &["--tee"]);
    for option in if matches!(name, "psql" | "pgcli") { out } else { log } {
        if let Some(file) = arguments.value(option) {
            outlet(walk, file);
        }
    }
    if matches!(name, "psql" | "pgcli") && arguments.has("-l|--list") {
        any = true;
        walk.act(Operation::CollectionList, None, "");
    }
    let files = ["-f", "--file", "--init-command"].iter().filter_map(|option| arguments.value(option));
    for file in files.filter(|file| *file != "-") {
        any = true;
        walk.act(Operation::Unknown, None, file);
    }
    match walk.input.clone() {
        _ if any => {}
        Input::None => walk.act(Operation::SessionControl, Some(40), arguments.word(2).unwrap_or_default()),
        // One database is made what another one was; on another machine, it has left.
        Input::Piped if walk.dumped => {
            let uri = arguments.range("2..").into_iter().find(|word| word.contains("://"));
            let host = ["-h", "--host"].iter().find_map(|option| arguments.value(option)).or(uri);
            let near =
                |host: &&str| !matches!(*host, "localhost" | "127.0.0.1" | "::1") && !host.starts_with('/');
            match host.filter(near) {
                Some(host) => {
                    walk.sends = true;
                    walk.act(Operation::NetworkSend, Some(80), host);
                }
                None => walk.act(Operation::CollectionRestore, None, arguments.word(2).unwrap_or_default()),
            }
        }
        Input::Piped => walk.unknown("sql"),
        Input::Text(text) => lines(walk, name, &text),
    }
}

/// What a client is told: statements, and between them lines that are for the client itself.
fn lines(walk: &mut Walk, client: &str, text: &str) {
    let (mut statements, mut told) = (String::new(), false);
    for line in text.lines() {
        let (before, own) = own(client, line);
        statements.push_str(before);
        statements.push('\n');
        let Some(own) = own else { continue };
        if !walk.spend(LINE) {
            return;
        }
        if !statements.trim().is_empty() {
            sql(walk, client, statements.trim());
        }
        statements.clear();
        told = true;
        command(walk, client, own.trim());
    }
    if !statements.trim().is_empty() || !told {
        sql(walk, client, statements.trim());
    }
}

/// The part of a line that is SQL, and the part that is for the client.
fn own<'l>(client: &str, line: &'l str) -> (&'l str, Option<&'l str>) {
    let start = line.trim_start();
    let whole = match client {
        "psql" | "pgcli" => start.starts_with('\\'),
        "sqlite3" | "duckdb" => start.starts_with('.'),
        "mysql" | "mariadb" => {
            start.starts_with('\\')
                || ["source ", "system ", "tee ", "pager "]
                    .iter()
                    .any(|word| start.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word)))
        }
        _ => false,
    };
    if whole {
        return ("", Some(start));
    }
    // `SELECT ... \g file`: where the answer goes to.
    let at = line.find(r"\g").filter(|_| matches!(client, "psql" | "pgcli"));
    match at.and_then(|at| line.get(..at).zip(line.get(at..))) {
        Some((before, own)) => (before, Some(own)),
        None => (line, None),
    }
}

/// A line for the client itself.
fn command(walk: &mut Walk, client: &str, line: &str) {
    let (verb, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    // `\!id`, and what psql runs between back quotes.
    if let Some(script) = line.strip_prefix("\\!") {
        return walk.script(script);
    }
    if line.contains('`') && matches!(client, "psql" | "pgcli") {
        walk.act(Operation::CodeExecute, Some(80), "");
        line.split('`').skip(1).step_by(2).for_each(|script| walk.script(script));
    }
    match verb.trim_end_matches(';').to_ascii_lowercase().as_str() {
        r"\copy" => copy(walk, rest),
        r"\o" | r"\out" | r"\g" | r"\gx" | r"\w" | r"\write" | ".output" | ".once" | ".log" | "tee"
        | r"\t" | ".excel"
            if !(verb == r"\t" && client != "mysql" && client != "mariadb") =>
        {
            outlet(walk, rest);
        }
        "pager" | r"\p" if matches!(client, "mysql" | "mariadb") => outlet(walk, &format!("|{rest}")),
        ".shell" | ".system" | "system" => walk.script(rest.trim_end_matches(';')),
        // What stands in a file or comes of a query is run.
        r"\i" | r"\ir" | r"\include" | r"\include_relative" | r"\." | r"\gexec" | "source" | ".read"
        | ".load" => {
            walk.unknown("dynamic");
        }
        r"\lo_export" => {
            walk.act(Operation::DataExport, None, "");
            outlet(walk, rest.split_whitespace().last().unwrap_or_default());
        }
        r"\lo_import" | ".import" => {
            let file = rest.split_whitespace().find(|word| !word.starts_with('-')).unwrap_or_default();
            match file.trim_matches(['\'', '"']).strip_prefix('|') {
                Some(script) => walk.script(script),
                None => reads(walk, file.trim_matches(['\'', '"'])),
            }
            let table = rest.split_whitespace().last().unwrap_or_default();
            walk.act(Operation::DataIngest, None, table);
        }
        r"\lo_unlink" => walk.act(Operation::DataDelete, None, ""),
        r"\password" => walk.act(Operation::AdminKey, None, rest),
        ".dump" | ".recover" => walk.act(Operation::DataExport, Some(85), rest),
        ".backup" | ".save" | ".clone" => {
            walk.act(Operation::DataExport, Some(85), "");
            writes(walk, rest.split_whitespace().last().unwrap_or_default());
        }
        ".restore" => walk.act(Operation::CollectionRestore, None, rest),
        ".archive" | ".ar" => walk.unknown("unknown_use"),
        verb if tools::meets(SHOWN, verb) => walk.act(Operation::CollectionList, None, ""),
        verb if tools::meets(SETTINGS, verb) => walk.act(Operation::None, None, ""),
        _ => walk.unknown("unknown_use"),
    }
}

/// Lines for clients that show what there is.
const SHOWN: &str = r"\\d*|\\l|\\l+|\\list*|\\z*|\\sf*|\\sv*|\\du*|.tables|.schema|.fullschema|.indexes|.indices|.databases|.dbinfo|.lint|.stats|.show|.sha3sum|.vfs*|.dbconfig|.columns";

/// Lines for clients that change how it is shown, or where it is asked for.
const SETTINGS: &str = r"\\set|\\unset|\\pset|\\echo|\\qecho|\\warn|\\timing|\\x|\\a|\\t|\\c|\\connect|\\conninfo|\\encoding|\\f|\\h*|\\q|\\r|\\p|\\s|\\e*|\\if|\\elif|\\else|\\endif|\\gset|\\gdesc|\\watch|\\crosstabview|\\cd|\\html|\\prompt|\\errverbose|\\bind|\\parse|\\close*|\\?|\\w|\\n|\\;|.mode|.headers|.header|.echo|.separator|.nullvalue|.timer|.width|.changes|.bail|.quit|.exit|.help|.print|.prompt|.timeout|.binary|.explain|.eqp|.parameter|.param|.limit|.open|.cd|.connection|.crnl|.filectrl|.progress|.scanstats|.testcase|.trace|.maxrows|.maxwidth|.rows|.large*|.highlight*|.constant|.keyword|.safe_mode|.q";

/// Where a client puts what it shows: a file, or behind `|` a command.
fn outlet(walk: &mut Walk, to: &str) {
    // `\g (format=csv) file`
    let to = if to.starts_with('(') { to.split_once(')').map_or("", |(_, to)| to) } else { to };
    let to = to.trim_end_matches(';').trim().trim_matches(['\'', '"']);
    match to.strip_prefix('|') {
        Some(script) => {
            walk.act(Operation::CodeExecute, Some(80), "");
            let outer = std::mem::replace(&mut walk.input, Input::Piped);
            walk.script(script);
            walk.input = outer;
        }
        None if to.is_empty() || to == "stdout" => walk.act(Operation::None, None, ""),
        None => writes(walk, to),
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
