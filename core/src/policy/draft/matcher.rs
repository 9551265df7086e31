//! What a part of the policy speaks of: names become sets, patterns and conditions.

use std::collections::BTreeMap;

use super::node::{entries, globs, list, text};
use crate::clock::Window;
use crate::detect;
use crate::glob::Glob;
use crate::identity::Who;
use crate::model::{Entity, Operation};
use crate::policy::callers::Callers;
use crate::policy::document::{Node, entities, number};
use crate::policy::labels::Labelled;
use crate::policy::scope::{Amount, Matcher, Operations, Scope};
use crate::policy::setting::Setting;

/// What the matchers of a policy may refer to.
pub(super) struct Names<'n> {
    pub(super) services: Vec<&'n str>,
    pub(super) groups: &'n BTreeMap<String, Vec<String>>,
    pub(super) labels: Vec<Labelled>,
    /// Entities that the policy declares.
    pub(super) own: Vec<Entity>,
}

impl Names<'_> {
    /// The entities of a name, and how close it is to each: an entity's own name, then its group's, then all.
    pub(super) fn entities(&self, name: &str) -> (u8, Vec<Entity>) {
        let own = self.own.iter().copied();
        if name == "*" {
            return (0, detect::catalogue().iter().map(|info| info.entity).chain(own).collect());
        }
        if let Some(own) = own.clone().find(|entity| entity.name == name) {
            return (2, vec![own]);
        }
        let grouped = own.filter(|entity| entity.group.name() == name);
        let closeness = if detect::entity(name).is_some() { 2 } else { 1 };
        (closeness, entities(name).into_iter().chain(grouped).collect())
    }
}

fn read_scope(node: &Node, names: &Names<'_>) -> Scope {
    let who = list(node, "who", |who| who.parse::<Who>().ok());
    let members = |group: &str| names.groups.get(group).map(Vec::as_slice).unwrap_or_default();
    let operations = globs(node, "operations").map_or(Operations::ALL, |globs| {
        let meant = |operation: &Operation| globs.iter().any(|glob| glob.matches(operation.name()));
        Operations::of(Operation::ALL.iter().copied().filter(meant))
    });
    Scope {
        who: who.map(|who| Callers::new(&who, members)),
        services: read_services(node, names),
        operations,
        resources: globs(node, "resources").map(Vec::into_boxed_slice),
        labels: list(node, "labels", |label| {
            names.labels.iter().find(|known| &*known.name == label).cloned()
        })
        .map(Vec::into_boxed_slice),
        setting: read_setting(node),
    }
}

fn read_services(node: &Node, names: &Names<'_>) -> Option<Box<[bool]>> {
    let globs = globs(node, "services")?;
    // The empty name is that of hosts which no service names: only `*` fits it.
    let all = names.services.iter().copied().chain([""]);
    Some(all.map(|name| globs.iter().any(|glob| glob.matches(name))).collect())
}

fn read_setting(node: &Node) -> Setting {
    let claim = |(name, values): (&str, &Node)| {
        let values = values.elements().iter().filter_map(Node::text);
        (name.into(), values.filter_map(|text| Glob::new(text).ok()).collect())
    };
    Setting {
        claims: entries(node, "claims").map(claim).collect(),
        via: globs(node, "via").unwrap_or_default().into(),
        networks: list(node, "networks", |text| text.parse().ok()).unwrap_or_default().into(),
        when: windows(node).into(),
    }
}

pub(super) fn windows(node: &Node) -> Vec<Window> {
    list(node, "when", |text| text.parse().ok()).unwrap_or_default()
}

pub(super) fn read_label(name: &str, node: &Node, names: &Names<'_>) -> Option<Labelled> {
    Some(Labelled {
        name: name.into(),
        services: read_services(node, names),
        resources: globs(node, "resources")?.into(),
        points: text(node, "risk").and_then(number).and_then(|n| u8::try_from(n).ok()).unwrap_or(0),
    })
}

pub(super) fn read_matcher(node: &Node, names: &Names<'_>) -> Matcher {
    let bound = |node: &Node, key| text(node, key).and_then(number);
    let risk = node.get("risk").map_or(Matcher::ANY_RISK, |risk| {
        let value = |key, otherwise| bound(risk, key).and_then(|n| u8::try_from(n).ok()).unwrap_or(otherwise);
        (value("from", Matcher::ANY_RISK.0), value("below", Matcher::ANY_RISK.1))
    });
    let magnitude = node.get("magnitude").and_then(|amount| {
        let unit = text(amount, "unit")?.parse().ok()?;
        Some(Amount { unit, over: bound(amount, "over"), up_to: bound(amount, "up_to") })
    });
    let unless = node.get("unless").map(|unless| read_scope(unless, names));
    Matcher { scope: read_scope(node, names), risk, magnitude, unless }
}
