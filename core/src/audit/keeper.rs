//! The memory outside the log: whoever holds a log's disk and key can cut it and sign it again, so its newest
//! checkpoint is also kept elsewhere, and a log that is shorter than that is refused.

use std::sync::Arc;

pub(super) use super::note::Kept;
use crate::error::{Error, ErrorKind};
use crate::store::{Put, Store};

/// Where the newest checkpoint of each log is kept.
pub trait Keeper: Send {
    /// Keeps the newest checkpoint of a log.
    ///
    /// # Errors
    /// Where it could not be kept.
    fn keep(&self, kept: &Kept) -> Result<(), Error>;

    /// What is kept, of all logs.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn kept(&self) -> Result<Vec<Kept>, Error>;
}

/// Keeps checkpoints in a store: table `checkpoints`, one row a slot.
#[derive(Clone)]
pub struct StoreKeeper(Arc<dyn Store>);

impl StoreKeeper {
    const TABLE: &'static str = "checkpoints";

    /// Keeps them in `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }
}

impl Keeper for StoreKeeper {
    fn keep(&self, kept: &Kept) -> Result<(), Error> {
        let value = serde_json::to_vec(kept)
            .map_err(|e| Error::new(ErrorKind::Internal, "cannot encode a checkpoint").with_source(e))?;
        // One writer a slot: a lost race can only be with a row that a predecessor wrote as it ended.
        for _ in 0..8 {
            let expect = self.0.get(Self::TABLE, &kept.slot)?.map(|row| row.rev);
            if let Put::Done(_) = self.0.put(Self::TABLE, &kept.slot, expect, &value)? {
                return Ok(());
            }
        }
        Err(Error::new(ErrorKind::Conflict, "two writers keep the checkpoint of one slot"))
    }

    fn kept(&self) -> Result<Vec<Kept>, Error> {
        let rows = self.0.read_since(Self::TABLE, 0)?.rows;
        rows.iter()
            .map(|row| {
                serde_json::from_slice(&row.value).map_err(|e| {
                    let message = format!("the store's checkpoint of {} cannot be read", row.key);
                    Error::new(ErrorKind::Store, message).with_source(e)
                })
            })
            .collect()
    }
}

impl std::fmt::Debug for StoreKeeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreKeeper")
    }
}

/// Keeps nothing: for a log without a store beside it. A rollback then shows only to whoever noted a checkpoint.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoKeeper;

impl Keeper for NoKeeper {
    fn keep(&self, _: &Kept) -> Result<(), Error> {
        Ok(())
    }

    fn kept(&self) -> Result<Vec<Kept>, Error> {
        Ok(Vec::new())
    }
}
