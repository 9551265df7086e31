//! `wardline test`: the cases beside policies.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use serde::Serialize;
use wardline::ErrorKind;
use wardline::error::Diagnostic;
use wardline::guard::{Trial, try_case};
use wardline::policy::{Policy, Suite};

use super::explain;
use crate::args::Test;
use crate::{Failure, NO, Outcome, Streams};

/// What the names of files of cases end with.
const SUFFIX: &str = ".test.yaml";
/// Folders in which nobody keeps cases.
const BUILT: [&str; 3] = ["target", "node_modules", "__pycache__"];

/// One case, as it went.
#[derive(Serialize)]
struct Done {
    file: String,
    line: usize,
    name: String,
    passed: bool,
    /// Whether it could not be tried, since its file is wrong.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    error: bool,
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
    let mut all = Vec::new();
    for file in &files {
        match suite(file) {
            Ok(done) => all.extend(done),
            Err(Failure::Library(error)) if error.kind() == ErrorKind::Policy => {
                all.extend(error.diagnostics().iter().map(|found| broken(file, found)));
            }
            Err(failure) => return Err(failure),
        }
    }
    if let Some(path) = &args.junit {
        fs::write(path, junit(&all)?)?;
    }
    let (errors, cases): (Vec<&Done>, Vec<&Done>) = all.iter().partition(|done| done.error);
    let failed = cases.iter().filter(|done| !done.passed).count();
    for done in &all {
        if json {
            streams.json(done)?;
        } else if done.error {
            done.because.iter().try_for_each(|found| writeln!(streams.err, "{found}"))?;
        } else if !done.passed {
            streams.say(format!("{}:{}: {}", done.file, done.line, done.name))?;
            for line in done.differences.iter().chain(&done.because) {
                streams.say(format!("    {line}"))?;
            }
        }
    }
    if !json {
        let wrong = if errors.is_empty() { String::new() } else { format!(", {} errors", errors.len()) };
        streams.say(format!("{} cases, {failed} failed{wrong}", cases.len()))?;
    }
    Ok(if all.iter().all(|done| done.passed) { 0 } else { NO })
}

/// Something that is wrong with a file of cases or with its policy.
fn broken(file: &Path, found: &Diagnostic) -> Done {
    Done {
        file: file.display().to_string(),
        line: found.line,
        name: found.code.to_owned(),
        passed: false,
        error: true,
        differences: vec![found.message.clone()],
        because: vec![found.to_string()],
    }
}

/// The files of cases among these, and in the folders among these, however deep, sorted. Folders that are hidden or hold what was built or
/// installed are left out.
fn found(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() { within(path, &mut files)? } else { files.push(path.clone()) }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn within(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let unread =
        |error: std::io::Error| Failure::Usage(format!("cannot read {}: {}", folder.display(), error.kind()));
    for entry in fs::read_dir(folder).map_err(unread)? {
        let entry = entry.map_err(unread)?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        // A link to a folder could lead back to where it is.
        if entry.file_type().map_err(unread)?.is_dir() {
            if !name.starts_with('.') && !BUILT.contains(&&*name) {
                within(&path, files)?;
            }
        } else if name.ends_with(SUFFIX) {
            files.push(path);
        }
    }
    Ok(())
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
            error: false,
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
            let failed = suite.iter().filter(|done| !done.passed && !done.error).count().to_string();
            let errors = suite.iter().filter(|done| done.error).count().to_string();
            let count = suite.len().to_string();
            let element = writer.create_element("testsuite").with_attributes([
                ("name", printable(name).as_str()),
                ("tests", count.as_str()),
                ("failures", failed.as_str()),
                ("errors", errors.as_str()),
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
        ("classname", printable(&done.file).as_str()),
        ("name", printable(&done.name).as_str()),
        ("line", line.as_str()),
    ]);
    if done.passed {
        return case.write_empty().map(drop);
    }
    case.write_inner_content(|writer| {
        let message = printable(&done.differences.join("; "));
        let kind = if done.error { "error" } else { "failure" };
        let element = writer.create_element(kind).with_attribute(("message", message.as_str()));
        element.write_text_content(BytesText::new(&printable(&done.because.join("\n")))).map(drop)
    })
    .map(drop)
}

/// The same without what XML 1.0 has no way to write.
fn printable(text: &str) -> String {
    let has_form =
        |c: char| matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'));
    text.chars().map(|c| if has_form(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}
