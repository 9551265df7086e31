//! Runs of numbers in an array, checked and counted without reading one by one.
//!
//! Embeddings are most of the bytes that a guard sees. Blocks of floats as they are commonly written are judged by
//! what stands side by side, many bytes at once; any other block is checked against the grammar of RFC 8259 by an
//! automaton whose whole state is a shift count (one table row a byte, about one cycle each). Numbers are counted
//! by their commas.

use fearless_simd::Simd;

use crate::block::{self, Block, widest};

/// Where the first byte stands that may be no part of the numbers of an array, whose grammar nobody asks for: a bracket, a
/// brace or a quote, or what is part of no array.
pub(super) fn end(bytes: &[u8]) -> Option<usize> {
    widest!(simd => end_with(simd, bytes))
}

#[inline(always)]
fn end_with<S: Simd>(simd: S, bytes: &[u8]) -> Option<usize> {
    let mut passed = 0;
    // Long runs are most of what is passed: of several blocks only the largest and the smallest bytes are looked at.
    let (strides, _) = bytes.as_chunks::<{ STRIDE * BLOCK }>();
    for stride in strides {
        let (blocks, _) = stride.as_chunks::<BLOCK>();
        let blocks = blocks.iter().map(|block| Block::of(simd, block));
        let ends = blocks.map(|block| (block.small(), block.turned(b'"')));
        let found =
            ends.reduce(|(large, small), (other, quotes)| (large.larger(&other), small.smaller(&quotes)));
        if found.is_none_or(|(large, small)| (large.from(b'{') | small.is(0)).bits() != 0) {
            break;
        }
        passed += STRIDE * BLOCK;
    }
    let rest = bytes.get(passed..)?;
    for block in rest.chunks(BLOCK) {
        // Zeros behind the end are none of them.
        let block = Block::first(simd, block);
        // A bracket is a brace but for the bit of small letters.
        let ends = (block.small().from(b'{') | block.is(b'"')).bits();
        if ends != 0 {
            return Some(passed + ends.trailing_zeros() as usize);
        }
        passed += BLOCK;
    }
    None
}

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

/// How many bytes are read at once.
const BLOCK: usize = block::SIZE;

/// How many blocks are passed at once.
const STRIDE: usize = 4;

/// The run of numbers at the start of `bytes`, which stand where an element is expected. `None` where not even
/// one number is known to be complete: it is then read on its own.
pub(super) fn run(bytes: &[u8]) -> Option<Run> {
    widest!(simd => run_with(simd, bytes))
}

#[inline(always)]
fn run_with<S: Simd>(simd: S, bytes: &[u8]) -> Option<Run> {
    let mut state = BEFORE;
    let (mut passed, mut commas) = (0, 0);
    let mut closed = false;
    let mut whole = Whole::default();
    // Whether some whole block lies inside one number, which may then be too long.
    let mut sparse = false;
    while let Some(byte) = bytes.get(passed) {
        if let Some(plain) = plain(simd, state, bytes, passed) {
            state = plain.state;
            passed += plain.len;
            whole.behind(state);
            commas += plain.commas;
            sparse |= plain.sparse;
            continue;
        }
        if *byte == b']' && is_complete(state) {
            closed = true;
            break;
        }
        // The first two bytes are what a plain block looks back on.
        let most = if passed == 0 { 2 } else { BLOCK };
        let block = bytes.get(passed..bytes.len().min(passed + most))?;
        let after = walk(state, block);
        if after != WRONG {
            state = after;
            passed += block.len();
            whole.read(block);
            let more = count(block);
            commas += more;
            sparse |= more == 0 && block.len() == BLOCK;
            continue;
        }
        // Once more through this block, byte by byte, to the place.
        for byte in block {
            let next = walk(state, std::slice::from_ref(byte));
            if next == WRONG {
                closed = *byte == b']' && is_complete(state);
                break;
            }
            state = next;
            passed += 1;
            commas += u64::from(*byte == b',');
            whole.read(std::slice::from_ref(byte));
        }
        break;
    }
    let read = bytes.get(..passed)?;
    // The last number is complete where the array is; else the run ends before its comma.
    let mut len = passed;
    if !closed {
        len = memchr::memrchr(b',', read)?;
        commas -= 1;
    }
    if sparse {
        len = before_overlong(read.get(..len)?)?;
        commas = count(read.get(..len)?);
    }
    Some(Run { len, count: 1 + commas, long: whole.long })
}

