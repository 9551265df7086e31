//! Caps, hostile input and the second reading.

use proptest::prelude::*;

use super::*;

/// Runs on the stack of an ordinary thread.
fn on_two_megabytes(task: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(task).unwrap().join().unwrap();
}

#[test]
fn beyond_a_cap_it_is_unknown_with_the_reason() {
    for (text, reason) in [
        (format!("SELECT {}1{}", "(".repeat(20_000), ")".repeat(20_000)), "too_deep"),
        (format!("SELECT '{}'", "x".repeat(1 << 20)), "too_long"),
        ("SELECT 1;".repeat(300), "too_many_statements"),
        (format!("SELECT 1{}", "+1".repeat(200_000)), "too_complex"),
        ("SELECT 'a".to_owned(), "open_string"),
        ("SELECT 1 /* a".to_owned(), "open_comment"),
        ("SELECT (1".to_owned(), "unbalanced"),
        ("FLY TO the moon".to_owned(), "not_understood"),
        ("SELECT a b c FROM t LIMIT 1".to_owned(), "not_parsed"),
    ] {
        on_two_megabytes(move || {
            let read = sql(&text, None);
            assert_eq!(read.reason, Some(reason), "{}", text.chars().take(20).collect::<String>());
            assert!(read.acts.iter().any(|act| act.operation == Operation::Unknown));
        });
    }
}

#[test]
fn what_nests_within_the_caps_is_read_on_a_small_stack() {
    on_two_megabytes(|| {
        for (open, close) in [("(", ")"), ("(SELECT * FROM (", ") a) "), ("NOT (", ")"), ("f(", ")")] {
            let depth = 60 / open.matches('(').count();
            let text = format!("SELECT a FROM t WHERE {}1{}", open.repeat(depth), close.repeat(depth));
            assert!(!sql(&text, None).acts.is_empty());
        }
        for chain in ["+1", " AND a", " OR NOT a", " UNION SELECT 1", "::int", " IS NULL", ".a", "[1]"] {
            assert!(!sql(&format!("SELECT 1{}", chain.repeat(50_000)), None).acts.is_empty());
            assert!(!sql(&format!("SELECT 1{}", chain.repeat(500)), None).acts.is_empty());
        }
        for word in ["NOT ", "CASE ", "- ", "SELECT ", "WITH a AS ", "EXPLAIN ", "BEGIN ", "PREPARE a AS "] {
            assert!(!sql(&format!("SELECT {}1", word.repeat(20_000)), None).acts.is_empty());
            assert!(!sql(&format!("{}1", word.repeat(20_000)), None).acts.is_empty());
        }
    });
}

/// What is read twice at each level is paid for twice, and not as often as levels multiply.
#[test]
fn searches_within_searches_come_to_an_end() {
    let within = |inner: String, _| format!("SELECT a FROM VECTOR_SEARCH(TABLE t, 'e', ({inner}))");
    on_two_megabytes(move || {
        let read = sql(&(0..30).fold("SELECT a FROM t".to_owned(), within), Some(Dialect::BigQuery));
        assert!(read.acts.iter().any(|act| act.operation == Operation::Unknown));
        let read = sql(&(0..2).fold("SELECT a FROM t LIMIT 3".to_owned(), within), Some(Dialect::BigQuery));
        assert_eq!((read.reason, read.acts.len()), (None, 1), "{:?}", read.acts);
    });
}

#[test]
fn text_that_costs_more_than_its_length_is_unknown() {
    let numbered = |part: fn(usize) -> String| (0..20_000).map(part).collect::<String>();
    for text in [
        format!("SELECT a FROM t WHERE a = 1{}", " AND b = 2".repeat(90_000)),
        format!("SELECT 1 {}", "()".repeat(400_000)),
        format!("SELECT a FROM t{}", numbered(|n| format!(", t{n}"))),
        format!("SELECT a FROM t{}", numbered(|n| format!(" JOIN t{n} ON true"))),
        format!("WITH a AS (SELECT 1){} SELECT 1", numbered(|n| format!(", b{n} AS (SELECT 1 FROM a)"))),
        format!("SELECT a FROM t ORDER BY {} LIMIT 1", numbered(|n| format!("c{n} <-> '[1]', ")) + "a"),
        format!("DROP TABLE t{}", numbered(|n| format!(", t{n}"))),
        format!("SELECT {}", numbered(|n| format!("c{n}, ")) + "1"),
        format!("UPDATE t SET a = 1 FROM {}", "a.".repeat(40_000) + "a"),
        format!("MERGE INTO t USING s ON a = b WHEN MATCHED {}", "THEN DELETE ".repeat(60_000)),
        format!("SELECT {}{}{}", "(SELECT ".repeat(60), "a + ".repeat(30_000) + "1", ")".repeat(60)),
        format!("SELECT 1{}", " UNION SELECT 1".repeat(60_000)),
        format!("EXPLAIN SELECT a FROM t{}", " JOIN t ON a = b".repeat(60_000)),
    ] {
        on_two_megabytes(move || {
            let read = sql(&text, None);
            let start: String = text.chars().take(60).collect();
            assert_eq!(read.reason, Some("too_complex"), "{start}");
            assert!(read.tables.len() <= 256 && read.acts.len() <= 257, "{start}");
            assert!(read.acts.iter().any(|act| act.operation == Operation::Unknown), "{start}");
        });
    }
}

