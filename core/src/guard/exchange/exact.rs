//! A response under a quota is cut at exactly the item that is too many: it is read in slices that bring no more than what is leased, and
//! what a refused lease was for stays back alone.
//!
//! Near the end of what is leased a slice is one byte, so that what has left does not depend on how the body came in pieces.

use super::{Await, Exchange, Phase};
use crate::guard::step::{Effect, Flow};
use crate::mask::{Format, Release};
use crate::policy::Side;
use crate::protobuf::frame;

/// A response on its way through in slices.
#[derive(Default)]
pub(super) struct Exact {
    /// Whether it goes through so.
    cuts: bool,
    /// What is paid for.
    ready: Vec<u8>,
    /// What waits for a lease.
    held: Vec<u8>,
    /// What was not read yet.
    rest: Vec<u8>,
    waits: bool,
    /// Why nothing more goes on than what is paid for.
    refused: Option<&'static str>,
    /// Messages of gRPC go on whole, so they are what is cut between.
    messages: Option<Messages>,
}

/// How far the message at hand has been read: its head, and what of it is missing.
#[derive(Default)]
struct Messages {
    head: [u8; frame::HEAD],
    read: usize,
    missing: usize,
}

impl Exact {
    /// Whether a lease is awaited for a slice.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// Why nothing more goes on than what is paid for.
    pub(super) fn refused(&self) -> Option<&'static str> {
        self.refused
    }
}

impl Exchange {
    /// The response's body is known. Whether it is cut exactly: where items of it are counted against a quota, and some of it may leave
    /// before all of it is known.
    pub(super) fn begin_exactly(&mut self, format: Option<Format>) {
        self.exact.messages = matches!(format, Some(Format::Grpc(..))).then(Messages::default);
        self.exact.cuts = self.enforces()
            && self.said.is_none()
            && self.meters(Side::Response)
            && self.ledger.left().is_some()
            && self.response.tells_items();
    }

    pub(super) fn cuts_exactly(&self) -> bool {
        self.exact.cuts
    }

    /// A piece of a response, slice by slice.
    pub(super) fn feed_exactly(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Flow {
        match self.response.decode(piece) {
            Ok(clear) => self.exact.rest.extend_from_slice(clear),
            Err(code) => return self.cut(super::response::unfit(code)),
        }
        self.feed_rest(out)
    }

    /// The lease that a slice or the end waited for is refused: nothing of that goes on.
    pub(super) fn refuse_exactly(&mut self, code: &'static str) {
        self.response.end();
        self.waiting.clear();
        self.exact.held.clear();
        self.exact.rest.clear();
        self.exact.refused = Some(code);
    }

    /// A lease was given or refused: goes on with what waited for it.
    pub(super) fn resume_exactly(&mut self, out: &mut Vec<u8>) -> Flow {
        self.exact.waits = false;
        let mut held = std::mem::take(&mut self.exact.held);
        self.exact.ready.append(&mut held);
        self.feed_rest(out)
    }

    fn feed_rest(&mut self, out: &mut Vec<u8>) -> Flow {
        let rest = std::mem::take(&mut self.exact.rest);
        let mut left = rest.as_slice();
        while !left.is_empty() {
            let (slice, after) = match &mut self.exact.messages {
                Some(messages) => messages.first(left),
                None => first_items(left, self.ledger.left().unwrap_or(0)),
            };
            left = after;
            let mut part = std::mem::take(&mut self.exact.held);
            match self.response.push_clear(slice, &mut part) {
                Ok(Release::Unchanged) => part.extend_from_slice(slice),
                Ok(Release::Changed) => {}
                Err(code) => return self.cut(super::response::unfit(code)),
            }
            if self.has_unstripped() {
                return self.cut("unstrippable_response");
            }
            if self.brings_canary() {
                return self.cut_canary();
            }
            match self.meter(Side::Response, self.exact.ready.len().saturating_add(part.len())) {
                Ok(None) => {
                    self.exact.ready.append(&mut part);
                    self.response.settle();
                }
                Ok(Some(lease)) => {
                    self.exact.held = part;
                    self.exact.rest = left.to_vec();
                    self.exact.waits = true;
                    self.phase = Phase::Effect(Await::More);
                    return Flow::Effect(Effect::Lease(lease));
                }
                Err(()) => return self.cut("uncountable_response"),
            }
        }
        let from = out.len();
        out.append(&mut self.exact.ready);
        self.gate_response(&[], out, from, Release::Changed)
    }
}

impl Messages {
    /// What belongs to the message at hand, and the rest.
    fn first<'b>(&mut self, bytes: &'b [u8]) -> (&'b [u8], &'b [u8]) {
        let mut at = 0;
        let missing = self.head.iter_mut().skip(self.read).zip(bytes);
        at += missing.map(|(slot, byte)| *slot = *byte).count();
        let begins = self.read < self.head.len();
        self.read += at;
        if begins && self.read == self.head.len() {
            self.missing = frame::head(&self.head).map_or(0, |(_, length, _)| length);
        }
        let inside = self.missing.min(bytes.len() - at);
        self.missing -= inside;
        if self.missing == 0 && self.read == self.head.len() {
            self.read = 0;
        }
        bytes.split_at_checked(at + inside).unwrap_or((bytes, &[]))
    }
}

/// As much of `bytes` as brings fewer items than these, each of which ends at a comma or with what holds it; one byte where that tells
/// nothing. Fewer, for one may have begun before.
fn first_items(bytes: &[u8], items: u64) -> (&[u8], &[u8]) {
    let fewer = usize::try_from(items.saturating_sub(1)).unwrap_or(usize::MAX);
    let ends = bytes.iter().enumerate().filter(|(_, byte)| matches!(byte, b',' | b']' | b'}' | b'\n'));
    let at = match fewer.checked_sub(1) {
        None => 1,
        Some(last) => ends.map(|(at, _)| at + 1).nth(last).unwrap_or(bytes.len()),
    };
    bytes.split_at_checked(at).unwrap_or((bytes, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_end_where_they_say_however_they_are_cut() {
        let body = b"\0\0\0\0\x03abc\0\0\0\0\0\0\0\0\0\x01d";
        for size in 1..=body.len() {
            let (mut messages, mut ends, mut at) = (Messages::default(), Vec::new(), 0);
            for mut piece in body.chunks(size) {
                while !piece.is_empty() {
                    let (slice, after) = messages.first(piece);
                    (at, piece) = (at + slice.len(), after);
                    if messages.read == 0 {
                        ends.push(at);
                    }
                }
            }
            assert_eq!(ends, [8, 13, 19], "{size}");
        }
    }

    #[test]
    fn a_slice_brings_no_more_items_than_it_may() {
        let text = b"[[1,2],[3]] tail";
        for (items, slice) in
            [(0, 1), (1, 1), (2, 4), (3, 6), (4, 7), (5, 10), (6, 11), (7, 16), (u64::MAX, 16)]
        {
            assert_eq!(first_items(text, items).0.len(), slice, "{items}");
        }
        assert_eq!(first_items(b"", 3), (&b""[..], &b""[..]));
    }
}
