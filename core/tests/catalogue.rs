//! The catalogue against the project's own lists of public operations (`tests/data/operations`): no gap, nothing made up.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;

use wardline::classify::{self, Entry, System};
use wardline::model::Operation;

/// Method and path of each public operation. Variants that differ only in their query share an entry, unless the query
/// names the operation.
fn listed(system: &System, entries: &BTreeSet<(String, String)>) -> BTreeSet<(String, String)> {
    let file = format!("tests/data/operations/{}.tsv", system.name());
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut columns = line.split('\t');
        let (method, path) = (columns.next().unwrap(), columns.next().unwrap());
        assert!(columns.next().is_some_and(|source| !source.is_empty()), "{line}: no source");
        let whole = (method.to_owned(), path.to_owned());
        if entries.contains(&whole) {
            return whole;
        }
        (method.to_owned(), path.split('?').next().unwrap().to_owned())
    });
    rows.collect()
}

#[test]
fn every_public_operation_has_an_entry_and_every_entry_is_one() {
    // What takes statements or commands alone has no operations that a list could name.
    for system in classify::systems().iter().filter(|system| !system.entries().is_empty()) {
        let key = |entry: &Entry| (entry.method().to_owned(), entry.route().to_owned());
        let entries: BTreeSet<_> = system.entries().iter().map(key).collect();
        assert_eq!(entries.len(), system.entries().len(), "{}", system.name());
        let listed = listed(system, &entries);
        let gaps: Vec<_> = listed.difference(&entries).collect();
        let made_up: Vec<_> = entries.difference(&listed).collect();
        assert!(
            gaps.is_empty() && made_up.is_empty(),
            "{}: gaps {gaps:?}, made up {made_up:?}",
            system.name()
        );
        assert!(system.entries().iter().all(|entry| entry.operation() != Operation::Unknown));
    }
}

#[test]
fn the_first_three_systems_are_whole() {
    let count = |name| {
        let file = format!("{}/tests/data/operations/{name}.tsv", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(file).unwrap().lines().filter(|line| !line.starts_with('#')).count()
    };
    // Qdrant: 69 of its specification, 8 older spellings and 100 gRPC methods. MLflow: 187 of its services and 4 of its web interface.
    assert_eq!([count("openai"), count("qdrant"), count("mlflow")], [288, 177, 191]);
}

#[test]
fn the_published_table_of_operations_is_the_code_s() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("OPERATIONS.md");
    let published = std::fs::read_to_string(&file).unwrap_or_default();
    let expected = format!("# Operations\n\n{}", classify::operations_table());
    if published != expected {
        std::fs::write(&file, expected).unwrap();
        panic!("OPERATIONS.md was out of date and has been written again: review and commit it");
    }
}

#[test]
fn risks_stay_within_their_operation_s_reach() {
    // A destructive or outgoing operation is never written down below medium.
    for entry in classify::systems().iter().flat_map(System::entries) {
        let name = entry.operation().name();
        if name.ends_with(".export") || name.ends_with(".drop") || name == "model.delete" {
            assert!(entry.risk().value() >= 50, "{} {}", entry.method(), entry.route());
        }
    }
}

#[test]
fn field_numbers_are_the_descriptors_own() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/grpc-fields.tsv");
    let text = std::fs::read_to_string(file).unwrap();
    let mut known = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let [system, method, field, number, _] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        known.insert((system, method, field.to_owned(), number.parse::<u32>().unwrap()));
    }
    let mut read = 0;
    for system in classify::systems() {
        for entry in system.entries().iter().filter(|entry| entry.method() == "RPC") {
            for (name, numbers) in entry.field_numbers() {
                let parts: Vec<_> = name.split('.').map(|part| part.split('[').next().unwrap()).collect();
                assert_eq!(parts.len(), numbers.len(), "{} {name}", entry.route());
                let mut parent = String::new();
                for (part, numbers) in parts.iter().zip(numbers) {
                    for (spelling, number) in part.split('|').zip(numbers) {
                        let field = (system.name(), entry.route(), format!("{parent}{spelling}"), *number);
                        assert!(known.contains(&field), "{field:?}");
                        read += 1;
                    }
                    parent = format!("{parent}{part}.");
                }
            }
        }
    }
    assert!(read > 500, "{read}");
}
