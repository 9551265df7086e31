//! `wardline check`: every error of a policy in one run.

use serde::Serialize;
use serde_json::{Value, json};
use wardline::ErrorKind;
use wardline::error::{Diagnostic, Severity};
use wardline::policy::Policy;

use crate::args::{Check, Format};
use crate::{Failure, NO, Outcome, Streams};

#[derive(Serialize)]
struct Answer<'a> {
    ok: bool,
    errors: &'a [Diagnostic],
    warnings: &'a [Diagnostic],
}

pub(crate) fn run(args: &Check, json: bool, streams: &mut Streams<'_>) -> Outcome {
    let found = match Policy::from_file(&args.policy) {
        Ok(policy) => policy.warnings().to_vec(),
        Err(error) if error.kind() == ErrorKind::Policy => error.diagnostics().to_vec(),
        Err(error) => return Err(Failure::Library(error)),
    };
    // What is only looked for where nothing is wrong never stands beside what is.
    let sound = found.iter().all(|found| found.severity == Severity::Warning);
    let (errors, warnings): (&[_], &[_]) = if sound { (&[], &found) } else { (&found, &[]) };
    let ok = sound && (warnings.is_empty() || !args.strict);
    let found = found.as_slice();
    match args.format {
        _ if json => streams.json(&Answer { ok, errors, warnings })?,
        Format::Json => streams.json(&Answer { ok, errors, warnings })?,
        Format::Sarif => streams.json(&sarif(found))?,
        Format::Github => found.iter().try_for_each(|found| streams.say(annotation(found)))?,
        Format::Text => {
            found.iter().try_for_each(|found| writeln!(streams.err, "{found}"))?;
            if sound {
                streams.say(format!("{}: the policy is sound", args.policy.display()))?;
            }
        }
    }
    Ok(if ok { 0 } else { NO })
}

/// Findings as SARIF 2.1.0 (OASIS), which code scanners take in.
fn sarif(found: &[Diagnostic]) -> Value {
    let result = |found: &Diagnostic| {
        json!({
            "ruleId": found.code,
            "level": found.severity.name(),
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
    let (level, line, column, code) = (found.severity.name(), found.line, found.column, found.code);
    format!("::{level} file={file},line={line},col={column},title={code}::{}", data(&found.message))
}
