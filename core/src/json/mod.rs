//! JSON read as bytes arrive: tokens with half-open byte spans, and patterns that say where one stands.
//!
//! Masking and classification must know exactly which bytes are which value, without building a tree and
//! without waiting for the end of a body. So this room reads strict JSON (RFC 8259) in one linear pass with no
//! recursion, and skips arrays of numbers (which is what embeddings are) at memory speed.
//!
//! ```
//! use wardline::json::{Path, PathSet, extract};
//! let paths = PathSet::new(vec![Path::parse("points[*].id").unwrap()]);
//! let found = extract(br#"{"points": [{"id": 7}, {"id": "x"}]}"#, &paths).unwrap();
//! let ids: Vec<_> = found.at(0).map(|value| value.text.as_ref()).collect();
//! assert_eq!(ids, ["7", "x"]);
//! ```

mod extract;
mod fault;
mod numbers;
mod path;
mod scanner;
mod set;
mod string;
mod unread;

pub use extract::{Extract, Value, ValueKind, extract};
pub use fault::{Fault, FaultCode};
pub use path::{Path, Segment};
pub use scanner::{Kind, Runs, Scanner, Step, Token};
pub use set::{Matcher, PathSet};
pub use string::{Decoded, escape_into};

/// How deep containers may be nested.
pub const MAX_DEPTH: usize = 128;

/// The most bytes inside a string that comes as one token; longer ones come in parts.
pub const LONG_STRING: usize = 64 * 1024;

/// The most bytes of one number.
pub const MAX_NUMBER: usize = 1_024;

/// From how many digits on the whole part of a number may be more than a quantity (a card, an account).
pub const LONG_DIGITS: usize = 9;
