//! What may stand where in the part about callers.

use super::scalar::Scalar;
use super::shape::{DURATION, HEADER, SECRET, Shape, TEXT, TIME, Table, may, must, word};

pub(super) static IDENTITY: Table = Table {
    name: "identity",
    about: "What names the caller. A request that brings two of these is refused.",
    keys: &[
        may(
            "headers",
            &Shape::Keys(&HEADERS),
            "headers that an authenticating proxy sets, believed from named peers only",
        ),
        may(
            "trusted_peers",
            &Shape::Many(&Shape::One(Scalar::Network)),
            "addresses or networks of the socket's peer that are believed; of others these headers are taken out",
        ),
        may(
            "tokens",
            &Shape::Many(&Shape::Keys(&TOKENS)),
            "issuers whose signed tokens (JWT) are taken in Authorization: Bearer",
        ),
        may(
            "certificates",
            &Shape::Keys(&CERTIFICATES),
            "client certificates: they name workloads, alone as the caller, beside another source as a hop",
        ),
        may("api_keys", &Shape::Keys(&API_KEYS), "keys that callers present as they are"),
        may(
            "hops",
            &Shape::Keys(&HOPS),
            "seals (Wardline-Hop) that say which guarded services a request came through. They add to the other sources",
        ),
    ],
};

static HOPS: Table = Table {
    name: "hops",
    about: "This service among those that seal the requests they pass on, and whose seals it takes.",
    keys: &[
        must(
            "name",
            &Shape::One(Scalar::Name),
            "the name of this service; where it has credentials, their subject",
        ),
        may(
            "key",
            &Shape::Keys(&SECRET),
            "where its key is kept; default one that is drawn from the keys of the state folder (`wardline hop-key` tells its public half)",
        ),
        may("lifetime", &DURATION, "how long its seals hold, at most 1h; default 60s"),
        may("peers", &Shape::Many(&Shape::Keys(&HOP_PEER)), "services whose seals are taken"),
    ],
};

static HOP_PEER: Table = Table {
    name: "hop_peer",
    about: "A service whose seals are taken.",
    keys: &[
        must("key", &TEXT, "its public key, as `wardline hop-key` tells it there: name+id+base64"),
        may(
            "begins",
            &Shape::One(Scalar::True),
            "it authenticates callers, so its seals may begin for others than itself",
        ),
    ],
};

static TOKENS: Table = Table {
    name: "tokens",
    about: "An issuer of signed tokens: OpenID Connect, RFC 9068, transaction tokens. Actors (RFC 8693) become hops.",
    keys: &[
        must("issuer", &TEXT, "its name, as the claim iss gives it"),
        must(
            "audience",
            &Shape::Many(&TEXT),
            "whom its tokens are for: one of these must stand in the claim aud",
        ),
        must(
            "keys",
            &Shape::Either(Scalar::Text, &KEY_SET),
            "its JSON Web Key Set: a file, relative to this one, or where it is fetched",
        ),
        may(
            "algorithms",
            &Shape::Many(&Shape::One(Scalar::Choice(word::ALGORITHMS))),
            "what they may be signed with; default RS256, PS256, ES256 and EdDSA",
        ),
        may("subject", &TEXT, "the claim that names the caller; default sub"),
        may(
            "groups",
            &Shape::Many(&TEXT),
            "claims whose values are groups, such as groups or realm_access.roles",
        ),
        may("claims", &Shape::Many(&TEXT), "claims that rules may speak of"),
        may(
            "bound",
            &Shape::One(Scalar::Choice(word::BOUND)),
            "required: only tokens that are bound to a certificate (RFC 8705) or a key (DPoP) are taken; default optional",
        ),
        may("leeway", &DURATION, "by how much clocks may differ; default 60s"),
    ],
};

static CERTIFICATES: Table = Table {
    name: "certificates",
    about: "Client certificates, which the host or a proxy has verified.",
    keys: &[
        may(
            "trust_domains",
            &Shape::Many(&Shape::One(Scalar::Name)),
            "SPIFFE trust domains whose workloads are taken; without, certificates only show whose token it is",
        ),
        may(
            "header",
            &HEADER,
            "the header in which trusted_peers hand certificates on, written as x-forwarded-client-cert of Envoy",
        ),
    ],
};

static KEY_SET: Table = Table {
    name: "key_set",
    about: "A JSON Web Key Set that is fetched while the guard runs. Tokens are refused until it is there, and when it could not be fetched for a day.",
    keys: &[
        must("url", &TEXT, "its address, such as https://id.example.org/jwks.json"),
        may(
            "every",
            &DURATION,
            "how often it is fetched; default 5m. A token of a key that is not in it has it fetched within ten seconds",
        ),
        may("danger_plain_http", &Shape::One(Scalar::True), "fetch it without TLS from beyond this machine"),
    ],
};

static API_KEYS: Table = Table {
    name: "api_keys",
    about: "Keys of callers, kept as digests. They must be random.",
    keys: &[
        may("header", &HEADER, "the header that carries them; default x-api-key"),
        must(
            "keys",
            &Shape::Named { key: Scalar::Person, value: &Shape::Keys(&API_KEY) },
            "by the name of who holds it",
        ),
    ],
};

static API_KEY: Table = Table {
    name: "api_key",
    about: "A key of a caller.",
    keys: &[
        must("sha256", &Shape::One(Scalar::Digest), "SHA-256 of the key, in hexadecimal digits"),
        may("groups", &Shape::Many(&Shape::One(Scalar::Name)), "the groups of who holds it"),
        may("until", &TIME, "when it ends"),
    ],
};

static HEADERS: Table = Table {
    name: "identity_headers",
    about: "The names of the headers.",
    keys: &[
        must("subject", &HEADER, "carries the caller's name"),
        may("groups", &HEADER, "carries the caller's groups, separated by commas"),
        may(
            "address",
            &HEADER,
            "carries the caller's address, such as x-forwarded-for: the last one that is no trusted peer's counts",
        ),
        may("session", &HEADER, "joins the exchanges of one session"),
    ],
};
