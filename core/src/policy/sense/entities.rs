//! Masks that mask nothing, entities that nobody finds, transforms that do not fit.

use super::cells::World;
use super::{place, sound};
use crate::json::Path;
use crate::mask::Generalised;
use crate::model::{Entity, Group, Operation};
use crate::policy::document::{Findings, Node, clip, entities, unknown_entity};
use crate::policy::draft::Draft;
use crate::policy::service::State;

impl World {
    pub(super) fn masks(&self, draft: &Draft<'_>, findings: &mut Findings) {
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
pub(super) fn detectors(draft: &Draft<'_>, findings: &mut Findings) {
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
