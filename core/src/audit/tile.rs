//! Tiles on disk: the hashes of the tree, 256 to a file, where public tools look for them
//! (C2SP tlog-tiles: `tile/<level>/x001/x234/067`, an unfinished one under `067.p/<width>`).
//!
//! Tiles are derived from the entries and can be rebuilt from them at any time; `verify` compares the two.
//! Entry bundles (`tile/entries/`) are not written: the segments hold the entries.

use std::fs;
use std::io::{self, ErrorKind as Io, Write};
use std::path::{Path, PathBuf};

use super::log;
use super::merkle::{Hash, Nodes, TILE, subtree};
use crate::error::{Error, ErrorKind};

/// Where tile `number` of `level` lies under a log's folder; `width` is that of an unfinished one.
pub(super) fn path(level: u8, number: u64, width: Option<u64>) -> String {
    let mut parts = vec![format!("{:03}", number % 1_000)];
    let mut rest = number / 1_000;
    while rest > 0 {
        parts.insert(0, format!("x{:03}", rest % 1_000));
        rest /= 1_000;
    }
    let partial = width.map_or_else(String::new, |width| format!(".p/{width}"));
    format!("tile/{level}/{}{partial}", parts.join("/"))
}

/// Writes a tile, whole or not at all; one that is there already with the same bytes is left alone.
pub(super) fn write(folder: &Path, name: &str, hashes: &[Hash]) -> io::Result<()> {
    let path = folder.join(name);
    let bytes = hashes.concat();
    if fs::read(&path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let fresh = path.with_extension("tmp");
    log::create(&fresh)?.write_all(&bytes)?;
    fs::rename(&fresh, &path)
}

/// Removes the unfinished forms of a tile that is finished.
pub(super) fn remove_partials(folder: &Path, level: u8, number: u64) -> io::Result<()> {
    match fs::remove_dir_all(folder.join(format!("{}.p", path(level, number, None)))) {
        Err(e) if e.kind() != Io::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Reads the hashes of a tile; `None` where it is not there.
pub(super) fn read(folder: &Path, name: &str) -> io::Result<Option<Vec<Hash>>> {
    let bytes = match fs::read(folder.join(name)) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == Io::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let (hashes, rest) = bytes.as_chunks::<32>();
    if rest.is_empty() { Ok(Some(hashes.to_vec())) } else { Err(Io::InvalidData.into()) }
}

/// The tiles of a log as far as a checkpoint of `size` entries reaches.
pub(super) struct Tiles {
    pub(super) folder: PathBuf,
    pub(super) size: u64,
}

impl Nodes for Tiles {
    fn node(&self, height: u32, index: u64) -> Result<Hash, Error> {
        let missing = || Error::new(ErrorKind::Log, format!("no tile holds node {index} of height {height}"));
        let level = u8::try_from(height / 8).map_err(|_| missing())?;
        let count = 1_usize << (height % 8);
        let first = index << (height % 8);
        let number = first / TILE as u64;
        let offset = usize::try_from(first % TILE as u64).map_err(|_| missing())?;
        let there = self.size >> (8 * u32::from(level));
        let width = (there / TILE as u64 == number).then_some(there % TILE as u64);
        let mut row =
            read(&self.folder, &path(level, number, width)).map_err(|e| missing().with_source(e))?;
        if row.is_none() && width.is_some() {
            // Finished since: a finished tile holds its unfinished forms.
            row = read(&self.folder, &path(level, number, None)).map_err(|e| missing().with_source(e))?;
        }
        let row = row.ok_or_else(missing)?;
        row.get(offset..offset + count).map(subtree).ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        assert_eq!(path(0, 1_234_067, None), "tile/0/x001/x234/067");
        assert_eq!(path(1, 0, Some(8)), "tile/1/000.p/8");
        assert_eq!(path(0, 999, None), "tile/0/999");
    }
}
