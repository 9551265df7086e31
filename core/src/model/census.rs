//! What left: how many vectors, texts and rows, and which ids.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Counts of one response (or request body), taken as the bytes pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Vectors in any encoding (arrays of numbers, sparse ones, base64 text, rows of a tensor).
    pub vectors: u64,
    /// Rows, points or records; a row may hold no vector, one, or several.
    pub rows: u64,
    /// Inputs of a model: texts, also where they come as token ids.
    #[serde(default, skip_serializing_if = "is_none")]
    pub texts: u64,
    /// The first ids in order of appearance, at most [`Census::IDS`].
    pub ids: Vec<String>,
    /// How many ids passed in all.
    pub ids_total: u64,
    /// The digests of the ids after those, in order of appearance, at most [`Census::MORE`]. They stand in a file beside the log, which
    /// the record names.
    #[serde(skip)]
    pub more: Vec<IdDigest>,
}

/// The first eight bytes of the SHA-256 of an id.
pub type IdDigest = [u8; 8];

impl Census {
    /// How many ids a census keeps by name.
    pub const IDS: usize = 1_024;

    /// How many more it keeps by their digest.
    pub const MORE: usize = 1 << 20;

    /// The digest by which an id is kept.
    pub fn digest(id: &str) -> IdDigest {
        let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = Sha256::digest(id.as_bytes()).into();
        [a, b, c, d, e, f, g, h]
    }

    /// Adds what passed in another part.
    pub fn add(&mut self, part: &Self) {
        self.vectors = self.vectors.saturating_add(part.vectors);
        self.rows = self.rows.saturating_add(part.rows);
        self.texts = self.texts.saturating_add(part.texts);
        let total = self.ids_total.saturating_add(part.ids_total);
        part.ids.iter().for_each(|id| self.note_id(|| id.clone()));
        let room = Self::MORE.saturating_sub(self.more.len());
        self.more.extend(part.more.iter().take(room));
        self.ids_total = total;
    }

    /// Notes that the row called `id` passed.
    pub fn note_id<I: AsRef<str> + Into<String>>(&mut self, id: impl FnOnce() -> I) {
        if self.ids.len() < Self::IDS {
            self.ids.push(id().into());
        } else if self.more.len() < Self::MORE {
            self.more.push(Self::digest(id().as_ref()));
        }
        self.ids_total = self.ids_total.saturating_add(1);
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.vectors == 0 && self.rows == 0 && self.texts == 0 && self.ids_total == 0
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_beyond_those_that_are_named_are_known_by_their_digest() {
        let part = |from: usize, until: usize| {
            let mut census = Census::default();
            (from..until).for_each(|id| census.note_id(|| id.to_string()));
            census
        };
        let mut all = part(0, 1_000);
        all.add(&part(1_000, 3_000));
        let (whole, total) = (part(0, 3_000), 3_000);
        assert_eq!((all.ids.len(), all.more.len(), all.ids_total), (Census::IDS, 3_000 - Census::IDS, total));
        let known = |census: &Census, id: &str| {
            census.ids.iter().any(|one| one == id) || census.more.contains(&Census::digest(id))
        };
        for id in ["0", "1023", "1024", "2999"] {
            assert!(known(&all, id) && known(&whole, id), "{id}");
        }
        assert!(!known(&all, "3000"));
        assert!(!serde_json::to_string(&all).unwrap().contains("more"));
    }
}