#[test]
fn long_lists_of_constants_are_read_all_the_same() {
    let rows = (0..30_000).map(|n| format!(", ({n}, 'x', -2.5, NULL)")).collect::<String>();
    let read = sql(&format!("INSERT INTO t (a, b, c, d) VALUES (0, 'x', 1, 2){rows} RETURNING a"), None);
    assert_eq!((read.reason, read.acts[0].magnitude.count), (None, Some(30_001)));
    assert_eq!(read.acts[0].operation, Operation::DataIngest);

    let array = format!("ARRAY[{}0.5]", "0.25, -1e-3,".repeat(700));
    let rows = format!(", (1, {array})").repeat(60);
    let read = sql(&format!("INSERT INTO t (id, embedding) VALUES (0, {array}){rows}"), None);
    assert_eq!((read.reason, read.acts[0].magnitude.count), (None, Some(61)));
    assert_eq!(read.acts[0].operation, Operation::VectorUpsert);

    let keys = (1..9_000).map(|n| format!(", {n}")).collect::<String>();
    let read = sql(&format!("SELECT a FROM t WHERE id IN (0{keys})"), None);
    assert_eq!((read.reason, read.acts[0].magnitude.count), (None, Some(9_000)));

    // What stands behind a list, or in it and is no constant, is not lost.
    let read = sql("INSERT INTO t VALUES (1), (2), (3), (pg_sleep(9)), (4), (5); DROP TABLE u", None);
    assert!(read.acts.iter().any(|act| act.operation == Operation::CollectionDrop));
    assert_eq!(read.acts.iter().find(|act| act.resource == "t").unwrap().magnitude.count, Some(6));
    let mixed = sql("INSERT INTO t (a, b) VALUES (1, 'x'), (2, '[0.5,1]')", None);
    assert_eq!(mixed.acts[0].operation, Operation::VectorUpsert);
    let comment = sql("SELECT ARRAY[1, 2 --]\n] FROM t; DROP TABLE u", None);
    assert!(comment.acts.iter().any(|act| act.operation == Operation::CollectionDrop), "{comment:?}");
}

#[test]
fn rows_whose_constants_are_cast_are_counted_as_the_others_are() {
    // As SQLAlchemy writes an insert of a thousand rows.
    let row = |n: usize| {
        format!(
            "(${}::INTEGER, ${}::TIMESTAMP WITHOUT TIME ZONE, ${}::VARCHAR)",
            n * 3 + 1,
            n * 3 + 2,
            n * 3 + 3
        )
    };
    let rows = (0..1_000).map(row).collect::<Vec<_>>().join(", ");
    let read = sql(&format!("INSERT INTO t (a, b, c) VALUES {rows}"), Some(Dialect::Postgres));
    assert_eq!((read.reason, read.acts[0].magnitude.count), (None, Some(1_000)));
    assert_eq!(read.acts[0].operation, Operation::DataIngest);
    let rows =
        (0..1_000).map(|n| format!("(${}, ${}, {n})", n * 2 + 1, n * 2 + 2)).collect::<Vec<_>>().join(", ");
    let text = format!(
        "INSERT INTO t (a, b) SELECT p0::INTEGER, p1::VARCHAR FROM (VALUES {rows}) AS v(p0, p1, n) ORDER BY n RETURNING t.a"
    );
    let read = sql(&text, Some(Dialect::Postgres));
    let count =
        |resource: &str| read.acts.iter().find(|act| act.resource == resource).unwrap().magnitude.count;
    assert_eq!((read.reason, count("t")), (None, Some(1_000)), "{:?}", read.acts);
    // A vector, and what is called, stay to be read.
    for (row, operation) in
        [("($2::vector)", Operation::VectorUpsert), ("(pg_sleep(9)::text)", Operation::SessionControl)]
    {
        let read = sql(&format!("INSERT INTO t VALUES ($1::text), {row}"), Some(Dialect::Postgres));
        assert!(read.acts.iter().any(|act| act.operation == operation), "{row}");
        assert_eq!(
            read.acts.iter().find(|act| act.resource == "t").unwrap().magnitude.count,
            Some(2),
            "{row}"
        );
    }
}

