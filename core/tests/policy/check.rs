//! Every mistake is reported with its place and its code, all of them in one run, and nothing panics.

use proptest::prelude::*;
use wardline::ErrorKind;
use wardline::policy::Policy;

use super::policy_text;

/// Each finding as its line (counted from the first of `more`), its code and the word that it points at.
fn findings(more: &str) -> Vec<String> {
    let text = policy_text(more);
    let head = policy_text("").lines().count();
    let Err(e) = Policy::parse(&text, "policy.yaml") else { return Vec::new() };
    assert_eq!(e.kind(), ErrorKind::Policy);
    let pointed = |line: usize, column: usize| -> String {
        let rest = text.lines().nth(line - 1).unwrap_or("").chars().skip(column - 1);
        rest.take_while(|c| !matches!(c, ',' | ':' | '}' | ']')).collect()
    };
    let list = e.diagnostics().iter();
    list.map(|d| format!("{} {} at {}", d.line.saturating_sub(head), d.code, pointed(d.line, d.column)))
        .collect()
}

/// The message of the only finding.
fn message(more: &str) -> String {
    let e = Policy::parse(&policy_text(more), "policy.yaml").unwrap_err();
    assert_eq!(e.diagnostics().len(), 1, "{e}");
    e.diagnostics()[0].message.clone()
}

#[test]
fn all_mistakes_come_in_one_run_in_the_order_of_the_text() {
    let text = "defualt: deny
durable_from: 200
rules:
  - name: a
    who: [ana]
    services: [vektors]
    operations: [vector.serch, 'vector.[a]']
    effect: permit
  - name: a
    who: ['*']
    resorces: [docs]
    effect: allow
mask:
  - name: m
    entities: {emial: partial, phone: {partial: {first: 99}}}
    fields: {'a[': redact}
";
    assert_eq!(
        findings(text),
        [
            "1 unknown_key at defualt",
            "2 wrong_type at 200",
            "5 bad_who at ana",
            "6 unknown_service at vektors",
            "7 unknown_operation at vector.serch",
            "7 bad_glob at 'vector.[a",
            "8 unknown_value at permit",
            "9 duplicate_name at a",
            "11 unknown_key at resorces",
            "15 unknown_entity at emial",
            "15 wrong_type at 99",
            "16 bad_path at 'a['",
        ]
    );
}

