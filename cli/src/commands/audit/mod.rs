//! `wardline audit`: query, verify and prove the log.

mod checkpoints;
mod csv;
mod erase;
mod export;
mod place;
mod prune;
mod query;
mod reading;
mod receipt;
mod replay;
mod report;
pub(crate) mod session;

use std::path::{Path, PathBuf};

use wardline::audit::{self, Entry, Fault, Filter, Gap, Index, Kept, LogReport, Page, VerifyReport};
use wardline::model::Verdict;
use wardline::policy::{Policy, State};

use crate::args;
use crate::words::plain;
use crate::{Failure, NO, Outcome, Streams};
pub(crate) use query::filter;

pub(crate) fn run(args: args::Audit, json: bool, streams: &mut Streams<'_>) -> Outcome {
    match args {
        args::Audit::Query(query) => query::query(*query, json, streams),
        args::Audit::Show { reader, id } => query::show(&reader, &id, json, streams),
        args::Audit::Verify { state, since, witness } => {
            let kept = checkpoints::kept(&folder(&state)?, &since, witness.as_deref())?;
            verify(&state, kept, json, streams)
        }
        args::Audit::Session { reader, id, har } => session::run(&reader, &id, har, json, streams),
        args::Audit::Export(args) => export::run(&args, streams),
        args::Audit::Prune { state, before, by, reason } => {
            prune::run(&state, &before, &by, &reason, json, streams)
        }
        args::Audit::Erase { state, subject, by, reason } => {
            erase::run(&state, &subject, &by, &reason, json, streams)
        }
        args::Audit::Digest(state) => query::digest(&state, streams),
        args::Audit::Replay(args) => replay::run(&args, json, streams),
        args::Audit::Report(args) => report::run(&args, json, streams),
        args::Audit::Keys(state) => receipt::keys(&state, json, streams),
        args::Audit::Checkpoint(args) => checkpoints::newest(&args, json, streams),
        #[cfg(feature = "notify")]
        args::Audit::Cosign { state, url, witness } => checkpoints::cosign(&state, &url, &witness, streams),
        args::Audit::Prove { state, id } => receipt::prove(&state, &id, streams),
        args::Audit::VerifyProof { file, key, vector } => {
            receipt::verify(&file, &key, vector.as_deref(), json, streams)
        }
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

/// Records of one page, where all are read.
const PAGE: usize = 4_096;

/// Every record that fits, oldest first, a page at a time; answers with the entries that cannot be read.
pub(crate) fn each(
    folder: &Path,
    filter: &Filter,
    mut each: impl FnMut(Entry) -> Result<(), Failure>,
) -> Result<Vec<wardline::Error>, Failure> {
    let mut index = Index::open(folder)?;
    let mut page = Page::oldest(PAGE);
    loop {
        let found = index.page(filter, &page)?;
        let last = found.entries.last().map(Entry::cursor);
        found.entries.into_iter().try_for_each(&mut each)?;
        match last.filter(|_| found.more) {
            Some(last) => page = Page::after(last, PAGE),
            None => return Ok(found.unread),
        }
    }
}

/// A record in a line.
pub(crate) fn line(entry: &Entry) -> String {
    let record = &entry.record;
    let who = record.identity.as_ref().map_or("-".to_owned(), |identity| plain(&identity.subject));
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

/// What came of it: the step that was taken and why, or verdict, what was done, and how it ended, with the code of what did not pass.
pub(crate) fn what(entry: &Entry) -> String {
    let record = &entry.record;
    match &record.change {
        Some(change) => {
            let reason =
                change.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", plain(reason)));
            format!("{} by {}{reason}", change.step, plain(&change.by))
        }
        None => {
            let word = |verdict: Option<Verdict>| verdict.map_or("-", Verdict::name);
            let result = record.outcome.as_ref().map_or("", |outcome| outcome.result.name());
            let stopped =
                record.code.as_ref().filter(|_| record.enforced.is_some_and(|did| did != Verdict::Allow));
            let why = stopped.map_or_else(String::new, |code| format!(": {code}"));
            format!("{} -> {} ({result}{why})", word(record.decided), word(record.enforced))
        }
    }
}

/// What a log says that is not in it.
pub(crate) fn lost(gap: &Gap) -> String {
    format!(
        "{} entries could not be recorded between {} and {}; {} of them are exchanges that went on",
        gap.entries, gap.from, gap.until, gap.went_on
    )
}

/// What nobody can tell of a log that is remembered nowhere else.
const UNANCHORED: &str = "no checkpoint of it is kept in the store: that it was not cut or written anew shows only against one that was kept elsewhere \
                          (verify --since)";

/// What is wrong with a log, where, and what still holds.
fn wrong(fault: &Fault, proven: u64) -> String {
    let rest = match (fault.index, proven) {
        (_, 1) => "; the first entry is as it was signed".to_owned(),
        (_, 2..) => format!("; the first {proven} entries are as they were signed"),
        (Some(1..), 0) => "; nothing proves the entries before it".to_owned(),
        _ => String::new(),
    };
    let at = fault.index.map_or_else(String::new, |index| format!(" at entry {index}"));
    format!("{at}: {}{rest}", fault.what)
}

/// What stands behind the last entry of a log and is no entry.
fn torn(log: &LogReport) -> String {
    format!(
        "{} bytes behind its {} entries are no entry and were never acknowledged: a writer that died or is at work had begun them, or somebody put \
         them there; whoever continues the log clears them, and says so",
        log.torn, log.size
    )
}

/// What verifying the logs of a policy's state folder finds.
pub(crate) fn verified(policy: &Policy, folder: &Path, mut kept: Vec<Kept>) -> Result<VerifyReport, Failure> {
    // What was kept is read before the logs, so that a writer at work cannot seem to have lost its newest entries.
    kept.extend(wardline::guard::kept(policy)?);
    let mut report = audit::verify(folder, &kept)?;
    // Whoever verifies elsewhere need not have the key that signs; where it is here, it says which logs are its own.
    if let Ok(Some(signer)) = policy.signer() {
        let keys = audit::log_keys(folder)?;
        for log in &mut report.logs {
            let key = keys.iter().find(|(slot, _)| *slot == log.slot);
            if log.fault.is_none() && key.is_none_or(|(_, key)| key.bytes() != signer.public()) {
                let what = "its key is not the one that the policy names".to_owned();
                log.fault = Some(Fault { index: None, what });
            }
        }
    }
    Ok(report)
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
                Some(fault) => format!("NOT SOUND{}", wrong(fault, log.proven)),
            };
            streams.say(format!(
                "{}  {} entries, {} signed, {} pruned, {} without an end, root {}  {found}",
                log.slot, log.size, log.signed, log.pruned, log.open, log.root
            ))?;
            if let Some(gap) = &log.lost {
                streams.say(format!("{}  {}", log.slot, lost(gap)))?;
            }
            if log.torn > 0 {
                streams.say(format!("{}  {}", log.slot, torn(log)))?;
            }
            if log.size > 0 && !log.anchored {
                streams.say(format!("{}  {UNANCHORED}", log.slot))?;
            }
        }
        if report.logs.is_empty() {
            streams.say(format!("no log yet in {}", folder.join("log").display()))?;
        }
    }
    Ok(if report.is_sound() { 0 } else { NO })
}
