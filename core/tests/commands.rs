//! Commands whose arguments decide (`tests/data/commands.tsv`).

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use wardline::classify;
use wardline::model::Operation;

#[test]
fn each_command_does_what_its_arguments_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/commands.tsv");
    let text = std::fs::read_to_string(file).unwrap();
    let mut wrong = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let [system, words, expected] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("columns: {line}"));
        let words: Vec<&str> = words.split('|').collect();
        let acts = match classify::command(classify::system(system).unwrap(), &words) {
            Ok(done) => done.acts,
            Err(refusal) => panic!("{line}: {refusal:?}"),
        };
        let told: Vec<_> = acts
            .iter()
            .map(|act| {
                let count = act.magnitude.count.map_or("*".to_owned(), |n| n.to_string());
                format!("{} {} {count}", act.operation, act.resource)
            })
            .collect();
        if told.join(", ") != expected {
            wrong.push(format!("{line}: {told:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_command_that_names_many_keys_is_one_of_all() {
    let redis = classify::system("redis").unwrap();
    let keys: Vec<String> = (0..200).map(|n| format!("k{n}")).collect();
    let words: Vec<&str> = std::iter::once("DEL").chain(keys.iter().map(String::as_str)).collect();
    let acts = classify::command(redis, &words).unwrap().acts;
    assert_eq!(acts.len(), 1);
    assert_eq!(
        (acts[0].operation, acts[0].resource.as_str(), acts[0].magnitude.count),
        (Operation::DataDelete, "*", Some(200))
    );
}
