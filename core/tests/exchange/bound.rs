//! Tokens that are worth nothing to a thief, and workloads that show a certificate.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wardline::audit::Ending;
use wardline::clock::ManualClock;
use wardline::guard::{Caller, Guard, Step};
use wardline::identity::Certificate;
use wardline::model::Subject;
use wardline::policy::{Policy, State};

use crate::callers::{claims, public, signed_by};
use crate::{exchanges, head};

const NOW: i64 = 1_764_331_200;
const WORKER: &str = "spiffe://example.org/ingestion-worker";

fn issuer_key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn holder() -> SigningKey {
    SigningKey::from_bytes(&[2; 32])
}

fn guard(bound: &str) -> (tempfile::TempDir, Guard, Arc<ManualClock>) {
    let folder = tempfile::tempdir().unwrap();
    let keys = json!({"keys": [public(&issuer_key(), "k")]});
    std::fs::write(folder.path().join("keys.json"), keys.to_string()).unwrap();
    let text = format!(
        "version: 1
state: ./state
identity:
  tokens: [{{issuer: 'https://id.example.org', audience: [wardline], keys: keys.json{bound}}}]
  certificates: {{trust_domains: [example.org], header: x-forwarded-client-cert}}
  trusted_peers: [127.0.0.1]
services: {{vectors: {{system: qdrant}}}}
rules:
  - {{name: list, who: ['user:*'], operations: [collection.list], effect: allow}}
  - {{name: through-the-worker, who: ['user:ana'], operations: [collection.list], unless: {{via: ['{WORKER}']}}, effect: deny}}
"
    );
    let clock = Arc::new(ManualClock::new(wardline::clock::Timestamp::from_millis(NOW * 1_000)));
    let policy = Policy::parse(&text, &folder.path().join("wardline.yaml").display().to_string()).unwrap();
    (folder, Guard::with_clock(policy, clock.clone()), clock)
}

fn token(subject: &str, confirmation: Option<Value>) -> String {
    let mut claims = claims();
    claims["sub"] = json!(subject);
    if let Some(confirmation) = confirmation {
        claims["cnf"] = confirmation;
    }
    signed_by(&issuer_key(), &json!({"alg": "EdDSA", "kid": "k"}), &claims)
}

/// What it comes to, and why where it is refused.
fn ask(guard: &Guard, caller: Caller, headers: &[(&str, &str)]) -> (String, String) {
    let request = head("GET", "/collections?limit=3", headers);
    let mut exchange = guard.begin(Subject::Http(request), caller, "test");
    let code = match exchange.next_blocking() {
        Step::Forward(_) => "passed",
        Step::Answer(answer) => answer.code,
        _ => unreachable!(),
    };
    exchange.finish(Ending::Complete);
    guard.flush().unwrap();
    let State::Folder(state) = guard.policy().state().clone() else { unreachable!() };
    let because = exchanges(&state).pop().unwrap().record.because;
    (code.to_owned(), because.as_deref().unwrap_or_default().to_owned())
}

fn stranger() -> Caller {
    Caller::peer("192.0.2.1".parse().ok())
}

fn thumbprint(key: &SigningKey) -> String {
    let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)))
}

/// A proof as the holder makes it, and what a thief or a mistake changes.
fn proof(token: &str, change: impl Fn(&mut Value, &mut Value), key: &SigningKey) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut jwk = public(key, "x");
    jwk.as_object_mut().unwrap().remove("kid");
    let mut header = json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk});
    let mut claims = json!({
        "htm": "GET", "htu": "https://localhost/collections", "iat": NOW,
        "ath": URL_SAFE_NO_PAD.encode(Sha256::digest(token)),
        "jti": format!("proof-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
    });
    change(&mut header, &mut claims);
    signed_by(key, &header, &claims)
}

