//! One message, field by field.

use std::borrow::Cow;

use super::stand::Stand;
use crate::json::{FaultCode, LONG_DIGITS};
use crate::mask::json::{JsonDriver, looks_like_json};
use crate::mask::marker::{Marker, Role};
use crate::protobuf::{
    Field, Kind, Malformed, Message, OnWire, Schema, Shape, Wire, fields, varint, write_bytes, write_varint,
};
use crate::vector::Scalar;

/// How deep messages may stand in each other.
const MAX_DEPTH: usize = 64;

/// Whole numbers up to here are the same as floating-point ones.
const MOST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// Walks one message: counts, and masks where the plan says so.
pub(super) struct Walk<'m> {
    marker: &'m mut Marker,
    stand: Stand,
    depth: usize,
    /// Of the column at hand: in how many containers its values stand, and how many there are.
    column: Option<(usize, u64)>,
}

/// What becomes of a field.
enum Fate {
    Stays,
    Goes,
    /// It holds these bytes now.
    Becomes(Vec<u8>),
    /// It is nought now.
    Nought,
}

/// What a message says of what stands in it.
#[derive(Clone, Copy, Default)]
struct Around<'w> {
    dimensions: Option<u64>,
    pieces: u64,
    name: Option<&'w [u8]>,
}

/// A message with some of its fields replaced, copied only if something is.
struct Rewrite<'w> {
    message: &'w [u8],
    out: Option<Vec<u8>>,
    copied: usize,
}

impl From<Malformed> for FaultCode {
    fn from(Malformed: Malformed) -> Self {
        Self::Malformed
    }
}

impl<'m> Walk<'m> {
    pub(super) fn over(marker: &'m mut Marker) -> Self {
        let stand = Stand::root(marker);
        Self { marker, stand, depth: 0, column: None }
    }

    /// A whole message as it goes on; `None` where nothing of it changes.
    pub(super) fn whole(mut self, schema: Schema, bytes: &[u8]) -> Result<Option<Vec<u8>>, FaultCode> {
        self.message(schema, bytes, Around::default())
    }

    fn message(
        &mut self,
        schema: Schema,
        bytes: &[u8],
        around: Around<'_>,
    ) -> Result<Option<Vec<u8>>, FaultCode> {
        let message = schema.message().ok_or(FaultCode::Malformed)?;
        if self.depth == MAX_DEPTH {
            return Err(FaultCode::TooDeep);
        }
        self.depth += 1;
        let around = Around::read(message, bytes, around)?;
        if message.object {
            self.stand.open(self.marker, true);
        }
        let mut rewrite = Rewrite { message: bytes, out: None, copied: 0 };
        let (mut list, mut longest) = (None, None);
        for field in fields(bytes) {
            let field = field?;
            let Some(known) = message.field(field.number) else {
                self.unknown(field.value)?;
                continue;
            };
            if list.is_some_and(|open| open != field.number) {
                self.close_list();
                list = None;
            }
            if matches!(known.kind, Kind::Skip | Kind::Dimensions | Kind::Pieces | Kind::Name) {
                continue;
            }
            let fate = if known.shape == Shape::Single || is_packed(known, field.value) {
                self.member(known, around);
                match self.ruled(known.kind, field.value) {
                    Some(fate) => fate,
                    None if known.shape == Shape::Single => {
                        self.value(schema, known.kind, field.value, around)?
                    }
                    None => self.packed(known.kind, field.value)?,
                }
            } else {
                self.listed(schema, known, field.value, around, (&mut list, &mut longest))?
            };
            rewrite.field(&field, fate);
        }
        if list.is_some() {
            self.close_list();
        }
        if let Some(rows) = longest {
            self.rows(rows);
        }
        if message.object {
            self.stand.close(self.marker);
        }
        self.depth -= 1;
        Ok(rewrite.done())
    }

    /// Before what a field holds, unless that stands in the place of its message.
    fn member(&mut self, field: &Field, around: Around<'_>) {
        match around.name {
            _ if !field.inline => self.stand.key(self.marker, field.name.as_bytes(), field.name.as_bytes()),
            Some(name) => self.stand.key(self.marker, name, name),
            None => {}
        }
    }

