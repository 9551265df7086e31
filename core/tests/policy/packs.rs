//! The packs are policies that pass every check, and do what the cases beside them say.

use std::fs;
use std::path::{Path, PathBuf};

use wardline::guard::try_case;
use wardline::policy::{Policy, Suite};

fn packs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packs");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut packs: Vec<PathBuf> =
        files.filter(|path| !path.to_str().unwrap().ends_with(".test.yaml")).collect();
    packs.sort();
    assert!(packs.len() >= 3);
    packs
}

#[test]
fn every_pack_is_accepted_as_it_stands() {
    for pack in packs() {
        Policy::from_file(&pack).unwrap_or_else(|e| panic!("{e}"));
    }
}

#[test]
fn every_pack_does_what_its_cases_say() {
    for pack in packs() {
        let suite = Suite::from_file(pack.with_extension("test.yaml")).unwrap_or_else(|e| panic!("{e}"));
        assert!(suite.cases.len() >= 5, "{}", pack.display());
        for case in &suite.cases {
            let trial = try_case(Policy::from_file(&suite.policy).unwrap(), case);
            assert!(trial.differences.is_empty(), "{}: {:?}", case.name, trial.differences);
        }
    }
}

#[test]
fn every_key_at_once_is_accepted() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/policy/full.yaml");
    let policy = Policy::from_file(file).unwrap_or_else(|e| panic!("{e}"));
    assert!(policy.identity().is_some() && policy.grants().len() == 1);
}
