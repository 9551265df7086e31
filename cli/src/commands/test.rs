//! `wardline test`: the cases beside policies.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use serde::Serialize;
use wardline::guard::{Trial, try_case};
use wardline::policy::{Policy, Suite};

use super::explain;
use crate::args::Test;
use crate::{Failure, NO, Outcome, Streams};

/// What the names of files of cases end with.
const SUFFIX: &str = ".test.yaml";

/// One case, as it went.
#[derive(Serialize)]
struct Done {
    file: String,
    line: usize,
    name: String,
    passed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differences: Vec<String>,
    /// Why the verdict is as it is, where the case failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    because: Vec<String>,
}

pub(crate) fn run(args: &Test, json: bool, streams: &mut Streams<'_>) -> Outcome {
    let files = found(&args.paths)?;
    if files.is_empty() {
        return Err(Failure::Usage(format!(
            "expected a file of cases (NAME{SUFFIX}) or a folder that holds some"
        )));
    }
    let (mut all, mut broken) = (Vec::new(), false);
    for file in &files {
        match suite(file) {
            Ok(done) => all.extend(done),
            Err(Failure::Library(error)) if error.kind() == wardline::ErrorKind::Policy => {
                broken = true;
                for diagnostic in error.diagnostics() {
                    writeln!(streams.err, "{diagnostic}")?;
                }
            }
            Err(failure) => return Err(failure),
        }
    }
    if let Some(path) = &args.junit {
        fs::write(path, junit(&all)?)?;
    }
    let failed = all.iter().filter(|done| !done.passed).count();
    for done in &all {
        if json {
            streams.json(done)?;
        } else if !done.passed {
            streams.say(format!("{}:{}: {}", done.file, done.line, done.name))?;
            for line in done.differences.iter().chain(&done.because) {
                streams.say(format!("    {line}"))?;
            }
        }
    }
    if !json {
        streams.say(format!("{} cases, {failed} failed", all.len()))?;
    }
    Ok(if failed > 0 || broken { NO } else { 0 })
}

/// The files of cases among these, and in the folders among these, sorted.
fn found(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        for entry in fs::read_dir(path)? {
            let path = entry?.path();
            if path.to_str().is_some_and(|name| name.ends_with(SUFFIX)) {
                files.push(path);
            }
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn suite(file: &Path) -> Result<Vec<Done>, Failure> {
    let suite = Suite::from_file(file)?;
    let mut all = Vec::with_capacity(suite.cases.len());
    for case in &suite.cases {
        let Trial { differences, explanation, .. } = try_case(Policy::from_file(&suite.policy)?, case);
        let passed = differences.is_empty();
        all.push(Done {
            file: file.display().to_string(),
            line: case.line,
            name: case.name.clone(),
            passed,
            differences: differences.iter().map(ToString::to_string).collect(),
            because: if passed { Vec::new() } else { explain::lines(&explanation) },
        });
    }
    Ok(all)
}

/// The report that continuous integration reads: one suite a file.
fn junit(all: &[Done]) -> std::io::Result<Vec<u8>> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer.create_element("testsuites").write_inner_content(|writer| {
        for suite in all.chunk_by(|a, b| a.file == b.file) {
            let name = suite.first().map_or("", |done| done.file.as_str());
            let failed = suite.iter().filter(|done| !done.passed).count().to_string();
            let count = suite.len().to_string();
            let element = writer.create_element("testsuite").with_attributes([
                ("name", name),
                ("tests", count.as_str()),
                ("failures", failed.as_str()),
            ]);
            element
                .write_inner_content(|writer| suite.iter().try_for_each(|done| element_of(done, writer)))?;
        }
        Ok(())
    })?;
    let mut report = writer.into_inner();
    report.write_all(b"\n")?;
    Ok(report)
}

fn element_of(done: &Done, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
    let line = done.line.to_string();
    let case = writer.create_element("testcase").with_attributes([
        ("classname", done.file.as_str()),
        ("name", done.name.as_str()),
        ("line", line.as_str()),
    ]);
    if done.passed {
        return case.write_empty().map(drop);
    }
    case.write_inner_content(|writer| {
        let message = done.differences.join("; ");
        let failure = writer.create_element("failure").with_attribute(("message", message.as_str()));
        failure.write_text_content(BytesText::new(&done.because.join("\n"))).map(drop)
    })
    .map(drop)
}
