//! The letters of a store that are still to be delivered.
//!
//! Several processes look after one outbox. Whoever wants to send a letter first moves its time on by one compare-and-set: of
//! several one does, and where that one ends before it has an answer, the letter is due again. So each is sent at least once.

use std::collections::HashMap;
use std::time::Duration;

use super::notice::{Event, Letter, LetterState, Notice, Subscriber};
use super::{Approval, ApprovalState, Approvals};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::store::{Put, Row, Store, Write};

/// What is known of a store's letters and of approvals that nobody has settled; brought up to date from what changed.
#[derive(Debug, Default)]
pub struct Outbox {
    letters: HashMap<String, (u64, Letter)>,
    letters_read: u64,
    open: HashMap<String, Approval>,
    approvals_read: u64,
}

/// A letter that this process may send now, and nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Its row.
    pub key: String,
    rev: u64,
    /// The letter.
    pub letter: Letter,
}

impl Outbox {
    /// The table of letters: key = notice and subscriber, value = the letter in JSON.
    pub const TABLE: &'static str = "outbox";
    /// How often a letter is tried: over about a day and a half.
    pub const TRIES: u32 = 18;
    /// How long an attempt may take before another process may make the next one.
    const LEASE: Duration = Duration::from_secs(60);
    /// The pause after the first attempt that failed; each is twice as long as the one before.
    const FIRST: Duration = Duration::from_secs(2);
    /// The longest pause.
    const LONGEST: Duration = Duration::from_secs(8 * 3_600);
    /// How long after its end it is still told that an approval was left to expire.
    const LATE: Duration = Duration::from_secs(7 * 86_400);

    /// Reads what changed in `store`.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn refresh(&mut self, store: &dyn Store) -> Result<(), Error> {
        let changes = store.read_since(Self::TABLE, self.letters_read)?;
        if changes.revision < self.letters_read {
            // The store was put back to an older state: it is read anew.
            *self = Self::default();
            return self.refresh(store);
        }
        for row in changes.rows {
            // A letter that a newer version wrote is for that to deliver.
            match serde_json::from_slice::<Letter>(&row.value) {
                Ok(letter) if matches!(letter.state, LetterState::Due(_)) => {
                    self.letters.insert(row.key, (row.rev, letter));
                }
                _ => drop(self.letters.remove(&row.key)),
            }
        }
        self.letters_read = changes.revision;
        let changes = store.read_since(Approvals::TABLE, self.approvals_read)?;
        for row in changes.rows {
            match serde_json::from_slice::<Approval>(&row.value) {
                Ok(approval) if approval.outcome.is_none() => drop(self.open.insert(row.key, approval)),
                _ => drop(self.open.remove(&row.key)),
            }
        }
        self.approvals_read = changes.revision;
        Ok(())
    }

    /// Writes letters about the approvals that have expired: that is nobody's step, so whoever sees it first says so.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn note_expired(&mut self, store: &dyn Store, subscribers: &[Subscriber]) -> Result<(), Error> {
        let now = store.now()?;
        let over: Vec<String> = self
            .open
            .iter()
            .filter(|(_, approval)| approval.state(now) == ApprovalState::Expired)
            .map(|(key, _)| key.clone())
            .collect();
        for key in over {
            let Some(approval) = self.open.remove(&key) else { continue };
            if now.since(approval.pending_until) > Self::LATE {
                continue;
            }
            let notice = Notice::of_approval(Event::ApprovalExpired, &approval, approval.pending_until);
            for (key, value) in Letter::rows(&notice, subscribers)? {
                // Lost where another has said it.
                let _ = store.put(Self::TABLE, &key, None, &value)?;
            }
        }
        Ok(())
    }

    /// Takes letters to `to` that are due, at most `most`: they are this process's to send for a minute.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn claim(&mut self, store: &dyn Store, to: &str, most: usize) -> Result<Vec<Parcel>, Error> {
        let due_at = |letter: &Letter| match letter.state {
            LetterState::Due(at) => at,
            _ => Timestamp::MAX,
        };
        if most == 0 || !self.letters.values().any(|(_, letter)| letter.to == to) {
            return Ok(Vec::new());
        }
        let now = store.now()?;
        let mut due: Vec<_> = self
            .letters
            .iter()
            .filter(|(_, (_, letter))| letter.to == to && due_at(letter) <= now)
            .map(|(key, (rev, letter))| (due_at(letter), key.clone(), *rev, letter.clone()))
            .collect();
        due.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        let mut claimed = Vec::new();
        for (_, key, rev, mut letter) in due.into_iter().take(most) {
            letter.tries += 1;
            letter.state = LetterState::Due(now + Self::LEASE);
            match write(store, &key, rev, &letter)? {
                Put::Done(rev) => {
                    self.letters.insert(key.clone(), (rev, letter.clone()));
                    claimed.push(Parcel { key, rev, letter });
                }
                // Another was first: what it wrote is read with the next changes.
                Put::Lost => drop(self.letters.remove(&key)),
            }
        }
        Ok(claimed)
    }

    /// Notes how an attempt ended; a failed one is made again later, and at last no more.
    ///
    /// # Errors
    /// Where the store cannot be written: then the letter is due again when its lease ends.
    pub fn settle(&mut self, store: &dyn Store, parcel: Parcel, delivered: bool) -> Result<(), Error> {
        let Parcel { key, rev, mut letter } = parcel;
        letter.state = if delivered {
            LetterState::Delivered
        } else if letter.tries >= Self::TRIES {
            LetterState::Dead
        } else {
            let doubled = Self::FIRST * 2_u32.saturating_pow(letter.tries.saturating_sub(1));
            LetterState::Due(store.now()? + doubled.min(Self::LONGEST))
        };
        match write(store, &key, rev, &letter)? {
            Put::Done(rev) if matches!(letter.state, LetterState::Due(_)) => {
                self.letters.insert(key, (rev, letter));
            }
            // Done with, or another took it over after a minute.
            _ => drop(self.letters.remove(&key)),
        }
        Ok(())
    }

    /// Every letter that was ever written, oldest change first.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn list(store: &dyn Store) -> Result<Vec<Letter>, Error> {
        let read = |row: Row| serde_json::from_slice(&row.value).ok();
        Ok(store.read_since(Self::TABLE, 0)?.rows.into_iter().filter_map(read).collect())
    }
}

fn write(store: &dyn Store, key: &str, rev: u64, letter: &Letter) -> Result<Put, Error> {
    let value = letter.write()?;
    store.commit(&[Write { table: Outbox::TABLE, key, expect: Some(rev), value: &value, before: None }])
}
