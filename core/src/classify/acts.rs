//! From an entry and what was read to acts: the plain reading of the entry and each of its rules that holds are
//! candidates, and the riskiest one stands. Elements of a batch add up.

use std::ops::Range;

use super::body::{Record, Value};
use super::catalogue::{Amount, Bound, Entry, Factor, Field, Is, Source, System, Test};
use super::explain::Trace;
use super::risk::raised;
use super::target::{first_segment, parameter};
use super::{Refusal, body, names, router};
use crate::model::{Act, Magnitude, Operation, Risk, Unit};

/// How many different acts one request may do.
const MAX_ACTS: usize = 64;
const TOO_MANY: Refusal = Refusal { code: "too_many_acts", at: "body" };

/// What the head of a request says.
pub(super) struct Facts<'f> {
    pub(super) system: &'static System,
    /// The path, and where in it the parameters of the route stand.
    pub(super) path: &'f str,
    pub(super) params: &'f [(&'static str, Range<usize>)],
    pub(super) query: Option<&'f str>,
    pub(super) headers: Option<&'f http::HeaderMap>,
    /// The words of a command behind its name.
    pub(super) arguments: &'f [&'f str],
    /// Where somebody asks why.
    pub(super) trace: Option<&'f Trace>,
}

impl Facts<'_> {
    /// Whether a source gives numbers as texts.
    fn numbers_are_texts(&self, source: Source) -> bool {
        self.system.protobuf
            || self.system.quoted
            || !matches!(source, Source::Body(_) | Source::Path(_) | Source::Header(_) | Source::All)
    }
}

/// A candidate: what the request may be said to do, before elements are added up.
#[derive(Clone, Copy)]
struct Reading {
    operation: Operation,
    base: Risk,
    magnitude: Magnitude,
}

impl Reading {
    fn risk(self) -> Risk {
        raised(self.operation, self.base, self.magnitude)
    }

    /// The riskier of two; the later one where they are equal.
    fn stricter(self, other: Self) -> Self {
        if other.risk() >= self.risk() { other } else { self }
    }
}

/// The acts of a request whose deciding fields were read.
pub(super) fn judge(
    entry: &'static Entry,
    facts: &Facts<'_>,
    records: &mut [Record],
) -> Result<Vec<Act>, Refusal> {
    if let [record] = &mut *records
        && record.entry.is_some_and(|own| std::ptr::eq(own, entry))
    {
        // By far the commonest: nothing to add up.
        let count = amount(entry, facts, record)?;
        let reading = reading(entry, facts, record, count, count)?;
        if let Some(name) = only_name(entry, facts, record) {
            return Ok(vec![act((reading, name))]);
        }
        let names = resources(entry, facts, record)?;
        if names.len() > MAX_ACTS {
            return Err(TOO_MANY);
        }
        return Ok(names.into_iter().map(|name| act((over(reading, facts, &name), name))).collect());
    }
    let records = &*records;
    let mut found: Vec<(Reading, String)> = Vec::with_capacity(1);
    let mut totals = Vec::with_capacity(records.len());
    for record in records {
        totals.push(match record.entry {
            Some(entry) => amount(entry, facts, record)?,
            None => None,
        });
    }
    let sum = if together(entry, records) { u64::max } else { u64::saturating_add };
    // A rule with a limit sees the whole batch: a hundred small reads are one large one.
    let total = totals.iter().try_fold(0_u64, |all, count| Some(sum(all, (*count)?)));
    for (record, count) in records.iter().zip(&totals) {
        let Some(own) = record.entry else {
            let act = Act::unknown();
            add(
                &mut found,
                Reading { operation: act.operation, base: act.risk, magnitude: act.magnitude },
                String::new(),
                sum,
            )?;
            continue;
        };
        let reading = reading(own, facts, record, *count, total)?;
        for resource in resources(own, facts, record)? {
            add(&mut found, over(reading, facts, &resource), resource, sum)?;
        }
    }
    if found.is_empty() {
        // A batch of nothing.
        let magnitude = Magnitude { unit: entry.unit.or(entry.operation.unit()), count: Some(0) };
        let reading = Reading { operation: entry.operation, base: entry.risk(), magnitude };
        let nothing = Record::of(entry);
        for resource in resources(entry, facts, &nothing)? {
            add(&mut found, reading, resource, sum)?;
        }
    }
    Ok(found.into_iter().map(act).collect())
}

