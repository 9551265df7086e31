//! A proof for an outsider: one entry, its path to the root, and the signed note over that root. Nothing else of the
//! log has to be shown.

use std::fs;
use std::path::{Path, PathBuf};

use super::log::at;
use super::merkle::{Hash, consistency, inclusion, leaf_hash, verify_consistency, verify_inclusion};
use super::note::Checkpoint;
use super::read::slots;
use super::tile::Tiles;
use crate::error::{Error, ErrorKind};
use crate::keys::PublicKey;

/// That an entry is in a log, checkable with the log's public key alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The entry's index.
    pub index: u64,
    /// The hashes from the entry to the root.
    pub path: Vec<Hash>,
    /// The signed checkpoint.
    pub note: String,
}

impl Proof {
    /// Whether `entry`, byte for byte, stands at this place of the log that `key` signs.
    ///
    /// # Errors
    /// Where the checkpoint is not signed by the key.
    pub fn holds(&self, entry: &[u8], key: &PublicKey) -> Result<bool, Error> {
        let checkpoint = Checkpoint::open(&self.note, key)?;
        Ok(verify_inclusion(self.index, checkpoint.size, &leaf_hash(entry), &self.path, &checkpoint.root))
    }
}

/// The proof that entry `index` is in the log of a slot, under its newest checkpoint.
///
/// # Errors
/// Where there is no such entry under the checkpoint, or the tiles do not hold what is needed.
pub fn prove(state: &Path, slot: &str, index: u64) -> Result<Proof, Error> {
    let (note, checkpoint, folder) = newest(state, slot)?;
    if index >= checkpoint.size {
        return Err(Error::new(ErrorKind::NotFound, "no entry of that index under the newest checkpoint"));
    }
    let path = inclusion(&Tiles { folder, size: checkpoint.size }, index, checkpoint.size)?;
    Ok(Proof { index, path, note })
}

/// That a log went on from an older checkpoint without changing what was under it: what a witness asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuation {
    /// The hashes between the two roots.
    pub path: Vec<Hash>,
    /// The newer signed checkpoint.
    pub note: String,
}

impl Continuation {
    /// Whether the newer checkpoint, signed by `key`, continues `old`.
    ///
    /// # Errors
    /// Where the newer checkpoint is not signed by the key.
    pub fn holds(&self, old: &Checkpoint, key: &PublicKey) -> Result<bool, Error> {
        let new = Checkpoint::open(&self.note, key)?;
        Ok(old.origin == new.origin
            && verify_consistency(old.size, &old.root, new.size, &new.root, &self.path))
    }
}

/// The proof that the newest checkpoint of a slot's log continues the one of `old` entries.
///
/// # Errors
/// Where the log is shorter than that, or the tiles do not hold what is needed.
pub fn prove_continuation(state: &Path, slot: &str, old: u64) -> Result<Continuation, Error> {
    let (note, checkpoint, folder) = newest(state, slot)?;
    let path = consistency(&Tiles { folder, size: checkpoint.size }, old, checkpoint.size)?;
    Ok(Continuation { path, note })
}

/// The keys of the logs of a state folder, by slot: what an auditor has to be told once.
///
/// # Errors
/// Where a key cannot be read.
pub fn log_keys(state: &Path) -> Result<Vec<(String, PublicKey)>, Error> {
    let mut keys = Vec::new();
    for slot in slots(state)? {
        let folder = state.join("log").join(&slot);
        match fs::read_to_string(folder.join("key.pub")) {
            Ok(text) => keys.push((slot, PublicKey::read(&text)?)),
            // A slot that was locked and never written.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(at(&folder, "has an unreadable key", e)),
        }
    }
    Ok(keys)
}

fn newest(state: &Path, slot: &str) -> Result<(String, Checkpoint, PathBuf), Error> {
    let folder = state.join("log").join(slot);
    let read =
        |name: &str| fs::read_to_string(folder.join(name)).map_err(|e| at(&folder, "cannot be read", e));
    let note = read("checkpoint")?;
    let checkpoint = Checkpoint::open(&note, &PublicKey::read(&read("key.pub")?)?)?;
    Ok((note, checkpoint, folder))
}
