//! `tests/data/exchanges.jsonl`, through the engine alone: what every door must come to.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use wardline::guard::Guard;
use wardline::policy::Policy;

use crate::{Service, exchange, exchanges, head};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    request: Request,
    #[serde(default)]
    service: Answers,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    method: String,
    target: String,
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Answers {
    status: u16,
    headers: BTreeMap<String, String>,
    chunks: Vec<String>,
    #[serde(default)]
    length: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    status: Option<u16>,
    body: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
    code: Option<String>,
    detail: Option<String>,
    #[serde(default)]
    aborted: bool,
    #[serde(default)]
    body_excludes: Vec<String>,
    #[serde(default)]
    body_holds: Vec<String>,
    service_called: Option<bool>,
    service_saw: Option<Saw>,
    #[serde(default)]
    record: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saw {
    body: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
}

#[test]
fn every_case_holds() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("exchanges.yaml");
    std::fs::write(&policy, include_str!("../data/exchanges.yaml")).unwrap();
    let guard = Guard::new(Policy::from_file(&policy).unwrap());
    let mut wrong = Vec::new();
    for line in include_str!("../data/exchanges.jsonl").lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        if let Err(why) = run(&guard, &folder.path().join("state"), &case) {
            wrong.push(format!("{}\n    {why}", case.name));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn run(guard: &Guard, state: &std::path::Path, case: &Case) -> Result<(), String> {
    let request = &case.request;
    let mut pairs: Vec<(&str, &str)> =
        request.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let length = request.body.len().to_string();
    if !request.body.is_empty() {
        pairs.push(("content-length", &length));
    }
    let mut answers = Service { status: case.service.status.max(200), ..Service::default() };
    for (name, value) in &case.service.headers {
        answers.headers.insert(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
    }
    answers.chunks = case.service.chunks.iter().map(|chunk| chunk.clone().into_bytes()).collect();
    if case.service.length {
        answers.headers.insert("content-length", answers.chunks.concat().len().into());
    }
    let seen =
        exchange(guard, head(&request.method, &request.target, &pairs), request.body.as_bytes(), &answers);
    guard.flush().unwrap();

    let expect = &case.expect;
    let body = String::from_utf8_lossy(&seen.body).into_owned();
    let problem: Value = serde_json::from_str(&body).unwrap_or_default();
    same("status", &expect.status.map(|s| s.to_string()), &seen.status.to_string())?;
    same("aborted", &Some(expect.aborted.to_string()), &seen.aborted.is_some().to_string())?;
    if request.method != "HEAD" {
        same("body", &expect.body, &body)?;
    }
    same("code", &expect.code, problem["code"].as_str().unwrap_or("none"))?;
    same("detail", &expect.detail, problem["detail"].as_str().unwrap_or("none"))?;
    // The engine leaves the length of a body that it changed to the door.
    let own = |name: &&String| *name != "content-length";
    for name in expect.headers.keys().filter(own) {
        header(name, &expect.headers[name], &seen.headers)?;
    }
    if let Some(text) = expect.body_holds.iter().find(|text| !body.contains(text.as_str())) {
        return Err(format!("the body does not hold {text}\n    found {body}"));
    }
    for text in &expect.body_excludes {
        if body.contains(text) {
            return Err(format!("the body holds {text:?}"));
        }
    }
    if let Some(called) = expect.service_called {
        same("service called", &Some(called.to_string()), &seen.service.is_some().to_string())?;
    }
    if let Some(saw) = &expect.service_saw {
        let (headers, body) = seen.service.as_ref().ok_or("the service was not called")?;
        same("the service's body", &saw.body, &String::from_utf8_lossy(body))?;
        for (name, value) in &saw.headers {
            header(name, value, headers)?;
        }
    }
    let record = exchanges(state).pop().ok_or("no record")?;
    record_holds(&expect.record, &serde_json::to_value(&record.record).unwrap())
}

fn same(what: &str, expected: &Option<String>, found: &str) -> Result<(), String> {
    match expected {
        Some(expected) if expected != found => Err(format!("{what}: expected {expected}\n    found {found}")),
        _ => Ok(()),
    }
}

fn header(name: &str, expected: &Option<String>, found: &http::HeaderMap) -> Result<(), String> {
    let found = found.get(name).map(|value| value.to_str().unwrap().to_owned());
    if *expected == found { Ok(()) } else { Err(format!("{name}: expected {expected:?}, found {found:?}")) }
}

/// Compares what a case says of its record with the record.
fn record_holds(expected: &BTreeMap<String, Value>, record: &Value) -> Result<(), String> {
    for (name, expected) in expected {
        let found = match name.as_str() {
            "operations" => {
                record["acts"].as_array().unwrap().iter().map(|act| act["operation"].clone()).collect()
            }
            "resource" => record["acts"][0]["resource"].clone(),
            "magnitude" => record["acts"][0]["magnitude"]["count"].clone(),
            "subject" => record["identity"]["subject"].clone(),
            "result" => record["outcome"]["result"].clone(),
            "request_totals" => record["request"]["totals"].clone(),
            "response_totals" => record["response"]["totals"].clone(),
            "vectors" => record["response"]["census"]["vectors"].clone(),
            "rows" => record["response"]["census"]["rows"].clone(),
            "ids" => record["response"]["census"]["ids"].clone(),
            "surviving" => record["response"]["reread"]["surviving"].clone(),
            "stripped" => record["response"]["stripped"].clone(),
            "request_vectors" => record["request"]["census"]["vectors"].clone(),
            "decided" | "enforced" | "mode" | "budgets" | "unusual" => record[name].clone(),
            other => return Err(format!("the corpus asks for {other}, which no runner knows")),
        };
        if *expected != found {
            return Err(format!("record.{name}: expected {expected}, found {found}"));
        }
    }
    Ok(())
}
