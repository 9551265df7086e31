//! `wardline audit report`: the auditor's questions over a span of time, answered from the log. Was every export authorised, and by whom?
//! Did personal data go out? Was every operation of high risk approved? What is missing?
//!
//! The answers are sections of plain rows ([`Section`]); `text` writes them as Markdown, `html` as a page. Both escape every value.

#[cfg(feature = "console")]
mod html;
mod markdown;

use std::collections::BTreeMap;

use wardline::audit::{Ending, Entry, Filter, Kind, Record, VerifyReport, query};
use wardline::clock::Timestamp;
use wardline::model::{ApprovalId, Operation, Verdict};

use super::{folder, reading, verified};
#[cfg(not(feature = "console"))]
use crate::Failure;
use crate::args::{self, ReportFormat};
use crate::{NO, Outcome, Streams};

/// What takes data out in bulk.
const EXPORTS: [Operation; 4] =
    [Operation::VectorExport, Operation::DataExport, Operation::ModelDownload, Operation::CollectionSnapshot];

/// One question and its answer.
struct Section {
    question: &'static str,
    /// In a sentence.
    answer: String,
    /// Whether somebody has to look at it.
    open: bool,
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

pub(crate) fn run(args: &args::Report, json: bool, streams: &mut Streams<'_>) -> Outcome {
    let folder = folder(&args.reader.state)?;
    let (from, until) = args::span(("from", args.from.as_deref()), ("to", args.to.as_deref()))?;
    let filter = Filter { from, until, ..Filter::default() };
    let asked = serde_json::to_string(&filter).map_err(std::io::Error::from)?;
    reading::note(&args.reader, "reported", &asked, streams)?;
    let logs = verified(&args.reader.state.policy()?, &folder, Vec::new())?;
    let (mut entries, mut unread) = (Vec::new(), Vec::new());
    for entry in query(&folder, &filter)? {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(error) => unread.push(error.to_string()),
        }
    }
    // Who voted may have done so before the time that is asked about.
    let steps = query(&folder, &Filter { kind: Some(Kind::Approval), ..Filter::default() })?;
    let voters = Voters::of(steps.into_iter().flatten());
    let sections = sections(&entries, &voters, &logs, &unread, args.high_risk);
    if json {
        for section in &sections {
            streams.json(&serde_json::json!({
                "question": section.question, "answer": section.answer, "open": section.open,
                "columns": section.columns, "rows": section.rows,
            }))?;
        }
    } else {
        let at = |time: Option<Timestamp>, open: &str| time.map_or(open.to_owned(), |at| at.to_string());
        let span = format!("From {} to {}", at(from, "the beginning"), at(until, "now"));
        match args.format {
            ReportFormat::Md => streams.say(markdown::write(&span, &sections).trim_end())?,
            #[cfg(feature = "console")]
            ReportFormat::Html => streams.say(html::write(&span, &sections))?,
            #[cfg(not(feature = "console"))]
            ReportFormat::Html => {
                return Err(Failure::Usage(
                    "this build writes no HTML: it lacks the feature `console`".to_owned(),
                ));
            }
        }
    }
    Ok(if sections.iter().any(|section| section.open) { NO } else { 0 })
}

/// Who took part in each approval, in the order of their steps.
struct Voters(BTreeMap<ApprovalId, Vec<String>>);

impl Voters {
    fn of(entries: impl Iterator<Item = Entry>) -> Self {
        let mut voters: BTreeMap<ApprovalId, Vec<String>> = BTreeMap::new();
        for Record { approval, change, .. } in entries.map(|entry| entry.record) {
            if let (Some(id), Some(change)) = (approval, change)
                && !matches!(change.step.as_str(), "opened" | "used")
            {
                voters.entry(id).or_default().push(format!("{} ({})", change.by, change.step));
            }
        }
        Self(voters)
    }

    /// Why a record's exchange was let happen.
    fn warrant(&self, record: &Record) -> Option<String> {
        let approval = record.approval.as_ref().map(|id| match self.0.get(id) {
            Some(people) => format!("approval {id}: {}", people.join(", ")),
            None => format!("approval {id}: nobody on record"),
        });
        let grant = record.grant.as_ref().map(|id| format!("grant {id}"));
        let both: Vec<String> = approval.into_iter().chain(grant).collect();
        (!both.is_empty()).then(|| both.join("; "))
    }
}

fn sections(
    entries: &[Entry],
    voters: &Voters,
    logs: &VerifyReport,
    unread: &[String],
    high: u8,
) -> Vec<Section> {
    let exchanges: Vec<&Entry> = entries.iter().filter(|entry| is_exchange(&entry.record)).collect();
    vec![
        exports(&exchanges, voters),
        personal(&exchanges),
        risky(&exchanges, voters, high),
        broken_glass(&exchanges, voters),
        let_go(&exchanges),
        gaps(&exchanges, logs, unread),
        changes(entries),
    ]
}

fn is_exchange(record: &Record) -> bool {
    matches!(record.kind, Kind::Begin | Kind::End | Kind::Exchange)
}

