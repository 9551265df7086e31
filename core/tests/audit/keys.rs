//! Keys that are given: in a file, in a variable, or by something of the host that signs; and segments that begin by time.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wardline::audit::{Clear, NoKeeper, Passed, Receipt, Settings, log_keys, prune, prune_as, verify};
use wardline::clock::Timestamp;
use wardline::keys::{Secret, Signer, SigningKey};
use wardline::{Error, ErrorKind};

use super::{faults, record};
use crate::{Journal, Log, SEGMENT};

/// A key management service: it signs, unless it is away.
struct Service {
    key: SigningKey,
    away: AtomicBool,
    lies: AtomicBool,
}

impl Service {
    fn new() -> Arc<Self> {
        let key = SigningKey::fresh("far-away").unwrap();
        Arc::new(Self { key, away: AtomicBool::new(false), lies: AtomicBool::new(false) })
    }
}

impl Signer for Service {
    fn public(&self) -> [u8; 32] {
        self.key.public().bytes()
    }

    fn sign(&self, bytes: &[u8]) -> Result<[u8; 64], Error> {
        if self.away.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Internal, "the service is away"));
        }
        let said: &[u8] = if self.lies.load(Ordering::Relaxed) { b"something else" } else { bytes };
        Ok(self.key.sign(said))
    }
}

fn settings(signer: Arc<dyn Signer>) -> Settings {
    Settings { signer: Some(signer), ..Settings::from(SEGMENT) }
}

fn written(state: &Path, settings: Settings, numbers: std::ops::Range<i64>) -> Result<(), Error> {
    let mut log = Log::open_with(state, Box::new(NoKeeper), settings)?;
    for number in numbers {
        log.append(&[record(number)])?;
    }
    log.checkpoint()
}

#[test]
fn a_log_is_signed_by_what_is_given_and_verifies_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, format!("{}\n", "0123456789abcdefABCDEF".repeat(3).get(..64).unwrap())).unwrap();
    let in_file = || Arc::new(SigningKey::kept(&Secret::File(file.clone())).unwrap()) as Arc<dyn Signer>;
    let service = Service::new() as Arc<dyn Signer>;
    for (name, signer) in [("file", in_file()), ("service", service)] {
        let state = folder.path().join(name);
        written(&state, settings(signer.clone()), 0..5).unwrap();
        written(&state, settings(signer.clone()), 5..9).unwrap();
        let keys: Vec<_> = log_keys(&state).unwrap().into_iter().map(|(_, key)| key).collect();
        assert_eq!(keys[0].bytes(), signer.public());
        assert!(keys[0].name().starts_with("wardline/w0001/"), "a log has a name of its own");
        assert!(!state.join("log/w0001/key").exists(), "no secret lies beside the log");
        assert!(verify(&state, &[]).unwrap().is_sound());
        assert!(Receipt::of(&state, "rec_7").unwrap().verify(&keys).is_ok());
        // Another key, or none, does not go on with it.
        for other in [Settings::default(), settings(Service::new())] {
            assert!(written(&state, other, 9..10).is_err());
        }
    }
    assert_eq!(in_file().public(), in_file().public());
    std::fs::write(&file, "0123 is no key").unwrap();
    let wrong = SigningKey::kept(&Secret::File(file)).unwrap_err();
    assert!(!format!("{wrong} {wrong:?}").contains("0123"), "{wrong}");
}

#[test]
fn while_nobody_signs_records_are_kept_and_signed_later() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::new();
    let mut log = Log::open_with(folder.path(), Box::new(NoKeeper), settings(service.clone())).unwrap();
    log.append(&[record(0)]).unwrap();
    log.checkpoint().unwrap();
    for (away, lies) in [(true, false), (false, true)] {
        service.away.store(away, Ordering::Relaxed);
        service.lies.store(lies, Ordering::Relaxed);
        let before = log.size() as i64;
        // Enough for several segments: the one at hand grows, for none is begun before what is there is signed.
        for group in (before..before + 1_500).collect::<Vec<_>>().chunks(50) {
            log.append(&group.iter().map(|number| record(*number)).collect::<Vec<_>>()).unwrap();
        }
        assert!(log.checkpoint().is_err());
        let report = verify(folder.path(), &[]).unwrap();
        assert!(report.is_sound() && report.logs[0].size == log.size(), "{report:?}");
    }
    service.lies.store(false, Ordering::Relaxed);
    log.append(&[record(log.size() as i64)]).unwrap();
    log.checkpoint().unwrap();
    let size = log.size();
    drop(log);
    let report = verify(folder.path(), &[]).unwrap();
    assert_eq!((faults(&report), report.logs[0].signed), (vec![], size));
    written(folder.path(), settings(service), 9_000..9_003).unwrap();
    assert!(verify(folder.path(), &[]).unwrap().is_sound());
}

#[test]
fn a_segment_ends_with_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let segments = || std::fs::read_dir(folder.path().join("log/w0001/seg")).unwrap().count();
    let signer = Service::new() as Arc<dyn Signer>;
    let hourly = || Settings { rotate: Some(Duration::from_secs(3_600)), ..settings(signer.clone()) };
    let hour = 3_600_000;
    let mut first = record(0);
    let mut clear = Clear::new("text/plain");
    clear.push(b"a body that was kept");
    first.request = Some(Passed { clear: Some(Box::new(clear)), ..Passed::default() }.into());
    let mut log = Log::open_with(folder.path(), Box::new(NoKeeper), hourly()).unwrap();
    log.bodies().unwrap().keep([&mut first]).unwrap();
    log.append(&[first]).unwrap();
    drop(log);
    written(folder.path(), hourly(), 1..10).unwrap();
    assert_eq!(segments(), 1);
    // It is told by the records, over starts too; a clock that jumps back ends none.
    written(folder.path(), hourly(), hour + 5..hour + 10).unwrap();
    assert_eq!(segments(), 2);
    written(folder.path(), hourly(), 10..20).unwrap();
    assert_eq!(segments(), 2);
    written(folder.path(), hourly(), 3 * hour..3 * hour + 2).unwrap();
    assert_eq!(segments(), 3);
    assert!(verify(folder.path(), &[]).unwrap().is_sound());
    // What lies before the first segment's end goes, signed by what signs the log, and kept bodies with it.
    let bodies = || std::fs::read_dir(folder.path().join("log/w0001/blob")).unwrap().count();
    assert_eq!(bodies(), 1);
    let until = Timestamp::from_millis(hour);
    assert!(prune(folder.path(), until).is_err(), "the log's key is not beside it");
    assert_eq!(prune_as(folder.path(), until, Some(&signer)).unwrap()[0].entries, 10);
    assert_eq!(bodies(), 0);
    assert!(verify(folder.path(), &[]).unwrap().is_sound());
}
