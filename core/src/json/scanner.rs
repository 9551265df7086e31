//! Strict JSON (RFC 8259), token by token, over a window of bytes that the caller moves along.

use std::ops::Range;

use super::fault::{Fault, FaultCode};
use super::numbers;
use super::string::{Escape, check, escape, plain_length};
use super::unread::Unread;
use super::{LONG_STRING, MAX_DEPTH, MAX_NUMBER};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// `{`
    ObjectStart,
    /// `}`
    ObjectEnd,
    /// `[`
    ArrayStart,
    /// `]`
    ArrayEnd,
    /// `,`
    Comma,
    /// The name of a member with its quotes.
    Key,
    /// A whole string with its quotes, of at most [`LONG_STRING`] bytes inside.
    String,
    /// A number.
    Number,
    /// `true`, `false` or `null`.
    Literal,
    /// Several elements of an array that are all numbers, with the commas between them.
    Numbers,
    /// The opening quote of a string with more than [`LONG_STRING`] bytes inside.
    LongStart,
    /// A part of such a string, cut between characters and between escapes.
    LongPart,
    /// Its closing quote.
    LongEnd,
}

/// One token and where it stands in the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it stands in the window, half-open.
    pub span: Range<usize>,
    /// Whether a name or string holds escapes.
    pub escaped: bool,
    /// How many elements of an array it is: 1 but for [`Kind::Numbers`].
    pub count: u64,
    /// Whether some of these numbers has a whole part of at least [`LONG_DIGITS`](super::LONG_DIGITS) digits.
    pub long: bool,
}

/// What [`Scanner::next`] answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There is a next [`token`](Scanner::token).
    Token,
    /// The next token is not complete in this window.
    More,
    /// The document is complete and the body ends here.
    End,
}

/// How the numbers of an array come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// One by one.
    Single,
    /// As runs, each number checked.
    Read,
    /// The first as a run of one, the rest unread: it is enough to know that there are some.
    Skipped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    ElementOrEnd,
    KeyOrEnd,
    Key,
    Colon,
    CommaOrEnd,
    /// The document is complete; in a series, another may follow on a new line.
    Done,
    LongInside,
    /// Behind a number of an array whose numbers are skipped.
    Skipped,
    /// Within a value that nobody asks for.
    Unread,
}

/// Reads tokens off a window of bytes.
///
/// The caller keeps the window: it calls [`next`](Self::next) until [`Step::More`], then drops what lies before
/// [`position`](Self::position) and says so with [`shift`](Self::shift), adds bytes, and goes on. The tokens are the same however
/// the bytes arrive, but that a long string and a run of numbers may come in other parts.
#[derive(Debug, Clone)]
pub struct Scanner {
    expect: Expect,
    /// One bit an open container, innermost lowest: 1 for an object.
    objects: u128,
    depth: usize,
    position: usize,
    /// The last token, by its parts: where they are put together again is where they are looked at.
    kind: Kind,
    start: usize,
    end: usize,
    count: u64,
    long: bool,
    /// How far an unfinished string was searched for its end, and whether it, or else the last one, held escapes so far.
    searched: usize,
    escaped: bool,
    base: u64,
    series: bool,
    /// Whether commas are told.
    commas: bool,
    new_line: bool,
    /// A value that nobody asks for, and whether the next one is such.
    unread: Option<Unread>,
    passes: bool,
}

impl Scanner {
    /// For one document.
    pub fn new() -> Self {
        Self {
            expect: Expect::Value,
            objects: 0,
            depth: 0,
            position: 0,
            kind: Kind::Literal,
            start: 0,
            end: 0,
            count: 1,
            long: false,
            searched: 0,
            escaped: false,
            base: 0,
            series: false,
            commas: true,
            new_line: true,
            unread: None,
            passes: false,
        }
    }

    /// For any number of documents, each on a line of its own.
    pub fn series() -> Self {
        Self { series: true, ..Self::new() }
    }

