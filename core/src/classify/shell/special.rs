//! The mechanisms that tables name: files, flows, containers, texts of programs.

use std::borrow::Cow;
use std::collections::HashSet;

use super::clients::{mongo, redis, sql};
use super::tools::{self, Arguments};
use super::walk::{Input, Walk, quote};
use super::word::Field;
use crate::model::{Act, Operation, Risk};

/// The name of what is touched: without the address of a bucket, as catalogues have it.
pub(super) fn named(resource: &str) -> &str {
    let marks = ["s3://", "gs://", "https://huggingface.co/", "https://hf.co/"];
    marks.iter().find_map(|mark| resource.strip_prefix(mark)).unwrap_or(resource)
}

/// A file is read.
pub(super) fn reads(walk: &mut Walk, path: &str) {
    let path = &*walk.at(path);
    // What has nothing in it, or nothing of anybody's.
    if matches!(path, "/dev/null" | "/dev/zero" | "/dev/urandom" | "/dev/random" | "/dev/stdin")
        // What a substitution puts out is told where it is run.
        || path.starts_with("/dev/fd/")
    {
        return walk.act(Operation::None, None, "");
    }
    match tools::kind(path) {
        Some("secret") => walk.act(Operation::SecretRead, Some(85), path),
        // Every file of a disk, whoever may read it, and all that a process holds.
        Some("disk") => walk.act(Operation::FileRead, Some(80), path),
        _ => walk.act(Operation::FileRead, None, path),
    }
}

