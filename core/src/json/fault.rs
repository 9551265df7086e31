//! What is wrong with a document, and at which byte.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// What is wrong with a document, and at which byte. Never quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub code: FaultCode,
    /// Offset in bytes from the start of the body.
    pub at: u64,
}

/// The ways in which a document can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultCode {
    /// Not JSON (RFC 8259), or not of the format that it should be.
    Malformed,
    /// The body ends inside a value.
    Truncated,
    /// Nested deeper than [`super::MAX_DEPTH`].
    TooDeep,
    /// Not UTF-8.
    InvalidUtf8,
    /// A number, member name, line or event beyond its limit.
    TooLong,
    /// A part of a body that no format reads.
    Unmaskable,
    /// It is well-formed and holds a value that must not pass; the offset is that of the piece in which it was found.
    Denied,
    /// A detector that the host brings did not answer, so that nothing is known of the body.
    Failed,
}

impl FaultCode {
    /// The stable name, for problem documents and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed_json",
            Self::Truncated => "truncated",
            Self::TooDeep => "too_deep",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::TooLong => "too_long",
            Self::Unmaskable => "unmaskable_part",
            Self::Denied => "denied_value",
            Self::Failed => "detector_failed",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.code {
            FaultCode::Malformed => "is malformed",
            FaultCode::Truncated => "ends inside a value",
            FaultCode::TooDeep => "is nested too deep",
            FaultCode::InvalidUtf8 => "is not valid UTF-8",
            FaultCode::Unmaskable => "has a part that cannot be masked",
            FaultCode::TooLong => "holds a part that is too long",
            FaultCode::Denied => "holds a value that must not pass",
            FaultCode::Failed => "was not read by a detector",
        };
        write!(f, "the body {what} (byte {})", self.at)
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let kind = if fault.code == FaultCode::Failed { ErrorKind::Internal } else { ErrorKind::Input };
        Self::new(kind, fault.to_string()).with_source(fault)
    }
}
