//! The seal of hops (`Wardline-Hop`): which guarded services a request came through, said so that none of them can take one out,
//! put one in, or hand it to another than the next.
//!
//! Each service signs one link: who it is, who comes next, when it ends, and the digest of the link before. The first link says for whom,
//! and under which trace. Only who is named as the next may add a link, and only a workload that the policy lets begin a seal may name
//! another caller than itself: who cuts the links before its own speaks for itself alone.

mod chain;
mod link;

use std::sync::OnceLock;
use std::time::Duration;

use http::{HeaderMap, HeaderName};

pub use chain::Chain;
use link::{Began, Link};

use super::headers::{fold_alike, only};
use super::source::Refused;
use super::{Hop, HopProof, Identity};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::keys::{Keys, PublicKey, Purpose, Secret, SigningKey};
use crate::model::HttpHead;

/// The header that carries the seal.
pub const HEADER: HeaderName = HeaderName::from_static("wardline-hop");

/// A workload whose links are taken.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its key; the key's name is the workload's.
    pub key: PublicKey,
    /// Whether it may begin a seal for others: it authenticates callers.
    pub begins: bool,
}

/// Who this service is among those that seal, and whose links it takes.
#[derive(Debug)]
pub struct Hops {
    name: String,
    secret: Option<Secret>,
    lifetime: Duration,
    peers: Vec<Peer>,
    own: OnceLock<SigningKey>,
}

impl Hops {
    /// No link holds longer, whatever it says.
    pub const LONGEST_LIFETIME: Duration = Duration::from_secs(3_600);

    /// The service called `name`, whose links hold for `lifetime`. Without a secret its key is drawn from the keys of its state folder.
    pub fn new(name: &str, secret: Option<Secret>, lifetime: Duration, peers: Vec<Peer>) -> Self {
        Self { name: name.to_owned(), secret, lifetime, peers, own: OnceLock::new() }
    }

    /// Adds what a seal that came with the request says to whom its other words name.
    ///
    /// # Errors
    /// A seal that does not hold here and now, or is another caller's.
    pub fn through(&self, head: &HttpHead, identity: &mut Identity, now: Timestamp) -> Result<(), Refused> {
        let repeated = Refused::credential(
            "the seal of hops is repeated, has a twin in another spelling, or is not text",
        );
        let Some(text) = only(&head.headers, &HEADER).map_err(|_| repeated)? else { return Ok(()) };
        let chain = Chain::open(text, &self.name, &self.peers, now)?;
        chain.is_of(head.trace_id())?;
        chain.join(identity)
    }

    /// Headers of a request that are seals, or may be taken for one.
    pub fn seals(headers: &HeaderMap) -> impl Iterator<Item = &HeaderName> {
        headers.keys().filter(|name| **name == HEADER || fold_alike(name, &HEADER))
    }

    /// The header's value for a request of `identity` to the service called `to`, at `now`: its seal with our link added, or a new one.
    ///
    /// # Errors
    /// A key that cannot be read; more links than any service takes.
    pub fn seal(
        &self,
        (identity, trace): (&Identity, Option<&str>),
        to: &str,
        now: Timestamp,
        keys: &Keys,
    ) -> Result<String, Error> {
        let key = self.key(keys)?;
        let before = identity.seal.as_ref();
        let link = Link {
            by: self.name.clone(),
            to: to.to_owned(),
            iat: now.millis().div_euclid(1_000),
            exp: (now + self.lifetime).millis().div_euclid(1_000),
            prev: before.map(Chain::digest),
            began: before.is_none().then(|| Began::of(identity, trace)),
        };
        Chain::add(before, &link, key)
    }

    /// The key that others know this service by.
    ///
    /// # Errors
    /// A secret that is not there, or is the key of another name.
    pub fn key(&self, keys: &Keys) -> Result<&SigningKey, Error> {
        if let Some(key) = self.own.get() {
            return Ok(key);
        }
        let key = match &self.secret {
            Some(secret) => SigningKey::read(&secret.read()?)?,
            None => SigningKey::from_seed(
                &self.name,
                keys.within(Purpose::Hop, &[self.name.as_bytes()]).finish(),
            )?,
        };
        if key.name() != self.name {
            return Err(Error::new(ErrorKind::Input, "the key of identity.hops is that of another name"));
        }
        Ok(self.own.get_or_init(|| key))
    }
}

#[cfg(test)]
mod tests;
