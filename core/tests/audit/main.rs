//! The log against those who would change it: tampering, truncation, rollback, killed writers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod forged;
mod indexed;
mod keys;
mod killed;
mod listed;
mod many;
mod power;
mod pruned;
mod receipts;
mod tamper;
mod witnessed;

use std::path::Path;

use wardline::audit::{Journal, Keeper, Kept, Kind, Log, NoKeeper, Record, VerifyReport, verify};
use wardline::clock::Timestamp;
use wardline::model::{Act, Census, Operation, RecordId};

/// Small enough that a few records need several segments.
const SEGMENT: u64 = 4_096;

fn record(number: i64) -> Record {
    let mut record =
        Record::new(Kind::Exchange, RecordId::from(format!("rec_{number}")), Timestamp::from_millis(number));
    record.service = "vectors".into();
    record.acts = vec![Act::new(Operation::VectorSearch, "docs")];
    record
}

/// A log of `count` records, in groups of three, with a checkpoint after each.
fn written(folder: &Path, keeper: Box<dyn Keeper>, count: i64) {
    let mut log = Log::open_with(folder, keeper, SEGMENT).unwrap();
    for group in (0..count).collect::<Vec<_>>().chunks(3) {
        log.append(&group.iter().map(|n| record(*n)).collect::<Vec<_>>()).unwrap();
        log.checkpoint().unwrap();
    }
}

fn faults(report: &VerifyReport) -> Vec<String> {
    report.logs.iter().filter_map(|log| log.fault.as_ref().map(|fault| fault.what.clone())).collect()
}

#[test]
fn a_log_goes_on_where_it_stopped_and_two_writers_have_two() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), Box::new(NoKeeper), 20);
    {
        let mut first = Log::open_with(folder.path(), Box::new(NoKeeper), SEGMENT).unwrap();
        let mut second = Log::open_with(folder.path(), Box::new(NoKeeper), SEGMENT).unwrap();
        assert_eq!((first.size(), second.size()), (20, 0));
        assert_ne!(first.origin(), second.origin());
        first.append(&[record(20)]).unwrap();
        second.append(&[record(21), record(22)]).unwrap();
    }
    let report = verify(folder.path(), &[]).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.logs.iter().map(|log| (log.size, log.signed)).collect::<Vec<_>>(), [(21, 21), (2, 2)]);
}

#[test]
fn an_entry_that_is_too_large_lies_beside_the_log_and_reads_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut large = record(1);
    let ids = (0..1_024).map(|n| format!("{n:0>90}")).collect();
    large.response = Some(
        wardline::audit::Passed {
            census: Some(Census { ids, ids_total: 1_024, ..Census::default() }),
            ..Default::default()
        }
        .into(),
    );
    let mut log = Log::open_with(folder.path(), Box::new(NoKeeper), SEGMENT).unwrap();
    log.append(&[record(0), large.clone(), record(2)]).unwrap();
    drop(log);
    assert!(verify(folder.path(), &[]).unwrap().is_sound());
    let filter = wardline::audit::Filter { vector: Some(format!("{:0>90}", 1_000)), ..Default::default() };
    let found: Vec<_> = wardline::audit::query(folder.path(), &filter).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].as_ref().unwrap().record, large);
}

#[test]
fn a_proof_convinces_whoever_has_the_key() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), Box::new(NoKeeper), 300);
    let key = std::fs::read_to_string(folder.path().join("log/w0001/key.pub")).unwrap();
    let key = wardline::audit::PublicKey::read(&key).unwrap();
    for index in [0, 1, 255, 256, 299] {
        let proof = wardline::audit::prove(folder.path(), "w0001", index).unwrap();
        let entry = record(i64::try_from(index).unwrap()).canonical().unwrap();
        assert!(proof.holds(&entry, &key).unwrap(), "{index}");
        assert!(!proof.holds(b"another entry", &key).unwrap());
    }
    assert!(wardline::audit::prove(folder.path(), "w0001", 300).is_err());
}

