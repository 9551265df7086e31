//! Commands that need more than a table, and the mechanisms that tables name.

use std::collections::HashSet;

use base64::Engine as _;

use super::net;
use super::tools::{self, Arguments};
use super::walk::{Input, Walk, printed};
use super::word::Field;
use crate::classify;
use crate::model::{Act, Operation, Risk};

/// What a statement costs beside its length, in bytes of words.
const STATEMENT: usize = 8 << 10;

/// The name of what is touched: without the address of a bucket, as catalogues have it.
pub(super) fn named(resource: &str) -> &str {
    let marks = ["s3://", "gs://", "https://huggingface.co/", "https://hf.co/"];
    marks.iter().find_map(|mark| resource.strip_prefix(mark)).unwrap_or(resource)
}

/// A file is read.
pub(super) fn reads(walk: &mut Walk, path: &str) {
    match tools::kind(path) {
        Some("secret") => walk.act(Operation::SecretRead, Some(85), path),
        _ => walk.act(Operation::FileRead, None, path),
    }
}

/// What was read has left: files count as what they hold, and secrets make it worse.
pub(super) fn left(acts: &mut [Act]) {
    if acts.iter().any(|act| act.operation == Operation::SecretRead) {
        let sent = acts.iter_mut().filter(|act| act.operation == Operation::NetworkSend);
        sent.for_each(|act| act.risk = act.risk.max(Risk::new(95)));
    }
    for act in acts.iter_mut().filter(|act| act.operation == Operation::FileRead) {
        let (operation, risk) = match tools::kind(&act.resource) {
            Some("model") => (Operation::ModelDownload, 85),
            Some("vectors" | "data") => (Operation::DataExport, 90),
            _ => continue,
        };
        act.operation = operation;
        act.magnitude.unit = operation.unit();
        act.risk = act.risk.max(Risk::new(risk));
    }
}

/// A file is written.
pub(super) fn writes(walk: &mut Walk, path: &str) {
    if matches!(path, "/dev/null" | "/dev/stdout" | "/dev/stderr" | "/dev/tty" | "-")
        || path.starts_with("/dev/fd/")
    {
        return;
    }
    if path.starts_with("/dev/") && !path.starts_with("/dev/shm/") {
        return walk.act(Operation::FileDelete, Some(100), path);
    }
    // The first folder of an absolute path tells whose it is.
    let folder =
        path.strip_prefix('/').and_then(|rest| rest.split_once('/')).map_or("", |(folder, _)| folder);
    let system = matches!(folder, "etc" | "boot" | "usr" | "bin" | "sbin" | "root")
        || folder.starts_with("lib")
        || ["/var/spool/cron", "/var/log/"].iter().any(|start| path.starts_with(start));
    let own = [".ssh/", ".bashrc", ".profile", ".zshrc", "authorized_keys", ".git/hooks/"];
    let grave = system || own.iter().any(|part| path.contains(part));
    walk.act(Operation::FileWrite, grave.then_some(80), path);
}

/// A file or folder is deleted.
pub(super) fn deletes(walk: &mut Walk, path: &str, dynamic: bool, whole: bool) {
    let path = path.trim_end_matches("/*");
    let home = path.starts_with('~') && path.len() <= 2;
    let temporary = ["/tmp/", "/var/tmp/", "/dev/shm/"].iter().any(|start| path.starts_with(start));
    let risk = match path {
        "" if !dynamic => 98,
        "/" | "." | ".." | "*" => 98,
        _ if home => 98,
        _ if path.starts_with("/dev/") && !temporary => 100,
        "" if whole => 85,
        "" => 70,
        _ if temporary => 50,
        _ if path.starts_with('/') || path.starts_with('~') => 85 + 7 * u8::from(whole),
        _ if dynamic && whole => 85,
        _ if dynamic || path.starts_with("..") => 70,
        _ => 45,
    };
    walk.act(Operation::FileDelete, Some(risk), path);
    if tools::kind(path) == Some("model") && path.contains('.') {
        walk.act(Operation::ModelDelete, Some(risk.max(80)), path);
    }
}

