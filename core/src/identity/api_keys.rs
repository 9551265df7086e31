//! Keys that callers present as they are, kept as digests.
//!
//! What is guessed is looked up by its SHA-256, so neither the table nor the time of an answer tells anything about a key; keys must be
//! random, as anything that issues them makes them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::Identity;
use super::source::Refused;
use crate::clock::Timestamp;

/// Who presents which key.
#[derive(Clone, Default)]
pub struct ApiKeys(HashMap<[u8; 32], Holder>);

/// Whose a key is, and until when.
#[derive(Clone)]
struct Holder {
    identity: Arc<Identity>,
    until: Option<Timestamp>,
}

impl ApiKeys {
    /// Adds a key by its SHA-256. `false` where it is somebody's already.
    #[must_use]
    pub fn add(&mut self, sha256: [u8; 32], identity: Identity, until: Option<Timestamp>) -> bool {
        self.0.insert(sha256, Holder { identity: Arc::new(identity), until }).is_none()
    }

    /// Whose a key is now.
    ///
    /// # Errors
    /// A key that is nobody's, or whose time is over.
    pub fn verify(&self, key: &str, now: Timestamp) -> Result<Arc<Identity>, Refused> {
        let digest: [u8; 32] = Sha256::digest(key).into();
        let holder = self.0.get(&digest).ok_or(Refused::credential("nobody has this key"))?;
        match holder.until {
            Some(until) if now >= until => Err(Refused::credential("the key has expired")),
            _ => Ok(Arc::clone(&holder.identity)),
        }
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeys({})", self.0.len())
    }
}