#[test]
fn each_kind_of_mistake_has_its_code_and_place() {
    let rule = |body: &str| format!("rules:\n  - {{name: r, who: ['*'], {body}}}\n");
    for (more, expected) in [
        ("rules: {}\n".to_owned(), "1 wrong_type at {"),
        ("rules: []\n".into(), "1 empty_list at ["),
        ("store: postgres://ana:pw@db/x\n".into(), "1 secret_in_policy at postgres"),
        ("store: mysql://db/x\n".into(), "1 bad_store at mysql"),
        ("store: {env: not-one}\n".into(), "1 bad_name at not-one"),
        ("store: {env: A, file: b}\n".into(), "1 ambiguous_secret at {env"),
        ("store: postgres://db/x\n".into(), "1 contradictory_store at postgres"),
        ("log: {key: {env: A, file: b}}\n".into(), "1 ambiguous_secret at {env"),
        ("log: {rotate: 1h}\n".into(), "1 misplaced_key at {rotate"),
        (
            "mask: [{name: a, entities: {email: redact}, capture: masked}]\n".into(),
            "1 misplaced_key at masked",
        ),
        ("notify: [{name: a, url: 'http://hooks.test/a', form: slack}]\n".into(), "1 unsafe_url at 'http"),
        ("notify: [{name: a, url: 'https://hooks.test/a'}]\n".into(), "1 missing_key at {name"),
        ("notify: [{name: a, url: {env: A, file: b}, form: teams}]\n".into(), "1 ambiguous_secret at {env"),
        (
            "notify: [{name: a, url: {env: A}, key: {env: B}, events: [approval.opend, 'grant.*']}]\n".into(),
            "1 unknown_event at approval.opend",
        ),
        (
            "notify: [{name: a, url: {env: A}, form: slack}, {name: a, url: {env: B}, form: slack}]\n".into(),
            "1 duplicate_name at a",
        ),
        (
            "notify: [{name: a, url: {env: A}, form: slack, danger_plain_http: 'true'}]\n".into(),
            "1 wrong_type at 'true'",
        ),
        ("durable_from: sixty\n".into(), "1 wrong_type at sixty"),
        ("durable_from: '60'\n".into(), "1 wrong_type at '60'"),
        ("thresholds: {}\n".into(), "1 empty_map at {"),
        ("thresholds: {hold: 80}\n".into(), "1 nobody_approves at 80"),
        ("thresholds: {hold: never, deny: never}\n".into(), ""),
        ("default: allow\n".into(), "1 unknown_value at allow"),
        ("default: hold\n".into(), "1 nobody_approves at hold"),
        ("approval: {steps: [{from: [securty]}]}\n".into(), "1 unknown_group at securty"),
        ("approval: {steps: [{from: [security], need: 3}]}\n".into(), "1 nobody_approves at [{from"),
        (
            "approval: {steps: [{from: [security]}, {from: [security, data], need: 3}]}\n".into(),
            "1 nobody_approves at [{from",
        ),
        ("approval: {steps: [{from: [security], need: 0}]}\n".into(), "1 wrong_type at 0"),
        ("approval: {break_glass: [securty]}\n".into(), "1 unknown_group at securty"),
        (
            "granting: {approval: {steps: [{from: [security], need: 9}]}}\n".into(),
            "1 nobody_approves at [{from",
        ),
        ("granting: {longest: 900d}\n".into(), "1 bad_duration at 900d"),
        // G05: there is no grant without an end.
        (
            "grants: [{name: g, who: ['user:ana'], operations: [vector.export]}]\n".into(),
            "1 missing_key at {name",
        ),
        (
            "grants: [{name: g, who: ['user:ana'], operations: [vector.export], until: null}]\n".into(),
            "1 wrong_type at null",
        ),
        (
            "identity: {tokens: [{issuer: i, audience: [a], keys: {url: 'http://id.example.org/k'}}]}\n".into(),
            "1 bad_url at 'http",
        ),
        ("approval: {ttl: soon}\n".into(), "1 bad_duration at soon"),
        ("approval: {ttl: 0s}\n".into(), "1 bad_duration at 0s"),
        ("approval: {ttl: 900d}\n".into(), "1 bad_duration at 900d"),
        (
            "identity: {headers: {subject: 'x user'}, trusted_peers: [lan]}\n".into(),
            "1 bad_header at 'x user',1 bad_network at lan",
        ),
        ("identity: {headers: {groups: g}}\n".into(), "1 missing_key at {headers,1 missing_key at {groups"),
        (rule("effect: hold"), "2 nobody_approves at hold"),
        ("rules:\n  - {name: preflights, who: ['*'], operations: [none], effect: allow}\n".into(), ""),
        (rule("effect: hold, approval: {steps: [{from: [data]}]}"), ""),
        (rule("effect: deny, wait: 3s"), "2 misplaced_key at 3s"),
        (rule("effect: deny, risk: {from: 80, below: 80}"), "2 never_fires at r"),
        (rule("effect: deny, magnitude: {unit: vectors}"), "2 missing_key at {unit"),
        (rule("effect: deny, magnitude: {unit: vectors, over: 9, up_to: 9}"), "2 never_fires at r"),
        (
            rule("effect: deny, operations: [vector.search], magnitude: {unit: tokens, over: 9}"),
            "2 never_fires at r",
        ),
        (rule("effect: deny, magnitude: {unit: vektors, over: 9}"), "2 unknown_unit at vektors"),
        (
            rule("effect: deny, services: [vectors], operations: [model.download]"),
            "2 never_fires at [model.download",
        ),
        (
            rule("effect: deny, operations: [vector.search], unless: {operations: ['vector.*']}"),
            "2 never_fires at r",
        ),
        (rule("effect: allow, operations: [unknown]"), "2 never_fires at r"),
        (rule("effect: allow, risk: {from: 97}"), "2 never_fires at r"),
        (
            "rules:\n  - {name: r, operations: [vector.search], effect: allow}\n".into(),
            "2 missing_key at {name",
        ),
        (budget("ids: 5, window: 1h"), ""),
        (budget("ids: 0, window: 1h"), "2 wrong_type at 0"),
        (budget("ids: 5"), "2 missing_key at {name"),
        (budget("window: 1h"), "2 missing_key at {name"),
        (budget("quota: {vectors: 5000}, window: 1h"), ""),
        (budget("quota: {calls: 5}, window: 1h"), ""),
        (budget("quota: {tokens: 5}, window: 1h"), "2 unknown_unit at tokens"),
        (budget("ids: 5, quota: {rows: 5}, window: 1h"), "2 contradictory_budget at {rows"),
        (budget("quota: {rows: 5, bytes: 5}, window: 1h"), "2 contradictory_budget at {rows"),
        (budget("ids: 5, window: 60"), "2 wrong_type at 60"),
        (budget("ids: 5, window: 1h, per: group"), "2 unknown_value at group"),
        (budget("ids: 5, window: 1h, effect: allow"), "2 unknown_value at allow"),
        (budget("ids: 5, window: 1h, effect: hold"), "2 nobody_approves at hold"),
        (budget("ids: 5, window: 1h, effect: hold, approval: {steps: [{from: [data]}]}"), ""),
        (budget("ids: 5, window: 1h, wait: 3s"), "2 misplaced_key at 3s"),
        (budget("ids: 5, window: 1h, services: [vektors]"), "2 unknown_service at vektors"),
        (
            "budgets:\n  - {name: b, services: [vectors], operations: [model.list], ids: 5, window: 1h}\n".into(),
            "2 never_fires at [model.list",
        ),
        (
            "budgets:\n  - {name: b, operations: [data.read], ids: 5, window: 1h}\n  - {name: b, operations: [data.read], ids: 6, window: 1h}\n".into(),
            "3 duplicate_name at b",
        ),
        ("mask:\n  - {name: m}\n".into(), "2 empty_mask at {name"),
        ("mask:\n  - {name: m, vectors: strip}\n".into(), ""),
        ("mask:\n  - {name: m, vectors: pass}\n".into(), "2 unknown_value at pass"),
        ("mask:\n  - {name: m, in: [request], vectors: strip}\n".into(), "2 misplaced_key at strip"),
        ("mask:\n  - {name: m, entities: {}}\n".into(), "2 empty_map at {"),
        ("mask:\n  - {name: m, in: [], entities: {email: hash}}\n".into(), "2 empty_list at ["),
        (
            "mask:\n  - {name: m, entities: {email: {replace: x, partial: {first: 1}}}}\n".into(),
            "2 contradictory_transform at {replace",
        ),
        ("mask:\n  - {name: m, entities: {email: star}}\n".into(), "2 unknown_value at star"),
        (within("entities: {email: deny}, within: ['messages[*].content', input]"), ""),
        (within("entities: {email: deny}, within: ['a[', 'a..b', 7]"), "2 bad_path at 'a[',2 bad_path at 'a..b',2 wrong_type at 7"),
        (within("entities: {email: deny}, within: a"), "2 wrong_type at a"),
        (within("entities: {email: deny}, within: []"), "2 empty_list at ["),
        (within("fields: {a: redact}, within: [b]"), "2 misplaced_key at [b"),
        (within("entities: {email: deny}, within: [a, b, a, b.c]"), "2 shadowed at a,2 shadowed at b.c"),
        (within("entities: {email: deny}, fields: {a: drop}, within: [a.b, b]"), "2 never_fires at a.b"),
        (
            "mask:\n  - {name: m, services: [vectors], operations: [model.list], entities: {email: hash}}\n"
                .into(),
            "2 never_fires at [model.list",
        ),
        (detector("{pattern: 'A-[0-9]{4}'}"), ""),
        (detector("{calls: ner, label: PERSON}"), ""),
        (detector("{words: [a], label: PERSON}"), "1 misplaced_key at PERSON"),
        ("mask: [{name: m, fields: {a: observe}}]\n".into(), "1 unfit_transform at observe"),
        (detector("{words: [heron], case: ignore, near: [project], rank: 7}"), ""),
        (detector("{keys: ['badge*']}"), ""),
        (detector("{pattern: 'A-[0-9'}"), "1 bad_pattern at 'A-[0-9'"),
        (detector("{pattern: 'A*'}"), "1 empty_match at 'A*'"),
        (detector("{pattern: 'A+', check: [luhn]}"), "1 unbounded_pattern at [luhn"),
        (detector("{pattern: 'A{2}', check: [lunh]}"), "1 unknown_check at [lunh"),
        (detector("{pattern: 'A{2}', near: ['42']}"), "1 bad_word at ['42'"),
        (detector("{words: [a], pattern: b}"), "1 contradictory_detector at [a"),
        (detector("{words: [a], check: [luhn]}"), "1 misplaced_key at [luhn"),
        (detector("{keys: [a], near: [b], case: exact}"), "1 misplaced_key at [b,1 misplaced_key at exact"),
        (detector("{rank: 101}"), "1 missing_key at {rank,1 wrong_type at 101"),
        ("detectors: {own: {words: [a]}}\n".into(), "1 unused_detector at own"),
        (
            "detectors: {email: {words: [a]}, Own: {words: [b]}}\nmask: [{name: m, entities: {'*': hash}}]\n"
                .into(),
            "1 duplicate_name at email,1 bad_name at Own",
        ),
        (
            "detectors: {order_no: {words: [a]}}\nmask: [{name: m, entities: {ordr_no: hash, '*': drop}}]\n"
                .into(),
            "2 unknown_entity at ordr_no",
        ),
        ("state: ./b\n".into(), "1 duplicate_key at state"),
        (
            "x: &a [1]\ny: *a\n".into(),
            "1 unknown_key at x,1 anchor at &a [1,2 unknown_key at y,2 alias at *a",
        ),
    ] {
        assert_eq!(findings(&more).join(","), expected, "{more}");
    }
}

