//! Apache Parquet (`parquet.thrift`): pages one after the other, and what they are in a footer.
//!
//! Each page has a header with its size, so the pages are stepped over as they pass and only what follows the last of them is
//! held: indexes and the footer. That says how many rows there are, and which columns are lists of numbers; how many lists stand in lists it says
//! where its writer counted levels (`SizeStatistics`).

use super::thrift::{I32, I64, LIST, Reader, STRUCT, Stop};

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A page or a filter: how long its header is, and how many bytes follow.
    Pages(usize, u64),
    /// What stands behind the last of them.
    Tail,
}

/// What the footer counts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) rows: u64,
    pub(super) vectors: u64,
}

/// The longest header of a page: it may tell the least and the largest value.
const MAX_PAGE_HEADER: usize = 1 << 15;

/// What begins here; `None` where not enough of it has come.
pub(super) fn next(bytes: &[u8]) -> Option<Next> {
    let mut reader = Reader::new(bytes);
    match header(&mut reader) {
        Ok(size) => Some(Next::Pages(bytes.len() - reader.rest.len(), size)),
        Err(Stop::Short) if bytes.len() <= MAX_PAGE_HEADER => None,
        Err(Stop::Short | Stop::Bad) => Some(Next::Tail),
    }
}

/// The header of a page (`1: type, 2: size, 3: packed size`) or of a filter (`1: bytes, 2: algorithm`): how much it is for.
fn header(reader: &mut Reader<'_>) -> Result<u64, Stop> {
    let (Some((1, I32)), first) = (reader.field()?, reader.count()?) else { return Err(Stop::Bad) };
    let mut size = match reader.field()? {
        // The footer begins alike, and goes on with a list.
        Some((2, I32)) => reader.count().map(|_| None)?,
        Some((2, STRUCT)) => reader.skip(STRUCT).map(|()| Some(first))?,
        _ => return Err(Stop::Bad),
    };
    while let Some((number, kind)) = reader.field()? {
        match (number, kind, size) {
            (3, I32, None) => size = Some(reader.count()?),
            _ => reader.skip(kind)?,
        }
    }
    size.ok_or(Stop::Bad)
}

/// The footer, where these bytes end with one; `None` where they do not, an error where it is none.
pub(super) fn footer(held: &[u8]) -> Result<Option<Counted>, ()> {
    let Some((before, [a, b, c, d, b'P', b'A', b'R', b'1'])) = held.split_last_chunk::<8>() else {
        return Ok(None);
    };
    let length = usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).map_err(|_| ())?;
    // Anything may hold these letters: whether they are the end is told by the length in front of them.
    let Some(start) = before.len().checked_sub(length) else { return Ok(None) };
    let mut reader = Reader::new(before.get(start..).unwrap_or_default());
    let found = counted(&mut reader).map_err(|_| ())?;
    if reader.rest.is_empty() { Ok(Some(found)) } else { Err(()) }
}

/// What a column has to do with vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Other,
    /// One list of numbers in each row.
    List,
    /// Lists of them in lists. What is defined up to this level is a list that has something in it.
    Lists {
        filled: usize,
    },
}

/// The deepest lists in lists whose levels are looked at.
const MAX_LEVELS: u64 = 64;

/// One column, or what holds columns.
#[derive(Debug, Default)]
struct Element {
    kind: Option<i64>,
    length: i64,
    optional: bool,
    repeated: bool,
    children: u64,
    converted: Option<i64>,
}

impl Element {
    /// Floats of any width, and numbers of eight bits.
    fn is_component(&self) -> bool {
        const INT32: i64 = 1;
        const FLOAT: i64 = 4;
        const DOUBLE: i64 = 5;
        const FIXED: i64 = 7;
        const UINT_8_AND_INT_8: [i64; 2] = [11, 15];
        match self.kind {
            Some(FLOAT | DOUBLE) => true,
            Some(INT32) => self.converted.is_some_and(|kind| UINT_8_AND_INT_8.contains(&kind)),
            // Halves are two bytes each, and nothing else that stands in lists is.
            Some(FIXED) => self.length == 2 && self.converted.is_none(),
            _ => false,
        }
    }
}

