//! Exports of more vectors than a record names: which of them, by whom, is known all the same, and proved.

use std::fs;
use std::path::{Path, PathBuf};

use wardline::audit::{
    Filter, Index, Journal, Kind, Log, NoKeeper, Page, Passed, Receipt, Record, log_keys, prune, query,
    verify,
};
use wardline::clock::Timestamp;
use wardline::model::Census;

use super::{SEGMENT, faults};

const COUNT: usize = 5_000;

fn export(number: i64, ids: std::ops::Range<usize>) -> Record {
    let mut record =
        Record::new(Kind::Exchange, format!("rec_{number}").as_str().into(), Timestamp::from_millis(number));
    let mut census = Census::default();
    ids.for_each(|id| census.note_id(|| format!("point-{id}")));
    record.response = Some(Passed { census: Some(census), ..Passed::default() }.into());
    record
}

fn who_had(state: &Path, id: &str) -> [Vec<String>; 2] {
    let filter = Filter { vector: Some(id.to_owned()), ..Filter::default() };
    let read = query(state, &filter).unwrap().into_iter().map(Result::unwrap).collect::<Vec<_>>();
    let found = Index::open(state).unwrap().page(&filter, &Page::newest(10)).unwrap();
    assert!(found.unread.is_empty());
    [read, found.entries].map(|entries| entries.iter().map(|entry| entry.record.id.to_string()).collect())
}

fn lists(state: &Path) -> Vec<PathBuf> {
    fs::read_dir(state.join("log/w0001/blob")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_id_of_a_large_export_is_found_and_its_list_is_proved() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    let mut log = Log::open_with(state, Box::new(NoKeeper), SEGMENT).unwrap();
    log.append(&[export(1, 0..COUNT), export(2, 4_000..4_010), export(3, 0..Census::IDS)]).unwrap();
    drop(log);
    assert_eq!(lists(state).len(), 1, "what is named in full needs none");
    for (id, records) in [
        ("point-7", &["rec_1", "rec_3"] as &[&str]),
        ("point-1500", &["rec_1"]),
        ("point-4003", &["rec_1", "rec_2"]),
        ("point-4999", &["rec_1"]),
        ("point-5000", &[]),
    ] {
        assert_eq!(who_had(state, id), [records; 2], "{id}");
    }
    let report = verify(state, &[]).unwrap();
    assert!(report.is_sound(), "{report:?}");

    // A receipt brings the list along: that an id left is proved without the machine.
    let keys: Vec<_> = log_keys(state).unwrap().into_iter().map(|(_, key)| key).collect();
    let mut receipt = Receipt::of(state, "rec_1").unwrap();
    let census =
        |receipt: &Receipt| receipt.verify(&keys).unwrap()[0].response.clone().unwrap().census.unwrap();
    assert_eq!(census(&receipt).more.len(), COUNT - Census::IDS);
    assert!(census(&receipt).more.contains(&Census::digest("point-4999")));
    assert!(!census(&receipt).more.contains(&Census::digest("point-5000")));
    let (name, coded) = receipt.entries[0].listed.pop_first().unwrap();
    assert!(census(&receipt).more.is_empty(), "without it the rest is proved");
    for wrong in [coded.replacen('A', "B", 1), coded.chars().skip(4).collect(), "no base64".to_owned()] {
        receipt.entries[0].listed = [(name.clone(), wrong)].into();
        assert!(receipt.verify(&keys).is_err());
    }
    receipt.entries[0].listed = [(name.replacen('0', "1", 1), coded)].into();
    assert!(receipt.verify(&keys).is_err(), "a list that nobody names");

    let list = lists(state).remove(0);
    let bytes = fs::read(&list).unwrap();
    assert_eq!(bytes.len(), (COUNT - Census::IDS) * 8);
    let mut altered = bytes.clone();
    altered[100] ^= 1;
    for other in [Some(altered), None] {
        match other {
            Some(other) => fs::write(&list, other).unwrap(),
            None => fs::remove_file(&list).unwrap(),
        }
        let report = verify(state, &[]).unwrap();
        assert_eq!(faults(&report), ["a list of ids or a body, beside the log, is gone or altered"]);
        assert_eq!(report.logs[0].fault.as_ref().unwrap().index, Some(0));
    }
    // That a question cannot be answered for a record is said.
    let filter = Filter { vector: Some("point-4999".to_owned()), ..Filter::default() };
    assert_eq!(Index::open(state).unwrap().page(&filter, &Page::newest(10)).unwrap().unread.len(), 1);
    assert!(query(state, &filter).unwrap()[0].is_err());
    fs::write(&list, bytes).unwrap();

    // It goes with its entry.
    let mut log = Log::open_with(state, Box::new(NoKeeper), SEGMENT).unwrap();
    let filler: Vec<_> = (10..2_000).map(|number| export(number, 0..40)).collect();
    filler.chunks(50).for_each(|some| log.append(some).unwrap());
    drop(log);
    prune(state, Timestamp::from_millis(1_000)).unwrap();
    assert!(lists(state).is_empty());
    assert!(verify(state, &[]).unwrap().is_sound());
}
