//! What a GraphQL document asks for, as JSON that the fields of an entry are read from.
//!
//! Each field of the second level is one element: `{ Get { Doc(limit: 5) { title _additional { id } } } }` is
//! `[{"in": "Get", "name": "Doc", "arguments": {"limit": 5}, "open": {}, "fields": ["title", "_additional.id"]}]`.
//! Numbers and texts are kept, any other literal is `true`; what a variable gives stands under `open`. Fragments are put
//! in their place, aliases dropped, directives passed over: what they leave out may be asked for.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// How deep a document may be nested, fragments in their place.
const MAX_DEPTH: usize = 48;

/// How many fields a document may have, fragments in their place.
const MAX_FIELDS: usize = 16_384;

/// The selections of a document; `None` where it has no one reading.
pub(super) fn selections(text: &str) -> Option<Value> {
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
    let mut found = Found { fragments, left: MAX_FIELDS, elements: Vec::new() };
    for root in &roots {
        found.first(root, 0)?;
    }
    Some(Value::Array(found.elements))
}

/// One part of a selection set.
enum Part<'t> {
    Field { name: &'t str, arguments: Vec<(&'t str, Given<'t>)>, inside: Vec<Part<'t>> },
    Spread(&'t str),
    Inline(Vec<Part<'t>>),
}

/// The value of an argument.
enum Given<'t> {
    Number(u64),
    Text(&'t str),
    Variable,
    Other,
}

/// What is done with a field: its name, its arguments and its own fields.
type Visit<'v, 't> =
    dyn FnMut(&mut Found<'t>, &'t str, &[(&'t str, Given<'t>)], &[Part<'t>]) -> Option<()> + 'v;

struct Found<'t> {
    fragments: BTreeMap<&'t str, Vec<Part<'t>>>,
    left: usize,
    elements: Vec<Value>,
}

impl<'t> Found<'t> {
    fn spend(&mut self, depth: usize) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        (depth < MAX_DEPTH).then_some(())
    }

    /// The first level, which names what is done (`Get`).
    fn first(&mut self, parts: &[Part<'t>], depth: usize) -> Option<()> {
        self.walk(parts, depth, &mut |found, name, arguments, inside| {
            if inside.is_empty() {
                found.elements.push(element(name, "", arguments, Vec::new()));
                return Some(());
            }
            found.walk(inside, depth + 1, &mut |found, inner, arguments, inside| {
                let mut fields = Vec::new();
                found.names(inside, "", depth + 2, &mut fields)?;
                found.elements.push(element(name, inner, arguments, fields));
                Some(())
            })
        })
    }

    /// All fields below, by their paths.
    fn names(&mut self, parts: &[Part<'t>], above: &str, depth: usize, into: &mut Vec<Value>) -> Option<()> {
        self.walk(parts, depth, &mut |found, name, _, inside| {
            let path = if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
            if inside.is_empty() {
                into.push(Value::String(path));
                return Some(());
            }
            into.push(Value::String(path.clone()));
            found.names(inside, &path, depth + 1, into)
        })
    }

    /// Each field of a set, those of fragments included.
    fn walk(&mut self, parts: &[Part<'t>], depth: usize, each: &mut Visit<'_, 't>) -> Option<()> {
        for part in parts {
            self.spend(depth)?;
            match part {
                Part::Field { name, arguments, inside } => each(self, name, arguments, inside)?,
                Part::Inline(parts) => self.walk(parts, depth + 1, each)?,
                Part::Spread(name) => {
                    // Taken out while it is walked: one that holds itself is then not found.
                    let parts = self.fragments.remove(name)?;
                    let done = self.walk(&parts, depth + 1, each);
                    self.fragments.insert(name, parts);
                    done?;
                }
            }
        }
        Some(())
    }
}

fn element(first: &str, name: &str, given: &[(&str, Given<'_>)], fields: Vec<Value>) -> Value {
    let (mut arguments, mut open) = (Map::new(), Map::new());
    for (name, value) in given {
        let (into, value) = match value {
            Given::Number(n) => (&mut arguments, Value::from(*n)),
            Given::Text(text) => (&mut arguments, Value::from(*text)),
            Given::Other => (&mut arguments, Value::Bool(true)),
            Given::Variable => (&mut open, Value::Bool(true)),
        };
        into.insert((*name).to_owned(), value);
    }
    let members = [
        ("in", first.into()),
        ("name", name.into()),
        ("arguments", arguments.into()),
        ("open", open.into()),
        ("fields", fields.into()),
    ];
    members.into_iter().map(|(key, value): (&str, Value)| (key.to_owned(), value)).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Token<'t> {
    Name(&'t str),
    Number(&'t str),
    Text(&'t str),
    Mark(char),
    Spread,
}

struct Lexer<'t> {
    rest: &'t str,
}

impl<'t> Lexer<'t> {
    /// The next token: `None` where there is none that the language knows, `Some(None)` at the end.
    fn token(&mut self) -> Option<Option<Token<'t>>> {
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
            Token::Number(text) => Some(text.parse().map_or(Given::Other, Given::Number)),
            Token::Text(text) => Some(Given::Text(text)),
            Token::Name(_) => Some(Given::Other),
            Token::Mark('$') => self.name().map(|_| Given::Variable),
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selections_are_told_with_their_arguments_and_fields() {
        let text = r#"query Q($n: Int = 5) { # a comment }
            a: Get @include(if: $x) { Doc(limit: $n, nearText: {concepts: ["a } b"]}, after: "x") {
                title, _additional { id v: vector } ...More ... on Doc { author { ... { name } } }
            } Other }
            Aggregate { Doc { meta { count } } } __typename }
            fragment More on Doc { body(style: """a " \""" b""") }"#;
        let names = |fields: &[&str]| json!(fields);
        let expected = json!([
            {
                "in": "Get", "name": "Doc", "arguments": {"nearText": true, "after": "x"}, "open": {"limit": true},
                "fields": names(&["title", "_additional", "_additional.id", "_additional.vector", "body", "author", "author.name"]),
            },
            {"in": "Get", "name": "Other", "arguments": {}, "open": {}, "fields": []},
            {"in": "Aggregate", "name": "Doc", "arguments": {}, "open": {}, "fields": ["meta", "meta.count"]},
            {"in": "__typename", "name": "", "arguments": {}, "open": {}, "fields": []},
        ]);
        assert_eq!(selections(text), Some(expected));
    }

    #[test]
    fn what_has_no_one_reading_has_none() {
        let deep = format!("{}a{}", "{ a ".repeat(60), "}".repeat(60));
        let laughs: String =
            (0..20).map(|n| format!("fragment F{n} on T {{ ...F{0} ...F{0} }}", n + 1)).collect();
        for odd in [
            "{",
            "{}",
            "{ a",
            "{ a } }",
            "a",
            "{ a(limit: 1, limit: 2) }",
            "{ a(\"x) }",
            "{ a ; }",
            "{ ...F }",
            "{ ...F } fragment F on T { ...F }",
            "fragment F on T { a } fragment F on T { b } { ...F }",
            &deep,
            &format!("{{ ...F0 }} {laughs} fragment F20 on T {{ a }}"),
        ] {
            assert_eq!(selections(odd), None, "{odd}");
        }
        assert_eq!(selections("{ }"), None);
        assert_eq!(selections("{ a }").map(|found| found.as_array().map(Vec::len)), Some(Some(1)));
    }
}
