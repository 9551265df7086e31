//! What is known of one caller, and how what two processes know is joined.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::learner::Visit;
use super::pace::Pace;
use super::taken::Takings;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::identity::Identity;
use crate::keys::hex;
use crate::model::Operation;

/// What one caller did. Holds the subject in clear, as grants and approvals do, and of requests the names of services and operations;
/// networks, addresses and credentials as keyed digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Who.
    pub subject: Box<str>,
    /// Who vouches for the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Box<str>>,
    /// What they did where, in the order of operations and then of services.
    edges: Vec<Edge>,
    /// Networks, each with when it was seen last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    networks: Vec<(u64, Timestamp)>,
    /// Credentials of the last day, and who sent them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    uses: Vec<Use>,
    /// How much of collections was had lately.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    shares: Vec<Share>,
    /// When a canary was touched last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    touched: Option<Timestamp>,
}

/// How many different ids of a collection were had within a day, as it was counted last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Share {
    service: Box<str>,
    /// A digest of the collection's name.
    resource: u64,
    used: u64,
    at: Timestamp,
}

/// A token or key in the hands of one sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Use {
    credential: u64,
    sender: u64,
    last: Timestamp,
}

/// One operation of one caller at one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The service of the policy; empty for hosts that none names.
    pub service: Box<str>,
    /// The operation.
    pub operation: Operation,
    /// In how many requests.
    pub count: u64,
    /// When for the first time.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
    /// How often in an hour.
    #[serde(default)]
    pub pace: Pace,
}

impl Profile {
    /// So many edges are kept of a caller; the one that was not seen for longest is forgotten, and is new when it comes again.
    pub const MAX_EDGES: usize = 4_096;
    /// So many networks of a caller, likewise.
    pub const MAX_NETWORKS: usize = 512;
    /// So many pairs of a credential and a sender, likewise.
    pub const MAX_USES: usize = 256;
    /// So many collections, likewise.
    pub const MAX_SHARES: usize = 256;
    /// For so long it is known who sent a credential.
    pub const USES_FOR: Duration = Duration::from_secs(86_400);

    /// Nothing yet of this caller.
    pub fn new(identity: &Identity) -> Self {
        Self {
            subject: identity.subject.as_str().into(),
            issuer: identity.issuer.as_deref().map(Into::into),
            edges: Vec::new(),
            networks: Vec::new(),
            uses: Vec::new(),
            shares: Vec::new(),
            touched: None,
        }
    }

    /// Whether it is this caller's.
    pub fn is_of(&self, identity: &Identity) -> bool {
        *self.subject == *identity.subject && self.issuer.as_deref() == identity.issuer.as_deref()
    }

    /// The edges, in the order of operations and then of services.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// The edge to an operation at a service, if it was seen.
    pub fn edge(&self, service: &str, operation: Operation) -> Option<&Edge> {
        self.edges.get(self.place(service, operation).ok()?)
    }

    /// Whether something came from this network.
    pub fn knows_network(&self, network: u64) -> bool {
        self.networks.iter().any(|(known, _)| *known == network)
    }

    /// Whether another sender used this credential since then.
    pub fn has_another_sender(&self, credential: u64, sender: u64, since: Timestamp) -> bool {
        self.uses
            .iter()
            .any(|used| used.credential == credential && used.sender != sender && used.last >= since)
    }

    /// How many different ids of a collection were had within the last day, as far as it was counted.
    pub fn share(&self, service: &str, resource: &str, now: Timestamp) -> u64 {
        let resource = name_of(resource);
        let same = |share: &&Share| share.resource == resource && *share.service == *service;
        let lately = |share: &&Share| share.at + Takings::WINDOW > now;
        self.shares.iter().find(same).filter(lately).map_or(0, |share| share.used)
    }

    /// When a canary was touched last.
    pub fn touched(&self) -> Option<Timestamp> {
        self.touched
    }

    pub(super) fn touch(&mut self, at: Timestamp) {
        self.touched = self.touched.max(Some(at));
    }

    /// Notes how much of a collection was had.
    pub(super) fn take(&mut self, service: &str, resource: &str, used: u64, at: Timestamp) {
        self.join_share(Share { service: service.into(), resource: name_of(resource), used, at });
    }

    /// Adds what was let through. Whether any of it is new.
    pub(super) fn add(&mut self, visit: &Visit<'_>) -> bool {
        let mut new = false;
        for operation in visit.operations {
            let edge = Edge {
                service: visit.service.into(),
                operation: *operation,
                count: 1,
                first: visit.at,
                last: visit.at,
                pace: Pace::of(1, visit.at),
            };
            new |= self.join_edge(edge);
        }
        new |= visit.place.network.is_some_and(|network| self.join_network(network, visit.at));
        new |= visit.credential.is_some_and(|credential| {
            self.join_use(Use { credential, sender: visit.place.sender, last: visit.at })
        });
        self.trim();
        new
    }

