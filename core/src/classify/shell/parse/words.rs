//! Words of a script: quotes, escapes, variables, substitutions.

use super::{DEPTH, Parsed, Parser, Pipeline};
use crate::classify::shell::word::{Part, Word, unescaped};

impl Parser<'_> {
    /// The next word; `None` where there is none.
    pub(super) fn word(&mut self) -> Parsed<Option<Word>> {
        self.count()?;
        let mut word = Word::default();
        let mut any = false;
        while let Some(next) = self.peek() {
            match next {
                '<' | '>' if self.rest().get(1..2) == Some("(") => {
                    self.at += 2;
                    let list = self.inner()?;
                    word.0.push(Part::Process(list, next == '>'));
                }
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>' => break,
                '\'' => {
                    self.count()?;
                    word.0.push(self.apostrophes()?);
                }
                '"' => {
                    self.count()?;
                    self.bump();
                    word.0.push(Part::Text(String::new(), true));
                    while self.peek() != Some('"') {
                        self.quoted(&mut word, true)?;
                    }
                    self.bump();
                }
                '$' if self.rest().starts_with("$'") => {
                    self.at += 2;
                    self.count()?;
                    self.escaped(&mut word)?;
                }
                '$' if self.rest().starts_with("$\"") => {
                    self.at += 1;
                    continue;
                }
                '$' | '`' => self.dollar(&mut word, false)?,
                '\\' => {
                    self.bump();
                    match self.bump() {
                        Some('\n') => continue,
                        Some(letter) => word.push(letter, true),
                        None => word.push('\\', true),
                    }
                }
                letter => {
                    self.bump();
                    word.push(letter, false);
                }
            }
            any = true;
        }
        Ok(any.then_some(word))
    }

    /// What stands between single quotes.
    fn apostrophes(&mut self) -> Parsed<Part> {
        self.bump();
        let end = self.rest().find('\'').ok_or("malformed")?;
        let text = self.rest().get(..end).unwrap_or_default().to_owned();
        self.at += end + 1;
        Ok(Part::Text(text, true))
    }

    /// One step within double quotes.
    pub(super) fn quoted(&mut self, word: &mut Word, ends: bool) -> Parsed<()> {
        match self.peek() {
            None if ends => Err("malformed"),
            None => Ok(()),
            Some('$' | '`') => self.dollar(word, true),
            Some('\\') => {
                self.bump();
                match self.bump() {
                    Some('\n') => {}
                    Some(letter @ ('$' | '`' | '"' | '\\')) => word.push(letter, true),
                    Some(letter) => {
                        word.push('\\', true);
                        word.push(letter, true);
                    }
                    None => word.push('\\', true),
                }
                Ok(())
            }
            Some(letter) => {
                self.bump();
                word.push(letter, true);
                Ok(())
            }
        }
    }

    /// `$'...'`.
    fn escaped(&mut self, word: &mut Word) -> Parsed<()> {
        let end = {
            let mut escape = false;
            self.rest().find(|c| {
                let ends = c == '\'' && !escape;
                escape = c == '\\' && !escape;
                ends
            })
        }
        .ok_or("malformed")?;
        let text = self.rest().get(..end).unwrap_or_default();
        self.at += end + 1;
        word.0.push(Part::Text(unescaped(text), true));
        Ok(())
    }

    /// What follows a `$`, or a command between back quotes.
    fn dollar(&mut self, word: &mut Word, quoted: bool) -> Parsed<()> {
        self.count()?;
        if self.eat("`") {
            return self.back_quoted(word, quoted);
        }
        if self.rest().starts_with("$((")
            && let Some(end) = self.rest().find("))")
        {
            let inner = self.rest().get(3..end).unwrap_or_default();
            if !inner.contains("$(") && !inner.contains('`') && !inner.contains('(') {
                self.at += end + 2;
                word.0.push(Part::Number);
                return Ok(());
            }
        }
        if self.eat("$(") {
            let list = self.inner()?;
            word.0.push(Part::Output(list, quoted));
            return Ok(());
        }
        if self.eat("${") {
            return self.deeper(|parser| parser.braced(word, quoted));
        }
        self.bump();
        match self.peek() {
            Some(letter) if letter.is_ascii_alphabetic() || letter == '_' => {
                let rest = self.rest();
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                word.0.push(Part::Variable(rest.get(..end).unwrap_or_default().to_owned(), None, quoted));
                self.at += end;
            }
            Some(letter) if letter.is_ascii_digit() || "@*#?$!-".contains(letter) => {
                self.bump();
                word.0.push(Part::Variable(letter.to_string(), None, quoted));
            }
            _ => word.push('$', quoted),
        }
        Ok(())
    }

    /// The list of a substitution, and its `)`.
    fn inner(&mut self) -> Parsed<Vec<Pipeline>> {
        let (heredocs, bodies) = (std::mem::take(&mut self.heredocs), std::mem::take(&mut self.bodies));
        let mut list = self.deeper(|parser| parser.list(&[]))?;
        self.fill(&mut list);
        (self.heredocs, self.bodies) = (heredocs, bodies);
        if self.eat(")") { Ok(list) } else { Err("malformed") }
    }

    fn back_quoted(&mut self, word: &mut Word, quoted: bool) -> Parsed<()> {
        let mut text = String::new();
        loop {
            match self.bump().ok_or("malformed")? {
                '`' => break,
                '\\' => match self.bump().ok_or("malformed")? {
                    letter @ ('`' | '\\' | '$') => text.push(letter),
                    letter => {
                        text.push('\\');
                        text.push(letter);
                    }
                },
                letter => text.push(letter),
            }
        }
        if self.depth >= DEPTH {
            return Err("too_deep");
        }
        let mut inner = Parser::new(&text, self.depth + 1);
        (inner.commands, inner.words) = (self.commands, self.words);
        word.0.push(Part::Output(inner.script()?, quoted));
        Ok(())
    }

    /// `${name}`, `${name:-default}` and other forms.
    fn braced(&mut self, word: &mut Word, quoted: bool) -> Parsed<()> {
        let indirect = self.eat("!");
        let length = self.rest().starts_with('#') && !self.rest().starts_with("#}") && self.eat("#");
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let end = if end == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { end };
        let name = rest.get(..end).unwrap_or_default().to_owned();
        self.at += end;
        let mark: String = self.rest().chars().take_while(|c| ":-=+?#%/^,@[".contains(*c)).take(2).collect();
        self.at += mark.len();
        let mut inner = Word::default();
        while self.peek() != Some('}') {
            match self.peek().ok_or("malformed")? {
                '\'' if !quoted => inner.0.push(self.apostrophes()?),
                '"' => {
                    self.bump();
                }
                _ => self.quoted(&mut inner, true)?,
            }
        }
        self.bump();
        let part = match mark.as_str() {
            "" if !indirect && !length => Part::Variable(name, None, quoted),
            ":-" | "-" | ":=" | "=" if !indirect => Part::Variable(name, Some(inner), quoted),
            // All of an array, which is held as its words.
            "[@" | "["
                if !indirect
                    && !length
                    && matches!(inner.0.as_slice(), [Part::Text(text, _)] if matches!(text.as_str(), "]" | "*]")) =>
            {
                Part::Variable(name, None, false)
            }
            ":+" | "+" if !indirect => Part::Either(inner),
            _ if length => Part::Number,
            _ => Part::Changed(inner),
        };
        word.0.push(part);
        Ok(())
    }
}

/// `name=` at the start of a text, and how long it is.
pub(super) fn assignment(text: &str) -> Option<(String, usize)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
    let name =
        text.get(..end).filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))?;
    let rest = text.get(end..)?;
    if rest.starts_with('=') {
        return Some((name.to_owned(), end + 1));
    }
    if rest.starts_with("+=") {
        return Some((name.to_owned(), end + 2));
    }
    let index = rest.strip_prefix('[')?;
    let length = index.find(|c: char| !c.is_ascii_alphanumeric())?;
    index.get(length..)?.starts_with("]=").then(|| (name.to_owned(), end + length + 3))
}
