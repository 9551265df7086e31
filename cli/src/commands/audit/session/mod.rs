//! `wardline audit session`: what happened in a session, as a timeline: its exchanges, and the steps of people that they waited for.

mod bodies;
mod har;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use wardline::audit::{Entry, Filter, Kind, Passed, Record};
use wardline::model::SessionId;

pub(crate) use self::bodies::Bodies;
use super::{each, folder, reading, what};
use crate::args::Reader;
use crate::words::{caller, plain};
use crate::{Failure, NO, Outcome, Streams};

pub(crate) fn run(reader: &Reader, id: &str, har: bool, json: bool, streams: &mut Streams<'_>) -> Outcome {
    reading::note(reader, "session", id, streams)?;
    let folder = folder(&reader.state)?;
    let (story, unread) = gather(&folder, id)?;
    for error in &unread {
        writeln!(streams.err, "wardline: {error}")?;
    }
    let Some(first) = story.first() else {
        return Err(Failure::Usage("no record of a session of that id".to_owned()));
    };
    if har {
        streams.json(&har::archive(&folder, &story))?;
    } else if json {
        for entry in &story {
            streams.json(&with_bodies(entry, &Bodies::of(&folder, entry))?)?;
        }
    } else {
        streams.say(heading(id, &story))?;
        let begun = first.record.at;
        let several = callers(&story).len() > 1;
        for entry in &story {
            let after = entry.record.at.since(begun).as_secs_f64();
            streams.say(format!("{after:>10.3}s  {}", told(entry, several)))?;
            for line in Bodies::of(&folder, entry).lines(entry) {
                streams.say(format!("{:>13}{line}", ""))?;
            }
        }
    }
    Ok(if unread.is_empty() { 0 } else { NO })
}

fn with_bodies(entry: &Entry, bodies: &Bodies) -> Result<Value, Failure> {
    let mut told = serde_json::to_value(entry).map_err(std::io::Error::from)?;
    let bodies = bodies.json(entry);
    if let (Some(told), Some(true)) = (told.as_object_mut(), bodies.as_object().map(|all| !all.is_empty())) {
        told.insert("bodies".to_owned(), bodies);
    }
    Ok(told)
}

/// The session's exchanges, and the steps of the approvals and grants that they name, in order.
pub(crate) fn gather(folder: &Path, id: &str) -> Result<(Vec<Entry>, Vec<wardline::Error>), Failure> {
    let mut story: Vec<Entry> = Vec::new();
    let filter = Filter { session: Some(SessionId::from(id)), ..Filter::default() };
    let unread = each(folder, &filter, |entry| {
        story.push(entry);
        Ok(())
    })?;
    let approvals: BTreeSet<_> = story.iter().filter_map(|entry| entry.record.approval.clone()).collect();
    let grants: BTreeSet<_> = story.iter().filter_map(|entry| entry.record.grant.clone()).collect();
    let approvals = approvals.into_iter().map(|id| Filter {
        kind: Some(Kind::Approval),
        approval: Some(id),
        ..Filter::default()
    });
    let grants =
        grants.into_iter().map(|id| Filter { kind: Some(Kind::Grant), grant: Some(id), ..Filter::default() });
    for filter in approvals.chain(grants) {
        each(folder, &filter, |entry| {
            story.push(entry);
            Ok(())
        })?;
    }
    story.sort_by_key(Entry::cursor);
    story.dedup_by(|a, b| (&a.slot, a.index) == (&b.slot, b.index));
    Ok((story, unread))
}

/// Who took part, by their exchanges.
pub(crate) fn callers(story: &[Entry]) -> BTreeSet<String> {
    let exchanges = story.iter().filter(|entry| entry.record.change.is_none());
    exchanges.filter_map(|entry| entry.record.identity.as_ref()).map(|who| plain(&caller(who))).collect()
}

pub(crate) fn heading(id: &str, story: &[Entry]) -> String {
    let exchanges = story.iter().filter(|entry| entry.record.change.is_none()).count();
    let who = callers(story);
    let who = if who.is_empty() {
        "nobody known".to_owned()
    } else {
        who.into_iter().collect::<Vec<_>>().join("; ")
    };
    let begun = story.first().map(|entry| entry.record.at.to_string()).unwrap_or_default();
    format!("session {} of {who}: {exchanges} exchanges from {begun} on", plain(id))
}

/// One event in a line; who asked, where that is not the same in all.
pub(crate) fn told(entry: &Entry, several: bool) -> String {
    let record = &entry.record;
    if let Some(change) = &record.change {
        let about = match (record.kind, &record.approval, &record.grant) {
            (Kind::Approval, Some(id), _) => format!("approval {id}"),
            (_, _, Some(id)) => format!("grant {id}"),
            _ => record.kind.name().to_owned(),
        };
        let reason = change.reason.as_ref().map_or(String::new(), |reason| format!(": {}", plain(reason)));
        return format!("{about} {} by {}{reason}", change.step, plain(&change.by));
    }
    let acts: Vec<String> = record
        .acts
        .iter()
        .map(|act| format!("{} {} {}", act.operation, plain(&act.resource), act.magnitude))
        .collect();
    let who = record.identity.as_ref().filter(|_| several).map(|who| plain(&caller(who)));
    let mut parts: Vec<String> = who.into_iter().chain([what(entry), acts.join(", ")]).collect();
    if let (Some(method), Some(entry)) = (&record.method, &record.entry) {
        parts.push(format!("{method} {entry}"));
    }
    parts.extend(record.risk.as_ref().map(|risk| format!("risk {}", risk.total)));
    parts.extend(record.status.map(|status| format!("status {status}")));
    parts.extend(record.ended_at.map(|ended| format!("{} ms", ended.since(record.at).as_millis())));
    parts.extend(record.request.as_ref().and_then(|passed| passing("in", passed)));
    parts.extend(record.response.as_ref().and_then(|passed| passing("out", passed)));
    parts.extend(record.because.as_ref().map(|because| plain(because)));
    format!("{}  {}", record.id, parts.join("  "))
}

/// What passed in one direction: bytes, vectors and rows, and what was found.
fn passing(side: &str, passed: &Passed) -> Option<String> {
    let mut parts = vec![format!("{side}: {} bytes", passed.bytes)];
    if let Some(census) = passed.census.as_ref() {
        parts.extend((census.vectors > 0).then(|| format!("{} vectors", census.vectors)));
        parts.extend((census.rows > 0).then(|| format!("{} rows", census.rows)));
    }
    parts.extend(passed.totals.iter().map(|(name, count)| format!("{name} {count}")));
    let survived = passed.reread.as_ref().map(|reread| match reread.surviving {
        Some(0) => "none survived".to_owned(),
        Some(count) => format!("{count} SURVIVED"),
        None => "not read again".to_owned(),
    });
    parts.extend(survived);
    (passed.bytes > 0 || parts.len() > 1).then(|| parts.join(", "))
}

/// When a record's exchange ended, for whoever measures it; its beginning where it never did.
fn length(record: &Record) -> u64 {
    record.ended_at.map_or(0, |ended| u64::try_from(ended.since(record.at).as_millis()).unwrap_or(u64::MAX))
}
