//! What becomes of a value that must not pass in clear.

use crate::error::{Error, ErrorKind};

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
