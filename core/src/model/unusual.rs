//! What a caller never did before, or not like this.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Operation, Text};

/// One way in which a request is unlike what its caller did before, and what the policy makes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unusual {
    /// Which, e.g. `first_seen`.
    pub signal: Text,
    /// The operation that it is about; `None` where it is about the caller, and so about all that the request does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// What it adds to the risk.
    #[serde(default, skip_serializing_if = "is_none")]
    pub points: u8,
    /// Whether it holds the request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub holds: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_none(points: &u8) -> bool {
    *points == 0
}

/// For people, without the caller's name.
impl fmt::Display for Unusual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = self.operation.map_or("this", Operation::name);
        match &*self.signal {
            "first_seen" => write!(f, "first time that this caller does {operation} here")?,
            "burst" => write!(f, "this caller does {operation} far more often than in any hour before")?,
            "new_network" => f.write_str("first time that this caller comes from this network")?,
            "two_workloads" => f.write_str("the caller's token or key is used from two places at once")?,
            "share" => f.write_str("this caller had a large part of the collection within a day")?,
            "canary" => f.write_str("it touches a canary")?,
            "canary_before" => f.write_str("this caller touched a canary in an earlier request")?,
            "history_away" => {
                f.write_str("what other processes saw lately is not known, for the store is away")?
            }
            other => f.write_str(other)?,
        }
        match (self.points, self.holds) {
            (0, false) => Ok(()),
            (0, true) => f.write_str(": held"),
            (points, _) => write!(f, ": +{points} risk"),
        }
    }
}

impl Unusual {
    /// Whether it is about such an act.
    pub fn concerns(&self, operation: Operation) -> bool {
        self.operation.is_none_or(|own| own == operation)
    }
}
