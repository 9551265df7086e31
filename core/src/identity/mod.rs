//! Who is asking, as the authenticating layer in front of Wardline verified it.
//!
//! Wardline adds enforcement after authentication and never replaces it: a door hands over an [`Identity`],
//! or none, which is [`Identity::anonymous`] and must be named by a policy like any other.
//!
//! ```
//! use wardline::identity::Identity;
//! let ana = Identity::new("ana").with_groups(["analysts"]);
//! assert!(ana.in_group("analysts") && !ana.is_anonymous());
//! ```

mod api_keys;
mod certificate;
mod claim;
mod dpop;
mod fetched;
mod headers;
mod hops;
mod jwks;
mod source;
mod token;
mod who;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

pub use api_keys::ApiKeys;
pub use certificate::{Certificate, Certificates};
pub use claim::Claim;
pub use fetched::{FetchedKeys, IssuerKeys};
pub use headers::{Network, TrustedHeaders};
pub use hops::{Chain, HEADER as HOP_HEADER, Hops, Peer};
pub use jwks::Keys;
pub use source::{Refused, Sources};
pub use token::{Issuer, Tokens};
pub use who::Who;

/// A verified caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Who: a person or a workload. `anonymous` where nobody was authenticated.
    pub subject: String,
    /// Groups that the authenticating layer vouches for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Who vouches: an OIDC issuer, a trust domain, a proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Further verified claims.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, Claim>,
    /// The workloads that the request came through, nearest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<Hop>,
    /// The seal that it came with, for whoever passes the request on. Never part of a record.
    #[serde(default, skip_serializing)]
    pub seal: Option<Chain>,
}

/// One workload that passed the request on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// Its name.
    pub workload: String,
    /// How that is known. A claimed hop can only make a verdict stricter.
    pub verified_by: HopProof,
}

/// How a hop's name is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HopProof {
    /// A client certificate.
    Mtls,
    /// A signed token.
    Jwt,
    /// An OAuth transaction token.
    TxnToken,
    /// Wardline's own seal.
    Seal,
    /// Nothing but its own word.
    Claimed,
}

impl From<&str> for Identity {
    fn from(subject: &str) -> Self {
        Self::new(subject)
    }
}

impl From<&String> for Identity {
    fn from(subject: &String) -> Self {
        Self::new(subject)
    }
}

impl Identity {
    /// The subject of an unauthenticated request.
    pub const ANONYMOUS: &'static str = "anonymous";

    /// A caller known by name only.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            groups: Vec::new(),
            issuer: None,
            claims: BTreeMap::new(),
            hops: Vec::new(),
            seal: None,
        }
    }

    /// Nobody was authenticated.
    pub fn anonymous() -> Self {
        Self::new(Self::ANONYMOUS)
    }

    /// The same, shared by all who need it.
    pub(crate) fn nobody() -> Arc<Self> {
        static NOBODY: LazyLock<Arc<Identity>> = LazyLock::new(|| Arc::new(Identity::anonymous()));
        Arc::clone(&NOBODY)
    }

    /// The same caller, in these groups.
    #[must_use]
    pub fn with_groups<G: Into<String>>(mut self, groups: impl IntoIterator<Item = G>) -> Self {
        self.groups = groups.into_iter().map(Into::into).collect();
        self
    }

    /// Whether nobody was authenticated.
    pub fn is_anonymous(&self) -> bool {
        self.subject == Self::ANONYMOUS
    }

    /// Whether the caller is vouched to be in `group`.
    pub fn in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|g| g == group)
    }

    /// The people and workloads behind this request, the caller first: nobody among them may approve it.
    pub fn everyone(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.subject.as_str()).chain(self.hops.iter().map(|hop| hop.workload.as_str()))
    }
}