fn budget(settings: &str) -> String {
    format!("budgets:\n  - {{name: b, operations: ['vector.*'], {settings}}}\n")
}

fn within(settings: &str) -> String {
    format!("mask:\n  - {{name: m, {settings}}}\n")
}

fn detector(settings: &str) -> String {
    format!("detectors: {{own: {settings}}}\nmask: [{{name: m, entities: {{own: hash}}}}]\n")
}

#[test]
fn grants_contradict_neither_themselves_nor_the_rules() {
    let grant = |body: &str| {
        format!(
            "rules:\n  - {{name: no-drops, operations: [collection.drop], effect: deny}}\n  - {{name: no-ana, who: ['user:an*'], operations: ['vector.*'], effect: deny}}\ngrants:\n  - {{name: g, {body}}}\n"
        )
    };
    let until = "until: 2027-01-01T00:00:00Z";
    for (body, expected) in [
        (
            format!(
                "who: ['user:bo'], operations: [vector.export], {until}, uses: 3, quota: {{vectors: 5000}}"
            ),
            "",
        ),
        ("who: ['user:bo'], operations: [vector.export]".into(), "5 missing_key at {name"),
        (
            format!("who: ['user:bo'], operations: [vector.export], from: 2027-01-01T00:00:00Z, {until}"),
            "5 contradictory_grant at 2027-01-01T00",
        ),
        ("who: ['user:bo'], operations: [vector.export], until: tomorrow".into(), "5 bad_time at tomorrow"),
        (
            format!("who: ['user:bo'], operations: [vector.export], {until}, quota: {{rows: 1}}"),
            "5 contradictory_grant at {rows",
        ),
        (
            format!("who: ['user:bo'], operations: [vector.export], {until}, quota: {{tokens: 1}}"),
            "5 unknown_unit at tokens",
        ),
        (
            format!(
                "who: ['user:bo'], operations: [vector.export], {until}, quota: {{vectors: 1, bytes: 1}}"
            ),
            "5 contradictory_grant at {vectors",
        ),
        (format!("who: ['user:bo'], operations: [collection.drop], {until}"), "5 contradictory_grant at g"),
        (
            format!("who: ['user:ana', 'user:andy'], operations: [vector.export], {until}"),
            "5 contradictory_grant at g",
        ),
        (format!("who: ['user:ana', 'user:bo'], operations: [vector.export], {until}"), ""),
        (
            format!("who: ['user:bo'], services: [vectors], operations: [model.download], {until}"),
            "5 contradictory_grant at [model.download",
        ),
        (format!("who: ['user:bo'], operations: [vector.export], {until}, uses: 0"), "5 wrong_type at 0"),
    ] {
        assert_eq!(findings(&grant(&body)).join(","), expected, "{body}");
    }
}

