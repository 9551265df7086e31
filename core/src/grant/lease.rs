//! Blocks of a grant, taken from the store before they are used.
//!
//! N processes together never exceed a quota because each spends only what it has leased. A crash loses the
//! lease, so it errs towards deny.

use super::Held;
use crate::clock::Timestamp;
use crate::model::GrantId;

/// How much to take: at least `need`, at best `want`.
///
/// ```
/// use wardline::grant::Take;
/// assert_eq!(Take::exactly(3).from(5), Some(3));
/// assert_eq!(Take::exactly(3).from(2), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Take {
    need: u64,
    want: u64,
}

impl Take {
    /// Nothing.
    pub const NONE: Self = Self { need: 0, want: 0 };

    /// A block never takes more than one part in this many of what is left (unless it is needed), so that the
    /// last of a quota is not parked in one process while another is refused.
    const SHARES: u64 = 16;

    /// All of it or none.
    pub const fn exactly(amount: u64) -> Self {
        Self { need: amount, want: amount }
    }

    /// At least `need`, up to `want` while much is left.
    pub const fn between(need: u64, want: u64) -> Self {
        Self { need, want: if want < need { need } else { want } }
    }

    /// How much it gets where `left` are left; `None` where that is less than needed.
    pub fn from(self, left: u64) -> Option<u64> {
        (self.need <= left).then(|| self.want.min(left.div_ceil(Self::SHARES)).max(self.need))
    }

    /// What it gets where nothing limits it.
    pub const fn wanted(self) -> u64 {
        self.want
    }
}

/// A block that this process may spend. Cannot be copied, so it cannot be spent or given back twice.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "what is leased and dropped is lost to everyone: spend it or give it back"]
pub struct Lease {
    grant: GrantId,
    held: Held,
    until: Timestamp,
}

impl Lease {
    pub(super) fn new(grant: GrantId, held: Held, until: Timestamp) -> Self {
        Self { grant, held, until }
    }

    /// Whose block it is.
    pub fn grant(&self) -> &GrantId {
        &self.grant
    }

    /// What is unspent.
    pub fn held(&self) -> Held {
        self.held
    }

    /// When the grant ends, and this with it, whatever is unspent (half-open).
    pub fn until(&self) -> Timestamp {
        self.until
    }

    /// Spends one use; `false`, and nothing spent, where none is left.
    #[must_use]
    pub fn spend_use(&mut self) -> bool {
        self.held.uses.checked_sub(1).map(|left| self.held.uses = left).is_some()
    }

    /// Spends `amount`; `false`, and nothing spent, where less is left.
    #[must_use]
    pub fn spend(&mut self, amount: u64) -> bool {
        self.held.amount.checked_sub(amount).map(|left| self.held.amount = left).is_some()
    }

    /// Adds a further block of the same grant; gives it back to the caller where it is of another.
    ///
    /// # Errors
    /// The other block, untouched.
    pub fn join(&mut self, other: Self) -> Result<(), Self> {
        if other.grant != self.grant {
            return Err(other);
        }
        self.held.uses = self.held.uses.saturating_add(other.held.uses);
        self.held.amount = self.held.amount.saturating_add(other.held.amount);
        Ok(())
    }
}
