//! A regular expression of a policy: compiled to an automaton at load, read byte by byte.
//!
//! A value is what the leftmost-first rule of regular expressions says, read from where a character begins to where one
//! ends. It shows itself within [`FIT`] bytes, or there is none. The automaton says at each byte whether the value may
//! still grow: one that may is undecided at the end of a piece, and one longer than [`MAX_OPEN`] goes on until it no
//! longer fits. One pass over a text without a value; at a value, no byte is read more than [`FIT`] times.

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::prefilter::Prefilter;
use regex_automata::util::primitives::StateID;
use regex_automata::util::syntax;
use regex_automata::{Anchored, MatchKind};

use super::{FIT, Next, Wrong};
use crate::detect::MAX_OPEN;
use crate::detect::input::Input;

/// The most memory that one pattern's automaton takes, and the work of making it.
const SIZE: usize = 1 << 20;

/// A pattern, compiled.
#[derive(Debug)]
pub(crate) struct Pattern {
    automaton: dense::DFA<Vec<u32>>,
    /// Within so many bytes a value shows itself.
    fit: usize,
    /// No value is longer, where that is known.
    longest: Option<usize>,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Result<Self, Wrong> {
        // Bytes, not characters: the engine reads text that may be no UTF-8.
        let syntax = syntax::Config::new().unicode(false).utf8(false);
        let hir = syntax::parse_with(text, &syntax).map_err(|error| ("bad_pattern", said(&error)))?;
        let (least, longest) = (hir.properties().minimum_len(), hir.properties().maximum_len());
        match least {
            Some(0) | None => {
                return Err((
                    "empty_match",
                    "it can match nothing at all: ask for at least one character".into(),
                ));
            }
            Some(least) if least > FIT => {
                return Err((
                    "bad_pattern",
                    format!("a value shows itself within {FIT} bytes, and none of this can"),
                ));
            }
            Some(_) => {}
        }
        let too_large = |_| ("bad_pattern", "it is too large: bound its repetitions closer".to_owned());
        let nfa = thompson::Config::new().utf8(false).nfa_size_limit(Some(SIZE));
        let nfa = thompson::Compiler::new().configure(nfa).build_from_hir(&hir).map_err(|_| too_large(()))?;
        let dfa = dense::Config::new()
            .start_kind(StartKind::Both)
            .match_kind(MatchKind::LeftmostFirst)
            .prefilter(Prefilter::from_hir_prefix(MatchKind::LeftmostFirst, &hir))
            .dfa_size_limit(Some(SIZE))
            .determinize_size_limit(Some(4 * SIZE));
        let automaton =
            dense::Builder::new().configure(dfa).build_from_nfa(&nfa).map_err(|_| too_large(()))?;
        Ok(Self { automaton, fit: longest.unwrap_or(FIT).min(FIT), longest })
    }

    /// Whether every value ends within [`FIT`] bytes.
    pub(crate) fn ends(&self) -> bool {
        self.longest.is_some_and(|longest| longest <= FIT)
    }

    /// The first value that begins at `from` or later.
    pub(super) fn next(&self, input: &Input<'_>, mut from: usize, whole: bool) -> Next {
        while let Some(end) = self.earliest_end(input, from) {
            // No start before can be met by its first end in time, and none behind the end was met.
            let starts = from.max(end.saturating_sub(self.fit))..end;
            if let Some(next) = starts.into_iter().find_map(|start| self.at(input, start, whole)) {
                return next;
            }
            from = end;
        }
        if whole {
            return Next::None;
        }
        let starts = from.max(input.len().saturating_sub(self.fit))..input.len();
        starts.into_iter().find_map(|start| self.at(input, start, whole)).unwrap_or(Next::None)
    }

    /// Where the value ends that ends first of all that begin at `from` or later.
    fn earliest_end(&self, input: &Input<'_>, from: usize) -> Option<usize> {
        let span =
            regex_automata::Input::new(input.rest(0)).span(from.min(input.len())..input.len()).earliest(true);
        // There are no bytes that the automaton gives up at.
        self.automaton.try_search_fwd(&span).ok().flatten().map(|found| found.offset())
    }

