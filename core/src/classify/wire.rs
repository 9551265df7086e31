//! The deciding fields of protobuf messages, read off the wire by their numbers.
//!
//! Nothing is decoded but what the entry names: anything else is stepped over, a packed vector of thousands of numbers by
//! its length. What comes twice counts as parsers have it: of a plain field the last value, a message that comes twice is
//! one message with the fields of both, each value of a list is one more. Zero is what an absent number says. A message
//! goes no deeper than the fields of its entry do, so no input makes this recurse further.

use super::Refusal;
use super::body::{MAX_BESIDE, MAX_ELEMENTS, Place, Record, Records, Value, Values, bit, has_elements};
use super::catalogue::{Entry, Field, Kinds, Level, Step};
use crate::protobuf::{self, Malformed, OnWire, Wire};

/// What is not protobuf: a cut varint, a group, a field without a number.
pub(super) const MALFORMED: Refusal = Refusal { code: "malformed_protobuf", at: "body" };

impl From<Malformed> for Refusal {
    fn from(Malformed: Malformed) -> Self {
        MALFORMED
    }
}

/// How many fields the messages of a call may have where they are looked at.
const MAX_FIELDS: usize = 1 << 17;

/// Reads the messages of one call.
pub(super) struct Reader<'r> {
    entry: &'static Entry,
    /// Whether the entry judges the elements of a list one by one.
    elements: bool,
    records: &'r mut Records,
    /// What stands beside the elements of the message at hand.
    outer: Values,
    /// Where in a record the values of the list element at hand begin.
    floor: usize,
    /// How many fields may still be looked at.
    left: usize,
}

impl<'r> Reader<'r> {
    /// Puts what it finds into `records`, which are empty.
    pub(super) fn new(entry: &'static Entry, records: &'r mut Records) -> Self {
        let elements = has_elements(entry);
        Self { entry, elements, records, outer: Values::new(), floor: 0, left: MAX_FIELDS }
    }

    /// Reads one message.
    pub(super) fn message(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let first = self.records.len();
        if !self.elements {
            self.element(self.entry.route)?;
        }
        self.floor = 0;
        let place = Place { record: first, ..Place::root(self.entry) };
        self.fields(bytes, place)?;
        if self.outer.is_empty() {
            return Ok(());
        }
        let outer = std::mem::take(&mut self.outer);
        let texts = outer.iter().map(|(_, value)| if let Value::Text(text) = value { text.len() } else { 0 });
        if texts.sum::<usize>().saturating_mul(self.records.len() - first) > MAX_BESIDE {
            return Err(Refusal { code: "too_many_elements", at: self.entry.route });
        }
        for record in self.records.iter_mut().skip(first) {
            record.values.extend(outer.iter().cloned());
        }
        Ok(())
    }

    /// After the last message. A call without messages has nothing that decides.
    pub(super) fn finish(self) {
        if self.records.is_empty() && !self.elements {
            self.records.push(Record::of(self.entry));
        }
    }

    fn element(&mut self, at: &'static str) -> Result<(), Refusal> {
        if self.records.len() >= MAX_ELEMENTS {
            return Err(Refusal { code: "too_many_elements", at });
        }
        self.records.push(Record::of(self.entry));
        Ok(())
    }

    /// The fields of one message.
    fn fields(&mut self, message: &[u8], place: Place) -> Result<(), Refusal> {
        let (level, below) = (place.level(), place.below(0).level());
        let mut rest = message;
        while !rest.is_empty() {
            let (number, value, after) = protobuf::first(rest)?;
            rest = after;
            let Some(left) = self.left.checked_sub(1) else {
                return Err(Refusal { code: "too_many_elements", at: self.entry.route });
            };
            self.left = left;
            let mask = place.mask & level.tagged(number);
            if mask != 0 {
                self.value(&value, place.below(mask), below)?;
            }
        }
        Ok(())
    }

    /// One field that an entry names, or that leads to one. `level` is that of the place.
    #[inline]
    fn value(&mut self, value: &Wire<'_>, place: Place, level: &'static Level) -> Result<(), Refusal> {
        let ends = place.mask & level.ends;
        for (at, field) in place.of(ends) {
            self.note(place.record, at, field, value);
        }
        // Most fields are what an entry names, and no more.
        let inside = Place { mask: place.mask & !ends, ..place };
        if inside.mask == 0 { Ok(()) } else { self.inside(value, inside, level) }
    }

    /// What stands in a field that leads to one that an entry names.
    fn inside(&mut self, value: &Wire<'_>, inside: Place, level: &'static Level) -> Result<(), Refusal> {
        let kinds = level.kinds.of(inside.mask);
        if kinds.first | kinds.pairs | kinds.each != 0 {
            self.list(value, inside, &kinds)?;
        }
        match value {
            Wire::Bytes(bytes) if kinds.tags != 0 => self.fields(bytes, inside),
            Wire::Number(_) if kinds.tags != 0 => Err(Refusal { code: "wrong_type", at: inside.name() }),
            _ => Ok(()),
        }
    }

