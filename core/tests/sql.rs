//! What statements do (`tests/data/sql.tsv`).

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use wardline::classify::{self, Dialect};

#[test]
fn each_statement_does_what_its_row_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sql.tsv");
    let text = std::fs::read_to_string(file).unwrap();
    let mut wrong = Vec::new();
    let mut rows = 0;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let [dialect, statement, operations, tables, magnitude, risk] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("columns: {line}"));
        let read = classify::sql(&statement.replace("\\n", "\n"), Some(Dialect::by_name(dialect).unwrap()));
        let mut found: Vec<&str> = read.acts.iter().map(|act| act.operation.name()).collect();
        found.sort_unstable();
        found.dedup();
        let mut named = read.tables.clone();
        named.sort_unstable();
        let top = read.acts.iter().rev().max_by_key(|act| act.risk).unwrap();
        let count = top.magnitude.count.map_or("*".to_owned(), |count| count.to_string());
        let told = format!("{}\t{}\t{count}", found.join(","), named.join(","));
        let least: u8 = risk.parse().unwrap();
        if told != format!("{operations}\t{tables}\t{magnitude}") || top.risk.value() < least {
            wrong.push(format!("{line}\n  is {told}\t{} {:?}", top.risk, read.reason));
        }
        rows += 1;
    }
    assert!(rows >= 300, "{rows} rows");
    assert!(wrong.is_empty(), "{} of {rows}\n{}", wrong.len(), wrong.join("\n"));
}
