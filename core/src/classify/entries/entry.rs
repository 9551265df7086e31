//! One entry of a system: what it may say, and how that is read.

use std::collections::BTreeMap;

use super::node::{Faults, Node, Place};
use super::read::{Words, known, list, members, number, text};

/// One operation.
#[derive(Default)]
pub(crate) struct Entry {
    pub(crate) file: usize,
    pub(crate) place: Place,
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
    /// The member, or parameter of the query, that holds a statement of Vespa's or of commands behind pipes.
    pub(crate) statement: Option<String>,
    /// What makes one answer of a batch, so that its elements are not added up.
    pub(crate) together: Option<String>,
    /// The member that holds a statement of SQL.
    pub(crate) sql: Option<String>,
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
pub(crate) enum Source<B = String> {
    /// A field of the body: by its path, and in a table by its number.
    Body(B),
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
pub(crate) enum Lines<B = String> {
    Each,
    Pairs,
    Documents { alone: Vec<B> },
}

/// How an entry's magnitude is found.
#[derive(Default, Clone)]
pub(crate) enum Amount<B = String> {
    #[default]
    One,
    Fixed(u64),
    Unbounded,
    Number {
        of: Vec<Source<B>>,
        default: Option<u64>,
        times: Option<Factor<B>>,
        within: Option<Source<B>>,
        /// Whether a number below zero is for all there is.
        below: bool,
        /// Where all that stands here begins so, one comes back.
        one: Option<(Source<B>, Vec<String>)>,
    },
    Count(Vec<Source<B>>),
    Texts(Source<B>),
    Items(Vec<Source<B>>),
}

/// What a number is multiplied by.
#[derive(Clone)]
pub(crate) enum Factor<B = String> {
    Number(Source<B>, u64),
    Count(Source<B>),
}

/// One line of `when`, for one of the places that it names.
#[derive(Clone)]
pub(crate) struct Rule {
    pub(crate) line: usize,
    /// The line as it was written.
    pub(crate) text: String,
    pub(crate) tests: Vec<(Source, Is)>,
    pub(crate) at_least: Option<u64>,
    pub(crate) then: Option<String>,
    pub(crate) risk: Option<u64>,
    pub(crate) bound: Option<Bound>,
    /// How it is counted where the rule holds, instead of how the entry is.
    pub(crate) amount: Option<Amount>,
}

/// How much it is by a rule, whatever the entry counts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    Unbounded,
    One,
}

/// What a value must be.
#[derive(Clone)]
pub(crate) enum Is {
    Present,
    Absent,
    Empty,
    Truthy,
    False,
    Starts(Vec<String>),
    Ends(Vec<String>),
    NotEnds(Vec<String>),
    Contains(Vec<String>),
}

/// Where a body carries vectors, texts, rows and ids: the paths of each role.
pub(crate) type Census = BTreeMap<&'static str, Vec<String>>;

/// Beside them: what kind of message the body is.
pub(crate) const MESSAGE: &str = "message";

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

pub(super) fn entry(
    node: Node<'_, '_>,
    bodies: &BTreeMap<String, Census>,
    faults: &mut Faults<'_>,
    words: &Words,
) -> Entry {
    let mut entry = Entry { place: node.place(), ..Entry::default() };
    for (position, (key, at, value)) in members(node, faults).into_iter().enumerate() {
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
                        at,
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
            (_, "yql" | "piped") => entry.statement = Some(text(value, faults)),
            (_, "together") => entry.together = Some(text(value, faults)),
            (_, "sql") => entry.sql = Some(text(value, faults)),
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
                    entry.when.extend(rules(node, faults, words));
                }
            }
            (_, "census") => {
                for (key, at, value) in members(value, faults) {
                    match key.as_str() {
                        "response" => entry.response = Some(census(value, bodies, faults)),
                        "request" => entry.request = Some(census(value, bodies, faults)),
                        _ => faults.at(at, format!("unknown key {key:?} in census")),
                    }
                }
            }
            (_, "why") => entry.why = Some(text(value, faults)),
            _ => faults.at(at, format!("unknown key {key:?} in an entry")),
        }
    }
    if !entry.members.is_empty() && entry.each.is_none() {
        faults.at(entry.place, "as needs each");
    }
    if entry.together.is_some() && entry.each.is_none() {
        faults.at(entry.place, "together needs each");
    }
    if entry.lines.is_some() && entry.each.is_some() {
        faults.at(entry.place, "lines and each exclude each other");
    }
    if !entry.message.is_empty() && entry.method != "RPC" {
        faults.at(entry.place, "message is for RPC");
    }
    let statement = entry.statement.is_some() || entry.sql.is_some();
    if statement && (entry.each.is_some() || entry.lines.is_some()) {
        faults.at(entry.place, "yql, piped and sql are one statement: they go with neither each nor lines");
    }
    if entry.graphql.is_some() && entry.graphql != entry.each {
        faults.at(
            entry.place,
            "graphql is a text whose selections are judged one by one: name it in each, too",
        );
    }
    entry
}

