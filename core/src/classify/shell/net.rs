//! `curl`, `wget` and their kin, and copies to other machines.

use std::str::FromStr;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::special::reads;
use super::tools;
use super::walk::{Input, Walk};
use super::word::Field;
use crate::classify::{self, Body, Outcome};
use crate::model::{Act, HttpHead, Operation, Risk};

/// What a command line of a client asks for.
#[derive(Default)]
struct Request<'a> {
    urls: Vec<&'a str>,
    method: Option<&'a str>,
    headers: Vec<&'a str>,
    body: Option<String>,
    /// Files that go into the body.
    files: Vec<&'a str>,
    sends: bool,
    /// Whether input is part of what is sent.
    input: bool,
    /// Data that the command line gives is in the address.
    told: bool,
    /// The addresses stand in a file.
    listed: bool,
    /// Settings come from a file, or the client starts something.
    configured: bool,
    /// The file that what comes is kept in, by a name of its own.
    kept: Option<&'a str>,
}

fn read<'a>(name: &str, words: &[&'a str]) -> Request<'a> {
    let mut request = Request::default();
    let mut words = words.iter().skip(1).copied();
    let wget = name == "wget";
    let options = tools::tool(if wget { name } else { "curl" });
    let mut query = false;
    while let Some(word) = words.next() {
        if !word.starts_with('-') || word == "-" {
            match (name, Method::from_str(word)) {
                ("http" | "https" | "xh", Ok(_)) if word.chars().all(|c| c.is_ascii_uppercase()) => {
                    request.method = Some(word)
                }
                _ => request.urls.push(word),
            }
            continue;
        }
        let (option, mut value) = match word.split_once('=') {
            Some((option, value)) if word.starts_with("--") => (option, Some(value)),
            _ => (word, None),
        };
        // `-XPOST`, `-d@file`, `-sd @file`
        let short = !option.starts_with("--");
        let taking: &str = if wget { "OPtTQaUeowARDIXBli" } else { "XdFTHouAebcmxwCrEKPtQUzyYD" };
        let mut letter = option.to_owned();
        if short && let Some(at) = option.get(1..).and_then(|letters| letters.find(|c| taking.contains(c))) {
            letter = format!("-{}", option.get(at + 1..at + 2).unwrap_or_default());
            value = option.get(at + 2..).filter(|rest| !rest.is_empty());
        }
        let mut next = |value: Option<&'a str>| value.or_else(|| words.next()).unwrap_or_default();
        match letter.as_str() {
            "-X" | "--request" | "--method" if !wget || option == "--method" => {
                request.method = Some(next(value))
            }
            "-d" | "--data" | "--data-binary" | "--data-raw" | "--data-ascii" | "--data-urlencode"
            | "--json" | "--post-data" | "--body-data" => {
                request.sends = true;
                let text = next(value);
                let file = match letter.as_str() {
                    "--data-raw" => None,
                    // `name@file`, where no `=` comes before.
                    "--data-urlencode" => {
                        text.split_once('@').filter(|(name, _)| !name.contains('=')).map(|(_, file)| file)
                    }
                    _ => text.strip_prefix('@'),
                };
                match file {
                    Some("-") => request.input = true,
                    Some(file) => request.files.push(file),
                    None => request.body = Some(text.to_owned()),
                }
            }
            "--form-string" => {
                request.sends = true;
                next(value);
            }
            "--url-query" => {
                let text = next(value);
                let file = text.split_once('@').filter(|(name, _)| !name.contains('='));
                request.files.extend(file.map(|(_, file)| file));
                request.sends |= file.is_some();
            }
            "-F" | "--form" if !wget => {
                request.sends = true;
                let text = next(value);
                if let Some((_, file)) = text.split_once("=@").or(text.split_once("=<")) {
                    match file.split(';').next().unwrap_or_default() {
                        "-" => request.input = true,
                        file => request.files.push(file),
                    }
                }
            }
            "-T" | "--upload-file" if !wget => {
                request.sends = true;
                request.method.get_or_insert("PUT");
                match next(value) {
                    "-" | "." => request.input = true,
                    file => request.files.push(file),
                }
            }
            "--post-file" | "--body-file" => {
                request.sends = true;
                match next(value) {
                    "-" => request.input = true,
                    file => request.files.push(file),
                }
            }
            "-I" | "--head" if !wget => request.method = Some("HEAD"),
            "-G" | "--get" if !wget => query = true,
            // Addresses that stand in a file.
            "-i" | "--input-file" if wget => {
                request.listed = true;
                next(value);
            }
            "--url" => request.urls.push(next(value)),
            // A line of the settings: which robots are told of, or a proxy, is no matter of what is asked for.
            "-e" | "--execute" if wget => {
                let setting = next(value);
                request.configured |= !tools::meets("robots*|*proxy*", setting);
            }
            "-K" | "--config" | "--use-askpass" | "--expand-data" | "--expand-url" => {
                request.configured = true;
                next(value);
            }
            "-H" | "--header" if !wget || option == "--header" => request.headers.push(next(value)),
            "-o" | "--output" if !wget => request.kept = Some(next(value)),
            "-O" | "--output-document" if wget => request.kept = Some(next(value)),
            letter if options.is_some_and(|options| options.takes(letter, None)) => {
                next(value);
            }
            _ => {}
        }
    }
    if query {
        // What would be the body is part of the address: words of the command line are no more than that.
        request.sends = request.input || !request.files.is_empty();
        request.method.get_or_insert("GET");
        request.told |= request.body.take().is_some();
    }
    request
}

