//! What is wrong with a policy, gathered while it is read.

use std::path::PathBuf;

use crate::error::{Diagnostic, Severity};

/// A place in a text: which file, and line and column, both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::policy) struct Place {
    pub(in crate::policy) file: File,
    pub(in crate::policy) line: usize,
    pub(in crate::policy) column: usize,
}

/// One of the files that a run reads, in the order in which they were opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::policy) struct File(usize);

impl File {
    /// The one that is read.
    pub(in crate::policy) const MAIN: Self = Self(0);

    /// Its first character.
    pub(in crate::policy) fn start(self) -> Place {
        self.place(1, 1)
    }

    /// A place in it, line and column from 1.
    pub(in crate::policy) fn place(self, line: usize, column: usize) -> Place {
        Place { file: self, line, column }
    }
}

/// At most this many findings are kept: beyond it nobody reads on. That there are more is said.
const MOST: usize = 200;

/// The findings of one run.
#[derive(Debug)]
pub(in crate::policy) struct Findings {
    files: Vec<String>,
    list: Vec<Diagnostic>,
    /// How many more there were.
    more: usize,
}

impl Findings {
    /// Those of a file and of what it brings in.
    pub(in crate::policy) fn new(file: &str) -> Self {
        Self { files: vec![file.to_owned()], list: Vec::new(), more: 0 }
    }

    /// Another file of the run.
    pub(in crate::policy) fn open(&mut self, file: &str) -> File {
        self.files.push(file.to_owned());
        File(self.files.len() - 1)
    }

    /// Every file of the run, wherever the process goes.
    pub(in crate::policy) fn files(&self) -> Vec<PathBuf> {
        self.files.iter().map(|file| std::path::absolute(file).unwrap_or_else(|_| file.into())).collect()
    }

    /// What a file is called.
    pub(in crate::policy) fn name(&self, file: File) -> &str {
        self.files.get(file.0).map_or("", String::as_str)
    }

    /// Notes something that is wrong.
    pub(in crate::policy) fn add(&mut self, place: Place, code: &'static str, message: impl Into<String>) {
        self.note(place, code, message.into(), Severity::Error);
    }

    /// Notes something that is hardly meant and opens nothing: looked for only where nothing is wrong.
    pub(in crate::policy) fn warn(&mut self, place: Place, code: &'static str, message: impl Into<String>) {
        self.note(place, code, message.into(), Severity::Warning);
    }

    fn note(&mut self, place: Place, code: &'static str, message: String, severity: Severity) {
        if self.list.len() < MOST {
            let file = self.name(place.file).to_owned();
            let found = Diagnostic::new(file, place.line, place.column, code, message);
            self.list.push(Diagnostic { severity, ..found });
        } else {
            self.more += 1;
        }
    }

    /// Whether nothing is wrong.
    pub(in crate::policy) fn is_sound(&self) -> bool {
        self.list.iter().all(|found| found.severity != Severity::Error)
    }

    /// Whether anything stands in `from..end`: a part of the policy with a finding says less than it seems to, so that
    /// conclusions about its meaning are not drawn.
    pub(in crate::policy) fn any_within(&self, from: Place, end: Place) -> bool {
        let file = self.name(from.file);
        self.list.iter().any(|d| {
            let at = from.file.place(d.line, d.column);
            d.severity == Severity::Error && d.file == file && from <= at && at < end
        })
    }

    /// Whether anything in a file is wrong.
    pub(in crate::policy) fn any_in(&self, file: File) -> bool {
        let name = self.name(file);
        self.list.iter().any(|d| d.severity == Severity::Error && d.file == name)
    }

    /// All of them, in the order of the text; those about further files come last, in the order of their names. Where there were too
    /// many, the last one says so.
    pub(in crate::policy) fn sorted(mut self) -> Vec<Diagnostic> {
        let file = self.name(File::MAIN).to_owned();
        let key = |d: &Diagnostic| (d.file != file, d.file.clone(), d.line, d.column, d.code);
        self.list.sort_by_cached_key(key);
        self.list.dedup();
        if let Some(last) = self.list.last().filter(|_| self.more > 0).cloned() {
            let (code, message) =
                ("too_many_findings", format!("{} more are not told: see to these first", self.more));
            self.list.push(Diagnostic { code, message, ..last });
        }
        self.list
    }
}

/// A word of the policy, quoted and short enough for a message.
pub(in crate::policy) fn clip(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    if short.len() == text.len() {
        format!("`{}`", short.escape_debug())
    } else {
        format!("`{}...`", short.escape_debug())
    }
}

/// `; did you mean X?` for the likeliest of `known`, or nothing.
pub(in crate::policy) fn hint<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let word: String = word.chars().take(64).collect();
    let allowed = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(&word, candidate), candidate))
        .filter(|(far, _)| *far <= allowed)
        .min()
        .map_or_else(String::new, |(_, candidate)| format!("; did you mean `{candidate}`?"))
}

/// How many insertions, deletions, substitutions and swaps of neighbours lie between two words, case apart.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let (mut before, mut last): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=b.len()).collect());
    let mut previous_a = None;
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        let mut previous_b = None;
        for (j, &y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let mut best =
                (at(&last, j + 1) + 1).min(at(&row, j) + 1).min(at(&last, j) + usize::from(x != y));
            if previous_a == Some(y) && previous_b == Some(x) && j > 0 {
                best = best.min(at(&before, j - 1).saturating_add(1));
            }
            row.push(best);
            previous_b = Some(y);
        }
        before = std::mem::replace(&mut last, row);
        previous_a = Some(x);
    }
    last.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_the_nearest_word_and_stay_silent_when_none_is_near() {
        let known = ["services", "rules", "resources", "operations"];
        assert_eq!(hint("resorces", known), "; did you mean `resources`?");
        assert_eq!(hint("ruels", known), "; did you mean `rules`?");
        assert_eq!(hint("Operations", known), "; did you mean `operations`?");
        assert_eq!(hint("banana", known), "");
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn that_there_are_more_than_anybody_reads_is_said() {
        let mut findings = Findings::new("p.yaml");
        (0..MOST + 3).for_each(|line| findings.add(File::MAIN.place(line + 1, 1), "a", ""));
        let told = findings.sorted();
        let last = told.last().unwrap();
        assert_eq!((told.len(), last.code, last.line), (MOST + 1, "too_many_findings", MOST));
        assert!(last.message.starts_with("3 more"), "{last}");
    }

    #[test]
    fn findings_come_in_the_order_of_the_text() {
        let mut findings = Findings::new("p.yaml");
        let (main, other) = (File::MAIN, findings.open("other.yaml"));
        findings.add(other.place(1, 1), "c", "");
        findings.add(main.place(9, 1), "b", "");
        findings.add(main.place(2, 5), "a", "");
        findings.warn(main.place(1, 1), "w", "");
        assert!(findings.any_within(main.start(), main.place(2, 6)) && !findings.is_sound());
        assert!(!findings.any_within(main.start(), main.place(2, 5)));
        assert!(!findings.any_within(other.place(1, 2), other.place(9, 9)));
        assert_eq!(findings.sorted().iter().map(|d| d.code).collect::<Vec<_>>(), ["w", "a", "b", "c"]);
    }
}