#[test]
fn questions_find_their_records_and_one_bad_entry_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::open_with(folder.path(), Box::new(NoKeeper), SEGMENT).unwrap();
    let mut begin = record(7);
    begin.kind = Kind::Begin;
    let mut end = begin.clone();
    end.kind = Kind::End;
    end.ended_at = Some(Timestamp::from_millis(9));
    let mut lost = record(8);
    lost.kind = Kind::Begin;
    log.append(&[record(1), begin, lost, end]).unwrap();
    drop(log);
    let all: Vec<_> = wardline::audit::query(folder.path(), &Default::default()).unwrap();
    let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
    assert_eq!(
        all.iter().map(|e| (e.index, e.complete)).collect::<Vec<_>>(),
        [(0, true), (3, true), (2, false)]
    );
    let filter = wardline::audit::Filter { from: Some(Timestamp::from_millis(8)), ..Default::default() };
    assert_eq!(wardline::audit::query(folder.path(), &filter).unwrap().len(), 1);

    // One flipped byte in the second entry: an error in its place, the others still come.
    let segment = folder.path().join("log/w0001/seg/000000000001.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    let place = bytes.windows(5).position(|w| w == b"rec_7").unwrap();
    bytes[place] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let after = wardline::audit::query(folder.path(), &Default::default()).unwrap();
    assert_eq!(after.iter().filter(|entry| entry.is_err()).count(), 1);
    assert!(after.len() >= 3);
}

#[test]
fn each_field_finds_its_record_and_no_other() {
    use wardline::audit::{Ending, Filter, Outcome, Passed};
    use wardline::glob::Glob;
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::open_with(folder.path(), Box::new(NoKeeper), SEGMENT).unwrap();
    let ended = |n, result| {
        let mut one = record(n);
        one.outcome = Some(Outcome { result, reason: None });
        one
    };
    let mut wanted = ended(1, Ending::Aborted);
    let mut identity = wardline::identity::Identity::new("ana");
    let verified_by = wardline::identity::HopProof::Jwt;
    identity.hops = vec![wardline::identity::Hop { workload: "svc-reports".into(), verified_by }];
    wanted.identity = Some(identity.into());
    wanted.grant = Some("grt_1".into());
    wanted.approval = Some("apr_1".into());
    wanted.policy = Some("aa11".into());
    let totals = [("email".into(), 2)].into();
    wanted.response = Some(Passed { totals, ..Passed::default() }.into());
    let mut other = ended(2, Ending::Complete);
    other.grants = vec!["grt_1".into()];
    other.policy = Some("bb22".into());
    let mut lost = record(3);
    lost.kind = Kind::Begin;
    lost.outcome = None;
    log.append(&[wanted, other, lost]).unwrap();
    drop(log);
    let ids = |filter: Filter| -> Vec<String> {
        let found = wardline::audit::query(folder.path(), &filter).unwrap();
        found.into_iter().map(|entry| entry.unwrap().record.id.to_string()).collect()
    };
    let glob = |text| Some(Glob::new(text).unwrap());
    assert_eq!(ids(Filter { hop: glob("svc-*"), ..Filter::default() }), ["rec_1"]);
    assert_eq!(ids(Filter { entity: glob("em*"), ..Filter::default() }), ["rec_1"]);
    assert_eq!(ids(Filter { grant: Some("grt_1".into()), ..Filter::default() }), ["rec_1"]);
    assert_eq!(ids(Filter { approval: Some("apr_1".into()), ..Filter::default() }), ["rec_1"]);
    assert_eq!(ids(Filter { policy: Some("bb22".into()), ..Filter::default() }), ["rec_2"]);
    assert_eq!(ids(Filter { outcome: Some(Ending::Aborted), ..Filter::default() }), ["rec_1"]);
    // What never ended is shown as failed, so it is found as failed.
    assert_eq!(ids(Filter { outcome: Some(Ending::Failed), ..Filter::default() }), ["rec_3"]);
    assert!(ids(Filter { hop: glob("ana"), ..Filter::default() }).is_empty());
}

struct Memory(std::sync::Arc<std::sync::Mutex<Vec<Kept>>>);

impl Keeper for Memory {
    fn keep(&self, kept: &Kept) -> Result<(), wardline::Error> {
        let mut all = self.0.lock().unwrap();
        all.retain(|other| other.slot != kept.slot);
        all.push(kept.clone());
        Ok(())
    }

    fn kept(&self) -> Result<Vec<Kept>, wardline::Error> {
        Ok(self.0.lock().unwrap().clone())
    }
}
