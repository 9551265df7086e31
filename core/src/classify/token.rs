//! What the small query languages of search engines (YQL, ES|QL, PPL) have in common: how far a token reaches.
//!
//! ```text
//! "a \" b" | LIMIT 5   ->  the quoted text is 8 bytes long
//! ```

/// How long the word is that a text begins with.
pub(super) fn word(text: &str, part: impl Fn(char) -> bool) -> usize {
    text.find(|c| !part(c)).unwrap_or(text.len())
}

/// How long the quoted text is that a text begins with, its quotes included; `None` where it does not end.
pub(super) fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = !escaped && *c == quote;
        escaped = !escaped && *c == '\\';
        ends
    })?;
    Some(end.0 + 1)
}
