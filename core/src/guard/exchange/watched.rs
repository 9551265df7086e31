//! A look back before the verdict: is this request like what its caller did before?

use std::collections::HashSet;
use std::sync::Arc;

use super::Exchange;
use crate::audit::{Passed, Record, Term};
use crate::guard::step::Flow;
use crate::guard::worker::View;
use crate::identity::Claim;
use crate::keys::hex;
use crate::mask::Release;
use crate::model::{Act, Unusual, Verdict};
use crate::policy::{Facts, Look};
use crate::watch::{Canaries, Gate, Met, Profile, Spotter};

/// What is laid out for an exchange.
pub(super) struct LaidOut {
    canaries: Arc<Canaries>,
    /// What it means to touch it.
    unusual: Unusual,
    /// The verdict on a request that did.
    verdict: Verdict,
    /// What keeps it in the response.
    gate: Option<Gate>,
    /// It was in the response, and did not leave.
    met: bool,
}

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
        let (Some(_), Some(_)) = (&self.runtime, self.in_force.policy.watch()) else { return false };
        let laid_out = self.in_force.policy.canaries(&self.facts(&self.acts));
        self.canaries = laid_out.map(|(canaries, unusual)| {
            let canaries = Arc::clone(canaries);
            Box::new(LaidOut { canaries, unusual, verdict: Verdict::Allow, gate: None, met: false })
        });
        self.canaries.is_some()
    }

    /// Whether it names one, as far as its body is read before the verdict.
    fn touches(&self) -> bool {
        let Some(laid) = &self.canaries else { return false };
        match (&self.said, &self.head) {
            (Some(saying), _) => laid.canaries.in_words(&saying.texts()),
            (None, Some(head)) => laid.canaries.in_request(&head.target, self.collected.clear()),
            (None, None) => false,
        }
    }

    /// What the verdict would have been, had it named one: that is the verdict on an answer which brings one.
    pub(super) fn judge_as_touched(&mut self, view: &View) {
        let Some(laid) = self.canaries.as_ref() else { return };
        let mut unusual = self.unusual.clone();
        if !unusual.iter().any(|one| one.signal == laid.unusual.signal) {
            unusual.push(laid.unusual.clone());
        }
        let facts = Facts { unusual: &unusual, ..self.facts(&self.acts) };
        let verdict = self.in_force.policy.decide(&facts, view).verdict;
        if let Some(laid) = &mut self.canaries {
            laid.verdict = verdict;
        }
    }

    /// Whether a canary must not leave with the response: a request that named it would not have been let through, and nobody approved
    /// this one.
    pub(super) fn keeps_in(&self) -> bool {
        let approved = || self.decision.as_ref().is_some_and(|decision| decision.verdict == Verdict::Hold);
        let refuses = |laid: &LaidOut| match laid.verdict {
            Verdict::Allow => false,
            Verdict::Hold => !approved(),
            Verdict::Deny => true,
        };
        self.enforces() && self.canaries.as_deref().is_some_and(refuses)
    }

    /// What notes canaries in a body that passes.
    pub(super) fn spotter(&self) -> Option<Spotter> {
        self.canaries.as_ref()?.canaries.spotter()
    }

    /// From here on canaries are looked for in the response.
    pub(super) fn watch_response(&mut self) {
        let keeps_in = self.keeps_in();
        match self.canaries.as_mut().filter(|_| keeps_in) {
            Some(laid) => laid.gate = laid.canaries.gate(),
            None => {
                let spotter = self.spotter();
                self.response.spot(spotter);
            }
        }
    }

    /// The ids of canaries, where they must not leave with the response.
    pub(super) fn kept_in(&self) -> Option<Arc<HashSet<Box<str>>>> {
        self.canaries.as_ref().filter(|_| self.keeps_in())?.canaries.ids()
    }

    /// Whether one of these is to be kept in.
    pub(super) fn keeps_in_one_of(&self, ids: &[String]) -> bool {
        self.keeps_in() && self.canaries.as_ref().is_some_and(|laid| laid.canaries.in_ids(ids))
    }

    /// Whether a row came that must not leave.
    pub(super) fn brings_canary(&self) -> bool {
        self.response.met()
    }

    /// Holds back of what is about to leave what may be the beginning of a canary; `last`: nothing more comes.
    ///
    /// # Errors
    /// Where a canary is in it.
    pub(super) fn gate(
        &mut self,
        (piece, out, from, release): (&[u8], &mut Vec<u8>, usize, Release),
        last: bool,
    ) -> Result<Release, Flow> {
        if self.brings_canary() {
            return Err(self.cut_canary());
        }
        let Some(gate) = self.canaries.as_mut().and_then(|laid| laid.gate.as_mut()) else {
            return Ok(release);
        };
        let pushed = match release {
            Release::Unchanged => gate.push(piece, out),
            Release::Changed => {
                let made = out.split_off(from.min(out.len()));
                gate.push(&made, out).map(|release| {
                    if release == Release::Unchanged {
                        out.extend_from_slice(&made);
                    }
                    Release::Changed
                })
            }
        };
        match pushed {
            Ok(release) if last => {
                if release == Release::Unchanged {
                    out.extend_from_slice(piece);
                }
                gate.finish(out);
                Ok(Release::Changed)
            }
            Ok(release) => Ok(release),
            Err(Met) => Err(self.cut_canary()),
        }
    }

    /// A canary came: nothing more leaves, and what the caller asks next is judged by it.
    pub(super) fn cut_canary(&mut self) -> Flow {
        if let Some(laid) = &mut self.canaries {
            laid.met = true;
        }
        self.cut("canary_in_response")
    }

    /// Notes one that was met on the way, once: what the caller asks next is judged by it.
    pub(super) fn note_canaries(&self, spotted: bool, response: &Passed, record: &mut Record) {
        let Some(laid) = &self.canaries else { return };
        let ids = response.census.as_ref().map(|census| census.ids.as_slice()).unwrap_or_default();
        let met = spotted || laid.met || laid.canaries.in_ids(ids);
        if met && !record.unusual.iter().any(|one| one.signal == laid.unusual.signal) {
            record.unusual.push(laid.unusual.clone());
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
