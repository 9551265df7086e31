//! Catching up: what was logged since the index was last asked.
//!
//! One thread reads the log and this one writes what it finds. A few entries get a row for each posting; of many, or once many are there, they go
//! into a pack. Rows are looked at one by one, so no more of them are kept than can be looked at in the time that a question has.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::pack::{self, Postings};
use super::terms::{self, Field};
use super::{count, failed, number, search};
use crate::audit::log::segment;
use crate::audit::read::{self, Mark};
use crate::audit::record::{Kind, Record};
use crate::error::{Error, ErrorKind};

/// Entries of one transaction and of one pack: a first reading of a long log goes on where it was interrupted.
pub(super) const BATCH: usize = 65_536;

/// So many new entries go into a pack.
const ROWS: usize = 16_384;

/// Entries that are handed on together.
const TOGETHER: usize = 256;

/// Terms whose numbers are remembered.
const REMEMBERED: usize = 200_000;

/// Reads what every log has that the index has not.
pub(super) fn catch_up(db: &mut Connection, state: &Path, most: usize) -> Result<(), Error> {
    while !round(db, state, most)? {}
    Ok(())
}

/// Goes through the logs; whether all were still those that the index knows. Else it knows nothing any more.
fn round(db: &mut Connection, state: &Path, most: usize) -> Result<bool, Error> {
    let slots = read::slots(state)?;
    if search::logs(db).map_err(failed)?.values().any(|slot| !slots.contains(slot)) {
        let gone = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        forget(&gone).and_then(|()| gone.commit()).map_err(failed)?;
    }
    for slot in slots {
        let folder = state.join("log").join(&slot);
        while folder.join("seg").exists() {
            match batch(db, &folder, &slot, most)? {
                Step::More => {}
                Step::Done => break,
                Step::Other => return Ok(false),
            }
        }
    }
    Ok(true)
}

/// What reading a part of a log came to.
enum Step {
    /// There may be more.
    More,
    Done,
    /// It is another log, or an older copy of it.
    Other,
}

/// How far a log was read, and the newest entry then.
struct Known {
    log: i64,
    first: u64,
    next: Mark,
    last: Mark,
    record: String,
}

/// Reads a part of a log.
fn batch(db: &mut Connection, folder: &Path, slot: &str, most: usize) -> Result<Step, Error> {
    let here = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let known = match known(&here, slot).map_err(failed)? {
        Some(known) if known.record.is_empty() || read::stands(folder, known.last, &known.record) => known,
        Some(_) => {
            forget(&here).and_then(|()| here.commit()).map_err(failed)?;
            return Ok(Step::Other);
        }
        None => begin(&here, slot).map_err(failed)?,
    };
    let first = segment::numbers(folder).ok().and_then(|numbers| numbers.first().copied()).unwrap_or(0);
    if known.first != first {
        prune(&here, known.log, first).map_err(failed)?;
    }
    let mut fill = Fill::new(&here, known.log).map_err(failed)?;
    let (mut taken, mut last) = (0, None);
    let read = while_reading(folder, known.next, most, |entries| {
        for (mark, record) in entries.iter().flatten() {
            taken += 1;
            match record {
                Ok(record) => {
                    fill.add(mark, &record).map_err(failed)?;
                    last = Some((mark, record.id.as_str().to_owned()));
                }
                Err(error) => fill.wrong(mark, &error).map_err(failed)?,
            }
        }
        Ok(())
    })?;
    if taken == 0 && read == known.next && known.first == first {
        return Ok(Step::Done);
    }
    fill.finish(taken, most).map_err(failed)?;
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
    Ok(if taken >= most { Step::More } else { Step::Done })
}

/// An entry as it was read.
type Read = (Mark, Result<Record, Error>);

/// Has `take` hear of the entries from a mark on, at most a batch, while another thread reads them; where it ended.
fn while_reading(
    folder: &Path,
    from: Mark,
    most: usize,
    take: impl FnOnce(Receiver<Vec<Read>>) -> Result<(), Error>,
) -> Result<Mark, Error> {
    let died = || Error::new(ErrorKind::Internal, "the thread that reads the log died");
    let (to, entries) = sync_channel(8);
    thread::scope(|scope| {
        let reading = thread::Builder::new().spawn_scoped(scope, move || read_batch(folder, from, most, &to));
        let reading = reading.map_err(|e| died().with_source(e))?;
        take(entries)?;
        reading.join().map_err(|_| died())?
    })
}

