//! From the bytes of a record to what serde makes of them.

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor, value::Error};

use super::cbor::{ARRAY, BYTES, FALSE, Items, MAP, NEGATIVE, NULL, SIMPLE, TEXT, TRUE, UNSIGNED};
use super::table::{Field, Fields, Kind, Table, time_of};

/// How many lists may lie in each other.
const DEEPEST: u8 = 8;

/// A record; `None` where the next item is none. Fields that the table does not know are passed over where it is `newer`.
pub(super) fn read<'b, T: Deserialize<'b>>(items: &mut Items<'b>, newer: bool) -> Option<T> {
    let mut reader =
        Reader { items: *items, kind: Kind::Map(0), table: Table::own(), time: 0, deep: DEEPEST, newer };
    let value = T::deserialize(&mut reader).ok()?;
    *items = reader.items;
    Some(value)
}

struct Reader<'b> {
    items: Items<'b>,
    /// Of what is read next.
    kind: Kind,
    table: &'static Table,
    /// The newest one that was read.
    time: i64,
    deep: u8,
    newer: bool,
}

/// What is wrong is never said: it might quote the entry.
fn wrong() -> Error {
    de::Error::custom("not in the form of the log")
}

fn signed(major: u8, number: u64) -> Result<i64, Error> {
    let number = i64::try_from(number).map_err(|_| wrong())?;
    Ok(if major == NEGATIVE { !number } else { number })
}

impl<'b> Reader<'b> {
    fn text(&mut self, length: u64) -> Result<&'b str, Error> {
        self.items.bytes(length).and_then(|bytes| str::from_utf8(bytes).ok()).ok_or_else(wrong)
    }

    /// A word of a newer table is not known here.
    fn word(&self, number: u64) -> Result<&'static str, Error> {
        let known = self.table.word(number);
        known.or(self.newer.then_some("unknown")).ok_or_else(wrong)
    }

    fn digits(&mut self, length: u64) -> Result<String, Error> {
        let bytes = self.items.bytes(length).ok_or_else(wrong)?;
        match self.kind {
            Kind::Item => {
                let id = uuid::Uuid::from_slice(bytes).map_err(|_| wrong())?;
                Ok(id.hyphenated().to_string())
            }
            Kind::Hex(prefix) => Ok(hex(prefix, bytes)),
            Kind::Id(prefix) => {
                self.time = time_of(bytes).unwrap_or(self.time);
                Ok(hex(prefix, bytes))
            }
            _ => Err(wrong()),
        }
    }
}

fn hex(prefix: &str, bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(if value < 10 { b'0' + value } else { b'a' + value - 10 });
    let mut text = String::with_capacity(prefix.len() + bytes.len() * 2);
    text.push_str(prefix);
    text.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    text
}

impl<'b> de::Deserializer<'b> for &mut Reader<'b> {
    type Error = Error;

    /// Times come as numbers.
    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Error> {
        let kind = self.kind;
        match (self.items.head().ok_or_else(wrong)?, kind) {
            ((ARRAY, left), _) => {
                self.deep = self.deep.checked_sub(1).ok_or_else(wrong)?;
                let all = visitor.visit_seq(Elements { reader: self, kind, left })?;
                self.deep += 1;
                Ok(all)
            }
            ((MAP, left), Kind::Map(place)) => {
                let fields = self.table.maps.get(place).ok_or_else(wrong)?;
                let next = Next::Nothing;
                visitor.visit_map(Members { reader: self, fields, left, last: None, seen: 0, place: 0, next })
            }
            ((MAP, left), Kind::Words | Kind::Texts) => {
                visitor.visit_map(Pairs { reader: self, kind, left, last: &[] })
            }
            ((TEXT, length), _) => visitor.visit_borrowed_str(self.text(length)?),
            ((BYTES, length), _) => visitor.visit_string(self.digits(length)?),
            ((UNSIGNED, number), Kind::Item) => visitor.visit_string(number.to_string()),
            ((UNSIGNED, number), Kind::Word | Kind::Words) => visitor.visit_borrowed_str(self.word(number)?),
            ((major @ (UNSIGNED | NEGATIVE), number), Kind::Since) => {
                self.time = self.time.wrapping_add(signed(major, number)?);
                visitor.visit_i64(self.time)
            }
            ((UNSIGNED, number), Kind::Plain) => visitor.visit_u64(number),
            ((NEGATIVE, number), Kind::Plain) => visitor.visit_i64(signed(NEGATIVE, number)?),
            ((SIMPLE, FALSE), _) => visitor.visit_bool(false),
            ((SIMPLE, TRUE), _) => visitor.visit_bool(true),
            ((SIMPLE, _), _) => visitor.visit_unit(),
            _ => Err(wrong()),
        }
    }

    fn deserialize_option<V: Visitor<'b>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut ahead = self.items;
        if ahead.head() == Some((SIMPLE, NULL)) {
            self.items = ahead;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'b>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let name = match self.items.head().ok_or_else(wrong)? {
            (TEXT, length) => self.text(length)?,
            (UNSIGNED, number) => self.word(number)?,
            _ => return Err(wrong()),
        };
        visitor.visit_enum(name.into_deserializer())
    }

    fn deserialize_newtype_struct<V: Visitor<'b>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'b>>
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// The elements of a list, all of one kind.
struct Elements<'r, 'b> {
    reader: &'r mut Reader<'b>,
    kind: Kind,
    left: u64,
}

