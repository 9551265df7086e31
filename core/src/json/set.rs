//! Many paths at once: where one stands in a document decides which of them still can, or do, match.

use super::path::{Path, Segment};

/// Several [`Path`]s as one automaton. A [`Matcher`] walks it along a document.
#[derive(Debug, Clone, Default)]
pub struct PathSet {
    paths: Vec<Path>,
    /// One state before each step of each path and one after its last: `None` there.
    steps: Vec<Option<Segment>>,
    /// Which path a state belongs to.
    owner: Vec<usize>,
    start: Vec<u64>,
}

impl PathSet {
    /// Compiles paths; a match is named by its index in `paths`.
    pub fn new(paths: Vec<Path>) -> Self {
        let (mut steps, mut owner, mut first) = (Vec::new(), Vec::new(), Vec::new());
        for (index, path) in paths.iter().enumerate() {
            first.push(steps.len());
            steps.extend(path.segments().iter().cloned().map(Some));
            steps.push(None);
            owner.resize(steps.len(), index);
        }
        let mut set = Self { start: vec![0; steps.len().div_ceil(64)], paths, steps, owner };
        let mut start = std::mem::take(&mut set.start);
        first.into_iter().for_each(|state| set.add(&mut start, state));
        set.start = start;
        set
    }

    /// The paths in order.
    pub fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Adds a state, and the one after it where that step may be nothing.
    fn add(&self, states: &mut [u64], mut state: usize) {
        loop {
            if let Some(word) = states.get_mut(state / 64) {
                *word |= 1 << (state % 64);
            }
            match self.steps.get(state) {
                Some(Some(Segment::AnyDepth)) => state += 1,
                _ => return,
            }
        }
    }

    fn step(&self, state: usize) -> Option<&Segment> {
        self.steps.get(state).and_then(Option::as_ref)
    }
}

/// Where one stands in a document, as far as a [`PathSet`] cares.
///
/// Call [`key`](Self::key) or [`element`](Self::element) before each value, [`open`](Self::open) and
/// [`close`](Self::close) around the inside of a container; [`root`](Self::root) before a document.
#[derive(Debug, Clone)]
pub struct Matcher {
    /// States at the value that comes or has just come.
    here: Vec<u64>,
    /// States at each open container, outermost first.
    levels: Vec<u64>,
    /// Which member steps each open container has used: using one again is a repeated key.
    used: Vec<u64>,
    repeated: bool,
}

/// How deep most documents are nested.
const ORDINARY_DEPTH: usize = 8;

impl Matcher {
    /// A matcher before a document.
    pub fn new(set: &PathSet) -> Self {
        // Room for as many containers in each other as most documents have.
        let room = || Vec::with_capacity(set.start.len() * ORDINARY_DEPTH);
        Self { here: set.start.clone(), levels: room(), used: room(), repeated: false }
    }

    /// For a document that stands in a string here: its root is this value.
    #[must_use]
    pub fn inside(&self) -> Self {
        Self { here: self.here.clone(), levels: Vec::new(), used: Vec::new(), repeated: false }
    }

    /// Before a document.
    pub fn root(&mut self, set: &PathSet) {
        self.here.clone_from(&set.start);
        self.levels.clear();
        self.used.clear();
    }

    /// Before the value of the member called `name` (decoded).
    pub fn key(&mut self, set: &PathSet, name: &[u8]) {
        let words = self.here.len();
        let base = self.levels.len().saturating_sub(words);
        if self.is_alive() {
            self.here.fill(0);
        }
        if self.levels.get(base..).is_none_or(|level| level.iter().all(|&word| word == 0)) {
            return;
        }
        for word in 0..words {
            for state in bits(self.levels.get(base + word).copied().unwrap_or(0), word) {
                match set.step(state) {
                    Some(Segment::Key(key)) if key.as_bytes() == name => {
                        if let Some(used) = self.used.get_mut(base + word) {
                            self.repeated |= *used & (1 << (state % 64)) != 0;
                            *used |= 1 << (state % 64);
                        }
                        set.add(&mut self.here, state + 1);
                    }
                    Some(Segment::AnyKey) => set.add(&mut self.here, state + 1),
                    Some(Segment::AnyDepth) => set.add(&mut self.here, state),
                    _ => {}
                }
            }
        }
    }

