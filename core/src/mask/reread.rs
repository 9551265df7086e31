//! A second reading of what went out: whether any value survived the masking.
//!
//! It is given the bytes that left and nothing else; of the masking it shares the plan's entities, and no state. What a
//! transform itself writes (a label, a keyed token, a replacement) is no survivor.
//!
//! ```
//! use std::sync::Arc;
//! use wardline::{detect::entity, keys::Keys};
//! use wardline::mask::{Format, Plan, PlanSpec, Reread, Transform};
//!
//! let email = entity("email").unwrap();
//! let plan = Plan::compile(PlanSpec { entities: vec![(email, Transform::Redact)], ..PlanSpec::default() }).unwrap();
//! let mut reread = Reread::new(Arc::new(plan.to_reread().unwrap()), Format::Text, Keys::from_root([7; 32]));
//! reread.push(b"[EMAIL] and ada@example.org");
//! assert_eq!(reread.finish().unwrap().total(), 1);
//! ```

use std::sync::Arc;

use crate::keys::Keys;

use super::{Format, Masker, Plan, Report};

/// Reads what left.
#[derive(Debug)]
pub struct Reread {
    masker: Masker,
    /// What masking would have made of it: of no interest.
    aside: Vec<u8>,
    unreadable: bool,
}

impl Reread {
    /// For one body, by a plan that [`Plan::to_reread`] made.
    pub fn new(plan: Arc<Plan>, format: Format, keys: Keys) -> Self {
        Self {
            masker: Masker::new(plan, format, keys, None).observing(),
            aside: Vec::new(),
            unreadable: false,
        }
    }

    /// Reads bytes that left.
    pub fn push(&mut self, bytes: &[u8]) {
        self.aside.clear();
        self.unreadable |= self.masker.push(bytes, &mut self.aside).is_err();
    }

    /// What survived; `None` where what left could not be read.
    pub fn finish(mut self) -> Option<Report> {
        self.aside.clear();
        self.unreadable |= self.masker.finish(&mut self.aside).is_err();
        (!self.unreadable).then(|| self.masker.into_report())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::entity;
    use crate::mask::{PlanSpec, Transform};

    const PLANTED: [(&str, &str); 4] = [
        ("email", "rosa.lind@example.com"),
        ("credit_card", "5555 5555 5555 4444"),
        ("iban", "GB82WEST12345698765432"),
        ("us_ssn", "457-55-5462"),
    ];

    fn plan(names: &[&str]) -> Plan {
        let entities = names.iter().map(|name| (entity(name).unwrap(), Transform::Redact)).collect();
        Plan::compile(PlanSpec { entities, ..PlanSpec::default() }).unwrap()
    }

    fn masked(plan: Plan, format: Format, body: &str) -> Vec<u8> {
        let masker = Masker::new(Arc::new(plan), format, Keys::from_root([1; 32]), None);
        masker.whole([body.as_bytes()]).unwrap().0
    }

    fn survivors(body: &[u8], format: Format, chunk: usize) -> u64 {
        let all = plan(&PLANTED.map(|(name, _)| name)).to_reread().unwrap();
        let mut reread = Reread::new(Arc::new(all), format, Keys::from_root([2; 32]));
        body.chunks(chunk).for_each(|piece| reread.push(piece));
        reread.finish().unwrap().total()
    }

    /// Whatever masking leaves out, the second reading finds, in every format and however it left.
    #[test]
    fn each_transform_left_out_in_turn_is_counted() {
        for (left_out, _) in PLANTED {
            let names: Vec<&str> =
                PLANTED.map(|(name, _)| name).into_iter().filter(|n| *n != left_out).collect();
            let values: Vec<String> =
                PLANTED.iter().map(|(_, value)| format!("a {value} and {value} z")).collect();
            let json = serde_json::to_string(&values).unwrap();
            let events: String = values
                .iter()
                .flat_map(|value| value.as_bytes().chunks(5))
                .map(|piece| {
                    let text = std::str::from_utf8(piece).unwrap();
                    let data = serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}}]});
                    format!("data: {data}\n\n")
                })
                .collect();
            for (format, body) in
                [(Format::Text, values.join("\n")), (Format::Json, json), (Format::Sse, events)]
            {
                for chunk in [1, 7, 4_096] {
                    let left = masked(plan(&names), format, &body);
                    assert_eq!(survivors(&left, format, chunk), 2, "{left_out} in {format:?}");
                    let whole = masked(plan(&PLANTED.map(|(name, _)| name)), format, &body);
                    assert_eq!(survivors(&whole, format, chunk), 0, "{format:?}");
                }
            }
        }
    }

    #[test]
    fn what_a_transform_writes_survives_nothing() {
        let text = "password=hunter19x9";
        for transform in [Transform::Hash, Transform::Replace("swordfish99".to_owned()), Transform::Redact] {
            let password = entity("password").unwrap();
            let plan =
                Plan::compile(PlanSpec { entities: vec![(password, transform)], ..PlanSpec::default() })
                    .unwrap();
            let mut reread =
                Reread::new(Arc::new(plan.to_reread().unwrap()), Format::Text, Keys::from_root([1; 32]));
            reread.push(&masked(plan, Format::Text, text));
            assert_eq!(reread.finish().unwrap().total(), 0);
        }
    }

    #[test]
    fn what_cannot_be_read_proves_nothing() {
        let mut reread = Reread::new(
            Arc::new(plan(&["email"]).to_reread().unwrap()),
            Format::Json,
            Keys::from_root([1; 32]),
        );
        reread.push(b"{\"a\": tru");
        assert_eq!(reread.finish(), None);
    }
}
