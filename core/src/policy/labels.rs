//! Labels that a policy puts on resources: what rules may speak of instead of names, and what raises the risk.

use std::sync::Arc;

use super::Policy;
use super::scope::{Reach, names};
use crate::glob::Glob;
use crate::model::{Act, Risk};

/// A label, compiled.
#[derive(Debug, Clone)]
pub(super) struct Labelled {
    pub(super) name: Arc<str>,
    /// By the service's index; the last stands for hosts that no service names.
    pub(super) services: Option<Box<[bool]>>,
    pub(super) resources: Box<[Glob]>,
    /// What it adds to the risk of an act.
    pub(super) points: u8,
}

impl Labelled {
    /// Whether a resource of a service carries it.
    pub(super) fn is_on(&self, service: usize, resource: &str, reach: Reach) -> bool {
        self.services.as_ref().is_none_or(|set| set.get(service).copied().unwrap_or(false))
            && names(&self.resources, resource, reach)
    }
}

impl Policy {
    /// The labels that the object of an act carries or, where it is a pattern, may carry, each with what it adds to the risk; in the
    /// order of their names.
    pub fn labels<'p>(
        &'p self,
        service: Option<&super::Service>,
        act: &'p Act,
    ) -> impl Iterator<Item = (&'p Arc<str>, u8)> {
        let service = self.service_index(service);
        let carried = move |label: &&Labelled| label.is_on(service, &act.resource, Reach::Possibly);
        self.labels.iter().filter(carried).map(|label| (&label.name, label.points))
    }

    /// The risk that an act is judged by: its own, or what the guard found where that is more, and what its labels add.
    pub(super) fn final_risk(
        &self,
        service: Option<&super::Service>,
        act: &Act,
        found: Option<Risk>,
    ) -> Risk {
        let risk = act.risk.max(found.unwrap_or_default());
        if self.labels.is_empty() {
            return risk;
        }
        let points =
            self.labels(service, act).fold(risk.value(), |sum, (_, points)| sum.saturating_add(points));
        Risk::new(points.min(Risk::MAX.value()))
    }
}
