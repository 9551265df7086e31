//! Tables (RFC 4180): cell by cell, each under the name of its column.
//!
//! To a field rule a table is an array of objects: `[*].ssn` and `**.ssn` name a column. A dropped cell is left empty, so
//! that the others stay in their columns. Where the first row has more semicolons or tabs than commas, these separate.

use std::borrow::Cow;
use std::ops::Range;

use crate::json::{Fault, FaultCode, Matcher};

use super::marker::{Marker, Role};
use super::plan::Plan;
use super::splice::Splice;
use super::text::Progress;
use super::within::Standing;

/// The most bytes of one cell.
const MAX_CELL: usize = 1 << 20;

/// The most columns whose names are kept.
const MAX_COLUMNS: usize = 4_096;

/// Reads tables.
#[derive(Debug)]
pub(super) struct CsvDriver {
    separator: u8,
    /// Whether the first row has said what separates.
    decided: bool,
    columns: Vec<String>,
    row: u64,
    column: usize,
    base: u64,
}

/// A cell as it stands in the window.
struct Cell {
    /// With its quotes.
    span: Range<usize>,
    quoted: bool,
    /// Where the next begins, and whether that is a new row.
    next: usize,
    ends_row: bool,
}

impl CsvDriver {
    pub(super) fn new(separator: u8) -> Self {
        Self { separator, decided: separator != b',', columns: Vec::new(), row: 0, column: 0, base: 0 }
    }

    pub(super) fn read(
        &mut self,
        marker: &mut Marker,
        window: &[u8],
        last: bool,
        splice: &mut Splice<'_>,
    ) -> Result<Progress, Fault> {
        let mut at = 0;
        if self.decided || self.decide(window, last) {
            while let Some(cell) = cell(window, at, self.separator, last) {
                self.cell(marker, window, &cell, splice)?;
                at = cell.next;
                self.column += 1;
                if cell.ends_row {
                    (self.row, self.column) = (self.row + 1, 0);
                }
            }
        }
        if window.len() - at > MAX_CELL {
            return Err(Fault { code: FaultCode::TooLong, at: self.base + at as u64 });
        }
        self.base += at as u64;
        Ok(Progress { released: at, keep: at })
    }

    /// What separates, from the first row; `false` while it is not whole.
    fn decide(&mut self, window: &[u8], last: bool) -> bool {
        let mut quoted = false;
        let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
        let mut whole = last || window.len() > MAX_CELL;
        for byte in window {
            quoted ^= *byte == b'"';
            if !quoted && matches!(byte, b'\n' | b'\r') {
                whole = true;
                break;
            }
            counts
                .iter_mut()
                .filter(|(separator, _)| !quoted && separator == byte)
                .for_each(|(_, n)| *n += 1);
        }
        // Of equals the first counts, which is the comma.
        let most = counts.into_iter().rev().max_by_key(|(_, count)| *count);
        self.separator = most.map_or(b',', |(separator, _)| separator);
        self.decided = whole;
        whole
    }

    fn cell(
        &mut self,
        marker: &mut Marker,
        window: &[u8],
        cell: &Cell,
        splice: &mut Splice<'_>,
    ) -> Result<(), Fault> {
        let raw = window.get(cell.span.clone()).unwrap_or_default();
        let text = clear(raw, cell.quoted);
        if let Err(wrong) = std::str::from_utf8(&text) {
            let at = self.base + (cell.span.start + wrong.valid_up_to()) as u64;
            return Err(Fault { code: FaultCode::InvalidUtf8, at });
        }
        if self.row == 0 && self.columns.len() < MAX_COLUMNS {
            let name = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
            self.columns.push(String::from_utf8_lossy(name.trim_ascii()).into_owned());
        }
        let key = self.columns.get(self.column).map(String::as_str).filter(|_| self.row > 0);
        let path = || match key {
            Some(key) => format!("[{}].{key}", self.row - 1),
            None => String::new(),
        };
        let plan = marker.plan.clone();
        let rule = key.and_then(|key| self.rule(&plan, key)).and_then(|rule| plan.field(rule));
        let new = match rule {
            Some(rule) => {
                let mut new = Vec::new();
                marker.field(rule, &text, path, &mut new);
                Some(new)
            }
            None => {
                let set = key.map_or(marker.around, |key| {
                    Standing::member(marker, self.row.checked_sub(1), key.as_bytes())
                });
                marker.stand(set);
                if marker.detects() { marker.text(&text, key, Role::Value, path) } else { None }
            }
        };
        if let Some(new) = new {
            splice.cut(cell.span.clone());
            if !cell.quoted && raw.contains(&b'"') {
                // Quotes that do not enclose the cell stay as they were written.
                splice.add(&new);
            } else {
                self.write(&new, cell.quoted, splice.out());
            }
        }
        Ok(())
    }

    /// The field rule that names this column.
    fn rule(&self, plan: &Plan, key: &str) -> Option<usize> {
        if plan.paths.is_empty() {
            return None;
        }
        let mut fields = Matcher::new(&plan.paths);
        fields.open();
        fields.element(&plan.paths, self.row - 1);
        fields.open();
        fields.key(&plan.paths, key.as_bytes());
        fields.first(&plan.paths)
    }

