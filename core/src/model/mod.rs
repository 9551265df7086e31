//! The words that rooms exchange, as plain types without behaviour of their own.
//!
//! A request does [`Act`]s: an [`Operation`] on a resource, with a [`Magnitude`] and a [`Risk`]. Detection
//! yields [`Finding`]s of an [`Entity`]; what left in vectors and rows is a [`Census`].

mod act;
mod census;
mod dialect;
mod entity;
mod id;
mod operation;
mod subject;
mod text;
mod unusual;
mod verdict;

pub use act::{Act, Magnitude, Risk, Unit};
pub use census::{Census, IdDigest};
pub use dialect::Dialect;
pub use entity::{Entity, Finding, Group};
pub use id::{ApprovalId, GrantId, RecordId, SessionId};
pub use operation::Operation;
pub use subject::{Call, Command, HttpHead, Line, Statement, Subject};
pub use text::Text;
pub use unusual::Unusual;
pub use verdict::{Mode, Verdict};
