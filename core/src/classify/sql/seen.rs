//! Statements remembered by each thread: clients send the same prepared text again and again, and reading it takes a
//! hundred times as long as knowing it.
//!
//! What a text does depends on the text and its dialect alone, so nothing of one exchange is told to another but the time that
//! an answer takes.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};

use super::effects::Used;
use super::{Dialect, Statements};

/// How many bytes a text has at most.
const MOST: usize = 1_024;
/// How many are kept: at most 256 KiB of texts a thread.
const SLOTS: usize = 256;

thread_local! {
    static SEEN: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

struct Seen {
    slots: Vec<Option<Known>>,
    /// Keyed anew in each thread, so that nobody can choose texts that share a slot.
    hash: RandomState,
}

struct Known {
    text: Box<str>,
    dialect: Option<Dialect>,
    /// The bound numbers that it was read with, those that bounded something.
    used: Vec<Used>,
    read: Statements,
}

impl Seen {
    fn new() -> Self {
        let mut slots = Vec::new();
        slots.resize_with(SLOTS, || None);
        Self { slots, hash: RandomState::new() }
    }

    fn slot(&mut self, text: &str) -> Option<&mut Option<Known>> {
        let at = self.hash.hash_one(text) as usize % SLOTS;
        self.slots.get_mut(at)
    }
}

/// What `read` says of a text with these numbers bound to it, or said of it before.
pub(super) fn once(
    text: &str,
    dialect: Option<Dialect>,
    numbers: &[Option<u64>],
    read: impl FnOnce() -> (Statements, Vec<Used>),
) -> Statements {
    if text.len() > MOST {
        return read().0;
    }
    let same = |used: &[Used]| used.iter().all(|(place, was)| numbers.get(*place).copied().flatten() == *was);
    let known = with(|seen| {
        let known = seen.slot(text)?.as_ref()?;
        (*known.text == *text && known.dialect == dialect && same(&known.used)).then(|| known.read.clone())
    });
    known.unwrap_or_else(|| {
        let (read, used) = read();
        with(|seen| {
            *seen.slot(text)? = Some(Known { text: text.into(), dialect, used, read: read.clone() });
            Some(())
        });
        read
    })
}

fn with<T>(work: impl FnOnce(&mut Seen) -> Option<T>) -> Option<T> {
    SEEN.with(|seen| work(seen.try_borrow_mut().ok()?.get_or_insert_with(Seen::new)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::sql::sql;

    #[test]
    fn a_text_is_read_once_for_each_dialect() {
        let of = |dialect, text| once("SELECT `a` FROM b", dialect, &[], || (sql(text, dialect), Vec::new()));
        let (first, drop) = (of(None, "SELECT `a` FROM b"), of(Some(Dialect::MySql), "DROP TABLE b"));
        assert_ne!(first, drop);
        // The slot has the last one.
        assert_eq!(of(Some(Dialect::MySql), "SELECT 1"), drop);
        assert_eq!(of(None, "SELECT `a` FROM b"), first);
    }

    #[test]
    fn a_long_text_is_read_each_time() {
        let long = format!("SELECT 1 -- {}", " ".repeat(MOST));
        let first = once(&long, None, &[], || (sql("DROP TABLE a", None), Vec::new()));
        assert_ne!(once(&long, None, &[], || (sql(&long, None), Vec::new())), first);
    }

    #[test]
    fn many_texts_stay_apart() {
        for round in 0..3 {
            for n in 0..2 * SLOTS {
                let text = format!("DELETE FROM t{n} WHERE id = 1");
                assert_eq!(sql(&text, None).tables, [format!("t{n}")], "{round}");
            }
        }
    }
}
