//! Vectors, texts, rows and ids, counted as the bytes pass.
//!
//! Any array of numbers may or may not be a vector: distances, token ids and log probabilities are arrays too. So the
//! catalogue names, for each kind of body, the places where vectors, texts, rows and ids stand ([`Paths`]); a [`Counter`]
//! follows the document and counts what stands there, in any encoding. Only where a schema that we do not know names the
//! fields does the shape of a value decide ([`shape`]).
//!
//! ```
//! use wardline::vector::{Counter, Paths};
//! static SCROLL: Paths = Paths {
//!     named: &["points[*].vector"],
//!     rows: &["points[*]"],
//!     ids: &["points[*].id"],
//!     ..Paths::NONE
//! };
//! let counter = Counter::new(&SCROLL).unwrap();
//! assert!(counter.census().is_empty());
//! ```

mod cells;
mod counter;
mod files;
mod places;
mod shape;
mod tensor;

pub use counter::{Counter, Scalar};
pub use files::FileCounter;
pub use places::Places;

use crate::protobuf::Schema;

/// Where one kind of body carries vectors, texts, rows and ids: [`json::Path`](crate::json::Path) patterns, named by the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Paths {
    /// Where vectors stand: an array of numbers, an array of such arrays (one vector each), a sparse `{indices, values}`,
    /// `{index: weight}` or `[{index, value}]`.
    pub vectors: &'static [&'static str],
    /// The same, or an object that holds such vectors by name.
    pub named: &'static [&'static str],
    /// Vectors that may also come as text (base64, hexadecimal): a text is one vector, a list of texts one each.
    pub encoded: &'static [&'static str],
    /// Lists that hold the same vectors, each in another encoding: the longest counts.
    pub copies: &'static [&'static str],
    /// What holds fields that a schema names: whatever has the shape of a vector is one, at any depth.
    pub columns: &'static [&'static str],
    /// Tensors, `{shape, datatype, data}`: the last dimension is that of a vector, the others say how many;
    /// the first counts rows.
    pub tensors: &'static [&'static str],
    /// Queries in which vectors are written, as SQL and GraphQL write them.
    pub queries: &'static [&'static str],
    /// Inputs of a model: a text, a list of token ids, or a list of them or of objects.
    pub texts: &'static [&'static str],
    /// Where rows stand. A pattern that ends in `[*]`, and `$`, counts one for each place; any other counts the elements
    /// of the array or the members of the object found there. `$` beside `[*]` counts a document that is no list; behind `=`
    /// stands an object that is one row itself.
    pub rows: &'static [&'static str],
    /// Where ids stand: a scalar is one, an array holds them, the names of an object's members are them.
    pub ids: &'static [&'static str],
    /// Rows that have no id but their place in a list; patterns that end in `[*]`.
    pub positions: &'static [&'static str],
    /// What the messages are, where the body is one of gRPC; the paths are those of its JSON.
    pub message: Option<Schema>,
}

impl Paths {
    /// Nothing to count.
    pub const NONE: Self = Self {
        vectors: &[],
        named: &[],
        encoded: &[],
        copies: &[],
        columns: &[],
        tensors: &[],
        queries: &[],
        texts: &[],
        rows: &[],
        ids: &[],
        positions: &[],
        message: None,
    };

    /// Where vectors stand by name: what can be left out. Of columns, tensors and queries only the shape tells.
    pub fn declared(&self) -> impl Iterator<Item = &'static str> {
        [self.vectors, self.named, self.encoded, self.copies].into_iter().flatten().copied()
    }

    /// All patterns.
    pub fn all(&self) -> impl Iterator<Item = &'static str> {
        [
            self.vectors,
            self.named,
            self.encoded,
            self.copies,
            self.columns,
            self.tensors,
            self.queries,
            self.texts,
            self.rows,
            self.ids,
            self.positions,
        ]
        .into_iter()
        .flatten()
        .copied()
    }
}
