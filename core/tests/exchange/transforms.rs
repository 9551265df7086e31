//! What masking needs an exchange for: sessions, embeddings, values that must not pass, and the way back.

use std::fs;

use tempfile::TempDir;
use wardline::ErrorKind;
use wardline::audit::{Ending, Entry, Filter, query};
use wardline::guard::Guard;
use wardline::identity::Identity;
use wardline::mask::{Hidden, Scope};
use wardline::model::{HttpHead, Verdict};

use crate::{Seen, Service, exchange, exchanges, head};

const HEAD: &str = "
version: 1
state: ./state
default: danger_allow
identity: {headers: {subject: x-user, session: x-session}, trusted_peers: [127.0.0.1]}
services:
  llm: {system: openai, thresholds: {hold: never, deny: never}}
";

fn guard(rest: &str) -> (TempDir, Guard) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    fs::write(&path, format!("{HEAD}{rest}")).unwrap();
    let guard = Guard::from_file(&path).unwrap();
    (folder, guard)
}

fn post(target: &str, session: &str) -> HttpHead {
    let headers = [("x-user", "ana"), ("x-session", session), ("content-type", "application/json")];
    head("POST", target, &headers)
}

fn ok() -> Service {
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    Service { status: 200, headers, chunks: vec![b"{}".to_vec()] }
}

fn sent(seen: &Seen) -> &str {
    std::str::from_utf8(&seen.service.as_ref().expect("a request that was forwarded").1).unwrap()
}

fn records(folder: &TempDir, guard: &Guard) -> Vec<Entry> {
    guard.flush().unwrap();
    exchanges(&folder.path().join("state"))
}

#[test]
fn one_value_has_one_pseudonym_in_a_session() {
    let (_folder, guard) = guard("mask: [{name: pii, in: [request], entities: {email: pseudonym}}]\n");
    let body = br#"{"model":"m","messages":[{"role":"user","content":"rosa.lind@example.com and rosa.lind@example.com"},{"role":"user","content":"again rosa.lind@example.com; tom.ek@example.org"}]}"#;
    let said = |session: &str| {
        let seen = exchange(&guard, post("/v1/chat/completions", session), body, &ok());
        let words: Vec<String> = sent(&seen)
            .split(['"', ' ', ';'])
            .filter(|word| word.ends_with("@example.invalid"))
            .map(str::to_owned)
            .collect();
        assert_eq!(words.len(), 4);
        assert!(words[0] == words[1] && words[1] == words[2] && words[2] != words[3], "{words:?}");
        words
    };
    assert_eq!(said("one"), said("one"));
    assert_ne!(said("one"), said("two"));
}

/// E01: masking what is embedded changes its vector, so the policy chooses and the record shows it.
#[test]
fn what_is_embedded_is_masked_passed_or_refused_and_the_record_says_which() {
    let body = br#"{"model": "m", "input": ["rosa.lind@example.com lives in \u004fslo", "second document"]}"#;
    for (choice, masked, refused) in
        [("pass", 0, false), ("mask", 1, false), ("deny", 0, true), ("", 1, false)]
    {
        let embed = if choice.is_empty() { String::new() } else { format!(", embed: {choice}") };
        let (folder, guard) =
            guard(&format!("mask: [{{name: pii, in: [request], entities: {{email: redact}}{embed}}}]\n"));
        let seen = exchange(&guard, post("/v1/embeddings", "s"), body, &ok());
        if refused {
            assert_eq!((seen.status, seen.answer.unwrap().code), (403, "denied_value"));
        } else {
            assert_eq!(sent(&seen).as_bytes() == body, masked == 0, "{choice}");
        }
        let record = &records(&folder, &guard)[0].record;
        let embed = record.request.as_ref().unwrap().embed.as_ref().expect("a choice");
        assert_eq!(embed.choice, if choice.is_empty() { "mask" } else { choice });
        assert_eq!((embed.pii_in_embed_input, embed.masked), (Some(1), masked), "{choice}");
        assert_eq!(record.decided, Some(if refused { Verdict::Deny } else { Verdict::Allow }));
        // What passes to be embedded does not pass anywhere else.
        let chat = br#"{"model":"m","messages":[{"role":"user","content":"rosa.lind@example.com"}]}"#;
        let seen = exchange(&guard, post("/v1/chat/completions", "s"), chat, &ok());
        assert!(sent(&seen).contains("[EMAIL]"), "{choice}");
    }
}

