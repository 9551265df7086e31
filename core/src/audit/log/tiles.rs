//! The tree of the log that is written, and its tiles: files as soon as a checkpoint covers them, durable once their segment has ended.
//!
//! What an entry needs to be durable is its frame, and everything here can be made again from that. So no append waits for hashes and files: those of many
//! entries are made beside the appends that follow, by a thread of its own (to make a file can take as long as to append a group), those of a few when a checkpoint
//! asks for them. When a segment ends there are hundreds of files to be synced, which takes a disk a tenth of a second: that happens beside the appends,
//! too. How far it came stands in `synced`, the number of the
//! last segment whose tiles are all durable: whoever continues the log makes those after it again, and retention leaves their segments alone.
//!
//! ```text
//! synced ──► waits ──► in the tree, its tile a file ──► a checkpoint covers it ──► its segment ends: tiles synced ──► `synced`
//! ```

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::{put, sync_files, sync_folder};
use crate::audit::merkle::{Hash, TILE, Tree, leaf_hash};
use crate::audit::tile;

const FILE: &str = "synced";

/// So many entries, or bytes of them, are worth a thread: they fill sixteen tiles.
const MANY: usize = 16 * TILE;
const LONG: usize = 2 << 20;
/// When so many times more wait, the appends do, too.
const BEHIND: usize = 4;

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

/// Entries that are durable, one behind another.
#[derive(Default, Clone)]
struct Entries {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Entries {
    /// Whether there is so many times what a thread is worth.
    fn is_much(&self, times: usize) -> bool {
        self.ends.len() >= times * MANY || self.bytes.len() >= times * LONG
    }

    /// Adds them to a tree; answers with the tiles that they complete.
    fn grow(&self, tree: &mut Tree) -> Vec<Full> {
        let (mut full, mut start) = (Vec::new(), 0);
        for end in &self.ends {
            let entry = self.bytes.get(start..*end).unwrap_or_default();
            tree.push(leaf_hash(entry), &mut |level, number, row| full.push((level, number, row.to_vec())));
            start = *end;
        }
        full
    }
}

/// Entries that are being added; no thread does it where none could be had.
struct Growing {
    entries: Arc<Entries>,
    thread: Option<JoinHandle<Grown>>,
}

/// The tree with them, the tiles that could not be written, and the files of the others.
struct Grown {
    tree: Tree,
    full: Vec<Full>,
    written: Vec<PathBuf>,
}

pub(super) struct Tiles {
    folder: PathBuf,
    /// How many entries there are, with those that wait.
    size: u64,
    /// As far as it has grown.
    tree: Tree,
    /// Complete, and to be written.
    full: Vec<Full>,
    waiting: Entries,
    growing: Option<Growing>,
    /// Written as files since the last segment ended.
    unsynced: Vec<PathBuf>,
    /// Syncs those of the segment before.
    beside: Option<JoinHandle<io::Result<()>>>,
}

impl Tiles {
    /// Of a log's folder, over what is there; `full` are tiles whose files may be missing.
    pub(super) fn new(folder: &Path, tree: Tree, full: Vec<Full>) -> Self {
        Self {
            folder: folder.to_owned(),
            size: tree.size(),
            tree,
            full,
            waiting: Entries::default(),
            growing: None,
            unsynced: Vec::new(),
            beside: None,
        }
    }

    /// How many entries there are.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a group that is durable: where its entries lie in its bytes.
    pub(super) fn add(&mut self, bytes: &[u8], entries: &[Range<usize>]) {
        for entry in entries {
            self.waiting.bytes.extend_from_slice(bytes.get(entry.clone()).unwrap_or_default());
            self.waiting.ends.push(self.waiting.bytes.len());
        }
        self.size += entries.len() as u64;
        let busy = self.growing.as_ref().and_then(|growing| growing.thread.as_ref());
        let busy = busy.is_some_and(|thread| !thread.is_finished());
        if self.waiting.is_much(if busy { BEHIND } else { 1 }) {
            self.grow_beside();
        }
    }

    fn grow_beside(&mut self) {
        self.take_grown();
        let entries = Arc::new(std::mem::take(&mut self.waiting));
        let (folder, mut tree, added) = (self.folder.clone(), self.tree.clone(), Arc::clone(&entries));
        let grow = move || {
            let mut full = added.grow(&mut tree);
            let good = full.iter().take_while(|tile| write(&folder, tile).is_ok()).count();
            let written = full.drain(..good).map(|tile| file(&folder, &tile)).collect();
            Grown { tree, full, written }
        };
        let thread = thread::Builder::new().name("wardline-tiles".into()).spawn(grow).ok();
        self.growing = Some(Growing { entries, thread });
    }

    /// Waits for what is being added.
    fn take_grown(&mut self) {
        let Some(Growing { entries, thread }) = self.growing.take() else { return };
        if let Some(grown) = thread.and_then(|thread| thread.join().ok()) {
            self.tree = grown.tree;
            self.full.extend(grown.full);
            self.unsynced.extend(grown.written);
        } else {
            self.full.extend(entries.grow(&mut self.tree));
        }
    }

    /// The tree over all entries.
    pub(super) fn tree(&mut self) -> &Tree {
        self.take_grown();
        self.full.extend(self.waiting.grow(&mut self.tree));
        self.waiting.bytes.clear();
        self.waiting.ends.clear();
        &self.tree
    }

