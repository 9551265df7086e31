//! Who calls: tokens, keys and headers, as the guard believes them and as records show them.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wardline::audit::{Ending, Record};
use wardline::clock::ManualClock;
use wardline::guard::{Caller, Guard, Step};
use wardline::identity::{HopProof, Identity};
use wardline::model::{HttpHead, Subject};
use wardline::policy::Policy;

use super::{exchanges, head};

const KEY: &str = "wk_9mQ4r7Zt1xVb8Ly3";
const NOW: &str = "2026-11-28T12:00:00Z";

fn signing() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// The public half of a key, as sets have it.
pub(super) fn public(key: &SigningKey, id: &str) -> Value {
    let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": x})
}

/// Keys and tokens that were made once, of RSA and of an elliptic curve.
fn made() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tokens.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn guard(folder: &Path) -> (Guard, Arc<ManualClock>) {
    let mut keys = made()["jwks"].clone();
    keys["keys"].as_array_mut().unwrap().push(public(&signing(), "d1"));
    fs::write(folder.join("keys.json"), keys.to_string()).unwrap();
    let sha256 = Sha256::digest(KEY).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let text = format!(
        "version: 1
identity:
  headers: {{subject: x-user, groups: x-groups}}
  trusted_peers: [127.0.0.1]
  tokens:
    - {{issuer: 'https://id.example.org', audience: [wardline], keys: keys.json, groups: [groups, realm.roles], claims: [tenant, roles]}}
  api_keys: {{keys: {{svc-ingest: {{sha256: '{sha256}', groups: [ingest], until: 2027-01-01T00:00:00Z}}}}}}
services: {{vectors: {{system: qdrant}}}}
rules:
  - {{name: list, who: ['*'], operations: [collection.list], effect: allow}}
  - {{name: guests, who: ['user:*'], operations: ['*'], claims: {{roles: ['guest-*']}}, effect: deny}}
"
    );
    let clock = Arc::new(ManualClock::new(NOW.parse().unwrap()));
    let policy = Policy::parse(&text, &folder.join("wardline.yaml").display().to_string()).unwrap();
    (Guard::with_clock(policy, clock.clone()), clock)
}

pub(super) fn claims() -> Value {
    json!({"iss": "https://id.example.org", "aud": "wardline", "sub": "ana", "exp": 4_102_444_800_i64})
}

fn signed(header: &Value, claims: &Value) -> String {
    signed_by(&signing(), header, claims)
}

