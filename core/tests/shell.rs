//! Shell text (`tests/data/shell.tsv`): what it does, and that no text gets the better of the reader.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use proptest::prelude::*;
use wardline::classify::shell;
use wardline::model::Operation;

#[test]
fn each_script_does_what_it_does() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/shell.tsv");
    let text = std::fs::read_to_string(file).unwrap();
    let (mut wrong, mut rows) = (Vec::new(), 0);
    for line in text.lines().filter(|line| !line.starts_with('#') || line.starts_with("#!")) {
        let [script, operations, least, most] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("columns: {line}"));
        let script =
            script.replace("\\\\", "\u{1}").replace("\\n", "\n").replace("\\t", "\t").replace('\u{1}', "\\");
        let done = shell::script(&script);
        let mut told: Vec<_> = done.acts.iter().map(|act| act.operation.name()).collect();
        told.sort_unstable();
        told.dedup();
        let risk = done.acts.iter().map(|act| act.risk.value()).max().unwrap();
        let (least, most): (u8, u8) = (least.parse().unwrap(), most.parse().unwrap());
        rows += 1;
        if told.join(",") != operations || !(least..=most).contains(&risk) {
            wrong.push(format!("{line}: {} {risk} {:?}", told.join(","), done.reason));
        }
    }
    assert!(wrong.is_empty() && rows >= 300, "{rows} rows, {} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn words_are_read_as_a_program_is_started() {
    let done = shell::argv(&["rm", "-rf", "/srv; ls"]);
    assert_eq!((done.acts.len(), done.acts[0].operation), (1, Operation::FileDelete));
    // Nothing is expanded where no shell is.
    assert_eq!(shell::argv(&["echo", "$(rm -rf /)"]).acts[0].operation, Operation::None);
    assert_eq!(shell::argv(&[]).acts[0].operation, Operation::None);
}

#[test]
fn no_text_costs_more_than_its_length() {
    let on_a_small_stack = || {
        for open in [
            "{ ",
            "(",
            "$(",
            "`",
            "${x:-",
            "if ",
            "\"$(",
            "<(",
            "f() { ",
            "while ",
            "case x in a) ",
            "[[ ",
            "$((",
            "<<a ",
            "a|",
            "{a,",
        ] {
            let done = shell::script(&open.repeat(60_000));
            assert!(!done.acts.is_empty(), "{open}");
        }
        assert_eq!(shell::script(&"( ".repeat(64)).reason, Some("too_deep"));
        assert_eq!(shell::script(&"x".repeat((1 << 20) + 1)).reason, Some("too_large"));
        assert_eq!(shell::script(&"ls;".repeat(50_000)).reason, Some("too_long"));
        assert_eq!(shell::script("f() { f; f; f; }; f").acts[0].operation, Operation::Unknown);
        assert!(!shell::script(&format!("rm {}", "{a,b}".repeat(30))).acts.is_empty());
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(on_a_small_stack).unwrap().join().unwrap();
}

proptest! {
    #[test]
    fn nothing_panics(text in r#"[a-f $(){}`'"\\|&;<>=!#\n*/~,0-9-]{0,80}"#, any in ".{0,60}") {
        let _ = shell::script(&text);
        let _ = shell::script(&any);
        let words: Vec<&str> = text.split(' ').collect();
        let _ = shell::argv(&words);
    }
}
