//! The part of a request body that is read before the verdict: kept as it came, decoded where it is coded,
//! never more than the limit.

use bytes::Bytes;

use crate::coding::Decoder;

/// What was read of the request body so far.
#[derive(Default)]
pub(super) struct Collected {
    /// As it came, for forwarding.
    pub(super) raw: Vec<Bytes>,
    decoder: Option<Decoder>,
    decoded: Vec<u8>,
    length: usize,
    pub(super) state: State,
    pub(super) coded: bool,
}

/// Whether all of it is there, and readable.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
    /// There may be more.
    #[default]
    Open,
    /// This is all.
    Whole,
    /// There is more than is ever read.
    TooLarge,
    /// Its coding is unknown or its data corrupt.
    Undecodable,
}

impl Collected {
    /// Prepares for a body with this `Content-Encoding`.
    pub(super) fn expect(&mut self, content_encoding: Option<&str>) {
        match content_encoding.map_or(Ok(None), Decoder::of) {
            Ok(decoder) => {
                self.coded = decoder.is_some();
                self.decoder = decoder;
            }
            Err(_) => {
                self.coded = true;
                self.state = State::Undecodable;
            }
        }
    }

    /// Whether reading more would tell more.
    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    pub(super) fn push(&mut self, piece: Bytes, limit: usize) {
        if self.state == State::Open {
            if let Some(decoder) = &mut self.decoder {
                if decoder.push(&piece, &mut self.decoded).is_err() {
                    self.state = State::Undecodable;
                }
                self.length = self.decoded.len();
            } else {
                self.length = self.length.saturating_add(piece.len());
            }
            if self.length > limit {
                self.state = State::TooLarge;
            }
        }
        self.raw.push(piece);
    }

    pub(super) fn end(&mut self, limit: usize) {
        if self.state != State::Open {
            return;
        }
        self.state = State::Whole;
        if self.raw.iter().all(Bytes::is_empty) {
            self.coded = false;
            return;
        }
        match self.decoder.take() {
            Some(mut decoder) => {
                if decoder.finish(&mut self.decoded).is_err() {
                    self.state = State::Undecodable;
                } else if self.decoded.len() > limit {
                    self.state = State::TooLarge;
                }
            }
            None if self.raw.len() > 1 => self.decoded = self.raw.concat(),
            None => {}
        }
    }

    /// Another body in the place of a whole one that no coding packs.
    pub(super) fn replace(&mut self, body: Bytes) {
        self.length = body.len();
        self.decoded.clear();
        self.raw = vec![body];
    }

    /// The whole body, decoded; `None` unless all of it is there.
    pub(super) fn clear(&self) -> Option<&[u8]> {
        match (self.state, self.raw.as_slice()) {
            (State::Whole, []) => Some(&[]),
            (State::Whole, [only]) if !self.coded => Some(only),
            (State::Whole, _) => Some(&self.decoded),
            _ => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.raw.iter().all(Bytes::is_empty)
    }
}
