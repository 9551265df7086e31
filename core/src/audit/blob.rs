//! Entries too large for the log: the whole of such a record lies beside the log under its SHA-256, and the entry
//! itself is cut to what identifies it. Lists of ids and bodies lie there too.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::log;
use super::record::{Blob, Passed, Record};
use crate::error::{Error, ErrorKind};
use crate::keys::hex;

/// How many ids, findings, acts, rules and grants a cut entry keeps of each.
const KEPT: usize = 32;

/// The longest text a cut entry keeps, in bytes.
const TEXT: usize = 256;

/// The entry to log for a record whose bytes, `whole`, are too many: as much as surely fits, and where the rest is.
pub(super) fn cut(record: &Record, whole: &[u8]) -> Record {
    let mut cut = record.clone();
    cut.id = clip(cut.id.as_str()).into();
    cut.session = cut.session.map(|id| clip(id.as_str()).into());
    cut.grant = cut.grant.map(|id| clip(id.as_str()).into());
    cut.approval = cut.approval.map(|id| clip(id.as_str()).into());
    for text in [
        &mut cut.system,
        &mut cut.door,
        &mut cut.entry,
        &mut cut.method,
        &mut cut.code,
        &mut cut.because,
        &mut cut.policy,
    ] {
        *text = text.take().map(|text| clip(&text).into());
    }
    for text in [&mut cut.trace, &mut cut.digest] {
        *text = text.take().map(|text| clip(&text));
    }
    cut.service = clip(&cut.service).into();
    if let Some(identity) = cut.identity.as_mut().map(Arc::make_mut) {
        identity.subject = clip(&identity.subject);
        identity.issuer = identity.issuer.take().map(|text| clip(&text));
        identity.claims.clear();
        identity.groups = clipped(&identity.groups);
        identity.hops.truncate(KEPT);
        identity.hops.iter_mut().for_each(|hop| hop.workload = clip(&hop.workload));
    }
    cut.acts.truncate(KEPT);
    cut.acts.iter_mut().for_each(|act| act.resource = clip(&act.resource));
    cut.rules.truncate(KEPT);
    for rule in &mut cut.rules {
        rule.rule = clip(&rule.rule).into();
        rule.code = rule.code.take().map(|text| clip(&text).into());
    }
    if let Some(risk) = &mut cut.risk {
        risk.terms.truncate(KEPT);
        risk.terms.iter_mut().for_each(|term| term.name = clip(&term.name).into());
    }
    cut.grants.truncate(KEPT);
    cut.grants.iter_mut().for_each(|id| *id = clip(id.as_str()).into());
    cut.passed_mut().for_each(cut_passed);
    if let Some(outcome) = &mut cut.outcome {
        outcome.reason = outcome.reason.take().map(|text| clip(&text).into());
    }
    if let Some(change) = &mut cut.change {
        change.step = clip(&change.step);
        change.by = clip(&change.by);
        change.reason = change.reason.take().map(|text| clip(&text));
    }
    cut.whole = Some(Blob { sha256: hex(&Sha256::digest(whole)), bytes: whole.len() as u64 });
    cut
}

/// A quarter of [`KEPT`] of each list: two sides of these must fit beside the rest.
fn cut_passed(passed: &mut Passed) {
    passed.sha256 = passed.sha256.take().map(|text| clip(&text));
    passed.findings.truncate(KEPT / 4);
    let survivors = passed.reread.iter_mut().flat_map(|reread| {
        reread.findings.truncate(KEPT / 4);
        &mut reread.findings
    });
    for found in passed.findings.iter_mut().chain(survivors) {
        found.name = clip(&found.name).into();
        found.path = clip(&found.path);
        found.digest = clip(&found.digest);
    }
    passed.totals = std::mem::take(&mut passed.totals)
        .into_iter()
        .filter(|(name, _)| name.len() <= TEXT / 4)
        .take(KEPT)
        .collect();
    if let Some(census) = &mut passed.census {
        census.ids = census.ids.iter().take(KEPT / 4).map(|id| clip(id)).collect();
    }
}

fn clipped(texts: &[String]) -> Vec<String> {
    texts.iter().take(KEPT / 4).map(|text| clip(text)).collect()
}

/// The start of a text, without control characters.
fn clip(text: &str) -> String {
    if text.len() <= TEXT && !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        if short.len() + c.len_utf8() > TEXT {
            break;
        }
        short.push(c);
    }
    short
}

/// Writes files beside the log, durably.
pub(super) fn write(folder: &Path, files: &[(Blob, Vec<u8>)]) -> io::Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let mut fresh = Vec::with_capacity(files.len());
    for (blob, bytes) in files {
        let path = path(folder, blob).with_extension("tmp");
        log::create(&path)?.write_all(bytes)?;
        fresh.push(path);
    }
    log::sync_files(&fresh)?;
    for (path, (blob, _)) in fresh.iter().zip(files) {
        fs::rename(path, self::path(folder, blob))?;
    }
    log::sync_folder(&folder.join("blob"))
}

/// Reads the whole of a record and checks it against its digest.
///
/// # Errors
/// Where it is not there, or is not what was written.
pub(super) fn read(folder: &Path, blob: &Blob) -> Result<Vec<u8>, Error> {
    let wrong =
        |what: &str| Error::new(ErrorKind::Log, format!("the whole of the entry, beside the log, {what}"));
    if blob.sha256.len() != 64 || !blob.sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(wrong("has no proper name"));
    }
    let bytes = fs::read(path(folder, blob)).map_err(|e| wrong("cannot be read").with_source(e))?;
    if is(&bytes, blob) { Ok(bytes) } else { Err(wrong("was altered")) }
}

/// Where it lies under a log's folder.
pub(super) fn path(folder: &Path, blob: &Blob) -> PathBuf {
    folder.join("blob").join(&blob.sha256)
}

/// Whether these bytes are the ones that an entry names.
pub(super) fn is(bytes: &[u8], blob: &Blob) -> bool {
    hex(&Sha256::digest(bytes)) == blob.sha256 && bytes.len() as u64 == blob.bytes
}