/// The mechanisms that tables name.
pub(super) fn by(
    walk: &mut Walk,
    name: &str,
    places: &[&str],
    arguments: &Arguments<'_>,
    fields: &[Field],
    words: &[&str],
) {
    let first = places.first().copied().unwrap_or_default();
    let value = || places.iter().find_map(|place| arguments.place(place));
    let open: HashSet<&str> =
        fields.iter().filter(|field| field.dynamic).map(|field| field.text.as_str()).collect();
    let dynamic = |text: &str| open.contains(text);
    let number = |place: &str| place.parse::<usize>().unwrap_or(2);
    match name {
        "read" => {
            let files = places.iter().flat_map(|range| arguments.range(range));
            for file in files.filter(|file| *file != "-") {
                reads(walk, file);
            }
        }
        "write" => {
            for path in places.iter().flat_map(|range| arguments.range(range)) {
                writes(walk, path);
            }
        }
        "delete" => {
            let whole = arguments.has("-r|-R|--recursive");
            let paths = arguments.range(first);
            for path in &paths {
                deletes(walk, path, dynamic(path), whole);
            }
            if paths.is_empty() {
                deletes(walk, "", true, whole);
            }
        }
        "get" | "put" => {
            let place = value().unwrap_or_default();
            let path = place.split_once(':').map_or(place, |(_, path)| path);
            let kind = tools::kind(place)
                .or(tools::kind(path))
                .or(tools::kind(named(place).split('/').next().unwrap_or_default()));
            let operation = match (name, kind) {
                ("get", Some("model")) => Operation::ModelDownload,
                ("get", Some("secret")) => Operation::SecretRead,
                ("get", _) => Operation::DataExport,
                (_, Some("model")) => Operation::ModelUpload,
                _ => Operation::DataIngest,
            };
            let risk = if operation == Operation::ModelDownload { 80 } else { operation.base_risk().value() };
            let source = arguments.words.iter().rev().nth(1).map(|(_, word)| *word).unwrap_or_default();
            let taken =
                name == "put" && operation == Operation::DataIngest && tools::kind(source) == Some("model");
            walk.act(
                if taken { Operation::ModelUpload } else { operation },
                Some(risk.max(if taken { 70 } else { 0 })),
                named(place),
            );
            if name == "put" && tools::kind(source) == Some("secret") {
                walk.act(Operation::SecretRead, Some(85), source);
            }
        }
        "objectdelete" => {
            let place = value().unwrap_or_default();
            let model = tools::kind(place) == Some("model");
            walk.act(if model { Operation::ModelDelete } else { Operation::DataDelete }, None, named(place));
        }
        "sink" => {
            walk.sends = true;
            walk.act(Operation::NetworkSend, Some(80), arguments.word(2).unwrap_or_default());
        }
        "run" => {
            let at = match first {
                "--" => words.iter().position(|word| *word == "--").map(|at| at + 1).or_else(|| {
                    arguments
                        .words
                        .get(number(places.get(1).copied().unwrap_or_default()) - 1)
                        .map(|(at, _)| *at)
                }),
                place => arguments.words.get(number(place).saturating_sub(1)).map(|(at, _)| *at),
            };
            match at.and_then(|at| fields.get(at..)).filter(|rest| !rest.is_empty()) {
                Some(rest) => {
                    // `env NAME=value command`
                    let skip = rest
                        .iter()
                        .take_while(|field| field.text.contains('=') && !field.text.starts_with('/'))
                        .count();
                    walk.deeper(|walk| walk.command(rest.get(skip..).unwrap_or_default()));
                    if skip == rest.len() {
                        walk.act(Operation::SecretRead, Some(60), "");
                    }
                }
                None if matches!(words.first(), Some(&"env")) => {
                    walk.act(Operation::SecretRead, Some(60), "")
                }
                None if matches!(words.first(), Some(&"kubectl" | &"docker" | &"sudo")) => {
                    walk.act(Operation::CodeExecute, Some(70), "")
                }
                None => walk.act(Operation::None, None, ""),
            }
        }
        "script" | "code" | "sql" if value().is_none() => walk.unknown("dynamic"),
        "script" => {
            let text = value().unwrap_or_default();
            if dynamic(text) { walk.unknown("dynamic") } else { walk.script(text) }
        }
        "rest" => {
            let from =
                arguments.words.get(number(first).saturating_sub(1)).map_or(words.len(), |(at, _)| *at);
            let rest = fields.get(from..).unwrap_or_default();
            let rest = rest.strip_prefix(&[Field::of("--")]).unwrap_or(rest);
            if rest.iter().any(|field| field.dynamic) {
                walk.unknown("dynamic");
            }
            let text: Vec<&str> = rest.iter().map(|field| field.text.as_str()).collect();
            if words.first() == Some(&"ssh") {
                remote(walk, &text.join(" "), arguments);
            } else {
                walk.script(&text.join(" "));
            }
        }
        "code" => code(walk, value().unwrap_or_default()),
        "sql" => sql(walk, value().unwrap_or_default()),
        "redis" => redis(walk, arguments),
        "dumpfile" => {
            if let Some(path) = value() {
                writes(walk, path);
            }
        }
        "dockerrun" => docker(walk, number(first), arguments, fields),
        "kubectlcp" => {
            let (from, to) = (arguments.word(3).unwrap_or_default(), arguments.word(4).unwrap_or_default());
            if from.contains(':') {
                let exports = matches!(tools::kind(from), Some("vectors"));
                walk.act(
                    if exports { Operation::VectorExport } else { Operation::DataExport },
                    Some(85),
                    from,
                );
                writes(walk, to);
            } else {
                reads(walk, from);
                walk.act(Operation::FileWrite, Some(60), to);
            }
        }
        "gitconfig" => {
            walk.act(Operation::CodeExecute, Some(80), "");
            for (_, value) in arguments.options.iter().filter(|(name, _)| *name == "-c") {
                if let Some(script) = value.and_then(|value| value.split_once("=!")).map(|(_, script)| script)
                {
                    walk.script(script);
                }
            }
        }
        "mongo" => mongo(walk, arguments.value("--eval").unwrap_or_default()),
        _ => walk.unknown("unknown_tool"),
    }
}

