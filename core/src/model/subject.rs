//! What an exchange is about: the request as a door hands it over.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::{Act, Dialect};

/// The kinds of request that a guard can judge.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Subject {
    /// A request over HTTP; its body follows through the exchange.
    Http(HttpHead),
    /// A call inside the process, whose host says itself what it does.
    Call(Call),
    /// Statements of SQL on their way to a database.
    Statement(Statement),
    /// A command on its way to a shell, to the operating system or to a server.
    Command(Command),
}

/// An HTTP request without its body.
#[derive(Debug, Clone)]
pub struct HttpHead {
    /// The method as received.
    pub method: Method,
    /// Path and query as received, undecoded.
    pub target: String,
    /// The host asked for: authority of the URI, or else the `Host` header.
    pub host: String,
    /// All headers as received.
    pub headers: HeaderMap,
}

impl HttpHead {
    /// The trace id of a W3C `traceparent` header: it joins records and decides nothing, for it is unsigned.
    pub fn trace_id(&self) -> Option<&str> {
        let parent = self.headers.get("traceparent")?.to_str().ok()?;
        let id = parent.split('-').nth(1)?;
        (id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())).then_some(id)
    }
}

/// Something a host does without a request on a wire, e.g. an export from an embedded store.
#[derive(Debug, Clone)]
pub struct Call {
    /// Which service of the policy it belongs to.
    pub service: String,
    /// What it does.
    pub acts: Vec<Act>,
}

/// Statements of SQL, as they go to a database.
#[derive(Clone)]
pub struct Statement {
    /// Which service of the policy they go to.
    pub service: String,
    /// The text, exactly as it is sent.
    pub text: String,
    /// Its dialect, where it is another one than the service's.
    pub dialect: Option<Dialect>,
    /// The values that are bound to it, in any form that is the same for the same values only. An approval is for these values; where
    /// they stay out, it is for whatever values the text is sent with.
    pub parameters: Bytes,
    /// Those of these values that are whole numbers, by their places (the first is that of `$1`, or of the first `?`): a `LIMIT` that is one
    /// of them bounds what is read. Where they stay out, such a limit bounds nothing.
    pub numbers: Vec<Option<u64>>,
    /// How often it runs, each time with values of its own (what drivers call `executemany`): 1, or how many sets of values there are.
    pub times: u64,
}

/// A command, as it is started or sent.
#[derive(Clone)]
pub struct Command {
    /// Which service of the policy it goes to.
    pub service: String,
    /// What it says.
    pub line: Line,
}

/// What a command says.
#[derive(Clone)]
pub enum Line {
    /// Text that a shell reads.
    Script(String),
    /// A program and its arguments, or a command of a server and its words: nothing reads them once more.
    Words(Vec<Bytes>),
}

/// What is said may hold secrets: a representation ends up in logs.
macro_rules! silent {
    ($($kind:ident: $length:expr;)*) => {$(
        impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let length: fn(&Self) -> usize = $length;
                write!(f, concat!(stringify!($kind), "({} bytes)"), length(self))
            }
        }
    )*};
}

silent! {
    Statement: |statement| statement.text.len();
    Command: |command| command.line.bytes();
    Line: Self::bytes;
}

impl Line {
    /// How long it is, in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Script(text) => text.len(),
            Self::Words(words) => words.iter().map(Bytes::len).sum(),
        }
    }
}
