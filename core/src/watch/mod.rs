//! What each caller did before: which operations at which services, how often and since when, from which networks. What a request does that its caller never
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
//! use wardline::keys::Keys;
//! use wardline::model::Operation;
//! use wardline::store::MemoryStore;
//! use wardline::watch::{History, Learner, Visit};
//! # fn main() -> Result<(), wardline::Error> {
//! let (store, keys, ana) = (MemoryStore::new(), Keys::ephemeral()?, Identity::new("ana"));
//! let history = History::new(&keys);
//! let knows = |history: &History, operation| {
//!     history.of(&ana, |profile| profile.is_some_and(|known| known.edge("docs", operation).is_some()))
//! };
//! let mut learner = Learner::open(&store, &history)?;
//! let at = Timestamp::from_millis(1_764_000_000_000);
//! let place = history.place("192.0.2.7".parse().ok(), &ana);
//! let operations = &[Operation::VectorSearch];
//! learner.note(&history, &Visit { identity: &ana, service: "docs", operations, place, credential: None, at });
//! assert!(knows(&history, Operation::VectorSearch) && !knows(&history, Operation::VectorExport));
//! learner.write(&store, &history)?;
//! let elsewhere = History::new(&keys);
//! Learner::open(&store, &elsewhere)?;
//! assert!(knows(&elsewhere, Operation::VectorSearch));
//! # Ok(()) }
//! ```

mod canary;
mod history;
mod learner;
mod pace;
mod place;
mod profile;
mod taken;

pub use canary::{Canaries, Gate, Met, Spotter};
pub use history::History;
pub use learner::{Learner, Visit};
pub use pace::Pace;
pub use place::Place;
pub use profile::{Edge, Profile};
pub use taken::Taken;
