//! Why a classification is what it is: entries, rules and lines that really stand where they are said to.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;

use wardline::classify::explain::{self, Ground, Place};
use wardline::classify::{self, Body, Dialect};
use wardline::model::{HttpHead, Operation};

fn http(system: &str, method: &str, target: &str, body: Body<'_>) -> Vec<Ground> {
    let headers =
        http::HeaderMap::from_iter([(http::header::CONTENT_LENGTH, http::HeaderValue::from_static("1"))]);
    let (method, target) = (method.parse().unwrap(), target.to_owned());
    let head = HttpHead { method, target, host: "h".into(), headers };
    explain::http(classify::system(system).unwrap(), &head, "", body).unwrap()
}

/// What stands at a place.
fn line(place: Option<Place>) -> String {
    let place = place.unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(place.file);
    std::fs::read_to_string(file).unwrap().lines().nth(place.line - 1).unwrap().to_owned()
}

#[test]
fn every_entry_stands_where_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = std::collections::BTreeMap::new();
    for entry in classify::systems().iter().flat_map(|system| system.entries()) {
        let (file, at) = entry.place();
        let text = files.entry(file).or_insert_with(|| std::fs::read_to_string(root.join(file)).unwrap());
        let line = text.lines().nth(at - 1).unwrap();
        assert!(line.contains(&format!("{} {}", entry.method(), entry.route())), "{file}:{at}: {line}");
    }
}

#[test]
fn a_rule_and_its_fields_are_named() {
    let body = Body::Whole(br#"{"limit": 20, "with_vector": ["a", "b"], "filter": {"must": []}}"#);
    let grounds = http("qdrant", "POST", "/collections/docs/points/scroll", body);
    let [ground] = grounds.as_slice() else { panic!("{grounds:?}") };
    assert_eq!((ground.act.operation, ground.act.resource.as_str()), (Operation::VectorFetch, "docs"));
    assert!(line(ground.entry_at).contains("POST /collections/{collection_name}/points/scroll"));
    assert!(line(ground.rule_at).contains(ground.rule.as_deref().unwrap()));
    let found = |name: &str| {
        let field = ground.fields.iter().find(|(known, _)| known == name);
        field.map(|(_, found)| found.as_str()).unwrap_or_default()
    };
    assert_eq!((found("with_vector|with_vectors"), found("limit")), ("list of 2", "20"));
    assert_eq!(found("path.collection_name"), "text of 4 bytes");
    assert_eq!(ground.arithmetic(), "35");
}

#[test]
fn risk_is_told_as_a_sum() {
    let body = Body::Whole(br#"{"limit": 20000, "with_vector": true}"#);
    let grounds = http("qdrant", "POST", "/collections/docs/points/scroll", body);
    assert_eq!(grounds[0].arithmetic(), "85 + 10 for 20000 vectors = 95");
    let grounds = http("qdrant", "DELETE", "/issues", Body::Whole(b""));
    assert_eq!(grounds[0].arithmetic(), "25 (where admin.config is 65)");
}

#[test]
fn every_act_has_a_ground_that_is_its_own() {
    let batch =
        Body::Whole(br#"{"operations": [{"delete": {"points": [1]}}, {"upsert": {"points": [{"id": 1}]}}]}"#);
    for (system, target, body) in [
        ("qdrant", "/collections/docs/points/batch", batch),
        ("elasticsearch", "/a,b/_search", Body::Whole(br#"{"size": 5}"#)),
        ("openai", "/v1/embeddings", Body::Whole(br#"{"model": "m", "input": ["a", "b"]}"#)),
        ("qdrant", "/collections/docs/points/scroll", Body::TooLarge),
    ] {
        for ground in http(system, "POST", target, body) {
            assert!(ground.entry.is_some(), "{ground:?}");
            assert_eq!(ground.worst_case, matches!(body, Body::TooLarge));
            assert!(ground.base <= ground.act.risk, "{ground:?}");
        }
    }
    let unknown = http("qdrant", "POST", "/nowhere", Body::Whole(b""));
    assert_eq!((unknown[0].act.operation, unknown[0].entry.as_deref()), (Operation::Unknown, None));
}

#[test]
fn texts_of_the_request_stay_out() {
    let body = Body::Whole(br#"{"model": "m", "input": "call me at 555-0100"}"#);
    let told = format!("{:?}", http("openai", "POST", "/v1/embeddings", body)[0].fields);
    assert!(told.contains("text") && !told.contains("555"), "{told}");
}

#[test]
fn commands_of_a_system_have_their_entry() {
    let redis = classify::system("redis").unwrap();
    let grounds = explain::command(redis, &["KEYS", "*"]).unwrap();
    assert!(line(grounds[0].entry_at).contains("CMD KEYS"), "{grounds:?}");
}

#[test]
fn statements_are_told_apart() {
    let text = "SELECT id FROM docs WHERE id = 1; SELECT pg_sleep(9); DELETE FROM docs";
    let grounds = explain::sql(text, Some(Dialect::Postgres));
    let parts: Vec<_> = grounds.iter().map(|ground| ground.part.clone().unwrap()).collect();
    assert_eq!(
        grounds.iter().map(|ground| ground.act.clone()).collect::<Vec<_>>(),
        classify::sql(text, None).acts
    );
    assert_eq!(parts[0], (1, "SELECT ID".to_owned()));
    let sleeps = grounds.iter().find(|ground| ground.rule_at.is_some()).unwrap();
    assert!(line(sleeps.rule_at).contains("pg_sleep"));
    assert_eq!(sleeps.part.as_ref().unwrap().0, 2);
    let deletes = grounds.iter().find(|ground| ground.act.operation == Operation::DataDelete).unwrap();
    assert_eq!(deletes.part, Some((3, "DELETE FROM".to_owned())));
    // Every row, and any number of them.
    assert_eq!(deletes.arithmetic(), "85 (where data.delete is 65) + 15 for unbounded rows = 100");
}

#[test]
fn commands_of_a_shell_name_their_line() {
    let script = "cd /srv && sudo kubectl delete ns prod; psql -c 'drop table a'";
    let grounds = explain::script(script);
    assert_eq!(
        grounds.iter().map(|ground| ground.act.clone()).collect::<Vec<_>>(),
        classify::shell::script(script).acts
    );
    let destroys = grounds.iter().find(|ground| ground.act.operation == Operation::InfraDestroy).unwrap();
    assert_eq!(destroys.part.as_ref().unwrap().1, "kubectl");
    assert!(line(destroys.rule_at).contains(destroys.rule.as_deref().unwrap()));
    assert!(line(destroys.rule_at).starts_with("delete"));
    let drops = grounds.iter().find(|ground| ground.act.operation == Operation::CollectionDrop).unwrap();
    assert_eq!(drops.part.as_ref().unwrap().1, "psql");
    let words = explain::argv(&["rm", "-rf", "/srv/a"]);
    assert_eq!(words[0].part, Some((1, "rm".to_owned())));
}
