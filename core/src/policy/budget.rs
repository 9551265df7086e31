//! How much may be had within a window, whatever single requests ask for.
//!
//! A rule judges one request, and a hundred requests that each may pass are an export. A budget counts what left over all of them, the
//! different ids or a sum: for each caller or for all together, and for each collection by itself.

use std::sync::Arc;

use super::Policy;
use super::decide::merge;
use super::decision::{ApprovalTerms, Decision, Effect, Facts, GrantView, code};
use super::scope::Matcher;
use crate::budget::Limit;
use crate::identity::Identity;
use crate::model::{Act, Unit, Verdict};

/// What the caller is told where the entry has no words of its own.
const SPENT: &str = "this caller has had as much as the policy allows within the window";
const HOLD: &str = "this request may take more than is left within the window, so it needs approval";

/// One budget of a policy.
#[derive(Debug, Clone)]
pub struct Budget {
    /// Its name.
    pub name: Arc<str>,
    /// What it counts.
    pub counts: Counts,
    /// How much may be had within how long.
    pub limit: Limit,
    /// What is done with a request when too little is left: `Deny` or `Hold`.
    pub effect: Effect,
    pub(super) matcher: Matcher,
    /// Whether each caller has one of their own.
    pub(super) each: bool,
    /// For `Hold`.
    pub(super) terms: Option<Arc<ApprovalTerms>>,
    pub(super) because: Option<Arc<str>>,
}

/// What a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// Different ids, each once.
    Ids,
    /// All that there is of a unit: vectors, rows, bytes or calls (acts; each member of a batch is one).
    Sum(Unit),
}

impl Counts {
    /// How much of it `act` may take at most; `None` where nothing in the request limits that.
    fn asked(self, act: &Act) -> Option<u64> {
        match self {
            Self::Ids => act.magnitude.count,
            Self::Sum(Unit::Calls) => Some(1),
            Self::Sum(unit) if act.magnitude.unit == Some(unit) => act.magnitude.count,
            Self::Sum(_) => None,
        }
    }
}

/// A budget that a request draws on.
#[derive(Debug, Clone)]
pub struct Due {
    /// The budget.
    pub budget: Arc<Budget>,
    /// What is had of: the name of a collection, or `*` for all that name several at once.
    pub resource: String,
    /// How much the request may bring at most; `None` where nothing in it limits that.
    pub asked: Option<u64>,
}

impl Due {
    /// What tells this budget from that of other callers and collections. Who is anonymous is one caller.
    pub fn fields<'a>(&'a self, service: &'a str, identity: &'a Identity) -> [&'a [u8]; 6] {
        let whose = |text: &'a str| if self.budget.each { text.as_bytes() } else { &[] };
        let kind: &[u8] = match (self.budget.each, identity.is_anonymous()) {
            (false, _) => b"all",
            (true, true) => b"anonymous",
            (true, false) => b"caller",
        };
        let issuer = identity.issuer.as_deref().unwrap_or("");
        let name = self.budget.name.as_bytes();
        [name, service.as_bytes(), self.resource.as_bytes(), kind, whose(&identity.subject), whose(issuer)]
    }

    fn fits(&self, policy: &Policy, facts: &Facts<'_>, act: &Act) -> bool {
        policy.speaks_of(&self.budget.matcher, facts, act)
    }
}

impl Policy {
    /// The budgets that a request draws on: for each collection that it names one of each entry that fits.
    pub fn budgets(&self, facts: &Facts<'_>) -> Vec<Due> {
        let mut due: Vec<Due> = Vec::new();
        if self.budgets.is_empty() {
            return due;
        }
        let unknown = [Act::unknown()];
        let acts = if facts.acts.is_empty() { &unknown } else { facts.acts };
        for budget in &self.budgets {
            for act in acts {
                if !self.speaks_of(&budget.matcher, facts, act) {
                    continue;
                }
                // Patterns that differ may mean the same collections: together they have one budget.
                let resource = if act.resource.contains('*') { "*" } else { &act.resource };
                let asked = budget.counts.asked(act);
                let same = |one: &&mut Due| Arc::ptr_eq(&one.budget, budget) && one.resource == resource;
                match due.iter_mut().find(same) {
                    Some(one) => one.asked = one.asked.zip(asked).map(|(a, b)| a.saturating_add(b)),
                    None => {
                        due.push(Due { budget: Arc::clone(budget), resource: resource.to_owned(), asked })
                    }
                }
            }
        }
        due
    }

    /// A decision in the light of budgets that have too little left. As everywhere, a live grant satisfies what holds, and nothing
    /// lifts what denies.
    pub fn overdrawn(
        &self,
        decision: Decision,
        spent: &[&Due],
        facts: &Facts<'_>,
        grants: &dyn GrantView,
    ) -> Decision {
        let strictest = |due: &&&Due| (due.budget.effect, std::cmp::Reverse(due.budget.name.clone()));
        let Some(first) = spent.iter().max_by_key(strictest) else { return decision };
        let names = || spent.iter().filter(|due| due.budget.effect == first.budget.effect);
        let mut rules: Vec<Arc<str>> = names().map(|due| Arc::clone(&due.budget.name)).collect();
        rules.sort_unstable();
        rules.dedup();
        let because = |sentence: &str| first.budget.because.clone().unwrap_or_else(|| sentence.into());
        if decision.verdict == Verdict::Deny {
            return decision;
        }
        if first.budget.effect == Effect::Deny {
            let because = because(SPENT);
            let code = code::BUDGET_SPENT;
            return Decision {
                verdict: Verdict::Deny,
                code,
                because,
                rules,
                grants: Vec::new(),
                approval: None,
                ..decision
            };
        }
        let name = facts.service.map_or("", |service| &service.name);
        let drawing = facts.acts.iter().filter(|act| spent.iter().any(|due| due.fits(self, facts, act)));
        let covering: Option<Vec<_>> =
            drawing.map(|act| grants.covering(facts.identity, name, act)).collect();
        if let Some(covering) = covering.filter(|covering| !covering.is_empty()) {
            let mut all = decision.grants;
            all.extend(covering);
            all.sort_unstable();
            all.dedup();
            return Decision { grants: all, ..decision };
        }
        let terms: Vec<&Arc<ApprovalTerms>> =
            decision.approval.iter().chain(names().filter_map(|due| due.budget.terms.as_ref())).collect();
        let approval = merge(&terms);
        if decision.verdict == Verdict::Hold {
            return Decision { approval, ..decision };
        }
        let because = because(HOLD);
        let code = code::BUDGET_APPROVAL_REQUIRED;
        Decision { verdict: Verdict::Hold, code, because, rules, approval, ..decision }
    }
}
