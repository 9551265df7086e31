//! One link of a seal: what one service says as it passes a request on, and its signature.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

use super::{HopProof, Identity, Refused};
use crate::error::{Error, ErrorKind};
use crate::keys::{PublicKey, SigningKey};

/// What stands before the bytes that are signed, so that no other signature of the key is one of these.
const CONTEXT: &[u8] = b"wardline-hop/1\n";

/// What a link says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Link {
    /// Whose link this is.
    pub(super) by: String,
    /// Whom it is for: the next.
    pub(super) to: String,
    /// From when to when it holds, in seconds since 1970.
    pub(super) iat: i64,
    pub(super) exp: i64,
    /// SHA-256 of all links before, as they are written; absent in the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) prev: Option<String>,
    /// For whom; in the first alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) began: Option<Began>,
}

/// For whom a seal was begun.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Began {
    /// The caller; absent where nobody was authenticated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sub: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) groups: Vec<String>,
    /// Who vouches for the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) iss: Option<String>,
    /// What it came through before it was sealed, as far as that was vouched for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) via: Vec<String>,
    /// The W3C trace id that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trace: Option<String>,
}

impl Began {
    pub(super) fn of(identity: &Identity, trace: Option<&str>) -> Self {
        let vouched = identity.hops.iter().filter(|hop| hop.verified_by != HopProof::Claimed);
        Self {
            sub: (!identity.is_anonymous()).then(|| identity.subject.clone()),
            groups: identity.groups.clone(),
            iss: identity.issuer.clone(),
            via: vouched.map(|hop| hop.workload.clone()).collect(),
            trace: trace.map(str::to_owned),
        }
    }
}

impl Link {
    /// The link as it is written: `payload.signature`.
    pub(super) fn write(&self, key: &SigningKey) -> Result<String, Error> {
        let payload = serde_json::to_vec(self)
            .map_err(|e| Error::new(ErrorKind::Internal, "cannot encode a link").with_source(e))?;
        let payload = BASE64.encode(payload);
        let signature = key.sign(&signed(&payload));
        Ok(format!("{payload}.{}", BASE64.encode(signature)))
    }

    /// What a link says, before anyone has judged its signature.
    pub(super) fn read(text: &str) -> Result<Self, Refused> {
        let (payload, _) = text.split_once('.').ok_or(MALFORMED)?;
        let payload = BASE64.decode(payload).map_err(|_| MALFORMED)?;
        serde_json::from_slice(&payload).map_err(|_| MALFORMED)
    }

    /// Whether `key` signed the link as it is written.
    pub(super) fn is_signed(text: &str, key: &PublicKey) -> bool {
        let Some((payload, signature)) = text.split_once('.') else { return false };
        BASE64.decode(signature).is_ok_and(|signature| key.verifies(&signed(payload), &signature))
    }
}

const MALFORMED: Refused = Refused::credential("the seal of hops is not written as one");

fn signed(payload: &str) -> Vec<u8> {
    [CONTEXT, payload.as_bytes()].concat()
}
