//! What a rule, a grant or a mask speaks of, compiled: who, at which services, doing what, to which resources.

use super::decision::Effect;
use super::explain::Miss;
use crate::glob::Glob;
use crate::identity::{Identity, Who};
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

/// A set of callers.
#[derive(Debug, Clone, Default)]
pub(super) struct Callers {
    everyone: bool,
    anonymous: bool,
    /// Sorted.
    users: Vec<Box<str>>,
    patterns: Vec<Glob>,
    /// Sorted.
    groups: Vec<Box<str>>,
}

impl Callers {
    /// `members` are the people of a group of the policy, if it has one of that name.
    pub(super) fn new<'m>(who: &[Who], members: impl Fn(&str) -> &'m [String]) -> Self {
        let mut set = Self::default();
        for one in who {
            match one {
                Who::Everyone => set.everyone = true,
                Who::Anonymous => set.anonymous = true,
                Who::Group(name) => {
                    set.users.extend(members(name).iter().map(|member| member.as_str().into()));
                    set.groups.push(name.clone());
                }
                Who::User(glob) if glob.is_exact() => set.users.push(glob.as_str().into()),
                Who::User(glob) => set.patterns.push(glob.clone()),
            }
        }
        set.users.sort_unstable();
        set.users.dedup();
        set.groups.sort_unstable();
        set.groups.dedup();
        set
    }

    fn has(&self, identity: &Identity) -> bool {
        if self.everyone {
            return true;
        }
        if identity.is_anonymous() {
            return self.anonymous;
        }
        holds(&self.users, &identity.subject)
            || self.patterns.iter().any(|glob| glob.matches(&identity.subject))
            || (!self.groups.is_empty() && identity.groups.iter().any(|group| holds(&self.groups, group)))
    }

    /// Everybody who was authenticated.
    fn has_all_users(&self) -> bool {
        self.patterns.iter().any(|glob| glob.as_str() == "*")
    }

    fn covers(&self, other: &Self) -> bool {
        if self.everyone || (self.anonymous && self.has_all_users()) {
            return true;
        }
        !other.everyone
            && (self.anonymous || !other.anonymous)
            && (self.has_all_users()
                || (other.users.iter().all(|user| {
                    holds(&self.users, user) || self.patterns.iter().any(|glob| glob.matches(user))
                }) && other
                    .patterns
                    .iter()
                    .all(|glob| self.patterns.iter().any(|mine| mine.covers(glob)))
                    && other.groups.iter().all(|group| holds(&self.groups, group))))
    }

    /// The one caller that this is, where it is one.
    pub(super) fn only_user(&self) -> Option<&str> {
        let others = self.everyone || self.anonymous || !self.patterns.is_empty() || !self.groups.is_empty();
        match self.users.as_slice() {
            [user] if !others => Some(user),
            _ => None,
        }
    }
}

fn holds(sorted: &[Box<str>], name: &str) -> bool {
    match sorted {
        [] => false,
        [one] => **one == *name,
        many => many.binary_search_by(|probe| (**probe).cmp(name)).is_ok(),
    }
}

/// What fitting means where a request names a pattern, such as `logs-*`, and so any number of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// All of them fit: for what permits.
    Surely,
    /// One of them may: for what restrains.
    Possibly,
}

impl Reach {
    /// What fitting means for a rule of this effect.
    pub(super) fn of(effect: Effect) -> Self {
        if effect == Effect::Allow { Self::Surely } else { Self::Possibly }
    }
}

/// Who, where, what and to what. `None` is no condition.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) who: Option<Callers>,
    /// By the service's index; the last stands for hosts that no service names.
    pub(super) services: Option<Box<[bool]>>,
    pub(super) operations: Operations,
    pub(super) resources: Option<Box<[Glob]>>,
}

impl Scope {
    /// Whether an act of `identity` fits.
    fn fits(&self, identity: &Identity, service: usize, act: &Act, reach: Reach) -> bool {
        self.operations.has(act.operation)
            && self.has_service(service)
            && self.has_resource(&act.resource, reach)
            && self.has_caller(identity)
    }

    fn has_resource(&self, resource: &str, reach: Reach) -> bool {
        let named = |glob: &Glob| match reach {
            Reach::Possibly if resource.contains('*') => glob.meets(resource),
            // A `*` of the resource is only matched by one of the pattern.
            _ => glob.matches(resource),
        };
        self.resources.as_ref().is_none_or(|globs| globs.iter().any(named))
    }

