//! Signing in at an identity provider: a small one of the tests, over real sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wardline::grant::Answer;

use super::{Browser, Desk, ORIGIN, POLICY, Page, Provider};

/// What the provider signs and answers; a test changes it.
type Said = Arc<Mutex<Value>>;

/// A provider of the tests, which checks codes, verifiers and secrets as one must.
fn provider(said: Said) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let own = issuer.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut first, mut length, mut basic) = (String::new(), 0, String::new());
            reader.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let Some((name, value)) = line.trim().split_once(": ") else { break };
                match name.to_lowercase().as_str() {
                    "content-length" => length = value.parse().unwrap(),
                    "authorization" => basic = value.to_owned(),
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let body = String::from_utf8(body).unwrap();
            let said = said.lock().unwrap().clone();
            let (status, answer) = match first.split(' ').nth(1).unwrap() {
                "/.well-known/openid-configuration" => (
                    200,
                    json!({
                        "issuer": said["issuer"].as_str().unwrap_or(&own), "authorization_endpoint": format!("{own}/authorize?tenant=a"),
                        "token_endpoint": format!("{own}/token"), "jwks_uri": format!("{own}/keys"),
                        "userinfo_endpoint": said["person"].as_object().map(|_| format!("{own}/person")),
                        "end_session_endpoint": said["leave"].as_str().map(|path| format!("{own}{path}")),
                    }),
                ),
                "/keys" => {
                    let x = URL_SAFE_NO_PAD.encode(key().verifying_key().to_bytes());
                    (
                        200,
                        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "k", "x": x}]}),
                    )
                }
                "/token" => exchange(&own, &said, &body, &basic),
                "/person" if basic == "Bearer a" => (200, said["person"].clone()),
                other => panic!("{other}"),
            };
            let answer = answer.to_string();
            let _ = write!(
                stream,
                "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
                answer.len()
            );
        }
    });
    issuer
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// A token for the code, where who asks began the signing-in.
fn exchange(issuer: &str, said: &Value, body: &str, basic: &str) -> (u16, Value) {
    let field = |name: &str| {
        let found = body.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        found.unwrap_or_default().replace("%3A", ":").replace("%2F", "/")
    };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
    let sound = field("grant_type") == "authorization_code"
        && field("code") == "the-code"
        && field("redirect_uri") == format!("{ORIGIN}/oidc/callback")
        && said["challenge"] == json!(challenge)
        && basic == format!("Basic {}", STANDARD.encode("console:s3cret%2F"));
    if !sound {
        return (400, json!({"error": "invalid_grant"}));
    }
    let mut claims = json!({
        "iss": issuer, "aud": "console", "sub": "248289761001", "exp": 4_102_444_800_i64, "iat": 1_700_000_000,
        "nonce": said["nonce"], "preferred_username": "ola", "teams": ["security", "others"],
    });
    for (name, value) in said["claims"].as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&json!({"alg": "EdDSA", "kid": "k"})), part(&claims));
    let signature = URL_SAFE_NO_PAD.encode(key().sign(text.as_bytes()).to_bytes());
    (200, json!({"access_token": "a", "token_type": "Bearer", "id_token": format!("{text}.{signature}")}))
}

fn desk(said: &Said) -> (Desk, String) {
    let issuer = provider(said.clone());
    let provider = Provider::new(
        issuer.clone(),
        "console".to_owned(),
        Some("s3cret/".to_owned()),
        "preferred_username".to_owned(),
        Some("teams".to_owned()),
    );
    (Desk::signing_in_at(Some(provider.unwrap()), ORIGIN, POLICY), issuer)
}

/// Begins: the browser's cookie, and the parameters that the provider gets.
fn begin(desk: &Desk, said: &Said) -> (String, String) {
    let page = desk.send("GET", "/oidc", &[], "");
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    let cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(page.header("set-cookie").contains("HttpOnly; SameSite=Lax"));
    let location = page.header("location").to_owned();
    let field = |name: &str| {
        let found = location.split(['?', '&']).find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        found.unwrap_or_default().to_owned()
    };
    assert!(location.contains("/authorize?tenant=a&response_type=code&"), "{location}");
    assert_eq!((field("client_id").as_str(), field("code_challenge_method").as_str()), ("console", "S256"));
    assert_eq!(field("redirect_uri"), "http%3A%2F%2F127.0.0.1%3A7878%2Foidc%2Fcallback");
    let mut said = said.lock().unwrap();
    said["challenge"] = field("code_challenge").into();
    said["nonce"] = field("nonce").into();
    (cookie, field("state"))
}

