//! What somebody has had within a window: exactly while it is little, by a sketch above.
//!
//! The window rolls, for one that starts anew on the hour lets twice as much through around the hour. It moves in steps of an
//! eighth: what was had is forgotten between one window and one window and an eighth after it was last had, never earlier.

use std::collections::BTreeMap;
use std::time::Duration;

use super::sketch::Sketch;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};

/// How much may be had within how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Different ids, where rows that have none count as one each, every time; or a sum.
    pub amount: u64,
    /// Within so long.
    pub window: Duration,
}

/// The different ids that were had, by their digests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// The parts of the window in which anything was had, oldest first.
    parts: Vec<Part>,
    /// Each id with the end of the part in which it was last had; empty once they are sketched.
    exact: BTreeMap<u64, Timestamp>,
}

/// What was had in one part of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    /// When it ends.
    until: Timestamp,
    /// Rows that had no id.
    nameless: u64,
    sketch: Option<Sketch>,
}

impl Tally {
    /// So many ids are told apart exactly.
    pub const EXACT: usize = 4_096;
    /// In how many parts a window moves.
    const PARTS: u32 = 8;
    /// The first bytes of a tally as it is kept, and with them the version of what follows.
    const MARK: [u8; 4] = *b"wlt1";

    /// How many different ids were had, rows without one included.
    pub fn used(&self) -> u64 {
        let nameless = self.parts.iter().fold(0_u64, |sum, part| sum.saturating_add(part.nameless));
        let mut sketches = self.parts.iter().filter_map(|part| part.sketch.as_ref());
        let ids = match sketches.next() {
            None => self.exact.len() as u64,
            Some(first) => {
                let mut all = first.clone();
                sketches.for_each(|sketch| all.merge(sketch));
                all.estimate()
            }
        };
        ids.saturating_add(nameless)
    }

    /// Whether they are too many to be told apart exactly.
    pub fn is_sketched(&self) -> bool {
        self.parts.iter().any(|part| part.sketch.is_some())
    }

    /// When the oldest of it is forgotten; `None` where nothing was had.
    pub fn frees_at(&self, window: Duration) -> Option<Timestamp> {
        self.parts.first().map(|part| part.until + window)
    }

    /// Forgets what was had before the window.
    pub fn forget(&mut self, now: Timestamp, window: Duration) {
        self.parts.retain(|part| part.until + window > now);
        let parts = &self.parts;
        self.exact.retain(|_, had| parts.iter().any(|part| part.until == *had));
    }

    /// These ids and so many rows without one are had now; what was had before the window is forgotten.
    pub fn add(&mut self, ids: &[u64], nameless: u64, now: Timestamp, window: Duration) {
        self.forget(now, window);
        if ids.is_empty() && nameless == 0 {
            return;
        }
        let sketched = self.is_sketched();
        // A clock that went back adds to the newest.
        let mut part =
            self.parts.pop_if(|newest| newest.until > now).unwrap_or_else(|| Part::at(now, window));
        part.nameless = part.nameless.saturating_add(nameless);
        if sketched {
            let sketch = part.sketch.get_or_insert_default();
            ids.iter().for_each(|id| sketch.add(*id));
        } else {
            self.exact.extend(ids.iter().map(|id| (*id, part.until)));
        }
        self.parts.push(part);
        if self.exact.len() > Self::EXACT {
            for (id, had) in std::mem::take(&mut self.exact) {
                if let Some(part) = self.parts.iter_mut().find(|part| part.until == had) {
                    part.sketch.get_or_insert_default().add(id);
                }
            }
        }
    }

    /// The bytes that a store keeps.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Self::MARK.to_vec();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
        bytes.extend(count(self.parts.len()));
        for part in &self.parts {
            bytes.extend(part.until.millis().to_le_bytes());
            bytes.extend(part.nameless.to_le_bytes());
            bytes.push(u8::from(part.sketch.is_some()));
            bytes.extend(part.sketch.iter().flat_map(Sketch::registers));
        }
        bytes.extend(count(self.exact.len()));
        for (id, had) in &self.exact {
            bytes.extend(id.to_le_bytes());
            bytes.extend(had.millis().to_le_bytes());
        }
        bytes
    }

    /// The tally that these bytes keep.
    ///
    /// # Errors
    /// Where they are none, or of a version that this one does not know.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let unreadable = || Error::new(ErrorKind::Store, "a tally of the store cannot be read");
        let mut rest = bytes.strip_prefix(&Self::MARK).ok_or_else(unreadable)?;
        let mut tally = Self::default();
        for _ in 0..u32::from_le_bytes(*take(&mut rest).ok_or_else(unreadable)?) {
            let until = Timestamp::from_millis(i64::from_le_bytes(*take(&mut rest).ok_or_else(unreadable)?));
            let nameless = u64::from_le_bytes(*take(&mut rest).ok_or_else(unreadable)?);
            let sketch = match take(&mut rest).ok_or_else(unreadable)? {
                [0] => None,
                _ => {
                    let registers: &[u8; Sketch::REGISTERS] = take(&mut rest).ok_or_else(unreadable)?;
                    Some(Sketch::from_registers(registers)?)
                }
            };
            tally.parts.push(Part { until, nameless, sketch });
        }
        for _ in 0..u32::from_le_bytes(*take(&mut rest).ok_or_else(unreadable)?) {
            let id = u64::from_le_bytes(*take(&mut rest).ok_or_else(unreadable)?);
            let had = i64::from_le_bytes(*take(&mut rest).ok_or_else(unreadable)?);
            tally.exact.insert(id, Timestamp::from_millis(had));
        }
        if rest.is_empty() { Ok(tally) } else { Err(unreadable()) }
    }
}

