//! **Wardline is a guard that a service carries inside itself.**
//!
//! It sits after authentication, on the data path of an embedding or inference service, and for each
//! request it *classifies* what is being done, *decides* whether this identity may do it now, *masks*
//! what must not pass in clear, and *records* what happened in a log that anyone can verify.
//!
//! The rooms of this crate stand on floors; a room uses only the floors below its own (a test in
//! `tests/rooms.rs` refuses anything else). From the ground up: the plain words (`model`), then
//! detection and vectors, masking and classification, grants and the audit log, the policy, and on
//! top the [`guard`] that ties them into one sans-I/O flow.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod audit;
mod block;
pub mod budget;
pub mod classify;
pub mod clock;
pub mod coding;
pub mod detect;
pub mod error;
pub mod glob;
pub mod grant;
pub mod guard;
pub mod identity;
pub mod json;
pub mod keys;
pub mod mask;
pub mod model;
pub mod policy;
pub mod protobuf;
pub mod store;
pub mod vector;
pub mod watch;

pub use error::{Error, ErrorKind};
