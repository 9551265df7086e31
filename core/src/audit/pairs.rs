//! Begins and ends: an exchange whose begin is in the log ends there once.
//!
//! Verifying reads a million entries a second, so of an entry no more is read than its first two fields, which is how its
//! canonical bytes begin.

use std::borrow::Cow;
use std::collections::HashSet;

use super::record::{Kind, Record};

/// The exchanges that were begun and have not ended yet, by the id as it is written.
#[derive(Default)]
pub(super) struct Pairs {
    open: HashSet<Box<[u8]>>,
    /// Whether begins may have been pruned.
    forgot: bool,
}

impl Pairs {
    /// Takes the next entry of a log.
    pub(super) fn take(&mut self, entry: &[u8]) -> Result<(), &'static str> {
        let Some((id, kind)) = head(entry).or_else(|| parsed(entry)) else {
            return Err("the entry is not a record");
        };
        match kind {
            b"begin" if !self.open.insert(Box::from(&*id)) => Err("the exchange was begun before"),
            b"end" if !self.open.remove(&*id) && !self.forgot => {
                Err("the exchange ends without having begun")
            }
            _ => Ok(()),
        }
    }

    /// What came before is not known: an end may be of an exchange that was begun there.
    pub(super) fn forget(&mut self) {
        self.forgot = true;
    }

    pub(super) fn open(&self) -> u64 {
        self.open.len() as u64
    }
}

/// Id and kind where they stand plainly at the beginning.
fn head(entry: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let rest = entry.strip_prefix(b"{\"id\":\"")?;
    let (id, rest) = rest.split_at_checked(memchr::memchr(b'"', rest)?)?;
    let rest = rest.strip_prefix(b"\",\"kind\":\"")?;
    let (kind, _) = rest.split_at_checked(memchr::memchr(b'"', rest)?)?;
    (!id.contains(&b'\\')).then_some((Cow::Borrowed(id), kind))
}

fn parsed(entry: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let record = Record::read(entry).ok()?;
    let kind: &[u8] = match record.kind {
        Kind::Begin => b"begin",
        Kind::End => b"end",
        _ => b"",
    };
    Some((Cow::Owned(record.id.as_str().as_bytes().to_vec()), kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn entry(kind: Kind, id: &str) -> Vec<u8> {
        Record::new(kind, id.into(), Timestamp::from_millis(1)).canonical().unwrap()
    }

    #[test]
    fn an_exchange_begins_and_ends_once() {
        let mut pairs = Pairs::default();
        for id in ["rec_1", "rec \"2\""] {
            assert!(pairs.take(&entry(Kind::End, id)).is_err());
            assert!(pairs.take(&entry(Kind::Begin, id)).is_ok());
            assert!(pairs.take(&entry(Kind::Begin, id)).is_err());
            assert_eq!(pairs.open(), 1);
            assert!(pairs.take(&entry(Kind::Exchange, id)).is_ok());
            assert!(pairs.take(&entry(Kind::End, id)).is_ok());
            assert!(pairs.take(&entry(Kind::End, id)).is_err());
            assert_eq!(pairs.open(), 0);
        }
        assert!(pairs.take(b"[1]").is_err());
    }
}
