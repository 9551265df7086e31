//! What each kind of place counts, told event by event through the reader of JSON that masking uses.

use serde_json::Value;

use super::*;

/// Walks a document as a driver does.
fn walk(counter: &mut Counter, value: &Value) {
    match value {
        Value::Object(members) => {
            counter.open(true);
            for (name, value) in members {
                counter.key(name.as_bytes(), name.as_bytes());
                walk(counter, value);
            }
            counter.close();
        }
        Value::Array(elements) => {
            counter.open(false);
            for (index, element) in elements.iter().enumerate() {
                counter.element(index as u64);
                walk(counter, element);
            }
            counter.close();
        }
        Value::String(text) => counter.scalar(Scalar::Text(text.as_bytes(), text.as_bytes())),
        Value::Number(number)
            if counter.wants_elements() || counter.levels.last().is_some_and(|l| l.object) =>
        {
            let number = number.to_string();
            counter.scalar(Scalar::Number(number.as_bytes(), number.as_bytes()));
        }
        Value::Number(number) => counter.numbers(1, number.to_string().as_bytes()),
        _ => counter.scalar(Scalar::Literal),
    }
}

fn count(paths: Paths, body: &str) -> Census {
    let mut counter = Counter::new(&paths).unwrap();
    counter.root();
    walk(&mut counter, &serde_json::from_str(body).unwrap());
    assert!(counter.levels.is_empty());
    counter.into_census()
}

fn vectors(paths: Paths, bodies: &[(&str, u64)]) {
    for (body, expected) in bodies {
        assert_eq!(count(paths, body).vectors, *expected, "{body}");
    }
}