#[test]
fn a_rule_is_shadowed_only_by_denials_that_leave_nothing_of_it() {
    let rules = |deny: &str, rule: &str| {
        findings(&format!("rules:\n  - {{name: r, {rule}}}\n  - {{name: no, effect: deny, {deny}}}\n"))
            .join(",")
    };
    let allow = "who: ['user:ana'], operations: [vector.search], resources: ['docs-*'], effect: allow";
    for (deny, shadowed) in [
        ("operations: ['vector.*']", true),
        ("who: ['user:*'], operations: [vector.search]", true),
        ("who: ['user:ana'], services: [vectors], operations: [vector.search]", false), // OpenAI searches vector stores too.
        (
            "who: ['user:ana'], services: [vectors, models], operations: [vector.search], resources: ['docs*']",
            true,
        ),
        ("operations: [vector.search], resources: ['docs-1']", false),
        ("operations: [vector.search], who: ['group:staff']", false),
        ("operations: [vector.search], risk: {from: 50}", false),
        ("operations: [vector.search], magnitude: {unit: vectors, over: 10}", false),
        ("operations: [vector.search], unless: {who: ['user:bo']}", false),
    ] {
        assert_eq!(rules(deny, allow), if shadowed { "2 shadowed at r" } else { "" }, "{deny}");
    }
    let big = "who: ['user:ana'], operations: [vector.export], magnitude: {unit: vectors, over: 500}, effect: grant";
    assert_eq!(
        rules("operations: [vector.export], magnitude: {unit: vectors, over: 100}", big),
        "2 shadowed at r"
    );
    assert_eq!(rules("operations: [vector.export], magnitude: {unit: vectors, over: 1000}", big), "");
}

