//! A log of ten million records against what is tried on one of six: `cargo test --release -p wardline --test audit -- --ignored` (some
//! minutes, and 6 GB below `TMPDIR`). Every run of the tests does the same with fewer.

use std::fs;
use std::path::Path;

use wardline::audit::{
    Ending, Filter, Index, Journal, Log, NoKeeper, Outcome, Page, PublicKey, Record, prove, verify,
};
use wardline::clock::Timestamp;
use wardline::glob::Glob;
use wardline::identity::Identity;
use wardline::model::Verdict;

/// Records that are appended at once.
const TOGETHER: u64 = 4_096;

fn one_of_many(number: u64) -> Record {
    let mut record = crate::record(i64::try_from(number).unwrap());
    record.identity = Some(Identity::new(format!("user-{}", number % 1_000)).into());
    record.session = Some(format!("session-{}", number / 20).as_str().into());
    record.decided = Some(if number.is_multiple_of(97) { Verdict::Deny } else { Verdict::Allow });
    let result = if number.is_multiple_of(1_009) { Ending::Failed } else { Ending::Complete };
    record.outcome = Some(Outcome { result, reason: None });
    record
}

/// The numbers of the newest records that fit.
fn newest(index: &mut Index, filter: &Filter, limit: usize) -> Vec<u64> {
    let found = index.page(filter, &Page::newest(limit)).unwrap();
    assert!(found.unread.is_empty());
    found.entries.iter().map(|entry| entry.index).collect()
}

/// The newest `limit` of so many numbers that are told so, oldest first.
fn last(count: u64, limit: usize, fits: impl Fn(u64) -> bool) -> Vec<u64> {
    let mut numbers: Vec<u64> = (0..count).rev().filter(|number| fits(*number)).take(limit).collect();
    numbers.reverse();
    numbers
}

fn stands(state: &Path, count: u64) {
    let mut log = Log::open(state, Box::new(NoKeeper)).unwrap();
    for first in (0..count).step_by(TOGETHER as usize) {
        let records: Vec<Record> = (first..count.min(first + TOGETHER)).map(one_of_many).collect();
        log.append(&records).unwrap();
        if first % (TOGETHER * 64) == 0 {
            log.checkpoint().unwrap();
        }
    }
    drop(log);
    assert_eq!(Log::open(state, Box::new(NoKeeper)).unwrap().size(), count);
    let report = verify(state, &[]).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.logs[0].size, report.logs[0].signed), (count, count));

    let key = fs::read_to_string(state.join("log/w0001/key.pub")).unwrap();
    let key = PublicKey::read(&key).unwrap();
    for number in [0, count / 2, count - 1] {
        let entry = one_of_many(number).canonical().unwrap();
        assert!(prove(state, "w0001", number).unwrap().holds(&entry, &key).unwrap(), "{number}");
    }

    let mut index = Index::open(state).unwrap();
    let user = |number: u64| Some(Glob::new(&format!("user-{number}")).unwrap());
    let none = Filter::default;
    assert_eq!(newest(&mut index, &none(), 3), last(count, 3, |_| true));
    let denied = Filter { verdict: Some(Verdict::Deny), ..none() };
    assert_eq!(newest(&mut index, &denied, 50), last(count, 50, |n| n % 97 == 0));
    let failed = Filter { outcome: Some(Ending::Failed), ..none() };
    assert_eq!(newest(&mut index, &failed, 50), last(count, 50, |n| n % 1_009 == 0));
    let who = Filter { identity: user(7), ..none() };
    assert_eq!(newest(&mut index, &who, 50), last(count, 50, |n| n % 1_000 == 7));
    let both = Filter { identity: user(7), verdict: Some(Verdict::Deny), ..none() };
    assert_eq!(newest(&mut index, &both, 50), last(count, 50, |n| n % 1_000 == 7 && n % 97 == 0));
    let session = Filter { session: Some(format!("session-{}", count / 40).as_str().into()), ..none() };
    assert_eq!(newest(&mut index, &session, 50), last(count, 50, |n| n / 20 == count / 40));
    let from = count / 3;
    let at = |number: u64| Some(Timestamp::from_millis(i64::try_from(number).unwrap()));
    let time = Filter { from: at(from), until: at(from + 200), verdict: Some(Verdict::Deny), ..none() };
    assert_eq!(newest(&mut index, &time, 50), last(from + 200, 50, |n| n >= from && n % 97 == 0));

    // One byte of the one in the middle, and the end of the last segment.
    let mut segments: Vec<_> =
        fs::read_dir(state.join("log/w0001/seg")).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.sort();
    let middle = &segments[segments.len() / 2];
    let clean = fs::read(middle).unwrap();
    let mut changed = clean.clone();
    let place = super::tamper::frames(&clean)[3] + 30;
    changed[place] ^= 1;
    fs::write(middle, changed).unwrap();
    let report = verify(state, &[]).unwrap();
    let fault = report.logs[0].fault.as_ref().unwrap();
    let number = fault.index.unwrap();
    assert!(!report.is_sound() && number < count, "{report:?}");
    fs::write(middle, clean).unwrap();
    assert!(verify(state, &[]).unwrap().is_sound());
    let last = fs::OpenOptions::new().write(true).open(segments.last().unwrap()).unwrap();
    let places = super::tamper::frames(&fs::read(segments.last().unwrap()).unwrap());
    last.set_len(places[places.len() - 1] as u64 - 1).unwrap();
    assert!(!verify(state, &[]).unwrap().is_sound());
}

#[test]
fn thousands_of_records_stand_and_answer() {
    stands(tempfile::tempdir().unwrap().path(), 20_011);
}

#[test]
#[ignore = "takes minutes and 6 GB of disk"]
fn ten_million_records_stand_and_answer() {
    stands(tempfile::tempdir().unwrap().path(), 10_000_000);
}
