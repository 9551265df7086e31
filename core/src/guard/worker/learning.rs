//! What the worker learns of callers from the records of what was let through.

use std::time::Duration;

use super::Bench;
use crate::audit::{Ending, Record};
use crate::error::Error;
use crate::keys::unhex;
use crate::model::{Operation, Verdict};
use crate::policy::{Policy, Watch};
use crate::watch::{Learner, Taken, Visit};

/// How often counts are written. What was never seen before is written at the next look at the store.
const COUNTS: Duration = Duration::from_secs(10);

impl Bench {
    /// Begins to learn where the policy wants it, and stops where it does not.
    pub(super) fn watch_for(&mut self, policy: &Policy) -> Result<(), Error> {
        self.measured = policy.watch().into_iter().flat_map(Watch::measured).cloned().collect();
        if policy.watch().is_none() {
            self.learn(true);
            self.learner = None;
        } else if self.learner.is_none() {
            self.learner = Some(Learner::open(&*self.store, &self.history)?);
        }
        Ok(())
    }

    /// Only what was let through is learnt: who is refused again and again does not become known by that.
    pub(super) fn learn_from(&mut self, record: &Record) {
        let (Some(learner), Some(identity)) = (&mut self.learner, &record.identity) else { return };
        if record.unusual.iter().any(|one| one.signal == "canary") {
            learner.note_canary(&self.history, identity, record.at);
        }
        if let Some(census) = record.response.as_ref().and_then(|response| response.census.as_ref()) {
            let mut resources: Vec<&str> = record.acts.iter().map(|act| act.resource.as_str()).collect();
            resources.sort_unstable();
            resources.dedup();
            resources.retain(|resource| self.measured.iter().any(|glob| glob.matches(resource)));
            let nameless = census.ids_total.max(census.rows).saturating_sub(census.ids.len() as u64);
            for resource in resources {
                let service = &record.service;
                learner.note_taken(
                    &self.history,
                    &Taken { identity, service, resource, ids: &census.ids, nameless },
                );
            }
        }
        let passed =
            record.enforced == Some(Verdict::Allow) && record.code.as_deref() != Some("guard_unavailable");
        let ended = record.outcome.as_ref().map(|outcome| outcome.result);
        if !passed || !matches!(ended, Some(Ending::Complete | Ending::Disconnected)) {
            return;
        }
        let mut operations: Vec<Operation> = record.acts.iter().map(|act| act.operation).collect();
        operations.sort_unstable();
        operations.dedup();
        let visit = Visit {
            identity,
            service: &record.service,
            operations: &operations,
            place: self.history.place(record.source, identity),
            credential: record.credential.as_deref().and_then(unhex).map(u64::from_be_bytes),
            at: record.at,
        };
        learner.note(&self.history, &visit);
    }

    /// Takes over what other processes learnt, and writes what is due. A store that is away is asked again at the next look; what waits
    /// is known to this process meanwhile.
    pub(in crate::guard) fn learn(&mut self, all: bool) {
        let Some(learner) = &mut self.learner else { return };
        let _ = learner.refresh(&*self.store, &self.history);
        let now = self.clock.now();
        if all || learner.has_news() || now.since(self.learnt) >= COUNTS {
            self.learnt = now;
            let _ = learner.write(&*self.store, &self.history);
        }
    }
}
