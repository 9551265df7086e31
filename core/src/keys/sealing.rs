//! A key for each person: what was said under it is sealed, and gone for good once the key is destroyed.
//!
//! ```
//! use wardline::keys::Subjects;
//! let state = tempfile::tempdir().unwrap();
//! let subjects = Subjects::of(state.path());
//! let key = subjects.key("ana").unwrap();
//! let sealed = key.seal(&[b"rec_1"], b"a body").unwrap();
//! let again = subjects.known("ana").unwrap().unwrap();
//! assert_eq!(again.open(&[b"rec_1"], &sealed).unwrap(), b"a body");
//! assert!(subjects.destroy("ana").unwrap() && subjects.known("ana").unwrap().is_none());
//! ```
//!
//! Keys lie in `subjects/` of a state folder, one file each, readable by its owner alone, and are drawn from nothing: only that file
//! has them. It is named by the SHA-256 of the subject, so that any name makes one. Sealing is AES-SIV (RFC 5297) with AES-256
//! under a random nonce.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind as Io, Read, Write};
use std::path::{Path, PathBuf};

use aes_siv::siv::Aes256Siv;
use hmac::KeyInit;
use sha2::{Digest, Sha256};

use super::{Keys, Purpose, hex, random, random_file};
use crate::error::{Error, ErrorKind};

/// The folder of the keys under a state folder.
const FOLDER: &str = "subjects";
/// The form of what is sealed, authenticated with it.
const FORM: &[u8] = b"wardline/sealed/1";
/// Bytes of the nonce before what is sealed.
const NONCE: usize = 16;
/// What a key file is called while it is being destroyed.
const GONE: &str = "gone";

/// The keys of the people of one state folder.
#[derive(Debug, Clone)]
pub struct Subjects(PathBuf);

impl Subjects {
    /// Those of a state folder.
    pub fn of(state: &Path) -> Self {
        Self(state.join(FOLDER))
    }

    /// The key of a subject, made by whoever asks first.
    ///
    /// # Errors
    /// Where it cannot be read or made.
    pub fn key(&self, subject: &str) -> Result<SealingKey, Error> {
        let mut folder = DirBuilder::new();
        folder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.create(&self.0).map_err(|e| self.wrong("cannot be made", e))?;
        // One that was being destroyed as it was read reads as zeros, once: it has no name any more.
        for _ in 0..8 {
            if let Some(key) = SealingKey::from_root(&random_file(&self.0, &name(subject))?) {
                return Ok(key);
            }
        }
        Err(Error::new(ErrorKind::Store, format!("the folder {} holds a key of zeros", self.0.display())))
    }

    /// The key of a subject, where there is one.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn known(&self, subject: &str) -> Result<Option<SealingKey>, Error> {
        let mut root = [0; 32];
        match File::open(self.0.join(name(subject))).and_then(|mut file| file.read_exact(&mut root)) {
            Ok(()) => Ok(SealingKey::from_root(&root)),
            Err(e) if e.kind() == Io::NotFound => Ok(None),
            Err(e) => Err(self.wrong("cannot be read", e)),
        }
    }

    /// Destroys the key of a subject: nothing that was sealed under it can be opened any more. Whether there was one.
    ///
    /// Its bytes are overwritten before its file goes. What a file system or a disk keeps of older bytes, and copies that were made of
    /// the folder, are beyond this.
    ///
    /// # Errors
    /// Where it cannot be done: whoever asks again ends what was begun.
    pub fn destroy(&self, subject: &str) -> Result<bool, Error> {
        let key = self.0.join(name(subject));
        let gone = key.with_extension(GONE);
        // A run that was interrupted left that name: its key is no less to be destroyed.
        let left = overwritten(&gone).map_err(|e| self.wrong("cannot be written", e))?;
        match fs::rename(&key, &gone) {
            Ok(()) => {}
            Err(e) if e.kind() == Io::NotFound => return Ok(left),
            Err(e) => return Err(self.wrong("cannot be written", e)),
        }
        // Whoever asks from here on makes another key, and cannot take the zeros for it.
        File::open(&self.0)
            .and_then(|folder| folder.sync_all())
            .and_then(|()| overwritten(&gone))
            .map_err(|e| self.wrong("cannot be written", e))
    }

    fn wrong(&self, what: &str, e: io::Error) -> Error {
        Error::new(ErrorKind::Store, format!("the folder {} {what}", self.0.display())).with_source(e)
    }
}

/// Overwrites and removes a key's file; whether it was there.
fn overwritten(path: &Path) -> io::Result<bool> {
    let mut file = match OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == Io::NotFound => return Ok(false),
        Err(e) => return Err(e),
    };
    file.write_all(&[0; 32])?;
    file.sync_all()?;
    fs::remove_file(path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())?;
    Ok(true)
}

