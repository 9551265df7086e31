//! Context: whether a word near a value, or the key it stands under, tells what the value is.

use std::cell::{Cell, OnceCell};

use super::CONTEXT;
use super::around::Around;
use super::input::Input;
use super::lexicon::{Lexicon, Plain, Told};

/// What is told around one place of a text, read when the first reader asks and kept for the others.
pub(super) struct Sight<'a> {
    lexicon: &'a Lexicon,
    key: Option<&'a str>,
    key_told: OnceCell<Told>,
    around: Around,
    /// What stands before the offset that was asked for last.
    before: Cell<Option<(usize, Before)>>,
    /// What stands behind the offset that was asked for last.
    after: Cell<Option<(usize, After)>>,
}

/// What stands before a value: what it may tell of, and what it does, once it has been read.
#[derive(Debug, Clone, Copy)]
struct Before {
    hints: Told,
    told: Option<Told>,
}

/// What follows a value on its line.
#[derive(Debug, Clone, Copy)]
struct After {
    /// Its end; none where it is a key of its own.
    end: Option<usize>,
    /// The end of the text was touched.
    touched: bool,
    /// What it may tell of, and what it does, once it has been read.
    hints: Told,
    told: Option<Told>,
}

impl<'a> Sight<'a> {
    pub(super) fn new(lexicon: &'a Lexicon, key: Option<&'a str>) -> Self {
        let (before, after) = (Cell::new(None), Cell::new(None));
        Self { lexicon, key, key_told: OnceCell::new(), around: Around::default(), before, after }
    }

    /// Whether the text stands under a key.
    pub(super) fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// Of whom words may tell around a value that begins at or before `start` with a word that ends at `end`, before it,
    /// behind it or in the text's key: surely of no other. Where a text that may go on ends close behind, nothing is sure.
    pub(super) fn hints(&self, input: &Input<'_>, start: usize, end: usize, whole: bool) -> Option<Told> {
        let rest = input.rest(end);
        let behind = rest.get(..VALUE + AFTER).or(whole.then_some(rest))?;
        // No value goes on behind these.
        let last = behind.iter().position(|&byte| byte != b'.' && is_stop(byte)).unwrap_or(behind.len());
        let first = start.saturating_sub(CONTEXT + VALUE);
        let mut told = self.around.hints(self.lexicon, input, first, end + last);
        told.join(self.key_told());
        Some(told)
    }

    /// Whether these tell of an entity, by its number in the lexicon.
    fn tells(&self, hints: &Told, which: usize) -> bool {
        self.lexicon.tells(hints, which)
    }

    fn key_told(&self) -> &Told {
        self.key_told.get_or_init(|| match self.key {
            Some(key) => self.lexicon.told(key.as_bytes(), true),
            None => Told::default(),
        })
    }

    /// Of whom the words before a value tell.
    fn told_before(&self, input: &Input<'_>, start: usize) -> Told {
        let window = input.context(start);
        match label(window) {
            Some(key) => self.lexicon.told(key, true),
            None => match memchr::memrchr(b'=', window) {
                // Words up to a `key=` speak of what was assigned there.
                Some(sign) => self.lexicon.told(window.get(sign + 1..).unwrap_or_default(), true),
                None => self.lexicon.told(window, window.len() == start && start < CONTEXT),
            },
        }
    }

    fn holds(&self, input: &Input<'_>, start: usize, which: usize) -> bool {
        let mut before = match self.before.get() {
            Some((asked, before)) if asked == start => before,
            _ => {
                let hints = self.around.hints(self.lexicon, input, start.saturating_sub(CONTEXT), start);
                Before { hints, told: None }
            }
        };
        let tells = self.tells(&before.hints, which) && {
            let told = before.told.unwrap_or_else(|| self.told_before(input, start));
            before.told = Some(told);
            self.tells(&told, which)
        };
        self.before.set(Some((start, before)));
        tells
    }

    fn follows(&self, input: &Input<'_>, end: usize, which: usize) -> bool {
        let mut after = match self.after.get() {
            Some((asked, after)) if asked == end => after,
            _ => After::read(input, end, |last| self.around.hints(self.lexicon, input, end, last)),
        };
        if after.touched {
            input.touch();
        }
        let tells = self.tells(&after.hints, which) && {
            let read = || after.end.map(|last| self.lexicon.told(input.slice(end, last), true));
            let told = after.told.or_else(read).unwrap_or_default();
            after.told = Some(told);
            self.tells(&told, which)
        };
        self.after.set(Some((end, after)));
        tells
    }
}

