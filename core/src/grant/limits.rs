//! What every new grant keeps within, whoever issues it.

use std::sync::LazyLock;
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::glob::Glob;

/// How long grants last at most, and which tickets they name.
///
/// ```
/// use wardline::grant::{Grants, Limits, Terms};
/// use wardline::store::MemoryStore;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limits = Limits { longest: std::time::Duration::from_secs(3_600), ..Limits::none().clone() };
/// let terms: Terms = serde_json::from_str(r#"{"until": "3h", "reason": "migration",
///     "scope": {"who": ["user:ana"], "services": ["*"], "operations": ["vector.*"], "resources": ["docs"]}}"#)?;
/// assert!(Grants::new(&MemoryStore::new()).within(&limits).issue(&terms, "cleo").is_err());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// From its beginning to its end; never more than [`LONGEST`](Self::LONGEST).
    pub longest: Duration,
    /// Patterns of tickets, one of which a grant must name; none where it need not.
    pub tickets: Vec<Glob>,
}

static NONE: LazyLock<Limits> = LazyLock::new(|| Limits { longest: Limits::LONGEST, tickets: Vec::new() });

impl Limits {
    /// What a grant lasts at most where nothing shorter is set.
    pub const LONGEST: Duration = Duration::from_secs(366 * 86_400);

    /// Those of a policy that sets none.
    pub fn none() -> &'static Self {
        &NONE
    }

    pub(super) fn check_ticket(&self, ticket: Option<&str>) -> Result<(), Error> {
        let named = |ticket: &str| self.tickets.iter().any(|glob| glob.matches(ticket));
        if self.tickets.is_empty() || ticket.is_some_and(named) {
            return Ok(());
        }
        let patterns: Vec<&str> = self.tickets.iter().map(Glob::as_str).collect();
        let message = format!("a grant names its ticket here, such as {}", patterns.join(" or "));
        Err(Error::new(ErrorKind::Input, message))
    }
}