    /// One value of a field that is a list.
    fn list(&mut self, value: &Wire<'_>, place: Place, kinds: &Kinds) -> Result<(), Refusal> {
        for (at, field) in place.below(kinds.first).here() {
            let values = self.records.get(place.record).map_or(&[][..], |record| &record.values);
            if values.iter().skip(self.floor).any(|(known, _)| *known == at) {
                continue;
            }
            // Numbers of a list mostly stand packed in one value.
            let number = match value {
                Wire::Number(n) => *n,
                Wire::Bytes([]) => continue,
                Wire::Bytes(bytes) => protobuf::varint(bytes)?.0,
            };
            self.set(place.record, at, field, Value::Number(Some(number)));
        }
        if let Wire::Bytes(bytes) = value
            && kinds.pairs != 0
        {
            self.pair(bytes, place)?;
        }
        let each = place.below(kinds.each);
        if each.mask == 0 {
            return Ok(());
        }
        let mut inside = each;
        let floor = self.floor;
        if each.here().any(|(_, field)| field.uses & Field::ELEMENT != 0) {
            self.element(each.name())?;
            inside.record = self.records.len() - 1;
            inside.mask = each
                .here()
                .filter(|(_, field)| field.uses & Field::ELEMENT != 0)
                .fold(each.mask, |mask, (at, _)| mask & !bit(at));
            self.floor = 0;
        } else {
            self.floor = self.records.get(each.record).map_or(0, |record| record.values.len());
        }
        if inside.mask != 0 {
            self.value(value, inside, inside.level())?;
        }
        self.floor = floor;
        Ok(())
    }

    /// A name and its value: `{1: "limit", 2: "100"}`.
    fn pair(&mut self, message: &[u8], place: Place) -> Result<(), Refusal> {
        let (mut name, mut text): (&[u8], &[u8]) = (b"", b"");
        for field in protobuf::fields(message) {
            let OnWire { number, value, .. } = field?;
            match (number, value) {
                (1, Wire::Bytes(bytes)) => name = bytes,
                (2, Wire::Bytes(bytes)) => text = bytes,
                _ => {}
            }
        }
        let named = place.down(
            |step| matches!(step, Step::Pair(names) if names.iter().any(|known| known.as_bytes() == name)),
        );
        for (at, _) in named.here() {
            let text = String::from_utf8_lossy(text);
            let value = text
                .trim()
                .parse()
                .map_or_else(|_| Value::Text(text.clone().into_owned()), |n| Value::Number(Some(n)));
            if let Some(record) = self.records.get_mut(named.record) {
                record.values.push((at, value));
            }
        }
        Ok(())
    }

    /// Notes a value, or one more of a list.
    fn note(&mut self, record: usize, at: usize, field: &Field, value: &Wire<'_>) {
        let value = match value {
            _ if field.uses & (Field::COUNT | Field::TEXTS) != 0 => Value::List { len: 1, numbers: 0 },
            Wire::Number(0) => Value::Null,
            Wire::Number(n) if field.uses & Field::TRUTH != 0 => Value::Bool(*n != 0),
            Wire::Number(n) => Value::Number(Some(*n)),
            Wire::Bytes(bytes) if field.uses & Field::TEXT != 0 => Value::Text(text(bytes)),
            Wire::Bytes(bytes) => Value::Object { len: bytes.len() as u64 },
        };
        self.set(record, at, field, value);
    }

    /// Of what comes twice the last stands, but that a list grows.
    fn set(&mut self, record: usize, at: usize, field: &Field, value: Value) {
        let (values, floor) = if field.uses & Field::OUTER != 0 {
            (&mut self.outer, 0)
        } else {
            let Some(record) = self.records.get_mut(record) else { return };
            (&mut record.values, self.floor)
        };
        let known = values.iter_mut().skip(floor).find(|(known, _)| *known == at);
        match (known, value) {
            (Some((_, Value::List { len, .. })), Value::List { len: more, .. }) => *len += more,
            (Some((_, known)), value) => *known = value,
            (None, value) => values.push((at, value)),
        }
    }
}

/// A text, mostly well formed.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Appends a message without the fields that these steps lead to; how many those were. `None` where it is malformed.
pub(super) fn without(asking: &[&[Step]], message: &[u8], out: &mut Vec<u8>) -> Option<u64> {
    let mut cleared = 0;
    for field in protobuf::fields(message) {
        let OnWire { number, value, span } = field.ok()?;
        let below: Vec<&[Step]> = asking
            .iter()
            .filter_map(|steps| match steps.split_first()? {
                (Step::Tag(numbers), rest) if numbers.contains(&number) => Some(rest),
                _ => None,
            })
            // Each value of a list is a field of its own.
            .map(|rest| match rest.split_first() {
                Some((Step::Each, rest)) => rest,
                _ => rest,
            })
            .collect();
        match value {
            _ if below.iter().any(|rest| rest.is_empty()) => cleared += 1,
            Wire::Bytes(inner) if !below.is_empty() => {
                let mut less = Vec::with_capacity(inner.len());
                cleared += without(&below, inner, &mut less)?;
                protobuf::write_bytes(number, &less, out);
            }
            _ => out.extend_from_slice(message.get(span)?),
        }
    }
    Some(cleared)
}