impl<'b> de::SeqAccess<'b> for Elements<'_, 'b> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'b>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        self.reader.kind = self.kind;
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

/// The fields of a map: those that are written, and then those that were left out.
struct Members<'r, 'b> {
    reader: &'r mut Reader<'b>,
    fields: &'static Fields,
    left: u64,
    last: Option<u64>,
    /// A bit for the place of each that was written.
    seen: u64,
    /// Where the next that was left out is looked for.
    place: usize,
    next: Next,
}

/// Of which field the value comes next, and whether it was left out.
enum Next {
    Nothing,
    Written(Kind),
    LeftOut(Kind, &'static [u8]),
}

impl Members<'_, '_> {
    fn written(&mut self) -> Result<Option<&'static Field>, Error> {
        while let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            let number = self.reader.items.of(UNSIGNED).ok_or_else(wrong)?;
            // In order, and each once.
            if self.last.replace(number).is_some_and(|last| last >= number) {
                return Err(wrong());
            }
            if let Some((place, field)) = self.fields.numbered(number) {
                self.seen |=
                    u32::try_from(place).ok().and_then(|place| 1_u64.checked_shl(place)).ok_or_else(wrong)?;
                return Ok(Some(field));
            }
            self.reader.items.skip().filter(|_| self.reader.newer).ok_or_else(wrong)?;
        }
        Ok(None)
    }

    fn left_out(&mut self) -> Option<(&'static Field, &'static [u8])> {
        loop {
            let field = self.fields.all.get(self.place)?;
            let bit = 1_u64.checked_shl(u32::try_from(self.place).ok()?)?;
            self.place += 1;
            if let Some(bytes) = field.left_out.as_deref().filter(|_| self.seen & bit == 0) {
                return Some((field, bytes));
            }
        }
    }
}

impl<'b> de::MapAccess<'b> for Members<'_, 'b> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'b>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let name = match (self.written()?, &mut self.next) {
            (Some(field), next) => {
                *next = Next::Written(field.kind);
                field.name
            }
            (None, _) => {
                let Some((field, bytes)) = self.left_out() else { return Ok(None) };
                self.next = Next::LeftOut(field.kind, bytes);
                field.name
            }
        };
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'b>>(&mut self, seed: V) -> Result<V::Value, Error> {
        match self.next {
            Next::Nothing => Err(wrong()),
            Next::Written(kind) => {
                self.reader.kind = kind;
                seed.deserialize(&mut *self.reader)
            }
            Next::LeftOut(kind, bytes) => {
                let Reader { table, time, deep, newer, .. } = *self.reader;
                seed.deserialize(&mut Reader { items: Items(bytes), kind, table, time, deep, newer })
            }
        }
    }
}

/// What stands under words or texts, in the order of the bytes of its keys.
struct Pairs<'r, 'b> {
    reader: &'r mut Reader<'b>,
    kind: Kind,
    left: u64,
    last: &'b [u8],
}

impl<'b> de::MapAccess<'b> for Pairs<'_, 'b> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'b>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let mut ahead = self.reader.items;
        let key = ahead.skip().filter(|key| *key > self.last).ok_or_else(wrong)?;
        self.last = key;
        self.reader.kind = self.kind;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'b>>(&mut self, seed: V) -> Result<V::Value, Error> {
        self.reader.kind = Kind::Plain;
        seed.deserialize(&mut *self.reader)
    }
}
