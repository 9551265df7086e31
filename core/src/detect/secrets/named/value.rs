//! Where the value of a name stands, and where it ends.

use crate::detect::input::Input;
use crate::detect::secrets::paired;

/// Longer ones are no secrets of this kind.
const LONGEST: usize = 1024;

/// What stands between a name and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Glue {
    /// `=`, `:`, `=>`, ` is ` and the like, and perhaps an opening quote.
    Sign(Option<u8>),
    /// `>`: the end of a tag.
    Tag,
    /// White space or a `-`.
    Space,
}

/// Where the value starts, behind a name that ends at `end`.
pub(super) fn start(input: &Input<'_>, end: usize) -> Option<(usize, Glue)> {
    if let Some(at) = paired(input, end) {
        return Some(open(input, input.run(at, 8, is_space)));
    }
    let closed = input.run(end, 4, |byte| matches!(byte, b'"' | b'\'' | b'\\' | b']' | b')' | b'`'));
    let mut at = input.run(closed, 8, is_space);
    let quoted = closed > end;
    let sign = at;
    at = input.run(at, 3, |byte| matches!(byte, b'=' | b':' | b'>') || (byte == b'-' && sign > end));
    if at == sign && quoted && input.at(at) == Some(b',') {
        // An argument: `setenv("TOKEN", "…")`.
        at += 1;
    } else if at == sign && quoted && input.starts(at, b"value=") {
        // An attribute: `key="ApiToken" value="…"`.
        at += 6;
    }
    if at == sign {
        if sign > closed && input.starts(sign, b"is ") {
            return Some(open(input, sign + 3));
        }
        let behind = input.run(sign, 1, |byte| byte == b'-');
        let alone = !quoted && behind > end;
        return alone.then(|| (open(input, behind).0, Glue::Space));
    }
    if input.slice(sign, at) == b">" {
        return Some((at, Glue::Tag));
    }
    // A type before the value: `token: str = "…"`.
    let typed = input.run(at, 2, is_space);
    let word = input.run(typed, 24, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let equals = input.run(word, 2, is_space);
    if word > typed && equals > word && input.at(equals) == Some(b'=') && input.at(equals + 1) != Some(b'=') {
        at = equals + 1;
    }
    Some(open(input, input.run(at, 8, |byte| is_space(byte) || matches!(byte, b'\n' | b'\r'))))
}

/// Behind the sign: a scheme such as `Bearer`, a quote, and its escape, belong to no value.
fn open(input: &Input<'_>, at: usize) -> (usize, Glue) {
    let slash = input.run(at, 1, |byte| byte == b'\\');
    let (mut at, quote) = match input.at(slash) {
        Some(quote @ (b'"' | b'\'' | b'`')) => (slash + 1, Some(quote)),
        _ => (at, None),
    };
    for scheme in [&b"bearer "[..], b"basic ", b"token "] {
        let here =
            |(n, letter): (usize, &u8)| input.at(at + n).is_some_and(|b| b.eq_ignore_ascii_case(letter));
        if scheme.iter().enumerate().all(here) {
            at += scheme.len();
            break;
        }
    }
    (at, Glue::Sign(quote))
}

/// The end of the value, if one stands here.
pub(super) fn end(input: &Input<'_>, start: usize, glue: Glue) -> Option<usize> {
    let end = input.run(start, LONGEST + 1, is_value);
    if end - start > LONGEST {
        return None;
    }
    let next = input.at(end);
    // `os.environ[…]`, `get(…)`, `${…}`, `<name>`: code and stand-ins.
    if matches!(next, Some(b'(' | b'[' | b'{' | b'<'))
        && !(next == Some(b'<') && input.at(end + 1) == Some(b'/'))
    {
        return None;
    }
    if let Glue::Sign(Some(quote)) = glue
        && !matches!(next, Some(b'\\' | b'&' | b';'))
        && next != Some(quote)
    {
        return None;
    }
    // A stop ends the sentence.
    let stop =
        input.before(end).is_some_and(|byte| matches!(byte, b'.' | b':' | b'?' | b'!' | b',')) && end > start;
    Some(if stop { end - 1 } else { end })
}

fn is_value(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-+/=.~!@#$%^*:?|".contains(&byte)
}

fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}
