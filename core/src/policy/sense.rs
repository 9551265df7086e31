//! What a policy says that cannot be meant: names that stand for nothing, rules that can never fire, grants that
//! contradict the rules, holds that nobody can end.
//!
//! A rule is a set of cells (service, operation) with further conditions on each, all of them finite lists and
//! patterns; so "never fires" is computed cell by cell and not guessed. Where patterns with several stars make
//! covering undecidable here, nothing is reported.

use std::collections::HashSet;
use std::sync::Arc;

use super::SHARED_NEEDS_FOLDER;
use super::catalogues::Catalogues;
use super::decision::{ApprovalTerms, Effect};
use super::document::{Findings, Node, Place, clip, entities, hint, unknown_entity};
use super::draft::{Draft, Part, Rule, duration, entries};
use super::notify::{is_console, may_call};
use super::scope::{Matcher, Operations};
use super::service::{State, Thresholds};
use crate::glob::Glob;
use crate::grant::Event;
use crate::json::Path;
use crate::mask::Generalised;
use crate::model::{Entity, Group, Operation};
use crate::watch::Profile;

/// Reports everything in `draft` that cannot be meant.
pub(super) fn check(draft: &Draft<'_>, catalogues: &Catalogues, findings: &mut Findings) {
    let world = World::new(draft);
    systems(draft, catalogues, findings);
    services(draft, findings);
    log(draft, findings);
    store(draft, findings);
    notify(draft, findings);
    names(draft, findings);
    references(draft, findings);
    holds(draft, findings);
    counts(draft, findings);
    world.rules(draft, findings);
    world.grants(draft, findings);
    world.budgets(draft, findings);
    world.masks(draft, findings);
    world.watch(draft, findings);
    detectors(draft, findings);
    if findings.is_sound() {
        world.warn(draft, findings);
    }
}

/// Whether nothing was reported within a part, so that conclusions from it are sound.
fn sound(node: &Node, findings: &Findings) -> bool {
    !findings.any_within(node.place, node.end)
}

fn place(node: &Node, key: &str) -> Place {
    node.get(key).map_or(node.place, |node| node.place)
}

/// Every service speaks what is built in or what a catalogue of the policy describes.
fn systems(draft: &Draft<'_>, catalogues: &Catalogues, findings: &mut Findings) {
    let known = catalogues.names();
    for (_, service) in draft.root.get("services").map(Node::entries).unwrap_or_default() {
        let Some(node) = service.get("system") else { continue };
        let Some(name) = node.text().filter(|name| !known.contains(name)) else { continue };
        if sound(node, findings) {
            let hint = hint(name, known.iter().copied());
            let message = format!("no system is called {}{hint}; known: {}", clip(name), known.join(", "));
            findings.add(node.place, "unknown_system", message);
        }
    }
}

/// A shared store is named in one way, and has a state folder beside it.
fn store(draft: &Draft<'_>, findings: &mut Findings) {
    let Some(node) = draft.root.get("store") else { return };
    secret(node, findings);
    if draft.state == State::Memory && sound(node, findings) {
        findings.add(node.place, "contradictory_store", SHARED_NEEDS_FOLDER);
    }
}

/// The key of the log is in one place, and there is a log.
fn log(draft: &Draft<'_>, findings: &mut Findings) {
    let Some(node) = draft.root.get("log") else { return };
    if let Some(key) = node.get("key") {
        secret(key, findings);
    }
    if draft.state == State::Memory && sound(node, findings) {
        let message = "a log is kept in a state folder, and this policy keeps its state in memory";
        findings.add(node.place, "misplaced_key", message);
    }
}