#[test]
fn a_token_that_is_bound_to_a_key_takes_a_proof_for_each_request() {
    let (_folder, guard, clock) = guard("");
    let token = token("bea", Some(json!({"jkt": thumbprint(&holder())})));
    let dpop = format!("DPoP {token}");
    let with = |proof: &str| ask(&guard, stranger(), &[("authorization", &dpop), ("dpop", proof)]);
    let good = proof(&token, |_, _| {}, &holder());
    assert_eq!(with(&good).0, "passed");
    assert!(with(&good).1.contains("used already"));
    assert_eq!(with(&proof(&token, |_, _| {}, &holder())).0, "passed");

    type Change = fn(&mut Value, &mut Value);
    let changes: [(&str, Change); 12] = [
        ("another request", |_, claims| claims["htm"] = json!("POST")),
        ("another request", |_, claims| claims["htu"] = json!("https://localhost/collections/docs")),
        ("another request", |_, claims| claims["htu"] = json!("https://elsewhere.example.org/collections")),
        ("another request", |_, claims| claims["htu"] = json!("https://localhost/collections?limit=3")),
        ("another token", |_, claims| claims["ath"] = json!("AAAA")),
        ("not of now", |_, claims| claims["iat"] = json!(NOW - 61)),
        ("not of now", |_, claims| claims["iat"] = json!(NOW + 61)),
        ("no id", |_, claims| claims["jti"] = json!("")),
        ("none of possession", |header, _| header["typ"] = json!("JWT")),
        ("in a way that is not taken", |header, _| header["alg"] = json!("HS256")),
        ("no public key", |header, _| header["jwk"]["d"] = json!("AAAA")),
        ("no public key", |header, _| header["crit"] = json!(["x"])),
    ];
    for (why, change) in changes {
        let (code, because) = with(&proof(&token, change, &holder()));
        assert!(code == "credential_refused" && because.contains(why), "{why}: {because}");
    }
    // A thief has the token and not the key.
    assert!(with(&proof(&token, |_, _| {}, &issuer_key())).1.contains("another key"));
    let stolen = proof(&token, |header, _| header["jwk"] = public(&holder(), "x"), &issuer_key());
    assert!(with(&stolen).1.contains("signature"));
    let bearer = format!("Bearer {token}");
    let fresh = proof(&token, |_, _| {}, &holder());
    assert!(ask(&guard, stranger(), &[("authorization", &bearer)]).1.contains("nothing proves"));
    assert!(
        ask(&guard, stranger(), &[("authorization", &bearer), ("dpop", &fresh)]).1.contains("nothing proves")
    );
    assert!(ask(&guard, stranger(), &[("authorization", &dpop)]).1.contains("no one proof"));
    assert!(
        ask(&guard, stranger(), &[("authorization", &dpop), ("dpop", &fresh), ("dpop", &fresh)])
            .1
            .contains("no one proof")
    );
    // An id may come again when the proof that had it is too old to be taken.
    clock.advance(Duration::from_secs(200));
    let later = |_: &mut Value, claims: &mut Value| {
        claims["iat"] = json!(NOW + 200);
        claims["jti"] = json!("proof-0");
    };
    assert_eq!(with(&proof(&token, later, &holder())).0, "passed");
}

#[test]
fn a_token_that_is_bound_to_a_certificate_takes_that_certificate() {
    let (_folder, guard, _) = guard("");
    let sha256 = [7; 32];
    let token = token("bea", Some(json!({"x5t#S256": URL_SAFE_NO_PAD.encode(sha256)})));
    let bearer = format!("Bearer {token}");
    let own = Certificate { sha256, uris: vec![WORKER.to_owned()] };
    let headers: &[(&str, &str)] = &[("authorization", &bearer)];
    assert_eq!(ask(&guard, stranger().presenting(Some(own.clone())), headers).0, "passed");
    let other = Certificate { sha256: [8; 32], ..own };
    assert!(ask(&guard, stranger().presenting(Some(other)), headers).1.contains("does not present"));
    assert!(ask(&guard, stranger(), headers).1.contains("does not present"));
    // What a proxy says counts where it is believed, and nowhere else.
    let said = format!("Hash={};URI={WORKER}", "07".repeat(32));
    let headers: &[(&str, &str)] = &[("authorization", &bearer), ("x-forwarded-client-cert", &said)];
    assert_eq!(ask(&guard, Caller::peer("127.0.0.1".parse().ok()), headers).0, "passed");
    assert!(ask(&guard, stranger(), headers).1.contains("does not present"));
    let dpop = format!("DPoP {token}");
    let headers: &[(&str, &str)] = &[("authorization", &dpop), ("x-forwarded-client-cert", &said)];
    assert!(ask(&guard, Caller::peer("127.0.0.1".parse().ok()), headers).1.contains("not bound to a key"));
}

#[test]
fn where_tokens_must_be_bound_others_are_refused() {
    let (_folder, guard, _) = guard(", bound: required");
    let plain = format!("Bearer {}", token("bea", None));
    assert!(ask(&guard, stranger(), &[("authorization", &plain)]).1.contains("this one is not"));
    let odd = format!("Bearer {}", token("bea", Some(json!({"jwe": "x"}))));
    assert!(ask(&guard, stranger(), &[("authorization", &odd)]).1.contains("not known here"));
}

#[test]
fn a_certificate_names_a_workload_as_the_caller_or_as_a_hop() {
    let (_folder, guard, _) = guard("");
    let presenting =
        |uri: &str| stranger().presenting(Some(Certificate { sha256: [7; 32], uris: vec![uri.to_owned()] }));
    assert_eq!(ask(&guard, presenting(WORKER), &[]).0, "passed");
    assert_eq!(ask(&guard, presenting("spiffe://elsewhere.org/x"), &[]).0, "credential_refused");
    assert_eq!(ask(&guard, stranger(), &[]).0, "default_deny");
    // ana may list through the worker only.
    let ana = format!("Bearer {}", token("ana", None));
    let headers: &[(&str, &str)] = &[("authorization", &ana)];
    assert_eq!(ask(&guard, stranger(), headers).0, "denied");
    assert_eq!(ask(&guard, presenting("spiffe://example.org/other"), headers).0, "denied");
    assert_eq!(ask(&guard, presenting(WORKER), headers).0, "passed");
}

/// A certificate as a server gets it, made once with a SPIFFE id of `spiffe://example.org/ingestion-worker`.
#[test]
fn a_certificate_is_read_from_its_bytes() {
    let made = include_bytes!("../data/workload.der");
    let read = Certificate::from_der(made).unwrap();
    assert_eq!(read.spiffe(), Some(WORKER));
    assert_eq!(read.sha256, <[u8; 32]>::from(Sha256::digest(made)));
    for end in 0..made.len() {
        assert!(Certificate::from_der(&made[..end]).is_err());
    }
}
