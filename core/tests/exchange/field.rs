//! What went wrong elsewhere, with values of our own: nothing lost, nothing shifted, nothing taken for what it is not.

use wardline::guard::{Guard, Masked};
use wardline::policy::Policy;

use crate::{Service, exchange, head};

fn guard(mask: &str) -> Guard {
    let policy = format!("version: 1\nstate: memory\nservices: {{v: {{system: qdrant}}}}\nmask: [{mask}]\n");
    Guard::new(Policy::parse(&policy, "wardline.yaml").unwrap())
}

fn masked(mask: &str, content_type: &str, body: &str) -> (String, u64) {
    let Masked { body: new, findings } = guard(mask).mask(body.as_bytes(), content_type).unwrap();
    let new = new.map_or_else(|| body.to_owned(), |new| String::from_utf8(new).unwrap());
    (new, findings.values().sum())
}

const ALL: &str = "{name: all, entities: {'*': redact}}";

#[test]
fn one_replacement_does_not_shift_the_next() {
    let mask = "{name: m, entities: {email: redact, iban: {replace: 'a rather long text instead of it'}}}";
    let text = "mira.holt@example.net owes DE89370400440532013000, as does jon.vik@example.com.";
    let wanted = "[EMAIL] owes a rather long text instead of it, as does [EMAIL].";
    assert_eq!(masked(mask, "text/plain", text), (wanted.to_owned(), 3));
}

#[test]
fn a_masked_number_leaves_a_valid_document() {
    let body = r#"{"order_id":733904812,"customer_id":90461777}"#;
    let (new, _) = masked("{name: m, fields: {customer_id: redact}}", "application/json", body);
    let read: serde_json::Value = serde_json::from_str(&new).unwrap();
    assert_eq!((&read["order_id"], &read["customer_id"]), (&733_904_812.into(), &"[REDACTED]".into()));
}

#[test]
fn every_role_of_a_conversation_is_read() {
    let roles = ["system", "user", "assistant", "tool", "developer"];
    let messages = roles.map(|role| serde_json::json!({"role": role, "content": "card 4012888888881881"}));
    let body = serde_json::json!({"messages": messages}).to_string();
    let (new, findings) = masked("{name: m, entities: {credit_card: redact}}", "application/json", &body);
    assert_eq!((new.contains("4012"), findings), (false, 5));
}

#[test]
fn a_stream_without_values_loses_no_word() {
    let words: Vec<String> = (1..40).map(|n| format!("word {n} ")).collect();
    let event = |word: &String| {
        format!("data: {}\n\n", serde_json::json!({"choices": [{"index": 0, "delta": {"content": word}}]}))
    };
    let body: String = words.iter().map(event).collect();
    let (new, _) = masked(ALL, "text/event-stream", &body);
    assert_eq!(said(&new), words.concat());
}

/// What a stream of events says in all.
fn said(events: &str) -> String {
    let data = events.lines().filter_map(|line| line.strip_prefix("data: "));
    let pieces = data.map(|data| {
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        data["choices"][0]["delta"]["content"].as_str().unwrap().to_owned()
    });
    pieces.collect()
}

#[test]
fn a_secret_longer_than_any_window_does_not_leave() {
    let secret = "c3D4".repeat(9_000);
    let text = format!("Authorization: Bearer {secret}\nnext line");
    let event = |piece: &[u8]| {
        let text = std::str::from_utf8(piece).unwrap();
        format!("data: {}\n\n", serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}}]}))
    };
    let body: String = text.as_bytes().chunks(64).map(event).collect();
    let (new, findings) = masked("{name: m, entities: {bearer_token: redact}}", "text/event-stream", &body);
    assert_eq!((said(&new).as_str(), findings), ("Authorization: Bearer [BEARER_TOKEN]\nnext line", 1));
}

#[test]
fn codes_ids_and_plain_numbers_are_no_personal_data() {
    for text in [
        "A SHORT HANDBOOK: chapters B2, F9, K41 and C7; open standard",
        "id 4c81ae90-b72f-461e-9035-221587400613",
    ] {
        assert_eq!(masked(ALL, "text/plain", text), (text.to_owned(), 0));
    }
    let number = r#"{"order_id":533904812}"#;
    assert_eq!(masked(ALL, "application/json", number), (number.to_owned(), 0));
    assert_eq!(masked(ALL, "text/plain", "ssn: 536-22-8145").1, 1);
}

#[test]
fn masking_and_finding_agree_about_the_same_text() {
    let guard = guard("{name: m, entities: {'*': redact}, except: [jon.vik@example.com]}");
    let text = "mira.holt@example.net, jon.vik@example.com, 4012888888881881";
    let found = guard.policy().whole_plan().find(text.as_bytes(), None).unwrap();
    let masked = guard.mask(text.as_bytes(), "text/plain").unwrap();
    let names: Vec<&str> = found.iter().map(|found| found.entity.name).collect();
    assert_eq!(names, ["email", "credit_card"]);
    assert_eq!(masked.findings.into_values().collect::<Vec<_>>(), [1, 1]);
}

