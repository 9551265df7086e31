//! A response under a quota is cut at exactly the item that is too many: it is read in slices that bring no more than what is leased, and
//! what a refused lease was for stays back alone.
//!
//! Bytes that are paid for go on first, and the connection is aborted when the door comes with the next piece or the end. So a door
//! needs no word for it: it never ends a body well-formed without asking.

use super::{Await, Exchange, Phase};
use crate::guard::step::{Effect, Flow};
use crate::mask::Release;
use crate::policy::Side;

/// A piece on its way through in slices.
#[derive(Default)]
pub(super) struct Exact {
    /// What is paid for.
    ready: Vec<u8>,
    /// What waits for a lease.
    held: Vec<u8>,
    /// What was not read yet.
    rest: Vec<u8>,
    waits: bool,
    /// Why nothing more goes on.
    refused: Option<&'static str>,
}

impl Exact {
    /// Whether a lease is awaited for a slice.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// The lease was refused: what it was for does not go on, nor anything after it.
    pub(super) fn refuse(&mut self, code: &'static str) {
        self.held.clear();
        self.rest.clear();
        self.refused = Some(code);
    }

    /// Why nothing more goes on.
    pub(super) fn refused(&self) -> Option<&'static str> {
        self.refused
    }
}

impl Exchange {
    /// Whether items of the response are counted against a quota, and its bytes can be told apart by them.
    pub(super) fn cuts_exactly(&self) -> bool {
        self.meters(Side::Response) && self.ledger.left().is_some() && self.response.is_clear()
    }

    /// A piece of a response, slice by slice.
    pub(super) fn feed_exactly(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Flow {
        self.exact.rest.extend_from_slice(piece);
        self.feed_rest(out)
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
            let (slice, after) = first_items(left, self.ledger.left().unwrap_or(0));
            left = after;
            let mut part = std::mem::take(&mut self.exact.held);
            match self.response.push(slice, &mut part) {
                Ok(Release::Unchanged) => part.extend_from_slice(slice),
                Ok(Release::Changed) => {}
                Err(code) => return self.cut(super::response::unfit(code)),
            }
            if self.has_unstripped() {
                return self.cut("unstrippable_response");
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
        self.draw_and_release(&[], out, (from, false), Release::Changed)
    }
}

/// As much of `bytes` as brings at most so many items, or one: each ends at a comma or with what holds it.
fn first_items(bytes: &[u8], items: u64) -> (&[u8], &[u8]) {
    let ends = bytes.iter().enumerate().filter(|(_, byte)| matches!(byte, b',' | b']' | b'}' | b'\n'));
    let at = ends.map(|(at, _)| at + 1).nth(usize::try_from(items.max(1) - 1).unwrap_or(usize::MAX));
    bytes.split_at_checked(at.unwrap_or(bytes.len())).unwrap_or((bytes, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_brings_no_more_items_than_it_may() {
        let text = b"[[1,2],[3]] tail";
        for (items, slice) in [(0, 4), (1, 4), (2, 6), (3, 7), (4, 10), (5, 11), (6, 16), (u64::MAX, 16)] {
            assert_eq!(first_items(text, items).0.len(), slice, "{items}");
        }
        assert_eq!(first_items(b"", 3), (&b""[..], &b""[..]));
    }
}
