//! What a grant is for: who, at which services, doing what, to which resources.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind};
use crate::glob::Glob;
use crate::identity::{Identity, Who};
use crate::model::{Act, Operation};

use super::Lack;

/// The reach of a grant. Each list holds at least one entry; an act must fit one entry of every list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Who may use it.
    pub who: Vec<Who>,
    /// Services of the policy, by name.
    #[serde(with = "globs")]
    pub services: Vec<Glob>,
    /// Operations, e.g. `vector.*`.
    #[serde(with = "globs")]
    pub operations: Vec<Glob>,
    /// Resources; an act without an object has an empty name, which only `*` fits.
    #[serde(with = "globs")]
    pub resources: Vec<Glob>,
}

impl Scope {
    /// Whether `act` of `identity` at `service` lies within; the first thing that does not fit otherwise.
    ///
    /// # Errors
    /// [`Lack::Who`], [`Lack::Service`], [`Lack::Operation`] or [`Lack::Resource`], in this order.
    pub fn covers(&self, identity: &Identity, service: &str, act: &Act) -> Result<(), Lack> {
        let fits = |globs: &[Glob], name: &str| globs.iter().any(|glob| glob.matches(name));
        if !self.who.iter().any(|who| who.matches(identity)) {
            return Err(Lack::Who);
        }
        if !fits(&self.services, service) {
            return Err(Lack::Service);
        }
        if !fits(&self.operations, act.operation.name()) {
            return Err(Lack::Operation);
        }
        if !fits(&self.resources, &act.resource) {
            return Err(Lack::Resource);
        }
        Ok(())
    }

    /// What it is for, in words: each operation and on what.
    pub fn what(&self) -> impl Iterator<Item = String> {
        let resources: Vec<&str> = self.resources.iter().map(Glob::as_str).collect();
        let resources = resources.join(", ");
        self.operations.iter().map(move |operation| format!("{operation} on {resources}"))
    }

    /// The first part in which it reaches further than `other`, whose people are not asked about: who hands a grant on names others.
    pub(super) fn exceeds(&self, other: &Self) -> Option<&'static str> {
        let within = |mine: &[Glob], theirs: &[Glob]| {
            mine.iter().all(|one| theirs.iter().any(|glob| glob.covers(one)))
        };
        [
            ("services", &self.services, &other.services),
            ("operations", &self.operations, &other.operations),
            ("resources", &self.resources, &other.resources),
        ]
        .into_iter()
        .find_map(|(name, mine, theirs)| (!within(mine, theirs)).then_some(name))
    }

    /// Refuses a scope that cannot mean what it seems to: an empty list, or a pattern that no operation fits.
    pub(super) fn check(&self) -> Result<(), Error> {
        let wrong = |message: String| Err(Error::new(ErrorKind::Input, message));
        for (name, empty) in [
            ("who", self.who.is_empty()),
            ("services", self.services.is_empty()),
            ("operations", self.operations.is_empty()),
            ("resources", self.resources.is_empty()),
        ] {
            if empty {
                return wrong(format!("the scope names no {name}; write * for all"));
            }
        }
        for glob in &self.operations {
            if !Operation::ALL.iter().any(|operation| glob.matches(operation.name())) {
                return wrong(format!("no operation is called {glob}"));
            }
        }
        Ok(())
    }
}

/// Globs as a list of texts.
mod globs {
    use super::{Deserialize, Deserializer, Glob, Serializer};

    pub(super) fn serialize<S: Serializer>(globs: &[Glob], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(globs.iter().map(Glob::as_str))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Glob>, D::Error> {
        Vec::<String>::deserialize(deserializer)?
            .iter()
            .map(|text| Glob::new(text).map_err(serde::de::Error::custom))
            .collect()
    }
}
