//! The terms that are asked of one field: one, a few, or all that fit a pattern.

use std::cell::OnceCell;
use std::collections::HashSet;

use rusqlite::{Connection, params};

use super::bits::Bits;
use super::pack::Place;
use super::stream::Span;

/// So many terms are not looked for one by one. They are of one field, and none that is drawn: of those no pattern is asked.
const MANY: usize = 128;

/// Terms, of which an entry has one.
pub(super) struct Terms {
    sorted: Vec<i64>,
    /// Of many: a bit each, by how far they lie above the first.
    among: Option<Bits>,
}

impl Terms {
    pub(super) fn new(mut terms: Vec<i64>) -> Self {
        terms.sort_unstable();
        terms.dedup();
        let among = (terms.len() > MANY).then(|| {
            let far =
                |term: i64| terms.first().and_then(|first| u32::try_from(term.checked_sub(*first)?).ok());
            let mut bits = Bits::none_of(terms.last().and_then(|last| far(*last)?.checked_add(1))?);
            terms.iter().filter_map(|term| far(*term)).for_each(|far| bits.set(far));
            Some(bits)
        });
        Self { among: among.flatten(), sorted: terms }
    }

    pub(super) fn all(&self) -> &[i64] {
        &self.sorted
    }

    /// Whether they are not looked for one by one.
    pub(super) fn are_many(&self) -> bool {
        self.sorted.len() > MANY
    }

    /// The first and the last: between them lies no term of another field.
    pub(super) fn ends(&self) -> (i64, i64) {
        (self.sorted.first().copied().unwrap_or(0), self.sorted.last().copied().unwrap_or(0))
    }

    pub(super) fn has(&self, term: i64) -> bool {
        match (&self.among, term.checked_sub(self.ends().0)) {
            (Some(bits), Some(far)) => u32::try_from(far).is_ok_and(|far| bits.has(far)),
            _ => self.sorted.binary_search(&term).is_ok(),
        }
    }

    /// What has rows and one of them, in a part of time.
    pub(super) fn rows(&self, db: &Connection, span: Span) -> rusqlite::Result<Vec<Place>> {
        let mut found = Vec::new();
        if self.are_many() {
            let sql =
                "SELECT at, entry, term FROM posting WHERE term BETWEEN ?1 AND ?2 AND at BETWEEN ?3 AND ?4";
            let mut statement = db.prepare_cached(sql)?;
            let (first, last) = self.ends();
            let mut rows = statement.query(params![first, last, span.from, span.until])?;
            while let Some(row) = rows.next()? {
                if self.has(row.get(2)?) {
                    found.push((row.get(0)?, row.get(1)?));
                }
            }
            return Ok(found);
        }
        let sql = "SELECT at, entry FROM posting WHERE term = ?1 AND at BETWEEN ?2 AND ?3";
        let mut statement = db.prepare_cached(sql)?;
        for term in &self.sorted {
            let mut rows = statement.query([*term, span.from, span.until])?;
            while let Some(row) = rows.next()? {
                found.push((row.get(0)?, row.get(1)?));
            }
        }
        Ok(found)
    }
}

/// A field that is asked for besides the rarest.
pub(super) struct Other {
    pub(super) terms: Terms,
    /// What has rows and one of the terms, where they are more than are asked for one by one. Read once.
    rows: OnceCell<HashSet<Place>>,
}

/// So few terms of a field are asked for one by one, of what has rows.
const ASKED: usize = 8;

impl Other {
    pub(super) fn new(terms: Terms) -> Self {
        Self { terms, rows: OnceCell::new() }
    }

    /// Whether an entry has one of the terms, of those that have rows. What was logged together is a row each or in one pack.
    pub(super) fn has(&self, db: &Connection, span: Span, place: Place) -> rusqlite::Result<bool> {
        let terms = self.terms.all();
        if terms.len() <= ASKED {
            let mut statement =
                db.prepare_cached("SELECT 1 FROM posting WHERE term = ?1 AND at = ?2 AND entry = ?3")?;
            for term in terms {
                if statement.exists(params![term, place.0, place.1])? {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        if self.rows.get().is_none() {
            let rows = self.terms.rows(db, span)?.into_iter().collect();
            return Ok(self.rows.get_or_init(|| rows).contains(&place));
        }
        Ok(self.rows.get().is_some_and(|rows| rows.contains(&place)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_term_is_among_them_or_not(
            terms in proptest::collection::vec(prop_oneof![0..900_i64, any::<i64>()], 0..300),
            asked in proptest::collection::vec(prop_oneof![0..900_i64, any::<i64>()], 0..60),
        ) {
            // Of one field, and of several: then they are too far from one another for a bit each.
            for terms in [terms.clone(), terms.iter().map(|term| term.rem_euclid(700)).collect()] {
                let all = Terms::new(terms.clone());
                prop_assert!(terms.iter().all(|term| all.has(*term)));
                for term in &asked {
                    prop_assert_eq!(all.has(*term), terms.contains(term));
                }
            }
        }
    }
}
