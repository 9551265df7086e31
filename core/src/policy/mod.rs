//! What people write down, compiled to what the guard asks.

mod decision;
mod service;

pub use decision::{ApprovalStep, ApprovalTerms, Decision, Effect, Facts, GrantView, NoGrants, code};
pub use service::{IdentitySource, OnFailure, Service, State, Thresholds};
