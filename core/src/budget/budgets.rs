//! The tallies of a store: how much of a budget is used, and what is drawn from it before it leaves.

use std::fmt;

use super::{Limit, Tally};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::store::{Put, Store, Write, settle};

/// The budgets of a store. Cheap to make; what an answer draws from all of its budgets is one compare-and-set.
///
/// **Over several processes** this is exact (up to [`Tally::EXACT`] ids): an id is in the store before it leaves any of them, and of two that
/// draw the last of a budget at once the second one is judged by what the first has left. What was written and then did not leave,
/// because a process died or a connection broke, counts as had: that errs towards deny.
#[derive(Clone, Copy)]
pub struct Budgets<'a> {
    store: &'a dyn Store,
}

/// One budget that is drawn on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Whose budget: the name of its row.
    pub key: String,
    /// How much it holds.
    pub limit: Limit,
    /// Whether more than that is refused; it is counted in any case.
    pub binds: bool,
    /// Whether ids count, each once.
    pub by_id: bool,
    /// What is to be had without an id, each a new one.
    pub nameless: u64,
}

/// Where a budget stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// How much was had within the window.
    pub used: u64,
    /// How much of it is new by what was just drawn.
    pub gained: u64,
    /// When the oldest of them is forgotten.
    pub frees_at: Option<Timestamp>,
}

/// How drawing ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Spending {
    /// Where each budget stands now, in the order of the charges.
    pub standings: Vec<Standing>,
    /// The first budget that has too little left: then nothing was drawn from any.
    pub refused: Option<usize>,
}

impl<'a> Budgets<'a> {
    /// The table of tallies: key = whose, value = [`Tally::to_bytes`].
    pub const TABLE: &'static str = "budgets";

    /// The budgets of `store`.
    pub fn new(store: &'a dyn Store) -> Self {
        Self { store }
    }

    /// Draws `ids`, keyed digests of which repeats count once, from all of these budgets, or from none where one that binds has too
    /// little left. Where nothing is to be had, or nothing that is new, it tells how they stand.
    ///
    /// # Errors
    /// Where the store cannot be reached, or keeps a tally that cannot be read: then nothing may leave.
    pub fn spend(&self, charges: &[Charge], ids: &[u64]) -> Result<Spending, Error> {
        settle(|| {
            let now = self.store.now()?;
            let mut draws = Vec::with_capacity(charges.len());
            for charge in charges {
                draws.push(self.draw(charge, ids, now)?);
            }
            let refused = draws.iter().position(|draw| draw.exceeds);
            // A sketch does not see every single id: of a budget that is nearly used up the rest could be had one by one and unnoticed.
            // So what was refused counts there, and it is used up.
            let counts = |draw: &Draw<'_>| refused.is_none() || (draw.exceeds && draw.after.is_sketched());
            let standings = draws.iter().map(|draw| draw.standing(counts(draw))).collect();
            let bytes: Vec<_> = draws
                .iter()
                .filter(|draw| counts(draw) && draw.after != draw.before)
                .map(|draw| (draw, draw.after.to_bytes()))
                .collect();
            let writes: Vec<Write<'_>> = bytes.iter().map(|(draw, value)| draw.write(value)).collect();
            let spending = Spending { standings, refused };
            if writes.is_empty() {
                return Ok(Some(spending));
            }
            Ok(match self.store.commit(&writes)? {
                Put::Done(_) => Some(spending),
                Put::Lost => None,
            })
        })
    }

    fn draw<'c>(&self, charge: &'c Charge, ids: &[u64], now: Timestamp) -> Result<Draw<'c>, Error> {
        let window = charge.limit.window;
        let row = self.store.get(Self::TABLE, &charge.key)?;
        let mut before = row.as_ref().map_or(Ok(Tally::default()), |row| Tally::from_bytes(&row.value))?;
        before.forget(now, window);
        let mut after = before.clone();
        after.add(if charge.by_id { ids } else { &[] }, charge.nameless, now, window);
        let (had, used) = (before.used(), after.used());
        // What was had may be had again, also where more was had than the budget holds.
        let exceeds = charge.binds && used > charge.limit.amount && used > had;
        Ok(Draw { charge, rev: row.map(|row| row.rev), before, after, had, used, exceeds })
    }
}

/// What one budget would be.
struct Draw<'c> {
    charge: &'c Charge,
    rev: Option<u64>,
    before: Tally,
    after: Tally,
    had: u64,
    used: u64,
    exceeds: bool,
}

