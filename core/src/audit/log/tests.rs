//! The log while it is written: what fails, what a group is, what is made ready.

use super::*;
use crate::audit::{Filter, Kind, NoKeeper, query, verify};
use crate::clock::Timestamp;

fn record(number: i64) -> Record {
    Record::new(Kind::Exchange, format!("rec_{number}").as_str().into(), Timestamp::from_millis(number))
}

#[test]
#[cfg(target_os = "linux")]
fn a_failed_write_poisons_and_keeps_what_was_acknowledged() {
    let state = tempfile::tempdir().unwrap();
    let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 4_096).unwrap();
    log.append(&[record(0)]).unwrap();
    let good =
        std::mem::replace(&mut log.segment, Box::new(File::options().write(true).open("/dev/full").unwrap()));
    assert_eq!(log.append(&[record(1)]).unwrap_err().kind(), ErrorKind::Log);
    log.segment = good;
    assert!(log.append(&[record(2)]).is_err(), "never tried again");
    drop(log);
    assert!(verify(state.path(), &[]).unwrap().is_sound());
    assert_eq!(query(state.path(), &Filter::default()).unwrap().len(), 1);
    assert_eq!(Log::open_with(state.path(), Box::new(NoKeeper), 4_096).unwrap().size(), 1);
}

/// A disk on which one operation fails, after it did a part of its work or none.
struct Faulty {
    file: File,
    /// How many operations go well before.
    good: usize,
    /// How much of a write arrives all the same.
    part: usize,
}

impl Faulty {
    fn next(&mut self) -> io::Result<()> {
        // EIO on Linux and elsewhere.
        self.good = self.good.checked_sub(1).ok_or_else(|| io::Error::from_raw_os_error(5))?;
        Ok(())
    }
}

impl Disk for Faulty {
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let good = self.next();
        let whole = if good.is_ok() { bytes } else { &bytes[..self.part.min(bytes.len())] };
        self.file.write_at(at, whole)?;
        good
    }

    fn sync(&mut self) -> io::Result<()> {
        self.next()?;
        self.file.sync()
    }

    fn room(&self) -> io::Result<u64> {
        self.file.room()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.next()?;
        self.file.cut(length)
    }
}

#[test]
fn whatever_operation_fails_what_was_acknowledged_is_there_and_nothing_else_is_signed() {
    for good in 0..12 {
        for part in [0, 10, 300, usize::MAX] {
            let state = tempfile::tempdir().unwrap();
            let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 1 << 18).unwrap();
            let path = segment::path(&log.folder, 1);
            let file = File::options().write(true).open(path).unwrap();
            log.segment = Box::new(Faulty { file, good, part });
            let mut acknowledged = 0;
            // Clocks jump back; three at a time.
            for group in 0..8_i64 {
                let records: Vec<Record> = (0..3).map(|n| record(1_000 - group * 100 + n)).collect();
                match log.append(&records) {
                    Ok(()) => acknowledged += 3,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Log),
                }
                let _ = log.checkpoint();
            }
            assert_eq!(acknowledged, 3 * (good / 2), "poisoned from the first failure on");
            drop(log);
            let report = verify(state.path(), &[]).unwrap();
            assert!(report.is_sound(), "{good} {part}: {report:?}");
            assert_eq!(report.logs[0].signed, acknowledged as u64);
            let log = Log::open_with(state.path(), Box::new(NoKeeper), 1 << 18).unwrap();
            // A group that arrived whole and was not acknowledged may be there: nobody relied on it.
            assert!(log.size() == acknowledged as u64 || log.size() <= acknowledged as u64 + 3);
            drop(log);
            assert!(verify(state.path(), &[]).unwrap().is_sound());
            let there = query(state.path(), &Filter::default()).unwrap();
            assert!(there.len() >= acknowledged && there.iter().all(Result::is_ok));
        }
    }
}

#[test]
fn of_several_groups_at_once_all_are_acknowledged_or_none_and_none_is_skipped() {
    const MANY: usize = 3 * GROUP + 7;
    let records: Vec<Record> = (0..MANY as i64).map(record).collect();
    for good in 0..=8 {
        let state = tempfile::tempdir().unwrap();
        let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 1 << 20).unwrap();
        let path = segment::path(&log.folder, 1);
        let file = File::options().write(true).open(path).unwrap();
        log.segment = Box::new(Faulty { file, good, part: 300 });
        // A write and a sync each.
        assert_eq!(log.append(&records).is_ok(), good == 8, "{good}");
        let _ = log.checkpoint();
        drop(log);
        let report = verify(state.path(), &[]).unwrap();
        assert!(report.is_sound(), "{good}: {report:?}");
        assert_eq!(report.logs[0].signed, if good == 8 { MANY as u64 } else { 0 });
        let there = query(state.path(), &Filter::default()).unwrap();
        let there: Vec<Record> = there.into_iter().map(|entry| entry.unwrap().record).collect();
        assert!(there.len() >= (good / 2 * GROUP).min(MANY), "{good}: what was synced is there");
        assert_eq!(there, records[..there.len()], "{good}: in order, and from the first on");
    }
}

