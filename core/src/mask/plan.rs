//! What must not pass, compiled once for many bodies.

use crate::error::Error;
use crate::json::Path;
use crate::model::Entity;

use super::Transform;

/// What a plan is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanSpec {
    /// Values to find by what they look like. Where an entity is named twice, the first counts.
    pub entities: Vec<(Entity, Transform)>,
    /// Values to find by where they stand. Where two paths fit one value, the first counts; a field rule comes
    /// before any entity within its value.
    pub fields: Vec<(Path, Transform)>,
}

/// A compiled [`PlanSpec`]: immutable, shared by every body it applies to.
#[derive(Debug, Default)]
pub struct Plan {
    entities: Vec<(Entity, Transform)>,
    fields: Vec<(Path, Transform)>,
}

impl Plan {
    /// Compiles a plan.
    ///
    /// # Errors
    /// A transform whose settings are out of range.
    pub fn compile(spec: PlanSpec) -> Result<Self, Error> {
        for (_, transform) in &spec.entities {
            transform.check()?;
        }
        for (_, transform) in &spec.fields {
            transform.check()?;
        }
        Ok(Self { entities: spec.entities, fields: spec.fields })
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty() && self.fields.is_empty()
    }
}