impl Draw<'_> {
    fn standing(&self, counts: bool) -> Standing {
        let (tally, used) = if counts { (&self.after, self.used) } else { (&self.before, self.had) };
        let gained = if self.exceeds { 0 } else { used.saturating_sub(self.had) };
        Standing { used, gained, frees_at: tally.frees_at(self.charge.limit.window) }
    }

    fn write<'w>(&'w self, value: &'w [u8]) -> Write<'w> {
        Write { table: Budgets::TABLE, key: &self.charge.key, expect: self.rev, value, before: None }
    }
}

impl fmt::Debug for Budgets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Budgets(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::budget::tally::tests::digests;
    use crate::clock::{Clock, ManualClock};
    use crate::store::MemoryStore;

    fn charge(key: &str, amount: u64) -> Charge {
        let limit = Limit { amount, window: Duration::from_secs(3_600) };
        Charge { key: key.to_owned(), limit, binds: true, by_id: true, nameless: 0 }
    }

    fn used(spending: &Spending) -> Vec<u64> {
        spending.standings.iter().map(|standing| standing.used).collect()
    }

    #[test]
    fn all_budgets_are_drawn_on_or_none() {
        let store = MemoryStore::new();
        let budgets = Budgets::new(&store);
        let both = [charge("a", 10), charge("b", 2)];
        assert_eq!(used(&budgets.spend(&both, &[1, 2]).unwrap()), [2, 2]);
        let before = store.revision().unwrap();
        let spending = budgets.spend(&both, &[2, 3]).unwrap();
        assert_eq!((spending.refused, used(&spending)), (Some(1), vec![2, 2]));
        // What was had may be had again, and nothing is written for it.
        assert_eq!(budgets.spend(&both, &[1, 2, 2]).unwrap().refused, None);
        assert_eq!(store.revision().unwrap(), before);
        // One that does not bind is counted all the same.
        let free = Charge { binds: false, nameless: 3, ..charge("b", 2) };
        let spending = budgets.spend(&[free], &[7]).unwrap();
        assert_eq!(
            (spending.refused, spending.standings[0].used, spending.standings[0].gained),
            (None, 6, 4)
        );
    }

    #[test]
    fn a_window_later_all_of_it_is_there_again() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_764_000_000_000)));
        let store = MemoryStore::with_clock(clock.clone());
        let budgets = Budgets::new(&store);
        let one = [charge("a", 2)];
        let spending = budgets.spend(&one, &[1, 2]).unwrap();
        let frees_at = spending.standings[0].frees_at.unwrap();
        clock.advance(frees_at.since(clock.now()) - Duration::from_millis(1));
        assert_eq!(budgets.spend(&one, &[3]).unwrap().refused, Some(0));
        clock.advance(Duration::from_millis(1));
        assert_eq!(used(&budgets.spend(&one, &[3]).unwrap()), [1]);
    }

    #[test]
    fn the_rest_of_a_sketched_budget_cannot_be_had_one_by_one() {
        let store = MemoryStore::new();
        let budgets = Budgets::new(&store);
        let one = [charge("a", 50_000)];
        let ids: Vec<u64> = digests(5).take(54_000).collect();
        let (first, rest) = ids.split_at(48_000);
        assert_eq!(budgets.spend(&one, first).unwrap().refused, None);
        let mut had = first.len();
        for id in rest {
            let standing = budgets.spend(&one, &[]).unwrap().standings[0];
            if standing.used < 50_000 && budgets.spend(&one, &[*id]).unwrap().refused.is_none() {
                had += 1;
            }
        }
        assert!((48_500..51_500).contains(&had), "{had}");
    }

    #[test]
    fn a_sum_counts_what_comes_again() {
        let store = MemoryStore::new();
        let sum = |nameless| [Charge { by_id: false, nameless, ..charge("a", 5_000) }];
        let budgets = Budgets::new(&store);
        assert_eq!(used(&budgets.spend(&sum(4_999), &[1, 2]).unwrap()), [4_999]);
        assert_eq!(budgets.spend(&sum(2), &[]).unwrap().refused, Some(0));
        assert_eq!(used(&budgets.spend(&sum(1), &[1]).unwrap()), [5_000]);
    }

    #[test]
    fn a_row_that_is_no_tally_closes_the_budget() {
        let store = MemoryStore::new();
        let _ = store.put(Budgets::TABLE, "a", None, b"{}").unwrap();
        assert!(Budgets::new(&store).spend(&[charge("a", 5)], &[1]).is_err());
    }
}
