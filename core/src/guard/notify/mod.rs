//! Letters leave: the worker says which, a thread for each webhook carries them, and the worker notes what came of it.
//!
//! Only the worker talks to the store, and it never waits for a webhook: one that is slow or away delays its own letters alone.

mod carry;
mod sign;
mod words;

use std::sync::Arc;
use std::time::{Duration, Instant};

use self::carry::Courier;
use super::worker::Returns;
use crate::error::Error;
use crate::grant::{Event, Outbox, Parcel, Subscriber};
use crate::keys::Keys;
use crate::policy::Policy;
use crate::store::Store;

/// How many letters to one webhook a process has under way.
const AT_ONCE: usize = 4;
/// A process that only issues or votes is gone again before it could deliver: it leaves that to those that stay.
const SETTLED: Duration = Duration::from_secs(1);
/// How often expired approvals are looked for.
const EXPIRED: Duration = Duration::from_secs(1);

/// What the worker knows of letters and those who carry them.
pub(super) struct Post {
    outbox: Outbox,
    couriers: Vec<Courier>,
    subscribers: Arc<[Subscriber]>,
    started: Instant,
    looked: Instant,
}

impl Post {
    /// Nothing is read or started before the first letter.
    pub(super) fn new(policy: &Policy, keys: &Keys) -> Self {
        Self {
            outbox: Outbox::default(),
            couriers: policy.webhooks().iter().map(|webhook| Courier::new(webhook, keys)).collect(),
            subscribers: policy.subscribers(),
            started: Instant::now(),
            looked: Instant::now(),
        }
    }

    /// Hands letters that are due to those who carry them. What fails is due again later.
    ///
    /// # Errors
    /// Where the store cannot be used.
    pub(super) fn send(&mut self, store: &dyn Store, returns: &Returns) -> Result<(), Error> {
        if self.couriers.is_empty() || self.started.elapsed() < SETTLED {
            return Ok(());
        }
        self.outbox.refresh(store)?;
        if self.looked.elapsed() >= EXPIRED {
            self.looked = Instant::now();
            let wanted = |subscriber: &Subscriber| subscriber.events.contains(&Event::ApprovalExpired);
            if self.subscribers.iter().any(wanted) {
                self.outbox.note_expired(store, &self.subscribers)?;
            }
        }
        for courier in &mut self.couriers {
            let room = AT_ONCE.saturating_sub(courier.carrying);
            for parcel in self.outbox.claim(store, courier.name(), room)? {
                courier.carry(parcel, returns)?;
            }
        }
        Ok(())
    }

    /// Notes what came of a letter.
    pub(super) fn came_back(&mut self, store: &dyn Store, parcel: Parcel, delivered: bool) {
        if let Some(courier) = self.couriers.iter_mut().find(|courier| courier.name() == parcel.letter.to) {
            courier.carrying = courier.carrying.saturating_sub(1);
        }
        // What cannot be noted is sent once more when its lease ends.
        let _ = self.outbox.settle(store, parcel, delivered);
    }
}
