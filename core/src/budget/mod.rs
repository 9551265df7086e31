//! How much a caller may have had: budgets of distinct ids, or of a sum, over a rolling window.
//!
//! Search is an export channel: each answer is small, and a hundred ordinary ones touch half of a collection. A [`Tally`] knows
//! which ids somebody has had within a window, as keyed digests: exactly up to [`Tally::EXACT`] of them, and by a
//! [`Sketch`] above. [`Budgets`] keeps one a caller and collection in the [`Store`](crate::store::Store), and ids are written there, by
//! one compare-and-set, before they leave: so what is exact in one process is exact in several. What has no id, and what a sum
//! counts (5,000 vectors an hour), is counted anew each time, and always exactly.
//!
//! ```
//! use std::time::Duration;
//! use wardline::budget::{Budgets, Charge, Limit};
//! use wardline::store::MemoryStore;
//! # fn main() -> Result<(), wardline::Error> {
//! let store = MemoryStore::new();
//! let limit = Limit { amount: 3, window: Duration::from_secs(3_600) };
//! let charge = [Charge { key: "ana/docs".into(), limit, binds: true, by_id: true, nameless: 0 }];
//! let had = Budgets::new(&store).spend(&charge, &[1, 2, 2])?;
//! assert_eq!((had.refused, had.standings[0].used), (None, 2));
//! let more = Budgets::new(&store).spend(&charge, &[2, 3, 4])?;
//! assert_eq!((more.refused, more.standings[0].used), (Some(0), 2)); // nothing of it was counted
//! # Ok(()) }
//! ```

mod budgets;
mod sketch;
mod tally;

pub use budgets::{Budgets, Charge, Spending, Standing};
pub use sketch::Sketch;
pub use tally::{Limit, Tally};
