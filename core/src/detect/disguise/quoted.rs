//! Quoted-printable (RFC 2045, section 6.7): `=40`, and lines that go on in the next.
//!
//! An `=` before two digits may as well be a sign between a name and its value (`id=2041`), so that more is asked for: another
//! mark that only this coding makes, or a place where it can be nothing else.

use super::unit::{Ahead, End, Read, Says};

/// Lines have at most so many characters, so that another mark is near.
const LINE: usize = 76;

/// A unit at `=`.
pub(super) fn read(ahead: &Ahead<'_>) -> Read {
    if let Some(end) = soft_break(ahead, 0)? {
        // A space may stand before or behind it; where both do, it is a sign before a value.
        let shown = |byte: Option<u8>| byte.is_some_and(|byte| byte > b' ');
        let space = |byte: Option<u8>| byte == Some(b' ');
        let (before, behind) = (ahead.before(1), ahead.byte(end)?);
        let joins = (shown(before) && (shown(behind) || space(behind))) || (space(before) && shown(behind));
        return Ok(joins.then_some((end, Says::NOTHING)));
    }
    let Some(byte) = escaped(ahead, 0)? else { return Ok(None) };
    let is_digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
    let sure = match byte {
        b'@' => is_local(ahead.before(1)) && domain_follows(ahead)?,
        b' ' | b'-' | b'.' | b'/' => is_digit(ahead.before(1)) && is_digit(ahead.byte(3)?),
        _ => false,
    };
    Ok((sure || marked_before(ahead) || marked_behind(ahead)?).then_some((3, Says::byte(byte))))
}

/// The byte that `=` and two capital hexadecimal digits stand for.
fn escaped(ahead: &Ahead<'_>, n: usize) -> Result<Option<u8>, End> {
    if ahead.byte(n)? != Some(b'=') {
        return Ok(None);
    }
    for n in [n + 1, n + 2] {
        if !ahead.byte(n)?.is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'A'..=b'F')) {
            return Ok(None);
        }
    }
    Ok(ahead.hex(n + 1, 2)?.and_then(|byte| u8::try_from(byte).ok()))
}

/// Where the next line begins, if an `=` ends this one.
fn soft_break(ahead: &Ahead<'_>, n: usize) -> Result<Option<usize>, End> {
    if ahead.byte(n)? != Some(b'=') {
        return Ok(None);
    }
    match ahead.byte(n + 1)? {
        Some(b'\n') => Ok(Some(n + 2)),
        Some(b'\r') if ahead.byte(n + 2)? == Some(b'\n') => Ok(Some(n + 3)),
        _ => Ok(None),
    }
}

fn is_local(byte: Option<u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Whether two labels with a point between them, or what stands for one, follow.
fn domain_follows(ahead: &Ahead<'_>) -> Result<bool, End> {
    let label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let first = ahead.run(3, 63, label)?;
    let at = 3 + first;
    let after = match ahead.byte(at)? {
        Some(b'.') => at + 1,
        Some(b'=') if escaped(ahead, at)? == Some(b'.') => at + 3,
        Some(b'=') => match soft_break(ahead, at)? {
            Some(after) => after,
            None => return Ok(false),
        },
        _ => return Ok(false),
    };
    Ok(first > 0 && ahead.byte(after)?.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'='))
}

/// Whether this coding alone makes what stands at so many bytes from here: an escaped `=`, two escapes in a row, an escaped space at
/// the end of a line, a line that goes on.
fn is_mark(ahead: &Ahead<'_>, n: usize) -> Result<bool, End> {
    if soft_break(ahead, n)?.is_some() {
        return Ok(true);
    }
    let Some(byte) = escaped(ahead, n)? else { return Ok(false) };
    let next = ahead.byte(n + 3)?;
    Ok(match byte {
        b' ' | b'\t' => matches!(next, Some(b'\r' | b'\n')),
        b'=' => true,
        _ => next == Some(b'=') && escaped(ahead, n + 3)?.is_some(),
    })
}

fn marked_before(ahead: &Ahead<'_>) -> bool {
    (1..=LINE.min(ahead.at)).any(|n| {
        let back = Ahead { at: ahead.at - n, ..*ahead };
        back.byte(0) == Ok(Some(b'=')) && is_mark(&back, 0) == Ok(true)
    })
}

fn marked_behind(ahead: &Ahead<'_>) -> Result<bool, End> {
    for n in 0..LINE {
        match ahead.byte(n)? {
            None => return Ok(false),
            Some(b'=') if is_mark(ahead, n)? => return Ok(true),
            _ => {}
        }
    }
    Ok(false)
}
