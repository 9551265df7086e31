//! Entities that count in some fields of a body only, and where one stands as to them.
//!
//! Several such lists may hold in one place, and each place has its own set of entities with the strictest transform of all
//! lists that hold there. The sets are made when a body first needs them.
//!
//! A text without fields (plain text, a comment between events) is read by all of them, for nobody can say that it is none
//! of the fields. So is all of a stream of texts in pieces by a list that names none of its texts: the paths are those of
//! the answer that comes whole.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::detect::Custom;
use crate::error::{Error, ErrorKind};
use crate::json::{Matcher, Path, PathSet};
use crate::model::Entity;

use super::Transform;
use super::marker::Marker;
use super::sought::{Except, Sought, Wanted};
use super::stream;

/// The most lists in one plan: a bit each.
const MOST: usize = 64;

/// The most sets that are kept: a body chooses which come up.
const MOST_KNOWN: usize = 256;

/// Entities that count at these paths and beneath.
#[derive(Debug, Clone, Default)]
pub struct Bounded {
    /// Where.
    pub paths: Vec<Path>,
    /// Values to find by what they look like.
    pub entities: Vec<(Entity, Transform)>,
    /// For an entity, values that are none.
    pub except: Except,
}

/// All lists of a plan. Which of them hold is a set of bits.
#[derive(Debug)]
pub(super) struct Within {
    pub(super) paths: PathSet,
    /// Of each path, the list that it belongs to.
    owners: Vec<u64>,
    pub(super) lists: Vec<Bounded>,
    /// For each text of a stream, the lists that may reach into it.
    pieces: Vec<u64>,
    /// For each shape of stream, the lists that reach into none of its texts.
    elsewhere: Vec<u64>,
    known: RwLock<HashMap<u64, Arc<Sought>>>,
}

impl Within {
    /// # Errors
    /// Too many lists.
    pub(super) fn new(lists: Vec<Bounded>) -> Result<Option<Self>, Error> {
        if lists.is_empty() {
            return Ok(None);
        }
        if lists.len() > MOST {
            let wrong = format!("a plan binds entities to at most {MOST} different lists of fields");
            return Err(Error::new(ErrorKind::Input, wrong));
        }
        let (mut paths, mut owners) = (Vec::new(), Vec::new());
        for (index, list) in lists.iter().enumerate() {
            paths.extend(list.paths.iter().cloned());
            owners.resize(paths.len(), 1_u64 << index);
        }
        let reach = |text: &Path| {
            let reaching = paths.iter().zip(&owners).filter(|(path, _)| path.reaches(text));
            reaching.fold(0, |set, (_, owner)| set | owner)
        };
        let all = owners.iter().fold(0, |set, owner| set | owner);
        let (mut pieces, mut elsewhere) = (Vec::new(), Vec::new());
        for (place, shape, text) in stream::pieces() {
            let reaching = reach(text);
            pieces.resize(pieces.len().max(place + 1), 0);
            elsewhere.resize(elsewhere.len().max(shape + 1), all);
            pieces.get_mut(place).into_iter().for_each(|piece| *piece = reaching);
            elsewhere.get_mut(shape).into_iter().for_each(|lists| *lists &= !reaching);
        }
        let paths = PathSet::new(paths);
        Ok(Some(Self { paths, owners, lists, pieces, elsewhere, known: RwLock::default() }))
    }

    /// Every list.
    pub(super) fn all(&self) -> u64 {
        u64::MAX >> (64 - self.lists.len().clamp(1, 64))
    }

    /// The lists for a text of a stream.
    pub(super) fn piece(&self, path: usize) -> u64 {
        self.pieces.get(path).copied().unwrap_or_else(|| self.all())
    }

    /// The lists for all of a stream of this shape.
    pub(super) fn elsewhere(&self, shape: usize) -> u64 {
        self.elsewhere.get(shape).copied().unwrap_or_else(|| self.all())
    }

