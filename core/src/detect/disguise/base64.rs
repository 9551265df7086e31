//! Base64 and base64url (RFC 4648) of text, on one line or several (RFC 2045), padded or not.

/// No shorter run is looked at: a social security number with its hyphens takes as many.
pub(super) const SHORTEST: usize = 15;

/// By so many characters it is told whether text is encoded.
const SAMPLE: usize = 16;

/// A line of so many characters may go on in the next.
const LINE: usize = 32;

/// So many characters begin the next line, or more.
const NEXT_LINE: usize = 4;

/// Whether a byte is of either alphabet.
#[inline]
pub(super) fn is_in(byte: u8) -> bool {
    value(byte).is_some()
}

/// What a character stands for: six bits.
#[inline]
fn value(byte: u8) -> Option<u8> {
    static VALUES: [u8; 256] = {
        let (mut values, mut byte) = ([NO_VALUE; 256], 0);
        let mut rest: &mut [u8] = &mut values;
        while let Some((slot, after)) = rest.split_first_mut() {
            *slot = value_of(byte);
            rest = after;
            byte = byte.wrapping_add(1);
        }
        values
    };
    VALUES.get(usize::from(byte)).copied().filter(|value| *value != NO_VALUE)
}

const NO_VALUE: u8 = u8::MAX;

const fn value_of(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => NO_VALUE,
    }
}

/// Whether base64 of text begins somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begins {
    Yes,
    No,
    /// The text ends before that is known.
    Cut,
}

/// Whether base64 of text begins at `at`.
pub(super) fn begins(text: &[u8], at: usize, whole: bool) -> Begins {
    let sample = text.get(at..).unwrap_or_default();
    let sample = sample.get(..SAMPLE).unwrap_or(sample);
    let length = sample.iter().position(|&byte| !is_in(byte)).unwrap_or(sample.len());
    let sample = sample.get(..length).unwrap_or_default();
    let goes_on = !whole && at + length == text.len() && length < SAMPLE;
    if (length < SHORTEST && !goes_on) || !is_text(sample) {
        return Begins::No;
    }
    if goes_on { Begins::Cut } else { Begins::Yes }
}

/// How the headers of signed and encrypted tokens begin (RFC 7515, RFC 7516): `{"alg"`, `{"typ"`, `{"kid"`, `{"enc"`, `{"cty"`, `{"zip"`, `{"x5t"`, `{"jku"`.
const HEADERS: [&[u8; 8]; 8] =
    [b"eyJhbGci", b"eyJ0eXAi", b"eyJraWQi", b"eyJlbmMi", b"eyJjdHki", b"eyJ6aXAi", b"eyJ4NXQi", b"eyJqa3Ui"];

/// The longest part of a token before a run that is looked at.
const TOKEN: usize = 2_048;

/// Whether the run that begins with `run` is of a token, by what stands before it, told backwards: such a token is a value as it
/// is written, and would be none were its parts decoded.
pub(super) fn is_of_token(before: impl Iterator<Item = u8>, run: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let mut token: Vec<u8> = before.take(TOKEN).take_while(is_part).collect();
    token.reverse();
    let beginning = || token.iter().chain(run).take(8);
    HEADERS.iter().any(|header| beginning().eq(header.iter()))
}

/// Whether these characters encode the beginning of a text: characters that are printed, in UTF-8. Of images and vectors
/// hardly one in a hundred thousand does.
fn is_text(sample: &[u8]) -> bool {
    let mut following = 0;
    for quantum in sample.chunks(4) {
        let bytes = decode(quantum);
        for &byte in bytes.as_slice() {
            following = match (following, byte) {
                (0, b' '..=b'~' | b'\n' | b'\r' | b'\t') => 0,
                (0, 0xc2..=0xdf) => 1,
                (0, 0xe0..=0xef) => 2,
                (0, 0xf0..=0xf4) => 3,
                (1.., 0x80..=0xbf) => following - 1,
                _ => return false,
            };
        }
    }
    true
}

/// Up to three bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bytes {
    bytes: [u8; 3],
    length: usize,
}

impl Bytes {
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Up to four characters.
fn decode(quantum: &[u8]) -> Bytes {
    let mut bits = 0u32;
    for n in 0..4 {
        bits = bits << 6 | quantum.get(n).and_then(|&byte| value(byte)).map_or(0, u32::from);
    }
    let [_, bytes @ ..] = bits.to_be_bytes();
    Bytes { bytes, length: quantum.len().min(4).saturating_sub(1) }
}

/// What stands in a run of base64 from the end of a quantum on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Quantum {
    /// Four characters, perhaps with an end of line between them.
    Whole {
        start: usize,
        end: usize,
        bytes: [u8; 3],
    },
    /// The last two or three characters, with their padding.
    Last {
        start: usize,
        end: usize,
        bytes: Bytes,
    },
    None,
    /// The text ends before that is known.
    Cut,
}

