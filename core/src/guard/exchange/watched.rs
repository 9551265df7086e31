//! A look back before the verdict: is this request like what its caller did before?

use std::sync::Arc;

use super::Exchange;
use crate::audit::{Passed, Record, Term};
use crate::identity::Claim;
use crate::keys::hex;
use crate::model::Act;
use crate::policy::Look;
use crate::watch::{Profile, Spotter};

impl Exchange {
    /// Asks what is known of the caller in memory. Costs nothing under a policy that does not watch.
    pub(super) fn look_back(&mut self) {
        let policy = &self.in_force.policy;
        let (Some(runtime), Some(_)) = (&self.runtime, policy.watch()) else { return };
        let (history, away) = (runtime.history(), runtime.is_stale());
        let credential = self.credential().map(|presented| history.credential(presented));
        let (facts, since) = (self.facts(&self.acts), history.since());
        let place = history.place(facts.source, &self.identity);
        let touched = self.touches();
        let look = |profile: Option<&Profile>| {
            policy.unusual(&facts, &Look { profile, since, away, place, credential, touched })
        };
        self.unusual = history.of(&self.identity, look);
        self.record.credential = credential.map(|digest| hex(&digest.to_be_bytes()));
    }

    /// Whether canaries are laid out for what it does.
    pub(super) fn lays_out(&mut self) -> bool {
        let (Some(runtime), Some(_)) = (&self.runtime, self.in_force.policy.watch()) else { return false };
        let laid_out = self.in_force.policy.canaries(&self.facts(&self.acts), runtime.history().since());
        self.canaries = laid_out.map(|(canaries, unusual)| Box::new((Arc::clone(canaries), unusual)));
        self.canaries.is_some()
    }

    /// Whether it names one, as far as its body is read before the verdict.
    fn touches(&self) -> bool {
        let target = self.head.as_ref().map_or("", |head| head.target.as_str());
        self.canaries.as_ref().is_some_and(|laid| laid.0.in_request(target, self.collected.clear()))
    }

    /// What looks for canaries in a body that passes.
    pub(super) fn spotter(&self) -> Option<Spotter> {
        self.canaries.as_ref()?.0.spotter()
    }

    /// Notes one that was met on the way, once: what the caller asks next is judged by it.
    pub(super) fn note_canaries(&self, spotted: bool, response: &Passed, record: &mut Record) {
        let Some(laid) = &self.canaries else { return };
        let ids = response.census.as_ref().map(|census| census.ids.as_slice()).unwrap_or_default();
        if (spotted || laid.0.in_ids(ids)) && !record.unusual.iter().any(|one| one.signal == laid.1.signal) {
            record.unusual.push(laid.1.clone());
        }
    }

    /// What named the caller, where the policy watches who sends it: the id of its token, or as much of the token or key as tells it from
    /// others.
    fn credential(&self) -> Option<&[u8]> {
        let policy = &self.in_force.policy;
        if self.identity.is_anonymous() || !policy.watch()?.tells_senders() {
            return None;
        }
        let presented = || policy.identity()?.credential(&self.head.as_ref()?.headers);
        self.identity.claims.get("jti").and_then(Claim::only).or_else(presented).map(str::as_bytes)
    }

    /// What the ways in which an act is unlike what was before add to its risk, each by name.
    pub(super) fn unusual_terms(&self, act: &Act) -> impl Iterator<Item = Term> {
        let raising = self.unusual.iter().filter(|one| one.points > 0 && one.concerns(act.operation));
        raising.map(|one| Term { name: format!("watch:{}", one.signal).into(), points: one.points })
    }
}
