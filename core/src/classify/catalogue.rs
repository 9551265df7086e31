//! The catalogue: what each system's public operations do, as static tables made by `build.rs` from `data/catalogue`.

use std::sync::OnceLock;

pub(super) use super::entries::entry::Bound;
use super::entries::lower;
use super::entries::refusals::Piece;
use super::refusals::Refusals;
use super::router::{COMMAND, Router};
use crate::model::{Dialect, Operation, Risk, Unit};
use crate::vector::Paths;

/// One system that requests are classified for, e.g. `qdrant`.
#[derive(Debug)]
pub struct System {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) source: &'static str,
    pub(super) commit: &'static str,
    /// Whether the system takes `/a/` for `/a`.
    pub(super) trailing_slash: bool,
    /// Whether it reads bodies as protobuf's JSON mapping: camelCase names, numbers in quotes, twice-encoded JSON.
    pub(super) protobuf: bool,
    /// Whether it takes a name for a field's whatever the case, as Go's JSON does.
    pub(super) any_case: bool,
    /// Whether it takes a number or a truth in quotes for one, as Elasticsearch does.
    pub(super) quoted: bool,
    /// Prefixes under which the same operations are served again.
    pub(super) prefixes: &'static [(&'static str, &'static str)],
    /// Whether a name may be a list of names, and hold `*`.
    pub(super) lists: bool,
    /// Whether an encoded `/` is a letter of a name.
    pub(super) encoded_slashes: bool,
    /// Whether a `GET` may have a body where nothing in it decides.
    pub(super) get_bodies: bool,
    /// The header that names the operation, and the query parameters that do.
    pub(super) action_header: Option<&'static str>,
    pub(super) actions: &'static [&'static str],
    /// The dialect of the statements that it takes.
    pub(super) statements: Option<Dialect>,
    /// Whether it takes what a shell takes.
    pub(super) shell: bool,
    /// How its clients are told of refusals.
    pub(super) refusals: &'static [Refusals],
    pub(super) entries: &'static [Entry],
    pub(super) router: OnceLock<Router>,
}

impl System {
    /// The name that policies use.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The name for people.
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// The specification that the entries were written from, with its commit or version.
    pub fn spec(&self) -> (&'static str, &'static str) {
        (self.source, self.commit)
    }

    /// One entry for each public operation, in the order of the specification.
    pub fn entries(&self) -> &'static [Entry] {
        self.entries
    }

    /// The dialect of the statements that it takes; `None` where it takes none.
    pub fn dialect(&self) -> Option<Dialect> {
        self.statements
    }

    /// Whether it takes commands: those of a shell, or its own by their words.
    pub fn takes_commands(&self) -> bool {
        self.shell || self.entries.iter().any(|entry| entry.method == COMMAND)
    }

    /// Whether it takes requests over HTTP.
    pub fn takes_requests(&self) -> bool {
        self.entries.iter().any(|entry| entry.method != COMMAND)
    }

    /// How its clients are told of refusals, by where they ask; none where by a problem document alone.
    pub fn refusals(&self) -> &'static [Refusals] {
        self.refusals
    }

    /// What it may turn out to do, as far as its entries say; `None` where that is anything: a statement, a program, a script.
    pub fn operations(&self) -> Option<impl Iterator<Item = Operation> + use<>> {
        let entries = (self.statements.is_none() && !self.shell).then_some(self.entries);
        entries.map(|entries| entries.iter().flat_map(Entry::operations))
    }

    pub(super) fn router(&self) -> &Router {
        self.router.get_or_init(|| Router::new(self.entries, self.trailing_slash))
    }
}

