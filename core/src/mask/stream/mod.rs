//! Texts that arrive in pieces.
//!
//! A language model's answer comes in pieces of a word or two, an event or a line each, so a value is cut in two as
//! often as not. Texts that go on from event to event (`core/data/streams.yaml`) are therefore read as one text each. An
//! event leaves as soon as it is there, with as much of its text as is answered for; the rest goes with the next event
//! of the same text, or with one more of the kind where the text ends.

mod alike;
mod event;
mod joined;
mod shapes;

use std::ops::Range;

use crate::json::{Decoded, FaultCode, Path};

use self::alike::Alike;
pub(super) use self::event::Event;
use self::event::Name;
use self::joined::Joined;
use self::shapes::{Role, Shapes};
use super::json::{Given, JsonDriver, text_of};
use super::marker::Marker;

/// The most texts that go on at once.
const MAX_TEXTS: usize = 256;

/// The texts that come in pieces: the place of each, its shape and its path, see [`Marker::stand_in_piece`].
pub(super) fn pieces() -> impl Iterator<Item = (usize, usize, &'static Path)> {
    let paths = Shapes::known().paths.paths().iter().enumerate();
    paths.filter_map(|(place, path)| match Shapes::known().role(place) {
        Some(Role::Text(shape)) => Some((place, shape, path)),
        _ => None,
    })
}

/// How a document stands in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// The data of a server-sent event.
    Events,
    /// A line.
    Lines,
}

/// The texts that are open.
#[derive(Debug, Default)]
pub(super) struct Texts {
    open: Vec<Joined>,
    decoded: Option<Box<Decoded>>,
    /// What the next event may have in common with the last.
    alike: Option<Alike>,
}

impl Texts {
    /// How many bytes are held back.
    pub(super) fn held(&self) -> usize {
        self.open.iter().map(Joined::held).sum()
    }

    /// The masked form of a document that is like the last but for its piece of a text, as [`read`](Self::read) tells it; `None`
    /// where it is not.
    pub(super) fn again(&mut self, marker: &mut Marker, text: &[u8], kind: &[u8]) -> Option<Option<Vec<u8>>> {
        let alike = self.alike.as_ref()?;
        let piece = alike.piece(text)?;
        let joined = self.open.iter_mut().find(|joined| joined.name == alike.name)?;
        let new = joined.push(marker, piece, false);
        if joined.held() > 0 {
            joined.last.set(kind, text, 0);
            joined.last.pieces.push(alike.span(piece.len()));
        }
        Some(new.map(|new| alike.with(&new)))
    }

    /// The masked form of a document that was read as `event`: each piece of a text as far as it is answered for. `None`
    /// where nothing changes. What has to go out first is appended to `before`. `kind` is the `event:` line.
    pub(super) fn read(
        &mut self,
        marker: &mut Marker,
        (text, mut event): (&[u8], Event),
        (framing, kind): (Framing, &[u8]),
        before: &mut Vec<u8>,
    ) -> Result<Option<Vec<u8>>, FaultCode> {
        let mut once = None;
        if !event.repeats.is_empty() {
            let text = once.insert(without(text, &event.repeats));
            event = Event::read(text, &marker.plan.paths).map_err(|fault| fault.code)?;
        }
        let text = once.as_deref().unwrap_or(text);
        for piece in &event.pieces {
            marker.streams(piece.name.shape());
        }
        let ended = |name: &Name| event.ends.iter().any(|end| name.ends_with(end));
        let brought = |name: &Name| event.pieces.iter().any(|piece| piece.name == *name);
        self.end(marker, framing, before, |name| ended(name) && !brought(name));
        let mut given = Vec::with_capacity(event.pieces.len());
        for (own, piece) in event.pieces.iter().enumerate() {
            let known = self.open.iter().position(|joined| joined.name == piece.name);
            let (true, false) = (known.is_some() || self.open.len() < MAX_TEXTS, piece.long) else {
                return Err(FaultCode::TooLong);
            };
            let index = known.unwrap_or_else(|| {
                self.open.push(Joined::new(piece.name.clone()));
                self.open.len() - 1
            });
            let Some(joined) = self.open.get_mut(index) else { continue };
            let raw = text.get(piece.span.start + 1..piece.span.end - 1).unwrap_or_default();
            let clear = text_of(raw, piece.escaped, &mut self.decoded);
            let new = joined.push(marker, clear, ended(&piece.name));
            if joined.held() > 0 {
                joined.last.set(kind, text, own);
                joined.last.pieces.extend(event.pieces.iter().map(|piece| piece.span.clone()));
            }
            given.push(Given { at: piece.span.start, new });
        }
        self.open.retain(|joined| !ended(&joined.name));
        let piece = given.first().and_then(|given| given.new.clone());
        let noted = marker.report.total();
        let new = JsonDriver::given(marker, text, given, true).map_err(|fault| fault.code)?;
        let silent = once.is_none() && noted == marker.report.total();
        let unruled = marker.counter.is_none() && marker.plan.paths.is_empty();
        self.alike =
            (silent && unruled).then(|| Alike::of(text, &event, piece.as_deref(), new.as_deref())).flatten();
        Ok(new.or(once))
    }

    /// Ends texts: what was held back of each goes out in one more event like its last.
    pub(super) fn end(
        &mut self,
        marker: &mut Marker,
        framing: Framing,
        out: &mut Vec<u8>,
        ended: impl Fn(&Name) -> bool,
    ) {
        for mut joined in std::mem::take(&mut self.open) {
            if !ended(&joined.name) {
                self.open.push(joined);
            } else if let Some(rest) = joined.push(marker, &[], true).filter(|rest| !rest.is_empty()) {
                joined.last.write(marker, rest, framing, out);
            }
        }
    }
}

/// Data as lines of an event, but for the last terminator.
pub(super) fn write_data(data: &[u8], terminator: &[u8], out: &mut Vec<u8>) {
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

#[cfg(test)]
mod tests;