/// How much of a run comes before a number that is too long to be one; `None` where the first is.
fn before_overlong(run: &[u8]) -> Option<usize> {
    let mut end = None;
    for number in run.split(|byte| *byte == b',') {
        if number.trim_ascii().len() > super::MAX_NUMBER {
            return end;
        }
        end = Some(end.map_or(0, |end| end + 1) + number.len());
    }
    end
}

/// Numbers such as embeddings are written in.
struct Plain {
    /// Their length in bytes; never none.
    len: usize,
    /// The state after them.
    state: u64,
    commas: u64,
    /// Whether some whole block lies inside one number.
    sparse: bool,
}

/// Reads numbers such as `-0.0312, 1.25`, with one digit before the point, block by block with vector instructions: up to
/// the first byte of another, which the automaton then reads. `None` where that is the first, and where no whole block
/// is left.
///
/// What may stand at a byte follows from the two before it, so all bytes of a block are judged at once.
#[inline(always)]
fn plain<S: Simd>(simd: S, state: u64, bytes: &[u8], from: usize) -> Option<Plain> {
    let &[second, first] = bytes.get(from.checked_sub(2)?..)?.first_chunk()?;
    let enters = match state {
        BEFORE => is_gap(first),
        ZERO | WHOLE => is_gap(second) | (second == b'-'),
        MINUS | POINT | FRACTION => true,
        _ => false,
    };
    if !enters {
        return None;
    }
    // What the byte before the block is, and the two before it.
    let mut digit = u64::from(first.is_ascii_digit());
    let mut gap = u64::from(is_gap(first));
    let mut opening = u64::from(opens_number(first)) << 1 | u64::from(opens_number(second));
    let (mut len, mut all_commas, mut sparse) = (0, 0, false);
    let (blocks, _) = bytes.get(from..)?.as_chunks::<BLOCK>();
    for block in blocks {
        let block = Block::of(simd, block);
        let (digits, points) = (block.within(b'0', b'9').bits(), block.is(b'.').bits());
        let (commas, minus) = (block.is(b',').bits(), block.is(b'-').bits());
        let spaces = (block.is(b' ') | block.is(b'\n')).bits();
        let gaps = commas | spaces;
        let opens = gaps | minus;
        let digit_before = digits << 1 | digit;
        let gap_before = gaps << 1 | gap;
        // The digit before is the whole part: a point must follow.
        let whole = digit_before & (opens << 2 | opening);
        let fits =
            digits & !whole | points & whole | commas & digit_before & !whole | (minus | spaces) & gap_before;
        if fits != u64::MAX {
            let fitting = fits.trailing_ones();
            len += fitting as usize;
            all_commas += u64::from((commas & ((1 << fitting) - 1)).count_ones());
            break;
        }
        (digit, gap, opening) = (digits >> 63, gaps >> 63, opens >> 62);
        len += BLOCK;
        all_commas += u64::from(commas.count_ones());
        sparse |= commas == 0;
    }
    if len == 0 {
        return None;
    }
    let &[before, last] = bytes.get(from + len - 2..)?.first_chunk()?;
    let state = match last {
        b'.' => POINT,
        b'-' => MINUS,
        b'0' if opens_number(before) => ZERO,
        b'1'..=b'9' if opens_number(before) => WHOLE,
        b'0'..=b'9' => FRACTION,
        _ => BEFORE,
    };
    Some(Plain { len, state, commas: all_commas, sparse })
}

/// What a number's first digit stands behind.
fn opens_number(byte: u8) -> bool {
    is_gap(byte) | (byte == b'-')
}

/// A comma, or white space after one.
fn is_gap(byte: u8) -> bool {
    (byte == b',') | is_space(byte)
}

