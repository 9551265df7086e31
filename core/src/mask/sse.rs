//! Server-sent events (WHATWG HTML, section 9.2.6): each is masked when it is complete, and goes on at once; texts that
//! go on from event to event are read as one ([`stream`](super::stream)).

use crate::json::{Fault, FaultCode};

use super::json::JsonDriver;
use super::marker::{Marker, Role};
use super::splice::Splice;
use super::stream::{Event, Framing, Texts, write_data};
use super::text::Progress;

/// The most bytes of one event.
const MAX_EVENT: usize = 8 * 1024 * 1024;

/// Reads server-sent events.
#[derive(Debug, Default)]
pub(super) struct SseDriver {
    /// The lines of the event at hand: where each begins and ends without its terminator, and where the next begins.
    lines: Vec<Line>,
    /// No line ends between the last of them and here.
    searched: usize,
    base: u64,
    texts: Texts,
}

#[derive(Debug, Clone, Copy)]
struct Line {
    start: usize,
    end: usize,
    next: usize,
}

impl SseDriver {
    pub(super) fn read(
        &mut self,
        marker: &mut Marker,
        window: &[u8],
        last: bool,
        splice: &mut Splice<'_>,
    ) -> Result<Progress, Fault> {
        let mut released = 0;
        let mut from = self.lines.last().map_or(0, |line| line.next);
        while let Some(line) = line(window, from, self.searched.max(from), last) {
            from = line.next;
            if line.start == line.end {
                self.event(marker, window, splice)?;
                self.lines.clear();
                released = line.next;
            } else {
                self.lines.push(line);
            }
        }
        if last {
            self.event(marker, window, splice)?;
            self.lines.clear();
            released = window.len();
            let mut rest = Vec::new();
            self.texts.end(marker, Framing::Events, &mut rest, |_| true);
            if !rest.is_empty() {
                splice.cut(released..released);
                splice.add(&rest);
            }
        }
        if window.len() - released > MAX_EVENT {
            return Err(self.fault(FaultCode::TooLong, released));
        }
        // A carriage return at the end may be half of a line's end.
        self.searched = window.len().saturating_sub(released + 1);
        for line in &mut self.lines {
            line.start -= released;
            line.end -= released;
            line.next -= released;
        }
        self.base += released as u64;
        Ok(Progress { released, keep: released })
    }

    /// How many bytes of texts are held back.
    pub(super) fn held(&self) -> usize {
        self.texts.held()
    }

    /// Masks the event whose lines are known.
    fn event(&mut self, marker: &mut Marker, window: &[u8], splice: &mut Splice<'_>) -> Result<(), Fault> {
        let Some((first, end)) = self.lines.first().zip(self.lines.last()).map(|(a, b)| (a.start, b.next))
        else {
            return Ok(());
        };
        let bytes = window.get(first..end).unwrap_or_default();
        if let Err(wrong) = std::str::from_utf8(bytes) {
            return Err(self.fault(FaultCode::InvalidUtf8, first + wrong.valid_up_to()));
        }
        let mut before = Vec::new();
        let new = {
            let values = self.lines.iter().filter_map(|line| data(window.get(line.start..line.end)?));
            let values: Vec<&[u8]> = values.collect();
            match values.as_slice() {
                [] => None,
                [only] => self.data(marker, only, window, first, &mut before)?,
                several => self.data(marker, &several.join(&b'\n'), window, first, &mut before)?,
            }
        };
        if !before.is_empty() {
            splice.cut(first..first);
            splice.add(&before);
        }
        let mut written = false;
        for line in &self.lines {
            let whole = window.get(line.start..line.end).unwrap_or_default();
            match (data(whole), &new) {
                (Some(_), Some(_)) if written => splice.cut(line.start..line.next),
                (Some(_), Some(new)) => {
                    splice.cut(line.start..line.end);
                    let terminator = window.get(line.end..line.next).unwrap_or_default();
                    write_data(new, if terminator.is_empty() { b"\n" } else { terminator }, splice.out());
                    written = true;
                }
                (Some(_), None) => {}
                (None, _) => {
                    marker.stand_bare();
                    if marker.detects()
                        && let Some(text) = marker.text(whole, None, Role::Value, String::new)
                    {
                        splice.cut(line.start..line.end);
                        // A line stays one line, whatever a rule writes in it.
                        splice.add(
                            &text.into_iter().filter(|b| !matches!(b, b'\n' | b'\r')).collect::<Vec<_>>(),
                        );
                    }
                }
            }
        }
        Ok(())
    }

    /// The masked form of an event's data; `None` where nothing changes. What has to go out first is appended to `before`.
    fn data(
        &mut self,
        marker: &mut Marker,
        text: &[u8],
        window: &[u8],
        at: usize,
        before: &mut Vec<u8>,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let mut lines = self.lines.iter().filter_map(|line| window.get(line.start..line.end));
        let kind = lines.find(|line| line.starts_with(b"event:")).unwrap_or_default();
        if let Some(new) = self.texts.again(marker, text, kind) {
            return Ok(new);
        }
        let new = match marker.plan.detects() {
            true => match Event::read(text, &marker.plan.paths) {
                Ok(event) => {
                    let new = self.texts.read(marker, (text, event), (Framing::Events, kind), before);
                    return new.map_err(|code| self.fault(code, at));
                }
                Err(fault) => Err(fault),
            },
            false => JsonDriver::message(marker, text),
        };
        match new {
            Ok(new) => Ok(new),
            // Field rules reach only what parses: an object that does not cannot be vouched for.
            Err(fault) if !marker.plan.paths.is_empty() && text.trim_ascii_start().starts_with(b"{") => {
                Err(self.fault(fault.code, at))
            }
            Err(_) if marker.plan.detects() => {
                if text == b"[DONE]" {
                    self.texts.end(marker, Framing::Events, before, |_| true);
                }
                marker.stand_bare();
                Ok(marker.text(text, None, Role::Value, String::new).map(|new| {
                    // A bare CR would end the line it stands in.
                    new.into_iter().filter(|byte| *byte != b'\r').collect()
                }))
            }
            Err(_) => Ok(None),
        }
    }

    fn fault(&self, code: FaultCode, at: usize) -> Fault {
        Fault { code, at: self.base + at as u64 }
    }
}

/// The line that begins at `from`, in which no end comes before `searched`: it ends with CR LF, LF or CR, and at the end of the body without any.
fn line(window: &[u8], from: usize, searched: usize, last: bool) -> Option<Line> {
    let rest = window.get(from..)?;
    let ahead = searched.min(window.len()) - from;
    let Some(at) = memchr::memchr2(b'\n', b'\r', rest.get(ahead..)?).map(|at| ahead + at) else {
        return (last && !rest.is_empty()).then_some(Line {
            start: from,
            end: window.len(),
            next: window.len(),
        });
    };
    let terminator = match (rest.get(at), rest.get(at + 1)) {
        (Some(b'\n'), _) => 1,
        (_, Some(b'\n')) => 2,
        (_, Some(_)) => 1,
        // A line feed may follow.
        (_, None) if last => 1,
        (_, None) => return None,
    };
    Some(Line { start: from, end: from + at, next: from + at + terminator })
}

/// The value of a data line.
fn data(line: &[u8]) -> Option<&[u8]> {
    // A byte order mark may stand before the first line.
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let value = match line.strip_prefix(b"data")? {
        [] => return Some(b""),
        [b':', value @ ..] => value,
        _ => return None,
    };
    Some(value.strip_prefix(b" ").unwrap_or(value))
}