/// The status of a request to an inference service under a policy that refuses card numbers.
fn asked(rules: &str, mask: &str, target: &str, body: &serde_json::Value) -> u16 {
    let policy = format!(
        "version: 1\nstate: memory\ndefault: danger_allow\nservices: {{llm: {{system: openai, thresholds: {{hold: never, deny: never}}}}}}\n{rules}mask: [{mask}]\n"
    );
    let guard = Guard::new(Policy::parse(&policy, "wardline.yaml").unwrap());
    let service = Service { status: 200, ..Service::default() };
    let kind = ("content-type", "application/json");
    exchange(&guard, head("POST", target, &[kind]), body.to_string().as_bytes(), &service).status
}

const NO_CARDS: &str = "{name: cards, in: [request], entities: {credit_card: deny}}";

#[test]
fn a_refused_value_is_refused_at_every_endpoint() {
    let card = "charge 4222222222222220 4012888888881881 today";
    for (target, body) in [
        (
            "/v1/chat/completions",
            serde_json::json!({"model": "m", "messages": [{"role": "user", "content": card}]}),
        ),
        ("/v1/completions", serde_json::json!({"model": "m", "prompt": card})),
        ("/v1/embeddings", serde_json::json!({"model": "m", "input": card})),
        ("/v1/embeddings", serde_json::json!({"model": "m", "input": ["plain", card]})),
        ("/v1/images/generations", serde_json::json!({"model": "m", "prompt": card})),
        ("/v1/moderations", serde_json::json!({"model": "m", "input": card})),
        ("/v1/responses", serde_json::json!({"model": "m", "input": card})),
    ] {
        assert_eq!(asked("", NO_CARDS, target, &body), 403, "{target}");
    }
}

#[test]
fn a_field_of_another_endpoint_changes_nothing() {
    let body = serde_json::json!({"model": "m", "input": "4012888888881881", "messages": [], "prompt": ""});
    assert_eq!(asked("", NO_CARDS, "/v1/embeddings", &body), 403);
}

#[test]
fn words_of_an_operation_in_a_text_are_text() {
    let rules = "rules: [{name: drops, who: ['*'], services: [llm], operations: [collection.drop, data.delete], effect: deny}]\n";
    let body = serde_json::json!({"model": "m", "input": "is `DROP TABLE users` ever safe? rm -rf /"});
    assert_eq!(asked(rules, NO_CARDS, "/v1/embeddings", &body), 200);
}

/// K04: a refused word in a tool's description or in a name of the schema is no word of a message.
#[test]
fn a_refused_word_counts_in_the_fields_that_the_entry_names() {
    let policy = "version: 1\nstate: memory\ndefault: danger_allow\nservices: {llm: {system: openai}}\n\
        detectors: {banned: {words: [lag], case: ignore}}\n\
        mask: [{name: words, in: [request], entities: {banned: deny}, within: ['messages[*].content', input]}]\n";
    let guard = Guard::new(Policy::parse(policy, "wardline.yaml").unwrap());
    let service = Service { status: 200, ..Service::default() };
    let sent = |target: &str, kind: &str, body: &str| {
        let kind = ("content-type", kind);
        exchange(&guard, head("POST", target, &[kind]), body.as_bytes(), &service).status
    };
    let parts = |text: &str| serde_json::json!([{"type": "text", "text": text}]);
    for (content, status) in [
        ("the queue is short".into(), 200),
        ("mind the Lag".into(), 403),
        (parts("no wait at all"), 200),
        (parts("why such lag?"), 403),
        (serde_json::json!("{\"question\": \"is there lag\"}"), 403),
        (serde_json::Value::Null, 200),
    ] {
        let tool =
            serde_json::json!({"name": "lag", "description": "measures lag", "parameters": {"lag": {}}});
        let body = serde_json::json!({"model": "lag", "messages": [{"role": "user", "name": "lag", "content": content}],
            "tools": [{"type": "function", "function": tool}]});
        assert_eq!(sent("/v1/chat/completions", "application/json", &body.to_string()), status, "{body}");
    }
    // What has no fields is read whole, whatever the service makes of it.
    assert_eq!(sent("/v1/chat/completions", "text/plain", "{\"tools\": \"lag\"}"), 403);
    let body = serde_json::json!({"model": "m", "input": ["no delay", "some lag"]}).to_string();
    assert_eq!(sent("/v1/embeddings", "application/json", &body), 403);
}
