//! Catching up: what was logged since the index was last asked.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::terms::{self, Field};
use super::{count, failed, number, search};
use crate::audit::log::segment;
use crate::audit::read::{self, Mark};
use crate::audit::record::{Ending, Kind, Record};
use crate::error::Error;

/// Entries of one transaction: a first reading of a long log goes on where it was interrupted.
const BATCH: usize = 50_000;

/// Terms whose numbers are remembered.
const REMEMBERED: usize = 200_000;

/// Reads what every log has that the index has not.
pub(super) fn catch_up(db: &mut Connection, state: &Path) -> Result<(), Error> {
    let slots = read::slots(state)?;
    for (log, _) in search::logs(db).map_err(failed)?.into_iter().filter(|(_, slot)| !slots.contains(slot)) {
        let gone = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        forget(&gone, log).and_then(|()| gone.commit()).map_err(failed)?;
    }
    for slot in slots {
        let folder = state.join("log").join(&slot);
        if folder.join("seg").exists() {
            while batch(db, &folder, &slot)? {}
        }
    }
    Ok(())
}

/// How far a log was read, and the newest entry then.
struct Known {
    log: i64,
    first: u64,
    next: Mark,
    last: Mark,
    record: String,
}

/// Reads a part of a log; whether more may be there.
fn batch(db: &mut Connection, folder: &Path, slot: &str) -> Result<bool, Error> {
    let here = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let known = known(&here, slot).map_err(failed)?;
    let known = match known {
        // Else this is another log, or an older copy of it.
        Some(known) if known.record.is_empty() || read::stands(folder, known.last, &known.record) => known,
        Some(other) => {
            forget(&here, other.log).map_err(failed)?;
            begin(&here, slot).map_err(failed)?
        }
        None => begin(&here, slot).map_err(failed)?,
    };
    let first = segment::numbers(folder).ok().and_then(|numbers| numbers.first().copied()).unwrap_or(0);
    if known.first != first {
        prune(&here, known.log, first).map_err(failed)?;
    }
    let mut fill = Fill::new(&here, known.log).map_err(failed)?;
    let (mut taken, mut last, mut failure) = (0, None, None);
    let read = read::entries_from(folder, known.next, &mut |mark, record| {
        let written = match &record {
            Ok(record) => fill.add(mark, record),
            Err(error) => fill.wrong(mark, error),
        };
        failure = failure.take().or(written.err());
        if let Ok(record) = record {
            last = Some((mark, record.id.as_str().to_owned()));
        }
        taken += 1;
        failure.is_none() && taken < BATCH
    })?;
    if let Some(failure) = failure {
        return Err(failed(failure));
    }
    if taken == 0 && read == known.next && known.first == first {
        return Ok(false);
    }
    fill.count().map_err(failed)?;
    drop(fill);
    let (last, record) = last.unwrap_or((known.last, known.record));
    here.execute(
        "UPDATE log SET segment = ?2, place = ?3, next = ?4, last_segment = ?5, last_place = ?6, \
         last_number = ?7, last_record = ?8, first = ?9 WHERE id = ?1",
        params![
            known.log,
            number(read.segment),
            number(read.at),
            number(read.index),
            number(last.segment),
            number(last.at),
            number(last.index),
            record,
            number(first)
        ],
    )
    .map_err(failed)?;
    here.commit().map_err(failed)?;
    Ok(taken >= BATCH)
}

fn known(db: &Transaction<'_>, slot: &str) -> rusqlite::Result<Option<Known>> {
    let columns = "id, segment, place, next, last_segment, last_place, last_number, last_record, first";
    db.query_row(&format!("SELECT {columns} FROM log WHERE slot = ?1"), [slot], |row| {
        let mark = |segment: usize| -> rusqlite::Result<Mark> {
            Ok(Mark {
                segment: count(row.get(segment)?),
                at: count(row.get(segment + 1)?),
                index: count(row.get(segment + 2)?),
            })
        };
        Ok(Known {
            log: row.get(0)?,
            next: mark(1)?,
            last: mark(4)?,
            record: row.get(7)?,
            first: count(row.get(8)?),
        })
    })
    .optional()
}

fn begin(db: &Transaction<'_>, slot: &str) -> rusqlite::Result<Known> {
    db.execute(
        "INSERT INTO log (slot, first, segment, place, next, last_segment, last_place, last_number, last_record) \
         VALUES (?1, 0, 0, 0, 0, 0, 0, 0, '')",
        [slot],
    )?;
    let log = db.last_insert_rowid();
    Ok(Known { log, first: 0, next: Mark::START, last: Mark::START, record: String::new() })
}

/// Leaves out what was pruned.
fn prune(db: &Transaction<'_>, log: i64, first: u64) -> rusqlite::Result<()> {
    let gone = "(SELECT id FROM entry WHERE log = ?1 AND segment < ?2)";
    let any = db.prepare(&format!("SELECT 1 FROM {} LIMIT 1", &gone))?.exists(params![log, number(first)])?;
    if any {
        db.execute(&format!("DELETE FROM posting WHERE entry IN {gone}"), params![log, number(first)])?;
        db.execute("DELETE FROM entry WHERE log = ?1 AND segment < ?2", params![log, number(first)])?;
    }
    Ok(())
}