    /// The same, telling no [`Kind::Comma`].
    #[must_use]
    pub fn without_commas(self) -> Self {
        Self { commas: false, ..self }
    }

    /// How far the window has been read: the next token begins here or later.
    pub fn position(&self) -> usize {
        self.position
    }

    /// The window now begins `by` bytes later; nothing may be asked of the last token any more.
    pub fn shift(&mut self, by: usize) {
        self.base += by as u64;
        self.position = self.position.saturating_sub(by);
        self.searched = self.searched.saturating_sub(by);
    }

    /// The token that [`next`](Self::next) has just told of.
    #[inline]
    pub fn token(&self) -> Token {
        Token {
            kind: self.kind,
            span: self.start..self.end,
            escaped: self.escaped,
            count: self.count,
            long: self.long,
        }
    }

    /// After a [`Kind::Key`]: nobody asks for the value of this member. It is passed, no token of it told and none checked but for
    /// where it ends.
    pub fn pass_value(&mut self, window: &[u8]) {
        // Mostly its first byte stands here; else it is the next that comes.
        let first = window.get(self.position).filter(|_| self.expect == Expect::Value);
        match first.and_then(|byte| Unread::behind(*byte)) {
            Some(unread) => self.pass(unread, window),
            None => self.passes = true,
        }
    }

    fn pass(&mut self, unread: Unread, window: &[u8]) {
        self.position += 1;
        self.expect = Expect::Unread;
        self.unread = Some(unread);
        self.pass_unread(window);
    }

    /// How many containers are open.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Whether the innermost open container is an object.
    pub fn in_object(&self) -> bool {
        self.depth > 0 && self.objects & 1 == 1
    }

    /// The offset in the body of a place in the window.
    pub fn offset(&self, at: usize) -> u64 {
        self.base + at as u64
    }

    /// The next token. `last`: no byte follows the window. `runs` is asked where a number is an element: how it and those
    /// behind it come.
    ///
    /// # Errors
    /// What is wrong, and where. The scanner is of no use afterwards.
    // Asked once a token, by few.
    #[inline]
    pub fn next(&mut self, window: &[u8], last: bool, runs: impl Fn() -> Runs) -> Result<Step, Fault> {
        loop {
            match self.expect {
                Expect::LongInside => return self.inside_long(window, last),
                Expect::Skipped => self.skip_numbers(window),
                Expect::Unread => self.pass_unread(window),
                _ => {}
            }
            let Some(byte) = self.skip_space(window) else { return self.no_more(window, last) };
            let at = self.position;
            match (self.expect, byte) {
                (Expect::Value, _) if self.passes => {
                    self.passes = false;
                    let unread = Unread::behind(byte).ok_or(self.fault(FaultCode::Malformed, at))?;
                    self.pass(unread, window);
                }
                (Expect::Value, _) => return self.value(byte, window, last, &runs),
                (Expect::Key | Expect::KeyOrEnd, b'"') => return self.string(window, last, true),
                (Expect::CommaOrEnd, b'}') if self.in_object() => return Ok(self.close(byte, window)),
                (Expect::CommaOrEnd, b']') if !self.in_object() => return Ok(self.close(byte, window)),
                (Expect::CommaOrEnd, b',') => {
                    self.expect = self.behind_comma();
                    if self.commas {
                        return Ok(self.told(Kind::Comma, 1));
                    }
                    self.position += 1;
                }
                (Expect::ElementOrEnd, b']') | (Expect::KeyOrEnd, b'}') => {
                    return Ok(self.close(byte, window));
                }
                (Expect::ElementOrEnd, _) => return self.value(byte, window, last, &runs),
                (Expect::Colon, b':') => {
                    self.expect = Expect::Value;
                    self.position += 1;
                }
                (Expect::Done, _) if self.series && self.new_line => self.expect = Expect::Value,
                _ => return Err(self.fault(FaultCode::Malformed, at)),
            }
        }
    }

