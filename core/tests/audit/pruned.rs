//! Retention: old entries go, and what is left is as provable as before.

use std::fs;
use std::path::{Path, PathBuf};

use wardline::audit::{
    Filter, Follower, Index, Kept, NoKeeper, Page, Position, Receipt, log_keys, prove_continuation, prune,
    query, verify,
};
use wardline::clock::Timestamp;

use wardline::audit::Record;

use super::faults;
use crate::{Journal, Log, SEGMENT};

/// Enough for several segments: every one has room for a header of any tree.
const COUNT: i64 = 4_000;

/// One of some length, so that they are several segments.
fn record(number: i64) -> Record {
    let mut record = super::record(number);
    record.because = Some("said at length ".repeat(10).into());
    record
}

/// Appends records from one number to another, exclusive.
fn append(state: &Path, numbers: std::ops::Range<i64>) {
    let mut log = Log::open_with(state, Box::new(NoKeeper), SEGMENT).unwrap();
    for group in numbers.collect::<Vec<_>>().chunks(50) {
        log.append(&group.iter().map(|number| record(*number)).collect::<Vec<_>>()).unwrap();
    }
}

/// Numbers of the records that are left, in order.
fn left(state: &Path) -> Vec<i64> {
    query(state, &Filter::default())
        .unwrap()
        .into_iter()
        .map(|entry| entry.unwrap().record.at.millis())
        .collect()
}

fn indexed(state: &Path) -> Vec<i64> {
    let found = Index::open(state)
        .unwrap()
        .in_batches_of(700)
        .page(&Filter::default(), &Page::newest(10_000))
        .unwrap();
    assert!(found.unread.is_empty(), "{:?}", found.unread);
    found.entries.iter().map(|entry| entry.record.at.millis()).collect()
}

fn log(state: &Path) -> PathBuf {
    state.join("log/w0001")
}

fn kept(state: &Path) -> Kept {
    let read = |name: &str| fs::read_to_string(log(state).join(name)).unwrap();
    Kept { slot: "w0001".to_owned(), key: read("key.pub"), note: read("checkpoint") }
}

#[test]
fn old_entries_go_and_everything_else_holds() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    append(state, 0..1_000);
    let early = kept(state);
    let keys: Vec<_> = log_keys(state).unwrap().into_iter().map(|(_, key)| key).collect();
    let gone = Receipt::of(state, "rec_5").unwrap();
    append(state, 1_000..COUNT);
    let before = verify(state, &[]).unwrap();
    assert_eq!(indexed(state).len(), COUNT as usize);

    let pruned = prune(state, Timestamp::from_millis(2_500)).unwrap();
    let entries = pruned[0].entries;
    assert!((1_500..=2_500).contains(&entries), "{pruned:?}");
    assert!(pruned[0].bytes > 0);
    let after = verify(state, &[early.clone(), kept(state)]).unwrap();
    assert!(after.is_sound(), "{after:?}");
    assert_eq!((after.logs[0].pruned, after.logs[0].size), (entries, COUNT as u64));
    assert_eq!(after.logs[0].root, before.logs[0].root);
    assert_eq!(left(state), (entries as i64..COUNT).collect::<Vec<_>>());
    assert_eq!(indexed(state), left(state));
    // A receipt that was handed out holds; one of what is left can be made; and the log still continues what was known of it.
    assert!(gone.verify(&keys).is_ok());
    assert!(Receipt::of(state, "rec_5").is_err());
    assert!(Receipt::of(state, "rec_3900").unwrap().verify(&keys).is_ok());
    let then = early.checkpoint().unwrap();
    assert!(prove_continuation(state, "w0001", then.size).unwrap().holds(&then, &keys[0]).unwrap());
    // Its writer goes on, and it can be pruned again.
    assert!(prune(state, Timestamp::from_millis(2_500)).unwrap().is_empty());
    {
        let mut log = Log::open_with(state, Box::new(NoKeeper), SEGMENT).unwrap();
        assert_eq!(log.size(), COUNT as u64);
        log.append(&[record(COUNT)]).unwrap();
        assert!(
            prune(state, Timestamp::from_millis(3_500)).unwrap()[0].entries > entries,
            "while it is written"
        );
        log.append(&[record(COUNT + 1)]).unwrap();
    }
    let after = verify(state, &[early]).unwrap();
    assert!(after.is_sound(), "{after:?}");
    assert_eq!(indexed(state), left(state));
    assert_eq!(left(state).last(), Some(&(COUNT + 1)));
}