fn back(desk: &Desk, cookie: &str, query: &str) -> Page {
    desk.send("GET", &format!("/oidc/callback?{query}"), &[("cookie", cookie)], "")
}

#[test]
fn somebody_signs_in_elsewhere_and_decides_by_the_groups_that_are_vouched_for() {
    let said = Said::new(Mutex::new(json!({})));
    let (desk, issuer) = desk(&said);
    assert!(desk.send("GET", "/", &[], "").body.contains("href=\"/oidc\""));
    let (cookie, state) = begin(&desk, &said);
    let iss = issuer.replace(':', "%3A").replace('/', "%2F");
    let page = back(&desk, &cookie, &format!("code=the-code&state={state}&iss={iss}"));
    assert!(page.status.is_success() && page.body.contains("ola"), "{}", page.body);
    let session = page.header("set-cookie").split(';').next().unwrap().to_owned();
    let home = desk.send("GET", "/", &[("cookie", &session)], "");
    let (_, rest) = home.body.split_once("name=\"csrf\" value=\"").unwrap();
    let csrf = rest.split('"').next().unwrap().to_owned();
    // `security` is a group of the policy, which does not name ola.
    let browser = Browser { desk: &desk, cookie: session, csrf };
    let id = desk.hold("ana", "docs");
    assert!(browser.get(&format!("/approvals/{id}")).body.contains("Your decision"));
    assert_eq!(browser.post(&format!("/approvals/{id}"), "answer=approve").status, StatusCode::SEE_OTHER);
    assert_eq!(desk.votes(&id), [("ola".to_owned(), Answer::Approve)]);
    // A state serves once.
    let again = back(&desk, &cookie, &format!("code=the-code&state={state}"));
    assert_eq!(again.status, StatusCode::FORBIDDEN);
}

/// Many providers say no more than `sub` in a token, and the rest to whoever asks with it.
#[test]
fn what_a_token_does_not_say_is_asked_for() {
    let bare = json!({"preferred_username": null, "teams": null});
    let sub = "248289761001";
    for (person, signed_in) in [
        (json!(null), false),
        (json!({"sub": sub, "preferred_username": "ola", "teams": ["security"]}), true),
        (json!({"sub": sub, "preferred_username": "ola", "teams": "security"}), true),
        (json!({"sub": "another", "preferred_username": "ola", "teams": ["security"]}), false),
        (json!({"preferred_username": "ola"}), false),
        (json!({"sub": sub}), false),
    ] {
        let said = Said::new(Mutex::new(json!({"claims": bare, "person": person})));
        let (desk, _) = desk(&said);
        let (cookie, state) = begin(&desk, &said);
        let page = back(&desk, &cookie, &format!("code=the-code&state={state}"));
        assert_eq!(page.status.is_success(), signed_in, "{person}: {}", page.body);
        if signed_in {
            let session = page.header("set-cookie").split(';').next().unwrap().to_owned();
            let id = desk.hold("ana", "docs");
            let asked = desk.send("GET", &format!("/approvals/{id}"), &[("cookie", &session)], "");
            assert!(asked.body.contains("Your decision"), "{}", asked.body);
        }
    }
}

