//! Files beside the segments: written whole or not at all, and made durable.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread;

use super::segment::{create, sync_folder};
use crate::error::{Error, ErrorKind};

/// Writes a file of a log's folder durably, and whole or not at all.
pub(in crate::audit) fn put(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let fresh = folder.join(format!("{name}.new"));
    let mut file = create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, folder.join(name))?;
    sync_folder(folder)
}

/// Makes files durable, several at a time: a disk flushes once for all who wait.
pub(in crate::audit) fn sync_files(paths: &[PathBuf]) -> io::Result<()> {
    const AT_ONCE: usize = 64;
    let sync = |paths: &[PathBuf]| paths.iter().try_for_each(|path| File::open(path)?.sync_all());
    if paths.len() < 2 {
        return sync(paths);
    }
    thread::scope(|scope| {
        let parts = paths.chunks(paths.len().div_ceil(AT_ONCE).max(1));
        let running: Vec<_> = parts.map(|part| scope.spawn(move || sync(part))).collect();
        let ended = running.into_iter().map(|part| part.join());
        ended
            .into_iter()
            .try_for_each(|ended| ended.unwrap_or_else(|_| Err(io::Error::other("a thread ended early"))))
    })
}

/// What is wrong with a log, and which.
pub(in crate::audit) fn at(folder: &Path, what: &str, e: io::Error) -> Error {
    Error::new(ErrorKind::Log, format!("the log {} {what}", folder.display())).with_source(e)
}
