//! Why a request is let through, held or denied: every rule of the policy, and what of an act does not fit where a rule does
//! not speak of it; the grant that comes nearest, and what it lacks.
//!
//! Asked for by people, never on the data path: the decision itself is [`Policy::decide`]'s.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::decision::{Decision, Effect, Facts, GrantView};
use super::scope::Reach;
use super::{Policy, Thresholds};
use crate::grant::{Lack, Step};
use crate::model::{Act, GrantId, Mode, Risk, Unusual, Verdict};

/// The reasons of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The service that the request belongs to; `None` where none names its host.
    pub service: Option<Arc<str>>,
    /// Whether the verdict is carried out.
    pub mode: Mode,
    /// What was decided.
    pub decision: Decision,
    /// For each act of the request, in its order; none where the request has no one reading.
    pub acts: Vec<Reasons>,
}

/// What the policy says of one act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reasons {
    /// The act.
    #[serde(flatten)]
    pub act: Act,
    /// The labels that its object carries, or may carry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Arc<str>>,
    /// In which ways it is unlike what its caller did before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unusual: Vec<Unusual>,
    /// The risk that it is judged by.
    pub final_risk: Risk,
    /// The risks from which such an act is held or denied whatever a rule says.
    pub thresholds: Thresholds,
    /// Every rule: those that fit first, then by how little does not.
    pub rules: Vec<Considered>,
    /// The live grant that covers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub covered_by: Option<GrantId>,
    /// Where none does, the caller's grant that comes nearest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<Nearest>,
}

/// A rule that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Considered {
    /// Its name.
    pub rule: Arc<str>,
    /// The file that it stands in, as the policy calls it.
    pub file: Arc<str>,
    /// Where it stands there, from 1.
    pub line: usize,
    /// What it does with what fits it.
    pub effect: Effect,
    /// What does not fit; empty where it speaks of the act.
    pub misses: Vec<Miss>,
}

/// A matcher of a rule that an act does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Miss {
    /// It speaks of other operations.
    Operations,
    /// It speaks of other services.
    Services,
    /// It speaks of other resources; or names some, and the request may touch more.
    Resources,
    /// It speaks of other callers.
    Who,
    /// It speaks of labels that the resource does not carry.
    Labels,
    /// It speaks of claims that nobody vouches for.
    Claims,
    /// It speaks of what came through a workload, and this did not, or nobody verified that.
    Via,
    /// It speaks of callers elsewhere; or it is not known where this one is.
    Networks,
    /// It speaks of other hours.
    When,
    /// The risk is not in its range.
    Risk,
    /// The magnitude is not in its range, or counted in another unit.
    Magnitude,
    /// Its own exception takes the act out.
    Unless,
}

/// A grant that does not cover an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Nearest {
    /// Which.
    pub grant: GrantId,
    /// What it lacks.
    #[serde(flatten)]
    pub lack: Lack,
}

impl Serialize for Explanation {
    /// As all hosts show it: the decision's parts beside the acts.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Told<'a> {
            service: Option<&'a str>,
            mode: Mode,
            verdict: Verdict,
            code: &'a str,
            because: &'a str,
            risk: Risk,
            rules: Vec<&'a str>,
            grants: &'a [GrantId],
            #[serde(skip_serializing_if = "Option::is_none")]
            approval: Option<&'a [Step]>,
            acts: &'a [Reasons],
        }
        let Decision { verdict, code, because, rules, grants, approval, risk } = &self.decision;
        let told = Told {
            service: self.service.as_deref(),
            mode: self.mode,
            verdict: *verdict,
            code,
            because,
            risk: *risk,
            rules: rules.iter().map(|rule| &**rule).collect(),
            grants,
            approval: approval.as_ref().map(|terms| terms.steps.as_slice()),
            acts: &self.acts,
        };
        told.serialize(serializer)
    }
}

