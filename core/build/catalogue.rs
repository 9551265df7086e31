//! One system's YAML files, read and checked. The format is told in `data/catalogue/README.md`.

use std::collections::BTreeMap;

use crate::node::{Faults, Node, with_root};

/// The words that a file may use: names of operations, units and dialects with the Rust variants that stand for them.
pub(crate) struct Words {
    operations: BTreeMap<String, String>,
    units: BTreeMap<String, String>,
    dialects: BTreeMap<String, String>,
}

impl Words {
    /// Reads them off the declarations, lines such as `VectorExport: "vector.export", 85, ...`.
    pub(crate) fn of(operations: &str, units: &str, dialects: &str) -> Self {
        let table = |source: &str| {
            let declared = source.lines().filter_map(|line| {
                let (variant, rest) = line.strip_prefix("    ")?.split_once(": \"")?;
                let (name, _) = rest.split_once('"')?;
                let plain = !variant.is_empty() && variant.chars().all(char::is_alphanumeric);
                plain.then(|| (name.to_owned(), variant.to_owned()))
            });
            declared.collect()
        };
        Self { operations: table(operations), units: table(units), dialects: table(dialects) }
    }

    /// The variant of a dialect.
    pub(crate) fn dialect(&self, name: &str) -> Option<&str> {
        self.dialects.get(name).map(String::as_str)
    }

    /// The variant of an operation.
    pub(crate) fn operation(&self, name: &str) -> Option<&str> {
        self.operations.get(name).map(String::as_str)
    }

    /// The variant of a unit.
    pub(crate) fn unit(&self, name: &str) -> Option<&str> {
        self.units.get(name).map(String::as_str)
    }
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
    pub(crate) prefixes: Vec<(String, String)>,
    pub(crate) lists: bool,
    pub(crate) encoded_slashes: bool,
    pub(crate) get_bodies: bool,
    pub(crate) action_header: Option<String>,
    /// The dialect of the statements that it takes.
    pub(crate) statements: Option<String>,
    /// Whether it takes what a shell takes.
    pub(crate) shell: bool,
    /// The names of its files.
    pub(crate) files: Vec<String>,
    /// Kinds of body that several entries name.
    pub(crate) bodies: BTreeMap<String, Census>,
    pub(crate) entries: Vec<Entry>,
}

/// One operation.
#[derive(Default)]
pub(crate) struct Entry {
    pub(crate) file: usize,
    pub(crate) line: usize,
    pub(crate) method: String,
    pub(crate) route: String,
    pub(crate) operation: String,
    pub(crate) risk: Option<u64>,
    pub(crate) resource: Option<Vec<Source>>,
    pub(crate) amount: Amount,
    pub(crate) unit: Option<String>,
    pub(crate) each: Option<String>,
    pub(crate) lines: Option<Lines>,
    pub(crate) graphql: Option<String>,
    pub(crate) stream: bool,
    /// The numbers of a gRPC method's fields, `points.filter` by its own within `points`.
    pub(crate) message: Vec<(String, u64)>,
    pub(crate) members: Vec<(String, String)>,
    pub(crate) when: Vec<Rule>,
    pub(crate) response: Option<Census>,
    pub(crate) request: Option<Census>,
    pub(crate) why: Option<String>,
}

/// Where a value is read.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Source {
    Body(String),
    Query(String),
    Path(String),
    Header(String),
    Argument(u64),
    Arguments(u64, u64, u64),
    Counted(u64),
    Behind(String, u64),
    Word(String, u64),
    All,
}

/// How a body of several lines is taken apart.
pub(crate) enum Lines {
    Each,
    Pairs,
    Documents { alone: Vec<String> },
}

/// How an entry's magnitude is found.
#[derive(Default)]
pub(crate) enum Amount {
    #[default]
    One,
    Fixed(u64),
    Unbounded,
    Number {
        of: Vec<Source>,
        default: Option<u64>,
        times: Option<Factor>,
        within: Option<Source>,
    },
    Count(Vec<Source>),
    Texts(Source),
}

/// What a number is multiplied by.
pub(crate) enum Factor {
    Number(Source, u64),
    Count(Source),
}

