//! Which values must not pass: the mask entries that fit a request, joined to one plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::HashMap;

use super::scope::Matcher;
use crate::detect::Custom;
use crate::error::Error;
use crate::json::Path;
use crate::mask::{Bounded, Plan, PlanSpec, Transform, Wanted};
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
    /// Whether what left is kept, where an entry asks for that. Never where values are meant to pass in clear.
    pub captures: bool,
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
        spec.fields.sort_by_key(|(_, transform)| std::cmp::Reverse(transform.strictness()));
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
    /// Where its entities count; everywhere where it names nothing.
    pub(super) within: Vec<Path>,
    /// Values that are none of the entities.
    pub(super) except: BTreeSet<String>,
    pub(super) refuse_unmaskable: bool,
    pub(super) strips: bool,
    pub(super) rereads: bool,
    pub(super) captures: bool,
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
        let passes = |entity: &Entity| !masked.entities.iter().any(|(other, _)| other == entity);
        watched.entities.retain(|(entity, _)| passes(entity));
        watched.within.iter_mut().for_each(|list| list.entities.retain(|(entity, _)| passes(entity)));
        watched.within.retain(|list| !list.entities.is_empty());
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
            captures: masking().any(|(entry, _)| entry.captures) && watch.is_empty(),
            watch: (!watch.is_empty()).then(|| Arc::new(watch)),
            refuse_unmaskable: refuses,
            strip,
            names: entries().map(|entry| Arc::clone(&entry.name)).collect(),
        })
    }
}

/// The union of entries: for one entity or path the strictest transform. The strictest paths come first, because of
/// two paths that fit one value the first counts. A value is excepted where every entry that names its entity says so.
/// Entities that count in the same fields stand together; where those of several entries count, the plan merges them.
fn spec<'e>(entries: impl Iterator<Item = (&'e Entry, Embed)>, own: &[Arc<Custom>]) -> PlanSpec {
    let mut by_within: BTreeMap<Vec<&str>, (&[Path], Wanted)> = BTreeMap::new();
    let mut by_path: BTreeMap<&str, (&Path, Transform)> = BTreeMap::new();
    for (entry, choice) in entries {
        let meant = |transform: &Transform| match choice {
            Embed::Deny => Transform::Deny,
            _ => transform.clone(),
        };
        let mut within: Vec<&str> = entry.within.iter().map(Path::as_str).collect();
        within.sort_unstable();
        let (_, named) = by_within.entry(within).or_insert_with(|| (&entry.within, Wanted::default()));
        for (entity, transform) in &entry.entities {
            named.add(*entity, &meant(transform), Some(&entry.except).filter(|except| !except.is_empty()));
        }
        for (path, transform) in &entry.fields {
            let transform = meant(transform);
            let merged = match by_path.remove(path.as_str()) {
                Some((_, before)) => before.strictest(&transform),
                None => transform,
            };
            by_path.insert(path.as_str(), (path, merged));
        }
    }
    let mut fields: Vec<_> = by_path.into_values().map(|(path, t)| (path.clone(), t)).collect();
    fields.sort_by_key(|(_, transform)| std::cmp::Reverse(transform.strictness()));
    let everywhere = by_within.remove(&Vec::new()).map(|(_, named)| named).unwrap_or_default();
    let bounded = by_within.into_values().filter(|(_, named)| !named.entities.is_empty());
    let within = bounded.map(|(paths, Wanted { entities, except })| Bounded {
        paths: paths.to_vec(),
        entities: entities.into_iter().collect(),
        except,
    });
    PlanSpec {
        within: within.collect(),
        entities: everywhere.entities.into_iter().collect(),
        fields,
        own: own.to_vec(),
        except: everywhere.except,
    }
}