/// The next quantum of a run. One that begins with either of the last two characters is of no text: no character of UTF-8 begins so.
pub(super) fn quantum(text: &[u8], at: usize, whole: bool) -> Quantum {
    if text.get(at).and_then(|&byte| value(byte)).is_some_and(|value| value >= 62) {
        return Quantum::None;
    }
    if let Some(four) = text.get(at..).and_then(|rest| rest.first_chunk::<4>())
        && four.iter().all(|&byte| is_in(byte))
    {
        return Quantum::Whole { start: at, end: at + 4, bytes: decode(four).bytes };
    }
    let (mut four, mut count) = ([0; 4], 0);
    let (mut start, mut end) = (at, at);
    while let Some(slot) = four.get_mut(count) {
        match text.get(end) {
            Some(&byte) if is_in(byte) => {
                if count == 0 {
                    start = end;
                }
                *slot = byte;
                count += 1;
                end += 1;
            }
            Some(b'\r' | b'\n') => match line_end(text, end, whole) {
                Some(Ok(next)) => end = next,
                Some(Err(())) => return Quantum::Cut,
                None => break,
            },
            None if !whole => return Quantum::Cut,
            _ => break,
        }
    }
    let Some(read) = four.get(..count).filter(|read| read.len() > 1) else { return Quantum::None };
    let bytes = decode(read);
    if count == 4 {
        return Quantum::Whole { start, end, bytes: bytes.bytes };
    }
    for _ in count..4 {
        match text.get(end) {
            Some(b'=') => end += 1,
            None if !whole => return Quantum::Cut,
            _ => break,
        }
    }
    Quantum::Last { start, end, bytes }
}

/// Where the next line of a run begins whose line ends at `at`, if there is one; `Err` where the text ends before that is
/// known.
fn line_end(text: &[u8], at: usize, whole: bool) -> Option<Result<usize, ()>> {
    let line = text.get(at.checked_sub(LINE)?..at)?;
    if !line.iter().all(|&byte| is_in(byte)) {
        return None;
    }
    let mut next = at;
    for expected in [b'\r', b'\n'] {
        next += usize::from(text.get(next) == Some(&expected));
    }
    let margin = |byte: &u8| matches!(byte, b' ' | b'\t' | b'>');
    next += text.get(next..)?.iter().take(8).take_while(|byte| margin(byte)).count();
    let ahead = text.get(next..)?;
    let ahead = ahead.get(..NEXT_LINE).unwrap_or(ahead);
    if !ahead.iter().all(|&byte| is_in(byte)) {
        return None;
    }
    match ahead.len() {
        NEXT_LINE => Some(Ok(next)),
        _ if whole => None,
        _ => Some(Err(())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_bytes() {
        for (text, begins) in [
            ("YWRhQGV4YW1wbGUub3Jn", Begins::Yes),
            ("MTIzLTQ1LTY3ODk=", Begins::Yes),
            ("0J_RgNC40LLQtdGCLCDQvA", Begins::Yes),
            ("MTIzLTQ1LTY3ODk", Begins::Yes),
            ("MTIzLTQ1LTY3OD", Begins::No),
            ("iVBORw0KGgoAAAANSUhEUgAA", Begins::No),
            ("AACAPwAAAEAAAEBAAACAQA==", Begins::No),
            ("getElementsByClassName", Begins::No),
            ("e3b0c44298fc1c149afbf4c8996fb924", Begins::No),
        ] {
            assert_eq!(super::begins(text.as_bytes(), 0, true), begins, "{text}");
        }
        assert_eq!(begins(b"YWRhQGV4", 0, false), Begins::Cut);
        assert_eq!(begins(b"the", 0, false), Begins::No);
    }

    /// The bytes of a run, read quantum by quantum.
    fn read(text: &str) -> Vec<u8> {
        let (mut out, mut at) = (Vec::new(), 0);
        loop {
            match quantum(text.as_bytes(), at, true) {
                Quantum::Whole { end, bytes, .. } => {
                    out.extend_from_slice(&bytes);
                    at = end;
                }
                Quantum::Last { bytes, .. } => {
                    out.extend_from_slice(bytes.as_slice());
                    return out;
                }
                Quantum::None | Quantum::Cut => return out,
            }
        }
    }

    #[test]
    fn runs_are_read_over_lines_and_to_their_last_byte() {
        assert_eq!(read("YWJjZA=="), b"abcd");
        assert_eq!(read("YWJjZGU"), b"abcde");
        assert_eq!(read("Pz8_Pj4-/eA"), b"???>>>");
        let line = "QUJD".repeat(19);
        let text = format!("{line}\r\n  {line}\nYWJjZA==\nother");
        assert_eq!(read(&text), format!("{}abcd", "ABC".repeat(38)).into_bytes());
        assert_eq!(
            read(&format!("{}QU\nJD", "QUJD".repeat(10))),
            format!("{}A", "ABC".repeat(10)).into_bytes()
        );
        assert_eq!(quantum(b"QUJ", 0, false), Quantum::Cut);
        assert_eq!(quantum(b"QQ", 0, false), Quantum::Cut);
    }
}
