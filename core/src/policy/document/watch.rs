//! The keys of `watch`: what a policy makes of requests that are unlike what their callers did before.

use super::scalar::Scalar;
use super::shape::{
    COUNT, DURATION, Entry, MAY_LABELS, MAY_OPERATIONS, MAY_RESOURCES, MAY_SERVICES, MAY_UNLESS, MAY_WHO,
    Shape, TEXT, Table, may, must, word,
};

/// What every signal says.
const EFFECT: Entry = must(
    "effect",
    &Shape::One(Scalar::Choice(word::SIGNAL_EFFECTS)),
    "raise: adds `risk` to the risk; hold: only after approval or under a live grant",
);
const POINTS: Entry =
    may("risk", &Shape::One(Scalar::Risk), "for raise: how much is added to the risk; default 20");

/// A signal, with keys of its own beside those that all have.
macro_rules! signal {
    ($name:literal, $about:literal, $($own:expr),*) => {
        Table {
            name: $name,
            about: $about,
            keys: &[
                EFFECT,
                POINTS,
                $($own,)*
                MAY_WHO,
                MAY_SERVICES,
                MAY_OPERATIONS,
                MAY_RESOURCES,
                MAY_LABELS,
                MAY_UNLESS,
            ],
        }
    };
}

static FIRST_SEEN: Table = signal!("first_seen", "An operation that the caller never did at this service.",);

static BURST: Table = signal!(
    "burst",
    "An operation that the caller does far more often at this service than in the busiest hour before; that is forgotten by half with every week, and a burst makes twice as much usual and no more.",
    may("times", &COUNT, "so many times as often as in the busiest hour before; default 5"),
    may("floor", &COUNT, "so many in an hour are no burst in any case; default 100"),
    may("after", &DURATION, "so long after the first time nothing is a burst; default 24h")
);

static NEW_NETWORK: Table = signal!(
    "new_network",
    "A network (the first 24 bits of an IPv4 address, 48 of an IPv6 address) that the caller never came from; also where it is not known.",
);

static TWO_WORKLOADS: Table = signal!(
    "two_workloads",
    "A token or key that two senders use at once: workloads that somebody vouches for, or else addresses.",
    may(
        "within",
        &DURATION,
        "how long after one sender used it another one may not; at most 24h; default 10m"
    )
);

static SHARE: Table = signal!(
    "share",
    "A caller that had a large part of a collection within a day, however slowly: different ids of responses, counted as those of budgets are.",
    must(
        "of",
        &Shape::Named { key: Scalar::Glob, value: &COUNT },
        "collections, by name or pattern, each with how many items it holds"
    ),
    may("over", &Shape::One(Scalar::People), "how much is a large part, in percent; default 20")
);

static CANARY: Table = signal!(
    "canary",
    "An item that nobody has a reason to touch. In a request it is found before the verdict; found in a response, it counts for what the caller asks next.",
    may(
        "ids",
        &Shape::Many(&TEXT),
        "ids: looked for in the path and the JSON of requests, and among the ids of responses"
    ),
    may("texts", &Shape::Many(&TEXT), "texts: looked for in bodies of both directions"),
    may(
        "for",
        &DURATION,
        "for how long all that the caller asks afterwards counts as if it touched one; default 24h"
    )
);

pub(super) static WATCH: Table = Table {
    name: "watch",
    about: "What callers did before is remembered, and what they never did can raise the risk or hold. It never makes a verdict milder.",
    keys: &[
        may(
            "mode",
            &Shape::One(Scalar::Choice(word::WATCH_MODES)),
            "learn: only remembers, and raises nothing; default raise",
        ),
        may(
            "learning",
            &DURATION,
            "for so long after watching began here, by the store's clock, nothing is raised but by canaries; default: from the first request on it is",
        ),
        may(
            "first_seen",
            &Shape::Keys(&FIRST_SEEN),
            "an operation that the caller never did at this service",
        ),
        may("burst", &Shape::Keys(&BURST), "an operation that the caller does far more often than before"),
        may("new_network", &Shape::Keys(&NEW_NETWORK), "a network that the caller never came from"),
        may("share", &Shape::Keys(&SHARE), "a large part of a collection had by one caller within a day"),
        may("canary", &Shape::Keys(&CANARY), "an item that nobody has a reason to touch"),
        may("two_workloads", &Shape::Keys(&TWO_WORKLOADS), "a token or key that two senders use at once"),
    ],
};
