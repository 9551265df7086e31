//! Postings of many entries together: which entries have which terms, in a few bytes each.
//!
//! A row for each would be a million rows where a pack has some ten thousand. The terms of a pack lie in buckets: each term that has a row
//! is its own, and those that are drawn from ids and digests share one by their first bits. A bucket is the postings in order, each as three
//! numbers in LEB128: how much greater its term, its time and its entry are than those before (the latter zigzagged; a new term begins anew from
//! the pack's first time).

use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// A term, when, and the entry that has it.
pub(super) type Posting = (i64, i64, i64);

/// Terms below zero share a bucket where these many bits above are the same.
const SHARED: u32 = 50;

/// One pack: the times that it covers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pack {
    id: i64,
    pub(super) first: i64,
    pub(super) last: i64,
}

/// The bucket of a term, and the least term that may lie in it.
fn bucket(term: i64) -> (i64, i64) {
    if term < 0 { (term >> SHARED, term >> SHARED << SHARED) } else { (term, term) }
}

/// Writes a pack of postings; `entry` is the newest entry there is.
pub(super) fn write(db: &Transaction<'_>, mut postings: Vec<Posting>, entry: i64) -> rusqlite::Result<()> {
    postings.sort_unstable();
    postings.dedup();
    let times = || postings.iter().map(|(_, at, _)| *at);
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(()) };
    db.execute("INSERT INTO pack (first, last, entry) VALUES (?1, ?2, ?3)", [first, last, entry])?;
    let pack = db.last_insert_rowid();
    let mut put = db.prepare_cached("INSERT INTO packed VALUES (?1, ?2, ?3)")?;
    for postings in postings.chunk_by(|a, b| bucket(a.0) == bucket(b.0)) {
        let Some((number, least)) = postings.first().map(|(term, ..)| bucket(*term)) else { continue };
        put.execute(params![pack, number, coded(postings, least, first)])?;
    }
    Ok(())
}

/// The packs, oldest first.
pub(super) fn all(db: &Connection) -> rusqlite::Result<Vec<Pack>> {
    let mut statement = db.prepare_cached("SELECT id, first, last FROM pack ORDER BY first, last")?;
    let rows =
        statement.query_map((), |row| Ok(Pack { id: row.get(0)?, first: row.get(1)?, last: row.get(2)? }))?;
    rows.collect()
}

impl Pack {
    /// Adds the entries of a pack that have a term, in order of time.
    pub(super) fn entries(
        self,
        db: &Connection,
        term: i64,
        into: &mut Vec<(i64, i64)>,
    ) -> rusqlite::Result<()> {
        let (number, least) = bucket(term);
        let mut statement = db.prepare_cached("SELECT data FROM packed WHERE pack = ?1 AND bucket = ?2")?;
        let data: Option<Vec<u8>> = statement.query_row([self.id, number], |row| row.get(0)).optional()?;
        if let Some(data) = data {
            let of_term = |(own, at, entry): Posting| (own == term).then_some((at, entry));
            into.extend(decoded(&data, least, self.first).filter_map(of_term));
        }
        Ok(())
    }
}

fn coded(postings: &[Posting], least: i64, first: i64) -> Vec<u8> {
    let mut out = Vec::with_capacity(postings.len() * 4);
    let mut before = (least, first, 0);
    for posting in postings {
        let (term, at, entry) = *posting;
        if term != before.0 {
            before.1 = first;
        }
        put(&mut out, term.abs_diff(before.0));
        put(&mut out, at.abs_diff(before.1));
        let step = entry.wrapping_sub(before.2);
        put(&mut out, ((step << 1) ^ (step >> 63)).cast_unsigned());
        before = *posting;
    }
    out
}

/// The postings of a bucket. Of bytes that are none, as many as can be read.
fn decoded(mut data: &[u8], least: i64, first: i64) -> impl Iterator<Item = Posting> {
    let mut before = (least, first, 0_i64);
    std::iter::from_fn(move || {
        let term = before.0.wrapping_add_unsigned(take(&mut data)?);
        let base = if term == before.0 { before.1 } else { first };
        let at = base.wrapping_add_unsigned(take(&mut data)?);
        let step = take(&mut data)?;
        let entry = before.2.wrapping_add((step >> 1).cast_signed() ^ -((step & 1).cast_signed()));
        before = (term, at, entry);
        Some(before)
    })
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn take(data: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = data.split_first()?;
        *data = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_packed_is_there(
            postings in proptest::collection::vec((prop_oneof![0..6_i64, i64::MIN..0], any::<i32>(), 0..90_000_i64), 0..200),
            absent in i64::MIN..0,
        ) {
            let mut db = Connection::open_in_memory().unwrap();
            db.execute_batch(include_str!("schema.sql")).unwrap();
            let here = db.transaction().unwrap();
            let postings: Vec<Posting> =
                postings.into_iter().map(|(term, at, entry)| (term, i64::from(at), entry)).collect();
            write(&here, postings.clone(), 7).unwrap();
            let packs = all(&here).unwrap();
            prop_assert_eq!(packs.len(), usize::from(!postings.is_empty()));
            for pack in packs {
                for term in postings.iter().map(|(term, ..)| *term).chain([absent]) {
                    let mut found = Vec::new();
                    pack.entries(&here, term, &mut found).unwrap();
                    let mut wanted: Vec<_> =
                        postings.iter().filter(|posting| posting.0 == term).map(|(_, at, entry)| (*at, *entry)).collect();
                    wanted.sort_unstable();
                    wanted.dedup();
                    prop_assert_eq!(found, wanted);
                }
            }
        }

        #[test]
        fn bytes_that_are_no_bucket_end_it(data in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(decoded(&data, i64::MIN, -1).count() <= data.len());
        }
    }
}
