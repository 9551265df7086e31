//! Client certificates: workloads by their SPIFFE ids, and what tokens may be bound to.
//!
//! Whoever ends TLS has verified the certificate: the host itself, which hands it over, or a proxy that is believed, which writes it into
//! a header as Envoy does (`x-forwarded-client-cert`). Nothing here verifies a chain.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use x509_cert::Certificate as X509;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::headers::{fold_alike, only};
use super::source::Refused;
use super::{Hop, HopProof, Identity, Network};
use crate::error::{Error, ErrorKind};
use crate::keys::unhex;

/// A client certificate whose chain was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 of its DER, which `x5t#S256` of RFC 8705 is.
    pub sha256: [u8; 32],
    /// The URIs among its alternative names.
    pub uris: Vec<String>,
}

impl Certificate {
    /// A certificate as TLS hands it over.
    ///
    /// # Errors
    /// Bytes that are no X.509 certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let wrong = || Error::new(ErrorKind::Input, "expected an X.509 certificate in DER");
        let parsed = X509::from_der(der).map_err(|_| wrong())?;
        let names = parsed.tbs_certificate.get::<SubjectAltName>().map_err(|_| wrong())?;
        let uri = |name: GeneralName| match name {
            GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str().to_owned()),
            _ => None,
        };
        let uris = names.map(|(_, names)| names.0.into_iter().filter_map(uri).collect());
        Ok(Self { sha256: Sha256::digest(der).into(), uris: uris.unwrap_or_default() })
    }

    /// The last of the certificates that `x-forwarded-client-cert` names: the one that the nearest proxy verified.
    fn forwarded(text: &str) -> Option<Self> {
        let last = split(text, ',').pop()?;
        let (mut sha256, mut uris) = (None, Vec::new());
        for field in split(last, ';') {
            let (key, value) = field.split_once('=')?;
            let value = value.trim().trim_matches('"');
            match key.trim().to_ascii_lowercase().as_str() {
                "hash" => sha256 = Some(unhex(value)?),
                "uri" if !value.is_empty() => uris.push(value.to_owned()),
                _ => {}
            }
        }
        Some(Self { sha256: sha256?, uris })
    }

    /// Its SPIFFE id: an X.509-SVID has exactly one URI, which is it.
    pub fn spiffe(&self) -> Option<&str> {
        match self.uris.as_slice() {
            [one] if trust_domain(one).is_some() => Some(one),
            _ => None,
        }
    }
}

/// The parts between separators that stand outside of quotes.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|c| {
        let is_escaped = std::mem::replace(&mut escaped, false);
        match c {
            '\\' if quoted && !is_escaped => escaped = true,
            '"' if !is_escaped => quoted = !quoted,
            _ => {}
        }
        c == separator && !quoted
    })
    .collect()
}

/// The trust domain of a SPIFFE id; `None` of what is none (SPIFFE-ID, 2).
fn trust_domain(id: &str) -> Option<&str> {
    let (domain, path) = id.strip_prefix("spiffe://")?.split_once('/')?;
    let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-_".contains(&c);
    let plain = |c: u8| c.is_ascii_alphanumeric() || b".-_".contains(&c);
    let segments =
        path.split('/').all(|segment| !matches!(segment, "" | "." | "..") && segment.bytes().all(plain));
    (!domain.is_empty() && domain.bytes().all(fits) && segments && id.len() <= 2_048).then_some(domain)
}

/// What certificates say of callers.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// Trust domains whose workloads are taken.
    pub trust_domains: Vec<String>,
    /// The header in which proxies hand certificates on.
    pub header: Option<HeaderName>,
    /// Whom it is believed from.
    pub peers: Vec<Network>,
}

impl Certificates {
    pub(super) fn believes(&self, peer: Option<IpAddr>) -> bool {
        peer.is_some_and(|peer| self.peers.iter().any(|network| network.contains(peer)))
    }

    /// The certificate of a request: what a believed proxy says, or else what the host has.
    pub(super) fn presented(
        &self,
        headers: &HeaderMap,
        believed: bool,
        own: Option<&Certificate>,
    ) -> Result<Option<Certificate>, Refused> {
        let wrong = Refused::credential("the header of the client certificate is not written as one");
        let Some(name) = self.header.as_ref().filter(|_| believed) else { return Ok(own.cloned()) };
        match only(headers, name) {
            Ok(Some(text)) => Certificate::forwarded(text).map(Some).ok_or(wrong),
            // The proxy's own certificate names no caller.
            Ok(None) => Ok(None),
            Err(_) => Err(wrong),
        }
    }

    /// Whether a header is that of certificates, or may be taken for it.
    pub(super) fn is_header(&self, name: &HeaderName) -> bool {
        self.header.as_ref().is_some_and(|own| own == name || fold_alike(own, name))
    }

    /// The workload that a certificate names; `None` where nobody asks.
    pub(super) fn workload<'c>(&self, certificate: &'c Certificate) -> Result<Option<&'c str>, Refused> {
        if self.trust_domains.is_empty() {
            return Ok(None);
        }
        let taken =
            |id: &&str| trust_domain(id).is_some_and(|of| self.trust_domains.iter().any(|one| one == of));
        let id = certificate.spiffe().filter(taken);
        id.map(Some)
            .ok_or(Refused::credential("the certificate names no workload of a trust domain that is taken"))
    }
}

/// A workload as the caller, where nothing else names one.
pub(super) fn caller(workload: &str) -> Identity {
    let mut identity = Identity::new(workload);
    identity.issuer = trust_domain(workload).map(|domain| format!("spiffe://{domain}"));
    identity
}

/// A workload that passed on what somebody else asks.
pub(super) fn hop(workload: &str) -> Hop {
    Hop { workload: workload.to_owned(), verified_by: HopProof::Mtls }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spiffe_ids_are_read_strictly() {
        let with = |uris: &[&str]| Certificate {
            sha256: [0; 32],
            uris: uris.iter().map(|uri| (*uri).to_owned()).collect(),
        };
        let id = "spiffe://example.org/ns/prod/sa/ingest";
        assert_eq!(with(&[id]).spiffe(), Some(id));
        assert_eq!(with(&[id, "https://example.org"]).spiffe(), None);
        for wrong in [
            "spiffe://example.org",
            "spiffe://example.org/",
            "spiffe:///a",
            "spiffe://Example.org/a",
            "spiffe://example.org/a/../b",
            "spiffe://example.org/a//b",
            "spiffe://example.org/a?b",
            "spiffe://user@example.org/a",
            "https://example.org/a",
        ] {
            assert_eq!(with(&[wrong]).spiffe(), None, "{wrong}");
        }
    }

    #[test]
    fn the_nearest_proxy_says_whose_certificate_it_is() {
        let hash = "ab".repeat(32);
        let text = format!(
            "Hash={};URI=spiffe://evil.org/a,By=spiffe://example.org/proxy;Hash={hash};Subject=\"CN=a,b;c\\\"d\";URI=spiffe://example.org/a",
            "00".repeat(32)
        );
        let read = Certificate::forwarded(&text).unwrap();
        assert_eq!((read.sha256, read.spiffe()), ([0xab; 32], Some("spiffe://example.org/a")));
        for wrong in ["", "URI=spiffe://example.org/a", "Hash=zz;URI=a", "Hash"] {
            assert_eq!(Certificate::forwarded(wrong), None, "{wrong}");
        }
    }
}
