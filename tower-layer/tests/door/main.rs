//! The layer in real servers: axum and hyper on a socket, and a client that speaks bytes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice
)]

mod codings;
mod composed;
mod corpus;
mod egress;
mod endings;
mod failures;
mod heads;
mod hops;
mod hosts;
mod leases;
mod requests;
mod streams;
mod support;
