//! Rules, grants, budgets and signals that can never fire: a matcher is a set of cells (service, operation) with further conditions.

use std::sync::Arc;

use super::{place, sound};
use crate::model::Operation;
use crate::policy::decision::Effect;
use crate::policy::document::{Findings, Node, clip};
use crate::policy::draft::{Draft, Part, Rule, duration};
use crate::policy::scope::{Matcher, Operations};
use crate::policy::service::Thresholds;
use crate::watch::Profile;

/// Which operations there are at each service.
pub(super) struct World {
    /// By the service's index; the last stands for hosts that no service names.
    pub(super) possible: Vec<Operations>,
    thresholds: Vec<Thresholds>,
    /// Whether all services could be read: only then is "at no service" known.
    pub(super) whole: bool,
}

impl World {
    pub(super) fn new(draft: &Draft<'_>) -> Self {
        let named = draft.root.get("services").map(|node| node.entries().len()).unwrap_or_default();
        let unknown = Operations::of([Operation::Unknown]);
        let mut possible = vec![unknown; named + 1];
        // What belongs to no service is what no host names, and the way back from masking.
        if let Some(none) = possible.last_mut() {
            *none = unknown.or(Operations::of([Operation::SecretRead]));
        }
        let mut thresholds = vec![draft.thresholds; named + 1];
        for Part { is: service, .. } in &draft.services {
            if let Some(slot) = possible.get_mut(service.index) {
                *slot = match service.system.operations() {
                    // A CORS preflight may come to any service, whatever its catalogue has.
                    Some(operations) => {
                        Operations::of(operations).or(unknown).or(Operations::of([Operation::None]))
                    }
                    None => Operations::ALL,
                };
            }
            if let Some(slot) = thresholds.get_mut(service.index) {
                *slot = service.thresholds;
            }
        }
        Self { possible, thresholds, whole: named > 0 && named == draft.services.len() }
    }

    /// The cells that a matcher speaks of and that exist.
    pub(super) fn cells(&self, matcher: &Matcher) -> Vec<(usize, Operation)> {
        let services =
            self.possible.iter().enumerate().filter(|(index, _)| matcher.scope.has_service(*index));
        services
            .flat_map(|(index, possible)| {
                possible.and(matcher.scope.operations).iter().map(move |operation| (index, operation))
            })
            .collect()
    }