/// One or more requests over HTTP.
pub(super) fn fetch(walk: &mut Walk, name: &str, fields: &[Field], words: &[&str]) {
    let mut request = read(name, words);
    if matches!(name, "http" | "https" | "xh") {
        let more: Vec<&str> = request.urls.drain(1.min(request.urls.len())..).collect();
        request.sends = more.iter().any(|word| word.contains('=') || word.contains('@'))
            || !matches!(walk.input, Input::None);
        request.input = !matches!(walk.input, Input::None);
    }
    if request.configured {
        walk.unknown("configured");
    }
    for file in &request.files {
        reads(walk, file);
    }
    let dynamic = fields.iter().any(|field| field.dynamic);
    // In the address, or in a line of the head that does not say who asks.
    let told = fields.iter().enumerate().filter(|(_, field)| field.told).any(|(at, field)| {
        let before = words.get(at.saturating_sub(1)).copied().unwrap_or_default();
        let own = ["authorization", "key", "token", "auth"]
            .iter()
            .any(|word| field.text.to_ascii_lowercase().contains(word));
        let line = |word: &str| {
            matches!(word, "-H" | "--header" | "-A" | "--user-agent" | "-b" | "--cookie" | "-e" | "--referer")
        };
        let joined = ["-H", "--header=", "--user-agent=", "--referer="]
            .iter()
            .any(|start| field.text.starts_with(start));
        request.told || field.text.contains("://") || (line(before) || joined) && !own
    });
    let remote = |word: &&str| *word == "--remote-name" || !word.starts_with("--") && word.ends_with('O');
    let keeps = name == "wget" || words.iter().filter(|word| word.starts_with('-')).any(remote);
    for url in &request.urls {
        one(walk, &request, url, dynamic, told);
        // Without another name the file has that of its address.
        let last = url.split(['?', '#']).next().and_then(|url| url.rsplit('/').next()).filter(|_| keeps);
        walk.fetched.extend(request.kept.or(last).map(|file| file.trim_start_matches("./").to_owned()));
    }
    if request.listed {
        walk.act(Operation::NetworkFetch, None, "");
    } else if request.urls.is_empty() {
        walk.act(if request.configured { Operation::NetworkSend } else { Operation::None }, None, "");
    }
    // What a file or another command gave is on its way, wherever that is.
    walk.sends = told || request.sends && (request.input || !request.files.is_empty());
}

