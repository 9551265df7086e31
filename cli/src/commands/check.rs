//! `wardline check`: every error of a policy in one run.

use serde::Serialize;
use serde_json::{Value, json};
use wardline::ErrorKind;
use wardline::error::Diagnostic;
use wardline::policy::Policy;

use crate::args::{Check, Format};
use crate::{Failure, NO, Outcome, Streams};

#[derive(Serialize)]
struct Answer<'a> {
    ok: bool,
    errors: &'a [Diagnostic],
}

pub(crate) fn run(args: &Check, json: bool, streams: &mut Streams<'_>) -> Outcome {
    let error = match Policy::from_file(&args.policy) {
        Ok(_) => None,
        Err(error) if error.kind() == ErrorKind::Policy => Some(error),
        Err(error) => return Err(Failure::Library(error)),
    };
    let found = error.as_ref().map(wardline::Error::diagnostics).unwrap_or_default();
    match args.format {
        _ if json => streams.json(&Answer { ok: found.is_empty(), errors: found })?,
        Format::Json => streams.json(&Answer { ok: found.is_empty(), errors: found })?,
        Format::Sarif => streams.json(&sarif(found))?,
        Format::Github => found.iter().try_for_each(|found| streams.say(annotation(found)))?,
        Format::Text if found.is_empty() => {
            streams.say(format!("{}: the policy is sound", args.policy.display()))?;
        }
        Format::Text => found.iter().try_for_each(|found| writeln!(streams.err, "{found}"))?,
    }
    Ok(if found.is_empty() { 0 } else { NO })
}

/// Findings as SARIF 2.1.0 (OASIS), which code scanners take in.
fn sarif(found: &[Diagnostic]) -> Value {
    let result = |found: &Diagnostic| {
        json!({
            "ruleId": found.code,
            "level": "error",
            "message": {"text": found.message},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": found.file},
                "region": {"startLine": found.line, "startColumn": found.column},
            }}],
        })
    };
    let mut codes: Vec<&str> = found.iter().map(|found| found.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let rules: Vec<Value> = codes.iter().map(|code| json!({"id": code})).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "wardline",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "results": found.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

/// A finding as a workflow command, in which `%` and the ends of lines are encoded, and in properties `:` and `,` too.
fn annotation(found: &Diagnostic) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let file = data(&found.file).replace(':', "%3A").replace(',', "%2C");
    let (line, column, code) = (found.line, found.column, found.code);
    format!("::error file={file},line={line},col={column},title={code}::{}", data(&found.message))
}
