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
    /// The states by the kind of their step, 64 a word.
    kinds: Vec<Kinds>,
}

/// Names of this length and longer stand together.
const LONG_NAME: usize = 15;

/// States, as bits, by what they ask of the next member or element.
#[derive(Debug, Clone, Copy, Default)]
struct Kinds {
    /// A name, by its length: most names are told apart by that.
    key: [u64; LONG_NAME + 1],
    any_key: u64,
    index: u64,
    any_index: u64,
    any_depth: u64,
    /// Nothing: a path ends here.
    end: u64,
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
        let mut kinds = vec![Kinds::default(); steps.len().div_ceil(64)];
        for (state, step) in steps.iter().enumerate() {
            let Some(kinds) = kinds.get_mut(state / 64) else { continue };
            let kind = match step {
                Some(Segment::Key(name)) => match kinds.key.get_mut(name.len().min(LONG_NAME)) {
                    Some(kind) => kind,
                    None => continue,
                },
                Some(Segment::AnyKey) => &mut kinds.any_key,
                Some(Segment::Index(_)) => &mut kinds.index,
                Some(Segment::AnyIndex) => &mut kinds.any_index,
                Some(Segment::AnyDepth) => &mut kinds.any_depth,
                None => &mut kinds.end,
            };
            *kind |= 1 << (state % 64);
        }
        let mut start = vec![0; kinds.len()];
        for state in first {
            if let Some(word) = start.get_mut(state / 64) {
                *word |= 1 << (state % 64);
            }
        }
        let mut carry = 0;
        for (word, kinds) in start.iter_mut().zip(&kinds) {
            (*word, carry) = kinds.settled(*word, carry);
        }
        Self { start, paths, steps, owner, kinds }
    }

    /// The paths in order.
    pub fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    fn step(&self, state: usize) -> Option<&Segment> {
        self.steps.get(state).and_then(Option::as_ref)
    }
}

impl Kinds {
    /// States, with those after them where a step may be nothing; and whether that is the first of the next word, which `carry` said
    /// of this one.
    fn settled(&self, mut states: u64, carry: u64) -> (u64, u64) {
        states |= carry;
        loop {
            let passing = states & self.any_depth;
            let more = states | (passing << 1);
            if more == states {
                return (states, passing >> 63);
            }
            states = more;
        }
    }

    /// The states after those of `level` of which the step was `taken`, and whether the first of the next word is one.
    fn after(&self, level: u64, taken: u64, carry: u64) -> (u64, u64) {
        let (states, settled) = self.settled((taken << 1) | (level & self.any_depth), carry);
        (states, settled | (taken >> 63))
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
    /// Words of states at each open container, outermost first.
    levels: Vec<Level>,
    repeated: bool,
}

/// A word of states at an open container.
#[derive(Debug, Clone, Copy)]
struct Level {
    states: u64,
    /// Which steps by a name were used: using one again is a repeated key.
    used: u64,
}

/// How deep most documents are nested.
const ORDINARY_DEPTH: usize = 8;

impl Matcher {
    /// A matcher before a document.
    pub fn new(set: &PathSet) -> Self {
        // Room for as many containers in each other as most documents have.
        let levels = Vec::with_capacity(set.start.len() * ORDINARY_DEPTH);
        Self { here: set.start.clone(), levels, repeated: false }
    }

    /// For a document that stands in a string here: its root is this value.
    #[must_use]
    pub fn inside(&self) -> Self {
        Self { here: self.here.clone(), levels: Vec::new(), repeated: false }
    }

    /// Before a document.
    pub fn root(&mut self, set: &PathSet) {
        self.here.clone_from(&set.start);
        self.levels.clear();
    }

    /// Before the value of the member called `name` (decoded).
    pub fn key(&mut self, set: &PathSet, name: &[u8]) {
        let named = |state| match set.step(state) {
            Some(Segment::Key(key)) => key.as_bytes() == name,
            _ => false,
        };
        let of_length = name.len().min(LONG_NAME);
        let repeated = &mut self.repeated;
        step(&mut self.here, &mut self.levels, set, |word, level, kinds| {
            let possible = level.states & kinds.key.get(of_length).copied().unwrap_or(0);
            let by_name = taken(possible, word, named);
            *repeated |= level.used & by_name != 0;
            level.used |= by_name;
            by_name | (level.states & kinds.any_key)
        });
    }

    /// Before the element with this index.
    pub fn element(&mut self, set: &PathSet, index: u64) {
        let wanted = |state| matches!(set.step(state), Some(Segment::Index(wanted)) if *wanted == index);
        step(&mut self.here, &mut self.levels, set, |word, level, kinds| {
            taken(level.states & kinds.index, word, wanted) | (level.states & kinds.any_index)
        });
    }

    /// Enters the container that stands here.
    pub fn open(&mut self) {
        for states in &self.here {
            self.levels.push(Level { states: *states, used: 0 });
        }
    }

    /// Leaves the innermost container.
    pub fn close(&mut self) {
        for here in self.here.iter_mut().rev() {
            *here = self.levels.pop().map_or(0, |level| level.states);
        }
    }

    /// Whether any path matches here or may match deeper.
    pub fn is_alive(&self) -> bool {
        self.here.iter().any(|&word| word != 0)
    }

