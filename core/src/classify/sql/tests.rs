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
        (format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000)), "too_deep"),
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
