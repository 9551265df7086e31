//! Protobuf messages as they stand on the wire, and what their fields are.
//!
//! Nothing is decoded into values: a reader goes from field to field ([`fields`]) and asks a [`Schema`] what each number
//! means. A schema shows a message the way its JSON would look, so that one path says where a thing stands however it
//! comes: a member that is *inline* is not named, what it holds stands in the place of its message.
//!
//! ```
//! use wardline::protobuf::{Wire, fields};
//! // 1: 7, 2: "ada"
//! let read: Vec<_> = fields(b"\x08\x07\x12\x03ada").map(|field| field.unwrap()).collect();
//! assert_eq!((read[0].number, read[0].value), (1, Wire::Number(7)));
//! assert_eq!((read[1].number, read[1].value), (2, Wire::Bytes(b"ada")));
//! ```

pub mod frame;
mod schema;
mod wire;

pub use schema::{Field, Kind, Message, Schema, Shape};
pub use wire::{Fields, Malformed, OnWire, Wire, fields, first, varint, write_bytes, write_varint};
