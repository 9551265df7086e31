//! Context: whether a word near a value, or the key it stands under, tells what the value is.

use super::CONTEXT;
use super::input::Input;

/// What an entity goes by: its context words and the key of the text.
pub(super) struct Sense<'a> {
    pub words: &'a [&'static str],
    pub key: Option<&'a str>,
}

impl Sense<'_> {
    /// Whether a context word stands whole within [`CONTEXT`] bytes before the value, or in the text's key.
    ///
    /// A value directly behind `"key":` or `key=` is judged by that key alone: what stands before belongs to others.
    pub(super) fn holds(&self, input: &Input<'_>, start: usize) -> bool {
        if self.words.is_empty() {
            return false;
        }
        if self.key.is_some_and(|key| Plain::of(key.as_bytes(), true).holds_any(self.words)) {
            return true;
        }
        let left = start.saturating_sub(CONTEXT);
        let window = input.slice(left, start);
        match label(window) {
            Some(key) => Plain::of(key, true).holds_any(self.words),
            None if window.contains(&b'=') => {
                // Words up to a `key=` speak of what was assigned there.
                let sign = window.iter().rposition(|&b| b == b'=').map_or(0, |sign| sign + 1);
                Plain::of(window.get(sign..).unwrap_or_default(), true).holds_any(self.words)
            }
            None => Plain::of(window, left == 0 && window.len() < CONTEXT).holds_any(self.words),
        }
    }

    /// Whether a context word follows on the line, as in `… is my phone number`; not one that is a key of its own.
    pub(super) fn follows(&self, input: &Input<'_>, end: usize) -> bool {
        let stop = input.run(end, AFTER, |b| !b"\n\r\"{}<>;=:|,.".contains(&b));
        let named = matches!(input.at(stop), Some(b':' | b'=' | b'"'));
        // A word cut off by the window does not count.
        let last = if stop - end < AFTER { stop } else { input.run_back(stop, AFTER, is_letter) };
        !named && Plain::of(input.slice(end, last), true).holds_any(self.words)
    }
}

/// How many bytes after a value are looked at for a word, where none stands before.
const AFTER: usize = 24;

/// The key that a value directly follows: `"key": "`, `key=`, `key = '`, `THE KEY = `.
fn label(window: &[u8]) -> Option<&[u8]> {
    let cut =
        |text: &'_ [u8], of: &[u8]| text.iter().rposition(|b| !of.contains(b)).map_or(0, |last| last + 1);
    let before = window.get(..cut(window, b" \"'\\[(+"))?;
    let (&sign, rest) = before.split_last()?;
    let key = rest.get(..cut(rest, b" "))?;
    let quoted = matches!(key.last(), Some(b'"' | b'\''));
    if sign != b'=' && !(sign == b':' && quoted) {
        return None;
    }
    let spaced = key.len() < rest.len();
    let key = key.get(..cut(key, b" \"'\\"))?;
    let stops = |b: &u8| match (quoted, spaced) {
        (true, _) => b"\"'{,".contains(b),
        (_, true) => b"\n\"'{},;&=".contains(b),
        _ => !is_key(*b),
    };
    key.get(key.iter().rposition(stops).map_or(0, |stop| stop + 1)..)
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || byte >= 0x80
}

/// Words in lower case with one space before and after each: `customerSSN_no` is ` customer ssn no `.
struct Plain {
    bytes: [u8; 2 * CONTEXT + 4],
    length: usize,
}

impl Plain {
    /// `starts`: the text's first byte is a word's first byte; otherwise a word cut off there does not count.
    fn of(text: &[u8], starts: bool) -> Self {
        let mut plain = Self { bytes: [b' '; 2 * CONTEXT + 4], length: 0 };
        let text = text.get(text.len().saturating_sub(CONTEXT)..).unwrap_or_default();
        let whole = if starts { 0 } else { text.iter().position(|b| !is_letter(*b)).unwrap_or(text.len()) };
        plain.push(b' ');
        let mut last = 0u8;
        for (n, &byte) in text.iter().enumerate().skip(whole) {
            let next_is_small = text.get(n + 1).is_some_and(u8::is_ascii_lowercase);
            let humps = byte.is_ascii_uppercase()
                && (last.is_ascii_lowercase() || (last.is_ascii_uppercase() && next_is_small));
            if humps || !is_letter(byte) {
                plain.space();
            }
            if is_letter(byte) {
                plain.push(byte.to_ascii_lowercase());
            }
            last = byte;
        }
        plain.space();
        plain
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
    }

    fn space(&mut self) {
        if self.bytes.get(self.length.wrapping_sub(1)) != Some(&b' ') {
            self.push(b' ');
        }
    }

    fn holds_any(&self, words: &[&str]) -> bool {
        let text = self.bytes.get(..self.length).unwrap_or_default();
        // The text is short and its words are few: trying each costs less than making searchers.
        let mut starts = text.iter().enumerate().filter(|(_, byte)| **byte == b' ');
        starts.any(|(at, _)| {
            let rest = text.get(at + 1..).unwrap_or_default();
            let first = rest.first();
            words.iter().map(|word| word.as_bytes()).any(|word| {
                // Most words are turned away by their first letter.
                word.first() == first && rest.get(word.len()) == Some(&b' ') && rest.starts_with(word)
            })
        })
    }
}

/// Digits end a word, so that `phone2` and `ssn1` count.
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(before: &str, words: &[&'static str]) -> bool {
        let text = format!("{before}1");
        Sense { words, key: None }.holds(&Input::new(text.as_bytes()), before.len())
    }

    #[test]
    fn words_count_whole_and_in_any_spelling_of_a_key() {
        for before in
            ["SSN ", "my ssn is ", "customerSSN: ", "customer_ssn=", "{\"ssn\": \"", "SSNValue ", "ssn2 "]
        {
            assert!(holds(before, &["ssn"]), "{before}");
        }
        for before in ["passn ", "lessness ", "", "s.s.n. "] {
            assert!(!holds(before, &["ssn"]), "{before}");
        }
        assert!(holds("socialSecurity-Number: ", &["social security"]));
    }

    #[test]
    fn a_key_before_the_value_speaks_alone() {
        assert!(!holds("\"ssn\":\"x\",\"order_id\":", &["ssn"]));
        assert!(!holds("ssn=x order_id=", &["ssn"]));
        assert!(holds("order_id=x ssn=", &["ssn"]));
    }

    #[test]
    fn the_window_has_a_fixed_length() {
        assert!(
            holds(&format!("ssn{}", " ".repeat(61)), &["ssn"])
                == holds(&format!("xssn{}", " ".repeat(61)), &["ssn"])
        );
        assert!(holds(&format!(" ssn{}", " ".repeat(60)), &["ssn"]));
    }

    #[test]
    fn the_key_of_the_text_counts() {
        let sense = Sense { words: &["ssn"], key: Some("taxSsn") };
        assert!(sense.holds(&Input::new(b"1"), 0));
    }
}
