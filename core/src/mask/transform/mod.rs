//! What becomes of a value that must not pass in clear.
//!
//! | transform | what is left | who can tell what |
//! |---|---|---|
//! | `observe` | the value itself: it is counted | whoever reads it has it |
//! | `date_shift` | the date some days off, the intervals | whoever knows one true date of the scope knows all |
//! | `generalise` | a network, a year, a band, a district | what is left is true |
//! | `partial` | characters at the ends, the length | what is left is true |
//! | `fpe` | other digits in the same form | nothing but the form and equality; who holds the key has the value |
//! | `token` | text that can be opened | nothing but equality and about the length; who holds the key has the value |
//! | `pseudonym` | a value of nobody, of the same type | equality within the scope, and the form of a number |
//! | `hash` | twelve digits | equality under these keys |
//! | `keep_length` | as many stars | the length in characters |
//! | `replace` | a text of the policy | what its author wrote |
//! | `redact` | a label | the type |
//! | `drop` | nothing | that something is missing, at most |
//! | `deny` | nothing passes at all | that something was there |
//!
//! The table is the order of strictness too: where several mask entries fit one value, the lowest of them counts.
//! Whoever may send values and read what becomes of them can try guesses against anything that keeps equality. A transform that does
//! not fit a value (a date shift of an IP address, encryption of five digits, a value too long to be read whole) redacts it.

mod date;
mod digits;
mod ff1;
mod fpe;
mod generalise;
#[cfg(test)]
mod laws;
mod partial;
mod pseudonym;
mod scope;
mod strict;
mod token;
mod unmask;

use crate::error::{Error, ErrorKind};

use super::plan::Rule;

pub use generalise::Generalised;
pub(super) use scope::Keyring;
pub use scope::{Scope, Scopes};
pub use unmask::{Hidden, Unmasked, unmask};

/// What becomes of a value that must not pass in clear.
///
/// Inside JSON the result is always a JSON string, also for a number, so that a valid document stays one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transform {
    /// The value stays, byte for byte, and is counted and recorded like what is masked. For entities.
    Observe,
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
    /// A star for each character.
    KeepLength,
    /// A value of the same type that nobody has, the same for the same value within the scope, and no way back:
    /// `u3f2a90c1b7de4a11@example.invalid`. Types without such values have a label: `PERSON_3f2a90c1b7de4a11`.
    Pseudonym(Scope),
    /// A date in the same form, moved by a number of days that is the same for all dates of the scope, at most this many in either
    /// direction and never none. Intervals between dates stay. Fits dates; one known date of a scope tells the number of days.
    DateShift {
        /// 1 to [`Transform::MAX_DAYS`].
        days: u16,
        /// How far the number of days is the same.
        scope: Scope,
    },
    /// A less exact value, by the way that fits its entity where none is named.
    Generalise(Option<Generalised>),
    /// Other digits in the same form: FF1 of NIST SP 800-38G with AES-256, the entity's name as tweak. Fits numbers of 6 to 36
    /// digits with separators. Check digits do not stay. Nothing authenticates the result: any number decrypts to some other.
    Fpe(Scope),
    /// A token that can be opened: `tok_<key id>_<sealed>`, AES-SIV (RFC 5297) over entity and value. What was altered does not open.
    Token(Scope),
    /// The body does not pass: a request is refused, a response too, or cut where some of it has left.
    Deny,
}

impl Transform {
    /// The most characters that [`Transform::Partial`] keeps at each end.
    pub const MAX_KEPT: usize = 16;
    /// The most days that [`Transform::DateShift`] moves by.
    pub const MAX_DAYS: u16 = 3_660;

    /// Checks its settings.
    ///
    /// # Errors
    /// A partial transform that keeps more than [`MAX_KEPT`](Self::MAX_KEPT) characters at an end, a date shift of no day or of more than
    /// [`MAX_DAYS`](Self::MAX_DAYS), a reversible transform whose scope ends before anybody could ask for the value.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = match self {
            Self::Partial { first, last } if *first > Self::MAX_KEPT || *last > Self::MAX_KEPT => {
                "a partial transform keeps at most 16 characters at each end"
            }
            Self::DateShift { days, .. } if !(1..=Self::MAX_DAYS).contains(days) => {
                "a date shift moves by 1 to 3660 days"
            }
            Self::Fpe(Scope::Session) | Self::Token(Scope::Session) => {
                "what can be had back has the scope tenant or policy"
            }
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::Input, wrong))
    }
}

/// A value and what is known of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'v> {
    /// Its text, decoded.
    pub(super) text: &'v [u8],
    /// Nothing of it is kept: its end may be unknown, or its bytes are a disguise, of which a part says more than it shows.
    pub(super) opaque: bool,
    /// Its keyed digest.
    pub(super) digest: &'v [u8; 32],
}

impl Rule {
    /// Appends what stands in place of a value.
    pub(super) fn write(&self, value: Value<'_>, keyring: &Keyring, out: &mut Vec<u8>) {
        match &self.transform {
            Transform::Hash => {
                out.extend_from_slice(self.stem.as_bytes());
                out.push(b'_');
                hex(value.digest, out);
            }
            Transform::Drop => {}
            Transform::Observe => out.extend_from_slice(value.text),
            Transform::Replace(text) => out.extend_from_slice(text.as_bytes()),
            Transform::Pseudonym(_) if value.opaque => pseudonym::untyped(self.stem, value.digest, out),
            _ => {
                let before = out.len();
                let made = std::str::from_utf8(value.text)
                    .ok()
                    .filter(|_| !value.opaque)
                    .and_then(|text| self.read(text, keyring, out));
                if made.is_none() {
                    out.truncate(before);
                    out.extend_from_slice(self.label.as_bytes());
                }
            }
        }
    }

