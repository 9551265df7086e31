//! Policies from the beginning: made, watched, cut down, checked.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use wardline::audit::Ending;
use wardline::guard::{Caller, Guard, Step};
use wardline::identity::Identity;
use wardline::model::{Act, Call, Operation, Subject};
use wardline::policy::Policy;
use wardline_cli::{Streams, run};

fn wardline(args: &[&str], input: &str) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams { input: &mut input.as_bytes(), out: &mut out, err: &mut err };
    let code = run(["wardline"].iter().chain(args), &mut streams);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn at(folder: &Path, file: &str) -> String {
    folder.join(file).to_str().unwrap().to_owned()
}

#[test]
fn a_first_policy_is_sound_and_blocks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = at(folder.path(), "wardline.yaml");
    let (code, out, err) =
        wardline(&["init", "--out", &file, "--system", "qdrant=vectors:6333", "--system", "openai"], "");
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let policy = Policy::from_file(&file).unwrap();
    assert_eq!(policy.warnings(), []);
    assert!(policy.services().iter().all(|service| service.mode == wardline::model::Mode::Observe));
    assert_eq!(policy.service_for("vectors:6333", "/").map(|service| &*service.name), Some("qdrant"));
    assert_eq!(wardline(&["check", &file, "--strict"], "").0, 0);
    // What is there is not written over.
    assert_eq!(wardline(&["init", "--out", &file, "--system", "qdrant"], "").0, 2);

    let asked = at(folder.path(), "asked.yaml");
    let (code, out, _) = wardline(&["init", "--out", &asked], "chroma, mlflow=models.test\n");
    assert!(code == 0 && out.contains("Which do you run?"), "{out}");
    assert_eq!(Policy::from_file(&asked).unwrap().services().len(), 2);
    let none = at(folder.path(), "none.yaml");
    assert_eq!(wardline(&["init", "--out", &none], "\n").0, 2);
    assert_eq!(wardline(&["init", "--out", &none, "--system", "qdrannt"], "").0, 2);
    assert!(!Path::new(&none).exists());
}

#[test]
fn an_openapi_document_tells_its_system_or_becomes_a_catalogue() {
    let folder = tempfile::tempdir().unwrap();
    let document = |name: &str, text: &str| {
        let file = at(folder.path(), name);
        fs::write(&file, text).unwrap();
        file
    };
    let vectors = document(
        "vectors.json",
        &json!({
            "openapi": "3.0.1", "info": {"title": "My vectors"}, "servers": [{"url": "https://vectors.test:6333/"}],
            "paths": {
                "/collections": {"get": {}}, "/collections/{name}": {"get": {}, "put": {}, "delete": {}},
                "/collections/{name}/points/search": {"post": {}}, "/collections/{name}/points/scroll": {"post": {}},
                "/own/status": {"get": {}}
            }
        })
        .to_string(),
    );
    let policy = at(folder.path(), "vectors.yaml");
    let (code, out, err) = wardline(&["--json", "init", "--openapi", &vectors, "--out", &policy], "");
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["systems"], json!(["qdrant"]));
    assert!(fs::read_to_string(&policy).unwrap().contains("hosts: ['vectors.test:6333']"));

    let library = document(
        "library.yaml",
        "openapi: 3.1.0\ninfo: {title: Library Search}\npaths:\n  /shelves/{shelf-id}:\n    get: {}\n    delete: {}\n  /shelves/{shelf-id}/find:\n    post: {}\n",
    );
    let policy = at(folder.path(), "own.yaml");
    let (code, _, err) = wardline(&["init", "--openapi", &library, "--out", &policy], "");
    assert_eq!((code, err.as_str()), (0, ""));
    let catalogue = fs::read_to_string(folder.path().join("library-search.catalogue.yaml")).unwrap();
    assert!(catalogue.contains("  - GET /shelves/{shelf_id}: data.read\n"), "{catalogue}");
    assert!(catalogue.contains("  - DELETE /shelves/{shelf_id}: unknown\n"), "{catalogue}");
    assert_eq!(wardline(&["check", &policy], "").0, 0);

    let folder_of = |name: &str, document: String| {
        let policy = at(folder.path(), name);
        let (code, _, err) = wardline(&["init", "--openapi", &document, "--out", &policy], "");
        assert_eq!((code, err.as_str()), (0, ""));
        assert_eq!(wardline(&["check", &policy], "").0, 0);
        fs::read_to_string(&policy).unwrap()
    };
    // Routes may stand under the path of the server: those of the system with it, or below it. Of systems that speak the same the title
    // names one.
    let paths =
        json!({"/chat/completions": {"post": {}}, "/embeddings": {"post": {}}, "/models": {"get": {}}});
    let models = json!({"info": {"title": "OpenAI API"}, "servers": [{"url": "https://models.test/v1"}], "paths": paths});
    let text = folder_of("models.yaml", document("models.json", &models.to_string()));
    assert!(text.contains("openai: {system: openai, hosts: ['models.test'], mode"), "{text}");
    let paths = json!({"/v1/chat/completions": {"post": {}}, "/v1/embeddings": {"post": {}}});
    let below = json!({"info": {"title": "vLLM"}, "servers": [{"url": "/tenant"}], "paths": paths});
    let text = folder_of("below.yaml", document("below.json", &below.to_string()));
    assert!(text.contains("vllm: {system: vllm, base_path: '/tenant', mode"), "{text}");
    let older = json!({"swagger": "2.0", "info": {"title": "Old"}, "host": "old.test", "basePath": "/api", "paths": {"/x": {"get": {}}}});
    let text = folder_of("old.yaml", document("old.json", &older.to_string()));
    assert!(text.contains("old: {system: old, hosts: ['old.test'], mode"), "{text}");
    let catalogue = fs::read_to_string(folder.path().join("old.catalogue.yaml")).unwrap();
    assert!(catalogue.contains("  - GET /api/x: data.read\n"), "{catalogue}");

    let none = at(folder.path(), "none.json");
    let (code, _, err) =
        wardline(&["init", "--openapi", &none, "--out", &at(folder.path(), "never.yaml")], "");
    assert!(code == 2 && err.contains(&none), "{err}");
    for (name, text) in [("a.json", "{"), ("b.json", "[]"), ("c.json", "{\"paths\": {}}")] {
        let out = at(folder.path(), "never.yaml");
        assert_eq!(wardline(&["init", "--openapi", &document(name, text), "--out", &out], "").0, 2, "{name}");
    }
}

