//! Why a request is classified as it is: the entry, rule or line of a table that made each act, the fields that decided, and
//! how its risk came about.
//!
//! The classification itself is not touched: the same readers run once more and note what they take. Texts of the request
//! are told by their length only.
//!
//! ```
//! use wardline::classify::{self, Body, explain};
//! use wardline::model::HttpHead;
//!
//! let qdrant = classify::system("qdrant").unwrap();
//! let head = HttpHead {
//!     method: http::Method::POST,
//!     target: "/collections/staff/points/scroll".into(),
//!     host: "db".into(),
//!     headers: http::HeaderMap::new(),
//! };
//! let body = Body::Whole(br#"{"limit": 5000, "with_vector": true}"#);
//! let grounds = explain::http(qdrant, &head, "", body).unwrap();
//! let ground = &grounds[0];
//! assert_eq!(ground.entry.as_deref(), Some("POST /collections/{collection_name}/points/scroll: data.read"));
//! assert!(ground.rule.as_deref().unwrap().contains("then: vector.export"));
//! assert_eq!(ground.fields[0], ("with_vector|with_vectors".to_owned(), "true".to_owned()));
//! assert_eq!((ground.base.value(), ground.act.risk.value()), (85, 90));
//! ```

use std::cell::RefCell;
use std::fmt;

use super::body::Value;
use super::catalogue::{Amount, Entry, Factor, Rule, Source, System};
use super::{Body, Dialect, Outcome, Refusal};
use crate::model::{Act, HttpHead, Operation, Risk};

/// A line of a file of the catalogue or of a table, as its repository has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The file, below the folder of the crate.
    pub file: &'static str,
    /// The line, from 1.
    pub line: usize,
}

impl Place {
    pub(super) fn of(file: &'static str, line: usize) -> Self {
        Self { file, line }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What made one act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// The act.
    pub act: Act,
    /// Which statement or command of the text did it, from 1, with its first words.
    pub part: Option<(usize, String)>,
    /// The entry of the catalogue: method, route and what it plainly does.
    pub entry: Option<String>,
    /// Where the entry stands.
    pub entry_at: Option<Place>,
    /// The rule of the entry, or the line of the table of tools, as it is written.
    pub rule: Option<String>,
    /// Where the rule stands, or the line of the data that the name of a function, table or setting led to.
    pub rule_at: Option<Place>,
    /// The fields, parameters and words that decided, each with what was found; of a text its length.
    pub fields: Vec<(String, String)>,
    /// Whether the body could not be read, so that the worst of the entry stands.
    pub worst_case: bool,
    /// The base risk, before magnitude raises it.
    pub base: Risk,
}

impl Ground {
    pub(super) fn of(act: Act, base: Risk) -> Self {
        Self {
            act,
            part: None,
            entry: None,
            entry_at: None,
            rule: None,
            rule_at: None,
            fields: Vec::new(),
            worst_case: false,
            base,
        }
    }

    pub(super) fn part(mut self, number: usize, words: &str) -> Self {
        self.part = (number > 0).then(|| (number, words.to_owned()));
        self
    }

    pub(super) fn row(mut self, place: Option<Place>, rule: Option<String>) -> Self {
        (self.rule_at, self.rule) = (place, rule);
        self
    }

    /// How its risk came about: `85 + 5 for 5000 vectors = 90`, and the operation's own base risk where that is another.
    pub fn arithmetic(&self) -> String {
        let (usual, base, risk) = (self.act.operation.base_risk(), self.base, self.act.risk);
        let mut text = base.to_string();
        if base != usual {
            text.push_str(&format!(" (where {} is {usual})", self.act.operation));
        }
        let more = risk.value().saturating_sub(base.value());
        if more > 0 {
            text.push_str(&format!(" + {more} for {} = {risk}", self.act.magnitude));
        }
        text
    }
}

/// Why a request does what it does; its body is read where it decides.
///
/// # Errors
/// What has no one reading, as in [`super::http`].
pub fn http(
    system: &'static System,
    head: &HttpHead,
    base_path: &str,
    body: Body<'_>,
) -> Result<Vec<Ground>, Refusal> {
    let trace = Trace::default();
    let done = match super::traced(system, head, base_path, Some(&trace)) {
        Outcome::Done(done) => done,
        Outcome::Refused(refusal) => return Err(refusal),
        Outcome::NeedBody(pending) => pending.traced(body, Some(&trace))?,
    };
    Ok(trace.grounds(done.acts))
}

/// Why a command of a system does what it does, by its words.
///
/// # Errors
/// An argument that is not what its command takes there.
pub fn command(system: &'static System, words: &[&str]) -> Result<Vec<Ground>, Refusal> {
    let trace = Trace::default();
    let done = super::command::traced(system, words, Some(&trace))?;
    Ok(trace.grounds(done.acts))
}

/// Why a text of SQL does what it does.
pub fn sql(text: &str, dialect: Option<Dialect>) -> Vec<Ground> {
    super::sql::grounds(text, dialect)
}

/// Why a script does what it does.
pub fn script(text: &str) -> Vec<Ground> {
    super::shell::grounds(Ok(text))
}

/// Why a program with its arguments does what it does.
pub fn argv(words: &[&str]) -> Vec<Ground> {
    super::shell::grounds(Err(words))
}

/// What the readers of a request note on their way.
#[derive(Debug, Default)]
pub(super) struct Trace(RefCell<Vec<Step>>);

#[derive(Debug)]
struct Step {
    entry: &'static Entry,
    rule: Option<&'static Rule>,
    operation: Operation,
    base: Risk,
    fields: Vec<(String, String)>,
    worst: bool,
}

impl Trace {
    /// An entry, or a rule of it, decided.
    pub(super) fn reading(
        &self,
        entry: &'static Entry,
        rule: Option<&'static Rule>,
        operation: Operation,
        base: Risk,
        values: &mut dyn FnMut(Source) -> Vec<Value>,
    ) {
        let mut fields: Vec<(String, String)> = Vec::new();
        for source in sources(entry, rule) {
            let name = named(entry, source);
            if fields.iter().any(|(known, _)| *known == name) {
                continue;
            }
            let found: Vec<String> = values(source).iter().map(told).collect();
            fields.push((name, if found.is_empty() { "absent".to_owned() } else { found.join(", ") }));
        }
        self.0.borrow_mut().push(Step { entry, rule, operation, base, fields, worst: false });
    }

