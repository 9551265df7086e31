//! `wardline check`: every error of a policy in one run.

use serde::Serialize;
use wardline::ErrorKind;
use wardline::error::Diagnostic;
use wardline::policy::Policy;

use crate::args::Check;
use crate::{Failure, NO, Outcome, Streams};

#[derive(Serialize)]
struct Answer<'a> {
    ok: bool,
    errors: &'a [Diagnostic],
}

pub(crate) fn run(args: &Check, json: bool, streams: &mut Streams<'_>) -> Outcome {
    match Policy::from_file(&args.policy) {
        Ok(_) if json => streams.json(&Answer { ok: true, errors: &[] }).map(|()| 0),
        Ok(_) => streams.say(format!("{}: the policy is sound", args.policy.display())).map(|()| 0),
        Err(error) if error.kind() == ErrorKind::Policy && json => {
            streams.json(&Answer { ok: false, errors: error.diagnostics() }).map(|()| NO)
        }
        Err(error) if error.kind() == ErrorKind::Policy => {
            for diagnostic in error.diagnostics() {
                writeln!(streams.err, "{diagnostic}")?;
            }
            Ok(NO)
        }
        Err(error) => Err(Failure::Library(error)),
    }
}
