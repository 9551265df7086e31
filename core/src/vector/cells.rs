//! The cells of a tensor in their long form: `[{"address": {"chunk": "a", "x": "0"}, "value": 0.5}, ...]`.
//!
//! Dimensions that are indexed number the components of a vector, those that are mapped name one: a list of cells holds as many
//! vectors as it has different names. Which dimension is which the tensor's type says, where it stands before the cells
//! (`tensor<float>(chunk{},x[384])`); without it a label that is no number names. A tensor without indexed dimensions is one sparse vector.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

/// How many different names are kept apart; from there on each change of name is a further vector.
const MOST: usize = 1 << 16;

/// How many dimensions a type may have that is looked at.
const DIMENSIONS: usize = 64;

/// The mapped dimensions of a tensor's type, `None` where the text is no such type.
pub(super) fn mapped(text: &[u8]) -> Option<Vec<Box<[u8]>>> {
    let inside = text.strip_prefix(b"tensor")?.strip_suffix(b")")?;
    let dimensions = inside.get(memchr::memchr(b'(', inside)? + 1..)?.split(|byte| *byte == b',');
    let named = dimensions.take(DIMENSIONS).filter_map(|one| one.trim_ascii().strip_suffix(b"{}"));
    Some(named.map(Box::from).collect())
}

/// Follows the cells of one list.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    /// How many containers are open within the list, itself included.
    pub(super) depth: usize,
    mapped: Option<Vec<Box<[u8]>>>,
    /// What names the vector of the cell at hand, and whether its components are numbered.
    name: Option<u64>,
    indexed: bool,
    /// The names so far, and the last of them.
    names: HashSet<u64>,
    last: Option<u64>,
    more: u64,
    /// Keyed anew for each list: who chooses the names cannot choose two that count as one.
    hash: RandomState,
}

impl Cells {
    pub(super) fn at(depth: usize, mapped: Option<Vec<Box<[u8]>>>) -> Self {
        let (names, hash) = (HashSet::new(), RandomState::new());
        Self { depth, mapped, name: None, indexed: false, names, last: None, more: 0, hash }
    }

    /// A member of the address of the cell at hand.
    pub(super) fn label(&mut self, dimension: &[u8], label: &[u8]) {
        let names = match &self.mapped {
            Some(mapped) => mapped.iter().any(|one| **one == *dimension),
            None => label.is_empty() || !label.iter().all(u8::is_ascii_digit),
        };
        if names {
            // Members of an object have no order.
            let own = self.hash.hash_one((dimension, label));
            self.name = Some(self.name.unwrap_or_default().wrapping_add(own));
        } else {
            self.indexed = true;
        }
    }

    /// The cell at hand ends.
    pub(super) fn end(&mut self) {
        let name = self.name.take();
        let Some(name) = name.filter(|_| std::mem::take(&mut self.indexed)) else {
            self.indexed = false;
            return;
        };
        let changed = self.last.replace(name) != Some(name);
        let new = changed
            && if self.names.len() < MOST { self.names.insert(name) } else { !self.names.contains(&name) };
        if new {
            self.more += 1;
        }
    }

    /// How many vectors beside the first were not asked for yet.
    pub(super) fn take_more(&mut self) -> u64 {
        let first = u64::from(!self.names.is_empty());
        let more = self.more.saturating_sub(first);
        self.more -= more;
        more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_says_which_dimensions_name() {
        let names = |text: &str| {
            let found = mapped(text.as_bytes())?;
            Some(found.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect::<Vec<_>>())
        };
        assert_eq!(names("tensor<float>(chunk{}, x[384])").unwrap(), ["chunk"]);
        assert_eq!(names("tensor(a{},b{})").unwrap(), ["a", "b"]);
        assert!(names("tensor<int8>(x[96])").unwrap().is_empty());
        assert_eq!(names("article"), None);
    }

    #[test]
    fn a_name_is_kept_as_a_number_that_nobody_foretells() {
        let told = || {
            let mut cells = Cells::at(1, None);
            cells.label(b"chunk", b"a");
            cells.name
        };
        assert_ne!(told(), told());
    }

    #[test]
    fn beyond_what_is_kept_each_change_is_one_more() {
        let mut cells = Cells::at(1, None);
        let mut told = 0;
        let count = MOST as u64 + 10;
        for at in 0..count {
            for component in ["0", "1"] {
                cells.label(b"x", component.as_bytes());
                cells.label(b"chunk", format!("c{at}").as_bytes());
                cells.end();
                told += cells.take_more();
            }
        }
        assert_eq!(told, count - 1);
        cells.label(b"chunk", b"c7");
        cells.label(b"x", b"2");
        cells.end();
        assert_eq!(cells.take_more(), 0);
    }
}
