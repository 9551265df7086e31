//! What may stand where in mask entries and in the declarations of entities.

use super::scalar::Scalar;
use super::shape::{
    MAY_CLAIMS, MAY_LABELS, MAY_NETWORKS, MAY_OPERATIONS, MAY_RESOURCES, MAY_SERVICES, MAY_UNLESS, MAY_VIA,
    MAY_WHEN, MAY_WHO, NAME, Shape, TEXT, Table, may, must, word,
};

pub(super) static DETECTOR: Table = Table {
    name: "detector",
    about: "One of pattern, words, keys and calls: how values of this entity are found.",
    keys: &[
        may(
            "pattern",
            &TEXT,
            "a regular expression, of bytes, without Unicode classes. It matches at least one character; a value that does not show itself within 1 KiB is none",
        ),
        may("words", &Shape::Many(&TEXT), "words and texts of up to 256 bytes, found where they stand whole"),
        may(
            "case",
            &Shape::One(Scalar::Choice(word::CASE)),
            "for words: whether capital and small letters are the same; default exact",
        ),
        may(
            "keys",
            &Shape::Many(&Shape::One(Scalar::Glob)),
            "names or patterns of JSON members, form fields and columns, case ignored: the whole text or number under them is the value",
        ),
        may(
            "calls",
            &NAME,
            "a detector that the host brings under this name; where it fails, nothing passes",
        ),
        may(
            "label",
            &TEXT,
            "for calls: what the detector calls this entity, such as PERSON; all that it sees where absent",
        ),
        may(
            "check",
            &Shape::Many(&TEXT),
            "for pattern: schemes that the letters and digits of the value must all pass: luhn, verhoeff, mod11_10, or a line such as number 0..9 mod 97 minus at 9..11",
        ),
        may(
            "near",
            &Shape::Many(&TEXT),
            "for pattern and words: words of which one must stand within 64 bytes, or in the name that the text stands under",
        ),
        may(
            "rank",
            &Shape::One(Scalar::Rank),
            "of two values in one place the one of higher rank counts, then the longer; default 60, that of an e-mail address; cards have 70, keys 80 and more, telephone numbers 30",
        ),
    ],
};

pub(super) static MASK: Table = Table {
    name: "mask",
    about: "Values that must not pass in clear. All fitting entries apply; for one value the strictest transform wins.",
    keys: &[
        must("name", &NAME, "names it in records"),
        MAY_WHO,
        MAY_CLAIMS,
        MAY_VIA,
        MAY_NETWORKS,
        MAY_WHEN,
        MAY_SERVICES,
        MAY_OPERATIONS,
        MAY_RESOURCES,
        MAY_LABELS,
        MAY_UNLESS,
        may("in", &Shape::Many(&Shape::One(Scalar::Choice(word::SIDES))), "which bodies; default both"),
        may(
            "entities",
            &Shape::Named { key: Scalar::Entity, value: &TRANSFORM },
            "values found by what they look like: an entity (also of `detectors`), a group of entities, or * for all others",
        ),
        may(
            "within",
            &Shape::Many(&Shape::One(Scalar::FieldPath)),
            "in which fields of a JSON body, a form or a table its entities count, with all that is in them; a text without fields is read whole; default everywhere",
        ),
        may(
            "fields",
            &Shape::Named { key: Scalar::FieldPath, value: &TRANSFORM },
            "values found by where they stand in a JSON body",
        ),
        may(
            "vectors",
            &Shape::One(Scalar::Choice(word::VECTORS)),
            "strip: what carries vectors by the catalogue is left out of responses, and requests no longer ask for it; what cannot be stripped is refused",
        ),
        may(
            "except",
            &Shape::Many(&TEXT),
            "values that are none of these entities, each exactly as it stands: they pass, unless another entry names the entity without them",
        ),
        may(
            "embed",
            &Shape::One(Scalar::Choice(word::EMBED)),
            "what is sent to be embedded: mask changes the vector, pass leaves it as it is and counts, deny refuses; default mask",
        ),
        may(
            "unmaskable",
            &Shape::One(Scalar::Choice(word::UNMASKABLE)),
            "a body that needed masking and could not be masked; default refuse",
        ),
        may(
            "reread",
            &Shape::One(Scalar::Choice(word::REREAD)),
            "whether what left is read once more, so that the record says what survived; default never",
        ),
        may(
            "capture",
            &Shape::One(Scalar::Choice(word::CAPTURE)),
            "masked: the first 256 KiB of each body that this entry masks are kept as they left, sealed under a key of the caller; default not",
        ),
    ],
};

static TRANSFORM: Shape = Shape::Either(Scalar::Choice(word::TRANSFORMS), &TRANSFORM_MAP);

static TRANSFORM_MAP: Table = Table {
    name: "transform",
    about: "One transform with its settings.",
    keys: &[
        may("replace", &TEXT, "this text instead of the value"),
        may("partial", &Shape::Keys(&PARTIAL), "some characters at the ends, stars between"),
        may("pseudonym", &Shape::Keys(&PSEUDONYM), "a value of the same type that nobody has"),
        may("date_shift", &Shape::Keys(&DATE_SHIFT), "the date, some days off"),
        may("generalise", &Shape::Keys(&GENERALISE), "a less exact value"),
        may(
            "fpe",
            &Shape::Keys(&REVERSIBLE),
            "other digits, which who has a grant can have turned back (NIST SP 800-38G FF1)",
        ),
        may("token", &Shape::Keys(&REVERSIBLE), "a token, which who has a grant can have opened (AES-SIV)"),
    ],
};

static PSEUDONYM: Table = Table {
    name: "pseudonym",
    about: "How far one value has one pseudonym.",
    keys: &[must(
        "scope",
        &Shape::One(Scalar::Choice(word::SCOPES)),
        "session, tenant (callers with the same claim `tenant`) or policy; session where only the word stands",
    )],
};

static DATE_SHIFT: Table = Table {
    name: "date_shift",
    about: "By how much dates are moved, and which by the same number of days.",
    keys: &[
        may("days", &Shape::One(Scalar::Days), "at most so many, in either direction; default 180"),
        may("scope", &Shape::One(Scalar::Choice(word::SCOPES)), "session, tenant or policy; default session"),
    ],
};

static GENERALISE: Table = Table {
    name: "generalise",
    about: "How a value is made less exact.",
    keys: &[must(
        "as",
        &Shape::One(Scalar::Choice(word::LESS_EXACT)),
        "ip: a network; year: of a date; age: ten years; postcode: its district; coordinates: to about 11 km",
    )],
};

static REVERSIBLE: Table = Table {
    name: "reversible",
    about: "Who can have the value back, given a grant.",
    keys: &[must(
        "scope",
        &Shape::One(Scalar::Choice(word::LASTING)),
        "tenant: callers with the same claim `tenant`; policy: all; policy where only the word stands",
    )],
};

static PARTIAL: Table = Table {
    name: "partial",
    about: "How many characters stay.",
    keys: &[
        may("first", &Shape::One(Scalar::Kept), "at the start; default 0"),
        may("last", &Shape::One(Scalar::Kept), "at the end; default 0"),
    ],
};
