//! Apache Arrow's streams and files (`Message.fbs`, `Schema.fbs`): messages with a header of their own, each in front of its data. The
//! first tells the columns, every other one how many rows follow, and how many elements each column has.

/// What a message says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Of each column, and of what columns hold, whether it is lists of numbers.
    Columns(Vec<bool>),
    Rows {
        rows: u64,
        vectors: u64,
    },
    /// Something that is not counted.
    Other,
    End,
}

/// One message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// How long its header is, and the data behind it.
    pub(super) header: usize,
    pub(super) size: u64,
    pub(super) said: Said,
}

/// How deep columns may be nested, and how many there may be.
const MAX_DEPTH: u8 = 32;
const MAX_COLUMNS: usize = 1 << 16;

/// The message that begins here; `None` where not enough of it has come, an error where it is none.
pub(super) fn message(bytes: &[u8], columns: &[bool]) -> Result<Option<Message>, ()> {
    let Some(first) = bytes.first_chunk::<4>() else { return Ok(None) };
    // Older writers leave the mark away.
    let start = if *first == [0xff; 4] { 8 } else { 4 };
    let Some(length) = bytes.get(start - 4..start).and_then(|four| four.first_chunk::<4>()) else {
        return Ok(None);
    };
    let length = usize::try_from(i32::from_le_bytes(*length)).map_err(|_| ())?;
    if length == 0 {
        return Ok(Some(Message { header: start, size: 0, said: Said::End }));
    }
    if length > super::MAX_HEADER {
        return Err(());
    }
    let Some(text) = bytes.get(start..start + length) else { return Ok(None) };
    let root = Table::root(text)?;
    let size = root.long(3)?.unwrap_or(0);
    let said = match (root.byte(1)?, root.table(2)?) {
        (Some(SCHEMA), Some(schema)) => {
            let mut found = Vec::new();
            for field in schema.tables(1)? {
                column(field?, 0, &mut found)?;
            }
            Said::Columns(found)
        }
        (Some(BATCH), Some(batch)) => rows(&batch, columns)?,
        (Some(DICTIONARY), Some(_)) => Said::Other,
        _ => return Err(()),
    };
    Ok(Some(Message { header: start + length, size, said }))
}

const SCHEMA: u8 = 1;
const DICTIONARY: u8 = 2;
const BATCH: u8 = 3;

/// A column, and those that it holds, in the order of their elements.
fn column(field: Table<'_>, depth: u8, found: &mut Vec<bool>) -> Result<(), ()> {
    // `List`, `FixedSizeList`, `LargeList` and the two views.
    const LISTS: [u8; 5] = [12, 16, 21, 25, 26];
    if depth >= MAX_DEPTH || found.len() >= MAX_COLUMNS {
        return Err(());
    }
    // What stands in a dictionary is named by its place in it.
    if field.table(4)?.is_some() {
        found.push(false);
        return Ok(());
    }
    let children = field.tables(5)?.collect::<Result<Vec<_>, ()>>()?;
    let lists = field.byte(2)?.is_some_and(|kind| LISTS.contains(&kind));
    found.push(match children.as_slice() {
        [only] if lists => is_component(only)?,
        _ => false,
    });
    children.into_iter().try_for_each(|child| column(child, depth + 1, found))
}

/// Floats of any width, and numbers of eight bits.
fn is_component(field: &Table<'_>) -> Result<bool, ()> {
    const INT: u8 = 2;
    const FLOAT: u8 = 3;
    Ok(match field.byte(2)? {
        Some(FLOAT) => true,
        Some(INT) => field.table(3)?.map(|int| int.int(0)).transpose()?.flatten() == Some(8),
        _ => false,
    })
}

/// How many rows a batch has, and how many of the lists are there.
fn rows(batch: &Table<'_>, columns: &[bool]) -> Result<Said, ()> {
    let rows = batch.long(0)?.unwrap_or(0);
    let (mut at, count) = batch.vector(1)?.unwrap_or((0, 0));
    if count != columns.len() {
        return Err(());
    }
    let mut vectors = 0_u64;
    for lists in columns {
        let (length, nulls) = (batch.u64_at(at)?, batch.u64_at(at + 8)?);
        if *lists {
            vectors = vectors.saturating_add(length.checked_sub(nulls).ok_or(())?);
        }
        at += 16;
    }
    Ok(Said::Rows { rows, vectors })
}

/// A table of a flat buffer: its members are found by a list of offsets in front of it.
#[derive(Debug, Clone, Copy)]
struct Table<'b> {
    buffer: &'b [u8],
    at: usize,
}

impl<'b> Table<'b> {
    fn root(buffer: &'b [u8]) -> Result<Self, ()> {
        Self { buffer, at: 0 }.behind(0)
    }

    fn read<const N: usize>(&self, at: usize) -> Result<[u8; N], ()> {
        self.buffer.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or(())
    }

    fn u64_at(&self, at: usize) -> Result<u64, ()> {
        u64::try_from(i64::from_le_bytes(self.read(at)?)).map_err(|_| ())
    }

    /// The place that an offset at this place leads to.
    fn offset(&self, at: usize) -> Result<usize, ()> {
        let offset = usize::try_from(u32::from_le_bytes(self.read(at)?)).map_err(|_| ())?;
        at.checked_add(offset).filter(|to| *to < self.buffer.len()).ok_or(())
    }

    fn behind(&self, at: usize) -> Result<Self, ()> {
        Ok(Self { buffer: self.buffer, at: self.offset(at)? })
    }

    /// Where the member with this number stands; `None` where it has its default.
    fn member(&self, number: usize) -> Result<Option<usize>, ()> {
        let back = i64::from(i32::from_le_bytes(self.read(self.at)?));
        let list = i64::try_from(self.at).map_err(|_| ())? - back;
        let list = usize::try_from(list).map_err(|_| ())?;
        let size = usize::from(u16::from_le_bytes(self.read(list)?));
        let place = 4 + 2 * number;
        if place + 2 > size {
            return Ok(None);
        }
        let offset = usize::from(u16::from_le_bytes(self.read(list + place)?));
        Ok((offset > 0).then_some(self.at + offset))
    }

    fn byte(&self, number: usize) -> Result<Option<u8>, ()> {
        self.member(number)?.map(|at| self.read::<1>(at).map(|[byte]| byte)).transpose()
    }

    fn int(&self, number: usize) -> Result<Option<i32>, ()> {
        self.member(number)?.map(|at| self.read(at).map(i32::from_le_bytes)).transpose()
    }

    /// A number that counts something.
    fn long(&self, number: usize) -> Result<Option<u64>, ()> {
        self.member(number)?.map(|at| self.u64_at(at)).transpose()
    }

    fn table(&self, number: usize) -> Result<Option<Self>, ()> {
        self.member(number)?.map(|at| self.behind(at)).transpose()
    }

    /// Where the elements of a list begin, and how many there are.
    fn vector(&self, number: usize) -> Result<Option<(usize, usize)>, ()> {
        let Some(at) = self.member(number)? else { return Ok(None) };
        let start = self.offset(at)?;
        let count = usize::try_from(u32::from_le_bytes(self.read(start)?)).map_err(|_| ())?;
        Ok(Some((start + 4, count)))
    }

    fn tables(&self, number: usize) -> Result<impl Iterator<Item = Result<Self, ()>> + use<'b>, ()> {
        let (start, count) = self.vector(number)?.unwrap_or((0, 0));
        if count > MAX_COLUMNS {
            return Err(());
        }
        let table = *self;
        Ok((0..count).map(move |index| table.behind(start + 4 * index)))
    }
}
