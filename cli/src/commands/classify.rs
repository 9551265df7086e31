//! `wardline classify`: what a request does.

use std::collections::BTreeMap;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wardline::classify::{self, Body, Dialect, Outcome as Classified, System};
use wardline::model::{Act, HttpHead, Magnitude, Risk};

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
}

pub(crate) fn run(args: &Classify, json: bool, streams: &mut Streams<'_>) -> Outcome {
    if args.jsonl {
        streams.each_line(|question: Question| answer(&question))?;
        return Ok(0);
    }
    let body = match args.body.as_deref() {
        Some("-") => Some(String::from_utf8_lossy(&streams.read_all()?).into_owned()),
        other => other.map(str::to_owned),
    };
    let question = Question {
        system: args.system.clone(),
        method: args.method.clone(),
        url: args.url.clone(),
        body: body.map(Value::String),
        ..Question::default()
    };
    let (acts, refused) = judge(&question)?;
    if json {
        streams.json(&Answer { id: None, ..summary(&acts, refused) })?;
        return Ok(0);
    }
    if let Some(code) = refused {
        streams.say(format!("refused: {code}"))?;
    }
    for act in &acts {
        streams.say(format!("{}\t{}\trisk {}\t{}", act.operation, act.resource, act.risk, act.magnitude))?;
    }
    Ok(0)
}

fn answer(question: &Question) -> Result<Answer, Failure> {
    if let Some(text) = &question.sql {
        let done = classify::sql(text, question.dialect.as_deref().and_then(Dialect::by_name));
        let id = Some(question.id.clone());
        return Ok(Answer { id, tables: Some(done.tables), ..summary(&done.acts, done.reason) });
    }
    let (acts, refused) = judge(question)?;
    Ok(Answer { id: Some(question.id.clone()), ..summary(&acts, refused) })
}

/// The acts of a request; a request that has no one reading is unknown, with the reason.
fn judge(question: &Question) -> Result<(Vec<Act>, Option<&'static str>), Failure> {
    if let Some(script) = &question.script {
        let done = classify::shell::script(script);
        return Ok((done.acts, done.reason));
    }
    if let Some(argv) = &question.argv {
        return Ok(command(question.system.as_deref(), argv));
    }
    let (method, url) = match (&question.grpc_path, &question.method, &question.url) {
        (Some(path), ..) => ("POST", path),
        (None, Some(method), Some(url)) => (method.as_str(), url),
        _ => return Ok((vec![Act::unknown()], None)),
    };
    let mut head = head(method, url, &question.headers)?;
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
        Some(name) => classify::system(name).into_iter().collect(),
        None => classify::systems().iter().collect(),
    };
    let mut best: Option<(Vec<Act>, Option<&'static str>)> = None;
    for system in systems {
        let classified = match classify::http(system, &head, "") {
            Classified::NeedBody(pending) => pending.finish(Body::Whole(&body)),
            Classified::Done(done) => Ok(done),
            Classified::Refused(refusal) => Err(refusal),
        };
        let judged = match classified {
            Ok(done) if done.entry.is_none() && question.system.is_none() => continue,
            Ok(done) => (done.acts, None),
            Err(refusal) => (vec![Act::unknown()], Some(refusal.code)),
        };
        // Where several catalogues know the request, the strictest reading stands.
        if best.as_ref().is_none_or(|(acts, _)| riskiest(acts) < riskiest(&judged.0)) {
            best = Some(judged);
        }
    }
    Ok(best.unwrap_or_else(|| (vec![Act::unknown()], None)))
}

/// What a command of a system does.
fn command(system: Option<&str>, argv: &[String]) -> (Vec<Act>, Option<&'static str>) {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    let Some(system) = system else {
        let done = classify::shell::argv(&words);
        return (done.acts, done.reason);
    };
    let Some(system) = classify::system(system) else { return (vec![Act::unknown()], None) };
    match classify::command(system, &words) {
        Ok(done) => (done.acts, None),
        Err(refusal) => (vec![Act::unknown()], Some(refusal.code)),
    }
}

fn head(method: &str, url: &str, headers: &BTreeMap<String, String>) -> Result<HttpHead, Failure> {
    let wrong = |what: &str| Failure::Usage(format!("expected {what}"));
    let method = Method::from_str(method).map_err(|_| wrong("an HTTP method"))?;
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_str(name).map_err(|_| wrong("header names in `headers`"))?;
        map.append(name, HeaderValue::from_str(value).map_err(|_| wrong("header values in `headers`"))?);
    }
    let (host, target) = match url.split_once("://") {
        Some((_, rest)) => match rest.find('/') {
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
fn summary(acts: &[Act], refused: Option<&'static str>) -> Answer {
    let mut operations = Vec::new();
    for act in acts {
        if !operations.contains(&act.operation.name()) {
            operations.push(act.operation.name());
        }
    }
    let top = acts.iter().rev().max_by_key(|act| act.risk).cloned().unwrap_or_else(Act::unknown);
    Answer {
        id: None,
        operations,
        resource: top.resource,
        risk: top.risk,
        magnitude: top.magnitude,
        tables: None,
        refused,
    }
}
