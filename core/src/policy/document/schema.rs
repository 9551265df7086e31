//! The JSON Schema of policies, generated from the table of keys, for editors and other tools.
//!
//! It accepts every policy that Wardline accepts. What one value alone cannot tell (unknown services, rules that
//! never fire, ...) only Wardline checks.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::shape::{POLICY, Shape, Table};

/// The schema (JSON Schema draft-07, which editors read), with a final newline.
pub(in crate::policy) fn schema() -> String {
    let mut definitions = BTreeMap::new();
    let Json::Object(root) = table(&POLICY, &mut definitions) else { return String::new() };
    let mut document = Map::new();
    document.insert("$schema".into(), json!("http://json-schema.org/draft-07/schema#"));
    document.insert("title".into(), json!("Wardline policy"));
    document.extend(root);
    document.insert("definitions".into(), json!(definitions));
    format!("{:#}\n", Json::Object(document))
}

fn shape(of: &Shape, definitions: &mut BTreeMap<&'static str, Json>) -> Json {
    match of {
        Shape::One(scalar) => scalar.schema(),
        Shape::Many(each) => json!({"type": "array", "minItems": 1, "items": shape(each, definitions)}),
        Shape::Keys(keys) => reference(keys, definitions),
        Shape::Named { key, value } => json!({
            "type": "object",
            "minProperties": 1,
            "propertyNames": key.schema(),
            "additionalProperties": shape(value, definitions),
        }),
        Shape::OneOrMany(scalar) => {
            json!({"anyOf": [scalar.schema(), {"type": "array", "items": scalar.schema()}]})
        }
        Shape::Either(scalar, keys) => json!({"anyOf": [scalar.schema(), reference(keys, definitions)]}),
    }
}

fn reference(keys: &'static Table, definitions: &mut BTreeMap<&'static str, Json>) -> Json {
    if !definitions.contains_key(keys.name) {
        definitions.insert(keys.name, Json::Null);
        let made = table(keys, definitions);
        definitions.insert(keys.name, made);
    }
    json!({"$ref": format!("#/definitions/{}", keys.name)})
}

fn table(of: &'static Table, definitions: &mut BTreeMap<&'static str, Json>) -> Json {
    let mut properties = Map::new();
    for entry in of.keys {
        // Draft-07 ignores what stands beside a $ref.
        let mut value = match shape(entry.shape, definitions) {
            Json::Object(object) if object.contains_key("$ref") => json!({"allOf": [object]}),
            other => other,
        };
        if let Json::Object(object) = &mut value {
            object.insert("description".into(), json!(entry.about));
        }
        properties.insert(entry.name.into(), value);
    }
    let required: Vec<_> = of.keys.iter().filter(|entry| entry.required).map(|entry| entry.name).collect();
    let mut object = json!({
        "description": of.about,
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if let Json::Object(object) = &mut object {
        if required.is_empty() {
            object.insert("minProperties".into(), json!(1));
        } else {
            object.insert("required".into(), json!(required));
        }
    }
    object
}
