//! Which values must not pass: the mask entries that fit a request, joined to one plan.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use super::scope::Matcher;
use crate::error::Error;
use crate::identity::Identity;
use crate::json::Path;
use crate::mask::{Plan, PlanSpec, Transform};
use crate::model::{Act, Entity};

/// Which body of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// What the caller sends.
    Request,
    /// What the service answers.
    Response,
}

/// What is masked in one body.
#[derive(Debug)]
pub struct Masking {
    /// What must not pass; empty where no entry fits.
    pub plan: Arc<Plan>,
    /// Whether a body that cannot be masked is refused rather than passed on as it is.
    pub refuse_unmaskable: bool,
    /// The plan for reading again what left, where an entry asks for that.
    pub reread: Option<Arc<Plan>>,
    /// The names of the entries that fit, sorted.
    pub names: Vec<Arc<str>>,
}

/// One mask entry, compiled.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: Arc<str>,
    pub(super) matcher: Matcher,
    pub(super) request: bool,
    pub(super) response: bool,
    pub(super) entities: Vec<(Entity, Transform)>,
    pub(super) fields: Vec<(Path, Transform)>,
    pub(super) refuse_unmaskable: bool,
    pub(super) rereads: bool,
}

/// All entries, sorted by name, and the plans that were made of them.
#[derive(Debug)]
pub(super) struct Masks {
    entries: Vec<Entry>,
    /// All entries joined, whoever asks for whatever.
    pub(super) whole: Arc<Plan>,
    /// As many as traffic brings forth.
    plans: RwLock<HashMap<Fitting, Arc<Masking>>>,
}

/// The side and the indices of the entries that fit: what a plan is made of.
type Fitting = (Side, Vec<usize>);

impl Masks {
    /// # Errors
    /// Where the entries cannot become a plan.
    pub(super) fn new(mut entries: Vec<Entry>) -> Result<Self, Error> {
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        // All of them together hold every setting there is: what cannot be compiled shows before the first request.
        let whole = Arc::new(Plan::compile(spec(entries.iter()))?);
        Ok(Self { entries, whole, plans: RwLock::default() })
    }

    /// The masking of one body. An entry applies when any act fits it.
    pub(super) fn of(
        &self,
        service: usize,
        identity: &Identity,
        acts: &[Act],
        side: Side,
    ) -> Result<Arc<Masking>, Error> {
        let unknown = [Act::unknown()];
        let acts = if acts.is_empty() { &unknown } else { acts };
        let fits = |entry: &Entry| {
            (match side {
                Side::Request => entry.request,
                Side::Response => entry.response,
            }) && acts.iter().any(|act| entry.matcher.fits(identity, service, act, act.risk))
        };
        let fitting: Vec<usize> = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| fits(entry))
            .map(|(index, _)| index)
            .collect();
        let key = (side, fitting);
        if let Some(known) = self.plans.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(self.join(&key.1)?);
        let mut plans = self.plans.write().unwrap_or_else(PoisonError::into_inner);
        // Callers choose which sets come up; a policy of many entries must not let them fill the memory.
        if plans.len() >= Self::MOST_PLANS {
            plans.clear();
        }
        Ok(Arc::clone(plans.entry(key).or_insert(made)))
    }

    const MOST_PLANS: usize = 1_024;

    fn join(&self, fitting: &[usize]) -> Result<Masking, Error> {
        let fitting = || fitting.iter().filter_map(|index| self.entries.get(*index));
        let plan = Plan::compile(spec(fitting()))?;
        let refuses = fitting().any(|entry| entry.refuse_unmaskable);
        let plan = if refuses { plan } else { plan.passing_unmaskable() };
        let rereads = fitting().any(|entry| entry.rereads);
        Ok(Masking {
            reread: rereads.then(|| plan.to_reread().map(Arc::new)).transpose()?,
            plan: Arc::new(plan),
            refuse_unmaskable: refuses,
            names: fitting().map(|entry| Arc::clone(&entry.name)).collect(),
        })
    }
}

/// The union of entries: for one entity or path the strictest transform. The strictest paths come first, because of
/// two paths that fit one value the first counts.
fn spec<'e>(entries: impl Iterator<Item = &'e Entry>) -> PlanSpec {
    let mut by_entity: BTreeMap<Entity, Transform> = BTreeMap::new();
    let mut by_path: BTreeMap<&str, (&Path, Transform)> = BTreeMap::new();
    for entry in entries {
        for (entity, transform) in &entry.entities {
            let merged = match by_entity.remove(entity) {
                Some(before) => strictest(before, transform),
                None => transform.clone(),
            };
            by_entity.insert(*entity, merged);
        }
        for (path, transform) in &entry.fields {
            let merged = match by_path.remove(path.as_str()) {
                Some((_, before)) => strictest(before, transform),
                None => transform.clone(),
            };
            by_path.insert(path.as_str(), (path, merged));
        }
    }
    let mut fields: Vec<_> = by_path.into_values().map(|(path, t)| (path.clone(), t)).collect();
    fields.sort_by_key(|(_, transform)| std::cmp::Reverse(strictness(transform)));
    PlanSpec { entities: by_entity.into_iter().collect(), fields }
}

/// How much a transform hides. A replacement text says what its author chose, so it shows more than a bare label.
fn strictness(transform: &Transform) -> (u8, usize) {
    match transform {
        Transform::Partial { first, last } => (0, usize::MAX - first - last),
        Transform::Hash => (1, 0),
        Transform::Replace(_) => (2, 0),
        Transform::Redact => (3, 0),
        Transform::Drop => (4, 0),
    }
}

fn strictest(a: Transform, b: &Transform) -> Transform {
    match (&a, b) {
        (Transform::Partial { first: f1, last: l1 }, Transform::Partial { first: f2, last: l2 }) => {
            Transform::Partial { first: *f1.min(f2), last: *l1.min(l2) }
        }
        // Which of two texts does not matter, only that it is always the same one.
        (Transform::Replace(mine), Transform::Replace(others)) => {
            Transform::Replace(mine.min(others).clone())
        }
        _ if strictness(&a) >= strictness(b) => a,
        _ => b.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stricter_transform_wins_from_either_side() {
        let partial = |first, last| Transform::Partial { first, last };
        let text = |t: &str| Transform::Replace(t.into());
        for (a, b, wins) in [
            (Transform::Drop, Transform::Redact, Transform::Drop),
            (Transform::Redact, text("x"), Transform::Redact),
            (text("x"), Transform::Hash, text("x")),
            (Transform::Hash, partial(0, 0), Transform::Hash),
            (partial(1, 4), partial(2, 0), partial(1, 0)),
            (text("b"), text("a"), text("a")),
        ] {
            assert_eq!(strictest(a.clone(), &b), wins);
            assert_eq!(strictest(b, &a), wins);
        }
    }
}
