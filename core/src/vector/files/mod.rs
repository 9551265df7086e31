//! Files of vectors, counted as the bytes pass: NumPy's `.npy` and `.npz`, safetensors, `.fvecs`, Arrow and Parquet from their headers, tables
//! of text from their cells.
//!
//! Their headers say how many vectors follow, so that the count is known before the first of them has gone on. Of Parquet it stands in a
//! footer: until that has come nothing is known, so where a quota counts vectors none of it goes on. A file that is not known is not counted
//! rather than guessed. The files of a multipart body are counted together.

mod arrow;
mod npy;
mod parquet;
mod parts;
mod safetensors;
mod table;
mod thrift;
mod zip;

use crate::model::Census;

/// The most bytes of a header.
const MAX_HEADER: usize = 4 << 20;

/// The most numbers of one vector.
const MAX_DIMENSIONS: u32 = 1 << 16;

/// Follows one file and counts.
#[derive(Debug, Default)]
pub struct FileCounter {
    kind: Kind,
    /// Bytes of a header that is not complete.
    held: Vec<u8>,
    /// How many bytes come before the next header.
    skip: u64,
    /// How much must have come before what is held is read again.
    again: usize,
    /// Of Arrow's columns, which are lists of numbers.
    columns: Vec<bool>,
    census: Census,
    /// The files of a multipart body, each with a counter of its own.
    parts: Option<Box<parts::Parts>>,
    /// What reads a table.
    table: Option<Box<table::Table>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Unread,
    Npy,
    Zip,
    Safetensors,
    Fvecs,
    /// Arrow's messages; `ArrowFile` before the first.
    ArrowFile,
    Arrow,
    /// Parquet's pages, and what stands behind them.
    Parquet,
    ParquetTail,
    /// Everything is counted.
    Done,
    /// Nothing is known of what it holds.
    Unknown,
}

/// What the bytes so far say.
enum Read {
    /// The header is not complete.
    More,
    /// So many bytes are read, so many that follow need not be, and then comes a header of this kind.
    Next(usize, u64, Kind),
    /// It is damaged, or says nothing that can be counted.
    Unknown,
}

/// An array of numbers by its header.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Array {
    /// Floats, or bytes that stand for them.
    vectors: bool,
    shape: Vec<u64>,
}

impl FileCounter {
    /// For a file of this name, which may be a path; its end tells what its bytes do not.
    pub fn new(name: &str) -> Self {
        let path = name.split(['?', '#']).next().unwrap_or_default();
        let path = path.to_ascii_lowercase();
        match path.rsplit_once('.') {
            Some((_, "csv")) => return Self::of_table(b','),
            Some((_, "tsv")) => return Self::of_table(b'\t'),
            _ => {}
        }
        let plain = path.ends_with(".fvecs");
        Self { kind: if plain { Kind::Fvecs } else { Kind::Unread }, ..Self::default() }
    }

    /// For the files in the parts of a multipart body, which stand between lines of this boundary.
    pub fn of_parts(boundary: &[u8]) -> Self {
        Self { parts: Some(Box::new(parts::Parts::new(boundary))), ..Self::default() }
    }

    /// For a table of text, with this byte between two cells.
    pub fn of_table(separator: u8) -> Self {
        Self { table: Some(Box::new(table::Table::new(separator))), ..Self::default() }
    }

    /// What was counted so far; `None` where the file cannot be counted, or its header has not come.
    pub fn census(&self) -> Option<&Census> {
        if let Some(table) = &self.table {
            return Some(table.census());
        }
        if let Some(parts) = &self.parts {
            return parts.census();
        }
        match self.kind {
            Kind::Unread
            | Kind::Npy
            | Kind::Safetensors
            | Kind::ArrowFile
            | Kind::Parquet
            | Kind::ParquetTail
            | Kind::Unknown => None,
            Kind::Zip | Kind::Fvecs | Kind::Arrow | Kind::Done => Some(&self.census),
        }
    }

