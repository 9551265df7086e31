//! What is decided about a request, and whether the decision is carried out.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The answer to a request. Ordered by strictness: the strictest of several is their maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may pass.
    Allow,
    /// It waits for people to approve it.
    Hold,
    /// It may not pass.
    Deny,
}

impl Verdict {
    /// The word that records and policies use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Hold => "hold",
            Self::Deny => "deny",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Whether a service's verdicts are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Verdicts stand, values are masked.
    #[default]
    Enforce,
    /// Everything is decided and recorded, nothing is blocked or masked.
    Observe,
}