#[test]
fn declared_vectors() {
    vectors(
        Paths { vectors: &["v"], ..Paths::NONE },
        &[
            (r#"{"v": [1, 2]}"#, 1),
            (r#"{"v": [[1, 2], [3], []]}"#, 2),
            (r#"{"v": []}"#, 0),
            (r#"{"v": null}"#, 0),
            (r#"{"v": "AACAPwAAAEA="}"#, 0),
            (r#"{"v": {"indices": [1, 2], "values": [0.5, 1]}}"#, 1),
            (r#"{"v": {"values": [0.5, 1], "indices": [1, 2]}}"#, 1),
            (r#"{"v": {"7": 0.5, "9": 1}}"#, 1),
            (r#"{"v": {"index": 7, "value": 0.5}}"#, 1),
            (r#"{"v": [{"index": 7, "value": 0.5}, {"index": 9, "value": 1}]}"#, 1),
            (r#"{"v": [{"indices": [1], "values": [2]}, {"1": 2}, [3]]}"#, 3),
            // What a model of the database embeds is a text.
            (r#"{"v": {"text": "some text", "model": "m", "options": {"cut": 5}}}"#, 0),
            (r#"{"v": {"a": [1, 2]}}"#, 0),
            (r#"{"w": [1, 2]}"#, 0),
        ],
    );
}

#[test]
fn named_vectors() {
    vectors(
        Paths { named: &["v"], ..Paths::NONE },
        &[
            (r#"{"v": [1, 2]}"#, 1),
            (r#"{"v": [[1, 2], [3]]}"#, 2),
            (r#"{"v": {"a": [1, 2], "indices": [3], "values": [4]}}"#, 3),
            (r#"{"v": {"a": [[1, 2], [3]], "s": {"indices": [1], "values": [2]}, "n": null}}"#, 3),
            (r#"{"v": {"a": [[1], [2]], "s": [{"indices": [1], "values": [2]}]}}"#, 3),
            (r#"{"v": {"text": "some text", "model": "m"}}"#, 0),
            (r#"{"v": {}}"#, 0),
        ],
    );
}

#[test]
fn texts_may_be_vectors() {
    vectors(
        Paths { encoded: &["v", "w[*]"], ..Paths::NONE },
        &[
            (r#"{"v": "AACAPwAAAEA="}"#, 1),
            (r#"{"v": ["AACAPw==", "AAAAQA=="], "w": ["AACAPw==", [1], ""]}"#, 4),
            (r#"{"v": [0.5, 1]}"#, 1),
            (r#"{"v": ""}"#, 0),
        ],
    );
}

#[test]
fn copies_count_once() {
    let paths = Paths { copies: &["one", "all.*"], positions: &["all.*[*]"], ..Paths::NONE };
    vectors(
        paths,
        &[
            (r#"{"one": [1, 2], "all": {"float": [1, 2], "binary": [1, 0], "base64": "AACAPw=="}}"#, 1),
            (r#"{"all": {"float": [[1], [2]], "int8": [[1], [2]], "base64": ["AA==", "BB=="]}}"#, 2),
            (r#"{"all": {"float": [[1]], "int8": [[1], [2], [3]]}}"#, 3),
        ],
    );
    let census = count(paths, r#"{"all": {"float": [[1], [2]], "int8": [[1], [2]]}}"#);
    assert_eq!((census.rows, census.ids_total, census.ids), (2, 2, vec!["0".to_owned(), "1".to_owned()]));
}

#[test]
fn columns_are_told_by_shape() {
    vectors(
        Paths { columns: &["rows"], ..Paths::NONE },
        &[
            (r#"{"rows": [{"id": 1, "e": [0.1, 0.2, 0.3], "tags": [1, 2, 3], "place": [8.5, 47.4]}]}"#, 1),
            (r#"{"rows": [{"e": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]}]}"#, 1),
            (r#"{"rows": [{"e": [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]}]}"#, 2),
            (
                r#"{"rows": [{"e": {"7": 0.5, "100": 0.25}, "below": [-1, 2, 3], "counts": {"2024": 3}, "named": {"a": 0.5}}]}"#,
                2,
            ),
            (r#"{"rows": [{"e": "[0.1,0.2]", "s": "{1:0.4}/5", "t": "[draft]"}]}"#, 2),
            (r#"{"rows": {"deep": {"deeper": [{"e": [1e-3, 2, 3]}]}}, "other": [0.1, 0.2, 0.3]}"#, 1),
            (
                r#"{"rows": [{"e": {"type": "t", "cells": [{"address": {"x": "0"}, "value": 0.5}, {"address": {"x": "1"}, "value": 2}, {"address": {"x": "2"}, "value": 3}]}}]}"#,
                1,
            ),
            // One vector for each name, whatever the order.
            (
                r#"{"rows": [{"e": {"cells": [{"address": {"c": "p", "x": "0"}, "value": 0.5}, {"address": {"c": "p", "x": "1"}, "value": 2}, {"address": {"x": "0", "c": "q"}, "value": 3}, {"value": 4, "address": {"x": "1", "c": "q"}}, {"address": {"c": "p", "x": "2"}, "value": 3}]}}]}"#,
                2,
            ),
            (
                r#"{"rows": [{"e": {"cells": {"a": 0.5, "b": 1.0}}, "f": {"cells": [{"value": 1}, {"value": 2}]}}]}"#,
                1,
            ),
            (r#"{"rows": [{"prices": [{"value": 0.5}, {"value": 1.5}, {"value": 2.5}]}]}"#, 0),
            (
                r#"{"rows": [{"indices": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17], "values": [0.1, 0.2, 0.3]}]}"#,
                1,
            ),
        ],
    );
}

#[test]
fn a_type_says_which_dimension_of_cells_names() {
    let cells = r#"[{"address": {"c": "0", "x": "0"}, "value": 0.5}, {"address": {"c": "0", "x": "1"}, "value": 2},
        {"address": {"c": "1", "x": "0"}, "value": 3}, {"address": {"c": "2", "x": "0"}, "value": 3}]"#;
    let cells: Value = serde_json::from_str(cells).unwrap();
    for (kind, vectors) in
        [("tensor<float>(c{},x[2])", 3), ("tensor(c{},x{})", 1), ("tensor(c[3],x[2])", 1), ("other", 1)]
    {
        let mut counter = Counter::new(&Paths { columns: &["e"], ..Paths::NONE }).unwrap();
        counter.root();
        counter.open(true);
        counter.key(b"e", b"e");
        counter.open(true);
        // In the order of the service: a map of serde's would have the cells first.
        counter.key(b"type", b"type");
        counter.scalar(Scalar::Text(kind.as_bytes(), kind.as_bytes()));
        counter.key(b"cells", b"cells");
        walk(&mut counter, &cells);
        counter.close();
        counter.close();
        assert_eq!(counter.into_census().vectors, vectors, "{kind}");
    }
}

#[test]
fn tensors_queries_and_inputs() {
    vectors(
        Paths { tensors: &["outputs[*]"], ..Paths::NONE },
        &[
            (
                r#"{"outputs": [{"name": "e", "shape": [2, 3], "datatype": "FP32", "data": [1, 2, 3, 4, 5, 6]}]}"#,
                2,
            ),
            (r#"{"outputs": [{"data": [[1, 2], [3, 4]], "datatype": "FP16", "shape": [2, 2]}]}"#, 2),
            (r#"{"outputs": [{"shape": [2, 9], "datatype": "INT64", "data": [1]}, {"shape": [1]}]}"#, 0),
        ],
    );
    vectors(
        Paths { queries: &["sql"], ..Paths::NONE },
        &[(r#"{"sql": "SELECT id FROM t ORDER BY e <-> '[0.1,0.2,0.3]'"}"#, 1)],
    );
    for (body, texts) in [
        (r#"{"input": "one"}"#, 1),
        (r#"{"input": ["one", "two"]}"#, 2),
        (r#"{"input": [1, 2, 3]}"#, 1),
        (r#"{"input": [[1, 2], [3]]}"#, 2),
        (r#"{"input": [{"text": "a"}, {"image": "b"}]}"#, 2),
        (r#"{"input": []}"#, 0),
        (r#"{"other": "one"}"#, 0),
    ] {
        let census = count(Paths { texts: &["input"], ..Paths::NONE }, body);
        assert_eq!((census.texts, census.vectors), (texts, 0), "{body}");
    }
}

#[test]
fn rows_and_ids() {
    let paths = Paths { rows: &["list", "each[*]"], ids: &["ids", "by_id", "each[*].id"], ..Paths::NONE };
    let body = r#"{"list": [1, 2], "each": [{"id": 5}, {}], "ids": ["a", 7], "by_id": {"x": {}, "y": {}}}"#;
    let census = count(paths, body);
    assert_eq!((census.rows, census.ids_total), (4, 5));
    // This walk takes members in the order of their names.
    assert_eq!(census.ids, ["x", "y", "5", "a", "7"]);
    assert_eq!(count(Paths { rows: &["$"], ..Paths::NONE }, "{}").rows, 1);
}
