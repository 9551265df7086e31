//! What must not pass, compiled once for many bodies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::detect::{Context, Custom, Detectors};
use crate::error::Error;
use crate::json::{Path, PathSet};
use crate::model::{Entity, Finding, Text};

use super::Transform;

/// What a plan is made of.
#[derive(Debug, Clone, Default)]
pub struct PlanSpec {
    /// Values to find by what they look like. Where an entity is named twice, the first counts.
    pub entities: Vec<(Entity, Transform)>,
    /// Values to find by where they stand. Where two paths fit one value, the first counts; a field rule comes
    /// before any entity within its value.
    pub fields: Vec<(Path, Transform)>,
    /// What a policy declares of the entities.
    pub own: Vec<Arc<Custom>>,
    /// For an entity, values that are none.
    pub except: BTreeMap<Entity, BTreeSet<String>>,
}

/// A compiled [`PlanSpec`]: immutable, shared by every body it applies to.
#[derive(Debug)]
pub struct Plan {
    pub(super) detectors: Detectors,
    own: Vec<Arc<Custom>>,
    except: BTreeMap<Entity, BTreeSet<String>>,
    /// Sorted by name.
    entities: Vec<Rule>,
    pub(super) paths: PathSet,
    fields: Vec<Rule>,
    /// Whether some field may go with its comma.
    pub(super) drops: bool,
    /// Whether it is what left that is read, and nothing is to be changed.
    pub(super) rereads: bool,
    /// Whether a part of a body that no format reads passes as it is.
    pub(super) passes_unmaskable: bool,
}

/// One thing that must not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) what: What,
    pub(super) transform: Transform,
    /// `[EMAIL]`
    pub(super) label: Box<str>,
    /// `email`, before the digits of a keyed token.
    pub(super) stem: &'static str,
}

/// What a finding is about: an entity, or a field of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum What {
    /// A value that looks like this.
    Entity(Entity),
    /// A value that stands at this path.
    Field(Path),
}

impl What {
    /// The entity's name, or the path as the plan has it.
    pub fn name(&self) -> &str {
        match self {
            Self::Entity(entity) => entity.name,
            Self::Field(path) => path.as_str(),
        }
    }

    /// The same, to be kept.
    pub fn text(&self) -> Text {
        match self {
            Self::Entity(entity) => Text::from(entity.name),
            Self::Field(path) => Text::from(path.as_str().to_owned()),
        }
    }
}

impl Plan {
    /// Compiles a plan.
    ///
    /// # Errors
    /// A transform whose settings are out of range.
    pub fn compile(spec: PlanSpec) -> Result<Self, Error> {
        let mut entities = Vec::new();
        for (entity, transform) in spec.entities {
            transform.check()?;
            let label = format!("[{}]", entity.name.to_ascii_uppercase()).into();
            entities.push(Rule { what: What::Entity(entity), transform, label, stem: entity.name });
        }
        // Stable, so that of two rules for one entity the first stays.
        entities.sort_by(|a, b| a.what.name().cmp(b.what.name()));
        entities.dedup_by(|later, first| later.what == first.what);
        let mut fields = Vec::new();
        for (path, transform) in spec.fields {
            transform.check()?;
            fields.push(Rule {
                what: What::Field(path),
                transform,
                label: "[REDACTED]".into(),
                stem: "field",
            });
        }
        let wanted: Vec<Entity> = entities.iter().filter_map(|rule| rule.entity()).collect();
        let paths = fields.iter().filter_map(|rule| match &rule.what {
            What::Field(path) => Some(path.clone()),
            What::Entity(_) => None,
        });
        Ok(Self {
            detectors: Detectors::with(&wanted, &spec.own),
            own: spec.own,
            except: spec.except,
            paths: PathSet::new(paths.collect()),
            drops: fields.iter().any(|rule| rule.transform == Transform::Drop),
            entities,
            fields,
            rereads: false,
            passes_unmaskable: false,
        })
    }

    /// The plan for reading what left under this one, see [`Reread`](super::Reread): its entities, wherever they stand.
    ///
    /// # Errors
    /// None in practice: what is in force was compiled before.
    pub fn to_reread(&self) -> Result<Self, Error> {
        let entities = self.entities.iter().filter_map(|rule| Some((rule.entity()?, rule.transform.clone())));
        let (entities, own, except) = (entities.collect(), self.own.clone(), self.except.clone());
        let plan = Self::compile(PlanSpec { entities, fields: Vec::new(), own, except })?;
        Ok(Self { rereads: true, passes_unmaskable: true, ..plan })
    }

    /// The same plan, letting parts of a body pass that no format reads.
    #[must_use]
    pub fn passing_unmaskable(self) -> Self {
        Self { passes_unmaskable: true, ..self }
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty() && self.fields.is_empty()
    }

    /// What its entities find in a whole text, which may stand under a key.
    pub fn find(&self, text: &[u8], key: Option<&str>) -> Vec<Finding> {
        let mut found = Vec::new();
        self.detectors.scan(text, 0, &Context { key, ..Context::default() }, &mut found);
        self.spare(text, &mut found);
        found
    }

    /// Leaves out what the plan excepts.
    pub(super) fn spare(&self, text: &[u8], found: &mut Vec<Finding>) {
        if !self.except.is_empty() {
            found.retain(|finding| !self.excepts(finding, text));
        }
    }

    pub(super) fn excepts(&self, finding: &Finding, text: &[u8]) -> bool {
        let value = text.get(finding.span.clone()).and_then(|value| std::str::from_utf8(value).ok());
        let except = self.except.get(&finding.entity);
        except.zip(value).is_some_and(|(except, value)| except.contains(value))
    }

    pub(super) fn entity(&self, entity: Entity) -> Option<&Rule> {
        let at = self.entities.binary_search_by(|rule| rule.what.name().cmp(entity.name)).ok()?;
        self.entities.get(at)
    }

    pub(super) fn field(&self, index: usize) -> Option<&Rule> {
        self.fields.get(index)
    }
}

impl Rule {
    pub(super) fn entity(&self) -> Option<Entity> {
        match self.what {
            What::Entity(entity) => Some(entity),
            What::Field(_) => None,
        }
    }

    pub(super) fn drops(&self) -> bool {
        self.transform == Transform::Drop
    }
}
