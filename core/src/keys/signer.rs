//! Who signs a log: a key that is at hand, or something of the host that signs and never shows its key, such as a key management service.
//!
//! ```
//! use wardline::keys::{PublicKey, Signer, SigningKey};
//! let key = SigningKey::fresh("ours").unwrap();
//! let public = PublicKey::named("a-log", &Signer::public(&key)).unwrap();
//! let signature = Signer::sign(&key, b"bytes").unwrap();
//! assert!(public.verifies(b"bytes", &signature));
//! ```

use super::{Secret, SigningKey, unhex};
use crate::Error;
use crate::error::ErrorKind;

/// Signs by Ed25519 (RFC 8032). It is asked about once a second while records come, and when a log is opened, on the thread that writes
/// the log: what takes long delays records.
pub trait Signer: Send + Sync {
    /// The public key, always the same.
    fn public(&self) -> [u8; 32];

    /// The signature over `bytes` (PureEdDSA: the bytes themselves, not a digest of them).
    ///
    /// # Errors
    /// Where it cannot sign now. What was recorded is safe, and is signed when it can.
    fn sign(&self, bytes: &[u8]) -> Result<[u8; 64], Error>;
}

impl Signer for SigningKey {
    fn public(&self) -> [u8; 32] {
        self.public().bytes()
    }

    fn sign(&self, bytes: &[u8]) -> Result<[u8; 64], Error> {
        Ok(Self::sign(self, bytes))
    }
}

impl SigningKey {
    /// The key that is kept in a file or an environment variable: 64 hexadecimal digits (`openssl rand -hex 32`), or what
    /// [`secret`](Self::secret) writes.
    ///
    /// # Errors
    /// Where nothing is there, or it is no key; its words are not quoted.
    pub fn kept(secret: &Secret) -> Result<Self, Error> {
        let text = secret.read()?;
        match unhex::<32>(&text.to_ascii_lowercase()) {
            Some(seed) => Self::from_seed("log", seed),
            None => Self::read(&text).map_err(|_| {
                let what = "the key of the log is neither 64 hexadecimal digits nor a signing key (PRIVATE+KEY+name+id+base64)";
                Error::new(ErrorKind::Input, what)
            }),
        }
    }
}
