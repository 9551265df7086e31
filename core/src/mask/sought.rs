//! What is looked for in one place of a body, and what becomes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::detect::{Custom, Detectors};
use crate::model::{Entity, Finding};

use super::Transform;
use super::plan::{Rule, What};

/// For an entity, values that are none.
pub(super) type Except = BTreeMap<Entity, BTreeSet<String>>;

/// Entities as several name them: of two transforms the stricter counts, and of values that are none those that all leave out.
#[derive(Debug, Default)]
pub struct Wanted {
    /// What becomes of each.
    pub entities: BTreeMap<Entity, Transform>,
    /// For each, values that are none.
    pub except: Except,
}

impl Wanted {
    /// One more names an entity.
    pub fn add(&mut self, entity: Entity, transform: &Transform, except: Option<&BTreeSet<String>>) {
        let merged = match self.entities.remove(&entity) {
            None => {
                self.except.extend(except.map(|values| (entity, values.clone())));
                transform.clone()
            }
            Some(before) => {
                if let Some(spared) = self.except.get_mut(&entity) {
                    spared.retain(|value| except.is_some_and(|except| except.contains(value)));
                }
                before.strictest(transform)
            }
        };
        self.entities.insert(entity, merged);
    }
}

/// The entities of one place.
#[derive(Debug)]
pub(super) struct Sought {
    pub(super) detectors: Detectors,
    pub(super) except: Except,
    /// Sorted by name.
    pub(super) entities: Vec<Rule>,
    /// Where their names stand in memory, sorted, and their places in that list: names of entities are statics, so most findings are known by that.
    addresses: Vec<(usize, usize)>,
    /// Whether some of them are only noted.
    pub(super) observes: bool,
}

impl Sought {
    /// Where an entity is named twice, the first counts.
    pub(super) fn new(wanted: &[(Entity, Transform)], except: Except, own: &[Arc<Custom>]) -> Self {
        let mut entities: Vec<Rule> = wanted
            .iter()
            .map(|(entity, transform)| Rule {
                what: What::Entity(*entity),
                transform: transform.clone(),
                label: format!("[{}]", entity.name.to_ascii_uppercase()).into(),
                stem: entity.name,
            })
            .collect();
        // Stable, so that of two rules for one entity the first stays.
        entities.sort_by(|a, b| a.what.name().cmp(b.what.name()));
        entities.dedup_by(|later, first| later.what == first.what);
        let names: Vec<Entity> = entities.iter().filter_map(Rule::entity).collect();
        let observes = entities.iter().any(Rule::observes);
        let mut addresses: Vec<(usize, usize)> =
            names.iter().enumerate().map(|(place, entity)| (entity.name.as_ptr().addr(), place)).collect();
        addresses.sort_unstable();
        Self { detectors: Detectors::with(&names, own), except, entities, addresses, observes }
    }

    /// Leaves out what is excepted.
    pub(super) fn spare(&self, text: &[u8], found: &mut Vec<Finding>) {
        if self.except.values().any(|values| !values.is_empty()) {
            found.retain(|finding| !self.excepts(finding, text));
        }
    }

    pub(super) fn excepts(&self, finding: &Finding, text: &[u8]) -> bool {
        let value = text.get(finding.span.clone()).and_then(|value| std::str::from_utf8(value).ok());
        let except = self.except.get(&finding.entity);
        except.zip(value).is_some_and(|(except, value)| except.contains(value))
    }

    pub(super) fn entity(&self, entity: Entity) -> Option<&Rule> {
        let address = entity.name.as_ptr().addr();
        let known = self.addresses.binary_search_by_key(&address, |(address, _)| *address);
        let known = known.ok().and_then(|at| self.addresses.get(at)).map(|(_, place)| *place);
        // The same name may stand elsewhere; and a shorter one could begin where another does.
        let named = |place: &usize| {
            self.entities.get(*place).is_some_and(|rule| rule.what.name().len() == entity.name.len())
        };
        let by_name = || self.entities.binary_search_by(|rule| rule.what.name().cmp(entity.name)).ok();
        self.entities.get(known.filter(named).or_else(by_name)?)
    }
}
