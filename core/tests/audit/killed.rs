//! A writer that is killed loses nothing that was acknowledged, and the log goes on.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use wardline::audit::{Filter, Journal, Log, NoKeeper, query, verify};

use crate::{SEGMENT, record};

const FOLDER: &str = "WARDLINE_TEST_KILLED_WRITER";

/// Not a test of its own: the writer that the test below starts and kills.
#[test]
fn writer() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let mut log = Log::open_with(&folder, Box::new(NoKeeper), SEGMENT).unwrap();
    for number in i64::try_from(log.size()).unwrap().. {
        log.append(&[record(number)]).unwrap();
        if number % 7 == 0 {
            log.checkpoint().unwrap();
        }
        println!("ack {number}");
    }
}

/// How often the writer is killed; `WARDLINE_TEST_KILLS` says more.
fn kills() -> usize {
    std::env::var("WARDLINE_TEST_KILLS").map_or(20, |count| count.parse().unwrap())
}

#[test]
fn nothing_acknowledged_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=kills() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::writer", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut acknowledged = None;
        let mut left = round * 17 % 41;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            if let Some(number) =
                line.unwrap().trim().strip_prefix("ack ").and_then(|n| n.parse::<usize>().ok())
            {
                acknowledged = Some(number);
                // At another place of its work each time.
                if left == 0 {
                    break;
                }
                left -= 1;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let acknowledged = acknowledged.expect("the writer wrote");
        let report = verify(folder.path(), &[]).unwrap();
        assert!(report.is_sound(), "{report:?}");
        let found = query(folder.path(), &Filter::default()).unwrap();
        assert!(found.len() > acknowledged, "{} of {acknowledged}", found.len());
        for (number, entry) in found.into_iter().enumerate() {
            assert_eq!(entry.unwrap().record, record(i64::try_from(number).unwrap()));
        }
    }
}