/// One line of `when`.
pub(crate) struct Rule {
    pub(crate) line: usize,
    /// The line as it was written.
    pub(crate) text: String,
    pub(crate) tests: Vec<(Source, Is)>,
    pub(crate) at_least: Option<u64>,
    pub(crate) then: Option<String>,
    pub(crate) risk: Option<u64>,
    pub(crate) unbounded: bool,
}

/// What a value must be.
#[derive(Clone)]
pub(crate) enum Is {
    Present,
    Absent,
    Empty,
    Truthy,
    Starts(Vec<String>),
    Ends(Vec<String>),
    Contains(Vec<String>),
}

/// Where a body carries vectors, texts, rows and ids: the paths of each role.
pub(crate) type Census = BTreeMap<&'static str, Vec<String>>;

/// What a census counts: the members of `Paths` in `src/vector/mod.rs`.
pub(crate) const ROLES: [&str; 11] = [
    "vectors",
    "named",
    "encoded",
    "copies",
    "columns",
    "tensors",
    "queries",
    "texts",
    "rows",
    "ids",
    "positions",
];

/// Reads the files of one system, each with its name, or says all that is wrong with them.
pub(crate) fn system(files: &[(String, String)], words: &Words) -> Result<System, Vec<String>> {
    let mut faults = Faults::new("");
    let mut system = System::default();
    let mut default_resource = Vec::new();
    for (number, (file, text)) in files.iter().enumerate() {
        faults.in_file(file);
        with_root(text, &mut faults, |root, faults| {
            let known = system.entries.len();
            read_file(root, &mut system, &mut default_resource, faults, words);
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
    root: Node<'_, '_>,
    system: &mut System,
    default_resource: &mut Vec<Source>,
    faults: &mut Faults<'_>,
    words: &Words,
) {
    for (key, line, value) in members(root, faults) {
        match key.as_str() {
            "system" => system.name = text(value, faults),
            "title" => system.title = text(value, faults),
            "spec" => {
                for (key, line, value) in members(value, faults) {
                    match key.as_str() {
                        "source" => system.source = text(value, faults),
                        "commit" => system.commit = text(value, faults),
                        _ => faults.at(line, format!("unknown key {key:?} in spec")),
                    }
                }
            }
            "trailing_slash" => match text(value, faults).as_str() {
                "same" => system.trailing_slash = true,
                "other" => {}
                _ => faults.at(line, "trailing_slash is same or other"),
            },
            "body" => match text(value, faults).as_str() {
                "protobuf_json" => system.protobuf = true,
                "json_any_case" => system.any_case = true,
                "json" => {}
                _ => faults.at(line, "body is json, json_any_case or protobuf_json"),
            },
            "prefixes" => {
                for (from, _, to) in members(value, faults) {
                    system.prefixes.push((from, text(to, faults)));
                }
            }
            "defaults" => {
                for (key, line, value) in members(value, faults) {
                    match key.as_str() {
                        "resource" => *default_resource = sources(value, faults),
                        _ => faults.at(line, format!("unknown key {key:?} in defaults")),
                    }
                }
            }
            "bodies" => {
                for (name, _, value) in members(value, faults) {
                    let body = census(value, &system.bodies, faults);
                    system.bodies.insert(name, body);
                }
            }
            "names" => match text(value, faults).as_str() {
                "lists" => system.lists = true,
                "plain" => {}
                _ => faults.at(line, "names is plain or lists"),
            },
            "encoded_slashes" => match text(value, faults).as_str() {
                "names" => system.encoded_slashes = true,
                "refused" => {}
                _ => faults.at(line, "encoded_slashes is refused or names"),
            },
            "get_bodies" => match text(value, faults).as_str() {
                "known" => system.get_bodies = true,
                "unknown" => {}
                _ => faults.at(line, "get_bodies is unknown or known"),
            },
            "statements" => match words.dialect(&text(value, faults)) {
                Some(variant) => system.statements = Some(variant.to_owned()),
                None => faults.at(line, "no such dialect"),
            },
            "commands" => match text(value, faults).as_str() {
                "shell" => system.shell = true,
                _ => faults.at(line, "commands is shell; a server's own are entries, `CMD NAME`"),
            },
            "action_header" => system.action_header = Some(text(value, faults).to_ascii_lowercase()),
            "operations" => {
                for node in list(value, faults) {
                    system.entries.push(read_entry(node, &system.bodies, faults, words));
                }
            }
            _ => faults.at(line, format!("unknown key {key:?}")),
        }
    }
}

/// What needs the whole system: default resources, entries said twice, entries that others name.
fn finish<'f>(system: &mut System, files: &[&'f str], default_resource: &[Source], faults: &mut Faults<'f>) {
    let file = |at: usize| files.get(at).copied().unwrap_or_default();
    faults.in_file(file(0));
    let entries = !system.entries.is_empty();
    for (what, given, needed) in [
        ("system", &system.name, true),
        ("title", &system.title, true),
        ("spec.source", &system.source, entries),
    ] {
        if given.is_empty() && needed {
            faults.at(1, format!("{what} is missing"));
        }
    }
    if !entries && system.statements.is_none() && !system.shell {
        faults.at(1, "it takes nothing: name its operations, statements or commands");
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
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
                    faults.at(entry.line, format!("the route has no {source:?}"));
                }
            }
        }
        if let Some(line) = seen.insert(format!("{} {}", entry.method, entry.route), entry.line) {
            faults.at(entry.line, format!("said before, on line {line}"));
        }
    }
    for entry in &system.entries {
        faults.in_file(file(entry.file));
        for (member, target) in &entry.members {
            let found = system.entries.iter().find(|e| format!("{} {}", e.method, e.route) == *target);
            match found {
                None => faults.at(entry.line, format!("as.{member} names no entry")),
                Some(t) if t.each.is_some() => faults.at(entry.line, format!("as.{member} names a batch")),
                Some(_) => {}
            }
        }
    }
}