/// A reading for one of its resources: a pattern names any number of collections.
fn over(mut reading: Reading, facts: &Facts<'_>, resource: &str) -> Reading {
    if facts.system.lists && reading.magnitude.unit == Some(Unit::Collections) && names::is_pattern(resource)
    {
        reading.magnitude.count = None;
    }
    reading
}

/// The worst that an entry may be: for bodies that cannot be read.
pub(super) fn worst(entry: &'static Entry, facts: &Facts<'_>) -> Result<Vec<Act>, Refusal> {
    let nothing = Record::of(entry);
    let members = entry.members.iter().filter_map(|(_, at)| facts.system.entries.get(*at));
    let all = std::iter::once(entry).chain(members).map(worst_reading);
    let reading = all.reduce(Reading::stricter).unwrap_or_else(|| worst_reading(entry));
    if let Some(trace) = facts.trace {
        trace.worst(entry, reading.operation, reading.base);
    }
    let named = resources(entry, facts, &nothing)?;
    Ok(named.into_iter().map(|resource| act((over(reading, facts, &resource), resource))).collect())
}

fn worst_reading(entry: &'static Entry) -> Reading {
    let known = |operation: Operation, amount: Amount| match amount {
        Amount::Fixed(n) if !body::has_elements(entry) => {
            Magnitude { unit: entry.unit.or(operation.unit()), count: Some(n) }
        }
        _ => Magnitude { unit: entry.unit.or(operation.unit()), count: None },
    };
    let magnitude = known(entry.operation, entry.amount);
    let plain = Reading { operation: entry.operation, base: entry.risk(), magnitude };
    entry.when.iter().fold(plain, |worst, rule| {
        let operation = rule.then.unwrap_or(entry.operation);
        let mut magnitude = known(operation, rule.amount.unwrap_or(entry.amount));
        if let Some(bound) = rule.bound {
            magnitude.count = told(bound);
        }
        let base = rule.risk.map_or_else(|| base_of(entry, rule.then), Risk::new);
        worst.stricter(Reading { operation, base, magnitude })
    })
}

/// How much a rule says it is.
fn told(bound: Bound) -> Option<u64> {
    match bound {
        Bound::Unbounded => None,
        Bound::One => Some(1),
    }
}

fn base_of(entry: &Entry, then: Option<Operation>) -> Risk {
    then.map_or(entry.risk(), Operation::base_risk)
}

fn act((reading, resource): (Reading, String)) -> Act {
    let Reading { operation, magnitude, .. } = reading;
    Act { operation, resource, magnitude, risk: reading.risk() }
}

/// Whether the elements of a batch have one answer: as many things as come back are those of any of them.
fn together(entry: &'static Entry, records: &[Record]) -> bool {
    let Some(field) = entry.together else { return false };
    let there =
        |record: &Record| record.values.iter().any(|(at, value)| *at == field && *value != Value::Null);
    records.first().is_some_and(there)
}

/// Adds a reading to the one of the same operation and resource.
fn add(
    found: &mut Vec<(Reading, String)>,
    reading: Reading,
    resource: String,
    sum: fn(u64, u64) -> u64,
) -> Result<(), Refusal> {
    let same =
        |(known, name): &&mut (Reading, String)| known.operation == reading.operation && *name == resource;
    if let Some((known, _)) = found.iter_mut().find(same) {
        known.base = known.base.max(reading.base);
        known.magnitude.count = known.magnitude.count.zip(reading.magnitude.count).map(|(a, b)| sum(a, b));
        return Ok(());
    }
    if found.len() >= MAX_ACTS {
        return Err(TOO_MANY);
    }
    found.push((reading, resource));
    Ok(())
}

