//! What each caller did before: which operations at which services, how often and since when. What a request does that its caller never
//! did is an opinion, and the policy says what it is worth.
//!
//! A [`Profile`] is what is known of one caller, a row of the [`Store`](crate::store::Store). A guard's worker has a [`Learner`]: it adds
//! what was let through, writes it in batches by compare-and-set, so that several processes learn together, and keeps a [`History`] in
//! memory, which is all that a decision reads. What is not known there was never seen: a store that is away, a row that a newer version
//! wrote, or an edge that was forgotten makes an opinion stricter, never milder.
//!
//! ```
//! use wardline::clock::Timestamp;
//! use wardline::identity::Identity;
//! use wardline::model::Operation;
//! use wardline::store::MemoryStore;
//! use wardline::watch::{History, Learner, Visit};
//! # fn main() -> Result<(), wardline::Error> {
//! let (store, history, ana) = (MemoryStore::new(), History::default(), Identity::new("ana"));
//! let knows = |history: &History, operation| {
//!     history.of(&ana, |profile| profile.is_some_and(|known| known.edge("docs", operation).is_some()))
//! };
//! let mut learner = Learner::open(&store, &history)?;
//! let at = Timestamp::from_millis(1_764_000_000_000);
//! learner.note(&history, &Visit { identity: &ana, service: "docs", operations: &[Operation::VectorSearch], at });
//! assert!(knows(&history, Operation::VectorSearch) && !knows(&history, Operation::VectorExport));
//! learner.write(&store, &history)?;
//! let elsewhere = History::default();
//! Learner::open(&store, &elsewhere)?;
//! assert!(knows(&elsewhere, Operation::VectorSearch));
//! # Ok(()) }
//! ```

mod history;
mod learner;
mod profile;

pub use history::History;
pub use learner::{Learner, Visit};
pub use profile::{Edge, Profile};