    /// Whether a scalar element of the innermost container can matter to any path: if not, they may be skipped unread.
    pub fn wants_elements(&self, set: &PathSet) -> bool {
        let base = self.levels.len().saturating_sub(self.here.len());
        let levels = self.levels.get(base..).unwrap_or_default();
        // Behind `**` stands a state of its own for what may come next.
        levels
            .iter()
            .zip(&set.kinds)
            .any(|(level, kinds)| level.states & (kinds.index | kinds.any_index) != 0)
    }

    /// Whether some path matches the value here.
    #[inline]
    pub fn ends(&self, set: &PathSet) -> bool {
        self.here.iter().zip(&set.kinds).any(|(here, kinds)| here & kinds.end != 0)
    }

    /// The first path that matches the value here.
    pub fn first(&self, set: &PathSet) -> Option<usize> {
        self.matches(set).next()
    }

    /// Every path that matches the value here, in order.
    pub fn matches<'a>(&'a self, set: &'a PathSet) -> impl Iterator<Item = usize> + 'a {
        self.here
            .iter()
            .zip(&set.kinds)
            .enumerate()
            .flat_map(|(word, (here, kinds))| bits(here & kinds.end, word))
            .filter_map(|state| set.owner.get(state).copied())
    }

    /// Whether a member that a path names has come twice in one object.
    pub fn repeated(&self) -> bool {
        self.repeated
    }
}

/// From the states at the innermost container to those at one of its members or elements, word by word; `takes` says which of them
/// take that step.
#[inline(always)]
fn step(
    here: &mut [u64],
    levels: &mut [Level],
    set: &PathSet,
    mut takes: impl FnMut(usize, &mut Level, &Kinds) -> u64,
) {
    // Most sets are one word.
    if let ([here], [.., level], [kinds]) = (&mut *here, &mut *levels, set.kinds.as_slice()) {
        let taken = takes(0, level, kinds);
        *here = kinds.after(level.states, taken, 0).0;
        return;
    }
    let Some(base) = levels.len().checked_sub(here.len()) else { return here.fill(0) };
    let levels = levels.get_mut(base..).unwrap_or_default();
    let mut carry = 0;
    for (word, ((here, level), kinds)) in here.iter_mut().zip(levels).zip(&set.kinds).enumerate() {
        let taken = takes(word, level, kinds);
        (*here, carry) = kinds.after(level.states, taken, carry);
    }
}

/// Those of the states of a word that take this step.
fn taken(states: u64, word: usize, takes: impl Fn(usize) -> bool) -> u64 {
    bits(states, word).filter(|state| takes(*state)).fold(0, |taken, state| taken | 1 << (state % 64))
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

    /// One step of a place: a member's name, or an element's index.
    #[derive(Clone, Copy)]
    enum Down {
        Key(&'static str),
        Element(u64),
    }

    fn fits(path: &[Segment], place: &[Down]) -> bool {
        match (path, place) {
            ([], _) => place.is_empty(),
            ([Segment::AnyDepth, rest @ ..], _) => {
                fits(rest, place) || place.split_first().is_some_and(|(_, below)| fits(path, below))
            }
            ([step, rest @ ..], [down, below @ ..]) => {
                let takes = match (step, down) {
                    (Segment::Key(name), Down::Key(key)) => **name == **key,
                    (Segment::Index(wanted), Down::Element(index)) => wanted == index,
                    (Segment::AnyKey, Down::Key(_)) | (Segment::AnyIndex, Down::Element(_)) => true,
                    _ => false,
                };
                takes && fits(rest, below)
            }
            (_, []) => false,
        }
    }

    /// In sets of one word and of several: what matches is what each path by itself says of the place.
    #[test]
    fn many_paths_at_once_match_as_one_at_a_time() {
        let mut seed = 3_u64;
        let mut random = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % most
        };
        let steps = [
            ".a",
            ".b",
            ".a_name_of_many_letters",
            ".a_name_of_many_others",
            ".*",
            "[*]",
            "[0]",
            "[1]",
            ".**",
        ];
        let downs = [
            Down::Key("a"),
            Down::Key("b"),
            Down::Key("a_name_of_many_letters"),
            Down::Key("c"),
            Down::Element(0),
            Down::Element(1),
        ];
        let mut matched = 0;
        for round in 0..2_000 {
            let paths: Vec<_> = (0..if round % 2 == 0 { 4 } else { 60 })
                .map(|_| {
                    let mut text = "$".to_owned();
                    for _ in 0..random(5) {
                        let step = steps[random(steps.len())];
                        let again = step == ".**" && text.ends_with("**");
                        text.push_str(if again { ".a" } else { step });
                    }
                    if text.ends_with("**") { text + ".b" } else { text }
                })
                .filter_map(|text| Path::parse(&text).ok())
                .collect();
            let set = PathSet::new(paths);
            let mut m = Matcher::new(&set);
            m.root(&set);
            let mut place = Vec::new();
            for _ in 0..12 {
                if place.len() > 4 || (!place.is_empty() && random(4) == 0) {
                    place.pop();
                    m.close();
                } else {
                    let down = downs[random(downs.len())];
                    m.open();
                    match down {
                        Down::Key(name) => m.key(&set, name.as_bytes()),
                        Down::Element(index) => m.element(&set, index),
                    }
                    place.push(down);
                }
                let fitting =
                    set.paths().iter().enumerate().filter(|(_, path)| fits(path.segments(), &place));
                let expected: Vec<_> = fitting.map(|(index, _)| index).collect();
                assert_eq!(m.matches(&set).collect::<Vec<_>>(), expected, "{:?}", set.paths());
                matched += expected.len();
            }
        }
        assert!(matched > 10_000, "{matched}");
    }
}
