//! Which values must not pass: the mask entries that fit a request, joined to one plan.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use super::scope::Matcher;
use crate::detect::Custom;
use crate::error::Error;
use crate::json::Path;
use crate::mask::{Plan, PlanSpec, Transform};
use crate::model::{Act, Entity, Operation};
use crate::vector::Paths;

/// Which body of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// What the caller sends.
    Request,
    /// What the service answers.
    Response,
}

/// What happens to values in what is sent to be embedded. Masking changes the vector, and what is not masked can be had back
/// from it: neither is right for everybody, so each mask entry says which, and the record shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Embed {
    /// They are counted and left as they are.
    Pass,
    /// They are masked as anywhere.
    Mask,
    /// The request is refused.
    Deny,
}

impl Embed {
    /// The name that policies use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Mask => "mask",
            Self::Deny => "deny",
        }
    }
}

/// What is masked in one body.
#[derive(Debug)]
pub struct Masking {
    /// What must not pass; empty where no entry fits.
    pub plan: Arc<Plan>,
    /// For what is sent to be embedded: the strictest choice of the entries that fit.
    pub embed: Option<Embed>,
    /// What passes though it is found, because it is embedded; it is counted.
    pub watch: Option<Arc<Plan>>,
    /// Whether a body that cannot be masked is refused rather than passed on as it is.
    pub refuse_unmaskable: bool,
    /// The plan for reading again what left, where an entry asks for that.
    pub reread: Option<Arc<Plan>>,
    /// Leaves out what carries vectors, where an entry asks for that.
    strip: Option<Strip>,
    /// The names of the entries that fit, sorted.
    pub names: Vec<Arc<str>>,
}

/// The same plan with vectors left out: one for each kind of body.
#[derive(Debug)]
struct Strip {
    spec: PlanSpec,
    plans: RwLock<HashMap<usize, Arc<Plan>>>,
}

impl Masking {
    /// Whether vectors are stripped.
    pub fn strips(&self) -> bool {
        self.strip.is_some()
    }

    /// What must not pass of a body that carries vectors at these places.
    ///
    /// # Errors
    /// None in practice: the places are those of the catalogue, which its tests read.
    pub fn plan_for(&self, census: Option<&'static Paths>) -> Result<Arc<Plan>, Error> {
        let (Some(strip), Some(census)) = (&self.strip, census) else { return Ok(Arc::clone(&self.plan)) };
        // They are statics: their address names them.
        let key = std::ptr::from_ref(census).addr();
        if let Some(known) = strip.plans.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Arc::clone(known));
        }
        let mut spec = strip.spec.clone();
        for path in census.declared() {
            spec.fields.push((Path::parse(path)?, Transform::Drop));
        }
        spec.fields.sort_by_key(|(_, transform)| std::cmp::Reverse(strictness(transform)));
        let plan = Arc::new(Plan::compile(spec)?);
        strip.plans.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&plan));
        Ok(plan)
    }
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
    /// Values that are none of the entities.
    pub(super) except: BTreeSet<String>,
    pub(super) refuse_unmaskable: bool,
    pub(super) strips: bool,
    pub(super) rereads: bool,
    pub(super) embed: Embed,
}

/// All entries, sorted by name, and the plans that were made of them.
#[derive(Debug)]
pub(super) struct Masks {
    entries: Vec<Entry>,
    /// What the policy declares of the entities.
    pub(super) own: Vec<Arc<Custom>>,
    /// All entries joined, whoever asks for whatever.
    pub(super) whole: Arc<Plan>,
    /// As many as traffic brings forth.
    plans: RwLock<HashMap<Fitting, Arc<Masking>>>,
}

/// The side, what of it is embedded, and the indices of the entries that fit: what a plan is made of.
type Fitting = (Side, Embedded, Vec<usize>);

/// How much of a request is to be embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Embedded {
    Nothing,
    /// Some of its acts: who embeds must not pass what another act would show.
    Some,
    All,
}

impl Embedded {
    fn of(acts: &[Act], side: Side) -> Self {
        let embeds = |act: &Act| act.operation == Operation::InferenceEmbed;
        match side {
            Side::Request if acts.iter().all(embeds) => Self::All,
            Side::Request if acts.iter().any(embeds) => Self::Some,
            _ => Self::Nothing,
        }
    }

    /// What an entry does to such a body.
    fn choice(self, entry: &Entry) -> Embed {
        match (self, entry.embed) {
            (Self::Some | Self::All, Embed::Deny) => Embed::Deny,
            (Self::All, Embed::Pass) => Embed::Pass,
            _ => Embed::Mask,
        }
    }
}

