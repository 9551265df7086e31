//! Any text has an answer, on the stack of an ordinary thread; what is put behind it takes nothing away.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wardline::classify::{self, Dialect};

const DIALECTS: [Option<Dialect>; 12] = [
    None,
    Some(Dialect::Postgres),
    Some(Dialect::MySql),
    Some(Dialect::Sqlite),
    Some(Dialect::DuckDb),
    Some(Dialect::ClickHouse),
    Some(Dialect::Snowflake),
    Some(Dialect::BigQuery),
    Some(Dialect::SqlServer),
    Some(Dialect::Redshift),
    Some(Dialect::Spark),
    Some(Dialect::Oracle),
];

fuzz_target!(|input: &[u8]| {
    let Some((&[dialect], text)) = input.split_first_chunk() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let dialect = DIALECTS[usize::from(dialect) % DIALECTS.len()];
    wardline_fuzz::on_a_small_stack(|| {
        let read = classify::sql(text, dialect);
        assert!(!read.acts.is_empty());
        assert_eq!(read, classify::sql(text, dialect));
        // A statement of its own before it: nothing that it does is lost.
        let more = classify::sql(&format!("DROP TABLE before_it; {text}"), dialect);
        assert!(more.acts.iter().map(|act| act.risk).max() >= read.acts.iter().map(|act| act.risk).max());
    });
});
