//! The project's own commands, with nothing but std so that they compile in seconds.
//!
//! * `cargo xtask test`: builds everything, the Python and the Node module included, and runs all tests.
//! * `cargo xtask conformance`: what every server door must do with HTTP, asked of each over raw sockets.
//! * `cargo xtask demo`: the guarded example, driven over real HTTP; fails on anything not as expected.
//! * `cargo xtask e2e [NAME...]`: real systems under guard, driven by their own clients; fails on anything not as expected.
//! * `cargo xtask schema`: writes the policy's JSON Schema anew.

mod demo;
mod e2e;
mod http;
mod run;
mod test;
mod tools;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let task = words.next();
    let done = match task.as_deref() {
        Some("test") => test::run(),
        Some("demo") => demo::run(),
        Some("conformance") => test::conformance(),
        Some("e2e") => e2e::run(&words.collect::<Vec<_>>()),
        Some("schema") => run::cargo(
            &["test", "--quiet", "-p", "wardline", "--test", "policy", "schema"],
            &[("WARDLINE_WRITE_SCHEMA", "1")],
        ),
        _ => Err("usage: cargo xtask test | conformance | demo | e2e [NAME...] | schema".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
