//! What one value of a message is to the plan and to the census.

use super::rewrite::Fate;
use super::{Around, Walk};
use crate::json::{FaultCode, LONG_DIGITS};
use crate::mask::json::{JsonDriver, looks_like_json};
use crate::mask::marker::Role;
use crate::protobuf::{Kind, Wire, fields, varint, write_varint};
use crate::vector::{Counter, Scalar};

/// Whole numbers up to here are the same as floating-point ones.
const MOST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// How deep messages are searched that no schema knows: each level reads all that is in it once more.
const MAX_SEARCH: usize = 16;

impl Walk<'_> {
    pub(super) fn text(&mut self, kind: Kind, text: &[u8]) -> Fate {
        let mut shown = None;
        let vector = |counter: &Counter| kind == Kind::Bytes && counter.is_vector();
        if !self.marker.plan.is_empty() && !self.marker.counter.as_ref().is_some_and(vector) {
            let place = &self.stand.place;
            let key = place.key().unwrap_or_default().as_bytes();
            let document = kind != Kind::Bytes && looks_like_json(text);
            match document.then(|| JsonDriver::inside(self.marker, text, key)) {
                Some(Ok(new)) => shown = new,
                _ if self.marker.detects() => {
                    shown = self.marker.text(text, place.key(), Role::Value, || place.path());
                }
                _ => {}
            }
        }
        if let Some(counter) = &mut self.marker.counter {
            counter.scalar(Scalar::Text(text, shown.as_deref().unwrap_or(text)));
        }
        shown.map_or(Fate::Stays, Fate::Becomes)
    }

    /// A number; whether it is one that must not pass.
    pub(super) fn number(&mut self, kind: Kind, number: u64) -> bool {
        let text = written(kind, number);
        let place = &self.stand.place;
        let named = self.marker.sought.detectors.names(place.key());
        let read = self.marker.detects() && (named || is_long(&text));
        let shown = match read {
            true => self.marker.text(text.as_bytes(), place.key(), Role::Value, || place.path()),
            false => None,
        };
        if let Some(counter) = &mut self.marker.counter {
            let shown = shown.as_deref().unwrap_or(text.as_bytes());
            counter.scalar(Scalar::Number(text.as_bytes(), shown));
        }
        shown.is_some()
    }

    /// Numbers side by side.
    pub(super) fn packed(&mut self, kind: Kind, value: Wire<'_>) -> Result<Fate, FaultCode> {
        let Wire::Bytes(bytes) = value else { return Err(FaultCode::Malformed) };
        self.stand.open(self.marker, false);
        let wide = match kind {
            Kind::Float => Some(4),
            Kind::Double => Some(8),
            _ => None,
        };
        let counted = self.marker.counter.as_ref().is_some_and(|counter| counter.wants_elements());
        let mut new = None;
        let count = match wide {
            Some(width) if bytes.len() % width == 0 => {
                let count = (bytes.len() / width) as u64;
                self.numbers(count);
                count
            }
            Some(_) => return Err(FaultCode::Malformed),
            None if counted || self.marker.detects() => self.each(kind, bytes, &mut new)?,
            None => {
                let count = bytes.iter().filter(|byte| **byte < 0x80).count() as u64;
                self.numbers(count);
                count
            }
        };
        self.note_column(count);
        self.stand.close(self.marker);
        Ok(new.map_or(Fate::Stays, Fate::Becomes))
    }

    /// Each number of a packed list by itself; how many there are.
    fn each(&mut self, kind: Kind, mut rest: &[u8], new: &mut Option<Vec<u8>>) -> Result<u64, FaultCode> {
        let (whole, mut count) = (rest, 0);
        while !rest.is_empty() {
            let before = whole.len() - rest.len();
            let (number, after) = varint(rest)?;
            rest = after;
            self.stand.element(self.marker);
            let hidden = match kind {
                Kind::Word => false,
                _ => self.number(kind, number),
            };
            if hidden && new.is_none() {
                *new = Some(whole.get(..before).unwrap_or_default().to_vec());
            }
            if let Some(new) = new {
                write_varint(if hidden { 0 } else { number }, new);
            }
            count += 1;
        }
        Ok(count)
    }

    /// Vectors one after the other.
    pub(super) fn dense(&mut self, bits: u32, bytes: &[u8], around: Around<'_>) -> Result<(), FaultCode> {
        let (dimensions, bytes) = match bytes.split_first_chunk::<2>() {
            Some((length, rest)) if around.several => (Some(u64::from(u16::from_le_bytes(*length))), rest),
            None if around.several && !bytes.is_empty() => return Err(FaultCode::Malformed),
            _ => (around.dimensions, bytes),
        };
        let components = (bytes.len() as u64).saturating_mul(8) / u64::from(bits.max(1));
        let vectors = match dimensions {
            Some(0) if components > 0 => return Err(FaultCode::Malformed),
            Some(dimensions) => components.div_ceil(dimensions.max(1)),
            None => around.pieces.min(components),
        };
        self.stand.open(self.marker, false);
        if dimensions.is_none() && vectors <= 1 {
            self.numbers(components);
        } else if let Some(counter) = &mut self.marker.counter {
            counter.arrays(vectors);
        }
        self.note_column(vectors);
        self.stand.close(self.marker);
        Ok(())
    }

    /// So many elements of the innermost array pass.
    pub(super) fn numbers(&mut self, count: u64) {
        if let Some(counter) = self.marker.counter.as_mut().filter(|_| count > 0) {
            counter.numbers(count, b"0.5");
        }
    }

    /// What no schema knows is searched: as the text that it may be, and, where it may be a message, in all of that.
    pub(super) fn unknown(&mut self, value: Wire<'_>) -> Result<(), FaultCode> {
        let Wire::Bytes(bytes) = value else { return Ok(()) };
        self.marker.stand_bare();
        let plan = &self.marker.plan;
        let looks = plan.rereads || !plan.passes_unmaskable;
        if looks && self.marker.detects() { self.search(bytes, 0) } else { Ok(()) }
    }

    fn search(&mut self, bytes: &[u8], depth: usize) -> Result<(), FaultCode> {
        if let Some(found) = self.marker.find(bytes, None, || self.stand.place.path()) {
            if !self.marker.plan.rereads {
                self.marker.done(found);
                return Err(FaultCode::Unmaskable);
            }
            for finding in &found {
                let path = || self.stand.place.path();
                self.marker.mark(bytes, finding, Role::Value, path, &mut Vec::new());
            }
            self.marker.done(found);
        }
        if depth == MAX_SEARCH {
            return Err(FaultCode::TooDeep);
        }
        if fields(bytes).all(|field| field.is_ok()) {
            for field in fields(bytes).flatten() {
                if let Wire::Bytes(inner) = field.value {
                    self.search(inner, depth + 1)?;
                }
            }
        }
        Ok(())
    }
}

/// A number as JSON writes it, as far as it may be more than a quantity.
pub(super) fn written(kind: Kind, number: u64) -> String {
    match kind {
        Kind::Int => number.cast_signed().to_string(),
        Kind::Double => {
            let number = f64::from_bits(number);
            match number.fract() == 0.0 && number.abs() <= MOST_WHOLE {
                true => format!("{number:.0}"),
                false => "0.5".to_owned(),
            }
        }
        Kind::Float => "0.5".to_owned(),
        _ => number.to_string(),
    }
}

/// Whether a number has enough digits to be more than a quantity.
fn is_long(text: &str) -> bool {
    text.bytes().filter(u8::is_ascii_digit).count() >= LONG_DIGITS
}
