//! An entry in the shape of the tables: its deciding fields numbered, each once, with how it is used.

use super::entry::{Amount, Entry, Factor, Is, Lines, Source};
use super::read::System;

/// How a body field is used. Its text, number or truth matters.
pub(crate) const TEXT: u16 = 1;
/// Its length matters.
pub(crate) const COUNT: u16 = 2;
/// Inputs are counted: a list of numbers is one input.
pub(crate) const TEXTS: u16 = 4;
/// Each value there is one element of a batch.
pub(crate) const ELEMENT: u16 = 8;
/// It is a GraphQL document, read as the list of what it selects.
pub(crate) const GRAPHQL: u16 = 16;
/// Its truth matters: on the protobuf wire a number that stands for one.
pub(crate) const TRUTH: u16 = 32;
/// It stands beside the elements of a batch, and belongs to each.
pub(crate) const OUTER: u16 = 64;

/// It is a statement of Vespa's or of commands behind pipes, read as an object; a parameter of the query may hold it instead.
pub(crate) const YQL: u16 = 128;
/// It is a statement of SQL, read as an object.
pub(crate) const SQL: u16 = 256;

/// One entry of a table, as far as it is another than it was read.
pub(crate) struct Lowered {
    pub(crate) fields: Vec<Field>,
    pub(crate) levels: Vec<Level>,
    pub(crate) resource: Vec<Source<usize>>,
    pub(crate) amount: Amount<usize>,
    pub(crate) lines: Option<Lines<usize>>,
    pub(crate) together: Option<usize>,
    /// The entries of its kinds of element, by their place in the system.
    pub(crate) members: Vec<(String, usize)>,
    /// The tests of each rule.
    pub(crate) tests: Vec<Vec<(Source<usize>, Is)>>,
    /// How each rule counts, where it does so.
    pub(crate) amounts: Vec<Option<Amount<usize>>>,
}

/// A deciding field of the body.
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
    pub(crate) uses: u16,
}

/// The fields at one depth of the body, by the bits of their numbers: so that a walk asks once for each step that several
/// fields take, and not once for each field.
pub(crate) struct Level {
    /// Those whose paths end here.
    pub(crate) ends: u64,
    /// The different steps from here, and which fields take them.
    pub(crate) steps: Vec<(Step, u64)>,
    /// By the numbers of a message's fields, up to the highest that one takes: which do. Numbers of more than
    /// [`MOST_TAGGED`] are found by their steps.
    pub(crate) tags: Vec<u64>,
}

/// The highest number of a field that has a place of its own in a table.
const MOST_TAGGED: u32 = 255;

/// One step of a field's path.
#[derive(Clone, PartialEq)]
pub(crate) enum Step {
    Key(Vec<String>),
    Tag(Vec<u32>),
    Pair(Vec<String>),
    Each,
    First,
}

/// The entry of a system, in the shape of the tables.
///
/// # Errors
/// Fields of a gRPC method that its `message` does not number, and more fields than a walk tells apart.
pub(crate) fn lower(entry: &Entry, system: &System) -> Result<Lowered, Vec<String>> {
    let mut fields = Fields { prefix: entry.each.as_deref(), found: Vec::new() };
    if let Some(each) = &entry.each {
        fields.add(format!("{each}[*]"), ELEMENT);
    }
    if let Some(document) = &entry.graphql {
        fields.add(document.clone(), GRAPHQL);
    }
    if let Some(statement) = &entry.statement {
        fields.add(statement.clone(), YQL);
    }
    if let Some(statement) = &entry.sql {
        fields.add(statement.clone(), SQL);
    }
    let together = entry.together.as_ref().map(|field| fields.add(field.clone(), OUTER));
    let resource = fields.sources(entry.resource.as_deref().unwrap_or_default(), TEXT);
    let amount = fields.amount(&entry.amount);
    let tests = entry.when.iter().map(|rule| {
        let test = |(of, is): &(Source, Is)| {
            let uses = match is {
                Is::Present => 0,
                Is::Truthy | Is::False => TEXT | TRUTH,
                _ => TEXT,
            };
            (fields.source(of, uses), is.clone())
        };
        rule.tests.iter().map(test).collect()
    });
    let tests = tests.collect();
    let amounts = entry.when.iter().map(|rule| rule.amount.as_ref().map(|amount| fields.amount(amount)));
    let amounts = amounts.collect();
    let lines = entry.lines.as_ref().map(|lines| match lines {
        Lines::Each => Lines::Each,
        Lines::Pairs => Lines::Pairs,
        Lines::Documents { alone } => {
            Lines::Documents { alone: alone.iter().map(|member| fields.index(member, COUNT)).collect() }
        }
    });
    let named =
        |target: &String| system.entries.iter().position(|e| format!("{} {}", e.method, e.route) == *target);
    let members = entry.members.iter();
    let members = members.filter_map(|(member, target)| Some((member.clone(), named(target)?))).collect();
    let (mut declared, mut missing) = (Vec::new(), Vec::new());
    for (path, uses) in fields.found {
        match if entry.method == "RPC" { numbered(&path, entry) } else { Ok(steps(&path)) } {
            // The body itself, where that is a list.
            Ok(steps) if path.is_empty() => declared.push(Field { name: "body".to_owned(), steps, uses }),
            Ok(steps) => declared.push(Field { name: path, steps, uses }),
            Err(name) => missing.push(format!("message has no {name}")),
        }
    }
    // Each is a bit of a word.
    if declared.len() > u64::BITS as usize {
        missing.push(format!("{} fields decide, and no more than {} may", declared.len(), u64::BITS));
    }
    let levels = levels(&declared);
    let lowered =
        Lowered { fields: declared, levels, resource, amount, lines, together, members, tests, amounts };
    if missing.is_empty() { Ok(lowered) } else { Err(missing) }
}