#[test]
fn what_is_gone_without_a_signature_or_a_hash_shows() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    append(state, 0..COUNT);
    let first = log(state).join("seg/000000000001.seg");
    let second = log(state).join("seg/000000000002.seg");
    let bytes = [&first, &second].map(|path| fs::read(path).unwrap());
    let note = log(state).join("pruned");
    let put_back = || {
        fs::write(&first, &bytes[0]).unwrap();
        fs::write(&second, &bytes[1]).unwrap();
    };
    fs::remove_file(&first).unwrap();
    assert_eq!(faults(&verify(state, &[]).unwrap()), ["a segment before the first one is missing"]);
    // A checkpoint of the log is no leave to prune it, however old.
    fs::copy(log(state).join("checkpoint"), &note).unwrap();
    assert_eq!(faults(&verify(state, &[]).unwrap()), ["how far it was pruned is not signed by its key"]);
    assert!(Log::open_with(state, Box::new(NoKeeper), SEGMENT).is_err());
    fs::remove_file(&note).unwrap();
    put_back();

    // No further than was signed.
    let entries = prune(state, Timestamp::from_millis(2_000)).unwrap()[0].entries;
    assert!(verify(state, &[]).unwrap().is_sound());
    let mut left: Vec<_> =
        fs::read_dir(log(state).join("seg")).unwrap().map(|entry| entry.unwrap().path()).collect();
    left.sort();
    let next = fs::read(&left[0]).unwrap();
    fs::remove_file(&left[0]).unwrap();
    assert_eq!(faults(&verify(state, &[]).unwrap()), ["a segment before the first one is missing"]);
    fs::write(&left[0], next).unwrap();
    assert!(verify(state, &[]).unwrap().is_sound());

    // The hashes that stay are those that were signed, each of them.
    let tile = log(state).join("tile/0/000");
    let hashes = fs::read(&tile).unwrap();
    let mut altered = hashes.clone();
    altered[32 * 7] ^= 1;
    fs::write(&tile, altered).unwrap();
    assert_eq!(verify(state, &[]).unwrap().logs[0].fault.as_ref().map(|_| ()), Some(()));
    fs::remove_file(&tile).unwrap();
    let report = verify(state, &[]).unwrap();
    assert_eq!(report.logs[0].fault.as_ref().unwrap().index, Some(0), "{report:?}");
    fs::write(&tile, hashes).unwrap();
    assert_eq!(verify(state, &[]).unwrap().logs[0].pruned, entries);
}

#[test]
fn a_pruning_that_was_interrupted_is_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    append(state, 0..COUNT);
    let segments = log(state).join("seg");
    let names = || {
        let mut names: Vec<_> = fs::read_dir(&segments).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names
    };
    let bytes: Vec<_> = names().into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect();
    prune(state, Timestamp::from_millis(3_000)).unwrap();
    let gone: Vec<_> = bytes.iter().filter(|(_, path)| !path.exists()).collect();
    assert!(gone.len() > 2);
    // They are removed from the oldest on: as if it had stopped after each.
    for (bytes, path) in gone.iter().rev() {
        fs::write(path, bytes).unwrap();
        let report = verify(state, &[]).unwrap();
        assert!(report.is_sound(), "{report:?}");
        // Made anew: no log grows at its beginning.
        fs::remove_file(state.join("index.db")).ok();
        assert_eq!(left(state), indexed(state));
    }
    assert_eq!(left(state).len(), COUNT as usize);
}

#[test]
fn who_follows_a_log_is_told_what_was_pruned_before() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    append(state, 0..COUNT);
    let early = Follower::new(state, Position::default()).next(100).unwrap().position;
    let late = Follower::new(state, Position::default()).next(3_950).unwrap().position;
    prune(state, Timestamp::from_millis(3_000)).unwrap();
    let missed = Follower::new(state, early).next(10_000).unwrap_err();
    assert!(
        missed.to_string().contains("entries 100 to ") && missed.to_string().contains("were pruned"),
        "{missed}"
    );
    let batch = Follower::new(state, late).next(10_000).unwrap();
    assert_eq!(batch.entries.len(), 50);
    // From the beginning on is from what is left on.
    let all = Follower::new(state, Position::default()).next(10_000).unwrap();
    assert_eq!(all.entries.len(), left(state).len());
}