fn amount(node: Node<'_, '_>, faults: &mut Faults<'_>, words: &Words) -> (Amount, Option<String>) {
    if node.text().is_some() {
        if text(node, faults) != "unbounded" {
            faults.at(node.place(), "magnitude is unbounded, or a mapping");
        }
        return (Amount::Unbounded, None);
    }
    let (mut found, mut unit, mut default, mut times) = (None, None, None, None);
    let (mut within, mut one, mut below) = (None, None, false);
    let mut numbers = Vec::new();
    for (key, at, value) in members(node, faults) {
        match key.as_str() {
            "field" | "query" => match value.texts() {
                Some(names) if !names.is_empty() => {
                    let of = if key == "field" { Source::Body } else { Source::Query };
                    numbers.extend(names.into_iter().map(of));
                }
                _ => faults.at(at, "expected a name, or a list of names"),
            },
            "arg" | "word" => numbers.push(place(format!("{key}.{}", text(value, faults)))),
            "count" => {
                let of = value.texts().unwrap_or_default().into_iter().map(place).collect();
                found = Some(Amount::Count(of));
            }
            "texts" => found = Some(Amount::Texts(Source::Body(text(value, faults)))),
            "items" => {
                let of = value.texts().unwrap_or_default().into_iter().map(Source::Body).collect();
                found = Some(Amount::Items(of));
            }
            "fixed" => found = Some(Amount::Fixed(number(value, faults))),
            "default" => default = Some(number(value, faults)),
            "times" => times = Some(factor(value, faults)),
            "within" => within = Some(place(text(value, faults))),
            "one" => one = begins(value, faults),
            "below" => match text(value, faults).as_str() {
                "unbounded" => below = true,
                _ => faults.at(at, "below is unbounded"),
            },
            "unit" => unit = known(&words.units, value, faults, "no such unit"),
            _ => faults.at(at, format!("unknown key {key:?} in magnitude")),
        }
    }
    let amount = match found {
        None if !numbers.is_empty() => Amount::Number { of: numbers, default, times, within, below, one },
        Some(_) if !numbers.is_empty() => {
            faults.at(node.place(), "field, query, arg and word are numbers, and go with no other magnitude");
            Amount::One
        }
        other if default.is_some() || times.is_some() || within.is_some() || one.is_some() || below => {
            faults
                .at(node.place(), "default, times, within, below and one go with field, query, arg or word");
            other.unwrap_or_default()
        }
        Some(other) => other,
        None => Amount::One,
    };
    (amount, unit)
}

/// `{field: columns[*], starts: ["count("]}`.
fn begins(node: Node<'_, '_>, faults: &mut Faults<'_>) -> Option<(Source, Vec<String>)> {
    let (mut of, mut starts) = (None, None);
    for (key, _, value) in members(node, faults) {
        match key.as_str() {
            "field" => of = Some(Source::Body(text(value, faults))),
            "starts" => starts = value.texts().filter(|texts| !texts.is_empty()),
            _ => {}
        }
    }
    let both = of.zip(starts);
    if both.is_none() {
        faults.at(node.place(), "one is {field, starts}");
    }
    both
}

