//! The links of a seal, joined: read and judged as a whole, and made longer by one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};

use super::link::Link;
use super::{Hop, HopProof, Hops, Identity, Peer, Refused};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::keys::SigningKey;

/// Between links.
const BETWEEN: char = '~';
/// Longer ones are refused unread.
const LONGEST: usize = 8 * 1_024;
const MOST_LINKS: usize = 16;
/// By how much clocks may differ.
const LEEWAY: Duration = Duration::from_secs(30);

/// A seal as it came. Whoever passes the request on hands it to the guard again with the identity. Printing it shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Chain(Arc<str>);

/// What a seal says that holds.
pub(super) struct Opened {
    links: Vec<Link>,
    text: Chain,
}

impl Chain {
    /// Reads a seal that was made for the service called `own`, and judges it.
    pub(super) fn open(text: &str, own: &str, peers: &[Peer], now: Timestamp) -> Result<Opened, Refused> {
        let wrong = |why| Err(Refused::credential(why));
        if text.len() > LONGEST || text.split(BETWEEN).count() > MOST_LINKS {
            return wrong("the seal of hops is longer than any that is taken");
        }
        let mut links: Vec<Link> = Vec::new();
        let mut read = 0;
        for written in text.split(BETWEEN) {
            let link = Link::read(written)?;
            let mut keys = peers.iter().filter(|peer| peer.key.name() == link.by);
            let Some(peer) = keys.find(|peer| Link::is_signed(written, &peer.key)) else {
                return wrong("a link of the seal is signed by nobody whose links are taken");
            };
            if link.exp <= link.iat || seconds(link.iat) + Hops::LONGEST_LIFETIME < seconds(link.exp) {
                return wrong("a link of the seal has no end that is taken");
            }
            match links.last() {
                None => link.begins(peer)?,
                Some(before) => {
                    let digest = text.get(..read).map(|before| digest(before.trim_end_matches(BETWEEN)));
                    link.follows(before, digest.as_deref())?;
                }
            }
            read += written.len() + BETWEEN.len_utf8();
            links.push(link);
        }
        let last = links.last().ok_or(Refused::credential("the seal of hops is empty"))?;
        if last.to != own {
            return wrong("the seal of hops is for another service");
        }
        if now >= seconds(last.exp) + LEEWAY || now + LEEWAY < seconds(last.iat) {
            return wrong("the seal of hops is not of now");
        }
        Ok(Opened { links, text: Self(text.into()) })
    }

    /// What is written with one link more.
    pub(super) fn add(before: Option<&Self>, link: &Link, key: &SigningKey) -> Result<String, Error> {
        let link = link.write(key)?;
        let text = match before {
            Some(Self(before)) => format!("{before}{BETWEEN}{link}"),
            None => link,
        };
        if text.len() > LONGEST || text.split(BETWEEN).count() > MOST_LINKS {
            return Err(Error::new(
                ErrorKind::Input,
                "the request came through more services than a seal holds",
            ));
        }
        Ok(text)
    }

    /// The digest that the next link names.
    pub(super) fn digest(&self) -> String {
        digest(&self.0)
    }

    /// The seal as a header holds it, for hosts that hand identities on as text.
    pub fn as_text(&self) -> &str {
        &self.0
    }
}

fn digest(text: &str) -> String {
    BASE64.encode(Sha256::digest(text))
}

fn seconds(at: i64) -> Timestamp {
    Timestamp::from_millis(at.saturating_mul(1_000))
}

impl Link {
    /// Whether a seal may begin with this link of `peer`.
    fn begins(&self, peer: &Peer) -> Result<(), Refused> {
        let (None, Some(began)) = (&self.prev, &self.began) else {
            return Err(Refused::credential("links before the first of the seal are missing"));
        };
        let own = began.sub.as_ref().is_none_or(|subject| *subject == self.by);
        if peer.begins || (own && began.groups.is_empty() && began.via.is_empty()) {
            Ok(())
        } else {
            Err(Refused::credential("the workload that began the seal may not name callers"))
        }
    }

    /// Whether this link was added to one that was for its workload, and held then.
    fn follows(&self, before: &Self, digest: Option<&str>) -> Result<(), Refused> {
        let wrong = |why| Err(Refused::credential(why));
        if self.began.is_some() || self.prev.is_none() || self.prev.as_deref() != digest {
            return wrong("a link of the seal does not continue those before it");
        }
        if before.to != self.by {
            return wrong("a link of the seal was added by another than it was for");
        }
        let at = seconds(self.iat);
        if at + LEEWAY < seconds(before.iat) || at >= seconds(before.exp) + LEEWAY {
            return wrong("a link of the seal was added when the one before did not hold");
        }
        Ok(())
    }
}

impl Opened {
    /// Whether the request belongs to the trace that the seal was begun in.
    pub(super) fn is_of(&self, trace: Option<&str>) -> Result<(), Refused> {
        let began = self.links.first().and_then(|link| link.began.as_ref()?.trace.as_deref());
        if began.is_none() || began == trace {
            Ok(())
        } else {
            Err(Refused::credential("the seal of hops is of another trace"))
        }
    }

    /// Makes the caller the one that the seal is for, come through its workloads.
    pub(super) fn join(self, identity: &mut Identity) -> Result<(), Refused> {
        let hop = |workload: String| Hop { workload, verified_by: HopProof::Seal };
        let nearest = self.links.last().map(|link| link.by.clone());
        let mut links = self.links.into_iter().peekable();
        let began = links.peek_mut().and_then(|link| link.began.take()).unwrap_or_default();
        // A service that calls under its own credential shows that it is the last hop; whom it calls for the seal says.
        let is_own = nearest.as_deref() == Some(identity.subject.as_str());
        match began.sub {
            Some(subject) if identity.is_anonymous() || is_own => {
                let hops = std::mem::take(&mut identity.hops);
                *identity =
                    Identity { issuer: began.iss, hops, ..Identity::new(subject).with_groups(began.groups) };
            }
            Some(subject) if subject != identity.subject => {
                return Err(Refused {
                    code: "identity_refused",
                    because: "the seal of hops is another caller's",
                });
            }
            _ => {}
        }
        // What TLS says of the nearest stands last; the seal says the same of it.
        let beside = identity.hops.pop_if(|hop| hop.verified_by == HopProof::Mtls);
        identity.hops.extend(began.via.into_iter().chain(links.map(|link| link.by)).map(hop));
        identity.hops.extend(beside.filter(|beside| Some(&beside.workload) != nearest.as_ref()));
        identity.seal = Some(self.text);
        Ok(())
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chain(..)")
    }
}

impl<'de> Deserialize<'de> for Chain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}