    /// Before the element with this index.
    pub fn element(&mut self, set: &PathSet, index: u64) {
        let words = self.here.len();
        let base = self.levels.len().saturating_sub(words);
        self.here.fill(0);
        for word in 0..words {
            for state in bits(self.levels.get(base + word).copied().unwrap_or(0), word) {
                match set.step(state) {
                    Some(Segment::AnyIndex) => set.add(&mut self.here, state + 1),
                    Some(Segment::Index(wanted)) if *wanted == index => set.add(&mut self.here, state + 1),
                    Some(Segment::AnyDepth) => set.add(&mut self.here, state),
                    _ => {}
                }
            }
        }
    }

    /// Enters the container that stands here.
    pub fn open(&mut self) {
        self.levels.extend_from_slice(&self.here);
        self.used.resize(self.levels.len(), 0);
    }

    /// Leaves the innermost container.
    pub fn close(&mut self) {
        let outside = self.levels.len().saturating_sub(self.here.len());
        for (here, level) in self.here.iter_mut().zip(self.levels.drain(outside..)) {
            *here = level;
        }
        self.used.truncate(outside);
    }

    /// Whether any path matches here or may match deeper.
    pub fn is_alive(&self) -> bool {
        self.here.iter().any(|&word| word != 0)
    }

    /// Whether a scalar element of the innermost container can matter to any path: if not, they may be skipped unread.
    pub fn wants_elements(&self, set: &PathSet) -> bool {
        let words = self.here.len();
        let base = self.levels.len().saturating_sub(words);
        self.levels.get(base..).unwrap_or_default().iter().enumerate().any(|(word, &level)| {
            bits(level, word).any(|state| {
                // Behind `**` stands a state of its own for what may come next.
                matches!(set.step(state), Some(Segment::AnyIndex | Segment::Index(_)))
            })
        })
    }

    /// The first path that matches the value here.
    pub fn first(&self, set: &PathSet) -> Option<usize> {
        self.matches(set).next()
    }

    /// Every path that matches the value here, in order.
    pub fn matches<'a>(&'a self, set: &'a PathSet) -> impl Iterator<Item = usize> + 'a {
        self.here
            .iter()
            .enumerate()
            .flat_map(|(word, &here)| bits(here, word))
            .filter(|&state| set.step(state).is_none())
            .filter_map(|state| set.owner.get(state).copied())
    }

    /// Whether a member that a path names has come twice in one object.
    pub fn repeated(&self) -> bool {
        self.repeated
    }
}

/// The states whose bits are set in the word with this index.
fn bits(mut word: u64, index: usize) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (word != 0).then(|| {
            let bit = word.trailing_zeros() as usize;
            word &= word - 1;
            index * 64 + bit
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(paths: &[&str]) -> PathSet {
        PathSet::new(paths.iter().map(|p| Path::parse(p).unwrap()).collect())
    }

    #[test]
    fn follows_keys_and_indices() {
        let set = set(&["a[*].b", "a[1].b", "**.b", "a.*", "$"]);
        let mut m = Matcher::new(&set);
        assert_eq!(m.matches(&set).collect::<Vec<_>>(), [4]);
        m.open();
        m.key(&set, b"a");
        assert!(m.is_alive() && m.first(&set).is_none());
        m.open();
        m.element(&set, 1);
        m.open();
        m.key(&set, b"b");
        assert_eq!(m.matches(&set).collect::<Vec<_>>(), [0, 1, 2]);
        m.key(&set, b"c");
        assert_eq!(m.first(&set), None);
        assert!(!m.repeated());
        m.key(&set, b"b");
        assert!(m.repeated());
        m.close();
        m.element(&set, 0);
        m.open();
        m.key(&set, b"b");
        assert_eq!(m.matches(&set).collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn more_than_64_states() {
        let paths: Vec<String> = (0..50).map(|i| format!("x.k{i}.y")).collect();
        let set = set(&paths.iter().map(String::as_str).collect::<Vec<_>>());
        let mut m = Matcher::new(&set);
        for name in [b"x".as_slice(), b"k41"] {
            m.open();
            m.key(&set, name);
        }
        m.open();
        m.key(&set, b"y");
        assert_eq!(m.first(&set), Some(41));
        m.close();
        m.key(&set, b"k7");
        m.open();
        m.key(&set, b"y");
        assert_eq!(m.first(&set), Some(7));
        assert!(!m.repeated());
    }

    #[test]
    fn an_empty_set_is_dead() {
        let set = set(&[]);
        let mut m = Matcher::new(&set);
        m.open();
        m.key(&set, b"a");
        assert!(!m.is_alive());
        m.close();
    }
}