#[test]
fn who_signs_out_is_told_where_to_sign_out_of_the_provider() {
    for (leave, told) in [
        (None, None),
        (
            Some("/leave?tenant=a"),
            Some(
                "/leave?tenant=a&amp;client_id=console&amp;post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A7878%2F",
            ),
        ),
    ] {
        let said = Said::new(Mutex::new(json!({"leave": leave})));
        let (desk, issuer) = desk(&said);
        let (cookie, state) = begin(&desk, &said);
        let page = back(&desk, &cookie, &format!("code=the-code&state={state}"));
        let session = page.header("set-cookie").split(';').next().unwrap().to_owned();
        let home = desk.send("GET", "/", &[("cookie", &session)], "");
        let (_, rest) = home.body.split_once("name=\"csrf\" value=\"").unwrap();
        let csrf = rest.split('"').next().unwrap().to_owned();
        let browser = Browser { desk: &desk, cookie: session, csrf };
        let out = browser.post("/logout", "");
        assert!(out.header("set-cookie").contains("Max-Age=0"));
        match told {
            None => assert_eq!(out.status, StatusCode::SEE_OTHER),
            Some(address) => {
                assert!(out.body.contains(&format!("href=\"{issuer}{address}\"")), "{}", out.body)
            }
        }
        assert_eq!(browser.get("/").status, StatusCode::UNAUTHORIZED);
    }
    // To a place that may not be called nobody is sent.
    let said = Said::new(Mutex::new(json!({"leave": ""})));
    let (desk, _) = desk(&said);
    said.lock().unwrap()["leave"] = json!("@example.org/");
    assert_eq!(desk.send("GET", "/oidc", &[], "").status, StatusCode::BAD_GATEWAY);
}

#[test]
fn what_is_not_for_this_browser_and_console_signs_nobody_in() {
    let said = Said::new(Mutex::new(json!({})));
    let (desk, _) = desk(&said);
    let refused = |page: &Page| !page.status.is_success() && page.header("set-cookie").is_empty();
    for (name, change) in [
        ("another nonce", json!({"nonce": "n"})),
        ("another client", json!({"aud": "others"})),
        ("for another party", json!({"azp": "others"})),
        ("another issuer", json!({"iss": "https://id.example.org"})),
        ("over", json!({"exp": 1_700_000_001})),
        ("nobody", json!({"preferred_username": ""})),
    ] {
        said.lock().unwrap()["claims"] = change;
        let (cookie, state) = begin(&desk, &said);
        let page = back(&desk, &cookie, &format!("code=the-code&state={state}"));
        assert!(refused(&page), "{name}: {}", page.body);
    }
    said.lock().unwrap()["claims"] = json!({});
    for query in [
        "code=the-code&state=STATE&iss=https%3A%2F%2Fid.example.org",
        "code=other&state=STATE",
        "error=access_denied&state=STATE",
        "code=the-code",
        "code=the-code&state=other",
    ] {
        let (cookie, state) = begin(&desk, &said);
        let page = back(&desk, &cookie, &query.replace("STATE", &state));
        assert!(refused(&page), "{query}: {}", page.body);
    }
    // Somebody else's browser, and one that began another signing-in.
    let (_, state) = begin(&desk, &said);
    let (other, _) = begin(&desk, &said);
    assert!(refused(&back(&desk, "", &format!("code=the-code&state={state}"))));
    let (_, state) = begin(&desk, &said);
    assert!(refused(&back(&desk, &other, &format!("code=the-code&state={state}"))));
    // A provider that says to be another one is none.
    said.lock().unwrap()["issuer"] = json!("https://id.example.org");
    assert_eq!(desk.send("GET", "/oidc", &[], "").status, StatusCode::BAD_GATEWAY);
}

#[test]
fn an_address_that_nobody_verified_names_nobody() {
    let said = Said::new(Mutex::new(json!({})));
    let issuer = provider(said.clone());
    let secret = Some("s3cret/".to_owned());
    let email = Provider::new(issuer, "console".to_owned(), secret, "email".to_owned(), None).unwrap();
    let desk = Desk::signing_in_at(Some(email), ORIGIN, POLICY);
    for (claims, signed_in) in [
        (json!({"email": "sam"}), false),
        (json!({"email": "sam", "email_verified": false}), false),
        (json!({"email": "sam", "email_verified": true}), true),
    ] {
        said.lock().unwrap()["claims"] = claims.clone();
        let (cookie, state) = begin(&desk, &said);
        let page = back(&desk, &cookie, &format!("code=the-code&state={state}"));
        assert_eq!(page.status.is_success(), signed_in, "{claims}");
    }
    assert!(
        Provider::new("http://id.example.org".to_owned(), "c".to_owned(), None, "sub".to_owned(), None)
            .is_err()
    );
    // Where there is no provider, nothing begins.
    assert_eq!(Desk::new().send("GET", "/oidc", &[], "").status, StatusCode::FORBIDDEN);
}
