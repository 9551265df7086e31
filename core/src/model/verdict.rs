//! The answer to "may this identity do it now?".

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether a request may go on. Ordered by strictness: of several verdicts the greatest stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may.
    Allow,
    /// Not before people have approved it.
    Hold,
    /// It may not.
    Deny,
}

impl Verdict {
    /// The name that records and `--json` output carry.
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