    /// Adds what another process, or this one since it wrote last, knows of the same caller.
    pub(super) fn join(&mut self, other: &Self) {
        for edge in &other.edges {
            self.join_edge(edge.clone());
        }
        for (network, last) in &other.networks {
            self.join_network(*network, *last);
        }
        for used in &other.uses {
            self.join_use(*used);
        }
        for share in &other.shares {
            self.join_share(share.clone());
        }
        self.touched = self.touched.max(other.touched);
        self.trim();
    }

    fn join_edge(&mut self, edge: Edge) -> bool {
        match self.place(&edge.service, edge.operation) {
            Ok(index) => {
                if let Some(known) = self.edges.get_mut(index) {
                    known.count = known.count.saturating_add(edge.count);
                    known.first = known.first.min(edge.first);
                    known.last = known.last.max(edge.last);
                    known.pace.join(&edge.pace);
                }
                false
            }
            Err(index) => {
                self.edges.insert(index, edge);
                true
            }
        }
    }

    fn join_network(&mut self, network: u64, last: Timestamp) -> bool {
        let known = self.networks.iter_mut().find(|(known, _)| *known == network);
        let new = known.is_none();
        match known {
            Some(known) => known.1 = known.1.max(last),
            None => self.networks.push((network, last)),
        }
        new
    }

    fn join_use(&mut self, used: Use) -> bool {
        let same = |known: &&mut Use| (known.credential, known.sender) == (used.credential, used.sender);
        let known = self.uses.iter_mut().find(same);
        let new = known.is_none();
        match known {
            Some(known) => known.last = known.last.max(used.last),
            None => self.uses.push(used),
        }
        new
    }

    fn join_share(&mut self, share: Share) {
        let same = |known: &&mut Share| known.resource == share.resource && known.service == share.service;
        match self.shares.iter_mut().find(same) {
            // Each count is one of all that all processes counted before.
            Some(known) if share.at >= known.at => *known = share,
            Some(_) => {}
            None => self.shares.push(share),
        }
    }

    fn place(&self, service: &str, operation: Operation) -> Result<usize, usize> {
        self.edges.binary_search_by(|edge| (edge.operation, &*edge.service).cmp(&(operation, service)))
    }

    fn trim(&mut self) {
        let newest = self.uses.iter().map(|used| used.last).max().unwrap_or_default();
        self.uses.retain(|used| used.last + Self::USES_FOR > newest);
        forget(&mut self.edges, Self::MAX_EDGES, |edge| edge.last);
        forget(&mut self.networks, Self::MAX_NETWORKS, |(_, last)| *last);
        forget(&mut self.uses, Self::MAX_USES, |used| used.last);
        forget(&mut self.shares, Self::MAX_SHARES, |share| share.at);
    }

    /// The key of its row. Machines that share a store agree on it.
    pub(super) fn key(&self) -> String {
        let mut digest = Sha256::new_with_prefix(b"wardline/edges/1");
        digest.update((self.subject.len() as u64).to_le_bytes());
        digest.update(self.subject.as_bytes());
        if let Some(issuer) = &self.issuer {
            digest.update(issuer.as_bytes());
        }
        hex(&digest.finalize())
    }

    /// The bytes that a store keeps.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).map_err(|e| {
            Error::new(ErrorKind::Internal, "what a caller did cannot be written as JSON").with_source(e)
        })
    }

    /// The profile that these bytes keep; `None` where a newer version wrote them.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut profile: Self = serde_json::from_slice(bytes).ok()?;
        // Edges are looked up by their order, whoever wrote them.
        profile.edges.sort_by(|a, b| (a.operation, &a.service).cmp(&(b.operation, &b.service)));
        profile.edges.dedup_by(|a, b| (a.operation, &a.service) == (b.operation, &b.service));
        Some(profile)
    }
}

/// What stands for the name of a collection.
fn name_of(resource: &str) -> u64 {
    let digest = Sha256::digest(resource);
    digest.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Forgets what was not seen for longest, down to `most`.
fn forget<T>(all: &mut Vec<T>, most: usize, last: impl Fn(&T) -> Timestamp) {
    while all.len() > most {
        let oldest = all.iter().enumerate().min_by_key(|(_, one)| last(one)).map(|(index, _)| index);
        let Some(index) = oldest else { return };
        all.remove(index);
    }
}
