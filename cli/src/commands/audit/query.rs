//! `wardline audit query|show`: which records fit, page by page, and one of them whole.

use std::path::Path;

use serde::Serialize;
use wardline::audit::{Cursor, Ending, Entry, Filter, Index, Kind, Listing, Page};
use wardline::glob::Glob;
use wardline::keys::Keys;
use wardline::model::{ApprovalId, GrantId, Operation, RecordId, SessionId, Verdict};

use super::{csv, folder, reading};
use crate::args::{Query, Reader, Wanted, parsed_if, span};
use crate::state::State;
use crate::{Failure, NO, Outcome, Streams};

/// The most records of one page.
const LARGEST: usize = 100_000;

pub(crate) fn query(mut query: Query, json: bool, streams: &mut Streams<'_>) -> Outcome {
    if query.wanted.value.as_deref() == Some("-") {
        query.wanted.value = Some(typed(streams)?);
    }
    if json && query.csv {
        return Err(Failure::Usage("--csv: with --json there would be two forms at once".to_owned()));
    }
    let folder = folder(&query.reader.state)?;
    let filter = filter(&query.wanted, &folder)?;
    let limit = query.limit.min(LARGEST);
    let cursor = |option, text: &Option<String>| parsed_if::<Cursor>(option, text.as_deref());
    let page = match (cursor("before", &query.before)?, cursor("after", &query.after)?) {
        (Some(before), _) => Page::before(before, limit),
        (None, Some(after)) => Page::after(after, limit),
        (None, None) => Page::newest(limit),
    };
    let asked = serde_json::to_string(&filter).map_err(std::io::Error::from)?;
    reading::note(&query.reader, "queried", &asked, streams)?;
    let found = Index::open(&folder)?.page(&filter, &page)?;
    let code = unread(&found, streams)?;
    if query.csv {
        csv::write(&found.entries, streams)?;
    } else {
        found.entries.iter().try_for_each(|entry| {
            if json { streams.json(&Placed::of(entry)) } else { streams.say(super::line(entry)) }
        })?;
    }
    if found.entries.is_empty() {
        writeln!(streams.err, "wardline: no record fits")?;
    }
    if found.more {
        let (side, far) = match query.after {
            Some(_) => ("--after", found.entries.last()),
            None => ("--before", found.entries.first()),
        };
        if let Some(far) = far {
            writeln!(streams.err, "wardline: there are more: {side} {}", far.cursor())?;
        }
    }
    Ok(code)
}

pub(crate) fn show(reader: &Reader, id: &str, json: bool, streams: &mut Streams<'_>) -> Outcome {
    reading::note(reader, "shown", id, streams)?;
    let filter = Filter { id: Some(RecordId::from(id)), ..Filter::default() };
    let found = Index::open(&folder(&reader.state)?)?.page(&filter, &Page::newest(LARGEST))?;
    if found.entries.is_empty() {
        return Err(Failure::Usage("no record of that id".to_owned()));
    }
    for entry in &found.entries {
        if json {
            streams.json(entry)?;
        } else {
            let text = serde_json::to_string_pretty(entry).map_err(std::io::Error::from)?;
            streams.say(text)?;
        }
    }
    Ok(0)
}

/// A record with the cursor that stands at it.
#[derive(Serialize)]
struct Placed<'e> {
    #[serde(flatten)]
    entry: &'e Entry,
    cursor: String,
}

impl<'e> Placed<'e> {
    fn of(entry: &'e Entry) -> Self {
        Self { entry, cursor: entry.cursor().to_string() }
    }
}

/// Says which entries cannot be read; the answer is no where there are any.
pub(crate) fn unread(found: &Listing, streams: &mut Streams<'_>) -> Outcome {
    for error in &found.unread {
        writeln!(streams.err, "wardline: {error}")?;
    }
    Ok(if found.unread.is_empty() { 0 } else { NO })
}

