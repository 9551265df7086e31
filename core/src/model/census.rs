//! What left: how many vectors, texts and rows, and which ids.

use serde::{Deserialize, Serialize};

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
}

impl Census {
    /// How many ids a census keeps by name.
    pub const IDS: usize = 1_024;

    /// Notes that the row called `id` passed.
    pub fn note_id(&mut self, id: impl FnOnce() -> String) {
        if self.ids.len() < Self::IDS {
            self.ids.push(id());
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