fn reading(
    entry: &'static Entry,
    facts: &Facts<'_>,
    record: &Record,
    count: Option<u64>,
    total: Option<u64>,
) -> Result<Reading, Refusal> {
    let of = |operation: Operation, base: Risk, count: Option<u64>| {
        let unit = entry.unit.or(operation.unit());
        // A request does not say how many bytes it takes: they are counted as they pass.
        let unknown = unit == Some(Unit::Bytes) && matches!(entry.amount, Amount::Fixed(_));
        let count = if unknown { None } else { count };
        Reading { operation, base, magnitude: Magnitude { unit, count } }
    };
    let mut strictest = of(entry.operation, entry.risk(), count);
    let (mut risk, mut by) = (strictest.risk(), None);
    // Most rules ask for fields that most bodies do not have.
    let there = record.values.iter().fold(0, |there, (at, _)| there | body::bit(*at));
    for rule in entry.when {
        if rule.at_least.is_some_and(|limit| total.is_some_and(|total| total < limit)) {
            continue;
        }
        let mut holds = true;
        for test in rule.tests {
            holds &= match test.of {
                Source::Body(field) if there & body::bit(field) == 0 => matches!(test.is, Is::Absent),
                _ => passes(test, facts, record)?,
            };
        }
        if holds {
            let operation = rule.then.unwrap_or(entry.operation);
            let base = rule.risk.map_or_else(|| base_of(entry, rule.then), Risk::new);
            let count = match (rule.bound, &rule.amount) {
                (Some(bound), _) => told(bound),
                (None, Some(own)) => counted(own, entry, facts, record)?,
                (None, None) => count,
            };
            let candidate = of(operation, base, count);
            let raised = candidate.risk();
            if raised >= risk {
                (strictest, risk, by) = (candidate, raised, Some(rule));
            }
        }
    }
    if let Some(trace) = facts.trace {
        trace.reading(entry, by, strictest.operation, strictest.base, &mut |source| {
            values(source, facts, record).map(|found| found.iter().cloned().collect()).unwrap_or_default()
        });
    }
    Ok(strictest)
}

/// How many by its entry; `None` where nothing limits it.
fn amount(entry: &'static Entry, facts: &Facts<'_>, record: &Record) -> Result<Option<u64>, Refusal> {
    counted(&entry.amount, entry, facts, record)
}

/// How many in one way to count; `None` where nothing limits it.
fn counted(
    amount: &Amount,
    entry: &'static Entry,
    facts: &Facts<'_>,
    record: &Record,
) -> Result<Option<u64>, Refusal> {
    match *amount {
        Amount::Fixed(n) => Ok(Some(n)),
        Amount::Unbounded => Ok(None),
        Amount::Number { of, default, times, within, below, one } => {
            if let Some((of, starts)) = one
                && all_start(of, starts, facts, record)?
            {
                return Ok(Some(1));
            }
            // An empty list names nothing, so it may bound nothing.
            let bound = match within {
                Some(list) => Some(length(entry, list, facts, record)?).filter(|len| *len > 0),
                None => None,
            };
            let mut given = None;
            for source in of {
                given = given.max(number(*source, facts, record)?);
            }
            let given = match given {
                Some(Limit::At(count)) => Some(count),
                Some(Limit::Off) if below => None,
                Some(Limit::Off) => {
                    return Err(of.first().map_or(UNREADABLE, |source| wrong_type(entry, *source)));
                }
                None => default,
            };
            let Some(count) = given.into_iter().chain(bound).min() else { return Ok(None) };
            let factor = match times {
                Some(Factor::Number(of, default)) => match number(of, facts, record)? {
                    Some(Limit::At(factor)) => factor,
                    Some(Limit::Off) => return Err(wrong_type(entry, of)),
                    None => default,
                },
                // Where there is no such list, there is one thing that it would have several of.
                Some(Factor::Count(list)) => length(entry, list, facts, record)?.max(1),
                None => 1,
            };
            Ok(Some(count.saturating_mul(factor)))
        }
        Amount::Count(sources) => {
            let mut sum = 0_u64;
            for source in sources {
                sum = sum.saturating_add(length(entry, *source, facts, record)?);
            }
            Ok(Some(sum))
        }
        Amount::Texts(source) => {
            let mut sum = 0_u64;
            for value in values(source, facts, record)?.iter() {
                sum = sum.saturating_add(match *value {
                    Value::Null => 0,
                    Value::Text(_) | Value::Object { .. } => 1,
                    // A list of numbers is one input, given as its tokens.
                    Value::List { len, numbers } if len > 0 && len == numbers => 1,
                    Value::List { len, .. } => len,
                    Value::Bool(_) | Value::Number(_) | Value::Below => {
                        return Err(wrong_type(entry, source));
                    }
                });
            }
            Ok(Some(sum))
        }
        Amount::Items(sources) => {
            let one = |value: &Value| match *value {
                Value::Null => 0,
                Value::List { len, .. } => len,
                Value::Bool(_) | Value::Number(_) | Value::Below | Value::Text(_) | Value::Object { .. } => 1,
            };
            let mut sum = 0_u64;
            for source in sources {
                sum = values(*source, facts, record)?.iter().map(one).fold(sum, u64::saturating_add);
            }
            Ok(Some(sum))
        }
    }
}

