//! A message with some of its fields replaced.

use crate::protobuf::{OnWire, varint, write_bytes};

/// What becomes of a field.
pub(super) enum Fate {
    Stays,
    Goes,
    /// It holds these bytes now.
    Becomes(Vec<u8>),
    /// It is nought now.
    Nought,
}

/// A message with some of its fields replaced, copied only if something is.
pub(super) struct Rewrite<'w> {
    message: &'w [u8],
    out: Option<Vec<u8>>,
    copied: usize,
}

impl<'w> Rewrite<'w> {
    pub(super) fn of(message: &'w [u8]) -> Self {
        Self { message, out: None, copied: 0 }
    }

    /// What becomes of the next field.
    pub(super) fn field(&mut self, field: &OnWire<'_>, fate: Fate) {
        if matches!(fate, Fate::Stays) {
            return;
        }
        let out = self.out.get_or_insert_default();
        out.extend_from_slice(self.message.get(self.copied..field.span.start).unwrap_or_default());
        self.copied = field.span.end;
        match fate {
            Fate::Stays | Fate::Goes => {}
            Fate::Becomes(bytes) => write_bytes(field.number, &bytes, out),
            Fate::Nought => {
                // The same bytes of number and kind, then zeros: as many as its kind has.
                let whole = self.message.get(field.span.clone()).unwrap_or_default();
                let value = varint(whole).map_or(whole, |(_, value)| value);
                let head = whole.len() - value.len();
                out.extend_from_slice(whole.get(..head).unwrap_or_default());
                let width = match whole.first().map_or(0, |tag| tag & 7) {
                    1 => 8,
                    5 => 4,
                    _ => 1,
                };
                out.resize(out.len() + width, 0);
            }
        }
    }

    /// The message as it goes on; `None` where nothing of it changed.
    pub(super) fn done(self) -> Option<Vec<u8>> {
        let mut out = self.out?;
        out.extend_from_slice(self.message.get(self.copied..).unwrap_or_default());
        Some(out)
    }
}
