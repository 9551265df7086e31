//! The way from a view back to the text it was made from.

use std::ops::Range;

/// Where the bytes of a view come from.
#[derive(Debug, Default)]
pub(super) struct Map {
    pieces: Vec<Piece>,
    /// How long the view is, and how far in the text it was read.
    length: usize,
    read: usize,
}

/// Bytes of a view, up to the next piece.
#[derive(Debug, Clone, Copy)]
struct Piece {
    /// Where they begin in the view and in the text.
    view: usize,
    text: usize,
    from: From,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    /// They are the bytes of the text.
    Same,
    /// All of them are one unit of so many bytes, of a run of base64 or not.
    Unit { length: u32, run: bool },
    /// Each three of them are four characters of base64.
    Quanta,
}

impl Map {
    fn push(&mut self, view: usize, text: usize, from: From) {
        self.pieces.push(Piece { view: self.length, text, from });
        self.length += view;
    }

    /// The next bytes of the view are `length` bytes of the text from `text` on.
    pub(super) fn same(&mut self, text: usize, length: usize) {
        if length > 0 {
            self.push(length, text, From::Same);
        }
        self.read = text + length;
    }

    /// The next `says` bytes of the view are a unit of `length` bytes at `text`.
    pub(super) fn unit(&mut self, text: usize, length: usize, says: usize, run: bool) {
        if says > 0 {
            self.push(says, text, From::Unit { length: u32::try_from(length).unwrap_or(u32::MAX), run });
        }
        self.read = text + length;
    }

    /// The next three bytes of the view are the four characters at `text`.
    pub(super) fn quantum(&mut self, text: usize) {
        match self.pieces.last() {
            Some(Piece { from: From::Quanta, .. }) if self.read == text => self.length += 3,
            _ => self.push(3, text, From::Quanta),
        }
        self.read = text + 4;
    }

    /// Where in the text that begins which stands at `at` in the view.
    pub(super) fn start(&self, at: usize) -> usize {
        if at >= self.length {
            return self.read;
        }
        self.piece(at).map_or(0, |piece| match piece.from {
            From::Same => piece.text + (at - piece.view),
            From::Unit { .. } => piece.text,
            From::Quanta => piece.text + (at - piece.view) / 3 * 4,
        })
    }

    /// Where in the text that ends which ends at `at` in the view.
    pub(super) fn end(&self, at: usize) -> usize {
        let last = at.min(self.length).checked_sub(1).and_then(|last| Some((last, self.piece(last)?)));
        last.map_or(0, |(last, piece)| match piece.from {
            From::Same => piece.text + (last - piece.view) + 1,
            From::Unit { length, .. } => piece.text + length as usize,
            From::Quanta => piece.text + ((last - piece.view) / 3 + 1) * 4,
        })
    }

    /// The first place of the view that stands at `text` or after it.
    pub(super) fn at(&self, text: usize) -> usize {
        let next = self.pieces.partition_point(|piece| piece.text <= text);
        let stop = self.pieces.get(next).map_or(self.length, |piece| piece.view);
        let Some(piece) = next.checked_sub(1).and_then(|last| self.pieces.get(last)) else { return stop };
        let into = text - piece.text;
        let at = match piece.from {
            From::Same => piece.view + into,
            From::Unit { .. } if into == 0 => piece.view,
            From::Unit { .. } => stop,
            From::Quanta => piece.view + into.div_ceil(4) * 3,
        };
        at.min(stop)
    }

    /// Whether that which stands at `at` in the view goes on with a run of base64 that began before.
    pub(super) fn is_within_run(&self, at: usize) -> bool {
        self.is_run(at) && at.checked_sub(1).is_some_and(|last| self.is_run(last))
    }

    fn is_run(&self, at: usize) -> bool {
        at < self.length
            && self
                .piece(at)
                .is_some_and(|piece| matches!(piece.from, From::Quanta | From::Unit { run: true, .. }))
    }

    /// The parts of the view near a unit: so many bytes before and behind each.
    pub(super) fn near(&self, before: usize, behind: usize) -> Vec<Range<usize>> {
        let mut parts: Vec<Range<usize>> = Vec::new();
        let mut add = |start: usize, end: usize| {
            let part = start.saturating_sub(before)..(end + behind).min(self.length);
            match parts.last_mut() {
                Some(last) if part.start <= last.end => last.end = part.end,
                _ => parts.push(part),
            }
        };
        let ends = self.pieces.iter().skip(1).map(|piece| piece.view).chain([self.length]);
        for (n, (piece, end)) in self.pieces.iter().zip(ends).enumerate() {
            match piece.from {
                From::Same if n == 0 => {}
                // Between two pieces stands at least a unit that says nothing.
                From::Same => add(piece.view, piece.view),
                _ => add(piece.view, end),
            }
        }
        if self.end(self.length) < self.read {
            add(self.length, self.length);
        }
        parts
    }

    fn piece(&self, at: usize) -> Option<&Piece> {
        self.pieces.get(self.pieces.partition_point(|piece| piece.view <= at).checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let mut map = Map::default();
        // `ab%40` + a dropped unit of two + `QUJDREVG` (`ABCDEF`) + `z`
        map.same(0, 2);
        map.unit(2, 3, 1, false);
        map.unit(5, 2, 0, false);
        map.quantum(7);
        map.quantum(11);
        map.same(15, 1);
        let starts: Vec<_> = (0..=10).map(|at| map.start(at)).collect();
        assert_eq!(starts, [0, 1, 2, 7, 7, 7, 11, 11, 11, 15, 16]);
        let ends: Vec<_> = (1..=10).map(|at| map.end(at)).collect();
        assert_eq!(ends, [1, 2, 5, 11, 11, 11, 15, 15, 15, 16]);
        let places: Vec<_> = (0..=16).map(|text| map.at(text)).collect();
        assert_eq!(places, [0, 1, 2, 3, 3, 3, 3, 3, 6, 6, 6, 6, 9, 9, 9, 9, 10]);
        assert!(
            map.is_within_run(4) && map.is_within_run(8) && !map.is_within_run(9) && !map.is_within_run(3)
        );
    }
}