#[test]
fn nobody_can_be_their_own_last_approver() {
    let rule = |who: &str, need: u32| {
        findings(&format!(
            "rules:\n  - {{name: r, who: [{who}], operations: [vector.export], effect: hold, approval: {{steps: [{{from: [security], need: {need}}}]}}}}\n"
        ))
    };
    assert_eq!(rule("'user:sam'", 1), [] as [&str; 0]);
    assert_eq!(rule("'user:sam'", 2).len(), 1);
    assert_eq!(rule("'user:ana'", 2), [] as [&str; 0]);
}

#[test]
fn services_that_none_can_tell_apart_are_refused() {
    let text = |second: &str| {
        format!(
            "version: 1\nservices:\n  a: {{system: qdrant, base_path: /x/}}\n  b: {{system: qdrant, {second}}}\n"
        )
    };
    let codes = |second: &str| -> Vec<_> {
        match Policy::parse(&text(second), "p.yaml") {
            Ok(_) => Vec::new(),
            Err(e) => e.diagnostics().iter().map(|d| (d.line, d.code)).collect(),
        }
    };
    assert_eq!(codes("base_path: /x"), [(4, "unreachable_service")]);
    assert_eq!(codes("base_path: /y"), []);
    assert_eq!(codes("hosts: [b.test], base_path: /x"), []);
    assert_eq!(codes("base_path: x"), [(4, "bad_path")]);
    assert_eq!(codes("body_limit: 0"), [(4, "bad_size")]);
}

#[test]
fn messages_say_what_was_meant() {
    for (more, part) in [
        ("ruels: [1]\n", "did you mean `rules`?"),
        (
            "rules:\n  - {name: r, who: ['*'], operations: [vector.exprot], effect: deny}\n",
            "did you mean `vector.export`?",
        ),
        ("rules:\n  - {name: r, who: ['*'], services: [vector], effect: deny}\n", "did you mean `vectors`?"),
        ("mask:\n  - {name: m, entities: {emails: hash}}\n", "did you mean `email`?"),
        ("default: hodl\n", "did you mean `hold`?"),
        ("approval: {steps: [{from: [securty]}]}\n", "did you mean `security`?"),
    ] {
        assert!(message(more).contains(part), "{}", message(more));
    }
}

#[test]
fn people_are_named_one_by_one() {
    let codes = |people: &str| {
        let text = format!("version: 1\nservices: {{a: {{system: qdrant}}}}\ngroups: {{g: {people}}}\n");
        Policy::parse(&text, "p.yaml").err().map(|e| e.diagnostics()[0].code)
    };
    assert_eq!(codes("[sam, o'neil, 'a@b.test']"), None);
    for people in ["['*']", "['s*']", "[anonymous]", "['a?']", "[' sam']"] {
        assert_eq!(codes(people), Some("bad_name"), "{people}");
    }
    assert_eq!(codes("[007]"), Some("wrong_type"));
}

