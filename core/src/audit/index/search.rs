//! Finding: the postings of the rarest field that is asked for, in order, and each record that they name read from the log.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};
use std::fs::File;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::terms::{self, Asked, Field};
use super::{Cursor, Listing, Page, count, failed};
use crate::audit::log::segment;
use crate::audit::query::{Entry, Filter};
use crate::audit::read::{self, Mark};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::model::RecordId;

/// Postings fetched at once.
const FETCHED: usize = 256;

/// So few terms of a field are asked for one by one before a record is read.
const ASKED: usize = 8;

/// Segments that stay open.
const OPEN: usize = 64;

/// The records that fit.
pub(super) fn search(db: &Connection, state: &Path, filter: &Filter, page: &Page) -> Result<Listing, Error> {
    let mut listing = Listing { entries: Vec::new(), unread: unread(db).map_err(failed)?, more: false };
    let mut reader = Reader { state, logs: logs(db).map_err(failed)?, open: HashMap::new() };
    let Some((mut lead, others)) = plan(db, filter, page).map_err(failed)? else {
        return Ok(listing);
    };
    while let Some((at, entries)) = lead.next(db).map_err(failed)? {
        let mut rows = Vec::with_capacity(entries.len());
        for entry in entries {
            if others.iter().all(|terms| has_any(db, terms, at, entry).unwrap_or(true)) {
                rows.extend(row(db, entry, at).map_err(failed)?);
            }
        }
        // What happened in the same millisecond is ordered by its id.
        rows.sort_by(|a, b| if page.newer { a.id.cmp(&b.id) } else { b.id.cmp(&a.id) });
        for row in rows {
            let here = Cursor { at: Timestamp::from_millis(at), id: row.id.clone() };
            let beyond =
                page.from.as_ref().is_none_or(|from| if page.newer { here > *from } else { here < *from });
            if !beyond {
                continue;
            }
            match reader.entry(&row, filter) {
                Ok((entry, true)) => {
                    if listing.entries.len() >= page.limit {
                        listing.more = true;
                        break;
                    }
                    listing.entries.push(entry);
                }
                Ok(_) => {}
                Err(error) => listing.unread.push(error),
            }
        }
        if listing.more {
            break;
        }
    }
    if !page.newer {
        listing.entries.reverse();
    }
    Ok(listing)
}

/// What to go through, and which other terms each must have; nothing where a field is asked for that no record has.
fn plan(db: &Connection, filter: &Filter, page: &Page) -> rusqlite::Result<Option<(Lead, Vec<Vec<i64>>)>> {
    let span = Span::of(filter, page);
    if let Some(id) = &filter.id {
        return Ok(Some((Lead::new(span, vec![Stream::of_record(db, id)?]), Vec::new())));
    }
    let mut fields = Vec::new();
    for (field, asked) in terms::asked(filter) {
        let terms = found(db, field, &asked)?;
        if terms.is_empty() {
            return Ok(None);
        }
        fields.push(terms);
    }
    fields.sort_by_key(|terms| terms.iter().map(|(_, count)| count).sum::<i64>());
    let mut fields =
        fields.into_iter().map(|terms| terms.into_iter().map(|(term, _)| term).collect::<Vec<_>>());
    let streams = match fields.next() {
        Some(lead) => lead.into_iter().map(|term| Stream::new(Some(term))).collect(),
        None => vec![Stream::new(None)],
    };
    Ok(Some((Lead::new(span, streams), fields.filter(|terms| terms.len() <= ASKED).collect())))
}

