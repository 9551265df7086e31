//! Commands with rules of their own: what prints, shells, what starts other commands, archives.

use base64::Engine as _;

use super::clients::database;
use super::net;
use super::special::{code, deletes, drop_harmless, proxy, reads, writes};
use super::tools;
use super::walk::{Input, Walk, printed, quote};
use super::word::Field;
use crate::model::Operation;

/// Commands with rules of their own. Whether it was one of them.
pub(super) fn run(walk: &mut Walk, name: &str, fields: &[Field], words: &[&str]) -> bool {
    let rest = fields.get(1..).unwrap_or_default();
    if matches!(name, "vi" | "vim" | "nvim" | "view" | "ex" | "less" | "more") {
        // `less '+!id'`, `vim '+:!id'`
        let commands = words.iter().skip(1).filter_map(|word| word.strip_prefix('+')?.split_once('!'));
        for (_, script) in commands {
            walk.act(Operation::CodeExecute, Some(80), "");
            walk.script(script);
        }
    }
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
        "parallel" if words.iter().any(|word| word.starts_with(":::")) => parallel(walk, fields, words),
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
            let began = walk.acts.len();
            proxy(walk, &arguments);
            let sent = !matches!(walk.input, Input::None);
            walk.sends = sent;
            if sent {
                walk.act(Operation::NetworkSend, Some(80), arguments.word(2).unwrap_or_default());
            } else if walk.acts.len() == began {
                walk.act(Operation::SessionControl, Some(40), arguments.word(2).unwrap_or_default());
            }
        }
        "python" | "python2" | "python3" | "pypy" => return python(walk, fields, words),
        "perl" | "ruby" | "node" | "nodejs" | "php" | "lua" | "luajit" => return fed(walk, name, words),
        // `flock FILE -c 'text'`
        "flock" if words.iter().skip(2).any(|word| matches!(*word, "-c" | "--command")) => {
            let at = words.iter().position(|word| matches!(*word, "-c" | "--command"));
            match at.and_then(|at| fields.get(at + 1)) {
                Some(text) if !text.dynamic => walk.script(&text.text),
                _ => walk.unknown("dynamic"),
            }
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
                let zero = fields.get(at + 3).map(|field| (!field.dynamic).then(|| field.text.clone()));
                let zero = zero.map(|zero| walk.variables.insert("0".to_owned(), zero));
                walk.script(&text.text);
                walk.positional = outer;
                match zero {
                    Some(Some(zero)) => drop(walk.variables.insert("0".to_owned(), zero)),
                    Some(None) => drop(walk.variables.remove("0")),
                    None => {}
                }
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

/// A language whose program comes in where neither a file nor an option holds it. Whether it does.
fn fed(walk: &mut Walk, name: &str, words: &[&str]) -> bool {
    let Some(tool) = tools::tool(name) else { return false };
    let arguments = tool.arguments(words);
    let given = match name {
        "perl" => "-e|-E",
        "node" | "nodejs" => "-e|-p|--eval|--print",
        "php" => "-r|-f|-S",
        _ => "-e",
    };
    if arguments.has(given) || arguments.word(2).is_some_and(|word| word != "-") {
        return false;
    }
    match walk.input.clone() {
        Input::None => return false,
        Input::Piped => walk.act(Operation::CodeExecute, Some(95), ""),
        Input::Text(text) => code(walk, &text),
    }
    true
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
            "pip" | "pytest" | "mlflow" | "dvc" | "mypy" | "black" | "bentoml" | "ruff" | "pipx" | "uv"
            | "uvicorn" | "gunicorn" | "awscli" | "accelerate" | "gsutil" => {
                walk.deeper(|walk| walk.command(rest))
            }
            "huggingface_hub.commands.huggingface_cli" | "huggingface_hub.cli.hf" => {
                let name = [Field::of("hf")];
                let whole: Vec<Field> = name.iter().chain(rest.iter().skip(1)).cloned().collect();
                walk.deeper(|walk| walk.command(&whole));
            }
            "torch.distributed.run" | "torch.distributed.launch" | "deepspeed" => {
                walk.act(Operation::ModelTrain, None, module)
            }
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
                // Amid other letters the mark says as much as what nobody knows.
                if !one.text.is_empty() || field.text == mark {
                    field.text = field.text.replace(mark, &one.text);
                }
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

/// For how many words `parallel` is followed.
const MANY: usize = 256;

/// `parallel command ::: words`: text of a shell, with each of the words in the place of `{}` or behind it.
fn parallel(walk: &mut Walk, fields: &[Field], words: &[&str]) {
    let Some(tool) = tools::tool("parallel") else { return };
    let mark = words.iter().position(|word| word.starts_with(":::")).unwrap_or(words.len());
    let arguments = tool.arguments(words.get(..mark).unwrap_or_default());
    let from = arguments.words.get(1).map_or(mark, |(at, _)| *at);
    let command = fields.get(from..mark).unwrap_or_default();
    if command.iter().any(|field| field.dynamic) {
        walk.unknown("dynamic");
    }
    let text: Vec<&str> = command.iter().map(|field| field.text.as_str()).collect();
    let text = text.join(" ");
    let given = fields.get(mark + 1..).unwrap_or_default().iter();
    for (at, word) in given.filter(|word| !word.text.starts_with(":::")).enumerate() {
        let grown = text.matches("{}").count().saturating_mul(word.text.len());
        if at >= MANY || !walk.spend(text.len().saturating_add(grown)) {
            return walk.unknown("too_long");
        }
        if text.is_empty() {
            // The words are the commands.
            if word.dynamic {
                walk.unknown("dynamic")
            } else {
                walk.script(&word.text)
            }
            continue;
        }
        let quoted = if word.dynamic { "\"$UNKNOWN\"".to_owned() } else { quote(&word.text) };
        let whole =
            if text.contains("{}") { text.replace("{}", &quoted) } else { format!("{text} {quoted}") };
        walk.script(&whole);
    }
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

/// Programs that only make a stream shorter or longer.
const PACKERS: &str = "zstd|pigz|gzip|bzip2|pbzip2|lbzip2|xz|pixz|lz4|lzop|lzma|brotli";

/// `tar`: what it packs and where to, what it unpacks, and what it starts.
fn tar(walk: &mut Walk, words: &[&str]) {
    let Some(tool) = tools::tool("tar") else { return };
    // `tar cfz a.tgz src`: the letters without a dash, of which one takes a word.
    let letters = words.get(1).filter(|word| !word.starts_with('-'));
    let letters = letters
        .map(|word| format!("-{}{}", word.replace('f', ""), if word.contains('f') { "f" } else { "" }));
    let mut words = words.to_vec();
    if let (Some(letters), Some(word)) = (&letters, words.get_mut(1)) {
        *word = letters.as_str();
    }
    let arguments = tool.arguments(&words);
    // Long options may be cut short.
    let program = |name: &str| {
        matches!(name, "-I" | "-F")
            || name.len() > 4
                && [
                    "--checkpoint-action",
                    "--to-command",
                    "--use-compress-program",
                    "--rsh-command",
                    "--info-script",
                    "--new-volume-script",
                ]
                .iter()
                .any(|whole| whole.starts_with(name))
    };
    let mut runs = false;
    for (name, value) in arguments.options.iter().filter(|(name, _)| program(name)) {
        let value = value.unwrap_or_default();
        let script = match value.strip_prefix("exec=") {
            Some(script) => script,
            // `--checkpoint=1`, `--checkpoint-action=dot`
            None if name.starts_with("--ch") => continue,
            None => value,
        };
        let starts =
            script.split_whitespace().next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        if *name == "-I" && tools::meets(PACKERS, starts)
            || name.starts_with("--u") && tools::meets(PACKERS, starts)
        {
            continue;
        }
        if !runs {
            walk.act(Operation::CodeExecute, Some(85), "");
        }
        runs = true;
        let began = walk.acts.len();
        walk.script(script);
        drop_harmless(walk, began);
    }
    let archive = arguments.value("-f").or(arguments.value("--file")).unwrap_or_default();
    let folder = arguments.value("-C").or(arguments.value("--directory"));
    let named: Vec<&str> = arguments.range("2..").into_iter().filter(|word| *word != "-").collect();
    let creates = arguments.has("-c|-r|-u|-A|--create|--append|--update|--catenate|--concatenate");
    if creates && archive == "/dev/null" {
        // What is put there, nobody has.
        return walk.act(Operation::None, None, "");
    }
    if creates {
        for path in &named {
            let path = match folder.map(|folder| folder.trim_end_matches('/')) {
                Some(folder) if matches!(*path, "." | "./") => folder.to_owned(),
                Some(folder) if !path.starts_with('/') => format!("{folder}/{path}"),
                _ => (*path).to_owned(),
            };
            reads(walk, &path);
            if arguments.has("--remove-files") {
                deletes(walk, &path, false, true);
            }
        }
        for list in ["-T", "--files-from"].iter().filter_map(|option| arguments.value(option)) {
            reads(walk, list);
        }
        // `-f host:file` is kept on another machine.
        let host = archive.split_once(':').filter(|(host, _)| !host.contains('/'));
        match host {
            Some((host, _)) if !arguments.has("--force-local") => {
                walk.sends = true;
                walk.act(Operation::NetworkSend, Some(80), host);
            }
            _ if matches!(archive, "" | "-") => walk.act(Operation::None, None, ""),
            _ => writes(walk, archive),
        }
    } else if arguments.has("-t|-d|-O|--list|--diff|--compare|--to-stdout") {
        walk.act(Operation::FileRead, None, archive);
    } else {
        walk.act(Operation::FileWrite, None, archive);
    }
}
