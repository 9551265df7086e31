//! Thrift's compact encoding, as far as the headers and the footer of Parquet need it: what is not asked for is skipped.

/// Why nothing more can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The bytes end before what they hold does.
    Short,
    /// They hold something else.
    Bad,
}

/// The kinds of value that are told apart; true and false are kinds of their own.
pub(super) const I32: u8 = 5;
pub(super) const I64: u8 = 6;
pub(super) const BINARY: u8 = 8;
pub(super) const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;

/// How deep values may be nested.
const MAX_DEPTH: u8 = 32;

/// Reads one structure after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'b> {
    pub(super) rest: &'b [u8],
    /// The number of the field before, by structure: fields are numbered from the one before.
    field: i16,
}

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes, field: 0 }
    }

    fn byte(&mut self) -> Result<u8, Stop> {
        let (first, rest) = self.rest.split_first().ok_or(Stop::Short)?;
        self.rest = rest;
        Ok(*first)
    }

    fn varint(&mut self) -> Result<u64, Stop> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Stop::Bad)
    }

    /// A whole number of any width.
    pub(super) fn number(&mut self) -> Result<i64, Stop> {
        let zigzag = self.varint()?;
        Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
    }

    /// A number that counts something.
    pub(super) fn count(&mut self) -> Result<u64, Stop> {
        u64::try_from(self.number()?).map_err(|_| Stop::Bad)
    }

    /// The next field of the structure at hand: its number and the kind of its value; `None` behind the last.
    pub(super) fn field(&mut self) -> Result<Option<(i16, u8)>, Stop> {
        let head = self.byte()?;
        if head == 0 {
            return Ok(None);
        }
        self.field = match head >> 4 {
            0 => i16::try_from(self.number()?).map_err(|_| Stop::Bad)?,
            more => self.field.checked_add(i16::from(more)).ok_or(Stop::Bad)?,
        };
        Ok(Some((self.field, head & 0xf)))
    }

    /// How many elements a list has, and their kind.
    pub(super) fn list(&mut self) -> Result<(u64, u8), Stop> {
        let head = self.byte()?;
        let length = match head >> 4 {
            15 => self.varint()?,
            short => u64::from(short),
        };
        Ok((length, head & 0xf))
    }

    /// A structure within the one at hand, read by `inside`.
    pub(super) fn nested<T>(&mut self, inside: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Result<T, Stop> {
        let mut inner = Self::new(self.rest);
        let read = inside(&mut inner)?;
        self.rest = inner.rest;
        Ok(read)
    }

    /// Passes over a value.
    pub(super) fn skip(&mut self, kind: u8) -> Result<(), Stop> {
        self.pass(kind, 0)
    }

    fn pass(&mut self, kind: u8, depth: u8) -> Result<(), Stop> {
        if depth >= MAX_DEPTH {
            return Err(Stop::Bad);
        }
        match kind {
            // True and false stand in the head of their field.
            1 | 2 => Ok(()),
            3 => self.byte().map(|_| ()),
            4..=6 => self.varint().map(|_| ()),
            7 => self.bytes(8),
            BINARY => {
                let length = self.varint()?;
                self.bytes(length)
            }
            LIST | 10 => {
                let (length, of) = self.list()?;
                (0..length).try_for_each(|_| self.element(of, depth))
            }
            11 => {
                let length = self.varint()?;
                let kinds = if length == 0 { 0 } else { self.byte()? };
                (0..length).try_for_each(|_| {
                    self.element(kinds >> 4, depth)?;
                    self.element(kinds & 0xf, depth)
                })
            }
            STRUCT => {
                let mut inner = Self::new(self.rest);
                while let Some((_, kind)) = inner.field()? {
                    inner.pass(kind, depth + 1)?;
                }
                self.rest = inner.rest;
                Ok(())
            }
            _ => Err(Stop::Bad),
        }
    }

    /// In lists a truth has a byte of its own.
    fn element(&mut self, kind: u8, depth: u8) -> Result<(), Stop> {
        self.pass(if kind <= 2 { 3 } else { kind }, depth + 1)
    }

    fn bytes(&mut self, length: u64) -> Result<(), Stop> {
        let length = usize::try_from(length).map_err(|_| Stop::Bad)?;
        self.rest = self.rest.get(length..).ok_or(Stop::Short)?;
        Ok(())
    }
}