/// Whether the service was asked.
fn went_on(record: &Record) -> bool {
    record.enforced == Some(Verdict::Allow)
}

fn who(record: &Record) -> String {
    record.identity.as_ref().map_or_else(String::new, |identity| crate::words::caller(identity))
}

fn acts(record: &Record) -> String {
    let acts =
        record.acts.iter().map(|act| format!("{} {} ({})", act.operation, act.resource, act.magnitude));
    acts.collect::<Vec<_>>().join(", ")
}

fn left(record: &Record) -> String {
    let census = record.response.as_ref().and_then(|passed| passed.census.as_ref());
    let bytes = record.response.as_ref().map_or(0, |passed| passed.bytes);
    match census {
        Some(census) => format!("{} vectors, {} rows, {bytes} bytes", census.vectors, census.rows),
        None => format!("{bytes} bytes"),
    }
}

fn rules(record: &Record) -> String {
    let names: Vec<&str> = record.rules.iter().map(|matched| &*matched.rule).collect();
    if names.is_empty() { "no rule".to_owned() } else { format!("rule {}", names.join(", ")) }
}

/// The first four cells: when, which record, who, and what.
fn head(record: &Record) -> Vec<String> {
    vec![record.at.to_string(), record.id.to_string(), who(record), acts(record)]
}

fn exports(exchanges: &[&Entry], voters: &Voters) -> Section {
    let (mut rows, mut without) = (Vec::new(), 0);
    let bulk = |record: &Record| record.acts.iter().any(|act| EXPORTS.contains(&act.operation));
    for record in exchanges.iter().map(|entry| &entry.record).filter(|record| went_on(record) && bulk(record))
    {
        let warrant = match (voters.warrant(record), record.decided) {
            (Some(warrant), _) => warrant,
            (None, Some(Verdict::Allow)) => rules(record),
            (None, _) => {
                without += 1;
                "NOT AUTHORISED".to_owned()
            }
        };
        rows.push([head(record), vec![left(record), warrant]].concat());
    }
    Section {
        question: "Was every export authorised?",
        answer: match (rows.len(), without) {
            (0, _) => "Nothing was exported.".to_owned(),
            (all, 0) => format!("Yes: {all} of {all}."),
            (all, without) => format!("No: {without} of {all} were not."),
        },
        open: without > 0,
        columns: &["When", "Record", "Who", "What", "Left", "Under"],
        rows,
    }
}

fn personal(exchanges: &[&Entry]) -> Section {
    let (mut masked, mut survived, mut unknown, mut unread) = (BTreeMap::new(), 0_u64, 0, 0);
    let mut rows = Vec::new();
    for record in exchanges.iter().map(|entry| &entry.record).filter(|record| went_on(record)) {
        for (side, passed) in [("request", &record.request), ("response", &record.response)] {
            let Some(passed) = passed else { continue };
            for (entity, count) in &passed.totals {
                *masked.entry(entity.to_string()).or_insert(0_u64) += count;
            }
            let found = match passed.reread.as_ref().map(|reread| reread.surviving) {
                Some(Some(0)) => continue,
                Some(Some(count)) => {
                    survived += count;
                    format!("{count} survived")
                }
                Some(None) => {
                    unknown += 1;
                    "could not be read again".to_owned()
                }
                None => {
                    unread += 1;
                    continue;
                }
            };
            rows.push([head(record), vec![format!("{side}: {found}")]].concat());
        }
    }
    let totals: Vec<String> = masked.iter().map(|(entity, count)| format!("{count} {entity}")).collect();
    let totals = if totals.is_empty() { "nothing was found".to_owned() } else { totals.join(", ") };
    let verdict = match (survived, unknown) {
        (0, 0) => "None is known to have.".to_owned(),
        (survived, unknown) => {
            format!(
                "Yes, perhaps: {} survived, {} could not be read again.",
                many(survived, "value", "values"),
                many(unknown, "body", "bodies")
            )
        }
    };
    Section {
        question: "Did personal data or secrets go out?",
        answer: format!(
            "{verdict} Found and treated: {totals}. {unread} bodies were not read a second time (reread in the policy)."
        ),
        open: survived > 0 || unknown > 0,
        columns: &["When", "Record", "Who", "What", "What was found again"],
        rows,
    }
}

fn risky(exchanges: &[&Entry], voters: &Voters, high: u8) -> Section {
    let (mut rows, mut alone) = (Vec::new(), 0);
    for record in exchanges.iter().map(|entry| &entry.record).filter(|record| went_on(record)) {
        let Some(risk) = record.risk.as_ref().filter(|risk| risk.total.value() >= high) else { continue };
        let warrant = voters.warrant(record).unwrap_or_else(|| {
            alone += 1;
            format!("nobody; {}", rules(record))
        });
        rows.push([head(record), vec![risk.total.to_string(), warrant]].concat());
    }
    Section {
        question: "Was every operation of high risk approved, and by whom?",
        answer: match (rows.len(), alone) {
            (0, _) => format!("None of risk {high} or more went on."),
            (all, 0) => format!("Yes: {all} of {all} of risk {high} or more."),
            (all, alone) => format!("No: {alone} of {all} of risk {high} or more went on by a rule alone."),
        },
        open: alone > 0,
        columns: &["When", "Record", "Who", "What", "Risk", "Under"],
        rows,
    }
}