    /// The lists that begin to hold where a matcher stands.
    fn here(&self, matcher: &Matcher) -> u64 {
        let owners = matcher.matches(&self.paths).filter_map(|path| self.owners.get(path));
        owners.fold(0, |set, owner| set | owner)
    }

    /// What is looked for where these lists hold, beside what is looked for everywhere.
    pub(super) fn sought(&self, set: u64, everywhere: &Sought, own: &[Arc<Custom>]) -> Arc<Sought> {
        if let Some(known) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&set) {
            return Arc::clone(known);
        }
        let mut merged = Wanted::default();
        for rule in &everywhere.entities {
            if let Some(entity) = rule.entity() {
                merged.add(entity, &rule.transform, everywhere.except.get(&entity));
            }
        }
        let holds =
            |index: usize| set & (1_u64.checked_shl(u32::try_from(index).unwrap_or(64)).unwrap_or(0)) != 0;
        for (_, list) in self.lists.iter().enumerate().filter(|(index, _)| holds(*index)) {
            for (entity, transform) in &list.entities {
                merged.add(*entity, transform, list.except.get(entity));
            }
        }
        let entities: Vec<_> = merged.entities.into_iter().collect();
        let made = Arc::new(Sought::new(&entities, merged.except, own));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        Arc::clone(known.entry(set).or_insert(made))
    }
}

/// Where one stands in a document, as far as the lists care.
#[derive(Debug)]
pub(super) struct Standing {
    matcher: Matcher,
    /// What holds around the document.
    around: u64,
    /// What holds in each open container, outermost first.
    levels: Vec<u64>,
    here: u64,
}

impl Standing {
    /// Before a document; `None` where nothing is bound to fields.
    pub(super) fn document(marker: &Marker) -> Option<Self> {
        let within = marker.plan.within.as_ref()?;
        let matcher = Matcher::new(&within.paths);
        let around = marker.around;
        let here = around | within.here(&matcher);
        Some(Self { matcher, around, levels: Vec::new(), here })
    }

    /// For a document in a string here.
    pub(super) fn inside(&self) -> Self {
        Self { matcher: self.matcher.inside(), around: self.here, levels: Vec::new(), here: self.here }
    }

    pub(super) fn root(&mut self, within: &Within) {
        self.matcher.root(&within.paths);
        self.levels.clear();
        self.here = self.around | within.here(&self.matcher);
    }

    pub(super) fn key(&mut self, within: &Within, name: &[u8]) {
        self.matcher.key(&within.paths, name);
        self.here = self.outside() | within.here(&self.matcher);
    }

    pub(super) fn element(&mut self, within: &Within, index: u64) {
        self.matcher.element(&within.paths, index);
        self.here = self.outside() | within.here(&self.matcher);
    }

    pub(super) fn open(&mut self) {
        self.matcher.open();
        self.levels.push(self.here);
    }

    pub(super) fn close(&mut self) {
        self.matcher.close();
        self.here = self.levels.pop().unwrap_or(self.around);
    }

    /// The lists that hold for the value here.
    pub(super) fn here(&self) -> u64 {
        self.here
    }

    /// Those that hold for the container around it, and so for names in it.
    pub(super) fn outside(&self) -> u64 {
        self.levels.last().copied().unwrap_or(self.around)
    }

    pub(super) fn wants_elements(&self, within: &Within) -> bool {
        self.matcher.wants_elements(&within.paths)
    }

    /// The lists that hold for a member of this name, at the root of a body of names and values or in a row of it.
    pub(super) fn member(marker: &Marker, row: Option<u64>, name: &[u8]) -> u64 {
        let (Some(within), Some(mut standing)) = (&marker.plan.within, Self::document(marker)) else {
            return 0;
        };
        standing.open();
        if let Some(row) = row {
            standing.element(within, row);
            standing.open();
        }
        standing.key(within, name);
        standing.here
    }
}

#[cfg(test)]
mod tests;