fn levels(fields: &[Field]) -> Vec<Level> {
    let deepest = fields.iter().map(|field| field.steps.len()).max();
    let level = |depth: usize| {
        let mut level = Level { ends: 0, steps: Vec::new(), tags: Vec::new() };
        // The number of a field is a bit; an entry has no more than there are.
        for (field, bit) in fields.iter().zip((0..u64::BITS).map(|at| 1_u64 << at)) {
            match field.steps.get(depth) {
                Some(step) => match level.steps.iter_mut().find(|(known, _)| known == step) {
                    Some((_, of)) => *of |= bit,
                    None => level.steps.push((step.clone(), bit)),
                },
                None if field.steps.len() == depth => level.ends |= bit,
                None => {}
            }
        }
        level.tags = tags(&level.steps);
        level
    };
    (0..=deepest.unwrap_or(0)).map(level).collect()
}

fn tags(steps: &[(Step, u64)]) -> Vec<u64> {
    let mut tags = Vec::new();
    for (step, of) in steps {
        let Step::Tag(numbers) = step else { continue };
        for number in numbers.iter().filter(|number| **number <= MOST_TAGGED) {
            let at = *number as usize;
            tags.resize(tags.len().max(at + 1), 0);
            tags.get_mut(at).into_iter().for_each(|taken| *taken |= of);
        }
    }
    tags
}

/// The body fields of one entry, each once.
struct Fields<'e> {
    prefix: Option<&'e str>,
    found: Vec<(String, u16)>,
}

impl Fields<'_> {
    fn index(&mut self, path: &str, uses: u16) -> usize {
        // What stands beside the elements of a batch, and belongs to each.
        if let Some(outer) = path.strip_prefix('/') {
            return self.add(outer.to_owned(), uses | OUTER);
        }
        let full = match self.prefix {
            Some(prefix) => format!("{prefix}[*].{path}"),
            None => path.to_owned(),
        };
        self.add(full, uses)
    }

    fn add(&mut self, full: String, uses: u16) -> usize {
        if let Some(at) = self.found.iter().position(|(known, _)| *known == full) {
            if let Some((_, known)) = self.found.get_mut(at) {
                *known |= uses;
            }
            return at;
        }
        self.found.push((full, uses));
        self.found.len() - 1
    }

    fn source(&mut self, source: &Source, uses: u16) -> Source<usize> {
        match source {
            Source::Body(path) => Source::Body(self.index(path, uses)),
            Source::Query(name) => Source::Query(name.clone()),
            Source::Path(name) => Source::Path(name.clone()),
            Source::Header(name) => Source::Header(name.clone()),
            Source::Argument(n) => Source::Argument(*n),
            Source::Arguments(from, step, omitted) => Source::Arguments(*from, *step, *omitted),
            Source::Counted(n) => Source::Counted(*n),
            Source::Behind(word, parts) => Source::Behind(word.clone(), *parts),
            Source::Word(word, behind) => Source::Word(word.clone(), *behind),
            Source::All => Source::All,
        }
    }

    fn sources(&mut self, sources: &[Source], uses: u16) -> Vec<Source<usize>> {
        sources.iter().map(|source| self.source(source, uses)).collect()
    }

    fn amount(&mut self, amount: &Amount) -> Amount<usize> {
        match amount {
            Amount::One => Amount::One,
            Amount::Fixed(n) => Amount::Fixed(*n),
            Amount::Unbounded => Amount::Unbounded,
            Amount::Number { of, default, times, within, below, one } => Amount::Number {
                of: self.sources(of, TEXT),
                default: *default,
                times: times.as_ref().map(|times| match times {
                    Factor::Number(of, default) => Factor::Number(self.source(of, TEXT), *default),
                    Factor::Count(of) => Factor::Count(self.source(of, COUNT)),
                }),
                within: within.as_ref().map(|of| self.source(of, COUNT)),
                below: *below,
                one: one.as_ref().map(|(of, starts)| (self.source(of, TEXT), starts.clone())),
            },
            Amount::Count(of) => Amount::Count(self.sources(of, COUNT)),
            Amount::Texts(of) => Amount::Texts(self.source(of, TEXTS)),
            Amount::Items(of) => Amount::Items(self.sources(of, COUNT)),
        }
    }
}

/// `searches[*].with_vector|with_vectors` as steps.
fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let name = part.split('[').next().unwrap_or_default();
        if !name.is_empty() {
            steps.push(Step::Key(spellings(name)));
        }
        steps.extend(part.split('[').skip(1).map(index));
    }
    steps
}

/// The same for a gRPC method, by the numbers of its `message`; `Err` with the name that has none.
fn numbered(path: &str, entry: &Entry) -> Result<Vec<Step>, String> {
    let (mut steps, mut parents) = (Vec::new(), String::new());
    for part in path.split('.') {
        let name = part.split('[').next().unwrap_or_default();
        let mut numbers = Vec::new();
        for spelling in name.split('|') {
            let full = format!("{parents}{spelling}");
            let number = entry.message.iter().find(|(known, _)| *known == full);
            match number.and_then(|(_, number)| u32::try_from(*number).ok()) {
                Some(number) => numbers.push(number),
                None => return Err(full),
            }
        }
        steps.push(Step::Tag(numbers));
        parents = format!("{parents}{name}.");
        steps.extend(part.split('[').skip(1).map(index));
    }
    Ok(steps)
}

fn index(index: &str) -> Step {
    match index.trim_end_matches(']') {
        "0" => Step::First,
        "*" => Step::Each,
        names => Step::Pair(spellings(names)),
    }
}

fn spellings(names: &str) -> Vec<String> {
    names.split('|').map(str::to_owned).collect()
}