impl Miss {
    /// The key of a rule that it is about.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operations => "operations",
            Self::Services => "services",
            Self::Resources => "resources",
            Self::Who => "who",
            Self::Labels => "labels",
            Self::Claims => "claims",
            Self::Via => "via",
            Self::Networks => "networks",
            Self::When => "when",
            Self::Risk => "risk",
            Self::Magnitude => "magnitude",
            Self::Unless => "unless",
        }
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Policy {
    /// Decides, and says why.
    pub fn explain(&self, facts: &Facts<'_>, grants: &dyn GrantView) -> Explanation {
        let unknown = [Act::unknown()];
        let acts = if facts.acts.is_empty() { &unknown } else { facts.acts };
        let reasons = acts
            .iter()
            .enumerate()
            .map(|(index, act)| self.reasons(facts, act, facts.risks.get(index).copied(), grants));
        Explanation {
            service: facts.service.map(|service| Arc::clone(&service.name)),
            mode: facts.service.map_or(Mode::Enforce, |service| service.mode),
            acts: reasons.collect(),
            decision: self.decide(facts, grants),
        }
    }

    fn reasons(&self, facts: &Facts<'_>, act: &Act, risk: Option<Risk>, grants: &dyn GrantView) -> Reasons {
        let unusual: Vec<Unusual> =
            facts.unusual.iter().filter(|one| one.concerns(act.operation)).cloned().collect();
        let points = unusual.iter().fold(0_u8, |points, one| points.saturating_add(one.points));
        let risk = self.final_risk(facts.service, act, risk).plus(points);
        let (index, identity) = (self.service_index(facts.service), facts.identity);
        let name = facts.service.map_or("", |service| &service.name);
        let considered = |rule: &super::Rule| Considered {
            rule: Arc::clone(&rule.name),
            file: Arc::clone(&rule.file),
            line: rule.line,
            effect: rule.effect,
            misses: rule.matcher.misses(facts, index, act, risk, Reach::of(rule.effect)),
        };
        let mut rules: Vec<Considered> = self.rules.iter().map(considered).collect();
        rules.sort_by_key(|rule| rule.misses.len());
        let covered_by = grants.covering(identity, name, act);
        let nearest = match covered_by {
            Some(_) => None,
            None => grants.nearest(identity, name, act).map(|(grant, lack)| Nearest { grant, lack }),
        };
        let thresholds = facts.service.map_or(self.thresholds, |service| service.thresholds);
        let labels = self.labels(facts.service, act).map(|(name, _)| Arc::clone(name)).collect();
        Reasons {
            act: act.clone(),
            labels,
            unusual,
            final_risk: risk,
            thresholds,
            rules,
            covered_by,
            nearest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;
    use crate::model::{Magnitude, Operation, Unit};
    use crate::policy::NoGrants;

    const POLICY: &str = "
version: 1
state: memory
services: {a: {system: qdrant}, b: {system: qdrant, hosts: [b]}}
rules:
  - {name: reads, who: ['group:team'], services: [a], operations: [vector.fetch], resources: ['docs-*'], magnitude: {unit: vectors, up_to: 10}, effect: allow}
  - {name: night, operations: ['vector.*'], unless: {who: ['user:ana']}, effect: deny}
  - {name: risky, risk: {from: 90}, effect: deny}
";

    #[test]
    fn every_matcher_that_does_not_fit_is_named() {
        let policy = Policy::parse(POLICY, "p.yaml").unwrap();
        let misses = |who: &Identity, service: &str, resource: &str, count: u64| {
            let mut act = Act::new(Operation::VectorFetch, resource);
            act.magnitude = Magnitude::of(Unit::Vectors, count);
            let acts = [act];
            let facts = Facts::of(who, policy.service(service), &acts);
            let told = policy.explain(&facts, &NoGrants);
            assert_eq!(told.decision, policy.decide(&facts, &NoGrants));
            let rules = told.acts.into_iter().flat_map(|reasons| reasons.rules);
            rules.map(|rule| (rule.rule.to_string(), rule.line, rule.misses)).collect::<Vec<_>>()
        };
        let ana = Identity::new("ana").with_groups(["team"]);
        assert_eq!(
            misses(&ana, "a", "docs-1", 10),
            [
                ("reads".to_owned(), 6, vec![]),
                ("night".to_owned(), 7, vec![Miss::Unless]),
                ("risky".to_owned(), 8, vec![Miss::Risk]),
            ]
        );
        let all = vec![Miss::Services, Miss::Resources, Miss::Who, Miss::Magnitude];
        assert_eq!(misses(&Identity::new("bo"), "b", "notes", 11)[2], ("reads".to_owned(), 6, all));
        // A pattern may be more than what is allowed, and may be what is denied.
        assert_eq!(misses(&ana, "a", "*", 1)[1].2, [Miss::Resources]);
    }

    #[test]
    fn a_rule_fits_exactly_where_nothing_is_missed() {
        let policy = Policy::parse(POLICY, "p.yaml").unwrap();
        for operation in Operation::ALL {
            for (who, resource) in [("ana", "docs-1"), ("bo", "*"), (Identity::ANONYMOUS, "x")] {
                let (identity, act) = (Identity::new(who), Act::new(*operation, resource));
                let facts = Facts::of(&identity, None, &[]);
                for rule in &policy.rules {
                    for reach in [Reach::Surely, Reach::Possibly] {
                        let misses = rule.matcher.misses(&facts, 0, &act, act.risk, reach);
                        let fits = rule.matcher.fits(&facts, 0, &act, act.risk, reach);
                        assert_eq!(misses.is_empty(), fits, "{} {operation} {who}", rule.name);
                    }
                }
            }
        }
    }
}
