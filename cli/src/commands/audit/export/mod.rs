//! `wardline audit export`: every entry of the log, shipped to where logs are collected.
//!
//! What has arrived is remembered in a file, after it has arrived: a run that ends in between ships some entries twice and none never. One
//! run serves one collector, so that one that is away holds up no other.

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
use wardline::keys::Secret;

use super::{folder, reading};
use crate::args::{self, ExportFormat};
use crate::{Failure, NO, Outcome, Streams};

/// Entries that are shipped at once.
const BATCH: usize = 500;
/// Entries of one file of Parquet at most.
#[cfg(feature = "parquet")]
const FILE: usize = 100_000;
/// How often one looks for new entries, and how long one waits at first for a collector that is away.
const PAUSE: Duration = Duration::from_secs(1);
/// How long one waits for it at most.
const LONGEST: Duration = Duration::from_secs(60);

pub(crate) fn run(args: &args::Export, streams: &mut Streams<'_>) -> Outcome {
    let folder = folder(&args.reader.state)?;
    let format = match args.format {
        ExportFormat::Parquet => return columns(args, streams),
        ExportFormat::Jsonl => Format::Jsonl,
        ExportFormat::Ocsf => Format::Ocsf,
        ExportFormat::Ecs => Format::Ecs,
        ExportFormat::Cef => Format::Cef,
        ExportFormat::Otlp => Format::Otlp,
    };
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

/// Writes what is new as files of Parquet, by day.
#[cfg(feature = "parquet")]
fn columns(args: &args::Export, streams: &mut Streams<'_>) -> Outcome {
    let Some(to) = args.to.as_deref().filter(|to| !to.contains("://") && !args.follow) else {
        let message =
            "--format parquet: expected a folder in --to, and no --follow: run it again for what came since";
        return Err(Failure::Usage(message.to_owned()));
    };
    let position = args.position.as_deref().map_or(Ok(Position::default()), remembered)?;
    reading::note(&args.reader, "exported", "parquet", streams)?;
    let mut follower = Follower::new(&folder(&args.reader.state)?, position);
    let mut code = 0;
    loop {
        let batch = follower.next(FILE)?;
        for error in batch.unread {
            code = NO;
            writeln!(streams.err, "wardline: {error}")?;
        }
        if batch.entries.is_empty() {
            return Ok(code);
        }
        parquet::write(Path::new(to), &batch.entries)?;
        kept(args, &batch.position)?;
    }
}

#[cfg(not(feature = "parquet"))]
fn columns(_: &args::Export, _: &mut Streams<'_>) -> Outcome {
    Err(Failure::Usage("this build writes no Parquet: it lacks the feature `parquet`".to_owned()))
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
            let authorization = args.authorization.as_deref().map(|place| match place.split_once(':') {
                Some(("env", name)) => Ok(Secret::Env(name.to_owned())),
                Some(("file", path)) => Ok(Secret::File(path.into())),
                _ => Err(Failure::Usage("--authorization: expected env:NAME or file:PATH".to_owned())),
            });
            let collector = Collector::at(to, authorization.transpose()?.as_ref(), format)?;
            Ok(Self::Collector(Box::new(collector)))
        }
        #[cfg(not(feature = "notify"))]
        {
            let _ = format;
            Err(Failure::Usage("this build calls nobody: it lacks the feature `notify`".to_owned()))
        }
    }
}

/// Delivers events; answers with the places of those that are refused. In following, waits for a collector that is away.
fn deliver(
    target: &mut Target,
    format: Format,
    events: &[Event<'_>],
    follow: bool,
    streams: &mut Streams<'_>,
) -> Result<Vec<usize>, Failure> {
    let mut pause = PAUSE;
    loop {
        let sent = match target {
            Target::Out => written(format, events, streams.out).and_then(|()| Ok(streams.out.flush()?)),
            // Arrived is what a power cut leaves there.
            Target::File(file) => written(format, events, file).and_then(|()| Ok(file.sync_data()?)),
            #[cfg(feature = "notify")]
            Target::Collector(collector) => match collector.send(events) {
                Ok(refused) => return Ok(refused),
                Err(error) => Err(error.into()),
            },
        };
        match sent {
            Ok(()) => return Ok(Vec::new()),
            Err(failure @ Failure::Library(_)) if follow => {
                if pause == PAUSE {
                    streams.fail(&failure);
                }
                thread::sleep(pause);
                pause = (pause * 2).min(LONGEST);
            }
            Err(failure) => return Err(failure),
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

/// Writes a file durably, and whole or not at all.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    // The name too, where folders can be opened.
    #[cfg(unix)]
    File::open(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))?
        .sync_all()?;
    Ok(())
}
