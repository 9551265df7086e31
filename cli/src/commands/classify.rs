//! `wardline classify`: what a request does.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wardline::classify::explain::{self, Ground};
use wardline::classify::{self, Body, Dialect, Outcome as Classified, System};
use wardline::model::{Act, HttpHead, Magnitude, Risk};
use wardline::policy::Policy;

use crate::args::Classify;
use crate::{Failure, Outcome, Streams};

/// One request of the evaluation border. What none of its fields tells is `unknown`, never taken for a read.
#[derive(Deserialize, Default)]
struct Question {
    id: Value,
    system: Option<String>,
    method: Option<String>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<Value>,
    /// The path of a gRPC method; its messages, framed and in base64, are in `body`.
    grpc_path: Option<String>,
    /// A command of a system, word by word.
    argv: Option<Vec<String>>,
    /// Statements of a database, in the dialect that `dialect` names.
    sql: Option<String>,
    dialect: Option<String>,
    /// Shell text.
    script: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
    operations: Vec<&'static str>,
    resource: String,
    risk: Risk,
    magnitude: Magnitude,
    /// What statements read, write or define.
    #[serde(skip_serializing_if = "Option::is_none")]
    tables: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'static str>,
    /// What made each act.
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<Vec<Explained>>,
}

/// What made one act.
#[derive(Serialize)]
struct Explained {
    operation: &'static str,
    resource: String,
    risk: Risk,
    arithmetic: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_at: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    worst_case: bool,
}

impl Explained {
    fn of(ground: Ground) -> Self {
        Self {
            operation: ground.act.operation.name(),
            risk: ground.act.risk,
            arithmetic: ground.arithmetic(),
            part: ground.part.map(|(number, words)| format!("{number}: {words}")),
            entry: ground.entry,
            entry_at: ground.entry_at.map(|place| place.to_string()),
            rule: ground.rule,
            rule_at: ground.rule_at.map(|place| place.to_string()),
            fields: ground.fields.into_iter().collect(),
            worst_case: ground.worst_case,
            resource: ground.act.resource,
        }
    }

    /// The lines below an act.
    fn lines(&self) -> Vec<String> {
        let at = |text: &Option<String>, place: &Option<String>| {
            let parts: Vec<&str> = [place, text].into_iter().filter_map(Option::as_deref).collect();
            (!parts.is_empty()).then(|| parts.join("  "))
        };
        let fields: Vec<String> =
            self.fields.iter().map(|(name, found)| format!("{name} = {found}")).collect();
        let told = [
            ("part", self.part.clone()),
            ("entry", at(&self.entry, &self.entry_at)),
            ("rule", at(&self.rule, &self.rule_at)),
            ("fields", Some(fields.join(", ")).filter(|fields| !fields.is_empty())),
            ("body", self.worst_case.then(|| "not read: the worst of the entry stands".to_owned())),
            ("risk", Some(self.arithmetic.clone())),
        ];
        told.into_iter().filter_map(|(name, text)| Some(format!("  {name:<7} {}", text?))).collect()
    }
}

pub(crate) fn run(args: &Classify, json: bool, streams: &mut Streams<'_>) -> Outcome {
    let known = Known::of(args.policy.as_deref())?;
    if args.jsonl {
        streams.each_line(|question: Question| answer(&question, &known, args.explain))?;
        return Ok(0);
    }
    let mut given = |text: &Option<String>| match text.as_deref() {
        Some("-") => Ok(Some(String::from_utf8_lossy(&streams.read_all()?).into_owned())),
        other => Ok::<_, Failure>(other.map(str::to_owned)),
    };
    let question = Question {
        system: args.system.clone(),
        method: args.method.clone(),
        url: args.url.clone(),
        body: given(&args.body)?.map(Value::String),
        sql: given(&args.sql)?,
        dialect: args.dialect.clone(),
        script: given(&args.script)?,
        argv: args.command.clone(),
        ..Question::default()
    };
    let judged = judge(&question, &known, args.explain)?;
    if json {
        streams.json(&summary(&judged, None))?;
        return Ok(0);
    }
    if let Some(code) = judged.refused {
        streams.say(format!("refused: {code}"))?;
    }
    let mut grounds = judged.grounds.unwrap_or_default().into_iter();
    for act in &judged.acts {
        streams.say(format!("{}\t{}\trisk {}\t{}", act.operation, act.resource, act.risk, act.magnitude))?;
        for line in grounds.next().map(Explained::of).iter().flat_map(Explained::lines) {
            streams.say(line)?;
        }
    }
    Ok(0)
}

fn answer(question: &Question, known: &Known, explain: bool) -> Result<Answer, Failure> {
    Ok(summary(&judge(question, known, explain)?, Some(question.id.clone())))
}

/// The systems that requests may be for: those that are built in, and those of a policy.
struct Known(Option<Policy>);

impl Known {
    fn of(policy: Option<&Path>) -> Result<Self, Failure> {
        Ok(Self(policy.map(Policy::from_file).transpose()?))
    }

    fn system(&self, name: &str) -> Option<&'static System> {
        self.0.as_ref().map_or_else(|| classify::system(name), |policy| policy.system(name))
    }

    fn all(&self) -> Vec<&'static System> {
        self.0
            .as_ref()
            .map_or_else(|| classify::systems().iter().collect(), |policy| policy.systems().collect())
    }
}

/// What a request does, and why where that is asked.
#[derive(Default)]
struct Judged {
    acts: Vec<Act>,
    refused: Option<&'static str>,
    tables: Option<Vec<String>>,
    grounds: Option<Vec<Ground>>,
}

