//! From a record to its bytes, in one pass over what serde tells of it.

use std::fmt;
use std::ops::Range;

use serde::ser::{self, Serialize};

use super::cbor::{self, ARRAY, BYTES, FALSE, MAP, NULL, SIMPLE, TEXT, TRUE, UNSIGNED};
use super::table::{Fields, Kind, Table, time_of};

/// Members that are open at once, and bytes of those that are put in order, of most records: room for them is made once.
const MEMBERS: usize = 64;
const TURNED: usize = 512;

/// Appends what stands for a value of that kind of map.
pub(super) fn write(out: &mut Vec<u8>, fields: &'static Fields, value: &impl Serialize) -> fmt::Result {
    let table = Table::own();
    let kind = table.maps.iter().position(|map| std::ptr::eq(map, fields)).map(Kind::Map);
    let kind = kind.ok_or(fmt::Error)?;
    let (parts, turned) = (Vec::with_capacity(MEMBERS), Vec::with_capacity(TURNED));
    value.serialize(&mut Writer { out, table, kind, time: 0, parts, turned })
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
    table: &'static Table,
    /// Of what is written next.
    kind: Kind,
    /// The newest one that was written.
    time: i64,
    /// The members of the maps that are being written, each from its key to its end.
    parts: Vec<Part>,
    /// Room to put members in order.
    turned: Vec<u8>,
}

/// A member's number, where it is a field, and where it lies.
struct Part {
    number: u64,
    at: Range<usize>,
}

impl Writer<'_> {
    fn text(&mut self, text: &str) {
        match self.kind {
            Kind::Word | Kind::Words => {
                if let Some(number) = self.table.number(text) {
                    return cbor::head(self.out, UNSIGNED, number);
                }
            }
            Kind::Hex(prefix) | Kind::Id(prefix) => {
                if let Some(start) = text.strip_prefix(prefix).and_then(|digits| push_hex(self.out, digits)) {
                    if let (Kind::Id(_), Some(bytes)) = (self.kind, self.out.get(start..)) {
                        self.time = time_of(bytes).unwrap_or(self.time);
                    }
                    return;
                }
            }
            Kind::Item => {
                if let Some(number) = plain_number(text) {
                    return cbor::head(self.out, UNSIGNED, number);
                }
                if let Some(id) = plain_uuid(text) {
                    cbor::head(self.out, BYTES, 16);
                    return self.out.extend(id.as_bytes());
                }
            }
            _ => {}
        }
        cbor::head(self.out, TEXT, text.len() as u64);
        self.out.extend(text.as_bytes());
    }

    fn integer(&mut self, number: i64) {
        match self.kind {
            Kind::Since => {
                cbor::integer(self.out, number.wrapping_sub(self.time));
                self.time = number;
            }
            _ => cbor::integer(self.out, number),
        }
    }

    /// Ends a map that began at `start`: its members in order, and how many they are before them.
    fn end(
        &mut self,
        start: usize,
        first: usize,
        ordered: impl Fn(&[u8], &Part, &Part) -> std::cmp::Ordering,
    ) -> fmt::Result {
        let parts = self.parts.get_mut(first..).ok_or(fmt::Error)?;
        let count = parts.len() as u64;
        if !parts.is_sorted_by(|a, b| ordered(self.out, a, b).is_le()) {
            // No two are the same.
            parts.sort_unstable_by(|a, b| ordered(self.out, a, b));
            self.turned.clear();
            for part in parts {
                self.turned.extend(self.out.get(part.at.clone()).ok_or(fmt::Error)?);
            }
            self.out.truncate(start + 1);
            self.out.extend(&self.turned);
        }
        self.parts.truncate(first);
        let mut head = Vec::new();
        if count < 24 {
            *self.out.get_mut(start).ok_or(fmt::Error)? = (MAP << 5) | count.to_le_bytes()[0];
        } else {
            cbor::head(&mut head, MAP, count);
            self.out.splice(start..=start, head);
        }
        Ok(())
    }
}

/// Appends the bytes that lower-case digits write, and where they begin; nothing where they do not write whole bytes.
fn push_hex(out: &mut Vec<u8>, digits: &str) -> Option<usize> {
    let (pairs, rest) = digits.as_bytes().as_chunks();
    if pairs.is_empty() || !rest.is_empty() {
        return None;
    }
    let before = out.len();
    cbor::head(out, BYTES, pairs.len() as u64);
    let start = out.len();
    // Read and judged in one go: nearly all are digits. Eight at a time, which a processor does at once.
    let mut seen = 0;
    let (eights, rest) = pairs.as_chunks::<8>();
    for eight in eights {
        out.extend_from_slice(&eight.map(|pair| byte(pair, &mut seen)));
    }
    out.extend(rest.iter().map(|pair| byte(*pair, &mut seen)));
    if seen > 0xf {
        out.truncate(before);
        return None;
    }
    Some(start)
}

/// The byte of two digits; `seen` exceeds 15 where one of them is none.
fn byte([high, low]: [u8; 2], seen: &mut u8) -> u8 {
    let [high, low] = [high, low].map(|digit| {
        let (number, letter) = (digit.wrapping_sub(b'0'), digit.wrapping_sub(b'a'));
        if number < 10 {
            number
        } else if letter < 6 {
            letter + 10
        } else {
            u8::MAX
        }
    });
    *seen |= high | low;
    (high << 4) | low
}

/// The number whose one text this is.
fn plain_number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if digits { text.parse().ok() } else { None }
}

/// The id whose one text this is.
fn plain_uuid(text: &str) -> Option<uuid::Uuid> {
    let shaped = text.len() == 36 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'));
    if shaped { uuid::Uuid::try_parse(text).ok() } else { None }
}