/// What one operation of a system does.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub(super) file: &'static str,
    pub(super) line: usize,
    pub(super) method: &'static str,
    pub(super) route: &'static str,
    pub(super) operation: Operation,
    pub(super) risk: Option<u8>,
    pub(super) resource: &'static [Source],
    pub(super) amount: Amount,
    pub(super) unit: Option<Unit>,
    pub(super) fields: &'static [Field],
    /// The same by their depth.
    pub(super) levels: &'static [Level],
    pub(super) lines: Option<Lines>,
    /// The field beside the elements of a batch that makes one answer of them: they are not added up.
    pub(super) together: Option<usize>,
    /// Whether its calls stay open while messages come, so that they cannot decide before it begins.
    pub(super) stream: bool,
    /// In a batch whose elements are of several kinds: the member that names the kind, and the entry that tells it.
    pub(super) members: &'static [(&'static str, usize)],
    pub(super) when: &'static [Rule],
    pub(super) response: Option<Paths>,
    pub(super) request: Option<Paths>,
    pub(super) why: Option<&'static str>,
}

impl Entry {
    /// The catalogue's file and the line where it stands.
    pub fn place(&self) -> (&'static str, usize) {
        (self.file, self.line)
    }

    /// The method, e.g. `POST`.
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// The route as the specification writes it, e.g. `/collections/{collection_name}/points`.
    pub fn route(&self) -> &'static str {
        self.route
    }

    /// What it does where no rule of the entry says otherwise.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Base risk of one ordinary use.
    pub fn risk(&self) -> Risk {
        self.risk.map_or(self.operation.base_risk(), Risk::new)
    }

    /// Why it is what it is, where that is not plain from its name.
    pub fn why(&self) -> Option<&'static str> {
        self.why
    }

    /// The body fields that decide, as paths.
    pub fn body_fields(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().map(|field| field.name)
    }

    /// The operations that it may turn out to be, its plain one first.
    pub fn operations(&self) -> impl Iterator<Item = Operation> {
        std::iter::once(self.operation).chain(self.when.iter().filter_map(|rule| rule.then))
    }

    /// The body fields, as paths, without which it no longer asks for vectors: those that make it so by being true.
    pub fn vector_flags(&self) -> impl Iterator<Item = String> {
        self.asking().flat_map(spellings)
    }

    /// The steps to each of them.
    pub(super) fn asking(&self) -> impl Iterator<Item = &'static [Step]> {
        let asks = self.when.iter().filter(|rule| rule.then == Some(Operation::VectorFetch));
        let tests = asks.flat_map(|rule| rule.tests).filter(|test| matches!(test.is, Is::Truthy));
        tests.filter_map(|test| match test.of {
            Source::Body(field) => self.fields.get(field).map(|field| field.steps),
            _ => None,
        })
    }

    /// Where the response carries vectors, rows and ids.
    pub fn response_census(&self) -> Option<&Paths> {
        self.response.as_ref()
    }

    /// Where the request carries them.
    pub fn request_census(&self) -> Option<&Paths> {
        self.request.as_ref()
    }

    /// The headers that decide, out of all.
    pub(super) fn headers_of(&self, all: &http::HeaderMap) -> Option<Box<http::HeaderMap>> {
        let mut kept: Option<Box<http::HeaderMap>> = None;
        let tests = self.when.iter().flat_map(|rule| rule.tests).map(|test| &test.of);
        for source in self.resource.iter().chain(tests) {
            let Source::Header(name) = source else { continue };
            let kept = kept.get_or_insert_default();
            if !kept.contains_key(*name) {
                let name = http::HeaderName::from_static(name);
                kept.extend(all.get_all(&name).iter().map(|value| (name.clone(), value.clone())));
            }
        }
        kept
    }

    /// The body fields that decide a gRPC method, each with the field numbers that lead to it.
    pub fn field_numbers(&self) -> impl Iterator<Item = (&'static str, Vec<&'static [u32]>)> {
        self.fields.iter().map(|field| {
            let numbers = field.steps.iter().filter_map(|step| match step {
                Step::Tag(numbers) => Some(*numbers),
                _ => None,
            });
            (field.name, numbers.collect())
        })
    }

    pub(super) fn reads_body(&self) -> bool {
        // Lines are counted, even where nothing in them decides.
        !self.fields.is_empty() || self.lines.is_some()
    }
}

