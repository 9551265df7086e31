//! From tokens to selection sets, with their arguments and fragments.

use std::collections::BTreeMap;

use super::MAX_DEPTH;
use super::lexer::{Lexer, Token};

/// A document: the selection sets of its operations, and its fragments by name.
pub(super) struct Document<'t> {
    pub(super) roots: Vec<Vec<Part<'t>>>,
    pub(super) fragments: BTreeMap<&'t str, Vec<Part<'t>>>,
}

/// Reads a document; `None` where it has no one reading.
pub(super) fn document(text: &str) -> Option<Document<'_>> {
    let mut parser = Parser { lexer: Lexer { rest: text }, next: None };
    parser.advance()?;
    let (mut roots, mut fragments) = (Vec::new(), BTreeMap::new());
    while let Some(token) = parser.next {
        match token {
            Token::Mark('{') => roots.push(parser.set(0)?),
            Token::Name("fragment") => {
                parser.advance()?;
                let name = parser.name()?;
                parser.until_set()?;
                if fragments.insert(name, parser.set(0)?).is_some() {
                    return None;
                }
            }
            Token::Name("query" | "mutation" | "subscription") => {
                parser.until_set()?;
                roots.push(parser.set(0)?);
            }
            _ => return None,
        }
    }
    Some(Document { roots, fragments })
}

/// One part of a selection set.
pub(super) enum Part<'t> {
    Field { name: &'t str, arguments: Vec<(&'t str, Given<'t>)>, inside: Vec<Part<'t>> },
    Spread(&'t str),
    Inline(Vec<Part<'t>>),
}

/// The value of an argument.
pub(super) enum Given<'t> {
    Number(u64),
    /// A number below zero.
    Below,
    Text(&'t str),
    Variable(&'t str),
    Other,
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    next: Option<Token<'t>>,
}

impl<'t> Parser<'t> {
    fn advance(&mut self) -> Option<()> {
        self.next = self.lexer.token()?;
        Some(())
    }

    fn name(&mut self) -> Option<&'t str> {
        let Some(Token::Name(name)) = self.next else { return None };
        self.advance()?;
        Some(name)
    }

    /// Whether this mark is next; then it is passed over.
    fn mark(&mut self, mark: char) -> Option<bool> {
        let is = self.next == Some(Token::Mark(mark));
        if is {
            self.advance()?;
        }
        Some(is)
    }

    /// Passes over names, variables, types and directives, up to a selection set.
    fn until_set(&mut self) -> Option<()> {
        let mut round = 0_usize;
        loop {
            match self.next? {
                Token::Mark('(') => round += 1,
                Token::Mark(')') => round = round.checked_sub(1)?,
                Token::Mark('{') if round == 0 => return Some(()),
                _ => {}
            }
            self.advance()?;
        }
    }

    fn set(&mut self, depth: usize) -> Option<Vec<Part<'t>>> {
        if depth >= MAX_DEPTH || !self.mark('{')? {
            return None;
        }
        let mut parts = Vec::new();
        while !self.mark('}')? {
            parts.push(self.part(depth)?);
        }
        (!parts.is_empty()).then_some(parts)
    }

    fn part(&mut self, depth: usize) -> Option<Part<'t>> {
        if self.next == Some(Token::Spread) {
            self.advance()?;
            return match self.next? {
                Token::Name(name) if name != "on" => {
                    self.advance()?;
                    self.directives(depth)?;
                    Some(Part::Spread(name))
                }
                _ => {
                    self.until_set()?;
                    Some(Part::Inline(self.set(depth + 1)?))
                }
            };
        }
        let mut name = self.name()?;
        if self.mark(':')? {
            name = self.name()?;
        }
        let arguments = self.arguments(depth)?;
        self.directives(depth)?;
        let inside = if self.next == Some(Token::Mark('{')) { self.set(depth + 1)? } else { Vec::new() };
        Some(Part::Field { name, arguments, inside })
    }

    fn arguments(&mut self, depth: usize) -> Option<Vec<(&'t str, Given<'t>)>> {
        let mut found: Vec<(&str, Given<'_>)> = Vec::new();
        if !self.mark('(')? {
            return Some(found);
        }
        while !self.mark(')')? {
            let name = self.name()?;
            // The last one may count, or the first.
            if !self.mark(':')? || found.iter().any(|(known, _)| *known == name) {
                return None;
            }
            found.push((name, self.value(depth)?));
        }
        Some(found)
    }

    fn value(&mut self, depth: usize) -> Option<Given<'t>> {
        if depth >= MAX_DEPTH {
            return None;
        }
        let token = self.next?;
        self.advance()?;
        match token {
            Token::Number(text) => Some(match text.strip_prefix('-') {
                Some(below) => below.parse().map_or(Given::Other, |_: u64| Given::Below),
                None => text.parse().map_or(Given::Other, Given::Number),
            }),
            Token::Text(text) => Some(Given::Text(text)),
            Token::Name(_) => Some(Given::Other),
            Token::Mark('$') => self.name().map(Given::Variable),
            Token::Mark('[') => {
                while !self.mark(']')? {
                    self.value(depth + 1)?;
                }
                Some(Given::Other)
            }
            Token::Mark('{') => {
                while !self.mark('}')? {
                    self.name()?;
                    if !self.mark(':')? {
                        return None;
                    }
                    self.value(depth + 1)?;
                }
                Some(Given::Other)
            }
            Token::Mark(_) | Token::Spread => None,
        }
    }

    fn directives(&mut self, depth: usize) -> Option<()> {
        while self.mark('@')? {
            self.name()?;
            self.arguments(depth)?;
        }
        Some(())
    }
}
