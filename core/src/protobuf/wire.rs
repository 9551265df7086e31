//! Fields of a message on the wire (protobuf.dev/programming-guides/encoding).

use std::ops::Range;

/// It is not protobuf: a cut varint, a group, a field without a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// One field as it stands on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnWire<'w> {
    /// Which.
    pub number: u32,
    /// What it holds.
    pub value: Wire<'w>,
    /// Where it stands in the message, with its number.
    pub span: Range<usize>,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire<'w> {
    /// A varint, or four or eight bytes.
    Number(u64),
    /// Bytes behind their length: a text, a message, a packed list.
    Bytes(&'w [u8]),
}

/// The fields of a message; ends with the first that is none.
pub fn fields(message: &[u8]) -> Fields<'_> {
    Fields { message, rest: message }
}

/// See [`fields`].
#[derive(Debug, Clone)]
pub struct Fields<'w> {
    message: &'w [u8],
    rest: &'w [u8],
}

impl<'w> Iterator for Fields<'w> {
    type Item = Result<OnWire<'w>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let start = self.message.len() - self.rest.len();
        Some(match first(self.rest) {
            Ok((number, value, after)) => {
                self.rest = after;
                Ok(OnWire { number, value, span: start..self.message.len() - after.len() })
            }
            Err(malformed) => {
                self.rest = &[];
                Err(malformed)
            }
        })
    }
}

/// The first field of a message that has one: its number, its value, and what follows.
///
/// # Errors
/// Where it is none.
// Its three parts go back through memory where it is called.
#[inline(always)]
pub fn first(bytes: &[u8]) -> Result<(u32, Wire<'_>, &[u8]), Malformed> {
    let (tag, rest) = varint(bytes)?;
    let number = tag >> 3;
    if !(1..1 << 29).contains(&number) {
        return Err(Malformed);
    }
    let number = number as u32;
    let (value, rest) = match tag & 7 {
        0 => varint(rest).map(|(n, rest)| (Wire::Number(n), rest))?,
        1 => {
            let (fixed, rest) = rest.split_first_chunk().ok_or(Malformed)?;
            (Wire::Number(u64::from_le_bytes(*fixed)), rest)
        }
        2 => {
            let (length, rest) = varint(rest)?;
            let length = usize::try_from(length).map_err(|_| Malformed)?;
            let (inner, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
            (Wire::Bytes(inner), rest)
        }
        5 => {
            let (fixed, rest) = rest.split_first_chunk().ok_or(Malformed)?;
            (Wire::Number(u64::from(u32::from_le_bytes(*fixed))), rest)
        }
        // Groups are of before proto3, and two further types do not exist.
        _ => return Err(Malformed),
    };
    Ok((number, value, rest))
}

/// A number of up to ten bytes, seven bits each, the lowest first, and what follows.
///
/// # Errors
/// Where it does not end, or has more than 64 bits.
#[inline]
pub fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), Malformed> {
    // Most numbers, and all tags of the first fifteen fields, are one byte.
    if let [byte @ ..0x80, rest @ ..] = bytes {
        return Ok((u64::from(*byte), rest));
    }
    // So are lengths of less than 16 KiB in two.
    if let [low, high @ ..0x80, rest @ ..] = bytes {
        return Ok((u64::from(*low & 0x7f) | u64::from(*high) << 7, rest));
    }
    longer(bytes)
}

/// A number of any length.
#[inline(never)]
fn longer(bytes: &[u8]) -> Result<(u64, &[u8]), Malformed> {
    let mut number = 0_u64;
    for (at, byte) in bytes.iter().take(10).enumerate() {
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if at == 9 && bits > 1 {
            return Err(Malformed);
        }
        number |= bits << (7 * at);
        if byte & 0x80 == 0 {
            return Ok((number, bytes.get(at + 1..).unwrap_or_default()));
        }
    }
    Err(Malformed)
}

/// Appends a number.
pub fn write_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a field that holds bytes.
pub fn write_bytes(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    write_varint(u64::from(number) << 3 | 2, out);
    write_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_are_read() {
        for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            write_varint(number, &mut out);
            assert_eq!(varint(&out), Ok((number, &[][..])));
        }
        assert_eq!(varint(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), Err(Malformed));
        assert_eq!(varint(b"\x80"), Err(Malformed));
    }

    #[test]
    fn fields_end_with_the_first_that_is_none() {
        let mut message = Vec::new();
        write_bytes(2, b"ada", &mut message);
        message.extend_from_slice(b"\x1d\x01\x00\x00\x00\x0f");
        let read: Vec<_> = fields(&message).collect();
        assert_eq!(read[0], Ok(OnWire { number: 2, value: Wire::Bytes(b"ada"), span: 0..5 }));
        assert_eq!(read[1], Ok(OnWire { number: 3, value: Wire::Number(1), span: 5..10 }));
        assert_eq!(read[2..], [Err(Malformed)]);
    }
}
