//! Postings of many entries together: which entries have which terms, in a few bytes each.
//!
//! A row for each would be a million rows where a pack has some ten thousand. A pack numbers its entries by time, and says of a term which
//! numbers have it: in differences (LEB128) where they are few, by a bit each where that is shorter. So what fits several fields is found by
//! joining bits, without looking at an entry, and a field that most entries have costs no more than another. When each entry was stands
//! apart ([`BLOCK`] of them a row), and is read of those that are left.
//!
//! The terms of a pack lie in buckets: each term that has a row is its own (a byte that says in which form, then the numbers), and those that
//! are drawn from ids and digests share one by their first bits: postings in order, each as how much greater its term is than the one before,
//! and its number (of the same term, how much greater).
//!
//! Where a pack has many terms of one field, the field has a column besides, under its ground: all its postings in the order of the entries, each as how
//! much greater its number is and how far its term lies above the ground. So who asks for all names that fit a pattern reads one row, however
//! many they are.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::asked::Terms;
use super::bits::Bits;
use super::terms::FIELD;

/// When, and which entry.
pub(super) type Place = (i64, i64);

/// Terms below zero share a bucket where these many bits above are the same.
const SHARED: u32 = 50;

/// A field of which a pack has more terms than these has a column besides: which entry has which of them.
const COLUMN: usize = 128;

/// Entries whose times stand in one row.
const BLOCK: u32 = 512;

/// How the numbers of a term are written.
const NUMBERS: u8 = 0;
const BITS: u8 = 1;

/// What a pack is made of: entries, and which terms they have.
#[derive(Debug, Default)]
pub(super) struct Postings {
    entries: Vec<Place>,
    /// A term, and the place of an entry above.
    terms: Vec<(i64, u32)>,
}

impl Postings {
    /// Begins an entry: what comes next is about it.
    pub(super) fn entry(&mut self, at: i64, entry: i64) {
        self.entries.push((at, entry));
    }

    /// A term of the entry that was begun last.
    pub(super) fn term(&mut self, term: i64) {
        let place = self.entries.len().saturating_sub(1);
        self.terms.push((term, u32::try_from(place).unwrap_or(u32::MAX)));
    }

    /// All of them, one by one.
    pub(super) fn rows(&self) -> impl Iterator<Item = (i64, i64, i64)> {
        self.terms.iter().filter_map(|(term, place)| {
            self.entries.get(*place as usize).map(|(at, entry)| (*term, *at, *entry))
        })
    }

    /// Adds what stands in rows.
    pub(super) fn extend(
        &mut self,
        rows: impl Iterator<Item = rusqlite::Result<(i64, i64, i64)>>,
    ) -> rusqlite::Result<()> {
        let mut places = HashMap::new();
        for row in rows {
            let (term, at, entry) = row?;
            let place = *places.entry((at, entry)).or_insert_with(|| {
                self.entries.push((at, entry));
                self.entries.len().saturating_sub(1)
            });
            self.terms.push((term, u32::try_from(place).unwrap_or(u32::MAX)));
        }
        Ok(())
    }

    /// Entries in order of time, each once, and terms in order with the numbers of these entries.
    fn numbered(self) -> (Vec<Place>, Vec<(i64, u32)>) {
        let mut order: Vec<(Place, u32)> = self.entries.iter().copied().zip(0..).collect();
        order.sort_unstable();
        let (mut entries, mut numbers) = (Vec::with_capacity(order.len()), vec![0; order.len()]);
        for (place, before) in order {
            if entries.last() != Some(&place) {
                entries.push(place);
            }
            if let Some(number) = numbers.get_mut(before as usize) {
                *number = u32::try_from(entries.len() - 1).unwrap_or(u32::MAX);
            }
        }
        let mut terms = self.terms;
        for (_, place) in &mut terms {
            *place = numbers.get(*place as usize).copied().unwrap_or(u32::MAX);
        }
        terms.sort_unstable();
        terms.dedup();
        (entries, terms)
    }
}

/// One pack: the times that it covers, and how many entries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pack {
    id: i64,
    pub(super) first: i64,
    pub(super) last: i64,
    size: u32,
}

/// The bucket of a term, and the least term that may lie in it.
fn bucket(term: i64) -> (i64, i64) {
    if term < 0 { (term >> SHARED, term >> SHARED << SHARED) } else { (term, term) }
}

/// What the terms of a field lie above.
fn ground(term: i64) -> i64 {
    term >> FIELD << FIELD
}

