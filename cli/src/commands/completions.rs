//! `wardline completions`: what a shell needs to complete the command.

use clap::CommandFactory;

use crate::args::Args;
use crate::{Outcome, Streams};

pub(crate) fn run(shell: clap_complete::Shell, streams: &mut Streams<'_>) -> Outcome {
    clap_complete::generate(shell, &mut Args::command(), "wardline", &mut streams.out);
    Ok(0)
}
