//! Values of a node, as far as they can be read.

use std::time::Duration;

use crate::clock::parse_duration;
use crate::glob::Glob;
use crate::keys::Secret;
use crate::model::Risk;
use crate::policy::document::{Node, beside, threshold};

pub(in crate::policy) fn text<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key)?.text()
}

pub(in crate::policy) fn entries<'n>(node: &'n Node, key: &str) -> impl Iterator<Item = (&'n str, &'n Node)> {
    let entries = node.get(key).map(Node::entries).unwrap_or_default();
    entries.iter().map(|(key, node)| (key.text.as_str(), node))
}

/// The readable elements of a list; `None` where the key is absent.
pub(in crate::policy) fn list<T>(node: &Node, key: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    Some(node.get(key)?.elements().iter().filter_map(Node::text).filter_map(read).collect())
}

pub(in crate::policy) fn globs(node: &Node, key: &str) -> Option<Vec<Glob>> {
    list(node, key, |text| Glob::new(text).ok())
}

pub(in crate::policy) fn duration(node: &Node, key: &str) -> Option<Duration> {
    parse_duration(text(node, key)?).ok()
}

/// Where a secret is, in one of two ways; a relative file stands beside the policy.
pub(in crate::policy) fn read_secret(node: &Node, file: &str) -> Option<Secret> {
    match (text(node, "env"), text(node, "file")) {
        (Some(name), None) => Some(Secret::Env(name.to_owned())),
        (None, Some(path)) => Some(Secret::File(beside(file, path))),
        _ => None,
    }
}

pub(super) fn read_threshold(node: &Node, key: &str) -> Option<Option<Risk>> {
    threshold(text(node, key)?).map(|risk| risk.map(Risk::new))
}
