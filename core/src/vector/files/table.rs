//! Tables of text (RFC 4180) with a row a record: cells that are vectors, and numbers side by side that are one.
//!
//! ```text
//! id,embedding CRLF 7,"[0.1, -0.2, 0.3]" CRLF
//! ```
//!
//! The first record names the columns, unless it holds a vector or a number. A row without a name of its own has its place.

use crate::model::Census;
use crate::vector::shape;

/// How much of a cell is looked at: of a longer one, how it begins.
const MOST_OF_CELL: usize = 64 * 1024;

/// How many names of columns are looked at: whoever has more keeps vectors in them number by number.
const MOST_COLUMNS: usize = 16 * 1024;

/// Follows one table.
#[derive(Debug)]
pub(super) struct Table {
    separator: u8,
    place: Place,
    /// The cell at hand, without its quotes.
    cell: Vec<u8>,
    longer: bool,
    /// Which columns say by their name that they hold vectors.
    told: Vec<bool>,
    named: bool,
    record: Record,
    closed: Census,
    /// With what the record at hand has shown.
    all: Census,
}

/// Where in the text the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Plain,
    Quoted,
    /// Behind a quote within quotes: the end of the cell, or half of a quote in it.
    Quote,
}

/// What the cells of a record so far are.
#[derive(Debug, Clone, Copy, Default)]
struct Record {
    cells: usize,
    vectors: u64,
    numbers: u64,
    measured: u64,
    /// Whether there is anything but a line's end.
    begun: bool,
}

impl Record {
    /// How many vectors it is: those of its cells, or all its numbers where they are too many for labels.
    fn vectors(self) -> u64 {
        match self.vectors {
            0 => u64::from(self.measured > 0 && self.numbers >= shape::SHORTEST_WHOLE),
            vectors => vectors,
        }
    }
}

impl Table {
    pub(super) fn new(separator: u8) -> Self {
        Self {
            separator,
            place: Place::Plain,
            cell: Vec::new(),
            longer: false,
            told: Vec::new(),
            named: false,
            record: Record::default(),
            closed: Census::default(),
            all: Census::default(),
        }
    }

    /// What was counted so far, as if the table ended here.
    pub(super) fn census(&self) -> &Census {
        &self.all
    }

    /// The next bytes pass.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.byte(byte);
        }
        self.all = self.closed.clone();
        let last = self.with_cell();
        if last.begun && (self.named || last.vectors() > 0 || last.numbers > 0) {
            note(&mut self.all, last);
        }
    }

    fn byte(&mut self, byte: u8) {
        match (self.place, byte) {
            (Place::Plain, b'"') if self.cell.is_empty() => {
                self.record.begun = true;
                self.place = Place::Quoted;
            }
            (Place::Quoted, b'"') => self.place = Place::Quote,
            (Place::Quote, b'"') => {
                self.place = Place::Quoted;
                self.keep(byte);
            }
            (Place::Quoted, _) => self.keep(byte),
            (_, b'\r' | b'\n') => {
                self.place = Place::Plain;
                self.record_ends();
            }
            (_, byte) if byte == self.separator => {
                self.place = Place::Plain;
                self.record = self.with_cell();
                self.record.begun = true;
                self.cell_ends();
            }
            (_, byte) => self.keep(byte),
        }
    }

    fn keep(&mut self, byte: u8) {
        self.record.begun = true;
        if self.cell.len() < MOST_OF_CELL {
            self.cell.push(byte);
        } else {
            self.longer = true;
        }
    }

    /// The record, the cell at hand included.
    fn with_cell(&self) -> Record {
        let mut record = self.record;
        let told = self.told.get(record.cells).copied().unwrap_or(false);
        let text = self.cell.trim_ascii();
        record.cells += 1;
        if shape::is_cell_vector(text, self.longer, told) {
            record.vectors += 1;
        } else if !text.is_empty() && std::str::from_utf8(text).is_ok_and(|text| text.parse::<f64>().is_ok())
        {
            record.numbers += 1;
            record.measured += u64::from(shape::is_measured(text));
        }
        record
    }

    fn cell_ends(&mut self) {
        if !self.named && self.told.len() < MOST_COLUMNS {
            self.told.push(shape::names_vector(self.cell.trim_ascii()));
        }
        self.cell.clear();
        self.longer = false;
    }

    fn record_ends(&mut self) {
        let record = self.with_cell();
        let begun = self.record.begun;
        self.cell_ends();
        self.record = Record::default();
        if !begun {
            // An empty line, or the second half of a line's end.
            if !self.named {
                self.told.clear();
            }
            return;
        }
        let names = !self.named && record.vectors() == 0 && record.numbers == 0;
        self.named = true;
        if names {
            return;
        }
        note(&mut self.closed, record);
    }
}

fn note(census: &mut Census, record: Record) {
    census.rows += 1;
    census.ids_total += 1;
    census.vectors = census.vectors.saturating_add(record.vectors());
}
