//! The anchors of several bytes, all found in one pass.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

/// Literals, each waking one or more readers. A literal is found wherever it stands, also inside another.
#[derive(Debug)]
pub(super) struct Literals {
    automaton: Option<AhoCorasick>,
    /// Per pattern of the automaton: which readers it wakes.
    wakes: Vec<Vec<usize>>,
}

impl Literals {
    /// `wanted` yields the literals of each reader in turn; ASCII case is not told apart, readers look closer.
    pub(super) fn compile<'a>(wanted: impl Iterator<Item = Vec<&'a str>>) -> Self {
        let mut patterns: Vec<String> = Vec::new();
        let mut wakes: Vec<Vec<usize>> = Vec::new();
        for (which, literals) in wanted.enumerate() {
            for literal in literals {
                let literal = literal.to_ascii_lowercase();
                match patterns.iter().position(|known| *known == literal) {
                    Some(n) => wakes.iter_mut().skip(n).take(1).for_each(|readers| {
                        if !readers.contains(&which) {
                            readers.push(which);
                        }
                    }),
                    None => {
                        patterns.push(literal);
                        wakes.push(vec![which]);
                    }
                }
            }
        }
        let build = || {
            AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .ascii_case_insensitive(true)
                .kind(Some(AhoCorasickKind::DFA))
                .build(&patterns)
                .ok()
        };
        let automaton = if patterns.is_empty() { None } else { build() };
        Self { automaton, wakes }
    }

    /// Calls `wake` with the offset of each literal and the reader it wakes.
    pub(super) fn each(&self, text: &[u8], mut wake: impl FnMut(usize, usize)) {
        let Some(automaton) = &self.automaton else { return };
        for found in automaton.find_overlapping_iter(text) {
            for &which in self.wakes.get(found.pattern().as_usize()).into_iter().flatten() {
                wake(found.start(), which);
            }
        }
    }
}
