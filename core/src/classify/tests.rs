use http::{HeaderMap, HeaderValue, Method};

use super::*;
use crate::model::{Operation as O, Unit};

fn head(method: &str, target: &str) -> HttpHead {
    HttpHead {
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        target: target.into(),
        host: "service".into(),
        headers: HeaderMap::new(),
    }
}

fn with(mut head: HttpHead, name: &'static str, value: &str) -> HttpHead {
    head.headers.insert(name, HeaderValue::from_str(value).unwrap());
    head
}

fn try_ask(system: &str, call: &str, body: &str) -> Result<Classified, Refusal> {
    let (method, target) = call.split_once(' ').unwrap();
    match http(super::system(system).unwrap(), &head(method, target), "") {
        Outcome::Done(done) => Ok(done),
        Outcome::NeedBody(pending) => pending.finish(Body::Whole(body.as_bytes())),
        Outcome::Refused(refusal) => Err(refusal),
    }
}

/// Operation, resource, count and risk of each act.
fn ask(system: &str, call: &str, body: &str) -> Vec<(O, String, Option<u64>, u8)> {
    let done = try_ask(system, call, body).unwrap();
    done.acts.into_iter().map(|a| (a.operation, a.resource, a.magnitude.count, a.risk.value())).collect()
}

fn one(system: &str, call: &str, body: &str) -> (O, Option<u64>) {
    let acts = ask(system, call, body);
    assert_eq!(acts.len(), 1, "{acts:?}");
    (acts[0].0, acts[0].2)
}

const SCROLL: &str = "POST /collections/docs/points/scroll";

#[test]
fn every_entry_reaches_itself_and_none_stands_in_anothers_way() {
    for system in systems() {
        assert_eq!(system.router().ambiguous, [] as [&str; 0], "{}", system.name);
        for entry in system.entries() {
            let named = match entry.method {
                router::RPC => system.router().method(entry.route),
                router::COMMAND => {
                    let words: Vec<&str> = entry.route.split(' ').collect();
                    system.router().command(&words).map(|(found, _)| found)
                }
                _ => None,
            };
            if matches!(entry.method, router::RPC | router::COMMAND) {
                assert_eq!(named.map(|found| found.route), Some(entry.route), "{}", system.name);
                continue;
            }
            for route in router::routes(entry.route) {
                let path = route.replace(['{', '}', '*', '+'], "");
                let path = if system.trailing_slash { shortened(&path) } else { &path };
                let found = system.router().find(entry.method, path).map(|(e, _)| e.route);
                assert_eq!(found, Some(entry.route), "{} {}", system.name, entry.method);
            }
            assert!(entry.fields.len() < 64, "{}", entry.route);
        }
    }
}

fn shortened(path: &str) -> &str {
    path.strip_suffix('/').filter(|shorter| !shorter.is_empty()).unwrap_or(path)
}

#[test]
fn every_path_of_a_census_can_be_parsed() {
    for entry in systems().iter().flat_map(System::entries) {
        for paths in [entry.response_census(), entry.request_census()].into_iter().flatten() {
            for path in paths.all() {
                assert!(crate::json::Path::parse(path).is_ok(), "{}: {path}", entry.route);
            }
        }
    }
}

#[test]
fn what_is_not_listed_is_unknown() {
    for call in [
        "DELETE /collections/docs/points/scroll",
        "POST /collections/docs/points/scroll/more",
        "PATCH /",
        "TRACE /",
        "CONNECT service:443",
        "GET /Collections",
        "POST /collections/docs//points/scroll",
        "POST /collections/docs/points/../points/scroll",
        "POST /collections/docs%2Fpoints/scroll",
        "POST /collections/docs;x/points/scroll",
        "POST /collections/docs/points/scroll?_method=GET",
        "POST /collections/docs/points/scroll?%5Fmethod=GET",
        "OPTIONS /collections",
    ] {
        let acts = ask("qdrant", call, "{}");
        assert_eq!(acts, [(O::Unknown, String::new(), None, 100)], "{call}");
    }
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let head = with(head("POST", "/collections/docs/points/scroll"), name, "GET");
        let Outcome::Done(done) = http(system("qdrant").unwrap(), &head, "") else { panic!() };
        assert_eq!(done.acts, [Act::unknown()]);
    }
}

