//! Where a door takes the caller from when its host hands over none: a token, a key, a certificate, or the headers of a trusted peer.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, header};

use super::headers::{fold_alike, only};
use super::token::Presented;
use super::{
    ApiKeys, Certificate, Certificates, FetchedKeys, Hops, Identity, Tokens, TrustedHeaders, certificate,
};
use crate::clock::Timestamp;
use crate::model::HttpHead;

/// Why a request names nobody who could be believed. Holds nothing of what it brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// `credential_refused`, `identity_refused` where there is no one reading, or `guard_unavailable` where it cannot be told.
    pub code: &'static str,
    /// A sentence.
    pub because: &'static str,
}

impl Refused {
    pub(super) const fn credential(because: &'static str) -> Self {
        Self { code: "credential_refused", because }
    }

    pub(super) const fn unavailable(because: &'static str) -> Self {
        Self { code: "guard_unavailable", because }
    }

    const fn ambiguous(because: &'static str) -> Self {
        Self { code: "identity_refused", because }
    }
}

/// The sources of a policy. A request that brings two of them names nobody: which counts would be a choice of the caller. A certificate
/// beside one of them names the workload that passed it on.
#[derive(Debug, Default)]
pub struct Sources {
    /// Headers that an authenticating proxy sets.
    pub headers: Option<TrustedHeaders>,
    /// The header that joins the exchanges of one session.
    pub session: Option<HeaderName>,
    /// Bearer tokens in `Authorization` (RFC 6750).
    pub tokens: Option<Tokens>,
    /// Client certificates.
    pub certificates: Option<Certificates>,
    /// Keys, and the header that they stand in.
    pub keys: Option<(HeaderName, ApiKeys)>,
    /// Seals of the services that a request came through. They add to what the others say, or to whom the host verified.
    pub hops: Option<Hops>,
}

impl Sources {
    /// The key sets that are fetched.
    pub fn fetched_keys(&self) -> impl Iterator<Item = &Arc<FetchedKeys>> {
        self.tokens.iter().flat_map(Tokens::fetched_keys)
    }

    /// The address that a request comes from; the peer's, where no trusted peer says otherwise.
    pub fn source(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Option<IpAddr> {
        self.headers.as_ref().map_or(peer, |trusted| trusted.source(headers, peer))
    }

    /// Headers that only a trusted peer may set, where another peer did: they go no further.
    pub fn spoofed(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Vec<HeaderName> {
        let own = |name: &HeaderName| {
            let trusted = self
                .headers
                .as_ref()
                .filter(|_| !self.believes(peer))
                .is_some_and(|trusted| trusted.names().any(|own| own == name || fold_alike(own, name)));
            let certificates = self.certificates.as_ref().filter(|own| !own.believes(peer));
            trusted || certificates.is_some_and(|own| own.is_header(name))
        };
        headers.keys().filter(|name| own(name)).cloned().collect()
    }

    fn believes(&self, peer: Option<IpAddr>) -> bool {
        let trusted = self.headers.as_ref();
        trusted.zip(peer).is_some_and(|(trusted, peer)| trusted.believes(peer))
    }

    /// Who sends a request; anonymous where nothing says so. `certificate` is what the host verified itself.
    ///
    /// # Errors
    /// Where what says so is not believed, or is ambiguous.
    pub fn identity(
        &self,
        head: &HttpHead,
        peer: Option<IpAddr>,
        certificate: Option<&Certificate>,
        now: Timestamp,
    ) -> Result<Arc<Identity>, Refused> {
        let headers = &head.headers;
        let presented = match &self.certificates {
            Some(certificates) => {
                certificates.presented(headers, certificates.believes(peer), certificate)?
            }
            None => certificate.cloned(),
        };
        let mut found = Vec::new();
        if let Some(tokens) = &self.tokens
            && let Some((token, dpop)) = token(headers)?
        {
            let presented = Presented { token, dpop, head, certificate: presented.as_ref() };
            found.push(tokens.verify(&presented, now)?);
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
        let workload = match (&self.certificates, &presented) {
            (Some(certificates), Some(presented)) => certificates.workload(presented)?,
            _ => None,
        };
        match (found.as_slice(), workload) {
            ([], None) => Ok(Arc::new(Identity::anonymous())),
            ([], Some(workload)) => Ok(Arc::new(certificate::caller(workload))),
            ([one], None) => Ok(Arc::clone(one)),
            ([one], Some(workload)) => {
                let mut identity = Identity::clone(one);
                identity.hops.push(certificate::hop(workload));
                Ok(Arc::new(identity))
            }
            _ => Err(Refused::ambiguous("the request names its caller in two ways")),
        }
    }

    /// Of the token or key that a request brings as much as tells it from others: of a signed token the signature.
    pub fn credential<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let token = self.tokens.as_ref().and_then(|_| token(headers).ok().flatten());
        let key = || only(headers, &self.keys.as_ref()?.0).ok().flatten();
        token.and_then(|(token, _)| token.rsplit('.').next()).or_else(key)
    }
}

const AMBIGUOUS: Refused = Refused::ambiguous(
    "a header that names the caller is repeated, has a twin in another spelling, or is not text",
);

/// The token of the request, and whether it comes with a proof of possession; one of another scheme is none of ours.
fn token(headers: &HeaderMap) -> Result<Option<(&str, bool)>, Refused> {
    let Some(value) = only(headers, &header::AUTHORIZATION).map_err(|_| AMBIGUOUS)? else { return Ok(None) };
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    let dpop = scheme.eq_ignore_ascii_case("dpop");
    Ok((dpop || scheme.eq_ignore_ascii_case("bearer")).then(|| (token.trim(), dpop)))
}
