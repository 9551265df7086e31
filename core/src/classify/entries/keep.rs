//! Entries that were read, as tables like those of the build.
//!
//! They live as long as the process, as those of the build do, and the same files become one table however often a policy is read: what a
//! process can gather is bounded by how many different catalogues it is given.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use http::HeaderName;

use super::entry::{self, Census};
use super::lower::{self, Lowered, lower};
use super::messages;
use super::node::{Fault, Faults, Place};
use super::read;
use super::refusals::{self, Piece};
use crate::classify::catalogue::{
    Amount, Entry, Factor, Field, Is, Level, Lines, Rule, Source, Step, System, Test,
};
use crate::classify::refusals::Refusals;
use crate::protobuf::{self, Message, Schema};
use crate::vector::{Paths, Places};

/// A system of its own, or `base` with further entries.
///
/// # Errors
/// What cannot become a table.
pub(super) fn keep(
    system: &read::System,
    base: Option<&'static System>,
) -> Result<&'static System, Vec<Fault>> {
    let mut faults = Faults::new("");
    let mut entries: Vec<Entry> = base.map(|base| base.entries().to_vec()).unwrap_or_default();
    let before = entries.len();
    let messages = messages(&system.messages);
    for entry in &system.entries {
        faults.in_file(system.files.get(entry.file).map_or("", String::as_str));
        match lower(entry, system) {
            Ok(lowered) => {
                for name in headers(&lowered).filter(|name| HeaderName::from_bytes(name.as_bytes()).is_err())
                {
                    faults.at(entry.place, format!("no header is called {name:?}"));
                }
                entries.extend(one(entry, lowered, (system, messages), before, &mut faults));
            }
            Err(found) => found.into_iter().for_each(|fault| faults.at(entry.place, fault)),
        }
    }
    if !faults.is_empty() {
        return Err(faults.into_found());
    }
    let actions: BTreeSet<&str> = system.entries.iter().filter_map(|e| read::action(&e.route)).collect();
    let own_actions = actions.into_iter().map(text);
    let base_actions = base.map(|base| base.actions).unwrap_or_default();
    let known = |word: &&str| !base_actions.contains(word);
    let actions = list(base_actions.iter().copied().chain(own_actions.filter(known)).collect());
    let prefixes = system.prefixes.iter().map(|(from, to)| (text(from), text(to))).collect();
    let kept: &'static System = Box::leak(Box::new(match base {
        Some(base) => System { entries: list(entries), actions, router: OnceLock::new(), ..*base },
        None => System {
            name: text(&system.name),
            title: text(if system.title.is_empty() { &system.name } else { &system.title }),
            source: text(&system.source),
            commit: text(&system.commit),
            trailing_slash: system.trailing_slash,
            protobuf: system.protobuf,
            any_case: system.any_case,
            quoted: system.quoted,
            prefixes: list(prefixes),
            lists: system.lists,
            encoded_slashes: system.encoded_slashes,
            get_bodies: system.get_bodies,
            action_header: system.action_header.as_deref().map(text),
            actions,
            statements: system.statements.as_deref().and_then(crate::model::Dialect::by_name),
            shell: system.shell,
            refusals: list(system.refusals.iter().map(refusals).collect()),
            entries: list(entries),
            router: OnceLock::new(),
        },
    }));
    for route in &kept.router().ambiguous {
        let Some(entry) = system.entries.iter().find(|entry| entry.route == *route) else { continue };
        faults.in_file(system.files.get(entry.file).map_or("", String::as_str));
        faults.at(entry.place, "it cannot be told from another entry: their routes differ in the names of parameters alone, or are none");
    }
    if faults.is_empty() { Ok(kept) } else { Err(faults.into_found()) }
}

