-- How far each log was read, and which segment was its first then. `last_` is the newest entry: another one in its place means another log.
CREATE TABLE log (
    id INTEGER PRIMARY KEY, slot TEXT NOT NULL UNIQUE, first INTEGER NOT NULL, segment INTEGER NOT NULL, place INTEGER NOT NULL, next INTEGER NOT NULL,
    last_segment INTEGER NOT NULL, last_place INTEGER NOT NULL, last_number INTEGER NOT NULL, last_record TEXT NOT NULL) STRICT;

-- One row an exchange or step, at its newest entry: begun, and not ended yet, where `complete` is 0.
CREATE TABLE entry (
    id INTEGER PRIMARY KEY, log INTEGER NOT NULL, number INTEGER NOT NULL, segment INTEGER NOT NULL, place INTEGER NOT NULL,
    at INTEGER NOT NULL, record TEXT NOT NULL, complete INTEGER NOT NULL) STRICT;
CREATE INDEX entry_at ON entry (at);
CREATE UNIQUE INDEX entry_open ON entry (log, record) WHERE complete = 0;
CREATE INDEX entry_unended ON entry (at) WHERE complete = 0;

-- What entries can be found by: a field, and what stands in it. `count` is about how many have it. Ids and digests, of which there are as many
-- as entries, have no row: their terms are below zero, and drawn from what they are. Those of a field lie together (`terms.rs`).
CREATE TABLE term (
    id INTEGER PRIMARY KEY, field INTEGER NOT NULL, text TEXT NOT NULL, count INTEGER NOT NULL DEFAULT 1, UNIQUE (field, text)) STRICT;

-- Which entries have a term: the newest ones a row each, those before them in packs. A pack covers some ten thousand entries from one time to
-- another, and has been made when `entry` was the newest; `data` is as `pack.rs` says.
CREATE TABLE posting (
    term INTEGER NOT NULL, at INTEGER NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (term, at, entry)) STRICT, WITHOUT ROWID;
CREATE TABLE pack (
    id INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, size INTEGER NOT NULL, entry INTEGER NOT NULL) STRICT;
CREATE TABLE packed (
    pack INTEGER NOT NULL, bucket INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (pack, bucket)) STRICT, WITHOUT ROWID;
CREATE TABLE packed_entry (
    pack INTEGER NOT NULL, block INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (pack, block)) STRICT, WITHOUT ROWID;

-- Places that cannot be read.
CREATE TABLE wrong (
    log INTEGER NOT NULL, segment INTEGER NOT NULL, place INTEGER NOT NULL, what TEXT NOT NULL,
    PRIMARY KEY (log, segment, place)) STRICT, WITHOUT ROWID;
