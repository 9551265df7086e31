//! Groups made durable, beside what the disk takes: the same number of bytes, written and synced, over a file that is preallocated and full of zeros.
//!
//! Log and disk take turns, so that what else the machine does meets both. A turn of the log is as many bytes as a segment has room for, from a quarter
//! of one on: what a segment costs (its successor's zeros, its tiles, its end) is in it once, and done before it is the disk's turn. Groups alone, of
//! which a segment takes twenty seconds, have shorter ones: of them a segment's costs are one part in twenty, and not in it.
//!
//! The log has two turns: with entries that were made before, as those who wait for a record do on threads of their own (`Prepared`; what that takes them is not
//! in it), and with records of which the log makes the entries itself.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use wardline::audit::{Journal, Log, NoKeeper, Prepared, Record};

use crate::sample::typical;

/// Records written under one sync, as a busy guard gathers them.
const GROUPS: [usize; 4] = [1, 16, 256, 4_096];
/// Records in a group while what comes before is filled, and the room of a segment.
const GROUP: usize = 256;
const SEGMENT: usize = 64 << 20;
/// What the log writes before each record, and is written here, too.
const FRAME: usize = 20;
/// Room of the file that is the disk's, which is written over and over.
const ROOM: usize = 256 << 20;
const TURNS: usize = 5;
/// No more groups than these a turn.
const MOST: usize = 16_384;

/// One turn: records a second, and how long the middle group took.
struct Turn {
    rate: f64,
    middle: Duration,
}

/// Prints, for each size of group, what is made durable a second, what the disk allows, and the part that this is, turn by turn; `bytes` are those of a record.
pub(crate) fn rates(folder: &Path, bytes: usize, only: Option<usize>) -> Result<(), Box<dyn Error>> {
    let wanted = |group: &usize| only.is_none_or(|only| only == *group);
    GROUPS.into_iter().filter(wanted).try_for_each(|group| rate(folder, bytes, group))
}

fn rate(folder: &Path, bytes: usize, group: usize) -> Result<(), Box<dyn Error>> {
    let records: Vec<Record> = (0..group as u64).map(typical).collect();
    let block = vec![7; (bytes + FRAME) * group];
    let count = (SEGMENT / block.len()).min(MOST);
    let state = folder.join(format!("rate-{group}"));
    let mut log = Log::open(&state, Box::new(NoKeeper))?;
    let filling: Vec<Record> = (0..GROUP as u64).map(typical).collect();
    for _ in 0..(SEGMENT + SEGMENT / 4) / ((bytes + FRAME) * GROUP) {
        log.append(&filling)?;
    }
    let mut disk = Disk::new(&state.join("limit"))?;
    let made: Vec<Prepared> = records.iter().cloned().map(Prepared::new).collect();
    let (mut ready, mut plain, mut limits) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TURNS {
        ready.push(turn(count, group, || Ok(log.append_prepared(&made)?))?);
        limits.push(turn(count, group, || disk.write(&block))?);
        plain.push(turn(count, group, || Ok(log.append(&records)?))?);
    }
    drop((log, disk));
    std::fs::remove_dir_all(&state)?;
    for (how, ours) in [("prepared", ready), ("made by the log", plain)] {
        let rates = ours.iter().zip(&limits).map(|(our, limit)| our.rate / limit.rate * 100.0);
        let mut parts: Vec<f64> = rates.collect();
        parts.sort_by(f64::total_cmp);
        let our = middle(ours);
        println!(
            "groups of {group}, {how}: {:.0} records/s durable; in turns {:.0} % of the disk's ({:.0} to {:.0}); a group {} us (p50)",
            our.rate,
            parts[TURNS / 2],
            parts[0],
            parts[TURNS - 1],
            our.middle.as_micros(),
        );
    }
    let limit = middle(limits);
    println!(
        "groups of {group}: the disk allows {:.0}; a group {} us (p50)",
        limit.rate,
        limit.middle.as_micros()
    );
    Ok(())
}

/// So many groups, one after another.
fn turn(
    count: usize,
    group: usize,
    mut write: impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<Turn, Box<dyn Error>> {
    let (mut times, started) = (Vec::with_capacity(count), Instant::now());
    let mut last = started;
    for _ in 0..count {
        write()?;
        let now = Instant::now();
        times.push(now - last);
        last = now;
    }
    let rate = (count * group) as f64 / (last - started).as_secs_f64();
    times.sort_unstable();
    Ok(Turn { rate, middle: times[count / 2] })
}

/// The turn in the middle, by its rate.
fn middle(mut turns: Vec<Turn>) -> Turn {
    turns.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    turns.swap_remove(TURNS / 2)
}

/// A file that is preallocated, and was written before.
struct Disk {
    file: File,
    at: usize,
}

impl Disk {
    fn new(path: &Path) -> Result<Self, Box<dyn Error>> {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
        // Of what is written in large pieces the operating system keeps large pieces, and is slower to find what was altered in them.
        let zeros = vec![0; 64 << 10];
        for _ in 0..ROOM / zeros.len() {
            file.write_all(&zeros)?;
        }
        file.sync_all()?;
        Ok(Self { file, at: 0 })
    }

    fn write(&mut self, block: &[u8]) -> Result<(), Box<dyn Error>> {
        if self.at + block.len() > ROOM {
            self.at = 0;
        }
        self.file.seek(SeekFrom::Start(self.at as u64))?;
        self.file.write_all(block)?;
        self.file.sync_data()?;
        self.at += block.len();
        Ok(())
    }
}
