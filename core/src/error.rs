//! One opaque error for the whole library: a stable code for machines, a sentence for people.
//!
//! A message names where and what (file, line, field, expected) and **never quotes payload**: it may
//! end up in a log that holds no personal data.
//!
//! ```
//! use wardline::{Error, ErrorKind};
//! let error = Error::new(ErrorKind::Input, "expected a length of time such as 15m");
//! assert_eq!(error.code(), "invalid_input");
//! ```

use std::error::Error as StdError;
use std::fmt;

/// What went wrong, seen from the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument or an input document is not what was expected.
    Input,
    /// The policy file holds errors; [`Error::diagnostics`] has each with its position.
    Policy,
    /// The thing named does not exist.
    NotFound,
    /// The state of the thing named does not permit it (already decided, expired, revoked, lost a race).
    Conflict,
    /// The person is not entitled to do this (not an approver, own request).
    NotEligible,
    /// The store cannot be reached or is damaged.
    Store,
    /// The audit log cannot be written, or does not verify.
    Log,
    /// Something that must not happen: a defect of this library.
    Internal,
}

impl ErrorKind {
    /// The stable code that bindings and `--json` output carry.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Input => "invalid_input",
            Self::Policy => "invalid_policy",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::NotEligible => "not_eligible",
            Self::Store => "store_unavailable",
            Self::Log => "log_unavailable",
            Self::Internal => "internal",
        }
    }
}

/// One finding about a policy file, with its place. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The file as it was named by the caller.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Stable code, e.g. `unknown_key`.
    pub code: &'static str,
    /// What is wrong and what was expected.
    pub message: String,
    /// Whether the policy can be used nevertheless.
    pub severity: Severity,
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// The policy cannot be used.
    Error,
    /// It can, and says something that is hardly meant.
    Warning,
}

impl Severity {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl Diagnostic {
    /// A finding at a place.
    pub fn new(
        file: impl Into<String>,
        line: usize,
        column: usize,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self { file: file.into(), line, column, code, message: message.into(), severity: Severity::Error }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.severity == Severity::Warning { "warning: " } else { "" };
        write!(f, "{}:{}:{}: {what}{} [{}]", self.file, self.line, self.column, self.message, self.code)
    }
}

/// The library's error. Opaque: ask it for its [`kind`](Error::kind) or [`code`](Error::code).
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    diagnostics: Vec<Diagnostic>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with a message that names where and what, and quotes no payload.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), diagnostics: Vec::new(), source: None }))
    }

    /// The same, with the error beneath it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// All that is wrong with a policy, in file order.
    pub fn policy(diagnostics: Vec<Diagnostic>) -> Self {
        let message = match diagnostics.len() {
            1 => "the policy holds an error".to_owned(),
            n => format!("the policy holds {n} errors"),
        };
        Self(Box::new(Inner { kind: ErrorKind::Policy, message, diagnostics, source: None }))
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The stable code of [`kind`](Error::kind).
    pub fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    /// The findings of a policy error; empty for any other.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0.diagnostics
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        self.0.diagnostics.iter().try_for_each(|d| write!(f, "\n  {d}"))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({}: {self})", self.code())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|s| s as _)
    }
}
