//! From the bytes of a record to its JSON.

use super::cbor::{ARRAY, BYTES, FALSE, Items, MAP, NEGATIVE, SIMPLE, TEXT, TRUE, UNSIGNED};
use super::table::{Fields, Kind, Table, time_of};
use crate::clock::Timestamp;

/// How many lists may lie in each other.
const DEEPEST: u8 = 8;

/// Appends a map of these fields as JSON; `None` where it is not one. Fields that the table does not know are passed over where it is `newer`.
pub(super) fn show(out: &mut Vec<u8>, items: &mut Items<'_>, fields: &Fields, newer: bool) -> Option<()> {
    Shower { out, table: Table::own(), time: 0, newer }.map(items, fields, DEEPEST)
}

struct Shower<'o> {
    out: &'o mut Vec<u8>,
    table: &'static Table,
    time: i64,
    newer: bool,
}

impl Shower<'_> {
    fn map(&mut self, items: &mut Items<'_>, fields: &Fields, deep: u8) -> Option<()> {
        let count = items.of(MAP)?;
        let (mut shown, mut last, mut first) = (0_u64, None, true);
        self.out.push(b'{');
        for _ in 0..count {
            let number = items.of(UNSIGNED)?;
            // In order, and each once.
            if last.replace(number).is_some_and(|last| last >= number) {
                return None;
            }
            let Some((place, field)) = fields.numbered(number) else {
                items.skip().filter(|_| self.newer)?;
                continue;
            };
            shown |= 1_u64.checked_shl(u32::try_from(place).ok()?)?;
            self.name(field.name, &mut first)?;
            self.value(items, field.kind, deep)?;
        }
        for (place, field) in (0..).zip(&fields.all) {
            if let Some((_, json)) = &field.left_out
                && shown & 1_u64.checked_shl(place)? == 0
            {
                self.name(field.name, &mut first)?;
                match (field.kind, *json) {
                    (Kind::Map(inner), "{}") => {
                        self.map(&mut Items(&[MAP << 5]), self.table.maps.get(inner)?, deep.checked_sub(1)?)?;
                    }
                    _ => self.out.extend(json.as_bytes()),
                }
            }
        }
        self.out.push(b'}');
        Some(())
    }

    fn name(&mut self, name: &str, first: &mut bool) -> Option<()> {
        if !std::mem::take(first) {
            self.out.push(b',');
        }
        self.text(name)?;
        self.out.push(b':');
        Some(())
    }

    fn value(&mut self, items: &mut Items<'_>, kind: Kind, deep: u8) -> Option<()> {
        let deep = deep.checked_sub(1)?;
        if let Kind::Map(inner) = kind
            && Items(items.0).head()?.0 == MAP
        {
            return self.map(items, self.table.maps.get(inner)?, deep);
        }
        match (items.head()?, kind) {
            ((ARRAY, count), _) => {
                self.out.push(b'[');
                for place in 0..count {
                    if place > 0 {
                        self.out.push(b',');
                    }
                    self.value(items, kind, deep)?;
                }
                self.out.push(b']');
                Some(())
            }
            ((MAP, count), Kind::Words | Kind::Texts) => self.pairs(items, count, kind, deep),
            ((TEXT, length), _) => self.text(str::from_utf8(items.bytes(length)?).ok()?),
            ((BYTES, 16), Kind::Item) => {
                let id = uuid::Uuid::from_slice(items.bytes(16)?).ok()?;
                self.text(id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()))
            }
            ((BYTES, length), Kind::Hex(prefix)) => self.hex(prefix, items.bytes(length)?),
            ((BYTES, length), Kind::Id(prefix)) => {
                let bytes = items.bytes(length)?;
                self.time = time_of(bytes).unwrap_or(self.time);
                self.hex(prefix, bytes)
            }
            ((UNSIGNED, number), Kind::Item) => self.quoted(number),
            ((UNSIGNED, number), Kind::Word) => self.word(number),
            ((UNSIGNED, number), Kind::Since) => self.time(i64::try_from(number).ok()?),
            ((NEGATIVE, number), Kind::Since) => self.time(!i64::try_from(number).ok()?),
            ((UNSIGNED, number), Kind::Plain) => self.display(number),
            ((NEGATIVE, number), Kind::Plain) => self.display(!i64::try_from(number).ok()?),
            ((SIMPLE, FALSE), _) => self.raw(b"false"),
            ((SIMPLE, TRUE), _) => self.raw(b"true"),
            ((SIMPLE, _), _) => self.raw(b"null"),
            _ => None,
        }
    }

    /// What stands under words or texts, in the order of the bytes of its keys.
    fn pairs(&mut self, items: &mut Items<'_>, count: u64, kind: Kind, deep: u8) -> Option<()> {
        let mut last: Option<&[u8]> = None;
        self.out.push(b'{');
        for place in 0..count {
            if place > 0 {
                self.out.push(b',');
            }
            let mut ahead = *items;
            let key = ahead.skip()?;
            if last.replace(key).is_some_and(|last| last >= key) {
                return None;
            }
            match (items.head()?, kind) {
                ((TEXT, length), _) => self.text(str::from_utf8(items.bytes(length)?).ok()?)?,
                ((UNSIGNED, number), Kind::Words) => self.word(number)?,
                _ => return None,
            }
            self.out.push(b':');
            self.value(items, Kind::Plain, deep)?;
        }
        self.raw(b"}")
    }

    fn raw(&mut self, json: &[u8]) -> Option<()> {
        self.out.extend(json);
        Some(())
    }

    fn text(&mut self, text: &str) -> Option<()> {
        serde_json::to_writer(&mut *self.out, text).ok()
    }

    fn display(&mut self, number: impl Into<serde_json::Number>) -> Option<()> {
        serde_json::to_writer(&mut *self.out, &number.into()).ok()
    }

    fn quoted(&mut self, number: u64) -> Option<()> {
        self.out.push(b'"');
        self.display(number)?;
        self.raw(b"\"")
    }

    /// A word of a newer table is not known here.
    fn word(&mut self, number: u64) -> Option<()> {
        match self.table.word(number) {
            Some(word) => self.text(word),
            None if self.newer => self.text("unknown"),
            None => None,
        }
    }

    fn hex(&mut self, prefix: &str, bytes: &[u8]) -> Option<()> {
        self.out.push(b'"');
        self.out.extend(prefix.as_bytes());
        let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
        self.out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
        self.raw(b"\"")
    }

    fn time(&mut self, since: i64) -> Option<()> {
        self.time = self.time.wrapping_add(since);
        serde_json::to_writer(&mut *self.out, &Timestamp::from_millis(self.time)).ok()
    }
}
