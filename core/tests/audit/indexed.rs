//! The index finds what reading the whole log finds, and is never trusted.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use wardline::audit::{
    Cursor, Ending, Entry, Filter, Found, Index, Journal, Kind, Log, NoKeeper, Outcome, Page, Passed, Record,
    query,
};
use wardline::clock::Timestamp;
use wardline::glob::Glob;
use wardline::identity::{Hop, HopProof, Identity};
use wardline::model::{Act, Census, Operation, Verdict};

use super::SEGMENT;

/// A record that differs from others in as many ways as can be asked for.
fn varied(number: i64, kind: Kind) -> Record {
    // Several within one millisecond, and not in the order of their ids.
    let mut record = Record::new(
        kind,
        format!("rec_{:03}", number * 37 % 101).as_str().into(),
        Timestamp::from_millis(number / 3),
    );
    record.service = if number % 2 == 0 { "vectors" } else { "models" }.into();
    if number % 5 > 0 {
        let mut identity = Identity::new(format!("user-{}", number % 5));
        if number % 3 == 0 {
            identity.hops.push(Hop { workload: format!("job-{}", number % 4), verified_by: HopProof::Mtls });
        }
        record.identity = Some(identity.into());
    }
    record.acts = vec![Act::new(Operation::VectorSearch, format!("docs-{}", number % 7))];
    if number % 4 == 0 {
        record.acts.push(Act::new(Operation::VectorExport, "docs-1"));
    }
    record.decided = Some([Verdict::Allow, Verdict::Deny, Verdict::Hold][number as usize % 3]);
    record.session = (number % 6 == 0).then(|| format!("s{}", number % 12).as_str().into());
    record.grant = (number % 8 == 0).then(|| "grant_1".into());
    record.approval = (number % 9 == 0).then(|| "appr_1".into());
    record.policy = Some(if number < 40 { "aa" } else { "bb" }.into());
    if kind != Kind::Begin {
        record.outcome =
            Some(Outcome { result: [Ending::Complete, Ending::Failed][number as usize % 2], reason: None });
        let census = Census { ids: vec![format!("v{}", number % 10)], ..Census::default() };
        let found = Found {
            name: "email".into(),
            path: String::new(),
            length: 9,
            digest: format!("{:016x}", number % 11),
        };
        record.response = Some(
            Passed {
                census: Some(census),
                totals: [("email".into(), 1)].into_iter().collect(),
                findings: vec![found],
                ..Passed::default()
            }
            .into(),
        );
    }
    record
}

/// Two logs, with exchanges that ended, that did not, and steps of people.
fn written(state: &Path, count: i64) {
    let mut logs = [0, 1].map(|_| Log::open_with(state, Box::new(NoKeeper), SEGMENT).unwrap());
    for number in 0..count {
        let log = &mut logs[number as usize % 2];
        match number % 4 {
            0 => log.append(&[varied(number, Kind::Exchange)]).unwrap(),
            1 => log.append(&[varied(number, Kind::Begin), varied(number, Kind::End)]).unwrap(),
            2 => log.append(&[varied(number, Kind::Begin)]).unwrap(),
            _ => {
                let by = format!("user-{}", number % 5);
                log.append(&[
                    varied(number, Kind::Grant),
                    Record::step(Kind::Read, Timestamp::from_millis(number), "queried", &by, None),
                ])
                .unwrap();
            }
        }
    }
}

fn ids(entries: &[Entry]) -> Vec<(String, u64)> {
    entries.iter().map(|entry| (entry.slot.clone(), entry.index)).collect()
}

/// Every page of what fits, from the newest back, then from the oldest on.
fn paged(index: &mut Index, filter: &Filter, limit: usize) -> (Vec<Entry>, Vec<Entry>) {
    let (mut back, mut page) = (Vec::new(), Page::newest(limit));
    loop {
        let found = index.page(filter, &page).unwrap();
        assert!(found.unread.is_empty() && found.entries.len() <= limit);
        back.splice(0..0, found.entries);
        if !found.more {
            break;
        }
        page = Page::before(back[0].cursor(), limit);
    }
    let (mut on, mut page) = (Vec::new(), Page::oldest(limit));
    loop {
        let found = index.page(filter, &page).unwrap();
        on.extend(found.entries);
        if !found.more {
            break;
        }
        page = Page::after(on.last().unwrap().cursor(), limit);
    }
    (back, on)
}

