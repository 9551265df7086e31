//! Keys, tokens and passwords.

pub(super) mod assigned;
pub(super) mod bearer;
pub(super) mod jwt;
pub(super) mod pem;
pub(super) mod token;
pub(super) mod url;

use super::input::Input;

/// Whether the byte before is no part of the same word; the letter of an escape such as `\n` is not.
pub(super) fn stands_free(input: &Input<'_>, start: usize, more: &[u8]) -> bool {
    match input.before(start) {
        Some(b'n' | b't' | b'r') => input.before(start - 1) == Some(b'\\'),
        Some(byte) => !byte.is_ascii_alphanumeric() && !more.contains(&byte),
        None => true,
    }
}

/// The alphabets of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// `0-9a-zA-Z`
    Alnum,
    /// `0-9a-zA-Z_`
    Word,
    /// `A-Z2-7` (RFC 4648 base32)
    Base32,
    /// `0-9a-f`
    Hex,
    /// `0-9a-zA-Z_-` (RFC 4648 base64url)
    Url,
    /// `0-9a-zA-Z+/=` (RFC 4648 base64)
    Base64,
}

impl Alphabet {
    pub(super) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "alnum" => Self::Alnum,
            "word" => Self::Word,
            "base32" => Self::Base32,
            "hex" => Self::Hex,
            "base64url" => Self::Url,
            "base64" => Self::Base64,
            _ => return None,
        })
    }

    pub(super) fn holds(self, byte: u8) -> bool {
        match self {
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Word => byte.is_ascii_alphanumeric() || byte == b'_',
            Self::Base32 => byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte),
            Self::Hex => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            Self::Url => byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-',
            Self::Base64 => byte.is_ascii_alphanumeric() || b"+/=".contains(&byte),
        }
    }
}

/// How many different bytes a value has: a secret has many, a placeholder such as `xxxxxxxx` few.
pub(super) fn variety(value: &[u8]) -> usize {
    let mut seen = [false; 256];
    value
        .iter()
        .filter(|&&byte| seen.get_mut(usize::from(byte)).is_some_and(|was| !std::mem::replace(was, true)))
        .count()
}