#[test]
fn what_one_entry_lets_pass_another_still_masks() {
    let (folder, guard) = guard(
        "mask:\n  - {name: soft, in: [request], entities: {email: redact, credit_card: redact}, embed: pass}\n  - {name: hard, in: [request], entities: {credit_card: redact}}\n",
    );
    let body = br#"{"model":"m","input":"rosa.lind@example.com 5555555555554444"}"#;
    let seen = exchange(&guard, post("/v1/embeddings", "s"), body, &ok());
    assert_eq!(sent(&seen), r#"{"model":"m","input":"rosa.lind@example.com [CREDIT_CARD]"}"#);
    let record = &records(&folder, &guard)[0].record;
    let embed = record.request.as_ref().unwrap().embed.as_ref().unwrap();
    assert_eq!((embed.choice.as_str(), embed.pii_in_embed_input, embed.masked), ("mask", Some(2), 1));
}

/// E02: no kind of endpoint is left out; E03: a field of another endpoint changes nothing.
#[test]
fn a_value_that_must_not_come_in_is_refused_at_every_endpoint() {
    let (folder, guard) = guard("mask: [{name: cards, in: [request], entities: {credit_card: deny}}]\n");
    let card = "5555555555554444";
    let bodies = [
        (
            "/v1/chat/completions",
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{card}"}}]}}"#),
        ),
        ("/v1/embeddings", format!(r#"{{"model":"m","input":"{card}"}}"#)),
        ("/v1/completions", format!(r#"{{"model":"m","prompt":"{card}"}}"#)),
        ("/v1/rerank", format!(r#"{{"model":"m","query":"{card}","documents":["a"]}}"#)),
        ("/v1/images/generations", format!(r#"{{"model":"m","prompt":"{card}"}}"#)),
        ("/v1/embeddings", format!(r#"{{"model":"m","input":"{card}","messages":[]}}"#)),
        ("/v1/embeddings", format!(r#"{{"messages":[],"input":[{card}],"model":"m"}}"#)),
    ];
    for (target, body) in &bodies {
        let seen = exchange(&guard, post(target, "s"), body.as_bytes(), &ok());
        assert_eq!(seen.answer.expect("a refusal").code, "denied_value", "{target}");
        assert!(seen.service.is_none() && !String::from_utf8_lossy(&seen.body).contains(card));
    }
    let records = records(&folder, &guard);
    assert_eq!(records.len(), bodies.len());
    for entry in records {
        let record = entry.record;
        assert_eq!((record.decided, record.enforced), (Some(Verdict::Deny), Some(Verdict::Deny)));
        assert_eq!(record.request.unwrap().totals["credit_card"], 1);
        assert_eq!(record.outcome.unwrap().result, Ending::Denied);
    }
}

#[test]
fn a_value_that_must_not_leave_stops_the_response() {
    let (_folder, guard) = guard("mask: [{name: cards, in: [response], entities: {credit_card: deny}}]\n");
    let text = r#"{"text":"pay with 5555 5555 5555 4444"}"#;
    let mut service = Service { chunks: vec![text.into()], ..ok() };
    let body = br#"{"model":"m","input":"x"}"#;
    let streamed = exchange(&guard, post("/v1/embeddings", "s"), body, &service);
    assert_eq!((streamed.aborted, streamed.body.len()), (Some("denied_response"), 0));
    service.headers.insert("content-length", text.len().into());
    let whole = exchange(&guard, post("/v1/embeddings", "s"), body, &service);
    assert_eq!((whole.status, whole.answer.unwrap().code), (403, "denied_response"));
}

const REVERSIBLE: &str = "
rules:
  - {name: use, who: ['user:*'], services: [llm], effect: allow}
  - {name: unmask, who: ['user:*'], operations: [secret.read], resources: [unmask/*], effect: allow}
mask: [{name: pii, in: [request], entities: {email: token, credit_card: {fpe: {scope: policy}}}}]
";

fn grant(guard: &Guard, resource: &str) -> wardline::model::GrantId {
    let terms = serde_json::json!({
        "scope": {"who": ["user:kim"], "services": ["*"], "operations": ["secret.read"], "resources": [resource]},
        "until": "1h", "reason": "fraud case 7",
    });
    guard.issue_grant(serde_json::from_value(terms).unwrap(), "lee").unwrap().id
}

#[test]
fn unmasking_needs_a_live_grant_and_is_recorded() {
    let (folder, guard) = guard(REVERSIBLE);
    let body = br#"{"model":"m","input":"rosa.lind@example.com 5555 5555 5555 4444"}"#;
    let seen = exchange(&guard, post("/v1/embeddings", "s"), body, &ok());
    let input: serde_json::Value = serde_json::from_str(sent(&seen)).unwrap();
    let (token, card) = input["input"].as_str().unwrap().split_once(' ').unwrap();
    assert!(token.starts_with("tok_") && card.len() == 19 && card != "5555 5555 5555 4444", "{token} {card}");

    let kim = || Identity::new("kim");
    // The rule says allow, and still there must be a grant.
    let refused = guard.unmask(Hidden::Token(token), kim()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotEligible);
    assert!(refused.to_string().starts_with("grant_required"), "{refused}");
    let id = grant(&guard, "unmask/email");
    assert_eq!(guard.unmask(Hidden::Token(token), kim()).unwrap().value, "rosa.lind@example.com");
    assert!(guard.unmask(Hidden::Token(token), Identity::new("ana")).is_err(), "the grant is not hers");
    let digits = Hidden::Digits { entity: "credit_card", text: card, scope: Scope::Policy };
    assert!(guard.unmask(digits, kim()).is_err(), "the grant is for addresses");
    let all = grant(&guard, "unmask/*");
    assert_eq!(guard.unmask(digits, kim()).unwrap().value, "5555 5555 5555 4444");
    let altered = format!("{}A", token.strip_suffix(|_: char| true).unwrap());
    let not_ours = guard.unmask(Hidden::Token(&altered), kim()).unwrap_err();
    assert_eq!(not_ours.kind(), ErrorKind::Input);
    for id in [id, all] {
        guard.revoke_grant(&id, "lee", "closed").unwrap();
    }
    assert!(guard.unmask(Hidden::Token(token), kim()).is_err(), "it was revoked");

    guard.flush().unwrap();
    let state = folder.path().join("state");
    let asked: Vec<Entry> = query(&state, &Filter::default())
        .unwrap()
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.record.door.as_ref().is_some_and(|door| door == "unmask"))
        .filter(|entry| entry.record.outcome.is_some())
        .collect();
    let told: Vec<_> = asked.iter().filter_map(|entry| entry.record.response.as_ref()).collect();
    assert_eq!((asked.len(), told.len()), (7, 2));
    assert_eq!((told[0].totals["email"], told[0].findings[0].length), (1, 21));
    let first = exchanges(&state).remove(0).record.request.unwrap();
    let masked = &first.findings[0];
    assert_eq!(
        told[0].findings[0].digest, masked.digest,
        "who was told can be joined with where it was found"
    );
    assert!(asked.iter().all(|entry| entry.record.acts[0].operation.name() == "secret.read"));
    drop(guard);
    assert!(!holds(&state, b"rosa.lind"), "no value is ever written");
}

fn holds(folder: &std::path::Path, value: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => holds(&path, value),
            false => fs::read(&path).unwrap().windows(value.len()).any(|window| window == value),
        }
    })
}

#[test]
fn policies_that_say_what_cannot_be_meant_are_refused_at_load() {
    let codes = |mask: &str| {
        let text = format!("{HEAD}mask: [{mask}]\n");
        match wardline::policy::Policy::parse(&text, "p.yaml") {
            Ok(_) => Vec::new(),
            Err(wrong) => wrong.diagnostics().iter().map(|d| d.code).collect(),
        }
    };
    for (mask, code) in [
        ("{name: a, entities: {email: generalise}}", Some("unfit_transform")),
        ("{name: a, entities: {email: date_shift}}", Some("unfit_transform")),
        ("{name: a, entities: {email: {fpe: {scope: policy}}}}", Some("unfit_transform")),
        ("{name: a, fields: {age: generalise}}", Some("unfit_transform")),
        ("{name: a, fields: {age: {generalise: {as: age}}}}", None),
        ("{name: a, entities: {email: {token: {scope: session}}}}", Some("unknown_value")),
        ("{name: a, entities: {email: {token: {scope: tenant}}}}", None),
        (
            "{name: a, entities: {email: {pseudonym: {scope: tenant}, replace: x}}}",
            Some("contradictory_transform"),
        ),
        ("{name: a, entities: {email: {pseudonym: {}}}}", Some("missing_key")),
        ("{name: a, entities: {date_of_birth: {date_shift: {days: 4000}}}}", Some("wrong_type")),
        ("{name: a, entities: {date_of_birth: {date_shift: {days: 30, scope: tenant}}}}", None),
        ("{name: a, entities: {'*': pseudonym, ip: generalise, credit_card: fpe}}", None),
        ("{name: a, in: [response], entities: {email: redact}, embed: pass}", Some("misplaced_key")),
        (
            "{name: a, operations: [inference.complete], entities: {email: redact}, embed: deny}",
            Some("misplaced_key"),
        ),
        ("{name: a, entities: {email: redact}, embed: later}", Some("unknown_value")),
    ] {
        assert_eq!(codes(mask).first().copied(), code, "{mask}");
    }
}

/// M06: 64 threads, a thousand rounds each, on one guard: nobody ever sees another's value.
#[test]
fn parallel_exchanges_never_mix_their_values() {
    let (_folder, guard) = guard(REVERSIBLE);
    grant(&guard, "*");
    std::thread::scope(|scope| {
        for n in 0..64 {
            let guard = guard.clone();
            scope.spawn(move || {
                let address = format!("n{n}@example.com");
                let body = format!(r#"{{"model":"m","input":["{address}"]}}"#);
                let token = || {
                    let masked = guard.mask(body.as_bytes(), "application/json").unwrap().body.unwrap();
                    let masked: serde_json::Value = serde_json::from_slice(&masked).unwrap();
                    masked["input"][0].as_str().unwrap().to_owned()
                };
                let own = token();
                assert_eq!(guard.unmask(Hidden::Token(&own), Identity::new("kim")).unwrap().value, address);
                for round in 0..1_000 {
                    assert_eq!(token(), own, "{round}");
                    if round % 100 == 0 {
                        let seen = exchange(&guard, post("/v1/embeddings", "s"), body.as_bytes(), &ok());
                        assert_eq!(sent(&seen), body.replace(&address, &own), "{round}");
                    }
                }
            });
        }
    });
}
