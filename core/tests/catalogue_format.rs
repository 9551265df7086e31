//! The catalogue's YAML reader: what is wrong with a file is told with its line.

#![allow(clippy::unwrap_used, dead_code)]

#[path = "../src/classify/entries/entry.rs"]
mod entry;
#[path = "../src/classify/entries/messages.rs"]
mod messages;
#[path = "../src/classify/entries/node.rs"]
mod node;
#[path = "../src/classify/entries/read.rs"]
mod read;
#[path = "../src/classify/entries/refusals.rs"]
mod refusals;
#[allow(dead_code, unreachable_pub)]
#[path = "../src/protobuf/schema.rs"]
mod schema;

use read::Words;

fn words() -> Words {
    let one = |word: &str| vec![word.to_owned()];
    Words { operations: one("data.read"), units: one("rows"), dialects: one("postgres") }
}

fn wrong(operations: &str) -> Vec<String> {
    let words = words();
    let text = format!("system: s\ntitle: S\nspec: {{source: x, commit: y}}\noperations:\n{operations}");
    read::system(&[("s.yaml".into(), text)], &words).err().map_or_else(Vec::new, told)
}

fn told(faults: Vec<node::Fault>) -> Vec<String> {
    let one = |fault: node::Fault| format!("{}:{}: {}", fault.file, fault.place.line, fault.what);
    faults.into_iter().map(one).collect()
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
        ("  - GET /a: data.read\n    lines: all\n", "s.yaml:6: lines is each, pairs or {alone: [member]}"),
        (
            "  - GET /a: data.read\n    lines: each\n    each: l\n",
            "s.yaml:5: lines and each exclude each other",
        ),
        (
            "  - GET /a: data.read\n    magnitude: {field: n, fixed: 1}\n",
            "s.yaml:6: field, query, arg and word are numbers, and go with no other magnitude",
        ),
    ] {
        let found = wrong(operations);
        assert!(found.iter().any(|line| line.starts_with(expected)), "{expected}: {found:?}");
    }
}

#[test]
fn what_is_wrong_with_the_form_of_refusals_is_told() {
    let wrong = |refusals: &str| {
        let text = format!(
            "system: s\ntitle: S\nspec: {{source: x, commit: y}}\nrefusals: {refusals}\noperations:\n  - GET /a: data.read\n"
        );
        read::system(&[("s.yaml".into(), text)], &words()).err().map_or_else(Vec::new, told)
    };
    let right = [
        "{body: {error: [{message: '{code}: {reason}', n: 1}], status: '{status}'}}",
        "{body: '<E>{reason}</E>'}",
        "{body: {error: '{reason}'}, headers: {x-error: '{reason}', x-code: '{word}'}, words: {403: NO}}",
    ];
    for refusals in right {
        assert_eq!(wrong(refusals), [] as [&str; 0], "{refusals}");
    }
    for (refusals, expected) in [
        ("{body: {type: '{code}'}}", "s.yaml:4: type is the guard's own member"),
        (
            "{body: {error: '{why}'}}",
            "s.yaml:4: no place is called \"why\": reason, code, status, word or record",
        ),
        ("{body: {error: '{reason'}}", "s.yaml:4: no place is called"),
        (
            "{body: {error: 'a \"b\"'}}",
            "s.yaml:4: a text of refusals has no quotes, no backslashes and one line",
        ),
        (
            "{body: {error: {'a\"b': '{code}'}}}",
            "s.yaml:4: a text of refusals has no quotes, no backslashes and one line",
        ),
        ("{words: {403: DENIED}}", "s.yaml:4: refusals need a body: members of JSON, or a text"),
        (
            "{body: {error: '{word}'}, words: {200: FINE}}",
            "s.yaml:4: words are those of a status from 400 to 599",
        ),
        (
            "{body: {error: a}, headers: {X-Error: '{reason}'}}",
            "s.yaml:4: a header of refusals is one in small letters that is not the guard's own",
        ),
        (
            "{body: {error: a}, headers: {cache-control: '{reason}'}}",
            "s.yaml:4: a header of refusals is one in small letters that is not the guard's own",
        ),
        ("{body: {error: a}, headers: {x-error: '{why}'}}", "s.yaml:4: no place is called \"why\""),
        ("{bodies: {error: '{reason}'}}", "s.yaml:4: unknown key \"bodies\" in refusals"),
    ] {
        let found = wrong(refusals);
        assert!(found.iter().any(|told| told.starts_with(expected)), "{refusals}: {found:?}");
    }
}

#[test]
fn a_system_goes_on_in_further_files() {
    let words = words();
    let read = |more: &str| {
        let head = "system: s\ntitle: S\nspec: {source: x, commit: y}\noperations:\n  - GET /a: data.read\n";
        read::system(&[("s.yaml".into(), head.into()), ("s/more.yaml".into(), more.into())], &words)
    };
    assert_eq!(read("operations:\n  - GET /b: data.read\n").map(|s| s.entries.len()).ok(), Some(2));
    let twice = read("operations:\n  - GET /a: data.read\n").err().map(told).unwrap();
    assert_eq!(twice, ["s/more.yaml:2: said before, on line 5"]);
}

#[test]
fn parameters_are_found_in_every_spelling() {
    let route = "/{repo..2}.git/{*rest}?uploads&x=1";
    assert_eq!(read::params(route), ["repo", "rest"]);
    assert_eq!(read::action(route), Some("uploads"));
    assert_eq!(read::action("/a"), None);
}
