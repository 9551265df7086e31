//! A log that cannot be written: what is strict is denied, what may go on goes on, and once there is a log again it says what is not in it.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use wardline::audit::{Filter, Gap, Kind, query, verify};
use wardline::clock::{Clock, Timestamp};
use wardline::guard::Guard;
use wardline::policy::Policy;

use crate::{Service, exchange, head};

const POLICY: &str = "
version: 1
state: ./state
default: danger_allow
log: {rotate: 1h}
services:
  strict: {system: qdrant, base_path: /strict, thresholds: {hold: never, deny: never}}
  lenient: {system: qdrant, base_path: /lenient, on_failure: allow, thresholds: {hold: never, deny: never}}
";

/// A clock that jumps, back too.
struct Jumping(AtomicI64);

impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Puts a file where a folder was, and the folder back again.
fn away(folder: &Path) -> impl FnOnce() + use<> {
    let (folder, away) = (folder.to_owned(), folder.with_extension("away"));
    fs::rename(&folder, &away).unwrap();
    fs::write(&folder, b"").unwrap();
    move || {
        fs::remove_file(&folder).unwrap();
        fs::rename(&away, &folder).unwrap();
    }
}

/// A group that was torn by the death of its writer was never acknowledged; that something of it was there is in the log.
#[test]
fn what_a_writer_that_died_had_begun_is_cleared_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let name = folder.path().join("wardline.yaml");
    let guard = || Guard::new(Policy::parse(POLICY, name.to_str().unwrap()).unwrap());
    let service = Service { status: 200, ..Service::default() };
    let ask = |guard: &Guard| {
        let target = "/lenient/collections/docs/points/search";
        let fields = [("content-type", "application/json")];
        assert_eq!(exchange(guard, head("POST", target, &fields), b"{}", &service).status, 200);
        guard.flush().unwrap();
    };
    ask(&guard());
    let segment = state.join("log/w0001/seg/000000000001.seg");
    let bytes = fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    fs::OpenOptions::new().write(true).open(&segment).unwrap().write_all_at(b"half", end as u64 + 9).unwrap();
    for _ in 0..2 {
        ask(&guard());
    }
    let filter = Filter { kind: Some(Kind::Log), ..Filter::default() };
    let said: Vec<_> =
        query(&state, &filter).unwrap().into_iter().map(|entry| entry.unwrap().record).collect();
    let changes: Vec<_> = said.iter().filter_map(|record| record.change.as_ref()).collect();
    assert_eq!(changes.iter().map(|change| change.step.as_str()).collect::<Vec<_>>(), ["cleared"], "once");
    let reason = changes[0].reason.as_deref().unwrap_or_default();
    assert!(reason.starts_with("1") && reason.contains("bytes behind the last entry"), "{reason}");
    assert!(verify(&state, &[]).unwrap().is_sound());
}

fn gaps(state: &Path) -> Vec<Gap> {
    let filter = Filter { kind: Some(Kind::Log), ..Filter::default() };
    query(state, &filter).unwrap().into_iter().filter_map(|entry| entry.unwrap().record.gap).collect()
}

#[test]
fn what_a_process_could_not_say_is_said_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let name = folder.path().join("wardline.yaml");
    let clock = Arc::new(Jumping(AtomicI64::new(1_764_000_000_000)));
    let guard = || Guard::with_clock(Policy::parse(POLICY, name.to_str().unwrap()).unwrap(), clock.clone());
    let service = Service { status: 200, ..Service::default() };
    let ask = |guard: &Guard| {
        let target = "/lenient/collections/docs/points/search";
        exchange(guard, head("POST", target, &[("content-type", "application/json")]), b"{}", &service).status
    };
    let first = guard();
    assert_eq!(ask(&first), 200);
    first.flush().unwrap();
    let back = away(&state.join("log/w0001/seg"));
    clock.0.fetch_add(7_200_000, Ordering::Relaxed);
    assert_eq!(ask(&first), 200);
    assert!(first.flush().is_err());
    drop(first);
    back();
    let (from, until) = (clock.now(), clock.now());
    for _ in 0..2 {
        let next = guard();
        assert_eq!(ask(&next), 200);
        next.flush().unwrap();
    }
    assert_eq!(gaps(&state), [Gap { entries: 1, went_on: 1, from, until }], "once");
    assert!(verify(&state, &[]).unwrap().is_sound());
}

#[test]
fn the_log_says_what_is_not_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let name = folder.path().join("wardline.yaml");
    let clock = Arc::new(Jumping(AtomicI64::new(1_764_000_000_000)));
    let policy = Policy::parse(POLICY, name.to_str().unwrap()).unwrap();
    let guard = Guard::with_clock(policy, clock.clone());
    let service = Service { status: 200, ..Service::default() };
    let ask = |base: &str| {
        let target = format!("/{base}/collections/docs/points/search");
        exchange(&guard, head("POST", &target, &[("content-type", "application/json")]), b"{}", &service)
            .status
    };
    assert_eq!((ask("strict"), ask("lenient")), (200, 200));
    guard.flush().unwrap();
    assert!(gaps(&state).is_empty());

    // An hour later the next segment cannot be made: that the log fails is known once it was tried.
    let back = away(&state.join("log/w0001/seg"));
    clock.0.fetch_add(7_200_000, Ordering::Relaxed);
    let from = clock.now();
    assert_eq!(ask("strict"), 200);
    assert!(guard.flush().is_err());
    let logs = away(&state.join("log"));
    clock.0.fetch_add(5_000, Ordering::Relaxed);
    assert_eq!((ask("strict"), ask("lenient"), ask("lenient")), (503, 200, 200));
    let until = clock.now();
    logs();
    back();

    // It is tried again by itself, and not at every request.
    let mut refused = 1;
    while ask("strict") != 200 {
        refused += 1;
        std::thread::yield_now();
    }
    // From here on all is recorded, by a clock that jumped back.
    clock.0.fetch_sub(86_400_000, Ordering::Relaxed);
    assert_eq!(ask("lenient"), 200);
    guard.flush().unwrap();
    assert_eq!(gaps(&state), [Gap { entries: 3 + refused, went_on: 3, from, until }]);
    let report = verify(&state, &[]).unwrap();
    assert!(report.is_sound(), "{report:?}");
    let lost: Vec<_> = report.logs.iter().filter_map(|log| log.lost.as_ref()).collect();
    assert_eq!(lost, gaps(&state).iter().collect::<Vec<_>>());
    let exchanges = query(&state, &Filter { kind: Some(Kind::Exchange), ..Filter::default() }).unwrap();
    assert_eq!(exchanges.len(), 4, "two before, two after");
}