fn refusals(of: &refusals::Refusals) -> Refusals {
    let piece = |piece: &Piece<String>| match piece {
        Piece::Text(said) => Piece::Text(text(said)),
        Piece::Reason => Piece::Reason,
        Piece::Code => Piece::Code,
        Piece::Status => Piece::Status,
        Piece::Word => Piece::Word,
        Piece::Record => Piece::Record,
    };
    Refusals {
        under: text(&of.under),
        xml: of.xml,
        members: texts(&of.members),
        body: list(of.body.iter().map(piece).collect()),
        words: list(of.words.iter().map(|(status, word)| (*status, text(word))).collect()),
        headers: list(
            of.headers
                .iter()
                .map(|(name, said)| (text(name), list(said.iter().map(piece).collect())))
                .collect(),
        ),
    }
}

/// The headers that an entry reads.
fn headers(lowered: &Lowered) -> impl Iterator<Item = &String> {
    let tests = lowered.tests.iter().flatten().map(|(of, _)| of);
    lowered.resource.iter().chain(tests).filter_map(|source| match source {
        entry::Source::Header(name) => Some(name),
        _ => None,
    })
}

fn text(text: &str) -> &'static str {
    Box::leak(text.into())
}

fn list<T>(items: Vec<T>) -> &'static [T] {
    items.leak()
}

fn texts(texts: &[String]) -> &'static [&'static str] {
    list(texts.iter().map(|one| text(one)).collect())
}

fn one(
    entry: &entry::Entry,
    lowered: Lowered,
    (system, messages): (&read::System, &'static [Message]),
    before: usize,
    faults: &mut Faults<'_>,
) -> Option<Entry> {
    let lower = lowered.tests.into_iter().zip(&lowered.amounts);
    let when = entry.when.iter().zip(lower).map(|(rule, (tests, counted))| {
        let tests = tests.into_iter().map(|(of, is)| Test { of: source(&of), is: state(&is) }).collect();
        Some(Rule {
            line: rule.line,
            text: text(&rule.text),
            tests: list(tests),
            at_least: rule.at_least,
            then: rule.then.as_deref().map(str::parse).transpose().ok()?,
            risk: rule.risk.and_then(|risk| u8::try_from(risk).ok()),
            bound: rule.bound,
            amount: counted.as_ref().map(amount),
        })
    });
    let members = lowered.members.iter().map(|(member, at)| (text(member), before + at)).collect();
    Some(Entry {
        file: text(system.files.get(entry.file)?),
        line: entry.place.line,
        method: text(&entry.method),
        route: text(&entry.route),
        operation: entry.operation.parse().ok()?,
        risk: entry.risk.and_then(|risk| u8::try_from(risk).ok()),
        resource: sources(&lowered.resource),
        amount: amount(&lowered.amount),
        unit: entry.unit.as_deref().map(str::parse).transpose().ok()?,
        fields: list(lowered.fields.iter().map(field).collect()),
        together: lowered.together,
        levels: list(lowered.levels.iter().map(level).collect()),
        lines: lowered.lines.as_ref().map(|lines| match lines {
            entry::Lines::Each => Lines::Each,
            entry::Lines::Pairs => Lines::Pairs,
            entry::Lines::Documents { alone } => Lines::Documents { alone: list(alone.clone()) },
        }),
        stream: entry.stream,
        members: list(members),
        when: list(when.collect::<Option<_>>()?),
        response: census(entry.response.as_ref(), messages, entry.place, faults),
        request: census(entry.request.as_ref(), messages, entry.place, faults),
        why: entry.why.as_deref().map(text),
    })
}

/// A number that no entry needs to be larger than.
fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn source(source: &entry::Source<usize>) -> Source {
    match source {
        entry::Source::Body(at) => Source::Body(*at),
        entry::Source::Query(name) => match name.strip_suffix("[*]") {
            Some(name) => Source::Query(text(name), true),
            None => Source::Query(text(name), false),
        },
        entry::Source::Path(name) => Source::Path(text(name)),
        entry::Source::Header(name) => Source::Header(text(name)),
        entry::Source::Argument(n) => Source::Argument(size(*n)),
        entry::Source::Arguments(from, step, omitted) => {
            Source::Arguments(size(*from), size(*step), size(*omitted))
        }
        entry::Source::Counted(n) => Source::Counted(size(*n)),
        entry::Source::Behind(word, parts) => Source::Behind(text(word), size(*parts)),
        entry::Source::Word(word, behind) => Source::Word(text(word), size(*behind)),
        entry::Source::All => Source::All,
    }
}

fn sources(sources: &[entry::Source<usize>]) -> &'static [Source] {
    list(sources.iter().map(source).collect())
}

