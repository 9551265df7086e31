//! Which of several overlapping candidates stand: decided locally, so that a cut elsewhere changes nothing.

use std::cmp::Reverse;

use super::MAX_OPEN;

/// A value that a reader is sure of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub start: usize,
    pub end: usize,
    /// Where its reader began: at its anchor or before its start, whichever is first.
    pub low: usize,
    /// Index of its entity among those compiled.
    pub which: usize,
    /// Strength of its evidence against an overlapping candidate.
    pub rank: u8,
    /// How many disguises were taken off before it was seen.
    pub level: u8,
    pub score: u8,
    /// It is certain already, but where it ends is not: the text ended inside it.
    pub open: bool,
    /// Where its pattern stands after [`MAX_OPEN`] bytes.
    pub state: u32,
    /// It looked like a value and is none. Nothing begins within it, so it is read whole, but it takes no place.
    pub void: bool,
    /// Weaker readers were not asked within it: it stands, or they still have to be.
    pub covers: bool,
}

impl Candidate {
    /// Takes it for one of a text that begins so many bytes earlier.
    pub(super) fn shift(&mut self, by: usize) {
        (self.start, self.end, self.low) = (self.start + by, self.end + by, self.low + by);
    }

    /// The stronger evidence wins, then the longer value, then the earlier.
    fn strength(&self) -> impl Ord + use<> {
        (self.rank, self.length(), Reverse(self.start), Reverse(self.which))
    }

    /// No more than the part that is ever kept back: what comes later cannot undo what has been reported.
    fn length(&self) -> usize {
        (self.end - self.start).min(MAX_OPEN)
    }
}

/// What stands, and from where on nothing is settled.
#[derive(Debug, Default)]
pub(super) struct Settled {
    pub stands: Vec<Candidate>,
    pub open: usize,
    /// The over-long value that was cut at `open`.
    pub inside: Option<Candidate>,
    /// One fell that covers others.
    pub uncovered: bool,
}

/// Settles candidates before `limit`, where the first undecided reader began, from left to right: one falls to any
/// stronger overlapping one, or to one that already stands.
pub(super) fn settle(mut candidates: Vec<Candidate>, limit: usize) -> Settled {
    let limit = lowered(&mut candidates, limit);
    candidates.sort_by_key(|c| (c.start, c.which, c.end, c.level));
    let mut settled = Settled { open: limit, ..Settled::default() };
    let (mut free, mut standing) = (0, 0);
    for n in 0..candidates.len() {
        let Some(this) = candidates.get(n).copied().filter(|this| this.start < limit) else { break };
        if this.start < free || this.void {
            settled.uncovered |= this.covers;
            continue;
        }
        // Sorted: a rival that began earlier either stands, and then `free` says so, or has fallen.
        let later = candidates.get(n + 1..).unwrap_or_default();
        let mut rivals = later.iter().take_while(|r| r.start < this.start + this.length());
        if rivals.any(|r| !r.void && r.strength() > this.strength()) {
            settled.uncovered |= this.covers;
            continue;
        }
        if this.open {
            let end = this.start + MAX_OPEN;
            (settled.open, settled.inside) = (end, Some(this));
            free = end;
        } else {
            free = this.end;
        }
        // Those that stand come first, in the place of those before them.
        candidates.get_mut(standing).into_iter().for_each(|place| *place = Candidate { end: free, ..this });
        standing += 1;
        if settled.inside.is_some() {
            break;
        }
    }
    candidates.truncate(standing);
    Settled { stands: candidates, ..settled }
}

/// The limit below which every candidate is complete, or open and so long that what has come of it settles it. One
/// that must wait is read again, and so waits from its anchor on.
fn lowered(candidates: &mut [Candidate], mut limit: usize) -> usize {
    let reach = |this: &Candidate| if this.open { usize::MAX } else { this.end };
    if candidates.iter().all(|this| reach(this) <= limit) {
        return limit;
    }
    candidates.sort_unstable_by_key(|this| Reverse(reach(this)));
    loop {
        let before = limit;
        for this in candidates.iter().take_while(|this| reach(this) > before) {
            let settled = this.open && this.start + MAX_OPEN <= limit;
            if reach(this) > limit && !settled {
                limit = limit.min(this.low);
            }
        }
        if limit == before {
            return limit;
        }
    }
}
