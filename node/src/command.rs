//! The `wardline` command, so that the npm package brings it.

use napi_derive::napi;
use wardline_cli::Streams;

/// Runs the command on the streams of this process and answers its exit code. `args` is without the program's name.
#[napi]
pub fn command(args: Vec<String>) -> u8 {
    let args = std::iter::once("wardline".to_owned()).chain(args);
    wardline_cli::run(args, &mut Streams::of_process())
}
