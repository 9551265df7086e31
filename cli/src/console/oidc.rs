//! Signing in at an identity provider (OpenID Connect): an authorization code with PKCE, state and nonce.
//!
//! What the provider says is believed over TLS, from its own configuration, for our client id, once, and in the browser that began. Whose
//! token it is, is verified by the code that verifies tokens of callers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use maud::html;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use wardline::clock::{Clock, SystemClock, Timestamp};
use wardline::guard::Client;
use wardline::identity::{Claim, Identity, Issuer, IssuerKeys, Keys, Sources, Tokens};
use wardline::keys::{hex, random};
use wardline::model::HttpHead;
use wardline::policy::may_call;

use super::page::{Refusal, shell};
use super::session::digest;
use super::{Console, ask};
use crate::Failure;

/// How long the provider may take to answer, and a person to sign in there.
const PATIENCE: Duration = Duration::from_secs(10);
const LASTING: Duration = Duration::from_secs(10 * 60);
/// So many may be signing in at once.
const MOST: usize = 1_000;
/// Where the provider sends the browser back to.
const BACK: &str = "/oidc/callback";
/// What its tokens may be signed with: nothing that a client could sign itself.
const ALGORITHMS: [&str; 4] = ["RS256", "PS256", "ES256", "EdDSA"];
const LEEWAY: Duration = Duration::from_secs(60);

/// An identity provider, and what it knows of this console.
pub(crate) struct Provider {
    /// Its issuer, exactly as its tokens name it.
    pub(crate) issuer: String,
    pub(crate) client: String,
    pub(crate) secret: Option<String>,
    /// The claim that names a person as the policy does.
    pub(crate) subject: String,
    /// The claim whose values count as groups of the policy.
    pub(crate) groups: Option<String>,
    begun: Mutex<HashMap<String, Begun>>,
}

/// A signing-in that has begun, by the digest of its state.
struct Begun {
    /// The digest of what the browser holds.
    browser: String,
    nonce: String,
    verifier: String,
    places: Places,
    until: Timestamp,
}

/// What a provider says of itself (OpenID Connect Discovery 1.0).
#[derive(Deserialize)]
struct Places {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    /// Where more is said of a person than in the token (OpenID Connect Core 1.0, 5.3).
    userinfo_endpoint: Option<String>,
    /// Where people end their session there (OpenID Connect RP-Initiated Logout 1.0).
    end_session_endpoint: Option<String>,
}

/// What the browser brings back (RFC 6749, 4.1.2; RFC 9207).
#[derive(Deserialize)]
pub(super) struct Brought {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
}

#[derive(Deserialize)]
struct Exchanged {
    id_token: String,
    access_token: Option<String>,
}

/// Why nobody is signed in; nothing of what came is quoted.
const NOT_BEGUN: Refusal = Refusal(
    StatusCode::FORBIDDEN,
    "This browser did not begin to sign in here, or it took too long. Begin again.",
);
const NOT_AGREED: Refusal = Refusal(StatusCode::FORBIDDEN, "The identity provider did not sign you in.");
const NOT_BELIEVED: Refusal =
    Refusal(StatusCode::FORBIDDEN, "What the identity provider says does not hold for this console.");
const AWAY: Refusal = Refusal(StatusCode::BAD_GATEWAY, "The identity provider does not answer as one.");
const TOO_MANY: Refusal =
    Refusal(StatusCode::SERVICE_UNAVAILABLE, "Too many are signing in. Try again later.");

impl Provider {
    pub(crate) fn new(
        issuer: String,
        client: String,
        secret: Option<String>,
        subject: String,
        groups: Option<String>,
    ) -> Result<Self, Failure> {
        may_call(&issuer, false).map_err(|why| Failure::Usage(format!("--oidc-issuer: {why}")))?;
        Ok(Self { issuer, client, secret, subject, groups, begun: Mutex::default() })
    }

    fn places(&self) -> Result<Places, Refusal> {
        let address = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let text = Client::new(PATIENCE).fetch(&address).map_err(|_| AWAY)?;
        let places: Places = serde_json::from_str(&text).map_err(|_| AWAY)?;
        let all = [&places.authorization_endpoint, &places.token_endpoint, &places.jwks_uri];
        let safe = all
            .into_iter()
            .chain(&places.end_session_endpoint)
            .chain(&places.userinfo_endpoint)
            .all(|url| may_call(url, false).is_ok());
        if safe && places.issuer == self.issuer { Ok(places) } else { Err(AWAY) }
    }

