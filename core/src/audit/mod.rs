//! What happened, in a log that anyone can verify.
//!
//! Each exchange leaves [`Record`]s; a [`Journal`] makes them durable.

mod record;

pub use record::{Blob, Change, Ending, Found, Kind, Matched, Outcome, Passed, Record, Term, Weighed};

use crate::error::Error;

/// Where records go: a log on disk, or memory. One writer owns it (the guard's background worker).
pub trait Journal: Send {
    /// Appends records as one group; they are durable when it returns.
    ///
    /// # Errors
    /// Where they could not be made durable. A journal that failed so refuses everything after: whoever
    /// depends on a record must be denied.
    fn append(&mut self, records: &[Record]) -> Result<(), Error>;

    /// Signs what was appended and hands the checkpoint to its keeper. Call it when idle, at least every second
    /// while records come, and before letting go; never per record. Does nothing where nothing is new.
    ///
    /// # Errors
    /// Where the checkpoint could not be written or kept; the records themselves are safe, and the next call tries again.
    fn checkpoint(&mut self) -> Result<(), Error>;

    /// The log's name, as its checkpoints carry it.
    fn origin(&self) -> &str;
}
