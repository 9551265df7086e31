//! Learns what callers do, and shares it with other processes by the store.

use std::collections::HashMap;
use std::fmt;

use super::taken::Takings;
use super::{History, Place, Profile, Taken};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::identity::Identity;
use crate::model::Operation;
use crate::store::{Put, Store, Write, settle};

/// What a request did that was let through.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    /// Who.
    pub identity: &'a Identity,
    /// At which service of the policy; empty where none names the host.
    pub service: &'a str,
    /// What; each is counted once.
    pub operations: &'a [Operation],
    /// From where.
    pub place: Place,
    /// By which token or key, as [`History::credential`] tells; `None` where that is not watched.
    pub credential: Option<u64>,
    /// When.
    pub at: Timestamp,
}

/// Keeps a [`History`] true to the store, and the store to what this process sees. In the hands of the one thread that may use the store.
#[derive(Default)]
pub struct Learner {
    /// What this process saw and has not written, by the key of its row.
    pending: HashMap<String, Profile>,
    takings: Takings,
    /// Whether any of it was never seen before: that is written at the next look, and mere counts when they are due.
    fresh: bool,
    /// The revision of the store that was read last.
    revision: u64,
}

impl Learner {
    /// The table of profiles: key = a digest of whose, value = JSON.
    pub const TABLE: &'static str = "edges";
    /// The table of when watching began: one row.
    const SINCE: (&'static str, &'static str) = ("watch", "since");
    /// So many profiles are written in one step: when another process is first, only so many are read again.
    const BATCH: usize = 64;

    /// Reads what `store` keeps into `history`; notes there that watching begins, where it is the first.
    ///
    /// # Errors
    /// Where the store cannot be read or written.
    pub fn open(store: &dyn Store, history: &History) -> Result<Self, Error> {
        let (table, key) = Self::SINCE;
        let since = settle(|| {
            if let Some(row) = store.get(table, key)? {
                let written = std::str::from_utf8(&row.value).ok().and_then(|text| text.parse().ok());
                return Ok(Some(written.unwrap_or_default()));
            }
            let now = store.now()?;
            Ok(match store.put(table, key, None, now.to_string().as_bytes())? {
                Put::Done(_) => Some(now),
                Put::Lost => None,
            })
        })?;
        history.begin(since);
        let mut learner = Self::default();
        learner.refresh(store, history)?;
        Ok(learner)
    }

    /// Adds what was let through: this process knows it from now on, others once it is written.
    pub fn note(&mut self, history: &History, visit: &Visit<'_>) {
        let mut pending = Profile::new(visit.identity);
        pending.add(visit);
        self.fresh |= history.change(visit.identity, |profile| profile.add(visit)).unwrap_or(true);
        keep(&mut self.pending, pending);
    }

    /// Notes that this caller touched a canary, let through or not.
    pub fn note_canary(&mut self, history: &History, identity: &Identity, at: Timestamp) {
        let mut pending = Profile::new(identity);
        pending.touch(at);
        history.change(identity, |profile| profile.touch(at));
        self.fresh = true;
        keep(&mut self.pending, pending);
    }

    /// Notes ids that left; how many there were in all is known once they are [written](Self::write).
    pub fn note_taken(&mut self, history: &History, taken: &Taken<'_>) {
        self.takings.add(history, taken);
    }

    /// Whether something waits to be written that other processes should know soon.
    pub fn has_news(&self) -> bool {
        self.fresh || self.takings.are_many()
    }

    /// Takes over what other processes wrote since the last look.
    ///
    /// # Errors
    /// Where the store cannot be read: what is known stays.
    pub fn refresh(&mut self, store: &dyn Store, history: &History) -> Result<(), Error> {
        if store.revision()? == self.revision {
            return Ok(());
        }
        let mut changes = store.read_since(Self::TABLE, self.revision)?;
        if changes.revision < self.revision {
            // It was put back to an older state.
            changes = store.read_since(Self::TABLE, 0)?;
        }
        self.revision = changes.revision;
        for row in changes.rows {
            // What a newer version wrote stays unknown here: it was never seen.
            let Some(mut profile) = Profile::from_bytes(&row.value) else { continue };
            if let Some(pending) = self.pending.get(&row.key) {
                profile.join(pending);
            }
            history.put(profile);
        }
        Ok(())
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// Where the store cannot be written: it waits on, and this process knows it meanwhile.
    pub fn write(&mut self, store: &dyn Store, history: &History) -> Result<(), Error> {
        let pending = &mut self.pending;
        let counted = self.takings.count(store, |identity, profile| {
            history.change(identity, |known| known.join(&profile));
            keep(pending, profile);
        });
        while !self.pending.is_empty() {
            let batch: Vec<&String> = self.pending.keys().take(Self::BATCH).collect();
            let joined = settle(|| {
                let mut rows = Vec::with_capacity(batch.len());
                for key in &batch {
                    let row = store.get(Self::TABLE, key)?;
                    let known = row.as_ref().map(|row| Profile::from_bytes(&row.value));
                    let (Some(pending), false) = (self.pending.get(*key), matches!(known, Some(None))) else {
                        // A newer version's row is not written over.
                        continue;
                    };
                    let mut profile = pending.clone();
                    if let Some(known) = known.flatten() {
                        profile.join(&known);
                    }
                    let value = profile.to_bytes()?;
                    rows.push((*key, row.map(|row| row.rev), value, profile));
                }
                let writes: Vec<Write<'_>> = rows
                    .iter()
                    .map(|(key, expect, value, _)| Write {
                        table: Self::TABLE,
                        key,
                        expect: *expect,
                        value,
                        before: None,
                    })
                    .collect();
                let put = if writes.is_empty() { Put::Done(0) } else { store.commit(&writes)? };
                Ok(match put {
                    Put::Done(_) => Some(rows.into_iter().map(|row| row.3).collect::<Vec<_>>()),
                    Put::Lost => None,
                })
            })?;
            let written: Vec<String> = batch.into_iter().cloned().collect();
            written.iter().for_each(|key| drop(self.pending.remove(key)));
            joined.into_iter().for_each(|profile| history.put(profile));
        }
        self.fresh = false;
        counted
    }

    /// What a store keeps of all callers, by subject.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn list(store: &dyn Store) -> Result<Vec<Profile>, Error> {
        let rows = store.read_since(Self::TABLE, 0)?.rows;
        let mut profiles: Vec<Profile> =
            rows.iter().filter_map(|row| Profile::from_bytes(&row.value)).collect();
        profiles.sort_by(|a, b| (&a.subject, &a.issuer).cmp(&(&b.subject, &b.issuer)));
        Ok(profiles)
    }
}

/// Adds to what waits to be written.
fn keep(pending: &mut HashMap<String, Profile>, profile: Profile) {
    let key = profile.key();
    match pending.get_mut(&key) {
        Some(known) => known.join(&profile),
        None => drop(pending.insert(key, profile)),
    }
}

impl fmt::Debug for Learner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Learner").field("pending", &self.pending.len()).finish_non_exhaustive()
    }
}