fn factor(node: Node<'_, '_>, faults: &mut Faults<'_>) -> Factor {
    let (mut of, mut default) = (None, 1);
    for (key, at, value) in members(node, faults) {
        match key.as_str() {
            "field" => of = Some(Source::Body(text(value, faults))),
            "query" => of = Some(Source::Query(text(value, faults))),
            "count" => return Factor::Count(Source::Body(text(value, faults))),
            "default" => default = number(value, faults),
            _ => faults.at(at, format!("unknown key {key:?} in times")),
        }
    }
    let of = of.unwrap_or_else(|| {
        faults.at(node.place(), "times needs field, query or count");
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

/// One line of `when`: a rule for each of the places that it names.
fn rules(node: Node<'_, '_>, faults: &mut Faults<'_>, words: &Words) -> Vec<Rule> {
    let mut rule = Rule {
        line: node.place().line,
        text: String::new(),
        tests: Vec::new(),
        at_least: None,
        then: None,
        risk: None,
        bound: None,
        amount: None,
    };
    let (mut of, mut is) = (Vec::new(), None);
    let all = |value: Node<'_, '_>, kind: fn(String) -> Source, faults: &mut Faults<'_>| match value.texts() {
        Some(names) if !names.is_empty() => names.into_iter().map(kind).collect(),
        _ => vec![kind(text(value, faults))],
    };
    for (key, at, value) in members(node, faults) {
        let texts = || value.texts().unwrap_or_default();
        match key.as_str() {
            "field" => of = all(value, Source::Body, faults),
            "query" => of = all(value, Source::Query, faults),
            "path" => of = vec![Source::Path(text(value, faults))],
            "arg" | "args" | "word" => of = vec![place(format!("{key}.{}", text(value, faults)))],
            "header" => of = vec![Source::Header(text(value, faults).to_ascii_lowercase())],
            "is" => is = state(value, faults),
            "starts" => is = Some(Is::Starts(texts())),
            "ends" => is = Some(Is::Ends(texts())),
            "not_ends" => is = Some(Is::NotEnds(texts())),
            "contains" => is = Some(Is::Contains(texts())),
            "with" => {
                for (field, _, value) in members(value, faults) {
                    let source = place(field);
                    rule.tests.extend(condition(value, faults).map(|is| (source, is)));
                }
            }
            "magnitude" if value.text().is_none() => {
                let (counted, unit) = amount(value, faults, words);
                if unit.is_some() {
                    faults.at(at, "the unit is the operation's, or the entry's");
                }
                rule.amount = Some(counted);
            }
            "magnitude" => match text(value, faults).as_str() {
                "unbounded" => rule.bound = Some(Bound::Unbounded),
                "one" => rule.bound = Some(Bound::One),
                given => match given.strip_prefix(">=").and_then(|n| n.parse().ok()) {
                    Some(n) => rule.at_least = Some(n),
                    None => faults.at(
                        at,
                        "magnitude is unbounded, one, a limit such as \">=1000\", or a mapping as in an entry",
                    ),
                },
            },
            "then" => rule.then = Some(operation(value, faults, words)),
            "risk" => rule.risk = risk(value, faults),
            _ => faults.at(at, format!("unknown key {key:?} in when")),
        }
    }
    if of.is_empty() != is.is_none() {
        faults.at(
            node.place(),
            "a place (field, query, path, header, arg, args, word) and what it must be go together",
        );
    }
    if of.is_empty() && rule.tests.is_empty() && rule.at_least.is_none() {
        faults.at(node.place(), "a rule needs a condition");
    }
    if rule.then.is_none() && rule.risk.is_none() && rule.bound.is_none() && rule.amount.is_none() {
        faults.at(
            node.place(),
            "a rule needs an effect: then, risk or magnitude (unbounded, one or how it is counted)",
        );
    }
    let Some(is) = is.filter(|_| !of.is_empty()) else { return vec![rule] };
    let one = |of: Source| {
        let mut rule = rule.clone();
        rule.tests.insert(0, (of, is.clone()));
        rule
    };
    of.into_iter().map(one).collect()
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
    faults.at(node.place(), "lines is each, pairs or {alone: [member]}");
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
        [(key, _, value)] if key == "not_ends" => Some(Is::NotEnds(texts(*value))),
        [(key, _, value)] if key == "contains" => Some(Is::Contains(texts(*value))),
        _ => {
            faults.at(node.place(), "expected one of starts, ends, not_ends and contains");
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
        "false" => Some(Is::False),
        _ => {
            faults.at(node.place(), "expected present, absent, empty, truthy or false");
            None
        }
    }
}

/// Paths by their role, or the name of a body that the system says once.
pub(super) fn census(
    node: Node<'_, '_>,
    bodies: &BTreeMap<String, Census>,
    faults: &mut Faults<'_>,
) -> Census {
    if let Some(name) = node.text() {
        return bodies.get(&name).cloned().unwrap_or_else(|| {
            faults.at(node.place(), format!("bodies has no {name:?}"));
            Census::new()
        });
    }
    let mut census = Census::new();
    for (key, at, value) in members(node, faults) {
        match ROLES.iter().find(|role| **role == key) {
            Some(role) => {
                census.insert(role, value.texts().unwrap_or_default());
            }
            None if key == MESSAGE => {
                census.insert(MESSAGE, value.text().into_iter().collect());
            }
            None => faults.at(at, format!("unknown key {key:?} in a census")),
        }
    }
    census
}

pub(super) fn sources(node: Node<'_, '_>, faults: &mut Faults<'_>) -> Vec<Source> {
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
                node.place(),
                "a resource is body.…, query.…, path.…, header.…, arg.…, args.…, counted.…, word.…, behind.…, path (the first of the route), all or none",
            ),
        }
    }
    found
}

fn operation(node: Node<'_, '_>, faults: &mut Faults<'_>, words: &Words) -> String {
    known(&words.operations, node, faults, "no such operation").unwrap_or_default()
}

fn risk(node: Node<'_, '_>, faults: &mut Faults<'_>) -> Option<u64> {
    let value = node.number().filter(|n| *n <= 100);
    if value.is_none() {
        faults.at(node.place(), "a risk is a number from 0 to 100");
    }
    value
}
