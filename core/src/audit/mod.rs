//! What happened, in a log that anyone can verify.
//!
//! Each exchange leaves [`Record`]s; a [`Journal`] makes them durable. The one on disk is a [`Log`]: append-only
//! segments under a Merkle tree (RFC 6962) with signed checkpoints (C2SP tlog-checkpoint), one log a writer. [`verify`]
//! says whether it still says what it said, [`query`] finds records, and [`merkle`] holds the proofs for outsiders.
//!
//! A log alone does not show that it was rolled back: whoever holds its disk and key can cut it and sign again. So
//! its newest checkpoint is handed to a [`Keeper`] outside.

mod blob;
mod capture;
mod compact;
pub mod export;
mod follow;
mod index;
mod keeper;
mod list;
mod log;
mod memory;
pub mod merkle;
mod note;
mod pairs;
mod prepared;
mod prove;
mod prune;
mod query;
mod read;
mod receipt;
mod record;
mod running;
mod tile;
mod verify;
pub mod witness;

use crate::error::Error;
pub use capture::{Bodies, Body, Captured, Clear, bodies};
pub use follow::{Batch, Followed, Follower, Position};
pub use index::{Cursor, Index, Listing, Page};
pub use keeper::{Keeper, NoKeeper, StoreKeeper};
pub use log::{Log, Settings};
pub use memory::MemoryJournal;
pub use note::{Checkpoint, Kept};
pub use prepared::Prepared;

pub use crate::keys::PublicKey;
pub use prove::{Continuation, Proof, log_keys, prove, prove_continuation};
pub use prune::{Pruned, prune, prune_as};
pub use query::{Entry, Filter, query};
pub use receipt::{Proved, Receipt};
pub use record::{
    Blob, Change, Drawn, EmbedInput, Ending, Found, Gap, Kind, Matched, Outcome, Passed, Record, Reread,
    Term, Weighed,
};
pub use running::running;
pub use verify::{Fault, LogReport, VerifyReport, verify};

/// Where records go: a log on disk, or memory. One writer owns it (the guard's background worker).
pub trait Journal: Send {
    /// Appends records as one group; they are durable when it returns.
    ///
    /// # Errors
    /// Where they could not be made durable. A journal that failed so refuses everything after: whoever
    /// depends on a record must be denied.
    fn append(&mut self, records: &[Record]) -> Result<(), Error>;

    /// The same, of records whose entries may be made already.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    fn append_prepared(&mut self, records: &[Prepared]) -> Result<(), Error>;

    /// Signs what was appended and hands the checkpoint to its keeper. Call it when idle, at least every second
    /// while records come, and before letting go; never per record. Does nothing where nothing is new.
    ///
    /// # Errors
    /// Where the checkpoint could not be written or kept; the records themselves are safe, and the next call tries again.
    fn checkpoint(&mut self) -> Result<(), Error>;

    /// The log's name, as its checkpoints carry it.
    fn origin(&self) -> &str;

    /// What the writer before could not record, and did not say: told once. Whoever owns the journal appends it as the `gap` of a record.
    fn left(&mut self) -> Option<Gap> {
        None
    }

    /// How many bytes behind the last entry were no entry and were cleared when this journal was taken up: told once.
    fn cleared(&mut self) -> Option<u64> {
        None
    }

    /// Leaves what could not be recorded to whoever continues this journal.
    ///
    /// # Errors
    /// Where that cannot be written either.
    fn leave(&mut self, _gap: &Gap) -> Result<(), Error> {
        Ok(())
    }

    /// Keeps bodies beside it; `None` where it cannot.
    fn bodies(&self) -> Option<Bodies> {
        None
    }
}
