//! Altering, deleting, reordering, truncating or restoring an old copy: each shows, with the first bad index.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use wardline::audit::{Journal, Kept, Log, NoKeeper, verify};

use crate::{Memory, SEGMENT, faults, written};

pub(crate) fn segment(folder: &Path) -> PathBuf {
    folder.join("log/w0001/seg/000000000001.seg")
}

/// The frames of a segment: where each begins, and where the last ends.
pub(crate) fn frames(bytes: &[u8]) -> Vec<usize> {
    let mut at = u32::from_le_bytes(bytes[8..12].try_into().unwrap()) as usize;
    let mut places = vec![at];
    loop {
        // A segment that has ended has no room behind its last frame.
        let length =
            bytes.get(at..at + 4).map_or(0, |four| u32::from_le_bytes(four.try_into().unwrap()) as usize);
        if length == 0 {
            return places;
        }
        at += 20 + length;
        places.push(at);
    }
}

#[test]
fn every_flipped_byte_of_an_entry_shows_with_its_index() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), Box::new(NoKeeper), 6);
    let clean = fs::read(segment(folder.path())).unwrap();
    let places = frames(&clean);
    for (index, pair) in places.windows(2).enumerate() {
        for at in pair[0]..pair[1] {
            let mut bytes = clean.clone();
            bytes[at] ^= 0x20;
            fs::write(segment(folder.path()), &bytes).unwrap();
            let report = verify(folder.path(), &[]).unwrap();
            let fault = report.logs[0].fault.as_ref().unwrap_or_else(|| panic!("byte {at} of entry {index}"));
            assert_eq!(fault.index, Some(index as u64), "byte {at}: {}", fault.what);
        }
    }
}

#[test]
fn every_flipped_byte_of_header_key_and_checkpoint_shows() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), Box::new(NoKeeper), 6);
    for name in ["seg/000000000001.seg", "key.pub", "checkpoint", "tile/0/000.p/6"] {
        let path = folder.path().join("log/w0001").join(name);
        let clean = fs::read(&path).unwrap();
        let first = if name.starts_with("seg") { frames(&clean)[0] } else { clean.len() };
        for at in 0..first {
            let mut bytes = clean.clone();
            bytes[at] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert!(!verify(folder.path(), &[]).unwrap().is_sound(), "{name} byte {at}");
        }
        fs::write(&path, clean).unwrap();
    }
    assert!(verify(folder.path(), &[]).unwrap().is_sound());
}

#[test]
fn a_log_whose_key_is_gone_is_not_told_to_be_gone_and_one_that_nobody_remembers_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let kept: Arc<Mutex<Vec<Kept>>> = Arc::default();
    written(folder.path(), Box::new(Memory(kept.clone())), 6);
    let kept = kept.lock().unwrap().clone();
    let told = |kept: &[Kept]| {
        let report = verify(folder.path(), kept).unwrap();
        (faults(&report), report.logs[0].anchored)
    };
    assert_eq!(told(&kept), (vec![], true));
    assert_eq!(told(&[]), (vec![], false));
    fs::remove_file(folder.path().join("log/w0001/key.pub")).unwrap();
    assert_eq!(told(&kept), (vec!["its public key is gone".to_owned()], true));
    fs::remove_dir_all(folder.path().join("log/w0001")).unwrap();
    assert_eq!(told(&kept), (vec!["the log is gone; its checkpoint was kept outside".to_owned()], true));
}

#[test]
fn a_copy_of_a_log_in_the_place_of_another_shows_where_nothing_is_kept_too() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), Box::new(NoKeeper), 6);
    copy_all(&folder.path().join("log/w0001"), &folder.path().join("log/w0002"));
    let report = verify(folder.path(), &[]).unwrap();
    assert!(report.logs[0].fault.is_none(), "{report:?}");
    let name = &report.logs[0].origin;
    assert_eq!(faults(&report), [format!("it is the log {name}, which belongs elsewhere")]);
}

