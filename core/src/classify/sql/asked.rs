//! What a statement of SQL within a request asks for, as JSON that the fields of an entry are read from.
//!
//! `SELECT title FROM docs LIMIT 20` is `{"does": ["data.read"], "sources": ["docs"], "limit": 20}`. Without a bound there is no
//! `limit`; `open.rows` says that a write has none. What a system of documents has no statement for is `unknown`.

use serde_json::{Map, Value};

use crate::model::Operation;

/// The parts of a statement.
pub(in crate::classify) fn reading(text: &str) -> Value {
    let read = super::sql(text, None);
    let (mut found, mut does) = (Map::new(), Vec::new());
    let mut limit = Some(0_u64);
    for act in &read.acts {
        let operation = if known(act.operation) { act.operation } else { Operation::Unknown };
        does.push(Value::from(operation.name()));
        let count = act.magnitude.count;
        limit = limit.zip(count).map(|(a, b)| a.max(b));
        if operation == Operation::DataDelete && count.is_none() {
            found.insert("open".to_owned(), serde_json::json!({"rows": true}));
        }
    }
    found.insert("does".to_owned(), does.into());
    found.insert("sources".to_owned(), read.tables.into());
    if let Some(limit) = limit {
        found.insert("limit".to_owned(), limit.into());
    }
    found.into()
}

/// Whether a system of documents may have a statement that does this.
fn known(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::DataQuery
            | Operation::DataRead
            | Operation::DataExport
            | Operation::DataDelete
            | Operation::VectorSearch
            | Operation::VectorFetch
            | Operation::VectorExport
            | Operation::CollectionList
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parts_of_a_statement_are_told() {
        for (text, expected) in [
            (
                "SELECT title FROM docs LIMIT 20",
                json!({"does": ["data.read"], "sources": ["docs"], "limit": 20}),
            ),
            ("SELECT * FROM docs", json!({"does": ["data.export"], "sources": ["docs"]})),
            ("SELECT count(*) FROM docs", json!({"does": ["data.query"], "sources": ["docs"], "limit": 1})),
            (
                "DELETE FROM docs",
                json!({"does": ["data.delete"], "sources": ["docs"], "open": {"rows": true}}),
            ),
            ("DROP TABLE docs", json!({"does": ["unknown"], "sources": ["docs"], "limit": 1})),
        ] {
            assert_eq!(reading(text), expected, "{text}");
        }
        assert_eq!(
            reading("SELECT a FROM")["does"].as_array().and_then(|does| does.last()),
            Some(&json!("unknown"))
        );
    }
}
