//! Context: whether a word near a value, or the key it stands under, tells what the value is.

use std::cell::{Cell, OnceCell};

use super::CONTEXT;
use super::input::Input;
use super::lexicon::{Lexicon, Plain, Told};

/// What is told around one place of a text, read when the first reader asks and kept for the others.
pub(super) struct Sight<'a> {
    lexicon: &'a Lexicon,
    key: Option<&'a str>,
    key_told: OnceCell<Told>,
    /// What stands before the offset that was asked for last.
    before: Cell<Option<(usize, Told)>>,
    /// What stands behind the offset that was asked for last, and whether the end of the text was touched.
    after: Cell<Option<(usize, Told, bool)>>,
}

impl<'a> Sight<'a> {
    pub(super) fn new(lexicon: &'a Lexicon, key: Option<&'a str>) -> Self {
        let (before, after) = (Cell::new(None), Cell::new(None));
        Self { lexicon, key, key_told: OnceCell::new(), before, after }
    }

    /// Whether no word around the value tells anything, before it, behind it or in the text's key.
    pub(super) fn is_silent(&self, input: &Input<'_>, start: usize, end: usize) -> bool {
        let nothing = Told::default();
        *self.key_told() == nothing
            && self.before(input, start) == nothing
            && self.after(input, end) == nothing
    }

    fn key_told(&self) -> &Told {
        self.key_told.get_or_init(|| match self.key {
            Some(key) => self.lexicon.told(&Plain::of(key.as_bytes(), true)),
            None => Told::default(),
        })
    }

    fn before(&self, input: &Input<'_>, start: usize) -> Told {
        match self.before.get() {
            Some((asked, told)) if asked == start => told,
            _ => {
                let told = self.lexicon.told(&plain_before(input, start));
                self.before.set(Some((start, told)));
                told
            }
        }
    }

    fn after(&self, input: &Input<'_>, end: usize) -> Told {
        match self.after.get() {
            Some((asked, told, touched)) if asked == end => {
                if touched {
                    input.touch();
                }
                told
            }
            _ => {
                let (plain, touched) = plain_after(input, end);
                let told = plain.map_or_else(Told::default, |plain| self.lexicon.told(&plain));
                self.after.set(Some((end, told, touched)));
                told
            }
        }
    }
}

/// What one entity may ask of its surroundings.
pub(super) struct Sense<'a> {
    pub sight: &'a Sight<'a>,
    /// Its number in the lexicon.
    pub which: usize,
}

impl Sense<'_> {
    /// Whether a context word stands whole within [`CONTEXT`] bytes before the value, or in the text's key.
    ///
    /// A value directly behind `"key":` or `key=` is judged by that key alone: what stands before belongs to others.
    pub(super) fn holds(&self, input: &Input<'_>, start: usize) -> bool {
        self.told(self.sight.key_told()) || self.told(&self.sight.before(input, start))
    }

    /// Whether a context word follows on the line, as in `… is my phone number`; not one that is a key of its own.
    pub(super) fn follows(&self, input: &Input<'_>, end: usize) -> bool {
        self.told(&self.sight.after(input, end))
    }

    fn told(&self, told: &Told) -> bool {
        self.sight.lexicon.tells(told, self.which)
    }
}

/// How many bytes after a value are looked at for a word, where none stands before.
const AFTER: usize = CONTEXT;

fn plain_before(input: &Input<'_>, start: usize) -> Plain {
    let window = input.context(start);
    match label(window) {
        Some(key) => Plain::of(key, true),
        None => match window.iter().rposition(|&b| b == b'=') {
            // Words up to a `key=` speak of what was assigned there.
            Some(sign) => Plain::of(window.get(sign + 1..).unwrap_or_default(), true),
            None => Plain::of(window, window.len() == start && start < CONTEXT),
        },
    }
}

fn plain_after(input: &Input<'_>, end: usize) -> (Option<Plain>, bool) {
    let mut stop = end;
    let mut next = input.peek(stop);
    while stop - end < AFTER && next.is_some_and(|b| !b"\n\r\"{}<>;=:|,.".contains(&b)) {
        stop += 1;
        next = input.peek(stop);
    }
    let whole = stop - end < AFTER;
    let touched = next.is_none();
    if touched {
        input.touch();
    }
    if matches!(next, Some(b':' | b'=' | b'"')) {
        return (None, touched);
    }
    // A word cut off by the window does not count.
    let last = if whole { stop } else { input.run_back(stop, AFTER, is_letter) };
    (Some(Plain::of(input.slice(end, last), true)), touched)
}

/// The key that a value directly follows: `"key": "`, `key=`, `key = '`, `THE KEY = `.
fn label(window: &[u8]) -> Option<&[u8]> {
    let cut =
        |text: &'_ [u8], of: &[u8]| text.iter().rposition(|b| !of.contains(b)).map_or(0, |last| last + 1);
    let before = window.get(..cut(window, b" \"'\\[(+"))?;
    let (&sign, rest) = before.split_last()?;
    if sign != b'=' && sign != b':' {
        return None;
    }
    let key = rest.get(..cut(rest, b" "))?;
    let quoted = matches!(key.last(), Some(b'"' | b'\''));
    if sign == b':' && !quoted {
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

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds_under(key: Option<&str>, before: &str, words: &[&'static str]) -> bool {
        let text = format!("{before}1");
        let lexicon = Lexicon::compile([(3, words)].into_iter());
        let sight = Sight::new(&lexicon, key);
        Sense { sight: &sight, which: 3 }.holds(&Input::new(text.as_bytes()), before.len())
    }

    fn holds(before: &str, words: &[&'static str]) -> bool {
        holds_under(None, before, words)
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
        assert!(holds_under(Some("taxSsn"), "", &["ssn"]));
    }

    #[test]
    fn what_follows_counts_and_touches_each_time() {
        let lexicon = Lexicon::compile([(0, &["phone"][..])].into_iter());
        let sight = Sight::new(&lexicon, None);
        let sense = Sense { sight: &sight, which: 0 };
        let input = Input::new(b"5 is my phone");
        assert!(sense.follows(&input, 1) && input.take_touched());
        assert!(sense.follows(&input, 1) && input.take_touched());
        let input = Input::new(b"5, phone: 6");
        let sight = Sight::new(&lexicon, None);
        assert!(!Sense { sight: &sight, which: 0 }.follows(&input, 1));
    }
}
