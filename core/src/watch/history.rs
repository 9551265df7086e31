//! What is known of all callers, in memory: the only thing that a decision reads.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};

use super::place::Places;
use super::{Place, Profile};
use crate::clock::Timestamp;
use crate::identity::Identity;
use crate::keys::Keys;

/// The profiles of all callers as this process knows them. Its worker writes, and many read: so it is kept in parts, each with a lock of
/// its own that is held for the time of a look.
pub struct History {
    parts: [RwLock<Part>; PARTS],
    /// When watching began, in milliseconds; 0 where it has not.
    since: AtomicI64,
    places: Places,
}

const PARTS: usize = 16;

/// By subject; mostly one each, more where several issuers name the same.
type Part = HashMap<Box<str>, Vec<Profile>>;

impl History {
    /// Nothing yet. Places and credentials are told apart by digests under these keys.
    pub fn new(keys: &Keys) -> Self {
        Self { parts: Default::default(), since: AtomicI64::new(0), places: Places::new(keys) }
    }

    /// Where a request of this caller comes from.
    pub fn place(&self, source: Option<IpAddr>, identity: &Identity) -> Place {
        self.places.place(source, identity)
    }

    /// What stands for the id of a row.
    pub(super) fn id(&self, id: &[u8]) -> u64 {
        self.places.id(id)
    }

    /// What stands for a token or key that was presented.
    pub fn credential(&self, presented: &[u8]) -> u64 {
        self.places.credential(presented)
    }

    /// Reads what is known of a caller, without a copy of it.
    pub fn of<T>(&self, identity: &Identity, read: impl FnOnce(Option<&Profile>) -> T) -> T {
        let Some(part) = self.part(&identity.subject) else { return read(None) };
        let part = part.read().unwrap_or_else(PoisonError::into_inner);
        let known = part.get(identity.subject.as_str());
        read(known.and_then(|known| known.iter().find(|profile| profile.is_of(identity))))
    }

    /// When watching began here, by the store's clock; the epoch where that is not known.
    pub fn since(&self) -> Timestamp {
        Timestamp::from_millis(self.since.load(Ordering::Acquire))
    }

    pub(super) fn begin(&self, since: Timestamp) {
        self.since.store(since.millis(), Ordering::Release);
    }

    /// Changes what is known of a caller, which is nothing at first.
    pub(super) fn change<T>(&self, identity: &Identity, change: impl FnOnce(&mut Profile) -> T) -> Option<T> {
        let mut part = self.part(&identity.subject)?.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = part.get_mut(identity.subject.as_str())
            && let Some(profile) = known.iter_mut().find(|profile| profile.is_of(identity))
        {
            return Some(change(profile));
        }
        let known = part.entry(identity.subject.as_str().into()).or_default();
        known.push(Profile::new(identity));
        known.last_mut().map(change)
    }

    /// Puts what is known of a caller in place of what was.
    pub(super) fn put(&self, profile: Profile) {
        let Some(part) = self.part(&profile.subject) else { return };
        let mut part = part.write().unwrap_or_else(PoisonError::into_inner);
        let known = part.entry(profile.subject.clone()).or_default();
        match known.iter_mut().find(|known| known.issuer == profile.issuer) {
            Some(known) => *known = profile,
            None => known.push(profile),
        }
    }

    fn part(&self, subject: &str) -> Option<&RwLock<Part>> {
        let sum = subject.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        self.parts.get(sum % PARTS)
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("History(..)")
    }
}