    /// What is wrong with the conditions alone; `None` where they can be met.
    pub(super) fn never(&self, matcher: &Matcher, cells: &[(usize, Operation)]) -> Option<&'static str> {
        if cells.is_empty() {
            return Some(
                "no service that it speaks of has any of these operations in its system's catalogue",
            );
        }
        if matcher.risk.0 >= matcher.risk.1 {
            return Some("the range of risk is empty: `from` must be less than `below`");
        }
        if let Some(amount) = matcher.magnitude {
            if amount.over.is_some_and(|over| amount.up_to.is_some_and(|up_to| over >= up_to)) {
                return Some("the range of magnitude is empty: `over` must be less than `up_to`");
            }
            if !cells.iter().any(|(_, operation)| operation.unit() == Some(amount.unit)) {
                return Some("none of these operations is measured in this unit");
            }
        }
        if cells.iter().all(|(service, operation)| matcher.excepts_itself_at(*service, *operation)) {
            return Some("its own `unless` leaves nothing of it");
        }
        None
    }

    pub(super) fn rules(&self, draft: &Draft<'_>, findings: &mut Findings) {
        let denials = denials(draft, findings);
        for rule in &draft.rules {
            if let Some(amount) = rule.node.get("magnitude")
                && amount.get("over").is_none()
                && amount.get("up_to").is_none()
            {
                findings.add(amount.place, "missing_key", "`over` or `up_to` is missing: how much?");
            }
            if rule.is.effect == Effect::Allow && rule.node.get("who").is_none() {
                let message = "`who` is missing: a rule that allows says whom (user:* for all who are authenticated, * for everybody)";
                findings.add(rule.node.place, "missing_key", message);
            }
            if !self.whole || !sound(rule.node, findings) {
                continue;
            }
            let cells = self.cells(&rule.is.matcher);
            if let Some(why) = self.never(&rule.is.matcher, &cells) {
                let at = if cells.is_empty() { "operations" } else { "name" };
                findings.add(
                    place(rule.node, at),
                    "never_fires",
                    format!("{} can never fire: {why}", clip(&rule.is.name)),
                );
                continue;
            }
            if rule.is.effect == Effect::Deny {
                continue;
            }
            let denied = |(service, operation): &(usize, Operation)| {
                let (from, _) = rule.is.matcher.risk;
                let from = if *operation == Operation::Unknown { 100 } else { from };
                self.thresholds.get(*service).and_then(|t| t.deny).is_some_and(|deny| from >= deny.value())
            };
            if cells.iter().all(denied) {
                let message = format!(
                    "{} can never fire: every request that it speaks of is at or above thresholds.deny",
                    clip(&rule.is.name)
                );
                findings.add(place(rule.node, "name"), "never_fires", message);
            } else if let Some(names) = covered(&denials, &rule.is.matcher, &cells) {
                let message = format!("{} can never fire: {names} denies all of it", clip(&rule.is.name));
                findings.add(place(rule.node, "name"), "shadowed", message);
            }
        }
    }

    pub(super) fn grants(&self, draft: &Draft<'_>, findings: &mut Findings) {
        let denials = denials(draft, findings);
        for grant in &draft.grants {
            let (from, until) = (grant.is.grant.from, grant.is.grant.until);
            if from >= until {
                findings.add(place(grant.node, "until"), "contradictory_grant", "it ends before it begins");
            }
            if let Some(quota) = grant.node.get("quota").filter(|quota| quota.entries().len() > 1) {
                findings.add(quota.place, "contradictory_grant", "a grant has one quota, in one unit");
            }
            if !self.whole || !sound(grant.node, findings) {
                continue;
            }
            let cells = self.cells(&grant.is.matcher);
            if cells.is_empty() {
                let message =
                    "no service that it speaks of has any of these operations in its system's catalogue";
                findings.add(place(grant.node, "operations"), "contradictory_grant", message);
            } else if let Some(names) = covered(&denials, &grant.is.matcher, &cells) {
                let message = format!("{} can never be used: {names} denies all of it", clip(&grant.is.name));
                findings.add(place(grant.node, "name"), "contradictory_grant", message);
            } else if let Some((unit, _)) = grant.is.grant.quota
                && !cells.iter().any(|(_, operation)| operation.unit() == Some(unit))
            {
                let message = format!("none of these operations is measured in {unit}");
                findings.add(place(grant.node, "quota"), "contradictory_grant", message);
            }
        }
    }

    pub(super) fn budgets(&self, draft: &Draft<'_>, findings: &mut Findings) {
        for budget in &draft.budgets {
            if !self.whole || !sound(budget.node, findings) {
                continue;
            }
            let cells = self.cells(&budget.is.matcher);
            if let Some(why) = self.never(&budget.is.matcher, &cells) {
                let message = format!("{} can never apply: {why}", clip(&budget.is.name));
                let at = if cells.is_empty() { "operations" } else { "name" };
                findings.add(place(budget.node, at), "never_fires", message);
            }
        }
    }

    pub(super) fn watch(&self, draft: &Draft<'_>, findings: &mut Findings) {
        for Part { node, is: watched } in &draft.watched {
            if let Some(risk) = node.get("risk").filter(|_| watched.holds) {
                let message = "`risk` belongs to effect: raise, and this signal has hold";
                findings.add(risk.place, "misplaced_key", message);
            }
            if let Some(within) = node.get("within")
                && duration(node, "within").is_some_and(|within| within > Profile::USES_FOR)
            {
                findings.add(within.place, "bad_duration", "who used a token is known for 24h");
            }
            if watched.signal.name() == "canary" && node.get("ids").is_none() && node.get("texts").is_none() {
                findings.add(node.place, "missing_key", "nothing is laid out: name `ids` or `texts`");
            }
            if !self.whole || !sound(node, findings) {
                continue;
            }
            let cells = self.cells(&watched.matcher);
            if let Some(why) = self.never(&watched.matcher, &cells) {
                let message = format!("{} can never fire: {why}", watched.signal.name());
                let at = if cells.is_empty() { "operations" } else { "effect" };
                findings.add(place(node, at), "never_fires", message);
            }
        }
    }
}

/// A budget counts one thing.
pub(super) fn counts(draft: &Draft<'_>, findings: &mut Findings) {
    for node in draft.root.get("budgets").map(Node::elements).unwrap_or_default() {
        match (node.get("ids"), node.get("quota")) {
            (None, None) => findings.add(
                node.place,
                "missing_key",
                "a budget says what it counts: `ids`, or a `quota` of vectors, rows, bytes or calls",
            ),
            (Some(_), Some(quota)) => {
                findings.add(quota.place, "contradictory_budget", "a budget counts ids or a quota, not both");
            }
            (None, Some(quota)) if quota.entries().len() > 1 => {
                findings.add(quota.place, "contradictory_budget", "a budget has one quota, in one unit");
            }
            _ => {}
        }
    }
}

/// The rules that deny without exception, as far as they could be read whole.
pub(super) fn denials<'d>(draft: &'d Draft<'_>, findings: &Findings) -> Vec<&'d Rule> {
    let rules =
        draft.rules.iter().filter(|rule| rule.is.effect == Effect::Deny && sound(rule.node, findings));
    rules.map(|rule| &rule.is).collect()
}

/// The rules that deny every one of these cells whole, where they do.
fn covered(denials: &[&Rule], matcher: &Matcher, cells: &[(usize, Operation)]) -> Option<String> {
    let mut names: Vec<&Arc<str>> = Vec::new();
    for (service, operation) in cells {
        let denial = denials.iter().find(|deny| deny.matcher.covers_at(matcher, *service, *operation))?;
        if !names.contains(&&denial.name) {
            names.push(&denial.name);
        }
    }
    let names: Vec<String> = names.iter().map(|name| clip(name)).collect();
    (!names.is_empty()).then(|| names.join(" and "))
}
