//! How magnitude raises risk. One rule for all operations:
//!
//! | magnitude | adds |
//! |---|---|
//! | below the unit's ordinary size | 0 |
//! | at least 1, 10, 100 times the ordinary size | 5, 10, 15 |
//! | unbounded | 20 |
//!
//! The ordinary size is 1,000; for tokens 100,000. `inference.*` is never raised: volume is what an inference service is
//! for, and quotas count it. Neither are bytes: a request does not say how many it takes, and the base risk of a
//! download stands for the whole file. The sum is capped at 100 and never falls as the magnitude grows.

use crate::model::{Magnitude, Operation, Risk, Unit};

/// The base risk of an act: `base` of its entry or operation, raised by how much it touches.
pub fn raised(operation: Operation, base: Risk, magnitude: Magnitude) -> Risk {
    base.plus(more(operation, magnitude))
}

fn more(operation: Operation, magnitude: Magnitude) -> u8 {
    let Some(unit) = magnitude.unit else { return 0 };
    let ordinary = ordinary(unit);
    let more = match magnitude.count {
        Some(count) if count < ordinary => return 0,
        Some(count) if count < 10 * ordinary => 5,
        Some(count) if count < 100 * ordinary => 10,
        Some(_) => 15,
        None => 20,
    };
    let counted_elsewhere = unit == Unit::Bytes || operation.name().starts_with("inference.");
    if counted_elsewhere { 0 } else { more }
}

/// What one request of an ordinary client stays below.
fn ordinary(unit: Unit) -> u64 {
    match unit {
        Unit::Tokens => 100_000,
        _ => 1_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_table_above_holds() {
        let risk = |count| {
            let magnitude = Magnitude { unit: Some(Unit::Vectors), count };
            raised(Operation::VectorDelete, Operation::VectorDelete.base_risk(), magnitude).value()
        };
        let steps = [Some(999), Some(1_000), Some(10_000), Some(100_000), None].map(risk);
        assert_eq!(steps, [65, 70, 75, 80, 85]);
    }

    proptest! {
        #[test]
        fn more_is_never_safer(at in 0..Operation::ALL.len(), base in 0_u8..=100, a: u64, b: u64) {
            let operation = Operation::ALL[at];
            let risk = |count| raised(operation, Risk::new(base), Magnitude { unit: operation.unit(), count });
            let (less, more) = (a.min(b), a.max(b));
            prop_assert!(risk(Some(less)) <= risk(Some(more)));
            prop_assert!(risk(Some(more)) <= risk(None));
        }
    }
}
