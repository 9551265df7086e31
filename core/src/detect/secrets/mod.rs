//! Keys, tokens and passwords.

pub(super) mod assigned;
pub(super) mod authorization;
mod checksum;
mod floor;
pub(super) mod jwt;
pub(super) mod named;
mod pattern;
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

/// `0-9a-zA-Z_-` (RFC 4648, base64url).
fn is_url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// `0-9a-zA-Z+/=` (RFC 4648, base64).
fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}
