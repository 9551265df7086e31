//! Multipart bodies (RFC 2046, RFC 7578): part by part, each by its own format.
//!
//! A part without a type is text, under the name of its form field. Field rules name parts like members of an object.
//! A part that no format reads (an image, say) refuses the body, unless the policy lets such bodies pass. What readers
//! are known to take differently (text before the first part, bare line feeds, repeated headers, parts in parts) is
//! malformed.

use crate::json::{Fault, FaultCode, Matcher};
use crate::keys::{KeyedDigest, Purpose};

use super::Release;
use super::format::{Boundary, Format};
use super::marker::{Marker, Role};
use super::pipe::Pipe;
use super::splice::Splice;
use super::text::Progress;
use super::within::Standing;

/// The most bytes of the headers of one part.
const MAX_HEADERS: usize = 16 * 1024;

/// Reads multipart bodies.
#[derive(Debug)]
pub(super) struct MultipartDriver {
    /// CR LF, two hyphens and the boundary.
    delimiter: Vec<u8>,
    state: State,
    base: u64,
}

#[derive(Debug)]
enum State {
    /// The first delimiter, which has no line before it.
    First,
    /// Behind a delimiter: another part or the end.
    Delimited,
    Headers,
    Content(Content),
    /// Behind the last part.
    Over,
}

#[derive(Debug)]
enum Content {
    Read(Box<Pipe>),
    /// A field rule covers it.
    Covered {
        rule: usize,
        name: String,
        digest: Box<KeyedDigest>,
        length: usize,
    },
    /// Nobody can read it, and the policy lets it pass.
    Unread,
}

/// What the headers of a part say.
#[derive(Debug, Default)]
struct Part {
    name: String,
    file: bool,
    content_type: Option<String>,
    encoded: bool,
}

impl MultipartDriver {
    pub(super) fn new(boundary: Boundary) -> Self {
        Self { delimiter: [b"\r\n--", boundary.as_bytes()].concat(), state: State::First, base: 0 }
    }

    /// How many bytes of the part at hand are held back.
    pub(super) fn held(&self) -> usize {
        if let State::Content(Content::Read(pipe)) = &self.state { pipe.held() } else { 0 }
    }

    pub(super) fn read(
        &mut self,
        marker: &mut Marker,
        window: &[u8],
        last: bool,
        splice: &mut Splice<'_>,
    ) -> Result<Progress, Fault> {
        let mut at = 0;
        while let Some(next) = self.step(marker, window, at, splice)? {
            at = next;
        }
        if last && !matches!(self.state, State::Over) {
            return Err(self.fault(FaultCode::Truncated, window.len()));
        }
        self.base += at as u64;
        Ok(Progress { released: at, keep: at })
    }

    /// Reads on from `at`: how far, or `None` where more must come.
    fn step(
        &mut self,
        marker: &mut Marker,
        window: &[u8],
        at: usize,
        splice: &mut Splice<'_>,
    ) -> Result<Option<usize>, Fault> {
        let rest = window.get(at..).unwrap_or_default();
        match &mut self.state {
            State::First => {
                let dashes = self.delimiter.get(2..).unwrap_or_default();
                let shown = rest.get(..rest.len().min(dashes.len())).unwrap_or_default();
                if !dashes.starts_with(shown) {
                    return Err(self.fault(FaultCode::Malformed, at));
                }
                let whole = shown.len() == dashes.len();
                let next = at + dashes.len();
                if whole {
                    self.state = State::Delimited;
                }
                Ok(whole.then_some(next))
            }
            State::Delimited => {
                let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
                match rest.get(padding..) {
                    Some([b'\r', b'\n', ..]) => {
                        self.state = State::Headers;
                        // The line's end may be that of no headers at all.
                        Ok(Some(at + padding))
                    }
                    Some([b'-', b'-', ..]) if padding == 0 => {
                        self.state = State::Over;
                        Ok(Some(at + 2))
                    }
                    Some([] | [b'\r'] | [b'-']) if padding < 64 => Ok(None),
                    _ => Err(self.fault(FaultCode::Malformed, at)),
                }
            }
            State::Headers => {
                let Some(end) = memchr::memmem::find(rest, b"\r\n\r\n") else {
                    let long = rest.len() > MAX_HEADERS;
                    return if long { Err(self.fault(FaultCode::TooLong, at)) } else { Ok(None) };
                };
                let headers = rest.get(2..end).unwrap_or_default();
                let part = part(headers).ok_or_else(|| self.fault(FaultCode::Malformed, at))?;
                marker.enter(0, marker.plan.bare());
                marker.stand_bare();
                if marker.detects()
                    && let Some(new) = marker.text(headers, None, Role::Value, || part.name.clone())
                {
                    splice.cut(at + 2..at + end);
                    // What a rule writes must not end the line or the quotes that it stands in.
                    splice.add(&new.into_iter().filter(|byte| !matches!(byte, b'"' | 0)).collect::<Vec<_>>());
                }
                self.state = State::Content(self.content(marker, part, at)?);
                Ok(Some(at + end + 4))
            }
            State::Content(content) => {
                // The line's end before a delimiter belongs to it; of empty content it is that of the headers.
                let found = memchr::memmem::find(rest, &self.delimiter);
                let safe = rest.len().saturating_sub(self.delimiter.len() - 1);
                let length = found.unwrap_or(safe);
                let bytes = rest.get(..length).unwrap_or_default();
                let read = content.read(marker, bytes, found.is_some(), at, splice);
                read.map_err(|fault| Fault { code: fault.code, at: self.base + at as u64 + fault.at })?;
                if found.is_some() {
                    self.state = State::Delimited;
                    return Ok(Some(at + length + self.delimiter.len()));
                }
                Ok((length > 0).then_some(at + length))
            }
            State::Over => {
                if rest.iter().any(|byte| !byte.is_ascii_whitespace()) {
                    return Err(self.fault(FaultCode::Malformed, at));
                }
                Ok((!rest.is_empty()).then_some(window.len()))
            }
        }
    }

