//! Which members of an event continue the text of the events before it: `core/data/streams.yaml`, compiled once.

use std::sync::LazyLock;

use saphyr::{LoadableYamlNode, Yaml};

use crate::json::{Path, PathSet};

/// Every shape of the data file.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    pub(super) paths: PathSet,
    /// What stands at each path.
    roles: Vec<Role>,
    /// Names of members that tell texts apart.
    pub(super) apart: Vec<&'static str>,
    /// For each shape, which of them count.
    masks: Vec<u64>,
    /// Values of an event's `type` that end texts, and whose.
    end_types: Vec<(&'static str, usize)>,
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A piece of a text of this shape.
    Text(usize),
    /// The end of texts of this shape.
    End(usize),
    /// What says a text once more.
    Repeat,
}

static SHAPES: LazyLock<Shapes> =
    LazyLock::new(|| Shapes::read(include_str!("../../../data/streams.yaml")).unwrap_or_default());

impl Shapes {
    pub(super) fn known() -> &'static Self {
        &SHAPES
    }

    fn read(text: &'static str) -> Option<Self> {
        let documents: &'static Vec<Yaml<'static>> = Box::leak(Box::new(Yaml::load_from_str(text).ok()?));
        let mut shapes = Self::default();
        let mut paths = Vec::new();
        for (shape, row) in documents.first()?.as_sequence()?.iter().enumerate() {
            let strings = |key| -> Option<Vec<&'static str>> {
                let Some(list) = row.as_mapping_get(key) else { return Some(Vec::new()) };
                list.as_sequence()?.iter().map(|item| item.as_str()).collect()
            };
            for (key, role) in
                [("texts", Role::Text(shape)), ("ends", Role::End(shape)), ("repeats", Role::Repeat)]
            {
                for path in strings(key)? {
                    paths.push(Path::parse(path).ok()?);
                    shapes.roles.push(role);
                }
            }
            let mut mask = 0;
            for name in strings("apart")? {
                let known = shapes.apart.iter().position(|known| *known == name);
                let bit = known.unwrap_or_else(|| {
                    shapes.apart.push(name);
                    shapes.apart.len() - 1
                });
                mask |= 1_u64.checked_shl(u32::try_from(bit).ok()?)?;
            }
            shapes.masks.push(mask);
            shapes.end_types.extend(strings("end_types")?.into_iter().map(|kind| (kind, shape)));
        }
        shapes.paths = PathSet::new(paths);
        Some(shapes)
    }

    pub(super) fn role(&self, path: usize) -> Option<Role> {
        self.roles.get(path).copied()
    }

    /// Whether the member with this place among [`apart`](Self::apart) tells texts of a shape apart.
    pub(super) fn tells(&self, shape: usize, member: usize) -> bool {
        self.masks.get(shape).is_some_and(|mask| mask & (1 << (member % 64)) != 0)
    }

    /// The shapes whose texts an event of this type ends.
    pub(super) fn ended_by<'a>(&'a self, kind: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        self.end_types.iter().filter(move |(name, _)| name.as_bytes() == kind).map(|(_, shape)| *shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read() {
        let text = include_str!("../../../data/streams.yaml");
        let rows = text.lines().filter(|line| line.starts_with("- name:")).count();
        assert_eq!(Shapes::known().masks.len(), rows);
        assert!(Shapes::known().apart.len() < 64);
    }
}
