//! What a question costs, in steps of SQLite's machine: it does not grow with what is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::audit::{Ending, Journal, Kind, Log, NoKeeper, Outcome, Record};
use crate::clock::Timestamp;
use crate::glob::Glob;
use crate::identity::Identity;
use crate::model::{Act, Operation, Verdict};

const RECORDS: i64 = 12_000;

/// Half of everybody's requests are searches, half exports; a search never fails. Two were never ended.
fn record(number: i64) -> Record {
    let kind = if number % 5_000 == 77 { Kind::Begin } else { Kind::Exchange };
    let mut record =
        Record::new(kind, format!("rec_{number:06}").as_str().into(), Timestamp::from_millis(number));
    record.identity = Some(Identity::new(format!("user-{}", number % 400)).into());
    record.service = if number < 100 { "older" } else { "vectors" }.into();
    let operation = if number % 2 == 0 { Operation::VectorSearch } else { Operation::VectorExport };
    let parity = if number % 2 == 0 { "even" } else { "odd" };
    record.acts = vec![Act::new(operation, format!("docs/{parity}/{}", number % 2_000))];
    record.decided = Some(if number % 3 == 0 { Verdict::Hold } else { Verdict::Allow });
    let result = if number % 4 == 1 { Ending::Failed } else { Ending::Complete };
    record.outcome = (kind == Kind::Exchange).then_some(Outcome { result, reason: None });
    record
}

#[test]
fn a_question_looks_at_what_it_answers_and_not_at_what_there_is() {
    let state = tempfile::tempdir().unwrap();
    let mut log = Log::open(state.path(), Box::new(NoKeeper)).unwrap();
    log.append(&(0..RECORDS).map(record).collect::<Vec<_>>()).unwrap();
    let glob = |text: &str| Some(Glob::new(text).unwrap());
    let none = Filter::default;
    let asked = [
        ("all", none(), 10),
        ("outcome", Filter { outcome: Some(Ending::Failed), ..none() }, 10),
        ("outcome and who", Filter { outcome: Some(Ending::Failed), identity: glob("user-9"), ..none() }, 10),
        ("verdict", Filter { verdict: Some(Verdict::Hold), ..none() }, 10),
        ("one who asked", Filter { identity: glob("user-7"), ..none() }, 10),
        ("some who asked", Filter { identity: glob("user-1*"), ..none() }, 10),
        ("everybody", Filter { identity: glob("user-*"), ..none() }, 10),
        ("an old service", Filter { service: glob("older"), ..none() }, 10),
        (
            "two that half of all have and none has both",
            Filter { operation: glob("vector.search"), outcome: Some(Ending::Failed), ..none() },
            // But those that were never ended, of which no more is known.
            0,
        ),
        (
            "at a time",
            Filter {
                operation: glob("vector.export"),
                verdict: Some(Verdict::Allow),
                from: Some(Timestamp::from_millis(6_000)),
                until: Some(Timestamp::from_millis(6_012)),
                ..none()
            },
            4,
        ),
        ("nobody", Filter { identity: glob("nobody"), ..none() }, 0),
    ];
    // All in packs, and the newest in rows.
    for batch in [3_000, 5_000] {
        let _ = fs::remove_file(state.path().join("index.db"));
        let mut index = Index::open(state.path()).unwrap().in_batches_of(batch);
        index.page(&none(), &Page::newest(1)).unwrap();
        let steps = Arc::new(AtomicU64::new(0));
        let counted = steps.clone();
        let count = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            false
        };
        index.db.progress_handler(1, Some(count)).unwrap();
        for (name, filter, wanted) in &asked {
            steps.store(0, Ordering::Relaxed);
            let found = search::search(&index.db, &index.state, filter, &Page::newest(10)).unwrap();
            assert_eq!(found.entries.len(), *wanted, "{name}");
            let took = steps.load(Ordering::Relaxed);
            // Going through all that is there takes several steps a record.
            assert!(took > 0 && took < 2 * RECORDS.unsigned_abs(), "{name}: {took} steps, {batch} together");
        }
    }
}

#[test]
fn where_two_fields_have_nothing_in_common_no_record_is_read() {
    let state = tempfile::tempdir().unwrap();
    let mut log = Log::open(state.path(), Box::new(NoKeeper)).unwrap();
    log.append(&(0..RECORDS).map(record).collect::<Vec<_>>()).unwrap();
    drop(log);
    let glob = |text: &str| Some(Glob::new(text).unwrap());
    // A thousand names fit.
    let even = || Filter { resource: glob("docs/even/*"), ..Filter::default() };
    let apart = [
        ("what is rare", Filter { service: glob("older"), operation: glob("vector.export"), ..even() }),
        ("what is common", Filter { operation: glob("vector.export"), ..even() }),
        ("some who asked", Filter { identity: glob("user-*7"), ..even() }),
    ];
    for batch in [3_000, 5_000] {
        let _ = fs::remove_file(state.path().join("index.db"));
        let mut index = Index::open(state.path()).unwrap().in_batches_of(batch);
        index.page(&Filter::default(), &Page::newest(1)).unwrap();
        // Whoever reads a record now finds none.
        let (seg, aside) = (state.path().join("log/w0001/seg"), state.path().join("aside"));
        fs::rename(&seg, &aside).unwrap();
        let asked =
            |filter: &Filter| search::search(&index.db, &index.state, filter, &Page::newest(10)).unwrap();
        for (name, filter) in &apart {
            let found = asked(filter);
            assert!(
                found.entries.is_empty() && found.unread.is_empty(),
                "{name}: {} are read",
                found.unread.len()
            );
        }
        assert!(!asked(&even()).unread.is_empty());
        fs::rename(&aside, &seg).unwrap();
        let user = Filter { identity: glob("user-8"), ..even() };
        assert_eq!(asked(&user).entries.len(), 10);
    }
}
