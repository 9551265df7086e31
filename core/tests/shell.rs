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

#[test]
fn what_grows_by_itself_is_cut_off() {
    let each = |part: fn(usize) -> String, times: usize| (0..times).map(part).collect::<String>();
    for script in [
        format!("a='x y z w'; {} echo $a", "a=\"$a $a\"; ".repeat(60)),
        format!("set -- a b c; {} echo $@", "set -- $@ $@; ".repeat(60)),
        format!("set -- {}; {}", "x ".repeat(100_000), "echo $@; ".repeat(2_000)),
        format!("a={}; {}", "x".repeat(200_000), "echo $a; ".repeat(3_000)),
        each(|n| format!("f{n}() {{ f{}; f{}; }}; ", n + 1, n + 1), 40) + "f0",
        format!("f() {{ {}; }}; {}", "ls ".repeat(100_000), "f; ".repeat(1_000)),
        format!("{}ls{}", "for a in 1 2 3 4 5 6 7 8 9; do ".repeat(20), "; done".repeat(20)),
        format!("echo {} {}", "x".repeat(200_000), "| cat ".repeat(3_000)),
        format!("rm {}", "{a,b}".repeat(14)),
        format!("find . {}", "-exec ls {} + ".repeat(60_000)),
        format!("curl -d {} {}", "x".repeat(200_000), "http://a/ ".repeat(30_000)),
    ] {
        let run = move || {
            let done = shell::script(&script);
            let start: String = script.chars().take(40).collect();
            assert!(
                done.acts.iter().any(|act| act.operation == Operation::Unknown) || start.starts_with("rm"),
                "{start} {done:?}"
            );
            assert!(done.acts.len() < 2_000, "{start}");
        };
        std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
    }
    let many = format!("rm {}", each(|n| format!("/srv/a{n} "), 30_000));
    let done = shell::script(&many);
    assert!(done.acts.len() <= 257 && done.acts.iter().all(|act| act.operation == Operation::FileDelete));
    assert_eq!(done.acts.iter().filter(|act| act.resource == "*").count(), 1);
}

#[test]
fn words_in_words_and_functions_do_not_overflow_the_stack() {
    let word = |n: usize| format!("{}$(f{}){}", "${a:-".repeat(28), n + 1, "}".repeat(28));
    let script: String = (0..40).map(|n| format!("f{n}() {{ echo {}; }}; ", word(n))).collect();
    let run = move || {
        let done = shell::script(&(script + "f0"));
        assert!(done.acts.iter().any(|act| act.operation == Operation::Unknown));
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
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
