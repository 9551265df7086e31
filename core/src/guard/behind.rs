//! What is read of a body once it has left: its digest, and the second reading that proves the masking. Nobody waits for either, so a body that
//! fits into [`LATER`] bytes is kept until its exchange is over and read by the worker; of a longer one no more than that is ever behind. One that
//! passes as it came and is longer has no digest unless somebody asks for it: at 2 GB/s that is most of what it would cost to let it pass.

use std::panic::{AssertUnwindSafe, catch_unwind};

use sha2::{Digest, Sha256};

use super::body::found;
use crate::audit::{self, Passed};
use crate::keys::hex;
use crate::mask::Reread;

/// So many bytes wait at most to be read.
const LATER: usize = 16 * 1024;

/// Bytes that left and are still to be read, and those who read them.
#[derive(Debug, Default)]
pub(super) struct Behind {
    kept: Vec<u8>,
    /// Of what was read.
    sha256: Option<Box<Sha256>>,
    /// Reads once more what went on.
    reread: Option<Box<Reread>>,
    /// Whether a byte left.
    any: bool,
    /// Whether a digest is made of however many bytes leave.
    whole: bool,
    /// Whether more left than is read of them.
    missed: bool,
}

impl Behind {
    /// The same for a body of which what went on is read once more.
    pub(super) fn rereading(&mut self, reread: Option<Reread>) {
        self.reread = reread.map(Box::new);
    }

    /// The same, whose digest is made however long it is.
    pub(super) fn digesting(&mut self, whole: bool) {
        self.whole |= whole;
    }

    /// Takes bytes that leave.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.any |= !bytes.is_empty();
        if self.missed {
            return;
        }
        if self.kept.len().saturating_add(bytes.len()) <= LATER {
            self.kept.extend_from_slice(bytes);
            return;
        }
        self.missed = !self.whole && self.reread.is_none();
        if self.missed {
            self.kept = Vec::new();
            return;
        }
        self.read_kept();
        self.read(bytes);
    }

    fn read_kept(&mut self) {
        let kept = std::mem::take(&mut self.kept);
        self.read(&kept);
        // Whoever lets go of this frees it too.
        self.kept = kept;
        self.kept.clear();
    }

    fn read(&mut self, bytes: &[u8]) {
        self.sha256.get_or_insert_default().update(bytes);
        if let Some(reread) = &mut self.reread {
            reread.push(bytes);
        }
    }

    /// Whether there is anything to tell of it.
    pub(super) fn tells(&self) -> bool {
        (self.any && !self.missed) || self.reread.is_some()
    }

    /// Reads the rest and says in the record what came of it. A panic in the second reading proves nothing, and ends nothing.
    pub(super) fn tell(&mut self, passed: &mut Passed) {
        let rereads = self.reread.is_some();
        let told = catch_unwind(AssertUnwindSafe(|| {
            self.read_kept();
            let report = self.reread.take().and_then(|reread| reread.finish());
            let sha256 = self.sha256.take().unwrap_or_default().finalize();
            ((self.any && !self.missed).then(|| hex(&sha256)), report)
        }));
        let (sha256, report) = told.unwrap_or_default();
        passed.sha256 = sha256;
        passed.reread = rereads.then(|| match report {
            Some(report) => {
                audit::Reread { surviving: Some(report.total()), findings: found(report.findings) }
            }
            None => audit::Reread::default(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(pieces: &[&[u8]], whole: bool) -> Option<String> {
        let (mut behind, mut passed) = (Behind::default(), Passed::default());
        behind.digesting(whole);
        pieces.iter().for_each(|piece| behind.push(piece));
        behind.tell(&mut passed);
        assert_eq!(passed.reread, None);
        passed.sha256
    }

    #[test]
    fn a_digest_is_the_same_however_the_bytes_left() {
        let long: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let whole = hex(&Sha256::digest(&long));
        for size in [1, 1_000, LATER - 1, LATER, LATER + 1, long.len()] {
            let pieces: Vec<&[u8]> = long.chunks(size).collect();
            assert_eq!(digest(&pieces, true).as_deref(), Some(&*whole), "{size}");
        }
        assert_eq!(digest(&[], true), None);
        assert_eq!(digest(&[b""], true), None);
    }

    #[test]
    fn a_long_body_that_passes_has_a_digest_where_it_is_asked_for() {
        let (short, long) = (vec![7; LATER], vec![7; LATER + 1]);
        assert_eq!(digest(&[&short], false), Some(hex(&Sha256::digest(&short))));
        assert_eq!(digest(&[&long], false), None);
        assert_eq!(digest(&[&short, b"7", b"7"], false), None);
        assert_eq!(digest(&[&long], true), Some(hex(&Sha256::digest(&long))));
    }

    #[test]
    fn no_more_is_ever_behind_than_said() {
        let mut behind = Behind::default();
        behind.digesting(true);
        for size in [1, 900, LATER, 3, LATER * 4, 70] {
            behind.push(&vec![7; size]);
            assert!(behind.kept.len() <= LATER);
        }
    }
}