fn read_entry(
    node: Node<'_, '_>,
    bodies: &BTreeMap<String, Census>,
    faults: &mut Faults<'_>,
    words: &Words,
) -> Entry {
    let mut entry = Entry { line: node.line(), ..Entry::default() };
    for (position, (key, line, value)) in members(node, faults).into_iter().enumerate() {
        match (position, key.as_str()) {
            (0, call) => {
                match call.split_once(' ') {
                    Some((m @ "RPC", r)) if r.starts_with('/') => {
                        (entry.method, entry.route) = (m.to_owned(), r.to_owned());
                    }
                    Some((m @ "CMD", r)) if r == r.to_ascii_uppercase() => {
                        (entry.method, entry.route) = (m.to_owned(), r.to_owned());
                    }
                    Some((m, r))
                        if ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].contains(&m)
                            && r.starts_with('/') =>
                    {
                        (entry.method, entry.route) = (m.to_owned(), r.to_owned());
                    }
                    _ => faults.at(
                        line,
                        "an entry begins with `METHOD /path: operation`, `RPC /service/method` or `CMD NAME`",
                    ),
                }
                entry.operation = operation(value, faults, words);
            }
            (_, "risk") => entry.risk = risk(value, faults),
            (_, "resource") => entry.resource = Some(sources(value, faults)),
            (_, "magnitude") => (entry.amount, entry.unit) = amount(value, faults, words),
            (_, "each") => entry.each = Some(text(value, faults)),
            (_, "lines") => entry.lines = lines(value, faults),
            (_, "graphql") => entry.graphql = Some(text(value, faults)),
            (_, "stream") => entry.stream = text(value, faults) == "true",
            (_, "message") => {
                for (name, _, value) in members(value, faults) {
                    entry.message.push((name, number(value, faults)));
                }
            }
            (_, "as") => {
                for (member, _, target) in members(value, faults) {
                    entry.members.push((member, text(target, faults)));
                }
            }
            (_, "when") => {
                for node in list(value, faults) {
                    let rule = rule(node, faults, words);
                    entry.when.push(rule);
                }
            }
            (_, "census") => {
                for (key, line, value) in members(value, faults) {
                    match key.as_str() {
                        "response" => entry.response = Some(census(value, bodies, faults)),
                        "request" => entry.request = Some(census(value, bodies, faults)),
                        _ => faults.at(line, format!("unknown key {key:?} in census")),
                    }
                }
            }
            (_, "why") => entry.why = Some(text(value, faults)),
            _ => faults.at(line, format!("unknown key {key:?} in an entry")),
        }
    }
    if !entry.members.is_empty() && entry.each.is_none() {
        faults.at(entry.line, "as needs each");
    }
    if entry.lines.is_some() && entry.each.is_some() {
        faults.at(entry.line, "lines and each exclude each other");
    }
    if !entry.message.is_empty() && entry.method != "RPC" {
        faults.at(entry.line, "message is for RPC");
    }
    if entry.graphql.is_some() && entry.graphql != entry.each {
        faults
            .at(entry.line, "graphql is a text whose selections are judged one by one: name it in each, too");
    }
    entry
}