    /// The next bytes pass.
    pub fn push(&mut self, bytes: &[u8]) {
        if let Some(parts) = &mut self.parts {
            return parts.push(bytes);
        }
        if let Some(table) = &mut self.table {
            return table.push(bytes);
        }
        let mut held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            held.extend_from_slice(bytes);
        }
        let window = if held.is_empty() { bytes } else { held.as_slice() };
        let mut at = 0;
        let open = loop {
            let ahead = window.get(at..).unwrap_or_default();
            let passed = usize::try_from(self.skip).unwrap_or(usize::MAX).min(ahead.len());
            self.skip -= passed as u64;
            at += passed;
            let ahead = ahead.get(passed..).unwrap_or_default();
            if self.skip > 0 || matches!(self.kind, Kind::Done | Kind::Unknown) {
                break false;
            }
            if ahead.len() < self.again {
                break true;
            }
            self.again = 0;
            match self.read(ahead) {
                Read::More if ahead.len() <= MAX_HEADER => {
                    // A header whose length is not told is read from its start each time.
                    if self.kind == Kind::Parquet && ahead.len() > 1 << 10 {
                        self.again = ahead.len() + ahead.len() / 4;
                    }
                    break true;
                }
                Read::More | Read::Unknown => self.kind = Kind::Unknown,
                Read::Next(read, skip, kind) => {
                    at += read;
                    (self.skip, self.kind) = (skip, kind);
                }
            }
        };
        if open && at == 0 && !held.is_empty() {
            self.held = held;
        } else if open {
            self.held = window.get(at..).unwrap_or_default().to_vec();
        }
    }

    /// Reads the header that begins with `held`.
    fn read(&mut self, held: &[u8]) -> Read {
        match self.kind {
            Kind::Unread => kind(held),
            Kind::Npy => match npy::header(held) {
                Ok(Some((_, array))) => {
                    self.note(&array);
                    Read::Next(held.len(), 0, Kind::Done)
                }
                Ok(None) => Read::More,
                Err(()) => Read::Unknown,
            },
            Kind::Safetensors => match safetensors::arrays(held) {
                Ok(Some(arrays)) => {
                    arrays.iter().for_each(|array| self.note(array));
                    Read::Next(held.len(), 0, Kind::Done)
                }
                Ok(None) => Read::More,
                Err(()) => Read::Unknown,
            },
            Kind::Zip => match zip::member(held) {
                Ok(Some(member)) => {
                    if let Some(array) = &member.array {
                        self.note(array);
                    }
                    Read::Next(member.header, member.size, if member.last { Kind::Done } else { Kind::Zip })
                }
                Ok(None) => Read::More,
                Err(()) => Read::Unknown,
            },
            Kind::Fvecs => match held.first_chunk::<4>() {
                None => Read::More,
                Some(dimensions) => match u32::from_le_bytes(*dimensions) {
                    dimensions @ 1..=MAX_DIMENSIONS => {
                        self.rows(1, 1);
                        Read::Next(4, u64::from(dimensions) * 4, Kind::Fvecs)
                    }
                    _ => Read::Unknown,
                },
            },
            Kind::ArrowFile | Kind::Arrow => self.message(held),
            Kind::Parquet => match parquet::next(held) {
                Some(parquet::Next::Pages(header, size)) => Read::Next(header, size, Kind::Parquet),
                Some(parquet::Next::Tail) => Read::Next(0, 0, Kind::ParquetTail),
                None => Read::More,
            },
            Kind::ParquetTail => match parquet::footer(held) {
                Ok(Some(counted)) => {
                    self.rows(counted.rows, counted.vectors);
                    Read::Next(held.len(), 0, Kind::Done)
                }
                Ok(None) => Read::More,
                Err(()) => Read::Unknown,
            },
            Kind::Done | Kind::Unknown => Read::Unknown,
        }
    }

    fn message(&mut self, held: &[u8]) -> Read {
        let message = match arrow::message(held, &self.columns) {
            Ok(Some(message)) => message,
            Ok(None) => return Read::More,
            Err(()) => return Read::Unknown,
        };
        match message.said {
            arrow::Said::Columns(columns) => self.columns = columns,
            arrow::Said::Rows { rows, vectors } => self.rows(rows, vectors),
            arrow::Said::Other => {}
            arrow::Said::End => return Read::Next(message.header, 0, Kind::Done),
        }
        Read::Next(message.header, message.size, Kind::Arrow)
    }

    /// Counts an array: of two dimensions a list of vectors, of one the ids of its neighbours.
    fn note(&mut self, array: &Array) {
        match array.shape.as_slice() {
            [] => {}
            [ids] => self.census.ids_total = self.census.ids_total.max(*ids),
            [rows, between @ .., _] if array.vectors => {
                let vectors =
                    between.iter().fold(*rows, |vectors, dimension| vectors.saturating_mul(*dimension));
                self.rows(*rows, vectors);
            }
            _ => {}
        }
    }

    /// Rows whose place is their id, and their vectors.
    fn rows(&mut self, rows: u64, vectors: u64) {
        self.census.rows = self.census.rows.saturating_add(rows);
        self.census.vectors = self.census.vectors.saturating_add(vectors);
        self.census.ids_total = self.census.ids_total.max(self.census.rows);
    }
}

/// What a file is, by how it begins.
fn kind(start: &[u8]) -> Read {
    // How a file begins, and how much of that is only its mark.
    let magic: [(&[u8], Kind, usize); 5] = [
        (b"\x93NUMPY", Kind::Npy, 0),
        (b"PK\x03\x04", Kind::Zip, 0),
        (b"PAR1", Kind::Parquet, 4),
        (b"ARROW1\0\0", Kind::ArrowFile, 8),
        (b"\xff\xff\xff\xff", Kind::ArrowFile, 0),
    ];
    if let Some((_, kind, mark)) = magic.iter().find(|(magic, ..)| start.starts_with(magic)) {
        return Read::Next(*mark, 0, *kind);
    }
    match start.get(..9) {
        None => Read::More,
        Some(start) if start.ends_with(b"{") => Read::Next(0, 0, Kind::Safetensors),
        Some(_) => Read::Unknown,
    }
}

#[cfg(test)]
mod tests;