/// Each spelling of a field, as a JSON path; none where its place is no path.
fn spellings(steps: &[Step]) -> Vec<String> {
    steps.iter().fold(vec!["$".to_owned()], |paths, step| {
        let after = match step {
            Step::Key(names) => names.iter().map(|name| format!("[{name:?}]")).collect(),
            Step::Each => vec!["[*]".to_owned()],
            Step::First => vec!["[0]".to_owned()],
            Step::Tag(_) | Step::Pair(_) => Vec::new(),
        };
        paths.iter().flat_map(|path| after.iter().map(move |after| format!("{path}{after}"))).collect()
    })
}

/// Where a deciding value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The body field with this number.
    Body(usize),
    /// A query parameter, and whether it may come several times.
    Query(&'static str, bool),
    /// A parameter of the route.
    Path(&'static str),
    /// A header of the request.
    Header(&'static str),
    /// The argument of a command with this number, from 1.
    Argument(usize),
    /// Arguments of a command: from this number on, every so many, without so many at the end.
    Arguments(usize, usize, usize),
    /// As many arguments as the argument with this number says, behind it.
    Counted(usize),
    /// The arguments behind a word: all, or the first of so many equal parts.
    Behind(&'static str, usize),
    /// The argument of a command that stands so many behind this word, whatever its case; the word itself for 0.
    Word(&'static str, usize),
    /// Everything there is, where nothing else is named.
    All,
}

/// How a body of several lines of JSON is taken apart; each part is judged by itself.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lines {
    Each,
    /// A line of settings, read as the member `head`, and the line that it is for.
    Pairs,
    /// An act and, in the next line, its document; none where the act is one of these fields.
    Documents {
        alone: &'static [usize],
    },
}

/// A deciding field of the body.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) steps: &'static [Step],
    /// How it is used: the bits of `entries::lower`.
    pub(super) uses: u16,
}

impl Field {
    pub(super) const TEXT: u16 = lower::TEXT;
    pub(super) const COUNT: u16 = lower::COUNT;
    pub(super) const TEXTS: u16 = lower::TEXTS;
    pub(super) const ELEMENT: u16 = lower::ELEMENT;
    pub(super) const GRAPHQL: u16 = lower::GRAPHQL;
    pub(super) const TRUTH: u16 = lower::TRUTH;
    pub(super) const OUTER: u16 = lower::OUTER;
    pub(super) const YQL: u16 = lower::YQL;
    pub(super) const SQL: u16 = lower::SQL;
}

/// The deciding fields at one depth of the body, by the bits of their numbers.
#[derive(Debug)]
pub(super) struct Level {
    /// Those whose paths end here.
    pub(super) ends: u64,
    /// The different steps from here, and which fields take them.
    pub(super) steps: &'static [(Step, u64)],
    /// Those that go on, by the kind of their step.
    pub(super) kinds: Kinds,
    /// By the numbers of a message's fields, up to the highest that one takes: which do.
    pub(super) tags: &'static [u64],
}

/// The fields that each kind of step leads to, as bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kinds {
    pub(super) keys: u64,
    pub(super) tags: u64,
    pub(super) pairs: u64,
    pub(super) each: u64,
    pub(super) first: u64,
}

impl Kinds {
    pub(super) const NONE: Self = Self { keys: 0, tags: 0, pairs: 0, each: 0, first: 0 };

    /// Those of these fields.
    #[inline]
    pub(super) fn of(self, mask: u64) -> Self {
        Self {
            keys: self.keys & mask,
            tags: self.tags & mask,
            pairs: self.pairs & mask,
            each: self.each & mask,
            first: self.first & mask,
        }
    }
}

impl Level {
    /// Where no field leads.
    pub(super) const NONE: Self = Self { ends: 0, steps: &[], kinds: Kinds::NONE, tags: &[] };

    /// Which fields lead on in a message's field with this number.
    #[inline]
    pub(super) fn tagged(&self, number: u32) -> u64 {
        match self.tags.get(number as usize) {
            Some(of) => *of,
            // High numbers have no place in the table.
            None if self.kinds.tags == 0 => 0,
            None => self.steps.iter().fold(0, |mask, (step, of)| match step {
                Step::Tag(numbers) if numbers.contains(&number) => mask | of,
                _ => mask,
            }),
        }
    }

    /// Those that end here, the steps on, and what of these stands in the table of numbers.
    pub(super) const fn new(ends: u64, steps: &'static [(Step, u64)], tags: &'static [u64]) -> Self {
        let mut kinds = Kinds::NONE;
        let mut left = steps;
        while let [(step, of), rest @ ..] = left {
            let kind = match step {
                Step::Key(_) => &mut kinds.keys,
                Step::Tag(_) => &mut kinds.tags,
                Step::Pair(_) => &mut kinds.pairs,
                Step::Each => &mut kinds.each,
                Step::First => &mut kinds.first,
            };
            *kind |= *of;
            left = rest;
        }
        Self { ends, steps, kinds, tags }
    }
}

/// One step of a field's path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// The member with one of these names (spellings of the same thing).
    Key(&'static [&'static str]),
    /// The protobuf field with one of these numbers, of which a message has one.
    Tag(&'static [u32]),
    /// In a list of pairs of names and values: the value of one of these names.
    Pair(&'static [&'static str]),
    /// Each element.
    Each,
    /// The first element.
    First,
}