    /// How the content of a part is read.
    fn content(&self, marker: &mut Marker, part: Part, at: usize) -> Result<Content, Fault> {
        let here = Standing::member(marker, None, part.name.as_bytes());
        // A file is a body of its own.
        let field = !part.file && !part.name.is_empty();
        marker.enter(here, if field { here } else { marker.plan.bare() });
        let plan = &marker.plan;
        let mut fields = Matcher::new(&plan.paths);
        fields.open();
        fields.key(&plan.paths, part.name.as_bytes());
        if let Some(rule) = fields.first(&plan.paths) {
            let digest = Box::new(marker.keyring.keys().start(Purpose::Pseudonym));
            return Ok(Content::Covered { rule, name: part.name, digest, length: 0 });
        }
        let format = match &part.content_type {
            Some(content_type) => Format::of(content_type),
            None => Some(Format::Text),
        };
        match format.filter(|format| !part.encoded && !matches!(format, Format::Multipart(_))) {
            Some(format) => {
                let key = field.then_some(part.name.as_str());
                Ok(Content::Read(Box::new(Pipe::new(marker, format, key))))
            }
            None if plan.passes_unmaskable => Ok(Content::Unread),
            None => Err(self.fault(FaultCode::Unmaskable, at)),
        }
    }

    fn fault(&self, code: FaultCode, at: usize) -> Fault {
        Fault { code, at: self.base + at as u64 }
    }
}

impl Content {
    /// Takes the bytes that stand at `at` of the window; `last` where they are the last.
    fn read(
        &mut self,
        marker: &mut Marker,
        bytes: &[u8],
        last: bool,
        at: usize,
        splice: &mut Splice<'_>,
    ) -> Result<(), Fault> {
        let span = at..at + bytes.len();
        match self {
            Self::Unread => {}
            Self::Read(pipe) => {
                let mut out = Vec::new();
                let mut release = pipe.push(marker, bytes, false, &mut out)?;
                if last {
                    if release == Release::Unchanged {
                        out.extend_from_slice(bytes);
                    }
                    let before = out.len();
                    pipe.push(marker, &[], true, &mut out)?;
                    if release == Release::Unchanged && out.len() > before {
                        release = Release::Changed;
                    }
                }
                if release == Release::Changed {
                    splice.cut(span);
                    splice.add(&out);
                }
            }
            Self::Covered { rule, name, digest, length } => {
                digest.update(bytes);
                *length += bytes.len();
                splice.cut(span);
                let plan = marker.plan.clone();
                if let (true, Some(rule)) = (last, plan.field(*rule)) {
                    let digest = digest.clone().finish();
                    marker.digested(rule, *length, &digest, || name.clone(), splice.out());
                }
            }
        }
        Ok(())
    }
}

/// Reads the headers of a part; `None` where they have more than one reading.
fn part(headers: &[u8]) -> Option<Part> {
    let mut part = Part::default();
    let mut disposed = false;
    let text = std::str::from_utf8(headers).ok()?;
    if text.contains("\n ") || text.contains("\n\t") || text.replace("\r\n", "").contains(['\r', '\n']) {
        return None;
    }
    for line in text.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-disposition" => {
                if std::mem::replace(&mut disposed, true) {
                    return None;
                }
                part.name = parameter(value, "name").unwrap_or_default();
                part.file = parameter(value, "filename").is_some() || parameter(value, "filename*").is_some();
            }
            "content-type" if part.content_type.replace(value.to_owned()).is_some() => return None,
            "content-transfer-encoding" => {
                part.encoded |=
                    !["7bit", "8bit", "binary"].iter().any(|plain| value.eq_ignore_ascii_case(plain));
            }
            _ => {}
        }
    }
    Some(part)
}

