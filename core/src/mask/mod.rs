//! The same bytes with the findings replaced and nothing else touched.
//!
//! A [`Plan`] says what must not pass: entities wherever they stand, fields whatever they hold, and what becomes
//! of each ([`Transform`]). A [`Masker`] carries one body through it as the bytes come. Number formatting, order and
//! white space stay as they were; valid JSON stays valid JSON; what is not touched is not copied.
//!
//! How each part of a body is read:
//! - **JSON strings** of up to 64 KiB are read whole, decoded where they hold escapes; longer ones as a stream of text.
//!   A string that holds a JSON object or array is read as such (to 4 levels) and written back as a string.
//! - **Names of members** are read like strings, since an address can be a name. A masked name carries a keyed token,
//!   so that two names stay two: `[EMAIL:3f2a90c1b7de]`.
//! - **Numbers** are read where they stand under a name and have six digits or more, and in arrays where the whole
//!   part has nine or more; embeddings are passed over. A masked number becomes a string.
//! - **Server-sent events** are read one by one: the data as JSON if it is, else as text; other lines as text.
//!   Texts that a language model streams in pieces, an event each, are read as one text (`core/data/streams.yaml`).
//! - **Forms** are read pair by pair, decoded; **multipart** bodies part by part, each by its own format; **tables** (CSV) cell
//!   by cell, under the name of its column.
//! - **Messages** of gRPC are read field by field, as the JSON that they would be; each goes on whole or not at all.

mod csv;
mod form;
mod format;
mod grpc;
mod json;
mod lines;
mod marker;
mod masker;
mod multipart;
mod pipe;
mod plan;
mod report;
mod reread;
mod sought;
mod splice;
mod sse;
mod stream;
mod text;
mod transform;
mod within;

pub use format::{Boundary, Format};
pub use masker::{MaskError, Masker, Release};
pub use plan::{Plan, PlanSpec, What};
pub use report::{Masked, Report};
pub use reread::Reread;
pub use sought::Wanted;
pub use transform::{Generalised, Hidden, Scope, Scopes, Transform, Unmasked, unmask};
pub use within::Bounded;

#[cfg(test)]
mod tests;