    /// At the end of the window.
    #[cold]
    fn no_more(&self, window: &[u8], last: bool) -> Result<Step, Fault> {
        let complete = match self.expect {
            Expect::Done => true,
            Expect::Value => self.series && self.depth == 0,
            _ => false,
        };
        match (last, complete) {
            (false, _) => Ok(Step::More),
            (true, true) => Ok(Step::End),
            (true, false) => Err(self.fault(FaultCode::Truncated, window.len())),
        }
    }

    fn behind_comma(&self) -> Expect {
        if self.in_object() { Expect::Key } else { Expect::Value }
    }

    fn skip_space(&mut self, window: &[u8]) -> Option<u8> {
        let rest = window.get(self.position..).unwrap_or_default();
        if let Some(byte) = rest.first().filter(|byte| **byte > b' ') {
            return Some(*byte);
        }
        let space = rest.iter().position(|byte| {
            self.new_line |= *byte == b'\n';
            !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
        });
        self.position += space.unwrap_or(rest.len());
        rest.get(space?).copied()
    }

    /// Passes what stands before the end of the array, or before something that is no number.
    fn skip_numbers(&mut self, window: &[u8]) {
        while let Some(rest) = window.get(self.position..).filter(|rest| !rest.is_empty()) {
            let end = numbers::end(rest);
            self.position += end.unwrap_or(rest.len());
            match end.and_then(|end| rest.get(end)) {
                Some(b']') => self.expect = Expect::CommaOrEnd,
                // No part of any array.
                Some(b'}') => {
                    self.position += 1;
                    continue;
                }
                Some(_) => self.expect = Expect::Value,
                None => {}
            }
            return;
        }
    }

    /// Passes what belongs to a value that nobody asks for.
    fn pass_unread(&mut self, window: &[u8]) {
        let rest = window.get(self.position..).unwrap_or_default();
        let passed = self.unread.as_mut().and_then(|unread| unread.pass(rest));
        self.position += passed.unwrap_or(rest.len());
        if passed.is_some() {
            self.value_done(window);
        }
    }

    fn value(
        &mut self,
        byte: u8,
        window: &[u8],
        last: bool,
        runs: &impl Fn() -> Runs,
    ) -> Result<Step, Fault> {
        match byte {
            b'{' => self.open(Kind::ObjectStart),
            b'[' => self.open(Kind::ArrayStart),
            b'"' => self.string(window, last, false),
            b'-' | b'0'..=b'9' => {
                if self.depth == 0 || self.in_object() {
                    return self.number(window, last);
                }
                match runs() {
                    Runs::Single => self.number(window, last),
                    Runs::Skipped => {
                        self.expect = Expect::Skipped;
                        Ok(self.told(Kind::Numbers, 1))
                    }
                    Runs::Read => {
                        let rest = window.get(self.position..).unwrap_or_default();
                        let Some(run) = numbers::run(rest) else { return self.number(window, last) };
                        let step = self.value_told(Kind::Numbers, run.len, window);
                        (self.count, self.long) = (run.count, run.long);
                        Ok(step)
                    }
                }
            }
            b't' => self.literal(b"true", window, last),
            b'f' => self.literal(b"false", window, last),
            b'n' => self.literal(b"null", window, last),
            _ => Err(self.fault(FaultCode::Malformed, self.position)),
        }
    }

    fn open(&mut self, kind: Kind) -> Result<Step, Fault> {
        if self.depth == MAX_DEPTH {
            return Err(self.fault(FaultCode::TooDeep, self.position));
        }
        let object = kind == Kind::ObjectStart;
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(object);
        self.expect = if object { Expect::KeyOrEnd } else { Expect::ElementOrEnd };
        Ok(self.told(kind, 1))
    }

    fn close(&mut self, byte: u8, window: &[u8]) -> Step {
        self.depth = self.depth.saturating_sub(1);
        self.objects >>= 1;
        self.value_told(if byte == b'}' { Kind::ObjectEnd } else { Kind::ArrayEnd }, 1, window)
    }