#[test]
fn a_policy_that_is_none_at_all_says_so() {
    for text in [
        "",
        "[]",
        "hello",
        "version: 2\nservices: {a: {system: qdrant}}\n",
        "version: 1\n",
        "\u{0}",
        "{",
        "a: b: c",
    ] {
        let e = Policy::parse(text, "p.yaml").unwrap_err();
        assert!(!e.diagnostics().is_empty() && e.kind() == ErrorKind::Policy, "{text:?}");
    }
    let bom = format!("\u{feff}{}", policy_text(""));
    assert!(Policy::parse(&bom, "p.yaml").is_ok());
}

#[test]
fn files_are_read_within_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Policy::from_file(&path)
    };
    let policy = at("good.yaml", policy_text("").replace("memory", "./state").as_bytes()).unwrap();
    let state = wardline::policy::State::Folder(folder.path().join("./state"));
    assert_eq!(policy.state(), &state);
    assert_eq!(at("big.yaml", &vec![b'#'; (1 << 20) + 1]).unwrap_err().diagnostics()[0].code, "too_large");
    let e = at("latin.yaml", b"version: 1\na: \xe9\n").unwrap_err();
    assert_eq!(
        (e.diagnostics()[0].line, e.diagnostics()[0].column, e.diagnostics()[0].code),
        (2, 4, "not_utf8")
    );
    assert_eq!(Policy::from_file(folder.path().join("none")).unwrap_err().kind(), ErrorKind::NotFound);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    /// Whatever is done to a policy's text, reading it ends in a policy or in findings within the text.
    #[test]
    fn no_text_brings_the_reader_down(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..5),
    ) {
        const PIECES: &[&str] = &[
            "", " ", "\n", "\n  ", "- ", ": ", "[", "]", "{", "}", "&a ", "*a", "!t ", "'", "\"", "|", ">", "?", "#", "é",
            "~", "true", "-1", "1e9", "99999999999999999999", "never", "\t", "---\n", "*", "name", "who",
        ];
        let mut text: Vec<char> = include_str!("../../../packs/ingestion-pipeline.yaml").chars().collect();
        for (at, piece) in &cuts {
            let at = at.index(text.len());
            let end = (at + 1).min(text.len());
            text.splice(at..end, piece.get(PIECES).chars());
        }
        let text: String = text.into_iter().collect();
        if let Err(e) = Policy::parse(&text, "p.yaml") {
            prop_assert!(!e.diagnostics().is_empty());
            let lines = text.lines().count() + 1;
            prop_assert!(e.diagnostics().iter().all(|d| d.line >= 1 && d.line <= lines && d.column >= 1));
            prop_assert!(e.diagnostics().is_sorted_by_key(|d| (d.line, d.column)));
        }
    }
}

#[test]
fn watch_is_checked_like_the_rest() {
    assert_eq!(
        findings(
            "watch:
  mode: lern
  first_sen: {effect: hold}
  first_seen: {effect: hold, risk: 10, services: [vektors], labels: [none]}
"
        ),
        [
            "2 unknown_value at lern",
            "3 unknown_key at first_sen",
            "4 nobody_approves at hold",
            "4 misplaced_key at 10",
            "4 unknown_service at vektors",
            "4 unknown_label at none",
        ]
    );
    assert_eq!(
        message("watch: {first_seen: {risk: 300, effect: raise}}\n"),
        "expected a whole number from 0 to 100"
    );
    assert_eq!(
        message("watch: {first_seen: {effect: raise, services: [vectors], operations: [model.download]}}\n"),
        "first_seen can never fire: no service that it speaks of has any of these operations in its system's catalogue"
    );
    assert_eq!(message("watch: {canary: {effect: raise}}\n"), "nothing is laid out: name `ids` or `texts`");
    assert_eq!(
        findings("watch: {two_workloads: {effect: raise, within: 25h}, share: {effect: hold, over: 0}}\n"),
        [
            "1 bad_duration at 25h",
            "1 missing_key at {effect",
            "1 nobody_approves at hold",
            "1 wrong_type at 0"
        ]
    );
    let warned = |watch: &str| {
        let policy = Policy::parse(&policy_text(watch), "policy.yaml").unwrap();
        policy.warnings().iter().any(|warning| warning.code == "no_learning")
    };
    assert!(warned("watch: {first_seen: {effect: raise}}\n"));
    assert!(!warned("watch: {learning: 7d, first_seen: {effect: raise}}\n"));
    assert!(!warned("watch: {mode: learn, first_seen: {effect: raise}}\n"));
}