/// One request; `told` where its address holds what commands put out.
fn one(walk: &mut Walk, request: &Request<'_>, url: &str, dynamic: bool, told: bool) {
    if !walk.spend(url.len() + request.body.as_ref().map_or(0, String::len)) {
        return;
    }
    let address = url.split_once("://").map_or(url, |(_, rest)| rest);
    if url.starts_with("file://") {
        return reads(walk, address);
    }
    let end = address.find(['/', '?', '#']).unwrap_or(address.len());
    let host = address.get(..end).unwrap_or_default().rsplit('@').next().unwrap_or_default();
    let target = address.get(end..).filter(|target| target.starts_with('/')).unwrap_or("/");
    let target = target.split('#').next().unwrap_or("/");
    let carries = request.input || !request.files.is_empty();
    let method = request.method.unwrap_or(if request.sends { "POST" } else { "GET" });
    let known = tools::system(host).and_then(|name| asked(name, method, host, target, request));
    match known {
        Some(acts) => {
            let reads_only = matches!(method, "GET" | "HEAD");
            let unknown = acts.iter().all(|act| act.operation == Operation::Unknown);
            if unknown && reads_only {
                walk.act(Operation::NetworkFetch, None, host);
            } else {
                walk.acts.extend(acts);
            }
            if carries && request.files.iter().any(|file| tools::kind(file) == Some("secret")) {
                walk.act(Operation::NetworkSend, Some(90), host);
            }
        }
        None if carries => walk.act(Operation::NetworkSend, Some(90), host),
        None if told => walk.act(Operation::NetworkSend, Some(80), host),
        None if request.sends || !matches!(method, "GET" | "HEAD" | "OPTIONS") => {
            walk.act(Operation::NetworkSend, Some(if dynamic { 80 } else { 70 }), host);
        }
        // An address made of what only the run knows may carry anything out.
        None if dynamic && target.len() > 1 => walk.act(Operation::NetworkFetch, Some(45), host),
        None => {
            let meta = host.starts_with("169.254.169.254") || host.starts_with("metadata.google");
            if meta {
                return walk.act(Operation::SecretRead, Some(90), host);
            }
            walk.act(Operation::NetworkFetch, None, host);
        }
    }
}

/// What the catalogue says.
fn asked(name: &str, method: &str, host: &str, target: &str, request: &Request<'_>) -> Option<Vec<Act>> {
    let system = classify::system(name)?;
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers.iter().filter_map(|line| line.split_once(':')) {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_str(name.trim()), HeaderValue::from_str(value.trim()))
        {
            headers.append(name, value);
        }
    }
    let body = request.body.clone().unwrap_or_default();
    if !body.is_empty() {
        headers.insert("content-length", HeaderValue::from(body.len()));
    }
    let head = HttpHead {
        method: Method::from_str(method).ok()?,
        target: target.to_owned(),
        host: host.to_owned(),
        headers,
    };
    let unread = request.input || !request.files.is_empty();
    let done = match classify::http(system, &head, "") {
        Outcome::Done(done) => done,
        Outcome::NeedBody(pending) => {
            pending.finish(if unread { Body::TooLarge } else { Body::Whole(body.as_bytes()) }).ok()?
        }
        Outcome::Refused(_) => return None,
    };
    Some(done.acts)
}