#[test]
fn rules_are_proposed_for_what_came_by() {
    let folder = tempfile::tempdir().unwrap();
    let file = at(folder.path(), "wardline.yaml");
    let text = "version: 1
state: ./state
services: {vectors: {system: qdrant, mode: observe}}
rules: [{name: lists, who: ['user:*'], operations: [collection.list], effect: allow}]
";
    fs::write(&file, text).unwrap();
    let guard = Guard::from_file(&file).unwrap();
    let call = |who: &str, operation, resource: &str| {
        let call = Call { service: "vectors".into(), acts: vec![Act::new(operation, resource)] };
        let mut exchange = guard.begin(Subject::Call(call), Caller::verified(Identity::new(who)), "test");
        assert!(matches!(exchange.next_blocking(), Step::Forward(_)));
        exchange.finish(Ending::Complete);
    };
    for number in 0..10 {
        call("app", Operation::VectorSearch, &format!("tenant-{number}"));
    }
    call("app", Operation::CollectionList, "");
    for who in ["bea", "ana"] {
        call(who, Operation::VectorFetch, "docs");
    }
    call("o'brien", Operation::VectorExport, "docs");
    call("o'brien", Operation::CollectionSnapshot, "docs");
    guard.flush().unwrap();
    let (code, out, err) = wardline(&["policy", "suggest", "--policy", &file], "");
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("# 10 requests"), "{out}");
    // What is proposed is a policy's part: put in, it speaks of all that came by.
    fs::write(
        &file,
        format!("{}groups: {{security: [sam]}}\napproval: {{steps: [{{from: [security]}}]}}\n{}", text, "")
            .replace(
                "rules: [{name: lists, who: ['user:*'], operations: [collection.list], effect: allow}]\n",
                &out,
            ),
    )
    .unwrap();
    let policy = Policy::from_file(&file).unwrap_or_else(|error| panic!("{error}\n{out}"));
    assert!(policy.warnings().is_empty());
    for part in [
        "who: ['user:app']",
        "resources: ['tenant-*']",
        "effect: allow",
        "who: ['user:o''brien']",
        "operations: [vector.export, collection.snapshot]",
        "effect: hold",
        // Who does alike is in one rule.
        "who: ['user:ana', 'user:bea']",
    ] {
        assert!(out.contains(part), "{part}\n{out}");
    }
    assert!(!out.contains("collection.list"), "a rule speaks of it already\n{out}");
    fs::write(&file, text).unwrap();
    let (_, json, _) = wardline(&["policy", "suggest", "--policy", &file, "--json"], "");
    let rules: Value = serde_json::from_str(&json).unwrap();
    let fetch =
        rules.as_array().unwrap().iter().find(|rule| rule["operations"] == json!(["vector.fetch"])).unwrap();
    assert_eq!(
        (&fetch["who"], &fetch["services"], &fetch["effect"], &fetch["requests"]),
        (&json!(["user:ana", "user:bea"]), &json!(["vectors"]), &json!("allow"), &json!(2))
    );
    let (_, out, _) =
        wardline(&["policy", "suggest", "--policy", &file, "--from", "2099-01-01T00:00:00Z"], "");
    assert!(out.contains("nothing to propose"));
}

