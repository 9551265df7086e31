//! A record as it stands in the log: the same document as its JSON, in a third of the bytes, and in one form only.
//!
//! An entry is two items of CBOR (RFC 8949 in the deterministic form of section 4.2.1, as a sequence of RFC 8742): the version of the table
//! `core/data/record.tsv`, and the record as a map under the numbers of that table, which also says how digests, ids, times and words that
//! come again are written. Whoever has the table and the standard reads it; `python/tests/receipt.py` does.
//!
//! ```text
//! 01                       version 1
//! a4                       a map of 4
//!    00 50 0193a5c2...     id: the 16 bytes of rec_0193a5c2...
//!    01 03                 kind: the word 3, exchange
//!    02 00                 at: at once with the time in the id
//!    03 02                 ended_at: 2 ms after that
//! ```
//!
//! An entry of this version is read only where a record gives exactly these bytes. One of a newer version is read as far as this one knows it.

mod cbor;
mod look;
mod read;
mod table;
mod write;

use cbor::{Items, UNSIGNED};
pub(super) use look::{Look, look};
use table::{Table, VERSION};

use super::Record;
use crate::error::{Error, ErrorKind};

/// Appends the entry of a record.
pub(super) fn write(out: &mut Vec<u8>, record: &Record) -> Result<(), Error> {
    cbor::head(out, UNSIGNED, VERSION);
    let written = Table::own().record().and_then(|fields| write::write(out, fields, record).ok());
    written.ok_or_else(|| Error::new(ErrorKind::Internal, "cannot encode a record"))
}

/// The record of an entry.
pub(super) fn read(entry: &[u8]) -> Result<Record, Error> {
    let wrong = || Error::new(ErrorKind::Log, "not a record in the form of the log");
    let mut items = Items(entry);
    let version = items.of(UNSIGNED).filter(|version| *version >= VERSION).ok_or_else(wrong)?;
    let record: Record = read::read(&mut items, version > VERSION).ok_or_else(wrong)?;
    if !items.0.is_empty() {
        return Err(wrong());
    }
    if version == VERSION {
        let mut again = Vec::with_capacity(entry.len());
        write(&mut again, &record)?;
        if again != entry {
            return Err(wrong());
        }
    }
    Ok(record)
}

#[cfg(test)]
mod tests;
