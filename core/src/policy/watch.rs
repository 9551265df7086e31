//! What a policy makes of a request that is unlike what its caller did before.

use std::time::Duration;

use super::Policy;
use super::decision::Facts;
use super::document::{Node, number};
use super::draft::{Part, duration, text};
use super::scope::Matcher;
use crate::clock::Timestamp;
use crate::model::{Operation, Unusual};
use crate::watch::Profile;

/// The `watch` of a policy.
#[derive(Debug, Clone)]
pub struct Watch {
    /// Whether it raises anything at all.
    raises: bool,
    /// For how long after watching began it does not.
    learning: Duration,
    signals: Vec<Watched>,
}

/// A signal, and whom and what it is about.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) signal: Signal,
    pub(super) matcher: Matcher,
    points: u8,
    pub(super) holds: bool,
}

/// A way of being unlike what was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    FirstSeen,
}

/// What is known when a request is judged.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// What its caller did before; `None` where nothing is known.
    pub profile: Option<&'a Profile>,
    /// When watching began.
    pub since: Timestamp,
    /// Whether the store is away, so that what other processes learnt lately is not known.
    pub away: bool,
}

/// What is added to the risk where the policy does not say.
const POINTS: u8 = 20;

/// What records call a history that was not at hand.
const AWAY: &str = "history_away";

impl Signal {
    pub(super) const ALL: [Self; 1] = [Self::FirstSeen];

    /// Its key in the policy, and its name in records.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::FirstSeen => "first_seen",
        }
    }
}

impl Watch {
    /// Whether watching that began then is still learning only.
    fn is_learning(&self, since: Timestamp, now: Timestamp) -> bool {
        // The first exchange began before watching did.
        !self.raises || (!self.learning.is_zero() && now < since + self.learning)
    }
}

impl Watched {
    fn unusual(&self, operation: Option<Operation>) -> Unusual {
        Unusual { signal: self.signal.name().into(), operation, points: self.points, holds: self.holds }
    }
}

impl Policy {
    /// What it says of requests that are unlike what was before.
    pub fn watch(&self) -> Option<&Watch> {
        self.watch.as_ref()
    }

    /// In which ways a request is unlike what its caller did before, as far as the policy speaks of that. Allocates nothing where it is not.
    pub fn unusual(&self, facts: &Facts<'_>, look: &Look<'_>) -> Vec<Unusual> {
        let mut unusual: Vec<Unusual> = Vec::new();
        let Some(watch) = self.watch.as_ref().filter(|watch| !watch.is_learning(look.since, facts.at)) else {
            return unusual;
        };
        if look.away && !watch.signals.is_empty() {
            // What is not known was never seen; that it could not be known is said.
            unusual.push(Unusual { signal: AWAY.into(), operation: None, points: 0, holds: false });
        }
        let service = facts.service.map_or("", |service| &service.name);
        for watched in &watch.signals {
            for act in facts.acts {
                let known = |profile: &Profile| profile.edge(service, act.operation).is_some();
                if act.operation == Operation::None || look.profile.is_some_and(known) {
                    continue;
                }
                let told = |one: &Unusual| {
                    one.signal == watched.signal.name() && one.operation == Some(act.operation)
                };
                if !unusual.iter().any(told) && self.speaks_of(&watched.matcher, facts, act) {
                    unusual.push(watched.unusual(Some(act.operation)));
                }
            }
        }
        unusual
    }
}

/// The `watch` of a document, and the node of each signal for the checks of meaning; `matcher` reads whom and what a signal is about.
pub(super) fn read<'n>(
    root: &'n Node,
    matcher: impl Fn(&Node) -> Matcher,
) -> (Option<Watch>, Vec<Part<'n, Watched>>) {
    let Some(node) = root.get("watch") else { return (None, Vec::new()) };
    let signal = |signal: Signal| {
        let node = node.get(signal.name())?;
        let holds = text(node, "effect")? == "hold";
        let points = text(node, "risk").and_then(number).and_then(|n| u8::try_from(n).ok()).unwrap_or(POINTS);
        let points = if holds { 0 } else { points };
        Some(Part { node, is: Watched { signal, matcher: matcher(node), points, holds } })
    };
    let parts: Vec<_> = Signal::ALL.into_iter().filter_map(signal).collect();
    let watch = Watch {
        raises: text(node, "mode") != Some("learn"),
        learning: duration(node, "learning").unwrap_or_default(),
        signals: parts.iter().map(|part| part.is.clone()).collect(),
    };
    (Some(watch), parts)
}
