//! How many different ids somebody took of a collection within a day, counted by the tallies of budgets.

use std::collections::HashMap;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{History, Profile};
use crate::budget::{Budgets, Charge, Limit};
use crate::error::Error;
use crate::identity::Identity;
use crate::keys::hex;
use crate::store::Store;

/// Ids of one collection that left to a caller.
#[derive(Debug, Clone, Copy)]
pub struct Taken<'a> {
    /// Whom they went to.
    pub identity: &'a Identity,
    /// The service of the policy.
    pub service: &'a str,
    /// The collection.
    pub resource: &'a str,
    /// Those that are known by name.
    pub ids: &'a [String],
    /// How many more there were.
    pub nameless: u64,
}

/// What this process saw leave and has not counted in the store.
#[derive(Default)]
pub(super) struct Takings {
    /// By the key of their tally.
    waiting: HashMap<String, Taking>,
    ids: usize,
}

struct Taking {
    identity: Identity,
    service: Box<str>,
    resource: Box<str>,
    ids: Vec<u64>,
    nameless: u64,
}

impl Takings {
    /// What was had longer ago is forgotten.
    pub(super) const WINDOW: Duration = Duration::from_secs(86_400);
    /// So many ids wait at most before they are counted.
    const MANY: usize = 1_024;
    /// So many are told apart of one collection while the store is away; what comes on top counts as new.
    const MOST: usize = 65_536;

    pub(super) fn add(&mut self, history: &History, taken: &Taken<'_>) {
        let Taken { identity, service, resource, .. } = *taken;
        let taking = self.waiting.entry(key(taken)).or_insert_with(|| Taking {
            identity: Identity {
                issuer: identity.issuer.clone(),
                ..Identity::new(identity.subject.as_str())
            },
            service: service.into(),
            resource: resource.into(),
            ids: Vec::new(),
            nameless: 0,
        });
        let room = Self::MOST.saturating_sub(taking.ids.len()).min(taken.ids.len());
        taking.ids.extend(taken.ids.iter().take(room).map(|id| history.id(id.as_bytes())));
        let beyond = (taken.ids.len() - room) as u64;
        taking.nameless = taking.nameless.saturating_add(taken.nameless).saturating_add(beyond);
        self.ids = self.ids.saturating_add(room);
    }

    /// Whether so many wait that they are worth a commit of their own.
    pub(super) fn are_many(&self) -> bool {
        self.ids >= Self::MANY
    }

    /// Counts what waits; `told` hears how much its caller has had of a collection within the window now.
    pub(super) fn count(
        &mut self,
        store: &dyn Store,
        mut told: impl FnMut(&Identity, Profile),
    ) -> Result<(), Error> {
        let limit = Limit { amount: u64::MAX, window: Self::WINDOW };
        while let Some((key, taking)) = self.waiting.iter().next() {
            let key = key.clone();
            let charge =
                Charge { key: key.clone(), limit, binds: false, by_id: true, nameless: taking.nameless };
            let spending = Budgets::new(store).spend(&[charge], &taking.ids)?;
            let used = spending.standings.first().map_or(0, |standing| standing.used);
            let mut profile = Profile::new(&taking.identity);
            profile.take(&taking.service, &taking.resource, used, store.now()?);
            told(&taking.identity, profile);
            self.waiting.remove(&key);
        }
        self.ids = 0;
        Ok(())
    }
}

/// The name of a tally. It is no budget's, for those are digests alone.
fn key(taken: &Taken<'_>) -> String {
    let mut digest = Sha256::new_with_prefix(b"wardline/taken/1");
    let issuer = taken.identity.issuer.as_deref().unwrap_or("");
    for field in [taken.identity.subject.as_str(), issuer, taken.service, taken.resource] {
        digest.update((field.len() as u64).to_le_bytes());
        digest.update(field.as_bytes());
    }
    format!("taken/{}", hex(&digest.finalize()))
}
