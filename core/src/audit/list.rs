//! Which ids passed, where they are more than a record names: their digests in a file beside the log, under its own digest.
//!
//! A file holds the first eight bytes of the SHA-256 of each id, sorted, so that one is found by halving. The record names the file by its
//! SHA-256 and so is what proves it. Two of 2^20 ids share a digest once in 2^25 files.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::blob;
use super::capture::Captured;
use super::record::{Blob, Passed, Record};
use crate::error::Error;
use crate::keys::hex;
use crate::model::{Census, IdDigest};

/// The record with its files named, and what is to be written there.
pub(super) fn named(record: &Record) -> (Cow<'_, Record>, Vec<(Blob, Vec<u8>)>) {
    let mut files = Vec::new();
    if !is_needed(record) {
        return (Cow::Borrowed(record), files);
    }
    let mut record = record.clone();
    for passed in record.passed_mut() {
        let Some(census) = passed.census.as_mut() else { continue };
        let mut more = std::mem::take(&mut census.more);
        if more.is_empty() {
            continue;
        }
        more.sort_unstable();
        more.dedup();
        let bytes = more.concat();
        let file = Blob { sha256: hex(&Sha256::digest(&bytes)), bytes: bytes.len() as u64 };
        passed.listed = Some(file.clone());
        files.push((file, bytes));
    }
    (Cow::Owned(record), files)
}

/// Whether a record has ids for such a file.
pub(super) fn is_needed(record: &Record) -> bool {
    let more = |passed: &Passed| passed.census.as_ref().is_some_and(|census| !census.more.is_empty());
    record.passed().any(more)
}

/// The lists and bodies that a record names.
pub(super) fn beside(record: &Record) -> impl Iterator<Item = Blob> {
    let passed = record.passed();
    let bodies = passed.filter_map(|passed| passed.captured.as_ref()).map(Captured::blob);
    files(record).cloned().chain(bodies)
}

/// Whether an id is in one of the files that a record names.
///
/// # Errors
/// Where such a file cannot be read.
pub(super) fn has(folder: &Path, record: &Record, id: &str) -> Result<bool, Error> {
    let digest = Census::digest(id);
    for file in files(record) {
        let found = search(folder, file, &digest);
        if found.map_err(|e| super::log::at(folder, "has lost a list of ids", e))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a record names any.
pub(super) fn any(record: &Record) -> bool {
    files(record).next().is_some()
}

/// The lists that a record names.
pub(super) fn files(record: &Record) -> impl Iterator<Item = &Blob> {
    record.passed().filter_map(|passed| passed.listed.as_ref())
}

/// Looks for a digest by halving.
fn search(folder: &Path, list: &Blob, digest: &IdDigest) -> io::Result<bool> {
    const EACH: u64 = size_of::<IdDigest>() as u64;
    let mut file = File::open(blob::path(folder, list))?;
    let (mut from, mut until) = (0, list.bytes / EACH);
    let mut here = IdDigest::default();
    while from < until {
        let middle = from + (until - from) / 2;
        file.seek(SeekFrom::Start(middle * EACH))?;
        file.read_exact(&mut here)?;
        match here.cmp(digest) {
            std::cmp::Ordering::Equal => return Ok(true),
            std::cmp::Ordering::Less => from = middle + 1,
            std::cmp::Ordering::Greater => until = middle,
        }
    }
    Ok(false)
}
