//! What must not pass, compiled once for many bodies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::detect::{Context, Custom};
use crate::error::Error;
use crate::json::{Fault, FaultCode, Path, PathSet};
use crate::model::{Entity, Finding, Text};

use super::Transform;
use super::sought::Sought;
use super::within::{Bounded, Within};

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
    /// More entities, that count in some fields only. In a text without fields all of them count.
    pub within: Vec<Bounded>,
}

/// A compiled [`PlanSpec`]: immutable, shared by every body it applies to.
#[derive(Debug)]
pub struct Plan {
    /// What counts everywhere.
    everywhere: Arc<Sought>,
    /// What counts in some fields only.
    pub(super) within: Option<Within>,
    own: Vec<Arc<Custom>>,
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
        let bounded = spec.within.iter().flat_map(|list| &list.entities);
        for (_, transform) in spec.entities.iter().chain(bounded) {
            transform.check()?;
        }
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
        let paths = fields.iter().filter_map(|rule| match &rule.what {
            What::Field(path) => Some(path.clone()),
            What::Entity(_) => None,
        });
        Ok(Self {
            everywhere: Arc::new(Sought::new(&spec.entities, spec.except, &spec.own)),
            within: Within::new(spec.within)?,
            own: spec.own,
            paths: PathSet::new(paths.collect()),
            drops: fields.iter().any(|rule| rule.transform == Transform::Drop),
            fields,
            rereads: false,
            passes_unmaskable: false,
        })
    }

    /// The plan for reading what left under this one, see [`Reread`](super::Reread): its entities, where they count.
    ///
    /// # Errors
    /// None in practice: what is in force was compiled before.
    pub fn to_reread(&self) -> Result<Self, Error> {
        let Sought { entities, except, .. } = &*self.everywhere;
        let entities = entities.iter().filter_map(|rule| Some((rule.entity()?, rule.transform.clone())));
        let within = self.within.as_ref().map(|within| within.lists.clone()).unwrap_or_default();
        let plan = Self::compile(PlanSpec {
            entities: entities.collect(),
            fields: Vec::new(),
            own: self.own.clone(),
            except: except.clone(),
            within,
        })?;
        Ok(Self { rereads: true, passes_unmaskable: true, ..plan })
    }

    /// The same plan, letting parts of a body pass that no format reads.
    #[must_use]
    pub fn passing_unmaskable(self) -> Self {
        Self { passes_unmaskable: true, ..self }
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        !self.detects() && self.fields.is_empty()
    }

    /// Whether texts are read anywhere.
    pub(super) fn detects(&self) -> bool {
        self.within.is_some() || !self.everywhere.detectors.is_empty()
    }

    /// What is looked for where these lists of [`Within`] hold.
    pub(super) fn sought(&self, set: u64) -> Arc<Sought> {
        match &self.within {
            Some(within) if set != 0 => within.sought(set, &self.everywhere, &self.own),
            _ => Arc::clone(&self.everywhere),
        }
    }

    /// The lists of [`Within`] for a text without fields: all.
    pub(super) fn bare(&self) -> u64 {
        self.within.as_ref().map_or(0, Within::all)
    }

    /// What its entities find in a whole text, which may stand under a key.
    ///
    /// # Errors
    /// Where a detector that the host brings did not answer.
    pub fn find(&self, text: &[u8], key: Option<&str>) -> Result<Vec<Finding>, Error> {
        let sought = self.sought(self.bare());
        let mut found = Vec::new();
        let context = Context { key, ..Context::default() };
        if sought.detectors.pass(text, 0, &context, true, &mut found).failed {
            return Err(Fault { code: FaultCode::Failed, at: 0 }.into());
        }
        sought.spare(text, &mut found);
        Ok(found)
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