    /// Begins: where the browser goes, and what it holds meanwhile.
    fn begin(&self, origin: &str) -> Result<(String, String), Refusal> {
        let places = self.places()?;
        let made = || random().map(|bytes| hex(&bytes)).map_err(|_| AWAY);
        let (state, nonce, verifier, browser) = (made()?, made()?, made()?, made()?);
        let challenge = BASE64.encode(Sha256::digest(&verifier));
        let back = format!("{origin}{BACK}");
        let query = form(&[
            ("response_type", "code"),
            ("scope", "openid profile email"),
            ("client_id", &self.client),
            ("redirect_uri", &back),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let address = asking(&places.authorization_endpoint, &query);
        let now = SystemClock.now();
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.retain(|_, one| now < one.until);
        if begun.len() >= MOST {
            return Err(TOO_MANY);
        }
        let one = Begun { browser: digest(&browser), nonce, verifier, places, until: now + LASTING };
        begun.insert(digest(&state), one);
        Ok((address, browser))
    }

    /// Whom the provider signed in, in the browser that holds this, and where they end their session there.
    fn end(
        &self,
        origin: &str,
        brought: &Brought,
        browser: &str,
    ) -> Result<(Identity, Option<String>), Refusal> {
        let state = brought.state.as_deref().ok_or(NOT_BEGUN)?;
        // Whatever comes of it, a state serves once.
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest(state));
        let begun = begun.filter(|one| SystemClock.now() < one.until && one.browser == digest(browser));
        let begun = begun.ok_or(NOT_BEGUN)?;
        if brought.iss.as_ref().is_some_and(|issuer| *issuer != self.issuer) {
            return Err(NOT_BELIEVED);
        }
        let code = brought.code.as_deref().ok_or(NOT_AGREED)?;
        let back = format!("{origin}{BACK}");
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &back),
            ("client_id", &self.client),
            ("code_verifier", &begun.verifier),
        ];
        let basic = self.secret.as_deref().map(|secret| (self.client.as_str(), secret));
        let client = Client::new(PATIENCE);
        let answer = client.post_form(&begun.places.token_endpoint, &fields, basic).map_err(|_| AWAY)?;
        let exchanged: Exchanged = serde_json::from_str(&answer).map_err(|_| AWAY)?;
        let keys = client.fetch(&begun.places.jwks_uri).map_err(|_| AWAY)?;
        let keys = Keys::parse(&keys).map_err(|_| AWAY)?;
        let told = self.verify(&exchanged.id_token, Arc::new(keys), &begun.nonce)?;
        let person = self.person(&told, || {
            let endpoint = begun.places.userinfo_endpoint.as_deref()?;
            client.fetch_with(endpoint, exchanged.access_token.as_deref()?).ok()
        })?;
        // Without the token, which is nobody's to see in an address: the provider asks the person.
        let home = format!("{origin}/");
        let query = form(&[("client_id", &self.client), ("post_logout_redirect_uri", &home)]);
        Ok((person, begun.places.end_session_endpoint.map(|endpoint| asking(&endpoint, &query))))
    }

    /// What a token says that holds for us, its subject as the provider names it.
    fn verify(&self, token: &str, keys: Arc<Keys>, nonce: &str) -> Result<Arc<Identity>, Refusal> {
        let claims = ["nonce", "azp", "email_verified", &self.subject].map(str::to_owned).into();
        let issuer = Issuer {
            name: self.issuer.clone(),
            audience: vec![self.client.clone()],
            keys: IssuerKeys::Fixed(keys),
            algorithms: ALGORITHMS.iter().filter_map(|name| name.parse().ok()).collect(),
            subject: "sub".to_owned(),
            groups: self.groups.iter().cloned().collect(),
            claims,
            bound: false,
            leeway: LEEWAY,
        };
        let sources = Sources { tokens: Some(Tokens::new(vec![issuer])), ..Sources::default() };
        let mut headers = HeaderMap::new();
        let bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| NOT_BELIEVED)?;
        headers.insert(header::AUTHORIZATION, bearer);
        let head = HttpHead { method: Method::GET, host: String::new(), target: "/".to_owned(), headers };
        let identity = sources.identity(&head, None, None, SystemClock.now()).map_err(|_| NOT_BELIEVED)?;
        let said = |name| identity.claims.get(name).and_then(Claim::only);
        let for_us = said("nonce") == Some(nonce) && said("azp").is_none_or(|party| party == self.client);
        if for_us { Ok(identity) } else { Err(NOT_BELIEVED) }
    }

    /// The person that a token is about, as the policy names them. What it does not say is asked for where the provider tells more: many of them say no more
    /// than `sub` in a token.
    fn person(&self, told: &Identity, ask: impl FnOnce() -> Option<String>) -> Result<Identity, Refusal> {
        let said = |name: &str| told.claims.get(name).and_then(Claim::only).map(str::to_owned);
        let mut name =
            if self.subject == "sub" { Some(told.subject.to_string()) } else { said(&self.subject) };
        let mut verified = said("email_verified");
        let mut groups: Vec<String> = told.groups.iter().map(ToString::to_string).collect();
        let lacks_groups = self.groups.is_some() && groups.is_empty();
        if (name.is_none() || lacks_groups)
            && let Some(more) = ask()
        {
            let more: More = serde_json::from_str(&more).map_err(|_| AWAY)?;
            // It may be about somebody else (5.3.2).
            if more.sub != told.subject.as_str() {
                return Err(NOT_BELIEVED);
            }
            if name.is_none() {
                name = more.texts(&self.subject).pop();
                verified = more.texts("email_verified").pop();
            }
            if lacks_groups {
                groups = self.groups.iter().flat_map(|claim| more.texts(claim)).collect();
            }
        }
        // An address that nobody verified names nobody.
        let sound = self.subject != "email" || verified.as_deref() == Some("true");
        let name = name.filter(|name| sound && !name.is_empty()).ok_or(NOT_BELIEVED)?;
        Ok(Identity::new(name.as_str()).with_groups(groups.iter().map(String::as_str)))
    }
}