/// Writes a pack of postings; `entry` is the newest entry there is.
pub(super) fn write(db: &Transaction<'_>, postings: Postings, entry: i64) -> rusqlite::Result<()> {
    let (entries, terms) = postings.numbered();
    let (Some((first, _)), Some((last, _))) = (entries.first().copied(), entries.last().copied()) else {
        return Ok(());
    };
    let size = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    db.execute(
        "INSERT INTO pack (first, last, size, entry) VALUES (?1, ?2, ?3, ?4)",
        params![first, last, size, entry],
    )?;
    let pack = db.last_insert_rowid();
    let mut put = db.prepare_cached("INSERT INTO packed_entry VALUES (?1, ?2, ?3)")?;
    for (block, entries) in (0..).zip(entries.chunks(BLOCK as usize)) {
        put.execute(params![pack, block, coded_entries(entries, first)])?;
    }
    let mut put = db.prepare_cached("INSERT INTO packed VALUES (?1, ?2, ?3)")?;
    for postings in terms.chunk_by(|a, b| bucket(a.0) == bucket(b.0)) {
        let Some((number, least)) = postings.first().map(|(term, _)| bucket(*term)) else { continue };
        let data = if number < 0 { coded_terms(postings, least) } else { coded_numbers(postings, size) };
        put.execute(params![pack, number, data])?;
    }
    for postings in terms.chunk_by(|a, b| ground(a.0) == ground(b.0)) {
        let Some(ground) = postings.first().map(|(term, _)| ground(*term)).filter(|ground| *ground >= 0)
        else {
            continue;
        };
        if postings.chunk_by(|a, b| a.0 == b.0).count() > COLUMN {
            put.execute(params![pack, ground, coded_column(postings, ground)])?;
        }
    }
    Ok(())
}

/// The packs, oldest first.
pub(super) fn all(db: &Connection) -> rusqlite::Result<Vec<Pack>> {
    let mut statement = db.prepare_cached("SELECT id, first, last, size FROM pack ORDER BY first, last")?;
    let rows = statement.query_map((), |row| {
        Ok(Pack { id: row.get(0)?, first: row.get(1)?, last: row.get(2)?, size: row.get(3)? })
    })?;
    rows.collect()
}

impl Pack {
    /// Which of its entries have one of these terms.
    pub(super) fn having(self, db: &Connection, terms: &Terms) -> rusqlite::Result<Bits> {
        if terms.are_many() {
            return self.having_many(db, terms);
        }
        let mut statement = db.prepare_cached("SELECT data FROM packed WHERE pack = ?1 AND bucket = ?2")?;
        let mut bits = Bits::none_of(self.size);
        for term in terms.all() {
            let (number, least) = bucket(*term);
            let mut rows = statement.query([self.id, number])?;
            if let Some(row) = rows.next()? {
                let data = row.get_ref(0)?.as_blob()?;
                if number < 0 {
                    decoded_terms(data, least).filter(|own| own.0 == *term).for_each(|own| bits.set(own.1));
                } else {
                    set_numbers(data, &mut bits);
                }
            }
        }
        Ok(bits)
    }

    /// The same of many terms of one field: by its column or, where the pack has few of them, by all that it has.
    fn having_many(self, db: &Connection, terms: &Terms) -> rusqlite::Result<Bits> {
        let mut bits = Bits::none_of(self.size);
        let ((first, last), mut column) = (terms.ends(), false);
        let ground = ground(first);
        let mut statement = db.prepare_cached("SELECT data FROM packed WHERE pack = ?1 AND bucket = ?2")?;
        let mut rows = statement.query([self.id, ground])?;
        if let Some(row) = rows.next()? {
            column = true;
            let postings = decoded_column(row.get_ref(0)?.as_blob()?, ground);
            postings.filter(|(term, _)| terms.has(*term)).for_each(|(_, number)| bits.set(number));
        }
        if !column {
            let own = "SELECT bucket, data FROM packed WHERE pack = ?1 AND bucket BETWEEN ?2 AND ?3";
            let mut statement = db.prepare_cached(own)?;
            let mut rows = statement.query([self.id, first, last])?;
            while let Some(row) = rows.next()? {
                if terms.has(row.get(0)?) {
                    set_numbers(row.get_ref(1)?.as_blob()?, &mut bits);
                }
            }
        }
        Ok(bits)
    }

    /// How many of its entries are earlier than `at`.
    pub(super) fn before(self, db: &Connection, at: i64) -> rusqlite::Result<u32> {
        let (mut from, mut until) = (0, self.size.div_ceil(BLOCK));
        while from < until {
            let middle = from + (until - from) / 2;
            match self.block(db, middle)?.first() {
                Some((first, _)) if *first < at => from = middle + 1,
                _ => until = middle,
            }
        }
        // In the last block that begins earlier.
        let Some(block) = from.checked_sub(1) else { return Ok(0) };
        let earlier = self.block(db, block)?.partition_point(|(own, _)| *own < at);
        Ok(block * BLOCK + u32::try_from(earlier).unwrap_or(BLOCK))
    }