pub(super) fn signed_by(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let signature = key.sign(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

fn token(claims: &Value) -> String {
    signed(&json!({"alg": "EdDSA", "kid": "d1"}), claims)
}

/// The code of the answer, or `passed`, and the headers that reach the service.
pub(super) fn ask(guard: &Guard, peer: &str, headers: &[(&str, &str)]) -> (&'static str, http::HeaderMap) {
    let request: HttpHead = head("GET", "/collections", headers);
    let mut left = request.headers.clone();
    let mut exchange = guard.begin(Subject::Http(request), Caller::peer(peer.parse().ok()), "test");
    let code = match exchange.next_blocking() {
        Step::Forward(forward) => {
            forward.edits.apply(&mut left);
            "passed"
        }
        Step::Answer(answer) => {
            let challenged = answer.headers().iter().any(|(name, _)| name == http::header::WWW_AUTHENTICATE);
            assert_eq!(answer.status.as_u16() == 401, challenged);
            answer.code
        }
        other => panic!("{other:?}"),
    };
    exchange.finish(Ending::Complete);
    (code, left)
}

fn bearer(guard: &Guard, token: &str) -> &'static str {
    ask(guard, "192.0.2.1", &[("authorization", &format!("Bearer {token}"))]).0
}

fn records(guard: &Guard, folder: &Path) -> Vec<Record> {
    guard.flush().unwrap();
    exchanges(&folder.join("state")).into_iter().map(|entry| entry.record).collect()
}

#[test]
fn a_claim_of_several_values_fits_by_one_and_what_it_hides_restrains() {
    let folder = tempfile::tempdir().unwrap();
    let (guard, _) = guard(folder.path());
    for (roles, code) in [
        (json!(["staff", "ops"]), "passed"),
        (json!(["staff", "guest-7"]), "denied"),
        (json!("guest-7"), "denied"),
        (json!(["staff", {"name": "guest-7"}]), "denied"),
        (json!([]), "passed"),
        (json!(null), "passed"),
    ] {
        let mut claims = claims();
        claims["roles"] = roles.clone();
        assert_eq!(bearer(&guard, &token(&claims)), code, "{roles}");
    }
    // The record tells what it was judged by.
    let told = records(&guard, folder.path());
    assert_eq!(told[1].identity.as_ref().unwrap().claims["roles"].values(), ["staff", "guest-7"]);
}

#[test]
fn a_token_names_its_subject_groups_claims_and_actors() {
    let folder = tempfile::tempdir().unwrap();
    let (guard, _) = guard(folder.path());
    for kind in ["rs256", "es256"] {
        assert_eq!(bearer(&guard, made()[kind].as_str().unwrap()), "passed", "{kind}");
    }
    assert_eq!(bearer(&guard, &token(&claims())), "passed");
    let records = records(&guard, folder.path());
    let who: &Identity = records[0].identity.as_ref().unwrap();
    assert_eq!((who.subject.as_str(), who.issuer.as_deref()), ("ana", Some("https://id.example.org")));
    assert_eq!(
        (who.groups.as_slice(), who.claims["tenant"].only()),
        (&["ml", "ops", "reader"].map(String::from)[..], Some("acme"))
    );
    let hops: Vec<(&str, HopProof)> =
        who.hops.iter().map(|hop| (hop.workload.as_str(), hop.verified_by)).collect();
    assert_eq!(hops, [("collector", HopProof::Jwt), ("ingestion-1", HopProof::Jwt)]);
    assert_eq!(records[0].identity, records[1].identity);
}

#[test]
fn a_token_that_is_not_sound_not_for_us_or_not_now_names_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (guard, _) = guard(folder.path());
    let with = |key: &str, value: Value| {
        let mut claims = claims();
        claims[key] = value;
        token(&claims)
    };
    let without = |key: &str| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(key);
        token(&claims)
    };
    let header = |header: Value| signed(&header, &claims());
    let sound = token(&claims());
    let (text, signature) = sound.rsplit_once('.').unwrap();
    let (head, _) = text.split_once('.').unwrap();
    let other = URL_SAFE_NO_PAD.encode(
        json!({"iss": "https://id.example.org", "aud": "wardline", "sub": "root", "exp": 4_102_444_800_i64})
            .to_string(),
    );
    let mut endless = claims();
    let mut actor = json!({"sub": "w"});
    for _ in 0..20 {
        actor = json!({"sub": "w", "act": actor});
    }
    endless["act"] = actor;
    for (case, token) in [
        ("for others", with("aud", json!(["elsewhere"]))),
        ("for nobody", without("aud")),
        ("expired", with("exp", json!(1_700_000_000))),
        ("no end", without("exp")),
        ("an end that is no number", with("exp", json!("4102444800"))),
        ("not yet", with("nbf", json!(1_900_000_000))),
        ("issued in the future", with("iat", json!(1_900_000_000))),
        ("another issuer", with("iss", json!("https://id.example.org/"))),
        ("no subject", without("sub")),
        ("a subject that is nobody", with("sub", json!("anonymous"))),
        ("a subject that is no text", with("sub", json!(7))),
        ("bound to a key", with("cnf", json!({"jkt": "x"}))),
        ("an actor without a name", with("act", json!({"iss": "x"}))),
        ("too many actors", token(&endless)),
        ("no signature at all", header(json!({"alg": "none"}))),
        ("a public key as a secret", header(json!({"alg": "HS256", "kid": "d1"}))),
        ("another algorithm than its key's", header(json!({"alg": "RS256", "kid": "d1"}))),
        ("a key for other uses", header(json!({"alg": "RS256", "kid": "enc"}))),
        ("a key that there is not", header(json!({"alg": "EdDSA", "kid": "d2"}))),
        ("an extension", header(json!({"alg": "EdDSA", "kid": "d1", "crit": ["b64"]}))),
        ("other claims", format!("{head}.{other}.{signature}")),
        ("no signature", format!("{text}.")),
        ("two parts", text.to_owned()),
        ("nothing", String::new()),
        ("long", "a".repeat(20_000)),
    ] {
        assert_eq!(bearer(&guard, &token), "credential_refused", "{case}");
    }
    // One key alone could have signed it; and another scheme is none of ours.
    assert_eq!(bearer(&guard, &header(json!({"alg": "EdDSA"}))), "passed");
    assert_eq!(ask(&guard, "192.0.2.1", &[("authorization", "Basic YTpi")]).0, "passed");
    let all = records(&guard, folder.path());
    assert!(all.iter().take(25).all(|record| record.because.is_some()));
    assert!(all.iter().take(25).all(|record| record.identity.as_ref().unwrap().is_anonymous()));
    // Nothing of a credential is kept.
    for file in files(&folder.path().join("state")) {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(40).any(|window| window == &signature.as_bytes()[..40]), "{}", file.display());
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