/// The members of one map, as they come.
struct Members<'w, 'o> {
    writer: &'w mut Writer<'o>,
    /// Those of a record and its parts; `None` where keys are what is in the record.
    fields: Option<&'static Fields>,
    kind: Kind,
    /// Where the next field is awaited: serde tells of fields in the order of the table, of those that are left out, too.
    place: usize,
    start: usize,
    first: usize,
    key: usize,
}

impl<'w, 'o> Members<'w, 'o> {
    fn begin(writer: &'w mut Writer<'o>, fields: Option<&'static Fields>) -> Self {
        let (start, first, kind) = (writer.out.len(), writer.parts.len(), writer.kind);
        writer.out.push(0);
        Self { writer, fields, kind, place: 0, start, first, key: 0 }
    }
}

impl ser::SerializeStruct for Members<'_, '_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> fmt::Result {
        let (place, field) =
            self.fields.and_then(|fields| fields.named(key, self.place)).ok_or(fmt::Error)?;
        self.place = place;
        let start = self.writer.out.len();
        cbor::head(self.writer.out, UNSIGNED, field.number);
        let behind = self.writer.out.len();
        self.writer.kind = field.kind;
        value.serialize(&mut *self.writer)?;
        let written = self.writer.out.get(behind..).unwrap_or_default();
        // Most differ in their first byte.
        let is = |bytes: &Vec<u8>| bytes.first() == written.first() && bytes == written;
        if field.left_out.as_ref().is_some_and(is) {
            self.writer.out.truncate(start);
        } else {
            let at = start..self.writer.out.len();
            self.writer.parts.push(Part { number: field.number, at });
        }
        Ok(())
    }

    fn skip_field(&mut self, _: &'static str) -> fmt::Result {
        self.place += 1;
        Ok(())
    }

    fn end(self) -> fmt::Result {
        self.writer.end(self.start, self.first, |_, a, b| a.number.cmp(&b.number))
    }
}

impl ser::SerializeMap for Members<'_, '_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> fmt::Result {
        self.key = self.writer.out.len();
        self.writer.kind = self.kind;
        key.serialize(&mut *self.writer)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
        self.writer.kind = Kind::Plain;
        value.serialize(&mut *self.writer)?;
        let at = self.key..self.writer.out.len();
        self.writer.parts.push(Part { number: 0, at });
        Ok(())
    }

    fn end(self) -> fmt::Result {
        // No key begins another, so that whole members are in the order of their keys.
        self.writer.end(self.start, self.first, |out, a, b| out.get(a.at.clone()).cmp(&out.get(b.at.clone())))
    }
}

/// The elements of a list, all of one kind.
struct Elements<'w, 'o> {
    writer: &'w mut Writer<'o>,
    kind: Kind,
}

impl ser::SerializeSeq for Elements<'_, '_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
        self.writer.kind = self.kind;
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> fmt::Result {
        Ok(())
    }
}

impl<'w, 'o> ser::Serializer for &'w mut Writer<'o> {
    type Ok = ();
    type Error = fmt::Error;
    type SerializeSeq = Elements<'w, 'o>;
    type SerializeTuple = ser::Impossible<(), fmt::Error>;
    type SerializeTupleStruct = ser::Impossible<(), fmt::Error>;
    type SerializeTupleVariant = ser::Impossible<(), fmt::Error>;
    type SerializeMap = Members<'w, 'o>;
    type SerializeStruct = Members<'w, 'o>;
    type SerializeStructVariant = ser::Impossible<(), fmt::Error>;

    /// Times come as numbers.
    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, truth: bool) -> fmt::Result {
        cbor::head(self.out, SIMPLE, if truth { TRUE } else { FALSE });
        Ok(())
    }

    fn serialize_i8(self, number: i8) -> fmt::Result {
        self.serialize_i64(number.into())
    }

    fn serialize_i16(self, number: i16) -> fmt::Result {
        self.serialize_i64(number.into())
    }

    fn serialize_i32(self, number: i32) -> fmt::Result {
        self.serialize_i64(number.into())
    }

    fn serialize_i64(self, number: i64) -> fmt::Result {
        self.integer(number);
        Ok(())
    }

    fn serialize_u8(self, number: u8) -> fmt::Result {
        self.serialize_u64(number.into())
    }

    fn serialize_u16(self, number: u16) -> fmt::Result {
        self.serialize_u64(number.into())
    }

    fn serialize_u32(self, number: u32) -> fmt::Result {
        self.serialize_u64(number.into())
    }

    fn serialize_u64(self, number: u64) -> fmt::Result {
        cbor::head(self.out, UNSIGNED, number);
        Ok(())
    }

    fn serialize_str(self, text: &str) -> fmt::Result {
        self.text(text);
        Ok(())
    }

    fn serialize_none(self) -> fmt::Result {
        cbor::head(self.out, SIMPLE, NULL);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> fmt::Result {
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> fmt::Result {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> fmt::Result {
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, fmt::Error> {
        cbor::head(self.out, ARRAY, length.ok_or(fmt::Error)? as u64);
        Ok(Elements { kind: self.kind, writer: self })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, fmt::Error> {
        match self.kind {
            Kind::Words | Kind::Texts => Ok(Members::begin(self, None)),
            _ => Err(fmt::Error),
        }
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, fmt::Error> {
        let Kind::Map(place) = self.kind else { return Err(fmt::Error) };
        let fields = self.table.maps.get(place).ok_or(fmt::Error)?;
        Ok(Members::begin(self, Some(fields)))
    }

    // Records have nothing of these.

    fn serialize_f32(self, _: f32) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_f64(self, _: f64) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_char(self, _: char) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_bytes(self, _: &[u8]) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_unit(self) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_unit_struct(self, _: &'static str) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, fmt::Error> {
        Err(fmt::Error)
    }
}
