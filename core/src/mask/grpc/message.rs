//! One message, field by field.

mod rewrite;
mod value;

use std::borrow::Cow;

use self::rewrite::{Fate, Rewrite};
use self::value::written;
use super::stand::Stand;
use crate::json::FaultCode;
use crate::mask::marker::{Marker, Role};
use crate::protobuf::{Field, Kind, Malformed, Message, OnWire, Schema, Shape, Wire, fields};
use crate::vector::Scalar;

/// How deep messages may stand in each other.
const MAX_DEPTH: usize = 64;

/// Walks one message: counts, and masks where the plan says so.
pub(super) struct Walk<'m> {
    marker: &'m mut Marker,
    stand: Stand,
    depth: usize,
    /// Of the column at hand: in how many containers its values stand, and how many there are.
    column: Option<(usize, u64)>,
}

/// What a message says of what stands in it.
#[derive(Clone, Copy, Default)]
struct Around<'w> {
    dimensions: Option<u64>,
    pieces: u64,
    several: bool,
    name: Option<&'w [u8]>,
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
        let mut rewrite = Rewrite::of(bytes);
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
            if known.kind == Kind::Skip || tells(known) {
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
            // A pair that holds a text is none itself.
            let whole = if field.shape == Shape::Named { Kind::Skip } else { field.kind };
            if let Some(fate) = self.ruled(whole, value) {
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
        let mut rewrite = Rewrite::of(entry);
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
}

impl<'w> Around<'w> {
    /// What a message says of what stands in it, wherever in it that is said.
    fn read(message: &Message, bytes: &'w [u8], outside: Around<'w>) -> Result<Self, FaultCode> {
        let mut around = Self { pieces: 1, several: false, ..outside };
        if !message.fields.iter().any(tells) {
            return Ok(around);
        }
        for field in fields(bytes) {
            let field = field?;
            match (message.field(field.number).map(|known| known.kind), field.value) {
                (Some(Kind::Dimensions), Wire::Number(number)) => around.dimensions = Some(number),
                (Some(Kind::Pieces), Wire::Number(number)) => around.pieces = number.max(1),
                (Some(Kind::Several(mark)), Wire::Number(number)) => around.several = number == mark,
                (Some(Kind::Name), Wire::Bytes(name)) => around.name = Some(name),
                _ => {}
            }
        }
        Ok(around)
    }
}

/// Whether a field says how the others of its message are to be read.
fn tells(field: &Field) -> bool {
    matches!(field.kind, Kind::Dimensions | Kind::Pieces | Kind::Several(_) | Kind::Name)
}

/// Whether numbers of a list stand in one value.
fn is_packed(field: &Field, value: Wire<'_>) -> bool {
    let number = matches!(field.kind, Kind::Int | Kind::Uint | Kind::Float | Kind::Double | Kind::Word);
    field.shape == Shape::Each && number && matches!(value, Wire::Bytes(_))
}
