//! Commands with rules of their own: what prints, shells, what starts other commands, archives.

use base64::Engine as _;

use super::clients::database;
use super::net;
use super::special::{code, deletes, proxy, reads, writes};
use super::tools;
use super::walk::{Input, Walk, printed};
use super::word::Field;
use crate::model::Operation;

/// Commands with rules of their own. Whether it was one of them.
pub(super) fn run(walk: &mut Walk, name: &str, fields: &[Field], words: &[&str]) -> bool {
    let rest = fields.get(1..).unwrap_or_default();
    match name {
        "echo" | "printf" => {
            if rest.iter().any(|field| field.secret) {
                walk.act(Operation::SecretRead, Some(60), "");
            }
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
        | "clickhouse-local" | "clickhouse" | "chdb" => database(walk, name, words),
        // What a signal or the end of the shell starts.
        "trap" => match rest.iter().find(|field| field.text != "--") {
            Some(field) if !matches!(field.text.as_str(), "-" | "" | "-l" | "-p") => walk.script(&field.text),
            _ => walk.act(Operation::None, None, ""),
        },
        "ssh" => {
            let Some(tool) = tools::tool(name) else { return false };
            let arguments = tool.arguments(words);
            if arguments.words.len() > 2 || arguments.has("-R|-D|-L") {
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
        // What is asked of name servers goes to whoever has the zone.
        "dig" | "nslookup" | "host" | "ping" | "drill" | "resolvectl" | "whois"
            if rest.iter().any(|field| field.told) =>
        {
            walk.act(Operation::NetworkSend, Some(80), "");
            walk.sends = true;
        }
        "source" | "." if words.get(1) == Some(&"/dev/fd/63") => {
            walk.act(Operation::CodeExecute, Some(95), "");
        }
        // All that is set is shown.
        "set" if rest.is_empty() => walk.act(Operation::SecretRead, Some(60), ""),
        "export" | "declare" | "typeset" | "readonly"
            if rest.iter().all(|field| matches!(field.text.as_str(), "-p" | "-x" | "-px" | "-xp")) =>
        {
            walk.act(Operation::SecretRead, Some(60), "");
        }
        "source" | "." if words.get(1) == Some(&"/dev/stdin") => match walk.input.clone() {
            Input::Text(text) => walk.script(&text),
            _ => walk.act(Operation::CodeExecute, Some(95), ""),
        },
        "env" if splits(words).is_some() => {
            let at = splits(words).unwrap_or_default();
            let text: Vec<&str> = words.iter().skip(at).copied().collect();
            let text = text.join(" ");
            let text =
                ["--split-string=", "--split-string", "-S"].iter().find_map(|name| text.strip_prefix(name));
            walk.script(text.unwrap_or_default());
            if fields.iter().skip(at).any(|field| field.dynamic) {
                walk.unknown("dynamic");
            }
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

/// Where `env` is told to take a text apart and run it, with the words behind: `env -S 'rm -rf' /srv`.
fn splits(words: &[&str]) -> Option<usize> {
    let mut at = 1;
    while let Some(word) = words.get(at).filter(|word| word.starts_with('-') || word.contains('=')) {
        if word.starts_with("-S") || word.starts_with("--split-string") {
            return Some(at);
        }
        at += 1 + usize::from(matches!(*word, "-u" | "--unset" | "-C" | "--chdir"));
    }
    None
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
            Some(text) if !text.dynamic => {
                // `sh -c 'rm "$1"' name word`
                let given = fields.get(at + 4..).unwrap_or_default().to_vec();
                let outer = std::mem::replace(&mut walk.positional, given);
                walk.script(&text.text);
                walk.positional = outer;
            }
            Some(text) if !text.text.is_empty() => {
                walk.script(&text.text);
                walk.unknown("dynamic");
            }
            // Whatever another command puts out runs.
            Some(_) => walk.act(Operation::CodeExecute, Some(95), ""),
            None => walk.unknown("dynamic"),
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
    if arguments.words.len() < 2 && arguments.has("-V|--version") {
        walk.act(Operation::None, None, "");
        return true;
    }
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
    let shown =
        wanted.first().map_or(place.to_owned(), |name| format!("{}/{name}", place.trim_end_matches('/')));
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
        walk.found = Some(shown);
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
        // Nobody knows how many there are, and where they lie a `find` before has told.
        (_, listed) => {
            let text = walk.found.take().filter(|_| !listed).unwrap_or_default();
            vec![Field { text, dynamic: true, ..Field::default() }]
        }
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
    if !from.is_empty() {
        reads(walk, from);
    }
    // What holds something is overwritten.
    if !to.is_empty() && from.starts_with("/dev/") && tools::kind(to).is_some() {
        deletes(walk, to, false, true);
    } else if !to.is_empty() {
        writes(walk, to);
    }
    walk.act(Operation::None, None, "");
}

/// What options start: `--to-command=cat`, `-I zstd`, `--checkpoint-action=exec=id`.
fn programs<'a>(words: &[&'a str], options: &[&str]) -> Vec<&'a str> {
    let value = |(at, word): (usize, &&'a str)| {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (*word, words.get(at + 1).copied()),
        };
        let value = value.filter(|_| options.contains(&name))?;
        if name == "--checkpoint-action" { value.strip_prefix("exec=") } else { Some(value) }
    };
    words.iter().enumerate().filter_map(value).collect()
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
        for command in programs(words, &runs) {
            walk.script(command);
        }
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
    if creates && archive == Some("/dev/null") {
        // What is put there, nobody has.
        walk.act(Operation::None, None, "");
    } else if creates {
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
