//! The `wardline` command: a thin shell around [`wardline_cli::run`].
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let code = wardline_cli::run(std::env::args_os(), &mut wardline_cli::Streams::of_process());
    ExitCode::from(code)
}
