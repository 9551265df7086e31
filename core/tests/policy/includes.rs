//! A policy in several files, and what is hardly meant.

use std::fs;
use std::path::Path;

use wardline::identity::Identity;
use wardline::model::{Act, Operation, Verdict};
use wardline::policy::{Facts, NoGrants, Policy};

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn codes(folder: &Path) -> Vec<(String, usize, &'static str)> {
    let error = Policy::from_file(folder.join("main.yaml")).unwrap_err();
    let name = |file: &str| Path::new(file).file_name().unwrap().to_str().unwrap().to_owned();
    error.diagnostics().iter().map(|d| (name(&d.file), d.line, d.code)).collect()
}

#[test]
fn included_files_are_read_as_if_they_stood_there() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[
            (
                "main.yaml",
                "version: 1\nstate: memory\ninclude: [base/services.yaml, base/rules.yaml]\ndefault: deny\nrules:\n  - {name: own, who: ['user:ana'], operations: [vector.search], effect: allow}\n",
            ),
            (
                "base/services.yaml",
                "version: 1\nservices: {vectors: {system: qdrant}}\ndefault: danger_allow\n",
            ),
            (
                "base/rules.yaml",
                "version: 1\ninclude: [services.yaml, ../main.yaml]\nrules:\n  - {name: no-exports, operations: [vector.export], effect: deny}\n",
            ),
        ],
    );
    let policy = Policy::from_file(folder.path().join("main.yaml")).unwrap();
    let ana = Identity::new("ana");
    let ask = |operation| {
        let acts = [Act::new(operation, "docs")];
        let told = policy.explain(&Facts::of(&ana, policy.service("vectors"), &acts), &NoGrants);
        let rule = told.acts[0].rules[0].clone();
        (told.decision.verdict, rule.rule.to_string(), rule.file.ends_with("base/rules.yaml"), rule.line)
    };
    assert_eq!(ask(Operation::VectorSearch), (Verdict::Allow, "own".to_owned(), false, 6));
    assert_eq!(ask(Operation::VectorExport), (Verdict::Deny, "no-exports".to_owned(), true, 4));
    // The file that includes has the last word of single settings.
    assert_eq!(ask(Operation::VectorFetch).0, Verdict::Deny);

    let before = *policy.digest();
    fs::write(folder.path().join("base/rules.yaml"), "version: 1\n").unwrap();
    let after = Policy::from_file(folder.path().join("main.yaml")).unwrap();
    assert_ne!(&before, after.digest(), "a policy is all of its files");
}

#[test]
fn what_is_wrong_is_told_in_the_file_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[
            (
                "main.yaml",
                "version: 1\nstate: memory\ninclude: [a.yaml, b.yaml, none.yaml]\nservices: {vectors: {system: qdrant}}\n",
            ),
            (
                "a.yaml",
                "version: 1\ndefault: danger_allow\ngroups: {security: [sam]}\nrules:\n  - {name: x, operations: [vector.serch], effect: deny}\n",
            ),
            ("b.yaml", "default: deny\ngroups: {security: [kim]}\nruels: []\n"),
        ],
    );
    assert_eq!(
        codes(folder.path()),
        [
            ("main.yaml".to_owned(), 3, "unreadable_include"),
            ("a.yaml".to_owned(), 5, "unknown_operation"),
            ("b.yaml".to_owned(), 1, "contradictory_include"),
            ("b.yaml".to_owned(), 1, "missing_key"),
            ("b.yaml".to_owned(), 2, "duplicate_key"),
            ("b.yaml".to_owned(), 3, "unknown_key"),
        ]
    );
}

#[test]
fn what_nobody_may_reach_is_a_warning() {
    let warnings = |text: &str| {
        let text = format!(
            "version: 1\nstate: memory\nservices: {{a: {{system: qdrant}}, b: {{system: qdrant, hosts: [b]}}}}\n{text}"
        );
        let policy = Policy::parse(&text, "p.yaml").unwrap();
        policy.warnings().iter().map(|d| (d.line, d.code)).collect::<Vec<_>>()
    };
    assert_eq!(warnings(""), [(3, "unusable_service"), (3, "unusable_service")]);
    assert_eq!(
        warnings(
            "rules:
  - {name: r, who: ['user:*'], services: [a], operations: [vector.search], resources: ['docs*'], effect: allow}
mask:
  - {name: m, operations: [vector.search], resources: [docs-1, notes], entities: {email: redact}}
"
        ),
        [(3, "unusable_service"), (7, "unreachable_resource")]
    );
    assert_eq!(
        warnings(
            "labels: {secret: {resources: ['vault*', docs-1], services: [a]}}
rules:
  - {name: r, who: ['user:*'], services: [a], operations: [vector.search], resources: ['docs*', hidden, 'vault-*'], effect: allow}
  - {name: d, services: [a], operations: ['vector.*'], resources: [hidden, 'v*'], effect: deny}
  - {name: e, operations: [vector.search], resources: ['docs*'], unless: {who: ['user:ana']}, effect: deny}
"
        ),
        // The label, and of the rule what another denies whole; what is denied with an exception can be reached.
        [(3, "unusable_service"), (4, "unreachable_resource"), (6, "unreachable_resource"), (6, "unreachable_resource")]
    );
    assert_eq!(warnings("default: danger_allow\n"), []);
}

#[test]
fn a_folder_is_no_policy() {
    let folder = tempfile::tempdir().unwrap();
    let error = Policy::from_file(folder.path()).unwrap_err();
    assert!(error.to_string().contains("it is a folder"), "{error}");
    fs::create_dir(folder.path().join("parts")).unwrap();
    let main = folder.path().join("p.yaml");
    fs::write(
        &main,
        "{version: 1, state: memory, include: [parts, none.yaml], services: {a: {system: qdrant}}}",
    )
    .unwrap();
    let error = Policy::from_file(&main).unwrap_err();
    let told: Vec<_> = error.diagnostics().iter().map(|d| d.message.as_str()).collect();
    assert!(told[0].contains("it is a folder") && told[1].contains("no such file"), "{told:?}");
}