/// A parameter of a header, without its quotes.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (text, more) = match after.strip_prefix('"') {
            None => {
                let (text, more) = after.split_at_checked(after.find(';').unwrap_or(after.len()))?;
                (text.trim().to_owned(), more)
            }
            Some(quoted) => {
                let mut text = String::new();
                let mut chars = quoted.chars();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => text.push(chars.next()?),
                        c => text.push(c),
                    }
                }
                (text, chars.as_str())
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(text);
        }
        rest = more.trim_start().strip_prefix(';')?;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::detect::entity;
    use crate::json::Path;
    use crate::keys::Keys;
    use crate::mask::{Masker, Plan, PlanSpec, Transform};

    use super::*;

    fn masker(passes: bool) -> Masker {
        let entities = ["email", "us_ssn"].map(|name| (entity(name).unwrap(), Transform::Redact));
        let fields = vec![(Path::parse("salary").unwrap(), Transform::Redact)];
        let plan =
            Plan::compile(PlanSpec { entities: entities.to_vec(), fields, ..PlanSpec::default() }).unwrap();
        let plan = if passes { plan.passing_unmaskable() } else { plan };
        let format = Format::of("multipart/form-data; boundary=\"x-1\"").unwrap();
        Masker::new(Arc::new(plan), format, Keys::from_root([7; 32]), None)
    }

    fn fed(masker: Masker, body: &str, chunk: usize) -> Result<String, FaultCode> {
        let (out, _) = masker.whole(body.as_bytes().chunks(chunk)).map_err(|fault| fault.code)?;
        Ok(String::from_utf8(out).unwrap())
    }

    const BODY: &str = "--x-1\r\nContent-Disposition: form-data; name=\"ssn\"\r\n\r\n457555462\r\n\
        --x-1\r\nContent-Disposition: form-data; name=\"salary\"\r\n\r\n91000\r\n\
        --x-1\r\ncontent-disposition: form-data; name=\"file\"; filename=\"rosa.lind@example.com.json\"\r\nContent-Type: application/json\r\n\r\n\
        {\"id\":457555462,\"mail\":\"tom.ek@example.org\"}\r\n\
        --x-1\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--x-1--\r\n";

    #[test]
    fn each_part_is_read_by_its_own_format() {
        let whole = fed(masker(false), BODY, BODY.len()).unwrap();
        assert!(whole.contains("\r\n\r\n[US_SSN]\r\n--x-1\r\n"), "{whole}");
        assert!(whole.contains("name=\"salary\"\r\n\r\n[REDACTED]\r\n"));
        assert!(whole.contains("{\"id\":457555462,\"mail\":\"[EMAIL]\"}\r\n"));
        assert!(!whole.contains("rosa.lind") && whole.ends_with("name=\"empty\"\r\n\r\n\r\n--x-1--\r\n"));
        for chunk in 1..BODY.len() {
            assert_eq!(fed(masker(false), BODY, chunk).as_deref(), Ok(whole.as_str()), "{chunk}");
        }
    }

    #[test]
    fn what_nobody_can_read_is_refused_or_passes_as_the_policy_says() {
        let body = "--x-1\r\nContent-Type: image/png\r\n\r\nPNG tom.ek@example.org\r\n--x-1--";
        assert_eq!(fed(masker(false), body, 7), Err(FaultCode::Unmaskable));
        assert_eq!(fed(masker(true), body, 7).as_deref(), Ok(body));
    }

    #[test]
    fn two_readings_are_none() {
        for (body, code) in [
            ("preamble\r\n--x-1\r\n\r\n\r\n--x-1--", FaultCode::Malformed),
            ("--x-1\n\ntext\n--x-1--", FaultCode::Malformed),
            ("--x-1\r\n\r\ntext\r\n--x-1", FaultCode::Truncated),
            (
                "--x-1\r\nContent-Type: text/plain\r\nContent-Type: image/png\r\n\r\nx\r\n--x-1--",
                FaultCode::Malformed,
            ),
            ("--x-1\r\n\r\ntext\r\n--x-1-- tom.ek@example.org", FaultCode::Malformed),
            (
                "--x-1\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\nx\r\n--y--\r\n--x-1--",
                FaultCode::Unmaskable,
            ),
            ("--x-1\r\nContent-Transfer-Encoding: base64\r\n\r\neA==\r\n--x-1--", FaultCode::Unmaskable),
        ] {
            for chunk in [1, 5, body.len()] {
                assert_eq!(fed(masker(false), body, chunk), Err(code), "{body:?}");
            }
        }
    }
}