impl Masks {
    /// # Errors
    /// Where the entries cannot become a plan.
    pub(super) fn new(mut entries: Vec<Entry>, own: Vec<Arc<Custom>>) -> Result<Self, Error> {
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        // All of them together hold every setting there is: what cannot be compiled shows before the first request.
        let whole = Plan::compile(spec(entries.iter().map(|entry| (entry, Embed::Mask)), &own))?;
        Ok(Self { entries, own, whole: Arc::new(whole), plans: RwLock::default() })
    }

    /// The masking of one body. An entry applies when any act fits it.
    pub(super) fn of(
        &self,
        acts: &[Act],
        side: Side,
        speaks_of: impl Fn(&Matcher, &Act) -> bool,
    ) -> Result<Arc<Masking>, Error> {
        let fits = |entry: &Entry| {
            (match side {
                Side::Request => entry.request,
                Side::Response => entry.response,
            }) && acts.iter().any(|act| speaks_of(&entry.matcher, act))
        };
        let fitting: Vec<usize> = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| fits(entry))
            .map(|(index, _)| index)
            .collect();
        let key = (side, Embedded::of(acts, side), fitting);
        if let Some(known) = self.plans.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(self.join(key.1, &key.2)?);
        let mut plans = self.plans.write().unwrap_or_else(PoisonError::into_inner);
        // Callers choose which sets come up; a policy of many entries must not let them fill the memory.
        if plans.len() >= Self::MOST_PLANS {
            plans.clear();
        }
        Ok(Arc::clone(plans.entry(key).or_insert(made)))
    }

    /// Whether vectors are stripped of the response to a request that does `acts`.
    pub(super) fn strip(&self, acts: &[Act], speaks_of: impl Fn(&Matcher, &Act) -> bool) -> bool {
        let mut stripping = self.entries.iter().filter(|entry| entry.strips && entry.response);
        stripping.any(|entry| acts.iter().any(|act| speaks_of(&entry.matcher, act)))
    }

    const MOST_PLANS: usize = 1_024;

    fn join(&self, embedded: Embedded, fitting: &[usize]) -> Result<Masking, Error> {
        let entries = || fitting.iter().filter_map(|index| self.entries.get(*index));
        let chosen = || entries().map(|entry| (entry, embedded.choice(entry)));
        let masking = || chosen().filter(|(_, choice)| *choice != Embed::Pass);
        let masked = spec(masking(), &self.own);
        let strips = entries().any(|entry| entry.strips);
        let strip = strips.then(|| Strip { spec: masked.clone(), plans: RwLock::default() });
        let mut watched = spec(chosen().filter(|(_, choice)| *choice == Embed::Pass), &self.own);
        // What another entry masks does not pass.
        watched.entities.retain(|(entity, _)| !masked.entities.iter().any(|(other, _)| other == entity));
        watched.fields.retain(|(path, _)| !masked.fields.iter().any(|(other, _)| other == path));
        let watch = Plan::compile(watched)?;
        let plan = Plan::compile(masked)?;
        let refuses = masking().any(|(entry, _)| entry.refuse_unmaskable);
        let plan = if refuses { plan } else { plan.passing_unmaskable() };
        let rereads = masking().any(|(entry, _)| entry.rereads);
        Ok(Masking {
            reread: rereads.then(|| plan.to_reread().map(Arc::new)).transpose()?,
            plan: Arc::new(plan),
            embed: chosen().map(|(_, choice)| choice).max().filter(|_| embedded != Embedded::Nothing),
            watch: (!watch.is_empty()).then(|| Arc::new(watch)),
            refuse_unmaskable: refuses,
            strip,
            names: entries().map(|entry| Arc::clone(&entry.name)).collect(),
        })
    }
}

/// The union of entries: for one entity or path the strictest transform. The strictest paths come first, because of
/// two paths that fit one value the first counts. A value is excepted where every entry that names its entity says so.
fn spec<'e>(entries: impl Iterator<Item = (&'e Entry, Embed)>, own: &[Arc<Custom>]) -> PlanSpec {
    let mut by_entity: BTreeMap<Entity, Transform> = BTreeMap::new();
    let mut except: BTreeMap<Entity, BTreeSet<String>> = BTreeMap::new();
    let mut by_path: BTreeMap<&str, (&Path, Transform)> = BTreeMap::new();
    for (entry, choice) in entries {
        let meant = |transform: &Transform| match choice {
            Embed::Deny => Transform::Deny,
            _ => transform.clone(),
        };
        for (entity, transform) in &entry.entities {
            let transform = meant(transform);
            let spared = except.entry(*entity).or_insert_with(|| entry.except.clone());
            spared.retain(|value| entry.except.contains(value));
            let merged = match by_entity.remove(entity) {
                Some(before) => strictest(before, &transform),
                None => transform,
            };
            by_entity.insert(*entity, merged);
        }
        for (path, transform) in &entry.fields {
            let transform = meant(transform);
            let merged = match by_path.remove(path.as_str()) {
                Some((_, before)) => strictest(before, &transform),
                None => transform,
            };
            by_path.insert(path.as_str(), (path, merged));
        }
    }
    let mut fields: Vec<_> = by_path.into_values().map(|(path, t)| (path.clone(), t)).collect();
    fields.sort_by_key(|(_, transform)| std::cmp::Reverse(strictness(transform)));
    except.retain(|_, values| !values.is_empty());
    PlanSpec { entities: by_entity.into_iter().collect(), fields, own: own.to_vec(), except }
}

