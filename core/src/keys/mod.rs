//! Keys apart by purpose: one root secret, and from it a key for each use, so that none serves two.
//!
//! Derivation is HKDF-Expand with SHA-256 (RFC 5869) over a versioned label. Machines that share the root
//! share request digests and pseudonyms; the signing key of a log is its writer's own and never derived.
//!
//! ```
//! use wardline::keys::{Keys, Purpose};
//! let keys = Keys::from_root([7; 32]);
//! assert_eq!(keys.digest(Purpose::Pseudonym, b"ana"), keys.digest(Purpose::Pseudonym, b"ana"));
//! assert_ne!(keys.digest(Purpose::Pseudonym, b"ana"), keys.digest(Purpose::Digest, b"ana"));
//! ```

mod sealing;
mod secret;
mod signer;
mod signing;

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind as Io, Read, Write};
use std::path::Path;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::error::{Error, ErrorKind};

pub use sealing::{SealingKey, Subjects};
pub use secret::Secret;
pub use signer::Signer;
pub use signing::{PublicKey, SigningKey, is_name};

type HmacSha256 = Hmac<Sha256>;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// Binds an approval to the exact request.
    Digest,
    /// Replaces a value by the same token each time, and joins equal findings in records.
    Pseudonym,
    /// Seals the hops between services.
    Hop,
    /// Hides values so that they can be had back: encrypted digits and tokens.
    Reversible,
    /// Signs links by which one person answers one approval.
    Link,
}

/// The keys of one installation, shared by its clones. Printing it shows nothing.
#[derive(Clone)]
pub struct Keys(Arc<ByPurpose>);

struct ByPurpose {
    digest: HmacSha256,
    pseudonym: HmacSha256,
    hop: HmacSha256,
    reversible: HmacSha256,
    link: HmacSha256,
}

impl Keys {
    /// Keys from a root secret that the caller keeps.
    pub fn from_root(root: [u8; 32]) -> Self {
        Self(Arc::new(ByPurpose {
            digest: derive(&root, b"wardline/1/digest"),
            pseudonym: derive(&root, b"wardline/1/pseudonym"),
            hop: derive(&root, b"wardline/1/hop"),
            reversible: derive(&root, b"wardline/1/reversible"),
            link: derive(&root, b"wardline/1/link"),
        }))
    }

    /// Keys that live as long as this process: digests and pseudonyms do not outlast it.
    ///
    /// # Errors
    /// Where the machine has no source of randomness.
    pub fn ephemeral() -> Result<Self, Error> {
        Ok(Self::from_root(random()?))
    }

    /// The keys of a state folder: read from `folder/root.key`, made there by whoever comes first.
    ///
    /// # Errors
    /// Where the file cannot be read or made, or does not hold 32 bytes.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        random_file(folder, "root.key").map(Self::from_root)
    }

    /// HMAC-SHA-256 of `bytes` under the key of `purpose`.
    pub fn digest(&self, purpose: Purpose, bytes: &[u8]) -> [u8; 32] {
        let mut mac = self.start(purpose);
        mac.update(bytes);
        mac.finish()
    }

    /// The keyed digest by which records hold a value that was found, in hex: equal values have the same.
    pub fn finding(&self, value: &[u8]) -> String {
        let digest = self.digest(Purpose::Pseudonym, value);
        hex(digest.first_chunk::<8>().map_or(&[], |first| first))
    }

    /// HMAC-SHA-256 over bytes that arrive in pieces.
    pub fn start(&self, purpose: Purpose) -> KeyedDigest {
        KeyedDigest(match purpose {
            Purpose::Digest => self.0.digest.clone(),
            Purpose::Pseudonym => self.0.pseudonym.clone(),
            Purpose::Hop => self.0.hop.clone(),
            Purpose::Reversible => self.0.reversible.clone(),
            Purpose::Link => self.0.link.clone(),
        })
    }

    /// A digest under a key of its own, for one use within a purpose: the fields name it. Nothing that the key of the
    /// purpose itself gives away helps with it.
    pub fn within(&self, purpose: Purpose, fields: &[&[u8]]) -> KeyedDigest {
        let mut key = self.start(purpose);
        fields.iter().for_each(|field| key.field(field));
        KeyedDigest(keyed(&key.finish()))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

/// A keyed digest under way.
#[derive(Clone)]
pub struct KeyedDigest(HmacSha256);

impl KeyedDigest {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Adds a field so that no two lists of fields give the same bytes: its length, then itself.
    pub fn field(&mut self, bytes: &[u8]) {
        self.update(&(bytes.len() as u64).to_le_bytes());
        self.update(bytes);
    }

    /// The digest.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into_bytes().into()
    }

    /// Whether this is the digest, in a time that tells nothing of where they differ.
    pub fn verify(self, digest: &[u8]) -> bool {
        self.0.verify_slice(digest).is_ok()
    }
}

