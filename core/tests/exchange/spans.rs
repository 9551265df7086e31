//! What a host that traces sees of an exchange, and what nobody ever sees there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Subscriber, info_span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use wardline::guard::Guard;
use wardline::policy::Policy;

use crate::{Service, exchange, head};

#[derive(Default)]
struct Seen {
    parent: Option<String>,
    fields: BTreeMap<String, String>,
    closed: bool,
}

/// Keeps the spans of the target `wardline`.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<(u64, Seen)>>>);

impl Spans {
    /// Does something with the newest span of an id: ids come again.
    fn with(&self, id: &Id, change: impl FnOnce(&mut Seen)) {
        let mut spans = self.0.lock().unwrap();
        if let Some((_, seen)) = spans.iter_mut().rev().find(|(of, _)| *of == id.into_u64()) {
            change(seen);
        }
    }
}

/// Runs something while a subscriber listens, and gives what it saw.
///
/// A place where spans are made that another thread is just reaching for the first time, before anybody listens, may be noted as silent after the
/// subscriber came: it is asked again until it is heard.
fn heard(guard: &Guard, run: impl FnOnce()) -> Vec<Seen> {
    let spans = Spans::default();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(spans.clone()), || {
        for _ in 0..1_000 {
            exchange(guard, head("GET", "/", &[]), b"", &Service::default());
            if !spans.0.lock().unwrap().is_empty() {
                break;
            }
            std::thread::yield_now();
            tracing::callsite::rebuild_interest_cache();
        }
        spans.0.lock().unwrap().clear();
        run();
    });
    let mut spans = spans.0.lock().unwrap();
    spans.drain(..).map(|(_, seen)| seen).collect()
}

struct Fields<'a>(&'a mut BTreeMap<String, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().target() != "wardline" {
            return;
        }
        assert_eq!(attributes.metadata().name(), "wardline.exchange");
        let mut seen = Seen {
            parent: context.current_span().metadata().map(|of| of.name().to_owned()),
            ..Seen::default()
        };
        attributes.record(&mut Fields(&mut seen.fields));
        self.0.lock().unwrap().push((id.into_u64(), seen));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        self.with(id, |seen| values.record(&mut Fields(&mut seen.fields)));
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.with(&id, |seen| seen.closed = true);
    }
}

const POLICY: &str = r#"
version: 1
state: memory
identity: {headers: {subject: x-user}, trusted_peers: [127.0.0.1]}
services:
  vectors: {system: qdrant}
  models: {system: openai, base_path: /models}
  warehouse: {system: postgres}
rules:
  - {name: read, who: ["user:*"], operations: [vector.fetch], effect: allow}
mask:
  - {name: mails, in: [response], entities: {email: redact}}
"#;

#[test]
fn an_exchange_is_a_span_within_that_of_the_host() {
    let guard = Guard::new(Policy::parse(POLICY, "wardline.yaml").unwrap());
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    let body = r#"{"result":{"id":1,"vector":[0.5,0.25],"payload":{"mail":"rosa.lind@example.org"}}}"#;
    let answer = Service { status: 200, headers, chunks: vec![body.as_bytes().to_vec()] };
    let all = heard(&guard, || {
        let _request = info_span!("request").entered();
        let fetch = head(
            "GET",
            "/collections/secret-docs/points/7?with_vector=true",
            &[("x-user", "ana-of-the-test")],
        );
        assert_eq!(exchange(&guard, fetch, b"", &answer).status, 200);
        let drop = head("DELETE", "/collections/secret-docs", &[("x-user", "ana-of-the-test")]);
        assert_eq!(exchange(&guard, drop, b"", &answer).status, 403);
    });
    let said = |at: usize, key: &str| all[at].fields.get(key).map_or("", String::as_str);
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|span| span.closed && span.parent.as_deref() == Some("request")));
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("db.system.name", "qdrant"),
        ("db.operation.name", "vector.fetch"),
        ("wardline.service", "vectors"),
        ("wardline.enforced", "allow"),
        ("wardline.result", "complete"),
        ("wardline.vectors", "1"),
        ("wardline.findings", "1"),
    ] {
        assert_eq!(said(0, key), value, "{key}");
    }
    assert_eq!((said(1, "wardline.decided"), said(1, "wardline.code")), ("deny", "grant_required"));
    for span in &all {
        for (key, value) in &span.fields {
            for secret in ["ana-of", "secret-docs", "rosa", "points"] {
                assert!(!value.contains(secret), "{key}: {value}");
            }
        }
    }
}

#[test]
fn systems_have_the_names_that_the_conventions_give_them() {
    let guard = Guard::new(Policy::parse(POLICY, "wardline.yaml").unwrap());
    let all = heard(&guard, || {
        let headers = [("x-user", "ana"), ("content-type", "application/json")];
        let embed = head("POST", "/models/v1/embeddings", &headers);
        let body = br#"{"model":"m","input":"x"}"#;
        assert_eq!(exchange(&guard, embed, body, &Service::default()).status, 403);
        let statement = wardline::model::Statement {
            service: "warehouse".into(),
            text: "SELECT 1 FROM docs".into(),
            dialect: None,
            parameters: Default::default(),
            numbers: Vec::new(),
            times: 1,
        };
        guard.statement(statement, wardline::identity::Identity::new("ana")).unwrap_err();
        for route in ["/models/v1/chat/completions", "/models/v1/completions"] {
            let body = br#"{"model":"m","messages":[],"prompt":"x"}"#;
            assert_eq!(
                exchange(&guard, head("POST", route, &headers), body, &Service::default()).status,
                403
            );
        }
    });
    let said = |at: usize, key: &str| all[at].fields.get(key).cloned();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(said(0, "gen_ai.operation.name"), some("embeddings"));
    assert_eq!((said(0, "gen_ai.provider.name"), said(0, "db.system.name")), (some("openai"), None));
    let generated = [2, 3].map(|at| said(at, "gen_ai.operation.name"));
    assert_eq!(generated, [some("chat"), some("text_completion")]);
    assert_eq!((said(1, "db.system.name"), said(1, "gen_ai.provider.name")), (some("postgresql"), None));
}