fn all(state: &Path, filter: &Filter) -> Vec<Entry> {
    query(state, filter).unwrap().into_iter().map(Result::unwrap).collect()
}

fn glob(text: &str) -> Option<Glob> {
    Some(Glob::new(text).unwrap())
}

fn filters() -> Vec<Filter> {
    let none = Filter::default;
    vec![
        none(),
        Filter { from: Some(Timestamp::from_millis(5)), until: Some(Timestamp::from_millis(20)), ..none() },
        Filter { id: Some("rec_037".into()), ..none() },
        Filter { id: Some("rec_none".into()), ..none() },
        Filter { kind: Some(Kind::Grant), ..none() },
        Filter { kind: Some(Kind::Read), ..none() },
        Filter { kind: Some(Kind::Exchange), ..none() },
        Filter { identity: glob("user-1"), ..none() },
        Filter { identity: glob("*"), ..none() },
        Filter { identity: glob("user-*"), verdict: Some(Verdict::Deny), ..none() },
        Filter { hop: glob("job-*"), ..none() },
        Filter { operation: glob("vector.*"), resource: glob("docs-1"), ..none() },
        Filter { operation: glob("vector.export"), ..none() },
        Filter { operation: glob("model.*"), ..none() },
        Filter { resource: glob("docs-*"), service: glob("models"), ..none() },
        Filter { session: Some("s6".into()), ..none() },
        Filter { vector: Some("v3".to_owned()), ..none() },
        Filter { entity: glob("e*"), ..none() },
        Filter { grant: Some("grant_1".into()), ..none() },
        Filter { approval: Some("appr_1".into()), ..none() },
        Filter { outcome: Some(Ending::Failed), ..none() },
        Filter { outcome: Some(Ending::Complete), identity: glob("user-2"), ..none() },
        Filter { policy: Some("bb".to_owned()), ..none() },
        Filter { value: Some(format!("{:016x}", 7)), ..none() },
    ]
}

