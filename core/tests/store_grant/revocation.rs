//! How long a revocation takes to be a refusal in another process. Measured, not checked:
//! `cargo test -p wardline --features postgres --test store_grant -- --ignored --nocapture revocation`

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use wardline::audit::Ending;
use wardline::guard::{Caller, Guard, Step};
use wardline::identity::Identity;
use wardline::model::{Call, Subject};

use crate::export;
use crate::processes::start;

const POLICY: &str = "version: 1\nstate: ./state\nservices: {qdrant: {system: qdrant}}\nrules:\n  \
                      - {name: export, who: ['user:*'], operations: [vector.export], effect: grant}\n";
const ROUNDS: usize = 60;

#[test]
#[ignore = "a measurement, not a check"]
fn from_a_revocation_to_a_refusal_in_another_process() {
    measure("SQLite", "");
    #[cfg(feature = "postgres")]
    measure("PostgreSQL", &crate::server::database());
}

fn measure(name: &str, url: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    let store = if url.is_empty() { String::new() } else { "store: {file: url}\n".to_owned() };
    std::fs::write(folder.path().join("url"), url).unwrap();
    std::fs::write(&path, format!("{POLICY}{store}")).unwrap();
    let guard = Guard::from_file(&path).unwrap();
    guard.check().unwrap();
    let mut other = start(
        "watch",
        folder.path().join("unused.db").to_str().unwrap(),
        &[("POLICY", path.to_str().unwrap())],
    );
    let mut told = BufReader::new(other.stdout.take().unwrap()).lines();
    let mut await_word = |word: &str| while told.next().unwrap().unwrap() != word {};
    await_word("closed");
    let mut took: Vec<Duration> = (0..ROUNDS)
        .map(|round| {
            let grant = guard.issue_grant(crate::terms(r#""until": "1h""#), "cleo").unwrap();
            await_word("open");
            // Not in step with anybody's quarter of a second.
            std::thread::sleep(Duration::from_millis(round as u64 * 37 % 250));
            let started = Instant::now();
            guard.revoke_grant(&grant.id, "dora", "measured").unwrap();
            await_word("closed");
            started.elapsed()
        })
        .collect();
    other.kill().unwrap();
    other.wait().unwrap();
    took.sort();
    println!("{name}: {ROUNDS} revocations, p50 {:?}, max {:?}", took[ROUNDS / 2], took[ROUNDS - 1]);
}

/// The other process: says when its caller is let through, and when not any more.
pub(crate) fn watch(policy: &Path) {
    let guard = Guard::from_file(policy).unwrap();
    let mut was = None;
    loop {
        let call = Call { service: "qdrant".into(), acts: vec![export("docs")] };
        let mut exchange = guard.begin(Subject::Call(call), Caller::Verified(Identity::new("ana")), "test");
        let open = !matches!(exchange.next_blocking(), Step::Answer(_));
        exchange.finish(Ending::Complete);
        if was.replace(open) != Some(open) {
            println!("{}", if open { "open" } else { "closed" });
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