/// A command on another machine; without one, whatever comes in is sent there.
fn remote(walk: &mut Walk, script: &str, arguments: &Arguments<'_>) {
    let sent = !matches!(walk.input, Input::None);
    walk.script(script);
    proxy(walk, arguments);
    if sent {
        walk.sends = true;
        walk.act(Operation::NetworkSend, Some(80), arguments.word(2).unwrap_or_default());
    }
}

fn proxy(walk: &mut Walk, arguments: &Arguments<'_>) {
    let options = arguments.options.iter().filter(|(name, _)| *name == "-o").filter_map(|(_, value)| *value);
    for option in options {
        let option = option.to_ascii_lowercase();
        if ["proxycommand", "localcommand", "knownhostscommand"].iter().any(|name| option.starts_with(name)) {
            walk.act(Operation::CodeExecute, Some(85), "");
        }
    }
}

/// Text of a program.
pub(super) fn code(walk: &mut Walk, text: &str) {
    walk.act(Operation::CodeExecute, None, "");
    for operation in tools::code(text) {
        walk.act(operation, Some(operation.base_risk().value().max(80)), "");
    }
    for call in [
        "system(",
        "popen(",
        "run(",
        "Popen(",
        "call(",
        "check_output(",
        "exec(",
        "execSync(",
        "system ",
        "spawn(",
    ] {
        for rest in text.split(call).skip(1) {
            let rest = rest.trim_start_matches(['(', '[', ' ']);
            let Some(mark) = rest.chars().next().filter(|c| matches!(c, '\'' | '"' | '`')) else { continue };
            let Some(inner) = rest.get(1..).and_then(|rest| rest.split(mark).next()) else { continue };
            let list = rest.get(inner.len() + 2..).is_some_and(|after| after.trim_start().starts_with(','));
            let text = if list {
                rest.split(']').next().unwrap_or_default().replace(['\'', '"', ','], " ")
            } else {
                inner.to_owned()
            };
            walk.script(&text);
        }
    }
}

/// Statements that a client sends; of its dialect by what their quotes look like.
pub(super) fn sql(walk: &mut Walk, text: &str) {
    if !walk.spend(STATEMENT + text.len()) {
        return;
    }
    walk.statements(classify::sql(text, None));
}