    /// Sees to it that the files are there which a checkpoint over all entries needs.
    pub(super) fn write(&mut self) -> io::Result<()> {
        self.tree();
        for tile in &self.full {
            write(&self.folder, tile)?;
            self.unsynced.push(file(&self.folder, tile));
        }
        self.full.clear();
        for (level, row) in (0_u8..).zip(self.tree.edge()) {
            if !row.is_empty() {
                let number = self.tree.size() >> (8 * (u32::from(level) + 1));
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

    /// Waits until no file is being made, and the tiles of the segments that have ended are durable.
    ///
    /// # Errors
    /// Where they could not be made so. What the disk holds of them then is unknown.
    pub(super) fn wait(&mut self) -> io::Result<()> {
        self.take_grown();
        let Some(beside) = self.beside.take() else { return Ok(()) };
        beside.join().unwrap_or_else(|_| Err(io::Error::other("a thread ended early")))
    }
}

fn file(folder: &Path, (level, number, _): &Full) -> PathBuf {
    folder.join(tile::path(*level, *number, None))
}

/// Writes a complete tile in place of what there is of it.
fn write(folder: &Path, (level, number, hashes): &Full) -> io::Result<()> {
    tile::write(folder, &tile::path(*level, *number, None), hashes)?;
    tile::remove_partials(folder, *level, *number)
}

/// Makes files and the names of their folders durable.
fn sync_all(folder: &Path, paths: &[PathBuf]) -> io::Result<()> {
    sync_files(paths)?;
    let inside = |parent: &&Path| parent.starts_with(folder);
    let folders: BTreeSet<&Path> =
        paths.iter().flat_map(|path| path.ancestors().skip(1).take_while(inside)).collect();
    folders.into_iter().try_for_each(sync_folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds groups of many lengths, and keeps a tree of its own beside.
    fn add(tiles: &mut Tiles, groups: usize, own: &mut Tree, full: &mut Vec<Full>) {
        for group in 0..groups {
            let mut bytes = b"head".to_vec();
            let mut entries = Vec::new();
            for number in 0..=group % 700 {
                let start = bytes.len();
                bytes.extend(format!("{group} {number}").bytes());
                entries.push(start..bytes.len());
                own.push(leaf_hash(&bytes[start..]), &mut |level, number, row| {
                    full.push((level, number, row.to_vec()))
                });
                bytes.extend(b"between");
            }
            tiles.add(&bytes, &entries);
            assert_eq!(tiles.size(), own.size());
        }
    }

    fn are_there(folder: &Path, own: &Tree, full: &[Full]) -> bool {
        let is =
            |name: String, hashes: &[Hash]| tile::read(folder, &name).unwrap().as_deref() == Some(hashes);
        let complete = full.iter().all(|(level, number, row)| is(tile::path(*level, *number, None), row));
        let edge = (0_u8..).zip(own.edge()).filter(|(_, row)| !row.is_empty()).all(|(level, row)| {
            let number = own.size() >> (8 * (u32::from(level) + 1));
            is(tile::path(level, number, Some(row.len() as u64)), row)
        });
        complete && edge
    }

    #[test]
    fn what_grows_beside_is_the_tree_that_entry_by_entry_makes() {
        let folder = tempfile::tempdir().unwrap();
        let (mut own, mut full) = (Tree::default(), Vec::new());
        let mut tiles = Tiles::new(folder.path(), Tree::default(), Vec::new());
        for groups in [3, 400, 1, 700] {
            add(&mut tiles, groups, &mut own, &mut full);
            assert!(groups < 400 || tiles.growing.is_some());
            assert_eq!(*tiles.tree(), own);
            tiles.write().unwrap();
            assert!(tiles.growing.is_none() && are_there(folder.path(), &own, &full));
        }
        assert_eq!(tiles.unsynced.iter().collect::<BTreeSet<_>>().len(), full.len());
        let (size, root) = (own.size(), own.root());
        tiles.settle(1).unwrap();
        tiles.wait().unwrap();
        assert_eq!(
            (synced(folder.path()).unwrap(), tiles.tree().size(), tiles.tree().root()),
            (1, size, root)
        );
    }

    #[test]
    fn a_tile_that_cannot_be_written_is_told_to_whoever_signs_and_written_once_it_can_be() {
        let folder = tempfile::tempdir().unwrap();
        let (mut own, mut full) = (Tree::default(), Vec::new());
        let mut tiles = Tiles::new(folder.path(), Tree::default(), Vec::new());
        fs::write(folder.path().join("tile"), b"a file where a folder should be").unwrap();
        add(&mut tiles, 300, &mut own, &mut full);
        assert!(tiles.growing.is_some());
        assert!(tiles.write().is_err() && tiles.write().is_err());
        assert_eq!(*tiles.tree(), own);
        fs::remove_file(folder.path().join("tile")).unwrap();
        add(&mut tiles, 300, &mut own, &mut full);
        tiles.write().unwrap();
        assert!(are_there(folder.path(), &own, &full) && tiles.unsynced.len() == full.len());
    }

    #[test]
    fn where_no_thread_can_be_had_the_tree_grows_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (mut own, mut full) = (Tree::default(), Vec::new());
        let mut tiles = Tiles::new(folder.path(), Tree::default(), Vec::new());
        add(&mut tiles, 50, &mut own, &mut full);
        assert!(tiles.growing.is_none(), "a few wait");
        let entries = Arc::new(std::mem::take(&mut tiles.waiting));
        tiles.growing = Some(Growing { entries, thread: None });
        add(&mut tiles, 20, &mut own, &mut full);
        assert_eq!(*tiles.tree(), own);
        tiles.write().unwrap();
        assert!(are_there(folder.path(), &own, &full));
    }
}