impl Judged {
    fn unknown(refused: Option<&'static str>) -> Self {
        Self { acts: vec![Act::unknown()], refused, ..Self::default() }
    }
}

/// The acts of a request; a request that has no one reading is unknown, with the reason.
fn judge(question: &Question, known: &Known, explain: bool) -> Result<Judged, Failure> {
    if let Some(text) = &question.sql {
        let own = || known.system(question.system.as_deref()?)?.dialect();
        let dialect = question.dialect.as_deref().and_then(Dialect::by_name).or_else(own);
        let done = classify::sql(text, dialect);
        let grounds = explain.then(|| explain::sql(text, dialect));
        return Ok(Judged { acts: done.acts, refused: done.reason, tables: Some(done.tables), grounds });
    }
    if let Some(script) = &question.script {
        let done = classify::shell::script(script);
        let grounds = explain.then(|| explain::script(script));
        return Ok(Judged { acts: done.acts, refused: done.reason, grounds, ..Judged::default() });
    }
    if let Some(argv) = &question.argv {
        return Ok(command(question.system.as_deref(), known, argv, explain));
    }
    let (method, url) = match (&question.grpc_path, &question.method, &question.url) {
        (Some(path), ..) => ("POST", path),
        (None, Some(method), Some(url)) => (method.as_str(), url),
        _ => return Ok(Judged::unknown(None)),
    };
    let mut head = head(method, url, question.headers.iter().map(|(name, value)| (&**name, &**value)))?;
    if question.grpc_path.is_some() {
        head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    }
    let body = match &question.body {
        None => Vec::new(),
        Some(Value::String(text)) if question.grpc_path.is_some() => {
            BASE64.decode(text).map_err(|_| Failure::Usage("expected base64 in `body`".to_owned()))?
        }
        Some(Value::String(text)) => text.clone().into_bytes(),
        Some(value) => value.to_string().into_bytes(),
    };
    let systems: Vec<&'static System> = match &question.system {
        Some(name) => known.system(name).into_iter().collect(),
        None => known.all(),
    };
    let mut best: Option<Judged> = None;
    for system in systems {
        let classified = match classify::http(system, &head, "") {
            Classified::NeedBody(pending) => pending.finish(Body::Whole(&body)),
            Classified::Done(done) => Ok(done),
            Classified::Refused(refusal) => Err(refusal),
        };
        let judged = match classified {
            Ok(done) if done.entry.is_none() && question.system.is_none() => continue,
            Ok(done) => {
                let grounds = explain.then(|| explain::http(system, &head, "", Body::Whole(&body)).ok());
                Judged { acts: done.acts, grounds: grounds.flatten(), ..Judged::default() }
            }
            Err(refusal) => Judged::unknown(Some(refusal.code)),
        };
        // Where several catalogues know the request, the strictest reading stands.
        if best.as_ref().is_none_or(|known| riskiest(&known.acts) < riskiest(&judged.acts)) {
            best = Some(judged);
        }
    }
    Ok(best.unwrap_or_else(|| Judged::unknown(None)))
}

/// What a command of a system does.
fn command(system: Option<&str>, known: &Known, argv: &[String], explain: bool) -> Judged {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    let Some(system) = system.filter(|name| *name != "shell") else {
        let done = classify::shell::argv(&words);
        let grounds = explain.then(|| explain::argv(&words));
        return Judged { acts: done.acts, refused: done.reason, grounds, ..Judged::default() };
    };
    let Some(system) = known.system(system) else { return Judged::unknown(None) };
    match classify::command(system, &words) {
        Ok(done) => {
            let grounds = explain.then(|| explain::command(system, &words).ok()).flatten();
            Judged { acts: done.acts, grounds, ..Judged::default() }
        }
        Err(refusal) => Judged::unknown(Some(refusal.code)),
    }
}

/// The head of a request as the command line and the evaluation border give it.
pub(super) fn head<'h>(
    method: &str,
    url: &str,
    headers: impl IntoIterator<Item = (&'h str, &'h str)>,
) -> Result<HttpHead, Failure> {
    let wrong = |what: &str| Failure::Usage(format!("expected {what}"));
    let method = Method::from_str(method).map_err(|_| wrong("an HTTP method"))?;
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_str(name).map_err(|_| wrong("header names in `headers`"))?;
        map.append(name, HeaderValue::from_str(value).map_err(|_| wrong("header values in `headers`"))?);
    }
    // A path may hold an address in its query.
    let (host, target) = match url.split_once("://").filter(|_| !url.starts_with('/')) {
        Some((_, rest)) => match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        },
        None => ("", url),
    };
    Ok(HttpHead { method, target: target.to_owned(), host: host.to_owned(), headers: map })
}

fn riskiest(acts: &[Act]) -> Risk {
    acts.iter().map(|act| act.risk).max().unwrap_or(Risk::NONE)
}

/// The operations without repeats; resource, risk and magnitude of the riskiest act, the first of equals.
fn summary(judged: &Judged, id: Option<Value>) -> Answer {
    let mut operations = Vec::new();
    for act in &judged.acts {
        if !operations.contains(&act.operation.name()) {
            operations.push(act.operation.name());
        }
    }
    let top = judged.acts.iter().rev().max_by_key(|act| act.risk).cloned().unwrap_or_else(Act::unknown);
    Answer {
        id,
        operations,
        resource: top.resource,
        risk: top.risk,
        magnitude: top.magnitude,
        tables: judged.tables.clone(),
        refused: judged.refused,
        explain: judged.grounds.clone().map(|grounds| grounds.into_iter().map(Explained::of).collect()),
    }
}
