//! The public keys of an issuer: a JSON Web Key Set (RFC 7517).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};

use crate::error::{Error, ErrorKind};

/// Keys that signatures are verified with.
#[derive(Clone, Default)]
pub struct Keys(Vec<Key>);

#[derive(Clone)]
struct Key {
    id: Option<String>,
    /// What it may be used with: what the set says, or else all that its type fits.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// The fewest bits that an RSA key may have.
const RSA_BITS: usize = 2_048;

impl Keys {
    /// The keys of a set that verify signatures; those for other uses and of kinds that are not taken are left out.
    ///
    /// # Errors
    /// A text that is no key set, an RSA key of less than 2,048 bits, or a set in which nothing verifies.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |message: &str| Error::new(ErrorKind::Input, message);
        // The text may hold private keys by mistake: what is wrong with it is not quoted.
        let set: JwkSet =
            serde_json::from_str(text).map_err(|_| wrong("expected a JSON Web Key Set (RFC 7517)"))?;
        let mut keys = Vec::new();
        for jwk in &set.keys {
            if jwk.common.public_key_use.as_ref().is_some_and(|used| *used != PublicKeyUse::Signature) {
                continue;
            }
            let fitting = fitting(jwk).ok_or_else(|| wrong("an RSA key has less than 2048 bits"))?;
            let said = jwk.common.key_algorithm.map(|algorithm| algorithm.to_string());
            let algorithms: Vec<Algorithm> = fitting
                .iter()
                .copied()
                .filter(|algorithm| said.as_ref().is_none_or(|said| *said == format!("{algorithm:?}")))
                .collect();
            if let (false, Ok(key)) = (algorithms.is_empty(), DecodingKey::from_jwk(jwk)) {
                keys.push(Key { id: jwk.common.key_id.clone(), algorithms, key });
            }
        }
        if keys.is_empty() {
            return Err(wrong("no key of this set verifies signatures of RS, PS, ES or EdDSA"));
        }
        Ok(Self(keys))
    }

    /// The key of that id. A token without an id is taken where one key alone could have signed it.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let mut fitting = self
            .0
            .iter()
            .filter(|key| key.algorithms.contains(&algorithm) && (id.is_none() || key.id.as_deref() == id));
        let first = fitting.next()?;
        fitting.next().is_none().then_some(&first.key)
    }
}

/// The algorithms that a kind of key fits; `None` for one that is too weak.
fn fitting(jwk: &Jwk) -> Option<&'static [Algorithm]> {
    Some(match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => {
            let modulus = URL_SAFE_NO_PAD.decode(&rsa.n).unwrap_or_default();
            if modulus.iter().skip_while(|byte| **byte == 0).count() * 8 < RSA_BITS {
                return None;
            }
            &[
                Algorithm::RS256,
                Algorithm::RS384,
                Algorithm::RS512,
                Algorithm::PS256,
                Algorithm::PS384,
                Algorithm::PS512,
            ]
        }
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => &[],
        },
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            &[Algorithm::EdDSA]
        }
        _ => &[],
    })
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}