#[test]
fn deleted_swapped_and_cut_entries_show() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), Box::new(NoKeeper), 6);
    let clean = fs::read(segment(folder.path())).unwrap();
    let places = frames(&clean);
    let frame = |n: usize| clean[places[n]..places[n + 1]].to_vec();
    let rest = |n: usize| clean[places[n]..].to_vec();
    let head = |n: usize| clean[..places[n]].to_vec();

    let deleted = [head(2), rest(3)].concat();
    let swapped = [head(2), frame(3), frame(2), rest(4)].concat();
    for (what, bytes) in [("deleted", deleted), ("swapped", swapped)] {
        fs::write(segment(folder.path()), bytes).unwrap();
        assert_eq!(
            verify(folder.path(), &[]).unwrap().logs[0].fault.as_ref().unwrap().index,
            Some(2),
            "{what}"
        );
    }
    // Whatever length it is cut to.
    for length in 0..*places.last().unwrap() {
        fs::write(segment(folder.path()), &clean[..length]).unwrap();
        assert!(!verify(folder.path(), &[]).unwrap().is_sound(), "cut to {length}");
        assert!(Log::open_with(folder.path(), Box::new(NoKeeper), SEGMENT).is_err(), "cut to {length}");
    }
}

/// What lies in the room behind the last entry may be what a writer that died had begun: it is told, and no alarm. Further away than a group reaches it
/// is nobody's.
#[test]
fn what_is_put_behind_the_last_entry_is_told() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), Box::new(NoKeeper), 6);
    let clean = fs::read(segment(folder.path())).unwrap();
    let end = *frames(&clean).last().unwrap();
    let torn = || {
        let report = verify(folder.path(), &[]).unwrap();
        assert!(report.is_sound(), "{report:?}");
        (report.logs[0].size, report.logs[0].torn)
    };
    assert_eq!(torn(), (6, 0));
    for at in [0, 1, 19, 300] {
        let mut bytes = clean.clone();
        bytes[end + at] = 7;
        fs::write(segment(folder.path()), &bytes).unwrap();
        assert_eq!(torn(), (6, at as u64 + 1));
        // Whoever continues the log clears it, and hears of it once.
        let mut log = Log::open_with(folder.path(), Box::new(NoKeeper), SEGMENT).unwrap();
        assert_eq!((log.cleared(), log.cleared()), (Some(at as u64 + 1), None));
        drop(log);
        assert_eq!(fs::read(segment(folder.path())).unwrap(), clean);
        assert_eq!(torn(), (6, 0));
    }
    assert_eq!(Log::open_with(folder.path(), Box::new(NoKeeper), SEGMENT).unwrap().cleared(), None);

    let far = fs::File::options().write(true).open(segment(folder.path())).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&far, b"x", 20 << 20).unwrap();
    let fault = verify(folder.path(), &[]).unwrap().logs[0].fault.clone().unwrap();
    assert_eq!(fault.index, Some(6), "{}", fault.what);
    assert!(Log::open_with(folder.path(), Box::new(NoKeeper), SEGMENT).is_err());
}

#[test]
fn a_restored_copy_another_key_and_a_deleted_log_show_against_what_was_kept() {
    let kept = Arc::new(Mutex::new(Vec::<Kept>::new()));
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log/w0001");
    written(folder.path(), Box::new(Memory(kept.clone())), 6);
    let copy = tempfile::tempdir().unwrap();
    copy_all(&log, copy.path());
    written(folder.path(), Box::new(Memory(kept.clone())), 3);
    let known = kept.lock().unwrap().clone();
    assert!(verify(folder.path(), &known).unwrap().is_sound());

    fs::remove_dir_all(&log).unwrap();
    assert_eq!(
        faults(&verify(folder.path(), &known).unwrap()),
        ["the log is gone; its checkpoint was kept outside"]
    );
    assert!(Log::open_with(folder.path(), Box::new(Memory(kept.clone())), SEGMENT).is_err());

    copy_all(copy.path(), &log);
    assert_eq!(faults(&verify(folder.path(), &known).unwrap()), ["the tail is gone: 9 entries were signed"]);
    assert!(
        verify(folder.path(), &[]).unwrap().is_sound(),
        "the copy alone is a sound log: only the keeper knows"
    );
    assert!(Log::open_with(folder.path(), Box::new(Memory(kept.clone())), SEGMENT).is_err());

    fs::remove_dir_all(&log).unwrap();
    written(folder.path(), Box::new(NoKeeper), 9);
    assert_eq!(
        faults(&verify(folder.path(), &known).unwrap()),
        ["its key is another than the one kept outside"]
    );
}

pub(crate) fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