fn is_space(byte: u8) -> bool {
    (byte == b' ') | (byte == b'\n')
}

/// The length of the whole part that is being read.
#[derive(Default)]
struct Whole {
    digits: usize,
    /// Behind a point or an exponent.
    over: bool,
    long: bool,
}

impl Whole {
    /// Behind a plain block, whose whole parts have one digit.
    fn behind(&mut self, state: u64) {
        self.digits = usize::from(matches!(state, ZERO | WHOLE));
        self.over = matches!(state, POINT | FRACTION);
    }

    fn read(&mut self, block: &[u8]) {
        for byte in block {
            if byte.is_ascii_digit() {
                self.digits += usize::from(!self.over);
            } else {
                self.digits = 0;
                self.over = *byte != b',' && (self.over || matches!(byte, b'.' | b'e' | b'E'));
            }
            self.long |= self.digits >= super::LONG_DIGITS;
        }
    }
}

/// How many commas.
fn count(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b',')).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(usize, u64, bool)> {
        run(text.as_bytes()).map(|run| (run.len, run.count, run.long))
    }

    #[test]
    fn what_is_skipped_ends_at_what_is_no_part_of_numbers() {
        let is_end = |byte: u8| matches!(byte, b'[' | b']' | b'"' | b'{'..);
        for byte in 0..=255_u8 {
            // What lies between the brackets and the small letters is told from the braces by one bit too.
            let expected = is_end(byte) || matches!(byte, b'\\' | b'^' | b'_');
            for at in [0, 1, 63, 64, 255, 256, 300, 511, 900, 999] {
                let mut text = b"-0.25,1e5, 7\n".repeat(77);
                text.truncate(1_000);
                text[at] = byte;
                assert_eq!(end(&text), expected.then_some(at), "{byte} at {at}");
            }
        }
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
    fn a_number_that_is_too_long_is_in_no_run() {
        let long = format!("1.{}", "5".repeat(super::super::MAX_NUMBER));
        assert_eq!(read(&format!("1,2,{long},3]")), Some((3, 2, false)));
        assert_eq!(read(&format!("{long}]")), None);
        let spaced = format!("1,{}2]", " ".repeat(2_000));
        assert_eq!(read(&spaced), Some((2_003, 2, false)));
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

    /// A reader of one byte at a time.
    fn slow(text: &[u8]) -> Option<(usize, u64, bool)> {
        let mut state = BEFORE;
        let passed = text.iter().take_while(|byte| {
            let next = walk(state, std::slice::from_ref(*byte));
            let goes = next != WRONG;
            state = if goes { next } else { state };
            goes
        });
        let passed = passed.count();
        let closed = text.get(passed) == Some(&b']') && is_complete(state);
        let len = if closed { passed } else { memchr::memrchr(b',', &text[..passed])? };
        let mut whole = Whole::default();
        whole.read(&text[..passed]);
        Some((len, 1 + text[..len].iter().filter(|b| **b == b',').count() as u64, whole.long))
    }

    #[test]
    fn many_bytes_at_once_read_as_one_at_a_time() {
        let alphabet = b"0123456789.,-  \n\teE+]x";
        let mut seed = 1u64;
        let mut random = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % most
        };
        let pieces = ["-0.0123456", "1.5", "0.25", "7", "1e-05", "123456789012", "0.1234567890123456789"];
        for round in 0..20_000 {
            let mut text = Vec::new();
            for n in 0..random(40) {
                if n > 0 {
                    text.extend_from_slice(
                        [",", ", ", ",\n", " ,"][if round % 4 == 0 { random(4) } else { round % 2 }]
                            .as_bytes(),
                    );
                }
                text.extend_from_slice(pieces[if round % 3 == 0 { random(7) } else { random(3) }].as_bytes());
            }
            text.push(b']');
            if round % 2 == 0 {
                let at = random(text.len());
                text[at] = alphabet[random(alphabet.len())];
            }
            let got = run(&text).map(|run| (run.len, run.count, run.long));
            assert_eq!(got, slow(&text), "{}", String::from_utf8_lossy(&text));
        }
    }
}
