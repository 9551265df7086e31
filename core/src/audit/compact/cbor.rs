//! Items of CBOR as an entry has them: RFC 8949, in the deterministic form of its section 4.2.1, without floats, tags and indefinite lengths.
//!
//! ```text
//! 0 unsigned | 1 negative | 2 bytes | 3 text | 4 array | 5 map | 7 false, true, null
//! ```
//!
//! What is not the one form that these have (a number that would fit in fewer bytes, say) is not read.

/// What an item is: the first three bits of it.
pub(super) const UNSIGNED: u8 = 0;
pub(super) const NEGATIVE: u8 = 1;
pub(super) const BYTES: u8 = 2;
pub(super) const TEXT: u8 = 3;
pub(super) const ARRAY: u8 = 4;
pub(super) const MAP: u8 = 5;
pub(super) const SIMPLE: u8 = 7;

/// What follows [`SIMPLE`].
pub(super) const FALSE: u64 = 20;
pub(super) const TRUE: u64 = 21;
pub(super) const NULL: u64 = 22;

/// Appends the head of an item: what it is and its number, or its length. Nearly all are a byte.
#[inline]
pub(super) fn head(out: &mut Vec<u8>, major: u8, number: u64) {
    if number < 24 {
        out.push((major << 5) | number.to_le_bytes()[0]);
    } else {
        long_head(out, major << 5, number);
    }
}

/// The head of a number that does not fit in the first byte, of which the first bits are given.
fn long_head(out: &mut Vec<u8>, first: u8, number: u64) {
    match number {
        0..0x100 => out.extend_from_slice(&[first | 24, number.to_le_bytes()[0]]),
        0x100..0x1_0000 => {
            let [.., a, b] = number.to_be_bytes();
            out.extend_from_slice(&[first | 25, a, b]);
        }
        0x1_0000..0x1_0000_0000 => {
            let [.., a, b, c, d] = number.to_be_bytes();
            out.extend_from_slice(&[first | 26, a, b, c, d]);
        }
        _ => {
            out.push(first | 27);
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}

/// Appends a whole number.
pub(super) fn integer(out: &mut Vec<u8>, number: i64) {
    match u64::try_from(number) {
        Ok(number) => head(out, UNSIGNED, number),
        // -1 - n is the complement of n.
        Err(_) => head(out, NEGATIVE, (!number).unsigned_abs()),
    }
}

/// The items that are left.
#[derive(Clone, Copy)]
pub(super) struct Items<'b>(pub(super) &'b [u8]);

impl<'b> Items<'b> {
    /// The head of the next item; `None` where none is, or not in its one form.
    pub(super) fn head(&mut self) -> Option<(u8, u64)> {
        let (first, rest) = self.0.split_first()?;
        let (major, short) = (first >> 5, first & 31);
        let (number, rest, least) = match short {
            0..24 => (u64::from(short), rest, 0),
            24 => rest.split_first_chunk().map(|(n, rest)| (u64::from(u8::from_be_bytes(*n)), rest, 24))?,
            25 => {
                rest.split_first_chunk().map(|(n, rest)| (u64::from(u16::from_be_bytes(*n)), rest, 0x100))?
            }
            26 => rest
                .split_first_chunk()
                .map(|(n, rest)| (u64::from(u32::from_be_bytes(*n)), rest, 0x1_0000))?,
            27 => rest.split_first_chunk().map(|(n, rest)| (u64::from_be_bytes(*n), rest, 0x1_0000_0000))?,
            _ => return None,
        };
        let known = match major {
            SIMPLE => (FALSE..=NULL).contains(&number),
            _ => major <= MAP,
        };
        self.0 = rest;
        (known && number >= least).then_some((major, number))
    }

    /// The next bytes, of an item whose head was read.
    pub(super) fn bytes(&mut self, length: u64) -> Option<&'b [u8]> {
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(bytes)
    }

    /// The next item, with all that is in it, as it is written.
    pub(super) fn skip(&mut self) -> Option<&'b [u8]> {
        let before = self.0;
        let mut left = 1_u64;
        while left > 0 {
            left -= 1;
            match self.head()? {
                (BYTES | TEXT, length) => drop(self.bytes(length)?),
                (ARRAY, count) => left = left.checked_add(count)?,
                (MAP, count) => left = left.checked_add(count.checked_mul(2)?)?,
                _ => {}
            }
        }
        before.get(..before.len() - self.0.len())
    }

    /// The head of the next item, which is such a one.
    pub(super) fn of(&mut self, wanted: u8) -> Option<u64> {
        self.head().and_then(|(major, number)| (major == wanted).then_some(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8949, appendix A, as far as entries have such items.
    const EXAMPLES: &[(i64, &[u8])] = &[
        (0, &[0]),
        (23, &[0x17]),
        (24, &[0x18, 0x18]),
        (100, &[0x18, 0x64]),
        (1_000, &[0x19, 0x03, 0xe8]),
        (1_000_000, &[0x1a, 0, 0x0f, 0x42, 0x40]),
        (1_000_000_000_000, &[0x1b, 0, 0, 0, 0xe8, 0xd4, 0xa5, 0x10, 0]),
        (-1, &[0x20]),
        (-10, &[0x29]),
        (-100, &[0x38, 0x63]),
        (-1_000, &[0x39, 0x03, 0xe7]),
        (i64::MIN, &[0x3b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    ];

    #[test]
    fn numbers_are_written_as_the_standard_shows() {
        for (number, bytes) in EXAMPLES {
            let mut out = Vec::new();
            integer(&mut out, *number);
            assert_eq!(out, *bytes, "{number}");
            let (major, read) = Items(bytes).head().unwrap();
            let value = i64::try_from(read).unwrap();
            assert_eq!(if major == NEGATIVE { !value } else { value }, *number);
        }
    }

    #[test]
    fn nothing_but_the_one_form_is_read() {
        for wrong in [
            &[0x18, 0x17][..],
            &[0x19, 0, 0xff],
            &[0x1a, 0, 0, 0xff, 0xff],
            &[0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
            &[0x1c],
            &[0x5f, 0x41, 0, 0xff],
            &[0xc0, 0],
            &[0xf7],
            &[0xf9, 0, 0],
            &[0x18],
            &[],
        ] {
            assert_eq!(Items(wrong).head(), None, "{wrong:x?}");
        }
        for wrong in [
            &[0x62, b'a'][..],
            &[0x82, 0],
            &[0xa1, 0],
            &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0],
        ] {
            assert_eq!(Items(wrong).skip(), None, "{wrong:x?}");
        }
        let mut items = Items(&[0xa1, 0x61, b'a', 0x82, 1, 0x41, 2, 7]);
        assert_eq!((items.skip().unwrap().len(), items.0), (7, &[7][..]));
    }
}
