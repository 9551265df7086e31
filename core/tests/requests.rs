//! Requests whose query or body decides, system by system (`tests/data/requests.tsv`).

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use http::{HeaderMap, Method};
use wardline::classify::{self, Body, Outcome};
use wardline::model::{Act, HttpHead};

/// What each act of a request is, side by side; of one that is refused the code.
fn told(system: &str, call: &str, body: &str) -> [String; 3] {
    let (method, target) = call.split_once(' ').unwrap();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let mut headers = HeaderMap::new();
    if !body.is_empty() {
        headers.insert("content-length", body.len().into());
    }
    let head = HttpHead { method, target: target.into(), host: "h".into(), headers };
    let done = match classify::http(classify::system(system).unwrap(), &head, "") {
        Outcome::Done(done) => Ok(done),
        Outcome::NeedBody(pending) => pending.finish(Body::Whole(body.as_bytes())),
        Outcome::Refused(refusal) => Err(refusal),
    };
    let done = match done {
        Ok(done) => done,
        Err(refusal) => return ["refused", refusal.code, "-"].map(str::to_owned),
    };
    let beside = |told: &dyn Fn(&Act) -> String| done.acts.iter().map(told).collect::<Vec<_>>().join(" & ");
    [
        beside(&|act| act.operation.name().to_owned()),
        beside(&|act| act.resource.clone()),
        beside(&|act| act.magnitude.count.map_or("*".to_owned(), |n| n.to_string())),
    ]
}

#[test]
fn each_request_does_what_its_fields_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/requests.tsv");
    let text = std::fs::read_to_string(file).unwrap();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let [system, call, body, operation, resource, magnitude] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("columns: {line}"));
        let told = told(system, call, &body.replace('⏎', "\n"));
        if told != [operation, resource, magnitude] {
            wrong.push(format!("{line}: {told:?}"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 300, "{count}");
}
