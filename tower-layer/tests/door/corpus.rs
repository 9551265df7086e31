//! The cases that every host runs, through a real axum server.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use http::Response;
use serde_json::{Value, json};

use crate::support::{Reply, Server, channel};

const POLICY: &str = include_str!("../../../core/tests/data/exchanges.yaml");
const CASES: &str = include_str!("../../../core/tests/data/exchanges.jsonl");

/// The service of the case that is being run, and what it saw.
#[derive(Default)]
struct Stage {
    answers: Value,
    saw: Option<(http::request::Parts, Vec<u8>)>,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_comes_out_as_it_must() {
    let stage: Arc<Mutex<Stage>> = Arc::default();
    let of_service = stage.clone();
    let service = Router::new().fallback(move |request: Request| answer(of_service.clone(), request));
    let server = Server::under(POLICY, service).await;
    let mut wrong = Vec::new();
    for line in CASES.lines().filter(|line| !line.trim().is_empty()) {
        let case: Value = serde_json::from_str(line).unwrap();
        *stage.lock().unwrap() = Stage { answers: case["service"].clone(), saw: None };
        let before = server.records().await.len();
        let reply = server.exchange(wire(&case["request"])).await;
        let record = serde_json::to_value(server.record_number(before + 1).await).unwrap();
        let saw = stage.lock().unwrap().saw.take();
        for fault in faults(&case["expect"], &reply, saw, &record) {
            wrong.push(format!("{}: {fault}", case["name"].as_str().unwrap()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn wire(request: &Value) -> String {
    let (method, target) = (request["method"].as_str().unwrap(), request["target"].as_str().unwrap());
    let mut text = format!("{method} {target} HTTP/1.1\r\n");
    let headers = request["headers"].as_object().unwrap();
    if !headers.contains_key("host") {
        text.push_str("host: localhost\r\n");
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {}\r\n", value.as_str().unwrap()));
    }
    let body = request["body"].as_str();
    if let Some(body) = body {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    text + "\r\n" + body.unwrap_or("")
}

async fn answer(stage: Arc<Mutex<Stage>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default().to_vec();
    let answers = {
        let mut stage = stage.lock().unwrap();
        stage.saw = Some((parts, body));
        stage.answers.clone()
    };
    let mut response = Response::builder().status(answers["status"].as_u64().unwrap_or(200) as u16);
    for (name, value) in answers["headers"].as_object().into_iter().flatten() {
        response = response.header(name, value.as_str().unwrap());
    }
    let chunks: Vec<String> = answers["chunks"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|chunk| chunk.as_str().unwrap().to_owned())
        .collect();
    if answers["length"] == true || chunks.is_empty() {
        return response.body(Body::from(chunks.concat())).unwrap();
    }
    let (source, body) = channel();
    tokio::spawn(async move {
        for chunk in chunks {
            source.send(&chunk).await;
            tokio::task::yield_now().await;
        }
    });
    response.body(Body::new(body)).unwrap()
}

/// What is not as the case expects.
fn faults(
    expect: &Value,
    reply: &Reply,
    saw: Option<(http::request::Parts, Vec<u8>)>,
    record: &Value,
) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |what: &str, expected: &Value, found: Value| {
        if !expected.is_null() && *expected != found {
            faults.push(format!("{what}: expected {expected}, found {found}"));
        }
    };
    let text = String::from_utf8_lossy(&reply.body);
    if !expect["aborted"].is_null() || !expect["status"].is_null() {
        check("aborted", &json!(expect["aborted"] == true), json!(reply.aborted));
    }
    check("status", &expect["status"], json!(reply.status));
    check("body", &expect["body"], json!(text));
    for (name, value) in expect["headers"].as_object().into_iter().flatten() {
        check(name, &json!([value]), json!([reply.header(name)]));
    }
    let problem: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    check("code", &expect["code"], problem["code"].clone());
    check("detail", &expect["detail"], problem["detail"].clone());
    for held in expect["body_holds"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        check("holds", &json!(held), json!(if text.contains(held) { held } else { &text }));
    }
    for excluded in expect["body_excludes"].as_array().into_iter().flatten() {
        check("leaves", &json!(false), json!(text.contains(excluded.as_str().unwrap())));
    }
    check("service_called", &expect["service_called"], json!(saw.is_some()));
    let seen = &expect["service_saw"];
    if let Some((parts, body)) = saw {
        check("service_saw", &seen["body"], json!(String::from_utf8_lossy(&body)));
        for (name, value) in seen["headers"].as_object().into_iter().flatten() {
            let found = parts.headers.get(name).map(|value| value.to_str().unwrap());
            check(name, &json!([value]), json!([found]));
        }
    } else {
        check("service_saw", &json!(!seen.is_null()), json!(false));
    }
    for (field, value) in expect["record"].as_object().into_iter().flatten() {
        check(field, value, of_record(record, field));
    }
    faults
}

fn of_record(record: &Value, field: &str) -> Value {
    let acts = record["acts"].as_array();
    match field {
        "operations" => acts.into_iter().flatten().map(|act| act["operation"].clone()).collect(),
        "resource" => record["acts"][0]["resource"].clone(),
        "magnitude" => record["acts"][0]["magnitude"]["count"].clone(),
        "subject" => record["identity"]["subject"].clone(),
        "result" => record["outcome"]["result"].clone(),
        "request_totals" => record["request"]["totals"].clone(),
        "response_totals" => record["response"]["totals"].clone(),
        "vectors" | "rows" | "ids" => record["response"]["census"][field].clone(),
        "surviving" => record["response"]["reread"]["surviving"].clone(),
        "stripped" => record["response"]["stripped"].clone(),
        "request_vectors" => record["request"]["census"]["vectors"].clone(),
        "decided" | "enforced" | "mode" | "budgets" | "unusual" => record[field].clone(),
        _ => panic!("a case speaks of {field}, which no runner knows"),
    }
}