#[test]
fn a_token_that_was_taken_ends_on_time() {
    let folder = tempfile::tempdir().unwrap();
    let (guard, clock) = guard(folder.path());
    let mut claims = claims();
    let noon = 1_795_867_200;
    claims["exp"] = json!(noon + 600);
    let token = token(&claims);
    assert_eq!(bearer(&guard, &token), "passed");
    clock.advance(Duration::from_secs(659));
    assert_eq!(bearer(&guard, &token), "passed", "clocks may differ by a minute");
    clock.advance(Duration::from_secs(1));
    assert_eq!(bearer(&guard, &token), "credential_refused");
}

#[test]
fn a_key_is_its_holders_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (guard, clock) = guard(folder.path());
    let with = |key: &str| ask(&guard, "192.0.2.1", &[("x-api-key", key)]).0;
    assert_eq!((with(KEY), with("wk_other"), with("")), ("passed", "credential_refused", "passed"));
    clock.advance(Duration::from_secs(40 * 86_400));
    assert_eq!(with(KEY), "credential_refused");
    let records = records(&guard, folder.path());
    let who = records[0].identity.as_ref().unwrap();
    assert_eq!((who.subject.as_str(), who.groups.as_slice()), ("svc-ingest", &["ingest".to_owned()][..]));
    let log = files(&folder.path().join("state"))
        .iter()
        .flat_map(|file| fs::read(file).unwrap())
        .collect::<Vec<_>>();
    assert!(!log.windows(KEY.len()).any(|window| window == KEY.as_bytes()));
}

#[test]
fn two_names_for_one_caller_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let (guard, _) = guard(folder.path());
    let token = format!("Bearer {}", token(&claims()));
    let both = [("authorization", token.as_str()), ("x-api-key", KEY)];
    assert_eq!(ask(&guard, "192.0.2.1", &both).0, "identity_refused");
    let twice = [("authorization", token.as_str()), ("authorization", token.as_str())];
    assert_eq!(ask(&guard, "192.0.2.1", &twice).0, "identity_refused");
    let proxied = [("authorization", token.as_str()), ("x-user", "bo")];
    assert_eq!(ask(&guard, "127.0.0.1", &proxied).0, "identity_refused");
}

#[test]
fn headers_of_a_stranger_go_no_further_and_are_noted() {
    let folder = tempfile::tempdir().unwrap();
    let (guard, _) = guard(folder.path());
    let sent = [("x-user", "root"), ("X_Groups", "admin"), ("x-other", "kept")];
    let (code, left) = ask(&guard, "192.0.2.1", &sent);
    assert_eq!(code, "passed");
    assert!(!left.contains_key("x-user") && !left.contains_key("x_groups") && left.contains_key("x-other"));
    let (_, left) = ask(&guard, "127.0.0.1", &[("x-user", "ana")]);
    assert!(left.contains_key("x-user"));
    let records = records(&guard, folder.path());
    let spoofed: Vec<&str> = records[0].spoofed.iter().map(|name| &**name).collect();
    assert_eq!(spoofed, ["x-user", "x_groups"]);
    assert!(records[0].identity.as_ref().unwrap().is_anonymous() && records[1].spoofed.is_empty());
}

#[test]
fn keys_that_cannot_be_relied_on_are_refused_where_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let found = |keys: &str, more: &str| {
        fs::write(folder.path().join("keys.json"), keys).unwrap();
        let text = format!(
            "version: 1
state: memory
identity:
  tokens:
    - {{issuer: i, audience: [a], keys: {more}}}
services: {{vectors: {{system: qdrant}}}}
"
        );
        let refused = Policy::parse(&text, &folder.path().join("p.yaml").display().to_string()).unwrap_err();
        let found = refused.diagnostics().iter().map(|d| (d.line, d.code)).collect::<Vec<_>>();
        assert!(!refused.to_string().contains("private"), "what is wrong with a key set is not quoted");
        found
    };
    let bad = [(5, "bad_keys")];
    assert_eq!(found("{}", "none.json"), bad);
    assert_eq!(found("{\"private\": 1}", "keys.json"), bad);
    assert_eq!(found(&made()["weak"].to_string(), "keys.json"), bad);
    assert_eq!(found("{\"keys\": [{\"kty\": \"oct\", \"k\": \"cHJpdmF0ZQ\"}]}", "keys.json"), bad);
    let sound = made()["jwks"].to_string();
    assert_eq!(found(&sound, "keys.json, algorithms: [HS256]"), [(5, "unknown_value")]);
}