    fn write(&self, text: &[u8], quoted: bool, out: &mut Vec<u8>) {
        let special = |byte: &u8| *byte == self.separator || matches!(byte, b'"' | b'\n' | b'\r');
        if !quoted && !text.iter().any(special) {
            out.extend_from_slice(text);
            return;
        }
        out.push(b'"');
        for part in text.split_inclusive(|byte| *byte == b'"') {
            out.extend_from_slice(part);
            if part.ends_with(b"\"") {
                out.push(b'"');
            }
        }
        out.push(b'"');
    }
}

/// The cell that begins at `from`; `None` where its end has not come.
fn cell(window: &[u8], from: usize, separator: u8, last: bool) -> Option<Cell> {
    let rest = window.get(from..).filter(|rest| !rest.is_empty())?;
    let mut at = 0;
    let mut quoted = rest.first() == Some(&b'"');
    if quoted {
        at = 1;
        loop {
            let quote = rest.get(at..).and_then(|inside| memchr::memchr(b'"', inside));
            match quote.map(|quote| at + quote) {
                // A quote at the end may be the first of two.
                Some(quote) if rest.get(quote + 1).is_none() && !last => return None,
                Some(quote) if rest.get(quote + 1) == Some(&b'"') => at = quote + 2,
                Some(quote) => {
                    at = quote + 1;
                    break;
                }
                None if last => {
                    // Never closed: all that comes is in it.
                    quoted = false;
                    at = rest.len();
                    break;
                }
                None => return None,
            }
        }
    }
    let ends = |byte: &u8| *byte == separator || matches!(byte, b'\n' | b'\r');
    let after = rest.get(at..).unwrap_or_default();
    let end = match after.iter().position(ends) {
        Some(end) => at + end,
        None if last => rest.len(),
        None => return None,
    };
    // What stands behind a closing quote belongs to the cell, which then is read as it is written.
    quoted &= end == at;
    let width = match (rest.get(end), rest.get(end + 1)) {
        (Some(b'\r'), None) if !last => return None,
        (Some(b'\r'), Some(b'\n')) => 2,
        (None, _) => 0,
        _ => 1,
    };
    let ends_row = rest.get(end) != Some(&separator);
    Some(Cell { span: from..from + end, quoted, next: from + end + width, ends_row })
}

/// The text of a cell.
fn clear(raw: &[u8], quoted: bool) -> Cow<'_, [u8]> {
    if !quoted {
        return Cow::Borrowed(raw);
    }
    let inside = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
    if memchr::memchr(b'"', inside).is_none() {
        return Cow::Borrowed(inside);
    }
    let mut text = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = memchr::memchr(b'"', rest) {
        text.extend_from_slice(rest.get(..=at).unwrap_or_default());
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    text.extend_from_slice(rest);
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::detect::entity;
    use crate::json::Path;
    use crate::keys::Keys;
    use crate::mask::{Format, Masker, PlanSpec, Transform};

    use super::*;

    fn masked(content_type: &str, fields: &[(&str, Transform)], body: &str, chunk: usize) -> String {
        let entities = ["email", "us_ssn", "phone"].map(|name| (entity(name).unwrap(), Transform::Redact));
        let fields = fields.iter().map(|(path, t)| (Path::parse(path).unwrap(), t.clone())).collect();
        let plan =
            Plan::compile(PlanSpec { entities: entities.to_vec(), fields, ..PlanSpec::default() }).unwrap();
        let format = Format::of(content_type).unwrap();
        let masker = Masker::new(Arc::new(plan), format, Keys::from_root([7; 32]), None);
        let (out, _) = masker.whole(body.as_bytes().chunks(chunk)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_are_read_under_their_columns() {
        let fields = [("[*].salary", Transform::Drop), ("**.note", Transform::Replace("a,\"b\"".to_owned()))];
        for (body, expected) in [
            (
                "id,ssn,salary,note\r\n457555462,457555462,9,x\r\n2,\"457-55-5462\",10,\"y\"\r\n",
                "id,ssn,salary,note\r\n457555462,[US_SSN],,\"a,\"\"b\"\"\"\r\n2,\"[US_SSN]\",\"\",\"a,\"\"b\"\"\"\r\n",
            ),
            (
                "name;mail\n\"Lind; \"\"Rosa\"\"\";rosa.lind@example.com",
                "name;mail\n\"Lind; \"\"Rosa\"\"\";[EMAIL]",
            ),
            ("a,b\n\"two\nlines tom.ek@example.org\",1\n", "a,b\n\"two\nlines [EMAIL]\",1\n"),
            ("rosa.lind@example.com,b\n1,2\n", "[EMAIL],b\n1,2\n"),
            ("a\n\"open tom.ek@example.org", "a\n\"open [EMAIL]"),
            ("a,b\n\"x\"tom.ek@example.org,1\n", "a,b\n\"x\"[EMAIL],1\n"),
            ("", ""),
        ] {
            for chunk in 1..=body.len().max(1) {
                let fields = if body.starts_with("id,") { &fields[..] } else { &[] };
                let expected = expected.replace(",\"\",", ",,");
                assert_eq!(
                    masked("text/csv", fields, body, chunk).replace(",\"\",", ",,"),
                    expected,
                    "{chunk}"
                );
            }
        }
        let tabs = "phone\tid\n5557123\t5557123\n";
        assert_eq!(masked("text/tab-separated-values", &[], tabs, 3), "phone\tid\n[PHONE]\t5557123\n");
    }
}