#[test]
fn a_limit_that_is_bound_bounds_what_is_read() {
    let read = |text: &str, numbers: &[Option<u64>]| {
        let read = sql_with(text, Some(Dialect::Postgres), numbers);
        (read.acts[0].operation, read.acts[0].magnitude.count)
    };
    let unbounded = (Operation::DataExport, None);
    for text in [
        "SELECT a FROM t LIMIT $1",
        "SELECT a FROM t LIMIT $1::BIGINT OFFSET $2",
        "SELECT a FROM t FETCH FIRST $1 ROWS ONLY",
    ] {
        assert_eq!(read(text, &[Some(3), Some(9)]), (Operation::DataRead, Some(3)), "{text}");
        // The same text again, with other numbers and with none.
        assert_eq!(read(text, &[Some(7), Some(9)]), (Operation::DataRead, Some(7)), "{text}");
        for numbers in [&[] as &[_], &[None, Some(3)]] {
            assert_eq!(read(text, numbers), unbounded, "{text}");
        }
    }
    let ordered = |text: &str, numbers: &[Option<u64>]| {
        sql_with(text, Some(Dialect::Sqlite), numbers).acts[0].magnitude.count
    };
    assert_eq!(ordered("SELECT a FROM t WHERE b > ? LIMIT ?", &[Some(1), Some(4)]), Some(4));
    assert_eq!(ordered("SELECT a FROM t WHERE b > ? LIMIT ?, ?", &[Some(1), Some(4), Some(5)]), Some(5));
    assert_eq!(ordered("SELECT a FROM t WHERE b > :b LIMIT :n", &[Some(1), Some(4)]), None);
    // A text within a text has parameters of its own.
    let text = "EXECUTE 'SELECT a FROM t LIMIT $1' USING 1000";
    let read = sql_with(&format!("DO $$ BEGIN {text}; END $$"), Some(Dialect::Postgres), &[Some(1)]);
    assert_eq!(read.acts.iter().find(|act| act.resource == "t").unwrap().magnitude.count, None);
}

proptest! {
    #[test]
    fn any_text_has_an_answer(text in ".{0,200}", dialect in 0..3_usize) {
        let dialect = [Dialect::Postgres, Dialect::MySql, Dialect::SqlServer].get(dialect).copied();
        prop_assert!(!sql(&text, dialect).acts.is_empty());
    }

    #[test]
    fn any_sequence_of_words_has_an_answer(words in proptest::collection::vec(prop_oneof![
        Just("SELECT"), Just("FROM"), Just("WHERE"), Just("("), Just(")"), Just(","), Just("*"), Just("a"), Just("."), Just("="),
        Just("'x'"), Just("1"), Just(";"), Just("INSERT"), Just("INTO"), Just("UPDATE"), Just("SET"), Just("DELETE"), Just("WITH"),
        Just("AS"), Just("LIMIT"), Just("UNION"), Just("COPY"), Just("TO"), Just("$$"), Just("/*"), Just("*/"), Just("--\n"),
        Just("MERGE"), Just("USING"), Just("WHEN"), Just("THEN"), Just("RETURNING"), Just("EXPLAIN"), Just("PREPARE"), Just("DO"),
        Just("EXEC"), Just("CREATE"), Just("TABLE"), Just("DROP"), Just("ALTER"), Just("ON"), Just("OR"), Just("AND"), Just("NOT"),
    ], 0..40)) {
        prop_assert!(!sql(&words.join(" "), None).acts.is_empty());
    }

    /// More statements never make a text less risky.
    #[test]
    fn a_statement_more_is_never_safer(at in 0..4_usize, place in 0..4_usize) {
        let texts = ["SELECT 1", "DELETE FROM a", "SELECT * FROM b LIMIT 3", "DROP TABLE c"];
        let risk = |text: &str| sql(text, None).acts.iter().map(|act| act.risk).max();
        let both = format!("{}; {}", texts[at], texts[place]);
        prop_assert_eq!(risk(&both), risk(texts[at]).max(risk(texts[place])));
    }
}