/// How the magnitude is found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Amount {
    Fixed(u64),
    Unbounded,
    /// A number that the request names; without one the system's default, or else nothing limits it.
    Number {
        /// Where several are given, the largest counts.
        of: &'static [Source],
        default: Option<u64>,
        times: Option<Factor>,
        /// A list that bounds it, where it is given.
        within: Option<Source>,
        /// Whether a number below zero is for all there is; else no number is.
        below: bool,
        /// Where all that stands here begins so, one comes back: a count is no list.
        one: Option<(Source, &'static [&'static str])>,
    },
    /// The length of lists.
    Count(&'static [Source]),
    /// Inputs of a model: a text, a list of texts, a list of token ids, a list of such lists.
    Texts(Source),
    /// One or a list of them, in each of these places.
    Items(&'static [Source]),
}

/// What a number is multiplied by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Factor {
    /// A number and its default.
    Number(Source, u64),
    /// The length of a list.
    Count(Source),
}

/// A rule of an entry: where all tests hold, it may be something stricter.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) line: usize,
    pub(super) text: &'static str,
    pub(super) tests: &'static [Test],
    pub(super) at_least: Option<u64>,
    pub(super) then: Option<Operation>,
    pub(super) risk: Option<u8>,
    pub(super) bound: Option<Bound>,
    /// How it is counted where the rule holds, instead of how the entry is.
    pub(super) amount: Option<Amount>,
}

/// One condition.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) of: Source,
    pub(super) is: Is,
}

/// What a value must be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Is {
    /// There, and not null.
    Present,
    /// Not there, null, or with nothing in it: `{}`, `[]` or an empty text.
    Absent,
    /// There, but `{}`, `[]` or an empty text.
    Empty,
    /// `true`, a text, a list or an object with something in it.
    Truthy,
    /// `false`: not missing, and not empty.
    False,
    /// A text that begins so, whatever its case.
    Starts(&'static [&'static str]),
    /// A text that ends so, whatever its case.
    Ends(&'static [&'static str]),
    /// A text that ends in none of these ways, whatever its case.
    NotEnds(&'static [&'static str]),
    /// A text that holds one of these, whatever its case.
    Contains(&'static [&'static str]),
}

include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));