    /// The worst of an entry stands.
    pub(super) fn worst(&self, entry: &'static Entry, operation: Operation, base: Risk) {
        let step = Step { entry, rule: None, operation, base, fields: Vec::new(), worst: true };
        self.0.borrow_mut().push(step);
    }

    /// The grounds of `acts`: of what several elements of a batch did the riskiest.
    fn grounds(self, acts: Vec<Act>) -> Vec<Ground> {
        let steps = self.0.into_inner();
        let ground = |act: Act| {
            let own = steps.iter().filter(|step| step.operation == act.operation);
            let Some(step) = own.max_by_key(|step| step.base) else {
                let base = act.operation.base_risk();
                return Ground::of(act, base);
            };
            let entry = step.entry;
            let (file, line) = entry.place();
            Ground {
                entry: Some(format!("{} {}: {}", entry.method(), entry.route(), entry.operation())),
                entry_at: Some(Place { file, line }),
                rule: step.rule.map(|rule| rule.text.to_owned()),
                rule_at: step.rule.map(|rule| Place { file, line: rule.line }),
                fields: step.fields.clone(),
                worst_case: step.worst,
                ..Ground::of(act, step.base)
            }
        };
        acts.into_iter().map(ground).collect()
    }
}

/// What a rule tests, what counts, and what names the resource.
fn sources(entry: &'static Entry, rule: Option<&'static Rule>) -> Vec<Source> {
    let mut all: Vec<Source> = rule.iter().flat_map(|rule| rule.tests).map(|test| test.of).collect();
    match rule.and_then(|rule| rule.amount).unwrap_or(entry.amount) {
        Amount::Fixed(_) | Amount::Unbounded => {}
        Amount::Number { of, times, within, one, .. } => {
            all.extend(of);
            all.extend(within);
            all.extend(one.map(|(of, _)| of));
            match times {
                Some(Factor::Number(of, _) | Factor::Count(of)) => all.push(of),
                None => {}
            }
        }
        Amount::Count(of) | Amount::Items(of) => all.extend(of),
        Amount::Texts(of) => all.push(of),
    }
    all.extend(entry.resource.iter().filter(|source| **source != Source::All));
    all
}

/// A place, as the catalogue names it.
fn named(entry: &Entry, source: Source) -> String {
    match source {
        Source::Body(at) => entry.fields.get(at).map_or("body", |field| field.name).to_owned(),
        Source::Query(name, _) => format!("query.{name}"),
        Source::Path(name) => format!("path.{name}"),
        Source::Header(name) => format!("header.{name}"),
        Source::Argument(number) => format!("arg.{number}"),
        Source::Arguments(from, ..) => format!("args.{from}"),
        Source::Counted(number) => format!("counted.{number}"),
        Source::Behind(word, _) => format!("behind.{word}"),
        Source::Word(word, behind) => format!("word.{word}+{behind}"),
        Source::All => "all".to_owned(),
    }
}

/// What was found: numbers and truths as they are, of texts and lists how long they are.
fn told(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(Some(number)) => number.to_string(),
        Value::Number(None) => "a number with a fraction".to_owned(),
        Value::Below => "a number below 0".to_owned(),
        // Where only the number of texts matters they were not kept.
        Value::Text(text) if text.is_empty() => "text".to_owned(),
        Value::Text(text) => format!("text of {} bytes", text.len()),
        Value::List { len, .. } => format!("list of {len}"),
        Value::Object { len } => format!("object of {len}"),
    }
}