/// A webhook is posted to safely, signs where nothing else tells who writes, and is told something.
fn notify(draft: &Draft<'_>, findings: &mut Findings) {
    for node in draft.root.get("notify").map(Node::elements).unwrap_or_default() {
        for key in ["url", "key"] {
            if let Some(kept) = node.get(key) {
                secret(kept, findings);
            }
        }
        let danger = node.get("danger_plain_http").is_some();
        if let Some(url) = node.get("url")
            && let Some(Err(why)) = url.text().map(|url| may_call(url, danger))
        {
            findings.add(url.place, "unsafe_url", why);
        }
        if let Some(console) = node.get("console")
            && let Some(Err(why)) = console.text().map(is_console)
        {
            findings.add(console.place, "unsafe_url", why);
        }
        if let (Some(reader), None) = (node.get("reader"), node.get("console")) {
            let message = "a reader answers by a link to the console: name `console`, its address";
            findings.add(reader.place, "missing_key", message);
        }
        // The URLs of Slack and Teams are secrets that only they and this policy know.
        if node.get("key").is_none()
            && node.get("form").and_then(Node::text).is_none_or(|form| form == "json")
        {
            findings.add(
                node.place,
                "missing_key",
                "messages in JSON are signed: name `key`, where the key is kept",
            );
        }
        for pattern in node.get("events").map(Node::elements).unwrap_or_default() {
            let names = || Event::ALL.into_iter().map(Event::name);
            if let Some(Ok(glob)) = pattern.text().map(Glob::new)
                && !names().any(|name| glob.matches(name))
            {
                let message =
                    format!("no event is called {}{}", clip(glob.as_str()), hint(glob.as_str(), names()));
                findings.add(pattern.place, "unknown_event", message);
            }
        }
    }
}

/// A secret is in one place.
pub(super) fn secret(node: &Node, findings: &mut Findings) {
    let ways = ["env", "file"].into_iter().filter(|way| node.get(way).is_some()).count();
    if node.text().is_none() && ways != 1 && sound(node, findings) {
        findings.add(node.place, "ambiguous_secret", "say where it is kept: `env` or `file`");
    }
}

fn services(draft: &Draft<'_>, findings: &mut Findings) {
    for (index, service) in draft.services.iter().enumerate() {
        for key in ["hosts", "base_path", "body_limit"] {
            if let Some(node) = service.node.get(key).filter(|_| !service.is.system.takes_requests()) {
                let message = format!(
                    "`{key}` is about requests over HTTP, and {} takes none: it is asked for by its name",
                    clip(service.is.system.name())
                );
                findings.add(node.place, "misplaced_key", message);
            }
        }
        for earlier in draft.services.iter().take(index) {
            let twin = |glob: &&Glob| earlier.is.hosts.contains(glob);
            if earlier.is.base_path == service.is.base_path
                && let Some(host) = service.is.hosts.iter().find(twin)
            {
                let message = format!(
                    "`{}` already answers to {} at {}/: give one of them its own hosts or base_path",
                    earlier.is.name,
                    clip(host.as_str()),
                    service.is.base_path
                );
                findings.add(service.node.place, "unreachable_service", message);
            }
        }
    }
}

/// A name stands for one thing of its kind.
fn names(draft: &Draft<'_>, findings: &mut Findings) {
    for kind in ["rules", "grants", "budgets", "mask", "notify"] {
        let mut seen = HashSet::new();
        for node in draft.root.get(kind).map(Node::elements).unwrap_or_default() {
            if let Some(name) = node.get("name").and_then(Node::text)
                && !seen.insert(name)
            {
                let message = format!("{} is already the name of another one of {kind}", clip(name));
                findings.add(place(node, "name"), "duplicate_name", message);
            }
        }
    }
}