fn broken_glass(exchanges: &[&Entry], voters: &Voters) -> Section {
    let broken = exchanges.iter().map(|entry| &entry.record).filter(|record| record.break_glass);
    let rows: Vec<_> = broken
        .map(|record| [head(record), vec![voters.warrant(record).unwrap_or_default()]].concat())
        .collect();
    Section {
        question: "Did anybody break the glass?",
        answer: match rows.len() {
            0 => "No.".to_owned(),
            1 => "Once.".to_owned(),
            count => format!("{count} times."),
        },
        open: !rows.is_empty(),
        columns: &["When", "Record", "Who", "What", "Under"],
        rows,
    }
}

fn let_go(exchanges: &[&Entry]) -> Section {
    let differs =
        |record: &&Record| went_on(record) && record.decided.is_some_and(|said| said != Verdict::Allow);
    let rows: Vec<_> = exchanges
        .iter()
        .map(|entry| &entry.record)
        .filter(differs)
        // A hold that was approved went on with its approval.
        .filter(|record| record.approval.is_none() && record.grant.is_none())
        .map(|record| {
            [head(record), vec![record.decided.map_or("", Verdict::name).to_owned(), rules(record)]].concat()
        })
        .collect();
    Section {
        question: "What went on although the policy said otherwise?",
        answer: match rows.len() {
            0 => "Nothing.".to_owned(),
            count => {
                format!("{count} exchanges: their service is only observed, or a failure let them pass.")
            }
        },
        open: !rows.is_empty(),
        columns: &["When", "Record", "Who", "What", "The policy said", "By"],
        rows,
    }
}

fn gaps(exchanges: &[&Entry], logs: &VerifyReport, unread: &[String]) -> Section {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for log in &logs.logs {
        if let Some(fault) = &log.fault {
            let at = fault.index.map_or_else(String::new, |index| format!("entry {index}"));
            rows.push(vec![log.slot.clone(), at, fault.what.clone()]);
        }
        if let Some(gap) = &log.lost {
            rows.push(vec![log.slot.clone(), String::new(), super::lost(gap)]);
        }
    }
    rows.extend(unread.iter().map(|what| vec![String::new(), String::new(), what.clone()]));
    for entry in exchanges.iter().filter(|entry| !entry.complete) {
        let what = format!(
            "{} by {} has no end: its process died, or it runs",
            acts(&entry.record),
            who(&entry.record)
        );
        rows.push(vec![entry.slot.clone(), entry.record.id.to_string(), what]);
    }
    let failed = |entry: &&&Entry| {
        entry.complete
            && entry.record.outcome.as_ref().is_some_and(|outcome| outcome.result == Ending::Failed)
    };
    for entry in exchanges.iter().filter(failed) {
        let reason =
            entry.record.outcome.as_ref().and_then(|outcome| outcome.reason.as_deref()).unwrap_or("failed");
        rows.push(vec![entry.slot.clone(), entry.record.id.to_string(), format!("failed: {reason}")]);
    }
    let entries: u64 = logs.logs.iter().map(|log| log.size).sum();
    let sound = match (logs.logs.is_empty(), logs.is_sound()) {
        (true, _) => "THERE IS NO LOG in the state folder of this policy",
        (false, true) => "Every log verifies",
        (false, false) => "NOT EVERY LOG VERIFIES",
    };
    Section {
        question: "Is anything missing?",
        answer: format!(
            "{sound}: {}, {}. {}.",
            many(logs.logs.len() as u64, "log", "logs"),
            many(entries, "entry", "entries"),
            many(rows.len() as u64, "gap", "gaps")
        ),
        open: !rows.is_empty() || logs.logs.is_empty(),
        columns: &["Log", "Where", "What"],
        rows,
    }
}

fn many(count: u64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

fn changes(entries: &[Entry]) -> Section {
    let steps = entries
        .iter()
        .map(|entry| &entry.record)
        .filter(|record| matches!(record.kind, Kind::Grant | Kind::Policy | Kind::Log));
    let rows: Vec<_> = steps
        .filter_map(|record| {
            let change = record.change.as_ref()?;
            let what = match (&record.grant, record.kind) {
                (Some(id), _) => format!("grant {id}"),
                (None, Kind::Log) => "the log".to_owned(),
                (None, _) => "the policy".to_owned(),
            };
            let reason = change.reason.clone().unwrap_or_default();
            Some(vec![record.at.to_string(), what, change.step.clone(), change.by.clone(), reason])
        })
        .collect();
    Section {
        question: "Who changed what may be done, and the log itself?",
        answer: format!(
            "{} of grants, of policies and of the log.",
            many(rows.len() as u64, "step", "steps")
        ),
        open: false,
        columns: &["When", "What", "Step", "By", "Why"],
        rows,
    }
}
