//! What the benches share: a policy of 50 rules, 1,000 live grants, and bodies of the shape that services answer.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::Full;
use tower::Service;
use wardline::grant::Terms;
use wardline::guard::Guard;
use wardline::model::HttpHead;
use wardline::policy::Policy;

/// 50 rules over one Qdrant service, with masking of every entity.
pub fn policy() -> Policy {
    policy_in("memory")
}

/// The same with the log and the store in a folder, or in `memory`.
fn policy_in(state: &str) -> Policy {
    let mut text = format!(
        "version: 1\nstate: {state}\nthresholds: {{hold: never, deny: never}}\nservices:\n  vectors: {{system: qdrant}}\nmask:\n  - {{name: pii, in: [response], \
         entities: {{'*': redact}}}}\nrules:\n",
    );
    for n in 0..48 {
        let effect = ["allow", "deny", "grant", "allow"][n % 4];
        let operation = ["vector.search", "collection.drop", "vector.export", "vector.upsert"][n % 4];
        text.push_str(&format!(
            "  - {{name: rule-{n}, who: ['group:team-{n}', 'user:service-{n}-*'], operations: [{operation}], \
             resources: ['docs-{n}*'], effect: {effect}}}\n"
        ));
    }
    text.push_str(
        "  - {name: search, who: ['user:*'], operations: [vector.search, vector.fetch], effect: allow}\n",
    );
    text.push_str("  - {name: export, who: ['user:*'], operations: [vector.export], effect: grant}\n");
    Policy::parse(&text, "bench.yaml").unwrap_or_else(|error| panic!("{error}"))
}

/// A guard under that policy with `grants` live grants.
pub fn guard(grants: usize) -> Guard {
    guard_in("memory", grants)
}

/// The same with the log and the store in a folder, or in `memory`.
pub fn guard_in(state: &str, grants: usize) -> Guard {
    let guard = Guard::new(policy_in(state));
    for n in 0..grants {
        let terms = format!(
            r#"{{"scope": {{"who": ["user:user-{n}"], "services": ["*"], "operations": ["vector.export"],
                 "resources": ["docs"]}}, "until": "1h", "reason": "bench"}}"#
        );
        let terms: Terms = serde_json::from_str(&terms).expect("terms");
        guard.issue_grant(terms, "bench").expect("a grant");
    }
    guard
}

/// A request's head as `user`.
pub fn head(method: http::Method, target: &str) -> HttpHead {
    let mut headers = http::HeaderMap::new();
    headers.insert(http::header::HOST, http::HeaderValue::from_static("localhost"));
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    headers.insert(http::header::ACCEPT, http::HeaderValue::from_static("*/*"));
    HttpHead { method, target: target.to_owned(), host: "localhost".to_owned(), headers }
}

/// A search answer: one vector of `floats` numbers and three findings in its payload.
pub fn answer(floats: usize) -> String {
    let vector: Vec<String> =
        (0..floats).map(|n| format!("{:.6}", ((n * 37 % 200) as f64 - 100.0) / 317.0)).collect();
    format!(
        r#"{{"result":{{"points":[{{"id":7,"version":3,"score":0.91,"payload":{{"text":"write to rosa.lind@example.com or call +1 212 555 0142","card":"5555 5555 5555 4444","lang":"en"}},"vector":[{}]}}]}},"status":"ok","time":0.0012}}"#,
        vector.join(",")
    )
}

/// A service that answers every request with this JSON.
pub fn service<B>(
    answer: Bytes,
) -> impl Service<
    http::Request<B>,
    Response = http::Response<Full<Bytes>>,
    Error = Infallible,
    Future: Future<Output = Result<http::Response<Full<Bytes>>, Infallible>>,
> + Clone {
    tower::service_fn(move |_: http::Request<B>| {
        let mut response = http::Response::new(Full::new(answer.clone()));
        let length = http::HeaderValue::from(answer.len());
        response.headers_mut().insert(http::header::CONTENT_LENGTH, length);
        let json = http::HeaderValue::from_static("application/json");
        response.headers_mut().insert(http::header::CONTENT_TYPE, json);
        std::future::ready(Ok(response))
    })
}
