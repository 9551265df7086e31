//! The memory outside the log: whoever holds a log's disk and key can cut it and sign it again, so its newest
//! checkpoint is also kept elsewhere, and a log that is shorter than that is refused.

use std::path::Path;
use std::sync::Arc;

pub(super) use super::note::Kept;
use crate::error::{Error, ErrorKind};
use crate::keys;
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
pub struct StoreKeeper {
    store: Arc<dyn Store>,
    /// What the keys of this folder's rows begin with.
    prefix: String,
}

impl StoreKeeper {
    const TABLE: &'static str = "checkpoints";
    /// The file that tells the state folders of a shared store apart.
    const MACHINE: &'static str = "machine.id";

    /// Keeps them in `store`, which belongs to one state folder.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, prefix: String::new() }
    }

    /// Keeps those of one state folder in a store that several share, each with slots of the same names.
    ///
    /// # Errors
    /// Where the folder's own id cannot be read or made.
    pub fn shared(store: Arc<dyn Store>, folder: &Path) -> Result<Self, Error> {
        let id = keys::random_file(folder, Self::MACHINE)?;
        Ok(Self { store, prefix: format!("{}/", keys::hex(&id)) })
    }
}

impl Keeper for StoreKeeper {
    fn keep(&self, kept: &Kept) -> Result<(), Error> {
        let value = serde_json::to_vec(kept)
            .map_err(|e| Error::new(ErrorKind::Internal, "cannot encode a checkpoint").with_source(e))?;
        let key = format!("{}{}", self.prefix, kept.slot);
        // One writer a slot: a lost race can only be with a row that a predecessor wrote as it ended.
        for _ in 0..8 {
            let row = self.store.get(Self::TABLE, &key)?;
            if row.as_ref().is_some_and(|row| is_longer(&row.value, kept)) {
                return Err(Error::new(
                    ErrorKind::Log,
                    "a longer checkpoint of this log is kept: it was rolled back",
                ));
            }
            if let Put::Done(_) = self.store.put(Self::TABLE, &key, row.map(|row| row.rev), &value)? {
                return Ok(());
            }
        }
        Err(Error::new(ErrorKind::Conflict, "two writers keep the checkpoint of one slot"))
    }

    fn kept(&self) -> Result<Vec<Kept>, Error> {
        let rows = self.store.read_since(Self::TABLE, 0)?.rows;
        rows.iter()
            .filter(|row| row.key.starts_with(&self.prefix))
            .map(|row| {
                serde_json::from_slice(&row.value).map_err(|e| {
                    let message = format!("the store's checkpoint of {} cannot be read", row.key);
                    Error::new(ErrorKind::Store, message).with_source(e)
                })
            })
            .collect()
    }
}

/// Whether what is there is a checkpoint of the same log that reaches further.
fn is_longer(there: &[u8], kept: &Kept) -> bool {
    let size = |kept: &Kept| kept.checkpoint().map(|checkpoint| checkpoint.size);
    match (serde_json::from_slice::<Kept>(there), size(kept)) {
        (Ok(there), Ok(new)) => there.key == kept.key && size(&there).is_ok_and(|old| old > new),
        _ => false,
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

#[cfg(test)]
mod tests {
    use super::super::log::LogKey;
    use super::super::note::Checkpoint;
    use super::*;
    use crate::keys::SigningKey;
    use crate::store::MemoryStore;

    #[test]
    fn folders_that_share_a_store_keep_apart() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let kept = folders.each_ref().map(|folder| {
            let signer = LogKey::from(SigningKey::fresh("wardline/w0001/1").unwrap());
            let checkpoint = Checkpoint { origin: signer.name().into(), size: 1, root: [7; 32] };
            let note = checkpoint.signed(&signer).unwrap();
            let kept = Kept { slot: "w0001".into(), key: signer.public.to_string(), note };
            StoreKeeper::shared(store.clone(), folder.path()).unwrap().keep(&kept).unwrap();
            kept
        });
        for (folder, kept) in folders.iter().zip(kept) {
            assert_eq!(StoreKeeper::shared(store.clone(), folder.path()).unwrap().kept().unwrap(), [kept]);
        }
    }

    #[test]
    fn a_shorter_checkpoint_never_replaces_a_longer_one() {
        let keeper = StoreKeeper::new(Arc::new(MemoryStore::new()));
        let signer = LogKey::from(SigningKey::fresh("wardline/w0001/1").unwrap());
        let kept = |size| Kept {
            slot: "w0001".into(),
            key: signer.public.to_string(),
            note: Checkpoint { origin: signer.name().into(), size, root: [7; 32] }.signed(&signer).unwrap(),
        };
        keeper.keep(&kept(4)).unwrap();
        keeper.keep(&kept(9)).unwrap();
        assert_eq!(keeper.keep(&kept(5)).unwrap_err().kind(), ErrorKind::Log);
        assert_eq!(keeper.kept().unwrap(), [kept(9)]);
    }
}
