//! The `wardline` command as a library, so that the cargo, pip and npm packages bring the same one.
//!
//! ```
//! use wardline_cli::{Streams, run};
//! let (mut out, mut err) = (Vec::new(), Vec::new());
//! let input = &mut br#"{"id": 1, "text": "write to ana@example.org"}"#.as_slice();
//! let code = run(["wardline", "detect", "--jsonl"], &mut Streams { input, out: &mut out, err: &mut err });
//! assert_eq!(code, 0);
//! assert!(String::from_utf8(out).unwrap().contains(r#""entity":"email""#));
//! ```
//!
//! Exit codes: 0 done; 1 done, and the answer is no (a policy with errors, a log that does not verify); 2 wrong
//! usage or input; 3 the store or the log cannot be used; 4 not permitted (not an approver, own request, already
//! decided).
#![forbid(unsafe_code)]

mod args;
mod commands;
#[cfg(feature = "console")]
mod console;
mod state;
mod streams;
mod words;

use std::ffi::OsString;

use clap::Parser;
use wardline::ErrorKind;

pub use streams::Streams;

use args::{Args, Command};

/// Done, and the answer is no.
const NO: u8 = 1;
/// Wrong usage or input.
const USAGE: u8 = 2;

/// Runs the command with these arguments (the program's name first) and answers its exit code.
pub fn run<A: Into<OsString> + Clone>(args: impl IntoIterator<Item = A>, streams: &mut Streams<'_>) -> u8 {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            // Help and version are answers, not errors.
            let asked_for = !error.use_stderr();
            let sink = if asked_for { &mut streams.out } else { &mut streams.err };
            let _ = write!(sink, "{}", error.render());
            return if asked_for { 0 } else { USAGE };
        }
    };
    let json = args.json;
    let done = match args.command {
        Command::Check(args) => commands::check::run(&args, json, streams),
        Command::Explain(args) => commands::explain::run(&args, json, streams),
        Command::Test(args) => commands::test::run(&args, json, streams),
        Command::Init(args) => commands::init::run(&args, json, streams),
        Command::Policy(args) => commands::suggest::run(&args, json, streams),
        Command::Classify(args) => commands::classify::run(&args, json, streams),
        Command::Detect(args) => commands::detect::run(&args, json, streams),
        Command::Entities(args) => commands::detect::entities(&args, json, streams),
        Command::Mask(args) => commands::mask::run(&args, json, streams),
        Command::Unmask(args) => commands::unmask::run(&args, json, streams),
        Command::Grant(args) => commands::grant::run(args, json, streams),
        Command::Approval(args) => commands::approval::run(args, json, streams),
        Command::HopKey(state) => commands::hop_key::run(&state, json, streams),
        Command::Edges(args) => commands::edges::run(&args, json, streams),
        Command::Audit(args) => commands::audit::run(args, json, streams),
        #[cfg(feature = "console")]
        Command::Console(args) => commands::console::run(*args, json, streams),
        Command::Completions { shell } => commands::completions::run(shell, streams),
    };
    // What does not end in a new line may still wait in the stream, and whoever ends the process may not send it.
    let done = done.and_then(|code| streams.out.flush().map(|()| code).map_err(Failure::Io));
    match done {
        Ok(code) => code,
        Err(failure) => {
            streams.fail(&failure);
            failure.exit_code()
        }
    }
}

/// Why a command could not be carried out.
#[derive(Debug)]
enum Failure {
    /// The library says so.
    Library(wardline::Error),
    /// An argument or a line of input is not what was expected.
    Usage(String),
    /// Reading or writing failed; a reader that went away is not our failure.
    Io(std::io::Error),
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Library(error) => match error.kind() {
                ErrorKind::Policy => NO,
                ErrorKind::Input | ErrorKind::NotFound => USAGE,
                ErrorKind::Conflict | ErrorKind::NotEligible => 4,
                _ => 3,
            },
            Self::Usage(_) => USAGE,
            Self::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe => 0,
            Self::Io(_) => 3,
        }
    }
}

impl From<wardline::Error> for Failure {
    fn from(error: wardline::Error) -> Self {
        Self::Library(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

type Outcome = Result<u8, Failure>;