/// Services, labels and groups that a policy refers to are its own.
fn references(draft: &Draft<'_>, findings: &mut Findings) {
    let services: Vec<&str> = match draft.root.get("services") {
        Some(node) => node.entries().iter().map(|(key, _)| key.text.as_str()).collect(),
        None => return,
    };
    let labels: Vec<&str> = entries(draft.root, "labels").map(|(name, _)| name).collect();
    let mut within = |node: &Node| {
        for label in node.get("labels").map(Node::elements).unwrap_or_default() {
            let Some(name) = label.text().filter(|name| !labels.contains(name)) else { continue };
            let known = hint(name, labels.iter().copied());
            let message = format!("no label of this policy is called {}{known}", clip(name));
            findings.add(label.place, "unknown_label", message);
        }
        for pattern in node.get("services").map(Node::elements).unwrap_or_default() {
            let Some(Ok(glob)) = pattern.text().map(Glob::new) else { continue };
            if !services.iter().any(|name| glob.matches(name)) {
                let known = hint(glob.as_str(), services.iter().copied());
                let message = format!("no service of this policy is called {}{known}", clip(glob.as_str()));
                findings.add(pattern.place, "unknown_service", message);
            }
        }
    };
    for kind in ["rules", "grants", "budgets", "mask"] {
        for node in draft.root.get(kind).map(Node::elements).unwrap_or_default() {
            within(node);
            if let Some(unless) = node.get("unless") {
                within(unless);
            }
        }
    }
    for (_, label) in entries(draft.root, "labels") {
        within(label);
    }
    for watched in &draft.watched {
        within(watched.node);
        watched.node.get("unless").into_iter().for_each(&mut within);
    }
    let elements = |kind| draft.root.get(kind).map(Node::elements).unwrap_or_default();
    let held = elements("rules").iter().chain(elements("budgets")).chain(draft.root.get("granting"));
    let mut own = |groups: &Node| {
        for group in groups.elements() {
            let Some(name) = group.text() else { continue };
            if !draft.groups.contains_key(name) {
                let known = hint(name, draft.groups.keys().map(String::as_str));
                let message = format!("no group of this policy is called {}{known}", clip(name));
                findings.add(group.place, "unknown_group", message);
            }
        }
    };
    for approval in std::iter::once(draft.root).chain(held).filter_map(|node| node.get("approval")) {
        let steps = approval.get("steps").map(Node::elements).unwrap_or_default();
        let asked = steps.iter().filter_map(|step| step.get("from")).chain(approval.get("break_glass"));
        asked.for_each(&mut own);
    }
    draft.root.get("granting").and_then(|node| node.get("issuers")).into_iter().for_each(own);
}

