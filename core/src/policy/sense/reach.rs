//! What can be meant, and hardly is: services that nobody may use, resources that nobody may reach.

use super::cells::{World, denials};
use crate::glob::Glob;
use crate::model::Operation;
use crate::policy::decision::Effect;
use crate::policy::document::{Findings, Node, clip};
use crate::policy::draft::{Draft, Part, Rule};
use crate::policy::scope::Matcher;

impl World {
    /// What can be meant, and hardly is: services that nobody may use, and resources that are named and that nobody may reach.
    pub(super) fn warn(&self, draft: &Draft<'_>, findings: &mut Findings) {
        if let Some(node) = draft.root.get("watch").filter(|node| node.get("learning").is_none())
            && node.get("mode").is_none_or(|mode| mode.text() != Some("learn"))
            && let Some(name) =
                ["first_seen", "new_network"].into_iter().find(|name| node.get(name).is_some())
        {
            let message = format!(
                "nothing is known of any caller at first, and so all of them are {name}: say for how long it is only learnt, such as `learning: 7d`"
            );
            findings.warn(node.place, "no_learning", message);
        }
        if draft.default != Effect::Deny {
            return;
        }
        let opening: Vec<&Matcher> = draft
            .rules
            .iter()
            .filter(|rule| rule.is.effect != Effect::Deny)
            .map(|rule| &rule.is.matcher)
            .collect();
        let opens = |rule: &Matcher, (service, operation): (usize, Operation)| {
            rule.scope.has_service(service) && rule.scope.operations.has(operation)
        };
        for Part { node, is: service } in &draft.services {
            let mut possible = self.possible.get(service.index).into_iter().flat_map(|set| set.iter());
            if !possible.any(|operation| opening.iter().any(|rule| opens(rule, (service.index, operation)))) {
                let message = format!(
                    "nobody may do anything at {}: no rule allows, grants or holds it, and the default is to deny",
                    clip(&service.name)
                );
                findings.warn(node.place, "unusable_service", message);
            }
        }
        let everything: Vec<(usize, Operation)> = self
            .possible
            .iter()
            .enumerate()
            .flat_map(|(index, set)| set.iter().map(move |operation| (index, operation)))
            .collect();
        let cells = |matcher| self.cells(matcher);
        let budgets = draft.budgets.iter().map(|part| (part.node, cells(&part.is.matcher)));
        let grants = draft.grants.iter().map(|part| (part.node, cells(&part.is.matcher)));
        let masks = draft.masks.iter().map(|part| (part.node, cells(&part.is.matcher)));
        let permitting = draft.rules.iter().filter(|rule| rule.is.effect != Effect::Deny);
        let rules = permitting.map(|part| (part.node, cells(&part.is.matcher)));
        let labels = draft.labels.iter().map(|Part { node, is: label }| {
            let at = |(service, _): &&(usize, Operation)| {
                label.services.as_ref().is_none_or(|set| set.get(*service).copied().unwrap_or(false))
            };
            (*node, everything.iter().filter(at).copied().collect())
        });
        let denials = denials(draft, findings);
        for (node, cells) in budgets.chain(grants).chain(masks).chain(rules).chain(labels) {
            for resource in node.get("resources").map(Node::elements).unwrap_or_default() {
                let Some(Ok(pattern)) = resource.text().map(Glob::new) else { continue };
                if !reachable(&pattern, &cells, &opening, &denials) {
                    let message = format!(
                        "nobody may reach {} by what this speaks of: no rule allows, grants or holds it, or one denies all of it",
                        clip(pattern.as_str())
                    );
                    findings.warn(resource.place, "unreachable_resource", message);
                }
            }
        }
    }
}

/// Whether some rule that permits something meets a pattern of resources in one of these cells, and no denial takes all of that away.
fn reachable(pattern: &Glob, cells: &[(usize, Operation)], opening: &[&Matcher], denials: &[&Rule]) -> bool {
    cells.iter().any(|(service, operation)| {
        opening.iter().any(|rule| {
            let scope = &rule.scope;
            if !scope.has_service(*service)
                || !scope.operations.has(*operation)
                || scope
                    .resources
                    .as_ref()
                    .is_some_and(|globs| !globs.iter().any(|g| g.meets(pattern.as_str())))
            {
                return false;
            }
            if denials.is_empty() {
                return true;
            }
            let mut part = Matcher::clone(rule);
            part.scope.resources = Some([pattern.clone()].into());
            !denials.iter().any(|deny| deny.matcher.covers_at(&part, *service, *operation))
        })
    })
}