    fn has_caller(&self, identity: &Identity) -> bool {
        self.who.as_ref().is_none_or(|who| who.has(identity))
    }

    pub(super) fn has_service(&self, service: usize) -> bool {
        self.services.as_ref().is_none_or(|set| set.get(service).copied().unwrap_or(false))
    }

    /// Whether whatever fits `other` fits this, services and operations apart.
    fn covers_who_and_what(&self, other: &Self) -> bool {
        let who = match (&self.who, &other.who) {
            (None, _) => true,
            (Some(mine), Some(others)) => mine.covers(others),
            (Some(mine), None) => mine.covers(&Callers { everyone: true, ..Callers::default() }),
        };
        let covered = |glob: &Glob| self.resources.iter().flatten().any(|mine| mine.covers(glob));
        let resources = match (&self.resources, &other.resources) {
            (None, _) => true,
            (Some(_), Some(others)) => others.iter().all(covered),
            (Some(mine), None) => mine.iter().any(|glob| glob.as_str() == "*"),
        };
        who && resources
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
        identity: &Identity,
        service: usize,
        act: &Act,
        risk: Risk,
        reach: Reach,
    ) -> bool {
        self.has_risk(risk)
            && self.has_magnitude(act)
            && self.scope.fits(identity, service, act, reach)
            && !self.excepts(identity, service, act, reach)
    }

    fn has_risk(&self, risk: Risk) -> bool {
        let (from, below) = self.risk;
        (from..below).contains(&risk.value())
    }

    fn has_magnitude(&self, act: &Act) -> bool {
        self.magnitude.is_none_or(|amount| amount.fits(act.operation, act.magnitude))
    }

    fn excepts(&self, identity: &Identity, service: usize, act: &Act, reach: Reach) -> bool {
        let excepted = match reach {
            Reach::Surely => Reach::Possibly,
            Reach::Possibly => Reach::Surely,
        };
        self.unless.as_ref().is_some_and(|exception| exception.fits(identity, service, act, excepted))
    }

    /// What of an act does not fit; nothing where [`fits`](Self::fits) says that all does.
    pub(super) fn misses(
        &self,
        identity: &Identity,
        service: usize,
        act: &Act,
        risk: Risk,
        reach: Reach,
    ) -> Vec<Miss> {
        let parts = [
            (self.scope.operations.has(act.operation), Miss::Operations),
            (self.scope.has_service(service), Miss::Services),
            (self.scope.has_resource(&act.resource, reach), Miss::Resources),
            (self.scope.has_caller(identity), Miss::Who),
            (self.has_risk(risk), Miss::Risk),
            (self.has_magnitude(act), Miss::Magnitude),
            (!self.excepts(identity, service, act, reach), Miss::Unless),
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
            && self.scope.covers_who_and_what(&other.scope)
    }

    /// Whether its own exception leaves nothing of what is done as `operation` at `service`.
    pub(super) fn excepts_itself_at(&self, service: usize, operation: Operation) -> bool {
        self.unless.as_ref().is_some_and(|exception| {
            exception.has_service(service)
                && exception.operations.has(operation)
                && exception.covers_who_and_what(&self.scope)
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

    fn callers(who: &[&str]) -> Callers {
        let people = ["sam".to_owned(), "kim".to_owned()];
        let who: Vec<Who> = who.iter().map(|w| w.parse().unwrap()).collect();
        Callers::new(&who, |group| if group == "security" { &people } else { &[] })
    }

    #[test]
    fn a_policys_own_group_counts_by_name_and_by_claim() {
        let set = callers(&["group:security"]);
        assert!(set.has(&Identity::new("sam")));
        assert!(set.has(&Identity::new("eve").with_groups(["security"])));
        assert!(!set.has(&Identity::new("eve")));
        assert!(!set.has(&Identity::anonymous().with_groups(["security"])));
    }

    #[test]
    fn covering_callers_is_about_sets() {
        for (a, b, covers) in [
            (&["*"][..], &["anonymous", "user:x"][..], true),
            (&["user:*"], &["group:g", "user:x"], true),
            (&["user:*"], &["*"], false),
            (&["user:*", "anonymous"], &["*"], true),
            (&["user:a*"], &["user:ab*", "user:ax"], true),
            (&["user:ab*"], &["user:a*"], false),
            (&["group:g"], &["group:g"], true),
            (&["group:g"], &["user:x"], false),
        ] {
            assert_eq!(callers(a).covers(&callers(b)), covers, "{a:?} {b:?}");
        }
    }

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
