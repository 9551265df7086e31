//! Messages of gRPC: each whole, its fields under the rules of the paths that its JSON would have.
//!
//! A body is a row of messages, each behind five bytes: whether it is compressed, and its length. A message is held back
//! until it has come, and goes on whole or not at all, so a quota cuts between two of them. What a schema does not know
//! of a message is searched and not changed: what is found there refuses the body.

mod message;
mod stand;

use self::message::Walk;
use super::marker::Marker;
use super::splice::Splice;
use super::text::Progress;
use crate::coding::Packing;
use crate::json::{Fault, FaultCode};
use crate::protobuf::{Schema, frame};

/// The most bytes of one message: it is kept whole.
const MAX_MESSAGE: usize = 64 << 20;

/// Trailers of gRPC-Web, which end a body.
const TRAILERS: u8 = 0x80;

/// Reads messages of one kind.
#[derive(Debug)]
pub(super) struct GrpcDriver {
    schema: Schema,
    packing: Packing,
    base: u64,
}

impl GrpcDriver {
    pub(super) fn new(schema: Schema, packing: Packing) -> Self {
        Self { schema, packing, base: 0 }
    }

    pub(super) fn read(
        &mut self,
        marker: &mut Marker,
        window: &[u8],
        last: bool,
        splice: &mut Splice<'_>,
    ) -> Result<Progress, Fault> {
        let mut at = 0;
        while let Some(rest) = window.get(at..).filter(|rest| !rest.is_empty()) {
            let fault = |code| Fault { code, at: self.base + at as u64 };
            let Some((flag, length, body)) = frame::head(rest) else { break };
            if length > MAX_MESSAGE {
                return Err(fault(FaultCode::TooLong));
            }
            let Some(message) = body.get(..length) else { break };
            let end = at + frame::HEAD + length;
            match flag {
                TRAILERS => {}
                0 | 1 => {
                    let mut unpacked = Vec::new();
                    let read = match flag {
                        0 => Some(message),
                        _ if self.packing.unpack(message, MAX_MESSAGE, &mut unpacked) => {
                            Some(unpacked.as_slice())
                        }
                        _ => None,
                    };
                    match read {
                        // What changes goes on as it is, whatever the head says of the others.
                        Some(message) => {
                            if let Some(new) =
                                Walk::over(marker).whole(self.schema, message).map_err(fault)?
                            {
                                splice.cut(at..end);
                                frame::write(&new, splice.out()).ok_or(fault(FaultCode::TooLong))?;
                            }
                        }
                        None if passes(marker) => {}
                        None => return Err(fault(FaultCode::Unmaskable)),
                    }
                }
                _ if passes(marker) => {}
                _ => return Err(fault(FaultCode::Unmaskable)),
            }
            at = end;
        }
        if last && at < window.len() {
            return Err(Fault { code: FaultCode::Truncated, at: self.base + window.len() as u64 });
        }
        self.base += at as u64;
        Ok(Progress { released: at, keep: at })
    }
}

/// Whether what cannot be read may go on.
fn passes(marker: &Marker) -> bool {
    marker.plan.passes_unmaskable && marker.counter.is_none()
}
