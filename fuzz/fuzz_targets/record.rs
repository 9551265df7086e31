//! The entries of a log: whatever is read is written again as it was, and has a JSON that says the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wardline::audit::Record;

fuzz_target!(|entry: &[u8]| {
    let Ok(record) = Record::read(entry) else { return };
    // Of a newer version only what is known was read.
    if entry.first() == Some(&1) {
        assert_eq!(record.canonical().expect("bytes"), entry);
    }
    let json = serde_json::to_vec(&record).expect("JSON");
    assert_eq!(Record::from_json(&json).expect("a record"), record);
});