/// Copies between machines: towards another one, files leave.
pub(super) fn copy(walk: &mut Walk, name: &str, words: &[&str]) {
    let Some(tool) = tools::tool(name) else { return };
    let arguments = tool.arguments(words);
    // What goes between the machines instead of `ssh`, and what is started at the other end.
    let own = |option: &str, value: &str| {
        let first =
            value.split_whitespace().next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        match option {
            "-e" | "--rsh" | "-S" => {
                !matches!(first, "" | "ssh" | "rsh") || value.to_ascii_lowercase().contains("command=")
            }
            "--rsync-path" => value.contains([';', '|', '&', '`', '$']),
            _ => false,
        }
    };
    if arguments.options.iter().any(|(option, value)| own(option, value.unwrap_or_default())) {
        walk.act(Operation::CodeExecute, Some(85), "");
    }
    super::special::proxy(walk, &arguments);
    let remote = |word: &str| {
        let mark = word.find(':');
        mark.is_some_and(|at| !word.get(..at).unwrap_or_default().contains('/'))
            || word.starts_with("rsync://")
    };
    let paths = arguments.range("2..");
    if arguments.has("--daemon") {
        return walk.act(Operation::NetworkSend, None, "");
    }
    let Some((to, from)) = paths.split_last() else { return walk.act(Operation::None, None, "") };
    let told = arguments.has("-b") || !matches!(walk.input, Input::None);
    if name == "sftp" && told {
        return session(walk, arguments.has("-b"), to);
    }
    let alone = from.is_empty();
    if alone && !(remote(to) && tools::kind(to).is_some()) {
        return walk.act(Operation::NetworkFetch, None, to);
    }
    let from = if alone { std::slice::from_ref(to) } else { from };
    let path = |word: &str| word.split_once(':').map_or(word.to_owned(), |(_, path)| path.to_owned());
    if remote(to) && !alone {
        for file in from {
            if remote(file) {
                // From one machine to another one, by way of this.
                fetched(walk, &path(file), file);
            } else {
                reads(walk, file);
            }
        }
        walk.sends = true;
        walk.act(
            Operation::NetworkSend,
            Some(if tools::kind(from.first().copied().unwrap_or_default()).is_some() { 85 } else { 70 }),
            to,
        );
        if arguments.has("--delete*") {
            walk.act(Operation::FileDelete, Some(75), to);
        }
        if arguments.has("--remove-source-files") {
            walk.act(Operation::FileDelete, Some(75), from.first().copied().unwrap_or_default());
        }
        return;
    }
    for file in from {
        if remote(file) {
            fetched(walk, &path(file), file);
        } else {
            reads(walk, file);
        }
    }
    if !from.iter().any(|file| remote(file)) {
        super::special::writes(walk, to);
        if arguments.has("--delete*|--remove-source-files") {
            walk.act(Operation::FileDelete, Some(70), to);
        }
    }
}

/// A file of another machine comes.
fn fetched(walk: &mut Walk, path: &str, told: &str) {
    let (operation, risk) = match tools::kind(path) {
        Some("secret") => (Operation::SecretRead, 85),
        Some("model") => (Operation::ModelDownload, 75),
        Some("vectors" | "data") => (Operation::DataExport, 80),
        _ => (Operation::NetworkFetch, 40),
    };
    let mut act = Act::new(operation, told);
    act.risk = Risk::new(risk);
    walk.acts.push(act);
}

/// What `sftp` is told to do, line by line; of what cannot be seen here it may be that files go.
fn session(walk: &mut Walk, batch: bool, host: &str) {
    let Input::Text(text) = walk.input.clone() else {
        return walk.act(Operation::NetworkSend, None, host);
    };
    if batch {
        return walk.act(Operation::NetworkSend, None, host);
    }
    let before = walk.acts.len();
    for line in text.lines() {
        let line = line.trim().trim_start_matches('-');
        if line.starts_with('!') {
            walk.act(Operation::CodeExecute, None, "");
            continue;
        }
        let mut words = line.split_whitespace();
        let verb = words.next().unwrap_or_default();
        let file = words.find(|word| !word.starts_with('-'));
        match (verb, file) {
            ("put" | "mput" | "reput", Some(file)) => {
                reads(walk, file);
                walk.sends = true;
                let risk = if tools::kind(file).is_some() { 85 } else { 70 };
                walk.act(Operation::NetworkSend, Some(risk), host);
            }
            ("get" | "mget" | "reget", Some(file)) => fetched(walk, file, file),
            ("rm" | "rmdir", Some(file)) => walk.act(Operation::DataDelete, None, file),
            _ => {}
        }
    }
    if walk.acts.len() == before {
        walk.act(Operation::NetworkFetch, None, host);
    }
}
