//! What runs now, in every process of a state folder: exchanges whose begin is on disk and whose end is not, of writers that live.
//!
//! Only what is written before it is forwarded (`durable_from` of a policy) is known before it ends.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::path::Path;

use super::{Entry, Index};
use crate::error::Error;

/// The exchanges that run, oldest first, found by the index. Entries that cannot be read are passed over: [`query`](super::query) tells of them.
///
/// # Errors
/// Where the folder cannot be read at all.
pub fn running(state: &Path) -> Result<Vec<Entry>, Error> {
    let mut open = Index::open(state)?.unended()?.entries;
    let mut writers = HashMap::new();
    open.retain(|entry| {
        let first = writers.entry(entry.slot.clone()).or_insert_with(|| first_of_writer(state, &entry.slot));
        // What the writer before left open ended with it.
        first.is_some_and(|first| entry.index >= first)
    });
    Ok(open)
}

/// The first entry of who writes a log now; `None` where nobody does.
fn first_of_writer(state: &Path, slot: &str) -> Option<u64> {
    let path = state.join("log").join(slot).join("lock");
    match File::open(&path).ok()?.try_lock() {
        Err(TryLockError::WouldBlock) => fs::read_to_string(path).ok()?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Journal, Kind, Log, NoKeeper, Record};
    use crate::clock::Timestamp;

    #[test]
    fn what_a_living_writer_has_not_ended_runs() {
        let state = tempfile::tempdir().unwrap();
        let record = |kind, id: &str| Record::new(kind, id.into(), Timestamp::from_millis(1));
        let open = || {
            let running = running(state.path()).unwrap();
            running.into_iter().map(|entry| entry.record.id.as_str().to_owned()).collect::<Vec<_>>()
        };
        let mut first = Log::open(state.path(), Box::new(NoKeeper)).unwrap();
        let mut second = Log::open(state.path(), Box::new(NoKeeper)).unwrap();
        first.append(&[record(Kind::Begin, "rec_a"), record(Kind::Begin, "rec_b")]).unwrap();
        second.append(&[record(Kind::Begin, "rec_c"), record(Kind::Exchange, "rec_d")]).unwrap();
        assert_eq!(open(), ["rec_a", "rec_b", "rec_c"]);
        first.append(&[record(Kind::End, "rec_a")]).unwrap();
        assert_eq!(open(), ["rec_b", "rec_c"]);
        // Its process is gone, and another one takes its place.
        drop(first);
        assert_eq!(open(), ["rec_c"]);
        let mut third = Log::open(state.path(), Box::new(NoKeeper)).unwrap();
        third.append(&[record(Kind::Begin, "rec_e")]).unwrap();
        assert_eq!(open(), ["rec_c", "rec_e"]);
    }
}
