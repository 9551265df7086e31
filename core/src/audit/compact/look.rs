//! What verifying asks of an entry, found without reading the rest: a million entries a second.

use std::sync::LazyLock;

use super::cbor::{Items, MAP, UNSIGNED};
use super::table::{Table, VERSION};

/// What stands in an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::audit) struct Look<'e> {
    /// Its id, as it is written.
    pub(in crate::audit) id: &'e [u8],
    /// Its kind; empty where it is no word that this version knows.
    pub(in crate::audit) kind: &'static str,
    /// Whether it says what could not be recorded.
    pub(in crate::audit) gap: bool,
    /// Whether the whole of it lies beside the log.
    pub(in crate::audit) whole: bool,
    /// Whether lists or bodies lie there.
    pub(in crate::audit) beside: bool,
}

/// The numbers that are looked for.
struct Numbers {
    id: u64,
    kind: u64,
    request: u64,
    response: u64,
    gap: u64,
    whole: u64,
    listed: u64,
    captured: u64,
}

impl Numbers {
    fn of(table: &Table) -> Option<Self> {
        let number = |map: usize, name: &str| {
            table.maps.get(map)?.all.iter().find(|field| field.name == name).map(|field| field.number)
        };
        let passed = table.maps.iter().position(|map| map.all.iter().any(|field| field.name == "listed"))?;
        Some(Self {
            id: number(0, "id")?,
            kind: number(0, "kind")?,
            request: number(0, "request")?,
            response: number(0, "response")?,
            gap: number(0, "gap")?,
            whole: number(0, "whole")?,
            listed: number(passed, "listed")?,
            captured: number(passed, "captured")?,
        })
    }
}

/// Looks at an entry; `None` where it is not one.
pub(in crate::audit) fn look(entry: &[u8]) -> Option<Look<'_>> {
    static NUMBERS: LazyLock<Option<Numbers>> = LazyLock::new(|| Numbers::of(Table::own()));
    let numbers = NUMBERS.as_ref()?;
    let mut items = Items(entry);
    items.of(UNSIGNED).filter(|version| *version >= VERSION)?;
    let mut look = Look { id: &[], kind: "", gap: false, whole: false, beside: false };
    let mut last = None;
    for _ in 0..items.of(MAP)? {
        let number = next(&mut items, &mut last)?;
        if number == numbers.request || number == numbers.response {
            let mut last = None;
            for _ in 0..items.of(MAP)? {
                let inner = next(&mut items, &mut last)?;
                look.beside |= inner == numbers.listed || inner == numbers.captured;
                items.skip()?;
            }
            continue;
        }
        let value = items.skip()?;
        if number == numbers.id {
            look.id = value;
        } else if number == numbers.kind {
            look.kind =
                Items(value).of(UNSIGNED).and_then(|word| Table::own().word(word)).unwrap_or_default();
        }
        look.gap |= number == numbers.gap;
        look.whole |= number == numbers.whole;
    }
    (items.0.is_empty() && !look.id.is_empty()).then_some(look)
}

/// The number of the next member: each once, and in order.
fn next(items: &mut Items<'_>, last: &mut Option<u64>) -> Option<u64> {
    let number = items.of(UNSIGNED)?;
    last.replace(number).is_none_or(|last| last < number).then_some(number)
}
