//! What is known of one caller, and how what two processes know is joined.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::learner::Visit;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::identity::Identity;
use crate::keys::hex;
use crate::model::Operation;

/// What one caller did. Holds the subject in clear, as grants and approvals do, and nothing of any request but names of services and
/// operations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Who.
    pub subject: Box<str>,
    /// Who vouches for the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Box<str>>,
    /// What they did where, in the order of operations and then of services.
    edges: Vec<Edge>,
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
}

impl Profile {
    /// So many edges are kept of a caller; the one that was not seen for longest is forgotten, and is new when it comes again.
    pub const MAX_EDGES: usize = 4_096;

    /// Nothing yet of this caller.
    pub fn new(identity: &Identity) -> Self {
        Self {
            subject: identity.subject.as_str().into(),
            issuer: identity.issuer.as_deref().map(Into::into),
            edges: Vec::new(),
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
            };
            new |= self.join_edge(edge);
        }
        self.trim();
        new
    }

    /// Adds what another process, or this one since it wrote last, knows of the same caller.
    pub(super) fn join(&mut self, other: &Self) {
        for edge in &other.edges {
            self.join_edge(edge.clone());
        }
        self.trim();
    }

    fn join_edge(&mut self, edge: Edge) -> bool {
        match self.place(&edge.service, edge.operation) {
            Ok(index) => {
                if let Some(known) = self.edges.get_mut(index) {
                    known.count = known.count.saturating_add(edge.count);
                    known.first = known.first.min(edge.first);
                    known.last = known.last.max(edge.last);
                }
                false
            }
            Err(index) => {
                self.edges.insert(index, edge);
                true
            }
        }
    }

    fn place(&self, service: &str, operation: Operation) -> Result<usize, usize> {
        self.edges.binary_search_by(|edge| (edge.operation, &*edge.service).cmp(&(operation, service)))
    }

    fn trim(&mut self) {
        while self.edges.len() > Self::MAX_EDGES {
            let oldest = self.edges.iter().enumerate().min_by_key(|(_, edge)| edge.last);
            let Some((index, _)) = oldest else { return };
            self.edges.remove(index);
        }
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
