//! Runs of numbers in an array, checked and counted without reading one by one.
//!
//! Embeddings are most of the bytes that a guard sees. A run is checked against the grammar of RFC 8259 by an
//! automaton whose whole state is a shift count (one table row a byte, about one cycle each), and its numbers are
//! counted by their commas.

/// A run of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Its length in bytes: up to the last comma (not included) or the closing bracket (not included).
    pub(super) len: usize,
    /// How many numbers.
    pub(super) count: u64,
    /// Whether some number has a whole part of at least [`super::LONG_DIGITS`] digits.
    pub(super) long: bool,
}

// States, each the offset of its target in a table row. `AFTER_SIGN` has only four bits for its targets, so
// both of them are small.
const EXPONENT: u64 = 0;
const WRONG: u64 = 6;
const BEFORE: u64 = 12;
const MINUS: u64 = 18;
const ZERO: u64 = 24;
const WHOLE: u64 = 30;
const POINT: u64 = 36;
const FRACTION: u64 = 42;
const AFTER_E: u64 = 48;
const SPACE: u64 = 54;
const AFTER_SIGN: u64 = 60;

static ROWS: [u64; 256] = rows();

const fn rows() -> [u64; 256] {
    let states = [EXPONENT, WRONG, BEFORE, MINUS, ZERO, WHOLE, POINT, FRACTION, AFTER_E, SPACE, AFTER_SIGN];
    let mut rows = [0; 256];
    let mut rest: &mut [u64] = &mut rows;
    let mut byte = 0;
    while let Some((row, after)) = rest.split_first_mut() {
        let mut states: &[u64] = &states;
        while let Some((state, other)) = states.split_first() {
            *row |= target(*state, byte) << *state;
            states = other;
        }
        rest = after;
        byte = if byte == 255 { 255 } else { byte + 1 };
    }
    rows
}

const fn target(state: u64, byte: u8) -> u64 {
    match (state, byte) {
        (BEFORE, b' ' | b'\t' | b'\n' | b'\r') => BEFORE,
        (BEFORE, b'-') => MINUS,
        (BEFORE | MINUS, b'0') => ZERO,
        (BEFORE | MINUS, b'1'..=b'9') => WHOLE,
        (WHOLE, b'0'..=b'9') => WHOLE,
        (ZERO | WHOLE, b'.') => POINT,
        (POINT | FRACTION, b'0'..=b'9') => FRACTION,
        (ZERO | WHOLE | FRACTION, b'e' | b'E') => AFTER_E,
        (AFTER_E, b'+' | b'-') => AFTER_SIGN,
        (AFTER_E | AFTER_SIGN | EXPONENT, b'0'..=b'9') => EXPONENT,
        (ZERO | WHOLE | FRACTION | EXPONENT | SPACE, b',') => BEFORE,
        (ZERO | WHOLE | FRACTION | EXPONENT | SPACE, b' ' | b'\t' | b'\n' | b'\r') => SPACE,
        _ => WRONG,
    }
}

const fn is_complete(state: u64) -> bool {
    matches!(state, ZERO | WHOLE | FRACTION | EXPONENT | SPACE)
}

fn walk(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |state, &byte| ROWS.get(byte as usize).copied().unwrap_or(0) >> (state & 63))
        & 63
}

/// The run of numbers at the start of `bytes`, which stand where an element is expected. `None` where not even
/// one number is known to be complete: it is then read on its own.
pub(super) fn run(bytes: &[u8]) -> Option<Run> {
    const BLOCK: usize = 64;
    let mut state = BEFORE;
    let mut passed = 0;
    let mut closed = false;
    for block in bytes.chunks(BLOCK) {
        let after = walk(state, block);
        if after == WRONG {
            // Once more through this block, byte by byte, to the place.
            for byte in block {
                let next = walk(state, std::slice::from_ref(byte));
                if next == WRONG {
                    closed = *byte == b']' && is_complete(state);
                    break;
                }
                state = next;
                passed += 1;
            }
            break;
        }
        state = after;
        passed += block.len();
    }
    let read = bytes.get(..passed)?;
    let len = if closed { passed } else { memchr::memrchr(b',', read)? };
    let run = read.get(..len)?;
    let count = 1 + count(run, |byte| byte == b',');
    Some(Run { len, count, long: !is_plain(run, count) && has_long(run) })
}

/// Whether each number has a single digit before its point, as nearly every embedding has.
fn is_plain(run: &[u8], numbers: u64) -> bool {
    let (Some(second), Some(third)) = (run.get(1..), run.get(2..)) else { return true };
    let mut found = 0;
    // Bytes add up to at most 255 before they are summed, which lets the compiler use vector instructions.
    for ((a, b), c) in run.chunks(255).zip(second.chunks(255)).zip(third.chunks(255)) {
        let hits = a.iter().zip(b).zip(c).fold(0u8, |hits, ((a, b), c)| {
            hits.wrapping_add(u8::from(!a.is_ascii_digit() & b.is_ascii_digit() & (*c == b'.')))
        });
        found += u64::from(hits);
    }
    let first = matches!(run, [b'0'..=b'9', b'.', ..]);
    found + u64::from(first) == numbers
}

fn has_long(run: &[u8]) -> bool {
    let (mut digits, mut counts) = (0, true);
    run.iter().any(|byte| {
        if byte.is_ascii_digit() {
            digits += usize::from(counts);
        } else {
            digits = 0;
            counts = !matches!(byte, b'.' | b'e' | b'E' | b'+') && (counts || *byte == b',');
        }
        digits >= super::LONG_DIGITS
    })
}

fn count(bytes: &[u8], fits: impl Fn(u8) -> bool) -> u64 {
    bytes
        .chunks(255)
        .map(|chunk| u64::from(chunk.iter().fold(0u8, |n, &byte| n.wrapping_add(u8::from(fits(byte))))))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(usize, u64, bool)> {
        run(text.as_bytes()).map(|run| (run.len, run.count, run.long))
    }

    #[test]
    fn runs_end_at_the_bracket_or_the_last_comma() {
        assert_eq!(read("1]"), Some((1, 1, false)));
        assert_eq!(read("1, -2.5e+7 ,0 ]"), Some((14, 3, false)));
        assert_eq!(read("1,2,3"), Some((3, 2, false)));
        assert_eq!(read("1,2,{"), Some((3, 2, false)));
        assert_eq!(read("1"), None);
        assert_eq!(read("x"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn the_grammar_is_strict() {
        for bad in [
            "01]", "1.]", ".5]", "+1]", "1e]", "-]", "1 2]", "1e5.5]", "1.2.3]", "1,]", ",1]", "--1]", "1e+]",
        ] {
            let got = read(bad);
            assert!(got.is_none_or(|(len, ..)| len < bad.len() - 1), "{bad} {got:?}");
        }
    }

    #[test]
    fn whole_parts_are_measured() {
        assert!(!read("0.123456789012,1]").unwrap().2);
        assert!(read("123456789]").unwrap().2);
        assert!(read("-123456789.5,0.1]").unwrap().2);
        assert!(read("1.5,4111111111111111]").unwrap().2);
        assert!(!read("1e000000000005,12345678]").unwrap().2);
        assert!(!read("1e-000000000005 , 12]").unwrap().2);
        assert!(read("1.5e5,123456789]").unwrap().2);
        let floats = ["-0.0123456789", "0.5"].repeat(400).join(", ");
        assert_eq!(read(&format!("{floats}]")).unwrap(), (floats.len(), 800, false));
    }
}
