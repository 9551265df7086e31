//! What a rule, a grant or a mask speaks of, compiled: who, through what and from where, when, at which services, doing what,
//! to which resources.

use super::callers::Callers;
use super::candidates::Found;
use super::decision::{Effect, Facts};
use super::explain::Miss;
use super::labels::Labelled;
use super::setting::Setting;
use crate::glob::Glob;
use crate::model::{Act, Magnitude, Operation, Risk, Unit};

/// A set of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operations(u128);

const _: () = assert!(Operation::ALL.len() <= 128, "one bit for each operation");

impl Operations {
    pub(super) const ALL: Self = Self(u128::MAX);

    pub(super) fn of(operations: impl IntoIterator<Item = Operation>) -> Self {
        Self(operations.into_iter().fold(0, |set, operation| set | 1 << operation as u32))
    }

    pub(super) fn has(self, operation: Operation) -> bool {
        self.0 & (1 << operation as u32) != 0
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Operation> {
        Operation::ALL.iter().copied().filter(move |operation| self.has(*operation))
    }
}

/// What fitting means where not everything is known: a request names a pattern, such as `logs-*`, and so any number of resources; where
/// it comes from is not told; a hop is only claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// It fits whatever the truth is: for what permits.
    Surely,
    /// It may fit: for what restrains.
    Possibly,
}

impl Reach {
    /// What fitting means for a rule of this effect.
    pub(super) fn of(effect: Effect) -> Self {
        if effect == Effect::Allow { Self::Surely } else { Self::Possibly }
    }

    /// What fitting means for an exception.
    fn excepted(self) -> Self {
        match self {
            Self::Surely => Self::Possibly,
            Self::Possibly => Self::Surely,
        }
    }
}

/// Whether a resource is one of these.
pub(super) fn names(globs: &[Glob], resource: &str, reach: Reach) -> bool {
    globs.iter().any(|glob| match reach {
        Reach::Possibly if resource.contains('*') => glob.meets(resource),
        // A `*` of the resource is only matched by one of the pattern.
        _ => glob.matches(resource),
    })
}

/// Who, where, what and to what, and under which circumstances. `None` is no condition.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) who: Option<Callers>,
    /// By the service's index; the last stands for hosts that no service names.
    pub(super) services: Option<Box<[bool]>>,
    pub(super) operations: Operations,
    pub(super) resources: Option<Box<[Glob]>>,
    pub(super) labels: Option<Box<[Labelled]>>,
    pub(super) setting: Setting,
}

impl Scope {
    /// Whether an act fits.
    fn fits(&self, facts: &Facts<'_>, service: usize, act: &Act, reach: Reach) -> bool {
        self.fits_but_who(facts, service, act, reach) && self.has_caller(facts)
    }

    /// Whether an act fits where its caller does.
    fn fits_but_who(&self, facts: &Facts<'_>, service: usize, act: &Act, reach: Reach) -> bool {
        self.operations.has(act.operation)
            && self.has_service(service)
            && self.has_resource(&act.resource, reach)
            && self.has_label(service, &act.resource, reach)
            && self.setting.fits(facts, reach)
    }

    fn has_resource(&self, resource: &str, reach: Reach) -> bool {
        self.resources.as_ref().is_none_or(|globs| names(globs, resource, reach))
    }

    fn has_label(&self, service: usize, resource: &str, reach: Reach) -> bool {
        let carries = |label: &Labelled| label.is_on(service, resource, reach);
        self.labels.as_ref().is_none_or(|labels| labels.iter().any(carries))
    }

    fn has_caller(&self, facts: &Facts<'_>) -> bool {
        self.who.as_ref().is_none_or(|who| who.has(facts.identity))
    }

    pub(super) fn has_service(&self, service: usize) -> bool {
        self.services.as_ref().is_none_or(|set| set.get(service).copied().unwrap_or(false))
    }

    /// Whether whatever fits `other` fits this, services and operations apart.
    fn covers_what_else(&self, other: &Self) -> bool {
        let who = match (&self.who, &other.who) {
            (None, _) => true,
            (Some(mine), Some(others)) => mine.covers(others),
            (Some(mine), None) => mine.covers(&Callers::everyone()),
        };
        let covered = |glob: &Glob| self.resources.iter().flatten().any(|mine| mine.covers(glob));
        let resources = match (&self.resources, &other.resources) {
            (None, _) => true,
            (Some(_), Some(others)) => others.iter().all(covered),
            (Some(mine), None) => mine.iter().any(|glob| glob.as_str() == "*"),
        };
        let labels = match (&self.labels, &other.labels) {
            (None, _) => true,
            (Some(mine), Some(others)) => {
                others.iter().all(|label| mine.iter().any(|one| one.name == label.name))
            }
            (Some(_), None) => false,
        };
        who && resources && labels && self.setting.covers(&other.setting)
    }
}

/// A scope with the conditions and the exception that a rule may add.
#[derive(Debug, Clone)]
pub(super) struct Matcher {
    pub(super) scope: Scope,
    /// Half-open.
    pub(super) risk: (u8, u8),
    pub(super) magnitude: Option<Amount>,
    pub(super) unless: Option<Scope>,
}

impl Matcher {
    /// Any risk there is.
    pub(super) const ANY_RISK: (u8, u8) = (0, 101);

