//! What a guard counts.

use wardline::guard::Guard;
use wardline::policy::Policy;

use super::{Service, exchange, head};

const POLICY: &str = "version: 1
state: memory
identity: {headers: {subject: x-user}, trusted_peers: [127.0.0.1]}
services: {vectors: {system: qdrant}}
rules:
  - {name: search, who: ['user:*'], operations: [vector.search], effect: allow}
mask: [{name: pii, entities: {email: redact}}]
";

#[test]
fn counters_tell_what_the_log_tells_and_name_nobody() {
    let guard = Guard::new(Policy::parse(POLICY, "p.yaml").unwrap());
    assert!(guard.metrics_text().ends_with("# EOF\n"));
    let json = ("content-type", "application/json");
    let search = || head("POST", "/collections/secret-plans/points/search", &[("x-user", "rosalind"), json]);
    let service = Service {
        status: 200,
        headers: [(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"))]
            .into_iter()
            .collect(),
        chunks: vec![
            br#"{"result": [{"id": 7, "vector": [0.25, 0.5], "payload": {"n": "a@example.org"}}]}"#.to_vec(),
        ],
    };
    for _ in 0..3 {
        exchange(&guard, search(), br#"{"vector": [0.1, 0.2], "limit": 1}"#, &service);
    }
    exchange(&guard, head("DELETE", "/collections/secret-plans", &[("x-user", "rosalind")]), b"", &service);
    guard.flush().unwrap();
    let text = guard.metrics_text();
    for line in [
        r#"wardline_exchanges_total{service="vectors",decided="allow",enforced="allow",result="complete"} 3"#,
        r#"wardline_exchanges_total{service="vectors",decided="deny",enforced="deny",result="denied"} 1"#,
        r#"wardline_acts_total{service="vectors",operation="vector.search",decided="allow"} 3"#,
        r#"wardline_acts_total{service="vectors",operation="collection.drop",decided="deny"} 1"#,
        r#"wardline_findings_total{entity="email",side="response"} 3"#,
        r#"wardline_vectors_total{service="vectors",side="response"} 3"#,
        r#"wardline_exchange_seconds_count{service="vectors"} 4"#,
        r#"wardline_exchange_seconds_bucket{le="+Inf",service="vectors"} 4"#,
        "wardline_ready 1",
    ] {
        assert!(text.lines().any(|told| told == line), "{line}\n{text}");
    }
    // What a guard takes is told apart from what a service takes.
    assert!(text.contains(r#"wardline_exchange_seconds_bucket{le="0.00001","#), "{text}");
    for hidden in ["rosalind", "secret-plans", "a@example.org"] {
        assert!(!text.contains(hidden), "{hidden}");
    }
}