fn counted(reader: &mut Reader<'_>) -> Result<Counted, Stop> {
    let (mut found, mut schema) = (Counted { rows: 0, vectors: 0 }, None);
    while let Some((number, kind)) = reader.field()? {
        match (number, kind) {
            (2, LIST) => schema = Some(columns(reader)?),
            (3, I64) => found.rows = reader.count()?,
            (4, LIST) => {
                let columns = schema.as_deref().ok_or(Stop::Bad)?;
                for _ in 0..structs(reader)? {
                    let group = reader.nested(|reader| row_group(reader, columns))?;
                    found.vectors = found.vectors.saturating_add(group);
                }
            }
            _ => reader.skip(kind)?,
        }
    }
    Ok(found)
}

/// How many structures a list has.
fn structs(reader: &mut Reader<'_>) -> Result<u64, Stop> {
    let (length, kind) = reader.list()?;
    if length > 0 && kind != STRUCT { Err(Stop::Bad) } else { Ok(length) }
}

/// The schema, level by level: what each column is.
fn columns(reader: &mut Reader<'_>) -> Result<Vec<Column>, Stop> {
    let (mut found, mut open) = (Vec::new(), Vec::<Group>::new());
    for _ in 0..structs(reader)? {
        let element = reader.nested(element)?;
        let above = open.last();
        let lists = above.map_or(0, |group| group.lists) + u64::from(element.repeated);
        let defined =
            above.map_or(0, |group| group.defined) + usize::from(element.optional || element.repeated);
        let filled = if element.repeated { defined } else { above.map_or(0, |group| group.filled) };
        // Alone in what is repeated, or repeated itself, as older writers have it.
        let alone = element.repeated || open.last().is_some_and(|group| group.holds_one);
        if let Some(group) = open.last_mut() {
            group.left = group.left.checked_sub(1).ok_or(Stop::Bad)?;
        }
        if element.children > 0 {
            let holds_one = element.repeated && element.children == 1;
            open.push(Group { left: element.children, lists, holds_one, defined, filled });
        } else {
            found.push(match lists {
                _ if !(element.is_component() && alone) => Column::Other,
                0 | 1 => Column::List,
                _ => Column::Lists { filled },
            });
        }
        while open.last().is_some_and(|group| group.left == 0) {
            open.pop();
        }
    }
    Ok(found)
}

/// What holds columns.
struct Group {
    /// How many more it holds.
    left: u64,
    /// How many lists it stands in, itself counted.
    lists: u64,
    /// It is the list of what it holds.
    holds_one: bool,
    /// How many levels of it may be missing or empty, and up to the innermost list.
    defined: usize,
    filled: usize,
}

fn element(reader: &mut Reader<'_>) -> Result<Element, Stop> {
    let mut found = Element::default();
    while let Some((number, kind)) = reader.field()? {
        match (number, kind) {
            (1, I32) => found.kind = Some(reader.number()?),
            (2, I32) => found.length = reader.number()?,
            (3, I32) => match reader.number()? {
                1 => found.optional = true,
                2 => found.repeated = true,
                _ => {}
            },
            (5, I32) => found.children = reader.count()?,
            (6, I32) => found.converted = Some(reader.number()?),
            _ => reader.skip(kind)?,
        }
    }
    Ok(found)
}

/// How many vectors the columns of a group of rows hold.
fn row_group(reader: &mut Reader<'_>, columns: &[Column]) -> Result<u64, Stop> {
    let (mut chunks, mut rows) = (Vec::new(), 0);
    while let Some((number, kind)) = reader.field()? {
        match (number, kind) {
            (1, LIST) => {
                for _ in 0..structs(reader)? {
                    chunks.push(reader.nested(chunk)?);
                }
            }
            (3, I64) => rows = reader.count()?,
            _ => reader.skip(kind)?,
        }
    }
    let mut vectors = 0_u64;
    for (chunk, column) in chunks.iter().zip(columns) {
        vectors = vectors.saturating_add(match column {
            Column::Other => 0,
            Column::List => chunk.lists(rows),
            Column::Lists { filled } => chunk.lists_within(*filled).ok_or(Stop::Bad)?,
        });
    }
    Ok(vectors)
}

