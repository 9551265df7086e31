//! Server-sent events (WHATWG HTML, section 9.2.6): each is masked when it is complete, and goes on at once.
//!
//! A language model's answer comes in pieces of a word or two, an event each, so a value is cut in two as often as not.
//! Texts that go on from event to event ([`shapes`]) are therefore read as one text each. An event leaves as soon as it
//! is there, with as much of its text as is answered for; the rest goes with the next event of the same text, or
//! with one more of the kind where the text ends.

mod event;
mod shapes;
mod text;

use std::ops::Range;

use crate::json::{Decoded, Fault, FaultCode};

use self::event::{Event, Name};
use self::text::Joined;
use super::json::{Given, JsonDriver, text_of};
use super::marker::{Marker, Role};
use super::splice::Splice;
use super::text::Progress;

/// The most bytes of one event.
const MAX_EVENT: usize = 8 * 1024 * 1024;

/// The most texts that go on at once.
const MAX_TEXTS: usize = 256;

/// Reads server-sent events.
#[derive(Debug, Default)]
pub(super) struct SseDriver {
    /// The lines of the event at hand: where each begins and ends without its terminator, and where the next begins.
    lines: Vec<Line>,
    base: u64,
    /// The texts that are open.
    texts: Vec<Joined>,
    decoded: Decoded,
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
        while let Some(line) = line(window, from, last) {
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
            self.end(marker, &mut rest, |_| true);
            if !rest.is_empty() {
                splice.cut(released..released);
                splice.add(&rest);
            }
        }
        if window.len() - released > MAX_EVENT {
            return Err(self.fault(FaultCode::TooLong, released));
        }
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
        self.texts.iter().map(Joined::held).sum()
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
        let new = match marker.detects() {
            true => match Event::read(text, &marker.plan.paths) {
                Ok(event) => return self.pieces(marker, (text, event), window, at, before),
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
            Err(_) if marker.detects() => {
                if text == b"[DONE]" {
                    self.end(marker, before, |_| true);
                }
                Ok(marker.text(text, None, Role::Value, String::new).map(|new| {
                    // A bare CR would end the line it stands in.
                    new.into_iter().filter(|byte| *byte != b'\r').collect()
                }))
            }
            Err(_) => Ok(None),
        }
    }

    /// The masked form of an event that was read: each piece of a text as far as it is answered for.
    fn pieces(
        &mut self,
        marker: &mut Marker,
        (text, mut event): (&[u8], Event),
        window: &[u8],
        at: usize,
        before: &mut Vec<u8>,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let mut once = None;
        if !event.repeats.is_empty() {
            let text = once.insert(without(text, &event.repeats));
            event = Event::read(text, &marker.plan.paths).map_err(|fault| self.fault(fault.code, at))?;
        }
        let text = once.as_deref().unwrap_or(text);
        let ended = |name: &Name| event.ends.iter().any(|end| name.ends_with(end));
        let brought = |name: &Name| event.pieces.iter().any(|piece| piece.name == *name);
        self.end(marker, before, |name| ended(name) && !brought(name));
        let mut given = Vec::with_capacity(event.pieces.len());
        for (own, piece) in event.pieces.iter().enumerate() {
            let known = self.texts.iter().position(|joined| joined.name == piece.name);
            let (true, false) = (known.is_some() || self.texts.len() < MAX_TEXTS, piece.long) else {
                return Err(self.fault(FaultCode::TooLong, at));
            };
            let index = known.unwrap_or_else(|| {
                self.texts.push(Joined::new(piece.name.clone()));
                self.texts.len() - 1
            });
            let Some(joined) = self.texts.get_mut(index) else { continue };
            let raw = text.get(piece.span.start + 1..piece.span.end - 1).unwrap_or_default();
            let clear = text_of(raw, piece.escaped, &mut self.decoded);
            let new = joined.push(marker, clear, ended(&piece.name));
            if joined.held() > 0 {
                joined.last.set(
                    self.lines.iter().filter_map(|line| window.get(line.start..line.end)),
                    text,
                    own,
                );
                joined.last.pieces.extend(event.pieces.iter().map(|piece| piece.span.clone()));
            }
            given.push(Given { at: piece.span.start, new });
        }
        self.texts.retain(|joined| !ended(&joined.name));
        let new = JsonDriver::given(marker, text, given, true).map_err(|fault| self.fault(fault.code, at))?;
        Ok(new.or(once))
    }

    /// Ends texts: what was held back of each goes out in one more event like its last.
    fn end(&mut self, marker: &mut Marker, out: &mut Vec<u8>, ended: impl Fn(&Name) -> bool) {
        for mut joined in std::mem::take(&mut self.texts) {
            if !ended(&joined.name) {
                self.texts.push(joined);
            } else if let Some(rest) = joined.push(marker, &[], true).filter(|rest| !rest.is_empty()) {
                joined.last.write(marker, rest, out);
            }
        }
    }

    fn fault(&self, code: FaultCode, at: usize) -> Fault {
        Fault { code, at: self.base + at as u64 }
    }
}

/// Data as lines of an event, but for the last terminator.
fn write_data(data: &[u8], terminator: &[u8], out: &mut Vec<u8>) {
    for (index, part) in data.split(|byte| *byte == b'\n').enumerate() {
        if index > 0 {
            out.extend_from_slice(terminator);
        }
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(part);
    }
}

/// The document with `null` for these values.
fn without(text: &[u8], values: &[Range<usize>]) -> Vec<u8> {
    let mut new = Vec::with_capacity(text.len());
    let mut from = 0;
    for value in values {
        new.extend_from_slice(text.get(from..value.start).unwrap_or_default());
        new.extend_from_slice(b"null");
        from = value.end;
    }
    new.extend_from_slice(text.get(from..).unwrap_or_default());
    new
}

/// The line that begins at `from`: it ends with CR LF, LF or CR, and at the end of the body without any.
fn line(window: &[u8], from: usize, last: bool) -> Option<Line> {
    let rest = window.get(from..)?;
    let Some(at) = memchr::memchr2(b'\n', b'\r', rest) else {
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

#[cfg(test)]
mod tests;
