//! The segment that comes next, made ready while the one at hand is written: its room reserved, and written with zeros.
//!
//! To write over blocks that the disk has is what makes an append cheap, and somebody has to write them first. That is done here, beside the
//! appends and in a file of its own: in the file at hand every sync of an append would wait for the zeros, too.
//!
//! ```text
//! seg/spare              until the segment at hand is full, or its writer ends
//! seg/000000000002.new   until its header is durable
//! seg/000000000002.seg
//! ```
//!
//! Nothing rests on it. It is begun once half of a segment is used, so that a short log has none. A writer that needs it earlier takes it as far as it is, one
//! that has none makes its segment as the first one was made, and one that finds the file of a writer that died removes it: whose zeros those are, nobody knows.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::direct::{self, BLOCK};
use super::segment::{self, Disk};

/// So many zeros are written and synced at a time: a disk takes these in about two milliseconds, and an append that comes meanwhile waits for no more. In
/// pieces of a quarter, four times as many appends wait for half of that.
const STEP: usize = 1 << 20;

/// A file whose room is reserved, and how many bytes of it are zeros on the disk.
pub(super) struct Ready {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) zeros: u64,
}

/// Of one log, the file that is made ready.
pub(super) struct Spare {
    path: PathBuf,
    beside: Option<Beside>,
    /// Tried for the segment at hand: a disk that is full is not asked with every append.
    tried: bool,
}

struct Beside {
    bytes: u64,
    enough: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<(File, u64)>>,
}

impl Spare {
    /// Of a log's folder, whose lock is held; removes what a writer left that died.
    pub(super) fn new(folder: &Path) -> Self {
        let path = folder.join("seg").join("spare");
        // What stays is emptied before it is used.
        let _ = remove(&path);
        for fresh in segment::unfinished(folder).unwrap_or_default() {
            let _ = remove(&fresh);
        }
        Self { path, beside: None, tried: false }
    }

    /// Begins to make a file of so many bytes ready, unless that was tried since one was taken.
    pub(super) fn prepare(&mut self, bytes: u64) {
        if std::mem::replace(&mut self.tried, true) || self.beside.is_some() {
            return;
        }
        let (path, enough) = (self.path.clone(), Arc::new(AtomicBool::new(false)));
        let ends = Arc::clone(&enough);
        let make = move || make(&path, bytes, &ends);
        let thread = thread::Builder::new().name("wardline-spare".into()).spawn(make);
        self.beside = thread.ok().map(|thread| Beside { bytes, enough, thread });
    }

    /// Whether it was tried since one was taken.
    #[cfg(test)]
    pub(super) fn is_tried(&self) -> bool {
        self.tried
    }

    /// What is ready, where it has room for so many bytes.
    pub(super) fn take(&mut self, bytes: u64) -> Option<Ready> {
        self.tried = false;
        let beside = self.beside.take_if(|beside| beside.bytes >= bytes)?;
        let (file, zeros) = beside.end().ok()?;
        Some(Ready { file, path: self.path.clone(), zeros })
    }

    /// Ends it, and leaves nothing behind.
    pub(super) fn clear(&mut self) {
        if let Some(beside) = self.beside.take() {
            // Whether it was made or not, there is to be no file; where it stays, whoever continues the log removes it.
            let _ = beside.end();
            let _ = remove(&self.path);
        }
    }
}

impl Beside {
    fn end(self) -> io::Result<(File, u64)> {
        self.enough.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread ended early")))
    }
}

/// Makes the file, up to where it is told that this is enough.
fn make(path: &Path, bytes: u64, enough: &AtomicBool) -> io::Result<(File, u64)> {
    let made = segment::create(path).and_then(|file| {
        segment::reserve(&file, bytes)?;
        let zeros = fill(direct::disk(file.try_clone()?, path, 0)?, bytes, enough)?;
        Ok((file, zeros))
    });
    if made.is_err() {
        // Its room is of more use to those who write.
        let _ = remove(path);
    }
    made
}

/// Writes zeros past the page cache where that can be done: nobody is to read them, and what goes through it is copied, and in the way of what others sync.
fn fill(mut disk: Box<dyn Disk>, bytes: u64, enough: &AtomicBool) -> io::Result<u64> {
    let step = vec![0; STEP];
    let mut at = 0;
    // Whole blocks: what is behind the last of them is reserved, as the file is long.
    let bytes = bytes - bytes % BLOCK as u64;
    while at < bytes && !enough.load(Ordering::Relaxed) {
        let started = Instant::now();
        let length = usize::try_from(bytes - at).map_or(STEP, |left| left.min(STEP));
        disk.write_at(at, step.get(..length).unwrap_or_default())?;
        disk.sync()?;
        at += length as u64;
        // Half of the disk's time is left to those who wait for it.
        thread::park_timeout(started.elapsed());
    }
    Ok(at)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("seg")).unwrap();
        folder
    }

    #[test]
    fn what_is_taken_is_zeros_as_far_as_it_says_and_reserved_behind_them() {
        let folder = folder();
        let mut spare = Spare::new(folder.path());
        let bytes = 8 * STEP as u64 + 7;
        spare.prepare(bytes);
        assert!(spare.take(bytes + 1).is_none(), "not for more than it has room for");
        let ready = spare.take(bytes).unwrap();
        assert_eq!(ready.file.metadata().unwrap().len(), bytes);
        assert!(ready.zeros <= bytes && ready.zeros.is_multiple_of(STEP as u64));
        assert!(fs::read(&ready.path).unwrap().iter().all(|byte| *byte == 0));
        assert!(spare.take(bytes).is_none(), "once");
        let whole = make(&ready.path, bytes, &AtomicBool::new(false)).unwrap();
        assert_eq!(whole.1, bytes - 7);
        assert_eq!(whole.0.metadata().unwrap().len(), bytes);
    }

    #[test]
    fn what_was_left_is_removed_and_what_is_not_needed_too() {
        let folder = folder();
        let path = folder.path().join("seg/spare");
        let fresh = folder.path().join("seg/000000000007.new");
        // Somebody else's names.
        let kept = ["000000000006.seg", "7.new", "x00000000007.new", "000000000007.old"];
        let kept = kept.map(|name| folder.path().join("seg").join(name));
        for path in kept.iter().chain([&path, &fresh]) {
            fs::write(path, b"WARDLOG1").unwrap();
        }
        let mut spare = Spare::new(folder.path());
        assert!(!path.exists() && !fresh.exists());
        assert!(kept.iter().all(|path| path.exists()));
        spare.prepare(1 << 30);
        spare.clear();
        assert!(!path.exists());
    }

    #[test]
    fn where_it_cannot_be_made_it_is_tried_once_a_segment() {
        let folder = tempfile::tempdir().unwrap();
        let mut spare = Spare::new(folder.path());
        spare.prepare(10);
        let thread = &spare.beside.as_ref().unwrap().thread;
        let first = thread.thread().id();
        spare.prepare(10);
        assert_eq!(spare.beside.as_ref().unwrap().thread.thread().id(), first);
        assert!(spare.take(10).is_none());
        fs::create_dir(folder.path().join("seg")).unwrap();
        spare.prepare(10);
        assert!(spare.take(10).is_some());
    }
}
