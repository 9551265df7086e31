//! Keys that sign: Ed25519 (RFC 8032) under a name, in the texts of C2SP signed notes and Go's `sumdb/note`, so that a
//! public key and the name it speaks for are one line that people can pass on.
//!
//! ```
//! use wardline::keys::{PublicKey, SigningKey};
//! let ingest = SigningKey::fresh("ingest").unwrap();
//! let known: PublicKey = PublicKey::read(&ingest.public().to_string()).unwrap();
//! assert!(known.verifies(b"bytes", &ingest.sign(b"bytes")) && known.name() == "ingest");
//! ```

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey as Ed25519, VerifyingKey};
use sha2::{Digest, Sha256};

use super::{hex, random};
use crate::error::{Error, ErrorKind};

/// The signature type byte of Ed25519 in signed notes.
const ED25519: u8 = 1;
/// That of Ed25519 cosignatures, which say when they were made (C2SP tlog-cosignature).
const COSIGNATURE: u8 = 4;

/// A named secret key. Printing it shows its name only.
pub struct SigningKey {
    name: String,
    key: Ed25519,
}

impl SigningKey {
    /// A new key for `name`, from the operating system's randomness.
    ///
    /// # Errors
    /// A name with white space or a plus in it; a machine without a source of randomness.
    pub fn fresh(name: &str) -> Result<Self, Error> {
        Self::from_seed(name, random()?)
    }

    /// The key that `seed` makes.
    ///
    /// # Errors
    /// A name with white space or a plus in it.
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, Error> {
        if !is_name(name) {
            return Err(Error::new(ErrorKind::Input, "a key's name has no white space and no plus"));
        }
        Ok(Self { name: name.to_owned(), key: Ed25519::from_bytes(&seed) })
    }

    /// The key as its file holds it.
    pub fn secret(&self) -> String {
        let (id, _) = self.public().id_and_bytes();
        let mut bytes = vec![ED25519];
        bytes.extend(self.key.to_bytes());
        format!("PRIVATE+KEY+{}+{}+{}\n", self.name, hex(&id), BASE64.encode(bytes))
    }

    /// Reads what [`secret`](Self::secret) wrote.
    ///
    /// # Errors
    /// A text that is none; its words are not quoted.
    pub fn read(text: &str) -> Result<Self, Error> {
        let wrong = || Error::new(ErrorKind::Input, "expected a signing key (PRIVATE+KEY+name+id+base64)");
        let rest = text.trim_end().strip_prefix("PRIVATE+KEY+").ok_or_else(wrong)?;
        let mut parts = rest.splitn(3, '+');
        let name = parts.next().filter(|n| is_name(n)).ok_or_else(wrong)?;
        let bytes = parts.nth(1).and_then(|b| BASE64.decode(b).ok()).ok_or_else(wrong)?;
        let seed = match bytes.split_first() {
            Some((&ED25519, seed)) => seed.try_into().map_err(|_| wrong())?,
            _ => return Err(wrong()),
        };
        let read = Self { name: name.to_owned(), key: Ed25519::from_bytes(&seed) };
        if read.secret().trim_end() == text.trim_end() { Ok(read) } else { Err(wrong()) }
    }

    /// Whom it speaks for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key that judges what it signs.
    pub fn public(&self) -> PublicKey {
        self.public_of(ED25519)
    }

    /// The key that judges its cosignatures, where it is a witness's.
    pub fn cosigner(&self) -> PublicKey {
        self.public_of(COSIGNATURE)
    }

    fn public_of(&self, kind: u8) -> PublicKey {
        PublicKey { name: self.name.clone(), kind, key: self.key.verifying_key() }
    }

    /// The signature over `bytes`.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.name)
    }
}

/// A named public key. Its text form is that of signed notes: `name+id+base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    kind: u8,
    key: VerifyingKey,
}

impl PublicKey {
    /// Reads a key.
    ///
    /// # Errors
    /// Where the text is not one.
    pub fn read(text: &str) -> Result<Self, Error> {
        Self::of_kind(text, ED25519)
    }

    /// Reads the key of a witness.
    ///
    /// # Errors
    /// Where the text is not one.
    pub fn read_cosigner(text: &str) -> Result<Self, Error> {
        Self::of_kind(text, COSIGNATURE)
    }

    fn of_kind(text: &str, kind: u8) -> Result<Self, Error> {
        let wrong = || Error::new(ErrorKind::Input, "expected a public key (name+id+base64)");
        let mut parts = text.splitn(3, '+');
        let name = parts.next().filter(|n| is_name(n)).ok_or_else(wrong)?;
        let bytes = parts.nth(1).and_then(|b| BASE64.decode(b).ok()).ok_or_else(wrong)?;
        let bytes = match bytes.split_first() {
            Some((there, key)) if *there == kind => key.try_into().map_err(|_| wrong())?,
            _ => return Err(wrong()),
        };
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| wrong())?;
        let read = Self { name: name.to_owned(), kind, key };
        if read.to_string() == text { Ok(read) } else { Err(wrong()) }
    }

    /// The Ed25519 key of these bytes (RFC 8032), speaking for `name`.
    ///
    /// # Errors
    /// A name with white space or a plus in it; bytes that are no key.
    pub fn named(name: &str, bytes: &[u8; 32]) -> Result<Self, Error> {
        let wrong = || Error::new(ErrorKind::Input, "expected a name and the bytes of an Ed25519 key");
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| wrong())?;
        if is_name(name) { Ok(Self { name: name.to_owned(), kind: ED25519, key }) } else { Err(wrong()) }
    }

    /// The key itself, without its name.
    pub fn bytes(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// Whom it speaks for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256 over name and key: which of several keys of a name signed.
    pub fn id(&self) -> [u8; 4] {
        self.id_and_bytes().0
    }

    fn id_and_bytes(&self) -> ([u8; 4], Vec<u8>) {
        let mut bytes = vec![self.kind];
        bytes.extend(self.key.to_bytes());
        let digest: [u8; 32] =
            Sha256::new().chain_update(&self.name).chain_update(b"\n").chain_update(&bytes).finalize().into();
        let [a, b, c, d, ..] = digest;
        ([a, b, c, d], bytes)
    }

    /// Whether `signature` is this key's over `bytes` (strictly: RFC 8032 without malleable or small-order keys).
    pub fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(bytes, &signature).is_ok())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, bytes) = self.id_and_bytes();
        write!(f, "{}+{}+{}", self.name, hex(&id), BASE64.encode(bytes))
    }
}

/// A name of a key in a signed note: no space, no plus.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_shows_no_secret() {
        let key = SigningKey::fresh("ingest").unwrap();
        let read = SigningKey::read(&key.secret()).unwrap();
        assert_eq!(read.public(), key.public());
        assert_eq!(format!("{key:?}"), "SigningKey(ingest)");
        assert_eq!(PublicKey::read(&key.public().to_string()).unwrap(), key.public());
        for wrong in ["", "PRIVATE+KEY+ingest+00000000+AAAA", "ingest+00000000+AAAA"] {
            assert!(SigningKey::read(wrong).is_err() && PublicKey::read(wrong).is_err(), "{wrong}");
        }
        assert!(SigningKey::fresh("a b").is_err() && SigningKey::fresh("a+b").is_err());
    }
}
