//! A look back before the verdict: is this request like what its caller did before?

use super::Exchange;
use crate::audit::Term;
use crate::model::Act;
use crate::policy::Look;

impl Exchange {
    /// Asks what is known of the caller in memory. Costs nothing under a policy that does not watch.
    pub(super) fn look_back(&mut self) {
        let policy = &self.in_force.policy;
        let (Some(runtime), Some(_)) = (&self.runtime, policy.watch()) else { return };
        let (facts, history, away) = (self.facts(&self.acts), runtime.history(), runtime.is_stale());
        let since = history.since();
        self.unusual =
            history.of(&self.identity, |profile| policy.unusual(&facts, &Look { profile, since, away }));
    }

    /// What the ways in which an act is unlike what was before add to its risk, each by name.
    pub(super) fn unusual_terms(&self, act: &Act) -> impl Iterator<Item = Term> {
        let raising = self.unusual.iter().filter(|one| one.points > 0 && one.concerns(act.operation));
        raising.map(|one| Term { name: format!("watch:{}", one.signal).into(), points: one.points })
    }
}
