//! A policy in several files: what `include` names is read as if it stood in the file that names it.
//!
//! Lists grow, names join, and of single settings the file that includes has the last word. Two included files that each give such a
//! setting, or the same name, contradict each other: nothing depends on the order of files.

use super::document::{self, File, Findings, Key, Node, POLICY, Shape, Value, beside, clip};
use super::text_beside;

/// So many files make one policy.
const MOST: usize = 32;

/// A policy's tree, with all that it includes.
pub(super) struct Document {
    pub(super) root: Node,
    /// The texts of the included files, for the digest of the policy.
    pub(super) included: Vec<String>,
}

/// Reads a policy and what it includes. What is wrong is in `findings`; `None` where there is no tree to go on with.
pub(super) fn read(text: &str, findings: &mut Findings) -> Option<Document> {
    let root = document::read(text, File::MAIN, findings)?;
    let main = std::path::absolute(findings.name(File::MAIN)).unwrap_or_default();
    let main = main.canonicalize().unwrap_or(main);
    let mut reading = Reading { findings, seen: vec![main], texts: Vec::new() };
    let root = reading.complete(root, File::MAIN);
    Some(Document { root, included: reading.texts })
}

struct Reading<'f> {
    findings: &'f mut Findings,
    seen: Vec<std::path::PathBuf>,
    texts: Vec<String>,
}

impl Reading<'_> {
    /// The tree of a file with what it includes.
    fn complete(&mut self, mut root: Node, file: File) -> Node {
        let named: Vec<(String, document::Place)> = root
            .get("include")
            .map(Node::elements)
            .unwrap_or_default()
            .iter()
            .filter_map(|node| Some((node.text()?.to_owned(), node.place)))
            .collect();
        for (written, place) in named {
            let path = beside(self.findings.name(file), &written);
            let path = path.canonicalize().unwrap_or(path);
            // Named twice, it is read once; so no circle has a second round.
            if self.seen.contains(&path) {
                continue;
            }
            self.seen.push(path.clone());
            if self.seen.len() > MOST {
                let message = format!("a policy is made of at most {MOST} files");
                self.findings.add(place, "too_many_files", message);
                break;
            }
            let (included, text) = match text_beside(self.findings, file, &written) {
                Ok(read) => read,
                Err(why) => {
                    let message = format!("cannot read {}: {why}", clip(&written));
                    self.findings.add(place, "unreadable_include", message);
                    continue;
                }
            };
            if let Some(tree) = document::read(&text, included, self.findings) {
                self.check(&tree, included);
                let tree = self.complete(tree, included);
                join(&mut root, tree, file, self.findings);
            }
            self.texts.push(text);
        }
        root
    }

    /// An included file is a policy's part: it says which version it is written in.
    fn check(&mut self, tree: &Node, file: File) {
        if !matches!(tree.value, Value::Map(_)) {
            let message = format!("expected a map of keys, found {}", tree.kind());
            self.findings.add(file.start(), "wrong_type", message);
            return;
        }
        let version = POLICY.keys.iter().find(|entry| entry.name == "version");
        match (tree.get("version"), version) {
            (Some(node), Some(entry)) => document::check(node, entry.shape, self.findings),
            _ => {
                let message = "`version` is missing: the version of this format: 1";
                self.findings.add(file.start(), "missing_key", message);
            }
        }
    }
}

/// Puts what `part` says into `whole`, which is that of `file`.
fn join(whole: &mut Node, part: Node, file: File, findings: &mut Findings) {
    let (Value::Map(mine), Value::Map(theirs)) = (&mut whole.value, part.value) else { return };
    for (key, node) in theirs {
        if matches!(key.text.as_str(), "version" | "include") {
            continue;
        }
        let Some((known, there)) = mine.iter_mut().find(|(known, _)| known.text == key.text) else {
            mine.push((key, node));
            continue;
        };
        let named = POLICY
            .keys
            .iter()
            .any(|entry| entry.name == key.text && matches!(entry.shape, Shape::Named { .. }));
        match (&mut there.value, node.value) {
            (Value::List(mine), Value::List(theirs)) => mine.extend(theirs),
            (Value::Map(mine), Value::Map(theirs)) if named => add(mine, theirs, findings),
            // The file that includes has said it.
            _ if known.place.file == file => {}
            _ => {
                let other = place(known, findings);
                let message = format!(
                    "{} is given at {other} too: the file that includes both has to say it",
                    clip(&key.text)
                );
                findings.add(key.place, "contradictory_include", message);
            }
        }
    }
}

/// Joins maps of names, in which each stands for one thing.
fn add(mine: &mut Vec<(Key, Node)>, theirs: Vec<(Key, Node)>, findings: &mut Findings) {
    for (key, node) in theirs {
        match mine.iter().find(|(known, _)| known.text == key.text) {
            None => mine.push((key, node)),
            Some((known, _)) => {
                let message = format!("{} is already given at {}", clip(&key.text), place(known, findings));
                findings.add(key.place, "duplicate_key", message);
            }
        }
    }
}

fn place(key: &Key, findings: &Findings) -> String {
    format!("{}:{}", findings.name(key.place.file), key.place.line)
}