fn amount(node: Node<'_, '_>, faults: &mut Faults<'_>, words: &Words) -> (Amount, Option<String>) {
    if node.text().is_some() {
        if text(node, faults) != "unbounded" {
            faults.at(node.line(), "magnitude is unbounded, or a mapping");
        }
        return (Amount::Unbounded, None);
    }
    let (mut found, mut unit, mut default, mut times, mut within) = (None, None, None, None, None);
    let mut numbers = Vec::new();
    for (key, line, value) in members(node, faults) {
        match key.as_str() {
            "field" => numbers.push(Source::Body(text(value, faults))),
            "query" => numbers.push(Source::Query(text(value, faults))),
            "arg" | "word" => numbers.push(place(format!("{key}.{}", text(value, faults)))),
            "count" => {
                let of = value.texts().unwrap_or_default().into_iter().map(place).collect();
                found = Some(Amount::Count(of));
            }
            "texts" => found = Some(Amount::Texts(Source::Body(text(value, faults)))),
            "fixed" => found = Some(Amount::Fixed(number(value, faults))),
            "default" => default = Some(number(value, faults)),
            "times" => times = Some(factor(value, faults)),
            "within" => within = Some(place(text(value, faults))),
            "unit" => match words.unit(&text(value, faults)) {
                Some(variant) => unit = Some(variant.to_owned()),
                None => faults.at(line, "no such unit"),
            },
            _ => faults.at(line, format!("unknown key {key:?} in magnitude")),
        }
    }
    let amount = match found {
        None if !numbers.is_empty() => Amount::Number { of: numbers, default, times, within },
        Some(_) if !numbers.is_empty() => {
            faults.at(node.line(), "field, query, arg and word are numbers, and go with no other magnitude");
            Amount::One
        }
        other if default.is_some() || times.is_some() || within.is_some() => {
            faults.at(node.line(), "default, times and within go with field, query, arg or word");
            other.unwrap_or_default()
        }
        Some(other) => other,
        None => Amount::One,
    };
    (amount, unit)
}

fn factor(node: Node<'_, '_>, faults: &mut Faults<'_>) -> Factor {
    let (mut of, mut default) = (None, 1);
    for (key, line, value) in members(node, faults) {
        match key.as_str() {
            "field" => of = Some(Source::Body(text(value, faults))),
            "query" => of = Some(Source::Query(text(value, faults))),
            "count" => return Factor::Count(Source::Body(text(value, faults))),
            "default" => default = number(value, faults),
            _ => faults.at(line, format!("unknown key {key:?} in times")),
        }
    }
    let of = of.unwrap_or_else(|| {
        faults.at(node.line(), "times needs field, query or count");
        Source::Body(String::new())
    });
    Factor::Number(of, default)
}

