//! Mask entries, their transforms, and the entities that a policy declares.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::matcher::{Names, read_matcher};
use super::node::{entries, list, text};
use crate::detect::{Called, Custom, Find, Pattern, Words, Wrong};
use crate::glob::Glob;
use crate::json::Path;
use crate::mask::{Generalised, Scope as Reach, Transform};
use crate::model::Entity;
use crate::policy::document::{Node, number};
use crate::policy::masking::{Embed, Entry, Side};

const DEFAULT_DAYS: u16 = 180;

pub(super) fn read_mask(node: &Node, names: &Names<'_>) -> Option<Entry> {
    let sides: Option<Vec<Side>> = list(node, "in", |side| match side {
        "request" => Some(Side::Request),
        "response" => Some(Side::Response),
        _ => None,
    });
    let mut found: BTreeMap<Entity, (u8, Transform)> = BTreeMap::new();
    for (name, node) in entries(node, "entities") {
        let (closeness, meant) = names.entities(name);
        let Some(transform) = read_transform(node) else { continue };
        for entity in meant {
            let before = found.get(&entity);
            if before.is_none_or(|(close, _)| *close < closeness) {
                found.insert(entity, (closeness, transform.clone()));
            }
        }
    }
    let fields = entries(node, "fields")
        .filter_map(|(path, node)| Some((Path::parse(path).ok()?, read_transform(node)?)))
        .collect();
    Some(Entry {
        name: text(node, "name")?.into(),
        matcher: read_matcher(node, names),
        request: sides.as_ref().is_none_or(|sides| sides.contains(&Side::Request)),
        response: sides.as_ref().is_none_or(|sides| sides.contains(&Side::Response)),
        entities: found.into_iter().map(|(entity, (_, transform))| (entity, transform)).collect(),
        fields,
        within: list(node, "within", |path| Path::parse(path).ok()).unwrap_or_default(),
        except: list(node, "except", |text| Some(text.to_owned())).unwrap_or_default().into_iter().collect(),
        refuse_unmaskable: text(node, "unmaskable") != Some("pass"),
        strips: text(node, "vectors") == Some("strip"),
        rereads: text(node, "reread") == Some("always"),
        captures: text(node, "capture") == Some("masked"),
        embed: match text(node, "embed") {
            Some("pass") => Embed::Pass,
            Some("deny") => Embed::Deny,
            _ => Embed::Mask,
        },
    })
}

pub(super) fn read_detector(
    entity: Entity,
    node: &Node,
) -> Option<Result<Arc<Custom>, (&'static str, Wrong)>> {
    let at = |key: &'static str| move |wrong: Wrong| (key, wrong);
    let texts = |key| list(node, key, |text| Some(text.to_owned()));
    let rank = text(node, "rank").and_then(number).and_then(|n| u8::try_from(n).ok());
    let find = if let Some(pattern) = text(node, "pattern") {
        Pattern::new(pattern).map(|pattern| Find::Pattern(Box::new(pattern))).map_err(at("pattern"))
    } else if let Some(words) = texts("words") {
        let ignores_case = text(node, "case") == Some("ignore");
        Words::new(words.iter().map(String::as_str), ignores_case).map(Find::Words).map_err(at("words"))
    } else if let Some(name) = text(node, "calls") {
        Ok(Find::Called(Called::new(name, text(node, "label"))))
    } else {
        let keys = list(node, "keys", |key| Glob::new(&key.to_ascii_lowercase()).ok())?;
        Ok(Find::Keys(keys))
    };
    let made = find.map(|find| Custom::new(entity, find, rank)).and_then(|custom| {
        let lines = texts("check").unwrap_or_default();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let custom = if lines.is_empty() { custom } else { custom.checked(&lines).map_err(at("check"))? };
        match texts("near") {
            Some(near) => custom.near(near).map_err(at("near")),
            None => Ok(custom),
        }
    });
    Some(made.map(Arc::new))
}

fn read_transform(node: &Node) -> Option<Transform> {
    if let Some(word) = node.text() {
        return Some(match word {
            "observe" => Transform::Observe,
            "redact" => Transform::Redact,
            "hash" => Transform::Hash,
            "drop" => Transform::Drop,
            "deny" => Transform::Deny,
            "keep_length" => Transform::KeepLength,
            // What a short word for it keeps: enough to recognise, too little to use.
            "partial" => Transform::Partial { first: 1, last: 2 },
            // What can be joined by it, and what can be had back: as little as possible, and by whoever may ask at all.
            "pseudonym" => Transform::Pseudonym(Reach::Session),
            "date_shift" => Transform::DateShift { days: DEFAULT_DAYS, scope: Reach::Session },
            "generalise" => Transform::Generalise(None),
            "fpe" => Transform::Fpe(Reach::Policy),
            "token" => Transform::Token(Reach::Policy),
            _ => return None,
        });
    }
    let [(key, settings)] = node.entries() else { return None };
    let whole = |key| text(settings, key).and_then(number);
    let scope = || text(settings, "scope").and_then(Reach::by_name);
    Some(match key.text.as_str() {
        "replace" => Transform::Replace(settings.text()?.to_owned()),
        "partial" => {
            let kept = |key| whole(key).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            Transform::Partial { first: kept("first"), last: kept("last") }
        }
        "pseudonym" => Transform::Pseudonym(scope()?),
        "date_shift" => Transform::DateShift {
            days: whole("days").map_or(Some(DEFAULT_DAYS), |n| u16::try_from(n).ok())?,
            scope: scope().unwrap_or(Reach::Session),
        },
        "generalise" => Transform::Generalise(Some(Generalised::by_name(text(settings, "as")?)?)),
        "fpe" => Transform::Fpe(scope()?),
        "token" => Transform::Token(scope()?),
        _ => return None,
    })
}
