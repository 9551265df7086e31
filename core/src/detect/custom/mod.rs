//! What a policy itself looks for: a pattern, a list of words, or whatever stands under a name.
//!
//! It is a pass of its own beside that of the catalogue, made only where a policy declares such entities; what it finds
//! competes with the rest ([`resolve`](super::resolve)) and is masked and counted like the rest.

mod called;
mod pattern;
#[cfg(test)]
mod tests;
mod words;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::digits::check::{Check, VALUE};
use super::input::Input;
use super::lexicon::{Lexicon, Plain};
use super::resolve::Candidate;
use super::words::{Sense, Sight};
use super::{Context, Given, Inside, MAX_OPEN};
use crate::glob::Glob;
use crate::model::Entity;
use called::sentence;

pub(crate) use called::Called;
pub(super) use called::Failed;
pub use called::{Detector, Spotted};
pub(crate) use pattern::Pattern;
pub(crate) use words::Words;

/// Within so many bytes of its start, a value of a pattern shows itself.
const FIT: usize = 1024;

/// Why something cannot be looked for: a stable code and a sentence.
pub(crate) type Wrong = (&'static str, String);

/// An entity that a policy declares.
#[derive(Debug)]
pub struct Custom {
    /// Its name; its group is `other`.
    pub entity: Entity,
    find: Find,
    check: Option<Check>,
    /// Words of which one must stand near.
    near: Vec<String>,
    rank: u8,
}

/// How it is found.
#[derive(Debug)]
pub(crate) enum Find {
    Pattern(Box<Pattern>),
    Words(Words),
    /// The whole of a text that stands under such a name (in small letters).
    Keys(Vec<Glob>),
    /// By a detector that the host brings.
    Called(Called),
}

/// What a reader says of the text from some offset on.
pub(super) enum Next {
    None,
    /// What begins here needs more of the text.
    Undecided(usize),
    /// A value. `goes_on`: it is longer than is kept back; where its pattern stands after [`MAX_OPEN`] bytes.
    Value {
        start: usize,
        end: usize,
        goes_on: Option<u32>,
    },
}

impl Custom {
    /// The rank where a policy names none, that of an e-mail address: above numbers without check digits, below cards and keys.
    pub(crate) const RANK: u8 = 60;

    pub(crate) fn new(entity: Entity, find: Find, rank: Option<u8>) -> Self {
        let rank = rank.unwrap_or(Self::RANK);
        Self { entity, find, check: None, near: Vec::new(), rank }
    }

    /// The same where its values have check digits.
    pub(crate) fn checked(self, lines: &[&str]) -> Result<Self, Wrong> {
        let check = Check::parse(lines).ok_or_else(|| {
            let known = "luhn, verhoeff, mod11_10, or a line such as `number 0..9 mod 97 minus at 9..11`";
            ("unknown_check", format!("expected {known}"))
        })?;
        self.bounded("a value with check digits")?;
        Ok(Self { check: Some(check), ..self })
    }

    /// The same where one of these words stands near.
    pub(crate) fn near(self, words: Vec<String>) -> Result<Self, Wrong> {
        if words.iter().any(|word| {
            word.len() > Plain::MOST || Plain::of(word.as_bytes(), true).words().trim_ascii().is_empty()
        }) {
            return Err((
                "bad_word",
                format!("a word that tells has letters, and at most {} bytes", Plain::MOST),
            ));
        }
        self.bounded("a value that a word tells of")?;
        Ok(Self { near: words, ..self })
    }

    /// What is judged as a whole must come to an end.
    fn bounded(&self, what: &str) -> Result<(), Wrong> {
        match &self.find {
            Find::Pattern(pattern) if !pattern.ends() => Err((
                "unbounded_pattern",
                format!("{what} ends within {FIT} bytes: bound the pattern's repetitions"),
            )),
            _ => Ok(()),
        }
    }

    /// Whether it is looked for in what a text says in disguise, too: a word or a pattern that comes to an end. What may go on
    /// without end, or is whatever stands under a name, is found as it came.
    fn may_be_disguised(&self) -> bool {
        match &self.find {
            Find::Pattern(pattern) => pattern.ends(),
            Find::Words(_) => true,
            Find::Keys(_) | Find::Called(_) => false,
        }
    }

    /// The detector of the host that finds it.
    pub(crate) fn called(&self) -> Option<&Called> {
        match &self.find {
            Find::Called(called) => Some(called),
            _ => None,
        }
    }

    fn passes(&self, value: &[u8]) -> bool {
        let Some(check) = &self.check else { return true };
        let mut plain = [0; VALUE];
        let mut length = 0;
        for byte in value.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
            let Some(slot) = plain.get_mut(length) else { return false };
            *slot = byte.to_ascii_uppercase();
            length += 1;
        }
        check.passes(plain.get(..length).unwrap_or_default())
    }

    fn names(&self, key: Option<&str>) -> bool {
        let Find::Keys(globs) = &self.find else { return false };
        key.is_some_and(|key| {
            let key = key.to_ascii_lowercase();
            globs.iter().any(|glob| glob.matches(&key))
        })
    }
}

/// Those that a scanner looks for.
#[derive(Debug)]
pub(super) struct Customs {
    all: Vec<Arc<Custom>>,
    lexicon: Lexicon,
    /// Tells the scanner that they belong to from others; not zero.
    id: u64,
}