/// `query.name` is a parameter of the query; of a command `arg.2` is an argument, `args.2` all from there, `args.2/2` every
/// second of them, `args.2..1` all but the last, `counted.2` as many behind it as it says, `word.LIMIT` a word,
/// `word.LIMIT+1` what stands behind it, `behind.KEYS` all that does, `behind.KEYS/2` the first half; anything else is a
/// field of the body.
fn place(place: String) -> Source {
    let two = |text: &str, mark: &str| {
        let (first, second) = text.split_once(mark)?;
        Some((first.to_owned(), second.parse().ok()?))
    };
    match place.split_once('.') {
        Some(("query", name)) => Source::Query(name.to_owned()),
        Some(("arg", number)) if number.parse::<u64>().is_ok() => {
            Source::Argument(number.parse().unwrap_or(1))
        }
        Some(("args", range)) => {
            let (range, omitted) = two(range, "..").unwrap_or_else(|| (range.to_owned(), 0));
            let (from, step) = two(&range, "/").unwrap_or((range, 1));
            Source::Arguments(from.parse().unwrap_or(1), step, omitted)
        }
        Some(("word", word)) => {
            let (word, behind) = two(word, "+").unwrap_or_else(|| (word.to_owned(), 0));
            Source::Word(word, behind)
        }
        Some(("counted", number)) => Source::Counted(number.parse().unwrap_or(1)),
        Some(("behind", word)) => {
            let (word, parts) = two(word, "/").unwrap_or_else(|| (word.to_owned(), 1));
            Source::Behind(word, parts)
        }
        _ => Source::Body(place),
    }
}

fn rule(node: Node<'_, '_>, faults: &mut Faults<'_>, words: &Words) -> Rule {
    let mut rule = Rule {
        line: node.line(),
        text: String::new(),
        tests: Vec::new(),
        at_least: None,
        then: None,
        risk: None,
        unbounded: false,
    };
    let (mut of, mut is) = (None, None);
    for (key, line, value) in members(node, faults) {
        let texts = || value.texts().unwrap_or_default();
        match key.as_str() {
            "field" => of = Some(Source::Body(text(value, faults))),
            "query" => of = Some(Source::Query(text(value, faults))),
            "path" => of = Some(Source::Path(text(value, faults))),
            "arg" | "args" | "word" => of = Some(place(format!("{key}.{}", text(value, faults)))),
            "header" => of = Some(Source::Header(text(value, faults).to_ascii_lowercase())),
            "is" => is = state(value, faults),
            "starts" => is = Some(Is::Starts(texts())),
            "ends" => is = Some(Is::Ends(texts())),
            "contains" => is = Some(Is::Contains(texts())),
            "with" => {
                for (field, _, value) in members(value, faults) {
                    let source = place(field);
                    rule.tests.extend(condition(value, faults).map(|is| (source, is)));
                }
            }
            "magnitude" => match text(value, faults).as_str() {
                "unbounded" => rule.unbounded = true,
                given => match given.strip_prefix(">=").and_then(|n| n.parse().ok()) {
                    Some(n) => rule.at_least = Some(n),
                    None => faults.at(line, "magnitude is unbounded, or a limit such as \">=1000\""),
                },
            },
            "then" => rule.then = Some(operation(value, faults, words)),
            "risk" => rule.risk = risk(value, faults),
            _ => faults.at(line, format!("unknown key {key:?} in when")),
        }
    }
    match (of, is) {
        (Some(of), Some(is)) => rule.tests.insert(0, (of, is)),
        (None, None) => {}
        _ => faults.at(
            node.line(),
            "a place (field, query, path, header, arg, args, word) and what it must be go together",
        ),
    }
    if rule.tests.is_empty() && rule.at_least.is_none() {
        faults.at(node.line(), "a rule needs a condition");
    }
    if rule.then.is_none() && rule.risk.is_none() && !rule.unbounded {
        faults.at(node.line(), "a rule needs an effect: then, risk or magnitude: unbounded");
    }
    rule
}

fn lines(node: Node<'_, '_>, faults: &mut Faults<'_>) -> Option<Lines> {
    match node.text().as_deref() {
        Some("each") => return Some(Lines::Each),
        Some("pairs") => return Some(Lines::Pairs),
        Some(_) => {}
        None => {
            for (key, _, value) in members(node, faults) {
                if key == "alone" {
                    return value.texts().map(|alone| Lines::Documents { alone });
                }
            }
        }
    }
    faults.at(node.line(), "lines is each, pairs or {alone: [member]}");
    None
}

