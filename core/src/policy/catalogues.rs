//! Catalogues that a policy brings: files beside it, in the format of the built-in ones.

use super::document::{self, Findings, Node, clip};
use super::text_beside;
use crate::classify::{self, System};

/// What the policy knows of systems: its own, the built-in ones with its entries, and the built-in ones.
#[derive(Debug, Default)]
pub(super) struct Catalogues {
    own: Vec<&'static System>,
    /// The names of those that something is wrong with.
    broken: Vec<String>,
    /// The files, for the digest of the policy.
    texts: Vec<String>,
}

impl Catalogues {
    /// Reads the files that `root` names, each relative to the file that names it, and reports everything that is wrong with them.
    pub(super) fn read(root: &Node, findings: &mut Findings) -> Self {
        let mut systems: Vec<(String, Vec<(String, String)>)> = Vec::new();
        let (mut texts, mut broken) = (Vec::new(), Vec::new());
        for node in root.get("catalogues").map(Node::elements).unwrap_or_default() {
            let Some(written) = node.text() else { continue };
            let (file, text) = match text_beside(findings, node.place.file, written) {
                Ok(read) => read,
                Err(why) => {
                    findings.add(
                        node.place,
                        "unreadable_catalogue",
                        format!("cannot read {}: {why}", clip(written)),
                    );
                    continue;
                }
            };
            // What hides meaning is told first, all of it at once.
            let tree = document::read(&text, file, findings);
            let system = tree.as_ref().and_then(|tree| tree.get("system")).and_then(Node::text);
            match system {
                Some(system) if !findings.any_in(file) => {
                    let file = (findings.name(file).to_owned(), text.clone());
                    match systems.iter_mut().find(|(known, _)| known == system) {
                        Some((_, files)) => files.push(file),
                        None => systems.push((system.to_owned(), vec![file])),
                    }
                }
                None if !findings.any_in(file) => {
                    let message = "`system` is missing: what the entries are about";
                    findings.add(file.start(), "bad_catalogue", message);
                }
                _ => broken.extend(system.map(str::to_owned)),
            }
            texts.push(text);
        }
        let mut own = Vec::new();
        for (name, files) in systems {
            match classify::own_system(&files) {
                Ok(system) => own.push(system),
                Err(wrong) => {
                    broken.push(name);
                    for fault in wrong {
                        let file = findings.open(&fault.file);
                        findings.add(file.place(fault.line, fault.column), "bad_catalogue", fault.message);
                    }
                }
            }
        }
        Self { own, broken, texts }
    }

    /// The system of a name.
    pub(super) fn system(&self, name: &str) -> Option<&'static System> {
        self.own.iter().copied().find(|system| system.name() == name).or_else(|| classify::system(name))
    }

    /// The systems that the policy brings or adds to.
    pub(super) fn into_own(self) -> Vec<&'static System> {
        self.own
    }

    /// The names of all systems, also of those that something is wrong with.
    pub(super) fn names(&self) -> Vec<&str> {
        let built_in = classify::systems().iter().map(System::name);
        let own = self.own.iter().map(|system| system.name());
        let mut names: Vec<&str> = built_in.collect();
        for name in own.chain(self.broken.iter().map(String::as_str)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The texts of the files.
    pub(super) fn texts(&self) -> &[String] {
        &self.texts
    }
}