#[test]
fn head_is_get_and_a_preflight_is_nothing() {
    assert_eq!(one("qdrant", "HEAD /collections/docs/snapshots/a.snapshot", "").0, O::VectorExport);
    let preflight = with(head("OPTIONS", "/collections"), "access-control-request-method", "GET");
    let Outcome::Done(done) = http(system("qdrant").unwrap(), &preflight, "") else { panic!() };
    assert_eq!(done.acts[0].operation, O::None);
}

#[test]
fn targets_have_the_reading_of_their_system() {
    assert_eq!(one("qdrant", "GET /collections/", "").0, O::CollectionList);
    assert_eq!(one("openai", "GET /v1/models/", "").0, O::Unknown);
    assert_eq!(one("qdrant", "GET http://service/collections", "").0, O::CollectionList);
    assert_eq!(ask("qdrant", "GET /collections/a%20b", "")[0].1, "a b");
    let based = |target, base| match http(system("qdrant").unwrap(), &head("GET", target), base) {
        Outcome::Done(done) => done.acts[0].operation,
        _ => panic!(),
    };
    assert_eq!(based("/db/collections", "/db"), O::CollectionList);
    assert_eq!(based("/collections", "/db"), O::Unknown);
}

#[test]
fn a_scroll_is_what_its_body_says() {
    let scroll = |body| one("qdrant", SCROLL, body);
    assert_eq!(scroll("{}"), (O::DataRead, Some(10)));
    assert_eq!(scroll(""), (O::DataRead, Some(10)));
    assert_eq!(scroll(r#"{"limit": 50, "with_vector": false}"#), (O::DataRead, Some(50)));
    assert_eq!(scroll(r#"{"limit": 50, "with_vector": true}"#), (O::VectorFetch, Some(50)));
    assert_eq!(scroll(r#"{"limit": 50, "with_vectors": ["title"]}"#), (O::VectorFetch, Some(50)));
    assert_eq!(scroll(r#"{"limit": 50, "with_vector": []}"#), (O::DataRead, Some(50)));
    assert_eq!(scroll(r#"{"limit": 50, "with\u005fvector": "title"}"#), (O::VectorFetch, Some(50)));
    assert_eq!(scroll(r#"{"limit": 1000, "with_vector": true}"#), (O::VectorExport, Some(1000)));
    assert_eq!(scroll(r#"{"limit": 1000}"#), (O::DataExport, Some(1000)));
    assert_eq!(scroll(r#"{"offset": 7, "with_vector": true}"#), (O::VectorExport, Some(10)));
    assert_eq!(scroll(r#"{"offset": 7, "filter": {}, "with_vector": true}"#), (O::VectorExport, Some(10)));
    assert_eq!(
        scroll(r#"{"offset": 7, "filter": {"must": [1]}, "with_vector": true}"#),
        (O::VectorFetch, Some(10))
    );
    assert_eq!(
        scroll(r#"{"offset": 7, "filter": {"must": []}, "with_vector": true}"#),
        (O::VectorExport, Some(10))
    );
    assert_eq!(scroll(r#"{"offset": null, "with_vector": true}"#), (O::VectorFetch, Some(10)));
    assert_eq!(ask("qdrant", SCROLL, r#"{"limit": 5000, "with_vector": true}"#)[0].3, 90);
}

#[test]
fn a_batch_adds_up_and_the_strictest_decides() {
    let call = "POST /collections/docs/points/query/batch";
    let small = r#"{"query": [0.1], "limit": 100, "with_vector": true}"#;
    let two = format!(r#"{{"searches": [{small}, {small}]}}"#);
    assert_eq!(one("qdrant", call, &two), (O::VectorFetch, Some(200)));
    let many = format!(r#"{{"searches": [{}]}}"#, [small; 10].join(","));
    assert_eq!(one("qdrant", call, &many), (O::VectorExport, Some(1000)));
    let mixed = format!(r#"{{"searches": [{{"query": [1]}}, {small}]}}"#);
    assert_eq!(
        ask("qdrant", call, &mixed).iter().map(|a| a.0).collect::<Vec<_>>(),
        [O::VectorSearch, O::VectorFetch]
    );
    assert_eq!(one("qdrant", call, r#"{"searches": []}"#), (O::VectorSearch, Some(0)));

    let batch = r#"{"operations": [{"upsert": {"points": [{"id": 1}, {"id": 2}]}}, {"delete": {"filter": {}}}, {"upsert": {"batch": {"ids": [3]}}}]}"#;
    let acts = ask("qdrant", "POST /collections/docs/points/batch", batch);
    let docs = || "docs".to_owned();
    assert_eq!(acts, [(O::VectorUpsert, docs(), Some(3), 40), (O::VectorDelete, docs(), None, 100)]);
    let single = ask(
        "qdrant",
        "POST /collections/docs/points/batch",
        r#"{"operations": [{"delete": {"points": [1]}}]}"#,
    );
    assert_eq!(single, [(O::VectorDelete, docs(), Some(1), 65)]);
    let alien = ask("qdrant", "POST /collections/docs/points/batch", r#"{"operations": [{"drop": {}}]}"#);
    assert_eq!(alien[0].0, O::Unknown);
}

#[test]
fn other_collections_of_a_request_are_acts_of_their_own() {
    let body =
        r#"{"query": [1], "group_by": "d", "with_lookup": {"collection": "people", "with_vectors": true}}"#;
    let acts = ask("qdrant", "POST /collections/docs/points/query/groups", body);
    assert_eq!(
        acts.iter().map(|a| (a.0, a.1.as_str())).collect::<Vec<_>>(),
        [(O::VectorFetch, "docs"), (O::VectorFetch, "people")]
    );
    let acts = ask(
        "qdrant",
        "POST /collections/aliases",
        r#"{"actions": [{"create_alias": {"collection_name": "b", "alias_name": "live"}}]}"#,
    );
    assert_eq!(acts.iter().map(|a| a.1.as_str()).collect::<Vec<_>>(), ["b", "live"]);
}

#[test]
fn deletion_by_filter_is_unbounded() {
    let call = "POST /collections/docs/points/delete";
    assert_eq!(ask("qdrant", call, r#"{"points": [1, 2]}"#)[0].2, Some(2));
    let by_filter = &ask("qdrant", call, r#"{"filter": {"must": []}}"#)[0];
    assert_eq!((by_filter.2, by_filter.3), (None, 85));
}

#[test]
fn a_body_with_two_readings_is_refused() {
    let refused = |body| try_ask("qdrant", SCROLL, body).unwrap_err();
    assert_eq!(refused(r#"{"limit": 1, "limit": 9000}"#).code, "repeated_key");
    assert_eq!(refused(r#"{"with_vector": false, "with_vectors": true}"#).code, "repeated_key");
    assert_eq!(refused(r#"{"limit": "9000"}"#), Refusal { code: "wrong_type", at: "limit" });
    assert_eq!(refused(r#"{"limit": -1}"#).code, "wrong_type");
    assert_eq!(refused(r#"{"limit": 99999999999999999999999}"#).code, "wrong_type");
    assert_eq!(refused(r#"{"with_vector": 1}"#).code, "wrong_type");
    for malformed in ["{", r#"{"limit": NaN}"#, "{} {}", "\u{feff}{}", r#"{"limit": 01}"#] {
        assert_eq!(refused(malformed).code, "malformed_json", "{malformed}");
    }
    assert_eq!(refused("[]").code, "wrong_type");
    assert_eq!(refused(r#""x""#).code, "wrong_type");
    // Keys that decide nothing may repeat.
    assert!(try_ask("qdrant", SCROLL, r#"{"x": 1, "x": 2}"#).is_ok());
    let deep = format!(r#"{{"x": {}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(try_ask("qdrant", SCROLL, &deep).is_ok());
    let deep = format!(r#"{{"filter": {}}}"#, "{\"a\":".repeat(100_000));
    assert_eq!(refused(&deep).code, "malformed_json");
}

#[test]
fn repeated_query_keys_are_refused() {
    let call = "GET /v1/files?limit=1&limit=10000";
    assert_eq!(try_ask("openai", call, "").unwrap_err(), Refusal { code: "repeated_key", at: "limit" });
    assert_eq!(one("openai", "GET /v1/files?limit=7", ""), (O::DataList, Some(7)));
    assert_eq!(try_ask("openai", "GET /v1/files?limit=x", "").unwrap_err().code, "wrong_type");
}

#[test]
fn what_cannot_be_read_has_the_worst_case() {
    for body in [Body::TooLarge, Body::Undecodable] {
        let Outcome::NeedBody(pending) =
            http(system("qdrant").unwrap(), &head("POST", "/collections/docs/points/batch"), "")
        else {
            panic!()
        };
        let done = pending.finish(body).unwrap();
        assert!(done.worst_case);
        assert_eq!((done.acts[0].operation, done.acts[0].risk.value()), (O::VectorDelete, 100));
        assert_eq!(done.acts[0].resource, "docs");
    }
}

#[test]
fn embeddings_count_their_inputs() {
    let embed = |input: &str| {
        one("openai", "POST /v1/embeddings", &format!(r#"{{"model": "m", "input": {input}}}"#)).1
    };
    assert_eq!(embed(r#""one text""#), Some(1));
    assert_eq!(embed(r#"["a", "b", "c"]"#), Some(3));
    assert_eq!(embed("[1, 2, 3]"), Some(1));
    assert_eq!(embed("[[1, 2], [3]]"), Some(2));
    let acts = ask(
        "openai",
        "POST /v1/embeddings",
        r#"{"model": "text-embedding-3-small", "input": "how do I DROP TABLE safely?", "messages": []}"#,
    );
    assert_eq!((acts[0].0, acts[0].1.as_str()), (O::InferenceEmbed, "text-embedding-3-small"));
    let done = try_ask("openai", "POST /v1/embeddings", r#"{"input": "x"}"#).unwrap();
    assert_eq!(done.census.unwrap().encoded[0], "data[*].embedding");
    assert_eq!(done.acts[0].magnitude.unit, Some(Unit::Inputs));
    assert_eq!(done.entry, Some("/v1/embeddings"));
}

#[test]
fn tokens_are_multiplied_by_choices() {
    let chat = |body| one("openai", "POST /v1/chat/completions", body).1;
    assert_eq!(chat(r#"{"model": "m", "max_completion_tokens": 100, "n": 3}"#), Some(300));
    assert_eq!(chat(r#"{"model": "m"}"#), None);
    assert_eq!(one("openai", "POST /v1/responses?beta=true", "{}").0, O::InferenceComplete);
}

#[test]
fn mlflow_reads_protobuf_json() {
    let search = |body| one("mlflow", "POST /api/2.0/mlflow/runs/search", body);
    assert_eq!(search(r#"{"experiment_ids": ["1"], "max_results": 5000}"#), (O::DataExport, Some(5000)));
    assert_eq!(search(r#"{"maxResults": "5000"}"#), (O::DataExport, Some(5000)));
    assert_eq!(search(r#""{\"max_results\": 5000}""#), (O::DataExport, Some(5000)));
    assert_eq!(search("{}"), (O::DataQuery, Some(1000)));
    let both =
        try_ask("mlflow", "POST /api/2.0/mlflow/runs/search", r#"{"max_results": 1, "maxResults": 5000}"#);
    assert_eq!(both.unwrap_err().code, "repeated_key");
    let acts = ask("mlflow", "POST /ajax-api/2.0/mlflow/runs/search", r#"{"experiment_ids": ["7", "3"]}"#);
    assert_eq!(acts.iter().map(|a| a.1.as_str()).collect::<Vec<_>>(), ["3", "7"]);
}

#[test]
fn mlflow_weights_are_told_from_other_artifacts() {
    let get = |path: &str| one("mlflow", &format!("GET /api/2.0/mlflow-artifacts/artifacts/{path}"), "").0;
    assert_eq!(get("1/abc/artifacts/model/MLmodel"), O::ModelDownload);
    assert_eq!(get("1/abc/artifacts/weights.SAFETENSORS"), O::ModelDownload);
    assert_eq!(get("1/abc/artifacts/plot.png"), O::DataRead);
    let create = ask(
        "mlflow",
        "POST /api/2.0/mlflow/model-versions/create",
        r#"{"name": "m", "source": "http://elsewhere/m"}"#,
    );
    assert_eq!((create[0].0, create[0].1.as_str(), create[0].3), (O::ModelUpload, "m", 90));
    let stage = r#"{"name": "m", "version": "3", "stage": "Production"}"#;
    assert_eq!(
        one("mlflow", "POST /api/2.0/mlflow/model-versions/transition-stage", stage).0,
        O::ModelPromote
    );
}

#[test]
fn a_get_with_a_body_that_no_entry_knows_is_unknown() {
    let head = with(head("GET", "/api/2.0/mlflow/registered-models/search"), "content-length", "20");
    let Outcome::Done(done) = http(system("mlflow").unwrap(), &head, "") else { panic!() };
    assert_eq!(done.acts, [Act::unknown()]);
}

#[test]
fn a_multipart_form_has_the_worst_case() {
    let form = with(
        head("POST", "/v1/vector_stores/vs_1/search"),
        "content-type",
        "Multipart/form-data; boundary=x",
    );
    let Outcome::Done(done) = http(system("openai").unwrap(), &form, "") else { panic!() };
    assert_eq!((done.acts[0].operation, done.acts[0].magnitude.count), (O::VectorSearch, None));
    assert!(done.worst_case);
}

#[test]
fn a_multipart_type_beyond_ascii_is_one() {
    let mut form = head("POST", "/v1/vector_stores/vs_1/search");
    let kind = HeaderValue::from_bytes("multipart/form-data; boundary=\u{e4}\u{f6}".as_bytes()).unwrap();
    form.headers.insert("content-type", kind);
    let Outcome::Done(done) = http(system("openai").unwrap(), &form, "") else { panic!() };
    assert!(done.worst_case && done.acts[0].magnitude.count.is_none());
}

#[test]
fn a_query_without_a_question_is_a_scroll() {
    let query = |body| one("qdrant", "POST /collections/docs/points/query", body).0;
    assert_eq!(query(r#"{"query": [0.1], "offset": 10}"#), O::VectorSearch);
    assert_eq!(query(r#"{"offset": 10}"#), O::DataExport);
    assert_eq!(query(r#"{"offset": 10, "prefetch": [], "with_vector": ["a"]}"#), O::VectorExport);
    assert_eq!(query(r#"{"query": [0.1], "limit": 1000}"#), O::VectorExport);
}

proptest::proptest! {
    #[test]
    fn nothing_makes_it_panic_and_something_is_always_done(
        at in 0..1_000_usize, raw in "[/a-z%.;{}?=&]{0,40}", body in "[\\[\\]{}\":, a-z0-9.\\-]{0,60}",
    ) {
        for system in systems().iter().filter(|system| !system.entries().is_empty()) {
            let Outcome::Done(done) = http(system, &head("GET", &raw), "") else { continue };
            proptest::prop_assert!(!done.acts.is_empty());
            let entry = &system.entries()[at % system.entries().len()];
            let path = entry.route.replace(['{', '}', '*'], "");
            if let Outcome::NeedBody(pending) = http(system, &head(entry.method, &path), "")
                && let Ok(done) = pending.finish(Body::Whole(body.as_bytes()))
            {
                proptest::prop_assert!(!done.acts.is_empty());
            }
        }
    }

    #[test]
    fn a_larger_limit_is_never_safer(a in 0..1_000_000_u64, b in 0..1_000_000_u64, vectors: bool) {
        let risk = |limit| ask("qdrant", SCROLL, &format!(r#"{{"limit": {limit}, "with_vector": {vectors}}}"#))[0].3;
        proptest::prop_assert!(risk(a.min(b)) <= risk(a.max(b)));
    }
}

#[test]
fn a_header_names_the_operation() {
    let call = |targets: &[&str], body: &'static str| {
        let mut head = head("POST", "/");
        for target in targets {
            head.headers.append("x-amz-target", HeaderValue::from_str(target).unwrap());
        }
        match http(system("sagemaker").unwrap(), &head, "") {
            Outcome::Done(done) => Ok(done),
            Outcome::NeedBody(pending) => pending.finish(Body::Whole(body.as_bytes())),
            Outcome::Refused(refusal) => Err(refusal),
        }
    };
    let act = &call(&["SageMaker.DeleteModel"], r#"{"ModelName": "m"}"#).unwrap().acts[0];
    assert_eq!((act.operation, act.resource.as_str()), (O::ModelDelete, "m"));
    let unknown =
        [&["SageMaker.Nothing"][..], &["SageMaker.ListModels", "SageMaker.DeleteModel"], &[], &["a/b"]];
    for targets in unknown {
        assert_eq!(call(targets, "{}").unwrap().acts, [Act::unknown()], "{targets:?}");
    }
    assert_eq!(one("sagemaker", "POST /endpoints/e/invocations", "").0, O::InferencePredict);
}

#[test]
fn a_query_parameter_names_the_operation() {
    let s3 = |call: &str| one("s3", call, "").0;
    assert_eq!(s3("GET /bucket"), O::DataList);
    assert_eq!(s3("GET /bucket?acl"), O::AdminRead);
    assert_eq!(s3("PUT /bucket?ac%6C="), O::AdminAccess);
    assert_eq!(s3("GET /bucket/a/b.txt?versionId=3"), O::DataRead);
    assert_eq!(s3("GET /bucket/a/model.safetensors"), O::ModelDownload);
    assert_eq!(s3("GET /bucket/a/model.safetensors?tagging"), O::AdminRead);
    assert_eq!(s3("DELETE /bucket/a?uploadId=1"), O::JobStop);
    assert_eq!(s3("GET /bucket?acl&policy"), O::Unknown);
    assert_eq!(s3("GET /bucket?acl&acl"), O::Unknown);
    assert_eq!(s3("DELETE /bucket?acl"), O::Unknown);
    let source = with(head("PUT", "/bucket/a"), "x-amz-copy-source", "/other/b%20c");
    let Outcome::Done(done) = http(system("s3").unwrap(), &source, "") else { panic!() };
    let acts: Vec<_> = done.acts.iter().map(|act| (act.operation, act.resource.as_str())).collect();
    assert_eq!(acts, [(O::DataExport, "bucket"), (O::DataExport, "other")]);
}

#[test]
fn names_may_have_several_segments() {
    let pull = ask("oci", "GET /v2/org/team/model/blobs/sha256:1", "");
    assert_eq!((pull[0].0, pull[0].1.as_str()), (O::ModelDownload, "org/team/model"));
    assert_eq!(one("oci", "GET /v2/a/manifests/b/manifests/latest", "").0, O::ModelList);
    assert_eq!(one("oci", "PUT /v2/a/manifests/latest", "").0, O::ModelPromote);
    assert_eq!(one("oci", "GET /v2/1/2/3/4/5/6/7/8/9/tags/list", "").0, O::Unknown);
    let file = ask("hfhub", "GET /org/model/resolve/refs%2Fpr%2F1/a/b.bin", "");
    assert_eq!((file[0].0, file[0].1.as_str()), (O::ModelDownload, "org/model"));
    assert_eq!(one("hfhub", "POST /org/model.git/git-receive-pack", "").0, O::ModelUpload);
    assert_eq!(one("hfhub", "GET /api/datasets/org/rows/tree/main", "").0, O::DataList);
    let object = ask("gcs", "GET /storage/v1/b/bucket/o/a%2Fmodel.gguf?alt=media", "");
    assert_eq!((object[0].0, object[0].1.as_str()), (O::ModelDownload, "bucket"));
    assert_eq!(one("gcs", "GET /storage/v1/b/bucket/o/a%2Fmodel.gguf?alt=json", "").0, O::DataList);
}

#[test]
fn a_body_of_lines_is_judged_line_by_line() {
    let commit =
        "{\"key\": \"header\", \"value\": {}}\n{\"key\": \"deletedFile\", \"value\": {\"path\": \"a\"}}\n";
    let acts = ask("hfhub", "POST /api/models/org/m/commit/main", commit);
    assert_eq!(acts.iter().map(|act| act.0).collect::<Vec<_>>(), [O::ModelUpload, O::ModelDelete]);
    let refused = |body: &str| try_ask("hfhub", "POST /api/models/org/m/commit/main", body).unwrap_err().code;
    assert_eq!(refused("{\"key\": 1}"), "wrong_type");
    assert_eq!(refused("{\"key\": \"file\"}\n{"), "malformed_json");
    assert_eq!(refused("{\"key\": \"file\"}{\"key\": \"deletedFile\"}"), "malformed_json");
}

#[test]
fn each_act_of_a_bulk_body_counts() {
    let body = "{\"index\": {\"_index\": \"a\"}}\n{\"delete\": {\"_index\": \"z\"}}\n\n{\"delete\": {\"_index\": \"b\"}}\n{\"create\": {}}\n{}\n";
    let acts = ask("elasticsearch", "POST /_bulk", body);
    let acts: Vec<_> = acts.iter().map(|act| (act.0, act.1.as_str(), act.2)).collect();
    assert_eq!(
        acts,
        [(O::DataIngest, "a", Some(1)), (O::VectorDelete, "b", Some(1)), (O::DataIngest, "*", Some(1))]
    );
    let cut = try_ask("elasticsearch", "POST /_bulk", "{\"index\": {}}").unwrap_err();
    assert_eq!(cut.code, "malformed_json");
}

#[test]
fn searches_in_pairs_of_lines_add_up() {
    let search = |body| ask("elasticsearch", "POST /logs/_msearch", body);
    let acts = search("{\"index\": [\"a\", \"b\"]}\n{\"size\": 600}\n\n{\"size\": 600}\n");
    let acts: Vec<_> = acts.iter().map(|act| (act.0, act.1.as_str(), act.2)).collect();
    assert_eq!(
        acts,
        [
            (O::DataExport, "a", Some(600)),
            (O::DataExport, "b", Some(600)),
            (O::DataExport, "logs", Some(1200))
        ]
    );
    assert_eq!(try_ask("elasticsearch", "POST /_msearch", "\n{}\n{}\n").unwrap_err().code, "malformed_json");
    assert_eq!(try_ask("elasticsearch", "POST /_msearch", "{}\n").unwrap_err().code, "malformed_json");
}

#[test]
fn a_search_is_what_its_size_says() {
    let search = |call: &str, body: &str| one("elasticsearch", call, body);
    assert_eq!(search("POST /docs/_search", "{}"), (O::DataQuery, Some(10)));
    assert_eq!(search("GET /docs/_search?size=1000", ""), (O::DataExport, Some(1000)));
    assert_eq!(search("POST /docs/_search?size=5", r#"{"size": 5000}"#), (O::DataExport, Some(5000)));
    assert_eq!(search("POST /docs/_search?scroll=1m", "{}").0, O::DataExport);
    assert_eq!(search("GET /docs/_search?source=%7B%7D", ""), (O::DataExport, None));
    assert_eq!(search("POST /docs/_search", r#"{"search_after": [1]}"#).0, O::DataExport);
    assert_eq!(search("POST /docs/_search", r#"{"knn": {"k": 5}}"#).0, O::VectorSearch);
    assert_eq!(search("POST /docs/_delete_by_query", "{}"), (O::VectorDelete, None));
}

#[test]
fn a_list_of_names_is_each_of_them_and_a_pattern_is_any() {
    let drop =
        |call: &str| ask("elasticsearch", call, "").into_iter().map(|a| (a.1, a.2)).collect::<Vec<_>>();
    assert_eq!(drop("DELETE /a,b"), [("a".to_owned(), Some(1)), ("b".to_owned(), Some(1))]);
    assert_eq!(drop("DELETE /logs-*"), [("logs-*".to_owned(), None)]);
    assert_eq!(drop("DELETE /_all"), [("*".to_owned(), None)]);
    assert_eq!(drop("DELETE /%3Clogs-%7Bnow%2Fd%7D%3E"), [("logs-*".to_owned(), None)]);
    assert_eq!(ask("opensearch", "POST /_search", "{}")[0].1, "*");
    let switch =
        r#"{"actions": [{"add": {"index": "b", "alias": "live"}}, {"remove_index": {"index": "a"}}]}"#;
    let acts = ask("elasticsearch", "POST /_aliases", switch);
    let acts: Vec<_> = acts.iter().map(|act| (act.0, act.1.as_str())).collect();
    assert_eq!(acts, [(O::CollectionAlter, "b"), (O::CollectionAlter, "live"), (O::CollectionDrop, "a")]);
}

#[test]
fn a_get_may_have_a_body_where_the_system_reads_one() {
    let with_body = |system: &str, target: &str| {
        let head = with(head("GET", target), "content-length", "2");
        match http(super::system(system).unwrap(), &head, "") {
            Outcome::Done(done) => done.acts[0].operation,
            Outcome::NeedBody(pending) => pending.finish(Body::Whole(b"{}")).unwrap().acts[0].operation,
            Outcome::Refused(_) => panic!(),
        }
    };
    assert_eq!(with_body("elasticsearch", "/docs/_count"), O::DataList);
    assert_eq!(with_body("elasticsearch", "/docs/_search"), O::DataQuery);
    assert_eq!(with_body("qdrant", "/collections"), O::Unknown);
}

#[test]
fn fields_of_messages_are_found_by_number_as_by_step() {
    let mut found = 0;
    for entry in
        systems().iter().flat_map(|system| system.entries()).filter(|entry| entry.method == router::RPC)
    {
        for level in entry.levels {
            for number in 0..300 {
                let takes = |step: &catalogue::Step| matches!(step, catalogue::Step::Tag(numbers) if numbers.contains(&number));
                let steps = level.steps.iter().filter(|(step, _)| takes(step));
                let expected = steps.fold(0, |mask, (_, of)| mask | of);
                assert_eq!(level.tagged(number), expected, "{} {number}", entry.route);
                found += usize::from(expected != 0);
            }
        }
    }
    assert!(found > 100, "{found}");
}
