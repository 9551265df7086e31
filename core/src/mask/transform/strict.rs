//! Which of two transforms hides more: so several mask entries become one.

use super::Transform;

impl Transform {
    /// How much a transform hides, in the order of the table above. A replacement text says what its author chose, so it
    /// shows more than a bare label; what nobody can have back hides more than what somebody can.
    pub(crate) fn strictness(&self) -> u8 {
        match self {
            Transform::Observe => 0,
            Transform::DateShift { .. } => 1,
            Transform::Generalise(_) => 2,
            Transform::Partial { .. } => 3,
            Transform::Fpe(_) => 4,
            Transform::Token(_) => 5,
            Transform::Pseudonym(_) => 6,
            Transform::Hash => 7,
            Transform::KeepLength => 8,
            Transform::Replace(_) => 9,
            Transform::Drop => 11,
            Transform::Deny => 12,
            // A new one that this table forgets is taken for the label.
            _ => 10,
        }
    }

    /// Of two of one kind: less kept, moved further, a scope that reaches less far.
    #[must_use]
    pub(crate) fn strictest(self, other: &Self) -> Self {
        match (&self, other) {
            (Transform::Partial { first: f1, last: l1 }, Transform::Partial { first: f2, last: l2 }) => {
                Transform::Partial { first: *f1.min(f2), last: *l1.min(l2) }
            }
            // Which of two texts does not matter, only that it is always the same one.
            (Transform::Replace(mine), Transform::Replace(others)) => {
                Transform::Replace(mine.min(others).clone())
            }
            (Transform::DateShift { days: d1, scope: s1 }, Transform::DateShift { days: d2, scope: s2 }) => {
                Transform::DateShift { days: *d1.max(d2), scope: *s1.max(s2) }
            }
            (Transform::Pseudonym(mine), Transform::Pseudonym(others)) => {
                Transform::Pseudonym(*mine.max(others))
            }
            (Transform::Fpe(mine), Transform::Fpe(others)) => Transform::Fpe(*mine.max(others)),
            (Transform::Token(mine), Transform::Token(others)) => Transform::Token(*mine.max(others)),
            // Two ways to tell less, of which neither tells less than the other: nothing is told.
            (Transform::Generalise(mine), Transform::Generalise(others)) if mine != others => {
                Transform::Redact
            }
            _ if self.strictness() >= other.strictness() => self,
            _ => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::{Generalised, Scope};

    #[test]
    fn the_stricter_transform_wins_from_either_side() {
        let partial = |first, last| Transform::Partial { first, last };
        let text = |t: &str| Transform::Replace(t.into());
        let shift = |days, scope| Transform::DateShift { days, scope };
        for (a, b, wins) in [
            (Transform::Drop, Transform::Redact, Transform::Drop),
            (shift(30, Scope::Policy), Transform::Observe, shift(30, Scope::Policy)),
            (Transform::Redact, text("x"), Transform::Redact),
            (text("x"), Transform::Hash, text("x")),
            (Transform::Hash, partial(0, 0), Transform::Hash),
            (partial(1, 4), partial(2, 0), partial(1, 0)),
            (text("b"), text("a"), text("a")),
            (Transform::Deny, Transform::Drop, Transform::Deny),
            (Transform::KeepLength, Transform::Hash, Transform::KeepLength),
            (Transform::Hash, Transform::Pseudonym(Scope::Session), Transform::Hash),
            (
                Transform::Pseudonym(Scope::Policy),
                Transform::Token(Scope::Tenant),
                Transform::Pseudonym(Scope::Policy),
            ),
            (Transform::Token(Scope::Policy), Transform::Fpe(Scope::Tenant), Transform::Token(Scope::Policy)),
            (Transform::Fpe(Scope::Policy), partial(0, 0), Transform::Fpe(Scope::Policy)),
            (partial(1, 1), Transform::Generalise(None), partial(1, 1)),
            (Transform::Generalise(None), shift(30, Scope::Policy), Transform::Generalise(None)),
            (shift(30, Scope::Session), shift(60, Scope::Policy), shift(60, Scope::Session)),
            (
                Transform::Pseudonym(Scope::Policy),
                Transform::Pseudonym(Scope::Tenant),
                Transform::Pseudonym(Scope::Tenant),
            ),
            (
                Transform::Token(Scope::Policy),
                Transform::Token(Scope::Tenant),
                Transform::Token(Scope::Tenant),
            ),
            (Transform::Generalise(None), Transform::Generalise(Some(Generalised::Age)), Transform::Redact),
        ] {
            assert_eq!(a.clone().strictest(&b), wins);
            assert_eq!(b.strictest(&a), wins);
        }
    }
}
