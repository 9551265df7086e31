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

mod path;

pub use path::{Path, Segment};
