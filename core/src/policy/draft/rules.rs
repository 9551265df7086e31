//! Rules, standing grants and budgets.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::matcher::{Names, read_matcher, windows};
use super::node::{duration, entries, globs, list, text};
use super::{Rule, Standing, read_approval};
use crate::budget::Limit;
use crate::clock::Timestamp;
use crate::glob::Glob;
use crate::grant::{Grant, Scope as GrantScope};
use crate::identity::Who;
use crate::model::{GrantId, Unit};
use crate::policy::budget::{Budget, Counts};
use crate::policy::decision::{ApprovalTerms, Effect};
use crate::policy::document::{Node, number};

/// Who issued a standing grant.
const ISSUER: &str = "policy";

pub(super) fn read_rule(
    node: &Node,
    file: &str,
    names: &Names<'_>,
    approval: &ApprovalTerms,
) -> Option<Rule> {
    let effect = match text(node, "effect")? {
        "allow" => Effect::Allow,
        "grant" => Effect::Grant,
        "hold" => Effect::Hold,
        "deny" => Effect::Deny,
        _ => return None,
    };
    Some(Rule {
        name: text(node, "name")?.into(),
        file: file.into(),
        line: node.place.line,
        matcher: read_matcher(node, names),
        effect,
        terms: (effect == Effect::Hold).then(|| Arc::new(read_approval(node, Some(approval)))),
        because: text(node, "because").map(Into::into),
    })
}

pub(super) fn read_grant(node: &Node, names: &Names<'_>) -> Option<Standing> {
    let name = text(node, "name")?;
    let any = || Some(vec![Glob::new("*").ok()?]);
    let mut who = list(node, "who", |who| who.parse::<Who>().ok())?;
    // A grant knows callers only: the people of the policy's own groups are named one by one.
    let members = |who: &Who| match who {
        Who::Group(group) => names.groups.get(&**group).cloned().unwrap_or_default(),
        _ => Vec::new(),
    };
    let people: Vec<String> = who.iter().flat_map(members).collect();
    who.extend(people.iter().filter_map(|person| Glob::new(person).ok()).map(Who::User));
    let from = text(node, "from").and_then(|at| at.parse().ok()).unwrap_or_default();
    let grant = Grant {
        id: GrantId::from(format!("{}{name}", Grant::STANDING).as_str()),
        scope: GrantScope {
            who,
            services: globs(node, "services").or_else(any)?,
            operations: globs(node, "operations")?,
            resources: globs(node, "resources").or_else(any)?,
        },
        from,
        until: text(node, "until")?.parse::<Timestamp>().ok()?,
        when: windows(node),
        uses: text(node, "uses").and_then(number),
        quota: read_quota(node),
        used: 0,
        spent: 0,
        reason: text(node, "because").unwrap_or("standing grant of the policy").to_owned(),
        issued_by: ISSUER.to_owned(),
        issued_at: from,
        ticket: None,
        approval: None,
        parent: None,
        handed_on: 0,
        revoked: None,
    };
    Some(Standing { name: name.into(), matcher: read_matcher(node, names), grant })
}

/// The grants of a case beside the policy, which knows no group's people.
pub(in crate::policy) fn case_grants(node: &Node) -> Vec<Grant> {
    let names = Names { services: Vec::new(), groups: &BTreeMap::new(), labels: Vec::new(), own: Vec::new() };
    let grants = node.get("grants").map(Node::elements).unwrap_or_default();
    grants.iter().filter_map(|node| Some(read_grant(node, &names)?.grant)).collect()
}

/// The one unit that is counted, and how much of it there may be.
fn read_quota(node: &Node) -> Option<(Unit, u64)> {
    entries(node, "quota").find_map(|(unit, amount)| Some((unit.parse().ok()?, number(amount.text()?)?)))
}

pub(super) fn read_budget(node: &Node, names: &Names<'_>, approval: &ApprovalTerms) -> Option<Budget> {
    let effect = if text(node, "effect") == Some("hold") { Effect::Hold } else { Effect::Deny };
    let (counts, amount) = match text(node, "ids") {
        Some(ids) => (Counts::Ids, number(ids)?),
        None => read_quota(node).map(|(unit, amount)| (Counts::Sum(unit), amount))?,
    };
    Some(Budget {
        name: text(node, "name")?.into(),
        counts,
        limit: Limit { amount, window: duration(node, "window")? },
        effect,
        matcher: read_matcher(node, names),
        each: text(node, "per") != Some("all"),
        terms: (effect == Effect::Hold).then(|| Arc::new(read_approval(node, Some(approval)))),
        because: text(node, "because").map(Into::into),
    })
}
