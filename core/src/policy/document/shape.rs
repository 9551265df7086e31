//! What may stand where in a policy: the one table that the reader, the hints and the JSON Schema follow.

use super::identity::IDENTITY;
use super::masks::{DETECTOR, MASK};
use super::scalar::Scalar;
use super::watch::WATCH;

/// The form of a value.
#[derive(Debug)]
pub(in crate::policy) enum Shape {
    /// A single value.
    One(Scalar),
    /// A list with at least one element.
    Many(&'static Shape),
    /// A map whose keys are known.
    Keys(&'static Table),
    /// A map whose keys are names that the policy chooses, with at least one entry.
    Named { key: Scalar, value: &'static Shape },
    /// A single value, or a map for what it cannot say.
    Either(Scalar, &'static Table),
    /// A single value, or a list of them.
    OneOrMany(Scalar),
}

/// The keys of a map.
#[derive(Debug)]
pub(in crate::policy) struct Table {
    /// Its name in the schema.
    pub(in crate::policy) name: &'static str,
    pub(in crate::policy) about: &'static str,
    pub(in crate::policy) keys: &'static [Entry],
}

/// One key.
#[derive(Debug)]
pub(in crate::policy) struct Entry {
    pub(in crate::policy) name: &'static str,
    pub(in crate::policy) about: &'static str,
    pub(in crate::policy) required: bool,
    pub(in crate::policy) shape: &'static Shape,
}

pub(super) const fn must(name: &'static str, shape: &'static Shape, about: &'static str) -> Entry {
    Entry { name, about, required: true, shape }
}

pub(super) const fn may(name: &'static str, shape: &'static Shape, about: &'static str) -> Entry {
    Entry { name, about, required: false, shape }
}

/// The names of the choices, here and in the reader.
pub(in crate::policy) mod word {
    pub(in crate::policy) const DEFAULTS: &[&str] = &["deny", "hold", "danger_allow"];
    pub(in crate::policy) const ALGORITHMS: &[&str] =
        &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];
    pub(in crate::policy) const MODES: &[&str] = &["enforce", "observe"];
    pub(in crate::policy) const ON_FAILURE: &[&str] = &["deny", "allow"];
    pub(in crate::policy) const REASONS: &[&str] = &["required", "optional"];
    pub(in crate::policy) const BOUND: &[&str] = &["required", "optional"];
    pub(in crate::policy) const EFFECTS: &[&str] = &["allow", "grant", "hold", "deny"];
    pub(in crate::policy) const BUDGET_EFFECTS: &[&str] = &["deny", "hold"];
    pub(in crate::policy) const SIGNAL_EFFECTS: &[&str] = &["raise", "hold"];
    pub(in crate::policy) const WATCH_MODES: &[&str] = &["raise", "learn"];
    pub(in crate::policy) const PER: &[&str] = &["caller", "all"];
    pub(in crate::policy) const SIDES: &[&str] = &["request", "response"];
    pub(in crate::policy) const UNMASKABLE: &[&str] = &["refuse", "pass"];
    pub(in crate::policy) const CASE: &[&str] = &["exact", "ignore"];
    pub(in crate::policy) const CAPTURE: &[&str] = &["masked"];
    pub(in crate::policy) const REREAD: &[&str] = &["always", "never"];
    pub(in crate::policy) const DIGESTS: &[&str] = &["changed", "always"];
    pub(in crate::policy) const EMBED: &[&str] = &["mask", "pass", "deny"];
    pub(in crate::policy) const FORMS: &[&str] = &["json", "slack", "teams"];
    pub(in crate::policy) const VECTORS: &[&str] = &["strip"];
    pub(in crate::policy) const TRANSFORMS: &[&str] = &[
        "observe",
        "date_shift",
        "generalise",
        "partial",
        "fpe",
        "token",
        "pseudonym",
        "hash",
        "keep_length",
        "redact",
        "drop",
        "deny",
    ];
    pub(in crate::policy) const SCOPES: &[&str] = &["policy", "tenant", "session"];
    pub(in crate::policy) const LASTING: &[&str] = &["policy", "tenant"];
    pub(in crate::policy) const LESS_EXACT: &[&str] = &["ip", "year", "age", "postcode", "coordinates"];
}

pub(super) const NAME: Shape = Shape::One(Scalar::Name);
pub(super) const TEXT: Shape = Shape::One(Scalar::Text);
pub(super) const DURATION: Shape = Shape::One(Scalar::Duration);
const THRESHOLD: Shape = Shape::One(Scalar::Threshold);
pub(super) const COUNT: Shape = Shape::One(Scalar::Count);
pub(super) const TIME: Shape = Shape::One(Scalar::Time);
pub(super) const HEADER: Shape = Shape::One(Scalar::Header);
const WHO: Shape = Shape::Many(&Shape::One(Scalar::Who));
const SERVICES: Shape = Shape::Many(&Shape::One(Scalar::Glob));
pub(super) const OPERATIONS: Shape = Shape::Many(&Shape::One(Scalar::Operation));
const RESOURCES: Shape = Shape::Many(&Shape::One(Scalar::Glob));

const LABELS: Shape = Shape::Many(&NAME);
const CLAIMS: Shape = Shape::Named { key: Scalar::Text, value: &Shape::Many(&Shape::One(Scalar::Glob)) };
const WORKLOADS: Shape = Shape::Many(&Shape::One(Scalar::Glob));
const NETWORKS: Shape = Shape::Many(&Shape::One(Scalar::Network));
const WINDOWS: Shape = Shape::Many(&Shape::One(Scalar::Window));

const WHO_ABOUT: &str = "whom it speaks of: user:NAME, user:PREFIX*, group:NAME, anonymous, or * for everybody, the unauthenticated included";

// Keys that several maps have.
static EXCEPTION: Shape = Shape::Keys(&UNLESS);
static OWN_APPROVAL: Shape = Shape::Keys(&APPROVAL);
pub(super) const MAY_WHO: Entry = may("who", &WHO, WHO_ABOUT);
pub(super) const MAY_SERVICES: Entry = may(
    "services",
    &SERVICES,
    "services of this policy, by name or pattern; all, and hosts that no service names, where absent",
);
pub(super) const MAY_OPERATIONS: Entry =
    may("operations", &OPERATIONS, "operations, by name or pattern; all where absent");
pub(super) const MAY_RESOURCES: Entry =
    may("resources", &RESOURCES, "names of collections, models, files, ...; all where absent");
pub(super) const MAY_LABELS: Entry =
    may("labels", &LABELS, "labels of this policy: what carries one of them");
pub(super) const MAY_CLAIMS: Entry = may(
    "claims",
    &CLAIMS,
    "claims that are vouched for, each with the values that fit, by name or pattern; all of them must fit, each by one of its values",
);
pub(super) const MAY_VIA: Entry = may(
    "via",
    &WORKLOADS,
    "workloads that the request came through, by name or pattern; one that is only claimed permits nothing",
);
pub(super) const MAY_NETWORKS: Entry = may(
    "networks",
    &NETWORKS,
    "addresses or networks that the request comes from; where that is not known, nothing is permitted",
);
pub(super) const MAY_WHEN: Entry = may(
    "when",
    &WINDOWS,
    "hours of the week in a time zone, such as mon-fri 22:00-06:00 Europe/Berlin; days are those that the hours begin on",
);
pub(super) const MAY_UNLESS: Entry = may("unless", &EXCEPTION, "an act that fits all of this is not meant");
const HOLD_APPROVAL: Entry =
    may("approval", &OWN_APPROVAL, "for hold: what differs from the policy's approval");
const HOLD_WAIT: Entry = may(
    "wait",
    &DURATION,
    "for hold: how long the connection may be parked for a decision; default: answer at once",
);
const MAY_BECAUSE: Entry = may("because", &TEXT, "shown to the caller");

/// A secret stands elsewhere.
pub(super) static SECRET: Table = Table {
    name: "secret",
    about: "Where a secret is kept: one of both.",
    keys: &[
        may("env", &Shape::One(Scalar::Variable), "the environment variable that holds it"),
        may("file", &TEXT, "the file (relative to this one) that holds it"),
    ],
};

/// How the log is kept.
static LOG: Table = Table {
    name: "log",
    about: "How the log of each process is signed and kept.",
    keys: &[
        may(
            "key",
            &Shape::Keys(&SECRET),
            "where the key is kept that signs the logs: 64 hexadecimal digits, or a signing key; default: each log makes its own",
        ),
        may(
            "rotate",
            &DURATION,
            "after how long another segment begins, beside 64 MiB: whole segments are what retention removes; default never",
        ),
    ],
};

/// Who is told of approvals and grants.
static NOTIFY: Table = Table {
    name: "notify",
    about: "A webhook that is told what happens to approvals and grants: names, amounts and states, no value of a request.",
    keys: &[
        must("name", &NAME, "its name"),
        must(
            "url",
            &Shape::Either(Scalar::Text, &SECRET),
            "where messages are posted: over https, or to this machine; where it is kept, if it is a secret",
        ),
        may(
            "events",
            &Shape::Many(&Shape::One(Scalar::Glob)),
            "approval.opened, approval.approved, approval.denied, approval.cancelled, approval.break_glass, approval.expired, grant.issued, grant.revoked, or patterns; all where absent",
        ),
        may(
            "form",
            &Shape::One(Scalar::Choice(word::FORMS)),
            "the form of the messages: json (CloudEvents 1.0), slack or teams; default json",
        ),
        may(
            "key",
            &Shape::Keys(&SECRET),
            "where the key is kept (whsec_ and base64) that messages are signed with, as Standard Webhooks says; json must have one",
        ),
        may(
            "console",
            &Shape::One(Scalar::Text),
            "the address of the console (wardline console serve --url): what waits for people is linked to there",
        ),
        may(
            "reader",
            &Shape::One(Scalar::Person),
            "the one person who reads the messages: the link answers as them, without signing in",
        ),
        may(
            "danger_plain_http",
            &Shape::One(Scalar::True),
            "messages may be posted unencrypted beyond this machine",
        ),
    ],
};

/// The whole document.
pub(in crate::policy) static POLICY: Table = Table {
    name: "policy",
    about: "A Wardline policy: who may do what at which service, what is held for people, and what is masked.",
    keys: &[
        must("version", &Shape::One(Scalar::Version), "the version of this format: 1"),
        may(
            "include",
            &Shape::Many(&TEXT),
            "further files (relative to this one) of the same format: lists grow, names join, and of single settings this file's counts",
        ),
        may(
            "state",
            &Shape::One(Scalar::State),
            "where grants, approvals and the log are kept: a folder (relative to this file), or memory; default ./state",
        ),
        may(
            "store",
            &Shape::Either(Scalar::StoreUrl, &SECRET),
            "a PostgreSQL that several machines share, for grants and approvals in place of the state folder's store: its URL, or where the URL is kept (with its password)",
        ),
        may("log", &Shape::Keys(&LOG), "how the log is signed and kept"),
        may(
            "identity",
            &Shape::Keys(&IDENTITY),
            "where a door takes the caller from when its host hands over none",
        ),
        may(
            "groups",
            &Shape::Named { key: Scalar::Name, value: &Shape::Many(&Shape::One(Scalar::Person)) },
            "people who may approve, by group; also usable as group:NAME in who",
        ),
        may(
            "default",
            &Shape::One(Scalar::Choice(word::DEFAULTS)),
            "what happens where no rule fits; default deny",
        ),
        may(
            "durable_from",
            &THRESHOLD,
            "from this risk on, a record is on disk before a request goes on; default 60",
        ),
        may(
            "thresholds",
            &Shape::Keys(&THRESHOLDS),
            "risks from which a request is held or denied whatever a rule says",
        ),
        may(
            "approval",
            &Shape::Keys(&APPROVAL),
            "what an approval takes, where a rule does not say otherwise",
        ),
        may(
            "catalogues",
            &Shape::Many(&TEXT),
            "files (relative to this one) in the format of core/data/catalogue: systems of your own, and further entries of those that are built in",
        ),
        may("notify", &Shape::Many(&Shape::Keys(&NOTIFY)), "who is told of approvals and grants"),
        must(
            "services",
            &Shape::Named { key: Scalar::Name, value: &Shape::Keys(&SERVICE) },
            "the services that are guarded, by name",
        ),
        may(
            "rules",
            &Shape::Many(&Shape::Keys(&RULE)),
            "what is allowed, granted, held or denied; the strictest fitting rule wins, whatever the order",
        ),
        may(
            "labels",
            &Shape::Named { key: Scalar::Name, value: &Shape::Keys(&LABEL) },
            "labels on resources, by name: what rules may speak of, and what raises the risk",
        ),
        may("grants", &Shape::Many(&Shape::Keys(&GRANT)), "standing grants, reviewed like code"),
        may(
            "granting",
            &Shape::Keys(&GRANTING),
            "what every grant keeps within that people issue or ask for",
        ),
        may(
            "budgets",
            &Shape::Many(&Shape::Keys(&BUDGET)),
            "how much may be had within a window, whatever single requests ask for",
        ),
        may(
            "watch",
            &Shape::Keys(&WATCH),
            "what callers did before is remembered, and what they never did can raise the risk or hold",
        ),
        may(
            "detectors",
            &Shape::Named { key: Scalar::Declared, value: &Shape::Keys(&DETECTOR) },
            "entities of this policy's own, by name: used in mask like those that are built in",
        ),
        may("mask", &Shape::Many(&Shape::Keys(&MASK)), "what must not pass in clear"),
    ],
};

static THRESHOLDS: Table = Table {
    name: "thresholds",
    about: "Risks from 0 to 100, or never. A grant satisfies hold, and nothing lifts deny.",
    keys: &[
        may("hold", &THRESHOLD, "held for approval from this risk on; default 80"),
        may("deny", &THRESHOLD, "denied from this risk on; default 96"),
    ],
};

static APPROVAL: Table = Table {
    name: "approval",
    about: "Who has to approve, and how long it holds.",
    keys: &[
        may(
            "steps",
            &Shape::Many(&Shape::Keys(&STEP)),
            "all of them are needed; a person counts towards one",
        ),
        may(
            "break_glass",
            &Shape::Many(&Shape::One(Scalar::Name)),
            "groups of which one person alone, with a reason, may let a request go on in an emergency, also their own; it is told and stays marked; default nobody",
        ),
        may("ttl", &DURATION, "how long a request may wait for a decision; default 1h"),
        may("usable_for", &DURATION, "how long after approval the request may be retried; default 15m"),
        may(
            "reason",
            &Shape::One(Scalar::Choice(word::REASONS)),
            "whether a vote needs a reason; default optional",
        ),
    ],
};

static STEP: Table = Table {
    name: "approval_step",
    about: "So many distinct people of any of these groups.",
    keys: &[
        must("from", &Shape::Many(&Shape::One(Scalar::Name)), "groups of this policy"),
        may("need", &Shape::One(Scalar::People), "how many people; default 1"),
    ],
};

static SERVICE: Table = Table {
    name: "service",
    about: "A service that is guarded.",
    keys: &[
        must(
            "system",
            &Shape::One(Scalar::System),
            "what it speaks: whose catalogue classifies its requests, the dialect of its statements, or shell for commands",
        ),
        may(
            "hosts",
            &Shape::Many(&Shape::One(Scalar::Glob)),
            "hosts that it answers to, with or without a port; default any",
        ),
        may(
            "base_path",
            &Shape::One(Scalar::BasePath),
            "the path that its interface stands under; default /",
        ),
        may(
            "mode",
            &Shape::One(Scalar::Choice(word::MODES)),
            "observe decides and records, but blocks and masks nothing; default enforce",
        ),
        may(
            "on_failure",
            &Shape::One(Scalar::Choice(word::ON_FAILURE)),
            "what an internal failure does to a request; default deny",
        ),
        may(
            "body_limit",
            &Shape::One(Scalar::Bytes),
            "at most so much of a body is read to judge a request; default 1MiB",
        ),
        may(
            "digests",
            &Shape::One(Scalar::Choice(word::DIGESTS)),
            "which bodies the record has the SHA-256 of: changed, those that masking may change and others of up to 16 KiB; always, all. Default changed",
        ),
        may("thresholds", &Shape::Keys(&THRESHOLDS), "instead of the policy's"),
        may("durable_from", &THRESHOLD, "instead of the policy's"),
        may(
            "sealed_for",
            &Shape::One(Scalar::Name),
            "of a service that requests go out to: the name that it has in its own identity.hops. They carry our seal",
        ),
    ],
};

static RULE: Table = Table {
    name: "rule",
    about: "One statement about who may do what. Every matcher that is given must fit.",
    keys: &[
        must("name", &NAME, "names it in records and explanations"),
        MAY_WHO,
        MAY_CLAIMS,
        MAY_VIA,
        MAY_NETWORKS,
        MAY_WHEN,
        MAY_SERVICES,
        MAY_OPERATIONS,
        MAY_RESOURCES,
        MAY_LABELS,
        may("risk", &Shape::Keys(&RISK), "fits acts of this final risk only"),
        may("magnitude", &Shape::Keys(&MAGNITUDE), "fits acts of this size only"),
        MAY_UNLESS,
        must(
            "effect",
            &Shape::One(Scalar::Choice(word::EFFECTS)),
            "allow; grant: only under a live grant; hold: only after approval or under a live grant; deny",
        ),
        HOLD_APPROVAL,
        HOLD_WAIT,
        MAY_BECAUSE,
    ],
};

static RISK: Table = Table {
    name: "risk",
    about: "A half-open range of risk.",
    keys: &[
        may("from", &Shape::One(Scalar::Risk), "at least this"),
        may("below", &Shape::One(Scalar::RiskEnd), "less than this"),
    ],
};

static MAGNITUDE: Table = Table {
    name: "magnitude",
    about: "How much an act touches. What nothing limits is over every bound.",
    keys: &[
        must("unit", &Shape::One(Scalar::Unit), "what is counted"),
        may("over", &Shape::One(Scalar::Bound), "more than this, or not known to be within"),
        may("up_to", &Shape::One(Scalar::Bound), "known to be at most this"),
    ],
};

static UNLESS: Table = Table {
    name: "unless",
    about: "An exception: what fits all of the given matchers is not meant.",
    keys: &[
        MAY_WHO,
        MAY_CLAIMS,
        MAY_VIA,
        MAY_NETWORKS,
        MAY_WHEN,
        MAY_SERVICES,
        MAY_OPERATIONS,
        MAY_RESOURCES,
        MAY_LABELS,
    ],
};

static LABEL: Table = Table {
    name: "label",
    about: "What carries a label, and what that adds to the risk.",
    keys: &[
        MAY_SERVICES,
        must("resources", &RESOURCES, "names of collections, models, files, ..., or patterns"),
        may("risk", &Shape::One(Scalar::Risk), "added to the risk of what is done to them; default 0"),
    ],
};

pub(super) static GRANT: Table = Table {
    name: "grant",
    about: "A standing grant. There is none without an end.",
    keys: &[
        must("name", &NAME, "names it in records"),
        must("who", &WHO, WHO_ABOUT),
        MAY_SERVICES,
        must("operations", &OPERATIONS, "operations, by name or pattern"),
        MAY_RESOURCES,
        may("from", &TIME, "when it begins"),
        may("when", &WINDOWS, "the hours of the week at which it can be used; always where absent"),
        must("until", &TIME, "when it ends"),
        may("uses", &COUNT, "how many requests it serves"),
        may(
            "quota",
            &Shape::Named { key: Scalar::Metered, value: &COUNT },
            "how much may leave under it: one of vectors, rows, bytes",
        ),
        may("because", &TEXT, "why"),
    ],
};

static GRANTING: Table = Table {
    name: "granting",
    about: "What every grant keeps within that people issue, hand on or ask for.",
    keys: &[
        may(
            "issuers",
            &Shape::Many(&NAME),
            "groups of this policy whose people issue grants and end those of others; whoever the host names, where absent",
        ),
        may("longest", &DURATION, "how long it lasts at most; default 366d"),
        may(
            "tickets",
            &Shape::Many(&Shape::One(Scalar::Glob)),
            "it names its ticket, which fits one of these patterns",
        ),
        may(
            "approval",
            &Shape::Keys(&APPROVAL),
            "for those that are asked for: what differs from the policy's approval",
        ),
    ],
};

static BUDGET: Table = Table {
    name: "budget",
    about: "At most so much of a collection within a window: different ids, or a sum. All fitting entries apply, each for every collection by itself.",
    keys: &[
        must("name", &NAME, "names it in records"),
        MAY_WHO,
        MAY_CLAIMS,
        MAY_VIA,
        MAY_NETWORKS,
        MAY_WHEN,
        MAY_SERVICES,
        must(
            "operations",
            &OPERATIONS,
            "operations, by name or pattern: counted is what a response carries, or what an upsert or an ingest brings",
        ),
        MAY_RESOURCES,
        MAY_LABELS,
        MAY_UNLESS,
        may(
            "ids",
            &COUNT,
            "how many different ids; a row without one counts as a new one. Exact to 4096, above with a standard error of 0.81 %. Either this or a quota",
        ),
        may(
            "quota",
            &Shape::Named { key: Scalar::Summed, value: &COUNT },
            "how much in all: one of vectors, rows, bytes, or calls (each act of a request is one)",
        ),
        must(
            "window",
            &DURATION,
            "within how long; the window rolls: what was had is forgotten when it is so long ago, or an eighth longer",
        ),
        may(
            "per",
            &Shape::One(Scalar::Choice(word::PER)),
            "caller: each has such a budget; all: those whom it speaks of share one; default caller",
        ),
        may(
            "effect",
            &Shape::One(Scalar::Choice(word::BUDGET_EFFECTS)),
            "where too little is left: deny; hold: only after approval or under a live grant, asked before a request that may bring more than is left; default deny",
        ),
        HOLD_APPROVAL,
        HOLD_WAIT,
        MAY_BECAUSE,
    ],
};