    /// The entries that lie together with the one of this number, and the number of the first of them.
    pub(super) fn around(self, db: &Connection, number: u32) -> rusqlite::Result<(u32, Vec<Place>)> {
        let block = number / BLOCK;
        Ok((block * BLOCK, self.block(db, block)?))
    }

    fn block(self, db: &Connection, block: u32) -> rusqlite::Result<Vec<Place>> {
        let mut statement =
            db.prepare_cached("SELECT data FROM packed_entry WHERE pack = ?1 AND block = ?2")?;
        let data = statement.query_row(params![self.id, block], |row| {
            Ok(decoded_entries(row.get_ref(0)?.as_blob()?, self.first).collect())
        });
        Ok(data.optional()?.unwrap_or_default())
    }
}

fn coded_entries(entries: &[Place], first: i64) -> Vec<u8> {
    let mut out = Vec::with_capacity(entries.len() * 3);
    let mut before = (first, 0_i64);
    for (at, entry) in entries {
        put(&mut out, at.abs_diff(before.0));
        let step = entry.wrapping_sub(before.1);
        put(&mut out, ((step << 1) ^ (step >> 63)).cast_unsigned());
        before = (*at, *entry);
    }
    out
}

/// The entries of a block. Of bytes that are none, as many as can be read.
fn decoded_entries(mut data: &[u8], first: i64) -> impl Iterator<Item = Place> {
    let mut before = (first, 0_i64);
    std::iter::from_fn(move || {
        let at = before.0.wrapping_add_unsigned(take(&mut data)?);
        let step = take(&mut data)?;
        let entry = before.1.wrapping_add((step >> 1).cast_signed() ^ -((step & 1).cast_signed()));
        before = (at, entry);
        Some(before)
    })
}

/// The numbers of one term, in the shorter form.
fn coded_numbers(postings: &[(i64, u32)], size: u32) -> Vec<u8> {
    let mut out = vec![NUMBERS];
    let mut before = 0;
    for (_, number) in postings {
        put(&mut out, u64::from(number - before));
        before = *number;
        if out.len() > size as usize / 8 {
            let mut bits = Bits::none_of(size);
            postings.iter().for_each(|(_, number)| bits.set(*number));
            return [&[BITS], bits.bytes().as_slice()].concat();
        }
    }
    out
}

fn set_numbers(data: &[u8], bits: &mut Bits) {
    match data.split_first() {
        Some((&BITS, data)) => bits.set_all(data),
        Some((&NUMBERS, mut data)) => {
            let mut number = 0_u32;
            while let Some(step) = take(&mut data) {
                number = number.saturating_add(u32::try_from(step).unwrap_or(u32::MAX));
                bits.set(number);
            }
        }
        _ => {}
    }
}

fn coded_terms(postings: &[(i64, u32)], least: i64) -> Vec<u8> {
    let mut out = Vec::with_capacity(postings.len() * 8);
    let mut before = (least, 0);
    for posting in postings {
        put(&mut out, posting.0.abs_diff(before.0));
        put(&mut out, u64::from(posting.1 - if posting.0 == before.0 { before.1 } else { 0 }));
        before = *posting;
    }
    out
}

/// The postings of a bucket. Of bytes that are none, as many as can be read.
fn decoded_terms(mut data: &[u8], least: i64) -> impl Iterator<Item = (i64, u32)> {
    let mut before = (least, 0_u32);
    std::iter::from_fn(move || {
        let term = before.0.wrapping_add_unsigned(take(&mut data)?);
        let base = if term == before.0 { before.1 } else { 0 };
        let step = u32::try_from(take(&mut data)?).unwrap_or(u32::MAX);
        before = (term, base.saturating_add(step));
        Some(before)
    })
}

/// The postings of a field, by number.
fn coded_column(postings: &[(i64, u32)], ground: i64) -> Vec<u8> {
    let mut postings = postings.to_vec();
    postings.sort_unstable_by_key(|(term, number)| (*number, *term));
    let mut out = Vec::with_capacity(postings.len() * 3);
    let mut before = 0;
    for (term, number) in postings {
        put(&mut out, u64::from(number - before));
        put(&mut out, term.abs_diff(ground));
        before = number;
    }
    out
}

