//! The escapes of addresses (`%40`, and `+` for a space in a query), of markup (`&#64;`) and of programs (`\u0040`).

use super::characters;
use super::unit::{Ahead, Read, Says};

/// `%40` (RFC 3986), and `%u0040` as old scripts write it.
pub(super) fn percent(ahead: &Ahead<'_>) -> Read {
    if let Some(b'u' | b'U') = ahead.byte(1)? {
        return Ok(ahead.hex(2, 4)?.and_then(char::from_u32).map(|c| (6, characters::known().plain(c))));
    }
    let byte = ahead.hex(1, 2)?.and_then(|byte| u8::try_from(byte).ok());
    Ok(byte.map(|byte| (3, Says::byte(byte))))
}

/// No field of a query is looked at further from a `+`, in bytes, before it or behind it.
const FIELD: usize = 128;

/// The longest name of such a field.
const FIELD_NAME: usize = 48;

/// `+` for a space, in the value of a field of a query (WHATWG URL, section 5.1): `?name=` or `&name=` stands before it. The
/// first field of a form has nothing before it, but an `&` behind.
pub(super) fn plus(ahead: &Ahead<'_>) -> Read {
    let stays = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'%' | b'+'
                    | b'.'
                    | b'_'
                    | b'-'
                    | b'~'
                    | b'*'
                    | b'!'
                    | b'\''
                    | b'('
                    | b')'
                    | b','
                    | b':'
                    | b';'
                    | b'/'
                    | b'@'
                    | b'$'
            )
    };
    if !ahead.byte(1)?.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'%') {
        return Ok(None);
    }
    let value = (1..FIELD).find(|&n| !ahead.before(n).is_some_and(stays)).unwrap_or(FIELD);
    // Directly behind the `=` it is the sign of a number.
    if value == 1 || ahead.before(value) != Some(b'=') {
        return Ok(None);
    }
    let is_name =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']' | b'%');
    let name = (1..FIELD_NAME).take_while(|n| ahead.before(value + n).is_some_and(is_name)).count();
    let is_field = match ahead.before(value + name + 1) {
        _ if name == 0 => false,
        Some(b'?' | b'&' | b';') => true,
        None | Some(b' ' | b'\n' | b'"' | b'\'') => {
            let rest = ahead.run(1, FIELD, stays)?;
            ahead.byte(1 + rest)? == Some(b'&')
        }
        _ => false,
    };
    Ok(is_field.then(|| (1, Says::byte(b' '))))
}

/// No reference to a character has more digits.
const DIGITS: usize = 8;

/// No name of a character that says something here is longer.
const NAME: usize = 24;

/// A reference to a character (WHATWG HTML, section 13.2.5.72 and on): a number may do without its semicolon.
pub(super) fn entity(ahead: &Ahead<'_>) -> Read {
    if ahead.byte(1)? != Some(b'#') {
        let name = ahead.run(1, NAME, |byte| byte.is_ascii_alphanumeric())?;
        if ahead.byte(1 + name)? != Some(b';') {
            return Ok(None);
        }
        let name_bytes = ahead.text.get(ahead.at + 1..ahead.at + 1 + name).unwrap_or_default();
        return Ok(characters::known().named(name_bytes).map(|says| (name + 2, says)));
    }
    let (from, radix) = match ahead.byte(2)? {
        Some(b'x' | b'X') => (3, 16),
        _ => (2, 10),
    };
    let count = ahead.run(from, DIGITS, |byte| char::from(byte).is_digit(radix))?;
    let mut number = 0u32;
    for n in from..from + count {
        let digit = ahead.byte(n)?.and_then(|byte| char::from(byte).to_digit(radix)).unwrap_or(0);
        number = number.saturating_mul(radix).saturating_add(digit);
    }
    let Some(c) = char::from_u32(number).filter(|c| count > 0 && *c != '\0') else { return Ok(None) };
    let semicolon = usize::from(ahead.byte(from + count)? == Some(b';'));
    Ok(Some((from + count + semicolon, characters::known().plain(c))))
}

/// So many backslashes in front of one letter are looked at: each level of quoting doubles them.
const BACKSLASHES: usize = 8;

/// The first of the backslashes that end with the one here.
pub(super) fn first_backslash(ahead: &Ahead<'_>) -> usize {
    let count = (1..BACKSLASHES).take_while(|&n| ahead.before(n) == Some(b'\\')).count();
    ahead.at - count
}

/// `\u0040` (also as a pair of surrogates), `\u{40}`, `\x40`.
pub(super) fn backslash(ahead: &Ahead<'_>) -> Read {
    match ahead.byte(1)? {
        Some(b'x') => {
            let byte = ahead.hex(2, 2)?.and_then(|byte| u8::try_from(byte).ok());
            Ok(byte.map(|byte| (4, Says::byte(byte))))
        }
        Some(b'u') if ahead.byte(2)? == Some(b'{') => {
            let count = ahead.run(3, 6, |byte| byte.is_ascii_hexdigit())?;
            let c = ahead.hex(3, count)?.and_then(char::from_u32);
            let closed = count > 0 && ahead.byte(3 + count)? == Some(b'}');
            Ok(c.filter(|_| closed).map(|c| (4 + count, characters::known().plain(c))))
        }
        Some(b'u') => {
            let Some(unit) = ahead.hex(2, 4)? else { return Ok(None) };
            if !(0xd800..0xdc00).contains(&unit) {
                return Ok(char::from_u32(unit).map(|c| (6, characters::known().plain(c))));
            }
            if ahead.byte(6)? != Some(b'\\') || ahead.byte(7)? != Some(b'u') {
                return Ok(None);
            }
            let low = ahead.hex(8, 4)?.filter(|low| (0xdc00..0xe000).contains(low));
            let c = low.and_then(|low| char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)));
            Ok(c.map(|c| (12, characters::known().plain(c))))
        }
        _ => Ok(None),
    }
}
