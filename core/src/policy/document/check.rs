//! Holds a tree against the table of keys.

use super::findings::{Findings, clip, hint};
use super::scalar::Scalar;
use super::shape::{Shape, Table};
use super::tree::{Node, Value};

/// Reports everything in `node` that its shape does not accept.
pub(in crate::policy) fn check(node: &Node, shape: &Shape, findings: &mut Findings) {
    match (shape, &node.value) {
        (_, Value::Broken) => {}
        (
            Shape::One(scalar) | Shape::Either(scalar, _) | Shape::OneOrMany(scalar),
            Value::Scalar { text, plain },
        ) => {
            if let Err((code, message)) = scalar.check(text, *plain) {
                findings.add(node.place, code, message);
            }
        }
        (Shape::Many(of), Value::List(elements)) => {
            if elements.is_empty() {
                findings.add(
                    node.place,
                    "empty_list",
                    "an empty list fits nothing: leave the key out or fill it",
                );
            }
            elements.iter().for_each(|element| check(element, of, findings));
        }
        (Shape::OneOrMany(of), Value::List(elements)) => {
            elements.iter().for_each(|element| check(element, &Shape::One(*of), findings));
        }
        (Shape::Keys(table) | Shape::Either(_, table), Value::Map(_)) => check_table(node, table, findings),
        (Shape::Named { key, value }, Value::Map(entries)) => {
            if entries.is_empty() {
                findings.add(
                    node.place,
                    "empty_map",
                    "an empty map says nothing: leave the key out or fill it",
                );
            }
            for (name, node) in entries {
                // The text of a key is text, quoted or not.
                if let Err((code, message)) = key.check(&name.text, false) {
                    findings.add(name.place, code, message);
                }
                check(node, value, findings);
            }
        }
        (shape, _) => {
            let message = format!("expected {}, found {}", expected(shape), node.kind());
            findings.add(node.place, "wrong_type", message);
        }
    }
}

fn check_table(node: &Node, table: &Table, findings: &mut Findings) {
    for (key, value) in node.entries() {
        match table.keys.iter().find(|entry| entry.name == key.text) {
            Some(entry) => check(value, entry.shape, findings),
            None => {
                let names = || table.keys.iter().map(|entry| entry.name);
                let known = names().collect::<Vec<_>>().join(", ");
                findings.add(
                    key.place,
                    "unknown_key",
                    format!(
                        "unknown key {}{} (known here: {known})",
                        clip(&key.text),
                        hint(&key.text, names())
                    ),
                );
            }
        }
    }
    for entry in table.keys.iter().filter(|entry| entry.required && node.get(entry.name).is_none()) {
        let message = format!("`{}` is missing: {}", entry.name, entry.about);
        findings.add(node.place, "missing_key", message);
    }
    // A map of optional keys that holds none means nothing.
    if node.entries().is_empty() && table.keys.iter().all(|entry| !entry.required) {
        findings.add(node.place, "empty_map", "an empty map says nothing: leave the key out or fill it");
    }
}

fn expected(shape: &Shape) -> String {
    match shape {
        Shape::One(Scalar::Choice(words)) => words.join(" or "),
        Shape::One(scalar) => scalar.expected(),
        Shape::Many(of) => format!("a list ([...]), each {}", expected(of)),
        Shape::Keys(table) => {
            let keys = table.keys.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", ");
            format!("a map of {keys}")
        }
        Shape::Named { value, .. } => format!("a map of names, each with {}", expected(value)),
        Shape::Either(scalar, table) => {
            format!("{}, or {}", scalar.expected(), expected(&Shape::Keys(table)))
        }
        Shape::OneOrMany(scalar) => format!("{}, or a list ([...]) of them", scalar.expected()),
    }
}
