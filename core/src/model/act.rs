//! What a request does: an operation on a resource, how much of it, and how risky that is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Operation;
use crate::error::{Error, ErrorKind};

/// One thing that a request does. A batch, a script or a pipeline does several, and every one must pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// What is done.
    pub operation: Operation,
    /// To what: the name of the collection, model, file, ...; empty where the operation has no object.
    pub resource: String,
    /// How much of it.
    pub magnitude: Magnitude,
    /// Base risk, from the request alone and the same every time.
    pub risk: Risk,
}

impl Act {
    /// An act with the base risk of its operation and a magnitude of one.
    pub fn new(operation: Operation, resource: impl Into<String>) -> Self {
        Self {
            operation,
            resource: resource.into(),
            magnitude: Magnitude::default(),
            risk: operation.base_risk(),
        }
    }

    /// What no catalogue entry matches: never taken for a read.
    pub fn unknown() -> Self {
        let mut act = Self::new(Operation::Unknown, "");
        act.magnitude.count = None;
        act
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {:?} ({}, risk {})", self.operation, self.resource, self.magnitude, self.risk)
    }
}

/// Risk from 0 (none) to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Risk(u8);

impl Risk {
    /// No risk.
    pub const NONE: Self = Self(0);
    /// The highest risk.
    pub const MAX: Self = Self(100);

    /// A risk, capped at 100.
    pub const fn new(value: u8) -> Self {
        if value > 100 { Self(100) } else { Self(value) }
    }

    /// 0 to 100.
    pub const fn value(self) -> u8 {
        self.0
    }

    /// The sum, capped at 100.
    #[must_use]
    pub const fn plus(self, more: u8) -> Self {
        Self::new(self.0.saturating_add(more))
    }
}

impl<'de> Deserialize<'de> for Risk {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            value @ 0..=100 => Ok(Self(value)),
            _ => Err(serde::de::Error::custom("expected a risk from 0 to 100")),
        }
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// How much an act touches. `count: None` is unbounded: nothing in the request limits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Magnitude {
    /// What is counted; `None` for operations without a countable object.
    pub unit: Option<Unit>,
    /// How many at most; `None` where nothing in the request limits it.
    pub count: Option<u64>,
}

impl Default for Magnitude {
    fn default() -> Self {
        Self { unit: None, count: Some(1) }
    }
}

impl Magnitude {
    /// At most `count` of `unit`.
    pub const fn of(unit: Unit, count: u64) -> Self {
        Self { unit: Some(unit), count: Some(count) }
    }

    /// Any number of `unit`.
    pub const fn unbounded(unit: Unit) -> Self {
        Self { unit: Some(unit), count: None }
    }

    /// Whether it may exceed `limit`; an unbounded magnitude always may.
    pub fn exceeds(self, limit: u64) -> bool {
        self.count.is_none_or(|count| count > limit)
    }
}

impl fmt::Display for Magnitude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            Some(count) => write!(f, "{count}")?,
            None => f.write_str("unbounded")?,
        }
        self.unit.map_or(Ok(()), |unit| write!(f, " {unit}"))
    }
}

macro_rules! units {
    ($($variant:ident: $name:literal;)*) => {
        /// What a magnitude counts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Unit { $(#[doc = $name] $variant,)* }

        impl Unit {
            /// Every unit.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name that policies use.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }

        impl FromStr for Unit {
            type Err = Error;
            fn from_str(name: &str) -> Result<Self, Error> {
                match name {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(Error::new(ErrorKind::Input, "expected a unit such as vectors, rows or bytes")),
                }
            }
        }
    };
}

units! {
    Bytes: "bytes";
    Calls: "calls";
    Collections: "collections";
    Documents: "documents";
    Files: "files";
    Inputs: "inputs";
    Jobs: "jobs";
    Keys: "keys";
    Models: "models";
    Rows: "rows";
    Tokens: "tokens";
    Vectors: "vectors";
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
