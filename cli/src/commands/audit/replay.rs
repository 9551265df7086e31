//! `wardline audit replay`: what the recorded traffic would get under another policy.

use std::collections::BTreeMap;

use serde::Serialize;
use wardline::audit::{Filter, Kind, Record};
use wardline::guard::{Replay, Replayed};
use wardline::model::Verdict;

use super::{each, folder, line, reading};
use crate::args;
use crate::{NO, Outcome, Streams};

/// One exchange that would get another verdict.
#[derive(Serialize)]
struct Example {
    record: Box<Record>,
    verdict: Verdict,
    code: &'static str,
    rules: Vec<String>,
    because: String,
}

/// The exchanges whose verdict would change in the same way.
#[derive(Default)]
struct Change {
    count: u64,
    examples: Vec<(String, Example)>,
}

pub(crate) fn run(args: &args::Replay, json: bool, streams: &mut Streams<'_>) -> Outcome {
    let written = match &args.log_of {
        Some(policy) => args.reader.state.under(policy),
        None => args.reader.state.clone(),
    };
    let folder = folder(&written)?;
    let reader = args::Reader { state: written.clone(), by: args.reader.by.clone() };
    let (from, until) = args::span(("since", args.since.as_deref()), ("until", args.until.as_deref()))?;
    let filter = Filter { from, until, kind: Some(Kind::Exchange), ..Filter::default() };
    let asked = serde_json::to_string(&filter).map_err(std::io::Error::from)?;
    reading::note(&reader, "replayed", &asked, streams)?;
    let policy = args.reader.state.policy()?;
    policy.complete()?;
    let replay = Replay::new(policy, written.guard()?.grants()?);

    let (mut same, mut undecided) = (0_u64, 0_u64);
    let mut changes: BTreeMap<(Verdict, Verdict), Change> = BTreeMap::new();
    let unread = each(&folder, &filter, |entry| {
        match replay.decide(&entry.record) {
            Replayed::Same => same += 1,
            Replayed::Otherwise(decision) => {
                let before = entry.record.decided.unwrap_or(Verdict::Deny);
                let change = changes.entry((before, decision.verdict)).or_default();
                change.count += 1;
                if change.examples.len() < args.examples {
                    let example = Example {
                        verdict: decision.verdict,
                        code: decision.code,
                        rules: decision.rules.iter().map(|rule| (**rule).to_owned()).collect(),
                        because: (*decision.because).to_owned(),
                        record: Box::new(entry.record.clone()),
                    };
                    change.examples.push((line(&entry), example));
                }
            }
            _ => undecided += 1,
        }
        Ok(())
    })?;
    for error in &unread {
        writeln!(streams.err, "wardline: {error}")?;
    }
    let changed: u64 = changes.values().map(|change| change.count).sum();
    if json {
        let changes: Vec<_> = changes
            .iter()
            .map(|((before, after), change)| {
                let examples: Vec<_> = change.examples.iter().map(|(_, example)| example).collect();
                serde_json::json!({ "from": before, "to": after, "count": change.count, "examples": examples })
            })
            .collect();
        streams.json(&serde_json::json!({ "same": same, "changed": changed, "undecided": undecided, "changes": changes }))?;
    } else {
        streams.say(format!(
            "{same} exchanges would get the same verdict, {changed} another one; {undecided} were decided by no rule, or by a budget, and are not decided again"
        ))?;
        for ((before, after), change) in &changes {
            streams.say(format!("\n{before} -> {after}: {}", change.count))?;
            for (line, example) in &change.examples {
                streams.say(format!("  {line}"))?;
                let rules =
                    if example.rules.is_empty() { "no rule".to_owned() } else { example.rules.join(", ") };
                streams
                    .say(format!("      now {after} [{}] by {rules}: {}", example.code, example.because))?;
            }
        }
    }
    Ok(if changed > 0 || !unread.is_empty() { NO } else { 0 })
}
