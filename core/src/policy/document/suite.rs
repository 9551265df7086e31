//! What may stand where in a file of cases beside a policy.

use super::scalar::Scalar;
use super::shape::{COUNT, GRANT, NAME, OPERATIONS, Shape, TEXT, TIME, Table, may, must};

const VERDICTS: &[&str] = &["allow", "hold", "deny"];

/// The whole document.
pub(in crate::policy) static SUITE: Table = Table {
    name: "suite",
    about: "Requests, and what the policy must make of each.",
    keys: &[
        may(
            "policy",
            &TEXT,
            "the policy's file, relative to this one; NAME.yaml for NAME.test.yaml where absent",
        ),
        must("cases", &Shape::Many(&Shape::Keys(&CASE)), "the cases; each stands for itself"),
    ],
};

static CASE: Table = Table {
    name: "case",
    about: "One request, and what must become of it.",
    keys: &[
        must("name", &TEXT, "what it shows"),
        may("at", &TIME, "what time it is; 2026-01-01T12:00:00Z where absent"),
        may("from", &Shape::One(Scalar::Address), "the address that it comes from; unknown where absent"),
        may("who", &Shape::Keys(&CALLER), "who asks; nobody who was authenticated where absent"),
        may("grants", &Shape::Many(&Shape::Keys(&GRANT)), "grants beside those of the policy"),
        must("request", &Shape::Keys(&REQUEST), "what is asked"),
        may("response", &Shape::Keys(&RESPONSE), "what the service answers, where the request reaches it"),
        must("expect", &Shape::Keys(&EXPECT), "what must become of it"),
    ],
};

static CALLER: Table = Table {
    name: "caller",
    about: "Who asks, as the authenticating layer hands it over.",
    keys: &[
        must("subject", &Shape::One(Scalar::Person), "the caller's name"),
        may("groups", &Shape::Many(&NAME), "the caller's groups"),
        may("claims", &CLAIMS, "further claims, each with its value or a list of them"),
        may("via", &Shape::Many(&TEXT), "verified workloads that the request came through, nearest last"),
    ],
};

const CLAIMS: Shape = Shape::Named { key: Scalar::Text, value: &Shape::OneOrMany(Scalar::Text) };
const HEADERS: Shape = Shape::Named { key: Scalar::Header, value: &TEXT };

static REQUEST: Table = Table {
    name: "request",
    about: "A request over HTTP.",
    keys: &[
        may("method", &TEXT, "GET where absent"),
        must("url", &TEXT, "the whole URL, or path and query; its host chooses the service"),
        may(
            "headers",
            &HEADERS,
            "Content-Type is application/json where there is a body and no header says otherwise",
        ),
        may("body", &TEXT, "the body as it is sent"),
    ],
};

static RESPONSE: Table = Table {
    name: "response",
    about: "An answer over HTTP.",
    keys: &[
        may("status", &COUNT, "200 where absent"),
        may("headers", &HEADERS, "Content-Type is application/json where no header says otherwise"),
        must("body", &TEXT, "the body as it is sent"),
    ],
};

static EXPECT: Table = Table {
    name: "expect",
    about: "What must become of a request; what is not said may be anything.",
    keys: &[
        must("verdict", &Shape::One(Scalar::Choice(VERDICTS)), "what is decided"),
        may("code", &NAME, "why, e.g. default_deny"),
        may(
            "operations",
            &OPERATIONS,
            "what it does: each operation fits one of these, and each of these one",
        ),
        may("rules", &Shape::Many(&NAME), "the rules that decide, all of them"),
        may("request_body", &TEXT, "what the service gets"),
        may("response_body", &TEXT, "what the caller gets"),
    ],
};