/// What was read has left: files count as what they hold, and secrets make it worse.
pub(super) fn left(acts: &mut [Act]) {
    if acts.iter().any(|act| act.operation == Operation::SecretRead) {
        let sent = acts.iter_mut().filter(|act| act.operation == Operation::NetworkSend);
        sent.for_each(|act| act.risk = act.risk.max(Risk::new(95)));
    }
    let bulk = [Operation::DataExport, Operation::VectorExport, Operation::CollectionSnapshot];
    if acts.iter().any(|act| bulk.contains(&act.operation)) {
        let sent = acts.iter_mut().filter(|act| act.operation == Operation::NetworkSend);
        sent.for_each(|act| act.risk = act.risk.max(Risk::new(90)));
    }
    if acts.iter().any(|act| act.operation == Operation::ModelDownload) {
        let sent = acts.iter_mut().filter(|act| act.operation == Operation::NetworkSend);
        sent.for_each(|act| act.risk = act.risk.max(Risk::new(85)));
    }
    for act in acts.iter_mut().filter(|act| act.operation == Operation::FileRead) {
        let (operation, risk) = match tools::kind(&act.resource) {
            Some("model") => (Operation::ModelDownload, 85),
            Some("vectors" | "data" | "disk") => (Operation::DataExport, 90),
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
    let path = &*walk.at(path);
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

/// A path without what leads nowhere: `//`, `/./`, `/data/../`.
fn straight(path: &str) -> Cow<'_, str> {
    if !path.starts_with('/')
        || !["//", "/./", "/.."].iter().any(|part| path.contains(part)) && !path.ends_with("/.")
    {
        return Cow::Borrowed(if path.starts_with("./") && path.trim_matches(['.', '/']).is_empty() {
            "."
        } else {
            path
        });
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Cow::Owned(format!("/{}", parts.join("/")))
}

/// A file or folder is deleted.
pub(super) fn deletes(walk: &mut Walk, path: &str, dynamic: bool, whole: bool) {
    let at = straight(&walk.at(path)).into_owned();
    let path = at.trim_end_matches("/*");
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
            let whole = arguments.has("-r|-R|--re*");
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
            // What an object is called is its owner's choice; the file that goes there is what it is.
            let file = ["--file", "-f", "--source", "-s", "--body"].iter().find_map(|o| arguments.value(o));
            let word = || arguments.words.iter().rev().nth(1).map(|(_, word)| *word).unwrap_or_default();
            let source = file.unwrap_or_else(word);
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
            let to = value().or_else(|| arguments.word(2)).unwrap_or_default();
            walk.act(Operation::NetworkSend, Some(80), to);
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
                    for (name, value) in rest.iter().take(skip).filter_map(|field| field.text.split_once('='))
                    {
                        set(walk, name, value);
                    }
                    let began = walk.acts.len();
                    // Functions and aliases are the shell's, which does not look here.
                    walk.plain = true;
                    walk.deeper(|walk| walk.command(rest.get(skip..).unwrap_or_default()));
                    let contained = ["kubectl", "oc", "docker", "podman", "nerdctl", "docker-compose"];
                    if words.first().is_some_and(|name| contained.contains(name)) {
                        walk.away = true;
                        opened(walk, began);
                    }
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
        // A command where it is one that is known, else a program of somebody's own.
        "tries" => {
            let at = arguments.words.get(number(first).saturating_sub(1)).map(|(at, _)| *at);
            let command = at.and_then(|at| fields.get(at..)).unwrap_or_default();
            walk.act(Operation::CodeExecute, Some(30), arguments.word(number(first)).unwrap_or_default());
            if command.first().is_some_and(|name| tools::tool(&name.text).is_some()) {
                let began = walk.acts.len();
                walk.plain = true;
                walk.deeper(|walk| walk.command(command));
                let mut at = 0;
                walk.acts.retain(|act| {
                    at += 1;
                    at <= began || act.operation != Operation::FileRead
                });
                drop_harmless(walk, began);
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
        "sql" => sql(walk, words.first().copied().unwrap_or_default(), value().unwrap_or_default()),
        "redis" => redis(walk, arguments, if first.contains("..") { first } else { "2.." }),
        "dumpfile" => {
            if let Some(path) = value() {
                writes(walk, path);
            }
        }
        "dockerrun" => docker(walk, number(first), arguments, fields),
        "containercp" => {
            let at = first.parse().unwrap_or(3);
            let (from, to) =
                (arguments.word(at).unwrap_or_default(), arguments.word(at + 1).unwrap_or_default());
            if let Some((_, path)) = from.split_once(':') {
                let (operation, risk) = match tools::kind(path).or(tools::kind(from)) {
                    Some("vectors") => (Operation::VectorExport, 85),
                    Some("model") => (Operation::ModelDownload, 80),
                    Some("secret") => (Operation::SecretRead, 85),
                    _ => (Operation::DataExport, 85),
                };
                walk.act(operation, Some(risk), from);
                writes(walk, to);
            } else {
                reads(walk, from);
                walk.act(Operation::FileWrite, Some(60), to);
            }
        }
        "gitconfig" => configured(walk, arguments, fields, words),
        "bang" => {
            walk.act(Operation::CodeExecute, Some(80), "");
            let values = arguments.options.iter().filter(|(name, _)| places.contains(name));
            for (_, script) in values.filter_map(|(_, value)| value.and_then(|value| value.split_once('!'))) {
                walk.script(script);
            }
        }
        "mongo" => mongo(walk, arguments.value("--eval").unwrap_or_default()),
        _ => walk.unknown("unknown_tool"),
    }
}

/// `git -c setting=value`: some settings are programs, of the rest the command is what it is without them.
fn configured(walk: &mut Walk, arguments: &Arguments<'_>, fields: &[Field], words: &[&str]) {
    const PROGRAMS: &str = "core.pager|core.editor|core.sshcommand|core.fsmonitor|core.askpass|core.hookspath|\
        core.gitproxy|sequence.editor|*.external|diff.*|difftool.*|mergetool.*|merge.*.driver|pager.*|alias.*|\
        credential*helper|filter.*|gpg.*program|uploadpack.*|remote.*|protocol.*|include.path|init.templatedir";
    let settings = arguments.options.iter().filter(|(name, _)| *name == "-c").filter_map(|(_, value)| *value);
    let mut runs = false;
    for setting in settings {
        let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
        if !tools::meets(PROGRAMS, &name.to_ascii_lowercase())
            || matches!(value, "cat" | "less" | "true" | "")
        {
            continue;
        }
        if !runs {
            walk.act(Operation::CodeExecute, Some(80), "");
        }
        runs = true;
        // A shell reads it; a name alone is a folder, a file or a program of somebody's own.
        let script = value.strip_prefix('!').unwrap_or(value);
        if script.contains(' ') || script.len() < value.len() {
            walk.script(script);
        }
    }
    if !runs {
        let mut skipped = false;
        let rest = fields.iter().zip(words).filter(|(_, word)| {
            let skip = **word == "-c" || skipped;
            skipped = **word == "-c";
            !skip
        });
        let rest: Vec<Field> = rest.map(|(field, _)| field.clone()).collect();
        walk.deeper(|walk| walk.command(&rest));
    }
}

/// A command on another machine; without one, whatever comes in is sent there.
fn remote(walk: &mut Walk, script: &str, arguments: &Arguments<'_>) {
    let sent = !matches!(walk.input, Input::None);
    let began = walk.acts.len();
    walk.script(script);
    walk.away = true;
    proxy(walk, arguments);
    if sent {
        // Where it comes to lie over there is the end of the sending.
        let mut at = 0;
        walk.acts.retain(|act| {
            at += 1;
            at <= began || act.operation != Operation::FileWrite
        });
        walk.sends = true;
        walk.act(Operation::NetworkSend, Some(80), arguments.word(2).unwrap_or_default());
    }
}

pub(super) fn proxy(walk: &mut Walk, arguments: &Arguments<'_>) {
    let options = arguments.options.iter().filter(|(name, _)| *name == "-o").filter_map(|(_, value)| *value);
    for option in options.collect::<Vec<_>>() {
        let programs = ["proxycommand", "localcommand", "knownhostscommand"];
        if !programs.iter().any(|name| option.to_ascii_lowercase().starts_with(name)) {
            continue;
        }
        walk.act(Operation::CodeExecute, Some(85), "");
        besides(walk, option.split_once(['=', ' ']).map_or("", |(_, script)| script));
    }
}

/// What a program does that another one starts, besides that it runs, and that it goes over the network, which some are there for.
pub(super) fn besides(walk: &mut Walk, script: &str) {
    let began = walk.acts.len();
    walk.script(script);
    let mut at = 0;
    walk.acts.retain(|act| {
        at += 1;
        let plain = matches!(
            act.operation,
            Operation::NetworkSend
                | Operation::NetworkFetch
                | Operation::SessionControl
                | Operation::FileRead
                | Operation::Unknown
                | Operation::None
        );
        at <= began || !plain
    });
}

/// A variable is set that programs start something for, or that the shell itself runs.
pub(super) fn set(walk: &mut Walk, name: &str, value: &str) {
    const STARTED: &str = "GIT_SSH_COMMAND|GIT_SSH|GIT_EXTERNAL_DIFF|GIT_PAGER|GIT_EDITOR|GIT_SEQUENCE_EDITOR|GIT_ASKPASS|\
        GIT_PROXY_COMMAND|SSH_ASKPASS|SUDO_ASKPASS|LESSOPEN|LESSCLOSE|*PAGER|*EDITOR|VISUAL|BROWSER|PYTHONSTARTUP|LD_AUDIT|\
        LD_PRELOAD|BASH_ENV|ENV|PROMPT_COMMAND|PERL5OPT|RUBYOPT|PYTHONBREAKPOINT|RSYNC_RSH|CVS_RSH";
    const PLAIN: &str = "|cat|less|more|most|bat|vi|vim|nvim|nano|emacs|ed|true|code|head|tail|delta|ssh|rsh";
    let loads = name == "NODE_OPTIONS"
        && ["require", "import", "loader", "-r "].iter().any(|o| value.contains(o))
        || name == "JAVA_TOOL_OPTIONS" && value.contains("agent");
    let first = value.split_whitespace().next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let told = value.to_ascii_lowercase();
    let plain = tools::meets(PLAIN, first)
        && !["command=", "command ", ";", "|", "&", "`", "$(", "!"].iter().any(|mark| told.contains(mark));
    if loads || tools::meets(STARTED, name) && !plain {
        walk.act(Operation::CodeExecute, Some(80), "");
        if value.contains(' ') {
            besides(walk, value);
        }
    }
}

/// Text of a program.
pub(super) fn code(walk: &mut Walk, text: &str) {
    // Words behind which a program may do anything; without any of them it reckons and prints.
    let reaches = tools::reaches(text);
    walk.act(Operation::CodeExecute, if reaches { None } else { Some(50) }, "");
    let began = walk.acts.len();
    told(walk, text);
    // That it opens a shell is no more than that it runs.
    drop_harmless(walk, began);
}

fn told(walk: &mut Walk, text: &str) {
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
        "exec ",
        "spawn(",
        "execute(",
        "passthru(",
        "execFile(",
        "spawnSync(",
        "execvp(",
        "execv(",
        "execlp(",
        "execl(",
        "spawnlp(",
        "posix_spawn(",
    ] {
        for rest in text.split(call).skip(1) {
            let rest = rest.trim_start_matches(['(', '[', ' ']);
            let Some(mark) = rest.chars().next().filter(|c| matches!(c, '\'' | '"' | '`')) else { continue };
            let Some(inner) = rest.get(1..).and_then(|rest| rest.split(mark).next()) else { continue };
            // `run(["rm", "-rf", "/x"])`, `system("rm", "-rf", "/x")`
            let mut words = vec![quote(inner)];
            let mut after = rest.get(inner.len() + 2..).unwrap_or_default();
            while let Some(next) =
                after.trim_start().strip_prefix(',').map(|next| next.trim_start().trim_start_matches('['))
                && let Some(mark) = next.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'))
                && let Some(word) = next.get(1..).and_then(|next| next.split(mark).next())
            {
                words.push(quote(word));
                after = next.get(word.len() + 2..).unwrap_or_default();
            }
            if words.len() > 1 && !inner.contains(' ') {
                walk.script(&words.join(" "));
            } else {
                walk.script(inner);
            }
        }
    }
    // What awk reads from and writes to: `"id" | getline`, `print | "sh"`.
    for (before, after) in text.split('|').zip(text.split('|').skip(1)) {
        let before = before.trim_end().strip_suffix('"').and_then(|text| text.rsplit('"').next());
        let after = after.trim_start().strip_prefix('"').and_then(|text| text.split('"').next());
        for inner in [before, after].into_iter().flatten() {
            if inner.split_whitespace().next().is_some_and(|word| tools::tool(word).is_some()) {
                walk.script(inner);
            }
        }
    }
    // What Perl and Ruby run between back quotes.
    for inner in text.split('`').skip(1).step_by(2) {
        if inner.split_whitespace().next().is_some_and(|word| tools::tool(word).is_some()) {
            walk.script(inner);
        }
    }
}

/// A shell that somebody opens where something runs does there whatever they please.
fn opened(walk: &mut Walk, began: usize) {
    let acts = walk.acts.iter_mut().skip(began);
    for act in acts.filter(|act| act.operation == Operation::SessionControl) {
        act.operation = Operation::CodeExecute;
        act.magnitude.unit = act.operation.unit();
        act.risk = act.risk.max(Risk::new(70));
    }
}

/// Takes away what nobody would mind of the acts from `began` on.
pub(super) fn drop_harmless(walk: &mut Walk, began: usize) {
    let mut at = 0;
    walk.acts.retain(|act| {
        at += 1;
        at <= began || !matches!(act.operation, Operation::SessionControl | Operation::None)
    });
}

/// A container of the caller's making: what it may see of the host decides.
fn docker(walk: &mut Walk, image: usize, arguments: &Arguments<'_>, fields: &[Field]) {
    let mounts = arguments.options.iter().filter(|(name, _)| matches!(*name, "-v" | "--volume" | "--mount"));
    let host = mounts.filter_map(|(_, value)| *value).any(|value| {
        // `/:/host`, `type=bind,source=/,target=/host`
        let mut parts = value.split(',');
        let named = parts.find_map(|part| part.strip_prefix("source=").or(part.strip_prefix("src=")));
        let source = named.or(value.split([':', ',']).next()).unwrap_or_default();
        let source = if source.len() > 1 { source.trim_end_matches('/') } else { source };
        matches!(source, "/" | "/etc" | "/root" | "/var" | "/home" | "/var/run/docker.sock")
            || value.contains("docker.sock")
    });
    let free = arguments.has("--privileged|--cap-add")
        || host
        || arguments.options.iter().any(|(name, value)| {
            matches!(*name, "--pid" | "--network" | "--ipc" | "--userns")
                && *value == Some("host")
                && *name != "--network"
        })
        || arguments.options.iter().any(|(name, value)| match (*name, value) {
            ("--security-opt", Some(value)) => value.contains("unconfined") || value.contains("disable"),
            ("--device", Some(value)) => {
                tools::kind(value.split(':').next().unwrap_or(value)) == Some("disk")
            }
            _ => false,
        });
    let at = arguments.words.get(image.saturating_sub(1)).map(|(at, _)| *at);
    let command = at.and_then(|at| fields.get(at + 1..)).filter(|rest| !rest.is_empty());
    // What starts in the place of the image's own program, with the words behind the image.
    let entry: Vec<Field> = match arguments.value("--entrypoint").filter(|entry| !entry.is_empty()) {
        Some(entry) => {
            [Field::of(entry)].into_iter().chain(command.unwrap_or_default().iter().cloned()).collect()
        }
        None => Vec::new(),
    };
    let command = if entry.is_empty() { command } else { Some(entry.as_slice()) };
    let known = command.filter(|command| command.first().is_some_and(|f| tools::tool(&f.text).is_some()));
    if free {
        walk.act(Operation::CodeExecute, Some(95), "");
    }
    match known {
        Some(command) => {
            let before = walk.acts.len();
            walk.deeper(|walk| walk.command(command));
            if free {
                // A shell, say: it is what the first act is about.
                drop_harmless(walk, before);
            }
        }
        None if free => {}
        None => walk.act(Operation::JobRun, None, arguments.word(image).unwrap_or_default()),
    }
}
