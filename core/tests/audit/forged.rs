//! Entries written anew with good sums, by someone who holds the disk and not the key.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use wardline::audit::{
    Checkpoint, Filter, Journal, Log, NoKeeper, PublicKey, prove_continuation, query, verify,
};

use crate::tamper::{copy_all, frames, segment};
use crate::{Memory, SEGMENT, record, written};

/// Writes byte `at` of a frame's record anew, with a sum that fits.
fn rewrite(bytes: &mut [u8], frame: usize, at: usize) {
    let length = u32::from_le_bytes(bytes[frame..frame + 4].try_into().unwrap()) as usize;
    bytes[frame + 20 + at] ^= 1;
    let sum = crc32c::crc32c_append(
        crc32c::crc32c(&bytes[frame..frame + 4]),
        &bytes[frame + 8..frame + 20 + length],
    );
    bytes[frame + 4..frame + 8].copy_from_slice(&sum.to_le_bytes());
}

#[test]
fn a_rewritten_entry_shows_with_its_index() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), Box::new(NoKeeper), 6);
    let clean = fs::read(segment(folder.path())).unwrap();
    for (index, frame) in frames(&clean)[..6].iter().enumerate() {
        let mut bytes = clean.clone();
        rewrite(&mut bytes, *frame, 12);
        fs::write(segment(folder.path()), &bytes).unwrap();
        let report = verify(folder.path(), &[]).unwrap();
        assert_eq!(report.logs[0].fault.as_ref().unwrap().index, Some(index as u64));
        assert!(Log::open_with(folder.path(), Box::new(NoKeeper), SEGMENT).is_err());
    }
}

#[test]
fn a_rewritten_entry_of_a_finished_tile_shows_with_its_index() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::open_with(folder.path(), Box::new(NoKeeper), 1 << 20).unwrap();
    log.append(&(0..600).map(record).collect::<Vec<_>>()).unwrap();
    drop(log);
    let clean = fs::read(segment(folder.path())).unwrap();
    let places = frames(&clean);
    for index in [0, 255, 256, 511, 512, 599] {
        let mut bytes = clean.clone();
        rewrite(&mut bytes, places[index], 12);
        fs::write(segment(folder.path()), &bytes).unwrap();
        let report = verify(folder.path(), &[]).unwrap();
        assert_eq!(report.logs[0].fault.as_ref().unwrap().index, Some(index as u64));
    }
}

#[test]
fn what_is_told_to_be_sound_is_proven_by_the_signature() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::open_with(folder.path(), Box::new(NoKeeper), 1 << 20).unwrap();
    log.append(&(0..600).map(record).collect::<Vec<_>>()).unwrap();
    drop(log);
    let told = || {
        let report = verify(folder.path(), &[]).unwrap();
        let log = &report.logs[0];
        (log.fault.as_ref().and_then(|fault| fault.index), log.proven)
    };
    assert_eq!(told(), (None, 600));
    let clean = fs::read(segment(folder.path())).unwrap();
    let places = frames(&clean);
    // An entry that no longer is one: all before it are as they were.
    for index in [0, 1, 255, 256, 257, 599] {
        let mut bytes = clean.clone();
        bytes[places[index] + 25] ^= 1;
        fs::write(segment(folder.path()), &bytes).unwrap();
        assert_eq!(told(), (Some(index as u64), index as u64));
    }
    // And with one before it that was written anew: that one is named.
    for (index, broken) in [(3, 5), (3, 300), (258, 260), (598, 599)] {
        let mut bytes = clean.clone();
        rewrite(&mut bytes, places[index], 12);
        bytes[places[broken] + 25] ^= 1;
        fs::write(segment(folder.path()), &bytes).unwrap();
        assert_eq!(told(), (Some(index as u64), index as u64));
    }
    // The end is gone: what is left is what it was.
    fs::write(segment(folder.path()), &clean[..places[400]]).unwrap();
    assert_eq!(told(), (Some(400), 400));
    // Without tiles nothing shows that.
    fs::remove_dir_all(folder.path().join("log/w0001/tile")).unwrap();
    assert_eq!(told(), (Some(400), 0));
    fs::write(segment(folder.path()), &clean).unwrap();
    assert_eq!(told(), (None, 600));
}