impl Part {
    /// The part that `now` falls in.
    fn at(now: Timestamp, window: Duration) -> Self {
        let step = i64::try_from((window / Tally::PARTS).as_millis()).unwrap_or(i64::MAX).max(1);
        let until = now.millis().div_euclid(step).saturating_add(1).saturating_mul(step);
        Self { until: Timestamp::from_millis(until), nameless: 0, sketch: None }
    }
}

/// The next bytes.
fn take<'b, const N: usize>(rest: &mut &'b [u8]) -> Option<&'b [u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(taken)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: Duration = Duration::from_secs(86_400);

    /// Digests as a keyed hash gives them, the same for a seed every time (splitmix64).
    pub(in crate::budget) fn digests(seed: u64) -> impl Iterator<Item = u64> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        std::iter::repeat_with(move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        })
    }

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_millis(1_764_000_000_000 + hours * 3_600_000)
    }

    #[test]
    fn exact_to_the_last_one_and_sketched_above() {
        let ids: Vec<u64> = digests(3).take(20_000).collect();
        let mut tally = Tally::default();
        for (n, piece) in ids.chunks(64).enumerate().take(64) {
            tally.add(piece, 0, at(0), DAY);
            assert_eq!(tally.used(), 64 * (n as u64 + 1));
        }
        assert_eq!(tally.used(), Tally::EXACT as u64);
        tally.add(&ids[..4_096], 0, at(1), DAY);
        assert_eq!(tally.used(), Tally::EXACT as u64);
        tally.add(&ids, 0, at(2), DAY);
        let about = tally.used();
        assert!((19_500..20_500).contains(&about), "{about}");
        // What was had already changes nothing.
        tally.add(&ids[5_000..9_000], 0, at(2), DAY);
        assert_eq!(tally.used(), about);
        assert!(tally.to_bytes().len() < 64 << 10);
        assert_eq!(Tally::from_bytes(&tally.to_bytes()).unwrap(), tally);
    }

    #[test]
    fn the_window_rolls_and_forgets_nothing_early() {
        let mut tally = Tally::default();
        tally.add(&[1, 2], 0, at(0), DAY);
        tally.add(&[2, 3], 5, at(20), DAY);
        assert_eq!(tally.used(), 8);
        tally.forget(at(24), DAY);
        assert_eq!(tally.used(), 8);
        // 1 was last had a window and an eighth ago, 2 was had again since.
        tally.forget(at(27), DAY);
        assert_eq!(tally.used(), 7);
        tally.forget(at(47), DAY);
        assert_eq!(tally, Tally::default());
        assert_eq!(tally.frees_at(DAY), None);
    }

    #[test]
    fn bytes_of_another_kind_are_no_tally() {
        let mut tally = Tally::default();
        tally.add(&[1, 2, 3], 1, at(0), DAY);
        let bytes = tally.to_bytes();
        for end in 0..bytes.len() {
            assert!(Tally::from_bytes(&bytes[..end]).is_err(), "{end}");
        }
        assert!(Tally::from_bytes(&[&bytes[..], b"x"].concat()).is_err());
        assert!(Tally::from_bytes(&[b"wlt2", &bytes[4..]].concat()).is_err());
        assert!(Tally::from_bytes(b"wlt1\xff\xff\xff\xff").is_err());
    }

    proptest! {
        #[test]
        fn a_small_tally_is_the_set_of_what_was_had_within_the_window(
            mut had in prop::collection::vec((0_i64..60, prop::collection::vec(0_u64..600, 0..40)), 1..30),
        ) {
            had.sort_by_key(|(hour, _)| *hour);
            let mut tally = Tally::default();
            for (index, (now, ids)) in had.iter().enumerate() {
                tally.add(ids, 0, at(*now), DAY);
                let mut again = tally.clone();
                again.add(ids, 0, at(*now), DAY);
                prop_assert_eq!(&again, &tally);
                prop_assert_eq!(&Tally::from_bytes(&tally.to_bytes()).unwrap(), &tally);
                let within = |hours: i64| {
                    let since = had[..=index].iter().filter(|(then, _)| *then > now - hours);
                    since.flat_map(|(_, ids)| ids).collect::<std::collections::BTreeSet<_>>().len() as u64
                };
                // All of the last day, and nothing older than a day and an eighth.
                prop_assert!((within(24)..=within(28)).contains(&tally.used()));
            }
        }
    }
}
