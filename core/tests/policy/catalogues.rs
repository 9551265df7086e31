//! Catalogues that a policy brings: systems of its own, and further entries of what is built in.

use std::fs;
use std::path::Path;

use wardline::classify::{self, Body, Outcome, explain};
use wardline::guard::{Caller, Guard, Step};
use wardline::model::{HttpHead, Operation, Subject};
use wardline::policy::Policy;

const LIBRARY: &str = "\
system: library
title: The library's own service
trailing_slash: same
defaults: {resource: [path.shelf]}
bodies:
  books: {vectors: \"books[*].embedding\", rows: books}
operations:
  - GET /shelves: collection.list
  - POST /shelves/{shelf}/search: vector.search
    magnitude: {field: top, default: 10}
    when:
      - {field: embeddings, is: truthy, then: vector.fetch}
      - {field: embeddings, is: truthy, magnitude: \">=500\", then: vector.export}
    census: {response: books}
    why: embeddings come along where they are asked for
  - POST /batch: data.read
    each: calls
    as: {drop: 'DELETE /shelves/{shelf}'}
  - DELETE /shelves/{shelf}: collection.drop
    resource: [path.shelf, body.shelf]
  - CMD SHELVE: data.ingest
    resource: arg.1
";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn parse(folder: &Path, policy: &str) -> Result<Policy, wardline::Error> {
    Policy::parse(policy, folder.join("wardline.yaml").to_str().unwrap())
}

/// `file:line:column code`, and whether the message holds what was expected.
fn wrong(files: &[(&str, &str)], policy: &str) -> Vec<String> {
    let folder = folder(files);
    let error = parse(folder.path(), policy).unwrap_err();
    let root = format!("{}/", folder.path().display());
    let one = |d: &wardline::error::Diagnostic| {
        format!("{}:{}:{} {}: {}", d.file.trim_start_matches(&root), d.line, d.column, d.code, d.message)
    };
    error.diagnostics().iter().map(one).collect()
}

fn head(method: &str, target: &str) -> HttpHead {
    let mut headers = http::HeaderMap::new();
    if method != "GET" {
        headers.insert(http::header::CONTENT_LENGTH, http::HeaderValue::from_static("1"));
    }
    HttpHead { method: method.parse().unwrap(), target: target.into(), host: "h".into(), headers }
}

fn reading(policy: &Policy, service: &str, method: &str, target: &str, body: &[u8]) -> (Operation, String) {
    let system = policy.service(service).unwrap().system;
    let done = match classify::http(system, &head(method, target), "") {
        Outcome::Done(done) => done,
        Outcome::NeedBody(pending) => pending.finish(Body::Whole(body)).unwrap(),
        Outcome::Refused(refusal) => panic!("{refusal:?}"),
    };
    (done.acts[0].operation, done.acts[0].resource.clone())
}

#[test]
fn a_system_of_the_policy_s_own_is_classified_counted_and_explained() {
    let folder = folder(&[("library.yaml", LIBRARY)]);
    let policy = "version: 1
state: memory
catalogues: [library.yaml]
services: {books: {system: library}}
rules: [{name: look, who: ['user:*'], operations: [vector.search], effect: allow}]
";
    let policy = parse(folder.path(), policy).unwrap();
    let read = |method, target, body: &str| reading(&policy, "books", method, target, body.as_bytes());
    assert_eq!(read("GET", "/shelves/", ""), (Operation::CollectionList, String::new()));
    let search = "/shelves/poetry/search";
    assert_eq!(read("POST", search, "{}"), (Operation::VectorSearch, "poetry".into()));
    assert_eq!(read("POST", search, r#"{"embeddings": true}"#).0, Operation::VectorFetch);
    assert_eq!(read("POST", search, r#"{"embeddings": true, "top": 500}"#).0, Operation::VectorExport);
    assert_eq!(
        read("POST", "/batch", r#"{"calls": [{"drop": {"shelf": "poetry"}}]}"#).0,
        Operation::CollectionDrop
    );
    assert_eq!(read("PUT", search, "{}").0, Operation::Unknown);
    let system = policy.service("books").unwrap().system;
    assert!(system.takes_requests() && system.takes_commands());
    let command = classify::command(system, &["shelve", "poetry"]).unwrap();
    assert_eq!(
        (command.acts[0].operation, command.acts[0].resource.as_str()),
        (Operation::DataIngest, "poetry")
    );
    let entry = system.entries().iter().find(|entry| entry.route().ends_with("/search")).unwrap();
    assert_eq!(entry.response_census().unwrap().vectors, ["books[*].embedding"]);
    assert_eq!(entry.why(), Some("embeddings come along where they are asked for"));

    let body = Body::Whole(br#"{"embeddings": true, "top": 500}"#);
    let grounds = explain::http(system, &head("POST", search), "", body).unwrap();
    let (at, rule) = (grounds[0].entry_at.unwrap(), grounds[0].rule_at.unwrap());
    let line = |line: usize| LIBRARY.lines().nth(line - 1).unwrap();
    assert!(at.file == rule.file && at.file.ends_with("/library.yaml"));
    assert!(line(at.line).contains("POST /shelves/{shelf}/search"));
    assert!(line(rule.line).contains(grounds[0].rule.as_deref().unwrap()));
    assert_eq!(policy.system("library").map(classify::System::name), Some("library"));
    assert!(policy.systems().any(|system| system.name() == "library"));
    assert!(classify::system("library").is_none(), "it is this policy's");
}

#[test]
fn its_clients_are_told_of_refusals_as_it_says() {
    let forms = "refusals:\n  - {under: /v2/, body: {errors: [{what: '{word}', why: '{reason}'}], more: {}, list: []}, words: {403: NO}}\n  - {headers: {x-no: '{word}', x-why: '{code} - {reason}'}, body: '<No code=\"{code}\">{reason}</No>'}\n";
    let folder = folder(&[("library.yaml", &format!("{LIBRARY}{forms}"))]);
    let text = "version: 1\nstate: memory\ncatalogues: [library.yaml]\nservices: {books: {system: library, base_path: /books}}\n";
    let guard = Guard::new(parse(folder.path(), text).unwrap());
    let refused = |target: &str| {
        let subject = Subject::Http(head("GET", target));
        let mut exchange = guard.begin(subject, Caller::peer(None), "asgi");
        let Step::Answer(answer) = exchange.next_blocking() else { panic!("nobody may") };
        let headers = answer.headers();
        let why =
            headers.iter().find(|(name, _)| name == "x-why").map(|(_, why)| why.to_str().unwrap().to_owned());
        assert!(headers.iter().all(|(name, _)| name != "x-no"), "there is no word for its status");
        (headers[0].1.to_str().unwrap().to_owned(), String::from_utf8(answer.body()).unwrap(), why)
    };
    let (kind, body, why) = refused("/books/shelves");
    assert_eq!(why.as_deref(), Some("default_deny - no rule allows this request"));
    assert_eq!(
        (kind.as_str(), body.as_str()),
        ("application/xml", "<No code=\"default_deny\">no rule allows this request</No>")
    );
    let (kind, body, why) = refused("/books/v2/shelves?all=1");
    assert_eq!((kind.as_str(), why), ("application/json", None));
    let begins = r#"{"errors":[{"what":"NO","why":"the risk of this request is higher than this service takes"}],"more":{},"list":[],"type":"urn:wardline:problem:risk_denied","#;
    assert!(body.starts_with(begins), "{body}");
    // Of no service at all.
    let (kind, body, _) = refused("/other");
    assert_eq!(kind, "application/problem+json");
    assert!(body.contains("no service of the policy has this host and path"), "{body}");
}

#[test]
fn a_policy_read_again_has_the_same_tables_and_another_digest_where_they_differ() {
    let folder = folder(&[("library.yaml", LIBRARY)]);
    let text = "version: 1\ncatalogues: [library.yaml]\nservices: {books: {system: library}}\n";
    let (one, two) = (parse(folder.path(), text).unwrap(), parse(folder.path(), text).unwrap());
    assert!(std::ptr::eq(one.system("library").unwrap(), two.system("library").unwrap()));
    assert_eq!(one.digest(), two.digest());
    fs::write(folder.path().join("library.yaml"), LIBRARY.replace("default: 10", "default: 20")).unwrap();
    assert_ne!(parse(folder.path(), text).unwrap().digest(), one.digest());
}

#[test]
fn entries_are_added_to_what_is_built_in_and_change_nothing_of_it() {
    let more = "system: qdrant\noperations:\n  - POST /plugins/{plugin}/run: code.execute\n    resource: path.plugin\n  - RPC /plugins.Runner/Run: code.execute\n";
    let folder = folder(&[("more.yaml", more)]);
    let text = "version: 1\ncatalogues: [more.yaml]\nservices: {vectors: {system: qdrant}}\n";
    let policy = parse(folder.path(), text).unwrap();
    let (own, built_in) = (policy.system("qdrant").unwrap(), classify::system("qdrant").unwrap());
    assert_eq!(own.entries().len(), built_in.entries().len() + 2);
    assert_eq!(
        reading(&policy, "vectors", "POST", "/plugins/a/run", b"{}"),
        (Operation::CodeExecute, "a".into())
    );
    let scroll = "/collections/docs/points/scroll";
    assert_eq!(reading(&policy, "vectors", "POST", scroll, b"{}").0, Operation::DataRead);
    let done = classify::http(built_in, &head("POST", "/plugins/a/run"), "");
    assert!(matches!(done, Outcome::Done(done) if done.acts[0].operation == Operation::Unknown));
}

#[test]
fn what_is_built_in_cannot_be_weakened() {
    let policy = "version: 1\ncatalogues: [more.yaml]\nservices: {a: {system: qdrant}}\n";
    for (system, entry) in [
        ("qdrant", "POST /collections/{collection_name}/points/scroll: health.check"),
        ("qdrant", "POST /collections/{c}/points/scroll: health.check"),
        ("qdrant", "POST /collections/docs/points/scroll: health.check"),
        ("qdrant", "POST /collections/{*rest}: health.check"),
        ("qdrant", "HEAD /collections/{c}: health.check"),
        ("qdrant", "RPC /qdrant.Points/Scroll: health.check"),
        ("redis", "CMD FLUSHALL: health.check"),
        ("redis", "CMD GET SECRET: health.check"),
        ("s3", "GET /{bucket}?peek: health.check"),
    ] {
        let more = format!("system: {system}\noperations:\n  - {entry}\n");
        let found = wrong(&[("more.yaml", &more)], policy);
        assert_eq!(found.len(), 1, "{entry}: {found:?}");
        assert!(
            found[0].starts_with("more.yaml:3:5 bad_catalogue: it would change what a request to"),
            "{found:?}"
        );
        assert!(found[0].contains(&format!("data/catalogue/{system}")), "{found:?}");
    }
    let settings =
        "system: qdrant\ntrailing_slash: same\noperations:\n  - GET /mine: data.read\nget_bodies: known\n";
    let found = wrong(&[("more.yaml", settings)], policy);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with("more.yaml:2:1 bad_catalogue: trailing_slash belongs to a system of its own")
    );
    assert!(found[1].starts_with("more.yaml:5:1 "));
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_place() {
    let broken = "system: library\noperations:\n  - GET /a: data.raed\n  - GET /b: data.read\n    risc: 5\n  - GET /c: data.read\n    when:\n      - {field: x, is: truthy}\n";
    let repeated =
        "system: other\noperations:\n  - GET /a: data.read\n    risk: 1\n    risk: 2\nsystem: other\n";
    let found = wrong(
        &[("library.yaml", broken), ("other.yaml", repeated), ("none.yaml", "operations: []\n")],
        "version: 1
catalogues: [library.yaml, other.yaml, none.yaml, gone.yaml]
services: {books: {system: libary}, x: {system: library}}
rules: [{name: a, operations: [data.read], effect: deny}]
",
    );
    let places: Vec<_> = found.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        places,
        [
            "wardline.yaml:2:51 unreadable_catalogue",
            "wardline.yaml:3:28 unknown_system",
            "library.yaml:3:13 bad_catalogue",
            "library.yaml:5:5 bad_catalogue",
            "library.yaml:8:9 bad_catalogue",
            "none.yaml:1:1 bad_catalogue",
            "other.yaml:5:5 duplicate_key",
            "other.yaml:6:1 duplicate_key",
        ],
        "{found:?}"
    );
    assert!(found[1].contains("did you mean `library`?"), "{found:?}");
    for (entry, expected) in [
        ("GET /a/{b}/{*c}/d: data.read", "it cannot be told from another entry"),
        ("GET /a: data.read\n    resource: ['header.x y']", "no header is called"),
        ("RPC /a.B/C: data.read\n    magnitude: {field: limit}", "message has no limit"),
        ("GET /a: data.read\n    census: {response: {vectors: 'a[x'}}", "census: "),
    ] {
        let text = format!("system: library\noperations:\n  - {entry}\n");
        let found = wrong(
            &[("library.yaml", &text)],
            "version: 1\ncatalogues: [library.yaml]\nservices: {a: {system: qdrant}}\n",
        );
        assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
    }
}

#[test]
fn no_entry_has_more_deciding_fields_than_are_told_apart() {
    let entry = |fields: usize| {
        let fields: Vec<_> = (0..fields).map(|n| format!("field_{n}")).collect();
        format!(
            "system: library\noperations:\n  - POST /a: data.read\n    when:\n      - {{field: [{}], is: present, then: data.export}}\n",
            fields.join(", ")
        )
    };
    let policy = "version: 1\ncatalogues: [library.yaml]\nservices: {a: {system: library}}\n";
    let found = wrong(&[("library.yaml", &entry(65))], policy);
    assert!(found.len() == 1 && found[0].contains("65 fields decide, and no more than 64 may"), "{found:?}");
    let folder = folder(&[("library.yaml", &entry(64))]);
    let policy = parse(folder.path(), policy).unwrap();
    assert_eq!(reading(&policy, "a", "POST", "/a", br#"{"field_63": 1}"#).0, Operation::DataExport);
}

#[test]
fn a_system_of_its_own_may_take_statements() {
    let folder = folder(&[("w.yaml", "system: warehouse\nstatements: redshift\n")]);
    let text = "version: 1\ncatalogues: [w.yaml]\nservices: {w: {system: warehouse}}\n";
    let policy = parse(folder.path(), text).unwrap();
    assert_eq!(policy.service("w").unwrap().system.dialect(), Some(wardline::model::Dialect::Redshift));
}
