//! How often something happens in an hour, against the busiest hour before.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// Counts the hour that runs and remembers the busiest one that ended. A memory of it halves with every week, and grows at most twofold an
/// hour: a burst does not make the next one usual.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// The hour that is counted, since the epoch.
    hour: i64,
    count: u64,
    peak: u64,
    /// The hour of the peak.
    peak_at: i64,
}

const HOUR: i64 = 3_600_000;
/// So many hours halve a peak.
const WEEK: i64 = 168;

impl Pace {
    /// Something happened so often at once.
    pub(super) fn of(count: u64, at: Timestamp) -> Self {
        Self { hour: hour(at), count, peak: 0, peak_at: 0 }
    }

    /// How often in the hour of `now`, and how often at most in hours that ended before.
    pub fn at(&self, now: Timestamp) -> (u64, u64) {
        let mut pace = *self;
        pace.roll(hour(now));
        (pace.count, pace.usual())
    }

    /// Adds what another counted.
    pub(super) fn join(&mut self, other: &Self) {
        let mut other = *other;
        let hour = self.hour.max(other.hour);
        self.roll(hour);
        other.roll(hour);
        self.count = self.count.saturating_add(other.count);
        if other.usual() > self.usual() {
            (self.peak, self.peak_at) = (other.peak, other.peak_at);
        }
    }

    /// Ends the hour that is counted where it is over.
    fn roll(&mut self, hour: i64) {
        if hour <= self.hour {
            return;
        }
        let usual = self.usual();
        let ended = if usual == 0 { self.count } else { self.count.min(usual.saturating_mul(2)) };
        if ended >= usual {
            (self.peak, self.peak_at) = (ended, self.hour);
        }
        (self.hour, self.count) = (hour, 0);
    }

    fn usual(&self) -> u64 {
        let weeks = self.hour.saturating_sub(self.peak_at).max(0) / WEEK;
        u32::try_from(weeks).ok().and_then(|weeks| self.peak.checked_shr(weeks)).unwrap_or(0)
    }
}

fn hour(at: Timestamp) -> i64 {
    at.millis().div_euclid(HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_millis((490_000 + hour) * HOUR + 7)
    }

    fn after(counts: &[(i64, u64)]) -> Pace {
        let mut pace = Pace::default();
        for (hour, count) in counts {
            pace.join(&Pace::of(*count, at(*hour)));
        }
        pace
    }

    #[test]
    fn the_busiest_hour_is_usual_for_a_week_and_half_of_it_for_another() {
        let pace = after(&[(0, 30), (0, 10), (1, 7), (2, 5)]);
        assert_eq!(pace.at(at(2)), (5, 40));
        assert_eq!(pace.at(at(3)), (0, 40));
        assert_eq!(pace.at(at(167)), (0, 40));
        assert_eq!(pace.at(at(168)), (0, 20));
        assert_eq!(pace.at(at(1_000_000)), (0, 0));
    }

    #[test]
    fn a_burst_makes_twice_as_much_usual_and_no_more() {
        let pace = after(&[(0, 40), (1, 9_000), (2, 1)]);
        assert_eq!(pace.at(at(2)), (1, 80));
    }

    #[test]
    fn what_two_counted_is_one_count_in_any_order() {
        let (one, two) = (after(&[(0, 3), (5, 4)]), after(&[(0, 9), (4, 1), (5, 2)]));
        let (mut a, mut b) = (one, two);
        a.join(&two);
        b.join(&one);
        assert_eq!((a.at(at(5)), a), ((6, 9), b));
        // What comes late belongs to its own hour, which is over.
        a.join(&Pace::of(1, at(3)));
        assert_eq!(a.at(at(5)), (6, 9));
    }
}
