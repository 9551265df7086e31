//! Requests whose query or body decides, system by system (`tests/data/requests.tsv`).

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use http::{HeaderMap, Method};
use wardline::classify::{self, Body, Classified, Outcome};
use wardline::model::HttpHead;

fn classified(system: &str, call: &str, body: &str) -> Classified {
    let (method, target) = call.split_once(' ').unwrap();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let head = HttpHead { method, target: target.into(), host: "h".into(), headers: HeaderMap::new() };
    match classify::http(classify::system(system).unwrap(), &head, "") {
        Outcome::Done(done) => done,
        Outcome::NeedBody(pending) => pending.finish(Body::Whole(body.as_bytes())).unwrap(),
        Outcome::Refused(refusal) => panic!("{system} {call}: {refusal:?}"),
    }
}

#[test]
fn each_request_does_what_its_fields_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/requests.tsv");
    let text = std::fs::read_to_string(file).unwrap();
    let mut wrong = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let [system, call, body, operation, resource, count] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("columns: {line}"));
        let acts = classified(system, call, body).acts;
        let told: Vec<_> = acts
            .iter()
            .map(|act| {
                let count = act.magnitude.count.map_or("*".to_owned(), |n| n.to_string());
                (act.operation.name().to_owned(), act.resource.clone(), count)
            })
            .collect();
        if told != [(operation.to_owned(), resource.to_owned(), count.to_owned())] {
            wrong.push(format!("{line}: {told:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
