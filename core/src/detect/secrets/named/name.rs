//! Names: whether a word ends one, and whether the words before it say secret.

use super::Named;
use crate::detect::CONTEXT;
use crate::detect::input::Input;
use crate::detect::word_set::WordSet;

/// What a name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// That it names a secret.
    Plainly,
    /// That it names something of a service, such as a key.
    ByService,
    Not,
}

/// The end of the name, when the word that ends at `at` ends it but for words such as `value`, or a number.
pub(super) fn end(input: &Input<'_>, at: usize, after: &WordSet) -> Option<usize> {
    let mut at = at;
    // `Unseal Key 2: …`
    let number = input.run(at, 1, |byte| byte == b' ');
    let numbered = input.run(number, 2, |byte| byte.is_ascii_digit());
    if number > at && numbered > number && matches!(input.at(numbered), Some(b':' | b'=')) {
        return Some(numbered);
    }
    for _ in 0..3 {
        let next = input.run(at, 1, |byte| matches!(byte, b'_' | b'-' | b'.'));
        let digits = input.run(next, 4, |byte| byte.is_ascii_digit());
        let letters = input.run(next, 12, |byte| byte.is_ascii_alphabetic());
        let mut word = [0; 12];
        for (slot, byte) in word.iter_mut().zip(input.slice(next, letters)) {
            *slot = byte.to_ascii_lowercase();
        }
        let word = std::str::from_utf8(word.get(..letters - next)?).ok()?;
        at = if letters > next && after.contains(word) {
            letters
        } else if digits > next
            && digits - next <= 2
            && !input.at(digits).is_some_and(|b| b.is_ascii_alphanumeric())
        {
            digits
        } else if next == at && letters > next {
            // It goes on: `tokenizer`, `keyboard`.
            return None;
        } else if letters > next && input.before(next) != Some(b'-') && is_identifier(input, letters) {
            // `secret_name=`
            return None;
        } else {
            return Some(at);
        };
    }
    Some(at)
}

/// Whether a name ends here and a sign follows, so that what stands before belongs to the name.
fn is_identifier(input: &Input<'_>, at: usize) -> bool {
    let end = input.run(at, 24, |b| b.is_ascii_alphanumeric() || b == b'_');
    let sign = input.run(end, 4, |b| matches!(b, b' ' | b'"' | b'\''));
    input.at(sign).is_none_or(|b| matches!(b, b'=' | b':' | b'(' | b'.' | b',' | b')')) || end == sign
}

/// What the words before `anchor` and the `word` there say.
pub(super) fn told(input: &Input<'_>, anchor: usize, word: &str, named: &Named) -> Told {
    let window = input.context(anchor);
    let mut words = Words { window, cut: window.len() < anchor || window.len() == CONTEXT };
    let humped = input.slice(anchor, anchor + 1).first().is_some_and(u8::is_ascii_uppercase);
    // The word before may run into it: `apikey`, `clientsecret`; otherwise it is another word, such as `monkey`.
    let glued =
        input.before(anchor).is_some_and(|b| b.is_ascii_lowercase() || (b.is_ascii_uppercase() && humped))
            && !(humped && input.before(anchor).is_some_and(|b| b.is_ascii_lowercase()));
    let (mut plainly, mut by_service) = (named.strong.contains(&word), false);
    let mut behind = Small::default();
    let mut same_name = true;
    for n in 0.. {
        let Some((separated, text)) = words.next_back() else { break };
        // Words of the same name, or the one before it: `public key`, `next_page_token`.
        same_name &= n == 0 || (!separated && n < 3);
        if (plainly && !same_name) || (by_service && n > 1) {
            break;
        }
        let Some(text) = Small::of(text) else {
            behind = Small::default();
            continue;
        };
        let word = text.as_str();
        if same_name && named.not_before.contains(word) {
            return Told::Not;
        }
        let before = n < 2 && (named.before.contains(word) || (n == 0 && word.ends_with("api")));
        let service = !before
            && (named.services.contains(word) || named.services.contains(text.then(&behind).as_str()));
        if n == 0 && glued && !before && !service {
            // `monkey`, but `myaccesskey`.
            if !named.before.ends(word) {
                return Told::Not;
            }
            plainly = true;
        }
        plainly |= before;
        by_service |= service;
        behind = text;
    }
    match (plainly, by_service) {
        (true, _) => Told::Plainly,
        (_, true) => Told::ByService,
        _ => Told::Not,
    }
}

/// The words of a text from its end: `customerSSN_no` is `no`, `SSN`, `customer`.
struct Words<'t> {
    window: &'t [u8],
    /// The first word may have been cut off.
    cut: bool,
}

impl<'t> Words<'t> {
    /// The next word, and whether more than a hump or one of `_-.` stands behind it.
    fn next_back(&mut self) -> Option<(bool, &'t [u8])> {
        let end = self.window.iter().rposition(|byte| is_part(*byte))? + 1;
        let behind = self.window.get(end..).unwrap_or_default();
        let separated = behind.len() > 1 || behind.iter().any(|byte| !b"_-.".contains(byte));
        let mut start = end;
        while let Some(&byte) = start.checked_sub(1).and_then(|at| self.window.get(at)) {
            if !is_part(byte) || (start < end && self.humps(start)) {
                break;
            }
            start -= 1;
        }
        if start == 0 && self.cut {
            return None;
        }
        let word = self.window.get(start..end)?;
        self.window = self.window.get(..start)?;
        Some((separated, word))
    }

    /// Whether a new word begins at the offset: `a|Bc`, `AB|Cd`.
    fn humps(&self, at: usize) -> bool {
        let byte = |at: usize| self.window.get(at).copied().unwrap_or(0);
        let (before, here, after) = (byte(at - 1), byte(at), byte(at + 1));
        here.is_ascii_uppercase()
            && (before.is_ascii_lowercase() || (before.is_ascii_uppercase() && after.is_ascii_lowercase()))
    }
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// A word in small letters; longer ones than any that is known are none.
#[derive(Debug, Clone, Copy, Default)]
struct Small {
    bytes: [u8; 32],
    length: usize,
}

impl Small {
    fn of(word: &[u8]) -> Option<Self> {
        let mut small = Self { bytes: [0; 32], length: word.len() };
        small.bytes.get_mut(..word.len())?.copy_from_slice(word);
        small.bytes.make_ascii_lowercase();
        Some(small)
    }

    /// It and a word behind it, joined: the names of some services are two words.
    fn then(&self, behind: &Self) -> Self {
        let mut joined = *self;
        let length = self.length + behind.length;
        match joined.bytes.get_mut(self.length..length).zip(behind.bytes.get(..behind.length)) {
            Some((place, word)) => place.copy_from_slice(word),
            None => return Self::default(),
        }
        Self { length, ..joined }
    }

    fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}
