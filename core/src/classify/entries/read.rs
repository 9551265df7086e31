//! One system's YAML files, read and checked. The format is told in `data/catalogue/README.md`.

use std::collections::BTreeMap;

use super::entry::{Census, Entry, MESSAGE, Source, census, entry, sources};
use super::messages::{self, Message, message};
use super::node::{Fault, Faults, Node, Place, with_root};
use super::refusals::{Refusals, refusals};

/// The words that a file may use: names of operations, units and dialects.
pub(crate) struct Words {
    pub(crate) operations: Vec<String>,
    pub(crate) units: Vec<String>,
    pub(crate) dialects: Vec<String>,
}

/// One system: a file, and those of the folder of its name.
#[derive(Default)]
pub(crate) struct System {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) source: String,
    pub(crate) commit: String,
    pub(crate) trailing_slash: bool,
    pub(crate) protobuf: bool,
    pub(crate) any_case: bool,
    pub(crate) quoted: bool,
    pub(crate) prefixes: Vec<(String, String)>,
    pub(crate) lists: bool,
    pub(crate) encoded_slashes: bool,
    pub(crate) get_bodies: bool,
    pub(crate) action_header: Option<String>,
    /// The dialect of the statements that it takes.
    pub(crate) statements: Option<String>,
    /// Whether it takes what a shell takes.
    pub(crate) shell: bool,
    /// How its clients are told of refusals.
    pub(crate) refusals: Vec<Refusals>,
    /// What else than entries its files say, by file: it is about all of the system.
    pub(crate) settings: Vec<(usize, String, Place)>,
    /// The names of its files.
    pub(crate) files: Vec<String>,
    /// Kinds of body that several entries name.
    pub(crate) bodies: BTreeMap<String, Census>,
    /// Kinds of message that its bodies of gRPC are.
    pub(crate) messages: Vec<Message>,
    pub(crate) entries: Vec<Entry>,
}

/// Reads the files of one system, each with its name, or says all that is wrong with them.
pub(crate) fn system(files: &[(String, String)], words: &Words) -> Result<System, Vec<Fault>> {
    let mut faults = Faults::new("");
    let mut system = System::default();
    let mut default_resource = Vec::new();
    for (number, (file, text)) in files.iter().enumerate() {
        faults.in_file(file);
        with_root(text, &mut faults, |root, faults| {
            let known = system.entries.len();
            read_file((number, root), &mut system, &mut default_resource, faults, words);
            let written = |line: usize| text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
            for entry in system.entries.iter_mut().skip(known) {
                entry.file = number;
                for rule in &mut entry.when {
                    rule.text = written(rule.line).trim().trim_start_matches("- ").to_owned();
                }
            }
        });
    }
    system.files = files.iter().map(|(file, _)| file.clone()).collect();
    let names: Vec<&str> = files.iter().map(|(file, _)| file.as_str()).collect();
    finish(&mut system, &names, &default_resource, &mut faults);
    if faults.is_empty() { Ok(system) } else { Err(faults.into_found()) }
}

fn read_file(
    (number, root): (usize, Node<'_, '_>),
    system: &mut System,
    default_resource: &mut Vec<Source>,
    faults: &mut Faults<'_>,
    words: &Words,
) {
    for (key, at, value) in members(root, faults) {
        if !["system", "title", "spec", "defaults", "bodies", "messages", "operations"]
            .contains(&key.as_str())
        {
            system.settings.push((number, key.clone(), at));
        }
        match key.as_str() {
            "system" => system.name = text(value, faults),
            "title" => system.title = text(value, faults),
            "spec" => {
                for (key, at, value) in members(value, faults) {
                    match key.as_str() {
                        "source" => system.source = text(value, faults),
                        "commit" => system.commit = text(value, faults),
                        _ => faults.at(at, format!("unknown key {key:?} in spec")),
                    }
                }
            }
            "trailing_slash" => match text(value, faults).as_str() {
                "same" => system.trailing_slash = true,
                "other" => {}
                _ => faults.at(at, "trailing_slash is same or other"),
            },
            "body" => match text(value, faults).as_str() {
                "protobuf_json" => system.protobuf = true,
                "json_any_case" => system.any_case = true,
                "json_quoted" => system.quoted = true,
                "json" => {}
                _ => faults.at(at, "body is json, json_any_case, json_quoted or protobuf_json"),
            },
            "prefixes" => {
                for (from, _, to) in members(value, faults) {
                    system.prefixes.push((from, text(to, faults)));
                }
            }
            "defaults" => {
                for (key, at, value) in members(value, faults) {
                    match key.as_str() {
                        "resource" => *default_resource = sources(value, faults),
                        _ => faults.at(at, format!("unknown key {key:?} in defaults")),
                    }
                }
            }
            "bodies" => {
                for (name, _, value) in members(value, faults) {
                    let body = census(value, &system.bodies, faults);
                    system.bodies.insert(name, body);
                }
            }
            "messages" => {
                for one in members(value, faults) {
                    system.messages.push(message(one, number, faults));
                }
            }
            "names" => match text(value, faults).as_str() {
                "lists" => system.lists = true,
                "plain" => {}
                _ => faults.at(at, "names is plain or lists"),
            },
            "encoded_slashes" => match text(value, faults).as_str() {
                "names" => system.encoded_slashes = true,
                "refused" => {}
                _ => faults.at(at, "encoded_slashes is refused or names"),
            },
            "get_bodies" => match text(value, faults).as_str() {
                "known" => system.get_bodies = true,
                "unknown" => {}
                _ => faults.at(at, "get_bodies is unknown or known"),
            },
            "statements" => system.statements = known(&words.dialects, value, faults, "no such dialect"),
            "commands" => match text(value, faults).as_str() {
                "shell" => system.shell = true,
                _ => faults.at(at, "commands is shell; a server's own are entries, `CMD NAME`"),
            },
            "refusals" => system.refusals = refusals(value, faults),
            "action_header" => system.action_header = Some(text(value, faults).to_ascii_lowercase()),
            "operations" => {
                for node in list(value, faults) {
                    system.entries.push(entry(node, &system.bodies, faults, words));
                }
            }
            _ => faults.at(at, format!("unknown key {key:?}")),
        }
    }
}