#[test]
fn nobody_signs_segments_that_follow_a_rewritten_one() {
    // Two segments, then the first is taken back and written anew by another log's writer: its second segment
    // carries a header that fits the forgery and no signature reaches it.
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), Box::new(NoKeeper), 10);
    let signed = fs::read(folder.path().join("log/w0001/checkpoint")).unwrap();
    let forger = tempfile::tempdir().unwrap();
    written(forger.path(), Box::new(NoKeeper), 60);
    for entry in fs::read_dir(forger.path().join("log/w0001/seg")).unwrap() {
        let bytes = fs::read(entry.as_ref().unwrap().path()).unwrap();
        let target = folder.path().join("log/w0001/seg").join(entry.unwrap().file_name());
        fs::write(target, bytes).unwrap();
    }
    // The forger wrote the same ten first: those are what was signed, so going on is right.
    assert_eq!(Log::open_with(folder.path(), Box::new(NoKeeper), SEGMENT).unwrap().size(), 60);
    fs::write(folder.path().join("log/w0001/checkpoint"), signed).unwrap();
    // But one byte of theirs must not slip under a new signature.
    let mut first = fs::read(segment(folder.path())).unwrap();
    let place = frames(&first)[4];
    rewrite(&mut first, place, 12);
    fs::write(segment(folder.path()), first).unwrap();
    assert!(Log::open_with(folder.path(), Box::new(NoKeeper), SEGMENT).is_err());
    fs::remove_file(segment(folder.path())).unwrap();
    assert!(Log::open_with(folder.path(), Box::new(NoKeeper), SEGMENT).is_err());
}

#[test]
fn a_crash_at_any_moment_leaves_a_log_that_goes_on_with_all_its_tiles() {
    // No checkpoint by hand: only those that the ends of segments bring. The state is copied as a crash would leave it.
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::open_with(folder.path(), Box::new(NoKeeper), SEGMENT).unwrap();
    for count in 1..=700 {
        log.append(&[record(count - 1)]).unwrap();
        if count % 50 != 0 {
            continue;
        }
        let crashed = tempfile::tempdir().unwrap();
        copy_all(folder.path(), crashed.path());
        assert!(verify(crashed.path(), &[]).unwrap().is_sound());
        let log = Log::open_with(crashed.path(), Box::new(NoKeeper), SEGMENT).unwrap();
        assert_eq!(log.size(), u64::try_from(count).unwrap());
        drop(log);
        proofs_hold(crashed.path());
    }
}

fn proofs_hold(state: &Path) {
    let report = verify(state, &[]).unwrap();
    assert!(report.is_sound() && report.logs[0].signed == report.logs[0].size, "{report:?}");
    let key = fs::read_to_string(state.join("log/w0001/key.pub")).unwrap();
    let key = PublicKey::read(&key).unwrap();
    for index in (0..report.logs[0].size).step_by(37) {
        let proof = wardline::audit::prove(state, "w0001", index).unwrap();
        let entry = record(i64::try_from(index).unwrap()).canonical().unwrap();
        assert!(proof.holds(&entry, &key).unwrap());
    }
}

#[test]
fn a_witness_sees_that_a_log_went_on() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let folder = tempfile::tempdir().unwrap();
    let mut seen: Vec<Checkpoint> = Vec::new();
    for _ in 0..8 {
        written(folder.path(), Box::new(Memory(kept.clone())), 40);
        seen.push(kept.lock().unwrap()[0].checkpoint().unwrap());
    }
    let key = PublicKey::read(&kept.lock().unwrap()[0].key).unwrap();
    for old in &seen {
        let proof = prove_continuation(folder.path(), "w0001", old.size).unwrap();
        assert!(proof.holds(old, &key).unwrap());
        let other = Checkpoint { root: [7; 32], ..old.clone() };
        assert!(!proof.holds(&other, &key).unwrap());
    }
    assert_eq!(query(folder.path(), &Filter::default()).unwrap().len(), 320);
}
