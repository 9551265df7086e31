//! Entries by time, from the rows of postings and from packs, as one.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};
use std::rc::Rc;

use rusqlite::{Connection, params};

use super::Page;
use super::asked::{Other, Terms};
use super::bits::Bits;
use super::pack::{Pack, Place};
use crate::audit::query::Filter;
use crate::clock::Timestamp;

/// Postings fetched at once.
const FETCHED: usize = 256;

/// So few records of a pack are read without asking for a field of which many terms fit: that costs as much, however many they are.
const FEW: u32 = 8;

/// So many terms are looked for in a pack in the time that it takes to read a record.
const A_RECORD: usize = 4;

/// The part of time that is gone through, and in which direction.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) until: i64,
    newer: bool,
}

impl Span {
    /// Both ends inclusive.
    pub(super) fn of(filter: &Filter, page: &Page) -> Self {
        let mut from = filter.from.map_or(i64::MIN, Timestamp::millis);
        let mut until = filter.until.map_or(i64::MAX, |until| until.millis().saturating_sub(1));
        match &page.from {
            Some(cursor) if page.newer => from = from.max(cursor.at.millis()),
            Some(cursor) => until = until.min(cursor.at.millis()),
            None => {}
        }
        Self { from, until, newer: page.newer }
    }
}

/// The entries of several terms as one, by time; what several terms name comes once.
pub(super) struct Lead {
    span: Span,
    streams: Vec<Stream>,
    /// The next of each stream: for older ones first what is the latest.
    heads: BinaryHeap<(Reverse<(i64, i64)>, usize)>,
    begun: bool,
}

/// The terms of the rarest field that is asked for, and of the others.
pub(super) struct Fields {
    pub(super) lead: Terms,
    pub(super) others: Vec<Other>,
}

impl Lead {
    pub(super) fn new(span: Span, streams: Vec<Stream>) -> Self {
        Self { span, streams, heads: BinaryHeap::new(), begun: false }
    }

    /// All entries of the next instant that has any.
    pub(super) fn next(&mut self, db: &Connection) -> rusqlite::Result<Option<(i64, BTreeSet<i64>)>> {
        if !self.begun {
            self.begun = true;
            for stream in 0..self.streams.len() {
                // A pack is looked into once its time has come.
                match self.streams.get(stream).and_then(|stream| stream.earliest(self.span)) {
                    Some(bound) => self.heads.push((Reverse(self.turned(bound)), stream)),
                    None => self.advance(db, stream)?,
                }
            }
        }
        let mut instant: Option<(i64, BTreeSet<i64>)> = None;
        while let Some((Reverse(head), stream)) = self.heads.peek().copied() {
            if self.streams.get(stream).is_some_and(|stream| stream.earliest(self.span).is_some()) {
                self.heads.pop();
                self.advance(db, stream)?;
                continue;
            }
            let (at, entry) = self.turned(head);
            let (_, entries) = match &mut instant {
                Some(instant) if instant.0 == at => instant,
                Some(_) => break,
                empty => empty.insert((at, BTreeSet::new())),
            };
            entries.insert(entry);
            self.heads.pop();
            self.advance(db, stream)?;
        }
        Ok(instant)
    }

    fn advance(&mut self, db: &Connection, number: usize) -> rusqlite::Result<()> {
        let Some(stream) = self.streams.get_mut(number) else { return Ok(()) };
        if let Some(next) = stream.next(db, self.span)? {
            let head = self.turned(next);
            self.heads.push((Reverse(head), number));
        }
        Ok(())
    }

    /// In the order of the page: negated where the latest comes first. Its own inverse.
    fn turned(&self, (at, entry): (i64, i64)) -> (i64, i64) {
        if self.span.newer { (at, entry) } else { (-at, -entry) }
    }
}

/// Where entries come from, by time.
#[derive(Clone)]
pub(super) enum Source {
    /// All of them.
    All,
    /// Those that have not ended.
    Open,
    /// Those that have a term, of which each has a row.
    Rows(i64, Rc<Fields>),
    /// Those that have one of many terms, of which each has a row.
    Any(Rc<Fields>),
    /// Those of a pack.
    Pack(Pack, Rc<Fields>),
}

/// The entries of one source.
pub(super) struct Stream {
    source: Source,
    fetched: VecDeque<Place>,
    last: Option<Place>,
    /// Of a pack that was looked into: what is left of it.
    left: Option<(Bits, u32)>,
    ended: bool,
}

impl Stream {
    pub(super) fn new(source: Source) -> Self {
        Self { source, fetched: VecDeque::new(), last: None, left: None, ended: false }
    }