impl After {
    fn read(input: &Input<'_>, from: usize, hints: impl FnOnce(usize) -> Told) -> Self {
        let stop = input.rest(from).iter().take(AFTER).position(|&b| is_stop(b));
        let stop = stop.map_or_else(|| input.len().min(from + AFTER), |length| from + length);
        let next = input.peek(stop);
        // Words that a quote ends are a key where a sign follows it: `…, 5557123 phone": `.
        let sign = match next {
            Some(b'"') => input.peek(stop + 1),
            next => next,
        };
        let end = match sign {
            Some(b':' | b'=') => None,
            // A word cut off by the window does not count.
            _ if stop == from + AFTER => Some(input.run_back(stop, AFTER, is_letter)),
            _ => Some(stop),
        };
        Self { end, touched: sign.is_none(), hints: end.map_or_else(Told::default, hints), told: None }
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
        self.keyed() || self.sight.holds(input, start, self.which)
    }

    /// Whether the key tells it that the value directly follows in the text, as in `key="value` and `"key":"value`; `ask`
    /// is asked about the words of such a key, in plain form.
    pub(super) fn labelled(
        &self,
        input: &Input<'_>,
        start: usize,
        ask: impl FnOnce(&[u8]) -> bool,
    ) -> Option<bool> {
        let key = label(input.context(start))?;
        let told = self.sight.lexicon.told(key, true);
        Some(self.sight.tells(&told, self.which) || ask(Plain::of(key, true).words()))
    }

    /// Whether the key that the text stands under tells it.
    pub(super) fn keyed(&self) -> bool {
        self.sight.tells(self.sight.key_told(), self.which)
    }

    /// Asks something of the words of the key that the text stands under, in plain form; no without one.
    pub(super) fn key_words(&self, ask: impl FnOnce(&[u8]) -> bool) -> bool {
        self.sight.key.is_some_and(|key| ask(Plain::of(key.as_bytes(), true).words()))
    }

    /// Whether a context word follows on the line, as in `… is my phone number`; not one that is a key of its own.
    pub(super) fn follows(&self, input: &Input<'_>, end: usize) -> bool {
        self.sight.follows(input, end, self.which)
    }
}

/// How many bytes of a value stand before its first word with a digit, or behind that, at most.
const VALUE: usize = 48;

/// How many bytes after a value are looked at for a word, where none stands before.
const AFTER: usize = CONTEXT;

/// Whether other values begin behind it, or lines.
fn is_stop(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | b'"' | b'{' | b'}' | b'<' | b'>' | b';' | b'=' | b':' | b'|' | b',' | b'.')
}

/// Keys that say nothing of what stands under them: the text before them names it, as in `"field":"phone","value":"`.
const SILENT: [&[u8]; 6] = [b"value", b"val", b"Value", b"answer", b"response", b"values"];

/// The key that a value directly follows: `"key": "`, `key=`, `key = '`, `THE KEY = `, `'key' => '`, `key := `.
fn label(window: &[u8]) -> Option<&[u8]> {
    let before = window.get(..cut(window, b" \"'\\[(+"))?;
    let arrow = before.strip_suffix(b"=>");
    let (sign, rest) = match arrow {
        Some(rest) => (b'=', rest),
        None => before.split_last().map(|(&sign, rest)| (sign, rest))?,
    };
    if sign != b'=' && sign != b':' {
        return None;
    }
    let rest = if sign == b'=' { rest.strip_suffix(b":").unwrap_or(rest) } else { rest };
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
    let start = key.iter().rposition(stops).map_or(0, |stop| stop + 1);
    let name = key.get(start..)?;
    if quoted && SILENT.contains(&name) {
        return Some(named_before(key.get(..start)?).unwrap_or(name));
    }
    Some(name)
}

/// How long the text is without what of these ends it.
fn cut(text: &[u8], of: &[u8]) -> usize {
    text.iter().rposition(|b| !of.contains(b)).map_or(0, |last| last + 1)
}

/// The text in quotes that stands before a key and its comma.
fn named_before(text: &[u8]) -> Option<&[u8]> {
    let before = text.get(..cut(text, b" \"'\\"))?.strip_suffix(b",")?;
    let quoted = before.get(..cut(before, b" \\"))?;
    let text = quoted.strip_suffix(b"\"").or_else(|| quoted.strip_suffix(b"'"))?;
    let text = text.get(..cut(text, b"\\"))?;
    text.get(text.iter().rposition(|b| matches!(b, b'"' | b'\'')).map(|quote| quote + 1)?..)
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
    fn arrows_and_silent_keys_are_read() {
        for before in [
            "'ssn' => '",
            "\"ssn\"=>\"",
            "ssn := ",
            "{\"field\":\"ssn\",\"value\":\"",
            "{'name': 'SSN', 'value': '",
            "{\\\"key\\\":\\\"ssn\\\",\\\"value\\\":\\\"",
        ] {
            assert!(holds(before, &["ssn"]), "{before}");
        }
        for before in
            ["'ssn' => 1, 'order' => '", "{\"ssn\":\"x\",\"value\":\"", "{\"ssn\":\"x\",\"total\":\""]
        {
            assert!(!holds(before, &["ssn"]), "{before}");
        }
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
