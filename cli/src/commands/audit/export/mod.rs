//! `wardline audit export`: every entry of the log, shipped to where logs are collected.
//!
//! What has arrived is remembered in a file, after it has arrived: a run that ends in between ships some entries twice and none never. One
//! run serves one collector, so that one that is away holds up no other.

mod files;
#[cfg(feature = "parquet")]
mod parquet;

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use wardline::audit::export::{Event, Format};
use wardline::audit::{Follower, Position};
#[cfg(feature = "notify")]
use wardline::guard::Collector;

#[cfg(feature = "notify")]
use super::place::secret;
use super::place::{is_objects, put};
use super::{folder, reading};
use crate::args::{self, ExportFormat};
use crate::{Failure, NO, Outcome, Streams};

/// Entries that are shipped at once.
const BATCH: usize = 500;
/// How often one looks for new entries, and how long one waits at first for a collector that is away.
const PAUSE: Duration = Duration::from_secs(1);
/// How long one waits for it at most.
const LONGEST: Duration = Duration::from_secs(60);

pub(crate) fn run(args: &args::Export, streams: &mut Streams<'_>) -> Outcome {
    let objects = args.to.as_deref().is_some_and(is_objects);
    if args.access.endpoint.is_some() && !objects {
        return Err(Failure::Usage("--endpoint: expected s3://BUCKET/PREFIX in --to".to_owned()));
    }
    let format = match args.format {
        ExportFormat::Parquet => None,
        ExportFormat::Jsonl => Some(Format::Jsonl),
        ExportFormat::Ocsf => Some(Format::Ocsf),
        ExportFormat::Ecs => Some(Format::Ecs),
        ExportFormat::Cef => Some(Format::Cef),
        ExportFormat::Otlp => Some(Format::Otlp),
    };
    let Some(format) = format.filter(|_| !objects) else { return files::run(args, format, streams) };
    let folder = folder(&args.reader.state)?;
    let mut target = Target::of(args, format)?;
    let position = args.position.as_deref().map_or(Ok(Position::default()), remembered)?;
    reading::note(&args.reader, "exported", format.name(), streams)?;
    let mut follower = Follower::new(&folder, position);
    let (mut told, mut code) = (HashSet::new(), 0);
    loop {
        let batch = follower.next(BATCH)?;
        for error in batch.unread {
            code = NO;
            // In following, the same place is come by again.
            if told.insert(error.to_string()) {
                writeln!(streams.err, "wardline: {error}")?;
            }
        }
        let events: Vec<Event<'_>> = batch.entries.iter().map(|entry| entry.event()).collect();
        if events.is_empty() {
            if !args.follow {
                return Ok(code);
            }
            thread::sleep(PAUSE);
            continue;
        }
        for place in deliver(&mut target, format, &events, args.follow, streams)? {
            code = NO;
            if let Some(event) = events.get(place) {
                writeln!(
                    streams.err,
                    "wardline: entry {} of {} is refused by the collector",
                    event.index, event.log
                )?;
            }
        }
        kept(args, &batch.position)?;
    }
}

/// Remembers what has arrived, where that is asked for.
fn kept(args: &args::Export, position: &Position) -> Result<(), Failure> {
    let Some(path) = &args.position else { return Ok(()) };
    let wrong = |e: io::Error| Failure::Usage(format!("{}: cannot be written: {e}", path.display()));
    let bytes = serde_json::to_vec(position).map_err(io::Error::from)?;
    put(path, &bytes).map_err(wrong)
}

/// Where events go.
enum Target {
    Out,
    File(File),
    #[cfg(feature = "notify")]
    Collector(Box<Collector>),
}

impl Target {
    fn of(args: &args::Export, format: Format) -> Result<Self, Failure> {
        let Some(to) = &args.to else { return Ok(Self::Out) };
        if !to.contains("://") {
            let file = OpenOptions::new().append(true).create(true).open(to);
            return Ok(Self::File(
                file.map_err(|e| Failure::Usage(format!("{to}: cannot be written: {e}")))?,
            ));
        }
        #[cfg(feature = "notify")]
        {
            let collector =
                Collector::at(to, secret(args.access.authorization.as_deref())?.as_ref(), format)?;
            Ok(Self::Collector(Box::new(collector)))
        }
        #[cfg(not(feature = "notify"))]
        {
            let _ = format;
            Err(Failure::Usage("this build calls nobody: it lacks the feature `notify`".to_owned()))
        }
    }
}

/// Delivers events; answers with the places of those that are refused.
fn deliver(
    target: &mut Target,
    format: Format,
    events: &[Event<'_>],
    follow: bool,
    streams: &mut Streams<'_>,
) -> Result<Vec<usize>, Failure> {
    patiently(follow, streams, |streams| match target {
        Target::Out => {
            written(format, events, streams.out)?;
            streams.out.flush()?;
            Ok(Vec::new())
        }
        // Arrived is what a power cut leaves there.
        Target::File(file) => {
            written(format, events, file)?;
            file.sync_data()?;
            Ok(Vec::new())
        }
        #[cfg(feature = "notify")]
        Target::Collector(collector) => Ok(collector.send(events)?),
    })
}

/// Delivers something. In following, waits for a collector that is away.
fn patiently<T>(
    follow: bool,
    streams: &mut Streams<'_>,
    mut deliver: impl FnMut(&mut Streams<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut pause = PAUSE;
    loop {
        match deliver(streams) {
            Err(failure @ Failure::Library(_)) if follow => {
                if pause == PAUSE {
                    streams.fail(&failure);
                }
                thread::sleep(pause);
                pause = (pause * 2).min(LONGEST);
            }
            delivered => return delivered,
        }
    }
}

fn written(format: Format, events: &[Event<'_>], out: &mut dyn Write) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    format.write(events, &mut bytes)?;
    Ok(out.write_all(&bytes)?)
}

fn remembered(path: &Path) -> Result<Position, Failure> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| {
            Failure::Usage(format!(
                "{}:{}: expected a position, as export wrote it",
                path.display(),
                e.line()
            ))
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Position::default()),
        Err(e) => Err(Failure::Usage(format!("{}: cannot be read: {e}", path.display()))),
    }
}