/// What is told of a column within a group of rows.
#[derive(Debug, Default)]
struct Chunk {
    values: u64,
    nulls: u64,
    /// How many values go on at each level of lists, the last one the innermost, and how many are defined to each level.
    repeats: Vec<u64>,
    defined: Vec<u64>,
}

impl Chunk {
    /// How many of so many rows hold a list. One that is missing is a single null; where the other numbers do not make lists of one
    /// length, a null may be part of one, and all rows count.
    fn lists(&self, rows: u64) -> u64 {
        let there = rows.saturating_sub(self.nulls);
        let numbers = self.values.saturating_sub(self.nulls);
        if there > 0 && numbers.is_multiple_of(there) || numbers == 0 { there } else { rows }
    }

    /// How many lists stand in lists, without those that are missing or empty; `None` where their writer did not say.
    fn lists_within(&self, filled: usize) -> Option<u64> {
        let (_, begin) = self.repeats.split_last()?;
        let all = |counts: &[u64]| counts.iter().copied().fold(0, u64::saturating_add);
        all(begin).checked_sub(all(self.defined.get(..filled)?))
    }
}

/// A column within a group of rows: its numbers stand in a structure of their own.
fn chunk(reader: &mut Reader<'_>) -> Result<Chunk, Stop> {
    let mut found = Chunk::default();
    while let Some((number, kind)) = reader.field()? {
        match (number, kind) {
            (3, STRUCT) => found = reader.nested(numbers)?,
            _ => reader.skip(kind)?,
        }
    }
    Ok(found)
}

fn numbers(reader: &mut Reader<'_>) -> Result<Chunk, Stop> {
    let mut found = Chunk::default();
    while let Some((number, kind)) = reader.field()? {
        match (number, kind) {
            (5, I64) => found.values = reader.count()?,
            (12, STRUCT) => {
                found.nulls = reader.nested(|reader| {
                    let mut nulls = 0;
                    while let Some((number, kind)) = reader.field()? {
                        match (number, kind) {
                            (3, I64) => nulls = reader.count()?,
                            _ => reader.skip(kind)?,
                        }
                    }
                    Ok(nulls)
                })?;
            }
            (16, STRUCT) => (found.repeats, found.defined) = reader.nested(levels)?,
            _ => reader.skip(kind)?,
        }
    }
    Ok(found)
}

/// How many values there are at each level of repetition and of definition.
fn levels(reader: &mut Reader<'_>) -> Result<(Vec<u64>, Vec<u64>), Stop> {
    let (mut repeats, mut defined) = (Vec::new(), Vec::new());
    while let Some((number, kind)) = reader.field()? {
        match (number, kind) {
            (2, LIST) => repeats = counts(reader)?,
            (3, LIST) => defined = counts(reader)?,
            _ => reader.skip(kind)?,
        }
    }
    Ok((repeats, defined))
}

fn counts(reader: &mut Reader<'_>) -> Result<Vec<u64>, Stop> {
    let (length, kind) = reader.list()?;
    if length > MAX_LEVELS || length > 0 && kind != I64 {
        return Err(Stop::Bad);
    }
    (0..length).map(|_| reader.count()).collect()
}

#[cfg(test)]
mod tests {
    use super::Chunk;

    #[test]
    fn lists_within_lists_are_as_many_as_their_writer_says() {
        // [[a, b], [], [c]], none, []: three entries begin rows, two lists within; one row is missing, one list within and one row are empty.
        let told = Chunk { repeats: vec![3, 2, 1], defined: vec![1, 1, 0, 1, 0, 3], ..Chunk::default() };
        assert_eq!(told.lists_within(4), Some(2));
        assert_eq!(Chunk::default().lists_within(4), None);
        assert_eq!(Chunk { defined: vec![9; 5], ..told }.lists_within(4), None);
    }
}
