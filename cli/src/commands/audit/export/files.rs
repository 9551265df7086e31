//! Entries as files, in a folder or in a store of objects: `day=2026-11-25/LOG-FIRST.parquet`, one for each day and log of what is new.
//!
//! A file is named by its log and its first entry, and is written whole or not at all: a run that ended before it was remembered writes the
//! same file once more, and no entry twice.

use std::collections::{BTreeMap, HashSet};
use std::thread;
use std::time::Duration;

use wardline::audit::export::{Event, Format};
use wardline::audit::{Followed, Follower, Position};

#[cfg(feature = "parquet")]
use super::parquet;
use super::{folder, kept, patiently, reading, remembered};
use crate::args;
use crate::commands::audit::place::Place;
use crate::{Failure, NO, Outcome, Streams};

/// Entries of one file at most.
const FILE: usize = 100_000;

/// How often one looks for new entries: what came since is a file.
const PAUSE: Duration = Duration::from_secs(60);

/// Writes what is new as files.
pub(super) fn run(args: &args::Export, format: Option<Format>, streams: &mut Streams<'_>) -> Outcome {
    let Some(to) = args.to.as_deref() else {
        return Err(Failure::Usage("--format parquet: expected --to".to_owned()));
    };
    let place = Place::of(to, &args.access)?;
    let state = folder(&args.reader.state)?;
    let position = args.position.as_deref().map_or(Ok(Position::default()), remembered)?;
    let name = format.map_or("parquet", Format::name);
    reading::note(&args.reader, "exported", name, streams)?;
    let mut follower = Follower::new(&state, position);
    let (mut told, mut code) = (HashSet::new(), 0);
    loop {
        let batch = follower.next(FILE)?;
        for error in batch.unread {
            code = NO;
            // In following, the same place is come by again.
            if told.insert(error.to_string()) {
                writeln!(streams.err, "wardline: {error}")?;
            }
        }
        if batch.entries.is_empty() {
            if !args.follow {
                return Ok(code);
            }
            thread::sleep(PAUSE);
            continue;
        }
        for ((day, log), entries) in by_day(&batch.entries) {
            let first = entries.first().map_or(0, |entry| entry.index);
            let file = format!("day={day}/{}-{first:012}.{name}", log.replace('/', "-"));
            let bytes = written(format, &entries)?;
            patiently(args.follow, streams, |_| place.put(&file, &bytes))?;
        }
        kept(args, &batch.position)?;
    }
}

fn by_day(entries: &[Followed]) -> BTreeMap<(String, &str), Vec<&Followed>> {
    let mut files: BTreeMap<(String, &str), Vec<&Followed>> = BTreeMap::new();
    for entry in entries {
        let day = entry.record.at.to_string().chars().take(10).collect();
        files.entry((day, &entry.log)).or_default().push(entry);
    }
    files
}

/// The bytes of a file; without a format those of columns.
fn written(format: Option<Format>, entries: &[&Followed]) -> Result<Vec<u8>, Failure> {
    let Some(format) = format else { return columns(entries) };
    let events: Vec<Event<'_>> = entries.iter().map(|entry| entry.event()).collect();
    let mut bytes = Vec::new();
    format.write(&events, &mut bytes)?;
    Ok(bytes)
}

#[cfg(feature = "parquet")]
fn columns(entries: &[&Followed]) -> Result<Vec<u8>, Failure> {
    parquet::file(entries).map_err(|e| Failure::Usage(format!("columns cannot be written: {e}")))
}

#[cfg(not(feature = "parquet"))]
fn columns(_: &[&Followed]) -> Result<Vec<u8>, Failure> {
    Err(Failure::Usage("this build writes no Parquet: it lacks the feature `parquet`".to_owned()))
}
