//! The keys of `watch`: what a policy makes of requests that are unlike what their callers did before.

use super::scalar::Scalar;
use super::shape::{
    DURATION, Entry, MAY_LABELS, MAY_OPERATIONS, MAY_RESOURCES, MAY_SERVICES, MAY_UNLESS, MAY_WHO, Shape,
    Table, may, must, word,
};

/// What every signal says.
const EFFECT: Entry = must(
    "effect",
    &Shape::One(Scalar::Choice(word::SIGNAL_EFFECTS)),
    "raise: adds `risk` to the risk; hold: only after approval or under a live grant",
);
const POINTS: Entry =
    may("risk", &Shape::One(Scalar::Risk), "for raise: how much is added to the risk; default 20");

static FIRST_SEEN: Table = Table {
    name: "first_seen",
    about: "An operation that the caller never did at this service.",
    keys: &[EFFECT, POINTS, MAY_WHO, MAY_SERVICES, MAY_OPERATIONS, MAY_RESOURCES, MAY_LABELS, MAY_UNLESS],
};

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
            "for so long after watching began here, by the store's clock, nothing is raised; default: from the first request on it is",
        ),
        may(
            "first_seen",
            &Shape::Keys(&FIRST_SEEN),
            "an operation that the caller never did at this service",
        ),
    ],
};