    /// What begins here: a value, something undecided, or nothing.
    fn at(&self, input: &Input<'_>, start: usize, whole: bool) -> Option<Next> {
        if input.peek(start).is_some_and(continues) {
            return None;
        }
        let text = input.rest(0);
        let anchored = regex_automata::Input::new(text).span(start..text.len()).anchored(Anchored::Yes);
        let state = self.automaton.start_state_forward(&anchored).ok()?;
        let mut run = Run { state, before: state, at: start, met: None };
        let stop = run.go(self, input, whole, |run| match run.met {
            None => run.at - start > self.fit,
            Some(_) => run.at - start == MAX_OPEN,
        });
        match (stop, run.met) {
            (Stop::Ended, Some(end)) => {
                let end = character_end(input, end);
                let touched = input.take_touched();
                if touched && !whole {
                    return Some(Next::Undecided(start));
                }
                Some(Next::Value { start, end, goes_on: None })
            }
            (Stop::Asked, Some(_)) => {
                let state = run.state.as_u32();
                let (end, goes_on) = self.rest(input, run.at, state, whole);
                // What is told of a value that goes on is where its first part stops.
                Some(Next::Value { start, end, goes_on: goes_on.map(|_| state) })
            }
            (Stop::Touched, _) => Some(Next::Undecided(start)),
            (Stop::Ended | Stop::Asked, None) => None,
        }
    }

    /// The rest of a value that is longer than is kept back: its end, and the state where that is still unknown.
    pub(super) fn rest(
        &self,
        input: &Input<'_>,
        from: usize,
        state: u32,
        whole: bool,
    ) -> (usize, Option<u32>) {
        let Ok(state) = StateID::new(state as usize) else { return (from, None) };
        let mut run = Run { state, before: state, at: from, met: None };
        let stop = run.go(self, input, whole, |_| false);
        // An end is told one byte late.
        let late = self.automaton.is_match_state(run.state) && run.at > from && run.met != Some(run.at);
        let (at, state) = if late { (run.at - 1, run.before) } else { (run.at, run.state) };
        let end = character_end(input, at);
        let touched = input.take_touched() && !whole;
        // Where it was not found, it is looked for again from there.
        if stop == Stop::Touched || touched { (at, Some(state.as_u32())) } else { (end, None) }
    }
}

/// A walk through the automaton.
struct Run {
    state: StateID,
    /// The state before the last byte.
    before: StateID,
    at: usize,
    /// The end of the value so far.
    met: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// Nothing that follows belongs to it.
    Ended,
    /// The text has not ended and no more of it has come.
    Touched,
    Asked,
}

impl Run {
    fn go(&mut self, of: &Pattern, input: &Input<'_>, whole: bool, stops: impl Fn(&Self) -> bool) -> Stop {
        let automaton = &of.automaton;
        loop {
            if stops(self) {
                return Stop::Asked;
            }
            let Some(byte) = input.peek(self.at) else {
                if whole && automaton.is_match_state(automaton.next_eoi_state(self.state)) {
                    self.met = Some(self.at);
                }
                return if whole { Stop::Ended } else { Stop::Touched };
            };
            let state = automaton.next_state(self.state, byte);
            if automaton.is_match_state(state) {
                // Told one byte late.
                self.met = Some(self.at);
            } else if automaton.is_dead_state(state) || automaton.is_quit_state(state) {
                return Stop::Ended;
            }
            (self.before, self.state) = (self.state, state);
            self.at += 1;
        }
    }
}

/// A byte within a character.
fn continues(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// No character is cut in two.
fn character_end(input: &Input<'_>, end: usize) -> usize {
    input.run(end, 3, continues)
}

/// What is wrong with a pattern, in a sentence without the pattern.
fn said(error: &regex_syntax::Error) -> String {
    let (what, at) = match error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), Some(error.span().start.column)),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), Some(error.span().start.column)),
        _ => ("it is no regular expression".to_owned(), None),
    };
    at.map_or_else(|| what.clone(), |at| format!("{what} (at its character {at})"))
}
