//! The packs are policies that pass every check.

use std::fs;
use std::path::Path;

use wardline::policy::Policy;

#[test]
fn every_pack_is_accepted_as_it_stands() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packs");
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "yaml") {
            Policy::from_file(&path).unwrap_or_else(|e| panic!("{e}"));
            names.push(path.file_stem().unwrap().to_string_lossy().into_owned());
        }
    }
    names.sort();
    assert_eq!(names, ["ingestion", "model-registry", "rag-readonly"]);
}

#[test]
fn every_key_at_once_is_accepted() {
    let policy = Policy::parse(include_str!("full.yaml"), "full.yaml").unwrap_or_else(|e| panic!("{e}"));
    assert!(policy.identity().is_some() && policy.grants().len() == 1);
}
