//! Groups of records as the bytes that a segment gets: what is appended under one sync.

use std::ops::Range;
use std::path::Path;

use super::{MAX_ENTRY, at, segment};
use crate::audit::prepared::Append;
use crate::audit::{blob, list};
use crate::clock::Timestamp;
use crate::error::Error;

/// A group of records as bytes.
pub(super) struct Frames {
    pub(super) bytes: Vec<u8>,
    /// Where the entries lie in them.
    pub(super) entries: Vec<Range<usize>>,
    /// When the first record began, and the last one ended.
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
}

impl Frames {
    /// Of records of which the first has that index; `bytes` is room that is used again. What is too large is written beside the log.
    pub(super) fn of(
        folder: &Path,
        index: u64,
        records: &[impl Append],
        mut bytes: Vec<u8>,
    ) -> Result<Self, Error> {
        let wrong = |e| at(folder, "cannot be written", e);
        bytes.clear();
        let mut entries = Vec::with_capacity(records.len());
        for (group, appended) in (0_u32..).zip(records) {
            let index = index + u64::from(group);
            if let Some(made) = appended.entry() {
                entries.push(segment::frame(&mut bytes, index, group, |out| {
                    out.extend_from_slice(made);
                    Ok::<_, Error>(())
                })?);
                continue;
            }
            let (record, lists) = list::named(appended.record());
            blob::write(folder, &lists).map_err(wrong)?;
            let start = bytes.len();
            let mut entry = segment::frame(&mut bytes, index, group, |out| record.canonical_into(out))?;
            if entry.len() > MAX_ENTRY {
                let whole = bytes.get(entry).unwrap_or_default().to_vec();
                let cut = blob::cut(&record, &whole);
                let named: Vec<_> = cut.whole.iter().map(|name| (name.clone(), whole.clone())).collect();
                blob::write(folder, &named).map_err(wrong)?;
                bytes.truncate(start);
                entry = segment::frame(&mut bytes, index, group, |out| cut.canonical_into(out))?;
            }
            entries.push(entry);
        }
        let first = records.first().map(|appended| appended.record().at);
        let ends = records.iter().map(|appended| appended.record());
        let last = ends.map(|record| record.ended_at.unwrap_or(record.at)).max();
        Ok(Self { bytes, entries, first, last })
    }
}