    /// One value of a list or a map.
    fn listed(
        &mut self,
        schema: Schema,
        field: &'static Field,
        value: Wire<'_>,
        around: Around<'_>,
        (list, longest): (&mut Option<u32>, &mut Option<u64>),
    ) -> Result<Fate, FaultCode> {
        if list.is_none() {
            self.member(field, around);
            if let Some(fate) = self.ruled(field.kind, value) {
                return Ok(fate);
            }
            self.stand.open(self.marker, field.shape == Shape::Named);
            *list = Some(field.number);
        }
        if field.shape == Shape::Named {
            return self.pair(schema, field.kind, value, around);
        }
        self.stand.element(self.marker);
        let outside = self.column;
        if field.shape == Shape::Columns {
            // In the object of the column, and there in its list.
            self.column = Some((self.stand.place.depth() + 2, 0));
        }
        let fate = match self.ruled(field.kind, value) {
            Some(fate) => fate,
            None => self.value(schema, field.kind, value, around)?,
        };
        if field.shape == Shape::Columns {
            let length = self.column.map_or(0, |(_, length)| length);
            *longest = Some(longest.unwrap_or(0).max(length));
            self.column = outside;
        }
        Ok(fate)
    }

    /// A name and its value.
    fn pair(
        &mut self,
        schema: Schema,
        kind: Kind,
        value: Wire<'_>,
        around: Around<'_>,
    ) -> Result<Fate, FaultCode> {
        let Wire::Bytes(entry) = value else { return Err(FaultCode::Malformed) };
        // Nothing at all where it is not there: the empty name.
        let mut name: &[u8] = b"";
        for field in fields(entry) {
            if let OnWire { number: 1, value: Wire::Bytes(bytes), .. } = field? {
                name = bytes;
            }
        }
        let shown = match self.marker.detects() {
            true => self.marker.text(name, None, Role::Name, || self.stand.place.path_above()),
            false => None,
        };
        self.stand.key(self.marker, name, shown.as_deref().unwrap_or(name));
        let mut rewrite = Rewrite { message: entry, out: None, copied: 0 };
        for field in fields(entry) {
            let field = field?;
            let fate = match (field.number, &shown) {
                (1, Some(shown)) => Fate::Becomes(shown.clone()),
                (2, _) => match self.ruled(kind, field.value) {
                    // The pair goes with its value.
                    Some(Fate::Goes) => return Ok(Fate::Goes),
                    Some(fate) => fate,
                    None => self.value(schema, kind, field.value, around)?,
                },
                _ => Fate::Stays,
            };
            rewrite.field(&field, fate);
        }
        Ok(rewrite.done().map_or(Fate::Stays, Fate::Becomes))
    }

    /// What a rule about this field makes of it. What can hold no text goes.
    fn ruled(&mut self, kind: Kind, value: Wire<'_>) -> Option<Fate> {
        let plan = self.marker.plan.clone();
        let rule = self.stand.rule(self.marker).and_then(|rule| plan.field(rule))?;
        let text = match value {
            Wire::Bytes(bytes) => Cow::Borrowed(bytes),
            Wire::Number(number) => Cow::Owned(written(kind, number).into_bytes()),
        };
        let mut new = Vec::new();
        self.marker.field(rule, &text, || self.stand.place.path(), &mut new);
        Some(match kind {
            _ if rule.observes() => Fate::Stays,
            Kind::Text | Kind::Bytes if !rule.drops() => Fate::Becomes(new),
            _ => Fate::Goes,
        })
    }

    fn value(
        &mut self,
        schema: Schema,
        kind: Kind,
        value: Wire<'_>,
        around: Around<'_>,
    ) -> Result<Fate, FaultCode> {
        match (kind, value) {
            (Kind::Message(root), Wire::Bytes(bytes)) => {
                let around = Around { name: None, ..around };
                Ok(self.message(schema.at(root), bytes, around)?.map_or(Fate::Stays, Fate::Becomes))
            }
            (Kind::Text | Kind::Bytes | Kind::Json, Wire::Bytes(text)) => Ok(self.text(kind, text)),
            (Kind::Dense(bits), Wire::Bytes(bytes)) => {
                self.dense(bits, bytes, around)?;
                Ok(Fate::Stays)
            }
            (Kind::Int | Kind::Uint | Kind::Float | Kind::Double, Wire::Number(number)) => {
                Ok(if self.number(kind, number) { Fate::Nought } else { Fate::Stays })
            }
            (Kind::Word, Wire::Number(_)) => {
                if let Some(counter) = &mut self.marker.counter {
                    counter.scalar(Scalar::Literal);
                }
                Ok(Fate::Stays)
            }
            _ => Err(FaultCode::Malformed),
        }
    }