    pub(super) fn fits(
        &self,
        facts: &Facts<'_>,
        service: usize,
        act: &Act,
        risk: Risk,
        reach: Reach,
    ) -> bool {
        self.fits_found(Found::ByOperation, facts, service, act, risk, reach)
    }

    /// The same for a rule that was found: one that was found by its caller's name is not asked about the caller again.
    pub(super) fn fits_found(
        &self,
        found: Found,
        facts: &Facts<'_>,
        service: usize,
        act: &Act,
        risk: Risk,
        reach: Reach,
    ) -> bool {
        self.has_risk(risk)
            && self.has_magnitude(act)
            && self.scope.fits_but_who(facts, service, act, reach)
            && (found == Found::ByName || self.scope.has_caller(facts))
            && !self.excepts(facts, service, act, reach)
    }

    fn has_risk(&self, risk: Risk) -> bool {
        let (from, below) = self.risk;
        (from..below).contains(&risk.value())
    }

    fn has_magnitude(&self, act: &Act) -> bool {
        self.magnitude.is_none_or(|amount| amount.fits(act.operation, act.magnitude))
    }

    fn excepts(&self, facts: &Facts<'_>, service: usize, act: &Act, reach: Reach) -> bool {
        let excepted = reach.excepted();
        self.unless.as_ref().is_some_and(|exception| exception.fits(facts, service, act, excepted))
    }

    /// What of an act does not fit; nothing where [`fits`](Self::fits) says that all does.
    pub(super) fn misses(
        &self,
        facts: &Facts<'_>,
        service: usize,
        act: &Act,
        risk: Risk,
        reach: Reach,
    ) -> Vec<Miss> {
        let scope = &self.scope;
        let parts = [
            (scope.operations.has(act.operation), Miss::Operations),
            (scope.has_service(service), Miss::Services),
            (scope.has_resource(&act.resource, reach), Miss::Resources),
            (scope.has_label(service, &act.resource, reach), Miss::Labels),
            (scope.has_caller(facts), Miss::Who),
            (scope.setting.has_claims(facts, reach), Miss::Claims),
            (scope.setting.has_hop(facts, reach), Miss::Via),
            (scope.setting.has_network(facts, reach), Miss::Networks),
            (scope.setting.is_open(facts), Miss::When),
            (self.has_risk(risk), Miss::Risk),
            (self.has_magnitude(act), Miss::Magnitude),
            (!self.excepts(facts, service, act, reach), Miss::Unless),
        ];
        parts.into_iter().filter(|(fits, _)| !fits).map(|(_, miss)| miss).collect()
    }

    /// Whether whatever of `other` is done as `operation` at `service` fits this.
    pub(super) fn covers_at(&self, other: &Self, service: usize, operation: Operation) -> bool {
        self.unless.is_none()
            && self.scope.has_service(service)
            && self.scope.operations.has(operation)
            && self.risk.0 <= other.risk.0
            && self.risk.1 >= other.risk.1
            && match (&self.magnitude, &other.magnitude) {
                (None, _) => true,
                (Some(mine), Some(others)) => mine.covers(*others),
                (Some(_), None) => false,
            }
            && self.scope.covers_what_else(&other.scope)
    }

    /// Whether its own exception leaves nothing of what is done as `operation` at `service`.
    pub(super) fn excepts_itself_at(&self, service: usize, operation: Operation) -> bool {
        self.unless.as_ref().is_some_and(|exception| {
            exception.has_service(service)
                && exception.operations.has(operation)
                && exception.covers_what_else(&self.scope)
        })
    }
}

/// A range of magnitude. `over` and `up_to` are opposites: what is not known to be within a bound is over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) unit: Unit,
    pub(super) over: Option<u64>,
    pub(super) up_to: Option<u64>,
}

impl Amount {
    fn fits(self, operation: Operation, magnitude: Magnitude) -> bool {
        if magnitude.unit.or(operation.unit()) == Some(self.unit) {
            return self.over.is_none_or(|bound| magnitude.exceeds(bound))
                && self.up_to.is_none_or(|bound| !magnitude.exceeds(bound));
        }
        // An operation that is measured in this unit, counted in another for once: not known to be within.
        operation.unit() == Some(self.unit) && self.up_to.is_none()
    }

    fn covers(self, other: Self) -> bool {
        self.unit == other.unit
            && self.over.is_none_or(|bound| other.over.is_some_and(|others| others >= bound))
            && self.up_to.is_none_or(|bound| other.up_to.is_some_and(|others| others <= bound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_and_up_to_are_opposites_wherever_the_unit_applies() {
        let over = Amount { unit: Unit::Vectors, over: Some(10), up_to: None };
        let up_to = Amount { unit: Unit::Vectors, over: None, up_to: Some(10) };
        for magnitude in [
            Magnitude::of(Unit::Vectors, 10),
            Magnitude::of(Unit::Vectors, 11),
            Magnitude::unbounded(Unit::Vectors),
            Magnitude::default(),
            Magnitude::of(Unit::Rows, 1),
        ] {
            let operation = Operation::VectorExport;
            assert_ne!(over.fits(operation, magnitude), up_to.fits(operation, magnitude), "{magnitude:?}");
            assert!(!over.fits(Operation::ModelList, Magnitude::default()));
        }
    }
}
