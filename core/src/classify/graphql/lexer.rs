//! The tokens of a GraphQL document.

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Token<'t> {
    Name(&'t str),
    Number(&'t str),
    Text(&'t str),
    Mark(char),
    Spread,
}

pub(super) struct Lexer<'t> {
    pub(super) rest: &'t str,
}

impl<'t> Lexer<'t> {
    /// The next token: `None` where there is none that the language knows, `Some(None)` at the end.
    pub(super) fn token(&mut self) -> Option<Option<Token<'t>>> {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', ',', '\u{feff}']);
            match self.rest.strip_prefix('#') {
                Some(comment) => {
                    self.rest = comment.find(['\n', '\r']).and_then(|at| comment.get(at..)).unwrap_or("")
                }
                None => break,
            }
        }
        let Some(first) = self.rest.chars().next() else { return Some(None) };
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let token = match first {
            'a'..='z' | 'A'..='Z' | '_' => Token::Name(self.take(|c| !word(c))?),
            '0'..='9' | '-' => Token::Number(self.take(|c| !word(c) && !matches!(c, '.' | '-' | '+'))?),
            '"' => Token::Text(self.text()?),
            '.' => {
                self.rest = self.rest.strip_prefix("...")?;
                Token::Spread
            }
            '{' | '}' | '(' | ')' | '[' | ']' | ':' | '=' | '!' | '$' | '@' | '|' | '&' => {
                self.rest = self.rest.get(1..)?;
                Token::Mark(first)
            }
            _ => return None,
        };
        Some(Some(token))
    }

    fn take(&mut self, ends: impl Fn(char) -> bool) -> Option<&'t str> {
        let at = self.rest.find(ends).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(at)?;
        self.rest = rest;
        Some(taken)
    }

    /// A text as it is written, its escapes not undone.
    fn text(&mut self) -> Option<&'t str> {
        if let Some(block) = self.rest.strip_prefix("\"\"\"") {
            let mut from = 0;
            loop {
                let at = from + block.get(from..)?.find("\"\"\"")?;
                let (text, rest) = block.split_at_checked(at)?;
                if !text.ends_with('\\') {
                    self.rest = rest.get(3..)?;
                    return Some(text);
                }
                from = at + 3;
            }
        }
        let inside = self.rest.get(1..)?;
        let mut escaped = false;
        let end = inside.find(|c: char| {
            let ends = !escaped && matches!(c, '"' | '\n' | '\r');
            escaped = !escaped && c == '\\';
            ends
        })?;
        let (text, rest) = inside.split_at_checked(end)?;
        self.rest = rest.strip_prefix('"')?;
        Some(text)
    }
}
