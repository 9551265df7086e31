//! Signed tokens as identities: OpenID Connect access tokens (RFC 9068), their actors (RFC 8693) and OAuth transaction tokens.
//!
//! Whoever signs is chosen by the issuer that the token names, the key by its id; which algorithms are taken is said here, never in the token,
//! and all of them are asymmetric, so that a public key is never taken for a shared secret. A token that is bound to a certificate
//! (RFC 8705) or a key (DPoP, RFC 9449) is taken from who shows that they hold it, and from nobody else.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderName;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::dpop::Proofs;
use super::headers::only;
use super::source::Refused;
use super::{Certificate, Claim, FetchedKeys, Hop, HopProof, Identity, IssuerKeys};
use crate::clock::Timestamp;
use crate::model::HttpHead;

/// What an issuer's tokens are held against, and what they say of the caller.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// Its name, as `iss` gives it.
    pub name: String,
    /// Whom the tokens are for: one of these stands in `aud`.
    pub audience: Vec<String>,
    /// Its keys.
    pub keys: IssuerKeys,
    /// The algorithms that its tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// The claim that names the caller.
    pub subject: String,
    /// Claims whose values are groups, and their places within objects, as in `realm_access.roles`.
    pub groups: Vec<String>,
    /// Claims that are kept for rules.
    pub claims: Vec<String>,
    /// Whether its tokens must be bound to a certificate or a key.
    pub bound: bool,
    /// By how much clocks may differ.
    pub leeway: Duration,
}

/// All issuers, and the tokens of theirs that were found sound.
#[derive(Default)]
pub struct Tokens {
    issuers: Vec<Issuer>,
    sound: RwLock<HashMap<[u8; 32], Sound>>,
    proofs: Proofs,
}

/// A token that was verified: whom it names, and from when to when.
#[derive(Clone)]
struct Sound {
    identity: Arc<Identity>,
    from: Timestamp,
    until: Timestamp,
    /// Who vouches for it, by index, and with which generation of keys.
    issuer: usize,
    generation: u64,
    bound: Bound,
}

/// Who may bring a token.
#[derive(Clone)]
enum Bound {
    /// Whoever has it.
    No,
    /// Who presents the certificate of this digest.
    Certificate([u8; 32]),
    /// Who holds the key of this thumbprint.
    Key(Arc<str>),
}

/// A token, and what comes with it.
pub(super) struct Presented<'r> {
    pub(super) token: &'r str,
    /// Whether it came under the scheme `DPoP`.
    pub(super) dpop: bool,
    pub(super) head: &'r HttpHead,
    pub(super) certificate: Option<&'r Certificate>,
}

/// Longer ones are refused unread.
const LONGEST: usize = 16 * 1_024;
/// As many are remembered; a thief of memory has many more.
const MOST: usize = 4_096;
/// A chain of actors may be this long.
const MOST_HOPS: usize = 16;
/// The header of a proof of possession (RFC 9449, 4.1).
const PROOF: HeaderName = HeaderName::from_static("dpop");
/// A token of an issuer that the policy does not name.
const STRANGER: Refused = Refused::credential("the policy takes no tokens of this issuer (iss)");
/// The type of a transaction token (draft-ietf-oauth-transaction-tokens).
const TXN_TOKEN: &str = "txntoken+jwt";

impl Tokens {
    /// Tokens of these issuers.
    pub fn new(issuers: Vec<Issuer>) -> Self {
        Self { issuers, sound: RwLock::default(), proofs: Proofs::default() }
    }

    /// The key sets that are fetched.
    pub fn fetched_keys(&self) -> impl Iterator<Item = &Arc<FetchedKeys>> {
        self.issuers.iter().filter_map(|issuer| match &issuer.keys {
            IssuerKeys::Fetched(keys) => Some(keys),
            IssuerKeys::Fixed(_) => None,
        })
    }

    /// The caller that a token names now.
    ///
    /// # Errors
    /// Where it is not sound, is not for us, or its time is not now.
    pub(super) fn verify(&self, presented: &Presented<'_>, now: Timestamp) -> Result<Arc<Identity>, Refused> {
        let token = presented.token;
        if token.len() > LONGEST {
            return Err(Refused::credential("the token is longer than any that is taken"));
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        let known = self.sound.read().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned();
        // A key that its issuer no longer has vouches for nothing.
        let current = |sound: &Sound| {
            self.issuers.get(sound.issuer).is_some_and(|issuer| issuer.keys.vouch(sound.generation, now))
        };
        if let Some(sound) = known.filter(current) {
            let identity = sound.at(now)?;
            self.prove(&sound, presented, now)?;
            return Ok(identity);
        }
        let sound = self.read(token, now)?;
        let identity = sound.at(now)?;
        self.prove(&sound, presented, now)?;
        let mut all = self.sound.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.retain(|_, sound| now < sound.until && current(sound));
        }
        if all.len() < MOST {
            all.insert(digest, sound);
        }
        Ok(identity)
    }

