//! Names that stand for nothing, for two things, or for what is kept in two places.

use std::collections::HashSet;

use super::{SHARED_NEEDS_FOLDER, place, sound};
use crate::glob::Glob;
use crate::grant::Event;
use crate::policy::catalogues::Catalogues;
use crate::policy::document::{Findings, Node, clip, hint};
use crate::policy::draft::{Draft, entries};
use crate::policy::notify::{entry_may_call, is_console};
use crate::policy::service::State;

/// Every service speaks what is built in or what a catalogue of the policy describes.
pub(super) fn systems(draft: &Draft<'_>, catalogues: &Catalogues, findings: &mut Findings) {
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
pub(super) fn store(draft: &Draft<'_>, findings: &mut Findings) {
    let Some(node) = draft.root.get("store") else { return };
    secret(node, findings);
    if draft.state == State::Memory && sound(node, findings) {
        findings.add(node.place, "contradictory_store", SHARED_NEEDS_FOLDER);
    }
}

/// The key of the log is in one place, and there is a log.
pub(super) fn log(draft: &Draft<'_>, findings: &mut Findings) {
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
pub(super) fn notify(draft: &Draft<'_>, findings: &mut Findings) {
    for node in draft.root.get("notify").map(Node::elements).unwrap_or_default() {
        for key in ["url", "key"] {
            if let Some(kept) = node.get(key) {
                secret(kept, findings);
            }
        }
        let danger = node.get("danger_plain_http").is_some();
        if let Some(url) = node.get("url")
            && let Some(Err(why)) = url.text().map(|url| entry_may_call(url, danger))
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
pub(in crate::policy) fn secret(node: &Node, findings: &mut Findings) {
    let ways = ["env", "file"].into_iter().filter(|way| node.get(way).is_some()).count();
    if node.text().is_none() && ways != 1 && sound(node, findings) {
        findings.add(node.place, "ambiguous_secret", "say where it is kept: `env` or `file`");
    }
}

pub(super) fn services(draft: &Draft<'_>, findings: &mut Findings) {
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
pub(super) fn unique(draft: &Draft<'_>, findings: &mut Findings) {
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
pub(super) fn references(draft: &Draft<'_>, findings: &mut Findings) {
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
