//! The catalogue's YAML reader: what is wrong with a file is told with its line.

#![allow(clippy::unwrap_used, dead_code)]

#[path = "../build/catalogue.rs"]
mod catalogue;
#[path = "../build/node.rs"]
mod node;

use catalogue::Words;

fn wrong(operations: &str) -> Vec<String> {
    let words = Words::of("    DataRead: \"data.read\", 30,\n", "    Rows: \"rows\";\n");
    let text = format!("system: s\ntitle: S\nspec: {{source: x, commit: y}}\noperations:\n{operations}");
    catalogue::system("s.yaml", &text, &words).err().unwrap_or_default()
}

#[test]
fn a_plain_entry_is_read() {
    assert_eq!(wrong("  - GET /a/{b}: data.read\n    resource: path.b\n"), [] as [&str; 0]);
}

#[test]
fn mistakes_are_told_with_file_and_line() {
    for (operations, expected) in [
        ("  - GET /a: data.raed\n", "s.yaml:5: no such operation"),
        ("  - GET /a: data.read\n    risc: 5\n", "s.yaml:6: unknown key \"risc\" in an entry"),
        ("  - GET /a: data.read\n    risk: 101\n", "s.yaml:6: a risk is a number from 0 to 100"),
        ("  - FETCH /a: data.read\n", "s.yaml:5: an entry begins with `METHOD /path: operation`"),
        ("  - GET /a: data.read\n  - GET /a: data.read\n", "s.yaml:6: said before, on line 5"),
        ("  - GET /a: data.read\n    resource: path.b\n", "s.yaml:5: the route has no Path(\"b\")"),
        ("  - GET /a: data.read\n    magnitude: {field: n, unit: rowz}\n", "s.yaml:6: no such unit"),
        (
            "  - GET /a: data.read\n    when:\n      - {field: x, is: truthy}\n",
            "s.yaml:7: a rule needs an effect",
        ),
        (
            "  - GET /a: data.read\n    when:\n      - {then: data.read}\n",
            "s.yaml:7: a rule needs a condition",
        ),
        ("  - GET /a: data.read\n    each: l\n    as: {x: GET /b}\n", "s.yaml:5: as.x names no entry"),
        ("  - GET /a: data.read\n    risk: 1\n    risk: 2\n", "s.yaml:7: not YAML"),
    ] {
        let found = wrong(operations);
        assert!(found.iter().any(|line| line.starts_with(expected)), "{expected}: {found:?}");
    }
}
