//! The words of a name.

use super::super::input::Input;

/// A word that begins with a capital.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'t> {
    pub text: &'t str,
    pub end: usize,
    pub kind: Kind,
    /// It has no small letter.
    pub capitals: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    /// `A` or `A.`.
    Initial,
    /// `Jr.`, `III`.
    Suffix,
}

/// Longer words are no name.
const LONGEST: usize = 40;

impl<'t> Token<'t> {
    /// The word at an offset: letters, with hyphens and apostrophes between them, without the `'s` of a possessive.
    pub(super) fn read(input: &Input<'t>, at: usize) -> Option<Self> {
        let is_letter = |b: u8| b.is_ascii_alphabetic() || b >= 0x80;
        let mut end = at;
        loop {
            end = input.run(end, LONGEST, is_letter);
            let joined =
                matches!(input.at(end), Some(b'-' | b'\'')) && input.at(end + 1).is_some_and(is_letter);
            if !joined || end - at > LONGEST {
                break;
            }
            end += 1;
        }
        let bytes = input.slice(at, end);
        if bytes.is_ascii() {
            return Self::ascii(input, at, std::str::from_utf8(bytes).ok()?);
        }
        let valid = std::str::from_utf8(bytes)
            .or_else(|error| std::str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default()));
        let text = valid.ok()?;
        let text = text
            .split(|c: char| !(c.is_alphabetic() || is_mark(c) || matches!(c, '-' | '\'' | '’')))
            .next()?;
        let text = text.strip_suffix("'s").or_else(|| text.strip_suffix("’s")).unwrap_or(text);
        let text = text.trim_end_matches(['-', '\'', '’']);
        let capital = text.chars().next()?.is_uppercase();
        let small = text.chars().any(char::is_lowercase);
        capital.then(|| Self::of(input, at, text, text.chars().count(), small)).flatten()
    }

    /// The same where every byte is of ASCII.
    fn ascii(input: &Input<'t>, at: usize, text: &'t str) -> Option<Self> {
        let text = text.strip_suffix("'s").unwrap_or(text);
        let small = text.bytes().any(|b| b.is_ascii_lowercase());
        let capital = text.bytes().next()?.is_ascii_uppercase();
        capital.then(|| Self::of(input, at, text, text.len(), small)).flatten()
    }

    fn of(input: &Input<'t>, at: usize, text: &'t str, letters: usize, small: bool) -> Option<Self> {
        (text.len() <= LONGEST).then_some(())?;
        let mut end = at + text.len();
        let kind = if letters == 1 { Kind::Initial } else { Kind::Name };
        if kind == Kind::Initial && input.at(end) == Some(b'.') {
            end += 1;
        }
        Some(Self { text, end, kind, capitals: letters > 1 && !small })
    }
}

/// A combining accent.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}')
}
