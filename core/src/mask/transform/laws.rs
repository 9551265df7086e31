//! What holds for every transform, whatever it is given: valid JSON stays valid, every cut gives the same bytes and the same report,
//! nothing of a value that is hidden whole is left, and what can be had back comes back.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::detect::entity;
use crate::json::Path;
use crate::keys::Keys;
use crate::mask::{Format, Masker, Plan, PlanSpec};

const ENTITIES: [&str; 6] = ["email", "phone", "credit_card", "iban", "ipv4", "date_of_birth"];

fn every() -> Vec<Transform> {
    let mut all = vec![
        Transform::Redact,
        Transform::Partial { first: 1, last: 2 },
        Transform::Hash,
        Transform::Drop,
        Transform::Replace("someone \"else\"".to_owned()),
        Transform::KeepLength,
        Transform::DateShift { days: 30, scope: Scope::Policy },
        Transform::Generalise(None),
        Transform::Fpe(Scope::Policy),
        Transform::Token(Scope::Tenant),
    ];
    all.extend(Scope::ALL.map(Transform::Pseudonym));
    all
}

fn plan(transform: &Transform) -> Arc<Plan> {
    let entities = ENTITIES.map(|name| (entity(name).unwrap(), transform.clone())).to_vec();
    let fields = vec![(Path::parse("**.secret").unwrap(), transform.clone())];
    Arc::new(Plan::compile(PlanSpec { entities, fields, ..PlanSpec::default() }).unwrap())
}

fn scopes() -> Scopes {
    Scopes { exchange: "rec_1".into(), session: Some("ses_1".into()), tenant: Some("north".into()) }
}

fn keys() -> Keys {
    Keys::from_root([7; 32])
}

fn masked(plan: &Arc<Plan>, format: Format, body: &[u8], chunk: usize) -> Vec<u8> {
    let masker = Masker::new(plan.clone(), format, keys(), None).within(scopes());
    let (out, _) = masker.whole(body.chunks(chunk)).unwrap();
    out
}

fn body(values: &[String]) -> String {
    let [email, phone, card, iban, ip, born] = values else { panic!("one value an entity") };
    serde_json::json!({
        "note": format!("write to {email} or call {phone}, card {card}; {iban} from {ip}, born on {born}."),
        email: {"secret": card, "dateOfBirth": born},
        "rows": [{"secret": 4_111_111_111_111_u64}, {"secret": ["a", {"b": null}]}, {"secret": email}],
        "vector": [0.25, -1.5e-3],
    })
    .to_string()
}