#[test]
fn warnings_are_told_and_fail_where_that_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let file = at(folder.path(), "p.yaml");
    fs::write(&file, "version: 1\nstate: memory\nservices: {v: {system: qdrant}}\n").unwrap();
    let (code, out, err) = wardline(&["check", &file], "");
    assert!(
        code == 0 && out.contains("sound") && err.contains(":3:") && err.contains("warning:"),
        "{out}{err}"
    );
    assert_eq!(wardline(&["check", &file, "--strict"], "").0, 1);
    let (_, out, _) = wardline(&["check", &file, "--format", "sarif"], "");
    let sarif: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["level"], "warning");
    let (_, out, _) = wardline(&["check", &file, "--format", "github"], "");
    assert!(out.starts_with("::warning file="), "{out}");
    let (_, out, _) = wardline(&["--json", "check", &file], "");
    let told: Value = serde_json::from_str(&out).unwrap();
    assert!(
        told["ok"] == true
            && told["warnings"][0]["code"] == "unusable_service"
            && told["errors"] == json!([])
    );
}

#[test]
fn an_explanation_takes_the_circumstances() {
    let folder = tempfile::tempdir().unwrap();
    let file = at(folder.path(), "p.yaml");
    let text = "version: 1
state: memory
services: {v: {system: qdrant}}
labels: {personal: {resources: [docs]}}
rules:
  - {name: office, who: ['user:*'], operations: [collection.list], networks: [10.0.0.0/8], claims: {tenant: [acme]}, via: [gateway], when: ['mon-fri 09:00-17:00 UTC'], effect: allow}
";
    fs::write(&file, text).unwrap();
    let ask = |more: &[&str]| {
        let args =
            [&["explain", "--policy", &file, "GET", "/collections/docs", "--as", "ana"], more].concat();
        wardline(&args, "").1
    };
    let all =
        ["--from", "10.1.1.1", "--claim", "tenant=acme", "--via", "gateway", "--at", "2026-11-27T10:00:00Z"];
    assert!(ask(&all).starts_with("allow"), "{}", ask(&all));
    assert!(ask(&all).contains("  labels  personal"));
    let told = ask(&["--at", "2026-11-28T10:00:00Z"]);
    assert!(told.starts_with("deny") && told.contains("for its claims, via, networks, when"), "{told}");
}

#[test]
fn an_explanation_takes_the_caller_from_the_headers_where_nobody_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = "version: 1\nstate: ./state\nservices: {vectors: {system: qdrant}}\n\
        identity:\n  api_keys: {keys: {svc-ingest: {sha256: KEY}}}\n  headers: {subject: x-user}\n  trusted_peers: [10.0.0.5]\n\
        rules: [{name: list, who: ['user:*'], operations: [collection.list], effect: allow}]\n";
    let digest = "65b47f9340c0649a8ab71ba8bdd8dca96539a05b97585133d926464430b69194";
    let path = folder.path().join("wardline.yaml");
    fs::write(&path, text.replace("KEY", digest)).unwrap();
    for (words, expected) in [
        (&["--header", "x-api-key: k-3f9a71c05be84d26"][..], "allow  allowed"),
        (&["--header", "x-api-key: k-0000000000000000"], "deny  credential_refused: nobody has this key"),
        (&["--header", "x-user: ana", "--from", "10.0.0.5"], "allow  allowed"),
        (&["--header", "x-user: ana", "--from", "192.0.2.7"], "deny  default_deny"),
        (&[], "deny  default_deny"),
        (&["--as", "ana"], "allow  allowed"),
    ] {
        let always = ["explain", "GET", "/collections", "--policy", path.to_str().unwrap()];
        let (code, told, err) = wardline(&[&always[..], words].concat(), "");
        assert!(code == 0 && told.starts_with(expected), "{words:?}: {told}{err}");
    }
}