/// The terms that fit what is asked of a field, with about how many entries have each.
fn found(db: &Connection, field: Field, asked: &Asked<'_>) -> rusqlite::Result<Vec<(i64, i64)>> {
    match asked {
        Asked::Text(text) => db
            .prepare_cached("SELECT id, count FROM term WHERE field = ?1 AND text = ?2")?
            .query_map(params![field as u8, text], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect(),
        Asked::Vector(id) => {
            let named = found(db, Field::Vector, &Asked::Text(id))?;
            Ok(found(db, Field::Listed, &Asked::Text(terms::MANY))?.into_iter().chain(named).collect())
        }
        Asked::Pattern(glob) => {
            let mut statement = db.prepare_cached("SELECT id, count, text FROM term WHERE field = ?1")?;
            let rows = statement.query_map([field as u8], |row| {
                let text = row.get_ref(2)?.as_str()?;
                Ok(glob.matches(text).then_some((row.get(0)?, row.get(1)?)))
            })?;
            rows.filter_map(Result::transpose).collect()
        }
    }
}

fn has_any(db: &Connection, terms: &[i64], at: i64, entry: i64) -> rusqlite::Result<bool> {
    let mut statement =
        db.prepare_cached("SELECT 1 FROM posting WHERE term = ?1 AND at = ?2 AND entry = ?3")?;
    for term in terms {
        if statement.exists(params![term, at, entry])? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The part of time that is gone through, and in which direction.
#[derive(Clone, Copy)]
struct Span {
    from: i64,
    until: i64,
    newer: bool,
}

impl Span {
    /// Both ends inclusive.
    fn of(filter: &Filter, page: &Page) -> Self {
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
struct Lead {
    span: Span,
    streams: Vec<Stream>,
    /// The next of each stream: for older ones first what is the latest.
    heads: BinaryHeap<(Reverse<(i64, i64)>, usize)>,
    begun: bool,
}

impl Lead {
    fn new(span: Span, streams: Vec<Stream>) -> Self {
        Self { span, streams, heads: BinaryHeap::new(), begun: false }
    }

    /// All entries of the next instant that has any.
    fn next(&mut self, db: &Connection) -> rusqlite::Result<Option<(i64, BTreeSet<i64>)>> {
        if !self.begun {
            self.begun = true;
            for stream in 0..self.streams.len() {
                self.advance(db, stream)?;
            }
        }
        let mut instant: Option<(i64, BTreeSet<i64>)> = None;
        while let Some((Reverse(head), stream)) = self.heads.peek().copied() {
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

/// The entries that have one term, or all of them, by time.
struct Stream {
    term: Option<i64>,
    fetched: VecDeque<(i64, i64)>,
    last: Option<(i64, i64)>,
    ended: bool,
}

impl Stream {
    fn new(term: Option<i64>) -> Self {
        Self { term, fetched: VecDeque::new(), last: None, ended: false }
    }

    /// The entries of one record.
    fn of_record(db: &Connection, id: &RecordId) -> rusqlite::Result<Self> {
        let mut statement =
            db.prepare_cached("SELECT at, id FROM entry WHERE record = ?1 ORDER BY at, id")?;
        let rows = statement.query_map([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Self { fetched: rows.collect::<Result<_, _>>()?, ended: true, ..Self::new(None) })
    }

    fn next(&mut self, db: &Connection, span: Span) -> rusqlite::Result<Option<(i64, i64)>> {
        if self.fetched.is_empty() && !self.ended {
            self.fetch(db, span)?;
        }
        Ok(self.fetched.pop_front())
    }

    fn fetch(&mut self, db: &Connection, span: Span) -> rusqlite::Result<()> {
        let (source, entry) = match self.term {
            Some(_) => ("posting WHERE term = ?1", "entry"),
            None => ("entry WHERE ?1 IS NULL", "id"),
        };
        let (side, order) = if span.newer { (">", "ASC") } else { ("<", "DESC") };
        let start = if span.newer { (span.from, i64::MIN) } else { (span.until, i64::MAX) };
        let (at, last) = self.last.unwrap_or(start);
        let sql = format!(
            "SELECT at, {entry} FROM {source} AND (at, {entry}) {side} (?2, ?3) AND at BETWEEN ?4 AND ?5 \
             ORDER BY at {order}, {entry} {order} LIMIT {FETCHED}"
        );
        let mut statement = db.prepare_cached(&sql)?;
        let rows = statement.query_map(params![self.term, at, last, span.from, span.until], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        self.fetched = rows.collect::<Result<_, _>>()?;
        self.ended = self.fetched.len() < FETCHED;
        self.last = self.fetched.back().copied();
        Ok(())
    }
}

/// An entry as the index knows it.
struct Row {
    log: i64,
    mark: Mark,
    id: RecordId,
    complete: bool,
}

/// The row of an entry, where the posting that led to it still holds.
fn row(db: &Connection, entry: i64, at: i64) -> rusqlite::Result<Option<Row>> {
    db.prepare_cached(
        "SELECT log, segment, place, number, record, complete FROM entry WHERE id = ?1 AND at = ?2",
    )?
    .query_row(params![entry, at], |row| {
        Ok(Row {
            log: row.get(0)?,
            mark: Mark { segment: count(row.get(1)?), at: count(row.get(2)?), index: count(row.get(3)?) },
            id: RecordId::from(row.get_ref(4)?.as_str()?),
            complete: row.get(5)?,
        })
    })
    .optional()
}

/// The logs by their number.
pub(super) fn logs(db: &Connection) -> rusqlite::Result<HashMap<i64, String>> {
    let mut statement = db.prepare_cached("SELECT id, slot FROM log")?;
    statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn unread(db: &Connection) -> rusqlite::Result<Vec<Error>> {
    let mut statement = db.prepare_cached("SELECT what FROM wrong ORDER BY log, segment, place")?;
    let rows = statement.query_map((), |row| row.get::<_, String>(0))?;
    rows.map(|what| what.map(|what| Error::new(ErrorKind::Log, what))).collect()
}

/// Reads entries from the logs.
struct Reader<'s> {
    state: &'s Path,
    logs: HashMap<i64, String>,
    open: HashMap<(i64, u64), File>,
}

impl Reader<'_> {
    /// The entry of a row, and whether it fits.
    fn entry(&mut self, row: &Row, filter: &Filter) -> Result<(Entry, bool), Error> {
        let slot = self.logs.get(&row.log).map_or("", String::as_str);
        let folder = self.state.join("log").join(slot);
        if self.open.len() >= OPEN {
            self.open.clear();
        }
        let file = match self.open.entry((row.log, row.mark.segment)) {
            std::collections::hash_map::Entry::Occupied(file) => file.into_mut(),
            std::collections::hash_map::Entry::Vacant(empty) => {
                let file = File::open(segment::path(&folder, row.mark.segment)).map_err(|e| {
                    Error::new(ErrorKind::Log, format!("a segment of {slot} cannot be read")).with_source(e)
                })?;
                empty.insert(file)
            }
        };
        let record = read::entry_at(&folder, file, row.mark)?.filter(|record| record.id == row.id);
        let record = record.ok_or_else(|| {
            let message = format!("entry {} of {} was altered", row.mark.index, folder.display());
            Error::new(ErrorKind::Log, message)
        })?;
        let entry = Entry { slot: slot.to_owned(), index: row.mark.index, complete: row.complete, record };
        let entry = if row.complete { entry } else { entry.unended() };
        let fits = filter.fits_in(&folder, &entry.record)?;
        Ok((entry, fits))
    }
}