    /// Whether who brings a token is one who may.
    fn prove(&self, sound: &Sound, presented: &Presented<'_>, now: Timestamp) -> Result<(), Refused> {
        let wrong = |why| Err(Refused::credential(why));
        let issuer = self.issuers.get(sound.issuer).ok_or(STRANGER)?;
        match &sound.bound {
            Bound::No if issuer.bound => {
                wrong("tokens of this issuer are bound to a certificate or a key, and this one is not")
            }
            Bound::No | Bound::Certificate(_) if presented.dpop => wrong("the token is not bound to a key"),
            Bound::No => Ok(()),
            Bound::Certificate(sha256) => match presented.certificate {
                Some(certificate) if certificate.sha256 == *sha256 => Ok(()),
                _ => wrong("the token is bound to a certificate that its bearer does not present"),
            },
            // Under the scheme of bearers nobody would have looked at the proof.
            Bound::Key(_) if !presented.dpop => {
                wrong("the token is bound to a key, and nothing proves that its bearer holds it")
            }
            Bound::Key(thumbprint) => {
                let proof = only(&presented.head.headers, &PROOF).ok().flatten();
                let proof = proof.ok_or(Refused::credential("there is no one proof of possession"))?;
                let bound = (presented.token, &**thumbprint);
                self.proofs.check(proof, bound, presented.head, (now, issuer.leeway))
            }
        }
    }

    fn read(&self, token: &str, now: Timestamp) -> Result<Sound, Refused> {
        let parts: Vec<&str> = token.split('.').collect();
        let [head, body, signature] = *parts.as_slice() else {
            return Err(Refused::credential("the token is none of three parts"));
        };
        let (header, claims) = (object(head)?, object(body)?);
        let text = |key| claims.get(key).and_then(Value::as_str);
        let (at, issuer) = self
            .issuers
            .iter()
            .enumerate()
            .find(|(_, issuer)| text("iss") == Some(&issuer.name))
            .ok_or(STRANGER)?;
        let algorithm: Algorithm = header
            .get("alg")
            .and_then(Value::as_str)
            .and_then(|name| name.parse().ok())
            .filter(|algorithm| issuer.algorithms.contains(algorithm))
            .ok_or(Refused::credential(
                "the token is signed in a way that is not taken of its issuer (alg)",
            ))?;
        if header.contains_key("crit") {
            return Err(Refused::credential(
                "the token has extensions that must be understood, and none is (crit)",
            ));
        }
        let (keys, generation) = issuer.keys.now(now)?;
        let Some(key) = keys.find(header.get("kid").and_then(Value::as_str), algorithm) else {
            issuer.keys.miss();
            return Err(Refused::credential(
                "the keys of its issuer have none of this kid that fits its alg",
            ));
        };
        let signed = token.get(..head.len() + 1 + body.len()).unwrap_or_default();
        let verified = jsonwebtoken::crypto::verify(signature, signed.as_bytes(), key, algorithm);
        if !verified.unwrap_or(false) {
            return Err(Refused::credential("the token's signature is wrong"));
        }
        Ok(Sound { issuer: at, generation, ..issuer.identify(&header, &claims)? })
    }
}

impl Sound {
    /// Whom it names at this instant.
    fn at(&self, now: Timestamp) -> Result<Arc<Identity>, Refused> {
        if now >= self.until {
            return Err(Refused::credential("the token has expired (exp)"));
        }
        if now < self.from {
            return Err(Refused::credential("the token does not hold yet (nbf, iat)"));
        }
        Ok(Arc::clone(&self.identity))
    }
}