/// `present` and its kin, or `{starts: [...]}` and its kin.
fn condition(node: Node<'_, '_>, faults: &mut Faults<'_>) -> Option<Is> {
    if node.text().is_some() {
        return state(node, faults);
    }
    let texts = |value: Node<'_, '_>| value.texts().unwrap_or_default();
    match members(node, faults).as_slice() {
        [(key, _, value)] if key == "starts" => Some(Is::Starts(texts(*value))),
        [(key, _, value)] if key == "ends" => Some(Is::Ends(texts(*value))),
        [(key, _, value)] if key == "contains" => Some(Is::Contains(texts(*value))),
        _ => {
            faults.at(node.line(), "expected one of starts, ends and contains");
            None
        }
    }
}

fn state(node: Node<'_, '_>, faults: &mut Faults<'_>) -> Option<Is> {
    match text(node, faults).as_str() {
        "present" => Some(Is::Present),
        "absent" => Some(Is::Absent),
        "empty" => Some(Is::Empty),
        "truthy" => Some(Is::Truthy),
        _ => {
            faults.at(node.line(), "expected present, absent, empty or truthy");
            None
        }
    }
}

/// Paths by their role, or the name of a body that the system says once.
fn census(node: Node<'_, '_>, bodies: &BTreeMap<String, Census>, faults: &mut Faults<'_>) -> Census {
    if let Some(name) = node.text() {
        return bodies.get(&name).cloned().unwrap_or_else(|| {
            faults.at(node.line(), format!("bodies has no {name:?}"));
            Census::new()
        });
    }
    let mut census = Census::new();
    for (key, line, value) in members(node, faults) {
        match ROLES.iter().find(|role| **role == key) {
            Some(role) => {
                census.insert(role, value.texts().unwrap_or_default());
            }
            None => faults.at(line, format!("unknown key {key:?} in a census")),
        }
    }
    census
}

fn sources(node: Node<'_, '_>, faults: &mut Faults<'_>) -> Vec<Source> {
    let given = node.texts().unwrap_or_default();
    let mut found = Vec::new();
    for text in given {
        match text.split_once('.') {
            Some(("body", path)) => found.push(Source::Body(path.to_owned())),
            Some(("query", name)) => found.push(Source::Query(name.to_owned())),
            Some(("path", name)) => found.push(Source::Path(name.to_owned())),
            Some(("header", name)) => found.push(Source::Header(name.to_ascii_lowercase())),
            Some(("arg" | "args" | "word" | "counted" | "behind", _)) => found.push(place(text)),
            // The first parameter of the route, where it has one.
            None if text == "path" => found.push(Source::Path(String::new())),
            None if text == "all" => found.push(Source::All),
            None if text == "none" => {}
            _ => faults.at(
                node.line(),
                "a resource is body.…, query.…, path.…, header.…, arg.…, args.…, counted.…, word.…, behind.…, path (the first of the route), all or none",
            ),
        }
    }
    found
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

fn operation(node: Node<'_, '_>, faults: &mut Faults<'_>, words: &Words) -> String {
    match words.operation(&text(node, faults)) {
        Some(variant) => variant.to_owned(),
        None => {
            faults.at(node.line(), "no such operation");
            String::new()
        }
    }
}

fn risk(node: Node<'_, '_>, faults: &mut Faults<'_>) -> Option<u64> {
    let value = node.number().filter(|n| *n <= 100);
    if value.is_none() {
        faults.at(node.line(), "a risk is a number from 0 to 100");
    }
    value
}

fn number(node: Node<'_, '_>, faults: &mut Faults<'_>) -> u64 {
    node.number().unwrap_or_else(|| {
        faults.at(node.line(), "expected a whole number");
        0
    })
}

fn text(node: Node<'_, '_>, faults: &mut Faults<'_>) -> String {
    node.text().unwrap_or_else(|| {
        faults.at(node.line(), "expected a text");
        String::new()
    })
}

fn list<'n, 'y>(node: Node<'n, 'y>, faults: &mut Faults<'_>) -> Vec<Node<'n, 'y>> {
    node.list().unwrap_or_else(|| {
        faults.at(node.line(), "expected a list");
        Vec::new()
    })
}

fn members<'n, 'y>(node: Node<'n, 'y>, faults: &mut Faults<'_>) -> Vec<(String, usize, Node<'n, 'y>)> {
    node.members().unwrap_or_else(|| {
        faults.at(node.line(), "expected a mapping");
        Vec::new()
    })
}
