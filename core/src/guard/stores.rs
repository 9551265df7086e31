//! Which store a policy means: the one in its state folder, or one that machines share.

use std::path::Path;
use std::sync::Arc;

use crate::audit::{Keeper, Kept, StoreKeeper};
use crate::clock::{Clock, SystemClock};
use crate::error::Error;
use crate::policy::{Policy, State};
use crate::store::{SqliteStore, Store};

/// The file of a state folder's own store.
const FILE: &str = "store.sqlite";

/// Opens the store, and what keeps the folder's checkpoints in it. A shared store tells the time itself.
pub(super) fn open(
    policy: &Policy,
    folder: &Path,
    clock: &Arc<dyn Clock>,
) -> Result<(Arc<dyn Store>, StoreKeeper), Error> {
    match policy.store() {
        Some(shared) => {
            let store = shared.open()?;
            let keeper = StoreKeeper::shared(store.clone(), folder)?;
            Ok((store, keeper))
        }
        None => {
            let store: Arc<dyn Store> =
                Arc::new(SqliteStore::open_with_clock(folder.join(FILE), clock.clone())?);
            Ok((store.clone(), StoreKeeper::new(store)))
        }
    }
}

/// What was kept outside of the logs of a policy's state folder, to be read: also of a copy, or where nothing may be written.
///
/// # Errors
/// Where the store cannot be read.
pub fn kept(policy: &Policy) -> Result<Vec<Kept>, Error> {
    match (keeper(policy), policy.state()) {
        (Ok(keeper), _) => keeper.map_or(Ok(Vec::new()), |keeper| keeper.kept()),
        (Err(error), State::Folder(folder)) if policy.store().is_none() => {
            let store = SqliteStore::open_to_read(folder.join(FILE)).map_err(|_| error)?;
            StoreKeeper::new(Arc::new(store)).kept()
        }
        (Err(error), _) => Err(error),
    }
}

/// What keeps the checkpoints of the logs of a policy's state folder, for whoever writes one; `None` where there is no store yet.
///
/// # Errors
/// Where the store cannot be opened.
pub fn keeper(policy: &Policy) -> Result<Option<StoreKeeper>, Error> {
    let State::Folder(folder) = policy.state() else { return Ok(None) };
    let there = folder.is_dir() && (policy.store().is_some() || folder.join(FILE).exists());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    there.then(|| open(policy, folder, &clock).map(|(_, keeper)| keeper)).transpose()
}
