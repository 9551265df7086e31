//! The tiles of the log that is written: files as soon as a checkpoint covers them, durable once their segment has ended.
//!
//! While a segment is written, its tiles can be made again from it, so nothing waits for them. When it ends there are hundreds of files to be
//! synced, which takes a disk a tenth of a second: that happens beside the appends that follow. How far it came stands in `synced`, the number of the
//! last segment whose tiles are all durable: whoever continues the log makes those after it again, and retention leaves their segments alone.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use super::{put, sync_files, sync_folder};
use crate::audit::merkle::{Hash, Tree};
use crate::audit::tile;

const FILE: &str = "synced";

/// The last segment whose tiles are all durable, with those of all before it; 0 where none are known to be.
pub(in crate::audit) fn synced(folder: &Path) -> io::Result<u64> {
    match fs::read_to_string(folder.join(FILE)) {
        Ok(text) => Ok(text.trim().parse().unwrap_or(0)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(e) => Err(e),
    }
}

/// A tile that is complete: its level, its number, its hashes.
pub(super) type Full = (u8, u64, Vec<Hash>);

pub(super) struct Tiles {
    folder: PathBuf,
    /// Completed since the last checkpoint.
    full: Vec<Full>,
    /// Written as files since the last segment ended.
    unsynced: Vec<PathBuf>,
    /// Syncs those of the segment before.
    beside: Option<JoinHandle<io::Result<()>>>,
}

impl Tiles {
    /// Of a log's folder; `full` are those whose files may be missing.
    pub(super) fn new(folder: &Path, full: Vec<Full>) -> Self {
        Self { folder: folder.to_owned(), full, unsynced: Vec::new(), beside: None }
    }

    /// Adds an entry to the tree, and what it completes to the tiles.
    pub(super) fn push(&mut self, tree: &mut Tree, entry: Hash) {
        let full = &mut self.full;
        tree.push(entry, &mut |level, number, row| full.push((level, number, row.to_vec())));
    }

    /// Writes the files that a checkpoint over the tree needs.
    pub(super) fn write(&mut self, tree: &Tree) -> io::Result<()> {
        for (level, number, hashes) in &self.full {
            let name = tile::path(*level, *number, None);
            tile::write(&self.folder, &name, hashes)?;
            tile::remove_partials(&self.folder, *level, *number)?;
            self.unsynced.push(self.folder.join(name));
        }
        self.full.clear();
        for (level, row) in (0_u8..).zip(tree.edge()) {
            if !row.is_empty() {
                let number = tree.size() >> (8 * (u32::from(level) + 1));
                tile::write(&self.folder, &tile::path(level, number, Some(row.len() as u64)), row)?;
            }
        }
        Ok(())
    }

    /// Begins to make the tiles of a segment durable that has ended, once those of the one before it are.
    pub(super) fn settle(&mut self, segment: u64) -> io::Result<()> {
        self.wait()?;
        let (folder, paths) = (self.folder.clone(), std::mem::take(&mut self.unsynced));
        let sync = move || {
            sync_all(&folder, &paths)?;
            put(&folder, FILE, segment.to_string().as_bytes())
        };
        self.beside = Some(thread::Builder::new().name("wardline-tiles".into()).spawn(sync)?);
        Ok(())
    }

    /// Waits until they are durable.
    ///
    /// # Errors
    /// Where they could not be made so. What the disk holds of them then is unknown.
    pub(super) fn wait(&mut self) -> io::Result<()> {
        let Some(beside) = self.beside.take() else { return Ok(()) };
        beside.join().unwrap_or_else(|_| Err(io::Error::other("a thread ended early")))
    }
}

/// Makes files and the names of their folders durable.
fn sync_all(folder: &Path, paths: &[PathBuf]) -> io::Result<()> {
    sync_files(paths)?;
    let inside = |parent: &&Path| parent.starts_with(folder);
    let folders: BTreeSet<&Path> =
        paths.iter().flat_map(|path| path.ancestors().skip(1).take_while(inside)).collect();
    folders.into_iter().try_for_each(sync_folder)
}