/// A budget counts one thing.
fn counts(draft: &Draft<'_>, findings: &mut Findings) {
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

/// Whatever is held can be approved by somebody.
fn holds(draft: &Draft<'_>, findings: &mut Findings) {
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

/// Which operations there are at each service.
struct World {
    /// By the service's index; the last stands for hosts that no service names.
    possible: Vec<Operations>,
    thresholds: Vec<Thresholds>,
    /// Whether all services could be read: only then is "at no service" known.
    whole: bool,
}

impl World {
    fn new(draft: &Draft<'_>) -> Self {
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
    fn cells(&self, matcher: &Matcher) -> Vec<(usize, Operation)> {
        let services =
            self.possible.iter().enumerate().filter(|(index, _)| matcher.scope.has_service(*index));
        services
            .flat_map(|(index, possible)| {
                possible.and(matcher.scope.operations).iter().map(move |operation| (index, operation))
            })
            .collect()
    }

    /// What is wrong with the conditions alone; `None` where they can be met.
    fn never(&self, matcher: &Matcher, cells: &[(usize, Operation)]) -> Option<&'static str> {
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

    fn rules(&self, draft: &Draft<'_>, findings: &mut Findings) {
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

    fn grants(&self, draft: &Draft<'_>, findings: &mut Findings) {
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

    fn budgets(&self, draft: &Draft<'_>, findings: &mut Findings) {
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

    fn watch(&self, draft: &Draft<'_>, findings: &mut Findings) {
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

    /// What can be meant, and hardly is: services that nobody may use, and resources that are named and that nobody may reach.
    fn warn(&self, draft: &Draft<'_>, findings: &mut Findings) {
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
        let budgets = draft.budgets.iter().map(|part| (part.node, &part.is.matcher));
        let grants = draft.grants.iter().map(|part| (part.node, &part.is.matcher));
        let masks = draft.masks.iter().map(|part| (part.node, &part.is.matcher));
        for (node, matcher) in budgets.chain(grants).chain(masks) {
            let cells = self.cells(matcher);
            for resource in node.get("resources").map(Node::elements).unwrap_or_default() {
                let Some(pattern) = resource.text() else { continue };
                let names = |rule: &Matcher| {
                    rule.scope.resources.as_ref().is_none_or(|globs| globs.iter().any(|g| g.meets(pattern)))
                };
                let open =
                    |cell: &(usize, Operation)| opening.iter().any(|rule| opens(rule, *cell) && names(rule));
                if !cells.iter().any(open) {
                    let message = format!(
                        "nobody may reach {} by these operations: no rule allows, grants or holds that, and the default is to deny",
                        clip(pattern)
                    );
                    findings.warn(resource.place, "unreachable_resource", message);
                }
            }
        }
    }

    fn masks(&self, draft: &Draft<'_>, findings: &mut Findings) {
        for node in draft.root.get("mask").map(Node::elements).unwrap_or_default() {
            if ["entities", "fields", "vectors"].iter().all(|key| node.get(key).is_none()) {
                let message = "it masks nothing: name `entities`, `fields` or `vectors`";
                findings.add(node.place, "empty_mask", message);
            }
            let maps = ["entities", "fields"].into_iter().filter_map(|key| node.get(key));
            for (_, transform) in maps.flat_map(Node::entries) {
                if transform.entries().len() > 1 {
                    let message = "a value has one transform, with its settings";
                    findings.add(transform.place, "contradictory_transform", message);
                }
            }
            transforms_fit(node, findings);
            bounds(node, findings);
            if let Some(capture) = node.get("capture")
                && draft.state == State::Memory
            {
                let message = "bodies are kept in a state folder, and this policy keeps its state in memory";
                findings.add(capture.place, "misplaced_key", message);
            }
        }
        for mask in &draft.masks {
            if !self.whole || !sound(mask.node, findings) {
                continue;
            }
            let cells = self.cells(&mask.is.matcher);
            if let Some(why) = self.never(&mask.is.matcher, &cells) {
                let message = format!("{} can never apply: {why}", clip(&mask.is.name));
                findings.add(
                    place(mask.node, if cells.is_empty() { "operations" } else { "name" }),
                    "never_fires",
                    message,
                );
            } else if let Some(embed) = mask.node.get("embed")
                && !(mask.is.request && cells.iter().any(|(_, op)| *op == Operation::InferenceEmbed))
            {
                let message = "nothing that it masks is sent to be embedded";
                findings.add(embed.place, "misplaced_key", message);
            } else if let Some(vectors) = mask.node.get("vectors")
                && !mask.is.response
            {
                let message = "vectors are stripped of responses, and this entry is for requests";
                findings.add(vectors.place, "misplaced_key", message);
            }
        }
    }
}

/// An entity that the policy declares can be found, is found in one way, and is masked somewhere.
fn detectors(draft: &Draft<'_>, findings: &mut Findings) {
    let masks = draft.root.get("mask").map(Node::elements).unwrap_or_default();
    let named = || masks.iter().filter_map(|mask| mask.get("entities")).flat_map(Node::entries);
    for (name, _) in named() {
        let own = || draft.detectors.iter().map(|declared| declared.entity);
        let meant = |own: Entity| [own.name, own.group.name()].contains(&name.text.as_str());
        if name.text != "*" && entities(&name.text).is_empty() && !own().any(meant) {
            let (code, message) = unknown_entity(&name.text, own().map(|own| own.name));
            findings.add(name.place, code, message);
        }
    }
    for declared in &draft.detectors {
        let (node, name) = (declared.node, &declared.name.text);
        let ways: Vec<&str> = WAYS.into_iter().filter(|way| node.get(way).is_some()).collect();
        match ways.as_slice() {
            [] => {
                let message = "it finds nothing: name `pattern`, `words`, `keys` or `calls`";
                findings.add(node.place, "missing_key", message);
            }
            [way] => {
                for (key, of) in [
                    ("case", &["words"][..]),
                    ("check", &["pattern"]),
                    ("near", &["pattern", "words"]),
                    ("label", &["calls"]),
                ] {
                    if node.get(key).is_some() && !of.contains(way) {
                        let message = format!("`{key}` belongs to {}, and this has {way}", of.join(" or "));
                        findings.add(place(node, key), "misplaced_key", message);
                    }
                }
            }
            [_, second, ..] => {
                let message = "an entity is found in one way: `pattern`, `words`, `keys` or `calls`";
                findings.add(place(node, second), "contradictory_detector", message);
            }
        }
        if let Some(Err((key, (code, message)))) = &declared.is {
            findings.add(place(node, key), code, message.clone());
        }
        let meant = |name: &str| [declared.entity.name, declared.entity.group.name(), "*"].contains(&name);
        if !named().any(|(name, _)| meant(&name.text)) {
            let message = format!("no mask entry names {}", clip(name));
            findings.add(declared.name.place, "unused_detector", message);
        }
    }
}

/// Entities that count in some fields are named, and can be found in each of them.
fn bounds(mask: &Node, findings: &mut Findings) {
    let Some(within) = mask.get("within") else { return };
    if mask.get("entities").is_none() {
        let message = "`within` says where `entities` count, and this names none";
        findings.add(within.place, "misplaced_key", message);
    }
    let covered = mask.get("fields").map(Node::entries).unwrap_or_default();
    for (index, node) in within.elements().iter().enumerate() {
        let Some(path) = node.text().and_then(|text| Path::parse(text).ok()) else { continue };
        let inside =
            |other: &str| Path::parse(other).is_ok_and(|other| path.segments().starts_with(other.segments()));
        if let Some((field, _)) = covered.iter().find(|(field, _)| inside(&field.text)) {
            let message =
                format!("no entity is found there: the field {} is replaced whole", clip(&field.text));
            findings.add(node.place, "never_fires", message);
        }
        let mut others = within.elements().iter().enumerate().filter(|(other, _)| *other != index);
        if let Some((_, other)) = others.find(|(other, node)| {
            node.text().is_some_and(|text| inside(text) && (*other < index || text != path.as_str()))
        }) {
            let message = format!("it is in {}, which is named too", clip(other.text().unwrap_or_default()));
            findings.add(node.place, "shadowed", message);
        }
    }
}

/// How an entity can be found.
const WAYS: [&str; 4] = ["pattern", "words", "keys", "calls"];

/// A transform that reads its value fits what it is named for; all others would be redacted, and nobody told.
fn transforms_fit(mask: &Node, findings: &mut Findings) {
    let word = |transform: &Node| {
        let key = transform.entries().first().map(|(key, _)| key.text.clone());
        key.or_else(|| transform.text().map(str::to_owned)).unwrap_or_default()
    };
    let maps = ["entities", "fields"].map(|key| mask.get(key).map(Node::entries).unwrap_or_default());
    let [by_entity, by_field] = maps;
    for (_, transform) in by_field {
        if transform.text() == Some("generalise") {
            let message = "say what the field holds, such as {generalise: {as: age}}";
            findings.add(transform.place, "unfit_transform", message);
        }
        if transform.text() == Some("observe") {
            let message = "what stands in a field is masked; what is only counted is an entity";
            findings.add(transform.place, "unfit_transform", message);
        }
    }
    for (name, transform) in by_entity {
        // What is said of all others need not fit them all.
        let meant = if name.text == "*" { Vec::new() } else { entities(&name.text) };
        let what = match word(transform).as_str() {
            "generalise"
                if transform.text().is_some() && meant.iter().all(|e| Generalised::of(*e).is_none()) =>
            {
                "there is no less exact form of it"
            }
            "date_shift" if meant.iter().all(|entity| entity.group != Group::DateOfBirth) => "it is no date",
            "fpe" if meant.iter().all(|entity| WORDS.contains(&entity.group)) => {
                "it is no number of digits and separators"
            }
            _ => continue,
        };
        if !meant.is_empty() {
            let message = format!("it would always be redacted: {what}");
            findings.add(transform.place, "unfit_transform", message);
        }
    }
}

/// Groups of entities whose values always hold letters or are not numbers.
const WORDS: [Group; 13] = [
    Group::Email,
    Group::Iban,
    Group::Ip,
    Group::Mac,
    Group::Crypto,
    Group::Vin,
    Group::Person,
    Group::Organization,
    Group::Secret,
    Group::Jwt,
    Group::PrivateKey,
    Group::UrlCredential,
    Group::Password,
];

/// The rules that deny without exception, as far as they could be read whole.
fn denials<'d>(draft: &'d Draft<'_>, findings: &Findings) -> Vec<&'d Rule> {
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
