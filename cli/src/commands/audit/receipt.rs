//! `wardline audit keys|prove|verify-proof`: what an auditor is handed, and how it is checked without the machine that wrote the log.

use std::fs;
use std::path::Path;

use serde_json::json;
use wardline::audit::{Kind, PublicKey, Receipt, Record, log_keys};
use wardline::model::Census;

use super::folder;
use crate::state::State;
use crate::words::plain;
use crate::{Failure, NO, Outcome, Streams};

/// The public keys of the logs, one a line.
pub(crate) fn keys(state: &State, json: bool, streams: &mut Streams<'_>) -> Outcome {
    for (slot, key) in log_keys(&folder(state)?)? {
        if json {
            streams.json(&json!({ "slot": slot, "key": key.to_string() }))?;
        } else {
            streams.say(key.to_string())?;
        }
    }
    Ok(0)
}

/// A receipt, on standard output.
pub(crate) fn prove(state: &State, id: &str, streams: &mut Streams<'_>) -> Outcome {
    // A log whose writer is gone is continued, and so what it left unsigned is signed.
    state.guard()?.flush()?;
    let receipt = Receipt::of(&folder(state)?, id)?;
    let text = serde_json::to_string_pretty(&receipt).map_err(std::io::Error::from)?;
    streams.say(text)?;
    Ok(0)
}

/// Checks a receipt and says what it proves.
pub(crate) fn verify(
    file: &Path,
    keys: &[String],
    vector: Option<&str>,
    json: bool,
    streams: &mut Streams<'_>,
) -> Outcome {
    let text = fs::read_to_string(file)
        .map_err(|e| Failure::Usage(format!("cannot read {}: {}", file.display(), e.kind())))?;
    let receipt: Receipt = serde_json::from_str(&text).map_err(|e| {
        Failure::Usage(format!("{}:{}:{}: expected a receipt", file.display(), e.line(), e.column()))
    })?;
    let known = keys.iter().map(|key| known(key)).collect::<Result<Vec<_>, _>>()?.concat();
    let records = match receipt.verify(&known) {
        Ok(records) => records,
        Err(error) => {
            writeln!(streams.err, "wardline: NOT PROVED: {error}")?;
            return Ok(NO);
        }
    };
    if json {
        records.iter().try_for_each(|record| streams.json(record))?;
    } else {
        streams.say(format!("proved: {} entries about {}", records.len(), receipt.about))?;
        // Entries of several logs are told as they came to pass.
        let mut told: Vec<&Record> = records.iter().collect();
        told.sort_by_key(|record| record.at);
        told.into_iter().try_for_each(|record| streams.say(line(record)))?;
    }
    let Some(id) = vector else { return Ok(0) };
    let with: Vec<&Record> = records.iter().filter(|record| passed(record, id)).collect();
    for record in &with {
        if !json {
            streams.say(format!("proved: {} passed in {}", plain(id), record.id))?;
        }
    }
    if with.is_empty() {
        writeln!(streams.err, "wardline: nothing that is proved says that {} passed", plain(id))?;
    }
    Ok(if with.is_empty() { NO } else { 0 })
}

/// Whether the vector or row of an id passed, by name or by its digest.
fn passed(record: &Record, id: &str) -> bool {
    let census = record.passed().filter_map(|side| side.census.as_ref());
    let digest = Census::digest(id);
    census.into_iter().any(|census| census.ids.iter().any(|one| one == id) || census.more.contains(&digest))
}

/// A key as it was typed, or every line of a file of keys.
fn known(text: &str) -> Result<Vec<PublicKey>, Failure> {
    if let Ok(key) = PublicKey::read(text) {
        return Ok(vec![key]);
    }
    let lines = fs::read_to_string(text).map_err(|e| {
        Failure::Usage(format!("--key {text}: neither a public key nor a file: {}", e.kind()))
    })?;
    let keys = lines.lines().filter(|line| !line.trim().is_empty()).enumerate();
    keys.map(|(at, line)| {
        PublicKey::read(line.trim()).map_err(|e| Failure::Usage(format!("{text}:{}: {e}", at + 1)))
    })
    .collect()
}

fn line(record: &Record) -> String {
    let who = record.identity.as_ref().map_or("-", |identity| &identity.subject);
    if let Some(change) = &record.change {
        let of = match record.kind {
            Kind::Approval => record.approval.as_ref().map(|id| format!("approval {id}")),
            Kind::Grant => record.grant.as_ref().map(|id| format!("grant {id}")),
            _ => None,
        };
        let of = of.unwrap_or_else(|| "policy".to_owned());
        let reason = change.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        return format!("{}  {of}  {} by {}{reason}", record.at, change.step, change.by);
    }
    let acts: Vec<String> = record
        .acts
        .iter()
        .map(|act| format!("{} {:?} {}", act.operation, act.resource, act.magnitude))
        .collect();
    let verdict = record.enforced.map_or("", wardline::model::Verdict::name);
    let mut text = format!("{}  {}  {who}  {}  {verdict}", record.at, record.id, acts.join(", "));
    if let Some(grant) = &record.grant {
        text += &format!("  under grant {grant}");
    }
    if let Some(approval) = &record.approval {
        text += &format!("  under approval {approval}");
    }
    for (side, passed) in [("request", &record.request), ("response", &record.response)] {
        let Some(passed) = passed else { continue };
        let found: u64 = passed.totals.values().sum();
        text += &format!("  {side}: {} bytes, {found} values masked", passed.bytes);
        match passed.reread.as_ref().map(|reread| reread.surviving) {
            Some(Some(left)) => text += &format!(", {left} survived"),
            Some(None) => text += ", survivors could not be counted",
            None => {}
        }
    }
    text
}