/// What a provider tells of a person besides.
#[derive(Deserialize)]
struct More {
    sub: String,
    #[serde(flatten)]
    claims: HashMap<String, Value>,
}

impl More {
    /// What a claim says: one text, a truth, or several texts.
    fn texts(&self, name: &str) -> Vec<String> {
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Bool(truth) => Some(truth.to_string()),
            _ => None,
        };
        match self.claims.get(name) {
            Some(Value::Array(values)) => values.iter().filter_map(text).collect(),
            Some(value) => text(value).into_iter().collect(),
            None => Vec::new(),
        }
    }
}

/// Sends the browser to the provider.
pub(super) async fn begin(State(console): State<Arc<Console>>) -> Result<Response, Failure> {
    let begun = ask(Arc::clone(&console), |console| {
        Ok(console.provider.as_ref().map(|provider| provider.begin(&console.origin)))
    })
    .await?;
    Ok(match begun {
        None => NOT_BEGUN.into_response(),
        Some(Err(refusal)) => refusal.into_response(),
        Some(Ok((address, browser))) => {
            let cookie = console.set_browser(&browser, LASTING);
            ([(header::SET_COOKIE, cookie)], Redirect::to(&address)).into_response()
        }
    })
}

/// Takes the browser back, and signs its person in.
pub(super) async fn end(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Query(brought): Query<Brought>,
) -> Result<Response, Failure> {
    let browser = console.browser(&headers).unwrap_or_default().to_owned();
    let ended = ask(Arc::clone(&console), move |console| {
        Ok(console.provider.as_ref().map(|provider| provider.end(&console.origin, &brought, &browser)))
    })
    .await?;
    let (person, leaving) = match ended {
        None => return Ok(NOT_BEGUN.into_response()),
        Some(Err(refusal)) => return Ok(refusal.into_response()),
        Some(Ok(ended)) => ended,
    };
    let name = person.subject.clone();
    let cookies = AppendHeaders([
        (header::SET_COOKIE, console.set_cookie(&console.sessions.begin(person, leaving)?)),
        (header::SET_COOKIE, console.set_browser("", Duration::ZERO)),
    ]);
    // The session's cookie does not come along where another site led here: the next step is the person's own.
    let body = html! {
        h1 { "Signed in" }
        div.card { p { "You decide and look as " strong { (name) } "." } div.row { a.button href="/" { "Continue" } } }
    };
    Ok((cookies, shell("Signed in", &html! {}, &body)).into_response())
}

/// An endpoint, asked.
fn asking(endpoint: &str, query: &str) -> String {
    let joint = if endpoint.contains('?') { '&' } else { '?' };
    format!("{endpoint}{joint}{query}")
}

/// Fields as a form or a query has them.
fn form(fields: &[(&str, &str)]) -> String {
    let encoded = |text: &str| {
        let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let one = |byte: u8| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        text.bytes().map(one).collect::<String>()
    };
    fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}
