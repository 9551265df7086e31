//! The checked-in JSON Schema is the one that the table of keys makes. `WARDLINE_WRITE_SCHEMA=1` rewrites it.

use std::fs;
use std::path::Path;

use serde_json::Value;
use wardline::policy::Policy;

#[test]
fn the_checked_in_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("policy.schema.json");
    if std::env::var_os("WARDLINE_WRITE_SCHEMA").is_some() {
        fs::write(&path, Policy::schema()).unwrap();
    }
    // Compared as values: the order of keys is no part of a schema.
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let kept = fs::read_to_string(&path).unwrap();
    assert!(
        read(&kept) == read(&Policy::schema()),
        "core/policy.schema.json is out of date: run this test with WARDLINE_WRITE_SCHEMA=1"
    );
}

#[test]
fn every_reference_resolves_and_every_key_says_what_it_is() {
    let schema: Value = serde_json::from_str(&Policy::schema()).unwrap();
    walk(&schema, &schema);
}

fn walk(node: &Value, root: &Value) {
    match node {
        Value::Object(object) => {
            if let Some(Value::String(target)) = object.get("$ref") {
                assert!(root.pointer(target.trim_start_matches('#')).is_some(), "{target}");
            }
            if let Some(Value::Object(properties)) = object.get("properties") {
                assert!(properties.values().all(|p| p.get("description").is_some()));
            }
            object.values().for_each(|value| walk(value, root));
        }
        Value::Array(list) => list.iter().for_each(|value| walk(value, root)),
        _ => {}
    }
}