impl Issuer {
    /// What a token says whose signature is right.
    fn identify(&self, header: &Map<String, Value>, claims: &Map<String, Value>) -> Result<Sound, Refused> {
        let meant = |audience: &Value| {
            audience.as_str().is_some_and(|name| self.audience.iter().any(|one| one == name))
        };
        let for_us = match claims.get("aud") {
            Some(Value::Array(several)) => several.iter().any(meant),
            Some(one) => meant(one),
            None => false,
        };
        if !for_us {
            return Err(Refused::credential(
                "the token is for others: its aud names none of the audience that the policy takes of this issuer",
            ));
        }
        let bound = claims.get("cnf").map_or(Ok(Bound::No), bound)?;
        let until =
            time(claims, "exp")?.ok_or(Refused::credential("the token has no end (exp)"))? + self.leeway;
        let begins = time(claims, "nbf")?.max(time(claims, "iat")?);
        let subject = claims
            .get(&self.subject)
            .and_then(Value::as_str)
            .filter(|name| {
                !name.is_empty() && *name != Identity::ANONYMOUS && !name.contains(char::is_control)
            })
            .ok_or(Refused::credential("the token names nobody: the claim that the policy takes the caller from is absent, or no name"))?;
        let mut identity = Identity::new(subject);
        identity.issuer = Some(self.name.clone());
        for place in &self.groups {
            identity.groups.extend(find(claims, place).into_iter().flat_map(names));
        }
        identity.groups.sort_unstable();
        identity.groups.dedup();
        for place in &self.claims {
            if let Some(value) = find(claims, place).and_then(Claim::read) {
                identity.claims.insert(place.clone(), value);
            }
        }
        identity.hops = hops(claims)?;
        let kind = header.get("typ").and_then(Value::as_str).unwrap_or_default();
        if kind.eq_ignore_ascii_case(TXN_TOKEN) {
            let by = claims.get("req_wl").and_then(Value::as_str).map(str::to_owned);
            let hop = by.map(|workload| Hop { workload, verified_by: HopProof::TxnToken });
            identity.hops.extend(hop);
        }
        let from = begins.map_or(Timestamp::from_millis(i64::MIN), |begins| begins - self.leeway);
        Ok(Sound { identity: Arc::new(identity), from, until, issuer: 0, generation: 0, bound })
    }
}

/// Claims of those who were here may hold personal data.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({} issuers)", self.issuers.len())
    }
}

/// What a token is bound to (RFC 7800).
fn bound(confirmation: &Value) -> Result<Bound, Refused> {
    let text = |key| confirmation.get(key).and_then(Value::as_str);
    let known = confirmation.as_object().is_some_and(|members| members.len() == 1);
    match (text("x5t#S256"), text("jkt")) {
        (Some(digest), None) if known => {
            let digest = URL_SAFE_NO_PAD.decode(digest).ok().and_then(|digest| digest.try_into().ok());
            digest.map(Bound::Certificate)
        }
        (None, Some(thumbprint)) if known => Some(Bound::Key(thumbprint.into())),
        _ => None,
    }
    .ok_or(Refused::credential("the token is bound in a way that is not known here (cnf)"))
}

/// A part of a token that is an object.
pub(super) fn object(part: &str) -> Result<Map<String, Value>, Refused> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok();
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or(Refused::credential("the token is not written as one"))
}

/// A time in seconds; one that is no number is no time.
fn time(claims: &Map<String, Value>, key: &str) -> Result<Option<Timestamp>, Refused> {
    let Some(value) = claims.get(key) else { return Ok(None) };
    let seconds = value.as_i64().or_else(|| {
        // Some issuers write parts of seconds; what follows the point makes access neither longer nor earlier.
        let whole = value.as_f64().map(f64::floor)?;
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and is bounded below")]
        Some(whole as i64)
    });
    let millis = seconds
        .filter(|seconds| *seconds >= 0)
        .and_then(|seconds| seconds.checked_mul(1_000))
        .ok_or(Refused::credential("a time of the token is no number of seconds (exp, nbf, iat)"))?;
    Ok(Some(Timestamp::from_millis(millis)))
}

/// The claim at a place: its name, or names of members joined by points.
fn find<'c>(claims: &'c Map<String, Value>, place: &str) -> Option<&'c Value> {
    if let Some(value) = claims.get(place) {
        return Some(value);
    }
    let (first, rest) = place.split_once('.')?;
    find(claims.get(first)?.as_object()?, rest)
}

/// Texts of a list, or of one text in which they are separated by spaces (as in `scope`, RFC 6749) or commas.
fn names(value: &Value) -> Vec<String> {
    match value {
        Value::Array(several) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(text) => {
            text.split([' ', ',']).filter(|name| !name.is_empty()).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// The actors, the nearest last: the outermost `act` is who acts now (RFC 8693, 4.1).
fn hops(claims: &Map<String, Value>) -> Result<Vec<Hop>, Refused> {
    let (mut hops, mut within) = (Vec::new(), claims);
    while let Some(actor) = within.get("act") {
        let actor = actor.as_object().ok_or(Refused::credential("an actor of the token is none"))?;
        let workload = actor.get("sub").and_then(Value::as_str).filter(|name| !name.is_empty());
        let workload = workload.ok_or(Refused::credential("an actor of the token has no name"))?.to_owned();
        hops.push(Hop { workload, verified_by: HopProof::Jwt });
        if hops.len() > MOST_HOPS {
            return Err(Refused::credential("the token has more actors than are taken"));
        }
        within = actor;
    }
    hops.reverse();
    Ok(hops)
}