    /// Of a pack that was not looked into: nothing in it comes before this in the order of the page.
    fn earliest(&self, span: Span) -> Option<(i64, i64)> {
        match &self.source {
            Source::Pack(pack, _) if self.left.is_none() && span.newer => Some((pack.first, i64::MIN)),
            Source::Pack(pack, _) if self.left.is_none() => Some((pack.last, i64::MAX)),
            _ => None,
        }
    }

    fn next(&mut self, db: &Connection, span: Span) -> rusqlite::Result<Option<(i64, i64)>> {
        while self.fetched.is_empty() && !self.ended {
            self.fetch(db, span)?;
        }
        Ok(self.fetched.pop_front())
    }

    fn fetch(&mut self, db: &Connection, span: Span) -> rusqlite::Result<()> {
        match self.source.clone() {
            Source::All => self.rows(db, span, None, "entry INDEXED BY entry_at WHERE ?1 IS NULL", "id"),
            // Of a million there may be one: SQLite is not left to look for it.
            Source::Open => {
                let open = "entry INDEXED BY entry_unended WHERE ?1 IS NULL AND complete = 0";
                self.rows(db, span, None, open, "id")
            }
            Source::Rows(term, fields) => {
                self.rows(db, span, Some(term), "posting WHERE term = ?1", "entry")?;
                self.leave(db, span, &fields.others)
            }
            Source::Any(fields) => {
                let mut found = fields.lead.rows(db, span)?;
                found.sort_unstable();
                found.dedup();
                if !span.newer {
                    found.reverse();
                }
                self.fetched = found.into();
                self.ended = true;
                self.leave(db, span, &fields.others)
            }
            Source::Pack(pack, fields) => self.packed(db, span, pack, &fields),
        }
    }

    /// Leaves what has one term of each field, of what was fetched from rows.
    fn leave(&mut self, db: &Connection, span: Span, others: &[Other]) -> rusqlite::Result<()> {
        for other in others {
            let fetched = std::mem::take(&mut self.fetched);
            for place in fetched {
                if other.has(db, span, place)? {
                    self.fetched.push_back(place);
                }
            }
        }
        Ok(())
    }

    /// The next entries of a pack.
    fn packed(&mut self, db: &Connection, span: Span, pack: Pack, fields: &Fields) -> rusqlite::Result<()> {
        let (left, from) = match &mut self.left {
            Some(left) => (&mut left.0, &mut left.1),
            empty => {
                let left = empty.insert((in_pack(db, span, pack, fields)?, 0));
                (&mut left.0, &mut left.1)
            }
        };
        let next = if span.newer { left.pop_first(from) } else { left.pop_last() };
        let Some(next) = next else {
            self.ended = true;
            return Ok(());
        };
        // What lies together is read together.
        let (first, entries) = pack.around(db, next)?;
        let fits =
            entries.into_iter().zip(first..).filter(|(_, number)| *number == next || left.remove(*number));
        self.fetched.extend(fits.map(|(entry, _)| entry));
        if !span.newer {
            self.fetched.make_contiguous().reverse();
        }
        Ok(())
    }

    /// The next rows of a table.
    fn rows(
        &mut self,
        db: &Connection,
        span: Span,
        term: Option<i64>,
        source: &str,
        entry: &str,
    ) -> rusqlite::Result<()> {
        let (side, order) = if span.newer { (">", "ASC") } else { ("<", "DESC") };
        let start = if span.newer { (span.from, i64::MIN) } else { (span.until, i64::MAX) };
        let (at, last) = self.last.unwrap_or(start);
        let sql = format!(
            "SELECT at, {entry} FROM {source} AND (at, {entry}) {side} (?2, ?3) AND at BETWEEN ?4 AND ?5 \
             ORDER BY at {order}, {entry} {order} LIMIT {FETCHED}"
        );
        let mut statement = db.prepare_cached(&sql)?;
        let rows = statement.query_map(params![term, at, last, span.from, span.until], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        self.fetched = rows.collect::<Result<_, _>>()?;
        self.ended = self.fetched.len() < FETCHED;
        self.last = self.fetched.back().copied();
        Ok(())
    }
}

/// Which entries of a pack have one term of each field. Of a few it is cheaper to read the records.
fn in_pack(db: &Connection, span: Span, pack: Pack, fields: &Fields) -> rusqlite::Result<Bits> {
    let mut found = pack.having(db, &fields.lead)?;
    for other in &fields.others {
        let (left, terms) = (found.count(), &other.terms);
        let asked = if terms.are_many() { left > FEW } else { terms.all().len() <= left as usize * A_RECORD };
        if asked {
            found.and(&pack.having(db, terms)?);
        }
    }
    if found.count() > 0 && (pack.first < span.from || pack.last > span.until) {
        found.keep(pack.before(db, span.from)?, pack.before(db, span.until.saturating_add(1))?);
    }
    Ok(found)
}
