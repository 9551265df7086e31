//! Begins and ends: an exchange whose begin is in the log ends there once.

use std::collections::HashSet;

use super::compact::Look;

/// The exchanges that were begun and have not ended yet, by the id as it is written.
#[derive(Default)]
pub(super) struct Pairs {
    open: HashSet<Box<[u8]>>,
    /// Whether begins may have been pruned.
    forgot: bool,
}

impl Pairs {
    /// Takes the next entry of a log.
    pub(super) fn take(&mut self, Look { id, kind, .. }: Look<'_>) -> Result<(), &'static str> {
        match kind {
            "begin" if !self.open.insert(Box::from(id)) => Err("the exchange was begun before"),
            "end" if !self.open.remove(id) && !self.forgot => Err("the exchange ends without having begun"),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn entry<'e>(kind: &'static str, id: &'e str) -> Look<'e> {
        Look { id: id.as_bytes(), kind, gap: false, whole: false, beside: false }
    }

    #[test]
    fn an_exchange_begins_and_ends_once() {
        let mut pairs = Pairs::default();
        for id in ["rec_1", "rec \"2\""] {
            assert!(pairs.take(entry("end", id)).is_err());
            assert!(pairs.take(entry("begin", id)).is_ok());
            assert!(pairs.take(entry("begin", id)).is_err());
            assert_eq!(pairs.open(), 1);
            assert!(pairs.take(entry("exchange", id)).is_ok());
            assert!(pairs.take(entry("end", id)).is_ok());
            assert!(pairs.take(entry("end", id)).is_err());
            assert_eq!(pairs.open(), 0);
        }
    }
}