/// Whether something stands there, and all of it begins like one of these.
fn all_start(of: Source, starts: &[&str], facts: &Facts<'_>, record: &Record) -> Result<bool, Refusal> {
    let found = values(of, facts, record)?;
    let begins = |value: &Value| match value {
        Value::Text(text) => {
            let text = text.trim_start().to_ascii_lowercase();
            starts.iter().any(|start| text.starts_with(start))
        }
        _ => false,
    };
    Ok(found.iter().next().is_some() && found.iter().all(begins))
}

/// The length of a list, or how often a query parameter comes.
fn length(entry: &'static Entry, source: Source, facts: &Facts<'_>, record: &Record) -> Result<u64, Refusal> {
    let mut sum = 0_u64;
    for value in values(source, facts, record)?.iter() {
        sum = sum.saturating_add(match *value {
            Value::Null => 0,
            Value::List { len, .. } => len,
            Value::Text(_) if !matches!(source, Source::Body(_)) => 1,
            _ => return Err(wrong_type(entry, source)),
        });
    }
    Ok(sum)
}

/// What a number that is asked for limits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Limit {
    At(u64),
    /// Nothing: it is below zero, which some systems take for all there is.
    Off,
}

/// A number; the largest where there are several.
fn number(source: Source, facts: &Facts<'_>, record: &Record) -> Result<Option<Limit>, Refusal> {
    match source {
        Source::Body(field) => largest(source, facts, record, record.at(field)),
        _ => largest(source, facts, record, given(source, facts)?.iter()),
    }
}

fn largest<'v>(
    source: Source,
    facts: &Facts<'_>,
    record: &Record,
    values: impl Iterator<Item = &'v Value>,
) -> Result<Option<Limit>, Refusal> {
    let mut largest = None;
    for value in values {
        let found = match value {
            Value::Null => continue,
            Value::Number(Some(n)) => Some(Limit::At(*n)),
            Value::Below => Some(Limit::Off),
            Value::Text(text) if facts.numbers_are_texts(source) => match text.strip_prefix('-') {
                _ if text.is_empty() => continue,
                Some(below) => below.parse().ok().map(|_: u64| Limit::Off),
                None => text.parse().ok().map(Limit::At),
            },
            _ => None,
        };
        match (found, record.entry) {
            (Some(n), _) => largest = largest.max(Some(n)),
            (None, Some(entry)) => return Err(wrong_type(entry, source)),
            (None, None) => {}
        }
    }
    Ok(largest)
}

fn passes(test: &Test, facts: &Facts<'_>, record: &Record) -> Result<bool, Refusal> {
    match test.of {
        Source::Body(field) => holds(test, facts, record, record.at(field)),
        _ => holds(test, facts, record, given(test.of, facts)?.iter()),
    }
}