/// How much a transform hides, in the order of the table in `mask::transform`. A replacement text says what its author chose, so it
/// shows more than a bare label; what nobody can have back hides more than what somebody can.
fn strictness(transform: &Transform) -> u8 {
    match transform {
        Transform::Observe => 0,
        Transform::DateShift { .. } => 1,
        Transform::Generalise(_) => 2,
        Transform::Partial { .. } => 3,
        Transform::Fpe(_) => 4,
        Transform::Token(_) => 5,
        Transform::Pseudonym(_) => 6,
        Transform::Hash => 7,
        Transform::KeepLength => 8,
        Transform::Replace(_) => 9,
        Transform::Drop => 11,
        Transform::Deny => 12,
        // A new one that this table forgets is taken for the label.
        _ => 10,
    }
}

/// Of two of one kind: less kept, moved further, a scope that reaches less far.
fn strictest(a: Transform, b: &Transform) -> Transform {
    match (&a, b) {
        (Transform::Partial { first: f1, last: l1 }, Transform::Partial { first: f2, last: l2 }) => {
            Transform::Partial { first: *f1.min(f2), last: *l1.min(l2) }
        }
        // Which of two texts does not matter, only that it is always the same one.
        (Transform::Replace(mine), Transform::Replace(others)) => {
            Transform::Replace(mine.min(others).clone())
        }
        (Transform::DateShift { days: d1, scope: s1 }, Transform::DateShift { days: d2, scope: s2 }) => {
            Transform::DateShift { days: *d1.max(d2), scope: *s1.max(s2) }
        }
        (Transform::Pseudonym(mine), Transform::Pseudonym(others)) => Transform::Pseudonym(*mine.max(others)),
        (Transform::Fpe(mine), Transform::Fpe(others)) => Transform::Fpe(*mine.max(others)),
        (Transform::Token(mine), Transform::Token(others)) => Transform::Token(*mine.max(others)),
        // Two ways to tell less, of which neither tells less than the other: nothing is told.
        (Transform::Generalise(mine), Transform::Generalise(others)) if mine != others => Transform::Redact,
        _ if strictness(&a) >= strictness(b) => a,
        _ => b.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::{Generalised, Scope};

    #[test]
    fn the_stricter_transform_wins_from_either_side() {
        let partial = |first, last| Transform::Partial { first, last };
        let text = |t: &str| Transform::Replace(t.into());
        let shift = |days, scope| Transform::DateShift { days, scope };
        for (a, b, wins) in [
            (Transform::Drop, Transform::Redact, Transform::Drop),
            (shift(30, Scope::Policy), Transform::Observe, shift(30, Scope::Policy)),
            (Transform::Redact, text("x"), Transform::Redact),
            (text("x"), Transform::Hash, text("x")),
            (Transform::Hash, partial(0, 0), Transform::Hash),
            (partial(1, 4), partial(2, 0), partial(1, 0)),
            (text("b"), text("a"), text("a")),
            (Transform::Deny, Transform::Drop, Transform::Deny),
            (Transform::KeepLength, Transform::Hash, Transform::KeepLength),
            (Transform::Hash, Transform::Pseudonym(Scope::Session), Transform::Hash),
            (
                Transform::Pseudonym(Scope::Policy),
                Transform::Token(Scope::Tenant),
                Transform::Pseudonym(Scope::Policy),
            ),
            (Transform::Token(Scope::Policy), Transform::Fpe(Scope::Tenant), Transform::Token(Scope::Policy)),
            (Transform::Fpe(Scope::Policy), partial(0, 0), Transform::Fpe(Scope::Policy)),
            (partial(1, 1), Transform::Generalise(None), partial(1, 1)),
            (Transform::Generalise(None), shift(30, Scope::Policy), Transform::Generalise(None)),
            (shift(30, Scope::Session), shift(60, Scope::Policy), shift(60, Scope::Session)),
            (
                Transform::Pseudonym(Scope::Policy),
                Transform::Pseudonym(Scope::Tenant),
                Transform::Pseudonym(Scope::Tenant),
            ),
            (
                Transform::Token(Scope::Policy),
                Transform::Token(Scope::Tenant),
                Transform::Token(Scope::Tenant),
            ),
            (Transform::Generalise(None), Transform::Generalise(Some(Generalised::Age)), Transform::Redact),
        ] {
            assert_eq!(strictest(a.clone(), &b), wins);
            assert_eq!(strictest(b, &a), wins);
        }
    }
}