/// What to look for, as it was typed. A value is looked for by its digest under the keys of the state folder.
pub(crate) fn filter(wanted: &Wanted, folder: &Path) -> Result<Filter, Failure> {
    let glob = |option: &str, text: &Option<String>| {
        let wrong = |error| Failure::Usage(format!("--{option}: {error}"));
        text.as_deref().map(Glob::new).transpose().map_err(wrong)
    };
    let verdict = match wanted.verdict.as_deref() {
        None => None,
        Some("allow") => Some(Verdict::Allow),
        Some("deny") => Some(Verdict::Deny),
        Some("hold") => Some(Verdict::Hold),
        Some(_) => return Err(Failure::Usage("--verdict: expected allow, deny or hold".to_owned())),
    };
    let (from, until) = span(("from", wanted.from.as_deref()), ("until", wanted.until.as_deref()))?;
    Ok(Filter {
        from,
        until,
        id: None,
        kind: wanted.kind.as_deref().map(kind).transpose()?,
        identity: glob("identity", &wanted.identity)?,
        operation: glob("operation", &wanted.operation)?.map(known).transpose()?,
        resource: glob("resource", &wanted.resource)?,
        verdict,
        session: wanted.session.as_deref().map(SessionId::from),
        service: glob("service", &wanted.service)?,
        vector: wanted.vector.clone(),
        hop: glob("hop", &wanted.hop)?,
        entity: glob("entity", &wanted.entity)?,
        grant: wanted.grant.as_deref().map(GrantId::from),
        approval: wanted.approval.as_deref().map(ApprovalId::from),
        outcome: wanted.outcome.as_deref().map(ending).transpose()?,
        policy: wanted.policy_digest.clone(),
        value: wanted.value.as_deref().map(|value| known_as(value, folder)).transpose()?,
    })
}

pub(crate) fn digest(state: &State, streams: &mut Streams<'_>) -> Outcome {
    let value = typed(streams)?;
    streams.say(known_as(&value, &folder(state)?)?)?;
    Ok(0)
}

/// A value that was typed where no list of processes shows it.
fn typed(streams: &mut Streams<'_>) -> Result<String, Failure> {
    let text = String::from_utf8(streams.read_all()?);
    let text = text.unwrap_or_default();
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(Failure::Usage("expected a value as text on standard input".to_owned())),
        value => Ok(value.to_owned()),
    }
}

/// The digest of a value under the keys of a state folder. None are made: with new ones it would be found nowhere.
fn known_as(value: &str, folder: &Path) -> Result<String, Failure> {
    if value.is_empty() {
        return Err(Failure::Usage("--value: expected a value".to_owned()));
    }
    if !folder.join("root.key").exists() {
        let message = "the state folder has no root.key, and values are known by a digest under it";
        return Err(Failure::Usage(message.to_owned()));
    }
    Ok(Keys::open(folder)?.finding(value.as_bytes()))
}

/// A pattern that some operation fits: that none was recorded of a name that there is not says nothing.
fn known(pattern: Glob) -> Result<Glob, Failure> {
    if Operation::ALL.iter().any(|operation| pattern.matches(operation.name())) {
        return Ok(pattern);
    }
    Err(Failure::Usage(
        "--operation: no operation is called that; expected one such as vector.search, or vector.*"
            .to_owned(),
    ))
}

fn ending(word: &str) -> Result<Ending, Failure> {
    let known = serde_json::from_value(word.into()).ok().filter(|ending| *ending != Ending::Unknown);
    known.ok_or_else(|| {
        let words = "complete, denied, held, aborted, disconnected or failed";
        Failure::Usage(format!("--outcome: expected {words}"))
    })
}

fn kind(word: &str) -> Result<Kind, Failure> {
    let kinds = [Kind::Exchange, Kind::Approval, Kind::Grant, Kind::Policy, Kind::Read, Kind::Log];
    let known = kinds.into_iter().find(|kind| kind.name() == word);
    known.ok_or_else(|| {
        Failure::Usage("--kind: expected exchange, approval, grant, policy, read or log".to_owned())
    })
}
