//! What an outsider is handed, and what shows where it was changed; the tree against an implementation of others.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::Sha256;
use wardline::audit::{
    Change, Journal, Kind, Log, NoKeeper, PublicKey, Receipt, Record, log_keys, merkle, prove,
    prove_continuation,
};
use wardline::keys::SigningKey;
use wardline::model::RecordId;

use crate::{SEGMENT, record, written};

/// A log in which an export was approved, granted and done, among others.
fn approved(folder: &std::path::Path) -> Vec<PublicKey> {
    let step = |kind, step: &str, by: &str| {
        let mut record = Record::new(kind, RecordId::fresh(), record(3).at);
        record.approval = Some("apr_1".into());
        record.change = Some(Change { step: step.to_owned(), by: by.to_owned(), reason: None });
        record
    };
    let mut export = record(5);
    export.id = "rec_export".into();
    export.approval = Some("apr_1".into());
    export.grant = Some("gr_1".into());
    let mut grant = step(Kind::Grant, "issued", "apr_1");
    (grant.approval, grant.grant) = (None, Some("gr_1".into()));
    let mut other = record(6);
    other.grant = Some("gr_1".into());
    let mut log = Log::open_with(folder, Box::new(NoKeeper), SEGMENT).unwrap();
    let steps = [step(Kind::Approval, "approved", "sam"), step(Kind::Approval, "approved", "kim"), grant];
    log.append(&[record(1), record(2)]).unwrap();
    log.append(&steps).unwrap();
    log.append(&[export, other]).unwrap();
    drop(log);
    log_keys(folder).unwrap().into_iter().map(|(_, key)| key).collect()
}

#[test]
fn a_receipt_proves_an_exchange_and_who_let_it_happen() {
    let folder = tempfile::tempdir().unwrap();
    let keys = approved(folder.path());
    let receipt = Receipt::of(folder.path(), "rec_export").unwrap();
    let records = receipt.verify(&keys).unwrap();
    let told: Vec<_> =
        records.iter().map(|r| r.change.as_ref().map_or("", |change| change.by.as_str())).collect();
    assert_eq!(told, ["sam", "kim", "apr_1", ""], "not the other exchange under the grant");
    // Of a grant, everything that was done under it.
    assert_eq!(Receipt::of(folder.path(), "gr_1").unwrap().entries.len(), 5);
    assert!(Receipt::of(folder.path(), "rec_nobody").is_err());
    let stranger = SigningKey::fresh("wardline/w0001/1").unwrap().public();
    assert!(receipt.verify(&[stranger]).unwrap_err().to_string().contains("none of those that are trusted"));
    assert!(receipt.verify(&[]).is_err());
}

#[test]
fn every_changed_byte_of_a_receipt_shows_or_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let keys = approved(folder.path());
    let receipt = Receipt::of(folder.path(), "rec_export").unwrap();
    let (proved, text) = (receipt.verify(&keys).unwrap(), serde_json::to_vec(&receipt).unwrap());
    let mut refused = 0;
    for at in 0..text.len() {
        let mut changed = text.clone();
        changed[at] ^= 1;
        match serde_json::from_slice::<Receipt>(&changed) {
            Ok(receipt) => match receipt.verify(&keys) {
                // What is compared with nothing: which of its exchanges the receipt names.
                Ok(records) => assert_eq!(records, proved, "byte {at}"),
                Err(_) => refused += 1,
            },
            Err(_) => refused += 1,
        }
    }
    assert!(refused * 100 > text.len() * 99, "{refused} of {}", text.len());
}

#[test]
fn an_entry_that_lies_beside_the_log_is_in_the_receipt_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut large = record(1);
    large.grants = (0..8_000).map(|n| format!("gr_{n:0>12}").as_str().into()).collect();
    let mut log = Log::open_with(folder.path(), Box::new(NoKeeper), SEGMENT).unwrap();
    log.append(std::slice::from_ref(&large)).unwrap();
    drop(log);
    let keys: Vec<_> = log_keys(folder.path()).unwrap().into_iter().map(|(_, key)| key).collect();
    let mut receipt = Receipt::of(folder.path(), "rec_1").unwrap();
    assert_eq!(receipt.verify(&keys).unwrap(), [large]);
    let whole = receipt.entries[0].whole.take().unwrap();
    assert!(receipt.verify(&keys).is_err());
    receipt.entries[0].whole = Some(whole.replacen('A', "B", 1));
    assert!(receipt.verify(&keys).is_err());
    receipt.entries[0].whole = Some(whole);
    receipt.verify(&keys).unwrap();
    receipt.entries[0].record.service = "other".into();
    assert!(receipt.verify(&keys).unwrap_err().to_string().contains("another thing"));
}

#[test]
fn roots_and_proofs_are_those_of_another_implementation() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), Box::new(NoKeeper), 300);
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut ours = merkle::Tree::default();
    let mut roots = vec![ours.root()];
    for number in 0..300 {
        let entry = record(number).canonical().unwrap();
        ours.push(merkle::leaf_hash(&entry), &mut |_, _, _| {});
        theirs.push(entry);
        assert_eq!(ours.root().as_slice(), theirs.root().as_bytes().as_slice(), "{number}");
        roots.push(ours.root());
    }
    for index in [0, 1, 127, 128, 254, 255, 256, 299] {
        let proof = prove(folder.path(), "w0001", index).unwrap();
        let place = usize::try_from(index).unwrap();
        assert_eq!(proof.path.concat(), theirs.prove_inclusion(place).as_bytes(), "{index}");
    }
    for old in [1, 2, 128, 255, 256, 257, 299] {
        let proof = prove_continuation(folder.path(), "w0001", old).unwrap();
        let additions = usize::try_from(300 - old).unwrap();
        assert_eq!(proof.path.concat(), theirs.prove_consistency(additions).as_bytes(), "{old}");
        let root = &roots[usize::try_from(old).unwrap()];
        assert!(merkle::verify_consistency(old, root, 300, &ours.root(), &proof.path));
    }
}
