//! A look back before the verdict: is this request like what its caller did before?

use super::Exchange;
use crate::audit::Term;
use crate::keys::hex;
use crate::model::Act;
use crate::policy::Look;

impl Exchange {
    /// Asks what is known of the caller in memory. Costs nothing under a policy that does not watch.
    pub(super) fn look_back(&mut self) {
        let policy = &self.in_force.policy;
        let (Some(runtime), Some(_)) = (&self.runtime, policy.watch()) else { return };
        let (history, away) = (runtime.history(), runtime.is_stale());
        let credential = self.credential().map(|presented| history.credential(presented));
        let (facts, since) = (self.facts(&self.acts), history.since());
        let place = history.place(facts.source, &self.identity);
        let look = |profile| policy.unusual(&facts, &Look { profile, since, away, place, credential });
        self.unusual = history.of(&self.identity, look);
        self.record.credential = credential.map(|digest| hex(&digest.to_be_bytes()));
    }

    /// What named the caller, where the policy watches who sends it: the id of its token, or as much of the token or key as tells it from
    /// others.
    fn credential(&self) -> Option<&[u8]> {
        let policy = &self.in_force.policy;
        if self.identity.is_anonymous() || !policy.watch()?.tells_senders() {
            return None;
        }
        let presented = || policy.identity()?.credential(&self.head.as_ref()?.headers);
        self.identity.claims.get("jti").map(String::as_str).or_else(presented).map(str::as_bytes)
    }

    /// What the ways in which an act is unlike what was before add to its risk, each by name.
    pub(super) fn unusual_terms(&self, act: &Act) -> impl Iterator<Item = Term> {
        let raising = self.unusual.iter().filter(|one| one.points > 0 && one.concerns(act.operation));
        raising.map(|one| Term { name: format!("watch:{}", one.signal).into(), points: one.points })
    }
}