fn read_batch(folder: &Path, from: Mark, most: usize, to: &SyncSender<Vec<Read>>) -> Result<Mark, Error> {
    let (mut some, mut taken) = (Vec::new(), 0);
    let end = read::entries_from(folder, from, &mut |mark, record| {
        some.push((mark, record));
        taken += 1;
        // Who takes no more has failed, and says so.
        let goes_on = some.len() < TOGETHER || to.send(std::mem::take(&mut some)).is_ok();
        goes_on && taken < most
    });
    let _ = to.send(some);
    end
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
        // What packs say of entries that are gone is passed over.
        let old = "last < coalesce((SELECT min(at) FROM entry), 9223372036854775807)";
        for part in ["packed", "packed_entry"] {
            db.execute(&format!("DELETE FROM {part} WHERE pack IN (SELECT id FROM pack WHERE {old})"), ())?;
        }
        db.execute(&format!("DELETE FROM pack WHERE {old}"), ())?;
    }
    Ok(())
}

/// Begins anew: what a log was that is another one now lies among what the others are.
fn forget(db: &Transaction<'_>) -> rusqlite::Result<()> {
    db.execute_batch(
        "DELETE FROM posting; DELETE FROM packed; DELETE FROM packed_entry; DELETE FROM pack; DELETE FROM term; \
         DELETE FROM entry; DELETE FROM wrong; DELETE FROM log",
    )
}

/// The last term of a field, above its ground.
const LAST: i64 = (1 << terms::FIELD) - 1;

/// Writes the entries of one log.
struct Fill<'t> {
    db: &'t Transaction<'t>,
    log: i64,
    say: Statements<'t>,
    /// Each term by field.
    terms: HashMap<Field, HashMap<String, Counted>>,
    remembered: usize,
    postings: Postings,
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
            name: db.prepare_cached(
                "INSERT INTO term (id, field, text) SELECT coalesce(max(id), ?3) + 1, ?1, ?2 FROM term WHERE id BETWEEN ?3 AND ?4 \
                 ON CONFLICT DO NOTHING",
            )?,
            named: db.prepare_cached("SELECT id FROM term WHERE field = ?1 AND text = ?2")?,
        };
        Ok(Self { db, log, say, terms: HashMap::new(), remembered: 0, postings: Postings::default() })
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
        self.postings.entry(at, entry);
        terms::of(record, &mut |field, text| {
            failure = failure.take().or(self.post(field, text).err());
        });
        failure.map_or(Ok(()), Err)
    }

    fn post(&mut self, field: Field, text: &str) -> rusqlite::Result<()> {
        let term = if field.is_drawn() { field.drawn(text) } else { self.term(field, text)? };
        self.postings.term(term);
        Ok(())
    }

    /// Writes what was found in so many entries: as rows where they are few, and else together with the rows that are there as a pack.
    fn finish(mut self, taken: usize, most: usize) -> rusqlite::Result<()> {
        self.count()?;
        let number = |sql: &str| self.db.query_row(sql, (), |row| row.get::<_, i64>(0));
        let newest = number("SELECT coalesce(max(id), 0) FROM entry")?;
        let packed = number("SELECT coalesce(max(entry), 0) FROM pack")?;
        let many = most.min(ROWS);
        if taken < many && newest.saturating_sub(packed) < many as i64 {
            let mut post = self.db.prepare_cached("INSERT OR IGNORE INTO posting VALUES (?1, ?2, ?3)")?;
            return self.postings.rows().try_for_each(|row| post.execute(row).map(drop));
        }
        let mut rows = self.db.prepare_cached("SELECT term, at, entry FROM posting")?;
        let rows = rows.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        self.postings.extend(rows)?;
        pack::write(self.db, self.postings, newest)?;
        self.db.execute("DELETE FROM posting", ()).map(drop)
    }

    /// The number of a term, which one more entry has.
    fn term(&mut self, field: Field, text: &str) -> rusqlite::Result<i64> {
        if let Some(counted) = self.terms.get_mut(&field).and_then(|terms| terms.get_mut(text)) {
            counted.more += 1;
            return Ok(counted.term);
        }
        if self.remembered >= REMEMBERED {
            self.count()?;
        }
        // A new row counts the entry that it is made for.
        let ground = field.ground();
        let counted = match self.say.name.execute(params![field as u8, text, ground, ground | LAST])? {
            0 => Counted {
                term: self.say.named.query_row(params![field as u8, text], |row| row.get(0))?,
                more: 1,
            },
            _ => Counted { term: self.db.last_insert_rowid(), more: 0 },
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