fn name(subject: &str) -> String {
    hex(&Sha256::digest([FORM, subject.as_bytes()].concat()))
}

/// A key that seals. Printing it shows its id only.
pub struct SealingKey {
    key: [u8; 64],
    id: String,
}

impl SealingKey {
    /// `None` for zeros, which are what is left of a key.
    fn from_root(root: &[u8; 32]) -> Option<Self> {
        if *root == [0; 32] {
            return None;
        }
        let keys = Keys::from_root(*root);
        let part = |label: &[u8]| keys.within(Purpose::Reversible, &[FORM, label]).finish();
        let mut key = [0; 64];
        let halves = part(b"authenticate").into_iter().chain(part(b"encrypt"));
        key.iter_mut().zip(halves).for_each(|(to, from)| *to = from);
        Some(Self { key, id: hex(part(b"id").first_chunk::<8>()?) })
    }

    /// Tells this key from others, and nothing else of it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Seals bytes, bound to what they are about.
    ///
    /// # Errors
    /// Where the machine gives no random bytes.
    pub fn seal(&self, about: &[&[u8]], clear: &[u8]) -> Result<Vec<u8>, Error> {
        let nonce = random()?;
        let nonce = nonce.get(..NONCE).unwrap_or_default();
        let sealed = Aes256Siv::new(&self.key.into())
            .encrypt(headers(about, nonce), clear)
            .map_err(|_| Error::new(ErrorKind::Internal, "cannot seal"))?;
        Ok([nonce, &sealed].concat())
    }

    /// Opens what [`seal`](Self::seal) made.
    ///
    /// # Errors
    /// Bytes that were sealed under another key or about something else, or were altered.
    pub fn open(&self, about: &[&[u8]], sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let wrong = || Error::new(ErrorKind::Input, "it was not sealed under this key, or was altered");
        let (nonce, sealed) = sealed.split_at_checked(NONCE).ok_or_else(wrong)?;
        Aes256Siv::new(&self.key.into()).decrypt(headers(about, nonce), sealed).map_err(|_| wrong())
    }
}

/// What is authenticated beside the bytes; the nonce last, as RFC 5297 says.
fn headers<'a>(about: &[&'a [u8]], nonce: &'a [u8]) -> Vec<&'a [u8]> {
    [&[FORM], about, &[nonce]].concat()
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_key_alone() {
        let state = tempfile::tempdir().unwrap();
        let subjects = Subjects::of(state.path());
        let (ana, ben) = (subjects.key("ana").unwrap(), subjects.key("../ben").unwrap());
        let sealed = ana.seal(&[b"rec_1", b"request"], b"a body").unwrap();
        assert_ne!(sealed, ana.seal(&[b"rec_1", b"request"], b"a body").unwrap(), "equal bodies do not show");
        assert_eq!(ana.open(&[b"rec_1", b"request"], &sealed).unwrap(), b"a body");
        assert!(ben.open(&[b"rec_1", b"request"], &sealed).is_err());
        assert!(ana.open(&[b"rec_1", b"response"], &sealed).is_err());
        for at in 0..sealed.len() {
            let mut other = sealed.clone();
            other[at] ^= 1;
            assert!(ana.open(&[b"rec_1", b"request"], &other).is_err());
        }
    }

    #[test]
    fn a_destroyed_key_leaves_no_bytes_and_another_takes_its_place() {
        let state = tempfile::tempdir().unwrap();
        let subjects = Subjects::of(state.path());
        let first = subjects.key("ana").unwrap();
        assert!(subjects.destroy("ana").unwrap());
        assert!(!subjects.destroy("ana").unwrap());
        assert_eq!(fs::read_dir(state.path().join(FOLDER)).unwrap().count(), 0);
        let second = subjects.key("ana").unwrap();
        assert_ne!(first.id(), second.id());
        // One that was interrupted is ended.
        let file = state.path().join(FOLDER).join(name("ana"));
        fs::rename(&file, file.with_extension(GONE)).unwrap();
        assert!(subjects.known("ana").unwrap().is_none());
        assert!(subjects.destroy("ana").unwrap());
        // What is left of a key as it is destroyed is none.
        fs::write(&file, [0; 32]).unwrap();
        assert!(subjects.known("ana").unwrap().is_none() && subjects.key("ana").is_err());
    }

    #[test]
    #[cfg(unix)]
    fn only_its_owner_reads_a_key() {
        use std::os::unix::fs::PermissionsExt;
        let state = tempfile::tempdir().unwrap();
        Subjects::of(state.path()).key("ana").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = state.path().join(FOLDER);
        assert_eq!((mode(&folder), mode(&folder.join(name("ana")))), (0o700, 0o600));
    }
}
