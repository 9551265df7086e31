//! What a GraphQL document asks for, as JSON that the fields of an entry are read from.
//!
//! Each field of the second level is one element: `{ Get { Doc(limit: 5) { title _additional { id } } } }` is
//! `[{"in": "Get", "name": "Doc", "arguments": {"limit": 5}, "open": {}, "fields": ["title", "_additional.id"]}]`.
//! Numbers and texts are kept, any other literal is `true`. A variable is what the request says beside the document; one
//! that it does not say stands under `open`. Fragments are put
//! in their place, aliases dropped, directives passed over: what they leave out may be asked for.

mod lexer;
mod parser;
mod variables;

pub(super) use variables::{Variables, variables};

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use parser::{Document, Given, Part};

/// How deep a document may be nested, fragments in their place.
const MAX_DEPTH: usize = 48;

/// The most text of one document.
const MAX_BYTES: usize = 1 << 18;

/// How many fields a document may have, fragments in their place.
const MAX_FIELDS: usize = 16_384;

/// The selections of a document, its variables in their place; `None` where it has no one reading.
pub(super) fn selections<'t>(text: &'t str, variables: &'t Map<String, Value>) -> Option<Value> {
    let text = Some(text).filter(|text| text.len() <= MAX_BYTES)?;
    let Document { roots, fragments } = parser::document(text)?;
    let mut found = Found { fragments, variables, left: MAX_FIELDS, elements: Vec::new() };
    for root in &roots {
        found.first(root, 0)?;
    }
    Some(Value::Array(found.elements))
}

/// What is done with a field: its name, its arguments and its own fields.
type Visit<'v, 't> =
    dyn FnMut(&mut Found<'t>, &'t str, &[(&'t str, Given<'t>)], &[Part<'t>]) -> Option<()> + 'v;

struct Found<'t> {
    fragments: BTreeMap<&'t str, Vec<Part<'t>>>,
    variables: &'t Map<String, Value>,
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
            // What is given arguments here is one thing, whatever it is asked for: `{ Explore(nearText: ...) { beacon } }`.
            if inside.is_empty() || !arguments.is_empty() {
                let mut fields = Vec::new();
                found.names(inside, "", depth + 1, &mut fields)?;
                let element = element(name, "", arguments, fields, found.variables);
                found.elements.push(element);
                return Some(());
            }
            found.walk(inside, depth + 1, &mut |found, inner, arguments, inside| {
                let mut fields = Vec::new();
                found.names(inside, "", depth + 2, &mut fields)?;
                let element = element(name, inner, arguments, fields, found.variables);
                found.elements.push(element);
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

fn element(
    first: &str,
    name: &str,
    given: &[(&str, Given<'_>)],
    fields: Vec<Value>,
    variables: &Map<String, Value>,
) -> Value {
    let (mut arguments, mut open) = (Map::new(), Map::new());
    for (name, value) in given {
        let (into, value) = match value {
            Given::Number(n) => (&mut arguments, Value::from(*n)),
            Given::Below => (&mut arguments, Value::from(-1)),
            Given::Text(text) => (&mut arguments, Value::from(*text)),
            Given::Other => (&mut arguments, Value::Bool(true)),
            // One that is not said, or null, is what the document says it is then.
            Given::Variable(name) => match variables.get(*name) {
                Some(Value::Number(n)) if !n.is_f64() => (&mut arguments, Value::Number(n.clone())),
                Some(Value::String(text)) => (&mut arguments, Value::from(text.as_str())),
                Some(Value::Object(_) | Value::Array(_) | Value::Bool(_)) => {
                    (&mut arguments, Value::Bool(true))
                }
                Some(Value::Number(_) | Value::Null) | None => (&mut open, Value::Bool(true)),
            },
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
        assert_eq!(selections(text, &Map::new()), Some(expected));
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
            assert_eq!(selections(odd, &Map::new()), None, "{odd}");
        }
        assert_eq!(selections("{ }", &Map::new()), None);
        assert_eq!(
            selections("{ a }", &Map::new()).map(|found| found.as_array().map(Vec::len)),
            Some(Some(1))
        );
    }
}
