//! Bodies as they left, where the policy says `capture: masked`: sealed beside the log, under a key of whoever asked.
//!
//! The record names each by the SHA-256 of what is sealed, so it is proved like all of the record, and stays so once the key is
//! destroyed: then nobody reads it any more. Only what went through masking is kept, and of that what really went on.
//!
//! ```text
//! <state>/log/<slot>/blob/<sha256>   nonce | AES-SIV over the body, bound to the record's id and the side
//! <state>/subjects/<sha256>          the key of one subject
//! ```

use std::fmt;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::record::{Blob, Passed, Record};
use super::{blob, log};
use crate::error::{Error, ErrorKind};
use crate::identity::Identity;
use crate::keys::{Subjects, hex};
use crate::model::Text;

/// A body that was kept, as its record names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// SHA-256 of the sealed body in hex: its name in `blob/`.
    pub sha256: String,
    /// Length of the sealed body in bytes.
    pub bytes: u64,
    /// Its media type, without parameters.
    pub media: Text,
    /// Which key it is sealed under.
    pub key: Text,
    /// Whether only its beginning was kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

impl Captured {
    /// The file beside the log.
    pub(super) fn blob(&self) -> Blob {
        Blob { sha256: self.sha256.clone(), bytes: self.bytes }
    }
}

/// A body on its way to be kept. Printing it shows its length alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Clear {
    media: Text,
    bytes: Vec<u8>,
    cut: bool,
    /// It cannot be kept, and why.
    missed: Option<&'static str>,
}

impl Clear {
    /// The most that is kept of a body, in bytes.
    pub const MOST: usize = 256 << 10;

    /// An empty one; of its `Content-Type` what stands before parameters is noted.
    pub fn new(content_type: &str) -> Self {
        let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let token = |c: char| c.is_ascii_alphanumeric() || "/.+-_".contains(c);
        let media = if media.len() <= 64 && media.chars().all(token) { media } else { String::new() };
        Self { media: media.into(), bytes: Vec::new(), cut: false, missed: None }
    }

    /// One that cannot be kept.
    pub fn missed(why: &'static str) -> Self {
        Self { missed: Some(why), ..Self::new("") }
    }

    /// Adds what went on, as far as there is room.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = if self.missed.is_some() { 0 } else { Self::MOST.saturating_sub(self.bytes.len()) };
        let fits = bytes.get(..room).unwrap_or(bytes);
        self.bytes.extend_from_slice(fits);
        self.cut |= fits.len() < bytes.len();
    }

    /// How many bytes it holds.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing went on.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && !self.cut
    }
}

impl fmt::Debug for Clear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clear({} bytes)", self.bytes.len())
    }
}

/// Keeps bodies beside one log. Clones keep in the same place.
#[derive(Debug, Clone)]
pub struct Bodies {
    folder: PathBuf,
    subjects: Subjects,
}

impl Bodies {
    /// Beside the log in `folder`.
    pub(super) fn beside(state: &Path, folder: &Path) -> Self {
        Self { folder: folder.to_owned(), subjects: Subjects::of(state) }
    }

    /// Seals and keeps the bodies that records carry, durably; from then on the records name them. The records may go to the log after.
    ///
    /// # Errors
    /// Where one could not be kept: the records then say so and name none, and may go to the log as well.
    pub fn keep<'r>(&self, records: impl IntoIterator<Item = &'r mut Record>) -> Result<(), Error> {
        let mut records: Vec<&mut Record> = records.into_iter().collect();
        let kept = self.try_to(&mut records);
        if kept.is_err() {
            for passed in records.iter_mut().flat_map(|record| record.passed_mut()) {
                passed.captured = None;
                if passed.clear.take().is_some() {
                    passed.uncaptured = Some("failed".into());
                }
            }
        }
        kept
    }

    fn try_to(&self, records: &mut [&mut Record]) -> Result<(), Error> {
        let mut files = Vec::new();
        for record in records.iter_mut() {
            let (id, subject) = (record.id.clone(), subject(record).to_owned());
            for (side, passed) in
                [REQUEST, RESPONSE].into_iter().zip([&mut record.request, &mut record.response])
            {
                let Some(passed) = passed.as_mut() else { continue };
                let Some(clear) = passed.clear.as_deref() else { continue };
                if let Some(why) = clear.missed {
                    passed.uncaptured = Some(why.into());
                    continue;
                }
                let key = self.subjects.key(&subject)?;
                let sealed = key.seal(&[id.as_str().as_bytes(), side], &clear.bytes)?;
                let captured = Captured {
                    sha256: hex(&Sha256::digest(&sealed)),
                    bytes: sealed.len() as u64,
                    media: clear.media.clone(),
                    key: key.id().to_owned().into(),
                    cut: clear.cut,
                };
                files.push((captured.blob(), sealed));
                passed.captured = Some(captured);
            }
        }
        blob::write(&self.folder, &files).map_err(|e| log::at(&self.folder, "cannot keep bodies", e))?;
        records.iter_mut().flat_map(|record| record.passed_mut()).for_each(|passed| passed.clear = None);
        Ok(())
    }

    /// Whether something can be kept now.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn probe(&self) -> Result<(), Error> {
        let path = self.folder.join("blob").join("probe.tmp");
        log::create(&path)
            .and_then(|mut file| file.write_all(&[1]).and_then(|()| file.sync_all()))
            .and_then(|()| fs::remove_file(&path))
            .map_err(|e| log::at(&self.folder, "cannot keep bodies", e))
    }
}

/// A body that a record names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// It is here.
    Kept(Vec<u8>),
    /// Its key was destroyed: it is gone for good.
    Erased,
}

const REQUEST: &[u8] = b"request";
const RESPONSE: &[u8] = b"response";

/// The bodies of a record of the log in `slot`, request and response; `None` where it names none.
///
/// # Errors
/// Where one is not what the record names, or cannot be read.
pub fn bodies(state: &Path, slot: &str, record: &Record) -> Result<[Option<Body>; 2], Error> {
    let folder = state.join("log").join(slot);
    let one = |side: &[u8], passed: &Option<Box<Passed>>| -> Result<Option<Body>, Error> {
        let captured = passed.as_ref().and_then(|passed| passed.captured.as_ref());
        let Some(captured) = captured else { return Ok(None) };
        let key = Subjects::of(state).known(subject(record))?;
        let Some(key) = key.filter(|key| key.id() == &*captured.key) else { return Ok(Some(Body::Erased)) };
        let sealed = blob::read(&folder, &captured.blob())?;
        let clear = key.open(&[record.id.as_str().as_bytes(), side], &sealed);
        let clear = clear.map_err(|e| Error::new(ErrorKind::Log, "a body beside the log").with_source(e))?;
        Ok(Some(Body::Kept(clear)))
    };
    Ok([one(REQUEST, &record.request)?, one(RESPONSE, &record.response)?])
}

/// Whose key the bodies of a record are sealed under.
fn subject(record: &Record) -> &str {
    record.identity.as_ref().map_or(Identity::ANONYMOUS, |identity| &identity.subject)
}
