//! The entities that Wardline knows, read once from the data files beside the code.

use std::sync::LazyLock;

use saphyr::{LoadableYamlNode, Yaml};

use super::find::Find;
use crate::model::{Entity, Group};

/// One entity of the catalogue, as its data file declares it.
#[derive(Debug)]
#[non_exhaustive]
pub struct EntityInfo {
    /// Its name and group.
    pub entity: Entity,
    /// What the value is, in a sentence.
    pub what: &'static str,
    /// Where its format is specified.
    pub source: &'static str,
    /// Words before the value, or parts of its key, that tell what it is.
    pub words: Vec<&'static str>,
    /// Texts that hold it, each value between `«` and `»`; `key: value` pairs as [`Example::key`].
    pub matches: Vec<Example>,
    /// Texts that resemble it and do not hold it.
    pub rejects: Vec<Example>,
    pub(super) find: Find,
    pub(super) rank: u8,
}

/// An example of the catalogue.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Example {
    /// The key that the text stands in, if any.
    pub key: Option<&'static str>,
    /// The text.
    pub text: &'static str,
}

/// Every data file, in the order of the catalogue.
pub(super) const FILES: &[&str] = &[
    include_str!("../../data/entities/secrets/named.yaml"),
    include_str!("../../data/entities/secrets/cloud.yaml"),
    include_str!("../../data/entities/secrets/code.yaml"),
    include_str!("../../data/entities/secrets/ai.yaml"),
    include_str!("../../data/entities/secrets/chat.yaml"),
    include_str!("../../data/entities/secrets/money.yaml"),
    include_str!("../../data/entities/secrets/data.yaml"),
    include_str!("../../data/entities/secrets/watching.yaml"),
    include_str!("../../data/entities/secrets/work.yaml"),
    include_str!("../../data/entities/money.yaml"),
    include_str!("../../data/entities/identity.yaml"),
    include_str!("../../data/entities/identity/north-america.yaml"),
    include_str!("../../data/entities/identity/latin-america.yaml"),
    include_str!("../../data/entities/identity/west-europe.yaml"),
    include_str!("../../data/entities/identity/south-europe.yaml"),
    include_str!("../../data/entities/identity/nordic-baltic.yaml"),
    include_str!("../../data/entities/identity/east-europe.yaml"),
    include_str!("../../data/entities/identity/asia.yaml"),
    include_str!("../../data/entities/identity/middle-east-africa-pacific.yaml"),
    include_str!("../../data/entities/contact.yaml"),
    include_str!("../../data/entities/person.yaml"),
    include_str!("../../data/entities/address.yaml"),
    include_str!("../../data/entities/network.yaml"),
    include_str!("../../data/entities/crypto.yaml"),
    include_str!("../../data/entities/place.yaml"),
    include_str!("../../data/entities/device.yaml"),
    include_str!("../../data/entities/vehicle.yaml"),
    include_str!("../../data/entities/health.yaml"),
];

/// The documents live as long as the process, so that names can be borrowed from them.
static DOCUMENTS: LazyLock<Vec<Yaml<'static>>> =
    LazyLock::new(|| FILES.iter().filter_map(|text| Yaml::load_from_str(text).ok()).flatten().collect());

static CATALOGUE: LazyLock<Vec<EntityInfo>> = LazyLock::new(|| {
    // A row that does not parse is left out, so that a policy which names it is refused; a test sees every row read.
    rows().filter_map(read).collect()
});

/// Every entity, in the order of the data files.
pub fn catalogue() -> &'static [EntityInfo] {
    &CATALOGUE
}

/// The entity of that name, e.g. `us_ssn`.
pub fn entity(name: &str) -> Option<Entity> {
    catalogue().iter().map(|info| info.entity).find(|entity| entity.name == name)
}

fn rows() -> impl Iterator<Item = &'static Yaml<'static>> {
    DOCUMENTS.iter().filter_map(|document| document.as_sequence()).flatten()
}

fn read(row: &'static Yaml<'static>) -> Option<EntityInfo> {
    let text = |key| row.as_mapping_get(key).and_then(|value| value.as_str());
    let name = text("name")?;
    let entity = Entity { name, group: Group::by_name(text("group")?)? };
    Some(EntityInfo {
        entity,
        what: text("what")?,
        source: text("source")?,
        // `also`: words that many rows of a file have in common.
        words: strings(row, "words")?.into_iter().chain(strings(row, "also")?).collect(),
        matches: examples(row, "match")?,
        rejects: examples(row, "reject")?,
        find: Find::read(row)?,
        rank: u8::try_from(row.as_mapping_get("rank")?.as_integer()?).ok()?,
    })
}

/// A list of strings; an absent one is empty, another kind of value is an error.
pub(super) fn strings(row: &'static Yaml<'static>, key: &str) -> Option<Vec<&'static str>> {
    match row.as_mapping_get(key) {
        None => Some(Vec::new()),
        Some(list) => list.as_sequence()?.iter().map(|item| item.as_str()).collect(),
    }
}

fn examples(row: &'static Yaml<'static>, key: &str) -> Option<Vec<Example>> {
    let one = |item: &'static Yaml<'static>| match item.as_str() {
        Some(text) => Some(Example { key: None, text }),
        None => {
            let (key, text) = item.as_mapping()?.iter().next()?;
            Some(Example { key: Some(key.as_str()?), text: text.as_str()? })
        }
    };
    row.as_mapping_get(key)?.as_sequence()?.iter().map(one).collect()
}