/// The postings of a column. Of bytes that are none, as many as can be read.
fn decoded_column(mut data: &[u8], ground: i64) -> impl Iterator<Item = (i64, u32)> {
    let mut number = 0_u32;
    std::iter::from_fn(move || {
        number = number.saturating_add(u32::try_from(take(&mut data)?).unwrap_or(u32::MAX));
        Some((ground.wrapping_add_unsigned(take(&mut data)?), number))
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

    type Posting = (i64, i64, i64);

    /// The entries of a pack that have one of the terms, as a search goes through them.
    fn entries(db: &Connection, pack: Pack, terms: &Terms) -> Vec<Place> {
        let (mut bits, mut from, mut found) = (pack.having(db, terms).unwrap(), 0, Vec::new());
        while let Some(number) = bits.pop_first(&mut from) {
            let (first, block) = pack.around(db, number).unwrap();
            found.push(block[(number - first) as usize]);
        }
        found
    }

    fn gathered(postings: &[Posting]) -> Postings {
        let mut all = Postings::default();
        let (some, others) = postings.split_at(postings.len() / 2);
        for (term, at, entry) in some {
            all.entry(*at, *entry);
            all.term(*term);
        }
        all.extend(others.iter().map(|row| Ok(*row))).unwrap();
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn what_was_packed_is_there(
            postings in proptest::collection::vec((prop_oneof![0..6_i64, i64::MIN..0], any::<i32>(), 0..90_000_i64), 0..1_500),
            absent in i64::MIN..0,
        ) {
            let mut db = Connection::open_in_memory().unwrap();
            db.execute_batch(include_str!("schema.sql")).unwrap();
            let here = db.transaction().unwrap();
            let postings: Vec<Posting> =
                postings.into_iter().map(|(term, at, entry)| (term, i64::from(at), entry)).collect();
            write(&here, gathered(&postings), 7).unwrap();
            let packs = all(&here).unwrap();
            prop_assert_eq!(packs.len(), usize::from(!postings.is_empty()));
            for pack in packs {
                for term in postings.iter().map(|(term, ..)| *term).take(40).chain(0..6).chain([absent]) {
                    let mut wanted: Vec<_> =
                        postings.iter().filter(|posting| posting.0 == term).map(|(_, at, entry)| (*at, *entry)).collect();
                    wanted.sort_unstable();
                    wanted.dedup();
                    prop_assert_eq!(entries(&here, pack, &Terms::new(vec![term])), wanted);
                }
                let mut each: Vec<Place> = postings.iter().map(|(_, at, entry)| (*at, *entry)).collect();
                each.sort_unstable();
                each.dedup();
                for at in postings.iter().map(|posting| posting.1).take(20).chain([i64::MIN, i64::MAX, 0]) {
                    let earlier = each.iter().filter(|(own, _)| *own < at).count();
                    prop_assert_eq!(pack.before(&here, at).unwrap() as usize, earlier);
                }
            }
        }

        #[test]
        fn all_that_fit_a_pattern_are_found_however_many_they_are(
            postings in proptest::collection::vec((1..400_i64, 0..900_i64), 0..1_500),
            asked in proptest::collection::btree_set(1..600_i64, 0..500),
            field in 1..4_i64,
        ) {
            let mut db = Connection::open_in_memory().unwrap();
            db.execute_batch(include_str!("schema.sql")).unwrap();
            let here = db.transaction().unwrap();
            // Of two fields, so that one has what another has not.
            let of = |field: i64, term: i64| (field << FIELD) + term;
            let other = postings.iter().map(|(term, at)| (of(field + 1, *term), *at, *at));
            let postings: Vec<Posting> =
                postings.iter().map(|(term, at)| (of(field, *term), *at, *at)).chain(other).collect();
            write(&here, gathered(&postings), 7).unwrap();
            let terms = Terms::new(asked.iter().map(|term| of(field, *term)).collect());
            for pack in all(&here).unwrap() {
                let mut wanted: Vec<Place> =
                    postings.iter().filter(|one| terms.has(one.0)).map(|one| (one.1, one.2)).collect();
                wanted.sort_unstable();
                wanted.dedup();
                prop_assert_eq!(entries(&here, pack, &terms), wanted);
            }
        }

        #[test]
        fn bytes_that_are_no_bucket_end_it(data in proptest::collection::vec(any::<u8>(), 0..64), size in 0..600_u32) {
            prop_assert!(decoded_terms(&data, i64::MIN).count() <= data.len());
            prop_assert!(decoded_entries(&data, -1).count() <= data.len());
            prop_assert!(decoded_column(&data, 1 << FIELD).count() <= data.len());
            let mut bits = Bits::none_of(size);
            set_numbers(&data, &mut bits);
            prop_assert!(bits.pop_last().is_none_or(|last| last < size));
        }
    }
}
