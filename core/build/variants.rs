//! The Rust variants that stand for the names of operations, units and dialects.

use std::collections::BTreeMap;

use crate::read::Words;

/// Names with the variants that stand for them.
pub(crate) struct Variants {
    operations: BTreeMap<String, String>,
    units: BTreeMap<String, String>,
    dialects: BTreeMap<String, String>,
}

impl Variants {
    /// Reads them off the declarations, lines such as `VectorExport: "vector.export", 85, ...`.
    pub(crate) fn of(operations: &str, units: &str, dialects: &str) -> Self {
        let table = |source: &str| {
            let declared = source.lines().filter_map(|line| {
                let (variant, rest) = line.strip_prefix("    ")?.split_once(": \"")?;
                let (name, _) = rest.split_once('"')?;
                let plain = !variant.is_empty() && variant.chars().all(char::is_alphanumeric);
                plain.then(|| (name.to_owned(), variant.to_owned()))
            });
            declared.collect()
        };
        Self { operations: table(operations), units: table(units), dialects: table(dialects) }
    }

    /// The names.
    pub(crate) fn words(&self) -> Words {
        let names = |table: &BTreeMap<String, String>| table.keys().cloned().collect();
        Words {
            operations: names(&self.operations),
            units: names(&self.units),
            dialects: names(&self.dialects),
        }
    }

    pub(crate) fn operation(&self, name: &str) -> &str {
        self.operations.get(name).map_or("", String::as_str)
    }

    pub(crate) fn unit(&self, name: &str) -> &str {
        self.units.get(name).map_or("", String::as_str)
    }

    pub(crate) fn dialect(&self, name: &str) -> &str {
        self.dialects.get(name).map_or("", String::as_str)
    }
}
