//! Proofs that who brings a token holds the key that it is bound to (DPoP, RFC 9449).
//!
//! A token that is stolen without its key is worth nothing: every request carries a proof that was signed for this method, this address
//! and this token, a moment ago, and counts once. Which proofs were seen is known to each process by itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::source::Refused;
use super::token::object;
use crate::clock::Timestamp;
use crate::model::HttpHead;

/// What proofs may be signed with.
const ALGORITHMS: [Algorithm; 4] = [Algorithm::ES256, Algorithm::EdDSA, Algorithm::PS256, Algorithm::RS256];
/// Longer ones are refused unread.
const LONGEST: usize = 8 * 1_024;
/// As many are remembered; where more come within their time, no further one is taken.
const MOST: usize = 65_536;

/// The proofs that were seen, until they are too old to be taken again.
#[derive(Default)]
pub(super) struct Proofs(Mutex<HashMap<[u8; 32], Timestamp>>);

impl Proofs {
    /// Whether `proof` shows that who sends `head` with `token` holds the key of this thumbprint (RFC 7638).
    pub(super) fn check(
        &self,
        proof: &str,
        (token, thumbprint): (&str, &str),
        head: &HttpHead,
        (now, leeway): (Timestamp, Duration),
    ) -> Result<(), Refused> {
        let wrong = |why| Err(Refused::credential(why));
        let parts: Vec<&str> = proof.split('.').collect();
        let ([header, body, signature], true) = (parts.as_slice(), proof.len() <= LONGEST) else {
            return wrong("the proof is none of three parts");
        };
        let (said, claims) = (object(header)?, object(body)?);
        if text(&said, "typ") != Some("dpop+jwt") {
            return wrong("the proof is none of possession");
        }
        let algorithm = text(&said, "alg").and_then(|name| name.parse().ok());
        let Some(algorithm) = algorithm.filter(|algorithm| ALGORITHMS.contains(algorithm)) else {
            return wrong("the proof is signed in a way that is not taken");
        };
        // A private key in a proof is a key that is given away.
        let jwk = said.get("jwk").filter(|jwk| jwk.get("d").is_none() && jwk.get("k").is_none());
        let jwk: Option<Jwk> = jwk.and_then(|jwk| serde_json::from_value(jwk.clone()).ok());
        let (Some(jwk), false) = (jwk, said.contains_key("crit")) else {
            return wrong("the proof has no public key");
        };
        if jwk.thumbprint(ThumbprintHash::SHA256).ok().as_deref() != Some(thumbprint) {
            return wrong("the token is bound to another key");
        }
        let signed = proof.get(..header.len() + 1 + body.len()).unwrap_or_default();
        let verified = DecodingKey::from_jwk(&jwk)
            .and_then(|key| jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key, algorithm));
        if !verified.unwrap_or(false) {
            return wrong("the proof's signature is wrong");
        }
        if text(&claims, "htm") != Some(head.method.as_str())
            || !text(&claims, "htu").is_some_and(|url| is_for(url, head))
        {
            return wrong("the proof is for another request");
        }
        let of_token = URL_SAFE_NO_PAD.encode(Sha256::digest(token));
        if text(&claims, "ath") != Some(&of_token) {
            return wrong("the proof is for another token");
        }
        let made = claims.get("iat").and_then(Value::as_i64).and_then(|seconds| seconds.checked_mul(1_000));
        let made = made.map(Timestamp::from_millis);
        let Some(made) = made.filter(|made| *made <= now + leeway && now < *made + leeway) else {
            return wrong("the proof is not of now");
        };
        let Some(id) = text(&claims, "jti").filter(|id| !id.is_empty()) else {
            return wrong("the proof has no id");
        };
        self.once(id, made + leeway, now)
    }

    /// Takes an id once until it is too old.
    fn once(&self, id: &str, until: Timestamp, now: Timestamp) -> Result<(), Refused> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST {
            seen.retain(|_, until| now < *until);
        }
        if seen.len() >= MOST {
            return Err(Refused::unavailable("more proofs come than can be told apart"));
        }
        match seen.insert(Sha256::digest(id).into(), until) {
            Some(before) if now < before => Err(Refused::credential("the proof was used already")),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for Proofs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proofs(..)")
    }
}

fn text<'c>(claims: &'c Map<String, Value>, key: &str) -> Option<&'c str> {
    claims.get(key).and_then(Value::as_str)
}

/// Whether a URL is that of the request: host and path, without query. Its scheme is the word of who asked; TLS may have ended before.
fn is_for(url: &str, head: &HttpHead) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    let path = head.target.split(['?', '#']).next().unwrap_or_default();
    let path = path.find("://").map_or(path, |at| {
        // A target in absolute form.
        let rest = path.get(at + 3..).unwrap_or_default();
        rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
    });
    let host = uri.authority().map_or("", http::uri::Authority::as_str);
    let port = match uri.scheme_str() {
        Some("https") => ":443",
        Some("http") => ":80",
        _ => return false,
    };
    let bare = |host: &str| host.strip_suffix(port).unwrap_or(host).to_ascii_lowercase();
    uri.query().is_none() && !host.contains('@') && bare(host) == bare(&head.host) && uri.path() == path
}
