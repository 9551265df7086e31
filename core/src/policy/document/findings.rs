//! What is wrong with a policy, gathered while it is read.

use crate::error::Diagnostic;

/// A place in the text: line and column, both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::policy) struct Place {
    pub(in crate::policy) line: usize,
    pub(in crate::policy) column: usize,
}

impl Place {
    /// The first character.
    pub(in crate::policy) const START: Self = Self { line: 1, column: 1 };

    /// From the parser's marker, whose columns start at 0.
    pub(super) fn new(line: usize, column_from_0: usize) -> Self {
        Self { line: line.max(1), column: column_from_0 + 1 }
    }
}

/// At most this many findings are kept: beyond it nobody reads on.
const MOST: usize = 200;

/// The findings of one run.
#[derive(Debug)]
pub(in crate::policy) struct Findings {
    file: String,
    list: Vec<Diagnostic>,
}

impl Findings {
    pub(in crate::policy) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), list: Vec::new() }
    }

    /// Notes one.
    pub(in crate::policy) fn add(&mut self, place: Place, code: &'static str, message: impl Into<String>) {
        if self.list.len() < MOST {
            self.list.push(Diagnostic::new(&self.file, place.line, place.column, code, message));
        }
    }

    /// Notes one about another file.
    pub(in crate::policy) fn add_in(
        &mut self,
        file: &str,
        place: Place,
        code: &'static str,
        message: impl Into<String>,
    ) {
        if self.list.len() < MOST {
            self.list.push(Diagnostic::new(file, place.line, place.column, code, message));
        }
    }

    /// Those about another file.
    pub(in crate::policy) fn take(&mut self, other: Self) {
        self.list.extend(other.list.into_iter().take(MOST.saturating_sub(self.list.len())));
    }

    pub(in crate::policy) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether any stands in `from..end`: a part of the policy with one says less than it seems to, so that
    /// conclusions about its meaning are not drawn.
    pub(in crate::policy) fn any_within(&self, from: Place, end: Place) -> bool {
        self.list.iter().any(|d| {
            let at = Place { line: d.line, column: d.column };
            d.file == self.file && from <= at && at < end
        })
    }

    /// All of them, in the order of the text; those about other files come last.
    pub(in crate::policy) fn sorted(mut self) -> Vec<Diagnostic> {
        let file = self.file.clone();
        let key = |d: &Diagnostic| (d.file != file, d.file.clone(), d.line, d.column, d.code);
        self.list.sort_by_cached_key(key);
        self.list.dedup();
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
    fn findings_come_in_the_order_of_the_text() {
        let mut findings = Findings::new("p.yaml");
        findings.add(Place { line: 9, column: 1 }, "b", "");
        findings.add(Place { line: 2, column: 5 }, "a", "");
        assert!(findings.any_within(Place::START, Place { line: 2, column: 6 }));
        assert!(!findings.any_within(Place::START, Place { line: 2, column: 5 }));
        assert_eq!(findings.sorted().iter().map(|d| d.line).collect::<Vec<_>>(), [2, 9]);
    }
}