impl fmt::Debug for KeyedDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyedDigest(..)")
    }
}

/// The 32 random bytes in `folder/name`, made there by whoever comes first, for its owner alone.
///
/// # Errors
/// Where the file cannot be read or made, or does not hold 32 bytes.
pub fn random_file(folder: &Path, name: &str) -> Result<[u8; 32], Error> {
    let path = folder.join(name);
    let wrong = |what: &str, e: std::io::Error| {
        Error::new(ErrorKind::Store, format!("{what} {}", path.display())).with_source(e)
    };
    match File::open(&path) {
        Ok(mut file) => {
            let mut bytes = [0; 32];
            file.read_exact(&mut bytes).map_err(|e| wrong("expected 32 bytes in", e))?;
            Ok(bytes)
        }
        Err(e) if e.kind() == Io::NotFound => {
            // Written whole beside it and linked into place: of several processes one wins, all read the same.
            let fresh = folder.join(format!(".{name}.{}", uuid::Uuid::now_v7().simple()));
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&fresh).map_err(|e| wrong("cannot make", e))?;
            file.write_all(&random()?)
                .and_then(|()| file.sync_all())
                .map_err(|e| wrong("cannot write", e))?;
            let linked = fs::hard_link(&fresh, &path);
            fs::remove_file(&fresh).map_err(|e| wrong("cannot finish", e))?;
            match linked {
                Ok(()) => random_file(folder, name),
                Err(e) if e.kind() == Io::AlreadyExists => random_file(folder, name),
                Err(e) => Err(wrong("cannot make", e)),
            }
        }
        Err(e) => Err(wrong("cannot read", e)),
    }
}

/// 32 bytes from the operating system.
///
/// # Errors
/// Where the machine has no source of randomness.
pub fn random() -> Result<[u8; 32], Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|_| Error::new(ErrorKind::Internal, "the operating system gives no random bytes"))?;
    Ok(bytes)
}

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' - 10 + half };
    let digits: Vec<u8> = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    // They are ASCII.
    String::from_utf8(digits).unwrap_or_default()
}

/// The bytes that hexadecimal digits write, where they are exactly as many.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let digits = text.as_bytes().chunks_exact(2);
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits) {
        let mut pair = pair.iter().map(|digit| char::from(*digit).to_digit(16));
        *byte = u8::try_from(pair.next()?? * 16 + pair.next()??).ok()?;
    }
    Some(bytes)
}

/// One block of HKDF-Expand: the root is already uniform, so Extract is not needed (RFC 5869, section 3.3).
fn derive(root: &[u8; 32], label: &[u8]) -> HmacSha256 {
    let mut mac = keyed(root);
    mac.update(label);
    mac.update(&[1]);
    keyed(&mac.finalize().into_bytes().into())
}

fn keyed(key: &[u8; 32]) -> HmacSha256 {
    let mut block = [0; 64];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    // HMAC pads a short key with zeros to one block (RFC 2104): the padded key gives the same code.
    HmacSha256::new(&block.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_folder_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keys::open(folder.path()).unwrap().digest(Purpose::Digest, b"x");
        assert_eq!(Keys::open(folder.path()).unwrap().digest(Purpose::Digest, b"x"), first);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn fields_cannot_run_together() {
        let keys = Keys::from_root([1; 32]);
        let over = |fields: [&[u8]; 2]| {
            let mut digest = keys.start(Purpose::Digest);
            fields.iter().for_each(|f| digest.field(f));
            digest.finish()
        };
        assert_ne!(over([b"ab", b"c"]), over([b"a", b"bc"]));
    }

    #[test]
    fn hmac_matches_rfc_4231_case_2_shape() {
        // A key shorter than the block is padded; both spellings must agree.
        let mut short = <HmacSha256 as KeyInit>::new_from_slice(&[9; 32]).unwrap();
        short.update(b"what do ya want for nothing?");
        let mut long = keyed(&[9; 32]);
        long.update(b"what do ya want for nothing?");
        assert_eq!(short.finalize().into_bytes(), long.finalize().into_bytes());
    }

    #[test]
    fn nothing_shows_in_debug() {
        assert_eq!(format!("{:?}", Keys::from_root([42; 32])), "Keys(..)");
    }
}