    fn text(&mut self, kind: Kind, text: &[u8]) -> Fate {
        let mut shown = None;
        if !self.marker.plan.is_empty() {
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
    fn number(&mut self, kind: Kind, number: u64) -> bool {
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
    fn packed(&mut self, kind: Kind, value: Wire<'_>) -> Result<Fate, FaultCode> {
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
    fn dense(&mut self, bits: u32, bytes: &[u8], around: Around<'_>) -> Result<(), FaultCode> {
        let components = (bytes.len() as u64).saturating_mul(8) / u64::from(bits.max(1));
        let vectors = match around.dimensions {
            Some(0) if components > 0 => return Err(FaultCode::Malformed),
            Some(dimensions) => components.div_ceil(dimensions.max(1)),
            None => around.pieces.min(components),
        };
        self.stand.open(self.marker, false);
        if around.dimensions.is_none() && vectors <= 1 {
            if components > 0 {
                self.numbers(components);
            }
        } else {
            for _ in 0..vectors {
                self.stand.element(self.marker);
                self.stand.open(self.marker, false);
                self.numbers(components / vectors.max(1));
                self.stand.close(self.marker);
            }
        }
        self.note_column(vectors);
        self.stand.close(self.marker);
        Ok(())
    }

    /// So many elements of the innermost array pass.
    fn numbers(&mut self, count: u64) {
        if let Some(counter) = self.marker.counter.as_mut().filter(|_| count > 0) {
            counter.numbers(count, b"0.5");
        }
    }

    /// The rows of a table.
    fn rows(&mut self, count: u64) {
        self.stand.key(self.marker, b"rows", b"rows");
        self.stand.open(self.marker, false);
        self.numbers(count);
        self.stand.close(self.marker);
    }

    fn close_list(&mut self) {
        let length = self.stand.place.elements();
        self.note_column(length);
        self.stand.close(self.marker);
    }

    /// The list that ends here has so many values.
    fn note_column(&mut self, length: u64) {
        if let Some((depth, longest)) = &mut self.column
            && *depth == self.stand.place.depth()
        {
            *longest = length.max(*longest);
        }
    }

    /// What no schema knows is searched: as the text that it may be, and, where it may be a message, in all of that.
    fn unknown(&mut self, value: Wire<'_>) -> Result<(), FaultCode> {
        let Wire::Bytes(bytes) = value else { return Ok(()) };
        self.marker.stand_bare();
        let plan = &self.marker.plan;
        let looks = plan.rereads || !plan.passes_unmaskable;
        if looks && self.marker.detects() { self.search(bytes, self.depth) } else { Ok(()) }
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
        if depth == MAX_DEPTH {
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

impl<'w> Around<'w> {
    /// What a message says of what stands in it, wherever in it that is said.
    fn read(message: &Message, bytes: &'w [u8], outside: Around<'w>) -> Result<Self, FaultCode> {
        let tells = |field: &Field| matches!(field.kind, Kind::Dimensions | Kind::Pieces | Kind::Name);
        let mut around = Self { pieces: 1, ..outside };
        if !message.fields.iter().any(tells) {
            return Ok(around);
        }
        for field in fields(bytes) {
            let field = field?;
            match (message.field(field.number).map(|known| known.kind), field.value) {
                (Some(Kind::Dimensions), Wire::Number(number)) => around.dimensions = Some(number),
                (Some(Kind::Pieces), Wire::Number(number)) => around.pieces = number.max(1),
                (Some(Kind::Name), Wire::Bytes(name)) => around.name = Some(name),
                _ => {}
            }
        }
        Ok(around)
    }
}

impl Rewrite<'_> {
    fn field(&mut self, field: &OnWire<'_>, fate: Fate) {
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

    fn done(self) -> Option<Vec<u8>> {
        let mut out = self.out?;
        out.extend_from_slice(self.message.get(self.copied..).unwrap_or_default());
        Some(out)
    }
}

/// Whether numbers of a list stand in one value.
fn is_packed(field: &Field, value: Wire<'_>) -> bool {
    let number = matches!(field.kind, Kind::Int | Kind::Uint | Kind::Float | Kind::Double | Kind::Word);
    field.shape == Shape::Each && number && matches!(value, Wire::Bytes(_))
}

/// A number as JSON writes it, as far as it may be more than a quantity.
fn written(kind: Kind, number: u64) -> String {
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
