//! What an exchange took of its grants, and what it spent: no vector leaves unleased.

use crate::grant::Lease;
use crate::guard::step::LeaseRequest;
use crate::model::{GrantId, Unit};

/// The grants that an exchange rests on.
#[derive(Default)]
pub(super) struct Ledger {
    entries: Vec<Entry>,
}

struct Entry {
    grant: GrantId,
    /// Whether the grant counts its uses.
    counts_uses: bool,
    /// What the grant's quota counts.
    unit: Option<Unit>,
    /// What the request itself asks for; `None` where it is unbounded.
    asked: Option<u64>,
    leases: Vec<Lease>,
    spent: u64,
}

/// How much is leased at a time for a body whose length nobody knows.
fn block(unit: Unit) -> u64 {
    if unit == Unit::Bytes { 1 << 20 } else { 256 }
}

impl Ledger {
    /// Rests the exchange on a grant. `unit` is what its quota counts, `asked` the magnitude of the acts in
    /// that unit.
    pub(super) fn rest_on(
        &mut self,
        grant: GrantId,
        counts_uses: bool,
        unit: Option<Unit>,
        asked: Option<u64>,
    ) {
        self.entries.push(Entry { grant, counts_uses, unit, asked, leases: Vec::new(), spent: 0 });
    }

    /// The next lease to take before the request may go on.
    pub(super) fn next(&self) -> Option<LeaseRequest> {
        let entry = self.entries.iter().find(|entry| entry.leases.is_empty() && entry.is_limited())?;
        let (need, want) = match (entry.unit, entry.asked) {
            (None, _) => (0, 0),
            (Some(_), Some(asked)) => (asked, asked),
            (Some(unit), None) => (1, block(unit)),
        };
        Some(LeaseRequest { grant: entry.grant.clone(), uses: u64::from(entry.counts_uses), need, want })
    }

    /// A lease was given.
    pub(super) fn leased(&mut self, lease: Lease) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.grant == *lease.grant()) {
            entry.leases.push(lease);
        }
    }

    /// The grants themselves.
    pub(super) fn grants(&self) -> impl Iterator<Item = &GrantId> {
        self.entries.iter().map(|entry| &entry.grant)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether any grant has a quota that the bodies must be counted against.
    pub(super) fn meters(&self) -> bool {
        self.entries.iter().any(|entry| entry.unit.is_some())
    }

    /// How many items more are leased, of that of which the fewest are; `None` where no quota counts items.
    pub(super) fn left(&self) -> Option<u64> {
        let counts = |entry: &&Entry| entry.unit.is_some_and(|unit| unit != Unit::Bytes);
        self.entries.iter().filter(counts).map(|entry| entry.leased().saturating_sub(entry.spent)).min()
    }

    /// Notes how much has come through; answers with the lease that is missing.
    ///
    /// # Errors
    /// Where nothing counts the bodies in the unit of a quota, and the request did not bound it.
    pub(super) fn spend(&mut self, count: impl Fn(Unit) -> Option<u64>) -> Result<Option<LeaseRequest>, ()> {
        for entry in &mut self.entries {
            let Some(unit) = entry.unit else { continue };
            let count = count(unit).or(entry.asked).ok_or(())?;
            entry.spent = entry.spent.max(count);
            if let need @ 1.. = entry.spent.saturating_sub(entry.leased()) {
                let want = need.max(block(unit));
                return Ok(Some(LeaseRequest { grant: entry.grant.clone(), uses: 0, need, want }));
            }
        }
        Ok(None)
    }

    /// Nobody told how much came through: all that was asked for, or leased where nothing bounds it, counts as spent.
    pub(super) fn spend_asked(&mut self) {
        for entry in &mut self.entries {
            let leased =
                entry.leases.iter().fold(0_u64, |sum, lease| sum.saturating_add(lease.held().amount));
            entry.spent = entry.spent.max(entry.asked.unwrap_or(leased));
        }
    }

    /// What was leased and not spent, to be given back. A use is spent once anything may have been sent.
    pub(super) fn unspent(&mut self, sent: bool) -> Vec<Lease> {
        let mut back = Vec::new();
        for entry in &mut self.entries {
            let mut left = if sent { entry.spent } else { 0 };
            for mut lease in entry.leases.drain(..) {
                let part = left.min(lease.held().amount);
                left -= part;
                // Both are within what the lease holds: where they were not, nothing would be given back.
                if lease.spend(part) && (!sent || lease.held().uses == 0 || lease.spend_use()) {
                    back.push(lease);
                }
            }
        }
        back
    }
}

impl Entry {
    fn leased(&self) -> u64 {
        self.leases.iter().fold(0_u64, |sum, lease| sum.saturating_add(lease.held().amount))
    }

    fn is_limited(&self) -> bool {
        self.counts_uses || self.unit.is_some()
    }
}