fn values() -> impl Strategy<Value = Vec<String>> {
    let digits = |n| prop::collection::vec(0_u8..10, n);
    let figures = |digits: &[u8]| digits.iter().map(|d| char::from(b'0' + d)).collect::<String>();
    ("[a-z]{2,9}\\.[a-z]{2,9}", digits(7_usize), digits(11_usize), 1_u8..255, 1_u8..29, 1940_u16..2005)
        .prop_map(move |(name, phone, card, octet, day, year)| {
            let card: Vec<u8> = [4, 1, 1, 1].into_iter().chain(card).collect();
            let check = digits::luhn(&card);
            vec![
                format!("{name}@example.com"),
                format!("+49 171 {}", figures(&phone)),
                format!("{}{check}", figures(&card)),
                "GB82 WEST 1234 5698 7654 32".to_owned(),
                format!("198.51.100.{octet}"),
                format!("{year}-07-{day:02}"),
            ]
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn json_stays_json_at_every_cut(values in values(), chunk in 1_usize..40) {
        let body = body(&values);
        for transform in every() {
            let plan = plan(&transform);
            let whole = masked(&plan, Format::Json, body.as_bytes(), usize::MAX);
            prop_assert_eq!(&masked(&plan, Format::Json, body.as_bytes(), chunk), &whole, "{:?}", transform);
            let read: Json = serde_json::from_slice(&whole).unwrap();
            prop_assert_eq!(&read["vector"], &serde_json::json!([0.25, -1.5e-3]), "{:?}", transform);
            let text = String::from_utf8(whole).unwrap();
            prop_assert!(!text.contains(&values[0]) && !text.contains(&values[2]), "{:?}: {}", transform, text);
        }
    }

    #[test]
    fn text_is_the_same_at_every_cut(values in values(), chunk in 1_usize..40) {
        let body = format!("tel {} card {}\nfrom {}\nborn {}", values[1], values[2], values[4], values[5]);
        for transform in every() {
            let plan = plan(&transform);
            let whole = masked(&plan, Format::Text, body.as_bytes(), usize::MAX);
            prop_assert_eq!(masked(&plan, Format::Text, body.as_bytes(), chunk), whole, "{:?}", transform);
        }
    }

    #[test]
    fn what_can_be_had_back_comes_back(values in values()) {
        let written = |transform: &Transform, name: &str, value: &str| {
            let entities = vec![(entity(name).unwrap(), transform.clone())];
            let plan = Arc::new(Plan::compile(PlanSpec { entities, ..PlanSpec::default() }).unwrap());
            String::from_utf8(masked(&plan, Format::Text, value.as_bytes(), usize::MAX)).unwrap()
        };
        for (name, value) in [("email", &values[0]), ("credit_card", &values[2]), ("phone", &values[1])] {
            let token = written(&Transform::Token(Scope::Tenant), name, value);
            let opened = unmask(Hidden::Token(&token), &keys(), &scopes()).unwrap();
            prop_assert_eq!((opened.entity.as_str(), &opened.value), (name, value));
        }
        for (entity, value) in [("credit_card", &values[2]), ("phone", &values[1])] {
            let text = written(&Transform::Fpe(Scope::Policy), entity, value);
            prop_assert!(&text != value);
            let hidden = Hidden::Digits { entity, text: &text, scope: Scope::Policy };
            prop_assert_eq!(&unmask(hidden, &keys(), &scopes()).unwrap().value, value);
        }
    }
}

/// Two names of one object stay two under every transform that writes something.
#[test]
fn names_stay_apart() {
    let body = br#"{"ada@example.org":1,"bob@example.org":2}"#;
    for transform in every() {
        let masked = masked(&plan(&transform), Format::Json, body, usize::MAX);
        let text = String::from_utf8(masked).unwrap();
        let read: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(read.as_object().unwrap().len(), 2, "{transform:?}: {text}");
        assert!(!text.contains("@example.org"), "{transform:?}: {text}");
    }
}

#[test]
fn what_must_not_pass_at_all_stops_the_body_and_nothing_of_the_piece_leaves() {
    let plan = plan(&Transform::Deny);
    for (format, body) in [
        (Format::Json, r#"{"a":"ok","b":"ask ada@example.org"}"#),
        (Format::Json, r#"{"secret":{"deep":[1]}}"#),
        (Format::Text, "ask ada@example.org today"),
        (Format::Form, "q=ada%40example.org"),
    ] {
        let mut masker = Masker::new(plan.clone(), format, keys(), None);
        let mut out = Vec::new();
        let refused =
            masker.push(body.as_bytes(), &mut out).and_then(|_| masker.finish(&mut out)).unwrap_err();
        assert_eq!(refused.code, crate::json::FaultCode::Denied, "{body}");
        assert!(!String::from_utf8_lossy(&out).contains("ada"), "{body}");
        assert_eq!(masker.report().total(), 1);
        let mut observer = Masker::new(plan.clone(), format, keys(), None).observing();
        observer.push(body.as_bytes(), &mut Vec::new()).unwrap();
        observer.finish(&mut Vec::new()).unwrap();
        assert_eq!(observer.report().total(), 1, "{body}");
    }
}

/// M04: one value has one pseudonym within a request and its session, and not beyond.
#[test]
fn a_pseudonym_is_one_within_its_scope() {
    let body = br#"{"messages":[{"content":"rosa.lind@example.com and Rosa.Lind@example.com"},{"content":"again rosa.lind@example.com; tom.ek@example.org"}]}"#;
    let entities = vec![(entity("email").unwrap(), Transform::Pseudonym(Scope::Session))];
    let plan = Arc::new(Plan::compile(PlanSpec { entities, ..PlanSpec::default() }).unwrap());
    let seen = |scopes: Scopes| {
        let masker = Masker::new(plan.clone(), Format::Json, keys(), None).within(scopes);
        let (out, _) = masker.whole([body.as_slice()]).unwrap();
        let text = String::from_utf8(out).unwrap();
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '@' | '.')));
        words.filter(|word| word.ends_with("@example.invalid")).map(str::to_owned).collect::<Vec<_>>()
    };
    let first = seen(scopes());
    assert_eq!(first.len(), 4);
    assert!(first[0] == first[1] && first[1] == first[2] && first[2] != first[3]);
    assert_eq!(seen(Scopes { exchange: "rec_2".into(), ..scopes() }), first);
    assert_ne!(seen(Scopes { session: Some("ses_2".into()), ..scopes() }), first);
}