    /// The transforms that read the value; `None` where this one does not fit it.
    fn read(&self, text: &str, keyring: &Keyring, out: &mut Vec<u8>) -> Option<()> {
        match &self.transform {
            Transform::Partial { first, last } => partial::ends(text.as_bytes(), *first, *last, out),
            Transform::KeepLength => partial::stars(text.as_bytes(), out),
            Transform::Pseudonym(scope) => {
                pseudonym::write(self.entity(), self.stem, text, keyring.pseudonym(*scope)?, out);
            }
            Transform::DateShift { days, scope } => {
                let moved = date::Written::read(text)?.moved(offset(keyring.shift(*scope)?, *days))?;
                out.extend_from_slice(moved.as_bytes());
            }
            Transform::Generalise(way) => {
                let way = way.or_else(|| Generalised::of(self.entity()?))?;
                out.extend_from_slice(way.apply(text)?.as_bytes());
            }
            Transform::Fpe(scope) => keyring.fpe(*scope)?.write(self.stem, text, out)?,
            Transform::Token(scope) => keyring.tokens(*scope)?.write(self.stem, text, out)?,
            Transform::Redact
            | Transform::Hash
            | Transform::Observe
            | Transform::Drop
            | Transform::Replace(_)
            | Transform::Deny => {
                return None;
            }
        }
        Some(())
    }

    /// Whether this rule writes such a value itself. Encrypted digits and moved dates look like any other, so that a second
    /// reading cannot tell them from values that survived, and takes them for its own.
    pub(super) fn wrote(&self, value: &[u8]) -> bool {
        let text = || std::str::from_utf8(value).unwrap_or_default();
        let own = match &self.transform {
            Transform::Replace(text) => value == text.as_bytes(),
            Transform::Hash => value
                .strip_prefix(self.stem.as_bytes())
                .and_then(|rest| rest.strip_prefix(b"_"))
                .is_some_and(|rest| rest.len() == TOKEN && rest.iter().all(u8::is_ascii_hexdigit)),
            Transform::KeepLength => value.iter().all(|byte| *byte == b'*'),
            Transform::Pseudonym(_) => pseudonym::wrote(self.entity(), self.stem, text()),
            Transform::Generalise(way) => {
                way.or_else(|| Generalised::of(self.entity()?)).is_some_and(|way| way.wrote(text()))
            }
            Transform::Token(_) => token::parts(text()).is_some(),
            Transform::Fpe(_) => digits::read(text()).is_some(),
            Transform::DateShift { .. } => date::Written::read(text()).is_some(),
            // It is looked for and not taken away: its survival says nothing.
            Transform::Observe => true,
            Transform::Redact | Transform::Partial { .. } | Transform::Drop | Transform::Deny => false,
        };
        own || value == self.label.as_bytes()
    }

    /// What stands in place of the name of a member: what is the same for several values carries a keyed token, so that
    /// two names stay two.
    pub(super) fn write_name(&self, value: Value<'_>, keyring: &Keyring, out: &mut Vec<u8>) {
        let before = out.len();
        let keeps_apart = matches!(
            self.transform,
            Transform::Hash
                | Transform::Pseudonym(_)
                | Transform::DateShift { .. }
                | Transform::Fpe(_)
                | Transform::Token(_)
        );
        if keeps_apart {
            self.write(value, keyring, out);
        }
        if !keeps_apart || out.get(before..) == Some(self.label.as_bytes()) {
            out.truncate(before);
            out.extend_from_slice(self.label.strip_suffix(']').unwrap_or(&self.label).as_bytes());
            out.push(b':');
            hex(value.digest, out);
            out.push(b']');
        }
    }

    /// Whether what it fits stays as it is.
    pub(super) fn observes(&self) -> bool {
        self.transform == Transform::Observe
    }

    /// Whether what it fits must not pass at all.
    pub(super) fn denies(&self) -> bool {
        self.transform == Transform::Deny
    }
}

/// One of the numbers from `-days` to `days`, without 0.
fn offset(drawn: u64, days: u16) -> i64 {
    let days = i64::from(days);
    let at = i64::try_from(drawn % (2 * days.unsigned_abs())).unwrap_or(0);
    if at < days { at - days } else { at - days + 1 }
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
    fn a_shift_is_never_none_and_never_too_far() {
        let all: Vec<i64> = (0..6).map(|drawn| offset(drawn, 3)).collect();
        assert_eq!(all, [-3, -2, -1, 1, 2, 3]);
        assert_eq!(offset(u64::MAX, 1).abs(), 1);
    }

    #[test]
    fn settings_that_help_nobody_are_refused() {
        for (transform, fits) in [
            (Transform::Partial { first: 17, last: 0 }, false),
            (Transform::DateShift { days: 0, scope: Scope::Policy }, false),
            (Transform::DateShift { days: 3_660, scope: Scope::Session }, true),
            (Transform::Token(Scope::Session), false),
            (Transform::Fpe(Scope::Tenant), true),
        ] {
            assert_eq!(transform.check().is_ok(), fits, "{transform:?}");
        }
    }
}
