//! One piece of a body on its way through the engine, and with the last one the body's end.

use wardline::guard::{self, Abort, Answer, Effect, Flow};

/// Whose body a piece is of.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Request,
    Response,
}

/// What came of a piece.
pub(super) enum Passed {
    Unchanged,
    Changed,
    /// `true` where the end of the body is still to come.
    Effect(Effect, bool),
    Abort(Abort),
    /// What goes on is the last that does.
    Last(Abort),
}

impl Side {
    /// A piece; where it is the last one, the end goes through with it.
    pub(super) fn pass(
        self,
        exchange: &mut guard::Exchange,
        piece: &[u8],
        end: bool,
        out: &mut Vec<u8>,
    ) -> Passed {
        let flow = match self {
            _ if piece.is_empty() => Flow::Changed,
            Self::Request => exchange.request(piece, out),
            Self::Response => exchange.response(piece, out),
        };
        self.settle(exchange, flow, piece, end, out)
    }

    /// What waited for an effect that is done now.
    pub(super) fn resume(self, exchange: &mut guard::Exchange, end: bool, out: &mut Vec<u8>) -> Passed {
        let flow = exchange.resume(out);
        self.settle(exchange, flow, &[], end, out)
    }

    fn settle(
        self,
        exchange: &mut guard::Exchange,
        flow: Flow,
        piece: &[u8],
        end: bool,
        out: &mut Vec<u8>,
    ) -> Passed {
        let unchanged = match flow {
            Flow::Unchanged => true,
            Flow::Changed => false,
            Flow::Effect(effect) => return Passed::Effect(effect, end),
            Flow::Abort(abort) => return Passed::Abort(abort),
            Flow::Last(abort) => return Passed::Last(abort),
            _ => return unavailable(),
        };
        if !end {
            return if unchanged { Passed::Unchanged } else { Passed::Changed };
        }
        let mut tail = Vec::new();
        let flow = match self {
            Self::Request => exchange.request_end(&mut tail),
            Self::Response => exchange.response_end(&mut tail),
        };
        if unchanged && tail.is_empty() && matches!(flow, Flow::Unchanged | Flow::Changed) {
            return Passed::Unchanged;
        }
        if unchanged {
            out.extend_from_slice(piece);
        }
        out.append(&mut tail);
        match flow {
            Flow::Unchanged | Flow::Changed => Passed::Changed,
            Flow::Effect(effect) => Passed::Effect(effect, false),
            Flow::Abort(abort) => Passed::Abort(abort),
            Flow::Last(abort) => Passed::Last(abort),
            _ => unavailable(),
        }
    }
}

fn unavailable() -> Passed {
    let answer = Answer::of("guard_unavailable");
    Passed::Abort(Abort { code: answer.code, answer })
}
