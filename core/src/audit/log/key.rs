//! The key that a log is signed by: its own, made on its first run and kept beside it, or one that is given. Either way `key.pub` says by
//! which name and key the log is known, from its first run on.

use std::fs;
use std::io::ErrorKind as Io;
use std::path::Path;
use std::sync::Arc;

use super::{at, put};
use crate::error::{Error, ErrorKind};
use crate::keys::{self, PublicKey, Signer, SigningKey};

/// The file of a log's own key.
const OWN: &str = "key";
/// The file of its public key.
const PUBLIC: &str = "key.pub";

/// What signs one log, under its name.
pub(in crate::audit) struct LogKey {
    pub(in crate::audit) public: PublicKey,
    signer: Arc<dyn Signer>,
}

impl LogKey {
    /// Finds the key of the log in `folder`; makes it, where the log is `new`.
    pub(in crate::audit) fn open(
        folder: &Path,
        slot: &str,
        given: Option<&Arc<dyn Signer>>,
        new: bool,
    ) -> Result<Self, Error> {
        match given {
            Some(signer) => Self::given(folder, slot, signer.clone(), new),
            None => Self::own(folder, slot, new),
        }
    }

    fn own(folder: &Path, slot: &str, new: bool) -> Result<Self, Error> {
        let key = match fs::read_to_string(folder.join(OWN)) {
            Ok(text) => {
                check_mode(folder)?;
                SigningKey::read(&text)?
            }
            Err(e) if e.kind() == Io::NotFound && new => fresh(folder, slot)?,
            Err(e) if e.kind() == Io::NotFound => return Err(at(folder, "has lost its key", e)),
            Err(e) => return Err(at(folder, "has an unreadable key", e)),
        };
        Ok(Self { public: key.public(), signer: Arc::new(key) })
    }

    fn given(folder: &Path, slot: &str, signer: Arc<dyn Signer>, new: bool) -> Result<Self, Error> {
        let bytes = signer.public();
        let public = match fs::read_to_string(folder.join(PUBLIC)) {
            Ok(text) => PublicKey::read(&text)?,
            Err(e) if e.kind() == Io::NotFound && new => {
                let public = PublicKey::named(&fresh_name(slot)?, &bytes)?;
                put(folder, PUBLIC, public.to_string().as_bytes())
                    .map_err(|e| at(folder, "cannot be written", e))?;
                public
            }
            Err(e) => return Err(at(folder, "has lost its public key", e)),
        };
        if public.bytes() != bytes {
            let message = format!("the log {} has another key than the one that is given", folder.display());
            return Err(Error::new(ErrorKind::Log, message));
        }
        Ok(Self { public, signer })
    }

    /// The log's name.
    pub(in crate::audit) fn name(&self) -> &str {
        self.public.name()
    }

    /// The signature over `bytes`. One that does not hold is none: who signs may be another machine.
    pub(in crate::audit) fn sign(&self, bytes: &[u8]) -> Result<[u8; 64], Error> {
        let signature = self.signer.sign(bytes)?;
        if self.public.verifies(bytes, &signature) {
            Ok(signature)
        } else {
            Err(Error::new(ErrorKind::Log, "what signs the log gave a signature that is not its key's"))
        }
    }
}

/// Who can read a log's own key can write the log anew: one that everyone on the machine can read is refused, as the store is.
#[cfg(unix)]
fn check_mode(folder: &Path) -> Result<(), Error> {
    let mode = fs::metadata(folder.join(OWN)).map(|file| std::os::unix::fs::MetadataExt::mode(&file));
    let mode = mode.map_err(|e| at(folder, "has an unreadable key", e))? & 0o777;
    if mode & 0o007 == 0 {
        return Ok(());
    }
    let what = format!("has a key that everyone may use (mode {mode:o}; expected 600)");
    Err(Error::new(ErrorKind::Log, format!("the log {} {what}", folder.display())))
}

#[cfg(not(unix))]
fn check_mode(_: &Path) -> Result<(), Error> {
    Ok(())
}

#[cfg(test)]
impl From<SigningKey> for LogKey {
    fn from(key: SigningKey) -> Self {
        Self { public: key.public(), signer: Arc::new(key) }
    }
}

fn fresh_name(slot: &str) -> Result<String, Error> {
    let tag: String = keys::random()?.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("wardline/{slot}/{tag}"))
}

/// A new log's own key, readable by its owner alone.
fn fresh(folder: &Path, slot: &str) -> Result<SigningKey, Error> {
    let key = SigningKey::fresh(&fresh_name(slot)?)?;
    put(folder, PUBLIC, key.public().to_string().as_bytes())
        .and_then(|()| put(folder, OWN, key.secret().as_bytes()))
        .map_err(|e| at(folder, "cannot be written", e))?;
    Ok(key)
}
