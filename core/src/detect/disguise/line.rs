//! Values that a line break cuts in two: at the `@` or a point of an address, between the groups of a number.

use super::unit::{Ahead, Read, Says};

/// The longest margin of the next line, with the marks of a quotation.
const MARGIN: usize = 8;
/// The longest local part (RFC 5321), behind which the `@` stands.
const LOCAL: usize = 64;

/// The end of a line beside an `@`, behind a point, or between groups of digits, with the margin of the next.
pub(super) fn read(ahead: &Ahead<'_>) -> Read {
    let first = ahead.byte(0)?;
    let mark = first.filter(|byte| matches!(byte, b'@' | b'.'));
    let from = usize::from(mark.is_some());
    let mut end = from;
    for expected in [b'\r', b'\n'] {
        end += usize::from(ahead.byte(end)? == Some(expected));
    }
    if end == from {
        return Ok(None);
    }
    end += ahead.run(end, MARGIN, |byte| matches!(byte, b' ' | b'\t' | b'>'))?;
    let next = ahead.byte(end)?;
    let says = match mark {
        Some(mark) => {
            let joins = is_word(ahead.before(1)) && is_word(next) && (mark == b'@' || addressed(ahead));
            joins.then(|| Says::byte(mark))
        }
        None if next == Some(b'@') => {
            (is_word(ahead.before(1)) && is_word(ahead.byte(end + 1)?)).then_some(Says::NOTHING)
        }
        None => grouped(ahead, end)?.then(|| Says::byte(b' ')),
    };
    Ok(says.map(|says| (end, says)))
}

/// Whether an `@` stands in the word before.
fn addressed(ahead: &Ahead<'_>) -> bool {
    (1..=LOCAL).map_while(|n| ahead.before(n).filter(|byte| byte.is_ascii_graphic())).any(|byte| byte == b'@')
}

/// Whether the line ends with a group of digits that is not the first, and the next begins with one.
fn grouped(ahead: &Ahead<'_>, next: usize) -> Result<bool, super::unit::End> {
    let is_digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
    let before = (1..7).take_while(|&n| is_digit(ahead.before(n))).count();
    let separated = matches!(ahead.before(before + 1), Some(b' ' | b'-'));
    let earlier = ahead.before(before + 2);
    let goes_on = is_digit(earlier) || earlier.is_some_and(|byte| byte.is_ascii_uppercase());
    if !(2..=5).contains(&before) || !separated || !goes_on {
        return Ok(false);
    }
    let behind = ahead.run(next, 6, |byte| byte.is_ascii_digit())?;
    Ok((2..=5).contains(&behind) && !is_word(ahead.byte(next + behind)?))
}

fn is_word(byte: Option<u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric())
}
