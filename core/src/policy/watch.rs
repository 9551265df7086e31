//! What a policy makes of a request that is unlike what its caller did before.

use std::sync::Arc;
use std::time::Duration;

use super::Policy;
use super::decision::Facts;
use super::document::{Node, number};
use super::draft::{Part, duration, entries, text};
use super::scope::Matcher;
use crate::clock::Timestamp;
use crate::glob::Glob;
use crate::model::{Act, Operation, Unusual};
use crate::watch::{Canaries, Edge, Place, Profile};

/// The `watch` of a policy.
#[derive(Debug, Clone)]
pub struct Watch {
    /// Whether it raises anything at all.
    raises: bool,
    /// For how long after watching began it does not.
    learning: Duration,
    signals: Vec<Watched>,
    /// How large collections are, by name or pattern.
    sizes: Vec<(Glob, u64)>,
    canaries: Option<Arc<Canaries>>,
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
    Burst(Burst),
    NewNetwork,
    TwoWorkloads { within: Duration },
    Share { over: u64 },
    Canary { lasting: Duration },
}

/// How much more often than before is a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Burst {
    /// So many times the busiest hour before.
    times: u64,
    /// So many in an hour are none in any case.
    floor: u64,
    /// So long after the first time nothing is.
    after: Duration,
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
    /// Where the request comes from.
    pub place: Place,
    /// The token or key that named the caller, as [`History::credential`](crate::watch::History::credential) tells.
    pub credential: Option<u64>,
    /// Whether the request names a canary.
    pub touched: bool,
}

/// What is added to the risk where the policy does not say.
const POINTS: u8 = 20;
const BURST: Burst = Burst { times: 5, floor: 100, after: Duration::from_secs(86_400) };
/// For how long two senders of one token are at once.
const WITHIN: Duration = Duration::from_secs(600);
/// The part of a collection that is much for one caller and day, in percent.
const OVER: u64 = 20;
/// For how long who touched a canary is watched.
const LASTING: Duration = Duration::from_secs(86_400);

/// What records call a request of who touched a canary in an earlier one.
const CANARY_BEFORE: &str = "canary_before";

/// What records call a history that was not at hand.
const AWAY: &str = "history_away";

impl Signal {
    /// Those that there are, as they are where the policy says nothing else.
    const ALL: [Self; 6] = [
        Self::FirstSeen,
        Self::Burst(BURST),
        Self::NewNetwork,
        Self::TwoWorkloads { within: WITHIN },
        Self::Share { over: OVER },
        Self::Canary { lasting: LASTING },
    ];

    /// Its key in the policy, and its name in records.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::FirstSeen => "first_seen",
            Self::Burst(_) => "burst",
            Self::NewNetwork => "new_network",
            Self::TwoWorkloads { .. } => "two_workloads",
            Self::Share { .. } => "share",
            Self::Canary { .. } => "canary",
        }
    }

    /// The same with what the policy says of it.
    fn read(self, node: &Node) -> Self {
        let count = |key| text(node, key).and_then(number);
        match self {
            Self::Burst(burst) => Self::Burst(Burst {
                times: count("times").unwrap_or(burst.times),
                floor: count("floor").unwrap_or(burst.floor),
                after: duration(node, "after").unwrap_or(burst.after),
            }),
            Self::TwoWorkloads { within } => {
                Self::TwoWorkloads { within: duration(node, "within").unwrap_or(within) }
            }
            Self::Share { over } => Self::Share { over: count("over").unwrap_or(over) },
            Self::Canary { lasting } => Self::Canary { lasting: duration(node, "for").unwrap_or(lasting) },
            Self::FirstSeen | Self::NewNetwork => self,
        }
    }

    /// Whether it is known from the first request on: a canary is no question of what was usual.
    fn needs_no_learning(self) -> bool {
        matches!(self, Self::Canary { .. })
    }

    /// Whether an act is unlike what was before.
    fn is_in(self, act: &Act, watch: &Watch, service: &str, look: &Look<'_>, now: Timestamp) -> bool {
        let edge = || look.profile.and_then(|profile| profile.edge(service, act.operation));
        match self {
            Self::FirstSeen => act.operation != Operation::None && edge().is_none(),
            Self::Burst(burst) => edge().is_some_and(|edge| burst.is_at(edge, now)),
            Self::Share { over } => {
                look.profile.zip(watch.size(&act.resource)).is_some_and(|(profile, size)| {
                    let had = profile.share(service, &act.resource, now);
                    had.saturating_mul(100) >= size.saturating_mul(over)
                })
            }
            Self::NewNetwork | Self::TwoWorkloads { .. } | Self::Canary { .. } => false,
        }
    }

    /// Whether the caller is unlike before, whatever the request does.
    fn is_of_caller(self, look: &Look<'_>, now: Timestamp) -> bool {
        match self {
            Self::NewNetwork => {
                let known = look.place.network.zip(look.profile);
                !known.is_some_and(|(network, profile)| profile.knows_network(network))
            }
            Self::TwoWorkloads { within } => {
                look.profile.zip(look.credential).is_some_and(|(profile, credential)| {
                    profile.has_another_sender(credential, look.place.sender, now - within)
                })
            }
            Self::Canary { lasting } => {
                let before = look.profile.and_then(Profile::touched);
                look.touched || before.is_some_and(|at| now < at + lasting)
            }
            Self::FirstSeen | Self::Burst(_) | Self::Share { .. } => false,
        }
    }
}