fn holds<'v>(
    test: &Test,
    facts: &Facts<'_>,
    record: &Record,
    found: impl Iterator<Item = &'v Value> + Clone,
) -> Result<bool, Refusal> {
    let there = found.filter(|value| **value != Value::Null);
    let by_text = |fits: &dyn Fn(&str) -> bool| {
        for value in there.clone() {
            match value {
                Value::Text(text) if fits(text) => return Ok(true),
                // A truth begins like no text; of what may be a list or an object too, the parts are fields of their own.
                Value::Text(_) | Value::Bool(_) => {}
                Value::List { .. } | Value::Object { .. }
                    if record.entry.is_some_and(|entry| has_parts(entry, test.of)) => {}
                _ => return Err(record.entry.map_or(UNREADABLE, |entry| wrong_type(entry, test.of))),
            }
        }
        Ok(false)
    };
    let any = |texts: &[&str], text: &str, fits: fn(&str, &str) -> bool| {
        let text = text.to_ascii_lowercase();
        texts.iter().any(|part| fits(&text, part))
    };
    match test.is {
        Is::Present => Ok(there.count() > 0),
        Is::Absent => Ok(there.clone().all(is_empty)),
        Is::Empty => Ok(there.clone().any(is_empty)),
        Is::Truthy => {
            let from_query = !matches!(test.of, Source::Body(_));
            for value in there {
                let truthy = match value {
                    Value::Bool(truth) => *truth,
                    Value::Text(text) if from_query => !matches!(text.as_str(), "" | "0" | "false" | "False"),
                    Value::Text(text) if facts.system.quoted => !matches!(text.as_str(), "" | "false"),
                    Value::Text(text) => !text.is_empty(),
                    Value::List { len, .. } | Value::Object { len } => *len > 0,
                    _ => return Err(record.entry.map_or(UNREADABLE, |entry| wrong_type(entry, test.of))),
                };
                if truthy {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Is::False => {
            let quoted = facts.system.quoted || !matches!(test.of, Source::Body(_));
            let is_false = |value: &Value| match value {
                Value::Bool(truth) => !truth,
                Value::Text(text) => quoted && text == "false",
                _ => false,
            };
            Ok(there.clone().any(is_false))
        }
        // Blanks in front are no part of a name to whoever reads it.
        Is::Starts(texts) => {
            by_text(&|text| any(texts, text.trim_start(), |text, part| text.starts_with(part)))
        }
        Is::Ends(texts) => by_text(&|text| any(texts, text, |text, part| text.ends_with(part))),
        Is::NotEnds(texts) => by_text(&|text| !any(texts, text, |text, part| text.ends_with(part))),
        Is::Contains(texts) => by_text(&|text| any(texts, text, |text, part| text.contains(part))),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object { len } | Value::List { len, .. } => *len == 0,
        Value::Text(text) => text.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Below => false,
    }
}

/// The name of what is touched, where a record has one at most, and is asked for no more; `None` where it takes [`resources`] to tell.
fn only_name(entry: &'static Entry, facts: &Facts<'_>, record: &mut Record) -> Option<String> {
    match entry.resource {
        _ if facts.system.lists => None,
        [] => Some(String::new()),
        [Source::Path(name)] => Some(router::parameter(facts.path, facts.params, name).unwrap_or_default()),
        [Source::Body(field)] => {
            let mut found = record.values.iter_mut().filter(|(at, _)| at == field);
            match (found.next(), found.next()) {
                (None, _) => Some(String::new()),
                (Some((_, Value::Text(text))), None) => Some(std::mem::take(text)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The names of what is touched: all that the request gives, or the empty name.
fn resources(entry: &'static Entry, facts: &Facts<'_>, record: &Record) -> Result<Vec<String>, Refusal> {
    let mut names: Vec<String> = Vec::with_capacity(1);
    for source in entry.resource {
        for value in values(*source, facts, record)?.iter() {
            match value {
                Value::Text(text) if matches!(source, Source::Header(_)) => names.extend(first_segment(text)),
                Value::Text(text) if facts.system.lists => names::split(text, &mut names),
                Value::Text(text) if !text.is_empty() => names.push(text.clone()),
                Value::Number(Some(n)) => names.push(n.to_string()),
                Value::Null | Value::Text(_) | Value::Object { .. } => {}
                // One name or a list of names: the elements are a field of their own.
                Value::List { .. } if elements(entry, *source) => {}
                _ => return Err(wrong_type(entry, *source)),
            }
        }
    }
    if names.len() > 1 {
        names.sort_unstable();
        names.dedup();
    }
    if !facts.arguments.is_empty() && names.len() > MAX_ACTS {
        // A command may name any number of things; so many are told as what only a rule for all covers.
        names = vec!["*".to_owned()];
    }
    if names.is_empty() {
        let all = entry.resource.contains(&Source::All);
        names.push(if all { "*".to_owned() } else { String::new() });
    }
    Ok(names)
}

/// Whether the elements of a field are deciding fields too.
fn elements(entry: &Entry, source: Source) -> bool {
    let Source::Body(at) = source else { return false };
    let Some(field) = entry.fields.get(at) else { return false };
    entry.fields.iter().any(|other| other.name.strip_suffix("[*]") == Some(field.name))
}

/// Whether parts of a field are deciding fields too: its elements or its members.
fn has_parts(entry: &Entry, source: Source) -> bool {
    let Source::Body(at) = source else { return false };
    let Some(field) = entry.fields.get(at) else { return false };
    let part =
        |other: &Field| other.name.strip_prefix(field.name).is_some_and(|rest| rest.starts_with(['.', '[']));
    entry.fields.iter().any(part)
}

/// What stands at a source.
enum Found<'r> {
    /// At a field of the body.
    Read(&'r Record, usize),
    /// Beside the body: each behind [`BESIDE`].
    Given(Vec<(usize, Value)>),
}

/// What stands in the place of a field's number for what is no field.
const BESIDE: usize = usize::MAX;

impl Found<'_> {
    #[inline]
    fn iter(&self) -> impl Iterator<Item = &Value> + Clone {
        let (values, field) = match self {
            Self::Read(record, field) => (record.values.as_slice(), *field),
            Self::Given(values) => (values.as_slice(), BESIDE),
        };
        values.iter().filter(move |(at, _)| *at == field).map(|(_, value)| value)
    }
}

#[inline]
fn values<'r>(source: Source, facts: &Facts<'_>, record: &'r Record) -> Result<Found<'r>, Refusal> {
    match source {
        Source::Body(field) => Ok(Found::Read(record, field)),
        _ => given(source, facts)
            .map(|given| Found::Given(given.into_iter().map(|value| (BESIDE, value)).collect())),
    }
}

/// What stands at a source beside the body.
fn given(source: Source, facts: &Facts<'_>) -> Result<Vec<Value>, Refusal> {
    match source {
        Source::Body(_) | Source::All => Ok(Vec::new()),
        Source::Path(name) => {
            Ok(router::parameter(facts.path, facts.params, name).map(Value::Text).into_iter().collect())
        }
        Source::Header(name) => {
            let texts = facts.headers.into_iter().flat_map(|headers| headers.get_all(name));
            Ok(texts
                .map(|value| Value::Text(String::from_utf8_lossy(value.as_bytes()).into_owned()))
                .collect())
        }
        Source::Argument(number) => Ok(argument(facts, number).into_iter().collect()),
        Source::Arguments(from, step, omitted) => {
            let end = facts.arguments.len().saturating_sub(omitted);
            let chosen = facts.arguments.iter().take(end).skip(from.saturating_sub(1));
            Ok(chosen.step_by(step.max(1)).map(text).collect())
        }
        Source::Counted(number) => {
            let behind = facts.arguments.get(number..).unwrap_or_default();
            // What is no number has the server refuse the command; until then it is all of them.
            let count = number.checked_sub(1).and_then(|at| facts.arguments.get(at)?.parse().ok());
            Ok(behind.iter().take(count.unwrap_or(usize::MAX)).map(text).collect())
        }
        Source::Behind(word, parts) => {
            let at = facts.arguments.iter().position(|text| text.eq_ignore_ascii_case(word));
            let behind = at.and_then(|at| facts.arguments.get(at + 1..)).unwrap_or_default();
            Ok(behind.iter().take(behind.len().div_ceil(parts.max(1))).map(text).collect())
        }
        Source::Word(word, behind) => {
            let places =
                facts.arguments.iter().enumerate().filter(|(_, text)| text.eq_ignore_ascii_case(word));
            Ok(places.filter_map(|(at, _)| argument(facts, at + 1 + behind)).collect())
        }
        Source::Query(name, several) => {
            let found = parameter(facts.query, name).ok_or(Refusal { code: "malformed_query", at: name })?;
            if found.len() > 1 && !several {
                return Err(Refusal { code: "repeated_key", at: name });
            }
            Ok(found.into_iter().map(Value::Text).collect())
        }
    }
}

/// An argument of a command, counted from 1.
fn argument(facts: &Facts<'_>, number: usize) -> Option<Value> {
    facts.arguments.get(number.checked_sub(1)?).map(text)
}

fn text(text: &&str) -> Value {
    Value::Text((*text).to_owned())
}

const UNREADABLE: Refusal = Refusal { code: "wrong_type", at: "body" };

fn wrong_type(entry: &'static Entry, source: Source) -> Refusal {
    let at = match source {
        Source::Body(field) => entry.fields.get(field).map_or("body", |field| field.name),
        Source::Query(name, _) | Source::Path(name) | Source::Header(name) => name,
        Source::Word(name, _) | Source::Behind(name, _) => name,
        Source::Argument(_) | Source::Arguments(..) | Source::Counted(_) => "argument",
        Source::All => "body",
    };
    Refusal { code: "wrong_type", at }
}
