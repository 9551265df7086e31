//! Holds that nobody can end.

use super::place;
use crate::policy::decision::{ApprovalTerms, Effect};
use crate::policy::document::{Findings, Node, clip};
use crate::policy::draft::{Draft, Part};

/// Whatever is held can be approved by somebody.
pub(super) fn holds(draft: &Draft<'_>, findings: &mut Findings) {
    let root = draft.root;
    let missing = "nobody can approve: name the steps of an approval here or at the top of the policy";
    let none = draft.approval.steps.is_empty();
    if none && draft.default == Effect::Hold {
        findings.add(place(root, "default"), "nobody_approves", missing);
    }
    let services = root.get("services").map(Node::entries).unwrap_or_default();
    for node in std::iter::once(root).chain(services.iter().map(|(_, node)| node)) {
        let hold = node.get("thresholds").and_then(|node| node.get("hold"));
        if let Some(hold) = hold.filter(|hold| none && hold.text() != Some("never")) {
            findings.add(hold.place, "nobody_approves", missing);
        }
    }
    if let Some(approval) = root.get("approval") {
        enough(draft, approval, &draft.approval, None, findings);
    }
    if let Some(approval) = root.get("granting").and_then(|node| node.get("approval")) {
        enough(draft, approval, &draft.granting.approval, None, findings);
    }
    let rules =
        draft.rules.iter().map(|Part { node, is }| (*node, is.effect, is.terms.as_ref(), &is.matcher));
    let budgets =
        draft.budgets.iter().map(|Part { node, is }| (*node, is.effect, is.terms.as_ref(), &is.matcher));
    for Part { node, is } in &draft.watched {
        if is.holds && none {
            findings.add(place(node, "effect"), "nobody_approves", missing);
        }
    }
    for (node, effect, terms, matcher) in rules.chain(budgets) {
        let own = node.get("approval");
        let Some(terms) = terms else {
            for key in ["approval", "wait"] {
                if let Some(node) = node.get(key) {
                    let message =
                        format!("`{key}` belongs to effect: hold, and this entry has {}", effect.name());
                    findings.add(node.place, "misplaced_key", message);
                }
            }
            continue;
        };
        if terms.steps.is_empty() {
            findings.add(place(node, "effect"), "nobody_approves", missing);
        }
        let asker = matcher.scope.who.as_ref().and_then(|who| who.only_user());
        if own.is_some() || asker.is_some() {
            enough(draft, own.unwrap_or(node), terms, asker, findings);
        }
    }
}

/// Enough people for all steps, the one who asks not counted.
fn enough(
    draft: &Draft<'_>,
    node: &Node,
    terms: &ApprovalTerms,
    asker: Option<&str>,
    findings: &mut Findings,
) {
    let known = |group: &String| draft.groups.contains_key(group);
    if !terms.steps.iter().all(|step| step.from.iter().all(known)) {
        return;
    }
    let count = |groups: &[String]| draft.people(groups).iter().filter(|p| Some(**p) != asker).count();
    let lacks = |need: u64, have: usize| u64::try_from(have).unwrap_or(u64::MAX) < need;
    let but = asker
        .map_or_else(String::new, |asker| format!(" (nobody approves their own request: {})", clip(asker)));
    let mut short = false;
    for step in &terms.steps {
        let have = count(&step.from);
        if lacks(step.need.into(), have) {
            short = true;
            let message = format!(
                "{} people of {} are needed and there are {have}{but}",
                step.need,
                step.from.join(", ")
            );
            findings.add(place(node, "steps"), "nobody_approves", message);
        }
    }
    let everybody: Vec<String> = terms.steps.iter().flat_map(|step| step.from.iter().cloned()).collect();
    let need = terms.steps.iter().map(|step| u64::from(step.need)).sum();
    let have = count(&everybody);
    if !short && lacks(need, have) {
        let message =
            format!("a person counts towards one step: {need} people are needed and there are {have}{but}");
        findings.add(place(node, "steps"), "nobody_approves", message);
    }
}
