//! Reversible tokens: a value sealed into text, to be opened by who holds the key and a grant.
//!
//! `tok_<key id>_<sealed>`: eight hexadecimal digits that say which key, then base64url (RFC 4648, section 5) without
//! padding. Sealed is AES-SIV (RFC 5297) with AES-256 over the entity's name and the value: nothing can be read or altered
//! without the key, and the same value gives the same token. So a token tells whether two values are equal, and about how
//! long they are.

use std::fmt;

use aes_siv::KeyInit;
use aes_siv::siv::Aes256Siv;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::keys::KeyedDigest;

/// What a token begins with.
const PREFIX: &str = "tok_";
/// The form of what is sealed, authenticated with it.
const FORM: &[u8] = b"wardline/token/1";
/// How many bytes of the key's id are shown.
const ID_BYTES: usize = 4;

/// Seals and opens the tokens of one scope.
pub(super) struct Tokens {
    key: [u8; 64],
    id: String,
}

/// What a token held.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) entity: String,
    pub(super) value: String,
}

impl Tokens {
    /// `secret` is the scope's own; `id` names the installation's key.
    pub(super) fn new(secret: &KeyedDigest, id: &[u8; 32]) -> Self {
        let half = |label: &[u8]| {
            let mut secret = secret.clone();
            secret.update(label);
            secret.finish()
        };
        let mut key = [0; 64];
        let halves = half(b"authenticate").into_iter().chain(half(b"encrypt"));
        key.iter_mut().zip(halves).for_each(|(to, from)| *to = from);
        Self { key, id: crate::keys::hex(id.get(..ID_BYTES).unwrap_or_default()) }
    }

    /// Appends the token of a value.
    pub(super) fn write(&self, entity: &str, value: &str, out: &mut Vec<u8>) -> Option<()> {
        let mut clear = Vec::with_capacity(1 + entity.len() + value.len());
        clear.push(u8::try_from(entity.len()).ok()?);
        clear.extend_from_slice(entity.as_bytes());
        clear.extend_from_slice(value.as_bytes());
        let sealed = self.cipher().encrypt([FORM], &clear).ok()?;
        out.extend_from_slice(PREFIX.as_bytes());
        out.extend_from_slice(self.id.as_bytes());
        out.push(b'_');
        out.extend_from_slice(URL_SAFE_NO_PAD.encode(sealed).as_bytes());
        Some(())
    }

    /// Opens a token; `None` where it was not made here or has been altered.
    pub(super) fn open(&self, token: &str) -> Option<Opened> {
        let (id, sealed) = parts(token)?;
        if id != self.id {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let clear = self.cipher().decrypt([FORM], &sealed).ok()?;
        let (length, rest) = clear.split_first()?;
        let (entity, value) = rest.split_at_checked(usize::from(*length))?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        Some(Opened { entity: text(entity)?, value: text(value)? })
    }

    fn cipher(&self) -> Aes256Siv {
        Aes256Siv::new(&self.key.into())
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({})", self.id)
    }
}

/// The key's id and what is sealed, of a text that has the form of a token.
pub(super) fn parts(token: &str) -> Option<(&str, &str)> {
    let (id, sealed) = token.strip_prefix(PREFIX)?.split_once('_')?;
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let base64url = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let fits = id.len() == 2 * ID_BYTES && id.bytes().all(hex) && sealed.len() >= 22;
    (fits && sealed.bytes().all(base64url)).then_some((id, sealed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Keys, Purpose};
    use proptest::prelude::*;

    fn tokens(root: u8) -> Tokens {
        let keys = Keys::from_root([root; 32]);
        let id = keys.within(Purpose::Reversible, &[b"key id"]).finish();
        Tokens::new(&keys.within(Purpose::Reversible, &[b"token"]), &id)
    }

    fn seal(tokens: &Tokens, entity: &str, value: &str) -> String {
        let mut out = Vec::new();
        tokens.write(entity, value, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn nothing_of_a_token_can_be_altered() {
        let tokens = tokens(7);
        let token = seal(&tokens, "email", "ada@example.org");
        let last = token.len() - 1;
        for at in 0..last {
            let mut altered = token.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            assert!(tokens.open(std::str::from_utf8(&altered).unwrap()).is_none(), "{at}");
        }
        assert!(tokens.open(token.get(..last).unwrap()).is_none());
        assert!(self::tokens(8).open(&token).is_none(), "another key");
        assert_ne!(token, seal(&tokens, "field", "ada@example.org"));
    }

    #[test]
    fn nothing_shows_in_debug() {
        let tokens = tokens(7);
        assert_eq!(format!("{tokens:?}"), format!("Tokens({})", tokens.id));
    }

    proptest! {
        #[test]
        fn a_token_opens_to_its_value(value in "\\PC{0,200}") {
            let tokens = tokens(7);
            let token = seal(&tokens, "email", &value);
            prop_assert!(parts(&token).is_some());
            prop_assert_eq!(&token, &seal(&tokens, "email", &value));
            let opened = tokens.open(&token).unwrap();
            prop_assert_eq!((opened.entity.as_str(), opened.value), ("email", value));
        }
    }
}
