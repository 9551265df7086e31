//! Vectors, rows and ids, counted as the bytes pass.
//!
//! Any array of numbers may or may not be a vector: distances, token ids and log probabilities are arrays too. So the
//! catalogue names, for each kind of body, the places where vectors, rows and ids stand ([`Paths`]); a [`Counter`]
//! follows the document and counts what stands there, in any encoding.
//!
//! ```
//! use wardline::vector::{Counter, Paths};
//! static SCROLL: Paths = Paths { vectors: &["points[*].vector"], rows: &["points[*]"], ids: &["points[*].id"] };
//! let counter = Counter::new(&SCROLL).unwrap();
//! assert!(counter.census().is_empty());
//! ```

mod counter;

pub use counter::{Counter, Places, Scalar};

/// Where one kind of body carries vectors, rows and ids: [`json::Path`](crate::json::Path) patterns, named by the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Paths {
    /// Where vectors stand: an array of numbers, an array of such arrays, an object of named ones, base64 text,
    /// or a sparse `{indices, values}`.
    pub vectors: &'static [&'static str],
    /// Where rows stand. A pattern that ends in `[*]` counts one for each place; any other counts the elements
    /// of the array or the members of the object found there.
    pub rows: &'static [&'static str],
    /// Where ids stand: a scalar is one, an array holds them, the names of an object's members are them.
    pub ids: &'static [&'static str],
}
