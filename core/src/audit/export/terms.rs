//! What operations are called elsewhere, from `core/data/siem.tsv`.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::model::Operation;

const TABLE: &str = include_str!("../../../data/siem.tsv");

/// An operation in the terms of OCSF and ECS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) class: u32,
    pub(super) activity: u32,
    pub(super) category: &'static str,
    pub(super) kind: &'static str,
}

/// For what has no line: an act of an API that nothing else is known of.
const OTHER: Terms = Terms { class: 6003, activity: 99, category: "api", kind: "info" };

pub(super) fn of(operation: Operation) -> Terms {
    static TERMS: LazyLock<HashMap<&str, Terms>> = LazyLock::new(|| TABLE.lines().filter_map(read).collect());
    TERMS.get(operation.name()).copied().unwrap_or(OTHER)
}

fn read(line: &'static str) -> Option<(&'static str, Terms)> {
    let mut fields = line.split('\t');
    let name = fields.next().filter(|name| !name.starts_with('#'))?;
    let (class, activity) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((name, Terms { class, activity, category: fields.next()?, kind: fields.next()? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_line_and_every_line_an_operation() {
        let lines: Vec<_> = TABLE.lines().filter(|line| !line.starts_with('#')).collect();
        let named: Vec<_> = lines.iter().filter_map(|line| read(line)).map(|(name, _)| name).collect();
        let operations: Vec<_> = Operation::ALL.iter().map(|operation| operation.name()).collect();
        assert_eq!(named, operations);
        let known = |class, activity| match class {
            6003 => [1, 2, 3, 4, 99].contains(&activity),
            6005 => [1, 2, 4, 5, 6, 7, 8].contains(&activity),
            _ => false,
        };
        assert!(
            Operation::ALL
                .iter()
                .map(|operation| of(*operation))
                .all(|terms| known(terms.class, terms.activity))
        );
    }
}
