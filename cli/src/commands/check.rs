//! `wardline check`: every error of a policy in one run.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::{Value, json};
use wardline::ErrorKind;
use wardline::error::{Diagnostic, Severity};
use wardline::policy::Policy;

use crate::args::{Check, Format};
use crate::{NO, Outcome, Streams, USAGE};

#[derive(Serialize)]
struct Answer<'a> {
    ok: bool,
    errors: &'a [&'a Diagnostic],
    warnings: &'a [&'a Diagnostic],
}

pub(crate) fn run(args: &Check, json: bool, streams: &mut Streams<'_>) -> Outcome {
    let mut found = Vec::new();
    let mut missing = false;
    let for_people = !json && args.format == Format::Text;
    for file in &args.policies {
        let of_file = match Policy::from_file(file) {
            Ok(policy) => policy.warnings().to_vec(),
            Err(error) if error.kind() == ErrorKind::Policy => error.diagnostics().to_vec(),
            // Who reads findings by machine finds this among them too.
            Err(error) => {
                missing = true;
                vec![Diagnostic::new(file.display().to_string(), 1, 1, error.code(), error.to_string())]
            }
        };
        if for_people {
            of_file.iter().try_for_each(|found| writeln!(streams.err, "{found}"))?;
            if of_file.iter().all(|found| found.severity == Severity::Warning) {
                streams.say(format!("{}: the policy is sound", file.display()))?;
            }
        }
        found.extend(of_file);
    }
    let (errors, warnings): (Vec<_>, Vec<_>) = found.iter().partition(|f| f.severity == Severity::Error);
    let ok = errors.is_empty() && (warnings.is_empty() || !args.strict);
    match args.format {
        _ if for_people => {}
        Format::Sarif if !json => streams.json(&sarif(&found))?,
        Format::Github if !json => found.iter().try_for_each(|found| streams.say(annotation(found)))?,
        _ => streams.json(&Answer { ok, errors: &errors, warnings: &warnings })?,
    }
    Ok(match (missing, ok) {
        (true, _) => USAGE,
        (false, true) => 0,
        (false, false) => NO,
    })
}

/// What of a path is encoded in a URI.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Findings as SARIF 2.1.0 (OASIS), which code scanners take in.
fn sarif(found: &[Diagnostic]) -> Value {
    let result = |found: &Diagnostic| {
        json!({
            "ruleId": found.code,
            "level": found.severity.name(),
            "message": {"text": found.message},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": utf8_percent_encode(&found.file, PATH).to_string()},
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
            // Columns count characters, not units of UTF-16.
            "columnKind": "unicodeCodePoints",
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