    /// Behind a value, and behind the comma that mostly stands there where nobody asks for it.
    fn value_done(&mut self, window: &[u8]) {
        self.new_line = false;
        self.expect = match (self.depth, window.get(self.position)) {
            (0, _) => Expect::Done,
            (_, Some(b',')) if !self.commas => {
                self.position += 1;
                self.behind_comma()
            }
            _ => Expect::CommaOrEnd,
        };
    }

    /// A token of so many bytes.
    fn told(&mut self, kind: Kind, len: usize) -> Step {
        (self.kind, self.count, self.long) = (kind, 1, false);
        self.start = self.position;
        self.position += len;
        self.end = self.position;
        Step::Token
    }

    /// The same for one that ends a value.
    fn value_told(&mut self, kind: Kind, len: usize, window: &[u8]) -> Step {
        let step = self.told(kind, len);
        self.value_done(window);
        step
    }

    #[inline]
    fn string(&mut self, window: &[u8], last: bool, key: bool) -> Result<Step, Fault> {
        let inside = self.position + 1;
        if let Some(length) = plain_length(window.get(inside..).unwrap_or_default()) {
            self.escaped = false;
            return Ok(self.string_told(inside + length, key, window));
        }
        self.longer_string(window, last, key)
    }

    /// A string that is long, has escapes or letters beyond ASCII, or whose end has not come.
    fn longer_string(&mut self, window: &[u8], last: bool, key: bool) -> Result<Step, Fault> {
        let inside = self.position + 1;
        if self.searched < inside {
            self.searched = inside;
            self.escaped = false;
        }
        let end = loop {
            let rest = window.get(self.searched..).unwrap_or_default();
            match memchr::memchr2(b'"', b'\\', rest) {
                Some(at) if rest.get(at) == Some(&b'"') => break Some(self.searched + at),
                Some(at) => {
                    self.escaped = true;
                    // The byte after a backslash is never the end, and may not have come yet.
                    if at + 2 > rest.len() {
                        self.searched += at;
                        break None;
                    }
                    self.searched += at + 2;
                }
                None => {
                    self.searched += rest.len();
                    break None;
                }
            }
        };
        if end.unwrap_or(window.len()).saturating_sub(inside) > LONG_STRING {
            if key {
                return Err(self.fault(FaultCode::TooLong, self.position));
            }
            self.expect = Expect::LongInside;
            self.searched = 0;
            return Ok(self.told(Kind::LongStart, 1));
        }
        let Some(end) = end else {
            // A wrong byte shows when the string is complete, or here at the end of the body.
            return if last { Err(self.fault(FaultCode::Truncated, window.len())) } else { Ok(Step::More) };
        };
        let text = window.get(inside..end).unwrap_or_default();
        check(text).map_err(|(code, at)| self.fault(code, inside + at))?;
        if self.escaped {
            let read = escapes(text, true).map_err(|at| self.fault(FaultCode::Malformed, inside + at))?;
            debug_assert_eq!(read, text.len());
        }
        Ok(self.string_told(end, key, window))
    }

    /// A whole string, whose closing quote stands at `end`.
    fn string_told(&mut self, end: usize, key: bool, window: &[u8]) -> Step {
        self.searched = 0;
        let len = end + 1 - self.position;
        if !key {
            return self.value_told(Kind::String, len, window);
        }
        let step = self.told(Kind::Key, len);
        self.expect = match window.get(self.position) {
            Some(b':') => {
                self.position += 1;
                Expect::Value
            }
            _ => Expect::Colon,
        };
        step
    }

