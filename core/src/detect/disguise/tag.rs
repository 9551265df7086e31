//! Values that markup runs through: `ada<b>@</b>example.org`, `4111<wbr>1111`, `ada<!-- x -->@example.org`.

use super::unit::{Ahead, End, Read, Says};

/// Elements that begin no new line and show nothing of their own (WHATWG HTML, section 4.5, and older ones of that kind).
const INLINE: [&str; 30] = [
    "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
    "kbd", "mark", "nobr", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "tt", "u",
    "wbr",
];
/// Longer tags and comments stand in no value.
const LONGEST: usize = 160;

/// A tag or a comment between characters that a value may have.
pub(super) fn read(ahead: &Ahead<'_>) -> Read {
    let before = ahead.before(1);
    if !before.is_some_and(|byte| is_part(byte) || byte == b' ') {
        return Ok(None);
    }
    let length = match ahead.byte(1)? {
        Some(b'!') => comment(ahead)?,
        _ => inline(ahead)?,
    };
    let Some(length) = length else { return Ok(None) };
    let behind = ahead.byte(length)?;
    let digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
    let joins = (before != Some(b' ') && behind.is_some_and(is_part))
        || (digit(before) && behind == Some(b' '))
        || (before == Some(b' ') && digit(behind));
    Ok(joins.then_some((length, Says::NOTHING)))
}

/// The tags that a value is written through, bare: `<b>` and `</b>`. One that closes itself is left out, like a comment.
pub(crate) fn skeleton(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut at, whole) = (0, true);
    std::iter::from_fn(move || {
        loop {
            at += memchr::memchr(b'<', value.get(at..)?)?;
            let tag = inline(&Ahead { text: value, at, whole }).ok().flatten();
            let Some(length) = tag else {
                at += 1;
                continue;
            };
            let tag = value.get(at..at + length)?;
            at += length;
            if !tag.ends_with(b"/>") {
                let slash = usize::from(tag.get(1) == Some(&b'/'));
                let name = tag.iter().skip(1 + slash).take_while(|byte| byte.is_ascii_alphabetic()).count();
                return tag.get(..1 + slash + name);
            }
        }
    })
}

/// The length of a tag of an inline element.
fn inline(ahead: &Ahead<'_>) -> Result<Option<usize>, End> {
    let from = 1 + usize::from(ahead.byte(1)? == Some(b'/'));
    let length = ahead.run(from, 7, |byte| byte.is_ascii_alphabetic())?;
    let mut name = [0; 7];
    for (n, slot) in name.iter_mut().enumerate().take(length) {
        *slot = ahead.byte(from + n)?.unwrap_or(0).to_ascii_lowercase();
    }
    let known = INLINE.iter().any(|known| Some(known.as_bytes()) == name.get(..length));
    let closes =
        |byte: Option<u8>| byte.is_some_and(|byte| matches!(byte, b'>' | b'/' | b' ' | b'\t' | b'\n'));
    if !known || !closes(ahead.byte(from + length)?) {
        return Ok(None);
    }
    let rest = ahead.run(from + length, LONGEST, |byte| !matches!(byte, b'<' | b'>'))?;
    let end = from + length + rest;
    Ok((ahead.byte(end)? == Some(b'>')).then_some(end + 1))
}

/// The length of a comment.
fn comment(ahead: &Ahead<'_>) -> Result<Option<usize>, End> {
    if ahead.byte(2)? != Some(b'-') || ahead.byte(3)? != Some(b'-') {
        return Ok(None);
    }
    for n in 4..LONGEST {
        match ahead.byte(n)? {
            None => return Ok(None),
            Some(b'-') if ahead.byte(n + 1)? == Some(b'-') && ahead.byte(n + 2)? == Some(b'>') => {
                return Ok(Some(n + 3));
            }
            Some(_) => {}
        }
    }
    Ok(None)
}

/// Whether a value may hold the byte, or a tag ends or begins with it.
fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"@.-+_<>".contains(&byte) || byte >= 0x80
}
