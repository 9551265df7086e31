//! The rooms of `core/src/` stand on floors: a room may use the floors below its own and what the table grants.
//! An import that goes up or sideways fails here, with its file and line.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Room -> the rooms it may use. `block`, `error`, `clock`, `glob`, `keys` and `model` are one ground floor:
/// plain words that may name each other.
fn may_use() -> BTreeMap<&'static str, Vec<&'static str>> {
    let words = ["block", "error", "clock", "glob", "keys", "model"];
    let ground = [&words[..], &["json", "protobuf", "store", "coding"]].concat();
    let second = ["detect", "vector", "identity"];
    let third = ["mask", "classify"];
    let fourth = ["grant", "audit", "budget", "watch"];
    let mut table = BTreeMap::new();
    for room in words {
        table.insert(room, words.to_vec());
    }
    table.insert("json", words.to_vec());
    table.insert("coding", words.to_vec());
    table.insert("protobuf", words.to_vec());
    table.insert("store", vec!["error", "clock"]);
    for room in second {
        table.insert(room, ground.clone());
    }
    for room in third {
        table.insert(room, [&ground[..], &second].concat());
    }
    for room in fourth {
        table.insert(room, [&ground[..], &second, &third].concat());
    }
    // It counts with the tallies of budgets.
    table.insert("watch", [&ground[..], &second, &third, &["budget"]].concat());
    table.insert("policy", [&ground[..], &second, &third, &fourth].concat());
    table.insert("guard", [&ground[..], &second, &third, &fourth, &["policy"]].concat());
    table
}

#[test]
fn no_room_imports_upwards_or_sideways() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let table = may_use();
    let mut wrong = Vec::new();
    for file in rust_files(&source) {
        let inside = file.strip_prefix(&source).unwrap();
        let room = inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        if room == "lib" {
            continue;
        }
        let allowed =
            table.get(room).unwrap_or_else(|| panic!("{room}: a room that the table does not know"));
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            for used in named_rooms(line) {
                if used != room && table.contains_key(used.as_str()) && !allowed.contains(&used.as_str()) {
                    wrong.push(format!("{}:{}: {room} may not use {used}", inside.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_check_sees_every_spelling() {
    assert_eq!(named_rooms("use crate::guard::Guard;"), ["guard"]);
    assert_eq!(named_rooms("use crate::{mask::Plan, policy};"), ["mask", "policy"]);
    assert_eq!(named_rooms("let x = crate::store::open();"), ["store"]);
    assert_eq!(named_rooms("//! see [`crate::guard`]"), [] as [&str; 0]);
}

/// The rooms a line of code names after `crate::`; comments may speak of any room.
fn named_rooms(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or("");
    let first = |text: &str| {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    };
    code.split("crate::")
        .skip(1)
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(list) => top_level_items(list).iter().map(|item| first(item)).collect(),
            None => vec![first(rest)],
        })
        .collect()
}

/// Splits `a::{b, c}, d}` at the commas of its own level.
fn top_level_items(list: &str) -> Vec<String> {
    let (mut depth, mut items, mut item) = (0, Vec::new(), String::new());
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(std::mem::take(&mut item));
                continue;
            }
            _ => {}
        }
        item.push(c);
    }
    items.push(item);
    items
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}
