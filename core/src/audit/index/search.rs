//! Finding: the postings of the rarest field that is asked for, in order, those of the others held against them, and each record that is left read from
//! the log.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::rc::Rc;

use rusqlite::{Connection, OptionalExtension, params};

use super::asked::{Other, Terms};
use super::pack;
use super::stream::{Fields, Lead, Source, Span, Stream};
use super::terms::{self, Asked, Field};
use super::{Cursor, Listing, Page, count, failed};
use crate::audit::log::segment;
use crate::audit::query::{Entry, Filter};
use crate::audit::read::{self, Mark};
use crate::audit::record::Ending;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::model::RecordId;

/// Segments that stay open.
const OPEN: usize = 64;

/// The records that fit.
pub(super) fn search(db: &Connection, state: &Path, filter: &Filter, page: &Page) -> Result<Listing, Error> {
    let mut listing = Listing { entries: Vec::new(), unread: unread(db).map_err(failed)?, more: false };
    let mut reader = Reader { state, logs: logs(db).map_err(failed)?, open: HashMap::new() };
    let Some(mut lead) = plan(db, filter, page).map_err(failed)? else {
        return Ok(listing);
    };
    while let Some((at, entries)) = lead.next(db).map_err(failed)? {
        let rows: rusqlite::Result<Vec<Option<Row>>> =
            entries.into_iter().map(|entry| row(db, entry, at)).collect();
        let mut rows: Vec<Row> = rows.map_err(failed)?.into_iter().flatten().collect();
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

/// What was begun and has not ended.
pub(super) fn unended(db: &Connection, state: &Path) -> Result<Listing, Error> {
    let mut listing = Listing { entries: Vec::new(), unread: unread(db).map_err(failed)?, more: false };
    let mut reader = Reader { state, logs: logs(db).map_err(failed)?, open: HashMap::new() };
    let mut statement = db
        .prepare_cached(
            "SELECT id, at FROM entry INDEXED BY entry_unended WHERE complete = 0 ORDER BY at, record",
        )
        .map_err(failed)?;
    let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
    for open in rows {
        let (entry, at) = open.map_err(failed)?;
        if let Some(row) = row(db, entry, at).map_err(failed)? {
            match reader.entry(&row, &Filter::default()) {
                Ok((entry, _)) => listing.entries.push(entry),
                Err(error) => listing.unread.push(error),
            }
        }
    }
    Ok(listing)
}

/// What is asked of one field: the terms that fit it, of which an entry has one.
struct Wanted {
    terms: Terms,
    /// About how many entries have them.
    count: i64,
}

/// What to go through; nothing where a field is asked for that no record has.
fn plan(db: &Connection, filter: &Filter, page: &Page) -> rusqlite::Result<Option<Lead>> {
    let span = Span::of(filter, page);
    let (mut fields, mut open) = (Vec::new(), false);
    for (field, asked) in terms::asked(filter) {
        let terms = found(db, field, &asked)?;
        // What was begun and has no end is shown as failed: no term says so.
        let failed = Ending::Failed.name();
        let failed = matches!((field, &asked), (Field::Outcome, Asked::Text(text)) if *text == failed);
        if terms.is_empty() && !failed {
            return Ok(None);
        }
        open |= failed;
        let count = terms.iter().map(|(_, count)| count).sum::<i64>();
        let terms = Terms::new(terms.into_iter().map(|(term, _)| term).collect());
        fields.push(Wanted { terms, count });
    }
    fields.sort_by_key(|wanted| wanted.count);
    let mut fields = fields.into_iter().map(|wanted| wanted.terms);
    let Some(lead) = fields.next() else { return Ok(Some(Lead::new(span, vec![Stream::new(Source::All)]))) };
    let wanted = Rc::new(Fields { lead, others: fields.map(Other::new).collect() });
    let rows = |term: &i64| Stream::new(Source::Rows(*term, wanted.clone()));
    let mut streams: Vec<Stream> = match wanted.lead.are_many() {
        false => wanted.lead.all().iter().map(rows).collect(),
        true => vec![Stream::new(Source::Any(wanted.clone()))],
    };
    if open {
        streams.push(Stream::new(Source::Open));
    }
    for pack in pack::all(db)? {
        if pack.first <= span.until && pack.last >= span.from {
            streams.push(Stream::new(Source::Pack(pack, wanted.clone())));
        }
    }
    Ok(Some(Lead::new(span, streams)))
}

/// The terms that fit what is asked of a field, with about how many entries have each.
fn found(db: &Connection, field: Field, asked: &Asked<'_>) -> rusqlite::Result<Vec<(i64, i64)>> {
    match asked {
        // Few have the same, and how many is not counted.
        Asked::Text(text) if field.is_drawn() => Ok(vec![(field.drawn(text), 0)]),
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
