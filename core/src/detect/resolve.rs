//! Which of several overlapping candidates stand: decided locally, so that a cut elsewhere changes nothing.

use std::cmp::Reverse;

use super::MAX_OPEN;

/// A value that a reader is sure of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub start: usize,
    pub end: usize,
    /// Index of its entity among those compiled.
    pub which: usize,
    /// Strength of its evidence against an overlapping candidate.
    pub rank: u8,
    pub score: u8,
    /// It is certain already, but where it ends is not: the text ended inside it.
    pub open: bool,
}

impl Candidate {
    /// The stronger evidence wins, then the longer value, then the earlier.
    fn strength(&self) -> impl Ord + use<> {
        (self.rank, self.length(), Reverse(self.start), Reverse(self.which))
    }

    /// No more than the part that is ever kept back: what comes later cannot undo what has been reported.
    fn length(&self) -> usize {
        (self.end - self.start).min(MAX_OPEN)
    }
}

/// Settles candidates before `limit`, from left to right: one falls to any stronger overlapping one, or to one that
/// already stands. Calls `take` for each that stands and returns from where on nothing is settled, and the entity
/// whose over-long value was cut there. `limit` is where the first undecided reader begins.
pub(super) fn settle(
    candidates: &mut Vec<Candidate>,
    limit: usize,
    mut take: impl FnMut(&Candidate),
) -> (usize, Option<usize>) {
    candidates.sort_unstable_by_key(|c| (c.start, c.which, c.end));
    let mut free = 0;
    for (n, this) in candidates.iter().enumerate() {
        if this.start < free {
            continue;
        }
        if this.start >= limit {
            break;
        }
        // Sorted: a rival that began earlier either stands, and then `free` says so, or has fallen.
        let later = candidates.get(n + 1..).unwrap_or_default();
        let mut rivals = later.iter().take_while(|r| r.start < this.start + this.length());
        if !this.open {
            if rivals.any(|r| r.strength() > this.strength()) {
                continue;
            }
            if this.end > limit {
                return (this.start, None);
            }
            free = this.end;
            take(this);
            continue;
        }
        // It may still grow, which raises its strength but never its rank.
        if rivals.clone().any(|r| r.rank > this.rank) {
            continue;
        }
        if limit < this.start + MAX_OPEN {
            return (this.start, None);
        }
        if rivals.any(|r| r.strength() > this.strength()) {
            continue;
        }
        take(&Candidate { end: this.start + MAX_OPEN, ..*this });
        return (this.start + MAX_OPEN, Some(this.which));
    }
    (limit.max(free), None)
}