/// What needs the whole system: default resources, entries said twice, entries that others name.
fn finish<'f>(system: &mut System, files: &[&'f str], default_resource: &[Source], faults: &mut Faults<'f>) {
    let file = |at: usize| files.get(at).copied().unwrap_or_default();
    faults.in_file(file(0));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    if !system.name.starts_with(|c: char| c.is_ascii_lowercase()) || !system.name.chars().all(plain) {
        faults.at(Place::default(), "system is missing, or no name of small letters, digits, _ and -");
    }
    if system.entries.is_empty() && system.statements.is_none() && !system.shell {
        faults.at(Place::default(), "it takes nothing: name its operations, statements or commands");
    }
    messages::check(&system.messages, files, faults);
    let mut seen: BTreeMap<String, Place> = BTreeMap::new();
    for entry in &mut system.entries {
        faults.in_file(file(entry.file));
        let in_route = |source: &Source| match source {
            Source::Path(name) => params(&entry.route).contains(name),
            _ => true,
        };
        match &entry.resource {
            None if matches!(entry.method.as_str(), "RPC" | "CMD") => entry.resource = Some(Vec::new()),
            None => {
                let first = default_resource.iter().find_map(|source| match source {
                    Source::Path(name) if name.is_empty() => {
                        params(&entry.route).into_iter().next().map(Source::Path)
                    }
                    source => in_route(source).then(|| source.clone()),
                });
                entry.resource = Some(first.into_iter().collect());
            }
            Some(given) => {
                for source in given.iter().filter(|s| !in_route(s)) {
                    faults.at(entry.place, format!("the route has no {source:?}"));
                }
            }
        }
        if let Some(before) = seen.insert(format!("{} {}", entry.method, entry.route), entry.place) {
            faults.at(entry.place, format!("said before, on line {}", before.line));
        }
    }
    for entry in &system.entries {
        faults.in_file(file(entry.file));
        let named =
            [&entry.request, &entry.response].into_iter().flatten().filter_map(|census| census.get(MESSAGE));
        for name in named.flatten().filter(|name| !system.messages.iter().any(|known| known.name == **name)) {
            faults.at(entry.place, format!("messages has no {name:?}"));
        }
        for (member, target) in &entry.members {
            let found = system.entries.iter().find(|e| format!("{} {}", e.method, e.route) == *target);
            match found {
                None => faults.at(entry.place, format!("as.{member} names no entry")),
                Some(t) if t.each.is_some() => faults.at(entry.place, format!("as.{member} names a batch")),
                Some(_) => {}
            }
        }
    }
}

/// The names of a route's parameters: `b` for `{b}`, `{*b}`, `{b..2}` and `{b}:verb`.
pub(crate) fn params(route: &str) -> Vec<String> {
    let inner = |part: &str| {
        let (name, _) = part.split_once('}')?;
        let name = name.split_once("..").map_or(name, |(name, _)| name);
        Some(name.trim_start_matches('*').to_owned())
    };
    route.split('{').skip(1).filter_map(inner).collect()
}

/// What the query of a route names: `uploads` for `/{b}?uploads`, `select` for `/{b}?select&select-type=2`.
pub(crate) fn action(route: &str) -> Option<&str> {
    route.split_once('?').and_then(|(_, query)| query.split(['&', '=']).next())
}

/// A text that is one of these.
pub(super) fn known(
    words: &[String],
    node: Node<'_, '_>,
    faults: &mut Faults<'_>,
    missing: &str,
) -> Option<String> {
    let given = text(node, faults);
    let found = words.contains(&given);
    if !found {
        faults.at(node.place(), missing);
    }
    found.then_some(given)
}

pub(super) fn number(node: Node<'_, '_>, faults: &mut Faults<'_>) -> u64 {
    node.number().unwrap_or_else(|| {
        faults.at(node.place(), "expected a whole number");
        0
    })
}

pub(super) fn text(node: Node<'_, '_>, faults: &mut Faults<'_>) -> String {
    node.text().unwrap_or_else(|| {
        faults.at(node.place(), "expected a text");
        String::new()
    })
}

pub(super) fn list<'n, 'y>(node: Node<'n, 'y>, faults: &mut Faults<'_>) -> Vec<Node<'n, 'y>> {
    node.list().unwrap_or_else(|| {
        faults.at(node.place(), "expected a list");
        Vec::new()
    })
}

pub(super) fn members<'n, 'y>(
    node: Node<'n, 'y>,
    faults: &mut Faults<'_>,
) -> Vec<(String, Place, Node<'n, 'y>)> {
    node.members().unwrap_or_else(|| {
        faults.at(node.place(), "expected a mapping");
        Vec::new()
    })
}