fn forget(db: &Transaction<'_>, log: i64) -> rusqlite::Result<()> {
    db.execute("DELETE FROM posting WHERE entry IN (SELECT id FROM entry WHERE log = ?1)", [log])?;
    db.execute("DELETE FROM entry WHERE log = ?1", [log])?;
    db.execute("DELETE FROM wrong WHERE log = ?1", [log])?;
    db.execute("DELETE FROM log WHERE id = ?1", [log])?;
    Ok(())
}

/// Writes the entries of one log.
struct Fill<'t> {
    db: &'t Transaction<'t>,
    log: i64,
    say: Statements<'t>,
    /// Each term by field.
    terms: HashMap<Field, HashMap<String, Counted>>,
    remembered: usize,
}

/// A term, and how many entries have it that its row does not count yet.
struct Counted {
    term: i64,
    more: i64,
}

/// Held for all entries of a transaction.
struct Statements<'t> {
    open: CachedStatement<'t>,
    go_on: CachedStatement<'t>,
    enter: CachedStatement<'t>,
    post: CachedStatement<'t>,
    take_back: CachedStatement<'t>,
    name: CachedStatement<'t>,
    named: CachedStatement<'t>,
}

impl<'t> Fill<'t> {
    fn new(db: &'t Transaction<'t>, log: i64) -> rusqlite::Result<Self> {
        let say = Statements {
            open: db.prepare_cached("SELECT id FROM entry WHERE log = ?1 AND record = ?2 AND complete = 0")?,
            go_on: db.prepare_cached(
                "UPDATE entry SET number = ?2, segment = ?3, place = ?4, at = ?5, complete = ?6 WHERE id = ?1",
            )?,
            enter: db.prepare_cached(
                "INSERT INTO entry (log, number, segment, place, at, record, complete) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?,
            post: db.prepare_cached("INSERT OR IGNORE INTO posting VALUES (?1, ?2, ?3)")?,
            take_back: db.prepare_cached("DELETE FROM posting WHERE term = ?1 AND at = ?2 AND entry = ?3")?,
            name: db.prepare_cached("INSERT INTO term (field, text) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?,
            named: db.prepare_cached("SELECT id FROM term WHERE field = ?1 AND text = ?2")?,
        };
        Ok(Self { db, log, say, terms: HashMap::new(), remembered: 0 })
    }

    fn wrong(&self, mark: Mark, error: &Error) -> rusqlite::Result<()> {
        self.db
            .prepare_cached("INSERT OR IGNORE INTO wrong VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![self.log, number(mark.segment), number(mark.at), error.to_string()])
            .map(drop)
    }

    fn add(&mut self, mark: Mark, record: &Record) -> rusqlite::Result<()> {
        let (id, at) = (record.id.as_str(), record.at.millis());
        let complete = record.kind != Kind::Begin;
        // What was begun goes on as the same row.
        let open: Option<i64> = match record.kind {
            Kind::Begin | Kind::End => {
                self.say.open.query_row(params![self.log, id], |row| row.get(0)).optional()?
            }
            _ => None,
        };
        let (segment, place, index) = (number(mark.segment), number(mark.at), number(mark.index));
        let entry = match open {
            Some(entry) => {
                self.say.go_on.execute(params![entry, index, segment, place, at, complete])?;
                entry
            }
            None => self.say.enter.insert(params![self.log, index, segment, place, at, id, complete])?,
        };
        let mut failure = None;
        terms::of(record, &mut |field, text| {
            failure = failure.take().or(self.post(field, text, at, entry).err());
        });
        // An exchange without an end counts as failed, until it has one.
        if !complete {
            self.post(Field::Outcome, Ending::Failed.name(), at, entry)?;
        } else if open.is_some() && record.outcome.as_ref().is_none_or(|o| o.result != Ending::Failed) {
            let term = self.term(Field::Outcome, Ending::Failed.name(), 0)?;
            self.say.take_back.execute(params![term, at, entry])?;
        }
        failure.map_or(Ok(()), Err)
    }

    fn post(&mut self, field: Field, text: &str, at: i64, entry: i64) -> rusqlite::Result<()> {
        let term = self.term(field, text, 1)?;
        self.say.post.execute(params![term, at, entry]).map(drop)
    }

    /// The number of a term, which so many more entries have.
    fn term(&mut self, field: Field, text: &str, more: i64) -> rusqlite::Result<i64> {
        if let Some(counted) = self.terms.get_mut(&field).and_then(|terms| terms.get_mut(text)) {
            counted.more += more;
            return Ok(counted.term);
        }
        if self.remembered >= REMEMBERED {
            self.count()?;
        }
        // A new row counts the entry that it is made for.
        let counted = match self.say.name.execute(params![field as u8, text])? {
            0 => Counted {
                term: self.say.named.query_row(params![field as u8, text], |row| row.get(0))?,
                more,
            },
            _ => Counted { term: self.db.last_insert_rowid(), more: more - 1 },
        };
        let term = counted.term;
        self.terms.entry(field).or_default().insert(text.to_owned(), counted);
        self.remembered += 1;
        Ok(term)
    }

    /// Writes how many have each term, and forgets the terms.
    fn count(&mut self) -> rusqlite::Result<()> {
        let mut add = self.db.prepare_cached("UPDATE term SET count = count + ?2 WHERE id = ?1")?;
        let counted = self.terms.drain().flat_map(|(_, terms)| terms.into_values());
        for Counted { term, more } in counted.filter(|counted| counted.more != 0) {
            add.execute(params![term, more])?;
        }
        self.remembered = 0;
        Ok(())
    }
}