impl Customs {
    pub(super) fn compile(all: Vec<Arc<Custom>>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let near: Vec<Vec<&str>> =
            all.iter().map(|one| one.near.iter().map(String::as_str).collect()).collect();
        let lexicon =
            Lexicon::compile(near.iter().enumerate().map(|(which, words)| (which, words.as_slice())));
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { lexicon, all, id }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn entity(&self, which: usize) -> Option<Entity> {
        self.all.get(which).map(|custom| custom.entity)
    }

    /// Whether what stands under this key is looked for, whatever it is.
    pub(super) fn names(&self, key: Option<&str>) -> bool {
        self.all.iter().any(|custom| custom.names(key))
    }

    pub(super) fn inside(&self, which: usize, state: u32) -> Option<Inside> {
        Some(Inside { entity: self.entity(which)?, state, of: self.id, level: 0 })
    }

    /// The rest of a value that is longer than is kept back, as [`Pattern::rest`]; `None` where it is not one of these.
    pub(super) fn rest(
        &self,
        input: &Input<'_>,
        from: usize,
        inside: Inside,
        whole: bool,
    ) -> Option<(usize, Option<Inside>)> {
        let custom = self.all.iter().find(|custom| custom.entity == inside.entity && inside.of == self.id)?;
        let (end, state) = match &custom.find {
            Find::Pattern(pattern) => pattern.rest(input, from, inside.state, whole),
            _ => (input.len(), (!whole).then_some(inside.state)),
        };
        Some((end, state.map(|state| Inside { state, ..inside })))
    }

    /// Appends what begins at `from` or later, numbered from `first` on; where the first undecided one begins.
    pub(super) fn look(
        &self,
        input: &Input<'_>,
        from: usize,
        context: &Context<'_>,
        (first, whole): (usize, bool),
        candidates: &mut Vec<Candidate>,
    ) -> Result<usize, Failed> {
        let mut limit = match input.is_view() {
            // A detector of the host reads texts as they came.
            true => usize::MAX,
            false => self.ask(input, from, context, (first, whole), candidates)?,
        };
        input.take_touched();
        let sight = Sight::new(&self.lexicon, context.key);
        for (which, custom) in self.all.iter().enumerate() {
            if input.is_view() && !custom.may_be_disguised() {
                continue;
            }
            let sense = Sense { sight: &sight, which };
            let mut at = from;
            loop {
                let (start, end, goes_on) = match custom.next(input, at, context.key, whole) {
                    Next::None => break,
                    Next::Undecided(start) => {
                        limit = limit.min(start);
                        break;
                    }
                    Next::Value { start, end, goes_on } => (start, end, goes_on),
                };
                let told = custom.near.is_empty() || sense.holds(input, start) || sense.follows(input, end);
                if input.take_touched() && !whole {
                    limit = limit.min(start);
                    break;
                }
                let void = !(told && custom.passes(input.slice(start, end)));
                candidates.push(Candidate {
                    start,
                    end,
                    low: start,
                    which: first + which,
                    rank: custom.rank,
                    score: 100,
                    open: goes_on.is_some(),
                    state: goes_on.unwrap_or(0),
                    void,
                    level: 0,
                    covers: false,
                });
                if goes_on.is_some() {
                    break;
                }
                at = end;
            }
        }
        Ok(limit)
    }

    /// The same for the detectors that the host brings; each is called once for a text, whatever it is asked for.
    fn ask(
        &self,
        input: &Input<'_>,
        from: usize,
        context: &Context<'_>,
        (first, whole): (usize, bool),
        candidates: &mut Vec<Candidate>,
    ) -> Result<usize, Failed> {
        let called = self.all.iter().enumerate().filter_map(|(which, own)| Some((which, own, own.called()?)));
        let called: Vec<_> = called.collect();
        let Some((some, ..)) = called.first() else { return Ok(usize::MAX) };
        let mut start = from;
        while start < input.len() && context.given != Given::Name {
            let end = match context.given {
                Given::Whole if whole => Some(input.len()),
                _ => sentence(input, start, whole),
            };
            let Some(end) = end else { return Ok(start) };
            let candidate = |which: usize, rank, span: Range<usize>, void| Candidate {
                start: start + span.start,
                end: start + span.end,
                low: start,
                which: first + which,
                rank,
                score: 100,
                open: false,
                state: 0,
                void,
                level: 0,
                covers: false,
            };
            // A sentence is read as a whole or not at all.
            candidates.push(candidate(*some, 0, 0..end - start, true));
            let mut answers: Vec<(&str, Vec<Spotted>)> = Vec::new();
            for (which, own, by) in &called {
                if !answers.iter().any(|(name, _)| *name == by.name) {
                    answers.push((&by.name, by.ask(input.slice(start, end), context.key)?));
                }
                let answer =
                    answers.iter().filter(|(name, _)| *name == by.name).flat_map(|(_, spotted)| spotted);
                let meant = answer.filter(|spotted| by.is_meant(spotted));
                candidates.extend(meant.map(|one| candidate(*which, own.rank, one.span.clone(), false)));
            }
            start = end;
        }
        Ok(usize::MAX)
    }
}

impl Custom {
    fn next(&self, input: &Input<'_>, from: usize, key: Option<&str>, whole: bool) -> Next {
        match &self.find {
            Find::Pattern(pattern) => pattern.next(input, from, whole),
            Find::Words(words) => words.next(input, from, whole),
            // It is asked for its answers at once.
            Find::Called(_) => Next::None,
            // A text begins once.
            Find::Keys(_) if from > 0 || input.len() == 0 || !self.names(key) => Next::None,
            Find::Keys(_) => match input.len() {
                end if whole => Next::Value { start: 0, end, goes_on: None },
                end if end >= MAX_OPEN => Next::Value { start: 0, end, goes_on: Some(0) },
                _ => Next::Undecided(0),
            },
        }
    }
}