#[test]
fn many_records_at_once_are_the_log_that_one_by_one_makes() {
    let records: Vec<Record> = (0..2_000).map(record).collect();
    let roots = [1, 100, 2_000].map(|together| {
        let state = tempfile::tempdir().unwrap();
        // Segments end within what is appended at once.
        let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 20_000).unwrap();
        records.chunks(together).for_each(|some| log.append(some).unwrap());
        log.checkpoint().unwrap();
        let root = log.tiles.tree().root();
        drop(log);
        let report = verify(state.path(), &[]).unwrap();
        assert!(report.is_sound() && report.logs[0].signed == 2_000, "{report:?}");
        root
    });
    assert!(roots.iter().all(|root| *root == roots[0]));
}

#[test]
fn prepared_records_make_the_log_that_plain_ones_make() {
    let mut records: Vec<Record> = (0..700).map(record).collect();
    // One that needs a file beside the log, one that is too long, and a gap.
    let mut census = crate::model::Census::default();
    (0..2_000).for_each(|id| census.note_id(|| format!("id-{id}")));
    records[3].response = Some(crate::audit::Passed { census: Some(census), ..Default::default() }.into());
    records[4].because = Some("x".repeat(100_000).into());
    let logs = [0, 1, 2].map(|kind| {
        let state = tempfile::tempdir().unwrap();
        let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 20_000).unwrap();
        for some in records.chunks(300) {
            let made = |record: &Record| {
                if kind == 1 { Prepared::new(record.clone()) } else { record.clone().into() }
            };
            let prepared: Vec<Prepared> = some.iter().map(made).collect();
            if kind == 0 { log.append(some).unwrap() } else { log.append_prepared(&prepared).unwrap() }
        }
        log.checkpoint().unwrap();
        let root = log.tiles.tree().root();
        drop(log);
        let report = verify(state.path(), &[]).unwrap();
        assert!(report.is_sound() && report.logs[0].signed == 700, "{report:?}");
        let there = query(state.path(), &Filter::default()).unwrap();
        let whole = &there[4].as_ref().unwrap().record;
        assert_eq!(whole.because, records[4].because);
        root
    });
    assert!(logs.iter().all(|root| *root == logs[0]));
    // What they hold is made where it can be, and else by the log.
    let made = |at: usize| Prepared::new(records[at].clone()).entry().map(<[u8]>::to_vec);
    assert_eq!(made(0), Some(records[0].canonical().unwrap()));
    assert_eq!((made(3), made(4)), (None, None));
}

#[test]
fn a_segment_that_was_made_ready_is_as_any_other() {
    const ROOM: u64 = 2 * HEADER;
    let records: Vec<Record> = (0..20_000).map(record).collect();
    // With the spare; where it cannot be made; where somebody takes it away.
    let logs = ["spare", "none", "lost"].map(|kind| {
        let state = tempfile::tempdir().unwrap();
        let mut log = Log::open_with(state.path(), Box::new(NoKeeper), ROOM).unwrap();
        let spare = log.folder.join("seg/spare");
        if kind == "none" {
            fs::create_dir(&spare).unwrap();
        }
        for some in records.chunks(50) {
            log.append(some).unwrap();
            if kind == "lost" {
                let _ = fs::remove_file(&spare);
            }
            assert!(kind != "spare" || log.at < ROOM / 2 || log.spare.is_tried(), "at {}", log.at);
            // What is not written yet is zeros, for an end that is no entry would be told as one.
            assert!(log.zeros >= log.at && log.segment.room().unwrap() >= ROOM.min(log.zeros));
        }
        assert!(log.number > 2, "{}", log.number);
        let (root, number) = (log.tiles.tree().root(), log.number);
        log.checkpoint().unwrap();
        // Whoever reads meanwhile does not take it for a segment.
        assert!(verify(state.path(), &[]).unwrap().is_sound());
        drop(log);
        assert_eq!(spare.exists(), kind == "none", "nothing is left behind");
        let report = verify(state.path(), &[]).unwrap();
        assert!(report.is_sound() && report.logs[0].signed == 20_000, "{report:?}");
        let log = Log::open_with(state.path(), Box::new(NoKeeper), ROOM).unwrap();
        assert_eq!((log.size(), log.cleared), (20_000, None));
        (root, number)
    });
    assert!(logs.iter().all(|log| *log == logs[0]));
}

#[test]
fn a_short_log_and_one_that_a_writer_hardly_adds_to_have_no_spare() {
    let state = tempfile::tempdir().unwrap();
    let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 4 * HEADER).unwrap();
    while log.at < 2 * HEADER {
        assert!(!log.spare.is_tried());
        log.append(&[record(0), record(1), record(2)]).unwrap();
    }
    assert!(log.spare.is_tried());
    drop(log);
    let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 4 * HEADER).unwrap();
    log.append(&[record(0)]).unwrap();
    assert!(!log.spare.is_tried() && !log.folder.join("seg/spare").exists());
}

