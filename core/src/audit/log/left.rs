//! What a writer could not record and did not live to say: a small file beside its log, with its room reserved, so that a full disk can still
//! take it. Whoever continues the log says it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::put;
use crate::audit::Gap;

const FILE: &str = "lost";
/// More than a gap takes; the rest is white space.
const ROOM: usize = 256;

/// What was left there; makes the file where there is none.
pub(super) fn read(folder: &Path) -> io::Result<Option<Gap>> {
    match fs::read(folder.join(FILE)) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => put(folder, FILE, &[b' '; ROOM]).map(|()| None),
        Err(e) => Err(e),
    }
}

/// Leaves something, or takes it away.
pub(super) fn write(folder: &Path, gap: Option<&Gap>) -> io::Result<()> {
    let mut bytes = gap.map(serde_json::to_vec).transpose()?.unwrap_or_default();
    bytes.resize(ROOM.max(bytes.len()), b' ');
    // In place: its room is there.
    let mut file = OpenOptions::new().write(true).open(folder.join(FILE))?;
    file.write_all(&bytes)?;
    file.sync_data()
}
