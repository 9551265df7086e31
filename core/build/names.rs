//! Turns the lists of names into one table of bytes that the scanner reads as it is, so that nothing is parsed at start.
//!
//! Names are hashed as `core/src/detect/person/gazetteer.rs` says, which this file shares.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

#[path = "../src/detect/person/hash.rs"]
mod hash;

use hash::{BUCKETS, COMMON, FAMILY, GIVEN, WORD, bucket, entry, hash};

/// The table: where each bucket begins, as little-endian words of four bytes, then the entries, bucket after bucket.
pub(crate) fn table(folder: &Path) -> io::Result<Vec<u8>> {
    let mut names: BTreeMap<u32, u32> = BTreeMap::new();
    for (file, flag) in [("given.txt", GIVEN), ("family.txt", FAMILY)] {
        for line in fs::read_to_string(folder.join(file))?.lines() {
            let (name, common) = line.strip_suffix(" +").map_or((line, 0), |name| (name, COMMON));
            *names.entry(hash(name.to_lowercase().bytes())).or_default() |= flag | common;
        }
    }
    for line in fs::read_to_string(folder.join("words.txt"))?.lines() {
        names.entry(hash(line.bytes())).and_modify(|flags| *flags |= WORD);
    }
    let mut buckets = vec![Vec::new(); BUCKETS];
    for (hash, flags) in names {
        buckets.get_mut(bucket(hash)).into_iter().for_each(|list| list.push(entry(hash, flags)));
    }
    let mut table = Vec::new();
    let mut begin = 0u32;
    for list in &buckets {
        table.extend(begin.to_le_bytes());
        begin += list.len() as u32;
    }
    table.extend(begin.to_le_bytes());
    table.extend(buckets.iter().flatten().flat_map(|entry: &u32| entry.to_le_bytes()));
    Ok(table)
}
