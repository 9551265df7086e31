//! Where a door takes the caller from when its host hands over none: a token, a key, or the headers of a trusted peer.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, header};

use super::headers::{fold_alike, only};
use super::{ApiKeys, Identity, Tokens, TrustedHeaders};
use crate::clock::Timestamp;

/// Why a request names nobody who could be believed. Holds nothing of what it brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// `credential_refused`, or `identity_refused` where there is no one reading.
    pub code: &'static str,
    /// A sentence.
    pub because: &'static str,
}

impl Refused {
    pub(super) const fn credential(because: &'static str) -> Self {
        Self { code: "credential_refused", because }
    }

    const fn ambiguous(because: &'static str) -> Self {
        Self { code: "identity_refused", because }
    }
}

/// The sources of a policy. A request that brings two of them names nobody: which counts would be a choice of the caller.
#[derive(Debug, Default)]
pub struct Sources {
    /// Headers that an authenticating proxy sets.
    pub headers: Option<TrustedHeaders>,
    /// The header that joins the exchanges of one session.
    pub session: Option<HeaderName>,
    /// Bearer tokens in `Authorization` (RFC 6750).
    pub tokens: Option<Tokens>,
    /// Keys, and the header that they stand in.
    pub keys: Option<(HeaderName, ApiKeys)>,
}

impl Sources {
    /// The address that a request comes from; the peer's, where no trusted peer says otherwise.
    pub fn source(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Option<IpAddr> {
        self.headers.as_ref().map_or(peer, |trusted| trusted.source(headers, peer))
    }

    /// Headers that only a trusted peer may set, where another peer did: they go no further.
    pub fn spoofed(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Vec<HeaderName> {
        let Some(trusted) = &self.headers else { return Vec::new() };
        if peer.is_some_and(|peer| trusted.believes(peer)) {
            return Vec::new();
        }
        headers
            .keys()
            .filter(|name| trusted.names().any(|own| own == *name || fold_alike(own, name)))
            .cloned()
            .collect()
    }

    /// Who sends a request; anonymous where nothing says so.
    ///
    /// # Errors
    /// Where what says so is not believed, or is ambiguous.
    pub fn identity(
        &self,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Arc<Identity>, Refused> {
        let mut found = Vec::new();
        if let Some(tokens) = &self.tokens
            && let Some(token) = bearer(headers)?
        {
            found.push(tokens.verify(token, now)?);
        }
        if let Some((name, keys)) = &self.keys
            && let Some(key) = only(headers, name).map_err(|_| AMBIGUOUS)?
        {
            found.push(keys.verify(key, now)?);
        }
        if let Some(trusted) = &self.headers {
            let identity = trusted.resolve(headers, peer).map_err(|_| AMBIGUOUS)?;
            found.extend((!identity.is_anonymous()).then(|| Arc::new(identity)));
        }
        match found.as_slice() {
            [] => Ok(Arc::new(Identity::anonymous())),
            [one] => Ok(Arc::clone(one)),
            _ => Err(Refused::ambiguous("the request names its caller in two ways")),
        }
    }

    /// Of the token or key that a request brings as much as tells it from others: of a signed token the signature.
    pub fn credential<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let token = self.tokens.as_ref().and_then(|_| bearer(headers).ok().flatten());
        let key = || only(headers, &self.keys.as_ref()?.0).ok().flatten();
        token.and_then(|token| token.rsplit('.').next()).or_else(key)
    }
}

const AMBIGUOUS: Refused = Refused::ambiguous(
    "a header that names the caller is repeated, has a twin in another spelling, or is not text",
);

/// The token of the request; one of another scheme is none of ours.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refused> {
    let Some(value) = only(headers, &header::AUTHORIZATION).map_err(|_| AMBIGUOUS)? else { return Ok(None) };
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    Ok(scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()))
}