fn mongo(walk: &mut Walk, text: &str) {
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
        let bounded = has(&["limit(", "findOne(", "$limit"]);
        walk.act(if bounded { Operation::DataQuery } else { Operation::DataExport }, None, "");
    } else if has(&["count", "show ", "stats(", "getCollectionNames", "listDatabases"]) {
        walk.act(Operation::CollectionList, None, "");
    } else {
        walk.unknown("unknown_use");
    }
}

/// The words of a Redis command.
fn redis(walk: &mut Walk, arguments: &Arguments<'_>) {
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

/// A container of the caller's making: what it may see of the host decides.
fn docker(walk: &mut Walk, image: usize, arguments: &Arguments<'_>, fields: &[Field]) {
    let mounts = arguments.options.iter().filter(|(name, _)| matches!(*name, "-v" | "--volume" | "--mount"));
    let host = mounts.filter_map(|(_, value)| *value).any(|value| {
        let source = value.split([':', ',']).next().unwrap_or_default();
        matches!(source, "/" | "/etc" | "/root" | "/var" | "/home" | "/var/run/docker.sock")
            || value.contains("docker.sock")
    });
    let free = arguments.has("--privileged|--cap-add")
        || host
        || arguments.options.iter().any(|(name, value)| {
            matches!(*name, "--pid" | "--network" | "--ipc" | "--userns")
                && *value == Some("host")
                && *name != "--network"
        });
    let at = arguments.words.get(image.saturating_sub(1)).map(|(at, _)| *at);
    let command = at.and_then(|at| fields.get(at + 1..)).filter(|rest| !rest.is_empty());
    if free {
        walk.act(Operation::CodeExecute, Some(95), "");
        return;
    }
    match command {
        Some(command)
            if tools::tool(&command.first().map(|f| f.text.clone()).unwrap_or_default()).is_some() =>
        {
            walk.deeper(|walk| walk.command(command));
        }
        _ => walk.act(Operation::JobRun, None, arguments.word(image).unwrap_or_default()),
    }
}

/// Commands with rules of their own. Whether it was one of them.
pub(super) fn run(walk: &mut Walk, name: &str, fields: &[Field], words: &[&str]) -> bool {
    let rest = fields.get(1..).unwrap_or_default();
    match name {
        "echo" | "printf" => {
            walk.act(Operation::None, None, "");
            walk.output = printed(name, fields);
        }
        "cat" if rest.is_empty() => walk.output = text_of(&walk.input),
        "base64" if words.iter().any(|word| matches!(*word, "-d" | "-D" | "--decode" | "-di")) => {
            let engine = base64::engine::general_purpose::STANDARD;
            let files: Vec<&Field> = rest.iter().filter(|field| !field.text.starts_with('-')).collect();
            for file in &files {
                reads(walk, &file.text);
            }
            walk.output = text_of(&walk.input).filter(|_| files.is_empty()).and_then(|text| {
                let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
                String::from_utf8(engine.decode(plain).ok()?).ok()
            });
            walk.act(Operation::None, None, "");
        }
        "rev" if rest.is_empty() => {
            walk.output = text_of(&walk.input).map(|text| text.trim_end().chars().rev().collect());
        }
        "tr" | "xxd" | "sed" | "openssl" if matches!(walk.input, Input::Text(_)) => {
            walk.act(Operation::None, None, "")
        }
        "sh" | "bash" | "dash" | "zsh" | "ksh" | "ash" | "fish" => shell(walk, name, fields, words),
        "find" | "fd" => find(walk, fields, words),
        "xargs" | "parallel" => xargs(walk, fields, words),
        "dd" => dd(walk, words),
        "curl" | "wget" | "http" | "https" | "xh" => net::fetch(walk, name, fields, words),
        "scp" | "rsync" | "sftp" => net::copy(walk, name, words),
        "tar" | "bsdtar" => tar(walk, words),
        "psql" | "pgcli" | "mysql" | "mariadb" | "sqlite3" | "duckdb" | "clickhouse-client"
        | "clickhouse" => database(walk, name, words),
        "ssh" => {
            let Some(tool) = tools::tool(name) else { return false };
            let arguments = tool.arguments(words);
            if arguments.words.len() > 2 {
                return false;
            }
            proxy(walk, &arguments);
            let sent = !matches!(walk.input, Input::None);
            walk.sends = sent;
            if sent {
                walk.act(Operation::NetworkSend, Some(80), arguments.word(2).unwrap_or_default());
            } else if walk.acts.last().is_none_or(|act| act.operation != Operation::CodeExecute) {
                walk.act(Operation::SessionControl, Some(40), arguments.word(2).unwrap_or_default());
            }
        }
        "python" | "python2" | "python3" | "python3.11" | "python3.12" | "pypy" => {
            return python(walk, fields, words);
        }
        "perl" | "ruby" | "node" | "php"
            if rest.iter().any(|f| {
                f.text.starts_with('-')
                    && !f.text.starts_with("--")
                    && f.text.contains(['e', 'r'])
                    && f.text.len() > 2
            }) =>
        {
            let at = rest.iter().position(|f| f.text.starts_with('-') && f.text.contains(['e', 'r']));
            let text = at.and_then(|at| rest.get(at + 1)).map(|f| f.text.clone()).unwrap_or_default();
            code(walk, &text);
        }
        "env"
            if rest.iter().all(|field| field.text.starts_with('-') || field.text.contains('='))
                && !words.contains(&"-S") =>
        {
            walk.act(Operation::SecretRead, Some(60), "");
        }
        _ => return false,
    }
    true
}

fn text_of(input: &Input) -> Option<String> {
    match input {
        Input::Text(text) => Some(text.clone()),
        Input::None | Input::Piped => None,
    }
}

/// A shell: text in an option, a file, or whatever comes in.
fn shell(walk: &mut Walk, name: &str, fields: &[Field], words: &[&str]) {
    let Some(tool) = tools::tool(name) else { return };
    let option = words
        .iter()
        .skip(1)
        .position(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('c'));
    if let Some(at) = option {
        return match fields.get(at + 2) {
            Some(text) if !text.dynamic => walk.script(&text.text),
            Some(text) if !text.text.is_empty() => {
                walk.script(&text.text);
                walk.unknown("dynamic");
            }
            _ => walk.unknown("dynamic"),
        };
    }
    let arguments = tool.arguments(words);
    let read = arguments.has("-s") || arguments.words.len() < 2 || arguments.word(2) == Some("-");
    if !read {
        // A file, or what another command feeds.
        let fed = fields.iter().any(|field| field.dynamic);
        return walk.act(
            Operation::CodeExecute,
            Some(if fed { 95 } else { 50 }),
            arguments.word(2).unwrap_or_default(),
        );
    }
    match walk.input.clone() {
        Input::None => walk.act(Operation::SessionControl, Some(40), ""),
        Input::Piped => walk.act(Operation::CodeExecute, Some(95), ""),
        Input::Text(text) => {
            walk.input = Input::None;
            walk.script(&text);
        }
    }
}

fn python(walk: &mut Walk, fields: &[Field], words: &[&str]) -> bool {
    let Some(tool) = tools::tool("python") else { return false };
    let arguments = tool.arguments(words);
    if let Some(module) = arguments.value("-m") {
        let rest =
            words.iter().position(|word| *word == module).and_then(|at| fields.get(at..)).unwrap_or_default();
        match module {
            "http.server" | "SimpleHTTPServer" | "pyftpdlib" => {
                walk.act(Operation::NetworkSend, Some(75), "")
            }
            "pip" | "pytest" | "mlflow" | "dvc" | "mypy" | "black" => walk.deeper(|walk| walk.command(rest)),
            module
                if ["vllm", "tritonserver", "sglang", "llama_cpp", "text_generation", "infinity_emb"]
                    .iter()
                    .any(|known| module.starts_with(known)) =>
            {
                walk.act(Operation::ModelLoad, None, arguments.value("--model").unwrap_or_default());
            }
            "venv" | "compileall" | "json.tool" | "build" | "timeit" | "unittest" => {
                walk.act(Operation::CodeExecute, Some(30), module)
            }
            _ => walk.act(Operation::CodeExecute, Some(40), module),
        }
        return true;
    }
    if arguments.words.len() < 2 && arguments.value("-c").is_none() || arguments.word(2) == Some("-") {
        match walk.input.clone() {
            Input::None => walk.act(Operation::SessionControl, Some(40), ""),
            Input::Piped => walk.act(Operation::CodeExecute, Some(95), ""),
            Input::Text(text) => code(walk, &text),
        }
        return true;
    }
    false
}

/// `find`: what it starts for each file, and `-delete`.
fn find(walk: &mut Walk, fields: &[Field], words: &[&str]) {
    let place = words.iter().skip(1).find(|word| !word.starts_with('-')).copied().unwrap_or(".");
    let names = words
        .iter()
        .zip(words.iter().skip(1))
        .filter(|(name, _)| matches!(**name, "-name" | "-iname" | "-path"));
    let wanted: Vec<&str> = names.map(|(_, value)| *value).collect();
    let mut did = false;
    if words.contains(&"-delete") {
        did = true;
        deletes(walk, place, false, true);
        if wanted.iter().any(|name| tools::kind(name) == Some("model")) {
            walk.act(Operation::ModelDelete, Some(85), place);
        }
    }
    let mut next = 0;
    for (at, word) in words.iter().enumerate() {
        if at < next || !matches!(*word, "-exec" | "-execdir" | "-ok" | "-okdir" | "-x" | "-X") {
            continue;
        }
        did = true;
        let rest = fields.get(at + 1..).unwrap_or_default();
        let end = rest.iter().position(|f| matches!(f.text.as_str(), ";" | "+")).unwrap_or(rest.len());
        next = at + 1 + end;
        let shown =
            wanted.first().map_or(place.to_owned(), |name| format!("{}/{name}", place.trim_end_matches('/')));
        let command: Vec<Field> = rest
            .iter()
            .take(end)
            .map(|f| match f.text.as_str() {
                "{}" => Field::of(shown.clone()),
                _ => f.clone(),
            })
            .collect();
        // What it finds is a whole tree.
        let before = walk.acts.len();
        walk.deeper(|walk| walk.command(&command));
        for act in walk.acts.iter_mut().skip(before).filter(|act| act.operation == Operation::FileDelete) {
            act.risk = act.risk.plus(5);
        }
    }
    if words.iter().any(|word| word.starts_with("-fprint") || *word == "-fls") {
        walk.act(Operation::FileWrite, Some(60), "");
    }
    if !did {
        walk.act(Operation::None, None, "");
    }
}

/// `xargs`: another command, with words that come in.
fn xargs(walk: &mut Walk, fields: &[Field], words: &[&str]) {
    let values = [
        "-I",
        "-n",
        "-P",
        "-L",
        "-d",
        "-a",
        "-s",
        "-E",
        "-j",
        "--arg-file",
        "--max-args",
        "--max-procs",
        "--delimiter",
        "--replace",
    ];
    let mut at = 1;
    let mut replaced = None;
    while let Some(word) = words.get(at).filter(|word| word.starts_with('-')) {
        if let Some(mark) = word.strip_prefix("-I").filter(|mark| !mark.is_empty()) {
            replaced = Some(mark);
        } else if *word == "-I" {
            replaced = words.get(at + 1).copied();
        }
        at += 1 + usize::from(values.contains(word));
    }
    let more = match (&walk.input, words.iter().any(|word| word.starts_with("-a") || *word == "--arg-file")) {
        (Input::Text(text), false) => text.split_whitespace().map(Field::of).collect(),
        _ => vec![Field { dynamic: true, ..Field::default() }],
    };
    let mut command: Vec<Field> = fields.get(at..).unwrap_or_default().to_vec();
    match replaced {
        Some(mark) => {
            let one = more.first().cloned().unwrap_or_default();
            for field in command.iter_mut().filter(|field| field.text.contains(mark)) {
                field.text = field.text.replace(mark, &one.text);
                field.dynamic |= one.dynamic;
            }
        }
        None => command.extend(more),
    }
    if command.is_empty() {
        return walk.act(Operation::None, None, "");
    }
    walk.input = Input::None;
    walk.deeper(|walk| walk.command(&command));
}

fn dd(walk: &mut Walk, words: &[&str]) {
    let value = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let (from, to) = (value("if").unwrap_or_default(), value("of").unwrap_or_default());
    if !from.is_empty()
        && !from.starts_with("/dev/zero")
        && !from.starts_with("/dev/urandom")
        && !from.starts_with("/dev/random")
    {
        reads(walk, from);
    }
    if !to.is_empty() {
        writes(walk, to);
    }
    walk.act(Operation::None, None, "");
}

fn tar(walk: &mut Walk, words: &[&str]) {
    let mode = words.get(1).copied().unwrap_or_default();
    let letters = mode.strip_prefix('-').unwrap_or(mode);
    let short = !mode.starts_with("--");
    let is = |letter: char, long: &str| short && letters.contains(letter) || words.contains(&long);
    let creates = is('c', "--create") || is('r', "--append") || is('u', "--update");
    let runs = ["--checkpoint-action", "--to-command", "--use-compress-program", "-I", "--rsh-command"];
    if words.iter().any(|word| {
        runs.iter().any(|option| word.starts_with(option) && !word.contains("zstd") && !word.contains("pigz"))
    }) {
        walk.act(Operation::CodeExecute, Some(85), "");
    }
    let file_in_mode = short && letters.contains('f');
    let mut operands: Vec<&str> =
        words.iter().skip(2).filter(|word| !word.starts_with('-') || **word == "-").copied().collect();
    let archive = match words.iter().position(|word| matches!(*word, "-f" | "--file")) {
        Some(at) => words.get(at + 1).copied(),
        None if file_in_mode && !operands.is_empty() => Some(operands.remove(0)),
        None => words.iter().find_map(|word| word.strip_prefix("--file=")),
    };
    operands.retain(|word| Some(*word) != archive && *word != "-");
    if let Some(folder) =
        words.iter().position(|word| matches!(*word, "-C" | "--directory")).and_then(|at| words.get(at + 1))
    {
        operands.retain(|word| word != folder);
        if creates {
            operands = vec![folder];
        }
    }
    if creates {
        for path in operands {
            reads(walk, path);
        }
        if let Some(archive) = archive.filter(|archive| *archive != "-") {
            writes(walk, archive);
        }
    } else if is('t', "--list") {
        walk.act(Operation::FileRead, None, archive.unwrap_or_default());
    } else {
        walk.act(Operation::FileWrite, None, archive.unwrap_or_default());
    }
}

/// Clients of SQL databases: statements in options, words, or what comes in.
fn database(walk: &mut Walk, name: &str, words: &[&str]) {
    let Some(tool) = tools::tool(name) else { return };
    let arguments = tool.arguments(words);
    let mut any = false;
    let options = ["-c", "--command", "-e", "--execute", "-q", "--query"];
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
        } else if let Some(rest) = text.strip_prefix(".dump").or(text.strip_prefix(".backup")) {
            walk.act(Operation::DataExport, Some(85), rest.trim());
        } else if let Some(rest) = text.strip_prefix(".shell").or(text.strip_prefix(".system")) {
            walk.script(rest);
        } else if text.starts_with(".tables") || text.starts_with(".schema") {
            walk.act(Operation::CollectionList, None, "");
        } else {
            sql(walk, text);
        }
    }
    for file in ["-f", "--file"].iter().filter_map(|option| arguments.value(option)) {
        any = true;
        walk.act(Operation::Unknown, None, file);
    }
    match walk.input.clone() {
        _ if any => {}
        Input::None => walk.act(Operation::SessionControl, Some(40), arguments.word(2).unwrap_or_default()),
        Input::Piped => walk.unknown("sql"),
        Input::Text(text) => sql(walk, &text),
    }
}

/// `\copy table to 'file'`.
fn copy(walk: &mut Walk, rest: &str) {
    let lower = rest.to_ascii_lowercase();
    let (table, out) = match (lower.find(" to "), lower.find(" from ")) {
        (Some(at), _) if !rest.starts_with('(') || lower.find(" from ").is_none_or(|from| from < at) => {
            (rest.get(..at), true)
        }
        (_, Some(at)) => (rest.get(..at), false),
        _ => return walk.unknown("sql"),
    };
    let table = table.unwrap_or_default().split('(').next().unwrap_or_default().trim();
    if lower.contains(" program ") {
        walk.act(Operation::CodeExecute, None, "");
    }
    if out {
        walk.act(Operation::DataExport, Some(85), table);
        let file = rest.split(['\'', '"']).nth(1).unwrap_or_default();
        if !file.is_empty() {
            writes(walk, file);
        }
    } else {
        walk.act(Operation::DataIngest, Some(60), table);
    }
}