#[test]
fn what_a_writer_that_died_left_of_the_next_segment_is_no_segment() {
    let state = tempfile::tempdir().unwrap();
    let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 2 * HEADER).unwrap();
    log.append(&[record(0)]).unwrap();
    let (segments, first) = (log.folder.join("seg"), segment::path(&log.folder, 1));
    drop(log);
    // Zeros, and what could be a segment of an earlier time, under both names that it has before it is one.
    for bytes in [vec![0; 1_000], fs::read(&first).unwrap()] {
        fs::write(segments.join("spare"), &bytes).unwrap();
        fs::write(segments.join("000000000002.new"), &bytes).unwrap();
        assert!(verify(state.path(), &[]).unwrap().is_sound());
        let log = Log::open_with(state.path(), Box::new(NoKeeper), 2 * HEADER).unwrap();
        assert_eq!((log.size(), log.number), (1, 1));
        assert!(!segments.join("spare").exists() && !segments.join("000000000002.new").exists());
    }
    let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 2 * HEADER).unwrap();
    let many: Vec<Record> = (1..9_000).map(record).collect();
    many.chunks(50).for_each(|some| log.append(some).unwrap());
    assert!(log.number > 1);
    drop(log);
    assert!(verify(state.path(), &[]).unwrap().is_sound());
    assert_eq!(query(state.path(), &Filter::default()).unwrap().len(), 9_000);
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_and_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    fs::write(&file, b"a file where a folder should be").unwrap();
    assert_eq!(Log::open(&file, Box::new(NoKeeper)).unwrap_err().kind(), ErrorKind::Log);
    // A log that turns so while it is written, too: no segment can follow.
    let state = folder.path().join("other");
    let mut log = Log::open_with(&state, Box::new(NoKeeper), 4_096).unwrap();
    log.append(&[record(0)]).unwrap();
    log.checkpoint().unwrap();
    let (segments, away) = (log.folder.join("seg"), log.folder.join("away"));
    fs::rename(&segments, &away).unwrap();
    fs::write(&segments, b"").unwrap();
    let many: Vec<Record> = (1..1_500).map(record).collect();
    assert_eq!(log.append(&many).unwrap_err().kind(), ErrorKind::Log);
    drop(log);
    fs::remove_file(&segments).unwrap();
    fs::rename(&away, &segments).unwrap();
    assert!(verify(&state, &[]).unwrap().is_sound());
    assert_eq!(Log::open_with(&state, Box::new(NoKeeper), 4_096).unwrap().size(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let read_only = folder.path().join("read-only");
        fs::create_dir(&read_only).unwrap();
        fs::set_permissions(&read_only, fs::Permissions::from_mode(0o500)).unwrap();
        // Nobody forbids root anything.
        if fs::write(read_only.join("probe"), b"").is_err() {
            assert_eq!(Log::open(&read_only, Box::new(NoKeeper)).unwrap_err().kind(), ErrorKind::Log);
        }
    }
}

#[test]
fn a_forked_child_neither_writes_nor_signs() {
    let state = tempfile::tempdir().unwrap();
    let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 4_096).unwrap();
    log.append(&[record(0)]).unwrap();
    log.process = log.process.wrapping_add(1);
    assert!(log.append(&[record(1)]).is_err());
    assert!(log.checkpoint().is_err());
    drop(log);
    assert_eq!(verify(state.path(), &[]).unwrap().logs[0].signed, 0);
}

#[test]
#[cfg(unix)]
fn a_key_that_everyone_may_read_signs_nothing_and_a_checkpoint_that_is_none_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let state = tempfile::tempdir().unwrap();
    let mut log = Log::open_with(state.path(), Box::new(NoKeeper), 4_096).unwrap();
    log.append(&[record(0)]).unwrap();
    drop(log);
    let folder = state.path().join("log/w0001");
    let refused = || Log::open_with(state.path(), Box::new(NoKeeper), 4_096).unwrap_err().to_string();
    let mode = |mode| fs::set_permissions(folder.join("key"), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    let told = refused();
    assert!(told.contains("w0001 has a key that everyone may use (mode 644; expected 600)"), "{told}");
    // Orchestrators give volumes to a group.
    mode(0o640);
    assert_eq!(Log::open_with(state.path(), Box::new(NoKeeper), 4_096).unwrap().size(), 1);
    fs::write(folder.join("checkpoint"), b"").unwrap();
    let told = refused();
    assert!(told.contains("w0001 has a checkpoint that is not one of its key"), "{told}");
}

#[test]
fn a_lost_key_is_not_replaced() {
    let state = tempfile::tempdir().unwrap();
    drop(Log::open_with(state.path(), Box::new(NoKeeper), 4_096).unwrap());
    let folder = state.path().join("log/w0001");
    let public = fs::read(folder.join("key.pub")).unwrap();
    fs::remove_file(folder.join("key")).unwrap();
    assert!(Log::open_with(state.path(), Box::new(NoKeeper), 4_096).is_err());
    assert_eq!(fs::read(folder.join("key.pub")).unwrap(), public);
}
