//! What was masked in one body: names, places, lengths and keyed digests, never a value.

use std::collections::BTreeMap;

use crate::model::{Census, Text};

use super::What;

/// What was masked in one body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The first findings in order of the body, at most [`Report::KEPT`].
    pub findings: Vec<Masked>,
    /// How many findings of each name there were in all.
    pub totals: BTreeMap<Text, u64>,
    /// What the counter saw; set by [`Masker::into_report`](super::Masker::into_report).
    pub census: Option<Census>,
}

/// One value that was masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked {
    /// The entity or field.
    pub what: What,
    /// Where it stood, e.g. `results[3].payload.note`; empty in a body that has no paths. Names of members that
    /// were masked are shown masked.
    pub path: String,
    /// Its length in bytes, decoded.
    pub length: usize,
    /// The first bytes of the keyed digest of the value: equal values can be joined by who holds the key.
    pub digest: [u8; 8],
}

impl Report {
    /// How many findings are kept one by one.
    pub const KEPT: usize = 256;

    /// How many findings there were in all.
    pub fn total(&self) -> u64 {
        self.totals.values().sum()
    }

    pub(super) fn note(
        &mut self,
        what: &What,
        length: usize,
        digest: &[u8; 32],
        path: impl FnOnce() -> String,
    ) {
        match self.totals.get_mut(what.name()) {
            Some(total) => *total += 1,
            None => {
                self.totals.insert(what.text(), 1);
            }
        }
        if self.findings.len() < Self::KEPT {
            let mut first = [0; 8];
            first.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
            self.findings.push(Masked { what: what.clone(), path: path(), length, digest: first });
        }
    }

    /// The value noted last went on for so many bytes.
    pub(super) fn lengthen(&mut self, by: usize) {
        if self.total() <= Self::KEPT as u64
            && let Some(last) = self.findings.last_mut()
        {
            last.length += by;
        }
    }
}
