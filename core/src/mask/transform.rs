//! What becomes of a value that must not pass in clear.

use crate::error::{Error, ErrorKind};

use super::plan::Rule;

/// What becomes of a value that must not pass in clear.
///
/// Inside JSON the result is always a JSON string, also for a number, so that a valid document stays one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transform {
    /// A label: `[EMAIL]` for an entity, `[REDACTED]` for a field.
    Redact,
    /// Keeps some characters at both ends, stars between: `41************11`.
    Partial {
        /// Characters kept at the start, at most [`Transform::MAX_KEPT`].
        first: usize,
        /// Characters kept at the end, at most [`Transform::MAX_KEPT`].
        last: usize,
    },
    /// A keyed token, the same for the same value in one installation: `email_3f2a90c1b7de`.
    Hash,
    /// Nothing: in a text the value vanishes, in JSON a field goes with its name and comma.
    Drop,
    /// This text.
    Replace(String),
}

impl Transform {
    /// The most characters that [`Transform::Partial`] keeps at each end.
    pub const MAX_KEPT: usize = 16;

    /// Checks its settings.
    ///
    /// # Errors
    /// A partial transform that keeps more than [`MAX_KEPT`](Self::MAX_KEPT) characters at an end.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self {
            Self::Partial { first, last } if *first > Self::MAX_KEPT || *last > Self::MAX_KEPT => Err(
                Error::new(ErrorKind::Input, "a partial transform keeps at most 16 characters at each end"),
            ),
            _ => Ok(()),
        }
    }
}

impl Rule {
    /// Appends what stands in place of `value` (its text, decoded). Nothing of an `overlong` value is kept, since its end may be
    /// unknown. `digest` is the keyed digest of the value.
    pub(super) fn write(&self, value: &[u8], overlong: bool, digest: &[u8; 32], out: &mut Vec<u8>) {
        match &self.transform {
            Transform::Redact => out.extend_from_slice(self.label.as_bytes()),
            Transform::Partial { .. } if overlong => out.extend_from_slice(self.label.as_bytes()),
            Transform::Partial { first, last } => partial(value, *first, *last, out),
            Transform::Hash => {
                out.extend_from_slice(self.stem.as_bytes());
                out.push(b'_');
                hex(digest, out);
            }
            Transform::Drop => {}
            Transform::Replace(text) => out.extend_from_slice(text.as_bytes()),
        }
    }

    /// Whether this rule writes such a value itself.
    pub(super) fn wrote(&self, value: &[u8]) -> bool {
        match &self.transform {
            Transform::Replace(text) => value == text.as_bytes(),
            Transform::Hash => value
                .strip_prefix(self.stem.as_bytes())
                .and_then(|rest| rest.strip_prefix(b"_"))
                .is_some_and(|rest| rest.len() == TOKEN && rest.iter().all(u8::is_ascii_hexdigit)),
            _ => value == self.label.as_bytes(),
        }
    }

    /// The same for the name of a member: labels carry a keyed token, so that two names stay two.
    pub(super) fn write_name(&self, value: &[u8], overlong: bool, digest: &[u8; 32], out: &mut Vec<u8>) {
        match &self.transform {
            Transform::Redact | Transform::Drop => {
                out.extend_from_slice(self.label.strip_suffix(']').unwrap_or(&self.label).as_bytes());
                out.push(b':');
                hex(digest, out);
                out.push(b']');
            }
            _ => self.write(value, overlong, digest, out),
        }
    }
}

/// Keeps both ends where something lies between them, and else nothing.
fn partial(value: &[u8], first: usize, last: usize, out: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(value);
    let count = text.chars().count();
    let (first, last) = if first + last < count { (first, last) } else { (0, 0) };
    for (index, c) in text.chars().enumerate() {
        let kept = index < first || index + last >= count;
        out.extend_from_slice(if kept { c } else { '*' }.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// How many hexadecimal digits a keyed token has.
const TOKEN: usize = 12;

/// The first [`TOKEN`] hexadecimal digits.
fn hex(digest: &[u8; 32], out: &mut Vec<u8>) {
    for byte in digest.iter().take(TOKEN / 2) {
        for nibble in [byte >> 4, byte & 15] {
            out.push(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_keeps_ends_only() {
        for (value, first, last, expected) in [
            ("4111111111111111", 6, 4, "411111******1111"),
            ("ab", 1, 1, "**"),
            ("añb", 1, 1, "a*b"),
            ("", 1, 1, ""),
            ("secret", 0, 0, "******"),
        ] {
            let mut out = Vec::new();
            partial(value.as_bytes(), first, last, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
