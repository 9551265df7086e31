//! The document that people write: its text as a tree with places, the table of what may stand where, and the
//! check of the one against the other. Nothing here knows what a rule means.

mod check;
mod findings;
mod identity;
mod masks;
mod scalar;
mod schema;
mod shape;
mod suite;
mod tree;
mod watch;

pub(super) use check::check;
pub(super) use findings::{File, Findings, Place, clip, hint};
pub(super) use scalar::{beside, bytes, entities, number, threshold, unknown_entity};
pub(super) use schema::schema;
pub(super) use shape::{POLICY, Shape};
pub(super) use suite::SUITE;
pub(super) use tree::{Key, MAX_BYTES, Node, Value, read};