#[test]
fn every_question_has_the_answer_that_reading_the_whole_log_gives() {
    let state = tempfile::tempdir().unwrap();
    written(state.path(), 90);
    // All in rows, in packs of various lengths, and in one.
    for batch in [1_000, 1, 7, 40, 180] {
        let _ = fs::remove_file(state.path().join("index.db"));
        let mut index = Index::open(state.path()).unwrap().in_batches_of(batch);
        let mut answered = 0;
        for filter in filters() {
            let all = all(state.path(), &filter);
            answered += usize::from(!all.is_empty());
            for limit in [1, 7, 1_000] {
                let (back, on) = paged(&mut index, &filter, limit);
                assert_eq!(back, all, "{filter:?}, {limit} at a time, {batch} together");
                assert_eq!(on, all, "{filter:?}, {limit} at a time, {batch} together");
            }
        }
        assert!(answered >= filters().len() - 2);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// The index is asked at any moment, by several, and goes on where it was.
    #[test]
    fn an_index_goes_on_with_the_log(parts in proptest::collection::vec(1_usize..12, 1..8), again in any::<bool>(), batch in 1_usize..60) {
        let state = tempfile::tempdir().unwrap();
        let mut log = Log::open_with(state.path(), Box::new(NoKeeper), SEGMENT).unwrap();
        let mut numbers = 0..;
        let open = || Index::open(state.path()).unwrap().in_batches_of(batch);
        let mut index = open();
        for part in parts {
            for number in numbers.by_ref().take(part) {
                let kinds: &[Kind] = match number % 3 { 0 => &[Kind::Exchange], 1 => &[Kind::Begin, Kind::End], _ => &[Kind::Begin] };
                let records: Vec<_> = kinds.iter().map(|kind| varied(number, *kind)).collect();
                log.append(&records).unwrap();
            }
            if again {
                index = open();
            }
            for filter in filters() {
                let (back, _) = paged(&mut index, &filter, 5);
                prop_assert_eq!(ids(&back), ids(&all(state.path(), &filter)), "{:?}", filter);
            }
        }
    }
}

#[test]
fn a_missing_damaged_or_older_index_is_made_anew() {
    let state = tempfile::tempdir().unwrap();
    written(state.path(), 20);
    let all = all(state.path(), &Filter::default());
    let path = state.path().join("index.db");
    let newest =
        |limit| Index::open(state.path()).unwrap().page(&Filter::default(), &Page::newest(limit)).unwrap();
    assert_eq!(newest(100).entries, all);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(newest(100).entries, all);
    fs::write(&path, "this is no database, and long enough to be told from an empty file".repeat(20))
        .unwrap();
    assert_eq!(newest(100).entries, all);
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert_eq!(newest(100).entries, all);
}

#[test]
fn another_log_in_the_place_of_the_one_that_was_read_shows() {
    let state = tempfile::tempdir().unwrap();
    let older = tempfile::tempdir().unwrap();
    written(older.path(), 10);
    let copy = |from: &Path| {
        let _ = fs::remove_dir_all(state.path().join("log"));
        copied(&from.join("log"), &state.path().join("log"));
    };
    copy(older.path());
    let mut log = Log::open_with(state.path(), Box::new(NoKeeper), SEGMENT).unwrap();
    log.append(&[varied(60, Kind::Exchange)]).unwrap();
    drop(log);
    let open = || Index::open(state.path()).unwrap().in_batches_of(4);
    let newest = || open().page(&Filter::default(), &Page::newest(100)).unwrap();
    assert_eq!(newest().entries, all(state.path(), &Filter::default()));
    // Rolled back to the copy that was made before.
    copy(older.path());
    assert_eq!(newest().entries, all(state.path(), &Filter::default()));
    // And gone.
    fs::remove_dir_all(state.path().join("log")).unwrap();
    assert!(newest().entries.is_empty());
}

#[test]
fn what_the_index_says_is_read_from_the_log_again() {
    let state = tempfile::tempdir().unwrap();
    written(state.path(), 30);
    let filter = Filter { identity: glob("user-1"), ..Filter::default() };
    let mut index = Index::open(state.path()).unwrap();
    let sound = index.page(&filter, &Page::newest(100)).unwrap().entries;
    assert!(sound.len() > 3);
    // An index that lies about who asked makes no record up.
    let db = rusqlite::Connection::open(state.path().join("index.db")).unwrap();
    let (one, two): (i64, i64) = db
        .query_row(
            "SELECT (SELECT id FROM term WHERE text = 'user-1'), (SELECT id FROM term WHERE text = 'user-2')",
            (),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    db.execute("INSERT OR IGNORE INTO posting SELECT ?1, at, entry FROM posting WHERE term = ?2", [one, two])
        .unwrap();
    assert_eq!(index.page(&filter, &Page::newest(100)).unwrap().entries, sound);
    // Nor does it hide that an entry was altered since.
    let path = state.path().join("log/w0001/seg/000000000001.seg");
    let mut bytes = fs::read(&path).unwrap();
    let place = bytes.windows(7).position(|window| window == b"vectors").unwrap();
    bytes[place] ^= 1;
    fs::write(&path, bytes).unwrap();
    let found = index.page(&Filter::default(), &Page::newest(100)).unwrap();
    assert_eq!(found.unread.len(), 1);
    assert!(found.unread[0].to_string().contains("was altered"), "{:?}", found.unread);
}

#[test]
fn a_cursor_reads_back_and_a_wrong_one_is_refused() {
    let cursor: Cursor = "2026-11-25T06:25:00.123Z/rec_1".parse().unwrap();
    assert_eq!(cursor.to_string(), "2026-11-25T06:25:00.123Z/rec_1");
    for wrong in ["", "rec_1", "yesterday/rec_1"] {
        assert_eq!(wrong.parse::<Cursor>().unwrap_err().code(), "invalid_input");
    }
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let path = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copied(&entry.path(), &path);
        } else {
            fs::copy(entry.path(), path).unwrap();
        }
    }
}