impl Burst {
    /// Whether one more request is too many for this hour.
    fn is_at(self, edge: &Edge, now: Timestamp) -> bool {
        let (before, usual) = edge.pace.at(now);
        let count = before.saturating_add(1);
        now >= edge.first + self.after && count > self.floor && count > usual.saturating_mul(self.times)
    }
}

impl Watch {
    /// Whether it is told who sends which token or key.
    pub fn tells_senders(&self) -> bool {
        self.signals.iter().any(|watched| matches!(watched.signal, Signal::TwoWorkloads { .. }))
    }

    /// The collections of which it is counted how much a caller had.
    pub fn measured(&self) -> impl Iterator<Item = &Glob> {
        let measures = self.signals.iter().any(|watched| matches!(watched.signal, Signal::Share { .. }));
        self.sizes.iter().filter(move |_| measures).map(|(glob, _)| glob)
    }

    /// How large a collection is; of several sizes that fit the smallest.
    fn size(&self, resource: &str) -> Option<u64> {
        self.sizes.iter().filter(|(glob, _)| glob.matches(resource)).map(|(_, size)| *size).min()
    }

    /// Whether watching that began then is still learning what is usual.
    fn is_learning(&self, since: Timestamp, now: Timestamp) -> bool {
        // The first exchange began before watching did.
        !self.learning.is_zero() && now < since + self.learning
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

    /// What is laid out for such a request, and what it means to touch it; `None` where nothing is, or where the policy only learns.
    pub fn canaries(&self, facts: &Facts<'_>) -> Option<(&Arc<Canaries>, Unusual)> {
        let watch = self.watch.as_ref().filter(|watch| watch.raises)?;
        let canaries = watch.canaries.as_ref()?;
        let watched = watch.signals.iter().find(|watched| matches!(watched.signal, Signal::Canary { .. }))?;
        let concerns = facts.acts.iter().any(|act| self.speaks_of(&watched.matcher, facts, act));
        concerns.then(|| (canaries, watched.unusual(None)))
    }

    /// In which ways a request is unlike what its caller did before, as far as the policy speaks of that. Allocates nothing where it is not.
    pub fn unusual(&self, facts: &Facts<'_>, look: &Look<'_>) -> Vec<Unusual> {
        let mut unusual: Vec<Unusual> = Vec::new();
        let Some(watch) = self.watch.as_ref().filter(|watch| watch.raises) else {
            return unusual;
        };
        let learning = watch.is_learning(look.since, facts.at);
        if look.away && !learning && !watch.signals.is_empty() {
            // What is not known was never seen; that it could not be known is said.
            unusual.push(Unusual { signal: AWAY.into(), operation: None, points: 0, holds: false });
        }
        let service = facts.service.map_or("", |service| &service.name);
        for watched in watch.signals.iter().filter(|one| !learning || one.signal.needs_no_learning()) {
            let speaks = |act: &Act| self.speaks_of(&watched.matcher, facts, act);
            if watched.signal.is_of_caller(look, facts.at) && facts.acts.iter().any(speaks) {
                unusual.push(match watched.signal {
                    // That it was touched before is no touch.
                    Signal::Canary { .. } if !look.touched => {
                        Unusual { signal: CANARY_BEFORE.into(), ..watched.unusual(None) }
                    }
                    _ => watched.unusual(None),
                });
            }
            for act in facts.acts {
                if !watched.signal.is_in(act, watch, service, look, facts.at) {
                    continue;
                }
                let told = |one: &Unusual| {
                    one.signal == watched.signal.name() && one.operation == Some(act.operation)
                };
                if !unusual.iter().any(told) && speaks(act) {
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
        let signal = signal.read(node);
        Some(Part { node, is: Watched { signal, matcher: matcher(node), points, holds } })
    };
    let parts: Vec<_> = Signal::ALL.into_iter().filter_map(signal).collect();
    let strings = |node: &'n Node, key| -> Vec<&'n str> {
        let elements = node.get(key).map(Node::elements).unwrap_or_default();
        elements.iter().filter_map(Node::text).collect()
    };
    let canaries = node
        .get("canary")
        .and_then(|node| Canaries::new(&strings(node, "ids"), &strings(node, "texts")).ok().map(Arc::new));
    let sizes = node.get("share").map(|node| entries(node, "of").collect::<Vec<_>>()).unwrap_or_default();
    let watch = Watch {
        sizes: sizes
            .into_iter()
            .filter_map(|(name, size)| Some((Glob::new(name).ok()?, number(size.text()?)?)))
            .collect(),
        canaries,
        raises: text(node, "mode") != Some("learn"),
        learning: duration(node, "learning").unwrap_or_default(),
        signals: parts.iter().map(|part| part.is.clone()).collect(),
    };
    (Some(watch), parts)
}