fn amount(amount: &entry::Amount<usize>) -> Amount {
    match amount {
        entry::Amount::One => Amount::Fixed(1),
        entry::Amount::Fixed(n) => Amount::Fixed(*n),
        entry::Amount::Unbounded => Amount::Unbounded,
        entry::Amount::Number { of, default, times, within, below, one } => Amount::Number {
            of: sources(of),
            default: *default,
            times: times.as_ref().map(|times| match times {
                entry::Factor::Number(of, default) => Factor::Number(source(of), *default),
                entry::Factor::Count(of) => Factor::Count(source(of)),
            }),
            within: within.as_ref().map(source),
            below: *below,
            one: one.as_ref().map(|(of, starts)| (source(of), texts(starts))),
        },
        entry::Amount::Count(of) => Amount::Count(sources(of)),
        entry::Amount::Texts(of) => Amount::Texts(source(of)),
        entry::Amount::Items(of) => Amount::Items(sources(of)),
    }
}

fn state(is: &entry::Is) -> Is {
    match is {
        entry::Is::Present => Is::Present,
        entry::Is::Absent => Is::Absent,
        entry::Is::Empty => Is::Empty,
        entry::Is::Truthy => Is::Truthy,
        entry::Is::False => Is::False,
        entry::Is::Starts(parts) => Is::Starts(texts(parts)),
        entry::Is::Ends(parts) => Is::Ends(texts(parts)),
        entry::Is::NotEnds(parts) => Is::NotEnds(texts(parts)),
        entry::Is::Contains(parts) => Is::Contains(texts(parts)),
    }
}

fn field(field: &lower::Field) -> Field {
    let steps = field.steps.iter().map(step);
    Field { name: text(&field.name), steps: list(steps.collect()), uses: field.uses }
}

fn step(step: &lower::Step) -> Step {
    match step {
        lower::Step::Key(names) => Step::Key(texts(names)),
        lower::Step::Tag(numbers) => Step::Tag(list(numbers.clone())),
        lower::Step::Pair(names) => Step::Pair(texts(names)),
        lower::Step::Each => Step::Each,
        lower::Step::First => Step::First,
    }
}

fn level(level: &lower::Level) -> Level {
    let steps = level.steps.iter().map(|(taken, of)| (step(taken), *of));
    Level::new(level.ends, list(steps.collect()), list(level.tags.clone()))
}

fn census(
    census: Option<&Census>,
    messages: &'static [Message],
    at: Place,
    faults: &mut Faults<'_>,
) -> Option<Paths> {
    let message = census.and_then(|census| census.get(entry::MESSAGE)?.first());
    let root = message.and_then(|name| messages.iter().position(|known| known.name == *name));
    let of =
        |role: &str| census.and_then(|census| census.get(role)).map(|paths| texts(paths)).unwrap_or_default();
    let paths = Paths {
        vectors: of("vectors"),
        named: of("named"),
        encoded: of("encoded"),
        copies: of("copies"),
        columns: of("columns"),
        tensors: of("tensors"),
        queries: of("queries"),
        texts: of("texts"),
        rows: of("rows"),
        ids: of("ids"),
        positions: of("positions"),
        message: root.map(|root| Schema { messages, root }),
    };
    if let Err(error) = Places::compile(&paths) {
        faults.at(at, format!("census: {error}"));
    }
    census.map(|_| paths)
}

fn messages(known: &[messages::Message]) -> &'static [Message] {
    let field = |field: &messages::Field| {
        let (number, name, inline, shape) = (field.number, text(&field.name), field.inline, field.shape);
        Some(protobuf::Field { number, name, inline, shape, kind: field.kind(known)? })
    };
    let message = |message: &messages::Message| {
        let fields = list(message.fields.iter().filter_map(field).collect());
        Message { name: text(&message.name), fields, object: message.object }
    };
    list(known.iter().map(message).collect())
}
