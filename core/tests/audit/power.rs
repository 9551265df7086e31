//! The power fails: what was not synced is on the disk in part, old and new sectors as it comes. Nothing that was acknowledged is lost,
//! and what is left is no false alarm.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use wardline::audit::{Filter, Journal, Log, NoKeeper, prove, query, verify};

use crate::record;

/// Room for the widest header and a group, so that segments stay this short: several to a tile.
const SHORT: u64 = 16 << 10;
/// So long that the next segment is made ready while one is written.
const LONG: u64 = 256 << 10;
/// Disks write at least so much at once.
const SECTOR: usize = 512;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// All files of a log, by their place in it.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn into(root: &Path, folder: &Path, all: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                into(root, &path, all);
            } else {
                // What is being made anew may have its name by now.
                let Ok(bytes) = fs::read(&path) else { continue };
                all.insert(path.strip_prefix(root).unwrap().to_owned(), bytes);
            }
        }
    }
    let mut all = BTreeMap::new();
    into(folder, folder, &mut all);
    all
}

fn put(folder: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    let _ = fs::remove_dir_all(folder);
    for (name, bytes) in files {
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
        #[cfg(unix)]
        fs::set_permissions(folder.join(name), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
}

/// A segment of which some sectors are already the new ones.
fn torn(old: &[u8], new: &[u8], dice: &mut Dice) -> Vec<u8> {
    let sectors = new.chunks(SECTOR).zip(old.chunks(SECTOR));
    sectors.flat_map(|(new, old)| if dice.below(2) == 0 { new } else { old }.to_vec()).collect()
}

/// Opens what is left, and asks for all that was acknowledged.
fn goes_on(state: &Path, room: u64, acknowledged: usize, what: &str) {
    let report = verify(state, &[]).unwrap();
    assert!(report.is_sound(), "{what}: a false alarm: {report:?}");
    let mut log = Log::open_with(state, Box::new(NoKeeper), room).unwrap_or_else(|e| panic!("{what}: {e}"));
    let size = usize::try_from(log.size()).unwrap();
    assert!(size >= acknowledged, "{what}: {size} of {acknowledged}");
    log.append(&[record(9_999)]).unwrap();
    drop(log);
    let found = query(state, &Filter::default()).unwrap();
    assert_eq!(found.len(), size + 1, "{what}");
    for (number, entry) in found.into_iter().take(acknowledged).enumerate() {
        assert_eq!(entry.unwrap().record, record(i64::try_from(number).unwrap()), "{what}");
    }
    assert!(verify(state, &[]).unwrap().is_sound(), "{what}");
    for index in (0..size).step_by(200).chain([size]) {
        prove(state, "w0001", index as u64).unwrap_or_else(|e| panic!("{what}: no proof of {index}: {e}"));
    }
}

#[test]
fn unsynced_sectors_come_back_old_or_new() {
    goes_on_after(SHORT, 40, 40);
}

#[test]
fn so_do_those_of_segments_that_were_made_ready() {
    let spares = goes_on_after(LONG, 32, 250);
    assert!(spares > 0, "the power failed while there was one");
}

/// So many appends of up to so many records, no more than are synced together, and what is left of each where the power fails. How many times a segment was being made ready.
fn goes_on_after(room: u64, rounds: usize, most: usize) -> usize {
    let (folder, left) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (source, target) = (folder.path().join("log/w0001"), left.path().join("log/w0001"));
    let mut dice = Dice(11);
    let mut log = Log::open_with(folder.path(), Box::new(NoKeeper), room).unwrap();
    let mut count = 0;
    // What `synced` held, and what was there as it first did.
    let mut synced: Vec<(Vec<u8>, BTreeSet<PathBuf>)> = Vec::new();
    let mut spares = 0;
    for round in 0..rounds {
        let before = files(&source);
        let note = before.get(Path::new("synced")).cloned().unwrap_or_default();
        if synced.last().is_none_or(|(last, _)| *last != note) {
            synced.push((note, before.keys().cloned().collect()));
        }
        let group: Vec<_> =
            (0..=dice.below(most)).map(|more| record(count + i64::try_from(more).unwrap())).collect();
        let acknowledged = usize::try_from(count).unwrap();
        count += i64::try_from(group.len()).unwrap();
        log.append(&group).unwrap();
        let appended = files(&source);
        spares += usize::from(appended.contains_key(Path::new("seg/spare")));
        // During the append: the segment that it went to is a mixture. A segment that was begun for it is there whole or not at all.
        for cut in 0..4 {
            let mut disk = before.clone();
            for (name, new) in &appended {
                let Some(old) = before.get(name) else { continue };
                if old != new && name.starts_with("seg") {
                    disk.insert(name.clone(), torn(old, new, &mut dice));
                }
            }
            // Whoever syncs tiles may be some segments behind: those that were written since may be gone.
            let (note, durable) = &synced[synced.len() - 1 - dice.below(synced.len().min(3))];
            disk.insert("synced".into(), note.clone());
            let lost = |name: &Path| name.starts_with("tile") && !durable.contains(name);
            disk.retain(|name, _| !lost(name) || dice.below(2) == 0);
            put(&target, &disk);
            goes_on(left.path(), room, acknowledged, &format!("round {round}, append {cut}"));
        }
        if round % 3 != 0 {
            continue;
        }
        log.checkpoint().unwrap();
        let signed = files(&source);
        // After it: entries and checkpoint are synced, tiles of the last segment are not.
        let durable = &synced[synced.len() - 1].1;
        for cut in 0..4 {
            let mut disk = signed.clone();
            for (name, new) in
                signed.iter().filter(|(name, _)| name.starts_with("tile") && !durable.contains(*name))
            {
                match dice.below(4) {
                    0 => drop(disk.remove(name)),
                    1 => drop(disk.insert(name.clone(), Vec::new())),
                    2 => drop(disk.insert(name.clone(), appended.get(name).unwrap_or(new).clone())),
                    _ => {}
                }
            }
            put(&target, &disk);
            goes_on(
                left.path(),
                room,
                usize::try_from(count).unwrap(),
                &format!("round {round}, signed {cut}"),
            );
        }
    }
    spares
}
