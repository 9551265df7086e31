//! `wardline audit`: query, show and verify the log.

use std::path::{Path, PathBuf};

use wardline::audit::{self, Ending, Entry, Filter, Keeper, Kept, VerifyReport};
use wardline::glob::Glob;
use wardline::guard::keeper;
use wardline::model::{ApprovalId, GrantId, RecordId, SessionId, Verdict};
use wardline::policy::{Policy, State};

use super::{checkpoints, receipt, report};
use crate::args::{self, Wanted};
use crate::{Failure, NO, Outcome, Streams};

pub(crate) fn run(args: args::Audit, json: bool, streams: &mut Streams<'_>) -> Outcome {
    match args {
        args::Audit::Query(query) => {
            let found = audit::query(&folder(&query.state)?, &filter(&query.wanted)?)?;
            let from = found.len().saturating_sub(query.limit);
            list(found.into_iter().skip(from), json, streams)
        }
        args::Audit::Show { state, id } => {
            let filter = Filter { id: Some(RecordId::from(id.as_str())), ..Filter::default() };
            let found: Vec<_> = audit::query(&folder(&state)?, &filter)?.into_iter().flatten().collect();
            if found.is_empty() {
                return Err(Failure::Usage("no record of that id".to_owned()));
            }
            for entry in found {
                if json {
                    streams.json(&entry)?;
                } else {
                    let text = serde_json::to_string_pretty(&entry).map_err(std::io::Error::from)?;
                    streams.say(text)?;
                }
            }
            Ok(0)
        }
        args::Audit::Verify { state, since, witness } => {
            let kept = checkpoints::kept(&folder(&state)?, &since, witness.as_deref())?;
            verify(&state, kept, json, streams)
        }
        args::Audit::Report(args) => report::run(&args, json, streams),
        args::Audit::Keys(state) => receipt::keys(&state, json, streams),
        args::Audit::Checkpoint { state, log } => checkpoints::newest(&state, log.as_deref(), json, streams),
        #[cfg(feature = "notify")]
        args::Audit::Cosign { state, url, witness } => checkpoints::cosign(&state, &url, &witness, streams),
        args::Audit::Prove { state, id } => receipt::prove(&state, &id, streams),
        args::Audit::VerifyProof { file, key } => receipt::verify(&file, &key, json, streams),
    }
}

/// The state folder that a policy names.
pub(crate) fn folder(state: &crate::state::State) -> Result<PathBuf, Failure> {
    match state.policy()?.state() {
        State::Folder(folder) => Ok(folder.clone()),
        State::Memory => {
            Err(Failure::Usage("the policy keeps its state in memory: there is no log to read".to_owned()))
        }
    }
}

/// What to look for, as it was typed.
pub(crate) fn filter(query: &Wanted) -> Result<Filter, Failure> {
    let glob = |text: &Option<String>| text.as_deref().map(Glob::new).transpose();
    let verdict = match query.verdict.as_deref() {
        None => None,
        Some("allow") => Some(Verdict::Allow),
        Some("deny") => Some(Verdict::Deny),
        Some("hold") => Some(Verdict::Hold),
        Some(_) => return Err(Failure::Usage("--verdict: expected allow, deny or hold".to_owned())),
    };
    Ok(Filter {
        from: query.from.as_deref().map(str::parse).transpose()?,
        until: query.until.as_deref().map(str::parse).transpose()?,
        id: None,
        kind: None,
        identity: glob(&query.identity)?,
        operation: glob(&query.operation)?,
        resource: glob(&query.resource)?,
        verdict,
        session: query.session.as_deref().map(SessionId::from),
        service: glob(&query.service)?,
        vector: query.vector.clone(),
        hop: glob(&query.hop)?,
        entity: glob(&query.entity)?,
        grant: query.grant.as_deref().map(GrantId::from),
        approval: query.approval.as_deref().map(ApprovalId::from),
        outcome: query.outcome.as_deref().map(ending).transpose()?,
        policy: query.policy_digest.clone(),
    })
}

fn ending(word: &str) -> Result<Ending, Failure> {
    let known = serde_json::from_value(word.into()).ok().filter(|ending| *ending != Ending::Unknown);
    known.ok_or_else(|| {
        let words = "complete, denied, held, aborted, disconnected or failed";
        Failure::Usage(format!("--outcome: expected {words}"))
    })
}

/// Writes the records; an entry that cannot be read is said on standard error, and the answer is no.
fn list(
    found: impl Iterator<Item = Result<Entry, wardline::Error>>,
    json: bool,
    streams: &mut Streams<'_>,
) -> Outcome {
    let mut code = 0;
    for entry in found {
        match entry {
            Ok(entry) if json => streams.json(&entry)?,
            Ok(entry) => streams.say(line(&entry))?,
            Err(error) => {
                writeln!(streams.err, "wardline: {error}")?;
                code = NO;
            }
        }
    }
    Ok(code)
}

fn line(entry: &Entry) -> String {
    let record = &entry.record;
    let who = record.identity.as_ref().map_or("-", |identity| &identity.subject);
    let acts: Vec<String> = record
        .acts
        .iter()
        .map(|act| format!("{} {:?} {}", act.operation, act.resource, act.magnitude))
        .collect();
    let passed = record.response.as_ref().and_then(|passed| passed.census.as_ref());
    let census = passed.map_or(String::new(), |c| format!("  {} vectors, {} rows left", c.vectors, c.rows));
    format!(
        "{}  {}  {who}  {}  {}  {}{census}",
        record.at,
        record.id,
        record.service,
        acts.join(", "),
        what(entry)
    )
}

/// What came of it: the step that was taken, or verdict, what was done, and how it ended.
pub(crate) fn what(entry: &Entry) -> String {
    let record = &entry.record;
    match &record.change {
        Some(change) => format!("{} by {}", change.step, change.by),
        None => {
            let word = |verdict: Option<Verdict>| verdict.map_or("-", Verdict::name);
            let result =
                record.outcome.as_ref().and_then(|outcome| serde_json::to_value(outcome.result).ok());
            let result =
                result.as_ref().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
            format!("{} -> {} ({result})", word(record.decided), word(record.enforced))
        }
    }
}

/// What verifying the logs of a policy's state folder finds.
pub(crate) fn verified(policy: &Policy, folder: &Path, mut kept: Vec<Kept>) -> Result<VerifyReport, Failure> {
    // What was kept is read before the logs, so that a writer at work cannot seem to have lost its newest entries.
    if let Some(keeper) = keeper(policy)? {
        kept.extend(keeper.kept()?);
    }
    Ok(audit::verify(folder, &kept)?)
}

fn verify(state: &crate::state::State, kept: Vec<Kept>, json: bool, streams: &mut Streams<'_>) -> Outcome {
    let folder = folder(state)?;
    let report = verified(&state.policy()?, &folder, kept)?;
    if json {
        streams.json(&report)?;
    } else {
        for log in &report.logs {
            let found = match &log.fault {
                None => "sound".to_owned(),
                Some(fault) => match fault.index {
                    Some(index) => format!("NOT SOUND at entry {index}: {}", fault.what),
                    None => format!("NOT SOUND: {}", fault.what),
                },
            };
            streams.say(format!(
                "{}  {} entries, {} signed, {} without an end, root {}  {found}",
                log.slot, log.size, log.signed, log.open, log.root
            ))?;
        }
        if report.logs.is_empty() {
            streams.say("no log yet")?;
        }
    }
    Ok(if report.is_sound() { 0 } else { NO })
}