    /// The next part of a long string, or its end.
    fn inside_long(&mut self, window: &[u8], last: bool) -> Result<Step, Fault> {
        let start = self.position;
        let rest = window.get(start..).unwrap_or_default();
        if rest.first() == Some(&b'"') {
            return Ok(self.value_told(Kind::LongEnd, 1, window));
        }
        let quote = closing_quote(rest);
        let mut part = rest.get(..quote.unwrap_or(rest.len())).unwrap_or_default();
        let whole =
            escapes(part, quote.is_some()).map_err(|at| self.fault(FaultCode::Malformed, start + at))?;
        part = part.get(..whole).unwrap_or_default();
        match check(part) {
            Ok(()) => {}
            // The start of a character whose end has not come.
            Err((FaultCode::InvalidUtf8, at)) if quote.is_none() && part.len() - at < 4 => {
                let open = part.get(at..).is_some_and(|tail| {
                    std::str::from_utf8(tail).is_err_and(|e| e.error_len().is_none() && e.valid_up_to() == 0)
                });
                if !open {
                    return Err(self.fault(FaultCode::InvalidUtf8, start + at));
                }
                part = part.get(..at).unwrap_or_default();
            }
            Err((code, at)) => return Err(self.fault(code, start + at)),
        }
        if part.is_empty() {
            return if last { Err(self.fault(FaultCode::Truncated, window.len())) } else { Ok(Step::More) };
        }
        Ok(self.told(Kind::LongPart, part.len()))
    }

    fn number(&mut self, window: &[u8], last: bool) -> Result<Step, Fault> {
        let rest = window.get(self.position..).unwrap_or_default();
        // Most numbers that stand alone are ids and counts.
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if let Some(b',' | b'}' | b']') = rest.get(digits)
            && (digits == 1 || ((2..MAX_NUMBER).contains(&digits) && rest.first() != Some(&b'0')))
        {
            return Ok(self.value_told(Kind::Number, digits, window));
        }
        let len = rest
            .iter()
            .take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .count();
        if len > MAX_NUMBER {
            return Err(self.fault(FaultCode::TooLong, self.position));
        }
        if len == rest.len() && !last {
            return Ok(Step::More);
        }
        if !is_number(rest.get(..len).unwrap_or_default()) {
            return Err(self.fault(FaultCode::Malformed, self.position));
        }
        Ok(self.value_told(Kind::Number, len, window))
    }

    fn literal(&mut self, word: &[u8], window: &[u8], last: bool) -> Result<Step, Fault> {
        let rest = window.get(self.position..).unwrap_or_default();
        let same = rest.iter().zip(word).take_while(|(a, b)| a == b).count();
        if same == word.len() {
            return Ok(self.value_told(Kind::Literal, same, window));
        }
        match (same == rest.len(), last) {
            (true, false) => Ok(Step::More),
            (true, true) => Err(self.fault(FaultCode::Truncated, window.len())),
            (false, _) => Err(self.fault(FaultCode::Malformed, self.position)),
        }
    }

    fn fault(&self, code: FaultCode, at: usize) -> Fault {
        Fault { code, at: self.offset(at) }
    }
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

/// Where the string ends: the first quote that no escape takes.
fn closing_quote(inside: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let rest = inside.get(from..)?;
        let at = memchr::memchr2(b'"', b'\\', rest)?;
        match rest.get(at) {
            Some(b'"') => return Some(from + at),
            _ => from += at + 2,
        }
    }
}

/// How many bytes hold whole escapes only. The place of a wrong one as the error.
fn escapes(inside: &[u8], complete: bool) -> Result<usize, usize> {
    let mut from = 0;
    while let Some(rest) = inside.get(from..)
        && let Some(at) = memchr::memchr(b'\\', rest)
    {
        match escape(rest.get(at..).unwrap_or_default(), complete) {
            Escape::Char(_, len) => from += at + len,
            Escape::Cut => return Ok(from + at),
            Escape::Bad => return Err(from + at),
        }
    }
    Ok(inside.len())
}

/// The grammar of RFC 8259, section 6.
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.first() == Some(&b'0')) {
        return false;
    }
    rest = rest.get(whole..).unwrap_or_default();
    if let Some(fraction) = rest.strip_prefix(b".") {
        let len = digits(fraction);
        if len == 0 {
            return false;
        }
        rest = fraction.get(len..).unwrap_or_default();
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent {
            [b'+' | b'-', exponent @ ..] => exponent,
            _ => exponent,
        };
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests;
