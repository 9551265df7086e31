//! Words of a script, and what they say where that is known without running anything.

use super::parse::Pipeline;

/// A word as it was written: pieces one after the other.
#[derive(Debug, Clone, Default)]
pub(super) struct Word(pub(super) Vec<Part>);

#[derive(Debug, Clone)]
pub(super) enum Part {
    /// Letters, and whether they were quoted.
    Text(String, bool),
    /// A variable, what stands for it where it is not set, and whether it was quoted.
    Variable(String, Option<Word>, bool),
    /// The output of commands, and whether it was quoted.
    Output(Vec<Pipeline>, bool),
    /// A file that other commands feed, or that feeds them.
    Process(Vec<Pipeline>, bool),
    /// This, or nothing.
    Either(Word),
    /// Something made of a variable, with words that may run commands.
    Changed(Word),
    /// A number that was worked out.
    Number,
    /// Where the text of a here-document comes to stand.
    Here,
    /// Nobody knows.
    Unknown,
}

impl Word {
    pub(super) fn push(&mut self, letter: char, quoted: bool) {
        match self.0.last_mut() {
            Some(Part::Text(text, known)) if *known == quoted => text.push(letter),
            _ => self.0.push(Part::Text(letter.to_string(), quoted)),
        }
    }
}

/// What a word says: a text, and how far that can be relied on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) text: String,
    /// Something in it is only known when it runs.
    pub(super) dynamic: bool,
    /// It was told apart by what stands in `IFS`.
    pub(super) split: bool,
    /// What commands put out is in it, and not known.
    pub(super) told: bool,
    /// The environment gives some of it, under a name that says it is secret.
    pub(super) secret: bool,
}

impl Field {
    pub(super) fn of(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// The escapes of `$'...'`, and of `echo -e` and `printf`.
pub(super) fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match rest.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('a' | 'b' | 'f' | 'v' | 'e' | 'E') => out.push(' '),
            Some(kind @ ('x' | 'u' | 'U')) => {
                let most = match kind {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                out.push(digits(&mut rest, 16, most, 0, 0));
            }
            Some(digit @ '0'..='7') => {
                out.push(digits(&mut rest, 8, 3, digit.to_digit(8).unwrap_or(0), 1));
            }
            Some(other) => out.push(other),
            None => out.push('\\'),
        }
    }
    out
}

fn digits(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    radix: u32,
    most: usize,
    mut value: u32,
    mut read: usize,
) -> char {
    while read < most
        && let Some(digit) = rest.peek().and_then(|c| c.to_digit(radix))
    {
        (value, read) = (value.saturating_mul(radix).saturating_add(digit), read + 1);
        rest.next();
    }
    char::from_u32(value).unwrap_or('\u{fffd}')
}
